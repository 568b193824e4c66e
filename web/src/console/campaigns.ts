/** A member's campaigns: how they are gathered from a node, and which of them are shown in which order. */
import type { CampaignAnswer } from "@scrip/sdk/answers";
import type { Link } from "../kit/chain.ts";

/** How many campaigns are looked through at most; the oldest beyond are left out, and that is said. */
export const lookedThroughMax = 2000;
const pageMax = 250;

export const orders = ["newest", "ending", "redeemed", "title"] as const;
/** Order is how campaigns are sorted. */
export type Order = (typeof orders)[number];

export const states = ["all", "running", "later", "paused", "over"] as const;
/** Standing is what a campaign is to whoever runs it; "all" stands for each of them. */
export type Standing = (typeof states)[number];

/** Choice is what a person wants to see of the list. */
export interface Choice {
  words: string;
  order: Order;
  state: Standing;
}

/** all is the list as it is without a choice: everything, newest first. */
export const all: Choice = { words: "", order: "newest", state: "all" };

/** isChosen tells whether a choice needs more of the list than its beginning. */
export const isChosen = (c: Choice): boolean => c.words.trim() !== "" || c.order !== "newest" || c.state !== "all";

/** Gathered is as much of a list as was asked for; whole if there is no more. */
export interface Gathered {
  items: readonly CampaignAnswer[];
  whole: boolean;
}

/** gather asks for the newest campaigns, all of them as of one height, until so many are there. */
export async function gather(
  link: Link,
  query: Record<string, string | number>,
  want: number,
  signal: AbortSignal,
): Promise<Gathered> {
  const items: CampaignAnswer[] = [];
  let cursor: string | undefined;
  do {
    const page = await link.client.read(
      "PageCampaignAnswer",
      "/v1/campaigns",
      { ...query, newest: "true", limit: Math.min(pageMax, want - items.length), cursor },
      { signal },
    );
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < want);
  return { items, whole: !cursor };
}

const ms = (t: { ms: string }): number => Number(t.ms);

/** redeemed is how many redemptions of a campaign stand. */
export const redeemed = (c: CampaignAnswer): number => c.redemptions - c.voids;

/** beginsMs is when the first thing can be done with a campaign. */
export const beginsMs = (c: CampaignAnswer): number => Math.min(ms(c.terms.claim_from), ms(c.terms.redeem_from));

/** endsMs is until when its coupons can be used. */
export const endsMs = (c: CampaignAnswer): number => ms(c.terms.redeem_until);

/** standingOf is what a campaign is at a time. One that is claimed out still runs: its coupons are good. */
export function standingOf(c: CampaignAnswer, nowMs: number): Exclude<Standing, "all"> {
  if (c.status === "CLOSED" || c.status === "ENDED" || nowMs >= endsMs(c)) return "over";
  if (c.status === "PAUSED") return "paused";
  return nowMs < beginsMs(c) ? "later" : "running";
}

const plain = (text: string): string => text.normalize("NFKC").toLowerCase();

/** choose is what fits a choice, in its order. Each word must be in the title, or be the campaign's number. */
export function choose(list: readonly CampaignAnswer[], choice: Choice, nowMs: number): CampaignAnswer[] {
  const words = plain(choice.words)
    .split(/\s+/)
    .filter((w) => w !== "");
  const fits = (c: CampaignAnswer) => {
    const title = plain(c.terms.title);
    return (
      (choice.state === "all" || standingOf(c, nowMs) === choice.state) &&
      words.every((w) => title.includes(w) || w === String(c.id) || w === `#${c.id}`)
    );
  };
  const names = new Intl.Collator(undefined, { numeric: true });
  const last = (c: CampaignAnswer) => (standingOf(c, nowMs) === "over" ? 1 : 0);
  const by: Record<Order, (a: CampaignAnswer, b: CampaignAnswer) => number> = {
    newest: () => 0,
    ending: (a, b) => last(a) - last(b) || (last(a) ? endsMs(b) - endsMs(a) : endsMs(a) - endsMs(b)),
    redeemed: (a, b) => redeemed(b) - redeemed(a),
    title: (a, b) => names.compare(a.terms.title, b.terms.title),
  };
  return list.filter(fits).toSorted((a, b) => by[choice.order](a, b) || b.id - a.id);
}
