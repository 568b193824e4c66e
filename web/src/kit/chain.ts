/**
 * The chain that a face talks to: its genesis file, pinned on the device; its
 * nodes, which fail over unseen; and its names, proven once and remembered.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { Client, type ClientOptions, type ProvenCampaign } from "@scrip/sdk/client";
import { ChainClock } from "@scrip/sdk/clock";
import { isDemonstration, parseGenesis, Verifier, type Genesis } from "@scrip/sdk/verify";
import type { Chain, Terms } from "@scrip/sdk/transactions";
import { hex } from "@scrip/sdk/bytes";
import type { Currency } from "./format.ts";
import type { Proof } from "./badge.tsx";
import { deviceSkewMs } from "./clock.tsx";
import { openStore, type Store } from "./storage.ts";
import { Places } from "./streams.ts";

const fetchMs = 5000;
const genesisBytesMax = 8 << 20;
const pulseMs = 10_000;
const nodesMax = 64;

/** What of a chain stays on the device. */
interface Pinned {
  digest: string;
  genesis: Uint8Array;
  nodes: string[];
  /** The addresses under which people know the nodes; the page's own may be another. */
  named?: string[];
  desks: string[];
}

/** Pulse says how many nodes answer, and since when none does. */
export interface Pulse {
  up: number;
  total: number;
  /** Device time of the last answer, ms; 0 before the first. */
  lastMs: number;
  /** Whether they have been asked at all. */
  asked: boolean;
  /** Nodes that did not answer when they were asked last. */
  away: readonly Away[];
}

/** Away is a node that does not answer this device. */
export interface Away {
  node: string;
  /** Device time of the first time that it did not, ms. */
  sinceMs: number;
}

/** awayOf says which nodes do not answer, and since when. */
export function awayOf(
  nodes: readonly string[],
  answers: readonly boolean[],
  before: readonly Away[],
  nowMs: number,
): Away[] {
  const silent = nodes.filter((_, i) => !answers[i]);
  return silent.map((node) => before.find((a) => a.node === node) ?? { node, sinceMs: nowMs });
}

/** OtherChain says that the address serves another chain than the one that this device knows. */
export class OtherChain extends Error {
  constructor(
    readonly known: string,
    readonly served: string,
    readonly accept: () => Promise<void>,
  ) {
    super(`the address serves the chain ${served}, this device knows ${known}`);
  }
}

const sharedMs = 1000;
const clockLookMs = 1000;
const clockRow = "clock";

/** skewOf compares the device's clock with the node's that gave an answer: a beginning, until something is proven. */
function skewOf(answer: Response): number {
  return Date.parse(answer.headers.get("Date") ?? "") - Date.now();
}

async function fetchBytes(url: string, most: number, seen?: (answer: Response) => void): Promise<Uint8Array> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(fetchMs), credentials: "omit" });
  seen?.(answer);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes.length > most) throw new Error(`${url} gives ${bytes.length} bytes, at most ${most} are read`);
  return bytes;
}

function origins(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  const found: string[] = [];
  for (const item of list.slice(0, nodesMax)) {
    const text: unknown = typeof item === "string" ? item : (item as { url?: unknown } | null)?.url;
    if (typeof text === "string" && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) {
      found.push(new URL(text).origin);
    }
  }
  return found;
}

async function read(url: string): Promise<Record<string, unknown>> {
  return JSON.parse(new TextDecoder().decode(await fetchBytes(url, 1 << 20))) as Record<string, unknown>;
}

/**
 * nodesToAsk are the page's own address, then those of the other nodes that it lists: the listed address of
 * the replica that answers at the page's own is one node, not two.
 */
export function nodesToAsk(origin: string, listed: unknown, replica: unknown): string[] {
  const others = Array.isArray(listed)
    ? listed.filter((n: { replica?: unknown } | null) => replica === undefined || n?.replica !== replica)
    : [];
  return [...new Set([origin, ...origins(others)])];
}

