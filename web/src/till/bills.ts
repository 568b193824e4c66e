/**
 * The bills that customers may still answer. They are kept on the device until a redemption
 * on each was found, or enough nodes say that there is none and can be none any more.
 */
import type { Store } from "../kit/storage.ts";

const rowOf = (digest: string) => `bill/${digest}`;

/** OpenBill is a signed bill that was shown to a customer; amounts are minor units, times Unix ms by the chain's clock. */
export interface OpenBill {
  /** Of the invoice, hexadecimal. */
  digest: string;
  /** The payload, as a link carries it. */
  fragment: string;
  /** 0 for any coupon that needs no campaign to be named. */
  campaign: number;
  title: string;
  amount: bigint;
  item: boolean;
  madeMs: number;
  expiresMs: number;
  /** Whether the cashier still waits for it. */
  shown: boolean;
}

/** Bills are the open bills of one till. */
export class Bills {
  #open: readonly OpenBill[] = [];

  constructor(readonly store: Store) {}

  async load(): Promise<void> {
    this.#open = await this.store.list<OpenBill>("bill/");
  }

  get open(): readonly OpenBill[] {
    return this.#open;
  }

  of(digest: string): OpenBill | undefined {
    return this.#open.find((o) => o.digest === digest);
  }

  /** shown is the bill that the cashier was waiting for when the page was closed. */
  get shown(): OpenBill | undefined {
    return this.#open.find((o) => o.shown);
  }

  /** keep adds a bill, or notes whether the cashier still waits for it; the ledger is asked about it in any case. */
  async keep(bill: OpenBill): Promise<void> {
    this.#open = [...this.#open.filter((o) => o.digest !== bill.digest), bill];
    await this.store.set(rowOf(bill.digest), bill);
  }

  /** close forgets a bill that is decided. */
  async close(digest: string): Promise<void> {
    if (!this.of(digest)) return;
    this.#open = this.#open.filter((o) => o.digest !== digest);
    await this.store.delete(rowOf(digest));
  }
}
