/**
 * The rows of version 2 of the rules: money of campaigns, settlement cycles and debts,
 * refunds, service and pending keys (rules 3.19). Decoders throw a WireError.
 */
import { compare, fromUtf8 } from "./bytes.ts";
import { readMoney, readName, readTime } from "./terms.ts";
import { type Reader, decode } from "./wire.ts";

/** The purpose of a service key that attests payments. */
export const servicePayment = 2;

const peaksMax = 32;
const adminKeysMax = 8;
const fundersMax = 4;

/** How secured debts of a cycle are netted, in the order of the numbers from 0. */
export const netModes = ["multilateral", "bilateral"] as const;
export type NetMode = (typeof netModes)[number];

/** Which version of the rules holds, and the numbers that the members can change. */
export interface ProtocolRow {
  version: number;
  /** 0: none is decided. */
  nextVersion: number;
  nextHeight: number;
  holderLifeMs: number;
  memberLifeMs: number;
  /** How long a member has to pay after a cycle is closed. */
  payMs: number;
  /** The member that confirms in a payee's place; 0: none. */
  clearer: number;
  /** The lowest cycle that is not closed. */
  nextCycle: number;
  nextProposal: number;
  migCampaign: number;
  sweepCampaign: number;
  netMode: NetMode;
}

/** What became of a campaign's budget. funders are in the order of the terms; entries beyond them are 0. */
export interface CampaignMoney {
  funders: { lock: bigint; paid: bigint; back: bigint }[];
  settled: bigint;
  refunded: bigint;
  freed: bigint;
  recredited: bigint;
  returned: number;
  disputes: number;
  paceNo: number;
  paceUsed: number;
  /** RELEASED: unused budget is free again; PRUNED: and the rows of its coupons are gone. */
  ended: "NOT" | "RELEASED" | "PRUNED";
  endedCycle: number;
}

/** A settlement cycle that is being closed or is closed. */
export type Cycle =
  | { state: "CLOSING"; phase: number; netMode: NetMode; currency: number; items: number; peaks: Uint8Array[] }
  | { state: "CLOSED"; netMode: NetMode; closedAt: number; items: number; root: Uint8Array };

/** What a member owes and gets in a cycle, in one currency, by secured debts; held stays locked until confirmed. */
export interface Position {
  out: bigint;
  in: bigint;
  held: bigint;
}

/** The states of a debt, in the order of their numbers from 0. */
export const debtStates = ["OPEN", "POSTED", "CONFIRMED", "OBJECTED", "REPOSTED"] as const;
/** How far a debt has come. The payer must act on OPEN, OBJECTED and REPOSTED. */
export type DebtState = (typeof debtStates)[number];

/** The books of debts, in the order of their numbers from 0: secured by locked funds, and not. */
export const books = ["secured", "unsecured"] as const;
/** How a debt is covered. */
export type Book = (typeof books)[number];

/** What one member has to pay another for a cycle, outside the ledger. */
export interface Debt {
  amount: bigint;
  state: DebtState;
  /** The payer's reference of its last posting, 32 bytes. */
  ref: Uint8Array;
  /** When that was, Unix ms. */
  at: number;
}

/** What of a redemption was given back after it was final. */
export interface Refunded {
  sum: bigint;
  lastAt: number;
}

/** A key of a member that attests payments in one currency. */
export interface ServiceKey {
  state: "ACTIVE" | "REVOKED";
  member: number;
  validFrom: number;
  validUntil: number;
  currency: number;
  dayCap: bigint;
  day: number;
  daySum: bigint;
}

/** The admin keys that a member will have at a time. */
export interface PendingKeys {
  at: number;
  threshold: number;
  keys: Uint8Array[];
}

/** Decodes the protocol row. */
export const decodeProtocol = (b: Uint8Array): ProtocolRow =>
  decode(b, (r) => {
    const v = { version: r.u16(), nextVersion: r.u16(), nextHeight: r.u53() };
    const times = { holderLifeMs: r.u53(), memberLifeMs: r.u53(), payMs: r.u53(), clearer: r.u16() };
    const next = { nextCycle: r.u32(), nextProposal: r.u32(), migCampaign: r.u32(), sweepCampaign: r.u32() };
    return { ...v, ...times, ...next, netMode: readName(r, netModes) };
  });

