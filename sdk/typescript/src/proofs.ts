/**
 * Merkle trees and the proofs over them (docs/wire.md, parts 5 and 9). Nothing here
 * checks signatures: see Committee and Verifier.
 */
import { concat, equal, isZero } from "./bytes.ts";
import {
  type Certificate,
  type CheckpointCertificate,
  type Header,
  readCertificate,
  readCheckpoint,
  readHeader,
} from "./consensus.ts";
import { sha256 } from "./signing.ts";
import { type Reader, WireError, Writer, decode } from "./wire.ts";

const pathMax = 32;
const siblingsMax = 256;
const receiptBytesMax = 8192;
const receiptsMax = 1 << 16;
const blockProofBytesMax = 32 << 20;
const keyBytesMax = 256;
const valueBytesMax = 64 << 10;
const orderHeadersMax = 257;
const headerBytes = 228;
const proofVersion = 1;

const hashLeaf = (leaf: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(0), leaf));
const hashInner = (a: Uint8Array, b: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(1), a, b));

/** All levels of a tree over byte strings, from the hashes of the leaves to the root. */
export function treeLevels(leaves: readonly Uint8Array[]): Uint8Array[][] {
  let level = leaves.map(hashLeaf);
  const levels = [level];
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i] as Uint8Array, level[i + 1]];
      next.push(b ? hashInner(a, b) : a);
    }
    levels.push((level = next));
  }
  return levels;
}

/** The root of RFC 6962, section 2.1, over byte strings. */
export function treeRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return treeLevels(leaves).at(-1)?.[0] ?? sha256(new Uint8Array());
}

/** The hashes beside the way of leaf number index, from the leaf upwards. */
export function treePath(levels: readonly Uint8Array[][], index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let at = index;
  for (const level of levels) {
    const beside = level[at ^ 1]; // the odd one out of its level has nothing beside it
    if (beside) path.push(beside);
    at >>>= 1;
  }
  return path;
}

/** The root over the transactions or receipts of a block: zeros if there are none. */
export function listRoot(items: readonly Uint8Array[]): Uint8Array {
  return items.length === 0 ? new Uint8Array(32) : treeRoot(items);
}

/** A leaf of a tree with the hashes beside its way, from the leaf upwards. */
export interface Inclusion {
  leaf: Uint8Array;
  index: number;
  size: number;
  path: Uint8Array[];
}

/** Reports whether a path leads from the leaf, as number index of size, to the root. */
export function verifyInclusion(root: Uint8Array, p: Inclusion): boolean {
  if (p.index >= p.size) return false;
  let node = hashLeaf(p.leaf);
  let used = 0;
  for (let at = p.index, last = p.size - 1; last > 0; at = Math.floor(at / 2), last = Math.floor(last / 2)) {
    if (at === last && at % 2 === 0) continue; // the odd one out of its level rises unchanged
    const beside = p.path[used++];
    if (!beside) return false;
    node = at % 2 === 1 ? hashInner(beside, node) : hashInner(node, beside);
  }
  return used === p.path.length && equal(node, root);
}

/** What a state root holds for one key: its leaf, nothing, or another leaf that is alone below the shared prefix. */
export interface StateProof {
  end: "leaf" | "empty" | "other";
  /** The hashes of key and value of the other leaf; zeros unless end is "other". */
  otherKey: Uint8Array;
  otherValue: Uint8Array;
  /** From the root downwards. */
  siblings: Uint8Array[];
}

/** Reads a state proof; one that no tree yields is a fault. */
export function readStateProof(r: Reader): StateProof {
  const end = (["leaf", "empty", "other"] as const)[r.enum8(2)] as StateProof["end"];
  const other = end === "other";
  const [otherKey, otherValue] = [0, 1].map(() => (other ? r.raw(32) : new Uint8Array(32))) as [Uint8Array, Uint8Array];
  const siblings = readHashes(r, siblingsMax);
  const last = siblings.at(-1);
  r.require(last === undefined || !isZero(last), "the last sibling is empty");
  return { end, otherKey, otherValue, siblings };
}

/** Decodes exactly one state proof; throws a WireError. */
export const decodeStateProof = (b: Uint8Array): StateProof => decode(b, readStateProof);

const bitAt = (b: Uint8Array, i: number): number => ((b[i >> 3] as number) >> (7 - (i & 7))) & 1;

