/**
 * A campaign's immutable rules, and what follows from them: values, costs and ends
 * (rules 3.2, 3.6, 3.9, 3.14). Amounts are minor units as bigint, times are
 * Unix milliseconds as number.
 */
import { isZero } from "./bytes.ts";
import { type Reader, Writer, decode } from "./wire.ts";

/** The largest amount, in minor units. */
export const moneyMax = 1_000_000_000_000_000n;
/** The last representable millisecond, the end of the year 9999. */
export const timeMax = 253_402_300_799_999;
/** One whole in basis points. */
export const bpsMax = 10_000;
/** A coupon whose transfers are never counted down. */
export const transfersUnlimited = 255;

const fundersMax = 4;
const shopsMax = 256;
const titleBytesMax = 64;
const usesMax = 1000;
const supplyMax = 10_000_000;
const dayMs = 86_400_000;
const graceMsMax = 600_000;
const rollbackMsMax = 90 * dayMs;
const relativeMsMin = 60_000;
const relativeMsMax = 10 * 365 * dayMs;
const termsFormat = 1;

/** The value kinds, in the order of their numbers from 0. */
export const valueKinds = ["AMOUNT", "PERCENT", "FREE_ITEM", "STORED", "FIXED_PRICE", "BUY_GET"] as const;
/** By which rule a coupon's value follows from a bill. The last two decode, but no campaign may have them yet. */
export type ValueKind = (typeof valueKinds)[number];

/** The reimbursement rules, in the order of their numbers from 0. */
export const reimbursements = ["USED", "FACE"] as const;
/** Whether the funder pays for the value used, or for the face. */
export type Reimburse = (typeof reimbursements)[number];

/** The transfer modes, in the order of their numbers from 0. */
export const transferModes = ["none", "gift", "trade"] as const;
/** How far a coupon may be passed on. */
export type TransferMode = (typeof transferModes)[number];

/** One payer of a campaign. The first of a list bears remainders. */
export interface Funder {
  member: number;
  shareBps: number;
}

/** A place where a coupon is good; store 0 means all stores of the member. */
export interface Shop {
  member: number;
  store: number;
}

/** The rules of a campaign, in the order of their encoding. */
export interface Terms {
  issuer: number;
  funders: Funder[];
  /** ISO 4217 number. */
  currency: number;
  title: string;
  /** SHA-256 of the public terms, not zero. */
  termsHash: Uint8Array;
  /** SHA-256 of the list of goods; zeros = all goods. */
  productHash: Uint8Array;
  valueKind: ValueKind;
  face: bigint;
  bps: number;
  ceiling: bigint;
  minSpend: bigint;
  uses: number;
  buy: number;
  get: number;
  /** 0 = down, 1 = half up. */
  rounding: number;
  reimburse: Reimburse;
  reimburseBps: number;
  fee: bigint;
  /** The most that a shown code may take; 0 = never. */
  showMax: bigint;
  maxSupply: number;
  budget: bigint;
  claimFrom: number;
  claimUntil: number;
  redeemFrom: number;
  redeemUntil: number;
  relativeMs: number;
  graceMs: number;
  rollbackMs: number;
  /** Claims per key; 0 = no limit. */
  holderCap: number;
  transfer: TransferMode;
  maxTransfers: number;
  resaleBps: number;
  shops: Shop[];
}

/** The name of an enumerated byte. */
export function readName<T extends string>(r: Reader, names: readonly T[]): T {
  return names[r.enum8(names.length - 1)] as T;
}

/** The byte of a name. */
export function indexOfName<T extends string>(names: readonly T[], name: T): number {
  const i = names.indexOf(name);
  if (i < 0) throw new RangeError(`${JSON.stringify(name)} is none of ${names.join(", ")}`);
  return i;
}

/** Reads an amount. */
export const readMoney = (r: Reader): bigint => r.upTo(moneyMax);
/** Reads a time, Unix ms. */
export const readTime = (r: Reader): number => r.u53(timeMax);

/** Reads basis points. */
export function readBps(r: Reader): number {
  const v = r.u16();
  r.require(v <= bpsMax, `${v} basis points`);
  return v;
}

