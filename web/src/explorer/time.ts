/** What happened by hour or day: quarters of an hour, as a node counts them, added up by this device's clock. */
import type { ActivityAnswer } from "@scrip/sdk/answers";
import type { Link } from "../kit/chain.ts";

/** Range is what one may look at: so many hours or days up to now. */
export interface Range {
  name: "day" | "week" | "month" | "quarter";
  by: "hour" | "day";
  count: number;
}

export const ranges: readonly Range[] = [
  { name: "day", by: "hour", count: 24 },
  { name: "week", by: "hour", count: 168 },
  { name: "month", by: "day", count: 30 },
  { name: "quarter", by: "day", count: 90 },
];

const quartersAtOnce = 3000;
/** The longest range has 8,640 quarters, and a few more where clocks are changed. */
const requestsMax = 4;

/** Span is an hour or a day, and what it brought; counted says whether the node counts that far back. */
export interface Span {
  begin: number;
  end: number;
  counted: boolean;
  blocks: number;
  transactions: number;
  refused: number;
  claims: number;
  transfers: number;
  redemptions: number;
  voids: number;
  /** Blocks that were timed, their times' sum and the longest, ms. */
  timed: number;
  sumMs: number;
  mostMs: number;
}

/** spansOf are the hours or days of a range up to the one that now lies in, by this device's clock and zone. */
export function spansOf(range: Range, nowMs: number): Span[] {
  const at = new Date(nowMs);
  if (range.by === "hour") at.setMinutes(0, 0, 0);
  else at.setHours(0, 0, 0, 0);
  const begins: number[] = [];
  for (let i = range.count - 1; i >= -1; i--) {
    // Days are of 23 to 25 hours, so they are counted by the calendar; hours are of one length.
    begins.push(
      range.by === "hour"
        ? at.getTime() - i * 3_600_000
        : new Date(at.getFullYear(), at.getMonth(), at.getDate() - i).getTime(),
    );
  }
  return begins.slice(0, -1).map((begin, i) => ({
    begin,
    end: begins[i + 1] ?? begin,
    counted: false,
    blocks: 0,
    transactions: 0,
    refused: 0,
    claims: 0,
    transfers: 0,
    redemptions: 0,
    voids: 0,
    timed: 0,
    sumMs: 0,
    mostMs: 0,
  }));
}

/** addUp puts quarters into their spans; before the first quarter nothing is counted. */
export function addUp(spans: readonly Span[], quarters: readonly ActivityAnswer[]): void {
  const first = quarters[0] ? Number(quarters[0].begins.ms) : Infinity;
  for (const s of spans) s.counted = s.end > first;
  let i = 0;
  for (const q of quarters) {
    const ms = Number(q.begins.ms);
    while (i < spans.length && (spans[i] as Span).end <= ms) i++;
    const s = spans[i];
    if (!s || ms < s.begin) continue;
    s.blocks += q.blocks;
    s.transactions += q.transactions;
    s.refused += q.refused;
    s.claims += q.claims;
    s.transfers += q.transfers;
    s.redemptions += q.redemptions;
    s.voids += q.voids;
    if (!q.final) continue;
    s.timed += q.final.blocks;
    s.sumMs += q.final.blocks * q.final.mean_ms;
    s.mostMs = Math.max(s.mostMs, q.final.most_ms);
  }
}

/** readSpans asks a node for a range, in at most requestsMax questions. */
export async function readSpans(link: Link, range: Range, signal: AbortSignal): Promise<Span[]> {
  const spans = spansOf(range, link.nowMs());
  const [from, until] = [spans[0]?.begin ?? 0, spans[spans.length - 1]?.end ?? 0];
  const quarters: ActivityAnswer[] = [];
  let cursor: string | undefined;
  for (let i = 0; i < requestsMax; i++) {
    const page = await link.client.read(
      "PageActivityAnswer",
      "/v1/activity",
      { from, until, limit: quartersAtOnce, cursor },
      { signal },
    );
    quarters.push(...page.items);
    cursor = page.next_cursor;
    if (!cursor) break;
  }
  addUp(spans, quarters);
  return spans;
}
