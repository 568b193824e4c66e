/** The golden vectors of the repository, and bytes for tests. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromHex } from "../src/bytes.ts";
import { Chain } from "../src/signing.ts";

/** The path of a file of the repository. */
export function repository(path: string): string {
  return fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
}

/** A JSON file of the repository, of the shape that its reader expects. */
export function load<T>(path: string): T {
  return JSON.parse(readFileSync(repository(path), "utf8")) as T;
}

/** The path of the program, which `make build` makes. */
export function program(): string {
  const path = repository("bin/scrip");
  if (!existsSync(path)) throw new Error("bin/scrip is not there: run make build");
  return path;
}

export interface Named {
  name: string;
  bytes: string;
}

export interface CouponVectors {
  chain: { name: string; genesis: string; digest: string; hint: number };
  keys: { name: string; seed: string; public: string }[];
  transactions: {
    name: string;
    kind: number;
    expires: string;
    body: string;
    id: string;
    raw: string;
    signatures: { key: string; message: string; signature: string }[];
  }[];
  objects: Named[];
  payloads: (Named & { text: string })[];
  derivations: Named[];
  receipts: Named[];
  rows: { name: string; key: string; value: string }[];
  seen: Named[];
}

export const couponVectors = load<CouponVectors>("coupon/testdata/vectors.json");

/** What version 2 of the rules adds. */
export const couponVectors2 = load<Omit<CouponVectors, "payloads" | "derivations"> & { items: Named[] }>(
  "coupon/testdata/vectors2.json",
);

/** The chain of the coupon vectors. */
export const testChain = new Chain(fromHex(couponVectors.chain.digest));

/** One of a list by name. */
export function named<T extends { name: string }>(list: readonly T[], name: string): T {
  const found = list.find((v) => v.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found;
}

/** Every way to cut bytes short, and the bytes with one more. */
export function malformed(b: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [Uint8Array.from([...b, 0])];
  for (let n = 0; n < b.length; n++) all.push(b.slice(0, n));
  return all;
}

/** A repeatable source of numbers below 2^32 (mulberry32). */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}
