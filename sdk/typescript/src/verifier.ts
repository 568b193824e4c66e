/**
 * Checks what nodes and files claim against the committee of a genesis file. It needs
 * no network and believes no node (protocol section 11, outside verifier):
 *
 *   receipt  f+1 members attest the same execution, and a path to its receipts
 *   state    q members attest the same execution, and a state proof
 *   order    a commit certificate; it proves a place in the chain, never an outcome
 */
import type { BlockAnswer } from "./answers.ts";
import { equal, fromBase64, fromHex, hex } from "./bytes.ts";
import {
  type CheckpointCertificate,
  type Committee,
  type Header,
  decodeCheckpoint,
  decodeHeader,
  encodeHeader,
} from "./consensus.ts";
import { FalseAnswer, messageOf } from "./failure.ts";
import { type Genesis, parseGenesis } from "./genesis.ts";
import {
  decodeKeyProof,
  decodeOrderProof,
  decodeReceiptProof,
  listRoot,
  verifyInclusion,
  verifyState,
} from "./proofs.ts";
import { type Outcome, decodeReceipt } from "./receipt.ts";
import type { Chain } from "./signing.ts";
import { type CheckedTx, checkTx } from "./transactions.ts";

/** The proven outcome of one transaction. */
export interface Receipt {
  /** Id of the transaction, 64 hexadecimal digits. */
  id: string;
  outcome: Outcome;
  /** Whether the transaction was accepted. */
  ok: boolean;
  height: number;
  /** Place in the block, in the node's word: a path shows that the receipt is in the block, not where. */
  index: number;
  /** The proven time of the block, Unix ms; 0 if the block's header was not at hand. */
  timeMs: number;
  /** How many members attest it. */
  members: number;
  /** The encoded receipt proof, and the block's header if it was at hand: the evidence to keep. */
  proof: Uint8Array;
  header: Uint8Array | undefined;
  /** The address that gave the answer; "" for a file. */
  node: string;
}

/** What the state at one height holds for a key, as a quorum attests it. */
export interface State {
  key: Uint8Array;
  /** The row's canonical value, empty if there is none. */
  value: Uint8Array;
  height: number;
  /** Time of the block, Unix ms. */
  timeMs: number;
  /** How many members attest it. */
  members: number;
  proof: Uint8Array;
  header: Uint8Array;
  /** The address that gave the answer; "" for a file. */
  node: string;
}

/** An executed block with everything that happened in it. */
export interface Block {
  height: number;
  digest: Uint8Array;
  /** Time of the block, Unix ms. */
  timeMs: number;
  header: Header;
  txs: Uint8Array[];
  receipts: Uint8Array[];
  /** The receipts decoded, in the order of the transactions. */
  outcomes: Outcome[];
  /** Undefined for the genesis only. */
  checkpoint: CheckpointCertificate | undefined;
  /** How many members attest it. */
  members: number;
  node: string;
}

/** Checks answers against one chain's committee. */
export class Verifier {
  readonly genesis: Genesis;

  constructor(genesis: Genesis) {
    this.genesis = genesis;
  }

  /** The verifier of the chain that a genesis file begins; digest as for parseGenesis. */
  static of(genesisFile: Uint8Array, digest?: string): Verifier {
    return new Verifier(parseGenesis(genesisFile, digest));
  }

  get chain(): Chain {
    return this.genesis.chain;
  }

  /** The committee of the newest epoch that is proven. Epochs above 0 will be proven by a chain of changes from it. */
  get committee(): Committee {
    return this.genesis.committee;
  }

  /** The committee of an epoch; throws a FalseAnswer for one that is not proven. */
  committeeOf(epoch: number): Committee {
    if (epoch !== this.committee.epoch) throw new FalseAnswer(`attested in epoch ${epoch}, which is not proven`);
    return this.committee;
  }

  /** Checks that enough members attest a checkpoint for a claim; throws a FalseAnswer. */
  attested(x: CheckpointCertificate, claim: "receipt" | "state"): void {
    const c = this.committeeOf(x.epoch);
    const need = claim === "receipt" ? c.weakQuorum : c.quorum;
    if (!c.verifyCheckpoint(x, need)) throw new FalseAnswer(`height ${x.seq} is not attested by ${need} members`);
  }

  /** Checks that an encoded header is that of an attested block, and returns its time, Unix ms; throws. */
  timeOf(x: CheckpointCertificate, encoded: Uint8Array): number {
    const h = decodeHeader(encoded);
    if (!equal(this.committeeOf(x.epoch).headerDigest(h), x.block) || h.seq !== x.seq || h.closing) {
      throw new FalseAnswer(`the header is not that of the attested block ${x.seq}`);
    }
    return h.timeMs;
  }

