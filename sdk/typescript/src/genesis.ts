/**
 * The genesis file: the one thing that a verifier trusts (docs/wire.md, part 8). The
 * chain's digest covers its bytes.
 */
import { hex, fromUtf8, utf8 } from "./bytes.ts";
import { Committee, type Parameters, type Protocol } from "./consensus.ts";
import { type Json, JsonNumber, parseJson } from "./json.ts";
import { type KeyKind, decodeKey, encodeKey } from "./keys.ts";
import { Chain, validKey } from "./signing.ts";
import { moneyMax, timeMax } from "./terms.ts";
import { validText } from "./wire.ts";

const fileBytesMax = 8 << 20;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const tillLifeMsMax = 3 * 366 * dayMs;
const format = "scrip-genesis-1";

/** A currency of the chain. */
export interface Currency {
  /** ISO 4217 number. */
  number: number;
  letters: string;
  /** Decimal digits of its minor unit. */
  exponent: number;
}

/** A member at the start; its number is its place, from 1. */
export interface GenesisMember {
  name: string;
  roles: string[];
  keys: Uint8Array[];
  threshold: number;
}

/** What a member may promise in a currency at the start. */
export interface GenesisFunding {
  member: number;
  currency: Currency;
  limit: bigint;
}

/** A till that exists from the start. */
export interface GenesisTill {
  key: Uint8Array;
  member: number;
  store: number;
  label: string;
  rights: string[];
  currency: Currency;
  dayCap: bigint;
  validFrom: number;
  validUntil: number;
}

/** A genesis file that was read and found valid. */
export interface Genesis {
  name: string;
  /** Time of the genesis block, Unix ms. */
  timeMs: number;
  currencies: Currency[];
  members: GenesisMember[];
  funding: GenesisFunding[];
  tills: GenesisTill[];
  holderLifeMs: number;
  memberLifeMs: number;
  cycleMs: number;
  /** The version of the domain rules that the chain begins with: 1 or 2. */
  rules: number;
  /** What a chain of version 2 begins with; undefined below. */
  settlement?: { payMs: number; clearer: number; netMode: string } | undefined;
  /** The replicas in order, each with the member that runs it. */
  validators: { member: number; key: Uint8Array }[];
  parameters: Parameters;
  chain: Chain;
  /** The committee of epoch 0. */
  committee: Committee;
  /** The bytes of the file. */
  raw: Uint8Array;
}

const roleNames = ["issuer", "merchant", "payment", "mall", "attester"];
const rightNames = ["redeem", "void_own", "void_any"];

/** Takes the fields of an object, each once; what is missing or left over is an error that names its path. */
class Fields {
  readonly #path: string;
  readonly #left: Map<string, Json>;

  constructor(value: Json, path: string) {
    if (!(value instanceof Map)) throw new RangeError(`${path || "file"}: an object { ... } is wanted`);
    this.#path = path;
    this.#left = new Map(value);
  }

  at(name: string): string {
    return this.#path ? `${this.#path}.${name}` : name;
  }

  fail(name: string, what: string): never {
    throw new RangeError(`${this.at(name)}: ${what}`);
  }

  take(name: string): Json {
    const v = this.#left.get(name);
    if (v === undefined) this.fail(name, "the field is missing");
    this.#left.delete(name);
    return v;
  }

  has(name: string): boolean {
    return this.#left.has(name);
  }

  done(): void {
    for (const name of this.#left.keys()) this.fail(name.slice(0, 64), "unknown field");
  }

  string(name: string): string {
    const v = this.take(name);
    return typeof v === "string" ? v : this.fail(name, 'a text in "quotes" is wanted');
  }

  /** A text of 1 to max bytes that the ledger takes. */
  text(name: string, max: number): string {
    const s = this.string(name);
    const bytes = utf8(s).length;
    if (bytes < 1 || bytes > max) this.fail(name, `${bytes} bytes, wanted 1 to ${max}`);
    if (!validText(s)) this.fail(name, "control or direction characters are not allowed");
    if (s !== s.normalize("NFC")) this.fail(name, "write it in Unicode's composed form (NFC)");
    if (s !== s.trim()) this.fail(name, "blanks at its ends");
    return s;
  }

  number(name: string, min: number, max: number): number {
    const v = this.take(name);
    if (v instanceof JsonNumber && /^[0-9]{1,16}$/.test(v.text)) {
      const n = Number(v.text);
      if (n >= min && n <= max) return n;
    }
    return this.fail(name, `a whole number from ${min} to ${max} is wanted`);
  }

  time(name: string): number {
    const s = this.string(name);
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(s) ? Date.parse(s) : Number.NaN;
    if (!(ms >= 0 && ms <= timeMax) || formatTime(ms) !== s) {
      this.fail(name, 'no time like "2027-03-01T00:00:00Z"');
    }
    return ms;
  }

  money(name: string, c: Currency): bigint {
    const s = this.string(name);
    const v = /^[0-9.]{1,24}$/.test(s) ? BigInt(s.replace(".", "") || "0") : -1n;
    if (v < 0n || v > moneyMax || formatAmount(v, c.exponent) !== s) {
      this.fail(name, `no amount of ${c.letters}: write digits with exactly ${c.exponent} decimals`);
    }
    return v;
  }

  list<T>(name: string, min: number, max: number, each: (value: Json, path: string, index: number) => T): T[] {
    const v = this.take(name);
    if (!Array.isArray(v)) return this.fail(name, "a list [ ... ] is wanted");
    if (v.length < min || v.length > max) this.fail(name, `${v.length} entries, wanted ${min} to ${max}`);
    return v.map((x, i) => each(x, `${this.at(name)}[${i}]`, i));
  }

  /** Some names of a list, each once and in its order. */
  names(name: string, all: readonly string[]): string[] {
    let last = -1;
    return this.list(name, 1, all.length, (v, path) => {
      const i = typeof v === "string" ? all.indexOf(v) : -1;
      if (i <= last) throw new RangeError(`${path}: wanted are some of ${all.join(", ")}, in this order`);
      last = i;
      return all[i] as string;
    });
  }
}

/** Reads public keys; none may stand twice in a file. */
class Keys {
  readonly #seen = new Set<string>();

