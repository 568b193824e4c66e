/**
 * QR and link payloads (rules 3.4, 3.5, 3.14): tickets, gifts, invoices and shown
 * codes. Between till and wallet a payload is "SCRP:" and base45; for cameras it stands
 * behind the # of a link, which never reaches a server.
 */
import { base45, base64url, fromBase45, fromBase64url } from "./bytes.ts";
import { RuleError } from "./errors.ts";
import {
  type Auth,
  type Invoice,
  type Ticket,
  campaignOf,
  readAuth,
  readInvoice,
  verifyAuth,
  verifyInvoice,
  verifyTicket,
  writeAuth,
  writeInvoice,
} from "./objects.ts";
import { type Chain, type Signer, signerOf, validKey } from "./signing.ts";
import { readTime } from "./terms.ts";
import { type Reader, WireError, Writer, decode } from "./wire.ts";

/** The payload of a signed invoice. */
export interface InvoicePayload {
  type: "invoice";
  invoice: Invoice;
  signature: Uint8Array;
}
/** The payload of a signed authorisation: a shown code, or the answer to an invoice. */
export interface AuthPayload {
  type: "auth";
  auth: Auth;
  signature: Uint8Array;
}
/** A ticket without its claim key, which follows from the seed. */
export interface TicketPayload {
  type: "ticket";
  campaign: number;
  batch: number;
  serial: number;
  expires: number;
  /** 16 bytes; whoever has them can claim. */
  seed: Uint8Array;
  signature: Uint8Array;
}
/** A gift: whoever has the seed can accept it. */
export interface GiftPayload {
  type: "gift";
  coupon: bigint;
  /** 16 bytes. */
  seed: Uint8Array;
}
/** What a QR code or link carries. */
export type Payload = InvoicePayload | AuthPayload | TicketPayload | GiftPayload;

const types = ["invoice", "auth", "ticket", "gift"] as const;
const textPrefix = "SCRP:";
const textMax = 512;

/** The bytes of a payload: type, chain hint, object, signature. */
export function encodePayload(chain: Chain, p: Payload): Uint8Array {
  const w = new Writer().u8(types.indexOf(p.type) + 1).u32(chain.hint);
  switch (p.type) {
    case "invoice":
      return writeInvoice(w, p.invoice).fixed(p.signature, 64).done();
    case "auth":
      return writeAuth(w, p.auth).fixed(p.signature, 64).done();
    case "ticket":
      w.u32(p.campaign).u16(p.batch).u32(p.serial).u64(p.expires).fixed(p.seed, 16);
      return w.fixed(p.signature, 64).done();
    case "gift":
      return w.u64(p.coupon).fixed(p.seed, 16).done();
  }
}

function readObject(r: Reader, type: Payload["type"] | undefined): Payload {
  switch (type) {
    case "invoice":
      return { type, invoice: readInvoice(r), signature: r.raw(64) };
    case "auth":
      return { type, auth: readAuth(r), signature: r.raw(64) };
    case "ticket": {
      const head = { type, campaign: r.u32(), batch: r.u16(), serial: r.u32() };
      const p = { ...head, expires: readTime(r), seed: r.raw(16), signature: r.raw(64) };
      r.require(p.serial >= 1, "serial 0");
      return p;
    }
    case "gift":
      return { type, coupon: r.u64(), seed: r.raw(16) };
    case undefined:
      throw new WireError("value", "unlisted payload type");
  }
}

/**
 * Decodes a payload strictly: E101 for bad bytes, E103 for another chain, E102 for a
 * key or signature that is not valid. A ticket's signature needs its batch's ticket
 * key: see ticketSigned.
 */
export function decodePayload(chain: Chain, bytes: Uint8Array): Payload {
  let hint = 0;
  const p = badEncoding(() =>
    decode(bytes, (r) => {
      const type = types[r.u8() - 1];
      hint = r.u32();
      return readObject(r, type);
    }),
  );
  if (hint !== chain.hint) throw new RuleError("E103", "the code is of another network");
  const signed =
    p.type === "invoice"
      ? validKey(p.invoice.tillKey) && verifyInvoice(chain, p.invoice, p.signature)
      : p.type !== "auth" || (validKey(p.auth.holder) && verifyAuth(chain, p.auth, p.signature));
  if (!signed) throw new RuleError("E102", "the code's signature does not verify");
  return p;
}

