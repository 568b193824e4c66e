/**
 * What members sign, as an outside verifier reads it: committees, headers and
 * certificates (docs/wire.md, part 6; protocol section 11).
 */
import { equal, hex } from "./bytes.ts";
import { type Chain, KnownKey, sha256 } from "./signing.ts";
import { type Reader, Writer, decode } from "./wire.ts";

const replicasMax = 150;
/** Versions of a header: without a flag, and with one and what follows it. */
const headerVersion = 1;
const headerVersionEpoch = 2;
const schemeEd25519 = 1;
/** How many verdicts over certificates a committee remembers. */
const verifiedMax = 4096;

/** How committees decide, in the order of their numbers: dual-path, or PBFT as it was published. */
export const protocolNames = ["dualpath", "original"] as const;
/** How a committee decides. */
export type Protocol = (typeof protocolNames)[number];
const originalIntervalMax = 256;

/** The chain parameters of a committee; all of them are in its digest. */
export interface Parameters {
  /** f: how many members may be Byzantine. */
  faults: number;
  /** p: how many may be slow while blocks still commit in two delays. */
  fastFaults: number;
  window: number;
  tenure: number;
  checkpointInterval: number;
  executionLag: number;
  precisionMs: number;
  delayMs: number;
  payloadBytesMax: number;
  /** Default "dualpath". Under "original" tenure and executionLag mean nothing and fastFaults is 0. */
  protocol?: Protocol;
}

/** The members of one epoch with their quorums. It remembers which certificates it has verified. */
export class Committee {
  readonly chain: Chain;
  readonly epoch: number;
  readonly keys: readonly Uint8Array[];
  readonly parameters: Readonly<Parameters>;
  /** Commits to the members, their order and the parameters. */
  readonly digest: Uint8Array;
  readonly #known: readonly KnownKey[];
  readonly #verified = new Map<string, boolean>();

  constructor(chain: Chain, epoch: number, keys: readonly Uint8Array[], parameters: Parameters) {
    const { faults: f, fastFaults: p } = parameters;
    const n = keys.length;
    if (n > replicasMax || f < 1 || n < 3 * f + 1 || p < 0 || p > f || (p >= 1 && n < 3 * f + 2 * p - 1)) {
      throw new RangeError(`a committee of ${n} cannot have f = ${f} and p = ${p}`);
    }
    if (parameters.protocol === "original" && (p !== 0 || parameters.checkpointInterval > originalIntervalMax)) {
      throw new RangeError(
        `the original protocol has p = 0 and checkpoints each ${originalIntervalMax} blocks at most`,
      );
    }
    if (new Set(keys.map(hex)).size !== n) throw new RangeError("two members of the committee share a key");
    this.chain = chain;
    this.epoch = epoch;
    this.keys = keys.map((k) => k.slice());
    this.#known = this.keys.map((k) => new KnownKey(k));
    this.parameters = { ...parameters };
    const w = new Writer().u32(epoch);
    const q = parameters;
    for (const v of [f, p, q.window, q.tenure, q.checkpointInterval, q.executionLag, q.precisionMs, q.delayMs])
      w.u64(v);
    w.u64(q.payloadBytesMax).list(this.keys, (x, k) => x.fixed(k, 32));
    // The first protocol had no number.
    if (this.protocol !== "dualpath") w.u8(protocolNames.indexOf(this.protocol));
    this.digest = chain.hash("scrip/pbft/committee/v1", w.done());
  }

  /** How the committee decides. */
  get protocol(): Protocol {
    return this.parameters.protocol ?? "dualpath";
  }

  /** n. */
  get size(): number {
    return this.keys.length;
  }

  /** q = floor((n+f)/2)+1: signatures that prove a state or an order. */
  get quorum(): number {
    return Math.floor((this.size + this.parameters.faults) / 2) + 1;
  }

  /** F = n-p: PREPAREs that commit an armed block. */
  get fastQuorum(): number {
    return this.size - this.parameters.fastFaults;
  }

  /** f+1: one of so many is honest. Signatures that prove a receipt. */
  get weakQuorum(): number {
    return this.parameters.faults + 1;
  }

  /** The digest that names the block of a header. */
  headerDigest(h: Header): Uint8Array {
    return this.chain.hash("scrip/pbft/header/v1", encodeHeader(h));
  }

