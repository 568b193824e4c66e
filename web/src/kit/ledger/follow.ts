/** Following what happens, from now on. */
import type { EventFilter, LedgerEvent } from "@scrip/sdk/client";
import { sleep } from "@scrip/sdk/http";
import type { Link } from "../chain.ts";

const againMs = 2000;

/**
 * followEvents gives proven events from now on, until stop. While no node answers it tries again;
 * onAway is told that it does, and that it does no more.
 */
export async function followEvents(link: Link, filter: EventFilter, onEvent: (e: LedgerEvent) => void,
  stop: AbortSignal, onAway: (away: boolean) => void = () => undefined): Promise<void> {
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
