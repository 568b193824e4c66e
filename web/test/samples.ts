/** For tests: terms (an amount of 4.50 EUR at every shop, changed where one wants it) and a device's storage. */
import type { Terms } from "@scrip/sdk/transactions";
import type { Store } from "../src/kit/storage.ts";

export function terms(change: Partial<Terms>): Terms {
  const start = 1_790_000_000_000;
  return {
    issuer: 1,
    funders: [{ member: 1, shareBps: 10_000 }],
    currency: 978,
    title: "Free coffee",
    termsHash: new Uint8Array(32).fill(1),
    productHash: new Uint8Array(32),
    valueKind: "AMOUNT",
    face: 450n,
    bps: 0,
    ceiling: 0n,
    minSpend: 0n,
    uses: 1,
    buy: 0,
    get: 0,
    rounding: 0,
    reimburse: "USED",
    reimburseBps: 10_000,
    fee: 0n,
    showMax: 450n,
    maxSupply: 200,
    budget: 90_000n,
    claimFrom: start,
    claimUntil: start + 1e9,
    redeemFrom: start,
    redeemUntil: start + 1e9,
    relativeMs: 0,
    graceMs: 0,
    rollbackMs: 259_200_000,
    holderCap: 0,
    transfer: "gift",
    maxTransfers: 255,
    resaleBps: 0,
    shops: [],
    ...change,
  };
}

/** memory is a device's storage; fails makes it refuse to write. */
export function memory(): Store & { rows: Map<string, unknown>; fails: boolean } {
  const rows = new Map<string, unknown>();
  const store = {
    rows,
    fails: false,
    get: async (k: string) => rows.get(k),
    set: async (k: string, v: unknown) => {
      if (store.fails) throw new Error("the device is full");
      rows.set(k, v);
    },
    delete: async (k: string) => void rows.delete(k),
    list: async (prefix: string) => [...rows].filter(([k]) => k.startsWith(prefix)).map(([, v]) => v),
  };
  return store as unknown as Store & { rows: Map<string, unknown>; fails: boolean };
}
