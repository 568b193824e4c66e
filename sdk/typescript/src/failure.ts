/**
 * What fails before any transaction has an outcome: what errors.ts builds on, and what the
 * modules throw that its proofs rest on.
 */
import { type CodeInfo, codeInfo } from "./codes.ts";
import type { Problem } from "./answers.ts";

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

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
