/**
 * Transactions of all kinds: built, signed, named, and read strictly (domain
 * rules 3.3, 3.14). A builder checks what it made as a node's door would and throws a
 * RuleError, so nothing is signed that every node must refuse.
 */
import { compare, concat, hex } from "./bytes.ts";
import { RuleError } from "./failure.ts";
import type { BatchCommit } from "./kinds/batchcommit.ts";
import type { CampaignAmend } from "./kinds/campaignamend.ts";
import type { CampaignControl } from "./kinds/campaigncontrol.ts";
import type { CampaignPublish } from "./kinds/campaignpublish.ts";
import type { Claim } from "./kinds/claim.ts";
import type { CouponIssue } from "./kinds/couponissue.ts";
import type { CycleClose } from "./kinds/cycleclose.ts";
import type { MemberSignature, MemberSigner, SigCheck } from "./kinds/kind.ts";
import type { MemberKeys } from "./kinds/memberkeys.ts";
import type { PaymentConfirmed, PaymentPosted } from "./kinds/payment.ts";
import type { Refund } from "./kinds/refund.ts";
import type { ServiceKeyAdd, ServiceKeyRevoke } from "./kinds/servicekey.ts";
import { type Fields, type Kind, specNumbered, specOf } from "./kinds/table.ts";
import type { TillKeyAdd } from "./kinds/tillkeyadd.ts";
import type { TillKeyRevoke } from "./kinds/tillkeyrevoke.ts";
import type { Trade } from "./kinds/trade.ts";
import type { Transfer } from "./kinds/transfer.ts";
import type { Void } from "./kinds/void.ts";
import { type Auth, type Invoice, invoiceDigest, signInvoice } from "./objects.ts";
import type { Offer } from "./offers.ts";
import { type Chain, type Signer, Tag, validKey, verifySignature } from "./signing.ts";
import { readTime } from "./terms.ts";
import { Reader, WireError, Writer } from "./wire.ts";

export * from "./objects.ts";
export * from "./offers.ts";
export * from "./terms.ts";
export type { MemberSignature, MemberSigner, SigCheck } from "./kinds/kind.ts";
export { type Fields, type Kind, kinds, kindsAt } from "./kinds/table.ts";
export type { BatchCommit, CampaignControl, CampaignPublish, Claim, TillKeyAdd, TillKeyRevoke, Transfer, Void };
export type { CampaignAmend, CouponIssue, CycleClose, MemberKeys, Refund, ServiceKeyAdd, ServiceKeyRevoke, Trade };
export { type DebtName, type PaymentOp, paymentOps } from "./kinds/payment.ts";
export type { PaymentConfirmed, PaymentPosted };
export { issueMax } from "./kinds/couponissue.ts";
export type { OfferPost } from "./kinds/offerpost.ts";
export type { Redeem } from "./kinds/redeem.ts";
export { Right } from "./rows.ts";
export { Chain, type Signer, Tag, basketHash, randomBytes, signerOf, validKey, verifySignature } from "./signing.ts";

/** The largest transaction, in bytes. */
export const txBytesMax = 8192;
const signaturesMax = 32;
const memberSignatureBytes = 98;
const txVersion = 1;

/** The number of a kind in a transaction. */
export function kindNumber(kind: Kind): number {
  return specOf(kind).number;
}

/** Reports whether a kind is signed by members. */
export function memberSigned(kind: Kind): boolean {
  return specOf(kind).members;
}

/** A decoded body. */
export interface Body {
  /** The hint of the chain that it was made for. */
  hint: number;
  /** The instant from which it is refused, Unix ms. */
  expires: number;
  fields: Fields;
}

/** A decoded transaction. */
export interface Tx extends Body {
  /** The whole transaction, body and witness. */
  raw: Uint8Array;
  /** The signed part. */
  body: Uint8Array;
  members: MemberSignature[];
  /** The further signatures, in the order of the witness. */
  signatures: Uint8Array[];
}

/** A transaction whose chain, keys and signatures hold. */
export interface CheckedTx extends Tx {
  /** Its id, 64 hexadecimal digits. */
  id: string;
}

