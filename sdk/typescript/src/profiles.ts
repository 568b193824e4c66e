/**
 * What a shop shows of itself: colour, logo, address, opening hours, website, phone,
 * signed by the member's admin keys and kept by nodes beside the chain
 * (docs/profiles.md). A profile proves that those keys signed these bytes, no more; the
 * name over it is the ledger's.
 */
import type { ProfileAnswer } from "./answers.ts";
import { base64, compare, concat, equal, fromBase64 } from "./bytes.ts";
import type { CallOptions, Client, ProvenMember } from "./client.ts";
import { ProblemError, RuleError, ScripError, Unreachable } from "./errors.ts";
import type { Member } from "./rows.ts";
import { type Chain, type Signer, verifySignature } from "./signing.ts";
import { type Reader, WireError, Writer, decode } from "./wire.ts";

const tag = "scrip/profile/v1";

/** Limits of a profile; bytes of texts are those of UTF-8. */
export const profileLimits = {
  logoBytes: 32_768,
  logoSideMin: 16,
  logoSideMax: 512,
  addressLines: 4,
  lineBytes: 64,
  spans: 21,
  websiteBytes: 200,
  phoneBytes: 24,
  /** How far after a reader's time a profile may have been signed. */
  aheadMs: 600_000,
} as const;

const timeMax = 253_402_300_799_999;
const keysMax = 8;
const dayMinutes = 1440;
const patienceMs = 700;

/** A time of a week at which a shop is open, in the shop's own time. */
export interface OpenSpan {
  /** 0 is Monday. */
  day: number;
  /** Minutes from the midnight before; `until` is not in it and may lie on the next day. */
  from: number;
  until: number;
}

/** What a member says of itself. What is empty is not said. */
export interface Profile {
  member: number;
  /** When it was signed, Unix ms: of two profiles the later counts. */
  at: number;
  /** sRGB, as "#1f3f94". */
  colour: string;
  /** A PNG or JPEG file; empty = none. */
  logo: Uint8Array;
  address: readonly string[];
  /** Ascending, without overlaps. */
  hours: readonly OpenSpan[];
  website: string;
  phone: string;
}

/** A profile of the right form with its signatures. */
export interface SignedProfile extends Profile {
  /** "" without a logo. */
  logoType: "image/png" | "image/jpeg" | "";
  signatures: { key: Uint8Array; signature: Uint8Array }[];
  /** The encoded profile: what is kept and handed on. */
  raw: Uint8Array;
  digest: Uint8Array;
  /** What the signatures are over. */
  message: Uint8Array;
}

/** A profile that is not of its rules ("profile_form"), or not signed by its member ("profile_keys"). */
export class ProfileError extends ScripError {
  override readonly name = "ProfileError";
  readonly code: "profile_form" | "profile_keys";

