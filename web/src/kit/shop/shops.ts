/**
 * What shops show of themselves, as far as this device knows: kept from before, so that it is there without a
 * network, and asked for again once while a page is open. What is here was verified when it came.
 */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { SignedProfile } from "@scrip/sdk/profiles";
import type { Link } from "../chain.ts";

const againMs = 300_000;

const shops = signal<ReadonlyMap<number, SignedProfile>>(new Map());
const askedMs = new Map<number, number>();
let turn: Promise<unknown> | undefined;

const rowOf = (member: number) => `shop/${member}`;

function set(member: number, p: SignedProfile | undefined): void {
  const next = new Map(shops.value);
  if (p) next.set(member, p);
  else next.delete(member);
  shops.value = next;
}

async function ask(link: Link, member: number): Promise<void> {
  const kept = shops.value.get(member) ?? (await link.store.get<SignedProfile>(rowOf(member)));
  if (kept) set(member, kept);
  const { readProfile } = await import("@scrip/sdk/profiles");
  const { profile } = await readProfile(link.client, member, { known: kept?.raw });
  set(member, profile);
  await (profile ? link.store.set(rowOf(member), profile) : link.store.delete(rowOf(member)));
}

/** takeShop shows a profile that was just signed here, and keeps it. */
export async function takeShop(link: Link, p: SignedProfile): Promise<void> {
  set(p.member, p);
  await link.store.set(rowOf(p.member), p);
}

/** shopOf is what is known of a shop now. */
export const shopOf = (member: number): SignedProfile | undefined => shops.value.get(member);

/** useShop is a shop's profile, if there is one; it comes when it comes. 0 is no shop. */
export function useShop(link: Link, member: number): SignedProfile | undefined {
  useEffect(() => {
    const now = Date.now();
    if (member === 0 || now - (askedMs.get(member) ?? 0) < againMs) return;
    askedMs.set(member, now);
    // One after the other: there may be many, and none is urgent.
    turn = (turn ?? Promise.resolve()).then(() => ask(link, member)).catch(() => askedMs.delete(member));
  }, [link, member]);
  return shops.value.get(member);
}
