/** Opening hours as people read them. */
import type { OpenSpan } from "@scrip/sdk/profiles";
import { locale } from "../i18n.ts";

const day0 = Date.UTC(2024, 0, 1); // a Monday
const dayMs = 86_400_000;

/** dayName is a day of the week, 0 = Monday. */
export function dayName(day: number, weekday: "short" | "long" = "short"): string {
  return new Intl.DateTimeFormat(locale.value, { weekday, timeZone: "UTC" }).format(day0 + day * dayMs);
}

/** clock writes minutes from midnight, "08:30"; what lies on the next day begins with 00:00 again. */
export function clock(minutes: number): string {
  const m = minutes > 1440 ? minutes - 1440 : minutes;
  return `${String(Math.floor(m / 60)).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}`;
}

/** hoursText is opening hours in lines, days with the same hours together. */
export function hoursText(hours: readonly OpenSpan[]): { days: string; times: string }[] {
  const timesOf = (day: number) =>
    hours
      .filter((h) => h.day === day)
      .map((h) => `${clock(h.from)}–${clock(h.until)}`)
      .join(", ");
  const lines: { first: number; last: number; times: string }[] = [];
  for (let day = 0; day < 7; day++) {
    const times = timesOf(day);
    const line = lines.at(-1);
    if (line && line.last === day - 1 && line.times === times) line.last = day;
    else lines.push({ first: day, last: day, times });
  }
  const days = (l: { first: number; last: number }) =>
    l.first === l.last ? dayName(l.first) : `${dayName(l.first)}–${dayName(l.last)}`;
  return lines.filter((l) => l.times !== "").map((l) => ({ days: days(l), times: l.times }));
}
