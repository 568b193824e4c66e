/**
 * What the wallet does: it claims, gives, accepts, shows and pays, and keeps its
 * slips in step with the ledger. Nothing is "yours" before a proof of it was checked.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import * as sdk from "@scrip/sdk/actions";
import { NotFound, Refusal, RuleError, type ProvenCoupon } from "@scrip/sdk/client";
import { fromBase64, hex } from "@scrip/sdk/bytes";
import type { SecretKey } from "@scrip/sdk/keys";
import { decodeKey } from "@scrip/sdk/keys";
import {
  encodePayload,
  linkFragment,
  type AuthPayload,
  type GiftPayload,
  type InvoicePayload,
  type TicketPayload,
} from "@scrip/sdk/links";
import {
  campaignOf,
  claimTx,
  couponId,
  equalKeys,
  randomBytes,
  serialOf,
  signerOf,
  verifyTicket,
  type Terms,
} from "./sdk.ts";
import { codeOf, undecided } from "../kit/refusal/refusal.ts";
import type { Link } from "../kit/chain.ts";
import { largestValue, onlyMember } from "../kit/terms.ts";
import { Looking } from "./look.ts";
import type { Purse, Slip, State, Use } from "./purse.ts";

export const dayMs = 86_400_000;
/** A transaction is signed a little after its coupon was marked as waiting for it, and expires later by as much. */
const expiryMarginMs = 30_000;
const deskMs = 10_000;
const usesMax = 100;

/** DeskRefusal is a ticket desk's no; `retryS` says when to ask again, 0 = not. */
export class DeskRefusal extends Error {
  constructor(
    readonly kind: "refused" | "busy" | "away",
    readonly retryS: number,
  ) {
    super(`the ticket desk: ${kind}`);
  }
}

/** standing is a coupon's state as its holder sees it at a time. */
export function standing(c: ProvenCoupon, mine: boolean, nowMs: number): State {
  if (!mine) return "given";
  switch (c.standing) {
    case "REDEEMED":
      return "redeemed";
    case "EXPIRED":
      return "expired";
    case "GIFTED":
      return c.gift && nowMs < c.gift.until ? "offered" : "usable";
    default:
      return nowMs < c.terms.redeemFrom ? "early" : "usable";
  }
}

const inSight = (s: Slip) => s.state === "usable" || s.state === "early";
export const isOpen = (s: Slip): boolean => inSight(s) || s.state === "offered" || s.state === "pending";

/** byEnd orders what can be used by its end, and the past newest first. */
export function byEnd(a: Slip, b: Slip): number {
  return isOpen(a) ? a.untilMs - b.untilMs : (b.uses[0]?.atMs ?? b.seenMs) - (a.uses[0]?.atMs ?? a.seenMs);
}

/** unknownSlip is a coupon of which nothing is known yet. */
const unknownSlip: Omit<Slip, "id" | "n"> = {
  state: "usable",
  title: "",
  issuer: "",
  valueLeft: 0n,
  usesLeft: 0,
  seq: 0,
  untilMs: 0,
  seenMs: 0,
  height: 0,
  uses: [],
};

/** The longest life of what a wallet signs for a till, whatever the chain allows. */
const authLifeMaxMs = 150_000;

export class Session {
  readonly #slips = signal<readonly Slip[]>([]);
  readonly slips: ReadonlySignal<readonly Slip[]> = this.#slips;
  /** How coupons that this device does not know are found. */
  readonly looking: Looking;
  /** Whether a wallet that was just brought in is still being filled. */
  readonly filling = signal(false);
  readonly #missed = signal<unknown>(undefined);
  /** Why the last look for coupons did not come to its end. */
  readonly missed: ReadonlySignal<unknown> = this.#missed;
  /** Terms by campaign, for the slips at hand; kept on the device. */
  readonly terms = signal<ReadonlyMap<number, Terms>>(new Map());

  constructor(
    readonly link: Link,
    readonly purse: Purse,
  ) {
    this.looking = new Looking(link.client, purse, (id, n) => this.take(id, n));
  }

