/**
 * The holder's keys and what is known of their coupons on this device. A key is
 * noted before anything is sent that names it, so that nothing can arrive under a
 * key that was forgotten. What is known of coupons can be lost: a scan of the
 * ledger finds them again from the words.
 */
import { campaignOf } from "@scrip/sdk/transactions";
import { entropyFromMnemonic, mnemonicFromEntropy, Wallet, type SecretKey } from "@scrip/sdk/keys";
import type { Proof } from "../kit/badge.tsx";
import type { Sealed, Store } from "../kit/storage.ts";

/** States of a coupon as its holder sees them. */
export type State = "pending" | "usable" | "early" | "offered" | "given" | "redeemed" | "expired" | "failed";

/** Slip is what the wallet remembers of a coupon; amounts are minor units, times Unix ms. */
export interface Slip {
  id: bigint;
  /** Number of its key within the campaign. */
  n: number;
  state: State;
  title: string;
  issuer: string;
  valueLeft: bigint;
  usesLeft: number;
  seq: number;
  untilMs: number;
  /** When the ledger last confirmed it, and who signed that. */
  seenMs: number;
  height: number;
  proof?: Proof | undefined;
  /** While offered: what stands behind the # of the link, and when it returns by itself. */
  gift?: { fragment: string; untilMs: number } | undefined;
  /** Uses, newest first. */
  uses: Use[];
  /** A transaction whose outcome is not known yet. */
  pending?: { what: "claim" | "offer" | "accept"; expiresMs: number } | undefined;
  /** Why a pending transaction had no effect. */
  refusal?: string | undefined;
  hidden?: boolean | undefined;
}

export interface Use {
  seq: number;
  atMs: number;
  value: bigint;
  shop: string;
  voided: boolean;
}

/** ToScan is what a wallet that was just brought in has to look for, beside all that its words own. */
export interface ToScan {
  owner?: string | undefined;
  /** Coupons that its link names. */
  used: readonly { id: bigint; n: number }[];
}

const scanRow = "scan";
const secretRow = "secret";
const ownerRow = "owner";
const elsewhereRow = "elsewhere";
const idKey = (id: bigint) => `coupon/${id.toString(16).padStart(16, "0")}`;
const nextKey = (campaign: number) => `next/${campaign}`;

/** Purse is an open wallet. Its methods are called from one page at a time. */
export class Purse {
  private constructor(
    readonly store: Store,
    readonly keys: Wallet,
    private readonly entropy: Uint8Array,
  ) {}

  /** open returns the wallet of this device, if there is one. */
  static async open(store: Store): Promise<Purse | undefined> {
    const sealed = await store.get<Sealed>(secretRow);
    if (sealed === undefined) return undefined;
    const entropy = await store.open(sealed);
    return new Purse(store, new Wallet(mnemonicFromEntropy(entropy)), entropy);
  }

  /** create keeps the entropy of a mnemonic as this device's wallet. It never replaces another one. */
  static async create(store: Store, entropy: Uint8Array): Promise<Purse> {
    if ((await store.get(secretRow)) !== undefined) throw new Error("there is a wallet on this device");
    await store.set(secretRow, await store.seal(entropy));
    return new Purse(store, new Wallet(mnemonicFromEntropy(entropy)), entropy);
  }

  /** same tells whether a mnemonic is this wallet's. */
  same(entropy: Uint8Array): boolean {
    return entropy.length === this.entropy.length && entropy.every((b, i) => b === this.entropy[i]);
  }

  /** replace forgets this wallet and keeps another one in its place; the page is opened anew after it. */
  async replace(entropy: Uint8Array, scan: ToScan): Promise<void> {
    const sealed = await this.store.seal(entropy);
    for (const prefix of ["coupon/", "next/", "desk/", "marks/", "looked"]) await this.store.deleteAll(prefix);
    await this.store.delete("kept");
    await this.store.set(elsewhereRow, "brought");
    await this.store.set(scanRow, scan);
    await this.store.set(ownerRow, scan.owner);
    await this.store.set(secretRow, sealed);
  }

  /** elsewhere tells whether the words may be at other places: they came from one, or were shown or saved here. */
  async elsewhere(): Promise<boolean> {
    return (
      ((await this.store.get(elsewhereRow)) ?? (await this.store.get("kept")) ?? (await this.owner())) !== undefined
    );
  }

  /** brought tells whether the wallet was brought here by words that are kept at another place. */
  async brought(): Promise<true | undefined> {
    return (await this.store.get(elsewhereRow)) === "brought" || undefined;
  }

  /** noteElsewhere is called before the words leave this device. */
  async noteElsewhere(): Promise<void> {
    if (!(await this.brought())) await this.store.set(elsewhereRow, "shown");
  }

  /** toScan is what is still to be looked for; scanned ends it. */
  toScan(): Promise<ToScan | undefined> {
    return this.store.get<ToScan>(scanRow);
  }

  scanned(): Promise<void> {
    return this.store.delete(scanRow);
  }

  /** secretBytes is the entropy, to be sealed and never shown. */
  secretBytes(): Uint8Array {
    return this.entropy.slice();
  }

  words(): string {
    return mnemonicFromEntropy(this.entropy);
  }

  owner(): Promise<string | undefined> {
    return this.store.get<string>(ownerRow);
  }

  async slips(): Promise<Slip[]> {
    return this.store.list<Slip>("coupon/");
  }

  slip(id: bigint): Promise<Slip | undefined> {
    return this.store.get<Slip>(idKey(id));
  }

  async put(slip: Slip): Promise<void> {
    await this.store.set(idKey(slip.id), slip);
    const next = await this.next(campaignOf(slip.id));
    if (slip.n >= next) await this.store.set(nextKey(campaignOf(slip.id)), slip.n + 1);
  }

  /** forget drops what is known of a coupon; its key number is not given out again. */
  forget(id: bigint): Promise<void> {
    return this.store.delete(idKey(id));
  }

  /** next is the first key number of a campaign that was not given out. */
  async next(campaign: number): Promise<number> {
    return (await this.store.get<number>(nextKey(campaign))) ?? 0;
  }

  key(campaign: number, n: number): SecretKey {
    return this.keys.coupon(campaign, n);
  }

  /** fresh gives out a key number; a campaign with a cap per holder uses one key throughout. */
  async fresh(campaign: number, capped: boolean): Promise<number> {
    const n = capped ? 0 : await this.next(campaign);
    await this.store.set(nextKey(campaign), Math.max(n + 1, await this.next(campaign)));
    return n;
  }
}

/** entropyOf reads words that a person typed; its error says what is wrong with them. */
export function entropyOf(words: string): Uint8Array {
  return entropyFromMnemonic(words);
}
