/**
 * The code that is read out when nothing scans: nine characters of Crockford's base 32
 * and a check (web/FRAGMENTS.md).
 */

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const length = 10;

/** readShortCode returns a typed code in its one form, or undefined if it is none or mistyped. */
export function readShortCode(typed: string): string | undefined {
  const text = typed.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  if (text.length !== length) return undefined;
  let s = 0;
  for (const c of text) {
    const v = alphabet.indexOf(c);
    if (v < 0) return undefined;
    s = ((s << 1) ^ (s & 16 ? 37 : 0) ^ v) & 31;
  }
  return s === 0 ? `${text.slice(0, 5)}-${text.slice(5)}` : undefined;
}

/** looksTyped tells a code that was typed, however badly, from what a scanner brings. */
export function looksTyped(text: string): boolean {
  return /^[0-9A-Za-z\s-]{5,14}$/.test(text.trim());
}
