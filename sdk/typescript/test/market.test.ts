// What a wallet signs for a trade, and what it does not: never more than it has shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex } from "../src/bytes.ts";
import type { ProvenCoupon } from "../src/client.ts";
import { RuleError } from "../src/errors.ts";
import * as market from "../src/market.ts";
import { signerOf } from "../src/signing.ts";
import * as tx from "../src/transactions.ts";
import { load, testChain } from "./vectors.ts";

const now = 1_800_000_000_000;
const clock = { chain: testChain, nowMs: () => now, authLimitMs: () => now + 150_000 };
const key = (n: number): tx.Signer => signerOf(new Uint8Array(32).fill(n));
const [seller, buyer, stranger] = [key(1), key(2), key(3)];

const code =
  (want: string) =>
  (e: unknown): boolean =>
    e instanceof RuleError && e.code === want;

const terms: tx.Terms = {
  issuer: 1,
  funders: [{ member: 1, shareBps: 10_000 }],
  currency: 978,
  title: "Coffee",
  termsHash: new Uint8Array(32).fill(1),
  productHash: new Uint8Array(32),
  valueKind: "AMOUNT",
  face: 500n,
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
  showMax: 0n,
  maxSupply: 100,
  budget: 50_000n,
  claimFrom: 0,
  claimUntil: now + 1,
  redeemFrom: 0,
  redeemUntil: now + 90 * 86_400_000,
  relativeMs: 0,
  graceMs: 0,
  rollbackMs: 0,
  holderCap: 0,
  transfer: "trade",
  maxTransfers: 5,
  resaleBps: 8_000,
  shops: [],
};

/** A proven coupon: what the tests change of it. */
function coupon(
  id: bigint,
  owner: tx.Signer,
  more: Partial<ProvenCoupon> = {},
  rules: Partial<tx.Terms> = {},
): ProvenCoupon {
  const t = { ...terms, ...rules };
  const campaign = { redeemUntil: t.redeemUntil, stretchMs: 0, stored: "PUBLISHED" as const, version: 1 };
  const row = {
    owner: owner.key,
    seq: 4,
    version: 1,
    usesLeft: t.uses,
    valueLeft: 0n,
    claimedAt: now - 1000,
    floor: 0,
    transfersLeft: 3,
    status: "HELD" as const,
  };
  return { ...row, id, campaign, terms: t, ...more } as unknown as ProvenCoupon;
}

const sold = (more: Partial<ProvenCoupon> = {}, rules: Partial<tx.Terms> = {}) =>
  coupon(tx.couponId(7, 3), seller, more, rules);
const given = (more: Partial<ProvenCoupon> = {}, rules: Partial<tx.Terms> = {}) =>
  coupon(tx.couponId(8, 5), buyer, more, rules);
const money: tx.MoneyAsk = { ask: "MONEY", price: 400n, currency: 978, payer: 4 };
const swap = market.wholeCoupon(8, 1, terms, now + 86_400_000, seller.key);
const day = { expires: now + 86_400_000 };
const view = (o: market.SignedOffer, c = sold()): market.OfferView => ({ ...o, sold: c, fault: undefined, nowMs: now });

test("an offer says what its seller was shown", () => {
  const { offer, signature } = market.offer(clock, sold(), seller, swap, { ...day, buyer: buyer.key });
  assert.ok(tx.verifyOffer(testChain, offer, signature));
  assert.deepEqual(
    [offer.coupon, offer.seq, offer.expires, hex(offer.buyer ?? assert.fail())],
    [tx.couponId(7, 3), 4, day.expires, hex(buyer.key)],
  );
  assert.ok(offer.ask === "SWAP" && offer.minUses === 1 && offer.campaign === 8 && hex(offer.get) === hex(seller.key));
});

