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
import { makeInvoice, redeemInvoice } from "@scrip/sdk/actions";
import { base64url, equal, fromBase64, hex } from "@scrip/sdk/bytes";
import { loginHeader } from "@scrip/sdk/http";
import { SecretKey } from "@scrip/sdk/keys";
import { decodePayload, encodePayload, parsePayload, type AuthPayload, type InvoicePayload } from "@scrip/sdk/links";
import {
  basketHash,
  campaignOf,
  clipBasis,
  invoiceDigest,
  itemKind,
  randomBytes,
  redeemShowTx,
  Right,
  voidTx,
  type Terms,
} from "@scrip/sdk/transactions";
import { Verifier } from "@scrip/sdk/verify";
import type { Link } from "../kit/chain.ts";
import type { Currency } from "../kit/format.ts";
import { codeOf } from "../kit/refusal/refusal.ts";
import { looksTyped, readShortCode } from "../kit/shortcode.ts";

const invoiceLifeMs = 120_000;
const graceMs = 5000;
const codeMs = 4000;
const codeRounds = 3;
const againMs = 1000;
/** How long a scan is tried while the nodes cannot answer: a shown code does not live longer. */
const scanMs = 60_000;
const dayMs = 86_400_000;
const salesMax = 2000; // the ledger has them all

/** Sale is one attempt at this till; amounts are minor units, times Unix ms. */
export interface Sale {
  /** Of the transaction, or of the redemption where the customer handed it in. */
  id: string;
  state: "waiting" | "accepted" | "refused" | "voided";
  atMs: number;
  coupon: bigint;
  seq: number;
  title: string;
  value: bigint;
  /** The bill, 0 if it is not known. */
  bill: bigint;
  finalAtMs: number;
  code: string;
  /** From the scan, or the last key, to the verified outcome. */
  tookMs: number;
  /** Members whose signatures were verified. */
  signers: number;
  /** The bytes that were handed in, while the outcome is open. */
  raw?: Uint8Array | undefined;
}

/** Open is an invoice that a customer may still answer. */
interface Open {
  digest: string;
  bill: bigint;
  madeMs: number;
  expiresMs: number;
}

/** Scanned is what a code is: something to take, or why not. */
export type Scanned =
  { kind: "show"; auth: AuthPayload } | { kind: "answer"; auth: AuthPayload } | { kind: "bad"; code: string };

/** Asked is what the cashier still has to say about a bill. */
export interface Asked {
  kind: "asked";
  auth: AuthPayload;
  terms: Terms;
  item: boolean;
}

const saleKey = (id: string) => `sale/${id}`;

export class Till {
  readonly client: Client;
  readonly #sales = signal<readonly Sale[]>([]);
  readonly sales: ReadonlySignal<readonly Sale[]> = this.#sales;
  readonly #record = signal<ProvenTill | undefined>(undefined);
  /** The till's proven row. */
  readonly record: ReadonlySignal<ProvenTill | undefined> = this.#record;
  readonly shop = signal("");
  #open: Open[] = [];
  #invoice: InvoicePayload | undefined;

  constructor(
    readonly link: Link,
    readonly key: SecretKey,
  ) {
    this.client = new Client(new Verifier(link.genesis), link.nodes, {
      till: key,
      clock: link.clock,
      patienceMs: 500,
    });
  }

  /** load shows what the device remembers. */
  async load(): Promise<void> {
    const sales = (await this.link.store.list<Sale>("sale/")).sort((a, b) => b.atMs - a.atMs);
    this.#sales.value = sales.slice(0, salesMax);
    for (const old of sales.slice(salesMax)) await this.link.store.delete(saleKey(old.id));
    this.#open = (await this.link.store.get<Open[]>("open")) ?? [];
    this.#record.value = await this.link.store.get<ProvenTill>("record");
    this.shop.value = (await this.link.store.get<string>("shop")) ?? "";
  }

  /** check reads the till's own row, proven. It throws NotFound while the till is not registered. */
  async check(): Promise<ProvenTill> {
    const record = await this.client.till(this.key.key);
    this.#record.value = record;
    this.shop.value = await this.link.member(record.member);
    await this.link.store.set("record", record);
    await this.link.store.set("shop", this.shop.value);
    return record;
  }

  get currency(): Currency & { number: number } {
    const record = this.#record.value;
    return this.link.currency(record?.currency ?? this.link.genesis.currencies[0]?.number ?? 0);
  }

