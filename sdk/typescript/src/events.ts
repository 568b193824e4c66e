/**
 * The stream of events: server-sent events over fetch, so that a page can go on behind
 * an event at another node.
 */
import { FalseAnswer } from "./errors.ts";
import { type Fetch, checkAnswer, sleep, target } from "./http.ts";
import { decodeKey, encodeKey } from "./keys.ts";
import { fromBase64, equal } from "./bytes.ts";
import { campaignOf } from "./objects.ts";
import { type EventType, type Outcome, eventOf } from "./receipt.ts";
import { type Receipt, type Verifier, falseUnless } from "./verifier.ts";

const eventCharsMax = 256 << 10;
/** Three heartbeats: a stream that is silent for longer is dead. */
const silenceMaxMs = 45_000;
const pauseMinMs = 100;
const pauseMaxMs = 3_000;

/** Names an event: the same on every node and at every delivery. */
export interface EventId {
  height: number;
  /** Place of the transaction in the block. */
  tx: number;
  index: number;
}

/** The text of an event's id: height.transaction.event. */
export function eventIdText(e: EventId): string {
  return `${e.height}.${e.tx}.${e.index}`;
}

/** Reads the text of an event's id, or a height alone as its first place. */
export function parseEventId(text: string): EventId {
  const m = /^(\d{1,15})(?:\.(\d{1,10})\.(\d{1,10}))?$/.exec(text);
  if (!m) throw new RangeError(`${JSON.stringify(text.slice(0, 64))} is not an event id: height.transaction.event`);
  return { height: Number(m[1]), tx: Number(m[2] ?? 0), index: Number(m[3] ?? 0) };
}

/** The first place behind an event, from where a stream goes on. */
export function afterEvent(e: EventId): EventId {
  return { ...e, index: e.index + 1 };
}

function before(a: EventId, b: EventId): boolean {
  return a.height !== b.height ? a.height < b.height : a.tx !== b.tx ? a.tx < b.tx : a.index < b.index;
}

/** An accepted transaction, proven by its receipt. */
export interface LedgerEvent {
  /** Its height is proven; its place in the block, and with it the order within a height, is the node's word. */
  id: EventId;
  type: EventType;
  outcome: Outcome;
  timeMs: number;
  receipt: Receipt;
  /** Of a redemption or its void: the till, in the node's word. */
  till: Uint8Array | undefined;
}

/** Which events are wanted; what is left out stands for all. */
export interface EventFilter {
  types?: readonly EventType[];
  campaign?: number;
  coupon?: bigint;
  /** What concerns a till key; of redemptions at it the selection is the node's. */
  till?: Uint8Array;
}

function matches(f: EventFilter, e: LedgerEvent): boolean {
  const x = e.outcome.effect;
  if (!x) return false;
  const coupon = "coupon" in x ? x.coupon : undefined;
  const campaign = coupon === undefined ? ("campaign" in x ? x.campaign : undefined) : campaignOf(coupon);
  const till = "tillKey" in x ? x.tillKey : e.till;
  return (
    (!f.types?.length || f.types.includes(e.type)) &&
    (f.campaign === undefined || f.campaign === campaign) &&
    (f.coupon === undefined || f.coupon === coupon) &&
    (f.till === undefined || (till !== undefined && equal(f.till, till)))
  );
}

/** Leave to hold one stream open. */
export interface StreamTurn {
  /** Ends when the stream must be given up; the next turn goes on behind the last event. */
  signal: AbortSignal;
  /** If there is no place for a lasting stream: after so many ms without an event it is closed. */
  quietMs?: number;
  /** Called when the stream is closed. */
  leave: () => void;
}

/** Shares few connections among many who follow events, such as the tabs of a browser. */
export interface StreamGate {
  /** Waits for a turn; throws the signal's reason if that ends first. */
  enter: (signal: AbortSignal | undefined) => Promise<StreamTurn>;
}

interface Source {
  nodes: readonly string[];
  verifier: Verifier;
  fetch: Fetch;
  timeoutMs: number;
  /** The node that is asked first. */
  first: number;
  gate?: StreamGate | undefined;
}

