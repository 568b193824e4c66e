/**
 * What a cashier types of an amount. Digits alone fill up from the minor unit, as on a card
 * terminal; a point or a comma begins the decimals. Whatever cannot be taken is refused, by name.
 */

/** Typed is what has been typed so far. */
export interface Typed {
  digits: string;
  /** The digits behind the point, once there is one. */
  decimals?: string;
}

/** Refused says why a key was not taken. */
export type Refused = "key" | "point" | "decimals" | "noDecimals" | "long";

export const nothing: Typed = { digits: "" };

const digitsMax = 10;

/** keyOf is the digit, "." or "" that a keyboard's key stands for; undefined for keys that type nothing. */
export function keyOf(e: Pick<KeyboardEvent, "key" | "code">): string | undefined {
  // A numeric pad counts by its keys, also with Num Lock off; so does whatever an input method holds back.
  const places = e.key === "Process" ? /^(?:Numpad|Digit)?(\d|Decimal|Comma|Period)$/ : /^Numpad(\d|Decimal|Comma)$/;
  const place = places.exec(e.code)?.[1];
  if (place !== undefined) return place.length === 1 ? place : ".";
  if ([...e.key].length !== 1) return undefined;
  const key = e.key.normalize("NFKC");
  if (/^\d$/.test(key)) return key;
  return /^[.,。、]$/.test(key) ? "." : "";
}

/** press adds a digit, "00" or ".", or says why not; exponent is the currency's number of decimals. */
export function press(t: Typed, key: string, exponent: number): Typed | Refused {
  if (key === ".") {
    if (exponent === 0) return "noDecimals";
    return t.decimals === undefined ? { digits: t.digits, decimals: "" } : "point";
  }
  if (!/^\d+$/.test(key)) return "key";
  if (t.decimals !== undefined) {
    const decimals = t.decimals + key;
    return decimals.length > exponent ? "decimals" : { digits: t.digits, decimals };
  }
  const digits = (t.digits + key).replace(/^0+/, "");
  return digits.length > digitsMax ? "long" : { digits };
}

/** back takes the last key back. */
export function back(t: Typed): Typed {
  if (t.decimals === undefined) return { digits: t.digits.slice(0, -1) };
  return t.decimals === "" ? { digits: t.digits } : { digits: t.digits, decimals: t.decimals.slice(0, -1) };
}

/** amountOf is the amount in minor units. */
export function amountOf(t: Typed, exponent: number): bigint {
  if (t.decimals === undefined) return BigInt(t.digits || "0");
  return BigInt((t.digits || "0") + t.decimals.padEnd(exponent, "0"));
}

/** typeAll presses the characters of a text one after the other, as from a clipboard: all of them, or none. */
export function typeAll(t: Typed, text: string, exponent: number): Typed | Refused {
  let now: Typed | Refused = t;
  for (const c of text.trim().normalize("NFKC")) {
    if (typeof now === "string") break;
    now = press(now, c === "," ? "." : c, exponent);
  }
  return now;
}
