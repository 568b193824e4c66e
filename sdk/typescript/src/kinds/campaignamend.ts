import { decodeCampaign, rowKey } from "../rows.ts";
import { type Terms, readTerms, writeTerms } from "../terms.ts";
import type { KindSpec } from "./kind.ts";

/** Gives a campaign new terms, in nothing worse for holders; version is the one that they will have. */
export interface CampaignAmend {
  kind: "CampaignAmend";
  campaign: number;
  version: number;
  terms: Terms;
}

export const campaignAmend = {
  kind: "CampaignAmend",
  number: 12,
  since: 2,
  members: true,
  further: 0,
  notFoundFirst: true,
  receipt: ["campaign", "version"],
  events: ["campaign.amended"],
  write: (w, f) => writeTerms(w.u32(f.campaign).u16(f.version), f.terms),
  read: (r) => ({ kind: "CampaignAmend", campaign: r.u32(), version: r.u16(), terms: readTerms(r) }),
  expiry: () => undefined,
  keys: () => [],
  signatures: () => [],
  mark: (f) => ({
    key: rowKey.campaign(f.campaign),
    unused: (row) => row.length === 0 || decodeCampaign(row).version < f.version,
  }),
} as const satisfies KindSpec<"CampaignAmend", CampaignAmend>;