  read(kind: KeyKind, value: Json, path: string): Uint8Array {
    if (typeof value !== "string") throw new RangeError(`${path}: a key in "quotes" is wanted`);
    const key = decodeKey(kind, value);
    if (encodeKey(kind, key) !== value) throw new RangeError(`${path}: write keys in lower case`);
    if (!validKey(key)) throw new RangeError(`${path}: not a sound ed25519 key`);
    if (this.#seen.has(hex(key))) throw new RangeError(`${path}: the key stands here again`);
    this.#seen.add(hex(key));
    return key;
  }
}

/** RFC 3339 as the file writes it: without trailing zeros of the milliseconds. */
function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/0+Z$/, "Z").replace(".Z", "Z");
}

/** Minor units as digits with so many decimals: 450n, 2 gives "4.50". */
export function formatAmount(amount: bigint, exponent: number): string {
  const digits = amount.toString().padStart(exponent + 1, "0");
  return exponent === 0 ? digits : `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

function readCurrencies(f: Fields): Currency[] {
  const all = f.list("currencies", 1, 64, (v, path) => {
    const o = new Fields(v, path);
    const c = {
      number: o.number("numeric", 1, 999),
      letters: o.text("letters", 3),
      exponent: o.number("exponent", 0, 4),
    };
    o.done();
    if (!/^[A-Z]{3}$/.test(c.letters)) o.fail("letters", "three capital letters are wanted");
    return c;
  });
  const numbers = new Set(all.map((c) => c.number));
  const letters = new Set(all.map((c) => c.letters));
  if (numbers.size < all.length || letters.size < all.length) f.fail("currencies", "a currency is listed twice");
  return all;
}

function readMembers(f: Fields, keys: Keys): GenesisMember[] {
  const names = new Set<string>();
  return f.list("members", 1, 4096, (v, path, i) => {
    const o = new Fields(v, path);
    o.number("id", i + 1, i + 1);
    const head = { name: o.text("name", 64), roles: o.names("roles", roleNames) };
    const list = o.list("keys", 1, 8, (k, at) => keys.read("member", k, at));
    const m = { ...head, keys: list, threshold: o.number("threshold", 1, list.length) };
    o.done();
    if (names.has(m.name)) o.fail("name", "another member has the same");
    names.add(m.name);
    return m;
  });
}

function currencyOf(o: Fields, all: readonly Currency[]): Currency {
  const letters = o.string("currency");
  return all.find((c) => c.letters === letters) ?? o.fail("currency", "not among the currencies");
}

function readFunding(f: Fields, currencies: Currency[], members: number): GenesisFunding[] {
  const seen = new Set<string>();
  return f.list("funding", 0, 4096, (v, path) => {
    const o = new Fields(v, path);
    const head = { member: o.number("member", 1, members), currency: currencyOf(o, currencies) };
    const limit = o.money("limit", head.currency);
    o.done();
    const place = `${head.member}/${head.currency.letters}`;
    if (seen.has(place)) o.fail("member", "listed twice for the currency");
    seen.add(place);
    return { ...head, limit };
  });
}

function readTills(
  f: Fields,
  keys: Keys,
  { name, timeMs, currencies, members }: Pick<Genesis, "name" | "timeMs" | "currencies" | "members">,
): GenesisTill[] {
  const longest = isDemonstration({ name }) ? timeMax : tillLifeMsMax;
  return f.list("tills", 0, 10_000, (v, path) => {
    const o = new Fields(v, path);
    const key = keys.read("till", o.take("key"), o.at("key"));
    const head = { key, member: o.number("member", 1, members.length), store: o.number("store", 1, 65_535) };
    const what = { label: o.text("label", 32), rights: o.names("rights", rightNames) };
    const currency = currencyOf(o, currencies);
    const t = {
      ...head,
      ...what,
      currency,
      dayCap: o.money("day_cap", currency),
      validFrom: o.time("valid_from"),
      validUntil: o.time("valid_until"),
    };
    o.done();
    if (!members[t.member - 1]?.roles.includes("merchant")) o.fail("member", "not a merchant");
    if (t.dayCap < 1n) o.fail("day_cap", "at least one minor unit is wanted");
    if (t.validFrom >= t.validUntil || t.validUntil <= timeMs) {
      o.fail("valid_until", "not after valid_from and the genesis time");
    }
    if (t.validUntil - timeMs > longest) o.fail("valid_until", "more than three years after the genesis time");
    return t;
  });
}

function readCommittee(f: Fields, keys: Keys, members: number): Pick<Genesis, "validators" | "parameters"> {
  const o = new Fields(f.take("committee"), "committee");
  const seen = new Set<number>();
  const validators = o.list("validators", 4, 150, (v, path) => {
    const x = new Fields(v, path);
    const member = x.number("member", 1, members);
    if (seen.has(member)) x.fail("member", "another validator is of the same member");
    seen.add(member);
    const key = keys.read("validator", x.take("key"), x.at("key"));
    x.done();
    return { member, key };
  });
  const parameters = {
    faults: o.number("faults", 1, 150),
    fastFaults: o.number("fast_faults", 0, 150),
    window: o.number("window", 1, 256),
    tenure: o.number("tenure", 1, 1_000_000),
    checkpointInterval: o.number("checkpoint_interval", 1, 65_536),
    executionLag: o.number("execution_lag", 1, 64),
    precisionMs: o.number("precision_ms", 1, 60_000),
    delayMs: o.number("delay_ms", 1, 600_000),
    payloadBytesMax: o.number("payload_bytes_max", 64 << 10, 8 << 20),
  };
  if (parameters.tenure < parameters.window) o.fail("tenure", "below the window");
  let protocol: Protocol = "dualpath";
  if (o.has("engine")) {
    // A file names its protocol only if it is not the first one.
    if (o.string("engine") !== "original") o.fail("engine", 'wanted "original", or no such field');
    protocol = "original";
  }
  o.done();
  return { validators, parameters: { ...parameters, protocol } };
}

/** The version of the rules, which a file names only if it is not the first. */
function readRules(f: Fields, members: readonly GenesisMember[]): Pick<Genesis, "rules" | "settlement"> {
  if (!f.has("rules")) return { rules: 1 };
  const rules = f.number("rules", 2, 2);
  const payMs = f.number("pay_ms", hourMs, 90 * dayMs);
  const clearer = f.number("clearer", 0, members.length);
  if (clearer > 0 && !members[clearer - 1]?.roles.includes("payment")) f.fail("clearer", "not a payment member");
  const netMode = f.string("net_mode");
  if (!["multilateral", "bilateral"].includes(netMode)) f.fail("net_mode", "wanted multilateral or bilateral");
  return { rules, settlement: { payMs, clearer, netMode } };
}

/**
 * Reads a genesis file and checks what a verifier needs of it. Throws a RangeError that
 * names what is wrong. `digest`, if given, is what the chain's digest must be (64
 * hexadecimal digits): compare it with one that came another way before the file of a
 * node is trusted.
 */
export function parseGenesis(file: Uint8Array, digest?: string): Genesis {
  if (file.length > fileBytesMax) throw new RangeError(`genesis: ${file.length} bytes, at most ${fileBytesMax}`);
  const raw = file.slice();
  const f = new Fields(parseJson(fromUtf8(raw)), "");
  if (f.string("format") !== format) f.fail("format", `this version reads ${format}`);
  const name = f.string("name");
  if (!/^[a-zA-Z0-9-]{1,64}$/.test(name)) f.fail("name", "1 to 64 of a-z, A-Z, 0-9 and - are wanted");
  const timeMs = f.time("time");
  if (timeMs === 0) f.fail("time", "not a time of a chain");
  const keys = new Keys();
  const currencies = readCurrencies(f);
  const members = readMembers(f, keys);
  const funding = readFunding(f, currencies, members.length);
  const tills = readTills(f, keys, { name, timeMs, currencies, members });
  const holderLifeMs = f.number("holder_life_ms", 1000, hourMs);
  const memberLifeMs = f.number("member_life_ms", holderLifeMs, 30 * dayMs);
  const cycleMs = f.number("cycle_ms", hourMs, 366 * dayMs);
  const version = readRules(f, members);
  const { validators, parameters } = readCommittee(f, keys, members.length);
  f.done();
  const chain = Chain.of(name, raw);
  if (digest !== undefined && hex(chain.digest) !== digest.toLowerCase()) {
    throw new RangeError(`genesis: the chain of this file is ${hex(chain.digest)}, not ${digest}`);
  }
  const committee = new Committee(
    chain,
    0,
    validators.map((v) => v.key),
    parameters,
  );
  const content = { name, timeMs, currencies, members, funding, tills, holderLifeMs, memberLifeMs, cycleMs };
  return { ...content, ...version, validators, parameters, chain, committee, raw };
}

/** Whether the chain is a demonstration: its keys may be public, and it is not for real coupons. */
export function isDemonstration(g: Pick<Genesis, "name">): boolean {
  return g.name.startsWith("DEV-");
}
