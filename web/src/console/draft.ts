/** A campaign as it is being written: what people type, and the exact terms and costs that follow from it. */
import { utf8 } from "@scrip/sdk/bytes";
import { sha256 } from "@scrip/sdk/signing";
import { liability, moneyMax, termsFault, type Terms } from "@scrip/sdk/terms";
import { parseAmount } from "@scrip/sdk/amounts";
import { readAmount, readCount, type AmountFault } from "../kit/amount.ts";
import { decimal, type Currency } from "../kit/format.ts";

export const kinds = ["AMOUNT", "PERCENT", "FREE_ITEM", "STORED"] as const;
export type Kind = (typeof kinds)[number];

/** Draft is what stands in the fields, as it was typed. */
export interface Draft {
  kind: Kind;
  title: string;
  currency: number;
  value: string;
  percent: string;
  ceiling: string;
  minSpend: string;
  count: string;
  each: string;
  /** Dates as date fields have them; the day itself is included. */
  claimUntil: string;
  useUntil: string;
  shops: "own" | "all";
  gift: boolean;
  show: boolean;
  undoHours: string;
  /** Empty = enough for all. */
  budget: string;
  publicTerms: string;
}

/** Fault names what is wrong with a field; its text is in the table under this name. */
export type Fault = "faultNeeded" | "faultMoney" | "faultNumber" | "faultPercent" | "faultLong" | "faultPast"
  | "faultOrder" | "faultBudget" | "faultHours" | "faultYears" | "faultTitle";
/** Of an amount or a number that cannot be read, how it cannot. */
export type Faults = Partial<Record<keyof Draft, Fault | AmountFault>>;

/** Cost is the ceiling in minor units: what one coupon, all of them, and the budget can come to. */
export interface Cost {
  one: bigint;
  all: bigint;
  budget: bigint;
  /** Coupons that the budget is sure to cover. */
  covers: number;
}

