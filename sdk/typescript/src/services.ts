/**
 * What nodes and ticket desks offer beside the chain: tickets from a poster, short codes
 * under a shown code, and the pairing of new tills. None of it is an authority: tickets
 * and codes are checked here, and a till is one only when the chain says so.
 */
import { hmac } from "@noble/hashes/hmac.js";
import type { NodesBody } from "./answers.ts";
import { type Done, receiptOf } from "./actions.ts";
import { base64, compare, concat, fromBase64, fromUtf8, hex, utf8 } from "./bytes.ts";
import type { CallOptions, Client } from "./client.ts";
import { FalseAnswer, RuleError } from "./errors.ts";
import { type Fetch, jsonAsk, send } from "./http.ts";
import { decodeKey } from "./keys.ts";
import { type AuthPayload, decodePayload, encodePayload } from "./links.ts";
import { readRights } from "./rows.ts";
import { type Chain, type Signer, randomBytes, sha256, verifySignature } from "./signing.ts";
import {
  type MemberSigner,
  Tag,
  type Ticket,
  type TillKeyAdd,
  checkBody,
  claimTx,
  encodeBody,
  joinMemberSigned,
  readMoney,
  readTime,
  signBody,
  signMember,
  validKey,
  verifyTicket,
} from "./transactions.ts";
import { Writer, decode } from "./wire.ts";

const deskTimeoutMs = 10_000;

/** Where the members' nodes and ticket desks are, in one node's word. Believe their answers by proofs only. */
export function findNodes(client: Client, options: CallOptions = {}): Promise<NodesBody> {
  return client.read("NodesBody", "/v1/nodes", {}, options);
}

/** A ticket from a desk, with the key that is said to have signed it. */
export interface DeskTicket {
  ticket: Ticket;
  ticketKey: Uint8Array;
  signature: Uint8Array;
}

/**
 * Brings a claim key to a ticket desk. Keep the key's seed before: the same key gets the
 * same ticket for ever, so a retry loses nothing. Throws an HttpStatus: 403 = there is no
 * ticket, 429 = ask again after retryMs.
 */
export async function askDesk(
  desk: string,
  campaign: number,
  claimKey: Uint8Array,
  options: CallOptions & { fetch?: Fetch } = {},
): Promise<DeskTicket> {
  const fetcher: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  const ask = jsonAsk("/v1/tickets", { campaign, claim_key: hex(claimKey) });
  const body = await send(fetcher, desk.replace(/\/+$/, ""), ask, deskTimeoutMs, options.signal);
  try {
    const a = JSON.parse(fromUtf8(body)) as Record<string, unknown>;
    const expires = Number((a["expires"] as Record<string, unknown>)["ms"]);
    const [batch, serial] = [Number(a["batch"]), Number(a["serial"])];
    const ticket = { campaign, batch, serial, claimKey, expires };
    const signature = fromBase64(String(a["signature"]));
    return { ticket, ticketKey: decodeKey("ticket", String(a["ticket_key"])), signature };
  } catch {
    throw new FalseAnswer("the desk's answer is not a ticket");
  }
}

/** Asks a desk for a ticket and claims it for `to`, after checking that the ledger's batch has the desk's key. */
export async function claimAtDesk(
  client: Client,
  desk: string,
  campaign: number,
  claimKey: Signer,
  to: Uint8Array,
  options: CallOptions = {},
): Promise<Done<"Claim">> {
  const { ticket, signature } = await askDesk(desk, campaign, claimKey.key, options);
  const { ticketKey } = await client.batch(campaign, ticket.batch, options);
  if (!verifyTicket(client.chain, ticket, ticketKey, signature)) {
    throw new RuleError("E301", "the desk's ticket is not signed by its batch's ticket key");
  }
  const tx = claimTx(client.chain, client.expiry(), { ticket, ticketKey, to, ticketSignature: signature }, claimKey);
  return receiptOf("Claim", client.submit(tx, options));
}

const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const codeChars = 10;

/** Multiplies by x in GF(2^5) modulo x^5 + x^2 + 1 and adds v; over a whole code this gives 0. */
function checkStep(s: number, v: number): number {
  return (s << 1) ^ (s & 16 ? 37 : 0) ^ v;
}

