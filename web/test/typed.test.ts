// What is typed of an amount, and what a scanner types, whatever the keyboard.
import { expect, test } from "vitest";
import { isCode, readScan, typedText } from "../src/kit/scan/wedge.ts";
import { amountOf, back, keyOf, nothing, press, typeAll, type Typed } from "../src/till/typed.ts";

/** after is the amount, or the refusal, after keys in a currency of so many decimals. */
function after(keys: string, exponent = 2): bigint | string {
  const t = typeAll(nothing, keys, exponent);
  return typeof t === "string" ? t : amountOf(t, exponent);
}

test("digits alone fill up from the minor unit, a point or comma begins the decimals", () => {
  expect(after("")).toBe(0n);
  expect(after("12")).toBe(12n);
  expect(after("1250")).toBe(1250n);
  for (const keys of ["12.5", "12,5", "12.50", "12，5", "１２．５"]) expect(after(keys), keys).toBe(1250n);
  expect(after("12.")).toBe(1200n);
  expect(after(".5")).toBe(50n);
  expect(after("0.05")).toBe(5n);
  expect(after("1.234", 3)).toBe(1234n);
  expect(after("1,000", 3)).toBe(1000n);
});

test("what cannot be taken is refused by name, and changes nothing", () => {
  expect(after("1.234")).toBe("decimals");
  expect(after("1.2.")).toBe("point");
  expect(after("12.", 0)).toBe("noDecimals");
  expect(after("12345678901")).toBe("long");
  expect(after("12345678900.5")).toBe("long");
  for (const keys of ["12a", "-5", "1 000", "1+1"]) expect(after(keys), keys).toBe("key");
});

test("keys are taken back one by one", () => {
  let t = typeAll(nothing, "12.5", 2) as Typed;
  const seen = [];
  for (let i = 0; i < 5; i++) {
    seen.push(amountOf(t, 2));
    t = back(t);
  }
  expect(seen).toEqual([1250n, 1200n, 12n, 1n, 0n]);
  expect(press(nothing, "00", 2)).toEqual(nothing);
});

test("a numeric pad counts by its keys, and an input method hides none", () => {
  const key = (k: string, code = "") => keyOf({ key: k, code });
  expect(key("7")).toBe("7");
  expect(key("Home", "Numpad7")).toBe("7"); // Num Lock is off
  expect(key("Delete", "NumpadDecimal")).toBe(".");
  expect(key(",", "NumpadDecimal")).toBe(".");
  expect(key("Process", "Digit7")).toBe("7");
  expect(key("Process", "Period")).toBe(".");
  expect(key("。")).toBe(".");
  expect(key("x")).toBe("");
  for (const k of ["Shift", "Enter", "Backspace", "F5", "Tab"]) expect(key(k), k).toBeUndefined();
  expect(key("Enter", "NumpadEnter")).toBeUndefined();
});

const sample = "SCRP:8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ+Y Z$T%*/:1";

/** placeOf is the key of a US keyboard that types a character. */
function placeOf(c: string): { code: string; shift: boolean } {
  if (/[A-Z]/.test(c)) return { code: `Key${c}`, shift: true };
  if (/\d/.test(c)) return { code: `Digit${c}`, shift: false };
  const others: Record<string, [string, boolean]> = {
    " ": ["Space", false],
    $: ["Digit4", true],
    "%": ["Digit5", true],
    "*": ["Digit8", true],
    "+": ["Equal", true],
    "-": ["Minus", false],
    ".": ["Period", false],
    "/": ["Slash", false],
    ":": ["Semicolon", true],
    "]": ["BracketRight", false],
  };
  const [code, shift] = others[c] as [string, boolean];
  return { code, shift };
}

/** layouts are what some keyboards make of the keys that a scanner presses for a US keyboard. */
const layouts: Record<string, (c: string) => string> = {
  german: (c) => ({ ":": "Ö", "-": "ß", "/": "-", Y: "Z", Z: "Y", "+": "", "*": "(", "]": "+" })[c] ?? c,
  french: (c) =>
    ({
      ":": "M",
      "-": ")",
      "/": "!",
      ".": ":",
      A: "Q",
      Q: "A",
      Z: "W",
      W: "Z",
      M: "?",
      $: "4",
      "%": "5",
      "*": "8",
      "]": "$",
    })[c] ?? (/\d/.test(c) ? "à&é\"'(-è_ç".charAt(Number(c)) : c),
  russian: (c) => ({ S: "Ы", C: "С", R: "К", P: "З", ":": "Ж", "/": ".", ".": "ю" })[c] ?? (/[A-Z]/.test(c) ? "Ф" : c),
  capsLock: (c) => c.toLowerCase(),
};

test("a scanner is read by the places of its keys, whatever they type", () => {
  for (const [name, of] of Object.entries(layouts)) {
    for (const text of [sample, `]Q1${sample}`]) {
      const strokes = [...text].map((c) => ({ key: of(c), ...placeOf(c) }));
      expect(typedText(strokes), name).toBe(sample);
    }
  }
  const plain = [...sample].map((key) => ({ key, code: "", shift: false }));
  expect(typedText(plain)).toBe(sample);
  const ean = [..."4006381333931"].map((key) => ({ key, code: `Digit${key}`, shift: false }));
  expect(typedText(ean)).toBe("4006381333931");
});

test("lower case and a symbology identifier are no fault of a code", () => {
  for (const id of ["", "]Q0", "]Q1", "]Q3", "]Q6", "]d1", "]d2", "]C1"]) {
    expect(readScan(id + sample), id).toBe(sample);
    expect(readScan(`${id}${sample.toLowerCase()}\r\n`), id).toBe(sample);
    expect(isCode(id + sample)).toBe(true);
  }
});

test("a code whose characters a layout has changed is the scanner's fault, and other texts are not", () => {
  for (const of of [layouts["german"], layouts["french"], layouts["russian"]] as ((c: string) => string)[]) {
    for (const text of [sample, `]Q1${sample}`, sample.toLowerCase()]) {
      const typed = [...text].map((c) => of(c.toUpperCase())).join("");
      expect(readScan(typed), typed).toBeUndefined();
    }
  }
  for (const text of [
    "4006381333931",
    "SCRP:NOT A CODE",
    "https://example.com/c#SCRPabc",
    "14D2P-F2DBR",
    "scrapbook of the year with a long title and more",
  ]) {
    expect(readScan(text), text).toBe(text);
    expect(isCode(text) && text !== "SCRP:NOT A CODE", text).toBe(false);
  }
});