  constructor(code: "profile_form" | "profile_keys", detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

const pngChunks = /^(IHDR|PLTE|tRNS|IDAT|IEND|sRGB|gAMA|cHRM|pHYs|sBIT)$/;

/** The parts of a PNG behind its magic: its size, or undefined if a part is not allowed. */
function walkPng(b: DataView): [number, number] | undefined {
  let size: [number, number] | undefined;
  for (let at = 8; at + 12 <= b.byteLength; ) {
    const n = b.getUint32(at);
    const name = String.fromCharCode(...new Uint8Array(b.buffer, b.byteOffset + at + 4, 4));
    const first = size === undefined;
    if (n > b.byteLength - at - 12 || !pngChunks.test(name) || first !== (name === "IHDR")) return undefined;
    if (name === "IHDR") size = [b.getUint32(at + 8), n === 13 ? b.getUint32(at + 12) : 0];
    at += 12 + n;
    if (name === "IEND") return n === 0 && at === b.byteLength ? size : undefined;
  }
  return undefined;
}

/** The parts of a JPEG: its size, or undefined if a part is not allowed. */
function walkJpeg(b: DataView): [number, number] | undefined {
  const length = b.byteLength;
  let size: [number, number] | undefined;
  let at = 2;
  for (; at + 4 <= length && b.getUint8(at) === 0xff; ) {
    const [marker, n] = [b.getUint8(at + 1), b.getUint16(at + 2)];
    if (n < 2 || n > length - at - 2) return undefined;
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (n < 8 || size) return undefined;
      size = [b.getUint16(at + 7), b.getUint16(at + 5)];
    } else if (marker === 0xda) {
      return size && scansOnly(b, at + 2 + n) ? size : undefined;
    } else if (![0xc4, 0xdb, 0xdd, 0xe0, 0xee].includes(marker)) return undefined;
    at += 2 + n;
  }
  return undefined;
}

/** Whether from a first scan on there are scans and their tables alone, and one end. */
function scansOnly(b: DataView, from: number): boolean {
  const length = b.byteLength;
  for (let i = from; i + 1 < length; i++) {
    if (b.getUint8(i) !== 0xff) continue;
    const m = b.getUint8(i + 1);
    if (m === 0 || (m >= 0xd0 && m <= 0xd7) || m === 0xff) continue;
    if (m === 0xd9) return i + 2 === length;
    if (![0xc4, 0xda, 0xdb, 0xdd].includes(m) || i + 4 > length) return false;
    i += 1 + b.getUint16(i + 2);
  }
  return false;
}

const pngMagic = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** What a logo is, or undefined if it is none of the rules. It decodes no pixels. */
export function inspectLogo(
  b: Uint8Array,
): { type: "image/png" | "image/jpeg"; width: number; height: number } | undefined {
  if (b.length > profileLimits.logoBytes || b.length < 16) return undefined;
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const png = equal(b.subarray(0, 8), pngMagic);
  if (!png && view.getUint16(0) !== 0xffd8) return undefined;
  const size = png ? walkPng(view) : walkJpeg(view);
  if (!size) return undefined;
  const [width, height] = size;
  const { logoSideMin: least, logoSideMax: most } = profileLimits;
  if (Math.min(width, height) < least || Math.max(width, height) > most) return undefined;
  return { type: png ? "image/png" : "image/jpeg", width, height };
}

const website =
  /^https:\/\/([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?(\/[!#-&(-;=?-[\]_a-z~]*)?$/i;

/** Whether a text is an address that may be linked to: https, a host name with a dot, no login, no port. */
export function validWebsite(text: string): boolean {
  return (
    text.length <= profileLimits.websiteBytes &&
    website.test(text) &&
    !/[A-Z]/.test(text.split("/")[2] ?? "")
  );
}

/** Whether a text is a phone number with its country: a plus, 3 to 15 digits, single blanks or hyphens. */
export function validPhone(text: string): boolean {
  const digits = text.replace(/\D/g, "").length;
  return text.length <= profileLimits.phoneBytes && /^\+\d+([ -]\d+)*$/.test(text) && digits >= 3 && digits <= 15;
}

/** What is wrong with opening hours, or "". */
export function hoursFault(hours: readonly OpenSpan[]): string {
  let end = 0;
  for (const [i, h] of hours.entries()) {
    const from = h.day * dayMinutes + h.from;
    if (h.day > 6 || h.from >= dayMinutes || h.until <= h.from || h.until - h.from > dayMinutes) {
      return `span ${i + 1} is no time of a day`;
    }
    if (from < end) return `span ${i + 1} begins before the one before it ends`;
    end = from + h.until - h.from;
  }
  const first = hours[0];
  if (first && end > 7 * dayMinutes + first.day * dayMinutes + first.from) {
    return "the last span ends after the first begins";
  }
  return hours.length > profileLimits.spans ? `${hours.length} spans` : "";
}

/** The field that breaks a rule, or undefined. Sizes are the decoder's to check. */
function faultOf(p: Profile): string | undefined {
  if (p.member === 0 || p.at === 0 || p.at > timeMax) return "member or time";
  if (p.address.some((line) => line === "")) return "an empty line of the address";
  const hours = hoursFault(p.hours);
  if (hours) return `opening hours: ${hours}`;
  if (p.website !== "" && !validWebsite(p.website)) return "website";
  if (p.phone !== "" && !validPhone(p.phone)) return "phone";
  if (p.logo.length > 0 && !inspectLogo(p.logo)) return "logo";
  return undefined;
}

/** The body of a profile: what is signed. */
export function encodeProfile(chain: Chain, p: Profile): Uint8Array {
  const colour = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/.exec(p.colour);
  if (!colour) throw new RangeError(`${p.colour} is no colour such as #1f3f94`);
  const w = new Writer().u8(1).u32(chain.hint).u16(p.member).u64(p.at);
  for (const part of colour.slice(1)) w.u8(parseInt(part, 16));
  w.bytes(p.logo).list(p.address, (x, line) => x.text(line));
  w.list(p.hours, (x, h) => x.u8(h.day).u16(h.from).u16(h.until));
  return w.text(p.website).text(p.phone).done();
}

/** Checks and signs a profile. Throws a {@link ProfileError} if it breaks a rule. */
export function signProfile(chain: Chain, p: Profile, signers: readonly Signer[]): SignedProfile {
  const body = encodeProfile(chain, p);
  const message = chain.message(tag, body);
  const all = signers.map((s) => ({ key: s.key, signature: s.sign(message) })).sort((a, b) => compare(a.key, b.key));
  const w = new Writer().list(all, (x, s) => x.raw(s.key).raw(s.signature));
  return decodeProfile(chain, concat(body, w.done()));
}

function readFields(r: Reader, chain: Chain): Profile {
  r.exactly(1, "version");
  if (r.u32() !== chain.hint) throw new RuleError("E103", "the profile is of another network");
  const head = { member: r.u16(), at: r.u53() };
  const colour = `#${[...r.raw(3)].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
  const logo = r.bytes(profileLimits.logoBytes);
  const address = r.list(profileLimits.addressLines, 4, () => r.text(profileLimits.lineBytes));
  const hours = r.list(profileLimits.spans, 5, () => ({ day: r.u8(), from: r.u16(), until: r.u16() }));
  const website = r.text(profileLimits.websiteBytes);
  return { ...head, colour, logo, address, hours, website, phone: r.text(profileLimits.phoneBytes) };
}

/**
 * Reads a profile and checks every rule of its form. Throws a {@link ProfileError}
 * "profile_form", or a RuleError E103 if it is of another chain.
 */
export function decodeProfile(chain: Chain, raw: Uint8Array): SignedProfile {
  let body = 0;
  try {
    const p = decode(raw, (r) => {
      const fields = readFields(r, chain);
      body = r.offset;
      let last: Uint8Array | undefined;
      const signatures = r.list(keysMax, 96, () => {
        const s = { key: r.raw(32), signature: r.raw(64) };
        r.require(last === undefined || compare(last, s.key) < 0, "keys not ascending");
        last = s.key;
        return s;
      });
      r.require(signatures.length > 0, "no signature");
      return { ...fields, signatures };
    });
    const fault = faultOf(p);
    if (fault !== undefined) throw new ProfileError("profile_form", fault);
    const signed = raw.slice(0, body);
    const message = chain.message(tag, signed);
    const logoType = inspectLogo(p.logo)?.type ?? "";
    return { ...p, logoType, raw: raw.slice(), digest: chain.hash(tag, signed), message };
  } catch (e) {
    if (e instanceof WireError) throw new ProfileError("profile_form", e.message);
    throw e;
  }
}

/** Whether a profile counts before another of the same member. */
export function newerProfile(a: SignedProfile, b: SignedProfile): boolean {
  return a.at !== b.at ? a.at > b.at : compare(a.digest, b.digest) > 0;
}

/**
 * Checks a profile against the proven row of its member: the member is active, and as
 * many of its keys as it needs have signed. Throws a {@link ProfileError} "profile_keys".
 */
export function verifyProfile(
  p: SignedProfile,
  m: Pick<ProvenMember, "number" | "standing" | "threshold" | "keys"> | (Member & { number: number }),
): void {
  const fail = (why: string): never => {
    throw new ProfileError("profile_keys", why);
  };
  if (("standing" in m ? m.standing : m.state) !== "ACTIVE") fail("the member is not active");
  if (p.member !== m.number) fail(`it is of member ${p.member}, not ${m.number}`);
  for (const s of p.signatures) {
    if (!m.keys.some((k) => equal(k, s.key))) fail("a key is none of the member");
    if (!verifySignature(s.key, p.message, s.signature)) fail("a signature is not good");
  }
  if (p.signatures.length < m.threshold) fail(`${p.signatures.length} keys have signed, ${m.threshold} must`);
}

/** A member's profile beside the row that it was checked against. */
export interface MemberProfile {
  /** The newest that holds, among what the nodes have and what was known; undefined if there is none. */
  profile: SignedProfile | undefined;
  member: ProvenMember;
}

const path = (member: number): string => `/v1/members/${member}/profile`;

/** A node's answer checked; undefined if it says that it has none. */
async function checked(
  client: Client,
  member: ProvenMember,
  answer: Promise<ProfileAnswer>,
): Promise<SignedProfile | undefined> {
  try {
    const p = decodeProfile(client.chain, fromBase64((await answer).profile));
    verifyProfile(p, member);
    if (p.at > client.nowMs() + profileLimits.aheadMs) {
      throw new ProfileError("profile_form", "it was signed in the future");
    }
    return p;
  } catch (e) {
    if (e instanceof ProblemError && e.code === "not_found") return undefined;
    throw e;
  }
}

/**
 * Asks every node for a member's profile and returns the newest that holds by the
 * member's proven row. `known` is an encoded profile from before: it counts as long as it
 * holds. That a newer one exists somewhere cannot be ruled out. Throws Unreachable if no
 * node gave a usable answer.
 */
export async function readProfile(
  client: Client,
  number: number,
  options: CallOptions & { known?: Uint8Array | undefined } = {},
): Promise<MemberProfile> {
  const member = await client.member(number, options);
  let profile: SignedProfile | undefined;
  const take = (p: SignedProfile | undefined): void => {
    if (p && (!profile || newerProfile(p, profile))) profile = p;
  };
  if (options.known) {
    try {
      const p = decodeProfile(client.chain, options.known);
      verifyProfile(p, member);
      take(p);
    } catch {
      // Its keys are the member's no more.
    }
  }
  const asked = client.askEach("ProfileAnswer", path(number), undefined, options);
  const answers = asked.map((a) => checked(client, member, a).then(take));
  try {
    await Promise.any(answers);
  } catch (e) {
    options.signal?.throwIfAborted();
    throw new Unreachable(`read the profile of member ${number}`, e instanceof AggregateError ? e.errors : [e]);
  }
  // One may have an older one: the others get a moment.
  await Promise.race([Promise.allSettled(answers), new Promise((r) => setTimeout(r, patienceMs))]);
  return { profile, member };
}

/** Hands a profile to every node. Returns how many took it and what the others said; throws Unreachable if none did. */
export async function publishProfile(
  client: Client,
  p: SignedProfile,
  options: CallOptions = {},
): Promise<{ taken: number; errors: unknown[] }> {
  const body = { profile: base64(p.raw) };
  const said = await Promise.allSettled(client.askEach("ProfileAnswer", path(p.member), body, options));
  const errors = said.flatMap((s) => (s.status === "rejected" ? [s.reason as unknown] : []));
  options.signal?.throwIfAborted();
  if (errors.length === said.length) throw new Unreachable("hand in the profile", errors);
  return { taken: said.length - errors.length, errors };
}
