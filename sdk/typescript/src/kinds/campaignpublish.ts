import { type Terms, readTerms, writeTerms } from "../terms.ts";
import type { KindSpec } from "./kind.ts";

/** Offers a new campaign. */
export interface CampaignPublish {
  kind: "CampaignPublish";
  terms: Terms;
}

export const campaignPublish = {
  kind: "CampaignPublish",
  number: 1,
  members: true,
  further: 0,
  notFoundFirst: false,
  receipt: ["campaign"],
  events: ["campaign.published"],
  write: (w, f) => writeTerms(w, f.terms),
  read: (r) => ({ kind: "CampaignPublish", terms: readTerms(r) }),
  expiry: () => undefined,
  keys: () => [],
  signatures: () => [],
  mark: () => undefined, // its campaign's number is not in it
} as const satisfies KindSpec<"CampaignPublish", CampaignPublish>;
