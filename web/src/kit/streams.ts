/**
 * The streams of events of one browser. A browser opens few connections to one address, and each
 * stream holds one, so the tabs share a few places: who finds none looks briefly from time to time,
 * and a tab in the background gives its place up. Places are rows of localStorage with an end, which
 * also works on plain http; a tab that is gone keeps its place for no longer than that.
 */
import { sleep } from "@scrip/sdk/http";
import type { StreamGate, StreamTurn } from "@scrip/sdk/client";

const lasting = ["scrip.stream.1", "scrip.stream.2"];
const brief = "scrip.stream.look";
const leaseMs = 6000;
const renewMs = 1500;
/** How long a row must stay unchanged to be one's own: two tabs may have written at once. */
const settleMs = 40;
const quietMs = 1000;
const againMs = 2000;

/** Rows is the part of localStorage that is used; it may throw where pages may keep nothing. */
export type Rows = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Page is what the places depend on; tests give another. */
export interface Page {
  rows: Rows;
  nowMs: () => number;
  hidden: () => boolean;
  /** Calls back when `hidden` may have changed, until stop. */
  onChange: (told: () => void, stop: AbortSignal) => void;
}

const thisPage: Page = {
  rows: {
    getItem: (k) => localStorage.getItem(k),
    setItem: (k, v) => localStorage.setItem(k, v),
    removeItem: (k) => localStorage.removeItem(k),
  },
  nowMs: () => Date.now(),
  hidden: () => document.visibilityState === "hidden",
  onChange: (told, stop) => {
    document.addEventListener("visibilitychange", told, { signal: stop });
    addEventListener("pagehide", told, { signal: stop });
  },
};

/** Places gives the turns of one tab's streams. */
export class Places implements StreamGate {
  readonly #page: Page;
  #count = 0;
  readonly #tab = Math.random().toString(36).slice(2);

  constructor(page: Page = thisPage) {
    this.#page = page;
  }

  /** enter waits for a turn: a lasting one if there is place, else a brief one. */
  async enter(signal: AbortSignal | undefined): Promise<StreamTurn> {
    const owner = `${this.#tab}.${++this.#count}`;
    for (let round = 0; ; round++) {
      await this.#visible(signal);
      try {
        for (const place of lasting) if (await this.#take(place, owner, signal)) return this.#turn(place, owner);
        if (round > 0 && (await this.#take(brief, owner, signal))) return { ...this.#turn(brief, owner), quietMs };
      } catch (e) {
        signal?.throwIfAborted();
        if (!(e instanceof DOMException)) throw e;
        return { signal: new AbortController().signal, leave: () => undefined }; // nothing may be kept here
      }
      await sleep(againMs / 2 + Math.random() * againMs, signal);
    }
  }

  async #visible(signal: AbortSignal | undefined): Promise<void> {
    while (this.#page.hidden()) {
      signal?.throwIfAborted();
      const stop = new AbortController();
      const end = () => stop.abort();
      signal?.addEventListener("abort", end, { signal: stop.signal });
      await new Promise<void>((resolve) => {
        stop.signal.addEventListener("abort", () => resolve());
        this.#page.onChange(end, stop.signal);
      });
    }
    signal?.throwIfAborted();
  }

  #holder(place: string): string | undefined {
    const [owner, until] = (this.#page.rows.getItem(place) ?? "").split(" ");
    const leftMs = Number(until) - this.#page.nowMs();
    // An end far ahead was written by another clock.
    return owner && leftMs > 0 && leftMs <= leaseMs ? owner : undefined;
  }

  #write(place: string, owner: string): void {
    this.#page.rows.setItem(place, `${owner} ${this.#page.nowMs() + leaseMs}`);
  }

  async #take(place: string, owner: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#holder(place) !== undefined) return false;
    this.#write(place, owner);
    await sleep(settleMs, signal);
    return this.#holder(place) === owner;
  }

  #turn(place: string, owner: string): StreamTurn {
    const end = new AbortController();
    const stop = new AbortController();
    const keep = () => {
      if (!this.#page.hidden() && this.#holder(place) === owner) return this.#write(place, owner);
      end.abort();
      return leave(); // at once: a page that is left may not come to close its stream
    };
    const timer = setInterval(keep, renewMs);
    this.#page.onChange(keep, stop.signal);
    const leave = () => {
      clearInterval(timer);
      stop.abort();
      if (this.#holder(place) === owner) this.#page.rows.removeItem(place);
    };
    return { signal: end.signal, leave };
  }
}
