/** A chain of four members whose keys the test holds, so that nodes can be played that lie, lag or disagree. */
import { readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import * as sdk from "../src/index.ts";
import { Committee, type Header, encodeHeader } from "../src/consensus.ts";
import { encodeReceiptProof, treeLevels, treePath, treeRoot } from "../src/proofs.ts";
import { Writer } from "../src/wire.ts";
import { repository } from "./vectors.ts";

const dev = sdk.parseGenesis(readFileSync(repository("genesis/testdata/dev4.json")));
const keys = [1, 2, 3, 4].map((n) => new sdk.SecretKey("validator", new Uint8Array(32).fill(n)));
const committee = new Committee(dev.chain, 0, keys.map((k) => k.key), dev.parameters);

export const verifier = new sdk.Verifier({ ...dev, committee });
export const chain = dev.chain;

const zeros = (): Uint8Array => new Uint8Array(32);

function header(height: number, timeMs: number): Header {
  return { ...committee.genesisHeader(zeros(), timeMs), view: 3, seq: height };
}

/** Version and certificate of a proof, signed by so many members. */
function head(h: Header, stateRoot: Uint8Array, receiptRoot: Uint8Array, members: number): Uint8Array {
  const result = { seq: h.seq, block: committee.headerDigest(h), stateRoot, receiptRoot };
  const message = committee.checkpointMessage(result);
  const w = new Writer().u8(1).u8(1).u32(0).u64(h.seq).raw(result.block).raw(stateRoot).raw(receiptRoot);
  w.u64((1n << BigInt(members)) - 1n).u64(0n).u64(0n);
  return w.list(keys.slice(0, members), (x, k) => x.raw(k.sign(message))).done();
}

/** What a node answers about a transaction in a block: proven, as number index of its outcomes. */
export function txAnswer(
  height: number,
  timeMs: number,
  outcomes: readonly sdk.Outcome[],
  index = 0,
  more = {},
): object {
  const leaves = outcomes.map(sdk.encodeReceipt);
  const h = header(height, timeMs);
  const path = treePath(treeLevels(leaves), index);
  const inclusion = { leaf: leaves[index] as Uint8Array, index, size: leaves.length, path };
  const proof = encodeReceiptProof(head(h, zeros(), treeRoot(leaves), 2), { ...inclusion, ...more });
  const id = sdk.hex((outcomes[index] as sdk.Outcome).id);
  return { id, state: "proved", final: true, known: false, height: String(height), proof: sdk.base64(proof),
    header: sdk.base64(encodeHeader(h)) };
}

/** What a node answers about all receipts of a block. */
export function receiptsAnswer(height: number, timeMs: number, outcomes: readonly sdk.Outcome[]): object {
  const leaves = outcomes.map(sdk.encodeReceipt);
  const h = header(height, timeMs);
  const proof = new Writer().raw(head(h, zeros(), treeRoot(leaves), 2)).list(leaves, (w, x) => w.bytes(x)).done();
  return { height: String(height), count: leaves.length, attested: 2, time: { utc: "", ms: String(timeMs) },
    proof: sdk.base64(proof), header: sdk.base64(encodeHeader(h)) };
}

/** What a node answers about a row, of a state that has this one alone. */
export function stateAnswer(height: number, timeMs: number, key: Uint8Array, value: Uint8Array): object {
  const hash = (b: Uint8Array): Uint8Array => sha256(b);
  const bytes = value.length > 0 ? sdk.concat(Uint8Array.of(0), hash(key), hash(value)) : new Uint8Array();
  const root = value.length > 0 ? hash(bytes) : zeros();
  const h = header(height, timeMs);
  const w = new Writer().raw(head(h, root, zeros(), 3)).bytes(key).bytes(value);
  w.u8(value.length > 0 ? 0 : 1).list([], (x) => x);
  return { key: sdk.hex(key), found: value.length > 0, height: String(height), time: { utc: "", ms: String(timeMs) },
    state_root: sdk.hex(root), final: true, proof: sdk.base64(w.done()), header: sdk.base64(encodeHeader(h)) };
}

/** What a member says under its key to the nonce of a request's address. */
export function statement(replica: number, url: string, subject: string, says: number, timeMs: number): string {
  const nonce = sdk.fromHex(new URL(url).searchParams.get("nonce") ?? "");
  const w = new Writer().u8(1).u16(replica).u64(7).u64(timeMs).raw(sdk.fromHex(subject)).u16(says).raw(nonce);
  const body = w.done();
  const signature = (keys[replica] as sdk.SecretKey).sign(chain.message("scrip/statement/v1", body));
  return sdk.base64(sdk.concat(body, signature));
}

/** A problem as a node reports it, with its statement if there is one. */
export function problem(code: string, said?: string): Response {
  const words = { code, name: "", title: code, type: "about:blank", word: "" };
  const body = { ...words, status: 409, final: false, retryable: false };
  return new Response(JSON.stringify({ ...body, ...(said === undefined ? {} : { statement: said }) }), { status: 409 });
}

export const json = (body: object): Response => new Response(JSON.stringify(body));