/** addresses are the nodes and desks that a node names: hints, nothing more. */
async function addresses(node: string): Promise<Pick<Pinned, "nodes" | "named" | "desks">> {
  try {
    const { nodes, desks } = await read(`${node}/v1/nodes`);
    const named = origins(nodes);
    const replica = named.includes(node) ? undefined : (await read(`${node}/v1/status`))["replica"];
    return { nodes: nodesToAsk(node, nodes, replica), named, desks: origins(desks) };
  } catch {
    return { nodes: [node], named: [], desks: [] };
  }
}

/** Link is an open connection to a chain. */
export class Link {
  readonly genesis: Genesis;
  readonly client: Client;
  readonly demo: boolean;
  readonly pulse: ReadonlySignal<Pulse>;
  /**
   * The page's one clock: the chain's time, whatever the device's clock says. Give it to every further
   * Client (`clock: link.clock`); take `link.nowMs()` wherever an instant is written into something signed
   * or compared with one of the ledger, and never `Date.now()`. What was made by it, such as a code with
   * its end, is made again when `link.skew` changes: read `link.skew.value` where it is drawn.
   */
  readonly clock = new ChainClock();
  /** The places for streams of events that this page shares with others of the browser: give it to every Client. */
  readonly streams = new Places();
  /** The chain's time less the device's, ms, 0 while they agree; the frame of every page says if it is not. */
  readonly skew: ReadonlySignal<number> = deviceSkewMs;
  readonly #pulse = signal<Pulse>({ up: 0, total: 0, lastMs: 0, asked: false, away: [] });
  readonly #names = new Map<number, Promise<string>>();
  readonly #campaigns = new Map<number, { campaign: Promise<ProvenCampaign>; atMs: number }>();

  constructor(
    readonly pinned: Pinned,
    readonly store: Store,
    genesis: Genesis,
    supposedSkewMs: number,
    options: ClientOptions = {},
  ) {
    this.genesis = genesis;
    this.clock.onChange = (ms) => {
      deviceSkewMs.value = ms;
      void store.set(clockRow, ms);
    };
    this.clock.suppose(supposedSkewMs);
    this.client = new Client(new Verifier(genesis), pinned.nodes, {
      clock: this.clock,
      streams: this.streams,
      patienceMs: 700,
      ...options,
    });
    this.demo = isDemonstration(genesis);
    this.pulse = this.#pulse;
    this.#pulse.value = { up: 0, total: pinned.nodes.length, lastMs: 0, asked: false, away: [] };
  }

  get chain(): Chain {
    return this.genesis.chain;
  }

  get nodes(): readonly string[] {
    return this.pinned.nodes;
  }

  /** named are the addresses under which people know the nodes. */
  get named(): readonly string[] {
    return this.pinned.named ?? this.pinned.nodes;
  }

  get desks(): readonly string[] {
    return this.pinned.desks;
  }

  /** nowMs is the chain's time as well as this device knows it. */
  nowMs(): number {
    return this.clock.nowMs();
  }

  /** skewMs is what `skew` says, for what is not drawn. */
  get skewMs(): number {
    return this.clock.skewMs;
  }

  /** currency returns a currency of the chain by its number. */
  currency(number: number): Currency & { number: number } {
    const c = this.genesis.currencies.find((x) => x.number === number);
    if (!c) throw new Error(`the chain has no currency ${number}`);
    return c;
  }

  /** proof turns what the SDK has verified into what a badge shows. */
  proof(verified: { members: number }): Proof {
    return { signers: verified.members, members: this.genesis.validators.length };
  }