test("nothing is offered that no node would let go", () => {
  const gift = { status: "GIFTED" as const, gift: { key: stranger.key, until: now + 1 } };
  const cases: [want: string, c: ProvenCoupon, ask: tx.SwapAsk | tx.MoneyAsk, expires?: number][] = [
    ["E509", sold({ status: "REDEEMED" }), swap],
    ["E504", sold({}, { redeemUntil: now }), swap],
    ["E401", sold({ owner: stranger.key }), swap],
    ["E404", sold(gift), swap],
    ["E402", sold({}, { transfer: "gift" }), swap],
    ["E402", sold({ transfersLeft: 0 }), swap],
    ["E406", sold(), swap, now],
    ["E406", sold(), swap, now + tx.offerAheadMsMax + 1],
    ["E405", sold(), { ...money, price: 401n }],
    ["E405", sold({}, { resaleBps: 0 }), { ...money, price: 1n }],
    ["E516", sold(), { ...money, currency: 840 }],
  ];
  for (const [want, c, ask, expires = day.expires] of cases) {
    assert.throws(() => market.offer(clock, c, seller, ask, { expires }), code(want), want);
  }
  assert.ok(
    market.offer(clock, sold({ gift: { ...gift.gift, until: now } }), seller, money, day),
    "a gift that is over",
  );
});

test("the ceiling of a price is a share of what the coupon can still give", () => {
  assert.equal(tx.resaleCeiling({ ...terms, face: 999n }, { usesLeft: 3, valueLeft: 0n }), 2397n);
  assert.equal(
    tx.resaleCeiling({ ...terms, valueKind: "PERCENT", face: 0n, ceiling: 100n }, { usesLeft: 2, valueLeft: 0n }),
    160n,
  );
  assert.equal(tx.resaleCeiling({ ...terms, valueKind: "STORED" }, { usesLeft: 9, valueLeft: 333n }), 266n);
  assert.equal(
    tx.resaleCeiling({ ...terms, face: tx.moneyMax }, { usesLeft: 1000, valueLeft: 0n }),
    800_000_000_000_000n,
  );
});

test("what is signed for a swap gives the coupon that was shown, and nothing else", () => {
  const o = market.offer(clock, sold(), seller, swap, day);
  const raw = market.signedSwap(clock, view(o), given(), buyer, buyer.key);
  const t = tx.checkTx(testChain, raw);
  assert.ok(t.fields.kind === "Trade" && t.fields.payment === undefined);
  const { accept, offer } = t.fields;
  assert.deepEqual(offer, o.offer);
  assert.deepEqual(
    [accept.coupon, accept.seq, hex(accept.to), hex(accept.offer)],
    [tx.couponId(8, 5), 4, hex(buyer.key), hex(tx.offerDigest(testChain, o.offer))],
  );
  assert.ok(accept.expires <= now + 150_000, "it cannot be used when nobody thinks of it any more");
});

test("a wallet takes no offer that is not the one it shows, or that gives less", () => {
  const o = market.offer(clock, sold(), seller, swap, day);
  const other = (more: Partial<tx.Offer>): market.SignedOffer => ({ ...o, offer: { ...o.offer, ...more } as tx.Offer });
  const named = market.offer(clock, sold(), seller, swap, { ...day, buyer: stranger.key });
  const late = { ...clock, nowMs: () => day.expires };
  const take =
    (v: market.OfferView, give = given(), by = buyer, c: typeof clock = clock) =>
    () =>
      market.signedSwap(c, v, give, by, by.key);
  const want = (ask: Partial<tx.SwapAsk>) => view(market.offer(clock, sold(), seller, { ...swap, ...ask }, day));
  for (const [why, expected, run] of [
    ["changed after it was signed", "E102", take(view(other({ expires: day.expires + 1 })))],
    ["another coupon was looked at", "E301", take(view(o, coupon(tx.couponId(7, 4), seller)))],
    ["the coupon has changed", "E403", take(view(o, sold({ seq: 5 })))],
    ["the coupon has another owner", "E401", take(view(o, sold({ owner: stranger.key })))],
    ["the coupon was used", "E509", take(view(o, sold({ status: "REDEEMED" })))],
    ["the coupon is over", "E504", take(view(o, sold({}, { redeemUntil: now })))],
    ["the offer is over", "E406", take(view(o), given({}, {}), buyer, late)],
    ["the offer is for somebody else", "E406", take(view(named))],
    ["the own offer", "E406", take(view(o), given({ owner: seller.key }), seller)],
    ["it asks for money", "E410", take(view(market.offer(clock, sold(), seller, money, day)))],
    ["the coupon itself is asked for", "E410", take(view(o), { ...given(), id: o.offer.coupon })],
    ["another campaign", "E410", take(view(o), { ...given(), id: tx.couponId(9, 1) })],
    ["another coupon of it", "E410", take(want({ want: tx.couponId(8, 6) }))],
    ["fewer uses", "E410", take(want({ minUses: 2 }))],
    ["less value", "E410", take(want({ minValue: 1n }))],
    ["a shorter life", "E410", take(want({ minUntil: terms.redeemUntil + 1 }))],
    ["an older version", "E410", take(want({ minVersion: 2 }))],
    ["a coupon of somebody else", "E401", take(view(o), given({ owner: stranger.key }))],
    ["one that may only be given", "E402", take(view(o), given({}, { transfer: "gift" }))],
  ] as const) {
    assert.throws(run, code(expected), why);
  }
  assert.ok(take(want({ want: tx.couponId(8, 5), minUses: 1, minUntil: terms.redeemUntil, minVersion: 1 }))());
});

