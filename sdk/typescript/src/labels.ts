/**
 * The short texts that stand on the ledger, titles and names of tills, as people type
 * them (internal/label of the program, which reads them in the same way).
 */
import { validText } from "./wire.ts";

/**
 * What keyboards and web pages insert and nobody sees: marks of direction, spaces without
 * width, soft hyphens, byte order marks. Joiners stay: some scripts and emoji need them.
 */
const unseen = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const blanks = /^\p{White_Space}+|\p{White_Space}+$/gu;

/**
 * A text as it goes to the ledger: composed (NFC), without unseen characters and blanks
 * around it. Undefined if it holds line ends, tabs or other controls. Nodes take no
 * other text from their clients.
 */
export function readLabel(text: string): string | undefined {
  const clean = text.replace(unseen, "").replace(blanks, "").normalize("NFC");
  return validText(clean) && !/[\u2028\u2029]/.test(clean) ? clean : undefined;
}