  /** member returns the proven name of a member. */
  member(number: number): Promise<string> {
    const known = this.#names.get(number);
    if (known) return known;
    const asked = this.client.member(number).then((m) => m.name);
    asked.catch(() => this.#names.delete(number));
    this.#names.set(number, asked);
    return asked;
  }

  /** campaign returns a proven campaign, at most maxAgeMs old; who asks meanwhile shares the answer. */
  campaign(number: number, maxAgeMs = sharedMs): Promise<ProvenCampaign> {
    const kept = this.#campaigns.get(number);
    if (kept && Date.now() - kept.atMs <= maxAgeMs) return kept.campaign;
    const campaign = this.client.campaign(number);
    this.#campaigns.set(number, { campaign, atMs: Date.now() });
    campaign.catch(() => this.#campaigns.delete(number));
    return campaign;
  }

  /** shopNames says where a coupon is good; empty means everywhere. */
  async shopNames(t: Terms): Promise<{ name: string; store: number }[]> {
    return Promise.all(t.shops.map(async (s) => ({ name: await this.member(s.member), store: s.store })));
  }

  /** tillName says a till as a person sees it: the member's name and the till's label. */
  async tillName(key: Uint8Array): Promise<string> {
    const till = await this.client.till(key);
    const name = await this.member(till.member);
    return till.label === "" ? name : `${name}, ${till.label}`;
  }

  /** keepTime measures the chain's time whenever it is not known: at first, and when the device's clock was set. */
  #keepTime(stop: AbortSignal): void {
    let busy = false;
    const look = async () => {
      if (busy || this.clock.settled || document.visibilityState === "hidden") return;
      busy = true;
      await this.client.measure({ signal: stop }).catch(() => undefined);
      busy = false;
    };
    void look();
    const id = setInterval(() => void look(), clockLookMs);
    stop.addEventListener("abort", () => clearInterval(id));
  }

  /** watch keeps the time, and asks all nodes from time to time whether they are there, until stop ends. */
  watch(stop: AbortSignal): void {
    this.#keepTime(stop);
    const beat = async () => {
      if (stop.aborted || document.visibilityState === "hidden") return;
      const answers = await Promise.all(
        this.nodes.map((node) =>
          fetch(`${node}/livez`, { signal: AbortSignal.timeout(fetchMs), credentials: "omit" }).then(
            (a) => a.ok,
            () => false,
          ),
        ),
      );
      if (stop.aborted) return;
      const up = answers.filter(Boolean).length;
      const lastMs = up > 0 ? Date.now() : this.#pulse.value.lastMs;
      const away = awayOf(this.nodes, answers, this.#pulse.value.away, Date.now());
      this.#pulse.value = { up, total: this.nodes.length, lastMs, asked: true, away };
    };
    void beat();
    const id = setInterval(() => void beat(), pulseMs);
    addEventListener("online", () => void beat(), { signal: stop });
    stop.addEventListener("abort", () => clearInterval(id));
  }
}

async function pin(registry: Store, origin: string, genesis: Uint8Array, digest: string): Promise<Pinned> {
  // The node that gave the page comes first; the others are there when it is not.
  const pinned = { digest, genesis, ...(await addresses(origin)) };
  await registry.set("chain", pinned);
  return pinned;
}

/** open takes the difference of the clocks that was measured last, if the node gave none. */
async function open(face: string, pinned: Pinned, skewMs: number | undefined, options: ClientOptions): Promise<Link> {
  const genesis = parseGenesis(pinned.genesis, pinned.digest);
  const store = await openStore(`${face}-${pinned.digest.slice(0, 8)}`);
  return new Link(pinned, store, genesis, skewMs ?? (await store.get<number>(clockRow)) ?? 0, options);
}

/**
 * connect opens the chain of this page's address. What the device knows of it is
 * enough without a network. A demonstration that was started anew is taken up at
 * once; any other change of the chain is an OtherChain, for a person to decide.
 */
export async function connect(face: string, options: ClientOptions = {}): Promise<Link> {
  const origin = location.origin;
  const registry = await openStore(face);
  const kept = await registry.get<Pinned>("chain");
  let skewMs = 0;
  let raw: Uint8Array;
  try {
    raw = await fetchBytes(`${origin}/v1/genesis`, genesisBytesMax, (answer) => {
      skewMs = skewOf(answer);
    });
  } catch (e) {
    if (kept) return open(face, kept, undefined, options);
    throw e;
  }
  const served = parseGenesis(raw);
  const digest = hex(served.chain.digest);
  if (kept && kept.digest !== digest) {
    const known = parseGenesis(kept.genesis, kept.digest);
    const accept = async () => {
      await pin(registry, origin, raw, digest);
    };
    if (!isDemonstration(known) || !isDemonstration(served)) throw new OtherChain(known.name, served.name, accept);
  }
  return open(face, await pin(registry, origin, raw, digest), skewMs, options);
}
