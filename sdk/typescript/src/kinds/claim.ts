import { type Ticket, couponId, encodeTicket, readTicket, writeTicket } from "../objects.ts";
import { rowKey } from "../rows.ts";
import { Tag } from "../signing.ts";
import { type KindSpec, check } from "./kind.ts";

/** Turns a ticket into a coupon owned by `to`. */
export interface Claim {
  kind: "Claim";
  ticket: Ticket;
  ticketKey: Uint8Array;
  to: Uint8Array;
}

export const claim = {
  kind: "Claim",
  number: 8,
  members: false,
  further: 2,
  notFoundFirst: false,
  receipt: ["coupon", "owner", "until"],
  events: ["coupon.claimed"],
  write: (w, f) => writeTicket(w, f.ticket).fixed(f.ticketKey, 32).fixed(f.to, 32),
  read: (r) => ({ kind: "Claim", ticket: readTicket(r), ticketKey: r.raw(32), to: r.raw(32) }),
  expiry: () => undefined,
  keys: (f) => [f.ticket.claimKey, f.ticketKey, f.to],
  signatures: (chain, f, further, body) => [
    check(f.ticketKey, chain.message(Tag.ticket, encodeTicket(f.ticket)), further[0]),
    check(f.ticket.claimKey, body, further[1]),
  ],
  mark: (f) => ({
    key: rowKey.coupon(couponId(f.ticket.campaign, f.ticket.serial)),
    unused: (row) => row.length === 0,
  }),
} as const satisfies KindSpec<"Claim", Claim>;
