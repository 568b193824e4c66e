import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex } from "../src/bytes.ts";
import { eventTypes, eventTypesAt, kinds, kindsAt, specOf } from "../src/kinds/table.ts";
import { decodeReceipt, effectAnswer, eventOf } from "../src/receipt.ts";
import { decodeCampaign, decodeCoupon, decodeRedemption } from "../src/rows.ts";
import { type Fields, parseTx, signaturesOf } from "../src/transactions.ts";
import { couponVectors as v1, couponVectors2 as v2, load, named, testChain } from "./vectors.ts";

const v = {
  transactions: [...v1.transactions, ...v2.transactions],
  receipts: [...v1.receipts, ...v2.receipts],
  rows: [...v1.rows, ...v2.rows],
};
/** Fields of 32 bytes that are no keys. */
const digests = ["termsHash", "productHash", "basketHash", "invoiceDigest", "offer", "subject", "ref"];
/** Kinds that leave no row which shows that they were accepted. */
const unmarked = ["CampaignPublish", "CampaignPause", "CampaignResume", "CampaignClose", "CouponIssue", "OfferPost",
  "Refund", "PaymentPosted", "PaymentConfirmed", "MemberKeys"];
/** Kinds of version 2 that only members' own programs sign and show: they follow. */
const later = ["GovPropose", "GovVote", "SeatKey", "SeatReady", "Misbehaviour"];

/** Every byte string inside a value, by the name of its field. */
function bytesIn(value: unknown, name = ""): [string, Uint8Array][] {
  if (value instanceof Uint8Array) return [[name, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, x]) => bytesIn(x, key));
}

