/**
 * The rows of the state: their keys, their values, and what follows from them at a time
 * (rules 3.2, 3.9, 3.15). Decoders throw a WireError.
 */
import { compare } from "./bytes.ts";
import { type Mode, campaignOf, modes, serialOf } from "./objects.ts";
import { type Terms, liability, readMoney, readName, readTime } from "./terms.ts";
import { type Reader, decode } from "./wire.ts";

/** The first byte of a row's key. */
const Prefix = {
  params: 1,
  member: 2,
  funding: 3,
  till: 4,
  campaign: 5,
  terms: 6,
  batch: 7,
  coupon: 8,
  holder: 9,
  redemption: 10,
  obligation: 11,
  seen: 12,
  protocol: 0x0d,
  money: 0x0e,
  refundBucket: 0x10,
  cycle: 0x12,
  position: 0x13,
  debt: 0x14,
  unpaid: 0x15,
  refund: 0x16,
  service: 0x23,
  currency: 0x29,
  pending: 0x2e,
  givenBack: 0x2f,
  seen2: 0x47,
} as const;

/** Joins a prefix and parts; numbers are big-endian, so that ranges iterate in order. */
function key(
  prefix: number,
  ...parts: (Uint8Array | readonly [value: number | bigint, bytes: 1 | 2 | 4 | 8])[]
): Uint8Array {
  const out = [prefix];
  for (const p of parts) {
    if (p instanceof Uint8Array) {
      out.push(...p);
      continue;
    }
    const [value, bytes] = p;
    const v = BigInt(value);
    if (v < 0n || v >> BigInt(8 * bytes) !== 0n) throw new RangeError(`${v} is no u${8 * bytes}`);
    for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push(Number((v >> BigInt(shift)) & 0xffn));
  }
  return Uint8Array.from(out);
}

/** Keys of rows. */
export const rowKey = {
  params: (): Uint8Array => key(Prefix.params),
  member: (member: number): Uint8Array => key(Prefix.member, [member, 2]),
  funding: (member: number, currency: number): Uint8Array => key(Prefix.funding, [member, 2], [currency, 2]),
  till: (tillKey: Uint8Array): Uint8Array => key(Prefix.till, tillKey),
  campaign: (campaign: number): Uint8Array => key(Prefix.campaign, [campaign, 4]),
  terms: (campaign: number, version: number): Uint8Array => key(Prefix.terms, [campaign, 4], [version, 2]),
  batch: (campaign: number, batch: number): Uint8Array => key(Prefix.batch, [campaign, 4], [batch, 2]),
  coupon: (coupon: bigint): Uint8Array => key(Prefix.coupon, [campaignOf(coupon), 4], [serialOf(coupon), 4]),
  holder: (campaign: number, owner: Uint8Array): Uint8Array => key(Prefix.holder, [campaign, 4], owner),
  redemption: (coupon: bigint, seq: number): Uint8Array => key(Prefix.redemption, [coupon, 8], [seq, 4]),
  obligation: (cycle: number, campaign: number, payee: number): Uint8Array =>
    key(Prefix.obligation, [cycle, 4], [campaign, 4], [payee, 2]),
  seen: (bucket: bigint): Uint8Array => key(Prefix.seen, [bucket, 8]),
  // Of version 2 of the rules.
  protocol: (): Uint8Array => key(Prefix.protocol),
  money: (campaign: number): Uint8Array => key(Prefix.money, [campaign, 4]),
  refundBucket: (cycle: number, campaign: number, payee: number): Uint8Array =>
    key(Prefix.refundBucket, [cycle, 4], [campaign, 4], [payee, 2]),
  cycle: (cycle: number): Uint8Array => key(Prefix.cycle, [cycle, 4]),
  position: (cycle: number, currency: number, member: number): Uint8Array =>
    key(Prefix.position, [cycle, 4], [currency, 2], [member, 2]),
  /** book is 0 for secured debts, 1 for the others. */
  debt: (cycle: number, currency: number, book: number, payer: number, payee: number): Uint8Array =>
    key(Prefix.debt, [cycle, 4], [currency, 2], [book, 1], [payer, 2], [payee, 2]),
  unpaid: (member: number, cycle: number): Uint8Array => key(Prefix.unpaid, [member, 2], [cycle, 4]),
  refund: (coupon: bigint, seq: number): Uint8Array => key(Prefix.refund, [coupon, 8], [seq, 4]),
  service: (serviceKey: Uint8Array): Uint8Array => key(Prefix.service, serviceKey),
  currency: (number: number): Uint8Array => key(Prefix.currency, [number, 2]),
  pending: (member: number): Uint8Array => key(Prefix.pending, [member, 2]),
  givenBack: (tillKey: Uint8Array): Uint8Array => key(Prefix.givenBack, tillKey),
  seen2: (bucket: bigint): Uint8Array => key(Prefix.seen2, [bucket, 8]),
};