  /** Checks an encoded receipt proof of a transaction, and its block's header if it is given. Throws a FalseAnswer. */
  receipt(id: string, proof: Uint8Array, header?: Uint8Array): Receipt {
    return falseUnless(() => {
      const p = decodeReceiptProof(proof);
      // Hashing comes first: it is a thousand times cheaper than the signatures.
      if (!verifyInclusion(p.checkpoint.receiptRoot, p))
        throw new FalseAnswer("the path does not lead to the receipts");
      this.attested(p.checkpoint, "receipt");
      const outcome = decodeReceipt(p.leaf);
      if (!equal(outcome.id, fromHex(id))) {
        throw new FalseAnswer(`the receipt is that of transaction ${hex(outcome.id)}, not ${id}`);
      }
      return {
        id: hex(outcome.id),
        outcome,
        ok: outcome.code === "OK",
        height: p.checkpoint.seq,
        index: p.index,
        timeMs: header ? this.timeOf(p.checkpoint, header) : 0,
        members: p.checkpoint.signers.length,
        proof: proof.slice(),
        header: header?.slice(),
        node: "",
      };
    });
  }

  /** Checks an encoded key proof with the header of its block. It says nothing about how old the state is. */
  state(key: Uint8Array, proof: Uint8Array, header: Uint8Array): State {
    return falseUnless(() => {
      const p = decodeKeyProof(proof);
      if (!equal(p.key, key)) throw new FalseAnswer("the proof is for another key");
      if (!verifyState(p.checkpoint.stateRoot, p.key, p.value, p.proof)) throw new FalseAnswer("the state proof fails");
      this.attested(p.checkpoint, "state");
      return {
        key: key.slice(),
        value: p.value,
        height: p.checkpoint.seq,
        timeMs: this.timeOf(p.checkpoint, header),
        members: p.checkpoint.signers.length,
        proof: proof.slice(),
        header: header.slice(),
        node: "",
      };
    });
  }

  /** Checks an encoded order proof and returns the header that it proves to stand in the chain. */
  order(proof: Uint8Array): Header {
    return falseUnless(() => {
      const p = decodeOrderProof(proof);
      const [first] = p.headers as [Header];
      const c = this.committeeOf(first.epoch);
      for (const [i, above] of p.headers.entries()) {
        const below = p.headers[i - 1];
        if (!below) continue;
        const linked = above.seq === below.seq + 1 && above.epoch === below.epoch;
        if (!linked || !equal(above.parent, c.headerDigest(below))) {
          throw new FalseAnswer(`height ${above.seq} does not descend from height ${below.seq}`);
        }
      }
      if (first.closing) throw new FalseAnswer(`a closing block is not the block of height ${first.seq}`);
      if (!c.verifyCommit(p.headers.at(-1) as Header, p.commit)) {
        throw new FalseAnswer(`the certificate does not decide height ${first.seq}`);
      }
      return first;
    });
  }

  /** Checks that an answer holds the block of the height with exactly its transactions and receipts. */
  block(height: number, a: BlockAnswer): Block {
    return falseUnless(() => {
      const header = decodeHeader(fromBase64(a.header ?? ""));
      if (header.seq !== height || header.closing)
        throw new FalseAnswer(`a header of height ${header.seq}, not ${height}`);
      const digest = this.committeeOf(header.epoch).headerDigest(header);
      const txs = (a.txs ?? []).map(fromBase64);
      const receipts = (a.receipts ?? []).map(fromBase64);
      const outcomes = receipts.map(decodeReceipt);
      const base = { height, digest, timeMs: header.timeMs, header, txs, receipts, outcomes, node: "" };
      if (height === 0) return { ...base, ...this.#genesisBlock(header, txs.length + receipts.length) };
      const checkpoint = decodeCheckpoint(fromBase64(a.checkpoint ?? ""));
      this.attested(checkpoint, "receipt");
      if (!equal(checkpoint.block, digest) || checkpoint.seq !== height) {
        throw new FalseAnswer("the checkpoint is that of another block");
      }
      if (!equal(listRoot(txs), header.payloadRoot) || txs.length !== receipts.length) {
        throw new FalseAnswer(`not the transactions of block ${height}`);
      }
      if (receipts.length > 0 && !equal(listRoot(receipts), checkpoint.receiptRoot)) {
        throw new FalseAnswer(`not the receipts of block ${height}`);
      }
      return { ...base, checkpoint, members: checkpoint.signers.length };
    });
  }

  /** Of height 0 the state root is not proved. */
  #genesisBlock(h: Header, items: number): { checkpoint: undefined; members: number } {
    const want = this.committee.genesisHeader(h.execRoot, this.genesis.timeMs);
    if (!equal(encodeHeader(h), encodeHeader(want)) || items > 0) {
      throw new FalseAnswer("not the genesis of this chain");
    }
    return { checkpoint: undefined, members: 0 };
  }

  /** Makes every stateless check of a transaction with its signatures; throws a RuleError. */
  checkTx(raw: Uint8Array): CheckedTx {
    return checkTx(this.chain, raw);
  }
}

/** Runs a check of something from outside and turns whatever it throws into a FalseAnswer. */
export function falseUnless<T>(check: () => T): T {
  try {
    return check();
  } catch (e) {
    if (e instanceof FalseAnswer) throw e;
    throw new FalseAnswer(messageOf(e));
  }
}
