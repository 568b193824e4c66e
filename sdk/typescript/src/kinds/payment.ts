import { type Book, books } from "../rows2.ts";
import { indexOfName, readName } from "../terms.ts";
import type { Reader, Writer } from "../wire.ts";
import type { KindSpec } from "./kind.ts";

/** Names what one member owes another for a settlement cycle. */
export interface DebtName {
  cycle: number;
  /** ISO 4217 number. */
  currency: number;
  book: Book;
  payer: number;
  payee: number;
}

/** What can be said of a payment, in the order of the numbers from 0; the clearer confirms in the payee's place. */
export const paymentOps = ["confirm", "object", "clear"] as const;
/** What is said of a payment. */
export type PaymentOp = (typeof paymentOps)[number];

/** Says that the payer has paid a debt outside the ledger, under a reference of 32 bytes. */
export interface PaymentPosted extends DebtName {
  kind: "PaymentPosted";
  ref: Uint8Array;
}

/** Says that a debt was paid, or that a posted payment has not come. */
export interface PaymentConfirmed extends DebtName {
  kind: "PaymentConfirmed";
  op: PaymentOp;
}

function writeDebtName(w: Writer, n: DebtName): Writer {
  return w.u32(n.cycle).u16(n.currency).u8(indexOfName(books, n.book)).u16(n.payer).u16(n.payee);
}

function readDebtName(r: Reader): DebtName {
  return { cycle: r.u32(), currency: r.u16(), book: readName(r, books), payer: r.u16(), payee: r.u16() };
}

const receipt = ["cycle", "currency", "book", "payer", "payee", "debt"] as const;

export const paymentPosted = {
  kind: "PaymentPosted",
  number: 24,
  since: 2,
  members: true,
  further: 0,
  notFoundFirst: false,
  receipt,
  events: ["settlement.paid"],
  write: (w, f) => writeDebtName(w, f).fixed(f.ref, 32),
  read: (r) => ({ kind: "PaymentPosted", ...readDebtName(r), ref: r.raw(32) }),
  expiry: () => undefined,
  keys: () => [],
  signatures: () => [],
  mark: () => undefined, // after an objection a payment is posted again
} as const satisfies KindSpec<"PaymentPosted", PaymentPosted>;

export const paymentConfirmed = {
  kind: "PaymentConfirmed",
  number: 25,
  since: 2,
  members: true,
  further: 0,
  notFoundFirst: false,
  receipt,
  events: ["settlement.confirmed", "settlement.objected"],
  which: (stated) => (stated.debt === "OBJECTED" ? 1 : 0),
  write: (w, f) => writeDebtName(w, f).u8(indexOfName(paymentOps, f.op)),
  read: (r) => ({ kind: "PaymentConfirmed", ...readDebtName(r), op: readName(r, paymentOps) }),
  expiry: () => undefined,
  keys: () => [],
  signatures: () => [],
  mark: () => undefined, // an objection is answered by another posting
} as const satisfies KindSpec<"PaymentConfirmed", PaymentConfirmed>;
