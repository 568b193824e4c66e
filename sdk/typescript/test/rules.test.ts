import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { codeInfo, codes } from "../src/codes.ts";
import { devTerms } from "../src/dev.ts";
import { FalseAnswer, NotFound, Refusal, ScripError } from "../src/errors.ts";
import { afterEvent, eventIdText, messages, parseEventId } from "../src/events.ts";
import { checkAnswer, parseAnswer } from "../src/http.ts";
import { utf8 } from "../src/bytes.ts";
import {
  type Campaign,
  type Coupon,
  campaignStatus,
  couponAt,
  couponStatus,
  couponUntil,
  redemptionStatus,
} from "../src/rows.ts";
import { readShortCode } from "../src/services.ts";
import {
  type Terms,
  clipBasis,
  funderShares,
  goodAt,
  liability,
  payable,
  ruleValue,
  termsFault,
  useLiability,
} from "../src/terms.ts";
import { repository } from "./vectors.ts";

const root = repository("sdk/typescript");

const base: Terms = { ...devTerms(1000n, 0), budget: 10n ** 9n };
const terms = (changes: Partial<Terms>): Terms => ({ ...base, ...changes });
const percent = (bps: number, ceiling: bigint, rounding = 0): Terms =>
  terms({ valueKind: "PERCENT", face: 0n, bps, ceiling, rounding });

interface Bill {
  mode?: "INVOICE" | "SHOW";
  authValue?: bigint;
  valueLeft?: bigint;
  basis?: bigint;
  qty?: number;
  unit?: bigint;
}
const value = (t: Terms, b: Bill): bigint =>
  ruleValue(t, { mode: "INVOICE", authValue: 0n, valueLeft: 0n, basis: 0n, qty: 0, unit: 0n, ...b });

test("the worked examples of the domain rules: values and what is owed for them", () => {
  const voucher = terms({ face: 2000n, minSpend: 5000n, fee: 10n });
  assert.deepEqual(
    [value(voucher, { basis: 8000n }), payable(voucher, 2000n), liability(voucher)],
    [2000n, 2010n, 2010n],
  );
  const face = terms({ reimburse: "FACE" });
  assert.deepEqual([value(face, { basis: 800n }), payable(face, 800n)], [800n, 1000n]);
  const half = terms({ reimburseBps: 5000, fee: 5n });
  assert.deepEqual([value(half, { basis: 801n }), payable(half, 801n), liability(half)], [801n, 405n, 505n]);
  assert.equal(value(percent(1500, 5000n), { basis: 12345n }), 1851n);
  assert.equal(value(percent(1500, 5000n, 1), { basis: 12345n }), 1852n);
  assert.equal(value(percent(100, 5000n), { basis: 50n }), 0n);
  assert.equal(value(percent(100, 5000n, 1), { basis: 50n }), 1n);
  const item = terms({ valueKind: "FREE_ITEM", face: 450n });
  assert.deepEqual(
    [480n, 380n].map((unit) => value(item, { unit, qty: 1, basis: unit })),
    [450n, 380n],
  );
  const stored = terms({ valueKind: "STORED", face: 5000n, uses: 3, fee: 5n });
  assert.deepEqual([liability(stored), payable(stored, 1999n)], [5015n, 2004n]);
  assert.equal(value(stored, { mode: "SHOW", authValue: 5000n, valueLeft: 5000n, basis: 1200n }), 1200n);
  assert.equal(liability(terms({ face: 300n, uses: 3 })), 900n);
  const two = terms({
    budget: 1001n,
    funders: [
      { member: 1, shareBps: 6667 },
      { member: 2, shareBps: 3333 },
    ],
  });
  assert.deepEqual(funderShares(two), [668n, 333n]);
});

test("a clipped basis gives the same value", () => {
  assert.equal(clipBasis(percent(2000, 5000n), 40_000n), 25_000n);
  assert.equal(clipBasis(terms({ face: 2000n, minSpend: 5000n }), 8000n), 5000n);
  assert.equal(clipBasis(terms({ face: 2000n }), 1500n), 1500n);
  const item = terms({ valueKind: "FREE_ITEM", face: 450n });
  assert.equal(clipBasis(item, 9000n, 2, 480n), 960n);
  assert.equal(clipBasis(item, 470n, 1, 480n), 470n);
  for (const t of [base, percent(1234, 777n), percent(1234, 777n, 1), item, terms({ face: 333n, minSpend: 500n })]) {
    for (let basis = 0n; basis < 9000n; basis += 131n) {
      const clipped = clipBasis(t, basis, 1, 300n);
      assert.ok(clipped <= basis);
      assert.equal(
        value(t, { basis: clipped, unit: 300n }),
        value(t, { basis, unit: 300n }),
        `${t.valueKind} ${basis}`,
      );
      assert.equal(clipped < t.minSpend, basis < t.minSpend);
    }
  }
});

