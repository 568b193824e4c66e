/**
 * What receipts can state, each part with its bytes and its form in the API's answers.
 */
import { timeAnswer } from "../json.ts";
import { encodeKey } from "../keys.ts";
import { campaignOf, serialOf } from "../objects.ts";
import { indexOfName, readName } from "../terms.ts";
import type { Reader, Writer } from "../wire.ts";

/** What a transfer can do, in the order of the numbers from 0. */
export const transferCases = ["transferred", "refreshed", "offered", "accepted", "taken_back"] as const;
/** What an accepted transfer did. */
export type TransferCase = (typeof transferCases)[number];

/** All that a receipt can state of what changed; each kind states a part of it. */
export interface Stated {
  campaign: number;
  batch: number;
  tillKey: Uint8Array;
  coupon: bigint;
  /** The coupon's new one; of a redemption and its void that of the redemption. */
  seq: number;
  owner: Uint8Array;
  /** End of the coupon afterwards, Unix ms. */
  until: number;
  case: TransferCase;
  /** Minor units taken or given back. */
  value: bigint;
  /** Minor units that the funders owe for it. */
  payable: bigint;
  /** Minor units in the coupon before and afterwards. */
  before: bigint;
  after: bigint;
  usesLeft: number;
  /** End of the time in which the redemption can be undone, Unix ms. */
  finalAt: number;
}

interface Part<T> {
  write(w: Writer, v: T): Writer;
  read(r: Reader): T;
  /** The fields of an effect in the API's answers; what is zero is left out, but for numbers that count from it. */
  answer(v: T): Record<string, unknown>;
}

function money(name: string): Part<bigint> {
  return {
    write: (w, v) => w.u64(v),
    read: (r) => r.u64(),
    answer: (v) => (v === 0n ? {} : { [name]: String(v) }),
  };
}

function time(name: string): Part<number> {
  return { write: (w, v) => w.u64(v), read: (r) => r.u53(), answer: (v) => ({ [name]: timeAnswer(v) }) };
}

const parts: { readonly [P in keyof Stated]: Part<Stated[P]> } = {
  campaign: {
    write: (w, v) => w.u32(v),
    read: (r) => r.u32(),
    answer: (v) => (v === 0 ? {} : { campaign: v }),
  },
  batch: { write: (w, v) => w.u16(v), read: (r) => r.u16(), answer: (v) => (v === 0 ? {} : { batch: v }) },
  tillKey: {
    write: (w, v) => w.fixed(v, 32),
    read: (r) => r.raw(32),
    answer: (v) => ({ till: encodeKey("till", v) }),
  },
  coupon: {
    write: (w, v) => w.u64(v),
    read: (r) => r.u64(),
    answer: (v) => {
      const place = { campaign: campaignOf(v), coupon: v && String(v), serial: serialOf(v) };
      return Object.fromEntries(Object.entries(place).filter(([, x]) => x));
    },
  },
  seq: { write: (w, v) => w.u32(v), read: (r) => r.u32(), answer: (v) => ({ seq: v }) },
  owner: {
    write: (w, v) => w.fixed(v, 32),
    read: (r) => r.raw(32),
    answer: (v) => ({ owner: encodeKey("holder", v) }),
  },
  until: time("until"),
  case: {
    write: (w, v) => w.u8(indexOfName(transferCases, v)),
    read: (r) => readName(r, transferCases),
    answer: (v) => ({ case: v }),
  },
  value: money("value"),
  payable: money("payable"),
  before: money("value_before"),
  after: money("value_after"),
  usesLeft: { write: (w, v) => w.u16(v), read: (r) => r.u16(), answer: (v) => ({ uses_left: v }) },
  finalAt: time("final_at"),
};

/** Writes one part. */
export function writePart<P extends keyof Stated>(w: Writer, name: P, v: Stated[P]): Writer {
  return parts[name].write(w, v);
}

/** Reads one part. */
export function readPart<P extends keyof Stated>(r: Reader, name: P): Stated[P] {
  return parts[name].read(r);
}

/** One part as the API writes it in an effect. */
export function answerPart<P extends keyof Stated>(name: P, v: Stated[P]): Record<string, unknown> {
  return parts[name].answer(v);
}