  /** The header below the first block. */
  genesisHeader(stateRoot: Uint8Array, timeMs: number): Header {
    const zero = new Uint8Array(32);
    return {
      epoch: this.epoch,
      view: 1,
      seq: 0,
      parent: zero,
      baseSeq: 0,
      payloadRoot: zero,
      payloadBytes: 0,
      execSeq: 0,
      execRoot: stateRoot,
      timeMs,
      justify: { view: 0, seq: 0, digest: zero },
      proposer: 0,
      committee: this.digest,
      closing: false,
      boundary: false,
      next: new Uint8Array(32),
    };
  }

  /** What a member signs when it attests that it executed a block with these results. */
  checkpointMessage(x: CheckpointResult): Uint8Array {
    const w = new Writer().u32(this.epoch).u64(x.seq).raw(x.block).raw(x.stateRoot).raw(x.receiptRoot);
    return this.chain.message("scrip/pbft/checkpoint/v1", w.done());
  }

  /** What a member signs with a PREPARE or COMMIT for a block. */
  voteMessage(vote: "prepare" | "commit", block: BlockRef): Uint8Array {
    const w = new Writer().u32(this.epoch);
    return this.chain.message(`scrip/pbft/${vote}/v1`, writeRef(w, block).done());
  }

  /** Checks a checkpoint certificate: at least `need` distinct members, each with a valid signature. */
  verifyCheckpoint(x: CheckpointCertificate, need: number): boolean {
    if (x.epoch !== this.epoch || x.signers.length < need || need < 1) return false;
    return this.#verifySigners(this.checkpointMessage(x), x);
  }

  /**
   * Checks that a certificate commits the block of a header: q COMMITs, or F PREPAREs
   * with the header armed. A prepared certificate commits nothing. Under the original
   * protocol it is q COMMITs, of the header's view or of a later one that ordered it again.
   */
  verifyCommit(h: Header, x: Certificate): boolean {
    if (h.epoch !== this.epoch || x.epoch !== this.epoch || !equal(h.committee, this.digest)) return false;
    const ref = { view: h.view, seq: h.seq, digest: this.headerDigest(h) };
    const slow = x.kind === "committed-slow";
    if (this.protocol === "original") {
      if (!slow || !sameRef({ ...x.block, view: h.view }, ref) || x.block.view < h.view) return false;
    } else {
      if (!sameRef(x.block, ref)) return false;
      if (!slow && !(x.kind === "committed-fast" && h.justify.view === h.view)) return false;
    }
    if (x.signers.length < (slow ? this.quorum : this.fastQuorum)) return false;
    return this.#verifySigners(this.voteMessage(slow ? "commit" : "prepare", x.block), x);
  }

  /** Checks a signature of one member, by its number; false for a number that is none. */
  verifyMember(replica: number, message: Uint8Array, signature: Uint8Array): boolean {
    return this.#known[replica]?.verify(message, signature) ?? false;
  }