test("terms that contradict themselves", () => {
  assert.equal(termsFault(base), undefined);
  assert.equal(termsFault(percent(1500, 5000n)), undefined);
  assert.equal(useLiability(percent(1500, 5000n)), 5000n);
  for (const [changes, why] of [
    [{ valueKind: "BUY_GET" }, "not available"],
    [{ buy: 1 }, "buy and get"],
    [{ reimburseBps: 9999 }, "needs a list of shops"],
    [{ reimburse: "FACE", reimburseBps: 5000, shops: [{ member: 2, store: 0 }] }, "needs reimbursement 10000"],
    [{ reimburse: "FACE", valueKind: "STORED" }, "reimburses the value used"],
    [{ valueKind: "PERCENT" }, "needs bps and ceiling"],
    [{ face: 0n }, "needs a face"],
    [{ budget: 999n }, "may cost 1000"],
  ] as const) {
    assert.ok(termsFault(terms(changes as Partial<Terms>))?.includes(why), why);
  }
});

test("where a coupon is good", () => {
  const t = terms({
    shops: [
      { member: 2, store: 0 },
      { member: 3, store: 7 },
    ],
  });
  assert.deepEqual([goodAt(t, 2, 9), goodAt(t, 3, 7), goodAt(t, 3, 8), goodAt(base, 9, 9)], [true, true, false, true]);
});

const campaign: Campaign = {
  state: "PUBLISHED",
  issuer: 1,
  version: 1,
  nextSerial: 11,
  batches: 1,
  issued: 1,
  usedUp: 0,
  redemptions: 0,
  voids: 0,
  committed: 1000n,
  accrued: 0n,
  redeemUntil: 10_000,
  stretchMs: 0,
  sweepAt: 0,
};
const held: Coupon = {
  owner: new Uint8Array(32),
  seq: 1,
  version: 1,
  usesLeft: 1,
  valueLeft: 0n,
  claimedAt: 1000,
  floor: 0,
  transfersLeft: 1,
  status: "HELD",
};

test("coupons, campaigns and redemptions at a time", () => {
  const t = terms({ relativeMs: 60_000, rollbackMs: 500, graceMs: 10 });
  assert.equal(couponUntil(held, t, campaign), 10_000);
  assert.equal(couponUntil(held, t, { ...campaign, redeemUntil: 99_000 }), 61_000);
  assert.equal(couponUntil({ ...held, floor: 12_345 }, t, campaign), 12_345);
  const gifted: Coupon = { ...held, status: "GIFTED", gift: { key: new Uint8Array(32), until: 5000 } };
  assert.equal(couponAt(gifted, 4999).status, "GIFTED");
  assert.deepEqual(couponAt(gifted, 5000), held);
  const at = (c: Coupon, ms: number): string => couponStatus(c, t, campaign, ms);
  assert.deepEqual(
    [at(held, 9999), at(held, 10_000), at(gifted, 5000), at(gifted, 10_000)],
    ["HELD", "EXPIRED", "HELD", "EXPIRED"],
  );
  assert.equal(at({ ...held, status: "REDEEMED" }, 10_000), "REDEEMED");
  const end = 10_000 + 2 * 510 + 86_400_000;
  const status = (g: Partial<Campaign>, ms: number): string => campaignStatus(t, { ...campaign, ...g }, ms);
  assert.deepEqual([status({}, end - 1), status({}, end)], ["PUBLISHED", "ENDED"]);
  assert.deepEqual([status({ issued: 100 }, 0), status({ state: "PAUSED", issued: 100 }, 0)], ["EXHAUSTED", "PAUSED"]);
  assert.equal(status({ committed: t.budget - 999n }, 0), "EXHAUSTED");
  const r = { state: "ACCRUED" as const, finalAt: 5 };
  const redemption = {
    ...r,
    tillKey: held.owner,
    member: 1,
    store: 1,
    invoiceDigest: held.owner,
    mode: "SHOW" as const,
  };
  const full = { ...redemption, value: 1n, payable: 1n, at: 0 };
  assert.deepEqual([redemptionStatus(full, 4), redemptionStatus(full, 5)], ["ACCRUED", "FINAL"]);
  assert.equal(redemptionStatus({ ...full, state: "VOIDED" }, 5), "VOIDED");
});

