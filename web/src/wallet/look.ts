/**
 * Looking for coupons that this device does not know: after a restore, or since another
 * device with the same words has claimed some. The owners of all coupons of a campaign
 * are compared here with the wallet's keys; no node is told a key.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { gapLimit, gapLimitFar } from "@scrip/sdk/keys";
import type { HolderMarks } from "@scrip/sdk/client";
import { candidates, markOf } from "@scrip/sdk/scan";
import type { Purse } from "./purse.ts";

/** Look is how far a look has come; a quiet one was asked for by nobody. */
export interface Look {
  at: number;
  of: number;
  quiet: boolean;
}

/** Looked is what a look came to: `far` says that it went as far as any goes. */
export interface Looked {
  found: number;
  far: boolean;
  stopped: boolean;
}

/** Holders is what is asked of the ledger: the SDK's client does it. */
export interface Holders {
  params(options: { signal: AbortSignal }): Promise<{ nextCampaign: number }>;
  campaigns(
    filter: object,
    options: { signal: AbortSignal },
  ): Promise<readonly { id: number; issued: number; status: string }[]>;
  holderMarks(campaign: number, options: { signal: AbortSignal }): Promise<HolderMarks>;
}

const row = "looked";
const againLeastMs = 30_000;
const againMostMs = 3_600_000;
/** A look may take this share of the time: what takes long is not done often. */
const share = 200;

export class Looking {
  readonly #now = signal<Look | undefined>(undefined);
  readonly now: ReadonlySignal<Look | undefined> = this.#now;
  readonly #last = signal<Looked | undefined>(undefined);
  /** What the last look that a person asked for came to, or one that found something. */
  readonly last: ReadonlySignal<Looked | undefined> = this.#last;
  #stop: AbortController | undefined;

  constructor(
    private readonly holders: Holders,
    private readonly purse: Purse,
    /** Notes a coupon under a key, if the ledger proves it; true = it can still be used. */
    private readonly take: (id: bigint, n: number) => Promise<boolean>,
  ) {}

  /** stop ends the look that is under way. */
  stop(): void {
    this.#stop?.abort();
  }

  /** run looks through all campaigns and returns how many coupons it found that can be used. */
  async run(options: { far?: boolean; quiet?: boolean } = {}): Promise<number> {
    const { far = false, quiet = false } = options;
    if (this.#now.value) {
      if (quiet || !this.#now.value.quiet) return 0;
      this.stop(); // a person does not wait behind a look of the clock's
    }
    const stop = new AbortController();
    this.#stop = stop;
    const began = Date.now();
    let found = 0;
    const show = (at: number, of: number) => {
      if (this.#stop === stop) this.#now.value = { at, of, quiet };
    };
    show(0, 0);
    let ended: "done" | "stopped" | "failed" = "failed";
    try {
      const campaigns = await this.#campaigns(quiet, stop.signal);
      for (const [i, campaign] of campaigns.entries()) {
        show(i + 1, campaigns.length);
        found += await this.#through(campaign, far ? gapLimitFar : gapLimit, stop.signal);
      }
      await this.purse.store.set(row, { atMs: Date.now(), tookMs: Date.now() - began });
      ended = "done";
    } catch (e) {
      if (!stop.signal.aborted) throw e;
      ended = "stopped";
    } finally {
      if (this.#stop === stop) {
        this.#stop = undefined;
        this.#now.value = undefined;
        const told = ended !== "failed" && !quiet;
        if (told || found > 0) this.#last.value = { found, far, stopped: ended !== "done" };
      }
    }
    return found;
  }

  /** again looks once more if these words are at other places too, and the last look is long enough ago. */
  async again(leastMs = againLeastMs): Promise<number> {
    if (!(await this.purse.elsewhere())) return 0;
    const last = await this.purse.store.get<{ atMs: number; tookMs: number }>(row);
    const pauseMs = Math.max(leastMs, Math.min(againMostMs, share * (last?.tookMs ?? 0)));
    // A clock that was set back does not end the looks.
    if (last && Math.abs(Date.now() - last.atMs) < pauseMs) return 0;
    return this.run({ quiet: true });
  }

  /** Which campaigns to look through: all that are proven to be; quietly those that a node says have coupons in use. */
  async #campaigns(quiet: boolean, signal: AbortSignal): Promise<number[]> {
    if (quiet) {
      const listed = await this.holders.campaigns({}, { signal });
      return listed.filter((c) => c.issued > 0 && c.status !== "ENDED").map((c) => c.id);
    }
    const { nextCampaign } = await this.holders.params({ signal });
    return Array.from({ length: nextCampaign - 1 }, (_, i) => i + 1);
  }

  async #through(campaign: number, gap: number, signal: AbortSignal): Promise<number> {
    const holders = await this.holders.holderMarks(campaign, { signal });
    const known = (await this.purse.store.get<Uint32Array>(`marks/${campaign}`)) ?? new Uint32Array();
    const made: number[] = [];
    const mark = (n: number): number => {
      if (n < known.length) return known[n] as number;
      return (made[n - known.length] ??= markOf(this.purse.key(campaign, n).key));
    };
    let found = 0;
    const given = await this.purse.next(campaign);
    for await (const c of candidates(campaign, holders, mark, { given, gap, signal })) {
      if (await this.take(c.id, c.n)) found++;
    }
    if (made.length > 0) await this.purse.store.set(`marks/${campaign}`, Uint32Array.from([...known, ...made]));
    return found;
  }
}
