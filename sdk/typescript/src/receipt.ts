/**
 * Receipts: what each transaction came to (rules 3.3, 3.14).
 */
import { codeInfo, codes } from "./codes.ts";
import { type Stated, answerPart, readPart, writePart } from "./kinds/parts.ts";
import { type Effect, type EventType, type Kind, specNumbered, specOf } from "./kinds/table.ts";
import { type Reader, WireError, Writer, decode } from "./wire.ts";

export { type Stated, type TransferCase, transferCases } from "./kinds/parts.ts";
export { type Effect, type EventType, eventTypes } from "./kinds/table.ts";

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
/**
 * The ending of a receipt with a code. Without its kind E301, E606 and E608 are taken for open, as are codes that
 * no receipt has.
 */
export function endingOf(code: string, kind?: Kind): Ending {
  if (code === "OK") return "ended";
  if (code === "E105") return "first";
  if (alwaysOpen.includes(code) || neverInReceipt.includes(code) || !codeInfo(code)?.name) return "open";
  if (kind === undefined) return ["E301", "E606", "E608"].includes(code) ? "open" : "ended";
  return code === "E301" && specOf(kind).notFoundFirst ? "open" : "ended";
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
  const spec = specNumbered(r.u8());
  if (spec === undefined) throw new WireError("value", "unlisted kind");
  const stated = Object.fromEntries(spec.receipt.map((name) => [name, readPart(r, name)]));
  return { kind: spec.kind, ...stated } as unknown as Effect;
}

/** What an effect states, as whoever treats all kinds alike sees it. */
function statedBy(e: Effect): Stated {
  return e as unknown as Stated;
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
  if (o.effect) writeEffect(w, o.effect);
  return w.done();
}

function writeEffect(w: Writer, e: Effect): Writer {
  const spec = specOf(e.kind);
  w.u8(spec.number);
  for (const name of spec.receipt) writePart(w, name, statedBy(e)[name]);
  return w;
}

/** An effect as the API writes it: what is zero is left out. */
export function effectAnswer(e: Effect): Record<string, unknown> {
  const fields = specOf(e.kind).receipt.map((name) => answerPart(name, statedBy(e)[name]));
  return Object.assign({}, ...fields) as Record<string, unknown>;
}

/** The type of the event of an accepted transaction, such as "coupon.claimed"; undefined for a refusal. */
export function eventOf(o: Outcome): EventType | undefined {
  if (!o.effect) return undefined;
  const spec = specOf(o.effect.kind);
  return spec.events[spec.which?.(statedBy(o.effect)) ?? 0] as EventType;
}
