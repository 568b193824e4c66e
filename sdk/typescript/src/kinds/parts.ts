/**
 * What receipts can state, each part with its bytes and its form in the API's answers.
 */
import { hex, isZero } from "../bytes.ts";
import { timeAnswer } from "../json.ts";
import { encodeKey } from "../keys.ts";
import { campaignOf, serialOf } from "../objects.ts";
import { type Book, type DebtState, books, debtStates } from "../rows2.ts";
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

  // Of version 2 of the rules.
  /** That of the campaign's new terms. */
  version: number;
  /** The first serial that was issued, and how many. */
  firstSerial: number;
  count: number;
  /** The coupon that was given for the first, 0 for money; its new sequence number and owner. */
  other: bigint;
  otherSeq: number;
  otherOwner: Uint8Array;
  /** Minor units paid for the coupon. */
  price: bigint;
  /** ISO 4217 number of a price or debt. */
  currency: number;
  /** The payment member, or who owes. */
  payer: number;
  /** Digest of the offer. */
  offer: Uint8Array;
  /** Minor units given back, and those of the redemption so far. */
  amount: bigint;
  refunded: bigint;
  recredit: boolean;
  cycle: number;
  book: Book;
  payee: number;
  /** The state of a debt afterwards. */
  debt: DebtState;
  /** The service key concerned. */
  key: Uint8Array;
  member: number;
  /** From when on keys count, Unix ms; 0: at once. */
  from: number;
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

function count(name: string, bytes: 2 | 4): Part<number> {
  return {
    write: (w, v) => (bytes === 2 ? w.u16(v) : w.u32(v)),
    read: (r) => (bytes === 2 ? r.u16() : r.u32()),
    answer: (v) => (v === 0 ? {} : { [name]: v }),
  };
}

function bytes32(name: string): Part<Uint8Array> {
  return { write: (w, v) => w.fixed(v, 32), read: (r) => r.raw(32), answer: (v) => ({ [name]: hex(v) }) };
}

function oneOf<T extends string>(name: string, names: readonly T[]): Part<T> {
  return {
    write: (w, v) => w.u8(indexOfName(names, v)),
    read: (r) => readName(r, names),
    answer: (v) => ({ [name]: v }),
  };
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
  version: count("version", 2),
  firstSerial: count("first_serial", 4),
  count: count("count", 4),
  other: {
    write: (w, v) => w.u64(v),
    read: (r) => r.u64(),
    answer: (v) => (v === 0n ? {} : { other: String(v) }),
  },
  otherSeq: count("other_seq", 4),
  otherOwner: {
    write: (w, v) => w.fixed(v, 32),
    read: (r) => r.raw(32),
    answer: (v) => (isZero(v) ? {} : { other_owner: encodeKey("holder", v) }),
  },
  price: money("price"),
  currency: count("currency", 2),
  payer: count("payer", 2),
  offer: bytes32("offer"),
  amount: money("amount"),
  refunded: money("refunded"),
  recredit: {
    write: (w, v) => w.u8(v ? 1 : 0),
    read: (r) => r.enum8(1) === 1,
    answer: (v) => (v ? { recredit: true } : {}),
  },
  cycle: count("cycle", 4),
  book: oneOf("book", books),
  payee: count("payee", 2),
  debt: oneOf("debt", debtStates),
  key: bytes32("key"),
  member: count("member", 2),
  from: { write: (w, v) => w.u64(v), read: (r) => r.u53(), answer: (v) => (v === 0 ? {} : { from: timeAnswer(v) }) },
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