/** Decodes the money row of a campaign. */
export const decodeMoney = (b: Uint8Array): CampaignMoney =>
  decode(b, (r) => {
    const part = () => ({ lock: readMoney(r), paid: readMoney(r), back: readMoney(r) });
    const funders = Array.from({ length: fundersMax }, part);
    const sums = { settled: readMoney(r), refunded: readMoney(r), freed: r.u64(), recredited: r.u64() };
    const counts = { returned: r.u32(), disputes: r.u32(), paceNo: r.u32(), paceUsed: r.u32() };
    return { funders, ...sums, ...counts, ended: readName(r, ["NOT", "RELEASED", "PRUNED"]), endedCycle: r.u32() };
  });

/** Decodes the row of a cycle. */
export const decodeCycle = (b: Uint8Array): Cycle =>
  decode(b, (r) => {
    const state = r.enum8(2);
    r.require(state >= 1, "state 0");
    if (state === 2) {
      const head = { state: "CLOSED" as const, netMode: readName(r, netModes), closedAt: readTime(r) };
      return { ...head, items: r.u32(), root: r.raw(32) };
    }
    const head = { state: "CLOSING" as const, phase: r.enum8(3), netMode: readName(r, netModes), currency: r.u16() };
    return { ...head, items: r.u32(), peaks: r.list(peaksMax, 32, () => r.raw(32)) };
  });

/** Decodes a position. */
export const decodePosition = (b: Uint8Array): Position =>
  decode(b, (r) => ({ out: r.u64(), in: r.u64(), held: r.u64() }));

/** Decodes a debt. */
export const decodeDebt = (b: Uint8Array): Debt =>
  decode(b, (r) => {
    const d = { amount: r.u64(), state: readName(r, debtStates), ref: r.raw(32), at: readTime(r) };
    r.require(d.amount >= 1n, "nothing owed");
    return d;
  });

/** How many debts of a cycle a member has to act on. */
export const decodeUnpaid = (b: Uint8Array): number =>
  decode(b, (r) => {
    const n = r.u32();
    r.require(n >= 1, "nothing unpaid");
    return n;
  });

/** Decodes what of a redemption was refunded. */
export const decodeRefunded = (b: Uint8Array): Refunded =>
  decode(b, (r) => ({ sum: readMoney(r), lastAt: readTime(r) }));

/** Decodes the row of a service key. */
export const decodeServiceKey = (b: Uint8Array): ServiceKey =>
  decode(b, (r) => {
    const state = readName(r, ["ACTIVE", "REVOKED"] as const);
    r.exactly(servicePayment, "purpose");
    const head = { state, member: r.u16(), point: r.raw(32), validFrom: readTime(r), validUntil: readTime(r) };
    const { point: _, ...rest } = head; // of keys of a later version
    return { ...rest, currency: r.u16(), dayCap: readMoney(r), day: r.u32(), daySum: readMoney(r) };
  });

/** Decodes a currency: letters and exponent; the number is in the key. */
export const decodeCurrency = (b: Uint8Array): { letters: string; exponent: number } =>
  decode(b, (r) => ({ letters: fromUtf8(r.raw(3)), exponent: r.enum8(4) }));

function readAscendingKeys(r: Reader): Uint8Array[] {
  let last: Uint8Array | undefined;
  return r.list(adminKeysMax, 32, () => {
    const k = r.raw(32);
    r.require(last === undefined || compare(last, k) < 0, "keys not ascending");
    last = k;
    return k;
  });
}

/** Decodes a member's pending keys. */
export const decodePendingKeys = (b: Uint8Array): PendingKeys =>
  decode(b, (r) => {
    const p = { at: readTime(r), threshold: r.u8(), keys: readAscendingKeys(r) };
    r.require(p.threshold >= 1 && p.threshold <= p.keys.length, "threshold beyond the number of keys");
    return p;
  });

/** What a till key gave back on a UTC day. */
export const decodeGivenBack = (b: Uint8Array): { day: number; sum: bigint } =>
  decode(b, (r) => ({ day: r.u32(), sum: readMoney(r) }));

/** Whether the payer has to act on a debt. */
export function mustAct(state: DebtState): boolean {
  return state === "OPEN" || state === "OBJECTED" || state === "REPOSTED";
}

/** Whether a debt of a closed cycle is overdue at a time (rules 3.31). */
export function overdue(debt: Debt, closedAt: number, payMs: number, nowMs: number): boolean {
  return mustAct(debt.state) && nowMs >= closedAt + payMs;
}
