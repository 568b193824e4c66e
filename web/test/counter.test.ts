// What a till decides before anything is signed, and what it keeps of sales and bills.
import { expect, test } from "vitest";
import { type Client, NotFound, type ProvenCoupon, type ProvenTill } from "@scrip/sdk/client";
import { SecretKey } from "@scrip/sdk/keys";
import type { AuthPayload } from "@scrip/sdk/links";
import type { Terms } from "@scrip/sdk/transactions";
import type { Link } from "../src/kit/chain.ts";
import { Bills, type OpenBill } from "../src/till/bills.ts";
import { saleId, Sales, type Sale } from "../src/till/sales.ts";
import { Till } from "../src/till/model.ts";
import { judge, lifeMs } from "../src/till/scan.ts";
import { memory, terms as sample } from "./samples.ts";

const nowMs = 1_790_000_100_000;
const holder = new Uint8Array(32).fill(1);
const ownKey = new Uint8Array(32).fill(7);
const otherKey = new Uint8Array(32).fill(8);

/** Case is what a code, its coupon and the till are, where they differ from a code that is taken. */
interface Case {
  auth?: Partial<AuthPayload["auth"]> & { merchant?: number };
  coupon?: Partial<ProvenCoupon>;
  terms?: Partial<Terms>;
  till?: Partial<ProvenTill>;
  /** Redemptions by seq: of which till, and whether it was undone. */
  used?: Record<number, { tillKey: Uint8Array; voided?: boolean }>;
}

function judged(c: Case) {
  const link = {
    genesis: { holderLifeMs: 180_000 },
    nowMs: () => nowMs,
    tillName: () => Promise.resolve("North shop, Till 2"),
  } as unknown as Link;
  const client = {
    redemption: (_: bigint, seq: number) => {
      const row = c.used?.[seq];
      if (!row) return Promise.reject(Reflect.construct(NotFound, ["redemption", 1, nowMs]));
      return Promise.resolve({ tillKey: row.tillKey, at: nowMs - 5000, standing: row.voided ? "VOIDED" : "ACCRUED" });
    },
  } as unknown as Client;
  const till = { key: ownKey, member: 2, store: 1, currency: 978, ...c.till } as ProvenTill;
  const auth = {
    coupon: 5n,
    seq: 3,
    holder,
    value: 450n,
    expires: nowMs + 60_000,
    mode: "SHOW",
    merchant: 0,
    ...c.auth,
  };
  const terms = sample({ shops: [{ member: 2, store: 0 }], graceMs: 1000, redeemFrom: nowMs - 1e6, ...c.terms });
  const coupon = { id: 5n, seq: 3, owner: holder, standing: "HELD", until: nowMs + 1000, terms, ...c.coupon };
  const proven = { ...coupon, state: { timeMs: nowMs } } as ProvenCoupon;
  return judge(link, client, till, { type: "auth", auth, signature: new Uint8Array(64) } as AuthPayload, proven);
}

test("a code that can be taken is left to the bill", async () => {
  expect(await judged({})).toBeUndefined();
  expect(await judged({ auth: { merchant: 2 } })).toBeUndefined();
  expect(await judged({ terms: { shops: [] } })).toBeUndefined();
  expect(await judged({ coupon: { until: nowMs - 999 } })).toBeUndefined(); // within its grace
  expect(await judged({ auth: { expires: nowMs + 150_000 } })).toBeUndefined();
  const answer = { mode: "INVOICE", invoiceDigest: new Uint8Array(32) } as Case["auth"];
  expect(await judged({ auth: answer ?? {}, terms: { showMax: 0n } })).toBeUndefined();
  // The wallet has seen more than this node: only the ledger can tell.
  expect(await judged({ auth: { seq: 4 }, coupon: { owner: otherKey } })).toBeUndefined();
});

