// What a till believes of nodes: of what they list only what is proven and its own, and no refusal that may still turn.
import { beforeEach, expect, test, vi } from "vitest";
import { OutcomeUnknown, Refusal, type Client, type Receipt } from "@scrip/sdk/client";
import { encodeKey, SecretKey } from "@scrip/sdk/keys";
import { Chain } from "@scrip/sdk/transactions";
import type { Link } from "../src/kit/chain.ts";
import type { OpenBill } from "../src/till/bills.ts";
import { Till } from "../src/till/model.ts";
import type { Sale } from "../src/till/sales.ts";
import { memory, terms as sample } from "./samples.ts";

const key = new SecretKey("till", new Uint8Array(32).fill(7));
const other = new SecretKey("till", new Uint8Array(32).fill(8));
const noonMs = new Date(2026, 10, 29, 12).getTime();
const digest = new Uint8Array(32).fill(5);
const digestText = "05".repeat(32);

interface Row {
  tillKey: Uint8Array;
  standing: string;
}

/** The ledger as the nodes show it: lists that anybody may have made up, and rows that are proven. */
let listed: { type: string; till: string; coupon: string; seq: number }[];
let rows: Map<string, Row>;
let outcomes: (Receipt | Error)[];
let asked: Record<string, unknown>[];
let provenMs: number;
/** Nodes that do not answer. */
let silent: Set<string>;

function tillOf() {
  const store = memory();
  const read = (node: string) => async (_: string, __: string, query: Record<string, unknown>) => {
    asked.push(query);
    if (silent.has(node)) throw new Error("silent");
    return { items: listed.map((x) => ({ ...x, time: { ms: String(noonMs) } })), time: { ms: String(noonMs + 1e9) } };
  };
  const all = {
    nodes: ["a", "b", "c", "d"],
    verifier: { committee: { weakQuorum: 2 } },
    read: read("a"),
    params: async () => ({ state: { timeMs: provenMs, height: 9 } }),
    till: async () => ({ member: 2, store: 1, currency: 978, state: { timeMs: provenMs } }),
    redemption: async (coupon: bigint, seq: number) => {
      const row = rows.get(`${coupon}-${seq}`);
      if (!row) throw new Error("there is no such row");
      const facts = { value: 450n, at: noonMs, finalAt: noonMs + 1000, invoiceDigest: digest, state: { members: 3 } };
      return { ...row, ...facts };
    },
    submit: async () => {
      const next = outcomes.shift();
      if (next instanceof Error) throw next;
      return next;
    },
  } as unknown as Client;
  const link = {
    chain: new Chain(new Uint8Array(32).fill(1)),
    store,
    nodes: all.nodes,
    nowMs: () => noonMs + 5000,
    member: async () => "Bakery",
    campaign: async () => ({ terms: sample({}) }),
    genesis: { currencies: [], holderLifeMs: 180_000 },
  } as unknown as Link;
  const of = (node: string) => ({ read: read(node) }) as unknown as Client;
  return { till: new Till(link, key, { all, of }), store };
}

const taking = (type: "accrued" | "voided", coupon: string, of = key) => ({
  type: `redemption.${type}`,
  till: encodeKey("till", of.key),
  coupon,
  seq: 0,
});
const row = (of = key, standing = "ACCRUED"): Row => ({ tillKey: of.key, standing });
const lines = (till: Till) => till.sales.all.value.map((s) => `${s.state} ${s.coupon}`).sort();

beforeEach(() => {
  listed = [];
  rows = new Map();
  outcomes = [];
  asked = [];
  provenMs = noonMs;
  silent = new Set();
});

test("a till finds its own redemptions and their undoing, each once, and nobody else's", async () => {
  const { till } = tillOf();
  listed = [taking("accrued", "5"), taking("accrued", "6"), taking("voided", "6"), taking("accrued", "7", other)];
  rows.set("5-0", row()).set("6-0", row(key, "VOIDED"));
  await till.look(); // it would throw if it asked for the row of another till
  await till.look();
  expect(lines(till)).toEqual(["accepted 5", "accepted 6", "undone 6"]);
});

