/**
 * A client of the nodes of one chain. It believes no node: whatever it returns as a
 * Receipt, State, Coupon and so on is verified against the genesis file's committee.
 * Lists say what one node says.
 */
import type {
  Answers,
  BatchAnswer,
  CampaignAnswer,
  CouponAnswer,
  DryRunAnswer,
  MemberAnswer,
  ObligationAnswer,
  PageBlockAnswer,
  StatusAnswer,
  StepAnswer,
  TxAnswer,
  ValidatorsBody,
} from "./answers.ts";
import { fromBase64, fromHex, hex } from "./bytes.ts";
import { ChainClock } from "./clock.ts";
import { FalseAnswer, NotFound, OutcomeUnknown, ProblemError, Refusal, StaleAnswer, Unreachable } from "./errors.ts";
import { type EventFilter, type EventId, type LedgerEvent, type StreamGate, follow } from "./events.ts";
import {
  type Ask,
  type CallOptions,
  type Fetch,
  blockBytesMax,
  genesisBytesMax,
  jsonAsk,
  loginHeader,
  parseAnswer,
  send,
  sleep,
  target,
} from "./http.ts";
import { encodeKey } from "./keys.ts";
import { specOf } from "./kinds/table.ts";
import { campaignOf } from "./objects.ts";
import { NodeError, type OutcomeAsk, Said, StaysOpen, type Wanted, agreed, refusalOf } from "./outcomes.ts";
import { endingOf } from "./receipt.ts";
import { verifyReceipts } from "./receipts.ts";
import {
  type Batch,
  type Campaign,
  type Coupon,
  type Member,
  type Obligation,
  type Params,
  type Redemption,
  type Till,
  campaignStatus,
  couponStatus,
  couponUntil,
  decodeBatch,
  decodeCampaign,
  decodeCoupon,
  decodeMember,
  decodeObligation,
  decodeParams,
  decodeRedemption,
  decodeTill,
  rowKey,
} from "./rows.ts";
import { type Chain, type Signer, randomBytes } from "./signing.ts";
import { verifyStatement } from "./statements.ts";
import { type Terms, decodeTerms } from "./terms.ts";
import { type Block, type Receipt, type State, Verifier } from "./verifier.ts";

export type { Receipt, State, Block } from "./verifier.ts";
export type { CallOptions } from "./http.ts";
export type { EventFilter, EventId, LedgerEvent, StreamGate, StreamTurn } from "./events.ts";
export * from "./errors.ts";

const nodesMax = 256;
const waitMaxMs = 20_000;
const pauseMinMs = 100;
const pauseMaxMs = 3_000;
const listMax = 1 << 20;
const holdersMax = 1 << 22;
const pageSize = 500;
/** The longest life of what wallets and tills sign for a redemption. */
const authLifeMaxMs = 150_000;
/** How often the nodes are asked for the time while it does not settle. */
const measureRounds = 6;
const measurePauseMs = 1_200;
/** How many versions of terms a client remembers. */
const termsMax = 4096;

/** How a client works. */
export interface ClientOptions {
  /** After what silence of one node the next one is asked as well; default 2000. */
  patienceMs?: number;
  /** How long one request may take, beside the time for which a node is asked to wait; default 10000. */
  timeoutMs?: number;
  /** How old a state may be by this machine's clock; 0 = any age; default 60000. */
  maxAgeMs?: number;
  /** The `floor` of an earlier client, so that nothing older than what that one saw is believed; default 0. */
  floor?: number;
  /** A till whose submissions are authenticated, so that refusals of its redemptions are final. */
  till?: Signer;
  /** Shares connections for streams of events with others; without it each stream has one of its own. */
  streams?: StreamGate;
  /** Instead of the platform's fetch. */
  fetch?: Fetch;
  /** Instead of Date.now, for tests. */
  now?: () => number;
  /**
   * The chain's time on a device whose clock may be wrong, as a person's phone: every proven
   * answer goes into it, and ages and expiries are by it. Without one the machine's own clock counts.
   */
  clock?: ChainClock;
}

/** A row as it is proven. */
export type Proven<T> = T & { state: State };

/** A proven coupon with the rules that it obeys. */
export interface ProvenCoupon extends Coupon {
  id: bigint;
  campaign: ProvenCampaign;
  /** The terms of its own version. */
  terms: Terms;
  /** End of holding and giving, Unix ms; redeeming ends terms.graceMs later. */
  until: number;
  /** What it is at the time of `state`. */
  standing: "HELD" | "GIFTED" | "REDEEMED" | "EXPIRED";
  state: State;
}

/** A proven campaign with its current terms. */
export interface ProvenCampaign extends Omit<Campaign, "state"> {
  number: number;
  stored: Campaign["state"];
  terms: Terms;
  /** What it is at the time of `state`. */
  standing: "PUBLISHED" | "PAUSED" | "CLOSED" | "EXHAUSTED" | "ENDED";
  state: State;
}

