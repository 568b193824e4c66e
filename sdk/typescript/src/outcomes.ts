/**
 * What asking node after node for one outcome brings, and what the members among them agree in.
 */
import type { TxAnswer } from "./answers.ts";
import { OutcomeUnknown, ProblemError, Refusal } from "./errors.ts";
import { type Statement, membersOf } from "./statements.ts";
import type { CheckedTx } from "./transactions.ts";
import type { Receipt } from "./verifier.ts";

/** What one node's attempt ended with. */
export class NodeError extends Error {
  override readonly name = "NodeError";
  override readonly cause: unknown;

  constructor(node: string, cause: unknown) {
    super(`${node}: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.cause = cause;
  }

  get problem(): ProblemError["problem"] | undefined {
    return this.cause instanceof ProblemError || this.cause instanceof Said ? this.cause.problem : undefined;
  }
}

/** The transaction whose outcome is wanted; tx if its bytes are at hand. */
export interface Wanted {
  id: string;
  /** 0 if it is not known. */
  expiresMs: number;
  tx?: CheckedTx;
}

type Query = Record<string, string | number>;
export type OutcomeAsk = (node: string, query: Query, signal: AbortSignal) => Promise<TxAnswer>;

/** What a node cannot prove, but says as the member that it is. */
export class Said extends Error {
  override readonly name = "Said";
  readonly problem: ProblemError["problem"];
  readonly statement: Statement;

  constructor(problem: ProblemError["problem"], statement: Statement) {
    super(`replica ${statement.replica} at height ${statement.height}: ${problem.code} ${problem.detail ?? ""}`);
    this.problem = problem;
    this.statement = statement;
  }
}

/** A proven receipt that ends nothing. */
export class StaysOpen extends Error {
  override readonly name = "StaysOpen";
  readonly receipt: Receipt;

  constructor(receipt: Receipt) {
    super(`refused with ${receipt.outcome.code} at height ${receipt.height}, which ends nothing`);
    this.receipt = receipt;
  }
}

/** The code with which a node's state refuses the transaction, else "". That it is busy says nothing about it. */
export function refusalOf(p: ProblemError["problem"] | undefined): string {
  const code = p?.code ?? "";
  return /^E\d{3}$/.test(code) && code !== "E108" ? code : "";
}

/** What enough members agree in, each under its key: that it is refused, or dead; undefined if they do not. */
export function agreed(errors: readonly NodeError[], of: Wanted, need: number): Refusal | OutcomeUnknown | undefined {
  const said = errors.flatMap((e) => (e.cause instanceof Said ? [e.cause] : []));
  // A node that is handed what a block holds answers with that: so E104 too says that no block holds it.
  const none = (s: Said): boolean => ["absent", "open", "E104"].includes(s.statement.says);
  const over = (s: Said): boolean =>
    of.expiresMs > 0 ? s.statement.timeMs >= of.expiresMs : s.problem.code === "lapsed";
  if (membersOf(said.filter((s) => none(s) && over(s)).map((s) => s.statement)) >= need) {
    return new OutcomeUnknown(of.id, of.expiresMs, true, errors);
  }
  const refusing = said.filter((s) => s.statement.says === refusalOf(s.problem));
  const members = membersOf(refusing.map((s) => s.statement));
  if (members >= need) {
    const { code, detail = "" } = refusing[0]?.problem ?? { code: "" };
    return new Refusal(of.id, code, { members, detail, openUntilMs: of.expiresMs });
  }
  return undefined;
}
