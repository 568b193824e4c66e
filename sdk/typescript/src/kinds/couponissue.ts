import type { KindSpec } from "./kind.ts";

/** The most coupons that one CouponIssue makes. */
export const issueMax = 64;

/** Makes a coupon for each key of `to`, which may name one more than once. */
export interface CouponIssue {
  kind: "CouponIssue";
  campaign: number;
  to: Uint8Array[];
}

export const couponIssue = {
  kind: "CouponIssue",
  number: 13,
  since: 2,
  members: true,
  further: 0,
  notFoundFirst: true,
  receipt: ["campaign", "firstSerial", "count"],
  events: ["coupon.issued"],
  write: (w, f) => w.u32(f.campaign).list(f.to, (x, key) => x.fixed(key, 32)),
  read: (r) => {
    const f = { campaign: r.u32(), to: r.list(issueMax, 32, () => r.raw(32)) };
    r.require(f.to.length >= 1, "nobody to issue to");
    return { kind: "CouponIssue", ...f };
  },
  expiry: () => undefined,
  keys: (f) => f.to,
  signatures: () => [],
  mark: () => undefined, // which serials it takes is not in it
} as const satisfies KindSpec<"CouponIssue", CouponIssue>;