/** The two names of shown codes: what a cashier types, and what programs use. */
export function codeNames(chain: Chain, codes: readonly AuthPayload[]): { code: string; bundle: string } {
  const d = chain.hash("scrip/bundle/v1", concat(...codes.map((c) => encodePayload(chain, c))));
  let bits = 0n;
  for (const b of d.slice(16, 22)) bits = (bits << 8n) | BigInt(b);
  bits >>= 3n;
  let text = "";
  let check = 0;
  for (let i = codeChars - 2; i >= 0; i--) {
    const v = Number((bits >> BigInt(5 * i)) & 31n);
    text += codeAlphabet.charAt(v);
    check = checkStep(check, v);
  }
  text += codeAlphabet.charAt(checkStep(check, 0));
  return { code: `${text.slice(0, 5)}-${text.slice(5)}`, bundle: hex(d.slice(0, 16)) };
}

/**
 * Reads a short code as people type it, and returns its one form; undefined if there is
 * a slip in it, which a till tells before it asks anybody.
 */
export function readShortCode(text: string): string | undefined {
  if (text.length > 4 * codeChars) return undefined;
  const chars = text.toUpperCase().replace(/[ -]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  let check = 0;
  for (const c of chars) {
    const v = codeAlphabet.indexOf(c);
    if (v < 0) return undefined;
    check = checkStep(check, v);
  }
  return chars.length === codeChars && check === 0 ? `${chars.slice(0, 5)}-${chars.slice(5)}` : undefined;
}

/** A short code, good until a time (Unix ms). */
export interface ShortCode {
  code: string;
  bundle: string;
  expires: number;
}

/** Leaves shown codes at every node that answers, for a till to fetch under a short code; 1 to 16 of them. */
export async function leaveCodes(
  client: Client,
  codes: readonly AuthPayload[],
  options: CallOptions = {},
): Promise<ShortCode> {
  const { chain } = client;
  const auths = codes.map((c) => base64(encodePayload(chain, c)));
  const a = await client.tellAll("CodeBody", "/v1/codes", { auths }, options);
  const names = codeNames(chain, codes);
  if (a.code !== names.code) throw new FalseAnswer("the node gives another short code than the codes have");
  return { ...names, expires: Number(a.expires.ms) };
}

/**
 * Fetches the codes under a short code or bundle id, for the till of the client's
 * options. They are checked as if they had been scanned, and must be those of that name.
 */
export async function fetchCodes(client: Client, name: string, options: CallOptions = {}): Promise<AuthPayload[]> {
  const { chain } = client;
  const path = `/v1/codes/${encodeURIComponent(name)}`;
  const a = await client.read("AuthsBody", path, {}, { ...options, login: true });
  const codes = a.auths.map((text) => decodePayload(chain, fromBase64(text)));
  const shown = codes.filter((c): c is AuthPayload => c.type === "auth" && c.auth.mode === "SHOW");
  const names = codeNames(chain, shown);
  if (shown.length !== codes.length || (names.bundle !== name && names.code !== readShortCode(name))) {
    throw new FalseAnswer("the node gives other codes than were asked for");
  }
  return shown;
}

const offerVersion = 1;

/** What a merchant's console offers to a device that is to become a till. */
export interface PairOffer {
  /** 16 bytes that only the two know. */
  secret: Uint8Array;
  member: number;
  store: number;
  rights: number;
  currency: number;
  /** Unix ms. */
  validUntil: number;
  dayCap: bigint;
  label: string;
}

/** An offer with a fresh secret. */
export function newPairOffer(facts: Omit<PairOffer, "secret">): PairOffer {
  return { secret: randomBytes(16), ...facts };
}

/** The bytes of an offer, as they stand in base64url behind /till/#pair=. */
export function encodePairOffer(chain: Chain, o: PairOffer): Uint8Array {
  const w = new Writer().u8(offerVersion).u32(chain.hint).fixed(o.secret, 16).u16(o.member).u16(o.store).u8(o.rights);
  return w.u16(o.currency).u64(o.validUntil).u64(o.dayCap).text(o.label).done();
}

/** Reads an offer; throws a WireError, or a RuleError E103 for one of another chain. */
export function decodePairOffer(chain: Chain, b: Uint8Array): PairOffer {
  let hint = 0;
  const o = decode(b, (r) => {
    r.exactly(offerVersion, "version of an offer");
    hint = r.u32();
    const head = { secret: r.raw(16), member: r.u16(), store: r.u16(), rights: readRights(r), currency: r.u16() };
    return { ...head, validUntil: readTime(r), dayCap: readMoney(r), label: r.text(32) };
  });
  if (hint !== chain.hint) throw new RuleError("E103", "the offer is of another network");
  return o;
}

function boxOf(chain: Chain, o: PairOffer): string {
  return hex(chain.derive(o.secret, utf8("scrip/pair-box/v1"), 16));
}

function seal(chain: Chain, o: PairOffer, answer: Uint8Array): Uint8Array {
  return hmac(sha256, chain.derive(o.secret, utf8("scrip/pair-mac/v1"), 32), answer);
}

/** A till's signed answer to an offer: the body of its registration and its signature. */
export function answerPairOffer(chain: Chain, o: PairOffer, till: Signer, nowMs: number): Uint8Array {
  const { secret: _, ...offered } = o;
  const fields: TillKeyAdd = { kind: "TillKeyAdd", ...offered, tillKey: till.key, validFrom: nowMs - 60_000 };
  const body = encodeBody(chain, nowMs + 3_600_000, fields);
  return concat(body, signBody(chain, body, till));
}

/** Leaves a till's answer, sealed, where the console looks for it. */
export async function leavePairAnswer(
  client: Client,
  o: PairOffer,
  answer: Uint8Array,
  options: CallOptions = {},
): Promise<void> {
  const data = base64(concat(answer, seal(client.chain, o, answer)));
  await client.tellAll("BoxBody", `/v1/boxes/${boxOf(client.chain, o)}`, { data }, options);
}

/** The till's answer in an offer's box. Throws Unreachable while there is none: ask again every second. */
export async function fetchPairAnswer(client: Client, o: PairOffer, options: CallOptions = {}): Promise<Uint8Array> {
  const a = await client.read("BoxBody", `/v1/boxes/${boxOf(client.chain, o)}`, {}, options);
  const bytes = fromBase64(a.data ?? "");
  const answer = bytes.slice(0, -32);
  if (bytes.length < 32 || compare(seal(client.chain, o, answer), bytes.slice(-32)) !== 0) {
    throw new FalseAnswer("the box holds something that the till has not put there");
  }
  return answer;
}

/**
 * What a till's answer asks a member to sign. Throws a RuleError unless the till's
 * signature is good (E102) and, if an offer is given, it says what was offered (E106).
 */
export function readPairAnswer(chain: Chain, answer: Uint8Array, o?: PairOffer): TillKeyAdd {
  const { body, signature } = splitAnswer(answer);
  const { fields } = checkBody(chain, body);
  if (fields.kind !== "TillKeyAdd") throw new RuleError("E101", `the answer is a ${fields.kind}`);
  if (!validKey(fields.tillKey) || !verifySignature(fields.tillKey, chain.message(Tag.tx, body), signature)) {
    throw new RuleError("E102", "the till's signature does not verify");
  }
  const names = ["member", "store", "rights", "currency", "validUntil", "dayCap", "label"] as const;
  if (o && names.some((n) => o[n] !== fields[n])) throw new RuleError("E106", "the answer differs from the offer");
  return fields;
}

function splitAnswer(answer: Uint8Array): { body: Uint8Array; signature: Uint8Array } {
  return { body: answer.slice(0, -64), signature: answer.slice(-64) };
}

/** The transaction that registers the till of a checked answer, for `Client.submit`. */
export function approveTill(chain: Chain, answer: Uint8Array, signers: readonly MemberSigner[]): Uint8Array {
  const { body, signature } = splitAnswer(answer);
  return joinMemberSigned(
    body,
    signers.map((s) => signMember(chain, body, s)),
    signature,
  );
}
