/**
 * Offers, acceptances and payments: what is signed for a trade (rules 3.20, 3.22). Their
 * bytes are their signing bodies.
 */
import { equal, isZero } from "./bytes.ts";
import { type Campaign, type Coupon, couponAt, couponUntil } from "./rows.ts";
import { campaignOf } from "./objects.ts";
import { type Chain, type Signer, Tag, verifySignature } from "./signing.ts";
import { type Terms, bpsMax, indexOfName, moneyMax, readMoney, readName, readTime } from "./terms.ts";
import { type Reader, Writer, decode } from "./wire.ts";

/** Sizes of the encoded objects, in bytes. */
export const offerSwapBytes = 149;
export const offerMoneyBytes = 97;
export const acceptBytes = 116;
export const payBytes = 84;

/** How far ahead of the block a posted offer may end. */
export const offerAheadMsMax = 30 * 86_400_000;

/** What a seller can ask for, in the order of the numbers from 0. */
export const asks = ["SWAP", "MONEY"] as const;

interface OfferFacts {
  coupon: bigint;
  /** The coupon is offered as it is at this sequence number; a change of it ends the offer. */
  seq: number;
  seller: Uint8Array;
  /** undefined: anyone may buy. */
  buyer: Uint8Array | undefined;
  /** Unix ms. */
  expires: number;
}

/** What the coupon must be that is given for the offered one, and the key that is to have it. */
export interface SwapAsk {
  ask: "SWAP";
  campaign: number;
  /** 0 = any of the campaign. */
  want: bigint;
  minUses: number;
  minValue: bigint;
  minUntil: number;
  minVersion: number;
  get: Uint8Array;
}

/** A price in minor units, and the payment member that has to attest it. */
export interface MoneyAsk {
  ask: "MONEY";
  price: bigint;
  currency: number;
  payer: number;
}

/** A seller's offer of a coupon. Nothing is locked: a change of the coupon, its end or its sale ends the offer. */
export type Offer = OfferFacts & (SwapAsk | MoneyAsk);

/** A buyer's acceptance of an offer; to receives the offered coupon. */
export interface Accept {
  /** The offer's digest. */
  offer: Uint8Array;
  buyer: Uint8Array;
  to: Uint8Array;
  /** The coupon that is given, with its sequence number; both 0 for money. */
  coupon: bigint;
  seq: number;
  /** Unix ms. */
  expires: number;
}

/** A payment member's word that it holds the price and owes it to the seller. */
export interface Pay {
  /** The acceptance's digest. */
  subject: Uint8Array;
  price: bigint;
  currency: number;
  member: number;
  /** The member's own reference, 32 bytes. */
  ref: Uint8Array;
  /** Unix ms. */
  expires: number;
}

/** Appends the 149 or 97 bytes of an offer. */
export function writeOffer(w: Writer, o: Offer): Writer {
  w.u64(o.coupon).u32(o.seq).fixed(o.seller, 32).u8(indexOfName(asks, o.ask));
  if (o.ask === "MONEY") {
    w.u64(o.price).u16(o.currency).u16(o.payer);
  } else {
    w.u32(o.campaign).u64(o.want).u16(o.minUses).u64(o.minValue).u64(o.minUntil).u16(o.minVersion).fixed(o.get, 32);
  }
  return w.fixed(o.buyer ?? new Uint8Array(32), 32).u64(o.expires);
}

function readAsk(r: Reader): SwapAsk | MoneyAsk {
  if (readName(r, asks) === "MONEY") {
    const m = { ask: "MONEY" as const, price: readMoney(r), currency: r.u16(), payer: r.u16() };
    r.require(m.price >= 1n, "price 0");
    return m;
  }
  const what = { campaign: r.u32(), want: r.u64(), minUses: r.u16(), minValue: readMoney(r), minUntil: readTime(r) };
  const s = { ask: "SWAP" as const, ...what, minVersion: r.u16(), get: r.raw(32) };
  r.require(s.campaign >= 1, "no campaign wanted");
  r.require(s.want === 0n || campaignOf(s.want) === s.campaign, "the coupon wanted is not of the campaign wanted");
  return s;
}

/** Reads an offer. */
export function readOffer(r: Reader): Offer {
  const head = { coupon: r.u64(), seq: r.u32(), seller: r.raw(32) };
  const ask = readAsk(r);
  const buyer = r.raw(32);
  return { ...head, ...ask, buyer: isZero(buyer) ? undefined : buyer, expires: readTime(r) };
}

/** Appends the 116 bytes of an acceptance. */
export function writeAccept(w: Writer, a: Accept): Writer {
  w.fixed(a.offer, 32).fixed(a.buyer, 32).fixed(a.to, 32);
  return w.u64(a.coupon).u32(a.seq).u64(a.expires);
}

/** Reads an acceptance. */
export function readAccept(r: Reader): Accept {
  const keys = { offer: r.raw(32), buyer: r.raw(32), to: r.raw(32) };
  return { ...keys, coupon: r.u64(), seq: r.u32(), expires: readTime(r) };
}

/** Appends the 84 bytes of a payment. */
export function writePay(w: Writer, p: Pay): Writer {
  return w.fixed(p.subject, 32).u64(p.price).u16(p.currency).u16(p.member).fixed(p.ref, 32).u64(p.expires);
}

