/** What a scanned code is, and whether it can be taken, as the ledger shows it before anything is asked or signed. */
import { Client, NotFound, type ProvenCoupon, type ProvenTill } from "@scrip/sdk/client";
import { equal } from "@scrip/sdk/bytes";
import { showLifeMs } from "@scrip/sdk/actions";
import type { AuthPayload } from "@scrip/sdk/links";
import { goodAt } from "@scrip/sdk/transactions";
import type { Genesis } from "@scrip/sdk/verify";
import type { Link } from "../kit/chain.ts";
import type { About } from "./sales.ts";

/** No bill and no code lives longer than this, whatever the chain allows: what they sign ends while somebody waits. */
const lifeMaxMs = 150_000;

/** lifeMs is for how long bills and codes may live on a chain, in ms. */
export const lifeMs = (g: Pick<Genesis, "holderLifeMs">): number => Math.min(g.holderLifeMs, lifeMaxMs);

/** Bad is why a code is not taken. */
export interface Bad {
  kind: "bad";
  code: string;
  about?: About | undefined;
}

const bad = (code: string, about?: About): Bad => ({ kind: "bad", code, about });

/**
 * usedBy is the redemption (coupon, seq), proven, as a cashier tells it; undefined if there is none
 * or it was undone. A till is not told its own name.
 */
export async function usedBy(
  link: Link,
  client: Client,
  own: Uint8Array,
  coupon: bigint,
  seq: number,
): Promise<About | undefined> {
  try {
    const row = await client.redemption(coupon, seq);
    if (row.standing === "VOIDED") return undefined;
    return { kind: "used", atMs: row.at, where: equal(row.tillKey, own) ? "" : await link.tillName(row.tillKey) };
  } catch (e) {
    if (e instanceof NotFound) return undefined;
    throw e;
  }
}

/**
 * judge says why a code cannot be taken here, by the proven coupon and the rules of rules 3.5, as
 * far as they need no bill; undefined where only the ledger can tell. Nothing is signed before.
 */
export async function judge(
  link: Link,
  client: Client,
  till: ProvenTill,
  code: AuthPayload,
  c: ProvenCoupon,
): Promise<Bad | undefined> {
  const { auth } = code;
  const chainMs = c.state.timeMs;
  // The wallet has seen more than this state: the ledger tells.
  if (auth.seq > c.seq) return undefined;
  if (auth.seq < c.seq || c.standing === "REDEEMED") {
    const spent = c.standing === "REDEEMED";
    const used = await usedBy(link, client, till.key, c.id, spent ? c.seq - 1 : auth.seq);
    if (spent) return bad("E509", used);
    return bad(equal(auth.holder, c.owner) || used ? "E403" : "E401", used);
  }
  if (!equal(auth.holder, c.owner)) return bad("E401");
  const nowMs = Math.max(link.nowMs(), chainMs);
  if (auth.expires > nowMs + lifeMs(link.genesis)) {
    return bad("E109", { kind: "ahead", byMs: auth.expires - nowMs - showLifeMs });
  }
  if (chainMs >= auth.expires) return bad("E104", { kind: "over", byMs: chainMs - auth.expires });
  const { terms } = c;
  if (chainMs >= c.until + terms.graceMs) return bad("E504");
  if (c.standing === "GIFTED") return bad("E404");
  if (chainMs < terms.redeemFrom) return bad("E503", { kind: "early", fromMs: terms.redeemFrom });
  const elsewhere = auth.mode === "SHOW" && auth.merchant !== 0 && auth.merchant !== till.member;
  if (elsewhere || !goodAt(terms, till.member, till.store)) return bad("E505");
  if (terms.currency !== till.currency) return bad("E516");
  return auth.mode === "SHOW" && terms.showMax === 0n ? bad("E519") : undefined;
}

/** couponOf reads the coupon of a code, and again once where a node may not have it yet; undefined if there is none. */
export async function couponOf(
  client: Client,
  auth: AuthPayload,
  again: () => Promise<void>,
): Promise<ProvenCoupon | undefined> {
  for (const last of [false, true]) {
    try {
      return await client.coupon(auth.auth.coupon);
    } catch (e) {
      if (!(e instanceof NotFound)) throw e;
      if (!last) await again();
    }
  }
  return undefined;
}