/** Appends the terms, format byte first. */
export function writeTerms(w: Writer, t: Terms): Writer {
  w.u8(termsFormat).u16(t.issuer);
  w.list(t.funders, (x, f) => x.u16(f.member).u16(f.shareBps));
  w.u16(t.currency).text(t.title).fixed(t.termsHash, 32).fixed(t.productHash, 32);
  w.u8(indexOfName(valueKinds, t.valueKind)).u64(t.face).u16(t.bps).u64(t.ceiling).u64(t.minSpend);
  w.u16(t.uses).u8(t.buy).u8(t.get).u8(t.rounding).u8(indexOfName(reimbursements, t.reimburse));
  w.u16(t.reimburseBps).u64(t.fee).u64(t.showMax).u32(t.maxSupply).u64(t.budget);
  for (const ms of [t.claimFrom, t.claimUntil, t.redeemFrom, t.redeemUntil, t.relativeMs]) w.u64(ms);
  w.u32(t.graceMs).u64(t.rollbackMs).u16(t.holderCap);
  w.u8(indexOfName(transferModes, t.transfer)).u8(t.maxTransfers).u16(t.resaleBps);
  return w.list(t.shops, (x, s) => x.u16(s.member).u16(s.store));
}

/** The bytes of a terms row. */
export function encodeTerms(t: Terms): Uint8Array {
  return writeTerms(new Writer(), t).done();
}

/** Decodes a terms row; throws a WireError. */
export function decodeTerms(b: Uint8Array): Terms {
  return decode(b, readTerms);
}

function readFunders(r: Reader): Funder[] {
  const funders: Funder[] = [];
  let sum = 0;
  const n = r.count(fundersMax, 4);
  r.require(n >= 1, "no funder");
  for (let i = 0; i < n; i++) {
    const f = { member: r.u16(), shareBps: readBps(r) };
    r.require(f.shareBps >= 1, "a funder without a share");
    r.require(!funders.some((o) => o.member === f.member), "a funder named twice");
    sum += f.shareBps;
    funders.push(f);
  }
  r.require(sum === bpsMax, "shares do not add up to 10000");
  return funders;
}

function readShops(r: Reader): Shop[] {
  let last = -1;
  return r.list(shopsMax, 4, () => {
    const s = { member: r.u16(), store: r.u16() };
    const place = s.member * 65_536 + s.store;
    r.require(place > last, "shops not ascending");
    last = place;
    return s;
  });
}

/** Reads terms, format byte first. */
export function readTerms(r: Reader): Terms {
  r.exactly(termsFormat, "format of terms");
  const head = { issuer: r.u16(), funders: readFunders(r), currency: r.u16(), title: r.text(titleBytesMax) };
  r.require(head.title !== "", "empty title");
  const hashes = { termsHash: r.raw(32), productHash: r.raw(32) };
  r.require(!isZero(hashes.termsHash), "terms hash is zero");
  const value = {
    valueKind: readName(r, valueKinds),
    face: readMoney(r),
    bps: readBps(r),
    ceiling: readMoney(r),
    minSpend: readMoney(r),
    uses: r.u16(),
    buy: r.u8(),
    get: r.u8(),
    rounding: r.enum8(1),
  };
  r.require(value.uses >= 1 && value.uses <= usesMax, "uses beyond 1..1000");
  const pay = {
    reimburse: readName(r, reimbursements),
    reimburseBps: readBps(r),
    fee: readMoney(r),
    showMax: readMoney(r),
    maxSupply: r.u32(),
    budget: readMoney(r),
  };
  r.require(pay.maxSupply >= 1 && pay.maxSupply <= supplyMax, "supply beyond its limit");
  const times = {
    claimFrom: readTime(r),
    claimUntil: readTime(r),
    redeemFrom: readTime(r),
    redeemUntil: readTime(r),
    relativeMs: r.u53(relativeMsMax),
    graceMs: r.u32(),
    rollbackMs: r.u53(rollbackMsMax),
  };
  r.require(times.relativeMs === 0 || times.relativeMs >= relativeMsMin, "relative life below a minute");
  r.require(times.graceMs <= graceMsMax, "grace beyond its limit");
  const passing = {
    holderCap: r.u16(),
    transfer: readName(r, transferModes),
    maxTransfers: r.u8(),
    resaleBps: readBps(r),
    shops: readShops(r),
  };
  r.require((passing.maxTransfers === 0) === (passing.transfer === "none"), "transfers are zero if and only if none");
  r.require(passing.resaleBps === 0 || passing.transfer === "trade", "resale without trade");
  return { ...head, ...hashes, ...value, ...pay, ...times, ...passing };
}

