/**
 * What wallets and tills do, each in one call: read what is needed with proofs, sign,
 * hand in, and return the proven receipt. They throw what Client.submit throws.
 */
import type { CallOptions, Client, ProvenCoupon, Receipt } from "./client.ts";
import { RuleError } from "./errors.ts";
import {
  type AuthPayload,
  type GiftPayload,
  type InvoicePayload,
  type TicketPayload,
  claimSigner,
  giftSigner,
  ticketOf,
  ticketSigned,
} from "./links.ts";
import type { Effect } from "./receipt.ts";
import { type Chain, type Signer, basketHash, randomBytes } from "./signing.ts";
import {
  type Auth,
  type Invoice,
  campaignOf,
  claimTx,
  clipBasis,
  invoiceDigest,
  invoiceOf,
  redeemInvoiceTx,
  redeemShowTx,
  ruleValue,
  signAuth,
  transferTx,
  voidTx,
} from "./transactions.ts";

/** The proven receipt of an accepted transaction, with what it changed. */
export interface Done<K extends Effect["kind"]> {
  receipt: Receipt;
  effect: Extract<Effect, { kind: K }>;
}

/** Waits for the receipt of a kind of transaction. */
export async function receiptOf<K extends Effect["kind"]>(kind: K, receipt: Promise<Receipt>): Promise<Done<K>> {
  const r = await receipt;
  const effect = r.outcome.effect;
  if (effect?.kind !== kind) throw new TypeError(`the receipt is that of a ${effect?.kind}, not of a ${kind}`);
  return { receipt: r, effect: effect as Extract<Effect, { kind: K }> };
}

/** Claims a ticket for the owner `to`. The ticket's signature is checked against the ledger's batch first. */
export async function claim(
  client: Client,
  ticket: TicketPayload,
  to: Uint8Array,
  options: CallOptions = {},
): Promise<Done<"Claim">> {
  const { chain } = client;
  const batch = await client.batch(ticket.campaign, ticket.batch, options);
  if (!ticketSigned(chain, ticket, batch.ticketKey)) {
    throw new RuleError("E301", "the ticket is not signed by its batch's ticket key");
  }
  const fields = { ticket: ticketOf(chain, ticket), ticketKey: batch.ticketKey, to, ticketSignature: ticket.signature };
  return receiptOf(
    "Claim",
    client.submit(claimTx(chain, client.expiry(), fields, claimSigner(chain, ticket)), options),
  );
}

/** The part of a coupon that a transfer needs. */
type Movable = Pick<ProvenCoupon, "id" | "seq">;

function move(
  client: Client,
  c: Movable,
  mover: Signer,
  to: Uint8Array,
  giftUntil: number,
  options: CallOptions,
): Promise<Done<"Transfer">> {
  const fields = { coupon: c.id, seq: c.seq, to, giftUntil };
  return receiptOf("Transfer", client.submit(transferTx(client.chain, client.expiry(), fields, mover), options));
}

/** Moves a coupon to another key at once. */
export function transfer(
  client: Client,
  c: Movable,
  owner: Signer,
  to: Uint8Array,
  options: CallOptions = {},
): Promise<Done<"Transfer">> {
  return move(client, c, owner, to, 0, options);
}

/** Kills every code and authorisation that was signed for the coupon; also takes a gift back. */
export function refresh(
  client: Client,
  c: Movable,
  owner: Signer,
  options: CallOptions = {},
): Promise<Done<"Transfer">> {
  return move(client, c, owner, owner.key, 0, options);
}

/**
 * The gift of a coupon by link: its seed follows from the wallet's secret and the
 * coupon's seq, so it can be taken back after the phone was lost.
 */
export function giftOf(chain: Chain, c: Movable, walletSecret: Uint8Array): GiftPayload {
  return { type: "gift", coupon: c.id, seed: chain.giftSeed(walletSecret, c.id, c.seq) };
}

/** Offers a coupon to whoever has the gift's link, until a time (Unix ms, at most 30 days ahead). */
export function offerGift(
  client: Client,
  c: Movable,
  owner: Signer,
  gift: GiftPayload,
  untilMs: number,
  options: CallOptions = {},
): Promise<Done<"Transfer">> {
  return move(client, c, owner, giftSigner(client.chain, gift).key, untilMs, options);
}

/** Accepts a gift for the key `to`. */
export async function acceptGift(
  client: Client,
  gift: GiftPayload,
  to: Uint8Array,
  options: CallOptions = {},
): Promise<Done<"Transfer">> {
  const { row } = await client.couponRow(gift.coupon, options);
  return move(client, { id: gift.coupon, seq: row.seq }, giftSigner(client.chain, gift), to, 0, options);
}

/** For how long a shown code is good, and after how long a wallet makes a new one, in ms. */
export const showLifeMs = 60_000;
export const showRenewMs = 30_000;

/** The part of a coupon that an authorisation needs; a wallet keeps it to work offline. */
export type Payable = Pick<ProvenCoupon, "id" | "seq">;

function signedAuth(chain: Chain, auth: Auth, owner: Signer): AuthPayload {
  return { type: "auth", auth, signature: signAuth(chain, auth, owner) };
}