function readBody(r: Reader): Body {
  r.exactly(txVersion, "version");
  const spec = specNumbered(r.u8());
  if (spec === undefined) throw new WireError("value", "unlisted kind");
  const hint = r.u32();
  const expires = readTime(r);
  const fields = spec.read(r);
  r.require((spec.expiry(fields) ?? expires) === expires, "the envelope's expiry is not that of the fields");
  return { hint, expires, fields };
}

function compareMembers(a: MemberSignature, b: MemberSignature): number {
  return a.member - b.member || compare(a.key, b.key);
}

function readMembers(r: Reader): MemberSignature[] {
  let last: MemberSignature | undefined;
  const members = r.list(signaturesMax, memberSignatureBytes, () => {
    const s = { member: r.u16(), key: r.raw(32), signature: r.raw(64) };
    r.require(last === undefined || compareMembers(last, s) < 0, "member signatures not ascending");
    last = s;
    return s;
  });
  r.require(members.length >= 1, "no member signature");
  return members;
}

/** Runs a decoder and turns its WireError into the code E101. */
function strict<T>(read: () => T): T {
  try {
    return read();
  } catch (e) {
    if (e instanceof WireError) throw new RuleError("E101", e.message);
    throw e;
  }
}

/** Decodes a transaction strictly (E107, E101). Chain, keys and signatures are not looked at: see checkTx. */
export function parseTx(raw: Uint8Array): Tx {
  if (raw.length > txBytesMax) throw new RuleError("E107", `${raw.length} bytes, at most ${txBytesMax}`);
  return strict(() => {
    const r = new Reader(raw);
    const body = readBody(r);
    const bodyBytes = raw.slice(0, r.offset);
    const spec = specOf(body.fields.kind);
    const members = spec.members ? readMembers(r) : [];
    const further = spec.furtherOf?.(body.fields) ?? spec.further;
    const signatures = Array.from({ length: further }, () => r.raw(64));
    r.close();
    return { ...body, raw: raw.slice(), body: bodyBytes, members, signatures };
  });
}

/** Every signature of a transaction. All must verify under ZIP-215. */
export function signaturesOf(chain: Chain, tx: Tx): SigCheck[] {
  const body = chain.message(Tag.tx, tx.body);
  const members = tx.members.map((m) => ({ key: m.key, message: body, signature: m.signature }));
  return [...members, ...specOf(tx.fields.kind).signatures(chain, tx.fields, tx.signatures, body)];
}

function checkHint(chain: Chain, hint: number): void {
  if (hint !== chain.hint)
    throw new RuleError("E103", `chain hint ${hint.toString(16)}, not ${chain.hint.toString(16)}`);
}

function checkAgrees(chain: Chain, fields: Fields): void {
  if (specOf(fields.kind).agrees?.(chain, fields) === false)
    throw new RuleError("E101", "a digest is of something else");
}

function checkKeys(keys: readonly Uint8Array[]): void {
  for (const key of keys) {
    if (!validKey(key)) throw new RuleError("E102", `${hex(key)} is not a valid public key`);
  }
}

/**
 * Makes every stateless check of a transaction, as a node's door does: size E107,
 * encoding E101, chain E103, keys and signatures E102.
 */
export function checkTx(chain: Chain, raw: Uint8Array): CheckedTx {
  const tx = parseTx(raw);
  checkHint(chain, tx.hint);
  checkAgrees(chain, tx.fields);
  checkKeys([...specOf(tx.fields.kind).keys(tx.fields), ...tx.members.map((m) => m.key)]);
  for (const s of signaturesOf(chain, tx)) {
    if (!verifySignature(s.key, s.message, s.signature)) throw new RuleError("E102", "a signature does not verify");
  }
  return { ...tx, id: txId(chain, tx.body) };
}

/** Decodes a body without its witness, so that somebody who is asked to sign it sees what it says (E101, E103). */
export function checkBody(chain: Chain, body: Uint8Array): Body {
  const out = strict(() => {
    const r = new Reader(body);
    const b = readBody(r);
    r.close();
    return b;
  });
  checkHint(chain, out.hint);
  checkAgrees(chain, out.fields);
  return out;
}

/** The id of the transaction with this body, 64 hexadecimal digits. */
export function txId(chain: Chain, body: Uint8Array): string {
  return hex(chain.hash(Tag.tx, body));
}

