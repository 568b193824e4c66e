/**
 * Everything that this SDK throws on purpose. `code` is stable; texts may change.
 */
import { codeInfo } from "./codes.ts";
import { ScripError, messageOf } from "./failure.ts";
import type { Receipt, State } from "./verifier.ts";

export * from "./failure.ts";

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
