import { decodeTill, rowKey } from "../rows.ts";
import type { KindSpec } from "./kind.ts";

/** Revokes a till key for ever. */
export interface TillKeyRevoke {
  kind: "TillKeyRevoke";
  member: number;
  tillKey: Uint8Array;
}

export const tillKeyRevoke = {
  kind: "TillKeyRevoke",
  number: 7,
  members: true,
  further: 0,
  notFoundFirst: false,
  receipt: ["tillKey"],
  events: ["till.revoked"],
  write: (w, f) => w.u16(f.member).fixed(f.tillKey, 32),
  read: (r) => ({ kind: "TillKeyRevoke", member: r.u16(), tillKey: r.raw(32) }),
  expiry: () => undefined,
  keys: (f) => [f.tillKey],
  signatures: () => [],
  mark: (f) => ({
    key: rowKey.till(f.tillKey),
    unused: (row) => row.length > 0 && decodeTill(row).state !== "REVOKED",
  }),
} as const satisfies KindSpec<"TillKeyRevoke", TillKeyRevoke>;