test("what a node lists counts as far as a row proves it", async () => {
  const { till } = tillOf();
  // Said to be of this till, and of another; said to be undone, and not.
  listed = [taking("accrued", "7"), taking("accrued", "5"), taking("voided", "5")];
  rows.set("7-0", row(other)).set("5-0", row());
  await till.look();
  expect(lines(till)).toEqual(["accepted 5"]);
});

test("where a till goes on looking is bounded by the chain's proven time", async () => {
  const { till, store } = tillOf();
  await till.look();
  expect(await store.get("looked")).toBe(noonMs);
  expect(asked[0]?.["from"]).toBe(new Date(2026, 10, 29).getTime());
  await till.look();
  expect(asked[1]?.["from"]).toBe(noonMs);
});

const sale = (change: Partial<Sale>): Sale =>
  ({
    id: "a",
    state: "waiting",
    atMs: noonMs,
    coupon: 5n,
    seq: 0,
    title: "",
    value: 0n,
    bill: 0n,
    item: false,
    finalAtMs: 0,
    code: "",
    tookMs: 0,
    signers: 0,
    digest: digestText,
    raw: new Uint8Array(1),
    ...change,
  }) as Sale;
const receipt = { outcome: { effect: { kind: "Redeem", coupon: 5n, seq: 0, value: 450n, finalAt: 1 } }, members: 2 };

test("an attempt of its own is not taken for a customer's while it waits", async () => {
  const { till } = tillOf();
  await till.sales.keep(sale({}));
  listed = [taking("accrued", "5")];
  rows.set("5-0", row());
  await till.look();
  expect(lines(till)).toEqual(["waiting 5"]);
});

test("a refusal that is not final is no answer: the same bytes are handed in again", async () => {
  vi.useFakeTimers();
  try {
    const { till } = tillOf();
    await till.bills.keep(bill);
    await till.sales.keep(sale({}));
    outcomes = [
      new Refusal("", "E109", {}),
      new Refusal("", "E104", {}),
      new Refusal("", "E404", {}),
      new TypeError("the page failed"),
      receipt as unknown as Receipt,
    ];
    const done = till.resume()?.done;
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await done)?.state).toBe("accepted");
    expect(outcomes).toEqual([]);
    expect(till.bills.open).toEqual([]); // its bill is decided
  } finally {
    vi.useRealTimers();
  }
});

test("a refusal that is recorded, or that nothing can be recorded any more, is the answer", async () => {
  for (const end of [
    new Refusal("", "E506", { receipt: receipt as unknown as Receipt }),
    new OutcomeUnknown("", noonMs, true, []),
  ]) {
    const { till } = tillOf();
    await till.sales.keep(sale({}));
    outcomes = [end];
    expect(await till.resume()?.done).toMatchObject({ state: "refused", code: end.code });
  }
});

const bill: OpenBill = {
  digest: digestText,
  fragment: "",
  campaign: 0,
  title: "",
  amount: 900n,
  item: false,
  madeMs: noonMs - 1000,
  expiresMs: noonMs,
  shown: true,
};

test("a bill is unused once the chain is beyond its end and f+1 nodes list nothing on it", async () => {
  const { till } = tillOf();
  await till.bills.keep(bill);
  provenMs = noonMs - 1;
  expect(await till.unused(bill)).toBe(false);
  provenMs = noonMs;
  silent = new Set(["a", "b", "c"]);
  expect(await till.unused(bill)).toBe(false);
  silent = new Set(["a", "b"]);
  expect(await till.unused(bill)).toBe(true);
  // One node that shows a redemption on it is enough, as it is proven.
  listed = [taking("accrued", "5")];
  rows.set("5-0", row());
  expect(await till.unused(bill)).toBe(false);
  expect(till.bills.open).toEqual([]);
  expect(till.sales.all.value[0]).toMatchObject({ state: "accepted", bill: 900n, value: 450n });
});
