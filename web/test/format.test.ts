// Amounts are exact however large, and read back as they were written.
import { beforeEach, expect, test } from "vitest";
import { brief, decimal, money, moneyShort, parseMoney } from "../src/kit/format.ts";
import { language } from "../src/kit/i18n.ts";

const euro = { letters: "EUR", exponent: 2 };
const yen = { letters: "JPY", exponent: 0 };

beforeEach(() => {
  language.value = "en";
});

test("minor units are written with the currency's digits", () => {
  expect(decimal(450n, 2)).toBe("4.50");
  expect(decimal(5n, 2)).toBe("0.05");
  expect(decimal(-5n, 3)).toBe("-0.005");
  expect(decimal(7n, 0)).toBe("7");
});

test("the largest amount loses no unit", () => {
  expect(money(999_999_999_999_999n, euro).replace(/[^\d.]/g, "")).toBe("9999999999999.99");
});

test("a large value shows decimals only where there are some", () => {
  expect(moneyShort(500n, euro)).toBe("€5");
  expect(moneyShort(450n, euro)).toBe("€4.50");
  expect(moneyShort(450n, yen)).toBe("¥450");
});

test("an amount is read with a comma or a point, and never guessed", () => {
  expect(parseMoney("4,5", 2)).toBe(450n);
  expect(parseMoney(" 12 ", 2)).toBe(1200n);
  expect(parseMoney("4.505", 2)).toBeUndefined();
  expect(parseMoney("4.5", 0)).toBeUndefined();
  expect(parseMoney("1,000.00", 2)).toBeUndefined();
  expect(parseMoney("-1", 2)).toBeUndefined();
  expect(parseMoney("", 2)).toBeUndefined();
});

test("any amount that is written is read back", () => {
  let x = 1n;
  for (let i = 0; i < 200; i++) {
    x = (x * 48271n) % 1_000_000_000_000_000n;
    for (const exponent of [0, 2, 3, 4]) {
      const text = decimal(x, exponent);
      if ((text.split(".")[0] ?? "").length <= 13) expect(parseMoney(text, exponent)).toBe(x);
    }
  }
});

test("a key is shortened to its ends", () => {
  expect(brief("scriptill1abcdefghijklmnopqrstuvwxyz")).toBe("scriptill1…uvwxyz");
  expect(brief("short")).toBe("short");
});