/** What a value rule looks at. */
export interface Use {
  mode: "INVOICE" | "SHOW";
  /** What the holder authorised: exact for INVOICE, the most for SHOW. */
  authValue: bigint;
  /** What the coupon holds; counts for STORED. */
  valueLeft: bigint;
  basis: bigint;
  qty: number;
  unit: bigint;
}

const least = (first: bigint, ...rest: bigint[]): bigint => rest.reduce((a, b) => (b < a ? b : a), first);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * The value that the terms give on a bill; 0 means that the rule gives nothing (E506).
 * For STORED in mode INVOICE it is the authorised value itself.
 */
export function ruleValue(t: Terms, u: Use): bigint {
  switch (t.valueKind) {
    case "AMOUNT":
      return least(t.face, u.basis);
    case "PERCENT":
      return least(t.ceiling, (u.basis * BigInt(t.bps) + (t.rounding === 1 ? 5000n : 0n)) / 10_000n);
    case "FREE_ITEM":
      return least(t.face, u.unit);
    case "STORED":
      return u.mode === "INVOICE" ? u.authValue : least(u.authValue, u.valueLeft, u.basis);
    default:
      return 0n;
  }
}

/** What the funders owe for a use of this value. */
export function payable(t: Terms, value: bigint): bigint {
  return reimbursed(t, value) + t.fee;
}

function reimbursed(t: Terms, value: bigint): bigint {
  return t.reimburse === "FACE" ? t.face : (value * BigInt(t.reimburseBps)) / 10_000n;
}

/** The most that one use can cost the funders. */
export function useLiability(t: Terms): bigint {
  const byCeiling = t.valueKind === "PERCENT" || t.valueKind === "FIXED_PRICE" || t.valueKind === "BUY_GET";
  return payable(t, byCeiling ? t.ceiling : t.face);
}

/** The most that one coupon can cost the funders over all its uses. */
export function liability(t: Terms): bigint {
  const uses = BigInt(t.uses);
  return t.valueKind === "STORED" ? reimbursed(t, t.face) + uses * t.fee : uses * useLiability(t);
}

/** What each funder locks for the budget; the first bears remainders. */
export function funderShares(t: Terms): bigint[] {
  const shares = t.funders.map((f, i) => (i === 0 ? 0n : (t.budget * BigInt(f.shareBps)) / 10_000n));
  shares[0] = t.budget - shares.reduce((a, b) => a + b, 0n);
  return shares;
}

/** The smallest basis that gives the same value, so that large bills stay private. */
export function clipBasis(t: Terms, basis: bigint, qty = 0, unit = 0n): bigint {
  let point = t.face;
  if (t.valueKind === "PERCENT" && t.bps > 0) {
    point = (t.ceiling * 10_000n + BigInt(t.bps) - 1n) / BigInt(t.bps);
  } else if (itemKind(t)) {
    if (qty > 0 && unit > basis / BigInt(qty)) return basis;
    point = BigInt(qty) * unit;
  }
  return least(basis, most(t.minSpend, point));
}

/** Whether an invoice must name the campaign and state number and price of items. */
export function itemKind(t: Terms): boolean {
  return t.valueKind === "FREE_ITEM" || t.valueKind === "FIXED_PRICE" || t.valueKind === "BUY_GET";
}

/** Whether the terms allow the store: named itself, through store 0 of its member, or by an empty list. */
export function goodAt(t: Terms, member: number, store: number): boolean {
  return t.shops.length === 0 || t.shops.some((s) => s.member === member && (s.store === 0 || s.store === store));
}

/**
 * What is wrong with terms by themselves: the part of E201 that needs no state.
 * Returns undefined if nothing is.
 */
