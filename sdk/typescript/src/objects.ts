/**
 * Tickets, invoices and authorisations: what is signed without being a transaction
 * (rules 3.4, 3.5, 3.14). Their bytes are their signing bodies.
 */
import { type Chain, type Signer, Tag, verifySignature } from "./signing.ts";
import { indexOfName, readMoney, readName, readTime } from "./terms.ts";
import { type Reader, Writer, decode } from "./wire.ts";

/** Sizes of the encoded objects, in bytes. */
export const invoiceBytes = 96;
export const authInvoiceBytes = 93;
export const authShowBytes = 63;
export const ticketBytes = 50;

/** The issuer's signed permission to claim one serial; claimKey is the key of its bearer. */
export interface Ticket {
  campaign: number;
  batch: number;
  /** From 1. */
  serial: number;
  claimKey: Uint8Array;
  /** Unix ms. */
  expires: number;
}

/** A till's signed statement of facts about a bill. */
export interface Invoice {
  tillKey: Uint8Array;
  /** 0 = good for any coupon. */
  campaign: number;
  /** ISO 4217 number. */
  currency: number;
  /** The part of the bill to which the campaign applies, minor units. */
  basis: bigint;
  /** Number and price of the items, for kinds that give items; else 0. */
  qty: number;
  unit: bigint;
  basketHash: Uint8Array;
  /** Unix ms. */
  expires: number;
}

/** The modes of an authorisation, in the order of their numbers from 0. */
export const modes = ["INVOICE", "SHOW"] as const;
/** Whether a holder authorised one invoice, or shows a code. */
export type Mode = (typeof modes)[number];

interface AuthFacts {
  coupon: bigint;
  seq: number;
  holder: Uint8Array;
  /** Exact for INVOICE, the most that may be taken for SHOW; minor units, at least 1. */
  value: bigint;
  /** Unix ms. */
  expires: number;
}

/** The holder's order to redeem: for one invoice, or at one merchant (0 = any of the terms). */
export type Auth =
  (AuthFacts & { mode: "INVOICE"; invoiceDigest: Uint8Array }) | (AuthFacts & { mode: "SHOW"; merchant: number });

/** The id of a coupon: campaign << 32 | serial. */
export function couponId(campaign: number, serial: number): bigint {
  return (BigInt(campaign) << 32n) | BigInt(serial);
}

/** The campaign of a coupon's id. */
export function campaignOf(coupon: bigint): number {
  return Number(coupon >> 32n);
}

/** The number of a coupon inside its campaign, from 1. */
export function serialOf(coupon: bigint): number {
  return Number(coupon & 0xffff_ffffn);
}

/** Appends the 50 bytes of a ticket. */
export function writeTicket(w: Writer, t: Ticket): Writer {
  return w.u32(t.campaign).u16(t.batch).u32(t.serial).fixed(t.claimKey, 32).u64(t.expires);
}

/** Reads a ticket. */
export function readTicket(r: Reader): Ticket {
  const head = { campaign: r.u32(), batch: r.u16(), serial: r.u32() };
  const t = { ...head, claimKey: r.raw(32), expires: readTime(r) };
  r.require(t.serial >= 1, "serial 0");
  return t;
}

/** Appends the 96 bytes of an invoice. */
export function writeInvoice(w: Writer, v: Invoice): Writer {
  w.fixed(v.tillKey, 32).u32(v.campaign).u16(v.currency).u64(v.basis).u16(v.qty).u64(v.unit);
  return w.fixed(v.basketHash, 32).u64(v.expires);
}

/** Reads an invoice. */
export function readInvoice(r: Reader): Invoice {
  const head = { tillKey: r.raw(32), campaign: r.u32(), currency: r.u16(), basis: readMoney(r), qty: r.u16() };
  return { ...head, unit: readMoney(r), basketHash: r.raw(32), expires: readTime(r) };
}

/** Appends the 93 or 63 bytes of an authorisation. */
export function writeAuth(w: Writer, a: Auth): Writer {
  w.u64(a.coupon).u32(a.seq).fixed(a.holder, 32).u64(a.value).u64(a.expires).u8(indexOfName(modes, a.mode));
  return a.mode === "SHOW" ? w.u16(a.merchant) : w.fixed(a.invoiceDigest, 32);
}

/** Reads an authorisation. */
export function readAuth(r: Reader): Auth {
  const facts = { coupon: r.u64(), seq: r.u32(), holder: r.raw(32), value: readMoney(r), expires: readTime(r) };
  const mode = readName(r, modes);
  r.require(facts.value >= 1n, "value 0");
  if (mode === "SHOW") return { ...facts, mode, merchant: r.u16() };
  return { ...facts, mode, invoiceDigest: r.raw(32) };
}

/** The 50 bytes of a ticket. */
export const encodeTicket = (t: Ticket): Uint8Array => writeTicket(new Writer(), t).done();
/** The 96 bytes of an invoice. */
export const encodeInvoice = (v: Invoice): Uint8Array => writeInvoice(new Writer(), v).done();
/** The 93 or 63 bytes of an authorisation. */
export const encodeAuth = (a: Auth): Uint8Array => writeAuth(new Writer(), a).done();
/** Strict inverses; they throw a WireError. */
export const decodeTicket = (b: Uint8Array): Ticket => decode(b, readTicket);
export const decodeInvoice = (b: Uint8Array): Invoice => decode(b, readInvoice);
export const decodeAuth = (b: Uint8Array): Auth => decode(b, readAuth);

/** The digest that an authorisation in mode INVOICE names. */
export function invoiceDigest(chain: Chain, v: Invoice): Uint8Array {
  return chain.hash(Tag.invoice, encodeInvoice(v));
}

/** Signs a ticket with its batch's ticket key. */
export function signTicket(chain: Chain, t: Ticket, ticketKey: Signer): Uint8Array {
  return ticketKey.sign(chain.message(Tag.ticket, encodeTicket(t)));
}

/** Signs an invoice with the till key that it names. */
export function signInvoice(chain: Chain, v: Invoice, till: Signer): Uint8Array {
  return till.sign(chain.message(Tag.invoice, encodeInvoice(v)));
}

/** Signs an authorisation with the holder's key. */
export function signAuth(chain: Chain, a: Auth, holder: Signer): Uint8Array {
  return holder.sign(chain.message(Tag.auth, encodeAuth(a)));
}

/** Reports whether a ticket is signed by a ticket key. */
export function verifyTicket(chain: Chain, t: Ticket, ticketKey: Uint8Array, signature: Uint8Array): boolean {
  return verifySignature(ticketKey, chain.message(Tag.ticket, encodeTicket(t)), signature);
}

/** Reports whether an invoice is signed by its till. */
export function verifyInvoice(chain: Chain, v: Invoice, signature: Uint8Array): boolean {
  return verifySignature(v.tillKey, chain.message(Tag.invoice, encodeInvoice(v)), signature);
}

/** Reports whether an authorisation is signed by its holder. */
export function verifyAuth(chain: Chain, a: Auth, signature: Uint8Array): boolean {
  return verifySignature(a.holder, chain.message(Tag.auth, encodeAuth(a)), signature);
}
