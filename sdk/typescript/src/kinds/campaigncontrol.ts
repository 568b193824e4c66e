import type { KindSpec } from "./kind.ts";

/** Pauses, resumes or closes a campaign. */
export interface CampaignControl {
  kind: "CampaignPause" | "CampaignResume" | "CampaignClose";
  campaign: number;
}

function control<K extends CampaignControl["kind"], N extends number, E extends string>(kind: K, number: N, event: E) {
  return {
    kind,
    number,
    members: true,
    further: 0,
    notFoundFirst: true,
    receipt: ["campaign"],
    events: [event],
    write: (w, f) => w.u32(f.campaign),
    read: (r) => ({ kind, campaign: r.u32() }),
    expiry: () => undefined,
    keys: () => [],
    signatures: () => [],
    mark: () => undefined, // a campaign can be paused and resumed again
  } as const satisfies KindSpec<K, { kind: K; campaign: number }>;
}

export const campaignPause = control("CampaignPause", 2, "campaign.paused");
export const campaignResume = control("CampaignResume", 3, "campaign.resumed");
export const campaignClose = control("CampaignClose", 4, "campaign.closed");