test("each reason that needs no bill refuses before anything is signed", async () => {
  const cases: [Case, string][] = [
    [{ coupon: { owner: otherKey } }, "E401"],
    [{ coupon: { owner: otherKey, seq: 4 } }, "E401"],
    [{ coupon: { seq: 4 } }, "E403"],
    [{ coupon: { standing: "REDEEMED", seq: 4 } }, "E509"],
    [{ auth: { expires: nowMs + 150_001 } }, "E109"],
    [{ auth: { expires: nowMs } }, "E104"],
    [{ coupon: { until: nowMs - 1000, standing: "EXPIRED" } }, "E504"],
    [{ coupon: { standing: "GIFTED" } }, "E404"],
    [{ terms: { redeemFrom: nowMs + 1 } }, "E503"],
    [{ auth: { merchant: 3 } }, "E505"],
    [{ terms: { shops: [{ member: 3, store: 0 }] } }, "E505"],
    [{ terms: { shops: [{ member: 2, store: 2 }] } }, "E505"],
    [{ till: { currency: 840 } }, "E516"],
    [{ terms: { showMax: 0n } }, "E519"],
  ];
  for (const [c, code] of cases) expect((await judged(c))?.code, `${code} ${JSON.stringify(c, show)}`).toBe(code);
});

const show = (_: string, v: unknown) => (typeof v === "bigint" ? String(v) : v);

test("a used coupon says when and where, as far as it is proven", async () => {
  const used = (tillKey: Uint8Array) => ({ 3: { tillKey } });
  const spent = { standing: "REDEEMED", seq: 4 } as const;
  const about = { kind: "used", atMs: nowMs - 5000 };
  expect(await judged({ coupon: spent, used: used(otherKey) })).toMatchObject({
    code: "E509",
    about: { ...about, where: "North shop, Till 2" },
  });
  expect(await judged({ coupon: spent, used: used(ownKey) })).toMatchObject({ about: { ...about, where: "" } });
  // An old code of a coupon that was used up later: the last redemption counts.
  expect(await judged({ auth: { seq: 1 }, coupon: spent, used: used(ownKey) })).toMatchObject({ about });
  // A coupon of several uses: this very code was used.
  expect(await judged({ coupon: { seq: 4 }, used: used(otherKey) })).toMatchObject({ code: "E403", about });
  const undone = await judged({ coupon: { seq: 5 }, used: { 3: { tillKey: otherKey, voided: true } } });
  expect(undone).toMatchObject({ code: "E403" });
  expect(undone?.about).toBeUndefined();
});

test("a coupon that cannot be used yet says from when on", async () => {
  const early = await judged({ terms: { redeemFrom: nowMs + 5 } });
  expect(early?.about).toEqual({ kind: "early", fromMs: nowMs + 5 });
});

test("a clock that is fast is named with by how much, and a code that is over with since when", async () => {
  expect((await judged({ auth: { expires: nowMs + 660_000 } }))?.about).toEqual({ kind: "ahead", byMs: 600_000 });
  expect((await judged({ auth: { expires: nowMs - 7000 } }))?.about).toEqual({ kind: "over", byMs: 7000 });
});

test("bills and codes live no longer than the chain allows, and than somebody waits", () => {
  expect(lifeMs({ holderLifeMs: 180_000 })).toBe(150_000);
  expect(lifeMs({ holderLifeMs: 30_000 })).toBe(30_000);
});

const noonMs = new Date(2026, 10, 29, 12).getTime();
const sale = (change: Partial<Sale>): Sale => ({
  id: "a",
  state: "accepted",
  atMs: noonMs,
  coupon: 5n,
  seq: 0,
  title: "Free coffee",
  value: 450n,
  bill: 0n,
  item: false,
  finalAtMs: noonMs + 1000,
  code: "",
  tookMs: 0,
  signers: 2,
  ...change,
});

