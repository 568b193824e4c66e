// Every pair of colours that carries text or a control meets WCAG 2.2 AA in both themes.
import { expect, test } from "vitest";
import css from "../src/kit/tokens.css?raw";

function colours(theme: 0 | 1): Map<string, string> {
  const found = new Map<string, string>();
  for (const m of css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)) found.set(m[1]!, m[2 + theme]!);
  for (const m of css.matchAll(/--(result-\w+|on-result): (#\w{6});/g)) found.set(m[1]!, m[2]!);
  return found;
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x! + 0.05) / (y! + 0.05);
}

const grounds = ["paper", "sheet"];
const text: [string, string[]][] = [
  ["ink", [...grounds, "accent-wash", "good-wash", "bad-wash", "wait-wash"]],
  ["ink-soft", [...grounds, "wait-wash"]],
  ["accent", [...grounds, "accent-wash"]],
  ["good", [...grounds, "good-wash"]],
  ["bad", [...grounds, "bad-wash"]],
  ["wait", [...grounds, "wait-wash"]],
  ["on-accent", ["accent"]],
  ["on-result", ["result-good", "result-bad", "result-wait"]],
];
const controls: [string, string[]][] = [
  ["edge", grounds],
  ["accent", grounds],
];

for (const theme of [0, 1] as const) {
  const found = colours(theme);
  const check = (pairs: [string, string[]][], least: number) => {
    for (const [fore, backs] of pairs) {
      for (const back of backs) {
        const [f, b] = [found.get(fore), found.get(back)];
        expect(f, fore).toBeDefined();
        expect(b, back).toBeDefined();
        expect(contrast(f!, b!), `${fore} on ${back}`).toBeGreaterThanOrEqual(least);
      }
    }
  };
  const name = theme === 0 ? "light" : "dark";
  test(`${name}: text has 4.5:1`, () => check(text, 4.5));
  test(`${name}: edges of controls have 3:1`, () => check(controls, 3));
}