  #verifySigners(message: Uint8Array, x: Signers): boolean {
    const w = new Writer().bytes(message);
    for (const [i, id] of x.signers.entries()) w.u16(id).raw(x.signatures[i] as Uint8Array);
    // Many receipts and rows share one certificate, and its signatures cost all the time.
    const name = hex(sha256(w.done()));
    const known = this.#verified.get(name);
    if (known !== undefined) return known;
    const ok = x.signers.every((id, i) => this.#known[id]?.verify(message, x.signatures[i] as Uint8Array) ?? false);
    if (this.#verified.size >= verifiedMax) this.#verified.clear();
    this.#verified.set(name, ok);
    return ok;
  }
}

/** Names a block by view, sequence number and digest. */
export interface BlockRef {
  view: number;
  seq: number;
  digest: Uint8Array;
}

function writeRef(w: Writer, x: BlockRef): Writer {
  return w.u64(x.view).u64(x.seq).fixed(x.digest, 32);
}

function readRef(r: Reader): BlockRef {
  return { view: r.u53(), seq: r.u53(), digest: r.raw(32) };
}

function sameRef(a: BlockRef, b: BlockRef): boolean {
  return a.view === b.view && a.seq === b.seq && equal(a.digest, b.digest);
}

/** What a primary proposes and what votes are about. */
export interface Header {
  epoch: number;
  view: number;
  /** The height. */
  seq: number;
  parent: Uint8Array;
  baseSeq: number;
  /** Zeros for a block without transactions. */
  payloadRoot: Uint8Array;
  payloadBytes: number;
  execSeq: number;
  execRoot: Uint8Array;
  /** Unix ms. */
  timeMs: number;
  justify: BlockRef;
  proposer: number;
  committee: Uint8Array;
  /** A closing block ends an epoch; no verifier takes it for the block of its height. */
  closing: boolean;
  /** The last payload block of an epoch. */
  boundary: boolean;
  /** Of a boundary block, the digest of the next set; of a closing one, that of the boundary block; else zeros. */
  next: Uint8Array;
}

/** The bytes of a header: 228, or 260 of one that is a closing or boundary one. */
export function encodeHeader(h: Header): Uint8Array {
  const flags = (h.closing ? 1 : 0) | (h.boundary ? 2 : 0);
  const w = new Writer().u8(flags === 0 ? headerVersion : headerVersionEpoch);
  w.u32(h.epoch).u64(h.view).u64(h.seq).fixed(h.parent, 32).u64(h.baseSeq);
  w.fixed(h.payloadRoot, 32).u32(h.payloadBytes).u64(h.execSeq).fixed(h.execRoot, 32).u64(h.timeMs);
  writeRef(w, h.justify).u16(h.proposer).fixed(h.committee, 32).u8(flags);
  if (flags !== 0) w.fixed(h.next, 32);
  return w.done();
}

/** Reads a header. */
export function readHeader(r: Reader): Header {
  const version = r.u8();
  r.require(version === headerVersion || version === headerVersionEpoch, `version ${version} of a header`);
  const place = { epoch: r.u32(), view: r.u53(), seq: r.u53(), parent: r.raw(32), baseSeq: r.u53() };
  const payload = { payloadRoot: r.raw(32), payloadBytes: r.u32() };
  const exec = { execSeq: r.u53(), execRoot: r.raw(32), timeMs: r.u53() };
  const rest = { justify: readRef(r), proposer: r.u16(), committee: r.raw(32) };
  const flags = r.enum8(2);
  r.require((flags !== 0) === (version === headerVersionEpoch), `flags ${flags} of a header of version ${version}`);
  const next = flags === 0 ? new Uint8Array(32) : r.raw(32);
  r.require(flags === 0 || next.some((x) => x !== 0), "a boundary or closing header that names nothing");
  return { ...place, ...payload, ...exec, ...rest, closing: flags === 1, boundary: flags === 2, next };
}

/** Decodes exactly one header; throws a WireError. */
export const decodeHeader = (b: Uint8Array): Header => decode(b, readHeader);

/** Members by their replica numbers, ascending, with their signatures. */
interface Signers {
  signers: number[];
  signatures: Uint8Array[];
}

function readSigners(r: Reader): Signers {
  const signers: number[] = [];
  for (let word = 0; word < 3; word++) {
    const bits = r.u64();
    for (let i = 0; i < 64; i++) if ((bits >> BigInt(i)) & 1n) signers.push(64 * word + i);
  }
  const signatures = r.list(replicasMax, 64, () => r.raw(64));
  r.require(signatures.length === signers.length, "as many signatures as signers");
  return { signers, signatures };
}

/** The kinds of certificates, in the order of their numbers from 1. */
export const certificateKinds = ["prepared", "committed-slow", "committed-fast"] as const;
/** Which votes a certificate holds. */
export type CertificateKind = (typeof certificateKinds)[number];

/** Votes of distinct members for one block. */
export interface Certificate extends Signers {
  kind: CertificateKind;
  epoch: number;
  block: BlockRef;
}

/** Reads a certificate of votes. */
export function readCertificate(r: Reader): Certificate {
  r.exactly(schemeEd25519, "scheme");
  const kind = certificateKinds[r.u8() - 1];
  r.require(kind !== undefined, "kind of certificate");
  return { kind: kind as CertificateKind, epoch: r.u32(), block: readRef(r), ...readSigners(r) };
}

/** What an executed block came to. */
export interface CheckpointResult {
  seq: number;
  block: Uint8Array;
  stateRoot: Uint8Array;
  receiptRoot: Uint8Array;
}

/** Signatures of distinct members over the execution of one block. */
export interface CheckpointCertificate extends CheckpointResult, Signers {
  epoch: number;
}

/** Reads a checkpoint certificate. */
export function readCheckpoint(r: Reader): CheckpointCertificate {
  r.exactly(schemeEd25519, "scheme");
  const head = { epoch: r.u32(), seq: r.u53(), block: r.raw(32), stateRoot: r.raw(32), receiptRoot: r.raw(32) };
  return { ...head, ...readSigners(r) };
}

/** Decodes exactly one checkpoint certificate; throws a WireError. */
export const decodeCheckpoint = (b: Uint8Array): CheckpointCertificate => decode(b, readCheckpoint);
