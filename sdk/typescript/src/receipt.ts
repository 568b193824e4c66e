/**
 * Receipts: what each transaction came to (rules 3.3, 3.14).
 */
import { type Kind, kindNumber, kinds } from "./transactions.ts";
import { codeInfo, codes } from "./codes.ts";
import { readName } from "./terms.ts";
import { type Reader, WireError, Writer, decode } from "./wire.ts";

/** What a transfer can do, in the order of the numbers from 0. */
export const transferCases = ["transferred", "refreshed", "offered", "accepted", "taken_back"] as const;
/** What an accepted transfer did. */
export type TransferCase = (typeof transferCases)[number];

/** What an accepted transaction changed, by kind. */
export type Effect =
  | { kind: "CampaignPublish" | "CampaignPause" | "CampaignResume" | "CampaignClose"; campaign: number }
  | { kind: "BatchCommit"; campaign: number; batch: number }
  | { kind: "TillKeyAdd" | "TillKeyRevoke"; tillKey: Uint8Array }
  | { kind: "Claim"; coupon: bigint; owner: Uint8Array; until: number }
  /** seq is the new one. */
  | { kind: "Transfer"; coupon: bigint; seq: number; owner: Uint8Array; case: TransferCase }
  /** seq is the redemption's. */
  | {
      kind: "Redeem";
      coupon: bigint;
      seq: number;
      value: bigint;
      payable: bigint;
      before: bigint;
      after: bigint;
      usesLeft: number;
      finalAt: number;
    }
  | { kind: "Void"; coupon: bigint; seq: number; value: bigint; until: number };

/** The content of a receipt. code is "OK", or "E509" and the like; effect is there for "OK" only. */
export interface Outcome {
  /** Id of the transaction, 32 bytes. */
  id: Uint8Array;
  code: string;
  /** Of a duplicate (E105): where it was decided first. */
  first?: { height: number; index: number; code: string };
  effect?: Effect;
}

/**
 * What a proven receipt means for the id of its transaction. "ended": its outcome for ever. "first":
 * of E105, the outcome that counts is the first one, which the receipt names. "open": nothing was
 * recorded, and the same bytes may be accepted until they expire: never call it final.
 */
export type Ending = "ended" | "first" | "open";

/** What is never recorded, of any kind of transaction: E109 as its code does not tell whose life was too long. */
const alwaysOpen = ["E104", "E106", "E109", "E701"];
/** Of these kinds E301 stands before what is recorded. */
const openIfNotFound: readonly Kind[] = ["CampaignPause", "CampaignResume", "CampaignClose", "BatchCommit"];

/** The ending of a receipt with a code. Without its kind E301 is taken for open, as are codes that no receipt has. */
export function endingOf(code: string, kind?: Kind): Ending {
  if (code === "OK") return "ended";
  if (code === "E105") return "first";
  if (alwaysOpen.includes(code) || neverInReceipt.includes(code) || !codeInfo(code)?.name) return "open";
  return code === "E301" && (kind === undefined || openIfNotFound.includes(kind)) ? "open" : "ended";
}

// Codes that no receipt holds: those found before a block, and that of a busy node.
const neverInReceipt = ["E101", "E102", "E103", "E107", "E108"];
// Refusals that are not recorded, so that no duplicate can follow them.
const notRemembered = ["E104", "E105", "E106", "E701"];

function readCode(r: Reader): string {
  const n = r.u16();
  if (n === 0) return "OK";
  const code = `E${n}`;
  const known = codes().some((c) => c.code === code);
  r.require(known && !neverInReceipt.includes(code), `${code} stands in no receipt`);
  return code;
}

function codeNumber(code: string): number {
  return code === "OK" ? 0 : Number(code.slice(1));
}

