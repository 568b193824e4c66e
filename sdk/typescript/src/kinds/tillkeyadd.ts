import { readRights, rowKey } from "../rows.ts";
import { readMoney, readTime } from "../terms.ts";
import { type KindSpec, check } from "./kind.ts";

const labelBytesMax = 32;

/** Registers a till key of a merchant; the till key signs too. */
export interface TillKeyAdd {
  kind: "TillKeyAdd";
  member: number;
  store: number;
  tillKey: Uint8Array;
  rights: number;
  currency: number;
  validFrom: number;
  validUntil: number;
  /** Minor units that it may take in one UTC day. */
  dayCap: bigint;
  label: string;
}

export const tillKeyAdd = {
  kind: "TillKeyAdd",
  number: 6,
  members: true,
  further: 1,
  notFoundFirst: false,
  receipt: ["tillKey"],
  events: ["till.added"],
  write: (w, f) => {
    w.u16(f.member).u16(f.store).fixed(f.tillKey, 32).u8(f.rights).u16(f.currency);
    return w.u64(f.validFrom).u64(f.validUntil).u64(f.dayCap).text(f.label);
  },
  read: (r) => {
    const key = { member: r.u16(), store: r.u16(), tillKey: r.raw(32), rights: readRights(r), currency: r.u16() };
    const limits = { validFrom: readTime(r), validUntil: readTime(r), dayCap: readMoney(r) };
    const label = r.text(labelBytesMax);
    r.require(key.store >= 1, "store 0");
    r.require(limits.dayCap >= 1n, "day cap 0");
    return { kind: "TillKeyAdd", ...key, ...limits, label };
  },
  expiry: () => undefined,
  keys: (f) => [f.tillKey],
  signatures: (_chain, f, further, body) => [check(f.tillKey, body, further[0])],
  mark: (f) => ({ key: rowKey.till(f.tillKey), unused: (row) => row.length === 0 }),
} as const satisfies KindSpec<"TillKeyAdd", TillKeyAdd>;