/** Running numbers and constants. */
export interface Params {
  nextCampaign: number;
  nextMember: number;
  cycleMs: number;
}

/** An organisation. */
export interface Member {
  state: "ACTIVE" | "SUSPENDED" | "LEFT";
  /** A bit set: issuer 1, merchant 2, payment 4, mall 8, attester 16. */
  roles: number;
  /** How many of its keys must sign. */
  threshold: number;
  keys: Uint8Array[];
  name: string;
}

/** What a member may lock, and has locked, in one currency. */
export interface Funding {
  limit: bigint;
  locked: bigint;
}

/** A registered till key. */
export interface Till {
  state: "ACTIVE" | "REVOKED";
  member: number;
  store: number;
  /** A bit set: see Right. */
  rights: number;
  currency: number;
  validFrom: number;
  validUntil: number;
  dayCap: bigint;
  day: number;
  daySum: bigint;
  label: string;
}

/** A campaign's counters; its rules are its terms. */
export interface Campaign {
  state: "PUBLISHED" | "PAUSED" | "CLOSED";
  issuer: number;
  version: number;
  nextSerial: number;
  batches: number;
  issued: number;
  usedUp: number;
  redemptions: number;
  voids: number;
  committed: bigint;
  accrued: bigint;
  redeemUntil: number;
  stretchMs: number;
  sweepAt: number;
}

/** A range of serials that one ticket key may hand out. */
export interface Batch {
  first: number;
  count: number;
  ticketKey: Uint8Array;
}

/** One coupon. gift is there while it is stored as offered. */
export interface Coupon {
  owner: Uint8Array;
  seq: number;
  version: number;
  usesLeft: number;
  valueLeft: bigint;
  claimedAt: number;
  floor: number;
  transfersLeft: number;
  status: "HELD" | "GIFTED" | "REDEEMED";
  gift?: { key: Uint8Array; until: number };
}

/** One accepted redemption. */
export interface Redemption {
  state: "ACCRUED" | "VOIDED";
  tillKey: Uint8Array;
  member: number;
  store: number;
  invoiceDigest: Uint8Array;
  mode: Mode;
  value: bigint;
  payable: bigint;
  at: number;
  finalAt: number;
}

/** What a campaign owes one payee in one settlement cycle. */
export interface Obligation {
  sum: bigint;
  count: number;
}

/** Decodes the row of running numbers. */
export const decodeParams = (b: Uint8Array): Params =>
  decode(b, (r) => {
    const p = { nextCampaign: r.u32(), nextMember: r.u16(), cycleMs: r.u53() };
    r.require(p.nextCampaign >= 1 && p.nextMember >= 1, "running number 0");
    r.require(p.cycleMs >= 3_600_000, "cycle below an hour");
    return p;
  });

/** Decodes a member row. */
export const decodeMember = (b: Uint8Array): Member =>
  decode(b, (r) => {
    const state = readName(r, ["ACTIVE", "SUSPENDED", "LEFT"] as const);
    const head = { state, roles: r.enum8(31), threshold: r.u8() };
    let last: Uint8Array | undefined;
    const keys = r.list(8, 32, () => {
      const k = r.raw(32);
      r.require(last === undefined || compare(last, k) < 0, "admin keys not ascending");
      last = k;
      return k;
    });
    const m = { ...head, keys, name: r.text(64) };
    r.require(m.threshold >= 1 && m.threshold <= keys.length, "threshold beyond the number of keys");
    return m;
  });

/** Decodes a funding row. */
export const decodeFunding = (b: Uint8Array): Funding =>
  decode(b, (r) => ({ limit: readMoney(r), locked: readMoney(r) }));

/** Rights of a till key, a bit set. */
export const Right = { redeem: 1, voidOwn: 2, voidAny: 4 } as const;

/** A bit set of rights; 1 to 7. */
export function readRights(r: Reader): number {
  const v = r.u8();
  r.require(v >= 1 && v <= 7, "rights beyond 1..7");
  return v;
}

/** Decodes a till row. */
export const decodeTill = (b: Uint8Array): Till =>
  decode(b, (r) => {
    const head = { state: readName(r, ["ACTIVE", "REVOKED"] as const), member: r.u16(), store: r.u16() };
    const what = { rights: readRights(r), currency: r.u16(), validFrom: readTime(r), validUntil: readTime(r) };
    const day = { dayCap: readMoney(r), day: r.u32(), daySum: readMoney(r) };
    return { ...head, ...what, ...day, label: r.text(32) };
  });