/** Reports whether the state with this root has the value for the key or, with an empty value, no such key. */
export function verifyState(root: Uint8Array, key: Uint8Array, value: Uint8Array, p: StateProof): boolean {
  if ((p.end === "leaf") !== value.length > 0) return false;
  const hash = sha256(key);
  let node: Uint8Array = new Uint8Array(32);
  if (p.end === "leaf") node = hashLeaf(concat(hash, sha256(value)));
  if (p.end === "other") {
    if (equal(p.otherKey, hash)) return false;
    if (p.siblings.some((_, i) => bitAt(p.otherKey, i) !== bitAt(hash, i))) return false;
    node = hashLeaf(concat(p.otherKey, p.otherValue));
  }
  for (let i = p.siblings.length - 1; i >= 0; i--) {
    const beside = p.siblings[i] as Uint8Array;
    node = bitAt(hash, i) === 1 ? hashInner(beside, node) : hashInner(node, beside);
  }
  return equal(node, root);
}

function readHashes(r: Reader, max: number): Uint8Array[] {
  return r.list(max, 32, () => r.raw(32));
}

/** Shows the receipt of one transaction to somebody who knows the committee alone. */
export interface ReceiptProof extends Inclusion {
  checkpoint: CheckpointCertificate;
}

/** Decodes exactly one receipt proof; nothing of it is verified. Throws a WireError. */
export const decodeReceiptProof = (b: Uint8Array): ReceiptProof =>
  decode(b, (r) => {
    r.exactly(proofVersion, "version of a proof");
    const head = { checkpoint: readCheckpoint(r), index: r.u32(), size: r.u32() };
    if (head.index >= head.size) throw new WireError("value", `leaf ${head.index} of ${head.size}`);
    return { ...head, leaf: r.bytes(receiptBytesMax), path: readHashes(r, pathMax) };
  });

/** The canonical bytes of a receipt proof, behind those of its version and checkpoint certificate. */
export function encodeReceiptProof(head: Uint8Array, p: Inclusion): Uint8Array {
  return new Writer()
    .raw(head)
    .u32(p.index)
    .u32(p.size)
    .bytes(p.leaf)
    .list(p.path, (w, hash) => w.raw(hash))
    .done();
}

/** Shows all receipts of one block, in its order: together they give the root, so none needs a path. */
export interface BlockProof {
  checkpoint: CheckpointCertificate;
  /** The bytes of version and checkpoint certificate, with which the proof of a single one begins. */
  head: Uint8Array;
  receipts: Uint8Array[];
}

/** Decodes exactly one proof of a block's receipts; nothing of it is verified. Throws a WireError. */
export function decodeBlockProof(b: Uint8Array): BlockProof {
  if (b.length > blockProofBytesMax) throw new WireError("limit", `${b.length} bytes of receipts`);
  return decode(b, (r) => {
    r.exactly(proofVersion, "version of a proof");
    const checkpoint = readCheckpoint(r);
    const head = b.slice(0, r.offset);
    const receipts = r.list(receiptsMax, 4, () => r.bytes(receiptBytesMax));
    r.require(receipts.length > 0, "a count of no receipts");
    return { checkpoint, head, receipts };
  });
}

/** Shows what the state after one block holds for a key. */
export interface KeyProof {
  checkpoint: CheckpointCertificate;
  key: Uint8Array;
  /** Empty: there is no such key. */
  value: Uint8Array;
  proof: StateProof;
}

/** Decodes exactly one key proof; nothing of it is verified. Throws a WireError. */
export const decodeKeyProof = (b: Uint8Array): KeyProof =>
  decode(b, (r) => {
    r.exactly(proofVersion, "version of a proof");
    const head = { checkpoint: readCheckpoint(r), key: r.bytes(keyBytesMax) };
    return { ...head, value: r.bytes(valueBytesMax), proof: readStateProof(r) };
  });

/** Shows that a block stands in the chain: linked headers, and a certificate that commits the last. */
export interface OrderProof {
  headers: Header[];
  commit: Certificate;
}

/** Decodes exactly one order proof; nothing of it is verified. Throws a WireError. */
export const decodeOrderProof = (b: Uint8Array): OrderProof =>
  decode(b, (r) => {
    r.exactly(proofVersion, "version of a proof");
    const headers = r.list(orderHeadersMax, headerBytes, () => readHeader(r));
    r.require(headers.length > 0, "no header");
    return { headers, commit: readCertificate(r) };
  });