/** A proven till key. */
export interface ProvenTill extends Omit<Till, "state"> {
  key: Uint8Array;
  standing: Till["state"];
  state: State;
}

/** The owners of a campaign's coupons, used ones included, by the first four bytes of their keys. */
export interface HolderMarks {
  /** Ascending. */
  serials: Uint32Array;
  /** The mark of the owner of the coupon at the same place: see markOf. */
  marks: Uint32Array;
}

/** A proven member. */
export interface ProvenMember extends Omit<Member, "state"> {
  number: number;
  standing: Member["state"];
  state: State;
}

/** A proven redemption. */
export interface ProvenRedemption extends Omit<Redemption, "state"> {
  standing: Redemption["state"];
  state: State;
}

type Asker<T> = (node: string, signal: AbortSignal) => Promise<T>;
type Settled = (errors: readonly NodeError[]) => boolean;

/** No node gave a usable answer. */
class Failed {
  readonly errors: NodeError[];

  constructor(errors: NodeError[]) {
    this.errors = errors;
  }
}

/** A node held a request for as long as it was asked to, and the transaction still waits. */
class Pending extends Error {
  override readonly name = "Pending";
  constructor() {
    super("the transaction still waits at the node");
  }
}

/** Talks to the nodes of one chain. */
export class Client {
  readonly verifier: Verifier;
  /** The addresses of the nodes, without a slash at the end. */
  readonly nodes: readonly string[];
  readonly #fetch: Fetch;
  readonly #patienceMs: number;
  readonly #timeoutMs: number;
  readonly #maxAgeMs: number;
  readonly #till: Signer | undefined;
  readonly #streams: StreamGate | undefined;
  readonly #now: () => number;
  readonly #clock: ChainClock | undefined;
  readonly #terms = new Map<string, Terms>();
  #first = 0;
  #floor = 0;
  #latestMs = 0;

  /**
   * nodes are addresses such as "https://node.example:7600", best of different members;
   * the first is asked first. "" is the origin that a page came from.
   */
  constructor(verifier: Verifier, nodes: readonly string[], options: ClientOptions = {}) {
    if (nodes.length === 0 || nodes.length > nodesMax) {
      throw new RangeError(`${nodes.length} addresses of nodes, wanted 1 to ${nodesMax}`);
    }
    this.verifier = verifier;
    this.nodes = nodes.map(nodeAddress);
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#patienceMs = options.patienceMs ?? 2_000;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#maxAgeMs = options.maxAgeMs ?? 60_000;
    this.#floor = options.floor ?? 0;
    this.#till = options.till;
    this.#streams = options.streams;
    const clock = options.clock;
    this.#clock = clock;
    this.#now = clock ? () => clock.nowMs() : (options.now ?? Date.now);
  }

  /**
   * A client that takes the genesis file from a node. Without `digest` (64 hexadecimal
   * digits of the chain, from a source that is trusted) it believes the first node that
   * answers which chain this is, as a browser's first visit does; keep
   * `client.verifier.genesis.raw` and use it from then on.
   */
  static async connect(
    nodes: string | readonly string[],
    options: ClientOptions & CallOptions & { digest?: string } = {},
  ): Promise<Client> {
    const list = typeof nodes === "string" ? [nodes] : nodes;
    const errors: unknown[] = [];
    for (const node of list) {
      try {
        const file = await fetchGenesis(node, options);
        return new Client(Verifier.of(file, options.digest), list, options);
      } catch (e) {
        options.signal?.throwIfAborted();
        errors.push(new NodeError(node, e));
      }
    }
    throw new Unreachable("read the genesis file", errors);
  }

  get chain(): Chain {
    return this.verifier.chain;
  }

  /** The highest height that was proven to this client: no state below it is accepted any more. */
  get floor(): number {
    return this.#floor;
  }

  /** The time by this client's clock, or the chain's newest proven time if the clock is behind that. Unix ms. */
  nowMs(): number {
    return Math.max(this.#now(), this.#latestMs);
  }

  /** An expiry for a transaction that is signed now: well within what the chain allows. Unix ms. */
  expiry(memberSigned = false): number {
    const g = this.verifier.genesis;
    return this.nowMs() + Math.floor(((memberSigned ? g.memberLifeMs : g.holderLifeMs) * 2) / 3);
  }

  /**
   * The latest time to which an authorisation or an invoice may be good that is signed now, Unix ms: what
   * lives longer is refused by the ledger at first and may be accepted later, when nobody thinks of it.
   */
  authLimitMs(): number {
    return this.nowMs() + Math.min(this.verifier.genesis.holderLifeMs, authLifeMaxMs);
  }

  #raise(height: number, timeMs: number): void {
    this.#floor = Math.max(this.#floor, height);
    this.#latestMs = Math.max(this.#latestMs, timeMs);
    this.#clock?.proven(timeMs);
  }