function readEffect(r: Reader): Effect {
  const kind: Kind | undefined = kinds[r.u8() - 1];
  switch (kind) {
    case "CampaignPublish":
    case "CampaignPause":
    case "CampaignResume":
    case "CampaignClose":
      return { kind, campaign: r.u32() };
    case "BatchCommit":
      return { kind, campaign: r.u32(), batch: r.u16() };
    case "TillKeyAdd":
    case "TillKeyRevoke":
      return { kind, tillKey: r.raw(32) };
    case "Claim":
      return { kind, coupon: r.u64(), owner: r.raw(32), until: r.u53() };
    case "Transfer":
      return { kind, coupon: r.u64(), seq: r.u32(), owner: r.raw(32), case: readName(r, transferCases) };
    case "Redeem": {
      const what = { kind, coupon: r.u64(), seq: r.u32(), value: r.u64(), payable: r.u64() };
      return { ...what, before: r.u64(), after: r.u64(), usesLeft: r.u16(), finalAt: r.u53() };
    }
    case "Void":
      return { kind, coupon: r.u64(), seq: r.u32(), value: r.u64(), until: r.u53() };
    case undefined:
      throw new WireError("value", "unlisted kind");
  }
}

/** Decodes a receipt strictly; throws a WireError. */
export function decodeReceipt(b: Uint8Array): Outcome {
  return decode(b, (r) => {
    const o: Outcome = { id: r.raw(32), code: readCode(r) };
    if (o.code === "OK") o.effect = readEffect(r);
    if (o.code === "E105") {
      o.first = { height: r.u53(), index: r.u32(), code: readCode(r) };
      r.require(!notRemembered.includes(o.first.code), "the first outcome is not one that stays");
    }
    return o;
  });
}

/** The canonical bytes of a receipt. */
export function encodeReceipt(o: Outcome): Uint8Array {
  const w = new Writer().fixed(o.id, 32).u16(codeNumber(o.code));
  if (o.first) w.u64(o.first.height).u32(o.first.index).u16(codeNumber(o.first.code));
  if (o.effect) writeEffect(w.u8(kindNumber(o.effect.kind)), o.effect);
  return w.done();
}

function writeEffect(w: Writer, e: Effect): Writer {
  switch (e.kind) {
    case "BatchCommit":
      return w.u32(e.campaign).u16(e.batch);
    case "TillKeyAdd":
    case "TillKeyRevoke":
      return w.fixed(e.tillKey, 32);
    case "Claim":
      return w.u64(e.coupon).fixed(e.owner, 32).u64(e.until);
    case "Transfer":
      return w.u64(e.coupon).u32(e.seq).fixed(e.owner, 32).u8(transferCases.indexOf(e.case));
    case "Redeem":
      w.u64(e.coupon).u32(e.seq).u64(e.value).u64(e.payable).u64(e.before).u64(e.after);
      return w.u16(e.usesLeft).u64(e.finalAt);
    case "Void":
      return w.u64(e.coupon).u32(e.seq).u64(e.value).u64(e.until);
    default:
      return w.u32(e.campaign);
  }
}

/** The type of the event of an accepted transaction, such as "coupon.claimed"; undefined for a refusal. */
export function eventOf(o: Outcome): EventType | undefined {
  const e = o.effect;
  if (!e) return undefined;
  switch (e.kind) {
    case "Transfer":
      return eventTypes[8 + transferCases.indexOf(e.case)];
    case "Redeem":
      return "redemption.accrued";
    case "Void":
      return "redemption.voided";
    default:
      return eventTypes[kindNumber(e.kind) - 1];
  }
}

/** The types of events. */
export const eventTypes = [
  "campaign.published",
  "campaign.paused",
  "campaign.resumed",
  "campaign.closed",
  "batch.committed",
  "till.added",
  "till.revoked",
  "coupon.claimed",
  "coupon.transferred",
  "coupon.refreshed",
  "gift.offered",
  "gift.accepted",
  "gift.taken_back",
  "redemption.accrued",
  "redemption.voided",
] as const;
/** The type of an event. */
export type EventType = (typeof eventTypes)[number];
