import {
  type Auth,
  type Invoice,
  encodeAuth,
  encodeInvoice,
  readAuth,
  readInvoice,
  writeAuth,
  writeInvoice,
} from "../objects.ts";
import { decodeCoupon, rowKey } from "../rows.ts";
import { Tag } from "../signing.ts";
import { type KindSpec, check } from "./kind.ts";

/** Takes value from a coupon at a till. */
export interface Redeem {
  kind: "Redeem";
  invoice: Invoice;
  auth: Auth;
}

export const redeem = {
  kind: "Redeem",
  number: 10,
  members: false,
  further: 2,
  notFoundFirst: false,
  receipt: ["coupon", "seq", "value", "payable", "before", "after", "usesLeft", "finalAt"],
  events: ["redemption.accrued"],
  write: (w, f) => writeAuth(writeInvoice(w, f.invoice), f.auth),
  read: (r) => ({ kind: "Redeem", invoice: readInvoice(r), auth: readAuth(r) }),
  expiry: (f) => f.auth.expires,
  keys: (f) => [f.invoice.tillKey, f.auth.holder],
  signatures: (chain, f, further, body) => {
    const invoice = f.auth.mode === "INVOICE" ? chain.message(Tag.invoice, encodeInvoice(f.invoice)) : body;
    return [
      check(f.invoice.tillKey, invoice, further[0]),
      check(f.auth.holder, chain.message(Tag.auth, encodeAuth(f.auth)), further[1]),
    ];
  },
  mark: ({ auth }) => ({
    key: rowKey.coupon(auth.coupon),
    unused: (row) => row.length > 0 && decodeCoupon(row).seq <= auth.seq,
  }),
} as const satisfies KindSpec<"Redeem", Redeem>;
