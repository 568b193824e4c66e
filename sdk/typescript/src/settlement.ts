/**
 * What issuers, shops and payers do under version 2 of the rules, each in one call: better terms, coupons without
 * tickets, money back, settlement. Functions throw what Client.submit throws, and a RuleError before anything is
 * signed that the rules refuse.
 */
import { type Done, receiptOf } from "./actions.ts";
import type { CallOptions, Client, Proven, ProvenCampaign } from "./client.ts";
import { RuleError } from "./errors.ts";
import type { DebtName, PaymentOp } from "./kinds/payment.ts";
import { issueMax } from "./kinds/couponissue.ts";
import type { MemberSigner } from "./kinds/kind.ts";
import { rowKey } from "./rows.ts";
import {
  type Book,
  type CampaignMoney,
  type Cycle,
  type Debt,
  type ProtocolRow,
  type Refunded,
  books,
  decodeCycle,
  decodeDebt,
  decodeMoney,
  decodeProtocol,
  decodeRefunded,
} from "./rows2.ts";
import type { Signer } from "./signing.ts";
import { type Terms, amendFault, termsFault } from "./terms.ts";
import { memberTx, refundTx } from "./transactions.ts";
import type { State } from "./verifier.ts";

/** Gives a campaign new terms, in nothing worse for holders. Coupons that are out keep theirs. */
export async function amendCampaign(
  client: Client,
  c: ProvenCampaign,
  terms: Terms,
  signers: readonly MemberSigner[],
  options: CallOptions = {},
): Promise<Done<"CampaignAmend">> {
  const worse = amendFault(c.terms, terms);
  if (worse) throw new RuleError("E203", worse);
  const wrong = termsFault(terms);
  if (wrong) throw new RuleError("E201", wrong);
  const fields = { kind: "CampaignAmend" as const, campaign: c.number, version: c.version + 1, terms };
  return receiptOf(
    "CampaignAmend",
    client.submit(memberTx(client.chain, client.expiry(true), fields, signers), options),
  );
}

/** Gives coupons of a campaign to keys, without tickets: at most 64, one for each entry of `to`. */
export async function issueCoupons(
  client: Client,
  campaign: number,
  to: Uint8Array[],
  signers: readonly MemberSigner[],
  options: CallOptions = {},
): Promise<Done<"CouponIssue">> {
  if (to.length > issueMax) throw new RangeError(`${to.length} coupons at once, at most ${issueMax}`);
  const fields = { kind: "CouponIssue" as const, campaign, to };
  return receiptOf("CouponIssue", client.submit(memberTx(client.chain, client.expiry(true), fields, signers), options));
}

/** Gives money of a final redemption back to the funders, in whole or in part; till may undo any redemption. */
export async function refund(
  client: Client,
  till: Signer,
  facts: { coupon: bigint; seq: number; amount: bigint },
  options: CallOptions = {},
): Promise<Done<"Refund">> {
  return receiptOf("Refund", client.submit(refundTx(client.chain, client.expiry(), facts, till), options));
}

/** Begins to close a settlement cycle that is over; the following blocks do it. */
export async function closeCycle(
  client: Client,
  cycle: number,
  signer: MemberSigner,
  options: CallOptions = {},
): Promise<Done<"CycleClose">> {
  const fields = { kind: "CycleClose" as const, cycle, member: signer.member };
  return receiptOf("CycleClose", client.submit(memberTx(client.chain, client.expiry(true), fields, [signer]), options));
}

/** Says that a debt was paid outside the ledger, under a reference of 32 bytes of the payer's own. */
export async function postPayment(
  client: Client,
  debt: DebtName,
  ref: Uint8Array,
  signers: readonly MemberSigner[],
  options: CallOptions = {},
): Promise<Done<"PaymentPosted">> {
  const fields = { kind: "PaymentPosted" as const, ...nameOf(debt), ref };
  const raw = memberTx(client.chain, client.expiry(true), fields, signers);
  return receiptOf("PaymentPosted", client.submit(raw, options));
}

/** Says that a payment has come, that it has not, or, as the clearer, that it counts in the payee's place. */
export async function confirmPayment(
  client: Client,
  debt: DebtName,
  op: PaymentOp,
  signers: readonly MemberSigner[],
  options: CallOptions = {},
): Promise<Done<"PaymentConfirmed">> {
  const fields = { kind: "PaymentConfirmed" as const, ...nameOf(debt), op };
  const raw = memberTx(client.chain, client.expiry(true), fields, signers);
  return receiptOf("PaymentConfirmed", client.submit(raw, options));
}

/** The name alone, of what may hold more. */
function nameOf({ cycle, currency, book, payer, payee }: DebtName): DebtName {
  return { cycle, currency, book, payer, payee };
}

/** The protocol row, proven; of a chain of version 1, which has none, undefined. */
export async function protocol(client: Client, options: CallOptions = {}): Promise<Proven<ProtocolRow> | undefined> {
  const state = await client.state(rowKey.protocol(), options);
  return state.value.length === 0 ? undefined : { ...decodeProtocol(state.value), state };
}

/** What became of a campaign's budget, proven; undefined if nothing is settled of it yet. */
export async function campaignMoney(
  client: Client,
  campaign: number,
  options: CallOptions = {},
): Promise<Proven<CampaignMoney> | undefined> {
  const state = await client.state(rowKey.money(campaign), options);
  return state.value.length === 0 ? undefined : { ...decodeMoney(state.value), state };
}

/** A settlement cycle, proven; undefined if nobody has begun to close it. */
export async function settlementCycle(
  client: Client,
  cycle: number,
  options: CallOptions = {},
): Promise<{ cycle: Cycle; state: State } | undefined> {
  const state = await client.state(rowKey.cycle(cycle), options);
  return state.value.length === 0 ? undefined : { cycle: decodeCycle(state.value), state };
}

/** A debt, proven; undefined if there is none. */
export async function debt(
  client: Client,
  n: DebtName,
  options: CallOptions = {},
): Promise<{ debt: Debt; state: State } | undefined> {
  const key = rowKey.debt(n.cycle, n.currency, bookNumber(n.book), n.payer, n.payee);
  const state = await client.state(key, options);
  return state.value.length === 0 ? undefined : { debt: decodeDebt(state.value), state };
}

function bookNumber(book: Book): number {
  return books.indexOf(book);
}

/** What was given back of a redemption after it was final, proven; nothing is a sum of 0. */
export async function refunded(
  client: Client,
  coupon: bigint,
  seq: number,
  options: CallOptions = {},
): Promise<Proven<Refunded>> {
  const state = await client.state(rowKey.refund(coupon, seq), options);
  const r = state.value.length === 0 ? { sum: 0n, lastAt: 0 } : decodeRefunded(state.value);
  return { ...r, state };
}
