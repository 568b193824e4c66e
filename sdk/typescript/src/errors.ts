/**
 * Everything that this SDK throws on purpose. `code` is stable; texts may change.
 */
import { type CodeInfo, codeInfo } from "./codes.ts";
import type { Problem } from "./answers.ts";
import type { Receipt, State } from "./verifier.ts";

/** The base of the SDK's errors. */
export abstract class ScripError extends Error {
  /** A code of the domain rules such as "E509", or a word such as "outcome_unknown". */
  abstract readonly code: string;

  /** What people and tools are told about the code. */
  get info(): CodeInfo | undefined {
    return codeInfo(this.code);
  }

  /** The one word for people, the same in all tools: "already_redeemed". */
  get word(): string {
    return this.info?.word || this.code;
  }
}

/** Bytes or keys that the domain rules refuse, found before anything was sent (E101, E102, E103, E107). */
export class RuleError extends ScripError {
  override readonly name = "RuleError";
  readonly code: string;

  constructor(code: string, detail: string) {
    super(`${code} ${codeInfo(code)?.name ?? ""}: ${detail}`);
    this.code = code;
  }
}

/** An answer that does not show what it claims: the node lies, is broken, or is of another chain. */
export class FalseAnswer extends ScripError {
  override readonly name = "FalseAnswer";
  readonly code = "false_answer";
}

/** An answer that is older than what this client has seen, or than its maxAge. */
export class StaleAnswer extends ScripError {
  override readonly name = "StaleAnswer";
  readonly code = "stale_answer";
}

/** The state at a proven height has no such row. */
export class NotFound extends ScripError {
  override readonly name = "NotFound";
  readonly code = "not_found";
  /** The proven height, and the time of its block, Unix ms. */
  readonly height: number;
  readonly timeMs: number;

  constructor(what: string, height: number, timeMs: number) {
    super(`${what}: not found at height ${height}`);
    this.height = height;
    this.timeMs = timeMs;
  }
}

/** No node gave a usable answer; `errors` says what each did. */
export class Unreachable extends ScripError {
  override readonly name = "Unreachable";
  readonly code = "no_quorum";
  readonly errors: readonly unknown[];

  constructor(what: string, errors: readonly unknown[]) {
    super(`${what}: no node gave a usable answer (${errors.map(messageOf).join("; ")})`);
    this.errors = errors;
  }
}

/** An error as a node reports it (RFC 9457). */
export class ProblemError extends ScripError {
  override readonly name = "ProblemError";
  readonly code: string;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super([problem.code + ":", problem.title, problem.detail ?? ""].join(" ").trim());
    this.code = problem.code;
    this.problem = problem;
  }
}

/** An HTTP status without a problem that this version reads: of a proxy, or of a ticket desk. */
export class HttpStatus extends ScripError {
  override readonly name = "HttpStatus";
  readonly code = "http_status";
  readonly status: number;
  /** After how many ms to ask again, if the answer says so; else 0. */
  readonly retryMs: number;

  constructor(status: number, retryMs: number) {
    super(`HTTP status ${status}`);
    this.status = status;
    this.retryMs = retryMs;
  }
}

/** What a Refusal rests on. */
export interface RefusedBy {
  /** The proven receipt. */
  receipt?: Receipt;
  /** Whether the receipt ends the transaction's id (endingOf). */
  ends?: boolean;
  /** Until when the same bytes may still be accepted, Unix ms. */
  openUntilMs?: number;
  /** How many different members said it under their keys. */
  members?: number;
  detail?: string;
}

/**
 * A transaction that had no effect so far. A final refusal is proven by `receipt`: the
 * same bytes are refused for ever. One that is not final may still be accepted until
 * `openUntilMs`: either it was refused in a block with a code that ends nothing, which
 * `receipt` proves, or `members` members, at least f+1, say that their state refuses it.
 */
export class Refusal extends ScripError {
  override readonly name = "Refusal";
  readonly code: string;
  readonly id: string;
  readonly receipt: Receipt | undefined;
  /** Whether the refusal is decided and proven, for ever. */
  readonly final: boolean;
  /** Until when the same bytes may still be accepted, Unix ms; 0 if it is final, or if that is not known. */
  readonly openUntilMs: number;
  /** How many members said so, of one that no receipt proves. */
  readonly members: number;
  /** What was wrong, in the words of a node; "" for one that is proven. */
  readonly detail: string;

  constructor(id: string, code: string, by: RefusedBy) {
    const info = codeInfo(code);
    const final = by.receipt !== undefined && (by.ends ?? true);
    const how = final ? "was refused for good" : by.receipt ? "was refused, not for good," : "is refused at the door";
    super(
      `transaction ${id.slice(0, 8)}… ${how} with ${code}` +
        (info ? ` ${info.name}: ${info.explanation} ${info.advice}` : ""),
    );
    this.id = id;
    this.code = code;
    this.receipt = by.receipt;
    this.final = final;
    this.openUntilMs = final ? 0 : (by.openUntilMs ?? 0);
    this.members = by.members ?? 0;
    this.detail = by.detail ?? "";
  }
}

/**
 * The outcome of a transaction is not known: it may have been executed, or still be.
 * Asking again with `Client.receipt`, or submitting the same bytes again, is safe.
 */
export class OutcomeUnknown extends ScripError {
  override readonly name = "OutcomeUnknown";
  readonly code: "outcome_unknown" | "lapsed";
  readonly id: string;
  /** Chain time from which no block can accept it, Unix ms; 0 if not known. */
  readonly expiresMs: number;
  readonly errors: readonly unknown[];
  /** The row that proves that it had no effect, if one does; else f+1 members said that no block holds it. */
  readonly state: State | undefined;

  constructor(id: string, expiresMs: number, lapsed: boolean, errors: readonly unknown[], state?: State) {
    super(
      lapsed
        ? `transaction ${id.slice(0, 8)}… has lapsed: it is in no block, and none can accept it any more`
        : `the outcome of transaction ${id.slice(0, 8)}… is unknown: ${errors.map(messageOf).join("; ")}`,
    );
    this.code = lapsed ? "lapsed" : "outcome_unknown";
    this.id = id;
    this.expiresMs = expiresMs;
    this.errors = errors;
    this.state = state;
  }

  /** Whether it is dead: its time is over by the chain, and `state` or f+1 members show that it had no effect. */
  get lapsed(): boolean {
    return this.code === "lapsed";
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