test("short codes: as people type them, and every slip of a finger", () => {
  // The 45 bits 0x123456789AB, worked out apart from any program.
  const code = "14D2P-F2DBR";
  assert.equal(readShortCode("l4d2p f2dbr"), code);
  const digits = code.replace("-", "");
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  for (let i = 0; i < digits.length; i++) {
    for (const c of alphabet) {
      const typed = digits.slice(0, i) + c + digits.slice(i + 1);
      assert.equal(readShortCode(typed), typed === digits ? code : undefined, typed);
    }
    const [a, b] = [digits.charAt(i), digits.charAt(i + 1)];
    if (b && a !== b) assert.equal(readShortCode(digits.slice(0, i) + b + a + digits.slice(i + 2)), undefined);
  }
  for (const bad of ["", "14D2P", "14D2P-F2DBRR", "14D2P-F2DBU", "0".repeat(100)])
    assert.equal(readShortCode(bad), undefined);
});

test("answers are taken only in their shape", () => {
  const time = { utc: "2026-01-01T00:00:00.000Z", ms: "1767225600000" };
  const good = { key: "01", found: true, height: "1", time, state_root: "", final: true, proof: "", header: "" };
  assert.deepEqual(checkAnswer("StateAnswer", { ...good, new_field: 1 }), good);
  for (const [field, wrong] of [
    ["found", "true"],
    ["height", 1],
    ["time", null],
    ["time", { utc: "" }],
    ["proof", undefined],
  ] as const) {
    assert.throws(() => checkAnswer("StateAnswer", { ...good, [field]: wrong }), FalseAnswer, field);
  }
  const page = { items: null, height: "1", time, final: true };
  assert.deepEqual(checkAnswer("PageStepAnswer", page).items, []);
  assert.throws(() => checkAnswer("PageStepAnswer", { ...page, items: {} }), FalseAnswer);
  for (const bad of ["", "null", "[]", "1", '{"items":']) {
    assert.throws(() => parseAnswer("StatusAnswer", utf8(bad)), FalseAnswer, bad);
  }
});

async function read(...chunks: string[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start: (c) => {
      for (const text of chunks) c.enqueue(utf8(text));
      c.close();
    },
  });
  const out: string[] = [];
  for await (const data of messages(body, () => undefined)) out.push(data);
  return out;
}

test("event streams, however they are cut into pieces", async () => {
  const stream = 'retry: 2000\n\n: 17\n\nid: 1.0.0\nevent: x\ndata: {"a":\ndata: 1}\n\ndata:é\r\n\r\ndata: cut';
  const want = ['{"a":\n1}', "é"];
  assert.deepEqual(await read(stream), want);
  assert.deepEqual(await read(...stream), want);
  await assert.rejects(read(`data: ${"x".repeat(300_000)}`), FalseAnswer);
  assert.deepEqual(parseEventId("12.3.0"), { height: 12, tx: 3, index: 0 });
  assert.equal(eventIdText(afterEvent(parseEventId("12"))), "12.0.1");
  for (const bad of ["", "1.2", "1.2.3.4", "-1", "1.x.0", "9".repeat(20)])
    assert.throws(() => parseEventId(bad), RangeError);
});

test("errors carry the program's code, word and advice", () => {
  const e: ScripError = new Refusal("ab".repeat(32), "E509", { members: 2, detail: "" });
  assert.deepEqual([e.code, e.word, e.info?.name], ["E509", "already_redeemed", "ALREADY_REDEEMED"]);
  assert.ok(e.message.includes("at the door") && e.message.includes("used up"));
  assert.equal(new NotFound("coupon 1", 7, 0).word, "not_found");
  assert.equal(codeInfo("OK"), undefined);
  assert.ok(codes().filter((c) => /^E\d{3}$/.test(c.code)).length >= 60);
});

test("the generated sources are current", () => {
  execFileSync(process.execPath, [join(root, "scripts/generate.mjs"), "--check"], { stdio: "pipe" });
});

test("the sources run in browsers and are typed throughout", () => {
  const all = readdirSync(join(root, "src"), { recursive: true }) as string[];
  for (const name of all.filter((file) => file.endsWith(".ts"))) {
    const text = readFileSync(join(root, "src", name), "utf8");
    assert.doesNotMatch(text, /from "node:|\brequire\("|\bprocess\.|\bBuffer\b|crypto\.subtle/, name);
    assert.doesNotMatch(text, /: any\b|<any>|as any\b|@ts-/, name);
    assert.ok(
      (text.split("\n").length < 1000 || name === "answers.ts") && // which is generated
        text.split("\n").every((l) => l.length <= 120 || name === "answers.ts" || name === "codes.ts"),
      name,
    );
  }
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(
    readFileSync(join(root, "package-lock.json"), "utf8"),
    /https?:\/\/(?!github\.com|paulmillr\.com|opencollective\.com)/,
  );
});