/** Reads a payment. */
export function readPay(r: Reader): Pay {
  const head = { subject: r.raw(32), price: readMoney(r), currency: r.u16(), member: r.u16(), ref: r.raw(32) };
  r.require(head.price >= 1n, "price 0");
  return { ...head, expires: readTime(r) };
}

/** The bytes of an offer, acceptance or payment. */
export const encodeOffer = (o: Offer): Uint8Array => writeOffer(new Writer(), o).done();
export const encodeAccept = (a: Accept): Uint8Array => writeAccept(new Writer(), a).done();
export const encodePay = (p: Pay): Uint8Array => writePay(new Writer(), p).done();
/** Strict inverses; they throw a WireError. */
export const decodeOffer = (b: Uint8Array): Offer => decode(b, readOffer);
export const decodeAccept = (b: Uint8Array): Accept => decode(b, readAccept);
export const decodePay = (b: Uint8Array): Pay => decode(b, readPay);

/** The digest of an offer, which an acceptance names. */
export const offerDigest = (chain: Chain, o: Offer): Uint8Array => chain.hash(Tag.offer, encodeOffer(o));
/** The digest of an acceptance, which a payment is about. */
export const acceptDigest = (chain: Chain, a: Accept): Uint8Array => chain.hash(Tag.accept, encodeAccept(a));
/** The digest of a payment: what one trade uses up. */
export const payDigest = (chain: Chain, p: Pay): Uint8Array => chain.hash(Tag.pay, encodePay(p));

/** Every public key in an offer. */
export function offerKeys(o: Offer): Uint8Array[] {
  return [o.seller, ...(o.ask === "SWAP" ? [o.get] : []), ...(o.buyer ? [o.buyer] : [])];
}

/** Signs an offer with the seller's key. */
export const signOffer = (chain: Chain, o: Offer, seller: Signer): Uint8Array =>
  seller.sign(chain.message(Tag.offer, encodeOffer(o)));
/** Signs an acceptance with the buyer's key. */
export const signAccept = (chain: Chain, a: Accept, buyer: Signer): Uint8Array =>
  buyer.sign(chain.message(Tag.accept, encodeAccept(a)));
/** Signs a payment with a service key of the payment member. */
export const signPay = (chain: Chain, p: Pay, key: Signer): Uint8Array =>
  key.sign(chain.message(Tag.pay, encodePay(p)));

/** Reports whether an offer is signed by its seller. */
export function verifyOffer(chain: Chain, o: Offer, signature: Uint8Array): boolean {
  return verifySignature(o.seller, chain.message(Tag.offer, encodeOffer(o)), signature);
}

/** The highest price at which the terms let a coupon be sold: a share of what it can still give, rounded down. */
export function resaleCeiling(t: Terms, c: Pick<Coupon, "usesLeft" | "valueLeft">): bigint {
  const largest = t.face > t.ceiling ? t.face : t.ceiling;
  const worth = t.valueKind === "STORED" ? c.valueLeft : BigInt(c.usesLeft) * largest;
  return ((worth < moneyMax ? worth : moneyMax) * BigInt(t.resaleBps)) / BigInt(bpsMax);
}

/** A coupon with what its rules are judged by: the terms of its own version, and its campaign. */
export interface Standing {
  id: bigint;
  row: Coupon;
  terms: Terms;
  campaign: Campaign;
}

/** Why a coupon cannot be traded by an owner at a sequence number: the code that a node gives; undefined if it can. */
export function tradeFault(s: Standing, owner: Uint8Array, seq: number, nowMs: number): string | undefined {
  const c = couponAt(s.row, nowMs);
  if (c.status === "REDEEMED") return "E509";
  if (nowMs >= couponUntil(c, s.terms, s.campaign)) return "E504";
  if (!equal(c.owner, owner)) return "E401";
  if (c.seq !== seq) return "E403";
  if (c.status === "GIFTED") return "E404";
  return s.terms.transfer === "trade" && c.transfersLeft > 0 ? undefined : "E402";
}

/** Why an offer cannot be taken as the ledger stands: the code that a node gives; undefined if it can. */
export function offerFault(o: Offer, sold: Standing, buyer: Uint8Array, nowMs: number): string | undefined {
  const foreign = o.buyer !== undefined && !equal(o.buyer, buyer);
  if (nowMs >= o.expires || foreign || equal(o.seller, buyer)) return "E406";
  const fault = tradeFault(sold, o.seller, o.seq, nowMs);
  if (fault || o.ask === "SWAP") return fault;
  if (o.price > resaleCeiling(sold.terms, sold.row)) return "E405";
  return o.currency === sold.terms.currency ? undefined : "E516";
}

/** Why a coupon is not what a swap asks for: the code that a node gives; undefined if it is. */
export function swapFault(want: SwapAsk, given: Standing, buyer: Uint8Array, nowMs: number): string | undefined {
  const fault = tradeFault(given, buyer, given.row.seq, nowMs);
  if (fault) return fault;
  const c = given.row;
  const takes =
    campaignOf(given.id) === want.campaign &&
    (want.want === 0n || want.want === given.id) &&
    c.usesLeft >= want.minUses &&
    c.valueLeft >= want.minValue &&
    couponUntil(c, given.terms, given.campaign) >= want.minUntil &&
    c.version >= want.minVersion;
  return takes ? undefined : "E410";
}
