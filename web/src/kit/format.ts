/** Money, dates and spans as people read them. Amounts are exact: minor units never become floats. */
import { locale } from "./i18n.ts";
import { t } from "./text.ts";

export interface Currency {
  /** ISO 4217 letters. */
  letters: string;
  /** Decimal digits of the minor unit. */
  exponent: number;
}

/** decimal writes minor units as a plain decimal, "4.50". */
export function decimal(minor: bigint, exponent: number): string {
  const sign = minor < 0n ? "-" : "";
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, "0");
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

const moneyFormats = new Map<string, Intl.NumberFormat>();

/** money writes minor units with their currency, as the reader's region does. */
export function money(minor: bigint, currency: Currency): string {
  const key = `${locale.value} ${currency.letters} ${currency.exponent}`;
  let format = moneyFormats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale.value, {
      style: "currency",
      currency: currency.letters,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: currency.exponent,
      maximumFractionDigits: currency.exponent,
    });
    moneyFormats.set(key, format);
  }
  // A decimal string is formatted exactly, beyond the reach of a float.
  return format.format(decimal(minor, currency.exponent) as Intl.StringNumericLiteral);
}

/** moneyShort is money without decimals where they are all zero: for the large value of a coupon. */
export function moneyShort(minor: bigint, currency: Currency): string {
  const unit = 10n ** BigInt(currency.exponent);
  return minor % unit === 0n ? money(minor / unit, { letters: currency.letters, exponent: 0 }) : money(minor, currency);
}

/** percent writes basis points. */
export function percent(bps: number): string {
  return new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: 2 }).format(bps / 10000);
}

export function date(ms: number): string {
  return new Intl.DateTimeFormat(locale.value, { dateStyle: "medium" }).format(ms);
}

/** lastDay is the last day before an end: windows are half-open, so the midnight that ends 1 March is 1 March. */
export function lastDay(untilMs: number): string {
  return date(untilMs - 1);
}

const isMidnight = (d: Date) => d.getHours() + d.getMinutes() + d.getSeconds() + d.getMilliseconds() === 0;

/** firstMoment is a beginning as a person means it: the day with which it begins, or the time within a day. */
export function firstMoment(fromMs: number): string {
  return isMidnight(new Date(fromMs)) ? date(fromMs) : dateTime(fromMs);
}

/** lastMoment is an end as a person means it: the day that it includes, or the time within a day. */
export function lastMoment(untilMs: number): string {
  return isMidnight(new Date(untilMs)) ? lastDay(untilMs) : dateTime(untilMs);
}

export function dateTime(ms: number): string {
  return new Intl.DateTimeFormat(locale.value, { dateStyle: "medium", timeStyle: "short" }).format(ms);
}

/** dateTimeZone names the zone, for what is printed or handed on. */
export function dateTimeZone(ms: number): string {
  return new Intl.DateTimeFormat(locale.value, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).format(ms);
}

export function time(ms: number): string {
  return new Intl.DateTimeFormat(locale.value, { timeStyle: "short" }).format(ms);
}

export function timeSeconds(ms: number): string {
  return new Intl.DateTimeFormat(locale.value, { timeStyle: "medium" }).format(ms);
}

/** ago says an age in the largest unit that fits. */
export function ago(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return t("agoSeconds", { n: s });
  if (s < 5400) return t("agoMinutes", { n: Math.round(s / 60) });
  return t("agoHours", { n: Math.round(s / 3600) });
}

/** span says how long something is in the largest unit that fits. */
export function span(ms: number): string {
  const s = Math.round(ms / 1000);
  const [unit, n] =
    s < 90 ? ["second", s] : s < 5400 ? ["minute", s / 60] : s < 129_600 ? ["hour", s / 3600] : ["day", s / 86_400];
  const style = { style: "unit", unit: unit as string, unitDisplay: "long", maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(locale.value, style).format(n as number);
}

/** seconds writes a measured span, "0.24 s". */
export function seconds(ms: number): string {
  return new Intl.NumberFormat(locale.value, {
    style: "unit",
    unit: "second",
    unitDisplay: "narrow",
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  }).format(ms / 1000);
}

export function number(n: number | bigint): string {
  return new Intl.NumberFormat(locale.value).format(n);
}

/** brief shortens a key or digest for the eye: its beginning and its end. */
export function brief(text: string, head = 10, tail = 6): string {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}
