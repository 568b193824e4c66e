/**
 * What the member has signed and handed in. Each is kept before it is handed in and goes on after a restart with the
 * same bytes, so that nothing happens twice because an answer was lost. One that was refused stays in sight, with the
 * reason, until it has been read: whoever handed it in may have left the page by then.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { hex } from "@scrip/sdk/bytes";
import type { Receipt } from "@scrip/sdk/client";
import { OutcomeUnknown, Refusal, RuleError } from "@scrip/sdk/errors";
import { sha256 } from "@scrip/sdk/signing";
import type { Link } from "../kit/chain.ts";
import { failureOf, undecided } from "../kit/refusal/refusal.ts";
import type { FailureText } from "../kit/ui.tsx";

const submitMs = 180_000;
/** How many refused ones are kept; the oldest beyond go. */
export const refusedMax = 20;
const prefix = "pending/";
/** Where the only one was kept before there could be several. */
const formerRow = "pending";

/** HandIn is a transaction whose outcome is not known yet, or that was refused; what names it to the person. */
export interface HandIn {
  id: string;
  raw: Uint8Array;
  what: string;
  /** Device time at which it was handed in first, ms. */
  atMs: number;
  /** Why it was refused. */
  refusal?: FailureText;
}

/** Shown is one with what only this page knows of it. */
export interface Shown extends HandIn {
  /** Whether an answer is being waited for. */
  going: boolean;
}

/** HandIns are those of the member that is signed in. */
export class HandIns {
  readonly #all = signal<readonly Shown[]>([]);
  /** Oldest first. */
  readonly all: ReadonlySignal<readonly Shown[]> = this.#all;

  constructor(
    readonly link: {
      store: Pick<Link["store"], "get" | "set" | "delete" | "list">;
      client: Pick<Link["client"], "submit">;
    },
  ) {}

  /** load reads what is kept on this device. */
  async load(): Promise<void> {
    const { store } = this.link;
    const former = await store.get<Pick<HandIn, "raw" | "what">>(formerRow);
    if (former) {
      await this.#keep({ ...former, id: nameOf(former.raw), atMs: 0 });
      await store.delete(formerRow);
    }
    const rows = await store.list<HandIn>(prefix);
    this.#all.value = rows.map((x) => ({ ...x, going: false })).toSorted((a, b) => a.atMs - b.atMs);
  }

  /** act hands in what the member has signed, and returns the proven receipt. */
  async act(what: string, raw: Uint8Array): Promise<Receipt> {
    const x: HandIn = { id: nameOf(raw), raw, what, atMs: Date.now() };
    await this.#keep(x);
    return this.finish(x);
  }

  /** finish goes on with one until its outcome is known. */
  async finish(x: HandIn): Promise<Receipt> {
    const { refusal: _, ...rest } = x;
    this.#show({ ...rest, going: true });
    try {
      const receipt = await this.link.client.submit(x.raw, { signal: AbortSignal.timeout(submitMs) });
      await this.drop(x.id);
      return receipt;
    } catch (e) {
      const refused = e instanceof Refusal || e instanceof RuleError || (e instanceof OutcomeUnknown && !undecided(e));
      const kept: HandIn = refused ? { ...rest, refusal: failureOf(e) } : rest;
      this.#show({ ...kept, going: false });
      await this.#keep(kept);
      await this.#clear();
      throw e;
    }
  }

  /** drop forgets one: it is done, or its refusal was read. */
  async drop(id: string): Promise<void> {
    await this.link.store.delete(prefix + id);
    this.#all.value = this.#all.value.filter((x) => x.id !== id);
  }

  #keep(x: HandIn): Promise<void> {
    return this.link.store.set(prefix + x.id, x);
  }

  #show(x: Shown): void {
    this.#all.value = [...this.#all.value.filter((o) => o.id !== x.id), x].toSorted((a, b) => a.atMs - b.atMs);
  }

  async #clear(): Promise<void> {
    const refused = this.#all.value.filter((x) => x.refusal);
    for (const x of refused.slice(0, Math.max(0, refused.length - refusedMax))) await this.drop(x.id);
  }
}

const nameOf = (raw: Uint8Array): string => hex(sha256(raw).slice(0, 16));

/** handInRows are where they lie, for whoever forgets a session. */
export const handInRows = { prefix, former: formerRow };
