/** The merchant's key on this device, and what it signs. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { MemberBody } from "@scrip/sdk/answers";
import { compare, fromBase64url, fromHex } from "@scrip/sdk/bytes";
import type { Receipt } from "@scrip/sdk/client";
import { decodeBech32m, parseKeyFileBody, SecretKey, secretPrefix } from "@scrip/sdk/keys";
import {
  memberTx,
  type BatchCommit,
  type CampaignControl,
  type CampaignPublish,
  type MemberSigner,
  type TillKeyRevoke,
} from "@scrip/sdk/transactions";
import type { Link } from "../kit/chain.ts";
import type { Currency } from "../kit/format.ts";
import type { Sealed } from "../kit/storage.ts";
import { handInRows, HandIns } from "./handins.ts";

const keyRow = "member-key";

/** Kept is the member's key as it lies on the device. */
interface Kept {
  member: number;
  sealed: Sealed;
}

export type MemberFields = CampaignPublish | CampaignControl | BatchCommit | TillKeyRevoke;

/** Brought is what a link brings to the console. */
export type Brought =
  | { kind: "key"; seed: Uint8Array; member: number }
  | { kind: "till"; answer: Uint8Array }
  | { kind: "box"; secret: Uint8Array }
  | { kind: "bad" };

/** readBrought reads the part of a link behind its #. */
export function readBrought(fragment: string): Brought {
  const values = new URLSearchParams(fragment);
  try {
    const till = values.get("till");
    if (till) return { kind: "till", answer: fromBase64url(till) };
    const box = values.get("box");
    if (box) return { kind: "box", secret: fromBase64url(box) };
    const seed = fromBase64url(values.get("k") ?? "");
    const member = Number(values.get("m"));
    if (seed.length !== 32 || !Number.isInteger(member) || member < 0 || member > 65_535) return { kind: "bad" };
    return { kind: "key", seed, member };
  } catch {
    return { kind: "bad" };
  }
}

/**
 * seedOf reads a key as people have it: a key file, with the remarks that stand before an
 * unencrypted one, its secret alone, or 64 hexadecimal digits.
 */
export function seedOf(text: string): Uint8Array | undefined {
  const trimmed = text
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n")
    .replace(/^(\s*#[^\n]*\n)+/, "")
    .trim();
  try {
    if (trimmed.startsWith("scrip key file")) {
      const key = parseKeyFileBody(`${trimmed}\n`);
      return key.kind === "member" ? key.exportSeed() : undefined;
    }
    if (/^[0-9a-f]{64}$/i.test(trimmed)) return fromHex(trimmed.toLowerCase());
    const d = decodeBech32m(trimmed);
    return d.prefix === secretPrefix && d.bytes.length === 32 ? d.bytes : undefined;
  } catch {
    return undefined;
  }
}

/** memberOf finds whose admin key a seed is, 0 if it is nobody's. */
export async function memberOf(link: Link, seed: Uint8Array, said = 0): Promise<number> {
  const key = new SecretKey("member", seed).key;
  const owns = async (n: number) => (await link.client.member(n)).keys.some((k) => compare(k, key) === 0);
  if (said > 0) return (await owns(said)) ? said : 0;
  for (const m of await link.client.members()) if (await owns(m.id)) return m.id;
  return 0;
}

export class Session {
  readonly signer: MemberSigner;
  readonly handIns: HandIns;
  readonly #about = signal<MemberBody | undefined>(undefined);
  /** The member as a node shows it: name, roles, promises. */
  readonly about: ReadonlySignal<MemberBody | undefined> = this.#about;

  constructor(
    readonly link: Link,
    readonly member: number,
    readonly key: SecretKey,
  ) {
    this.handIns = new HandIns(link);
    this.signer = { member, key: key.key, sign: (m) => key.sign(m) };
  }

  /** open returns the session that this device has, if it has one. */
  static async open(link: Link): Promise<Session | undefined> {
    const kept = await link.store.get<Kept>(keyRow);
    if (!kept) return undefined;
    const s = new Session(link, kept.member, new SecretKey("member", await link.store.open(kept.sealed)));
    await s.handIns.load();
    return s;
  }

  /** begin keeps a key on this device, sealed, in the place of another. */
  static async begin(link: Link, member: number, seed: Uint8Array): Promise<Session> {
    await Session.end(link);
    await link.store.set(keyRow, { member, sealed: await link.store.seal(seed) } satisfies Kept);
    void link.store.persisted(true);
    return new Session(link, member, new SecretKey("member", seed));
  }

  /** end forgets the key and what belongs to it. */
  static async end(link: Link): Promise<void> {
    for (const row of [keyRow, handInRows.former, "draft", "offer", "manager"]) await link.store.delete(row);
    for (const rows of ["tickets/", "terms/", handInRows.prefix]) await link.store.deleteAll(rows);
  }

  async load(): Promise<void> {
    this.#about.value = await this.link.client.read("MemberBody", `/v1/members/${this.member}`);
  }

  get name(): string {
    return this.#about.value?.name ?? this.link.genesis.members[this.member - 1]?.name ?? "";
  }

  has(role: string): boolean {
    return this.#about.value?.roles.includes(role) ?? false;
  }

  /** currencies are those in which the member may promise money, or all of the chain. */
  currencies(): (Currency & { number: number })[] {
    const own = new Set(this.#about.value?.funding.map((f) => f.currency));
    const some = this.link.genesis.currencies.filter((c) => own.has(c.letters));
    return some.length > 0 ? some : [...this.link.genesis.currencies];
  }

  currencyNamed(letters: string): Currency {
    return this.link.genesis.currencies.find((c) => c.letters === letters) ?? { letters, exponent: 2 };
  }

  /** sign makes a transaction of the member's. */
  sign(fields: MemberFields): Uint8Array {
    return memberTx(this.link.chain, this.link.client.expiry(true), fields, [this.signer]);
  }

  /** act hands in what the member has signed, and returns the proven receipt. */
  act(what: string, raw: Uint8Array): Promise<Receipt> {
    return this.handIns.act(what, raw);
  }
}
