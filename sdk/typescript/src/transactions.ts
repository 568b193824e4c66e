/**
 * The eleven kinds of transactions: built, signed, named, and read strictly (domain
 * rules 3.3, 3.14). A builder checks what it made as a node's door would and throws a
 * RuleError, so nothing is signed that every node must refuse.
 */
import { compare, concat, hex } from "./bytes.ts";
import { RuleError } from "./failure.ts";
import {
  type Auth,
  type Invoice,
  type Ticket,
  encodeAuth,
  encodeInvoice,
  encodeTicket,
  invoiceDigest,
  readAuth,
  readInvoice,
  readTicket,
  signInvoice,
  writeAuth,
  writeInvoice,
  writeTicket,
} from "./objects.ts";
import { type Chain, type Signer, Tag, validKey, verifySignature } from "./signing.ts";
import { type Terms, indexOfName, readMoney, readTerms, readTime, writeTerms } from "./terms.ts";
import { Reader, WireError, Writer } from "./wire.ts";

export * from "./objects.ts";
export * from "./terms.ts";
export { Chain, type Signer, Tag, basketHash, randomBytes, signerOf, validKey, verifySignature } from "./signing.ts";

/** The largest transaction, in bytes. */
export const txBytesMax = 8192;
const signaturesMax = 32;
const memberSignatureBytes = 98;
const labelBytesMax = 32;
const txVersion = 1;

/** The kinds, in the order of their numbers from 1. */
export const kinds = [
  "CampaignPublish",
  "CampaignPause",
  "CampaignResume",
  "CampaignClose",
  "BatchCommit",
  "TillKeyAdd",
  "TillKeyRevoke",
  "Claim",
  "Transfer",
  "Redeem",
  "Void",
] as const;
/** What a transaction does. */
export type Kind = (typeof kinds)[number];

/** The number of a kind in a transaction. */
export function kindNumber(kind: Kind): number {
  return indexOfName(kinds, kind) + 1;
}

/** Reports whether a kind is signed by members. */
export function memberSigned(kind: Kind): boolean {
  return kindNumber(kind) <= 7;
}

/** Rights of a till key, a bit set. */
export const Right = { redeem: 1, voidOwn: 2, voidAny: 4 } as const;

/** Offers a new campaign. */
export interface CampaignPublish {
  kind: "CampaignPublish";
  terms: Terms;
}
/** Pauses, resumes or closes a campaign. */
export interface CampaignControl {
  kind: "CampaignPause" | "CampaignResume" | "CampaignClose";
  campaign: number;
}
/** Opens the serials first..first+count-1 to claims under a ticket key. */
export interface BatchCommit {
  kind: "BatchCommit";
  campaign: number;
  first: number;
  count: number;
  ticketKey: Uint8Array;
}
/** Registers a till key of a merchant; the till key signs too. */
export interface TillKeyAdd {
  kind: "TillKeyAdd";
  member: number;
  store: number;
  tillKey: Uint8Array;
  rights: number;
  currency: number;
  validFrom: number;
  validUntil: number;
  /** Minor units that it may take in one UTC day. */
  dayCap: bigint;
  label: string;
}
/** Revokes a till key for ever. */
export interface TillKeyRevoke {
  kind: "TillKeyRevoke";
  member: number;
  tillKey: Uint8Array;
}
/** Turns a ticket into a coupon owned by `to`. */
export interface Claim {
  kind: "Claim";
  ticket: Ticket;
  ticketKey: Uint8Array;
  to: Uint8Array;
}
/** Moves, refreshes, offers, accepts or takes back a coupon. giftUntil is 0, or the end of a gift to the gift key. */
export interface Transfer {
  kind: "Transfer";
  coupon: bigint;
  seq: number;
  mover: Uint8Array;
  to: Uint8Array;
  giftUntil: number;
}
/** Takes value from a coupon at a till. */
export interface Redeem {
  kind: "Redeem";
  invoice: Invoice;
  auth: Auth;
}
/** Undoes the redemption (coupon, seq). */
export interface Void {
  kind: "Void";
  coupon: bigint;
  seq: number;
  key: Uint8Array;
}
/** The kind's own part of a body. */
export type Fields =
  CampaignPublish | CampaignControl | BatchCommit | TillKeyAdd | TillKeyRevoke | Claim | Transfer | Redeem | Void;