/**
 * The body of a transaction. expires is Unix ms; a Redeem takes that of its
 * authorisation. Throws a RuleError (E101, E102) for what no node would take.
 */
export function encodeBody(chain: Chain, expires: number, fields: Fields): Uint8Array {
  const spec = specOf(fields.kind);
  const until = spec.expiry(fields) ?? expires;
  const w = new Writer().u8(txVersion).u8(spec.number).u32(chain.hint).u64(until);
  const body = spec.write(w, fields).done();
  checkBody(chain, body);
  checkKeys(spec.keys(fields));
  return body;
}

/** One entry of the witness of a member-signed body. Members at different places exchange the body and these. */
export function signMember(chain: Chain, body: Uint8Array, by: MemberSigner): MemberSignature {
  return { member: by.member, key: by.key, signature: by.sign(chain.message(Tag.tx, body)) };
}

/** A signature under a body: the till's for a TillKeyAdd, or for a Redeem in mode SHOW. */
export function signBody(chain: Chain, body: Uint8Array, by: Signer): Uint8Array {
  return by.sign(chain.message(Tag.tx, body));
}

/** Puts a member-signed transaction together; added are the signatures of keys that it adds, in their order. */
export function joinMemberSigned(
  body: Uint8Array,
  entries: readonly MemberSignature[],
  ...added: readonly Uint8Array[]
): Uint8Array {
  const sorted = [...entries].sort(compareMembers);
  const w = new Writer().raw(body);
  w.list(sorted, (x, s) => x.u16(s.member).fixed(s.key, 32).fixed(s.signature, 64));
  for (const signature of added) w.fixed(signature, 64);
  return w.done();
}

/** What members alone sign. */
export type MemberFields =
  | CampaignPublish
  | CampaignControl
  | BatchCommit
  | TillKeyRevoke
  | CampaignAmend
  | CouponIssue
  | CycleClose
  | PaymentPosted
  | PaymentConfirmed
  | ServiceKeyRevoke;

/** Makes and signs a transaction that members alone sign. */
export function memberTx(
  chain: Chain,
  expires: number,
  fields: MemberFields,
  signers: readonly MemberSigner[],
): Uint8Array {
  const body = encodeBody(chain, expires, fields);
  return joinMemberSigned(
    body,
    signers.map((s) => signMember(chain, body, s)),
  );
}

/** Makes and signs a TillKeyAdd; the till key proves that it is there. */
export function tillKeyAddTx(
  chain: Chain,
  expires: number,
  fields: Omit<TillKeyAdd, "kind" | "tillKey">,
  till: Signer,
  signers: readonly MemberSigner[],
): Uint8Array {
  const body = encodeBody(chain, expires, { kind: "TillKeyAdd", ...fields, tillKey: till.key });
  const entries = signers.map((s) => signMember(chain, body, s));
  return joinMemberSigned(body, entries, signBody(chain, body, till));
}

/** Makes and signs the claim of a ticket for the owner `to`; claimKey signs, so nobody can change `to`. */
export function claimTx(
  chain: Chain,
  expires: number,
  claim: Omit<Claim, "kind"> & { ticketSignature: Uint8Array },
  claimKey: Signer,
): Uint8Array {
  const { ticketSignature, ...fields } = claim;
  const body = encodeBody(chain, expires, { kind: "Claim", ...fields });
  return concat(body, ticketSignature, signBody(chain, body, claimKey));
}

function signedBy(chain: Chain, expires: number, fields: Transfer | Void | Refund, by: Signer): Uint8Array {
  const body = encodeBody(chain, expires, fields);
  return concat(body, signBody(chain, body, by));
}

/** Makes and signs a transfer, refresh, gift offer, acceptance or take-back; mover is the one who signs. */
export function transferTx(
  chain: Chain,
  expires: number,
  fields: Omit<Transfer, "kind" | "mover" | "giftUntil"> & { giftUntil?: number },
  mover: Signer,
): Uint8Array {
  return signedBy(chain, expires, { kind: "Transfer", giftUntil: 0, ...fields, mover: mover.key }, mover);
}

/** Makes and signs a void; till is a till key with the right. */
export function voidTx(chain: Chain, expires: number, coupon: bigint, seq: number, till: Signer): Uint8Array {
  return signedBy(chain, expires, { kind: "Void", coupon, seq, key: till.key }, till);
}

