import { decodeCampaign, rowKey } from "../rows.ts";
import type { KindSpec } from "./kind.ts";

/** Opens the serials first..first+count-1 to claims under a ticket key. */
export interface BatchCommit {
  kind: "BatchCommit";
  campaign: number;
  first: number;
  count: number;
  ticketKey: Uint8Array;
}

export const batchCommit = {
  kind: "BatchCommit",
  number: 5,
  members: true,
  further: 0,
  notFoundFirst: true,
  receipt: ["campaign", "batch"],
  events: ["batch.committed"],
  write: (w, f) => w.u32(f.campaign).u32(f.first).u32(f.count).fixed(f.ticketKey, 32),
  read: (r) => {
    const head = { campaign: r.u32(), first: r.u32(), count: r.u32(), ticketKey: r.raw(32) };
    r.require(head.count >= 1, "empty batch");
    return { kind: "BatchCommit", ...head };
  },
  expiry: () => undefined,
  keys: (f) => [f.ticketKey],
  signatures: () => [],
  mark: (f) => ({
    key: rowKey.campaign(f.campaign),
    unused: (row) => row.length > 0 && decodeCampaign(row).nextSerial <= f.first,
  }),
} as const satisfies KindSpec<"BatchCommit", BatchCommit>;