test("the kinds are those of the rules, each with its number and its events", () => {
  const rules = load<{ kinds: Record<string, string> }>("coupon/testdata/endings.json").kinds;
  const numbered = Object.fromEntries(kinds.map((k) => [String(specOf(k).number), k]));
  const known = Object.fromEntries(Object.entries(rules).filter(([, name]) => !later.includes(name)));
  assert.deepEqual({ "0": rules["0"], ...numbered }, known);
  const events = (of: { name: string; bytes: string }[]): string[] => {
    const mine = of.filter((r) => kinds.some((k) => specOf(k).number === fromHex(r.bytes)[34]));
    return [...new Set(mine.map((r) => r.name).filter((name) => !/^E\d/.test(name)))].sort();
  };
  assert.deepEqual([...eventTypes].sort(), events(v.receipts));
  assert.deepEqual([...eventTypesAt(1)].sort(), events(v1.receipts));
  assert.deepEqual(kindsAt(1).map((k) => specOf(k).number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

for (const kind of kinds) {
  test(`nothing of ${kind} is missing`, () => {
    const spec = specOf(kind);
    const samples = v.transactions.filter((t) => t.kind === spec.number);
    assert.ok(samples.length > 0, "no vector");
    for (const sample of samples) {
      const tx = parseTx(fromHex(sample.raw));
      const checked = spec.keys(tx.fields).map(hex);
      for (const [name, bytes] of bytesIn(tx.fields)) {
        assert.ok(digests.includes(name) || checked.includes(hex(bytes)), `the key ${name} is not checked`);
      }
      const further = spec.furtherOf?.(tx.fields) ?? spec.further;
      assert.equal(signaturesOf(testChain, tx).length, tx.members.length + further);
      assert.equal(spec.mark(tx.fields) === undefined, unmarked.includes(kind), "the mark");
    }
    // id, code, kind: what follows in a receipt is the kind's, and shows in the effect.
    const receipts = v.receipts.map((r) => fromHex(r.bytes)).filter((b) => b[34] === spec.number && b[32] === 0);
    assert.ok(receipts.length > 0, "no receipt among the vectors");
    for (const receipt of receipts) {
      const shown = (b: Uint8Array): string => JSON.stringify(effectAnswer(decodeReceipt(b).effect ?? assert.fail()));
      for (let at = 35; at < receipt.length; at++) {
        const other = receipt.slice();
        other[at] = (other[at] ?? 0) ^ 1;
        let answer: string;
        try {
          answer = shown(other);
        } catch {
          continue; // no such receipt
        }
        assert.notEqual(answer, shown(receipt), `byte ${at} of the receipt shows nowhere`);
      }
    }
  });
}

test("a trade occurs for each coupon that changes hands, everything else once", () => {
  const stated = (bytes: string) => decodeReceipt(fromHex(bytes));
  let twice = 0;
  for (const r of v.receipts.filter((x) => !/^E\d/.test(x.name))) {
    const o = stated(r.bytes);
    const effect = o.effect ?? assert.fail();
    const times = specOf(effect.kind).times?.(effect as never) ?? 1;
    assert.equal(eventOf(o), r.name);
    if (times === 1) continue;
    assert.ok(effect.kind === "Trade" && effect.other !== 0n && times === 2);
    twice++;
  }
  assert.equal(twice, 1, "a swap among the vectors");
});

test("a row tells of each kind whether it was accepted", () => {
  const row = (name: string): Uint8Array => fromHex(named(v.rows, name).value);
  const none = new Uint8Array();
  const sample = <K extends Fields["kind"]>(kind: K): Extract<Fields, { kind: K }> => {
    const found = v.transactions.find((t) => t.kind === specOf(kind).number) ?? assert.fail();
    return parseTx(fromHex(found.raw)).fields as Extract<Fields, { kind: K }>;
  };
  const unused = (f: Fields, r: Uint8Array): boolean | undefined => specOf(f.kind).mark(f)?.unused(r);
  const { nextSerial, version } = decodeCampaign(row("campaign"));
  const { seq } = decodeCoupon(row("coupon HELD"));
  const revoked = row("till").slice();
  revoked[0] = 1;
  const voided = row("redemption").slice();
  const at = voided.findIndex((_, i) => {
    const other = voided.slice();
    other[i] = (other[i] ?? 0) ^ 1;
    try {
      return decodeRedemption(other).state === "VOIDED";
    } catch {
      return false;
    }
  });
  voided[at] = 1;
  const redeem = sample("Redeem");
  const trade = sample("Trade");
  const stopped = row("service key").slice();
  stopped[0] = 1;
  for (const [f, r, want] of [
    [sample("Claim"), none, true],
    [sample("Claim"), row("coupon HELD"), false],
    [{ ...sample("Transfer"), seq }, row("coupon HELD"), true],
    [{ ...sample("Transfer"), seq: seq - 1 }, row("coupon HELD"), false],
    [sample("Transfer"), none, false],
    [{ ...redeem, auth: { ...redeem.auth, seq } }, row("coupon HELD"), true],
    [{ ...redeem, auth: { ...redeem.auth, seq: seq - 1 } }, row("coupon HELD"), false],
    [sample("Void"), row("redemption"), true],
    [sample("Void"), voided, false],
    [sample("Void"), none, false],
    [{ ...sample("BatchCommit"), first: nextSerial }, row("campaign"), true],
    [{ ...sample("BatchCommit"), first: nextSerial - 1 }, row("campaign"), false],
    [sample("TillKeyAdd"), none, true],
    [sample("TillKeyAdd"), row("till"), false],
    [sample("TillKeyRevoke"), row("till"), true],
    [sample("TillKeyRevoke"), revoked, false],
    [sample("TillKeyRevoke"), none, false],
    [{ ...sample("CampaignAmend"), version: version + 1 }, row("campaign"), true],
    [{ ...sample("CampaignAmend"), version }, row("campaign"), false],
    [sample("CycleClose"), none, true],
    [sample("CycleClose"), row("cycle CLOSING"), false],
    [{ ...trade, offer: { ...trade.offer, seq } }, row("coupon HELD"), true],
    [{ ...trade, offer: { ...trade.offer, seq: seq - 1 } }, row("coupon HELD"), false],
    [trade, none, false],
    [sample("ServiceKeyAdd"), none, true],
    [sample("ServiceKeyAdd"), row("service key"), false],
    [sample("ServiceKeyRevoke"), row("service key"), true],
    [sample("ServiceKeyRevoke"), stopped, false],
    [sample("ServiceKeyRevoke"), none, true],
  ] as const) {
    assert.equal(unused(f, r), want, `${f.kind}, a row of ${r.length} bytes`);
  }
});
