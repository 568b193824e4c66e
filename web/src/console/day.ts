/** A day at a member's tills: totals as the ledger has them, and the file that says from where. */
import type { TakingAnswer, TillAnswer, TotalAnswer } from "@scrip/sdk/answers";
import { equal, hex } from "@scrip/sdk/bytes";
import { FalseAnswer } from "@scrip/sdk/errors";
import { decodeKey } from "@scrip/sdk/keys";
import { campaignOf, serialOf } from "@scrip/sdk/objects";
import type { Link } from "../kit/chain.ts";
import { decimal, type Currency } from "../kit/format.ts";
import { moment } from "./dates.ts";
import { csv, Decimal, type Cell, type CsvStyle } from "./csv.ts";

const pageSize = 500;
const sumsAtOnce = 3000;
const titlesAtOnce = 250;
const provenTitles = 8;
const singleTitles = 100;
const tillsMax = 5000;
const checkedMax = 100_000;
const checksAtOnce = 6;

/** Span is a half-open span of time, Unix ms. */
export interface Span {
  from: number;
  until: number;
}

/** Day is what the tills took in a span, as of one height. */
export interface Day {
  span: Span;
  height: number;
  timeMs: number;
  totals: TotalAnswer[];
}

/** daySpan is a day of the device's zone, by its date. */
export function daySpan(text: string): Span | undefined {
  const [from, until] = [moment(text, "first"), moment(text, "last")];
  return from === undefined || until === undefined ? undefined : { from, until };
}

/** addUp joins pages of totals by till and campaign. */
export function addUp(pages: readonly TotalAnswer[]): TotalAnswer[] {
  const sums = new Map<string, TotalAnswer>();
  const add = (a: string, b: string) => String(BigInt(a) + BigInt(b));
  for (const x of pages) {
    const name = `${x.till}/${x.campaign}`;
    const s = sums.get(name);
    sums.set(
      name,
      !s
        ? x
        : {
            ...s,
            count: add(s.count, x.count),
            value: add(s.value, x.value),
            payable: add(s.payable, x.payable),
            voids: add(s.voids, x.voids),
            voided_value: add(s.voided_value, x.voided_value),
            voided_payable: add(s.voided_payable, x.voided_payable),
          },
    );
  }
  return [...sums.values()];
}

/** takenBy is what each till has taken and kept, in minor units of its currency. */
export function takenBy(totals: readonly TotalAnswer[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const x of totals) {
    sums.set(x.till, (sums.get(x.till) ?? 0n) + BigInt(x.value) - BigInt(x.voided_value));
  }
  return sums;
}

/** readDay asks for all pages of one height. */
export async function readDay(link: Link, member: number, span: Span, signal: AbortSignal): Promise<Day> {
  const pages: TotalAnswer[] = [];
  let query: Record<string, string | number | undefined> = { from: span.from, until: span.until, limit: sumsAtOnce };
  for (;;) {
    const page = await link.client.read("PageTotalAnswer", `/v1/members/${member}/totals`, query, { signal });
    pages.push(...page.items);
    if (!page.next_cursor)
      return { span, height: Number(page.height), timeMs: Number(page.time.ms), totals: addUp(pages) };
    query = { ...query, cursor: page.next_cursor };
  }
}

/** takingsOf lists the span's redemptions and voids, at most so many. */
export async function takingsOf(
  link: Link,
  member: number,
  span: Span,
  most: number,
  signal?: AbortSignal,
): Promise<TakingAnswer[]> {
  const all: TakingAnswer[] = [];
  let query: Record<string, string | number | undefined> = {
    from: span.from,
    until: span.until,
    limit: Math.min(pageSize, most),
  };
  while (all.length < most) {
    const page = await link.client.read(
      "PageTakingAnswer",
      `/v1/members/${member}/takings`,
      query,
      signal ? { signal } : {},
    );
    all.push(...page.items);
    if (!page.next_cursor) break;
    query = { ...query, cursor: page.next_cursor };
  }
  return all;
}