function badEncoding<T>(read: () => T): T {
  try {
    return read();
  } catch (e) {
    if (e instanceof RuleError) throw e;
    throw new RuleError("E101", e instanceof Error ? e.message : "unreadable");
  }
}

/** The text of a payload between till and wallet, all in the alphanumeric set of QR codes. */
export function payloadText(chain: Chain, p: Payload): string {
  return textPrefix + base45(encodePayload(chain, p));
}

/** What follows the # of a link. */
export function linkFragment(chain: Chain, p: TicketPayload | GiftPayload): string {
  return base64url(encodePayload(chain, p));
}

/**
 * The link that carries a ticket (/c) or a gift (/g). origin is such as "https://coupons.example". The
 * campaign in its path is public, and lets chats show what the link is about.
 */
export function payloadLink(chain: Chain, origin: string, p: TicketPayload | GiftPayload): string {
  const [path, campaign] = p.type === "ticket" ? ["c", p.campaign] : ["g", campaignOf(p.coupon)];
  return `${origin.replace(/\/+$/, "")}/${path}/${campaign}#${linkFragment(chain, p)}`;
}

/**
 * Reads whatever a camera, a scanner or a person hands in: a "SCRP:" text, a link, or
 * what follows its #; a link also with words around it, with what trackers hang on, or
 * with a full stop or bracket behind it. Throws a RuleError as decodePayload does.
 */
export function parsePayload(chain: Chain, text: string): Payload {
  return decodePayload(
    chain,
    badEncoding(() => payloadBytes(text.trim())),
  );
}

const linkTextMax = 4096;
const giftTextChars = 39;
const ticketTextChars = 138;

function payloadBytes(text: string): Uint8Array {
  if (text.startsWith(textPrefix)) {
    if (text.length > textMax) throw new RangeError("the code is too long");
    return fromBase45(text.slice(textPrefix.length));
  }
  if (text.length > linkTextMax) throw new RangeError("the link is too long");
  // Some programs escape the mark between address and payload.
  const parts = text.replaceAll("%23", "#").split("#");
  const runs = (parts.length > 1 ? parts.slice(1) : parts).map(linkRun);
  const fragment = runs.find((run) => run.length >= giftTextChars) ?? runs[0] ?? "";
  if (fragment.length > textMax) throw new RangeError("the link is too long");
  return fromBase64url(fragment);
}

/**
 * The part of a text from its beginning on that can be a payload: up to the first
 * character that base64url does not have, or up to the length of a ticket or gift
 * where only marks of emphasis follow, as in _LINK_.
 */
function linkRun(text: string): string {
  const run = /^[A-Za-z0-9_-]*/.exec(text)?.[0] ?? "";
  for (const n of [giftTextChars, ticketTextChars]) {
    if (/^[-_]+$/.test(run.slice(n))) return run.slice(0, n);
  }
  return run;
}

/** The claim key of a ticket, derived from its seed. */
export function claimSigner(chain: Chain, t: TicketPayload): Signer {
  return signerOf(chain.claimKeySeed(t.seed, t.campaign, t.serial));
}

/** The whole ticket of a payload. */
export function ticketOf(chain: Chain, t: TicketPayload): Ticket {
  const { campaign, batch, serial, expires } = t;
  return { campaign, batch, serial, claimKey: claimSigner(chain, t).key, expires };
}

/** Reports whether a ticket is signed by its batch's ticket key, which the ledger holds. */
export function ticketSigned(chain: Chain, t: TicketPayload, ticketKey: Uint8Array): boolean {
  return verifyTicket(chain, ticketOf(chain, t), ticketKey, t.signature);
}

/** The gift key of a gift, derived from its seed. It can do nothing but accept. */
export function giftSigner(chain: Chain, g: GiftPayload): Signer {
  return signerOf(chain.giftKeySeed(g.seed, g.coupon));
}
