/**
 * All receipts of one block under one certificate, for those who check many: the
 * signatures are checked once for all of them. Apart from Verifier and Client, so that
 * pages which show single receipts do not carry it.
 */
import { type Answers, type ReceiptsAnswer, shapes } from "./answers.ts";
import { base64, equal, fromBase64, hex } from "./bytes.ts";
import { FalseAnswer } from "./errors.ts";
import { type CallOptions, checkAnswer } from "./http.ts";
import { canonical, parseFile, timeAnswer } from "./json.ts";
import { type BlockProof, decodeBlockProof, encodeReceiptProof, treeLevels, treePath } from "./proofs.ts";
import { type Outcome, decodeReceipt } from "./receipt.ts";
import { type Receipt, type Verifier, falseUnless } from "./verifier.ts";

const format = "scrip-receipts/v1";
const fileCharsMax = 44 << 20;

/** The proven outcomes of all transactions of one block. verifyReceipts makes it. */
export class BlockReceipts {
  readonly height: number;
  /** The proven time of the block, Unix ms. */
  readonly timeMs: number;
  /** How many members attest them. */
  readonly members: number;
  /** The receipts' contents, in the order of the transactions. */
  readonly outcomes: readonly Outcome[];
  /** The encoded proof of all of them, and the block's header: the evidence to keep. */
  readonly proof: Uint8Array;
  readonly header: Uint8Array;
  /** The address that gave the answer; "" for a file. */
  readonly node: string;
  readonly #parts: BlockProof;
  readonly #levels: Uint8Array[][];

  /** Checks them; throws a FalseAnswer or a WireError. Call verifyReceipts instead. */
  constructor(verifier: Verifier, proof: Uint8Array, header: Uint8Array, node: string) {
    const p = decodeBlockProof(proof);
    // The signatures come first: they cost less than hashing a large block.
    verifier.attested(p.checkpoint, "receipt");
    this.timeMs = verifier.timeOf(p.checkpoint, header);
    this.#levels = treeLevels(p.receipts);
    if (!equal(this.#levels.at(-1)?.[0] as Uint8Array, p.checkpoint.receiptRoot)) {
      throw new FalseAnswer(`not the ${p.receipts.length} receipts of height ${p.checkpoint.seq}`);
    }
    this.#parts = p;
    this.outcomes = p.receipts.map(decodeReceipt);
    [this.height, this.members, this.node] = [p.checkpoint.seq, p.checkpoint.signers.length, node];
    [this.proof, this.header] = [proof.slice(), header.slice()];
  }

  /** How many of the transactions were accepted. */
  get accepted(): number {
    return this.outcomes.filter((o) => o.code === "OK").length;
  }

  /** The receipt of one transaction with a proof of its own, or undefined if the block does not hold it. */
  one(id: string): Receipt | undefined {
    const index = this.outcomes.findIndex((o) => hex(o.id) === id);
    const outcome = this.outcomes[index];
    if (!outcome) return undefined;
    const { head, receipts } = this.#parts;
    const path = treePath(this.#levels, index);
    const proof = encodeReceiptProof(head, { leaf: receipts[index] as Uint8Array, index, size: receipts.length, path });
    const { height, timeMs, members, header, node } = this;
    return { id, outcome, ok: outcome.code === "OK", height, index, timeMs, members, proof, header, node };
  }
}

/** Checks the encoded receipts of a block with the block's header. Throws a FalseAnswer. */
export function verifyReceipts(verifier: Verifier, proof: Uint8Array, header: Uint8Array, node = ""): BlockReceipts {
  return falseUnless(() => new BlockReceipts(verifier, proof, header, node));
}

/** What asks the nodes of a chain about its blocks: a Client. */
export interface BlockReader {
  readonly verifier: Verifier;
  /** Client.ofBlock. */
  ofBlock<K extends keyof Answers, T extends { timeMs: number }>(
    kind: K,
    height: number,
    part: string,
    read: (answer: Answers[K], node: string) => T,
    options?: CallOptions,
  ): Promise<T>;
}

/**
 * All receipts of an executed block, proven, from the first node that shows them. A block
 * without transactions has none, and of a new one the proof may still be missing: both
 * throw Unreachable with what each node said.
 */
export function blockReceipts(client: BlockReader, height: number, options: CallOptions = {}): Promise<BlockReceipts> {
  const read = (a: ReceiptsAnswer, node: string): BlockReceipts => {
    const all = falseUnless(() => new BlockReceipts(client.verifier, fromBase64(a.proof), fromBase64(a.header), node));
    if (all.height !== height) throw new FalseAnswer(`the receipts of height ${all.height}, not ${height}`);
    return all;
  };
  return client.ofBlock("ReceiptsAnswer", height, "/receipts", read, options);
}

/** What a file with the receipts of a block proves. */
export interface FileReceipts {
  receipts: BlockReceipts;
  /** Whether the file's own words do not agree with what it proves. */
  differs: boolean;
}

/** The file of the receipts of a block, for whoever has the genesis file; `scrip verify` reads it. */
export function receiptsFile(verifier: Verifier, all: BlockReceipts): string {
  return `${JSON.stringify(fileOf(verifier, all), undefined, 2)}\n`;
}

function fileOf(verifier: Verifier, all: BlockReceipts): Record<string, unknown> {
  const { height, members, outcomes, accepted } = all;
  const time = timeAnswer(all.timeMs);
  const summary = { height: String(height), time, members, count: outcomes.length, accepted };
  const [header, proof] = [all.header, all.proof].map(base64);
  return { format, chain: verifier.genesis.name, summary, header, proof };
}

function answerOf(all: BlockReceipts): ReceiptsAnswer {
  const { height, members: attested, outcomes } = all;
  const [header, proof] = [all.header, all.proof].map(base64) as [string, string];
  return { attested, count: outcomes.length, header, height: String(height), proof, time: timeAnswer(all.timeMs) };
}

/** Reports whether a file claims to hold the receipts of a whole block. It looks at the beginning alone. */
export function holdsReceipts(text: string): boolean {
  const start = text.slice(0, 4096);
  const named = /"format"\s*:\s*"([^"]*)"/.exec(start);
  return named ? named[1] === format : /"attested"\s*:/.test(start);
}

/** Checks a file of receiptsFile, or a node's answer as it came. Throws a FalseAnswer. */
export function readReceiptsFile(verifier: Verifier, text: string): FileReceipts {
  return falseUnless(() => {
    if (text.length > fileCharsMax) throw new FalseAnswer(`a file of receipts of ${text.length} characters`);
    const f = parseFile(text);
    const isAnswer = !("format" in f);
    const known = isAnswer ? Object.keys(shapes.ReceiptsAnswer) : ["format", "chain", "summary", "header", "proof"];
    if (Object.keys(f).some((name) => !known.includes(name))) {
      throw new FalseAnswer("not a file of receipts: unknown field");
    }
    if (isAnswer) checkAnswer("ReceiptsAnswer", f);
    else if (f["format"] !== format) throw new FalseAnswer(`the format is not ${format}`);
    const { proof, header } = f as { proof?: unknown; header?: unknown };
    if (typeof proof !== "string" || typeof header !== "string") throw new FalseAnswer("not a file of receipts");
    const receipts = verifyReceipts(verifier, fromBase64(proof), fromBase64(header));
    const ours = isAnswer ? answerOf(receipts) : fileOf(verifier, receipts);
    return { receipts, differs: canonical(ours) !== canonical(f) };
  });
}