/**
 * A code to show at a till, made without network. value is the most that it may take;
 * name the merchant (a member's number) whenever it is known, 0 = any of the terms.
 */
export function showCode(
  chain: Chain,
  c: Payable,
  owner: Signer,
  facts: { value: bigint; merchant?: number; nowMs?: number },
): AuthPayload {
  const { value, merchant = 0, nowMs = Date.now() } = facts;
  const expires = nowMs + showLifeMs;
  const auth = { coupon: c.id, seq: c.seq, holder: owner.key, value, expires, mode: "SHOW" as const, merchant };
  return signedAuth(chain, auth, owner);
}

/** The value that a coupon has on an invoice, minor units; 0 = nothing. For STORED it is the most it can take. */
export function valueOn(c: Pick<ProvenCoupon, "terms" | "valueLeft">, v: Invoice): bigint {
  const { basis, qty, unit } = v;
  return ruleValue(c.terms, { mode: "SHOW", authValue: c.valueLeft, valueLeft: c.valueLeft, basis, qty, unit });
}

/**
 * The holder's answer to a till's invoice: value is exact (see valueOn). Throws a RuleError E109 for an
 * invoice that lives longer than an authorisation may (Client.authLimitMs): the till must make another.
 */
export function authorizeInvoice(
  client: Pick<Client, "chain" | "authLimitMs">,
  c: Payable,
  owner: Signer,
  invoice: InvoicePayload,
  value: bigint,
): AuthPayload {
  const { chain } = client;
  const digest = invoiceDigest(chain, invoice.invoice);
  const expires = invoice.invoice.expires;
  if (expires > client.authLimitMs()) throw new RuleError("E109", "the invoice lives too long to be authorised");
  const facts = { coupon: c.id, seq: c.seq, holder: owner.key, value, expires };
  return signedAuth(chain, { ...facts, mode: "INVOICE", invoiceDigest: digest }, owner);
}

/** A bill, as a till states it. */
export interface Bill {
  /** The part of the bill to which the coupon applies, minor units. */
  basis: bigint;
  /** Number and price of the items, for coupons that give items. */
  qty?: number;
  unit?: bigint;
  /** The merchant's own record of the bill, which the invoice binds and does not tell. */
  basket?: Uint8Array;
}

const invoiceLifeMs = 120_000;

/** The part of a client that an invoice needs. */
type Clock = Pick<Client, "chain" | "nowMs" | "authLimitMs">;

function facts(campaign: number, currency: number, bill: Bill, clock: Clock): Omit<Invoice, "tillKey"> {
  const { basis, qty = 0, unit = 0n, basket = new Uint8Array() } = bill;
  const expires = Math.min(clock.nowMs() + invoiceLifeMs, clock.authLimitMs());
  return { campaign, currency, basis, qty, unit, basketHash: basketHash(randomBytes(16), basket), expires };
}

/**
 * A till's invoice for the customer to scan. campaign is 0 for any coupon, or the
 * campaign whose coupon is expected, which item kinds and lists of goods need.
 */
export function makeInvoice(
  client: Clock,
  till: Signer,
  bill: Bill & { campaign?: number; currency: number },
): InvoicePayload {
  const v = invoiceOf(client.chain, facts(bill.campaign ?? 0, bill.currency, bill, client), till);
  return { type: "invoice", invoice: v.invoice, signature: v.signature };
}

/** Redeems on an invoice that the holder has authorised. Till or holder may hand it in. */
export function redeemInvoice(
  client: Client,
  invoice: InvoicePayload,
  auth: AuthPayload,
  options: CallOptions = {},
): Promise<Done<"Redeem">> {
  if (auth.auth.mode !== "INVOICE") throw new TypeError("the code is a shown one, not the answer to an invoice");
  const tx = redeemInvoiceTx(client.chain, invoice.invoice, invoice.signature, auth.auth, auth.signature);
  return receiptOf("Redeem", client.submit(tx, options));
}

/**
 * Redeems a shown code at a till. The coupon's terms are read to state the smallest
 * basis that gives the same value, so that large bills stay private.
 */
export async function redeemShown(
  client: Client,
  till: Signer,
  code: AuthPayload,
  bill: Bill,
  options: CallOptions = {},
): Promise<Done<"Redeem">> {
  if (code.auth.mode !== "SHOW") throw new TypeError("the code answers an invoice, it is not a shown one");
  const id = code.auth.coupon;
  const { terms } = await client.couponRow(id, options);
  const basis = clipBasis(terms, bill.basis, bill.qty, bill.unit);
  const v = facts(campaignOf(id), terms.currency, { ...bill, basis }, client);
  const tx = redeemShowTx(client.chain, v, till, code.auth, code.signature);
  return receiptOf("Redeem", client.submit(tx, options));
}

/** Undoes the redemption (coupon, seq): the customer has the use back. */
export function voidRedemption(
  client: Client,
  till: Signer,
  coupon: bigint,
  seq: number,
  options: CallOptions = {},
): Promise<Done<"Void">> {
  return receiptOf("Void", client.submit(voidTx(client.chain, client.expiry(), coupon, seq, till), options));
}