export function termsFault(t: Terms): string | undefined {
  const face = t.reimburse === "FACE";
  if (t.valueKind === "FIXED_PRICE" || t.valueKind === "BUY_GET") return `kind ${t.valueKind} is not available yet`;
  if (t.buy !== 0 || t.get !== 0) return `buy and get must be 0 for ${t.valueKind}`;
  if (t.reimburseBps < bpsMax && t.shops.length === 0) return "reimbursement below 10000 needs a list of shops";
  if (face && t.reimburseBps !== bpsMax) return "reimbursing the face needs reimbursement 10000";
  if (face && t.valueKind !== "AMOUNT" && t.valueKind !== "FREE_ITEM") {
    return `${t.valueKind} reimburses the value used`;
  }
  if (t.valueKind === "PERCENT") {
    if (t.bps === 0 || t.ceiling === 0n || t.face !== 0n) return "PERCENT needs bps and ceiling, and face 0";
  } else if (t.face === 0n || t.bps !== 0 || t.ceiling !== 0n || t.rounding !== 0) {
    return `${t.valueKind} needs a face, and bps, ceiling and rounding 0`;
  }
  const cost = liability(t);
  if (cost > moneyMax || cost > t.budget) return `one coupon may cost ${cost}, more than the budget ${t.budget}`;
  return undefined;
}

/** The most versions of terms that a campaign can have. */
export const versionsMax = 1024;

// 0 is no limit and hence the top: one less than 0 is more than any number.
const topIsNone = (v: number): number => (v === 0 ? Number.POSITIVE_INFINITY : v);

/**
 * Why terms cannot follow others of a campaign (E203, rules 3.23): they may differ only in what may move, only in the
 * direction that is no worse for holders, and in more than their text. Returns undefined if they can.
 */
export function amendFault(old: Terms, next: Terms): string | undefined {
  const bytes = (t: Terms, more: Partial<Terms>): string => encodeTerms({ ...t, ...more }).join();
  const fixed: Partial<Terms> = {
    funders: old.funders,
    issuer: old.issuer,
    currency: old.currency,
    title: old.title,
    valueKind: old.valueKind,
    reimburse: old.reimburse,
    rollbackMs: old.rollbackMs,
  };
  if (bytes(next, fixed) !== bytes(next, {})) return "issuer, funders, currency, title, kind and time to undo stay";
  if (!isZero(next.productHash) && next.productHash.join() !== old.productHash.join()) return "the list of goods stays";
  const up = upwards.find((name) => next[name] < old[name]) ?? downwards.find((name) => next[name] > old[name]);
  if (up) return `${up} would become worse for holders`;
  for (const name of ["holderCap", "relativeMs"] as const) {
    if (topIsNone(next[name]) < topIsNone(old[name])) return `${name} would become worse for holders`;
  }
  if (transferModes.indexOf(next.transfer) < transferModes.indexOf(old.transfer)) return "passing on would be narrowed";
  if ((old.shops.length === 0) !== (next.shops.length === 0))
    return "a list of shops stays a list, and none stays none";
  const has = (s: Shop): boolean => next.shops.some((x) => x.member === s.member && x.store === s.store);
  if (!old.shops.every(has)) return "a shop would be taken away";
  const text = { termsHash: old.termsHash };
  return bytes(next, text) === bytes(old, text) ? "nothing moves but the text" : undefined;
}

const upwards = [
  "face",
  "bps",
  "ceiling",
  "uses",
  "get",
  "fee",
  "reimburseBps",
  "showMax",
  "maxSupply",
  "budget",
  "claimUntil",
  "redeemUntil",
  "graceMs",
  "maxTransfers",
  "resaleBps",
  "rounding",
] as const;
const downwards = ["minSpend", "buy", "claimFrom", "redeemFrom"] as const;

/**
 * The members beside the issuer that must sign new terms: the funders and, where the first version let shops bear a
 * part, the members of all shops of the new list.
 */
export function mustSignAmend(first: Terms, current: Terms, next: Terms): number[] {
  const shops = first.reimburseBps < bpsMax ? next.shops.map((s) => s.member) : [];
  const all = [...current.funders.map((f) => f.member), ...shops];
  return [...new Set(all)].filter((m) => m !== current.issuer);
}