test("a sale is put together only with a payment of exactly its price", () => {
  const o = market.offer(clock, sold(), seller, money, day);
  const accept = market.acceptSale(clock, view(o), buyer, buyer.key);
  const service = key(9);
  const paid = market.attestPayment(testChain, o.offer, accept.accept, service);
  const t = tx.checkTx(testChain, market.signedSale(testChain, o, accept, paid));
  assert.ok(t.fields.kind === "Trade" && t.fields.payment);
  assert.deepEqual([t.fields.accept.coupon, t.fields.accept.seq, t.fields.payment.pay.price], [0n, 0, 400n]);
  const attested = (pay: tx.Pay): market.SignedPay => ({
    pay,
    payKey: service.key,
    signature: tx.signPay(testChain, pay, service),
  });
  for (const [why, want, bad] of [
    ["not signed by its key", "E102", { ...paid, signature: accept.signature }],
    ["for less", "E101", attested({ ...paid.pay, price: 399n })],
    ["in another currency", "E101", attested({ ...paid.pay, currency: 840 })],
    ["of another member", "E101", attested({ ...paid.pay, member: 5 })],
    ["for another acceptance", "E101", attested({ ...paid.pay, subject: new Uint8Array(32).fill(5) })],
  ] as const) {
    assert.throws(() => market.signedSale(testChain, o, accept, bad), code(want), why);
  }
  assert.throws(() => market.acceptSale(clock, view(o, sold({ usesLeft: 0 })), buyer, buyer.key), code("E405"));
  const swapped = market.offer(clock, sold(), seller, swap, day);
  assert.throws(() => market.acceptSale(clock, view(swapped), buyer, buyer.key), code("E410"));
});

test("which terms may follow others is the table of the rules", () => {
  const { cases } = load<{ cases: { name: string; old: string; next: string; holds: boolean }[] }>(
    "coupon/testdata/amends.json",
  );
  assert.ok(cases.length > 60);
  for (const c of cases) {
    const fault = tx.amendFault(tx.decodeTerms(fromHex(c.old)), tx.decodeTerms(fromHex(c.next)));
    assert.equal(fault === undefined, c.holds, `${c.name}: ${fault}`);
  }
});

test("who must sign new terms", () => {
  const shops = [
    { member: 2, store: 0 },
    { member: 6, store: 1 },
    { member: 6, store: 2 },
  ];
  const current = {
    ...terms,
    issuer: 2,
    funders: [
      { member: 1, shareBps: 5_000 },
      { member: 2, shareBps: 5_000 },
    ],
  };
  assert.deepEqual(tx.mustSignAmend(current, current, { ...current, shops }), [1]);
  // Where shops bear a part by the first version, those of the new list sign, whatever it says now.
  assert.deepEqual(tx.mustSignAmend({ ...current, reimburseBps: 5_000 }, current, { ...current, shops }), [1, 6]);
});
