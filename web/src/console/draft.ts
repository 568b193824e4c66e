/** A campaign as it is being written: what people type, and the exact terms and costs that follow from it. */
import { utf8 } from "@scrip/sdk/bytes";
import { sha256 } from "@scrip/sdk/signing";
import { termsTextFault } from "@scrip/sdk/texts";
import { liability, moneyMax, termsFault, type Terms } from "@scrip/sdk/terms";
import { parseAmount } from "@scrip/sdk/amounts";
import { readLabel } from "@scrip/sdk/labels";
import { readAmount, readCount, type AmountFault } from "../kit/amount.ts";
import { decimal, type Currency } from "../kit/format.ts";
import { dateText, moment } from "./dates.ts";

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
  /** Dates as date fields have them: a beginning is the day's start, empty = at once; an end includes its day. */
  claimFrom: string;
  useFrom: string;
  claimUntil: string;
  useUntil: string;
  shops: "own" | "all" | "kept";
  gift: boolean;
  show: boolean;
  undoHours: string;
  /** Empty = enough for all. */
  budget: string;
  publicTerms: string;
  /** What was taken over from another campaign and has no field. */
  kept?: Kept;
}

/** Settings are the terms that stand in no field. */
type Settings = Pick<
  Terms,
  | "funders"
  | "productHash"
  | "uses"
  | "rounding"
  | "reimburse"
  | "reimburseBps"
  | "fee"
  | "showMax"
  | "relativeMs"
  | "graceMs"
  | "transfer"
  | "maxTransfers"
  | "resaleBps"
  | "shops"
>;

/** Kept is what a draft has from the campaign that it was made from, besides what stands in the fields. */
export interface Kept {
  /** The number of that campaign. */
  campaign: number;
  kind: Kind;
  /** showMax is 0 if a code may take all that a coupon gives. */
  terms: Settings;
  rollbackMs: number;
  /** Digest of its public terms: whoever leaves that field empty says them again. */
  termsHash: Uint8Array;
}

/** Fault names what is wrong with a field; its text is in the table under this name. */
export type Fault =
  | "faultNeeded"
  | "faultMoney"
  | "faultNumber"
  | "faultPercent"
  | "faultLong"
  | "faultPast"
  | "faultOrder"
  | "faultBegin"
  | "faultBudget"
  | "faultHours"
  | "faultYears"
  | "faultTitle"
  | "faultTerms";
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
/** What begins at once begins so long ago: a node's clock may be behind the chain's. */
const startsMs = 60_000;
const supplyMax = 10_000_000;
const titleBytesMax = 64;
const yearsMax = 10;
const graceMs = 60_000;
const storedUses = 50;
const giftsMax = 3;
const undoHoursMax = 90 * 24;

/** A new draft of a kind, with a good beginning of each. */
export function draftOf(kind: Kind, title: string, currency: number, nowMs: number, more: Partial<Draft> = {}): Draft {
  return {
    kind,
    title,
    currency,
    value: "",
    percent: "",
    ceiling: "",
    minSpend: "",
    count: "100",
    each: "",
    shops: "own",
    gift: true,
    show: true,
    undoHours: "72",
    budget: "",
    publicTerms: "",
    claimFrom: "",
    useFrom: "",
    claimUntil: dateText(nowMs + 30 * dayMs),
    useUntil: dateText(nowMs + 60 * dayMs),
    ...more,
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

interface Values {
  face: bigint;
  bps: number;
  ceiling: bigint;
  minSpend: bigint;
  most: bigint;
}

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
    return bps === undefined || faults.ceiling || faults.minSpend
      ? undefined
      : { face: 0n, bps, ceiling, minSpend, most: ceiling };
  }
  const face = amount("value", true);
  return faults.value || faults.minSpend ? undefined : { face, bps: 0, ceiling: 0n, minSpend, most: face };
}

interface Times {
  claimFrom: number;
  claimUntil: number;
  useFrom: number;
  useUntil: number;
}