  /** How many nodes must share an opinion that cannot be proved: one of f+1 different members is honest. */
  #enough(): number {
    return Math.min(this.verifier.committee.weakQuorum, this.nodes.length);
  }

  /**
   * Asks the nodes in turn: the next one when one fails, or when all that were asked have
   * been silent for the client's patience. Returns the first answer; throws the errors of
   * all, or of those that `settled` calls enough.
   */
  async #race<T>(ask: Asker<T>, outer: AbortSignal | undefined, settled?: Settled): Promise<T | Failed> {
    outer?.throwIfAborted();
    const stop = new AbortController();
    const end = (): void => stop.abort(outer?.reason);
    outer?.addEventListener("abort", end);
    const start = this.#first;
    const errors: NodeError[] = [];
    const running = new Map<number, Promise<{ i: number; value?: T; error?: unknown }>>();
    const silence = (): { i: number } => ({ i: -1 });
    let next = 0;
    const launch = (): void => {
      const i = (start + next++) % this.nodes.length;
      const attempt = ask(this.nodes[i] as string, stop.signal).then(
        (value) => ({ i, value }),
        (error: unknown) => ({ i, error }),
      );
      running.set(i, attempt);
    };
    try {
      launch();
      while (running.size > 0) {
        const more = next < this.nodes.length;
        const patience = new AbortController();
        const waits: Promise<{ i: number; value?: T; error?: unknown }>[] = [...running.values()];
        if (more) waits.push(sleep(this.#patienceMs, patience.signal).then(silence, silence));
        const r = await Promise.race(waits);
        patience.abort();
        outer?.throwIfAborted();
        if (r.i < 0) {
          launch();
          continue;
        }
        running.delete(r.i);
        if (!("error" in r)) {
          this.#first = r.i;
          return r.value as T;
        }
        errors.push(new NodeError(this.nodes[r.i] || "this origin", r.error));
        if (settled?.(errors)) break;
        if (more) launch();
      }
      return new Failed(errors);
    } finally {
      stop.abort();
      outer?.removeEventListener("abort", end);
    }
  }

  /** The first usable answer of any node. */
  async #query<T>(what: string, ask: Asker<T>, signal?: AbortSignal): Promise<T> {
    const r = await this.#race(ask, signal);
    if (r instanceof Failed) throw new Unreachable(what, r.errors);
    return r;
  }

  #send(node: string, ask: Ask, signal: AbortSignal): Promise<Uint8Array> {
    return send(this.#fetch, node, ask, this.#timeoutMs, signal);
  }

  async #get<K extends keyof Answers>(
    node: string,
    kind: K,
    ask: Omit<Ask, "method">,
    signal: AbortSignal,
  ): Promise<Answers[K]> {
    return parseAnswer(kind, await this.#send(node, { method: "GET", ...ask }, signal));
  }

  /**
   * Hands in a signed transaction and returns its proven receipt. It goes on until there
   * is one that ends the transaction's id, f+1 members say that they refuse it, or the
   * signal ends; the same bytes go to as many nodes as that takes, and have one effect.
   *
   * Throws a RuleError before anything is sent if the bytes are not a valid transaction;
   * a Refusal, final or open until the transaction expires; an OutcomeUnknown, also when
   * the signal ends, and when all addresses say the same but are fewer than f+1 members.
   */
  async submit(raw: Uint8Array, options: CallOptions = {}): Promise<Receipt> {
    const tx = this.verifier.checkTx(raw);
    const of = { id: tx.id, expiresMs: tx.expires, tx };
    const waitMs = this.#holdFor(tx.expires);
    return this.#resolve(of, options.signal, async (node, query, signal) => {
      const ask: Ask = { method: "POST", path: "/v1/transactions", query, body: tx.raw, waitMs };
      return parseAnswer("TxAnswer", await this.#send(node, this.#login(node, ask), signal));
    });
  }

  #login(node: string, ask: Ask): Ask {
    if (!this.#till) return ask;
    const origin = typeof location === "undefined" ? "http://localhost" : location.origin;
    const url = new URL(node + target(ask), origin);
    const path = url.pathname + url.search;
    const header = loginHeader(this.chain, this.#till, ask.method, path, ask.body ?? new Uint8Array(), this.#now());
    return { ...ask, headers: { ...ask.headers, authorization: header } };
  }

  /**
   * The proven receipt of a transaction that was submitted before, here or elsewhere;
   * waits for it if need be. expiresMs is the transaction's expiry, 0 if not known.
   * Throws as submit does.
   */
  receipt(id: string, options: CallOptions & { expiresMs?: number } = {}): Promise<Receipt> {
    const of = { id, expiresMs: options.expiresMs ?? 0 };
    const waitMs = this.#holdFor(of.expiresMs);
    return this.#resolve(of, options.signal, (node, query, signal) =>
      this.#get(node, "TxAnswer", { path: `/v1/transactions/${id}`, query, waitMs }, signal),
    );
  }

  /** Asks node after node, round after round, until the outcome is known. */
  async #resolve(of: Wanted, signal: AbortSignal | undefined, ask: OutcomeAsk): Promise<Receipt> {
    const { id, expiresMs } = of;
    let errors: NodeError[] = [];
    const need = this.verifier.committee.weakQuorum;
    const settled: Settled = (e) =>
      agreed(e, of, need) !== undefined || e.filter((x) => x.cause instanceof StaysOpen).length >= need;
    try {
      for (let pause = pauseMinMs; ; pause = Math.min(2 * pause, pauseMaxMs)) {
        const r = await this.#race((n, s) => this.#outcome(n, of, (q) => ask(n, q, s), s), signal, settled);
        if (!(r instanceof Failed)) {
          this.#raise(r.height, r.timeMs);
          if (r.ok) return r;
          throw new Refusal(id, r.outcome.code, { receipt: r });
        }
        errors = r.errors;
        const open = errors.map((e) => e.cause).find((e) => e instanceof StaysOpen)?.receipt;
        if (open) this.#raise(open.height, open.timeMs);
        // Beyond its time by the chain a row may prove that it had no effect.
        const dead = await this.#proveDead(of, signal);
        if (dead) throw new OutcomeUnknown(id, expiresMs, true, errors, dead);
        const end = agreed(errors, of, need);
        if (end) throw end;
        if (open && this.#latestMs < expiresMs) {
          throw new Refusal(id, open.outcome.code, { receipt: open, ends: false, openUntilMs: expiresMs });
        }
        // All have said it, and more addresses there are not: asking again makes no more members of them.
        if (open || errors.every((e) => refusalOf(e.problem) !== "")) {
          throw new OutcomeUnknown(id, expiresMs, false, errors);
        }
        await sleep(pause / 2 + Math.random() * pause, signal);
      }
    } catch (e) {
      if (signal?.aborted && e === signal.reason) throw new OutcomeUnknown(id, expiresMs, false, [e, ...errors]);
      throw e;
    }
  }

  /** Asks one node for a verified receipt that ends the transaction's id. */
  async #outcome(
    node: string,
    of: Wanted,
    ask: (query: Record<string, string | number>) => Promise<TxAnswer>,
    signal: AbortSignal,
  ): Promise<Receipt> {
    const nonce = randomBytes(32);
    const waitMs = this.#holdFor(of.expiresMs);
    let a: Pick<TxAnswer, "proof" | "header" | "state">;
    try {
      a = await ask({ wait: "proof", timeout: seconds(waitMs), nonce: hex(nonce) });
    } catch (e) {
      if (!(e instanceof ProblemError)) throw e;
      if (!e.problem.proof) throw this.#said(e, of.id, nonce);
      a = { ...e.problem, state: "proved" }; // a refusal in a block is a problem that has a receipt as well
    }
    if (!a.proof) throw a.state === "pending" ? new Pending() : new Error("the node holds no proof of the outcome");
    const header = a.header === undefined ? undefined : bytesOf(a.header);
    const r = { ...this.verifier.receipt(of.id, bytesOf(a.proof), header), node };
    const ending = endingOf(r.outcome.code, of.tx?.fields.kind);
    if (ending === "ended") return r;
    return ending === "first" ? this.#firstOf(node, r, signal) : Promise.reject(new StaysOpen(r));
  }

  /** What a node's problem says of a transaction, as a member's word if it is signed. */
  #said(e: ProblemError, id: string, nonce: Uint8Array): Error {
    const { statement } = e.problem;
    if (statement === undefined) return e;
    return new Said(e.problem, verifyStatement(this.verifier, bytesOf(statement), fromHex(id), nonce));
  }

  /** The first outcome of a transaction, of which a duplicate's receipt is at hand. */
  async #firstOf(node: string, duplicate: Receipt, signal: AbortSignal): Promise<Receipt> {
    const { id, outcome } = duplicate;
    const height = outcome.first?.height ?? 0;
    const ask = { path: `/v1/blocks/${height}/receipts`, limit: blockBytesMax };
    const a = await this.#get(node, "ReceiptsAnswer", ask, signal);
    const all = verifyReceipts(this.verifier, bytesOf(a.proof), bytesOf(a.header), node);
    const first = all.height === height ? all.one(id) : undefined;
    if (first?.outcome.code !== outcome.first?.code || !first) {
      throw new FalseAnswer(`height ${height} does not hold the first outcome of ${id}`);
    }
    return first;
  }

  /**
   * The state that proves that a transaction beyond its time had no effect: at T >= expires
   * the row that it would have changed for good is unchanged. Undefined if the row shows
   * another thing, or the kind has none.
   */
  async #proveDead(of: Wanted, signal: AbortSignal | undefined): Promise<State | undefined> {
    if (!of.tx || this.nowMs() < of.expiresMs) return undefined;
    const mark = specOf(of.tx.fields.kind).mark(of.tx.fields);
    if (!mark) return undefined;
    try {
      const s = await this.state(mark.key, signal ? { signal } : {});
      return s.timeMs >= of.expiresMs && mark.unused(s.value) ? s : undefined;
    } catch {
      signal?.throwIfAborted();
      return undefined; // nobody shows the row: the next round asks again
    }
  }

  /** For how long a node is asked to wait for a transaction: not much beyond its expiry. */
  #holdFor(expiresMs: number): number {
    if (expiresMs === 0) return waitMaxMs;
    return Math.min(Math.max(expiresMs - this.#now() + 2_000, 1_000), waitMaxMs);
  }

  /** What the outcome of a transaction would be in the next block: one node's opinion, and no promise. */
  dryRun(raw: Uint8Array, options: CallOptions = {}): Promise<DryRunAnswer> {
    const tx = this.verifier.checkTx(raw);
    const ask: Ask = { method: "POST", path: "/v1/transactions/dry-run", body: tx.raw };
    return this.#query(
      "dry run",
      async (n, s) => parseAnswer("DryRunAnswer", await this.#send(n, this.#login(n, ask), s)),
      options.signal,
    );
  }

  /** What the state holds for a key (see rowKey), there or not, as a quorum attests it. Throws Unreachable. */
  async state(key: Uint8Array, options: CallOptions = {}): Promise<State> {
    const s = await this.#query("read the state", (n, signal) => this.#stateFrom(n, key, signal), options.signal);
    this.#raise(s.height, s.timeMs);
    return s;
  }

  /**
   * Measures the chain's time for the client's clock: asks f+1 nodes for what they hold, and
   * where the device seems fast once more, until the chain has moved on. Without a clock, or
   * where no node answers, nothing happens.
   */
  async measure(options: CallOptions = {}): Promise<void> {
    const clock = this.#clock;
    if (!clock) return;
    for (let round = 0; round < measureRounds; round++) {
      if (round > 0) await sleep(measurePauseMs, options.signal);
      const asked = Array.from({ length: this.#enough() }, (_, i) => this.#nodeFrom(i));
      const stop = options.signal ?? new AbortController().signal;
      const states = await Promise.allSettled(asked.map((n) => this.#heldBy(n, rowKey.params(), stop)));
      const times = states.flatMap((s) => (s.status === "fulfilled" ? [s.value.timeMs] : []));
      if (times.length === 0) return;
      clock.newest(Math.max(...times));
      if (clock.settled) return;
    }
  }

  /** The i-th node behind the one that is asked first. */
  #nodeFrom(i: number): string {
    return this.nodes[(this.#first + i) % this.nodes.length] as string;
  }

  /** What a node's newest state holds for a key, proven, of whatever age. */
  async #heldBy(node: string, key: Uint8Array, signal: AbortSignal): Promise<State> {
    const floor = this.#floor;
    const query = { min_height: floor > 0 ? floor : undefined };
    const a = await this.#get(node, "StateAnswer", { path: `/v1/state/${hex(key)}`, query }, signal);
    const s = { ...this.verifier.state(key, bytesOf(a.proof), bytesOf(a.header)), node };
    if (s.height < floor) throw new StaleAnswer(`height ${s.height}, and ${floor} was seen before`);
    return s;
  }

  async #stateFrom(node: string, key: Uint8Array, signal: AbortSignal): Promise<State> {
    const s = await this.#heldBy(node, key, signal);
    this.#clock?.newest(s.timeMs);
    const ageMs = this.#now() - s.timeMs;
    if (this.#maxAgeMs > 0 && ageMs > this.#maxAgeMs) {
      throw new StaleAnswer(`height ${s.height} is ${Math.round(ageMs / 1000)} s old`);
    }
    return s;
  }

  /** Reads a row that must be there. */
  async #row<T>(what: string, key: Uint8Array, read: (b: Uint8Array) => T, options: CallOptions): Promise<[T, State]> {
    const s = await this.state(key, options);
    if (s.value.length === 0) throw new NotFound(what, s.height, s.timeMs);
    return [read(s.value), s];
  }

  /** A proven coupon as its row says, with the terms of its version: less to ask for than coupon(). Throws as that. */
  async couponRow(id: bigint, options: CallOptions = {}): Promise<{ row: Coupon; terms: Terms; state: State }> {
    const [row, state] = await this.#row(`coupon ${id}`, rowKey.coupon(id), decodeCoupon, options);
    return { row, terms: await this.terms(campaignOf(id), row.version, options), state };
  }

  /** A proven coupon with its campaign and terms. Throws NotFound or Unreachable, as the following do. */
  async coupon(id: bigint, options: CallOptions = {}): Promise<ProvenCoupon> {
    const [c, state] = await this.#row(`coupon ${id}`, rowKey.coupon(id), decodeCoupon, options);
    const number = campaignOf(id);
    const [campaign, terms] = await Promise.all([
      this.campaign(number, options),
      this.terms(number, c.version, options),
    ]);
    const g = { ...campaign, state: campaign.stored };
    const until = couponUntil(c, terms, g);
    return { ...c, id, campaign, terms, until, standing: couponStatus(c, terms, g, state.timeMs), state };
  }

  /** A proven campaign with its current terms. */
  async campaign(number: number, options: CallOptions = {}): Promise<ProvenCampaign> {
    const [g, state] = await this.#row(`campaign ${number}`, rowKey.campaign(number), decodeCampaign, options);
    const terms = await this.terms(number, g.version, options);
    return { ...g, number, stored: g.state, terms, standing: campaignStatus(terms, g, state.timeMs), state };
  }

  /** A version of a campaign's terms, proven. They never change, so they are asked for once. */
  async terms(campaign: number, version: number, options: CallOptions = {}): Promise<Terms> {
    const name = `${campaign}/${version}`;
    const known = this.#terms.get(name);
    if (known) return known;
    const what = `terms ${version} of campaign ${campaign}`;
    const [t] = await this.#row(what, rowKey.terms(campaign, version), decodeTerms, options);
    if (this.#terms.size >= termsMax) this.#terms.clear();
    this.#terms.set(name, t);
    return t;
  }

  /** A proven till. */
  async till(key: Uint8Array, options: CallOptions = {}): Promise<ProvenTill> {
    const [t, state] = await this.#row("till", rowKey.till(key), decodeTill, options);
    return { ...t, key, standing: t.state, state };
  }

  /** A proven member. */
  async member(number: number, options: CallOptions = {}): Promise<ProvenMember> {
    const [m, state] = await this.#row(`member ${number}`, rowKey.member(number), decodeMember, options);
    return { ...m, number, standing: m.state, state };
  }

  /** A proven batch. */
  async batch(campaign: number, batch: number, options: CallOptions = {}): Promise<Proven<Batch>> {
    const what = `batch ${batch} of campaign ${campaign}`;
    const [b, state] = await this.#row(what, rowKey.batch(campaign, batch), decodeBatch, options);
    return { ...b, state };
  }

  /** A proven redemption. */
  async redemption(coupon: bigint, seq: number, options: CallOptions = {}): Promise<ProvenRedemption> {
    const what = `redemption ${seq} of coupon ${coupon}`;
    const [r, state] = await this.#row(what, rowKey.redemption(coupon, seq), decodeRedemption, options);
    return { ...r, standing: r.state, state };
  }

  /** What a campaign owes a payee in a cycle, proven; no row is an obligation of 0. */
  async obligation(
    cycle: number,
    campaign: number,
    payee: number,
    options: CallOptions = {},
  ): Promise<Proven<Obligation>> {
    const state = await this.state(rowKey.obligation(cycle, campaign, payee), options);
    const o = state.value.length > 0 ? decodeObligation(state.value) : { sum: 0n, count: 0 };
    return { ...o, state };
  }

  /** The running numbers, proven: campaigns and members are numbered from 1 without gaps. */
  async params(options: CallOptions = {}): Promise<Proven<Params>> {
    const [p, state] = await this.#row("params", rowKey.params(), decodeParams, options);
    return { ...p, state };
  }

  /** An executed block with its transactions and receipts, proven. */
  block(height: number, options: CallOptions = {}): Promise<Block> {
    return this.ofBlock("BlockAnswer", height, "", (a, node) => ({ ...this.verifier.block(height, a), node }), options);
  }

  /**
   * What `read` makes of a node's answer about an executed block, below /v1/blocks/{height}.
   * It must throw unless it proves the answer to be of that height: then the next node is
   * asked. It is how block() and blockReceipts() read. Throws Unreachable.
   */
  async ofBlock<K extends keyof Answers, T extends { timeMs: number }>(
    kind: K,
    height: number,
    part: string,
    read: (answer: Answers[K], node: string) => T,
    options: CallOptions = {},
  ): Promise<T> {
    const ask = { path: `/v1/blocks/${height}${part}`, limit: blockBytesMax };
    const proven = await this.#query(
      `read block ${height}${part}`,
      async (node, signal) => read(await this.#get(node, kind, ask, signal), node),
      options.signal,
    );
    this.#raise(height, proven.timeMs);
    return proven;
  }

  /**
   * Any GET of the API as one node answers it; nothing of it is proved. kind names its
   * answer in the description of the API. With login the client's till says who it is.
   */
  read<K extends keyof Answers>(
    kind: K,
    path: string,
    query: Record<string, string | number | undefined> = {},
    options: CallOptions & { login?: boolean } = {},
  ): Promise<Answers[K]> {
    const ask: Ask = { method: "GET", path, query };
    const read: Asker<Answers[K]> = async (node, signal) =>
      parseAnswer(kind, await this.#send(node, options.login ? this.#login(node, ask) : ask, signal));
    return this.#query(`read ${path}`, read, options.signal);
  }

  /**
   * Asks every node, or posts JSON to it, at once: what each answers, in the order of `nodes`. Nothing of it is
   * proved. A promise rejects with what went wrong at its node.
   */
  askEach<K extends keyof Answers>(
    kind: K,
    path: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<Answers[K]>[] {
    const ask: Ask = body === undefined ? { method: "GET", path } : jsonAsk(path, body);
    return this.nodes.map(async (node) =>
      parseAnswer(kind, await send(this.#fetch, node, ask, this.#timeoutMs, options.signal)),
    );
  }

  /** Posts JSON to every node, and returns the first answer; the others go on. Throws Unreachable if none takes it. */
  async tellAll<K extends keyof Answers>(
    kind: K,
    path: string,
    body: unknown,
    options: CallOptions = {},
  ): Promise<Answers[K]> {
    try {
      return await Promise.any(
        this.askEach(kind, path, body, options).map((a, i) =>
          a.catch((e: unknown) => {
            throw new NodeError(this.nodes[i] || "this origin", e);
          }),
        ),
      );
    } catch (e) {
      options.signal?.throwIfAborted();
      throw new Unreachable(`post to ${path}`, e instanceof AggregateError ? e.errors : [e]);
    }
  }

  /** What a node says of itself; nothing of it is proved. node is its place in `nodes`. */
  async status(node: number, options: CallOptions = {}): Promise<StatusAnswer> {
    const base = this.nodes[node];
    if (base === undefined) throw new RangeError(`there is no node ${node} of ${this.nodes.length}`);
    const body = await send(this.#fetch, base, { method: "GET", path: "/v1/status" }, this.#timeoutMs, options.signal);
    return parseAnswer("StatusAnswer", body);
  }

  /** Throws a FalseAnswer if a node is of another chain: clearer than proofs that do not hold. */
  async checkChain(node: number, options: CallOptions = {}): Promise<void> {
    const a = await this.status(node, options);
    if (a.digest !== hex(this.chain.digest)) {
      throw new FalseAnswer(`${this.nodes[node]} is a node of the chain ${JSON.stringify(a.chain.slice(0, 64))}`);
    }
  }

  /** The committee as one node shows it, with names and who is primary. */
  validators(options: CallOptions = {}): Promise<ValidatorsBody> {
    return this.read("ValidatorsBody", "/v1/validators", {}, options);
  }

  /** One page of blocks, newest first, as one node lists them. */
  blocks(page: { limit?: number; cursor?: string } = {}, options: CallOptions = {}): Promise<PageBlockAnswer> {
    return this.read("PageBlockAnswer", "/v1/blocks", page, options);
  }

  /** All campaigns, or those of an issuer, as one node lists them. */
  campaigns(filter: { issuer?: number } = {}, options: CallOptions = {}): Promise<CampaignAnswer[]> {
    return this.#list("PageCampaignAnswer", "/v1/campaigns", filter, options);
  }

  /** All members, as one node lists them. */
  members(options: CallOptions = {}): Promise<MemberAnswer[]> {
    return this.#list("PageMemberAnswer", "/v1/members", {}, options);
  }

  /** All batches, or those of a campaign, as one node lists them. */
  batches(filter: { campaign?: number } = {}, options: CallOptions = {}): Promise<BatchAnswer[]> {
    return this.#list("PageBatchAnswer", "/v1/batches", filter, options);
  }

  /** The coupons that a key can still use, as one node lists them; it may leave some out. coupon() proves each. */
  holderCoupons(owner: Uint8Array, options: CallOptions = {}): Promise<CouponAnswer[]> {
    return this.#list("PageCouponAnswer", `/v1/holders/${encodeKey("holder", owner)}/coupons`, {}, options);
  }

  /**
   * The owners of all coupons of a campaign, used ones included, by the first four bytes of
   * their keys, as one node lists them: so a wallet finds its coupons without naming a key.
   * A node that lists fewer than the campaign has proven to have issued is not believed.
   */
  async holderMarks(campaign: number, options: CallOptions = {}): Promise<HolderMarks> {
    const g = await this.campaign(campaign, options);
    if (g.issued > holdersMax) throw new RangeError(`campaign ${campaign} has ${g.issued} coupons: too many to read`);
    if (g.issued === 0) return { serials: new Uint32Array(), marks: new Uint32Array() };
    const ask = (node: string, signal: AbortSignal) => this.#holdersFrom(node, g, signal);
    return this.#query(`list the holders of campaign ${campaign}`, ask, options.signal);
  }

  async #holdersFrom(node: string, g: ProvenCampaign, signal: AbortSignal): Promise<HolderMarks> {
    const path = `/v1/campaigns/${g.number}/holders`;
    const pairs: number[] = [];
    for (let first = 1; ; ) {
      const query = { from: first, min_height: g.state.height };
      const p = await this.#get(node, "HoldersBody", { path, query }, signal);
      const bytes = bytesOf(p.holders);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      for (let at = 0; at + 8 <= bytes.length; at += 8) {
        const serial = view.getUint32(at);
        if (serial < first) throw new FalseAnswer("holders out of order");
        pairs.push(serial, view.getUint32(at + 4));
        first = serial + 1;
      }
      if (!p.next) break;
      if (p.next < first || bytes.length < 8 || pairs.length > 2 * holdersMax) {
        throw new FalseAnswer("a list of holders without end");
      }
      first = p.next;
    }
    const n = pairs.length / 2;
    if (n < g.issued) throw new FalseAnswer(`${n} holders are listed of ${g.issued}`);
    return {
      serials: Uint32Array.from({ length: n }, (_, i) => pairs[2 * i] as number),
      marks: Uint32Array.from({ length: n }, (_, i) => pairs[2 * i + 1] as number),
    };
  }

  /** The accepted transactions of a coupon, oldest first, as one node lists them. Each is proven by receipt(). */
  history(coupon: bigint, options: CallOptions = {}): Promise<StepAnswer[]> {
    return this.#list("PageStepAnswer", `/v1/coupons/${coupon}/history`, {}, options);
  }

  /** What campaigns owe, as one node lists it. Each is proven by obligation(). */
  obligations(
    filter: { cycle?: number; payee?: number; issuer?: number } = {},
    options: CallOptions = {},
  ): Promise<ObligationAnswer[]> {
    return this.#list("PageObligationAnswer", "/v1/obligations", filter, options);
  }

  /** All pages of a list, from one node: a cursor is good for its maker. */
  #list<K extends Pages>(
    kind: K,
    path: string,
    filter: Record<string, string | number | undefined>,
    options: CallOptions,
  ): Promise<Answers[K]["items"]> {
    const floor = this.#floor;
    return this.#query(
      `list ${path}`,
      async (node, signal) => {
        const all: Answers[K]["items"][number][] = [];
        let query: NonNullable<Ask["query"]> = { limit: pageSize, min_height: floor || undefined, ...filter };
        for (;;) {
          const p = await this.#get(node, kind, { path, query }, signal);
          all.push(...p.items);
          if (!p.next_cursor) return all as Answers[K]["items"];
          if (p.items.length === 0 || all.length > listMax) throw new FalseAnswer("a list without end");
          query = { limit: pageSize, ...filter, cursor: p.next_cursor };
        }
      },
      options.signal,
    );
  }

  /**
   * The events from a place on, included, in the order of the chain and each once, every
   * one proven. It has no end: it waits for what is to come, and goes on at another node
   * when one fails. It ends when the caller stops or the signal ends. To go on later,
   * begin at afterEvent(last.id).
   *
   * That none was left out is the node's word: who must know reads every height with block().
   */
  events(from: EventId, filter: EventFilter = {}, options: CallOptions = {}): AsyncGenerator<LedgerEvent, void> {
    return follow(
      {
        nodes: this.nodes,
        verifier: this.verifier,
        fetch: this.#fetch,
        timeoutMs: this.#timeoutMs,
        first: this.#first,
        gate: this.#streams,
      },
      from,
      filter,
      options.signal,
    );
  }
}

type Pages = {
  [K in keyof Answers]: Answers[K] extends { items: unknown[]; next_cursor?: string } ? K : never;
}[keyof Answers];

function nodeAddress(text: string): string {
  if (text === "") return text;
  const u = new URL(text);
  if ((u.protocol !== "http:" && u.protocol !== "https:") || u.search || u.hash || u.username) {
    throw new RangeError(`${JSON.stringify(text)} is not the address of a node, such as https://node.example:7600`);
  }
  return u.href.replace(/\/+$/, "");
}

/** Reads the genesis file that a node serves. Nothing vouches for it: give parseGenesis the digest to expect. */
export function fetchGenesis(node: string, options: ClientOptions & CallOptions = {}): Promise<Uint8Array> {
  const fetcher: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  const ask: Ask = { method: "GET", path: "/v1/genesis", limit: genesisBytesMax };
  return send(fetcher, nodeAddress(node), ask, options.timeoutMs ?? 10_000, options.signal);
}

function bytesOf(text: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch {
    throw new FalseAnswer("bytes that are not base64");
  }
}

function seconds(ms: number): number {
  return Math.max(1, Math.floor(ms / 1000));
}
