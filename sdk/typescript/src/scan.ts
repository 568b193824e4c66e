/**
 * How a wallet finds the coupons that its words own: it reads the owners of all coupons
 * of a campaign, four bytes of each, and compares them with its own keys where they
 * are. No node learns which keys are of one person, and whatever was used, given away
 * or failed before does not matter.
 */
import type { CallOptions, Client, HolderMarks } from "./client.ts";
import { compare } from "./bytes.ts";
import { type Wallet, gapLimit } from "./keys.ts";
import { couponId } from "./transactions.ts";

/** The first four bytes of a key as a number. */
export function markOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0);
}

/** A coupon that a wallet's key owns. */
export interface Found {
  id: bigint;
  /** The number of its key within the campaign: `wallet.coupon(campaign, n)`. */
  n: number;
}

const keysAtOnce = 16;
const breath = () => new Promise((resolve) => setTimeout(resolve));

/**
 * The coupons of a campaign whose owners have the marks of a wallet's keys, from its
 * first key on until gap in a row have none and were not given out; given is how many
 * were. Another's key may have the same mark: prove each. It lets others run between
 * keys, which take a millisecond or two, and throws when the signal ends.
 */
export async function* candidates(
  campaign: number,
  holders: HolderMarks,
  mark: (n: number) => number,
  options: { given?: number; gap?: number; signal?: AbortSignal } = {},
): AsyncGenerator<Found, void> {
  const { given = 0, gap = gapLimit, signal } = options;
  const serials = new Map<number, number[]>();
  holders.marks.forEach((m, i) => {
    const serial = holders.serials[i] as number;
    const same = serials.get(m);
    if (same) same.push(serial);
    else serials.set(m, [serial]);
  });
  if (serials.size === 0) return;
  for (let n = 0, end = given + gap; n < end; n++) {
    if (n % keysAtOnce === 0) await breath();
    signal?.throwIfAborted();
    const own = serials.get(mark(n));
    if (!own) continue;
    end = Math.max(end, n + 1 + gap);
    for (const serial of own) yield { id: couponId(campaign, serial), n };
  }
}

/** How scanWallet looks. */
export interface ScanOptions extends CallOptions {
  /** How many keys in a row that own nothing end the look through a campaign; gapLimit otherwise. */
  gap?: number;
}

/** Finds the coupons of a wallet that was restored from its words, used ones included; each is proven. */
export async function scanWallet(
  client: Client,
  wallet: Wallet,
  campaigns: readonly number[],
  options: ScanOptions = {},
): Promise<Found[]> {
  const found: Found[] = [];
  for (const campaign of campaigns) {
    const holders = await client.holderMarks(campaign, options);
    const key = (n: number) => wallet.coupon(campaign, n).key;
    for await (const c of candidates(campaign, holders, (n) => markOf(key(n)), options)) {
      const { row } = await client.couponRow(c.id, options);
      if (compare(row.owner, key(c.n)) === 0) found.push(c);
    }
  }
  return found;
}