/** One entry of the witness of kinds 1 to 7. */
export interface MemberSignature {
  member: number;
  key: Uint8Array;
  signature: Uint8Array;
}

/** An admin key of a member that signs. */
export interface MemberSigner extends Signer {
  readonly member: number;
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

function writeFields(w: Writer, f: Fields): Writer {
  switch (f.kind) {
    case "CampaignPublish":
      return writeTerms(w, f.terms);
    case "CampaignPause":
    case "CampaignResume":
    case "CampaignClose":
      return w.u32(f.campaign);
    case "BatchCommit":
      return w.u32(f.campaign).u32(f.first).u32(f.count).fixed(f.ticketKey, 32);
    case "TillKeyAdd":
      w.u16(f.member).u16(f.store).fixed(f.tillKey, 32).u8(f.rights).u16(f.currency);
      return w.u64(f.validFrom).u64(f.validUntil).u64(f.dayCap).text(f.label);
    case "TillKeyRevoke":
      return w.u16(f.member).fixed(f.tillKey, 32);
    case "Claim":
      return writeTicket(w, f.ticket).fixed(f.ticketKey, 32).fixed(f.to, 32);
    case "Transfer":
      return w.u64(f.coupon).u32(f.seq).fixed(f.mover, 32).fixed(f.to, 32).u64(f.giftUntil);
    case "Redeem":
      return writeAuth(writeInvoice(w, f.invoice), f.auth);
    case "Void":
      return w.u64(f.coupon).u32(f.seq).fixed(f.key, 32);
  }
}

function readFields(r: Reader, kind: Kind, expires: number): Fields {
  switch (kind) {
    case "CampaignPublish":
      return { kind, terms: readTerms(r) };
    case "CampaignPause":
    case "CampaignResume":
    case "CampaignClose":
      return { kind, campaign: r.u32() };
    case "BatchCommit": {
      const f = { kind, campaign: r.u32(), first: r.u32(), count: r.u32(), ticketKey: r.raw(32) };
      r.require(f.count >= 1, "empty batch");
      return f;
    }
    case "TillKeyAdd":
      return readTillKeyAdd(r);
    case "TillKeyRevoke":
      return { kind, member: r.u16(), tillKey: r.raw(32) };
    case "Claim":
      return { kind, ticket: readTicket(r), ticketKey: r.raw(32), to: r.raw(32) };
    case "Transfer": {
      const head = { coupon: r.u64(), seq: r.u32(), mover: r.raw(32), to: r.raw(32) };
      return { kind, ...head, giftUntil: readTime(r) };
    }
    case "Redeem": {
      const f = { kind, invoice: readInvoice(r), auth: readAuth(r) };
      r.require(f.auth.expires === expires, "the envelope's expiry is not the authorisation's");
      return f;
    }
    case "Void":
      return { kind, coupon: r.u64(), seq: r.u32(), key: r.raw(32) };
  }
}

/** A bit set of rights; 1 to 7. */
export function readRights(r: Reader): number {
  const v = r.u8();
  r.require(v >= 1 && v <= 7, "rights beyond 1..7");
  return v;
}

function readTillKeyAdd(r: Reader): TillKeyAdd {
  const key = { member: r.u16(), store: r.u16(), tillKey: r.raw(32), rights: readRights(r), currency: r.u16() };
  const limits = { validFrom: readTime(r), validUntil: readTime(r), dayCap: readMoney(r) };
  const f = { kind: "TillKeyAdd" as const, ...key, ...limits, label: r.text(labelBytesMax) };
  r.require(f.store >= 1, "store 0");
  r.require(f.dayCap >= 1n, "day cap 0");
  return f;
}

function readBody(r: Reader): Body {
  r.exactly(txVersion, "version");
  const kind = kinds[r.u8() - 1];
  if (kind === undefined) throw new WireError("value", "unlisted kind");
  const hint = r.u32();
  const expires = readTime(r);
  return { hint, expires, fields: readFields(r, kind, expires) };
}

function furtherSignatures(kind: Kind): number {
  switch (kind) {
    case "Claim":
    case "Redeem":
      return 2;
    case "TillKeyAdd":
    case "Transfer":
    case "Void":
      return 1;
    default:
      return 0;
  }
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
    const members = memberSigned(body.fields.kind) ? readMembers(r) : [];
    const signatures: Uint8Array[] = [];
    for (let i = furtherSignatures(body.fields.kind); i > 0; i--) signatures.push(r.raw(64));
    r.close();
    return { ...body, raw: raw.slice(), body: bodyBytes, members, signatures };
  });
}

