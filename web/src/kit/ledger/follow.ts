/** Following what happens, from now on. */
import type { Client, EventFilter, LedgerEvent } from "@scrip/sdk/client";
import { hex } from "@scrip/sdk/bytes";
import { sleep } from "@scrip/sdk/http";
import { eventOf } from "@scrip/sdk/receipt";
import type { Link } from "../chain.ts";

const againMs = 2000;

/**
 * followEvents gives proven events from now on, until stop. While no node answers it tries again;
 * onAway is told that it does, and that it does no more.
 */
export async function followEvents(
  link: Link,
  filter: EventFilter,
  onEvent: (e: LedgerEvent) => void,
  stop: AbortSignal,
  onAway: (away: boolean) => void = () => undefined,
): Promise<void> {
  const signal = stop;
  while (!stop.aborted) {
    try {
      // A proven height: a node's word could bring what was long before.
      const { state } = await link.client.params({ signal });
      onAway(false);
      const from = { height: state.height + 1, tx: 0, index: 0 };
      for await (const e of link.client.events(from, filter, { signal })) onEvent(e);
    } catch {
      if (stop.aborted) return;
      onAway(true);
    }
    await sleep(againMs, stop).catch(() => undefined);
  }
}

const askMs = 4000;
/** A block is left to the stream for so long. */
const graceMs = 2500;
const listedMax = 100;
/** Blocks that are read at once; of what is older the list has no room. */
const blocksMax = 5;

/** Happening is an event as a list shows it: from the stream or read out of its block, proven either way. */
export type Happening = Pick<LedgerEvent, "id" | "type" | "outcome" | "timeMs"> & { tx: string };

/** Asker reads events out of blocks, for where the stream brings none. */
export class Asker {
  /** The height up to which nothing is missing. */
  #upTo: number;

  constructor(
    readonly client: Pick<Client, "read" | "block">,
    height: number,
  ) {
    this.#upTo = height;
  }

  /** heard says that the stream brought an event of this height, and with it all before. */
  heard(height: number): void {
    this.#upTo = Math.max(this.#upTo, height);
  }

  /** look returns what happened since, oldest first, except in the newest blocks, which may still come by the stream. */
  async look(nowMs: number, signal: AbortSignal): Promise<Happening[]> {
    const page = await this.client.read("PageBlockAnswer", "/v1/blocks", { limit: listedMax }, { signal });
    const old = page.items.filter((b) => Number(b.height) > this.#upTo && Number(b.time.ms) <= nowMs - graceMs);
    const heights = old
      .filter((b) => b.tx_count > 0)
      .map((b) => Number(b.height))
      .slice(0, blocksMax)
      .sort((a, b) => a - b);
    const found: Happening[] = [];
    for (const height of heights) {
      const b = await this.client.block(height, { signal });
      b.outcomes.forEach((outcome, i) => {
        const type = eventOf(outcome);
        if (type && outcome.code === "OK") {
          found.push({ id: { height, tx: i, index: 0 }, type, outcome, timeMs: b.timeMs, tx: hex(outcome.id) });
        }
      });
    }
    if (old[0]) this.heard(Number(old[0].height));
    return found;
  }
}

/** withEvent puts an event in front of a list, once; the stream and the blocks may both bring it. */
export function withEvent(all: readonly Happening[], e: Happening, most: number): readonly Happening[] {
  return all.some((x) => x.tx === e.tx && x.id.height === e.id.height) ? all : [e, ...all].slice(0, most);
}

/**
 * followAll gives everything that happens from now on, until stop; some of it twice, which withEvent sorts out. Between a node and a page
 * there may be something that swallows streams: the blocks are asked for besides.
 */
export async function followAll(
  link: Link,
  onEvent: (e: Happening) => void,
  stop: AbortSignal,
  onAway: (away: boolean) => void = () => undefined,
): Promise<void> {
  let asker: Asker | undefined;
  const asking = async () => {
    while (!stop.aborted) {
      try {
        asker ??= new Asker(link.client, (await link.client.params({ signal: stop })).state.height);
        await sleep(askMs, stop);
        if (document.visibilityState !== "visible") continue;
        for (const e of await asker.look(link.nowMs(), stop)) if (!stop.aborted) onEvent(e);
      } catch {
        // onAway is told by the stream's own asking; here it is asked again.
        await sleep(askMs, stop).catch(() => undefined);
      }
    }
  };
  await Promise.all([
    asking(),
    followEvents(
      link,
      {},
      (e) => {
        asker?.heard(e.id.height);
        onEvent({ ...e, tx: e.receipt.id });
      },
      stop,
      onAway,
    ),
  ]);
}
