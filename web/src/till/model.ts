/**
 * What a till does: it takes codes, hands them in, and says "accepted" only after
 * it has verified the certificate itself. Every attempt is kept before it is sent
 * and goes on after a restart with the same bytes, so that nothing is taken twice.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import {
  Client,
  NotFound,
  OutcomeUnknown,
  Refusal,
  Unreachable,
  type ProvenTill,
  type Receipt,
} from "@scrip/sdk/client";
import { makeInvoice, voidRedemption } from "@scrip/sdk/actions";
import { base64url, equal, fromBase64, fromBase64url, hex, isZero } from "@scrip/sdk/bytes";
import { loginHeader, sleep } from "@scrip/sdk/http";
import { encodeKey, SecretKey } from "@scrip/sdk/keys";
import { decodePayload, encodePayload, parsePayload, type AuthPayload, type InvoicePayload } from "@scrip/sdk/links";
import {
  basketHash,
  campaignOf,
  clipBasis,
  goodAt,
  invoiceDigest,
  itemKind,
  randomBytes,
  redeemInvoiceTx,
  redeemShowTx,
  Right,
  type Terms,
} from "@scrip/sdk/transactions";
import { Verifier } from "@scrip/sdk/verify";
import type { Link } from "../kit/chain.ts";
import type { Currency } from "../kit/format.ts";
import { codeOf } from "../kit/refusal/refusal.ts";
import { readScan } from "../kit/scan/wedge.ts";
import { looksTyped, readShortCode } from "../kit/shortcode.ts";
import { Bills, type OpenBill } from "./bills.ts";
import { dayStart, saleId, Sales, type Sale } from "./sales.ts";
import { couponOf, judge, lifeMs, usedBy, type Bad } from "./scan.ts";

const invoiceLifeMs = 120_000;
const codeMs = 4000;
const codeRounds = 3;
const againMs = 1000;
/** How long a scan is tried while the nodes cannot answer: a shown code does not live longer. */
const scanMs = 60_000;
const dayMs = 86_400_000;
const namedMs = 60_000;
const namedMax = 200;
const campaignsAtOnce = 500;
/** How far back a till looks that was closed for long, and how new a customer's redemption is to be shown large. */
const lookBackMs = 7 * dayMs;
const freshMs = 600_000;
const takingsAtOnce = 500;
/** How often a till asks what the ledger has of it, while a customer may answer a bill and at other times. */
const askMs = 2000;
const askRarelyMs = 15_000;

/** Scanned is what a code is: something to take, or why not. */
export type Scanned = { kind: "code"; auth: AuthPayload } | Bad;

/** Answer is a customer's authorisation of a bill of this till, which needs nothing more. */
export interface Answer {
  kind: "answer";
  auth: AuthPayload;
  title: string;
  bill: OpenBill;
}

/** Asked is what the cashier still has to say about a bill. */
export interface Asked {
  kind: "asked";
  auth: AuthPayload;
  terms: Terms;
  item: boolean;
}

/** Wanted is what a bill is for: any coupon, or those of one campaign. */
export interface Wanted {
  campaign: number;
  terms: Terms | undefined;
}

/** What every sale begins with. */
const blank = { state: "waiting", value: 0n, finalAtMs: 0, code: "", tookMs: 0, signers: 0 } as const;

export class Till {
  readonly client: Client;
  readonly sales: Sales;
  readonly bills: Bills;
  readonly #record = signal<ProvenTill | undefined>(undefined);
  /** The till's proven row. */
  readonly record: ReadonlySignal<ProvenTill | undefined> = this.#record;
  readonly shop = signal("");
  #named: { all: Promise<Wanted[]>; atMs: number } | undefined;
  readonly #finding = new Map<string, Promise<void>>();
  #onSale: (sale: Sale) => void = () => undefined;

  readonly #clientOf: (node: string) => Client;

  /** clients are those that a test brings instead of the chain's. */
  constructor(
    readonly link: Link,
    readonly key: SecretKey,
    clients?: { all: Client; of: (node: string) => Client },
  ) {
    this.#clientOf = clients?.of ?? ((node) => new Client(this.client.verifier, [node], { clock: link.clock }));
    this.client =
      clients?.all ??
      new Client(new Verifier(link.genesis), link.nodes, {
        till: key,
        clock: link.clock,
        streams: link.streams,
        patienceMs: 500,
      });
    this.sales = new Sales(link.store);
    this.bills = new Bills(link.store);
  }

  /** load shows what the device remembers. */
  async load(): Promise<void> {
    await this.sales.load();
    await this.bills.load();
    this.#record.value = await this.link.store.get<ProvenTill>("record");
    this.shop.value = (await this.link.store.get<string>("shop")) ?? "";
  }

