/**
 * Amounts as people type them. The command line reads them by the same rules, and both
 * are held to the same vectors.
 */
import { moneyMax } from "./terms.ts";

/** Why a text is no amount, in the order in which it is looked for. */
export const amountFaults = [
  /** There is nothing. */
  "empty",
  /** It names another currency. */
  "currency",
  /** It has a sign. */
  "sign",
  /** It has something else than digits and separators. */
  "characters",
  /** A digit is missing before or behind the point. */
  "point",
  /** A comma before three digits may part thousands or decimals. */
  "ambiguous",
  /** What parts its digits does not part thousands. */
  "groups",
  /** It has too many decimals. */
  "decimals",
  /** It is more than the ledger can hold. */
  "large",
] as const;
export type AmountFault = (typeof amountFaults)[number];

const charactersMax = 64;
const letters = 3;
const blank = "[ \\t\\r\\n\\u00a0\\u2009\\u202f\\u3000\\u200b\\u200e\\u200f\\u061c\\ufeff]+";
const outside = new RegExp(`^${blank}|${blank}$`, "g");
const signed = /^[+\-\u2212\uff0b\uff0d]|[+\-\u2212\uff0b\uff0d]$/;
/** ASCII, full-width, Arabic and Persian. */
const zeros = [0x30, 0xff10, 0x660, 0x6f0];

type Separator = "point" | "comma" | "decimal" | "space" | "quote" | "arabic";
const separators: Readonly<Record<string, Separator>> = {
  ".": "point", "\uff0e": "point", "\u3002": "point", "\uff61": "point",
  ",": "comma", "\uff0c": "comma", "\u066b": "decimal", "\u066c": "arabic",
  " ": "space", "\u00a0": "space", "\u2009": "space", "\u202f": "space", "\u3000": "space",
  "'": "quote", "\u2019": "quote", "\uff07": "quote",
};

interface Part {
  kind: Separator;
  /** How many digits stand before it. */
  behind: number;
}

/**
 * Reads what a person types as an amount, in units of its last decimal: digits, also
 * full-width and Arabic ones, with at most `decimals` of them behind a point or comma,
 * before or behind the letters of its currency. Thousands may be parted where that cannot
 * be taken for decimals; a comma before three digits can, and is "ambiguous" whatever the
 * decimals. Returns the fault of a text that is no amount, and never throws.
 */
export function parseAmount(text: string, decimals: number, currency = ""): bigint | AmountFault {
  const bare = withoutLetters(text.replace(outside, ""), currency);
  return typeof bare === "string" ? bare : read(bare.text.replace(outside, ""), decimals);
}

function withoutLetters(text: string, currency: string): { text: string } | AmountFault {
  const before = /^[A-Za-z]*/.exec(text)?.[0] ?? "";
  const behind = /[A-Za-z]*$/.exec(text)?.[0] ?? "";
  if (before === "" && behind === "") return { text };
  const own = (x: string): boolean => currency !== "" && x.toUpperCase() === currency.toUpperCase();
  if (own(before)) return { text: text.slice(before.length) };
  if (own(behind)) return { text: text.slice(0, -behind.length) };
  return before.length === letters || behind.length === letters ? "currency" : "characters";
}

function read(text: string, decimals: number): bigint | AmountFault {
  const characters = [...text];
  if (characters.length === 0) return "empty";
  if (signed.test(text)) return "sign";
  if (characters.length > charactersMax) return "large";
  let digits = "";
  const parts: Part[] = [];
  for (const c of characters) {
    const code = c.codePointAt(0) as number;
    const zero = zeros.find((z) => code >= z && code <= z + 9);
    const kind = separators[c];
    if (zero !== undefined) digits += String(code - zero);
    else if (kind) parts.push({ kind, behind: digits.length });
    else return "characters";
  }
  const whole = wholeOf(digits, parts);
  if (typeof whole === "string") return whole;
  const missing = decimals - (digits.length - whole);
  if (missing < 0) return "decimals";
  const minor = BigInt(digits + "0".repeat(missing));
  return minor > moneyMax ? "large" : minor;
}

/** How many of the digits stand before the decimals. */
function wholeOf(digits: string, parts: readonly Part[]): number | AmountFault {
  const [first, last] = [parts[0], parts.at(-1)];
  if (!first || !last) return digits.length;
  let [whole, groups] = [digits.length, parts];
  const parting = last.kind === "point" || last.kind === "comma";
  if (last.kind === "decimal" || (parting && (parts.length === 1 || first.kind !== last.kind))) {
    [whole, groups] = [last.behind, parts.slice(0, -1)];
    const behind = digits.length - whole;
    if (whole === 0 || behind === 0) return "point";
    const thousands = last.kind === "comma" && behind === 3 && whole <= 3 && digits[0] !== "0";
    if (parts.length === 1 && thousands) return "ambiguous";
  }
  for (const [i, g] of groups.entries()) {
    const next = groups[i + 1]?.behind ?? whole;
    if (g.kind !== first.kind || g.kind === "decimal" || g.behind === 0 || next - g.behind !== 3) return "groups";
  }
  return groups.length > 0 && (first.behind > 3 || digits[0] === "0") ? "groups" : whole;
}
