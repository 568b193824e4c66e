/** Amounts and counts as people type them, and what they are told about those that cannot be read. */
import { amountFaults, parseAmount, type AmountFault } from "@scrip/sdk/amounts";
import { decimal, number, type Currency } from "./format.ts";
import { t } from "./text.ts";

export type { AmountFault } from "@scrip/sdk/amounts";

/** readAmount reads an amount as minor units, or says why it is none. */
export function readAmount(text: string, currency: Currency): bigint | AmountFault {
  return parseAmount(text, currency.exponent, currency.letters);
}

/** amountOf is readAmount for what only shows what was typed so far. */
export function amountOf(text: string, currency: Currency): bigint | undefined {
  const read = readAmount(text, currency);
  return typeof read === "bigint" ? read : undefined;
}

/** readCount reads a whole number within bounds; "range" is a number beyond them. */
export function readCount(text: string, least: number, most: number): number | AmountFault | "range" {
  const read = parseAmount(text, 0);
  if (typeof read === "string") return read;
  return read >= BigInt(least) && read <= BigInt(most) ? Number(read) : "range";
}

export function isAmountFault(fault: string): fault is AmountFault {
  return (amountFaults as readonly string[]).includes(fault);
}

const sampleDigits = 1250n;
/** So many digits stand behind a comma that is asked back. */
const thousand = 3;

/** amountWords says what is wrong with a text, and what to write instead. */
export function amountWords(fault: AmountFault, text: string, currency: Currency): string {
  switch (fault) {
    case "empty":
      return t("required");
    case "currency":
      return t("amountCurrency", { currency: currency.letters });
    case "sign":
      return t("amountSign");
    case "point":
      return t("amountPoint");
    case "ambiguous": {
      const read = parseAmount(text.replace(/[,，]/, ""), 0, currency.letters);
      const digits = typeof read === "bigint" ? read : 0n;
      const values = { one: decimal(digits, 0), other: decimal(digits, thousand) };
      return t(currency.exponent < thousand ? "amountThousands" : "amountEither", values);
    }
    case "groups":
      return t("amountGroups");
    case "decimals":
      return currency.exponent === 0 ? t("amountWhole") : t("amountDecimals", { n: number(currency.exponent) });
    case "large":
      return t("amountLarge");
    default:
      return t("amountCharacters", { sample: decimal(sampleDigits, currency.exponent) });
  }
}
