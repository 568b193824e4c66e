/**
 * Pairing a till (web/FRAGMENTS.md): the console offers, the till makes its key and
 * answers through a box that only the two can name, and the console registers it.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { base64, base64url, compare, concat, fromBase64, fromBase64url, hex, utf8 } from "@scrip/sdk/bytes";
import {
  checkBody,
  encodeBody,
  signBody,
  Tag,
  verifySignature,
  type Chain,
  type Signer,
  type TillKeyAdd,
} from "@scrip/sdk/transactions";
import { decode, Writer } from "@scrip/sdk/wire";

const version = 1;
const secretBytes = 16;
const sealBytes = 32;
const signatureBytes = 64;
const answerBytesMax = 256;
const boxMs = 5000;
const backdateMs = 60_000;
const answerLifeMs = 3_600_000;

/** Offer is what a merchant lets a till become. */
export interface Offer {
  /** 16 bytes; whoever has them can answer. */
  secret: Uint8Array;
  member: number;
  store: number;
  /** A bit set: see Right. */
  rights: number;
  /** ISO 4217 number. */
  currency: number;
  /** Unix ms. */
  validUntil: number;
  /** Minor units in one UTC day. */
  dayCap: bigint;
  /** At most 32 bytes. */
  label: string;
}

/** encodeOffer returns the value of `pair` in a link to the till. */
export function encodeOffer(chain: Chain, o: Offer): string {
  const w = new Writer()
    .u8(version)
    .u32(chain.hint)
    .fixed(o.secret, secretBytes)
    .u16(o.member)
    .u16(o.store)
    .u8(o.rights);
  return base64url(w.u16(o.currency).u64(o.validUntil).u64(o.dayCap).text(o.label).done());
}

/** decodeOffer reads an offer; it throws if it is damaged or of another chain. */
export function decodeOffer(chain: Chain, text: string): Offer {
  return decode(fromBase64url(text), (r) => {
    r.require(r.u8() === version, "a version that this face does not know");
    r.require(r.u32() === chain.hint, "an offer of another network");
    return {
      secret: r.raw(secretBytes),
      member: r.u16(),
      store: r.u16(),
      rights: r.u8(),
      currency: r.u16(),
      validUntil: r.u53(),
      dayCap: r.u64(),
      label: r.text(32),
    };
  });
}

function derive(chain: Chain, o: Offer, info: string, size: number): Uint8Array {
  return hkdf(sha256, o.secret, chain.digest, utf8(info), size);
}

/** boxOf names the box of an offer, in hexadecimal. */
export function boxOf(chain: Chain, o: Offer): string {
  return hex(derive(chain, o, "scrip/pair-box/v1", 16));
}

function seal(chain: Chain, o: Offer, content: Uint8Array): Uint8Array {
  return hmac(sha256, derive(chain, o, "scrip/pair-mac/v1", sealBytes), content);
}

/** makeAnswer is the till's part of its registration, sealed for who made the offer. */
export function makeAnswer(chain: Chain, o: Offer, till: Signer, nowMs: number): Uint8Array {
  const { secret: _, ...facts } = o;
  const fields = { kind: "TillKeyAdd" as const, ...facts, tillKey: till.key, validFrom: nowMs - backdateMs };
  const body = encodeBody(chain, nowMs + answerLifeMs, fields);
  const content = concat(body, signBody(chain, body, till));
  return concat(content, seal(chain, o, content));
}

/** Registration is a till's part of a TillKeyAdd that was checked: body and the till's signature. */
export interface Registration {
  body: Uint8Array;
  signature: Uint8Array;
  fields: TillKeyAdd;
}

/** readRegistration reads body and signature and checks that the till key has signed. */
export function readRegistration(chain: Chain, content: Uint8Array): Registration {
  if (content.length <= signatureBytes || content.length > answerBytesMax) throw new RangeError("no answer of a till");
  const body = content.slice(0, -signatureBytes);
  const signature = content.slice(-signatureBytes);
  const { fields } = checkBody(chain, body);
  if (fields.kind !== "TillKeyAdd") throw new RangeError("no answer of a till");
  if (!verifySignature(fields.tillKey, chain.message(Tag.tx, body), signature)) {
    throw new RangeError("the till's signature does not verify");
  }
  return { body, signature, fields };
}

/** checkAnswer reads a till's answer and checks that it says what was offered. */
export function checkAnswer(chain: Chain, o: Offer, answer: Uint8Array): Registration {
  if (answer.length <= sealBytes || answer.length > answerBytesMax) throw new RangeError("no answer of a till");
  const content = answer.slice(0, -sealBytes);
  if (compare(seal(chain, o, content), answer.slice(-sealBytes)) !== 0)
    throw new RangeError("the answer is not sealed by the offer");
  const r = readRegistration(chain, content);
  const f = r.fields;
  const same =
    f.member === o.member &&
    f.store === o.store &&
    f.rights === o.rights &&
    f.currency === o.currency &&
    f.validUntil === o.validUntil &&
    f.dayCap === o.dayCap &&
    f.label === o.label;
  if (!same) throw new RangeError("the till asks for something else than what was offered");
  return r;
}

/** putBox leaves an answer at every node that takes it; it throws if none does. */
export async function putBox(nodes: readonly string[], box: string, data: Uint8Array): Promise<void> {
  const body = JSON.stringify({ data: base64(data) });
  const answers = await Promise.all(
    nodes.map((node) =>
      fetch(`${node}/v1/boxes/${box}`, {
        method: "POST",
        body,
        credentials: "omit",
        headers: { "Content-Type": "application/json" },
        signal: AbortSignal.timeout(boxMs),
      }).then(
        (a) => a.ok,
        () => false,
      ),
    ),
  );
  if (!answers.includes(true)) throw new Error("no node takes the answer");
}

/** getBox returns what is in a box at any node, or undefined while there is nothing. */
export async function getBox(nodes: readonly string[], box: string): Promise<Uint8Array | undefined> {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      try {
        const a = await fetch(`${node}/v1/boxes/${box}`, { credentials: "omit", signal: AbortSignal.timeout(boxMs) });
        return a.ok ? ((await a.json()) as { data?: string }).data : undefined;
      } catch {
        return undefined;
      }
    }),
  );
  const found = answers.find((a) => typeof a === "string" && a.length <= 2 * answerBytesMax);
  return found === undefined ? undefined : fromBase64(found);
}

/** fingerprint is what till and console show of a key, for the eye. */
export function fingerprint(key: Uint8Array): string {
  return (hex(key.slice(0, 4)).toUpperCase().match(/.{4}/g) ?? []).join(" ");
}
