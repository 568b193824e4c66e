/** From whatever was thrown to the sentences that people read. */
import { codeInfo } from "@scrip/sdk/codes";
import { OutcomeUnknown, Refusal, ScripError } from "@scrip/sdk/errors";
import { timeSeconds } from "../format.ts";
import type { FailureText } from "../ui.tsx";
import { en, t } from "./text.ts";

type Key = keyof typeof en;

// Codes that deserve words of their own, where the shared word would say too little.
const own: Readonly<Record<string, Key>> = {
  E101: "bad_code",
  E103: "other_chain",
  E109: "clock_fast",
  E302: "claimed_before",
  E307: "claim_window",
  E304: "holder_limit",
  E519: "show_limit",
  E508: "stored_low",
  E507: "value_mismatch",
  E512: "undone",
  E513: "undo_late",
};

function keyOf(code: string): Key {
  const special = own[code];
  if (special) return special;
  const word = codeInfo(code)?.word || code;
  return word in en ? (word as Key) : /^E\d/.test(code) ? "refused" : "unexpected";
}

function say(key: string): string | undefined {
  return key in en ? t(key as Key) : undefined;
}

/** codeOf returns the stable code of an error: "E509", "outcome_unknown", or "unexpected". */
export function codeOf(error: unknown): string {
  if (error instanceof OutcomeUnknown) return error.lapsed ? "lapsed" : "outcome_unknown";
  return error instanceof ScripError ? error.code : "unexpected";
}

/** undecided tells whether what was handed in may still be accepted: nothing that follows from a "no" is done yet. */
export function undecided(error: unknown): boolean {
  if (error instanceof OutcomeUnknown) return !error.lapsed;
  return error instanceof Refusal && !error.final && error.id !== "";
}

/** textOf says a code to the person whose coupon it is. */
export function textOf(code: string): FailureText {
  const key = keyOf(code);
  return { title: t(key), detail: say(`${key}_do`), code };
}

/** failureOf says an error to a person. */
export function failureOf(error: unknown): FailureText {
  const code = codeOf(error);
  if (code === "unexpected" && error instanceof Error) return { ...textOf(code), code: error.message.slice(0, 120) };
  const text = textOf(code);
  if (!(error instanceof Refusal) || !undecided(error) || error.openUntilMs === 0) return text;
  const open = t("still_open", { time: timeSeconds(error.openUntilMs) });
  return { ...text, detail: text.detail ? `${text.detail} ${open}` : open };
}

/** cashierText is what a cashier reads: the word, and what to say. */
export function cashierText(code: string): { word: string; say: string } {
  const key = keyOf(code);
  return { word: t(key), say: say(`${key}_say`) ?? say(`${key}_do`) ?? "" };
}