/** tillsOf are the tills of a member by their keys. */
export async function tillsOf(link: Link, member: number, signal: AbortSignal): Promise<Map<string, TillAnswer>> {
  const all = new Map<string, TillAnswer>();
  let cursor: string | undefined;
  do {
    const page = await link.client.read("PageTillAnswer", "/v1/tills", { member, limit: pageSize, cursor }, { signal });
    for (const x of page.items) all.set(x.key, x);
    cursor = page.next_cursor;
  } while (cursor && all.size < tillsMax);
  return all;
}

/** titlesOf names campaigns: a few by their proven terms, others as a node says, many from its list of all. */
export async function titlesOf(
  link: Link,
  numbers: readonly number[],
  signal: AbortSignal,
): Promise<Map<number, string>> {
  const wanted = new Set(numbers);
  if (wanted.size <= provenTitles) {
    return new Map(
      await Promise.all([...wanted].map(async (n) => [n, (await link.campaign(n, 60_000)).terms.title] as const)),
    );
  }
  if (wanted.size <= singleTitles) {
    return new Map(
      await Promise.all(
        [...wanted].map(
          async (n) =>
            [n, (await link.client.read("CampaignBody", `/v1/campaigns/${n}`, {}, { signal })).terms.title] as const,
        ),
      ),
    );
  }
  const found = new Map<number, string>();
  let cursor: string | undefined;
  do {
    const page = await link.client.read(
      "PageCampaignAnswer",
      "/v1/campaigns",
      { limit: titlesAtOnce, cursor },
      { signal },
    );
    for (const c of page.items) if (wanted.has(c.id)) found.set(c.id, c.terms.title);
    cursor = page.next_cursor;
  } while (cursor && found.size < wanted.size);
  return found;
}

/** Recount is what a recount from proven rows came to. */
export interface Recount {
  redemptions: number;
  signers: number;
  height: number;
}

/**
 * recount proves each redemption of the day by its row in the state, and adds them up
 * again. progress is told how many are done.
 */
export async function recount(
  link: Link,
  member: number,
  day: Day,
  progress: (done: number, all: number) => void,
): Promise<Recount> {
  const takings = await takingsOf(
    link,
    member,
    { ...day.span, until: Math.min(day.span.until, day.timeMs + 1) },
    checkedMax,
  );
  const sums = new Map<string, { count: bigint; value: bigint; voids: bigint; voided: bigint }>();
  let signers = 0;
  let height = 0;
  if (takings.length === checkedMax) throw new Error(`a browser recounts at most ${checkedMax} redemptions of a day`);
  let next = 0;
  let done = 0;
  const check = async (x: TakingAnswer) => {
    const row = await link.client.redemption(BigInt(x.coupon), x.seq);
    const voided = x.type === "redemption.voided";
    const same =
      row.member === member &&
      equal(row.tillKey, decodeKey("till", x.till)) &&
      row.value === BigInt(x.value) &&
      (voided ? row.standing === "VOIDED" : row.at === Number(x.time.ms));
    if (!same) throw new FalseAnswer(`the redemption ${x.id} is not in the ledger as the node lists it`);
    const name = `${x.till}/${BigInt(x.coupon) >> 32n}`;
    const s = sums.get(name) ?? { count: 0n, value: 0n, voids: 0n, voided: 0n };
    sums.set(
      name,
      voided
        ? { ...s, voids: s.voids + 1n, voided: s.voided + row.value }
        : { ...s, count: s.count + 1n, value: s.value + row.value },
    );
    signers = row.state.members;
    height = Math.max(height, row.state.height);
    progress(++done, takings.length);
  };
  const work = async () => {
    for (let x = takings[next++]; x; x = takings[next++]) await check(x);
  };
  await Promise.all(Array.from({ length: checksAtOnce }, work));
  for (const total of day.totals) {
    const s = sums.get(`${total.till}/${total.campaign}`);
    if (
      !s ||
      String(s.count) !== total.count ||
      String(s.value) !== total.value ||
      String(s.voids) !== total.voids ||
      String(s.voided) !== total.voided_value
    ) {
      throw new FalseAnswer(`the total of till ${total.till.slice(0, 20)} is not the sum of its redemptions`);
    }
  }
  if (sums.size !== day.totals.length) throw new FalseAnswer("the totals leave out a till or a campaign");
  return { redemptions: takings.length, signers, height };
}

