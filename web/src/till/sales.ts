/** What a till keeps of its sales: one line for each attempt, and one for each correction. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Store } from "../kit/storage.ts";

const salesMax = 2000; // the ledger has them all
const states = ["waiting", "accepted", "refused", "undone"] as const;

/** Sale is one attempt at this till, or the undoing of one; amounts are minor units, times Unix ms. */
export interface Sale {
  /** Of the transaction; where others handed it in, of the redemption or its undoing: see saleId. */
  id: string;
  state: (typeof states)[number];
  atMs: number;
  coupon: bigint;
  /** With the coupon it names the redemption. */
  seq: number;
  title: string;
  value: bigint;
  /** The bill, or the price of the item, 0 if it is not known. */
  bill: bigint;
  /** Whether the bill is the price of one item. */
  item: boolean;
  finalAtMs: number;
  code: string;
  /** What is known beyond the code of a refusal. */
  about?: About | undefined;
  /** From the scan, or the last key, to the verified outcome. */
  tookMs: number;
  /** Members whose signatures were verified. */
  signers: number;
  /** The bytes that were handed in, and the digest of their invoice, while the outcome is open. */
  raw?: Uint8Array | undefined;
  digest?: string | undefined;
}

/** About is what a refusal rests on, as far as it was proven here. */
export type About =
  /** The redemption that has used the coupon. */
  | { kind: "used"; atMs: number; where: string }
  /** By how much the expiry of a shown code is beyond what the customer's wallet signs. */
  | { kind: "ahead"; byMs: number }
  /** For how long a shown code had been over. */
  | { kind: "over"; byMs: number }
  /** When the coupon can first be used. */
  | { kind: "early"; fromMs: number };

/** saleId names what the ledger says of a redemption. */
export const saleId = (what: "redeemed" | "undone", coupon: bigint, seq: number): string => `${what}-${coupon}-${seq}`;

/** Day is what was accepted and undone on one day. */
export interface Day {
  count: number;
  undone: number;
  /** What was taken, less what was given back. */
  sum: bigint;
}

const saleKey = (id: string) => `sale/${id}`;

/** Sales are the sales of one till on one device, newest first. */
export class Sales {
  readonly #all = signal<readonly Sale[]>([]);
  readonly all: ReadonlySignal<readonly Sale[]> = this.#all;

  constructor(readonly store: Store) {}

  /** load shows what the device remembers. */
  async load(): Promise<void> {
    const rows = (await this.store.list<Sale>("sale/")).sort((a, b) => b.atMs - a.atMs);
    // A row of an older page may be of another form: the ledger brings it again.
    const kept = rows.filter((s) => states.includes(s.state)).slice(0, salesMax);
    this.#all.value = kept;
    for (const old of rows) if (!kept.includes(old)) await this.store.delete(saleKey(old.id));
  }

  /** keep shows an attempt once it is on the device: what is not kept is not handed in. */
  async keep(sale: Sale): Promise<Sale> {
    await this.store.set(saleKey(sale.id), sale);
    return this.#show(sale);
  }

  /** settle shows what the ledger has decided, also where the device cannot keep it: then it is asked for again. */
  async settle(sale: Sale): Promise<Sale> {
    this.#show(sale);
    await this.store.set(saleKey(sale.id), sale).catch(() => undefined);
    return sale;
  }

  #show(sale: Sale): Sale {
    const others = this.#all.value.filter((s) => s.id !== sale.id);
    this.#all.value = [sale, ...others].sort((a, b) => b.atMs - a.atMs);
    return sale;
  }

  /** of finds the line of a redemption, or that of its undoing. */
  of(state: "accepted" | "undone", coupon: bigint, seq: number): Sale | undefined {
    return this.#all.value.find((s) => s.state === state && s.coupon === coupon && s.seq === seq);
  }

  /** mayUndo tells whether a sale was accepted, stands, and can still be undone by its time. */
  mayUndo(sale: Sale, nowMs: number): boolean {
    return sale.state === "accepted" && nowMs < sale.finalAtMs && !this.of("undone", sale.coupon, sale.seq);
  }

  /** undo adds the undoing of a redemption as a line of its own; the sale's own line stays as it was. */
  async undo(sale: Sale, atMs: number): Promise<Sale> {
    const known = this.of("undone", sale.coupon, sale.seq);
    if (known) return known;
    const id = saleId("undone", sale.coupon, sale.seq);
    return this.settle({ ...sale, id, state: "undone", atMs, tookMs: 0, raw: undefined, digest: undefined });
  }

  /** on sums the device's day that a time lies in. */
  on(nowMs: number): Day {
    const from = dayStart(nowMs);
    const until = new Date(from).setDate(new Date(from).getDate() + 1);
    const day: Day = { count: 0, undone: 0, sum: 0n };
    for (const s of this.#all.value) {
      if (s.atMs < from || s.atMs >= until) continue;
      if (s.state === "accepted") {
        day.count++;
        day.sum += s.value;
      } else if (s.state === "undone") {
        day.undone++;
        day.sum -= s.value;
      }
    }
    return day;
  }
}

/** dayStart is the beginning of the device's day that a time lies in. */
export const dayStart = (nowMs: number): number => new Date(nowMs).setHours(0, 0, 0, 0);