/** Makes and signs a refund of the redemption (coupon, seq); till is a till key that may undo any redemption. */
export function refundTx(
  chain: Chain,
  expires: number,
  facts: Pick<Refund, "coupon" | "seq" | "amount">,
  till: Signer,
): Uint8Array {
  return signedBy(chain, expires, { kind: "Refund", ...facts, key: till.key, recredit: false }, till);
}

/** Makes the transaction that posts a signed offer. Anybody can submit it. */
export function offerPostTx(chain: Chain, expires: number, offer: Offer, sellerSignature: Uint8Array): Uint8Array {
  return concat(encodeBody(chain, expires, { kind: "OfferPost", offer }), sellerSignature);
}

/**
 * Puts a trade together from what seller, buyer and, for money, the payment member signed. Anybody can submit it, and
 * nobody can change it.
 */
export function tradeTx(
  chain: Chain,
  deal: Omit<Trade, "kind">,
  sellerSignature: Uint8Array,
  buyerSignature: Uint8Array,
  paySignature?: Uint8Array,
): Uint8Array {
  const body = encodeBody(chain, 0, { kind: "Trade", ...deal });
  if ((deal.payment !== undefined) !== (paySignature !== undefined)) throw new TypeError("a payment is signed");
  return concat(body, sellerSignature, buyerSignature, ...(paySignature ? [paySignature] : []));
}

/** Makes and signs a ServiceKeyAdd; the key proves that it is there. */
export function serviceKeyAddTx(
  chain: Chain,
  expires: number,
  fields: Omit<ServiceKeyAdd, "kind" | "key">,
  key: Signer,
  signers: readonly MemberSigner[],
): Uint8Array {
  const body = encodeBody(chain, expires, { kind: "ServiceKeyAdd", ...fields, key: key.key });
  const entries = signers.map((s) => signMember(chain, body, s));
  return joinMemberSigned(body, entries, signBody(chain, body, key));
}

/** Makes and signs a MemberKeys; added are the signers of its new keys, in any order. */
export function memberKeysTx(
  chain: Chain,
  expires: number,
  fields: Omit<MemberKeys, "kind" | "add">,
  added: readonly Signer[],
  signers: readonly MemberSigner[],
): Uint8Array {
  const sorted = [...added].sort((a, b) => compare(a.key, b.key));
  const add = sorted.map((s) => s.key);
  const keep = [...fields.keep].sort(compare);
  const body = encodeBody(chain, expires, { kind: "MemberKeys", ...fields, keep, add });
  const entries = signers.map((s) => signMember(chain, body, s));
  return joinMemberSigned(body, entries, ...sorted.map((s) => signBody(chain, body, s)));
}

/** Puts a redemption in mode INVOICE together from what till and holder signed. Anybody can submit it. */
export function redeemInvoiceTx(
  chain: Chain,
  invoice: Invoice,
  tillSignature: Uint8Array,
  auth: Auth & { mode: "INVOICE" },
  holderSignature: Uint8Array,
): Uint8Array {
  return concat(encodeBody(chain, 0, { kind: "Redeem", invoice, auth }), tillSignature, holderSignature);
}

/** Makes a redemption in mode SHOW from an authorisation that the till has scanned; the till signs the whole body. */
export function redeemShowTx(
  chain: Chain,
  invoice: Omit<Invoice, "tillKey">,
  till: Signer,
  auth: Auth & { mode: "SHOW" },
  holderSignature: Uint8Array,
): Uint8Array {
  const body = encodeBody(chain, 0, { kind: "Redeem", invoice: { ...invoice, tillKey: till.key }, auth });
  return concat(body, signBody(chain, body, till), holderSignature);
}

/** Makes and signs an invoice, with the digest that authorisations name. */
export function invoiceOf(
  chain: Chain,
  facts: Omit<Invoice, "tillKey">,
  till: Signer,
): { invoice: Invoice; signature: Uint8Array; digest: Uint8Array } {
  const invoice = { ...facts, tillKey: till.key };
  return { invoice, signature: signInvoice(chain, invoice, till), digest: invoiceDigest(chain, invoice) };
}