function readTimes(d: Draft, nowMs: number, faults: Faults): Times | undefined {
  const end = (field: "claimUntil" | "useUntil"): number => {
    const ms = moment(d[field], "last");
    if (ms === undefined) faults[field] = "faultNeeded";
    else if (ms <= nowMs) faults[field] = "faultPast";
    else if (ms > nowMs + yearsMax * 365 * dayMs) faults[field] = "faultYears";
    return ms ?? 0;
  };
  // Drafts that were kept before there were beginnings have none.
  const begin = (field: "claimFrom" | "useFrom", empty: number): number => {
    const text = d[field] ?? "";
    const ms = text === "" ? empty : moment(text, "first");
    if (ms === undefined) faults[field] = "faultNeeded";
    return ms ?? 0;
  };
  const [claimUntil, useUntil] = [end("claimUntil"), end("useUntil")];
  const claimFrom = begin("claimFrom", nowMs - startsMs);
  // Who says only when claiming begins means that nothing can be done before.
  const useFrom = begin("useFrom", claimFrom);
  const fine = (...fields: (keyof Faults)[]) => fields.every((f) => !faults[f]);
  if (fine("claimUntil", "useUntil") && useUntil < claimUntil) faults.useUntil = "faultOrder";
  if (fine("claimFrom", "claimUntil") && claimFrom >= claimUntil) faults.claimFrom = "faultBegin";
  if (d.useFrom && fine("useFrom", "useUntil") && useFrom >= useUntil) faults.useFrom = "faultBegin";
  return fine("claimFrom", "claimUntil", "useFrom", "useUntil")
    ? { claimFrom, claimUntil, useFrom, useUntil }
    : undefined;
}

/** settingsOf is what stands in no field: as usual, or as the campaign has it that the draft was made from. */
function settingsOf(d: Draft, issuer: number, most: bigint): Settings {
  const usual: Settings = {
    funders: [{ member: issuer, shareBps: 10_000 }],
    productHash: new Uint8Array(32),
    rounding: 0,
    uses: d.kind === "STORED" ? storedUses : 1,
    reimburse: "USED",
    reimburseBps: 10_000,
    fee: 0n,
    showMax: d.show ? most : 0n,
    relativeMs: 0,
    graceMs,
    transfer: d.gift ? "gift" : "none",
    maxTransfers: d.gift ? giftsMax : 0,
    resaleBps: 0,
    shops: d.shops === "own" ? [{ member: issuer, store: 0 }] : [],
  };
  if (!d.kept) return usual;
  const { kind, terms: kept } = d.kept;
  const shops = d.shops === "kept" ? kept.shops : usual.shops;
  if (kind !== d.kind) return { ...usual, funders: kept.funders, shops };
  const { transfer, maxTransfers, resaleBps } = d.gift && kept.transfer !== "none" ? kept : usual;
  const showMax = d.show && kept.showMax > 0n && kept.showMax < most ? kept.showMax : usual.showMax;
  return { ...kept, shops, showMax, transfer, maxTransfers, resaleBps };
}

const undoOf = (ms: number): number => Math.ceil(ms / hourMs);

/** rollbackOf is for how long a redemption can be undone: exactly as taken over while the field says the same. */
function rollbackOf(d: Draft, hours: number): number {
  return d.kept && undoOf(d.kept.rollbackMs) === hours ? d.kept.rollbackMs : hours * hourMs;
}

const dayOf = (ms: number): Date => {
  const d = new Date(ms);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate());
};

/** daysFrom counts the days from one instant's day to another's; days of a changed clock are days too. */
const daysFrom = (fromMs: number, toMs: number): number =>
  Math.round((dayOf(toMs).getTime() - dayOf(fromMs).getTime()) / dayMs);

function dayLater(ms: number, days: number): string {
  const d = dayOf(ms);
  return dateText(new Date(d.getFullYear(), d.getMonth(), d.getDate() + days).getTime());
}

/** cut shortens a title to what the ledger takes, between letters. */
function cut(title: string, bytesMax: number): string {
  let text = [...title];
  while (utf8(text.join("")).length > bytesMax) text = text.slice(0, -1);
  return text.join("").trimEnd();
}

/**
 * duplicateOf is a draft with all settings of a campaign. What has begun begins today, and as many days lie between
 * its beginnings and ends as before; what has not begun keeps its dates. The title gets a mark, once. publicTerms is
 * the text of the terms where it is known.
 */