test("undoing is a line of its own; refused attempts on the same coupon stay as they were", async () => {
  const sales = new Sales(memory());
  const refused = await sales.keep(sale({ id: "r", state: "refused", code: "E403" }));
  const accepted = await sales.keep(sale({ id: "a" }));
  await sales.keep(sale({ id: "b", coupon: 6n }));
  expect(sales.on(noonMs)).toEqual({ count: 2, undone: 0, sum: 900n });
  expect(sales.mayUndo(accepted, noonMs)).toBe(true);
  expect(sales.mayUndo(refused, noonMs)).toBe(false);
  expect(sales.mayUndo(accepted, noonMs + 1000)).toBe(false);
  const undone = await sales.undo(accepted, noonMs + 500);
  expect(await sales.undo(accepted, noonMs + 600)).toBe(undone); // told twice, undone once
  expect(undone.id).toBe(saleId("undone", 5n, 0));
  expect(sales.mayUndo(accepted, noonMs)).toBe(false);
  expect(sales.all.value.map((s) => s.state).sort()).toEqual(["accepted", "accepted", "refused", "undone"]);
  expect(sales.on(noonMs)).toEqual({ count: 2, undone: 1, sum: 450n });
});

test("a day is the device's own, and rows of another form are left out", async () => {
  const store = memory();
  store.rows.set("sale/old", sale({ id: "old", state: "voided" as Sale["state"] }));
  store.rows.set("sale/before", sale({ id: "before", atMs: new Date(2026, 10, 28, 23, 59).getTime() }));
  store.rows.set("sale/first", sale({ id: "first", atMs: new Date(2026, 10, 29).getTime(), seq: 1 }));
  store.rows.set("sale/after", sale({ id: "after", atMs: new Date(2026, 10, 30).getTime(), seq: 2 }));
  const sales = new Sales(store);
  await sales.load();
  expect(sales.all.value.map((s) => s.id)).toEqual(["after", "first", "before"]);
  expect(store.rows.has("sale/old")).toBe(false);
  expect(sales.on(noonMs)).toEqual({ count: 1, undone: 0, sum: 450n });
});

test("what is not kept is not handed in; what was decided is shown also where it cannot be kept", async () => {
  const store = memory();
  const sales = new Sales(store);
  store.fails = true;
  await expect(sales.keep(sale({ state: "waiting" }))).rejects.toThrow("full");
  expect(sales.all.value).toEqual([]);
  await sales.settle(sale({}));
  expect(sales.all.value.map((s) => s.state)).toEqual(["accepted"]);
});

test("open bills are there after a restart, until they are decided", async () => {
  const store = memory();
  const bill = (digest: string, shown: boolean): OpenBill => ({
    digest,
    fragment: "",
    campaign: 0,
    title: "",
    amount: 900n,
    item: false,
    madeMs: noonMs,
    expiresMs: noonMs + 120_000,
    shown,
  });
  const bills = new Bills(store);
  await bills.keep(bill("one", true));
  await bills.keep(bill("one", false));
  await bills.keep(bill("two", true));
  const again = new Bills(store);
  await again.load();
  expect(again.open.map((b) => b.digest)).toEqual(["one", "two"]);
  expect(again.shown?.digest).toBe("two");
  await again.close("two");
  const last = new Bills(store);
  await last.load();
  expect(last.open.map((b) => b.digest)).toEqual(["one"]);
  expect(last.shown).toBeUndefined();
});

test("a till keeps its row before it shows it, also where no node tells the shop's name", async () => {
  const store = memory();
  const row = { member: 2, store: 1, currency: 978 } as ProvenTill;
  const link = { store, member: () => Promise.reject(new Error("away")) } as unknown as Link;
  const client = { till: () => Promise.resolve(row) } as unknown as Client;
  const till = new Till(link, SecretKey.generate("till"), { all: client, of: () => client });
  let kept: unknown;
  till.record.subscribe((shown) => {
    if (shown) kept = store.rows.get("record");
  });
  await expect(till.check()).rejects.toThrow("away");
  expect(kept).toEqual(row);
});
