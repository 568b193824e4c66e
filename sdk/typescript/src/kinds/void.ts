import { decodeRedemption, rowKey } from "../rows.ts";
import { type KindSpec, check } from "./kind.ts";

/** Undoes the redemption (coupon, seq). */
export interface Void {
  kind: "Void";
  coupon: bigint;
  seq: number;
  key: Uint8Array;
}

export const voiding = {
  kind: "Void",
  number: 11,
  members: false,
  further: 1,
  notFoundFirst: false,
  receipt: ["coupon", "seq", "value", "until"],
  events: ["redemption.voided"],
  write: (w, f) => w.u64(f.coupon).u32(f.seq).fixed(f.key, 32),
  read: (r) => ({ kind: "Void", coupon: r.u64(), seq: r.u32(), key: r.raw(32) }),
  expiry: () => undefined,
  keys: (f) => [f.key],
  signatures: (_chain, f, further, body) => [check(f.key, body, further[0])],
  mark: (f) => ({
    key: rowKey.redemption(f.coupon, f.seq),
    unused: (row) => row.length > 0 && decodeRedemption(row).state !== "VOIDED",
  }),
} as const satisfies KindSpec<"Void", Void>;