/** Decodes a campaign row. */
export const decodeCampaign = (b: Uint8Array): Campaign =>
  decode(b, (r) => {
    const state = readName(r, ["PUBLISHED", "PAUSED", "CLOSED"] as const);
    const head = { state, issuer: r.u16(), version: r.u16(), nextSerial: r.u32(), batches: r.u16() };
    const counts = { issued: r.u32(), usedUp: r.u32(), redemptions: r.u32(), voids: r.u32() };
    const sums = { committed: readMoney(r), accrued: readMoney(r) };
    return { ...head, ...counts, ...sums, redeemUntil: readTime(r), stretchMs: readTime(r), sweepAt: r.u32() };
  });

/** Decodes a batch row. */
export const decodeBatch = (b: Uint8Array): Batch =>
  decode(b, (r) => ({ first: r.u32(), count: r.u32(), ticketKey: r.raw(32) }));

function readCoupon(r: Reader): Coupon {
  const head = { owner: r.raw(32), seq: r.u32(), version: r.u16(), usesLeft: r.u16(), valueLeft: readMoney(r) };
  const times = { claimedAt: readTime(r), floor: r.u53(), transfersLeft: r.u8() };
  const c: Coupon = { ...head, ...times, status: readName(r, ["HELD", "GIFTED", "REDEEMED"] as const) };
  if (c.status === "GIFTED") c.gift = { key: r.raw(32), until: readTime(r) };
  return c;
}

/** Decodes a coupon row. */
export const decodeCoupon = (b: Uint8Array): Coupon => decode(b, readCoupon);

/** How many coupons of the campaign a key has claimed. */
export const decodeHolder = (b: Uint8Array): number => decode(b, (r) => r.u16());

/** Decodes a redemption row. */
export const decodeRedemption = (b: Uint8Array): Redemption =>
  decode(b, (r) => {
    const state = readName(r, ["ACCRUED", "VOIDED"] as const);
    const head = { state, tillKey: r.raw(32), member: r.u16(), store: r.u16(), invoiceDigest: r.raw(32) };
    const value = { mode: readName(r, modes), value: readMoney(r), payable: readMoney(r) };
    return { ...head, ...value, at: readTime(r), finalAt: r.u53() };
  });

/** Decodes an obligation row. */
export const decodeObligation = (b: Uint8Array): Obligation =>
  decode(b, (r) => {
    const o = { sum: r.u64(), count: r.u32() };
    r.require(o.count >= 1, "empty obligation");
    return o;
  });

/** What certifies the members of one Seen bucket. */
export const decodeSeen = (b: Uint8Array): { count: number; chain: Uint8Array } =>
  decode(b, (r) => {
    const s = { count: r.u32(), chain: r.raw(32) };
    r.require(s.count >= 1, "empty bucket");
    return s;
  });

/** When holding, giving and trading of a coupon end, Unix ms; redeeming ends terms.graceMs later. */
export function couponUntil(c: Coupon, t: Terms, g: Campaign): number {
  const end = t.relativeMs === 0 ? g.redeemUntil : Math.min(g.redeemUntil, c.claimedAt + t.relativeMs);
  return Math.max(c.floor, end + g.stretchMs);
}

/** A coupon as it is at a time: a gift whose time is over is HELD again. */
export function couponAt(c: Coupon, nowMs: number): Coupon {
  if (!c.gift || nowMs < c.gift.until) return c;
  const { gift: _, ...held } = c;
  return { ...held, status: "HELD" };
}

/** What a coupon is at a time. t are the terms of its own version. */
export function couponStatus(c: Coupon, t: Terms, g: Campaign, nowMs: number): Coupon["status"] | "EXPIRED" {
  const at = couponAt(c, nowMs);
  return at.status !== "REDEEMED" && nowMs >= couponUntil(at, t, g) ? "EXPIRED" : at.status;
}

const voidExtensionMs = 86_400_000;

/** From when on nothing of a campaign can change, Unix ms. */
export function campaignEnd(t: Terms, g: Campaign): number {
  return g.redeemUntil + g.stretchMs + 2 * (t.graceMs + t.rollbackMs) + voidExtensionMs;
}

/** What a campaign is at a time. */
export function campaignStatus(t: Terms, g: Campaign, nowMs: number): Campaign["state"] | "EXHAUSTED" | "ENDED" {
  if (nowMs >= campaignEnd(t, g)) return "ENDED";
  const exhausted = g.issued >= t.maxSupply || t.budget - g.committed < liability(t);
  return g.state === "PUBLISHED" && exhausted ? "EXHAUSTED" : g.state;
}

/** What a redemption is at a time. */
export function redemptionStatus(r: Redemption, nowMs: number): Redemption["state"] | "FINAL" {
  return r.state === "ACCRUED" && nowMs >= r.finalAt ? "FINAL" : r.state;
}
