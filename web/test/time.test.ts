// Quarters of an hour, as a node counts them, become the hours and days of a person's clock.
import { expect, test } from "vitest";
import type { ActivityAnswer } from "@scrip/sdk/answers";
import { topOf } from "../src/kit/ledger/chart.tsx";
import { addUp, ranges, spansOf, type Range } from "../src/explorer/time.ts";

const quarterMs = 900_000;
const of = (name: string) => ranges.find((r) => r.name === name) as Range;
const quarter = (ms: number, transactions: number, final?: ActivityAnswer["final"]): ActivityAnswer => ({
  begins: { ms: String(ms), utc: "" },
  blocks: 1,
  transactions,
  refused: 0,
  claims: 0,
  transfers: 0,
  redemptions: 1,
  voids: 0,
  ...(final ? { final } : {}),
});

test("a range ends with the hour or day that now lies in, without a gap", () => {
  const now = new Date(2026, 10, 30, 14, 25).getTime();
  for (const range of ranges) {
    const spans = spansOf(range, now);
    expect(spans.length).toBe(range.count);
    const last = spans[spans.length - 1]!;
    expect(last.begin).toBe(new Date(2026, 10, 30, range.by === "hour" ? 14 : 0).getTime());
    expect(now).toBeLessThan(last.end);
    for (let i = 1; i < spans.length; i++) expect(spans[i]!.begin).toBe(spans[i - 1]!.end);
  }
});

test("a quarter counts in the hour that it lies in, and nothing is counted before the first", () => {
  const now = new Date(2026, 10, 30, 14, 25).getTime();
  const spans = spansOf(of("day"), now);
  const at = spans[20]!.begin;
  addUp(spans, [
    quarter(at, 3, { blocks: 1, mean_ms: 40, most_ms: 40 }),
    quarter(at + 3 * quarterMs, 4, { blocks: 3, mean_ms: 80, most_ms: 200 }),
    quarter(at + 4 * quarterMs, 5),
  ]);
  expect(spans.map((s) => s.transactions).slice(19)).toEqual([0, 7, 5, 0, 0]);
  expect(spans.map((s) => s.counted).slice(18)).toEqual([false, false, true, true, true, true]);
  expect(spans[20]!.sumMs / spans[20]!.timed).toBe(70);
  expect(spans[20]!.mostMs).toBe(200);
});

test("a day of the calendar has its own length where clocks are changed", () => {
  const spans = spansOf(of("quarter"), new Date(2026, 10, 30, 14).getTime());
  const total = spans.reduce((ms, s) => ms + s.end - s.begin, 0);
  expect(total).toBe(new Date(2026, 11, 1).getTime() - new Date(2026, 8, 2).getTime());
});

test("an axis ends at a round number above everything", () => {
  expect([0, 1, 2, 3, 7, 10, 11, 48, 501].map(topOf)).toEqual([1, 1, 2, 3, 8, 10, 20, 50, 600]);
});
