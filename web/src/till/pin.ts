/** The manager's PIN: what undoes lies under it, and guessing is slow. */
import { gcm } from "@noble/ciphers/aes.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { utf8 } from "@scrip/sdk/bytes";
import type { Store } from "../kit/storage.ts";

const row = "manager";
const triesRow = "manager-tries";
const workLog2 = 15;
const triesMax = 5;
const pauseMs = 60_000;

/** Locked says that too many wrong PINs were typed. */
export class Locked extends Error {
  constructor(readonly waitMs: number) {
    super("too many wrong PINs");
  }
}

interface Box {
  salt: Uint8Array<ArrayBuffer>;
  nonce: Uint8Array<ArrayBuffer>;
  box: Uint8Array;
}

const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));
export const pinOk = (pin: string): boolean => /^\d{4,8}$/.test(pin);

function keyOf(pin: string, salt: Uint8Array): Promise<Uint8Array> {
  return scryptAsync(utf8(pin), salt, { N: 2 ** workLog2, r: 8, p: 1, dkLen: 32 });
}

/** setPin puts the manager's secret under a PIN. An empty secret stands for the till's own key. */
export async function setPin(store: Store, pin: string, secret: Uint8Array): Promise<void> {
  const [salt, nonce] = [random(16), random(12)];
  const box = gcm(await keyOf(pin, salt), nonce).encrypt(secret);
  await store.set(row, { salt, nonce, box } satisfies Box);
}

export async function pinSet(store: Store): Promise<boolean> {
  return (await store.get(row)) !== undefined;
}

/** openPin returns what lies under the PIN, or undefined if it is wrong; it throws Locked after some wrong ones. */
export async function openPin(store: Store, pin: string): Promise<Uint8Array | undefined> {
  const kept = await store.get<Box>(row);
  if (!kept) return undefined;
  const tries = (await store.get<{ n: number; untilMs: number }>(triesRow)) ?? { n: 0, untilMs: 0 };
  if (tries.untilMs > Date.now()) throw new Locked(tries.untilMs - Date.now());
  // Counted before it is tried, so that closing the page does not help.
  const n = tries.n + 1;
  await store.set(triesRow, { n, untilMs: n >= triesMax ? Date.now() + pauseMs : 0 });
  try {
    const secret = gcm(await keyOf(pin, kept.salt), kept.nonce).decrypt(kept.box);
    await store.delete(triesRow);
    return secret;
  } catch {
    return undefined;
  }
}
