/** The newest blocks as they come, each asked for when the one before has arrived. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { BlockAnswer } from "@scrip/sdk/answers";
import { sleep } from "@scrip/sdk/http";
import type { Link } from "../kit/chain.ts";

/** SeenBlock is a block with the device's measure of how long it took to be final. */
export interface SeenBlock {
  block: BlockAnswer;
  /**
   * From the time in the header, when the block was proposed, to its arrival here, decided, ms. Only of
   * blocks that were waited for: one that lay ready when it was asked for says nothing.
   */
  tookMs?: number;
}

const kept = 60;
/** Blocks may come faster than anybody reads: the page looks at most so often. */
const lookMs = 900;
const failMs = 2000;

export class Live {
  readonly #blocks = signal<readonly SeenBlock[]>([]);
  readonly #failed = signal(false);
  /** Newest first. */
  readonly blocks: ReadonlySignal<readonly SeenBlock[]> = this.#blocks;
  readonly failed: ReadonlySignal<boolean> = this.#failed;
  readonly paused = signal(false);

  constructor(readonly link: Link) {}

  /** follow looks for new blocks until stop. */
  async follow(stop: AbortSignal): Promise<void> {
    let fresh = false;
    while (!stop.aborted) {
      try {
        if (document.visibilityState === "visible" && !this.paused.value) {
          // Where blocks come fast one lies ready: the next one is waited for, and timed.
          if (!(await this.#look(fresh, stop)) && fresh) await this.#look(true, stop);
          fresh = true;
        } else {
          fresh = false; // what came meanwhile was not timed
        }
        await sleep(lookMs, stop);
      } catch {
        if (stop.aborted) return;
        this.#failed.value = true;
        fresh = false;
        await sleep(failMs, stop).catch(() => undefined);
      }
    }
  }

  /** #look asks for the newest blocks, and tells whether it waited for one. */
  async #look(fresh: boolean, stop: AbortSignal): Promise<boolean> {
    const top = this.#blocks.value[0];
    const askedMs = this.link.nowMs();
    // The node holds the request until the next block is executed.
    const query = { limit: top ? 30 : kept, min_height: top && fresh ? Number(top.block.height) + 1 : undefined };
    const page = await this.link.client.read("PageBlockAnswer", "/v1/blocks", query, { signal: stop });
    const nowMs = this.link.nowMs();
    const known = new Set(this.#blocks.value.map((b) => b.block.height));
    const waited = fresh && Number(page.items[0]?.time.ms ?? 0) >= askedMs;
    const added = page.items
      .filter((b) => !known.has(b.height))
      .map((block, i): SeenBlock =>
        waited && i === 0 ? { block, tookMs: Math.max(0, nowMs - Number(block.time.ms)) } : { block },
      );
    this.#failed.value = false;
    if (added.length > 0 || !top) {
      this.#blocks.value = [...added, ...this.#blocks.value]
        .sort((a, b) => Number(b.block.height) - Number(a.block.height))
        .slice(0, kept);
    }
    return waited;
  }
}

/** middleOf is the median of the measured spans, ms, and of how many it is. */
export function middleOf(blocks: readonly SeenBlock[]): { ms: number; n: number } | undefined {
  const spans = blocks
    .map((b) => b.tookMs)
    .filter((x): x is number => x !== undefined)
    .sort((a, b) => a - b);
  const ms = spans[Math.floor(spans.length / 2)];
  return ms === undefined ? undefined : { ms, n: spans.length };
}