  /** check reads the till's own row, proven. It throws NotFound while the till is not registered. */
  async check(): Promise<ProvenTill> {
    const record = await this.client.till(this.key.key);
    // Kept before it is shown: a till that was seen open opens without a network.
    await this.link.store.set("record", record);
    this.#record.value = record;
    const shop = await this.link.member(record.member);
    await this.link.store.set("shop", shop);
    this.shop.value = shop;
    return record;
  }

  get currency(): Currency & { number: number } {
    const record = this.#record.value;
    return this.link.currency(record?.currency ?? this.link.genesis.currencies[0]?.number ?? 0);
  }

  /**
   * ready reads a scanned text and what must be known of the bill. While the nodes cannot
   * answer it tries again, as long as a shown code may live and goesOn says so.
   */
  async ready(text: string, goesOn: () => boolean): Promise<Bad | Answer | Asked> {
    const endMs = Date.now() + scanMs;
    for (;;) {
      const late = Date.now() > endMs;
      try {
        const scanned = await this.read(text);
        if (scanned.kind === "code") return await this.#asks(scanned.auth);
        if (scanned.code !== "no_quorum" || late) return scanned;
      } catch (e) {
        if (!(e instanceof Unreachable) || late) throw e;
      }
      if (!goesOn()) return { kind: "bad", code: "no_quorum" };
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }

  /** read says what a scanned or typed text is; a typed code is asked for at the nodes. */
  async read(raw: string): Promise<Scanned> {
    const text = readScan(raw);
    if (text === undefined) return { kind: "bad", code: "scanner" };
    const short = readShortCode(text);
    if (short) return this.#byShortCode(short);
    if (looksTyped(text)) return { kind: "bad", code: "E101" };
    try {
      return this.#scanned(parsePayload(this.link.chain, text));
    } catch (e) {
      return { kind: "bad", code: codeOf(e) };
    }
  }

  #scanned(p: ReturnType<typeof parsePayload>): Scanned {
    if (p.type !== "auth") return { kind: "bad", code: "E101" };
    return { kind: "code", auth: p };
  }

