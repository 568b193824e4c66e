/**
 * The canonical codec (docs/wire.md, part 1): fixed-width little-endian integers,
 * raw arrays, and lists and texts behind a u32 count. A value has one encoding.
 *
 * Numbers of 64 bits are bigint where they are money or ids. Heights, views and
 * times are number: a reader refuses those beyond 2^53 - 1, which no chain reaches.
 */
import { concat, fromUtf8, utf8 } from "./bytes.ts";

/** Why bytes were refused. */
export type WireFault = "truncated" | "trailing" | "limit" | "text" | "value";

/** Bytes that are not the one encoding of a value. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly fault: WireFault;

  constructor(fault: WireFault, detail: string) {
    super(`${fault}: ${detail}`);
    this.fault = fault;
  }
}

// Control characters, and those that override or isolate the direction of text.
const refusedText = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Reports whether a text may stand in an object: no control or direction characters, no lone surrogates. */
export function validText(text: string): boolean {
  return !refusedText.test(text) && !/[\ud800-\udfff]/u.test(text);
}

/** Reads one canonical value. Every method throws a {@link WireError}; what it returns is a copy. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes were read. */
  get offset(): number {
    return this.#at;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Throws unless all bytes were read. Every decoder ends with it. */
  close(): void {
    if (this.remaining > 0) throw new WireError("trailing", `${this.remaining} bytes left`);
  }

  /** Throws a "value" fault unless a rule beyond the encoding holds. */
  require(ok: boolean, what: string): void {
    if (!ok) throw new WireError("value", what);
  }

  /** Moves on by n bytes and returns where they began. */
  #take(n: number): number {
    if (n > this.remaining) throw new WireError("truncated", `${n} bytes wanted, ${this.remaining} are left`);
    const at = this.#at;
    this.#at += n;
    return at;
  }

  /** The next n bytes. */
  raw(n: number): Uint8Array {
    const at = this.#take(n);
    return this.#bytes.slice(at, at + n);
  }

  /** Unsigned numbers of one to eight bytes. */
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A u64 of at most max. */
  upTo(max: bigint): bigint {
    const v = this.u64();
    if (v > max) throw new WireError("limit", `${v}, at most ${max}`);
    return v;
  }

  /** A u64 as a number, at most max. */
  u53(max: number = Number.MAX_SAFE_INTEGER): number {
    return Number(this.upTo(BigInt(max)));
  }

  /** A byte in 0..last. */
  enum8(last: number): number {
    const v = this.u8();
    this.require(v <= last, `${v}, at most ${last}`);
    return v;
  }

  /** A byte that must have one value. */
  exactly(want: number, what: string): void {
    const v = this.u8();
    this.require(v === want, `${what} ${v}, not ${want}`);
  }

  /** A u32 count of elements of at least sizeMin bytes each. */
  count(max: number, sizeMin: number): number {
    const n = this.u32();
    if (n > max) throw new WireError("limit", `count ${n}, at most ${max}`);
    if (n * sizeMin > this.remaining) throw new WireError("truncated", `count ${n} does not fit the rest`);
    return n;
  }

  /** A list of elements of at least sizeMin bytes each. */
  list<T>(max: number, sizeMin: number, each: (index: number) => T): T[] {
    const n = this.count(max, sizeMin);
    const out: T[] = [];
    for (let i = 0; i < n; i++) out.push(each(i));
    return out;
  }

  /** Bytes behind their u32 length. */
  bytes(max: number): Uint8Array {
    return this.raw(this.count(max, 1));
  }

  /** A text behind its u32 length in bytes. */
  text(max: number): string {
    const b = this.bytes(max);
    let s: string;
    try {
      s = fromUtf8(b);
    } catch {
      throw new WireError("text", "not UTF-8");
    }
    if (!validText(s)) throw new WireError("text", "a control or direction character");
    return s;
  }
}

/** Reads exactly one value with read. */
export function decode<T>(bytes: Uint8Array, read: (r: Reader) => T): T {
  const r = new Reader(bytes);
  const v = read(r);
  r.close();
  return v;
}

/** Writes values in order. Its methods throw a RangeError for a number that does not fit. */
export class Writer {
  readonly #parts: Uint8Array[] = [];

  #int(size: 1 | 2 | 4 | 8, value: bigint): this {
    if (value < 0n || value >> BigInt(8 * size) !== 0n) throw new RangeError(`${value} is no u${8 * size}`);
    const b = new Uint8Array(size);
    for (let i = 0, v = value; i < size; i++, v >>= 8n) b[i] = Number(v & 0xffn);
    return this.raw(b);
  }

  /** Bytes as they are. */
  raw(b: Uint8Array): this {
    this.#parts.push(b);
    return this;
  }

  /** Raw bytes of which there must be n. */
  fixed(b: Uint8Array, n: number): this {
    if (b.length !== n) throw new RangeError(`${b.length} bytes, wanted ${n}`);
    return this.raw(b);
  }

  /** Unsigned numbers of one to eight bytes. */
  u8(v: number): this {
    return this.#int(1, BigInt(v));
  }

  u16(v: number): this {
    return this.#int(2, BigInt(v));
  }

  u32(v: number): this {
    return this.#int(4, BigInt(v));
  }

  u64(v: bigint | number): this {
    return this.#int(8, BigInt(v));
  }

  /** The elements behind their count. */
  list<T>(items: readonly T[], each: (w: Writer, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) each(this, item);
    return this;
  }

  /** Bytes behind their length. */
  bytes(b: Uint8Array): this {
    return this.u32(b.length).raw(b);
  }

  /** A text behind its length in bytes. */
  text(s: string): this {
    return this.bytes(utf8(s));
  }

  /** All that was written. */
  done(): Uint8Array {
    return concat(...this.#parts);
  }
}