  /** load shows what the device remembers, before any node is asked. */
  async load(): Promise<void> {
    const kept = await this.link.store.list<{ campaign: number; terms: Terms }>("terms/");
    this.terms.value = new Map(kept.map((k) => [k.campaign, k.terms]));
    await this.#show();
  }

  async #show(): Promise<void> {
    this.#slips.value = await this.purse.slips();
  }

  async #put(slip: Slip): Promise<Slip> {
    await this.purse.put(slip);
    await this.#show();
    return slip;
  }

  async #remember(campaign: number, terms: Terms): Promise<void> {
    if (this.terms.value.has(campaign)) return;
    await this.link.store.set(`terms/${campaign}`, { campaign, terms });
    this.terms.value = new Map(this.terms.value).set(campaign, terms);
  }

  keyOf(slip: Slip): SecretKey {
    return this.purse.key(campaignOf(slip.id), slip.n);
  }

  /** expected is a slip for a coupon that may become ours, noted before anything is sent. */
  async #expected(id: bigint, what: "claim" | "accept", n: number): Promise<Slip> {
    const campaign = campaignOf(id);
    const c = await this.link.campaign(campaign, dayMs);
    await this.#remember(campaign, c.terms);
    return this.#put({
      id,
      n,
      state: "pending",
      title: c.terms.title,
      issuer: await this.link.member(c.issuer),
      valueLeft: c.terms.face,
      usesLeft: c.terms.uses,
      seq: 0,
      untilMs: c.terms.redeemUntil,
      seenMs: Date.now(),
      height: 0,
      uses: [],
      pending: { what, expiresMs: this.link.client.expiry() },
    });
  }

  /** settle runs a step of a coupon's life and then believes the ledger, whatever the step threw. */
  async #settle(slip: Slip, step: () => Promise<unknown>): Promise<Slip> {
    let error: unknown;
    try {
      await step();
    } catch (e) {
      error = e;
    }
    const now = await this.refresh(slip.id).catch(() => undefined);
    if (error === undefined) return now ?? slip;
    // A second attempt is refused because the first one counted: then it is ours all the same.
    if (now && now.state !== "given" && now.state !== "pending" && slip.state === "pending") return now;
    if (slip.pending?.what === "claim" && now?.state === "given") {
      await this.purse.forget(slip.id); // another key has it: no later block can give it to this one
      await this.#show();
    } else if (!undecided(error)) await this.#failed(slip, error);
    throw error;
  }

  async #failed(slip: Slip, error: unknown): Promise<void> {
    const { pending: _, ...rest } = (await this.purse.slip(slip.id)) ?? slip;
    const claimed = slip.pending?.what === "claim" || slip.pending?.what === "accept";
    if (claimed && rest.height === 0) await this.purse.forget(slip.id);
    else await this.purse.put({ ...rest, refusal: codeOf(error) });
    await this.#show();
  }

  /** claim claims a ticket for a fresh key. */
  async claim(ticket: TicketPayload): Promise<Slip> {
    const id = couponId(ticket.campaign, ticket.serial);
    const slip = await this.#toClaim(id);
    if (slip.state !== "pending") return slip;
    return this.#settle(slip, () => sdk.claim(this.link.client, ticket, this.keyOf(slip).key));
  }

  /** toClaim is the slip of a coupon that is to be claimed: one that is here already, or a new one under its key. */
  async #toClaim(id: bigint): Promise<Slip> {
    const known = await this.purse.slip(id);
    if (known && known.state !== "pending") return known;
    const campaign = campaignOf(id);
    const terms = (await this.link.campaign(campaign, dayMs)).terms;
    const n = known?.n ?? (await this.purse.fresh(campaign, terms.holderCap > 0));
    return this.#expected(id, "claim", n);
  }

  /**
   * claimAtDesk asks a desk for a ticket and claims it. The claim key is kept first and
   * for good: a retry gets the same ticket, and so does who scans the poster again.
   */
  async claimAtDesk(campaign: number, desk: string): Promise<Slip> {
    const row = `desk/${campaign}`;
    const kept = await this.link.store.get<Awaited<ReturnType<typeof this.link.store.seal>>>(row);
    const seed = kept ? await this.link.store.open(kept) : randomBytes(32);
    if (!kept) await this.link.store.set(row, await this.link.store.seal(seed));
    const claimKey = signerOf(seed);
    const t = await askDesk(desk, campaign, claimKey.key);
    const batch = await this.link.client.batch(campaign, t.ticket.batch);
    if (
      !equalKeys(batch.ticketKey, t.ticketKey) ||
      !verifyTicket(this.link.chain, t.ticket, t.ticketKey, t.signature)
    ) {
      throw new RuleError("E301", "the desk's ticket is not signed by the batch's ticket key");
    }
    const slip = await this.#toClaim(couponId(campaign, t.ticket.serial));
    if (slip.state !== "pending") return slip;
    const fields = { ticket: t.ticket, ticketKey: t.ticketKey, to: this.keyOf(slip).key, ticketSignature: t.signature };
    const { client } = this.link;
    try {
      return await this.#settle(slip, () => client.submit(claimTx(this.link.chain, client.expiry(), fields, claimKey)));
    } catch (e) {
      // A ticket that was refused for good stays so: the next try brings a new key.
      if (e instanceof Refusal && e.final) await this.link.store.delete(row);
      throw e;
    }
  }

  /** offer makes a gift; its link follows from the wallet's words, so that it can be taken back after a loss. */
  async offer(slip: Slip, days: number): Promise<Slip> {
    const { client, chain } = this.link;
    const c = await client.coupon(slip.id);
    const gift = sdk.giftOf(chain, c, this.purse.keys.secret());
    const untilMs = Math.min(client.nowMs() + days * dayMs - 60_000, c.until);
    const offered = await this.#put({
      ...slip,
      refusal: undefined,
      pending: { what: "offer", expiresMs: client.expiry() },
      gift: { fragment: linkFragment(chain, gift), untilMs },
    });
    return this.#settle(offered, () => sdk.offerGift(client, c, this.keyOf(slip), gift, untilMs));
  }

  /** takeBack ends a gift that nobody has accepted. */
  async takeBack(slip: Slip): Promise<Slip> {
    const { client } = this.link;
    const c = await client.coupon(slip.id);
    return this.#settle(slip, () => sdk.refresh(client, c, this.keyOf(slip)));
  }

  /** accept takes a gift for a fresh key. */
  async accept(gift: GiftPayload): Promise<Slip> {
    const campaign = campaignOf(gift.coupon);
    const known = await this.purse.slip(gift.coupon);
    const n = known?.state === "pending" ? known.n : await this.purse.fresh(campaign, false);
    const slip = await this.#expected(gift.coupon, "accept", n);
    return this.#settle(slip, () => sdk.acceptGift(this.link.client, gift, this.keyOf(slip).key));
  }

  /** showValue is the most that a shown code of a coupon may take; 0 = it cannot be shown. */
  showValue(slip: Slip): bigint {
    const terms = this.terms.value.get(campaignOf(slip.id));
    if (!terms) return 0n;
    const most = largestValue(terms, slip.valueLeft);
    return most < terms.showMax ? most : terms.showMax;
  }

  /** authLimitMs is the latest time to which anything is signed now: what is good for longer can be used later. */
  authLimitMs(): number {
    return this.link.nowMs() + Math.min(this.link.genesis.holderLifeMs, authLifeMaxMs);
  }

  /** showCode signs a code without any network. lifeMs is for how long it is good. */
  showCode(slip: Slip, lifeMs = sdk.showLifeMs): AuthPayload {
    const terms = this.terms.value.get(campaignOf(slip.id));
    const merchant = terms ? onlyMember(terms) : 0;
    const endMs = Math.min(this.link.nowMs() + lifeMs, this.authLimitMs());
    const nowMs = endMs - sdk.showLifeMs;
    return sdk.showCode(this.link.chain, slip, this.keyOf(slip), { value: this.showValue(slip), merchant, nowMs });
  }

  /** shortCode registers a code at every node that answers, and returns what is read out. */
  async shortCode(code: AuthPayload): Promise<{ code: string; expiresMs: number }> {
    const body = JSON.stringify({ auths: [btoa(String.fromCharCode(...encodePayload(this.link.chain, code)))] });
    const answers = await Promise.allSettled(
      this.link.nodes.map(async (node) => {
        const a = await fetch(`${node}/v1/codes`, {
          method: "POST",
          body,
          credentials: "omit",
          headers: { "Content-Type": "application/json" },
          signal: AbortSignal.timeout(deskMs),
        });
        if (!a.ok) throw new Error(`${node} answers ${a.status}`);
        const parsed = (await a.json()) as { code?: unknown; expires?: { ms?: unknown } };
        if (typeof parsed.code !== "string" || parsed.code.length > 16) throw new Error("not a short code");
        return { code: parsed.code, expiresMs: Number(parsed.expires?.ms) || code.auth.expires };
      }),
    );
    const first = answers.find((a) => a.status === "fulfilled");
    if (!first) throw new DeskRefusal("away", 0);
    return first.value;
  }

  /** pay redeems a coupon on a till's invoice. */
  async pay(slip: Slip, invoice: InvoicePayload, value: bigint): Promise<Slip> {
    const { client } = this.link;
    const c = await client.coupon(slip.id);
    const auth = sdk.authorizeInvoice(client, c, this.keyOf(slip), invoice, value);
    return this.#settle(slip, () => sdk.redeemInvoice(client, invoice, auth));
  }

  /** refresh brings a slip in step with the ledger, by proofs. */
  async refresh(id: bigint): Promise<Slip | undefined> {
    const old = await this.purse.slip(id);
    if (!old) return undefined;
    let c: ProvenCoupon;
    try {
      c = await this.link.client.coupon(id);
    } catch (e) {
      if (e instanceof NotFound && old.pending && e.timeMs > old.pending.expiresMs + expiryMarginMs) {
        await this.#failed(old, new Refusal("", "lapsed", {}));
        return undefined;
      }
      throw e;
    }
    const campaign = campaignOf(id);
    await this.#remember(campaign, c.terms);
    const n = await this.#owning(campaign, old.n, c.owner);
    const nowMs = this.link.nowMs();
    const lapsed = old.pending !== undefined && c.state.timeMs > old.pending.expiresMs + expiryMarginMs;
    const state = standing(c, n !== undefined, nowMs);
    const taken = state === "given" && old.pending?.what !== "claim";
    const waits = old.pending && !lapsed && (taken || (old.pending.what === "offer" && state === "usable"));
    const issuer = old.issuer || (await this.link.member(c.campaign.issuer));
    return this.#put({
      ...old,
      n: n ?? old.n,
      state: waits ? (state === "given" ? "pending" : state) : state,
      title: c.terms.title,
      issuer,
      valueLeft: c.terms.valueKind === "STORED" ? c.valueLeft : c.terms.face,
      usesLeft: c.usesLeft,
      seq: c.seq,
      untilMs: c.until,
      seenMs: Date.now(),
      height: c.state.height,
      proof: this.link.proof(c.state),
      gift: state === "offered" && c.gift ? { fragment: this.#giftFragment(old, c), untilMs: c.gift.until } : undefined,
      pending: waits ? old.pending : undefined,
      refusal: undefined,
      uses: (n !== undefined && c.seq !== old.seq) || old.height === 0 ? await this.#uses(id, old.uses) : old.uses,
    });
  }

  /** giftFragment is the link's part of a gift that is open; a wallet that was restored makes it again. */
  #giftFragment(old: Slip, c: ProvenCoupon): string {
    if (old.gift) return old.gift.fragment;
    return linkFragment(
      this.link.chain,
      sdk.giftOf(this.link.chain, { id: c.id, seq: c.seq - 1 }, this.purse.keys.secret()),
    );
  }

  /** owning returns the number of the wallet's key that is a coupon's owner. */
  async #owning(campaign: number, first: number, owner: Uint8Array): Promise<number | undefined> {
    if (equalKeys(this.purse.key(campaign, first).key, owner)) return first;
    const end = await this.purse.next(campaign);
    for (let n = 0; n < end; n++) if (equalKeys(this.purse.key(campaign, n).key, owner)) return n;
    return undefined;
  }

  /** uses are the redemptions of a coupon, each proven by its row. */
  async #uses(id: bigint, known: readonly Use[]): Promise<Use[]> {
    try {
      const steps = await this.link.client.history(id);
      const redeemed = steps.filter((s) => s.type === "redemption.accrued").slice(-usesMax);
      const uses = await Promise.all(
        redeemed.map(async (s) => {
          const seq = s.effect.seq ?? 0;
          const r = await this.link.client.redemption(id, seq);
          return {
            seq,
            atMs: r.at,
            value: r.value,
            shop: await this.link.tillName(r.tillKey),
            voided: r.standing === "VOIDED",
          };
        }),
      );
      return uses.reverse();
    } catch {
      return [...known]; // the next refresh asks again
    }
  }

  /** refreshAll refreshes what can still change. */
  async refreshAll(): Promise<void> {
    const open = this.#slips.value.filter(isOpen);
    const results = await Promise.allSettled(open.map((s) => this.refresh(s.id)));
    const failed = results.find((r) => r.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** take notes a coupon under a key of the wallet, if the ledger says so; true = it is new and can be used. */
  async take(id: bigint, n: number): Promise<boolean> {
    const known = await this.purse.slip(id);
    // One that was given away may have come back, to a key that another device gave out.
    if (known && (known.state !== "given" || known.n === n)) return false;
    await this.purse.put(known ? { ...known, n } : { ...unknownSlip, id, n });
    let slip: Slip | undefined;
    try {
      slip = await this.refresh(id);
    } catch (e) {
      if (!(e instanceof NotFound)) throw e; // it may be there: who looks has to look again
    } finally {
      if (!known && (!slip || slip.state === "given")) await this.purse.forget(id);
      await this.#show();
    }
    return slip !== undefined && isOpen(slip);
  }

  /** finishScan looks for what a wallet that was just brought in holds. */
  async finishScan(): Promise<void> {
    const wanted = await this.purse.toScan();
    if (!wanted || this.looking.now.value || this.filling.value) return;
    this.filling.value = true;
    try {
      for (const u of wanted.used) await this.take(u.id, u.n);
    } catch (e) {
      this.#missed.value = e; // an empty wallet would say that it has none
      throw e;
    } finally {
      this.filling.value = false;
    }
    await this.look();
    await this.purse.scanned();
  }

  /** lookOn goes on with a look that came to no end. */
  async lookOn(): Promise<void> {
    await ((await this.purse.toScan()) ? this.finishScan() : this.look());
  }

  /** look looks for coupons that this device does not know, as far as is asked, and remembers why it could not. */
  async look(far = false): Promise<void> {
    try {
      await this.looking.run({ far });
      this.#missed.value = undefined;
    } catch (e) {
      this.#missed.value = e;
      throw e;
    }
  }

  async hide(slip: Slip, hidden: boolean): Promise<void> {
    await this.#put({ ...slip, hidden });
  }

  /** serial is the coupon's number in its campaign. */
  static serial(slip: Slip): number {
    return serialOf(slip.id);
  }
}

/** askDesk brings a claim key to a ticket desk. */
async function askDesk(desk: string, campaign: number, claimKey: Uint8Array) {
  let answer: Response;
  try {
    answer = await fetch(`${desk}/v1/tickets`, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ campaign, claim_key: hex(claimKey) }),
      signal: AbortSignal.timeout(deskMs),
    });
  } catch {
    throw new DeskRefusal("away", 0);
  }
  if (answer.status === 429) throw new DeskRefusal("busy", Number(answer.headers.get("Retry-After")) || 5);
  if (answer.status === 503) throw new DeskRefusal("away", 0);
  if (!answer.ok) throw new DeskRefusal("refused", 0);
  const a = (await answer.json()) as {
    campaign: number;
    batch: number;
    serial: number;
    expires: { ms: string };
    ticket_key: string;
    signature: string;
  };
  const ticket = {
    campaign,
    batch: Number(a.batch),
    serial: Number(a.serial),
    claimKey,
    expires: Number(a.expires?.ms),
  };
  return { ticket, ticketKey: decodeKey("ticket", String(a.ticket_key)), signature: fromBase64(String(a.signature)) };
}