  async #byShortCode(code: string): Promise<Scanned> {
    let found = "";
    for (const node of [...this.link.nodes, ...this.link.nodes].slice(0, codeRounds * this.link.nodes.length)) {
      const path = `/v1/codes/${code}`;
      const header = loginHeader(this.link.chain, this.key, "GET", path, new Uint8Array(), this.link.nowMs());
      try {
        const a = await fetch(node + path, {
          headers: { Authorization: header },
          credentials: "omit",
          signal: AbortSignal.timeout(codeMs),
        });
        if (!a.ok) {
          found = a.status === 404 ? "E301" : "no_quorum";
          continue;
        }
        const auths = ((await a.json()) as { auths?: unknown }).auths;
        const first: unknown = Array.isArray(auths) ? auths[0] : undefined;
        return this.#scanned(decodePayload(this.link.chain, fromBase64(String(first))));
      } catch {
        found ||= "no_quorum";
      }
    }
    return { kind: "bad", code: found };
  }

  /** asks returns what must be known of the bill before a code can be taken, or why it cannot be. */
  async #asks(auth: AuthPayload): Promise<Asked | Answer | Bad> {
    const bill = auth.auth.mode === "INVOICE" ? this.bills.of(hex(auth.auth.invoiceDigest)) : undefined;
    if (auth.auth.mode === "INVOICE" && !bill) return { kind: "bad", code: "E511" };
    const c = await couponOf(this.client, auth, () => sleep(againMs));
    if (!c) return { kind: "bad", code: "E301" };
    const why = await judge(this.link, this.client, this.#record.value ?? (await this.check()), auth, c);
    if (why) return why;
    const { terms } = c;
    return bill
      ? { kind: "answer", auth, title: terms.title, bill }
      : { kind: "asked", auth, terms, item: itemKind(terms) };
  }

  /** take hands in a shown code on a bill. It returns as soon as the attempt is kept; `done` is its outcome. */
  async take(
    asked: Asked,
    bill: bigint,
    startMs: number,
    billKnown = true,
  ): Promise<{ sale: Sale; done: Promise<Sale> }> {
    const { auth } = asked.auth;
    if (auth.mode !== "SHOW") throw new TypeError("not a shown code");
    const [qty, unit] = asked.item ? [1, bill] : [0, 0n];
    const invoice = {
      campaign: campaignOf(auth.coupon),
      currency: asked.terms.currency,
      basis: clipBasis(asked.terms, bill, qty, unit),
      qty,
      unit,
      basketHash: basketHash(randomBytes(16), new Uint8Array()),
      expires: this.link.nowMs() + Math.min(invoiceLifeMs, lifeMs(this.link.genesis)),
    };
    const raw = redeemShowTx(this.link.chain, invoice, this.key, auth, asked.auth.signature);
    const digest = hex(invoiceDigest(this.link.chain, { ...invoice, tillKey: this.key.key }));
    const facts = { title: asked.terms.title, bill: billKnown ? bill : 0n, item: asked.item, digest };
    return this.#attempt(raw, auth, facts, startMs);
  }

  /** answer hands in a customer's authorisation of a bill, as take does. */
  async answer(a: Answer, startMs: number): Promise<{ sale: Sale; done: Promise<Sale> }> {
    const { auth } = a.auth;
    if (auth.mode !== "INVOICE") throw new TypeError("not the answer to a bill");
    const bill = decodePayload(this.link.chain, fromBase64url(a.bill.fragment)) as InvoicePayload;
    const raw = redeemInvoiceTx(this.link.chain, bill.invoice, bill.signature, auth, a.auth.signature);
    const facts = { title: a.title, bill: a.bill.amount, item: a.bill.item, digest: a.bill.digest };
    return this.#attempt(raw, auth, facts, startMs);
  }

  /** attempt keeps what is going to be handed in, and then hands it in. */
  async #attempt(
    raw: Uint8Array,
    auth: AuthPayload["auth"],
    facts: Pick<Sale, "title" | "bill" | "item"> & { digest: string },
    startMs: number,
  ): Promise<{ sale: Sale; done: Promise<Sale> }> {
    const { id } = this.client.verifier.checkTx(raw);
    const { coupon, seq } = auth;
    const sale = await this.sales.keep({ ...blank, id, atMs: this.link.nowMs(), coupon, seq, raw, ...facts });
    return { sale, done: this.#resolve(sale, startMs) };
  }

  /**
   * resolve hands the bytes in until there is an outcome, however long the network is away. A "no"
   * that the ledger has not recorded counts only once no block can take the bytes any more.
   */
  async #resolve(sale: Sale, startMs: number): Promise<Sale> {
    if (!sale.raw) return sale;
    try {
      const receipt = await this.client.submit(sale.raw);
      return await this.#accepted(sale, receipt, startMs);
    } catch (e) {
      const decided = e instanceof Refusal ? e.final : e instanceof OutcomeUnknown && e.lapsed;
      if (!decided) {
        await sleep(askMs);
        return this.#resolve(sale, startMs);
      }
      const signers = e instanceof Refusal ? (e.receipt?.members ?? 0) : 0;
      const code = codeOf(e);
      const used = code === "E509" || code === "E403";
      const about = used
        ? await usedBy(this.link, this.client, this.key.key, sale.coupon, sale.seq).catch(() => undefined)
        : undefined;
      const tookMs = Date.now() - startMs;
      return this.sales.settle({ ...sale, state: "refused", code, about, tookMs, signers, raw: undefined });
    }
  }

  async #accepted(sale: Sale, receipt: Receipt, startMs: number): Promise<Sale> {
    const effect = receipt.outcome.effect;
    if (effect?.kind !== "Redeem") throw new TypeError("the receipt is not that of a redemption");
    if (sale.digest) await this.bills.close(sale.digest).catch(() => undefined);
    return this.sales.settle({
      ...sale,
      state: "accepted",
      value: effect.value,
      seq: effect.seq,
      finalAtMs: effect.finalAt,
      tookMs: Date.now() - startMs,
      signers: receipt.members,
      raw: undefined,
    });
  }

  /**
   * resume goes on with attempts whose outcome was open when the page was closed, and
   * returns the newest with its outcome.
   */
  resume(): { sale: Sale; done: Promise<Sale> } | undefined {
    const open = this.sales.all.value.filter((s) => s.state === "waiting");
    const all = open.map((sale) => ({ sale, done: this.#resolve(sale, sale.atMs) }));
    // The newest is the caller's; the list shows what became of the others.
    for (const { done } of all.slice(1)) done.catch(() => undefined);
    return all[0];
  }

  /** named are the campaigns whose coupons are good here now and that a bill must name, proven; at most a minute old. */
  named(): Promise<Wanted[]> {
    const kept = this.#named;
    if (kept && Date.now() - kept.atMs < namedMs) return kept.all;
    const all = this.#listNamed();
    all.catch(() => (this.#named = undefined));
    this.#named = { all, atMs: Date.now() };
    return all;
  }

  async #listNamed(): Promise<Wanted[]> {
    const till = this.#record.value ?? (await this.check());
    const nowMs = this.link.nowMs();
    const any = ["AMOUNT", "PERCENT", "STORED"];
    const listed: number[] = [];
    let cursor: string | undefined;
    do {
      const query = { shop: till.member, newest: "true", limit: campaignsAtOnce, cursor };
      const page = await this.client.read("PageCampaignAnswer", "/v1/campaigns", query);
      for (const { id, terms, last_use: last } of page.items) {
        const named = !any.includes(terms.kind) || terms.product_hash !== undefined;
        if (named && nowMs < Number(last.ms)) listed.push(id);
      }
      cursor = page.next_cursor;
    } while (cursor && listed.length < namedMax);
    const proven = await Promise.all(listed.map((n) => this.link.campaign(n, namedMs)));
    return proven
      .filter(({ terms }) => (itemKind(terms) || !isZero(terms.productHash)) && terms.currency === till.currency)
      .filter(({ terms }) => goodAt(terms, till.member, till.store))
      .map(({ number, terms }) => ({ campaign: number, terms }));
  }

  /** bill makes the code that a customer scans: for any coupon, or for those of a campaign, which item kinds need. */
  async bill(wanted: Wanted, amount: bigint): Promise<OpenBill> {
    const item = wanted.terms !== undefined && itemKind(wanted.terms);
    const payload = makeInvoice(this.client, this.key, {
      basis: amount,
      currency: wanted.terms?.currency ?? this.currency.number,
      campaign: wanted.campaign,
      ...(item ? { qty: 1, unit: amount } : {}),
    });
    const bill = {
      digest: hex(invoiceDigest(this.link.chain, payload.invoice)),
      fragment: base64url(encodePayload(this.link.chain, payload)),
      campaign: wanted.campaign,
      title: wanted.terms?.title ?? "",
      amount,
      item,
      madeMs: this.link.nowMs(),
      expiresMs: payload.invoice.expires,
      shown: true,
    };
    for (const b of this.bills.open) if (b.shown) await this.bills.keep({ ...b, shown: false });
    await this.bills.keep(bill);
    return bill;
  }

  /**
   * follow keeps the list in step with what the ledger says of this till: redemptions that a
   * customer handed in, undone ones, and the till's own end. It hears of them by events, and asks
   * besides, as events may not get through. onSale is told of redemptions on the till's bills.
   */
  async follow(stop: AbortSignal, onSale: (sale: Sale) => void): Promise<void> {
    this.#onSale = onSale;
    await this.check();
    const asking = this.#ask(stop);
    try {
      for (;;) {
        await this.#hear(stop).catch(() => stop.throwIfAborted());
        await sleep(askMs, stop);
      }
    } finally {
      await asking;
    }
  }

  async #hear(stop: AbortSignal): Promise<void> {
    const params = await this.client.params({ signal: stop });
    const from = { height: params.state.height + 1, tx: 0, index: 0 };
    for await (const e of this.client.events(from, { till: this.key.key }, { signal: stop })) {
      const effect = e.outcome.effect;
      if (effect?.kind === "Redeem") await this.#found(effect.coupon, effect.seq);
      if (effect?.kind === "Void") await this.#undone(effect.coupon, effect.seq, e.timeMs);
      if (e.type === "till.revoked" || e.type === "till.added") await this.check();
    }
  }

  /** ask looks at the ledger from time to time, however the stream of events does. */
  async #ask(stop: AbortSignal): Promise<void> {
    let last = 0;
    while (!stop.aborted) {
      if (this.bills.open.length > 0 || Date.now() - last >= askRarelyMs) {
        last = Date.now();
        await this.look().catch(() => undefined); // the next one asks again
      }
      await sleep(askMs, stop).catch(() => undefined);
    }
  }

  /** look asks what the ledger has of this till since it was asked last, at first since the day began. */
  async look(): Promise<void> {
    const { store } = this.link;
    const nowMs = this.link.nowMs();
    const kept = (await store.get<number>("looked")) ?? 0;
    const fromMs = kept > 0 ? Math.max(kept, nowMs - lookBackMs) : dayStart(nowMs);
    const seenMs = await this.#takings(this.client, fromMs, 0);
    // What the node says of its time is bounded by what is proven.
    const upTo = Math.min(seenMs, this.#record.value?.state.timeMs ?? 0);
    if (upTo > kept) await store.set("looked", upTo);
    for (const b of this.bills.open) if (!b.shown && (await this.unused(b))) await this.bills.close(b.digest);
  }

  /** takings reads what a node lists of this till, proves each, and returns the time of the list. */
  async #takings(client: Client, fromMs: number, minHeight: number): Promise<number> {
    const { member } = this.#record.value ?? (await this.check());
    const own = encodeKey("till", this.key.key);
    const path = `/v1/members/${member}/takings`;
    let query: Record<string, string | number | undefined> = { from: fromMs, limit: takingsAtOnce };
    if (minHeight > 0) query["min_height"] = minHeight;
    for (;;) {
      const page = await client.read("PageTakingAnswer", path, query);
      for (const x of page.items.filter((y) => y.till === own)) {
        const coupon = BigInt(x.coupon);
        if (x.type === "redemption.accrued") await this.#found(coupon, x.seq);
        else await this.#undone(coupon, x.seq, Number(x.time.ms));
      }
      if (!page.next_cursor) return Number(page.time.ms);
      query = { from: fromMs, limit: takingsAtOnce, cursor: page.next_cursor };
    }
  }

  /** found adds a redemption at this till, of which a node has told, once it is proven. */
  #found(coupon: bigint, seq: number): Promise<void> {
    const id = saleId("redeemed", coupon, seq);
    const running = this.#finding.get(id);
    if (running) return running;
    const finding = this.#prove(id, coupon, seq).finally(() => this.#finding.delete(id));
    this.#finding.set(id, finding);
    return finding;
  }

  async #prove(id: string, coupon: bigint, seq: number): Promise<void> {
    if (this.sales.of("accepted", coupon, seq)) return;
    const row = await this.client.redemption(coupon, seq);
    if (!equal(row.tillKey, this.key.key)) return;
    const digest = hex(row.invoiceDigest);
    // An attempt of this till's own finds its outcome by itself.
    if (this.sales.all.value.some((s) => s.digest === digest && s.state === "waiting")) return;
    const bill = this.bills.of(digest);
    const { terms } = await this.link.campaign(campaignOf(coupon), dayMs);
    if (this.sales.of("accepted", coupon, seq)) return;
    const sale = await this.sales.settle({
      ...blank,
      id,
      state: "accepted",
      atMs: row.at,
      coupon,
      seq,
      title: terms.title,
      value: row.value,
      bill: bill?.amount ?? 0n,
      item: bill?.item ?? false,
      finalAtMs: row.finalAt,
      signers: row.state.members,
    });
    if (!bill) return;
    await this.bills.close(digest);
    if (this.link.nowMs() - row.at < freshMs) this.#onSale(sale);
  }

  async #undone(coupon: bigint, seq: number, atMs: number): Promise<void> {
    if (this.sales.of("undone", coupon, seq)) return;
    await this.#found(coupon, seq);
    const sale = this.sales.of("accepted", coupon, seq);
    if (sale && (await this.client.redemption(coupon, seq)).standing === "VOIDED") await this.sales.undo(sale, atMs);
  }

  /**
   * unused tells that no coupon can be used on a bill any more, as the chain's proven time is beyond its
   * end, and that f+1 nodes list none that was: their word. While they cannot be asked it is false.
   */
  async unused(bill: OpenBill): Promise<boolean> {
    const { state } = await this.client.params();
    if (state.timeMs < bill.expiresMs) return false;
    const enough = Math.min(this.client.verifier.committee.weakQuorum, this.client.nodes.length);
    const some = this.client.nodes.slice(0, 2 * enough + 1);
    const asked = await Promise.allSettled(
      some.map((node) => this.#takings(this.#clientOf(node), bill.madeMs - invoiceLifeMs, state.height)),
    );
    const answers = asked.filter((a) => a.status === "fulfilled").length;
    return answers >= enough && this.bills.of(bill.digest) !== undefined;
  }

  /** mayUndo tells whether the till's own key may undo its redemptions. */
  mayUndo(): boolean {
    return ((this.#record.value?.rights ?? 0) & (Right.voidOwn | Right.voidAny)) !== 0;
  }

  /** undo voids a redemption, with the manager's key if there is one. */
  async undo(sale: Sale, manager: Uint8Array): Promise<Sale> {
    const signer = manager.length === 32 ? new SecretKey("till", manager) : this.key;
    try {
      const { receipt } = await voidRedemption(this.client, signer, sale.coupon, sale.seq);
      return await this.sales.undo(sale, receipt.timeMs);
    } catch (e) {
      // Undone elsewhere before: the ledger says when.
      if (codeOf(e) === "E512") await this.look().catch(() => undefined);
      throw e;
    }
  }
}

/** registered tells whether a till key is known to the ledger yet. */
export async function registered(till: Till): Promise<ProvenTill | undefined> {
  try {
    return await till.check();
  } catch (e) {
    if (e instanceof NotFound) return undefined;
    throw e;
  }
}
