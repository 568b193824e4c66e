import { rowKey } from "../rows.ts";
import type { KindSpec } from "./kind.ts";

/** Begins to close a settlement cycle that is over; any member may ask for it. */
export interface CycleClose {
  kind: "CycleClose";
  cycle: number;
  member: number;
}

export const cycleClose = {
  kind: "CycleClose",
  number: 23,
  since: 2,
  members: true,
  further: 0,
  notFoundFirst: false,
  receipt: ["cycle"],
  events: ["settlement.closing"],
  write: (w, f) => w.u32(f.cycle).u16(f.member),
  read: (r) => ({ kind: "CycleClose", cycle: r.u32(), member: r.u16() }),
  expiry: () => undefined,
  keys: () => [],
  signatures: () => [],
  mark: (f) => ({ key: rowKey.cycle(f.cycle), unused: (row) => row.length === 0 }),
} as const satisfies KindSpec<"CycleClose", CycleClose>;
