// How a wallet finds coupons that its device does not know.
import { expect, test, vi } from "vitest";
import { gapLimit, newMnemonic, type SecretKey } from "@scrip/sdk/keys";
import type { HolderMarks } from "@scrip/sdk/client";
import { markOf } from "@scrip/sdk/scan";
import { couponId } from "@scrip/sdk/transactions";
import { Looking, type Holders } from "../src/wallet/look.ts";
import { entropyOf, Purse } from "../src/wallet/purse.ts";
import { otherAddresses } from "../src/wallet/search.tsx";
import type { Store } from "../src/kit/storage.ts";

/** memory is a store that forgets when the test ends. */
function memory(): Store {
  const rows = new Map<string, unknown>();
  const keep = async (k: string, v: unknown) => void (v === undefined ? rows.delete(k) : rows.set(k, v));
  return {
    get: async <T>(k: string) => rows.get(k) as T | undefined,
    set: keep,
    delete: async (k) => void rows.delete(k),
    deleteAll: async (p) => [...rows.keys()].filter((k) => k.startsWith(p)).forEach((k) => rows.delete(k)),
    list: async <T>(p: string) => [...rows].filter(([k]) => k.startsWith(p)).map(([, v]) => v as T),
    seal: async (secret) => ({ nonce: new Uint8Array(), box: secret as Uint8Array<ArrayBuffer> }),
    open: async (s) => s.box,
    sealedWell: true,
    persisted: async () => true,
  };
}

/** ledger has campaigns in which keys of a purse own coupons. */
function ledger(purse: Purse, owned: Record<number, number[]>) {
  const marksOf = (campaign: number): HolderMarks => ({
    serials: Uint32Array.from(owned[campaign] ?? [], (_, i) => i + 1),
    marks: Uint32Array.from(owned[campaign] ?? [], (n) => markOf(purse.key(campaign, n).key)),
  });
  const asked: number[] = [];
  const holders: Holders = {
    params: async () => ({ nextCampaign: Object.keys(owned).length + 1 }),
    campaigns: async () =>
      Object.entries(owned).map(([id, keys]) => ({ id: Number(id), issued: keys.length, status: "PUBLISHED" })),
    holderMarks: async (campaign, { signal }) => {
      signal.throwIfAborted();
      asked.push(campaign);
      return marksOf(campaign);
    },
  };
  return { holders, asked };
}

/** wallet has keys that take no time to make. */
async function wallet(): Promise<Purse> {
  const purse = await Purse.create(memory(), entropyOf(newMnemonic(12)));
  vi.spyOn(purse, "key").mockImplementation(
    (campaign, n) => ({ key: new Uint8Array(new Uint32Array([campaign * 1e6 + n]).buffer) }) as SecretKey,
  );
  return purse;
}

/** taker notes what is found, as a session does. */
function taker(purse: Purse) {
  const taken = new Map<bigint, number>();
  const take = async (id: bigint, n: number) => {
    if (taken.has(id)) return false;
    taken.set(id, n);
    await purse.put({ id, n } as Parameters<Purse["put"]>[0]);
    return true;
  };
  return { taken, take };
}

test("a wallet finds what its words own, whatever lies before it, and each once", async () => {
  const purse = await wallet();
  const { holders } = ledger(purse, { 1: [21, 22], 2: [], 3: [0, gapLimit, gapLimit + 5, 3 * gapLimit] });
  const { taken, take } = taker(purse);
  const looking = new Looking(holders, purse, take);
  expect(await looking.run()).toBe(5);
  expect(taken.get(couponId(1, 1))).toBe(21);
  expect(looking.last.value).toEqual({ found: 5, far: false, stopped: false });
  expect(await looking.run()).toBe(0);
  expect(await looking.run({ far: true })).toBe(1);
  expect(taken.get(couponId(3, 4))).toBe(3 * gapLimit);
  expect(looking.now.value).toBeUndefined();
});

test("keys are made once: the next look knows their marks", async () => {
  const purse = await wallet();
  const { holders } = ledger(purse, { 1: [3] });
  const looking = new Looking(holders, purse, taker(purse).take);
  await looking.run();
  const made = vi.mocked(purse.key).mockClear();
  await looking.run();
  expect(made.mock.calls.filter(([, n]) => n !== 3)).toEqual([]);
});

test("a wallet whose words are at one place alone does not look again; one that was brought in does, not too often", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
  try {
    const purse = await wallet();
    const { holders, asked } = ledger(purse, { 1: [0], 2: [] });
    const looking = new Looking(holders, purse, taker(purse).take);
    expect(await looking.again()).toBe(0);
    expect(asked).toEqual([]);
    await purse.noteElsewhere();
    expect(await looking.again()).toBe(1);
    expect(asked, "quietly only where there are coupons").toEqual([1]);
    await looking.again();
    expect(asked).toEqual([1]);
    vi.setSystemTime(1_800_000_040_000);
    await looking.again();
    expect(asked).toEqual([1, 1]);
    vi.setSystemTime(1_700_000_000_000); // the clock was set back
    await looking.again();
    expect(asked).toEqual([1, 1, 1]);
    expect(looking.last.value, "nobody asked, but it found one").toMatchObject({ found: 1 });
  } finally {
    vi.useRealTimers();
  }
});

test("a look can be stopped, and a person's does not wait behind a quiet one", async () => {
  const purse = await wallet();
  const { holders } = ledger(purse, { 1: [0], 2: [1] });
  const looking = new Looking(holders, purse, taker(purse).take);
  const stopped = looking.run();
  looking.stop();
  expect(await stopped).toBe(0);
  expect(looking.last.value).toMatchObject({ stopped: true });
  const quiet = looking.run({ quiet: true });
  expect(await looking.run()).toBe(2);
  expect(await quiet).toBe(0);
  expect(looking.last.value).toEqual({ found: 2, far: false, stopped: false });
});

test("a look that fails says so, and another one can begin", async () => {
  const purse = await wallet();
  const { holders } = ledger(purse, { 1: [0] });
  const looking = new Looking(
    { ...holders, holderMarks: () => Promise.reject(new Error("away")) },
    purse,
    async () => true,
  );
  await expect(looking.run()).rejects.toThrow("away");
  expect(looking.now.value).toBeUndefined();
  expect(looking.last.value).toBeUndefined();
});

test("the other addresses of a network are those of its nodes, and the other name of this machine", () => {
  const nodes = ["http://127.0.0.1:7600", "http://127.0.0.1:7610"];
  expect(otherAddresses("http://127.0.0.1:7600", nodes)).toEqual(["http://127.0.0.1:7610", "http://localhost:7600"]);
  expect(otherAddresses("http://localhost:7600", nodes)).toEqual(nodes);
  expect(otherAddresses("https://a.example", ["https://a.example", "https://b.example"])).toEqual([
    "https://b.example",
  ]);
});