/** One signature of a transaction with its key and message. */
export interface SigCheck {
  key: Uint8Array;
  message: Uint8Array;
  signature: Uint8Array;
}

/** Every signature of a transaction. All must verify under ZIP-215. */
export function signaturesOf(chain: Chain, tx: Tx): SigCheck[] {
  const body = chain.message(Tag.tx, tx.body);
  const [first = new Uint8Array(), second = new Uint8Array()] = tx.signatures;
  const f = tx.fields;
  switch (f.kind) {
    case "Claim": {
      const ticket = chain.message(Tag.ticket, encodeTicket(f.ticket));
      return [
        { key: f.ticketKey, message: ticket, signature: first },
        { key: f.ticket.claimKey, message: body, signature: second },
      ];
    }
    case "Transfer":
      return [{ key: f.mover, message: body, signature: first }];
    case "Void":
      return [{ key: f.key, message: body, signature: first }];
    case "Redeem": {
      const invoice = f.auth.mode === "INVOICE" ? chain.message(Tag.invoice, encodeInvoice(f.invoice)) : body;
      return [
        { key: f.invoice.tillKey, message: invoice, signature: first },
        { key: f.auth.holder, message: chain.message(Tag.auth, encodeAuth(f.auth)), signature: second },
      ];
    }
  }
  const checks = tx.members.map((m) => ({ key: m.key, message: body, signature: m.signature }));
  if (f.kind === "TillKeyAdd") checks.push({ key: f.tillKey, message: body, signature: first });
  return checks;
}

/** Every key that stands in a body. */
function keysOf(f: Fields): Uint8Array[] {
  switch (f.kind) {
    case "BatchCommit":
      return [f.ticketKey];
    case "TillKeyAdd":
    case "TillKeyRevoke":
      return [f.tillKey];
    case "Claim":
      return [f.ticket.claimKey, f.ticketKey, f.to];
    case "Transfer":
      return [f.mover, f.to];
    case "Redeem":
      return [f.invoice.tillKey, f.auth.holder];
    case "Void":
      return [f.key];
    default:
      return [];
  }
}

function checkHint(chain: Chain, hint: number): void {
  if (hint !== chain.hint)
    throw new RuleError("E103", `chain hint ${hint.toString(16)}, not ${chain.hint.toString(16)}`);
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
  checkKeys([...keysOf(tx.fields), ...tx.members.map((m) => m.key)]);
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
  const until = fields.kind === "Redeem" ? fields.auth.expires : expires;
  const w = new Writer().u8(txVersion).u8(kindNumber(fields.kind)).u32(chain.hint).u64(until);
  const body = writeFields(w, fields).done();
  checkBody(chain, body);
  checkKeys(keysOf(fields));
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

/** Puts a member-signed transaction together; till is the till's signature under a TillKeyAdd. */
export function joinMemberSigned(body: Uint8Array, entries: readonly MemberSignature[], till?: Uint8Array): Uint8Array {
  const sorted = [...entries].sort(compareMembers);
  const w = new Writer().raw(body);
  w.list(sorted, (x, s) => x.u16(s.member).fixed(s.key, 32).fixed(s.signature, 64));
  return (till ? w.fixed(till, 64) : w).done();
}

/** Makes and signs a transaction of kinds 1 to 5 or 7. */
export function memberTx(
  chain: Chain,
  expires: number,
  fields: CampaignPublish | CampaignControl | BatchCommit | TillKeyRevoke,
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

function signedBy(chain: Chain, expires: number, fields: Transfer | Void, by: Signer): Uint8Array {
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
