/**
 * Bytes and their texts. Every decoder here is strict: one text for the same bytes.
 */
import { base64 as b64, base64urlnopad, hex as hexCoder } from "@scure/base";

const encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF: what was signed is what is shown.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Joins byte arrays into a new one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** Orders byte arrays as memcmp does: negative, zero or positive. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

/** Reports whether two byte arrays hold the same. Not for secrets: its time depends on them. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compare(a, b) === 0;
}

/** Reports whether all bytes are zero. */
export function isZero(b: Uint8Array): boolean {
  return b.every((v) => v === 0);
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; throws a TypeError if they are not UTF-8. */
export function fromUtf8(b: Uint8Array): string {
  return decoder.decode(b);
}

/** Lower-case hexadecimal digits. */
export function hex(b: Uint8Array): string {
  return hexCoder.encode(b);
}

/** Bytes of hexadecimal digits of either case; throws on anything else. */
export function fromHex(text: string): Uint8Array {
  return hexCoder.decode(text.toLowerCase());
}

/** Base64 with padding (RFC 4648, section 4). */
export function base64(b: Uint8Array): string {
  return b64.encode(b);
}

/** Strict inverse of {@link base64}. */
export function fromBase64(text: string): Uint8Array {
  return b64.decode(text);
}

/** Base64url without padding (RFC 4648, section 5), as in links. */
export function base64url(b: Uint8Array): string {
  return base64urlnopad.encode(b);
}

/** Strict inverse of {@link base64url}. */
export function fromBase64url(text: string): Uint8Array {
  return base64urlnopad.decode(text);
}

const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/** RFC 9285: three characters for two bytes, two for a last one, all of the alphanumeric set of QR codes. */
export function base45(b: Uint8Array): string {
  const digit = (n: number): string => base45Alphabet.charAt(n % 45);
  let out = "";
  for (let i = 0; i < b.length; i += 2) {
    const high = b[i] as number;
    const low = b[i + 1];
    if (low === undefined) {
      out += digit(high) + digit(Math.floor(high / 45));
      break;
    }
    const n = high * 256 + low;
    out += digit(n) + digit(Math.floor(n / 45)) + digit(Math.floor(n / 2025));
  }
  return out;
}

/** Strict inverse of {@link base45}: refuses other characters, lower case and groups out of range. */
export function fromBase45(text: string): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < text.length; i += 3) {
    const group = text.slice(i, i + 3);
    let n = 0;
    for (let j = group.length - 1; j >= 0; j--) {
      const v = base45Alphabet.indexOf(group.charAt(j));
      if (v < 0) throw new RangeError(`base45: character ${i + j + 1} is not of its alphabet`);
      n = n * 45 + v;
    }
    if (group.length === 3 && n <= 0xffff) out.push(n >> 8, n & 0xff);
    else if (group.length === 2 && n <= 0xff) out.push(n);
    else throw new RangeError(`base45: the group at ${i + 1} is out of range`);
  }
  return Uint8Array.from(out);
}
