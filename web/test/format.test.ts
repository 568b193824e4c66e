// Amounts are exact however large, and read back as they were written.
import { beforeEach, expect, test } from "vitest";
import { amountWords, isAmountFault, readAmount, readCount } from "../src/kit/amount.ts";
import { brief, decimal, lastDay, lastMoment, money, moneyShort } from "../src/kit/format.ts";
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

test("an amount that could mean two is asked back, with both", () => {
  const words = (text: string, exponent: number) => {
    const currency = { letters: "XTS", exponent };
    const fault = readAmount(text, currency);
    return typeof fault === "string" ? amountWords(fault, text, currency) : String(fault);
  };
  expect(words("1,000", 3)).toBe("Is it 1000 or 1.000? Write one of the two.");
  expect(words("１，０００", 3)).toBe("Is it 1000 or 1.000? Write one of the two.");
  expect(words("1,000", 2)).toBe("Please write 1000, without the comma.");
  expect(words("1,000", 0)).toBe("Please write 1000, without the comma.");
  expect(words("4,5", 2)).toBe("450");
  expect(words("4.5", 0)).toBe("Only whole numbers here.");
  expect(words("4.505", 2)).toBe("At most 2 decimals.");
  expect(words("x", 3)).toBe("Write it in digits, such as 1.250.");
  language.value = "zh";
  expect(words("1,000", 3)).toBe("是 1000 还是 1.000？请写其中一个。");
});

test("a count is a whole number within bounds", () => {
  expect(readCount(" 200 ", 1, 500)).toBe(200);
  expect(readCount("２００", 1, 500)).toBe(200);
  expect(readCount("0", 1, 500)).toBe("range");
  expect(readCount("501", 1, 500)).toBe("range");
  expect(readCount("1,000", 1, 5000)).toBe("ambiguous");
  expect(readCount("1.5", 1, 500)).toBe("decimals");
  expect(isAmountFault("ambiguous")).toBe(true);
  expect(isAmountFault("range")).toBe(false);
});

test("any amount that is written is read back", () => {
  let x = 1n;
  for (let i = 0; i < 200; i++) {
    x = (x * 48271n) % 1_000_000_000_000_000n;
    for (const exponent of [0, 2, 3, 4]) {
      const text = decimal(x, exponent);
      expect(readAmount(text, { letters: "XTS", exponent })).toBe(x);
    }
  }
});

test("a key is shortened to its ends", () => {
  expect(brief("scriptill1abcdefghijklmnopqrstuvwxyz")).toBe("scriptill1…uvwxyz");
  expect(brief("short")).toBe("short");
});

test("an end is told by what it includes", () => {
  const midnight = new Date(2027, 2, 2).getTime();
  expect(lastDay(midnight)).toBe("1 Mar 2027");
  expect(lastMoment(midnight)).toBe("1 Mar 2027");
  expect(lastMoment(midnight + 15 * 3_600_000)).toMatch(/^2 Mar 2027, (15|3):00/);
  expect(lastDay(midnight + 1)).toBe("2 Mar 2027");
});
