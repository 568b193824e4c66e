/** How a member's campaigns went over time: parts of days or hours of the device's zone, as a node has counted them. */
import type { CourseAnswer } from "@scrip/sdk/answers";
import { hex } from "@scrip/sdk/bytes";
import type { Link } from "../kit/chain.ts";
import { decimal, type Currency } from "../kit/format.ts";
import { csv, Decimal, type CsvStyle } from "./csv.ts";
import { zoneName } from "./day.ts";
import { dateText, moment } from "./dates.ts";

const hourMs = 3_600_000;
/** A node counts up to 10,000 hours in one answer. */
export const daysMax = 366;
/** More hours than this are no picture. */
export const hoursDaysMax = 7;
const pagesMax = 20;

export type Grain = "hour" | "day";

/** Part is what happened in a day or an hour. Amounts are minor units. */
export interface Part {
  begin: number;
  until: number;
  claims: bigint;
  redemptions: bigint;
  voids: bigint;
  payable: bigint;
  voided: bigint;
  /** Something happened in it or before that the node has not counted. */
  uncounted: boolean;
}

/** Course is what a node answered, as of one height. */
export interface Course {
  items: CourseAnswer[];
  height: number;
  timeMs: number;
}

/** daysBetween counts the days of a range, both included; undefined if it is none. */
export function daysBetween(from: string, until: string): number | undefined {
  const [a, b] = [moment(from, "first"), moment(until, "first")];
  if (a === undefined || b === undefined || b < a) return undefined;
  const days = Math.round((b - a) / (24 * hourMs)) + 1;
  return days > daysMax ? undefined : days;
}

/** daysBack is the day so many days before a time's. */
export function daysBack(ms: number, days: number): string {
  const d = new Date(ms);
  return dateText(new Date(d.getFullYear(), d.getMonth(), d.getDate() - days).getTime());
}

/** partsOf are the days or hours of a range that have begun, with nothing in them. */
export function partsOf(from: string, until: string, grain: Grain, nowMs: number): Part[] {
  const [begin, end] = [moment(from, "first") ?? 0, Math.min(moment(until, "last") ?? 0, nowMs + 1)];
  const all: Part[] = [];
  for (let at = begin; at < end;) {
    const next = grain === "hour" ? at + hourMs : (moment(dateText(at), "last") ?? end);
    all.push({
      begin: at,
      until: next,
      claims: 0n,
      redemptions: 0n,
      voids: 0n,
      payable: 0n,
      voided: 0n,
      uncounted: false,
    });
    at = next;
  }
  return all;
}

/** readCourse asks for all pages of one height; campaign 0 stands for all of the member. */
export async function readCourse(
  link: Link,
  member: number,
  campaign: number,
  span: { from: number; until: number },
  signal: AbortSignal,
): Promise<Course> {
  const items: CourseAnswer[] = [];
  let query: Record<string, string | number | undefined> = {
    from: span.from,
    until: span.until,
    step_ms: hourMs,
    ...(campaign > 0 ? { campaign } : {}),
  };
  for (let i = 0; ; i++) {
    const page = await link.client.read("PageCourseAnswer", `/v1/members/${member}/course`, query, { signal });
    items.push(...page.items);
    if (!page.next_cursor || i === pagesMax)
      return { items, height: Number(page.height), timeMs: Number(page.time.ms) };
    query = { ...query, cursor: page.next_cursor };
  }
}

/** lay puts what a node answered in one currency into the parts in which it happened. */
export function lay(items: readonly CourseAnswer[], parts: readonly Part[], letters: string): Part[] {
  const out = parts.map((p) => ({ ...p }));
  for (const x of items) {
    if (x.currency !== letters) continue;
    const at = Number(x.begin);
    const part = out.find((p) => at >= p.begin && at < p.until);
    if (!part) continue;
    part.claims += BigInt(x.claims);
    part.redemptions += BigInt(x.redemptions);
    part.voids += BigInt(x.voids);
    part.payable += BigInt(x.payable);
    part.voided += BigInt(x.voided);
    part.uncounted ||= x.uncounted;
  }
  return out;
}

/** sumOf adds up parts. */
export function sumOf(parts: readonly Part[]): Pick<Part, "claims" | "redemptions" | "voids" | "payable" | "voided"> {
  const sum = { claims: 0n, redemptions: 0n, voids: 0n, payable: 0n, voided: 0n };
  for (const p of parts) for (const k of Object.keys(sum) as (keyof typeof sum)[]) sum[k] += p[k];
  return sum;
}

/** axisTop is the upper end of an axis: 1, or a round number above all values whose half is round as well. */
export function axisTop(most: bigint): bigint {
  if (most <= 1n) return 1n;
  for (let unit = 1n; ; unit *= 10n) for (const n of [2n, 4n, 10n]) if (n * unit >= most) return n * unit;
}

/** CourseOrigin says from where a file comes. */
export interface CourseOrigin {
  chain: Pick<Link, "chain" | "genesis">;
  member: number;
  name: string;
  /** Number and title of the campaign; undefined for all. */
  campaign: { id: number; title: string } | undefined;
  height: number;
  timeMs: number;
}

/** courseFile writes the parts, also those in which nothing happened. */
export function courseFile(parts: readonly Part[], currency: Currency, o: CourseOrigin, style: CsvStyle): string {
  const utc = (ms: number) => new Date(ms).toISOString();
  const two = (n: number) => String(n).padStart(2, "0");
  const amount = (minor: bigint) => new Decimal(decimal(minor, currency.exponent));
  const columns = [
    "date",
    "time",
    "campaign",
    "title",
    "currency",
    "claims",
    "redemptions",
    "undone",
    "owed",
    "owed no more",
    "from (UTC)",
    "until (UTC, not in it)",
    "zone",
    "as of block",
    "its time (UTC)",
    "member",
    "name",
    "chain",
    "digest of the chain",
  ];
  return csv(
    [
      columns,
      ...parts.map((p) => {
        const d = new Date(p.begin);
        return [
          dateText(p.begin),
          `${two(d.getHours())}:${two(d.getMinutes())}`,
          o.campaign?.id ?? "",
          o.campaign?.title ?? "",
          currency.letters,
          p.claims,
          p.redemptions,
          p.voids,
          amount(p.payable),
          amount(p.voided),
          utc(p.begin),
          utc(p.until),
          zoneName(p.begin),
          o.height,
          utc(o.timeMs),
          o.member,
          o.name,
          o.chain.genesis.name,
          hex(o.chain.chain.digest),
        ];
      }),
    ],
    style,
  );
}