/**
 * Follows the events of a chain, node after node. A receipt's path does not prove its place, so a node
 * can show one transaction at several: each id is given once at its height.
 */
export async function* follow(
  source: Source,
  from: EventId,
  filter: EventFilter,
  signal?: AbortSignal,
): AsyncGenerator<LedgerEvent, void> {
  let pause = pauseMinMs;
  let given = { height: -1, ids: new Set<string>() };
  for (let at = source.first; ; at++) {
    signal?.throwIfAborted();
    const turn = await source.gate?.enter(signal);
    const node = source.nodes[at % source.nodes.length] as string;
    try {
      for await (const e of stream(source, node, from, filter, signal, turn)) {
        if (before(e.id, from)) throw new FalseAnswer("the node repeats itself");
        from = afterEvent(e.id);
        pause = pauseMinMs;
        if (e.id.height !== given.height) given = { height: e.id.height, ids: new Set() };
        if (given.ids.has(e.receipt.id)) continue;
        given.ids.add(e.receipt.id);
        if (matches(filter, e)) yield e;
      }
    } catch {
      signal?.throwIfAborted(); // whatever else happened, another node may do better
    } finally {
      turn?.leave();
    }
    if (turn?.signal.aborted) at--; // it was not the node that ended it
    if (turn?.signal.aborted || turn?.quietMs !== undefined) continue; // who has no place waits for the next turn
    await sleep(pause / 2 + Math.random() * pause, signal);
    pause = Math.min(2 * pause, pauseMaxMs);
  }
}

/** The events of one node until its stream ends. */
async function* stream(
  source: Source,
  node: string,
  from: EventId,
  f: EventFilter,
  signal?: AbortSignal,
  turn?: StreamTurn,
): AsyncGenerator<LedgerEvent, void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  signal?.addEventListener("abort", end);
  turn?.signal.addEventListener("abort", end);
  if (turn?.signal.aborted) end();
  let timer = setTimeout(end, source.timeoutMs);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(end, turn?.quietMs ?? silenceMaxMs);
  };
  try {
    const query = {
      from: eventIdText(from),
      proof: "true",
      type: f.types?.length ? f.types.join(",") : undefined,
      campaign: f.campaign,
      coupon: f.coupon?.toString(),
      till: f.till && encodeKey("till", f.till),
    };
    const url = node + target({ method: "GET", path: "/v1/events", query });
    const init: RequestInit = { headers: { accept: "text/event-stream" }, signal: stop.signal, credentials: "omit" };
    const response = await source.fetch(url, init);
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    alive();
    for await (const data of messages(response.body, alive)) {
      clearTimeout(timer); // the caller may take its time
      yield eventOfAnswer(source.verifier, data, node);
      alive();
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    turn?.signal.removeEventListener("abort", end);
    stop.abort();
  }
}

/** The data of each message of a text/event-stream. */
export async function* messages(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<string, void> {
  const text = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      rest += text.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() as string;
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
        if (line !== "" || data.length === 0) continue;
        yield data.join("\n");
        data = [];
      }
      if (rest.length + data.reduce((n, d) => n + d.length, 0) > eventCharsMax) {
        throw new FalseAnswer(`an event of more than ${eventCharsMax} characters`);
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Verifies an event. */
function eventOfAnswer(v: Verifier, data: string, node: string): LedgerEvent {
  return falseUnless(() => {
    const a = checkAnswer("EventAnswer", JSON.parse(data));
    const id = parseEventId(a.id);
    const header = a.data.header === undefined ? undefined : fromBase64(a.data.header);
    const receipt = { ...v.receipt(a.data.tx, fromBase64(a.data.proof ?? ""), header), node };
    const type = eventOf(receipt.outcome);
    if (receipt.height !== id.height || receipt.index !== id.tx || id.index !== 0 || type !== a.type || !type) {
      throw new FalseAnswer(`the event ${a.id} is not that of its receipt`);
    }
    const till = a.data.till === undefined ? undefined : decodeKey("till", a.data.till);
    return { id, type, outcome: receipt.outcome, timeMs: receipt.timeMs, receipt, till };
  });
}
