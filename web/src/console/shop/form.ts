/** What a merchant types about the shop, and the profile that it makes. */
import {
  hoursFault,
  profileLimits,
  validPhone,
  validWebsite,
  type OpenSpan,
  type Profile,
  type SignedProfile,
} from "@scrip/sdk/profiles";
import { utf8 } from "@scrip/sdk/bytes";
import { validText } from "@scrip/sdk/wire";
import { clock } from "../../kit/shop/hours.ts";

/** A time of a day as it stands in two fields. */
export interface Times {
  from: string;
  until: string;
}

export interface ShopForm {
  colour: string;
  logo: Uint8Array;
  address: string;
  /** By day, Monday first. */
  days: readonly (readonly Times[])[];
  website: string;
  phone: string;
}

export type Fault = "address" | "lines" | "hours" | "website" | "phone";

/** The colour of coupons of a shop that has chosen none. */
export const firstColour = "#1f3f94";

/** formOf is the form of a profile, or an empty one. */
export function formOf(p: SignedProfile | undefined): ShopForm {
  const days = Array.from({ length: 7 }, (_, day) =>
    (p?.hours ?? []).filter((h) => h.day === day).map((h) => ({ from: clock(h.from), until: clock(h.until) })),
  );
  return {
    colour: p?.colour ?? firstColour,
    logo: p?.logo ?? new Uint8Array(),
    address: (p?.address ?? []).join("\n"),
    days,
    website: p?.website ?? "",
    phone: p?.phone ?? "",
  };
}

/** minutesOf reads "08:30"; undefined for anything else. */
function minutesOf(text: string): number | undefined {
  const m = /^(\d\d):(\d\d)/.exec(text);
  return m ? Number(m[1]) * 60 + Number(m[2]) : undefined;
}

/** hoursOf reads the times of all days; undefined if one is half empty. An end at or before its beginning is the next day's. */
export function hoursOf(days: ShopForm["days"]): OpenSpan[] | undefined {
  const all: OpenSpan[] = [];
  for (const [day, times] of days.entries()) {
    for (const t of times) {
      const [from, until] = [minutesOf(t.from), minutesOf(t.until)];
      if (from === undefined && until === undefined) continue;
      if (from === undefined || until === undefined) return undefined;
      all.push({ day, from, until: until <= from ? until + 1440 : until });
    }
  }
  return all.sort((a, b) => a.day - b.day || a.from - b.from);
}

/** websiteOf completes what people type: the scheme, and a host in small letters. */
export function websiteOf(text: string): string {
  const typed = text.trim();
  if (typed === "") return "";
  const whole = /^[a-z]+:/i.test(typed) ? typed : `https://${typed}`;
  return whole.replace(/^(https:\/\/[^/]*)/i, (head) => head.toLowerCase());
}

/** readForm is the profile of a form without its time, or what is wrong with it. */
export function readForm(
  f: ShopForm,
  member: number,
): { profile?: Omit<Profile, "at">; faults: Partial<Record<Fault, true>> } {
  const faults: Partial<Record<Fault, true>> = {};
  const address = f.address
    .split("\n")
    .map((line) => line.trim().normalize("NFC"))
    .filter((line) => line !== "");
  if (address.length > profileLimits.addressLines) faults.lines = true;
  if (address.some((line) => utf8(line).length > profileLimits.lineBytes || !validText(line))) faults.address = true;
  const hours = hoursOf(f.days);
  if (!hours || hoursFault(hours) !== "") faults.hours = true;
  const [website, phone] = [websiteOf(f.website), f.phone.trim()];
  if (website !== "" && !validWebsite(website)) faults.website = true;
  if (phone !== "" && !validPhone(phone)) faults.phone = true;
  if (!hours || Object.keys(faults).length > 0) return { faults };
  return { profile: { member, colour: f.colour, logo: f.logo, address, hours, website, phone }, faults };
}
