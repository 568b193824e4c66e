/**
 * Requests to one node: bounded in time and size, with answers checked against the
 * description of the API before anything reads them.
 */
import { type Answers, type Problem, shapes } from "./answers.ts";
import { base64, fromUtf8, utf8 } from "./bytes.ts";
import { FalseAnswer, HttpStatus, ProblemError } from "./errors.ts";
import { encodeKey } from "./keys.ts";
import { type Chain, type Signer, Tag, sha256 } from "./signing.ts";
import { Writer } from "./wire.ts";

/** Limits of answers, in bytes. */
export const answerBytesMax = 1 << 20;
export const blockBytesMax = 96 << 20;
export const genesisBytesMax = 16 << 20;
const problemBytesMax = 64 << 10;

/** The part of fetch that is used; tests and programs may give another. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of one call. */
export interface CallOptions {
  /** Ends the call; it throws the signal's reason. */
  signal?: AbortSignal;
}

/** One request. */
export interface Ask {
  method: "GET" | "POST";
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: Uint8Array;
  headers?: Record<string, string>;
  /** For how long the node is asked to hold it, beside the client's timeout. */
  waitMs?: number;
  limit?: number;
}

/** A request that carries JSON. */
export function jsonAsk(path: string, body: unknown): Ask {
  return { method: "POST", path, body: utf8(JSON.stringify(body)), headers: { "content-type": "application/json" } };
}

/** A signal that ends with another or after some time; done() frees its timer. */
export function deadline(signal: AbortSignal | undefined, ms: number): { signal: AbortSignal; done: () => void } {
  const c = new AbortController();
  const end = (): void => c.abort(signal?.reason);
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end);
  const timer = setTimeout(() => c.abort(new DOMException("the node did not answer in time", "TimeoutError")), ms);
  return {
    signal: c.signal,
    done: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    },
  };
}

/** Waits, and throws the signal's reason if it ends first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

/** The path and query of a request. */
export function target(ask: Ask): string {
  const q = new URLSearchParams();
  for (const [name, v] of Object.entries(ask.query ?? {})) if (v !== undefined) q.set(name, String(v));
  const text = q.toString();
  return ask.path + (text ? `?${text}` : "");
}

/** Sends a request and returns the body of the answer; throws a ProblemError if the node reports one. */
export async function send(
  fetcher: Fetch,
  base: string,
  ask: Ask,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const limit = deadline(signal, timeoutMs + (ask.waitMs ?? 0));
  try {
    const headers: Record<string, string> = { accept: "application/json", ...ask.headers };
    if (ask.body) headers["content-type"] ??= "application/octet-stream";
    const init: RequestInit = {
      method: ask.method,
      headers,
      signal: limit.signal,
      redirect: "error",
      credentials: "omit",
    };
    if (ask.body) init.body = Uint8Array.from(ask.body);
    const response = await fetcher(base + target(ask), init);
    if (!response.ok) throw await problemOf(response);
    return await readAll(response, ask.limit ?? answerBytesMax);
  } finally {
    limit.done();
  }
}

async function readAll(response: Response, limit: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new FalseAnswer(`an answer of more than ${limit} bytes`);
    }
    parts.push(value);
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

async function problemOf(response: Response): Promise<Error> {
  try {
    const p = parseAnswer("Problem", await readAll(response, problemBytesMax)) as Problem;
    if (p.code !== "") return new ProblemError({ ...p, status: response.status });
  } catch {
    // It is no problem of a node: a proxy's page, for example.
  }
  return new HttpStatus(response.status, 1000 * (Number(response.headers.get("retry-after")) || 0));
}

/** Reads JSON that must be an answer of a kind; throws a FalseAnswer. */
export function parseAnswer<K extends keyof Answers>(kind: K, body: Uint8Array): Answers[K] {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(body));
  } catch {
    throw new FalseAnswer("the answer is not JSON");
  }
  return checkAnswer(kind, value);
}

/** Checks that a value has the fields of an answer, with their types. A list that is null becomes empty. */
export function checkAnswer<K extends keyof Answers>(kind: K, value: unknown): Answers[K] {
  return shaped(kind, value, kind) as Answers[K];
}

function shaped(word: string, value: unknown, path: string): unknown {
  if (word.startsWith("[]")) {
    if (value === null) return [];
    if (!Array.isArray(value)) throw new FalseAnswer(`${path} is not a list`);
    return value.map((v, i) => shaped(word.slice(2), v, `${path}[${i}]`));
  }
  const type = { s: "string", n: "number", b: "boolean" }[word];
  if (type !== undefined) {
    if (typeof value !== type) throw new FalseAnswer(`${path} is not a ${type}`);
    return value;
  }
  const shape = shapes[word as keyof Answers];
  if (typeof value !== "object" || value === null) throw new FalseAnswer(`${path} is not an object`);
  const out: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(shape)) {
    const v = (value as Record<string, unknown>)[name];
    const optional = rule.startsWith("?");
    if (v !== undefined) out[name] = shaped(optional ? rule.slice(1) : rule, v, `${path}.${name}`);
    else if (!optional) throw new FalseAnswer(`${path}.${name} is missing`);
  }
  return out;
}

/**
 * The Authorization header of a till (docs/wire.md, part 12): nodes admit every Redeem
 * that its till hands in, so that its refusal is final. target is path and query as sent.
 */
export function loginHeader(
  chain: Chain,
  till: Signer,
  method: string,
  path: string,
  body: Uint8Array,
  nowMs: number,
): string {
  const w = new Writer().u8(1).u64(nowMs).bytes(utf8(method)).bytes(utf8(path)).raw(sha256(body));
  const signature = till.sign(chain.message(Tag.login, w.done()));
  return `Scrip-Till ${encodeKey("till", till.key)}:${nowMs}:${base64(signature)}`;
}
