// Every table of texts has both languages, with the same keys and the same values.
import { expect, test } from "vitest";
import { fill } from "../src/kit/i18n.ts";

type Table = Readonly<Record<string, string>>;
const tables = import.meta.glob<{ en: Table; zh: Table }>("../src/**/text.ts", { eager: true });

const valuesOf = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]))].sort();

test("there are tables", () => expect(Object.keys(tables).length).toBeGreaterThan(0));

for (const [file, { en, zh }] of Object.entries(tables)) {
  test(`${file}: the same keys in English and Chinese`, () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  });
  test(`${file}: the same values in both, and no empty text`, () => {
    for (const key of Object.keys(en)) {
      expect(valuesOf(zh[key] ?? ""), key).toEqual(valuesOf(en[key] ?? ""));
      expect(en[key]?.trim(), key).not.toBe("");
      expect(zh[key]?.trim(), key).not.toBe("");
    }
  });
  test(`${file}: Chinese is Chinese`, () => {
    for (const [key, text] of Object.entries(zh)) {
      const bare = text.replace(/\{\w+\}/g, "");
      if (/[A-Za-z]{2,}/.test(en[key] ?? "") && bare === en[key]) expect.soft(bare, key).toMatch(/^[A-Z0-9 .,:/-]*$/);
    }
  });
}

test("a text has the form of its number", () => {
  const text = "{n} coupon||{n} coupons";
  expect(fill(text, { n: 1 }, "en-GB")).toBe("1 coupon");
  expect(fill(text, { n: 1200 }, "en-GB")).toBe("1,200 coupons");
  expect(fill("{n} 张", { n: 3 }, "zh-CN")).toBe("3 张");
});

test("a value that is not given stays visible", () => {
  expect(fill("at {place}", {}, "en-GB")).toBe("at {place}");
});