export interface Read {
  faults: Faults;
  cost?: Cost;
  /** There if nothing is wrong. */
  terms?: Terms;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const supplyMax = 10_000_000;
const titleBytesMax = 64;
const yearsMax = 10;
const graceMs = 60_000;
const storedUses = 50;
const giftsMax = 3;
const undoHoursMax = 90 * 24;
/** Control characters and those that turn the direction of writing: the ledger refuses them. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** dateText writes a day as date fields do, in the device's zone. */
export function dateText(ms: number): string {
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** endOfDay is the first instant after a day in the device's zone, or undefined if it is no day. */
export function endOfDay(text: string): number | undefined {
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!m) return undefined;
  const [year, month, day] = [Number(m[1]), Number(m[2]), Number(m[3])];
  const check = new Date(year, month - 1, day);
  if (check.getMonth() !== month - 1 || check.getDate() !== day) return undefined;
  return new Date(year, month - 1, day + 1).getTime();
}

/** A new draft of a kind, with a good beginning of each. */
export function draftOf(kind: Kind, title: string, currency: number, nowMs: number, more: Partial<Draft> = {}): Draft {
  return {
    kind, title, currency, value: "", percent: "", ceiling: "", minSpend: "", count: "100", each: "", shops: "own",
      gift: true,
    show: true, undoHours: "72", budget: "", publicTerms: "", claimUntil: dateText(nowMs + 30 * dayMs),
    useUntil: dateText(nowMs + 60 * dayMs), ...more,
  };
}

/** whole reads a number; a comma that may be taken for a point is asked back. */
function whole(text: string, least: number, most: number): number | "faultNeeded" | "faultNumber" | "ambiguous" {
  const n = readCount(text, least, most);
  if (typeof n === "number" || n === "ambiguous") return n;
  return n === "empty" ? "faultNeeded" : "faultNumber";
}

/** percentOf reads "12,5" as basis points. */
export function percentOf(text: string): number | undefined {
  const bps = parseAmount(text.replace(/[%％\s]+$/, ""), 2);
  return typeof bps === "bigint" && bps >= 1n && bps <= 10_000n ? Number(bps) : undefined;
}

/** sampleOf is an amount for a beginning: of currencies without decimals a hundred times as much, as their units are small. */
export function sampleOf(hundredths: bigint, exponent: number): string {
  if (exponent < 2) return decimal(exponent === 0 ? hundredths : hundredths / 10n, exponent);
  const text = decimal(hundredths * 10n ** BigInt(exponent - 2), exponent);
  return hundredths % 100n === 0n ? text.slice(0, -1 - exponent) : text;
}

interface Values { face: bigint; bps: number; ceiling: bigint; minSpend: bigint; most: bigint }

function readValues(d: Draft, currency: Currency, faults: Faults): Values | undefined {
  const amount = (field: "value" | "ceiling" | "minSpend", needed: boolean): bigint => {
    if (d[field].trim() === "" && !needed) return 0n;
    const v = readAmount(d[field], currency);
    if (typeof v === "bigint" && (v > 0n || !needed)) return v;
    faults[field] = v === "empty" ? "faultNeeded" : typeof v === "string" ? v : "faultMoney";
    return 0n;
  };
  const minSpend = d.kind === "FREE_ITEM" || d.kind === "STORED" ? 0n : amount("minSpend", false);
  if (d.kind === "PERCENT") {
    const bps = percentOf(d.percent);
    if (bps === undefined) faults.percent = d.percent.trim() === "" ? "faultNeeded" : "faultPercent";
    const ceiling = amount("ceiling", true);
    return bps === undefined || faults.ceiling ||
      faults.minSpend ? undefined : { face: 0n, bps, ceiling, minSpend, most: ceiling };
  }
  const face = amount("value", true);
  return faults.value || faults.minSpend ? undefined : { face, bps: 0, ceiling: 0n, minSpend, most: face };
}

function readTimes(d: Draft, nowMs: number, faults: Faults): { claimUntil: number; useUntil: number } | undefined {
  const read = (field: "claimUntil" | "useUntil"): number => {
    const ms = endOfDay(d[field]);
    if (ms === undefined) faults[field] = "faultNeeded";
    else if (ms <= nowMs) faults[field] = "faultPast";
    else if (ms > nowMs + yearsMax * 365 * dayMs) faults[field] = "faultYears";
    return ms ?? 0;
  };
  const [claimUntil, useUntil] = [read("claimUntil"), read("useUntil")];
  if (!faults.claimUntil && !faults.useUntil && useUntil < claimUntil) faults.useUntil = "faultOrder";
  return faults.claimUntil || faults.useUntil ? undefined : { claimUntil, useUntil };
}

/** readDraft reads the fields. Amounts are exact; costs are there as soon as value and number are. */
export function readDraft(d: Draft, issuer: number, currency: Currency, nowMs: number): Read {
  const faults: Faults = {};
  if (d.title.trim() === "") faults.title = "faultNeeded";
  else if (utf8(d.title.trim()).length > titleBytesMax) faults.title = "faultLong";
  else if (unprintable.test(d.title)) faults.title = "faultTitle";
  const values = readValues(d, currency, faults);
  const number = (field: "count" | "each" | "undoHours", least: number, most: number): number | undefined => {
    const n = whole(d[field], least, most);
    if (typeof n === "number") return n;
    faults[field] = field === "undoHours" && n !== "ambiguous" ? "faultHours" : n;
    return undefined;
  };
  const count = number("count", 1, supplyMax);
  const each = d.each.trim() === "" ? 0 : number("each", 1, 65_535);
  const undo = number("undoHours", 0, undoHoursMax);
  const times = readTimes(d, nowMs, faults);
  if (!values || count === undefined) return { faults };
  const terms: Terms = {
    issuer, funders: [{ member: issuer, shareBps: 10_000 }], currency: d.currency, title: d.title.trim(),
    termsHash: sha256(utf8(publicTermsOf(d))), productHash: new Uint8Array(32), valueKind: d.kind, face: values.face,
      bps: values.bps,
    ceiling: values.ceiling, minSpend: values.minSpend, uses: d.kind === "STORED" ? storedUses : 1, buy: 0, get: 0,
      rounding: 0,
    reimburse: "USED", reimburseBps: 10_000, fee: 0n, showMax: d.show ? values.most : 0n, maxSupply: count, budget: 0n,
    claimFrom: nowMs - 60_000, claimUntil: times?.claimUntil ?? 0, redeemFrom: nowMs - 60_000,
      redeemUntil: times?.useUntil ?? 0,
    relativeMs: 0, graceMs, rollbackMs: (undo ?? 0) * hourMs, holderCap: each ?? 0, transfer: d.gift ? "gift" : "none",
    maxTransfers: d.gift ? giftsMax : 0, resaleBps: 0, shops: d.shops === "own" ? [{ member: issuer, store: 0 }] : [],
  };
  const one = liability(terms);
  const all = one * BigInt(count);
  const budget = d.budget.trim() === "" ? all : readAmount(d.budget, currency);
  if (typeof budget === "string") faults.budget = budget;
  else if (budget > all || budget > moneyMax) faults.budget = "faultMoney";
  else if (budget < one) faults.budget = "faultBudget";
  const bound = typeof budget === "string" ? all : budget;
  terms.budget = bound;
  const cost = { one, all, budget: bound, covers: Number(bound / one) };
  const whole_ = Object.keys(faults).length === 0 && times && termsFault(terms) === undefined;
  return whole_ ? { faults, cost, terms } : { faults, cost };
}

/** publicTermsOf is the document whose digest the ledger keeps. */
export function publicTermsOf(d: Draft): string {
  const text = d.publicTerms.trim();
  return text === "" ? d.title.trim() : text;
}
