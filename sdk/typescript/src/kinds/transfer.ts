import { decodeCoupon, rowKey } from "../rows.ts";
import { indexOfName, readTime } from "../terms.ts";
import { type KindSpec, check } from "./kind.ts";
import { transferCases } from "./parts.ts";

/** Moves, refreshes, offers, accepts or takes back a coupon. giftUntil is 0, or the end of a gift to the gift key. */
export interface Transfer {
  kind: "Transfer";
  coupon: bigint;
  seq: number;
  mover: Uint8Array;
  to: Uint8Array;
  giftUntil: number;
}

export const transfer = {
  kind: "Transfer",
  number: 9,
  members: false,
  further: 1,
  notFoundFirst: false,
  receipt: ["coupon", "seq", "owner", "case"],
  events: ["coupon.transferred", "coupon.refreshed", "gift.offered", "gift.accepted", "gift.taken_back"],
  which: (stated) => indexOfName(transferCases, stated.case),
  write: (w, f) => w.u64(f.coupon).u32(f.seq).fixed(f.mover, 32).fixed(f.to, 32).u64(f.giftUntil),
  read: (r) => {
    const head = { coupon: r.u64(), seq: r.u32(), mover: r.raw(32), to: r.raw(32) };
    return { kind: "Transfer", ...head, giftUntil: readTime(r) };
  },
  expiry: () => undefined,
  keys: (f) => [f.mover, f.to],
  signatures: (_chain, f, further, body) => [check(f.mover, body, further[0])],
  mark: (f) => ({
    key: rowKey.coupon(f.coupon),
    unused: (row) => row.length > 0 && decodeCoupon(row).seq <= f.seq,
  }),
} as const satisfies KindSpec<"Transfer", Transfer>;
