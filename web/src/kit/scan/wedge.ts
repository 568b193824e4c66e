/**
 * What a scanner brings. It types like a keyboard, and often like one of another layout than the
 * computer's: then the places of its keys say what it meant, as scanners come set to the US layout.
 */

const prefix = "SCRP:";
const code = /^SCRP:[0-9A-Z $%*+\-./:]+$/;
/** Symbology identifier (ISO/IEC 15424) that a scanner may put first, "]Q1" for a QR code. */
const symbology = /^\][A-Za-z][0-9A-Za-z]/;
/** "SCRP" as the keys of a US layout type it on others, behind whatever became of the identifier. */
const elsewhere = /^\S{0,3}(?:SCRP|ЫСКЗ|ІСКЗ|ΣΨΡΠ|OJPL)/u;
const leastOfCode = 40;

/** Stroke is one key of a scanner. */
export interface Stroke {
  /** What it typed, if it was one character, else "". */
  key: string;
  /** Its place on the keyboard, as KeyboardEvent.code. */
  code: string;
  shift: boolean;
}

const shifted: Readonly<Record<string, string>> = { 4: "$", 5: "%", 8: "*" };
const places: Readonly<Record<string, readonly [plain: string, shifted: string]>> = {
  Space: [" ", " "],
  Minus: ["-", "-"],
  Equal: ["=", "+"],
  Period: [".", "."],
  Slash: ["/", "/"],
  Semicolon: [";", ":"],
  BracketRight: ["]", "]"],
  NumpadAdd: ["+", "+"],
  NumpadSubtract: ["-", "-"],
  NumpadMultiply: ["*", "*"],
  NumpadDivide: ["/", "/"],
  NumpadDecimal: [".", "."],
};

/** placed is what a stroke means on the US layout, "" if nothing; letters are capital ones, as codes have no others. */
export function placed(s: Stroke): string {
  const letter = /^Key([A-Z])$/.exec(s.code)?.[1];
  if (letter) return letter;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(s.code)?.[1];
  if (digit) return s.shift && s.code.startsWith("Digit") ? (shifted[digit] ?? "") : digit;
  return places[s.code]?.[s.shift ? 1 : 0] ?? "";
}

/** bare is a code without what a scanner puts around it, in capital letters; other texts without blanks around them. */
function bare(text: string): string {
  const plain = text.trim().replace(symbology, "");
  const capital = plain.toUpperCase();
  return capital.startsWith(prefix) ? capital : text.trim();
}

/** typedText is what a scanner's strokes bring: the code by its characters or by the places of its keys, else the characters. */
export function typedText(strokes: readonly Stroke[]): string {
  const byKey = strokes.map((s) => s.key).join("");
  const found = [byKey, strokes.map(placed).join("")].map(bare).find((text) => code.test(text));
  return found ?? byKey;
}

/** isCode tells whether a text is one of this network's codes, as far as its characters say. */
export function isCode(text: string): boolean {
  return code.test(bare(text));
}

/** readScan is a text as it is read; undefined for a code whose characters a keyboard layout has changed. */
export function readScan(text: string): string | undefined {
  const read = bare(text);
  const changed = read.length >= leastOfCode && !code.test(read) && elsewhere.test(read.toUpperCase());
  return changed ? undefined : read;
}