  /** today are the accepted sales of the device's present day. */
  today(nowMs: number): Sale[] {
    const start = new Date(nowMs).setHours(0, 0, 0, 0);
    return this.#sales.value.filter(
      (s) => s.state === "accepted" && s.atMs >= start && s.atMs < start + dayMs + 3_600_000,
    );
  }

  async #keep(sale: Sale): Promise<Sale> {
    await this.link.store.set(saleKey(sale.id), sale);
    const others = this.#sales.value.filter((s) => s.id !== sale.id);
    this.#sales.value = [sale, ...others].sort((a, b) => b.atMs - a.atMs);
    return sale;
  }

  /**
   * ready reads a scanned text and what must be known of the bill. While the nodes cannot
   * answer it tries again, as long as a shown code may live and goesOn says so.
   */
  async ready(text: string, goesOn: () => boolean): Promise<Exclude<Scanned, { kind: "show" }> | Asked> {
    const endMs = Date.now() + scanMs;
    for (;;) {
      const late = Date.now() > endMs;
      try {
        const scanned = await this.read(text);
        if (scanned.kind === "show") return await this.asks(scanned.auth);
        if (scanned.kind !== "bad" || scanned.code !== "no_quorum" || late) return scanned;
      } catch (e) {
        if (!(e instanceof Unreachable) || late) throw e;
      }
      if (!goesOn()) return { kind: "bad", code: "no_quorum" };
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }

  /** read says what a scanned or typed text is; a typed code is asked for at the nodes. */
  async read(text: string): Promise<Scanned> {
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
    if (this.link.nowMs() >= p.auth.expires) return { kind: "bad", code: "E104" };
    return { kind: p.auth.mode === "SHOW" ? "show" : "answer", auth: p };
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

  /** asks returns what must be known of the bill before a shown code can be taken. */
  async asks(auth: AuthPayload): Promise<Asked> {
    const { terms } = await this.link.campaign(campaignOf(auth.auth.coupon), dayMs);
    return { kind: "asked", auth, terms, item: itemKind(terms) };
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
      expires: this.link.nowMs() + invoiceLifeMs,
    };
    const raw = redeemShowTx(this.link.chain, invoice, this.key, auth, asked.auth.signature);
    const tx = this.client.verifier.checkTx(raw);
    const sale = await this.#keep({
      id: tx.id,
      state: "waiting",
      atMs: Date.now(),
      coupon: auth.coupon,
      seq: auth.seq,
      title: asked.terms.title,
      value: 0n,
      bill: billKnown && !asked.item ? bill : 0n,
      finalAtMs: 0,
      code: "",
      tookMs: 0,
      signers: 0,
      raw,
    });
    return { sale, done: this.#resolve(sale, startMs) };
  }

  /**
   * resolve hands the bytes in until there is an outcome, however long the network is
   * away; a "no" counts only when it is final or nobody can accept it later.
   */
  async #resolve(sale: Sale, startMs: number): Promise<Sale> {
    if (!sale.raw) return sale;
    try {
      const receipt = await this.client.submit(sale.raw);
      return await this.#accepted(sale, receipt, startMs);
    } catch (e) {
      if (e instanceof OutcomeUnknown && !e.lapsed) throw e;
      const signers = e instanceof Refusal ? (e.receipt?.members ?? 0) : 0;
      return this.#keep({
        ...sale,
        state: "refused",
        code: codeOf(e),
        tookMs: Date.now() - startMs,
        signers,
        raw: undefined,
      });
    }
  }

  #accepted(sale: Sale, receipt: Receipt, startMs: number): Promise<Sale> {
    const effect = receipt.outcome.effect;
    if (effect?.kind !== "Redeem") throw new TypeError("the receipt is not that of a redemption");
    return this.#keep({
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
    const open = this.#sales.value.filter((s) => s.state === "waiting");
    const all = open.map((sale) => ({ sale, done: this.#resolve(sale, sale.atMs) }));
    // The newest is the caller's; the list shows what became of the others.
    for (const { done } of all.slice(1)) done.catch(() => undefined);
    return all[0];
  }

  /** invoice makes the code that a customer scans. */
  async invoice(bill: bigint): Promise<{ payload: InvoicePayload; fragment: string }> {
    const payload = makeInvoice({ chain: this.link.chain, nowMs: () => this.link.nowMs() }, this.key, {
      basis: bill,
      currency: this.currency.number,
    });
    const digest = hex(invoiceDigest(this.link.chain, payload.invoice));
    const nowMs = this.link.nowMs();
    this.#open = [
      ...this.#open.filter((o) => nowMs < o.expiresMs + dayMs),
      { digest, bill, madeMs: Date.now(), expiresMs: payload.invoice.expires },
    ];
    await this.link.store.set("open", this.#open);
    this.#invoice = payload;
    return { payload, fragment: base64url(encodePayload(this.link.chain, payload)) };
  }

  /** answer takes a customer's authorisation of the invoice that is shown, as a scanned code. */
  async answer(auth: AuthPayload, startMs: number): Promise<Sale> {
    const invoice = this.#invoice;
    if (
      !invoice ||
      auth.auth.mode !== "INVOICE" ||
      !equal(auth.auth.invoiceDigest, invoiceDigest(this.link.chain, invoice.invoice))
    )
      throw new Refusal("", "E511", {});
    const { terms } = await this.link.campaign(campaignOf(auth.auth.coupon), dayMs);
    const done = await redeemInvoice(this.client, invoice, auth);
    return this.#accepted(
      {
        id: done.receipt.id,
        state: "waiting",
        atMs: Date.now(),
        coupon: auth.auth.coupon,
        seq: auth.auth.seq,
        title: terms.title,
        value: 0n,
        bill: invoice.invoice.basis,
        finalAtMs: 0,
        code: "",
        tookMs: 0,
        signers: 0,
      },
      done.receipt,
      startMs,
    );
  }

  /**
   * follow keeps the list in step with what the ledger says of this till: redemptions
   * that a customer handed in, undone ones, and the till's own end. onSale is told of
   * customers' redemptions.
   */
  async follow(stop: AbortSignal, onSale: (sale: Sale) => void): Promise<void> {
    const kept = await this.link.store.get<number>("followed");
    const params = await this.client.params({ signal: stop });
    let height = kept ?? params.state.height;
    // What happened to the till up to here stands in its row, what comes is in the stream.
    await this.check();
    const filter = { till: this.key.key };
    for await (const e of this.client.events({ height: height + 1, tx: 0, index: 0 }, filter, { signal: stop })) {
      if (e.type === "redemption.accrued") await this.#seen(e.receipt, onSale);
      if (e.type === "redemption.voided") await this.#voided(e.receipt);
      if (e.type === "till.revoked" || e.type === "till.added") await this.check();
      if (e.id.height - 1 > height) {
        height = e.id.height - 1;
        await this.link.store.set("followed", height);
      }
    }
  }

  async #seen(receipt: Receipt, onSale: (sale: Sale) => void): Promise<void> {
    const effect = receipt.outcome.effect;
    if (effect?.kind !== "Redeem" || this.#sales.value.some((s) => s.id === receipt.id)) return;
    // The event's till is a node's word; the row is proven, and names the till.
    const row = await this.client.redemption(effect.coupon, effect.seq);
    if (!equal(row.tillKey, this.key.key)) return;
    const open = this.#open.find((o) => o.digest === hex(row.invoiceDigest));
    const { terms } = await this.link.campaign(campaignOf(effect.coupon), dayMs);
    const sale = await this.#accepted(
      {
        id: receipt.id,
        state: "waiting",
        atMs: row.at,
        coupon: effect.coupon,
        seq: effect.seq,
        title: terms.title,
        value: effect.value,
        bill: open?.bill ?? 0n,
        finalAtMs: effect.finalAt,
        code: "",
        tookMs: 0,
        signers: receipt.members,
      },
      receipt,
      row.at,
    );
    onSale(sale);
  }

  async #voided(receipt: Receipt): Promise<void> {
    const effect = receipt.outcome.effect;
    if (effect?.kind !== "Void") return;
    const sale = this.#sales.value.find((s) => s.coupon === effect.coupon && s.seq === effect.seq);
    if (sale) await this.#keep({ ...sale, state: "voided" });
  }

  /** dead tells whether no block can accept an invoice's redemption any more. */
  async dead(expiresMs: number): Promise<boolean> {
    const { state } = await this.client.params();
    return state.timeMs >= expiresMs + graceMs;
  }

  /** mayUndo tells whether the till's own key may undo its redemptions. */
  mayUndo(): boolean {
    return ((this.#record.value?.rights ?? 0) & (Right.voidOwn | Right.voidAny)) !== 0;
  }

  /** undo voids a redemption, with the manager's key if there is one. */
  async undo(sale: Sale, manager: Uint8Array): Promise<Sale> {
    const signer = manager.length === 32 ? new SecretKey("till", manager) : this.key;
    await this.client.submit(voidTx(this.link.chain, this.client.expiry(), sale.coupon, sale.seq, signer));
    return this.#keep({ ...sale, state: "voided" });
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
