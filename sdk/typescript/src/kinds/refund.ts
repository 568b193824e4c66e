import { readMoney } from "../terms.ts";
import { type KindSpec, check } from "./kind.ts";

/** Gives money of the final redemption (coupon, seq) back to the funders, in whole or in part. */
export interface Refund {
  kind: "Refund";
  coupon: bigint;
  seq: number;
  key: Uint8Array;
  /** Minor units, at least 1. */
  amount: bigint;
  /** Whether the use comes back too, which no terms allow yet. */
  recredit: boolean;
}

export const refund = {
  kind: "Refund",
  number: 20,
  since: 2,
  members: false,
  further: 1,
  notFoundFirst: false,
  receipt: ["coupon", "seq", "amount", "refunded", "recredit"],
  events: ["redemption.refunded"],
  write: (w, f) => {
    w.u64(f.coupon).u32(f.seq).fixed(f.key, 32);
    return w.u64(f.amount).u8(f.recredit ? 1 : 0);
  },
  read: (r) => {
    const head = { coupon: r.u64(), seq: r.u32(), key: r.raw(32) };
    const f = { ...head, amount: readMoney(r), recredit: r.enum8(1) === 1 };
    r.require(f.amount >= 1n, "nothing to refund");
    return { kind: "Refund", ...f };
  },
  expiry: () => undefined,
  keys: (f) => [f.key],
  signatures: (_chain, f, further, body) => [check(f.key, body, further[0])],
  mark: () => undefined, // a redemption can be refunded in parts
} as const satisfies KindSpec<"Refund", Refund>;
