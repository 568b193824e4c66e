// The tabs of a browser share few streams of events: none holds more than its place, none waits for ever.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StreamTurn } from "@scrip/sdk/client";
import { Places, type Page } from "../src/kit/streams.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Tab {
  hidden = false;
  readonly #told = new Set<() => void>();
  readonly places: Places;

  constructor(rows: Map<string, string>, broken = false) {
    const fail = () => {
      throw new DOMException("denied", "SecurityError");
    };
    const page: Page = {
      rows: {
        getItem: (k) => (broken ? fail() : (rows.get(k) ?? null)),
        setItem: (k, v) => (broken ? fail() : void rows.set(k, v)),
        removeItem: (k) => void rows.delete(k),
      },
      nowMs: () => Date.now(),
      hidden: () => this.hidden,
      onChange: (told, stop) => {
        this.#told.add(told);
        stop.addEventListener("abort", () => this.#told.delete(told));
      },
    };
    this.places = new Places(page);
  }

  hide(hidden: boolean): void {
    this.hidden = hidden;
    for (const told of [...this.#told]) told();
  }
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** follow takes turn after turn, as a stream does; a brief one is left when it is quiet. */
function follow(tab: Tab, log: { open: number; most: number; turns: number }, stop?: AbortSignal) {
  const last: { turn?: StreamTurn } = {};
  void (async () => {
    for (;;) {
      const turn = await tab.places.enter(stop);
      last.turn = turn;
      log.turns++;
      log.most = Math.max(log.most, ++log.open);
      await new Promise<void>((resolve) => {
        turn.signal.addEventListener("abort", () => resolve());
        if (turn.quietMs !== undefined) setTimeout(resolve, turn.quietMs);
      });
      log.open--;
      turn.leave();
    }
  })().catch(() => undefined);
  return last;
}

test("nine tabs hold three streams at most, and each has its turns", async () => {
  const rows = new Map<string, string>();
  const logs = Array.from({ length: 9 }, () => ({ open: 0, most: 0, turns: 0 }));
  for (const log of logs) follow(new Tab(rows), log);
  let most = 0;
  for (let i = 0; i < 1200; i++) {
    await after(100);
    most = Math.max(
      most,
      logs.reduce((n, l) => n + l.open, 0),
    );
  }
  expect(most).toBeLessThanOrEqual(3);
  expect(logs.filter((l) => l.turns === 1 && l.open === 1).length).toBe(2); // those that have a lasting place
  for (const log of logs) expect(log.turns).toBeGreaterThan(0);
});

test("a tab in the background gives its place up, and takes one again when it is shown", async () => {
  const rows = new Map<string, string>();
  const [a, b, c] = [new Tab(rows), new Tab(rows), new Tab(rows)];
  const log = { open: 0, most: 0, turns: 0 };
  const turns = [a, b].map((tab) => follow(tab, log));
  await after(1000);
  expect(turns.map((t) => t.turn?.quietMs)).toEqual([undefined, undefined]);
  a.hide(true);
  expect(turns[0]?.turn?.signal.aborted).toBe(true);
  expect(rows.size).toBe(1); // at once, also if the page is being left
  await after(100);
  const third = follow(c, log);
  await after(1000);
  expect(third.turn?.quietMs).toBeUndefined();
  const before = log.turns;
  await after(60_000);
  expect(log.turns).toBe(before); // the hidden one has asked for nothing
  b.hide(true);
  await after(100);
  a.hide(false);
  await after(1000);
  expect(turns[0]?.turn?.signal.aborted).toBe(false);
});

test("the place of a tab that is gone is free after its end", async () => {
  const rows = new Map([
    ["scrip.stream.1", `gone ${Date.now() + 5000}`],
    ["scrip.stream.2", `far ${Date.now() + 1e9}`],
  ]);
  const one = follow(new Tab(rows), { open: 0, most: 0, turns: 0 });
  await after(500);
  expect(one.turn?.quietMs).toBeUndefined(); // an end that no tab writes holds nothing
  const two = follow(new Tab(rows), { open: 0, most: 0, turns: 0 });
  await after(500);
  expect(two.turn).toBeUndefined();
  await after(20_000);
  expect(two.turn).toBeDefined();
});

test("where a page may keep nothing each stream has its own connection", async () => {
  const turn = await new Tab(new Map(), true).places.enter(undefined);
  expect(turn.quietMs).toBeUndefined();
  turn.leave();
});

test("who gives up while waiting is let go", async () => {
  const tab = new Tab(new Map());
  tab.hidden = true;
  const stop = new AbortController();
  const waiting = tab.places.enter(stop.signal);
  const ended = expect(waiting).rejects.toThrow("enough");
  await after(100);
  stop.abort(new Error("enough"));
  await ended;
});