/** Labels name tills and campaigns in the file. */
export interface Labels {
  till: (key: string) => string;
  campaign: (n: number) => string;
  currency: (letters: string) => Currency;
}

/** zoneName names the device's zone with its offset at a time, for what is handed on. */
export function zoneName(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const two = (n: number) => String(Math.trunc(n)).padStart(2, "0");
  const offset = `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return `${Intl.DateTimeFormat().resolvedOptions().timeZone} (UTC${offset})`;
}

/** Origin says from where a file comes, in the last columns of each of its lines. */
export interface Origin {
  chain: Pick<Link, "chain" | "genesis">;
  member: number;
  name: string;
  day: Day;
  stateRoot: Uint8Array;
}

const originColumns = [
  "from (UTC)",
  "until (UTC, not in it)",
  "zone",
  "as of block",
  "its time (UTC)",
  "its state root",
  "member",
  "name",
  "chain",
  "digest of the chain",
];

function originCells({ chain: { chain, genesis }, member, name, day, stateRoot }: Origin): Cell[] {
  const utc = (ms: number) => new Date(ms).toISOString();
  return [
    utc(day.span.from),
    utc(day.span.until),
    zoneName(day.span.from),
    day.height,
    utc(day.timeMs),
    hex(stateRoot),
    member,
    name,
    genesis.name,
    hex(chain.digest),
  ];
}

/** dayOf and clockOf write an instant in the device's zone, as ISO 8601 has them. */
function dayOf(ms: number): string {
  const d = new Date(ms);
  return [String(d.getFullYear()), ...[d.getMonth() + 1, d.getDate()].map((n) => String(n).padStart(2, "0"))].join("-");
}

function clockOf(ms: number): string {
  const d = new Date(ms);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

/** dayFile writes the totals with chain, height and state root, so that two parties can compare them byte for byte. */
export function dayFile(origin: Origin, labels: Labels, style: CsvStyle): string {
  const columns = [
    "date",
    "till",
    "till key",
    "campaign",
    "title",
    "currency",
    "redemptions",
    "taken",
    "payable",
    "undone",
    "given back",
    "payable undone",
    ...originColumns,
  ];
  const rows = [...origin.day.totals]
    .sort((a, b) => (a.till === b.till ? a.campaign - b.campaign : a.till < b.till ? -1 : 1))
    .map((x) => {
      const amount = (minor: string) => new Decimal(decimal(BigInt(minor), labels.currency(x.currency).exponent));
      return [
        dayOf(origin.day.span.from),
        labels.till(x.till),
        x.till,
        x.campaign,
        labels.campaign(x.campaign),
        x.currency,
        BigInt(x.count),
        amount(x.value),
        amount(x.payable),
        BigInt(x.voids),
        amount(x.voided_value),
        amount(x.voided_payable),
        ...originCells(origin),
      ];
    });
  return csv([columns, ...rows], style);
}

/** linesFile writes each redemption and each correction, in the time of the shop. letters is a campaign's currency. */
export function linesFile(
  origin: Origin,
  lines: readonly TakingAnswer[],
  letters: (campaign: number) => string,
  labels: Labels,
  style: CsvStyle,
): string {
  const columns = [
    "date",
    "time",
    "till",
    "campaign",
    "serial",
    "redemption",
    "type",
    "currency",
    "value",
    "payable",
    "time (UTC)",
    "block",
    "transaction",
    "event",
    ...originColumns,
  ];
  const rows = lines.map((x) => {
    const id = BigInt(x.coupon);
    const campaign = campaignOf(id);
    const exponent = labels.currency(letters(campaign)).exponent;
    const ms = Number(x.time.ms);
    const place = x.id.split(".").map(Number);
    return [
      dayOf(ms),
      clockOf(ms),
      labels.till(x.till),
      campaign,
      serialOf(id),
      x.seq,
      x.type,
      letters(campaign),
      new Decimal(decimal(BigInt(x.value), exponent)),
      new Decimal(decimal(BigInt(x.payable), exponent)),
      x.time.utc,
      place[0] ?? 0,
      place[1] ?? 0,
      place[2] ?? 0,
      ...originCells(origin),
    ];
  });
  return csv([columns, ...rows], style);
}