export function duplicateOf(
  campaign: number,
  t: Terms,
  currency: Currency,
  nowMs: number,
  mark: string,
  publicTerms = "",
): Draft | undefined {
  const kind = kinds.find((k) => k === t.valueKind);
  if (!kind) return undefined;
  const amount = (minor: bigint) => (minor === 0n ? "" : decimal(minor, currency.exponent));
  const most = kind === "PERCENT" ? t.ceiling : t.face;
  const days = Math.max(0, daysFrom(Math.min(t.claimFrom, t.redeemFrom), nowMs));
  const begin = (ms: number) => (daysFrom(nowMs, ms) + days > 0 ? dayLater(ms, days) : "");
  const useFrom = begin(t.redeemFrom);
  const claimFrom = begin(t.claimFrom);
  const own = t.shops.length === 1 && t.shops[0]?.member === t.issuer && t.shops[0].store === 0;
  const title = t.title.endsWith(mark) ? t.title : cut(t.title, titleBytesMax - utf8(mark).length) + mark;
  return {
    kind,
    title,
    currency: t.currency,
    value: amount(t.face),
    percent: t.bps === 0 ? "" : String(t.bps / 100),
    ceiling: amount(t.ceiling),
    minSpend: amount(t.minSpend),
    count: String(t.maxSupply),
    each: t.holderCap === 0 ? "" : String(t.holderCap),
    claimFrom,
    useFrom: useFrom === claimFrom && t.redeemFrom <= t.claimFrom ? "" : useFrom,
    claimUntil: dayLater(t.claimUntil - 1, days),
    useUntil: dayLater(t.redeemUntil - 1, days),
    shops: t.shops.length === 0 ? "all" : own ? "own" : "kept",
    gift: t.transfer !== "none",
    show: t.showMax > 0n,
    undoHours: String(undoOf(t.rollbackMs)),
    publicTerms,
    budget: t.budget === liability(t) * BigInt(t.maxSupply) ? "" : amount(t.budget),
    kept: {
      campaign,
      kind,
      rollbackMs: t.rollbackMs,
      termsHash: t.termsHash,
      terms: {
        funders: t.funders,
        productHash: t.productHash,
        uses: t.uses,
        rounding: t.rounding,
        reimburse: t.reimburse,
        reimburseBps: t.reimburseBps,
        fee: t.fee,
        showMax: t.showMax >= most ? 0n : t.showMax,
        relativeMs: t.relativeMs,
        graceMs: t.graceMs,
        transfer: t.transfer,
        maxTransfers: t.maxTransfers,
        resaleBps: t.resaleBps,
        shops: t.shops,
      },
    },
  };
}

/** readDraft reads the fields. Amounts are exact; costs are there as soon as value and number are. */
export function readDraft(d: Draft, issuer: number, currency: Currency, nowMs: number): Read {
  const faults: Faults = {};
  const title = readLabel(d.title);
  if (title === undefined) faults.title = "faultTitle";
  else if (title === "") faults.title = "faultNeeded";
  else if (utf8(title).length > titleBytesMax) faults.title = "faultLong";
  if (d.publicTerms.trim() !== "" && termsTextFault(publicTermsOf(d))) faults.publicTerms = "faultTerms";
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
    ...settingsOf(d, issuer, values.most),
    issuer,
    currency: d.currency,
    title: title ?? "",
    termsHash: termsHashOf(d),
    valueKind: d.kind,
    face: values.face,
    bps: values.bps,
    ceiling: values.ceiling,
    minSpend: values.minSpend,
    buy: 0,
    get: 0,
    maxSupply: count,
    budget: 0n,
    claimFrom: times?.claimFrom ?? 0,
    claimUntil: times?.claimUntil ?? 0,
    redeemFrom: times?.useFrom ?? 0,
    redeemUntil: times?.useUntil ?? 0,
    rollbackMs: rollbackOf(d, undo ?? 0),
    holderCap: each ?? 0,
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

/** termsHashOf is that digest; of an empty field, that of the terms that were taken over. */
function termsHashOf(d: Draft): Uint8Array {
  return d.kept && d.publicTerms.trim() === "" ? d.kept.termsHash : sha256(utf8(publicTermsOf(d)));
}
