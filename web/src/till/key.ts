/** The till's key on this device, and how it got there. */
import { fromBase64url } from "@scrip/sdk/bytes";
import { SecretKey } from "@scrip/sdk/keys";
import type { Chain } from "@scrip/sdk/transactions";
import { boxOf, decodeOffer, makeAnswer, putBox, type Offer } from "../kit/pairing.ts";
import type { Sealed, Store } from "../kit/storage.ts";
import { pinOk, setPin } from "./pin.ts";

const keyRow = "key";
const offerRow = "offer";

/** Brought is what a link brings to a till. */
export type Brought =
  | { kind: "pair"; text: string; offer: Offer }
  | { kind: "key"; seed: Uint8Array; manager: Uint8Array; pin: string }
  | { kind: "bad" };

/** readBrought reads the part of a link behind its #. */
export function readBrought(chain: Chain, fragment: string): Brought {
  const values = new URLSearchParams(fragment);
  try {
    const pair = values.get("pair");
    if (pair) return { kind: "pair", text: pair, offer: decodeOffer(chain, pair) };
    const seed = fromBase64url(values.get("k") ?? "");
    const manager = fromBase64url(values.get("v") ?? "");
    if (seed.length !== 32 || (manager.length !== 0 && manager.length !== 32)) return { kind: "bad" };
    return { kind: "key", seed, manager, pin: values.get("pin") ?? "" };
  } catch {
    return { kind: "bad" };
  }
}

/** keyOf returns the till key of this device, if it has one. */
export async function keyOf(store: Store): Promise<SecretKey | undefined> {
  const sealed = await store.get<Sealed>(keyRow);
  return sealed && new SecretKey("till", await store.open(sealed));
}

async function keep(store: Store, key: SecretKey): Promise<void> {
  // What was known of another key is no part of this one.
  for (const row of ["record", "shop", "looked", "manager", "manager-tries", offerRow]) await store.delete(row);
  await store.deleteAll("sale/");
  await store.deleteAll("bill/");
  await store.set(keyRow, await store.seal(key.exportSeed()));
}

/** become makes this device the till of a key that is registered already. */
export async function become(store: Store, b: Extract<Brought, { kind: "key" }>): Promise<SecretKey> {
  const key = new SecretKey("till", b.seed);
  await keep(store, key);
  if (pinOk(b.pin)) await setPin(store, b.pin, b.manager);
  return key;
}

/** Waiting is an answer that the merchant has not taken up yet. */
export interface Waiting {
  offer: Offer;
  answer: Uint8Array;
}

/** pair makes a key on this device and keeps the answer to the offer until it is taken up. */
export async function pair(store: Store, chain: Chain, offer: Offer, nowMs: number): Promise<SecretKey> {
  const key = SecretKey.generate("till");
  const answer = makeAnswer(chain, offer, key, nowMs);
  await keep(store, key);
  await store.set(offerRow, { offer, answer } satisfies Waiting);
  return key;
}

export function waiting(store: Store): Promise<Waiting | undefined> {
  return store.get<Waiting>(offerRow);
}

export function paired(store: Store): Promise<void> {
  return store.delete(offerRow);
}

/** leave puts the answer into the offer's box at every node that takes it. */
export function leave(chain: Chain, nodes: readonly string[], w: Waiting): Promise<void> {
  return putBox(nodes, boxOf(chain, w.offer), w.answer);
}
