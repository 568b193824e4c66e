/**
 * Chains, signatures and one-off keys (docs/wire.md, part 2).
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concat, utf8 } from "./bytes.ts";
import { Writer } from "./wire.ts";

export { sha256 };

/** Domain tags. The length byte before a tag makes all of them prefix-free. */
export const Tag = {
  chain: "scrip/chain/v1",
  tx: "scrip/tx/v1",
  ticket: "scrip/ticket/v1",
  invoice: "scrip/invoice/v1",
  auth: "scrip/auth/v1",
  basket: "scrip/basket/v1",
  offer: "scrip/offer/v1",
  accept: "scrip/accept/v1",
  pay: "scrip/pay/v1",
  login: "scrip/login/v1",
} as const;

/** A tag behind its length byte. */
function tagged(tag: string): Uint8Array {
  const t = utf8(tag);
  return concat(Uint8Array.of(t.length), t);
}

/** One ledger. Every signature is bound to its digest, so none counts on another chain. */
export class Chain {
  /** The chain digest, 32 bytes. */
  readonly digest: Uint8Array;
  /** The first four bytes of the digest as a number: it tells a wrong chain early. */
  readonly hint: number;

  constructor(digest: Uint8Array) {
    if (digest.length !== 32) throw new RangeError(`a chain digest of ${digest.length} bytes`);
    this.digest = digest.slice();
    this.hint = new DataView(this.digest.buffer).getUint32(0, true);
  }

  /** The chain of a name and the bytes of its genesis file. */
  static of(name: string, genesisFile: Uint8Array): Chain {
    const b = new Writer().raw(tagged(Tag.chain)).text(name).raw(sha256(genesisFile)).done();
    return new Chain(sha256(b));
  }

  /** M(tag, body): the bytes that are signed. */
  message(tag: string, body: Uint8Array): Uint8Array {
    return concat(tagged(tag), this.digest, sha256(body));
  }

  /** D(tag, body): digests and ids. */
  hash(tag: string, body: Uint8Array): Uint8Array {
    return sha256(this.message(tag, body));
  }

  /** HKDF-SHA-256 with the chain's digest as salt: one-off secrets that count on this chain only. */
  derive(secret: Uint8Array, info: Uint8Array, size: number): Uint8Array {
    return hkdf(sha256, secret, this.digest, info, size);
  }

  /** The private seed of a ticket's claim key, from the 16 bytes that the ticket's link carries. */
  claimKeySeed(ticketSeed: Uint8Array, campaign: number, serial: number): Uint8Array {
    return this.derive(ticketSeed, new Writer().raw(utf8("scrip/claim-key/v1")).u32(campaign).u32(serial).done(), 32);
  }

  /** The private seed of a gift key, from the 16 bytes that the gift's link carries. */
  giftKeySeed(giftSeed: Uint8Array, coupon: bigint): Uint8Array {
    return this.derive(giftSeed, new Writer().raw(utf8("scrip/gift-key/v1")).u64(coupon).done(), 32);
  }

  /** The 16 bytes of a gift's link, from the wallet's secret and the coupon's seq when it is offered. */
  giftSeed(walletSecret: Uint8Array, coupon: bigint, seq: number): Uint8Array {
    return this.derive(walletSecret, new Writer().raw(utf8("scrip/gift-seed/v1")).u64(coupon).u32(seq).done(), 16);
  }
}

/**
 * Binds a till's bill without telling anything of it. The 16 bytes of salt must be
 * fresh; the basket's form is the merchant's own.
 */
export function basketHash(salt: Uint8Array, basket: Uint8Array): Uint8Array {
  if (salt.length !== 16) throw new RangeError(`a salt of ${salt.length} bytes, wanted 16`);
  return sha256(concat(tagged(Tag.basket), salt, sha256(basket)));
}

/** A public key with the means to sign. */
export interface Signer {
  /** The public key, 32 bytes. */
  readonly key: Uint8Array;
  /** The ed25519 signature over message, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** The signer of a private ed25519 seed (32 bytes) held in memory. Printing it shows no secret. */
export function signerOf(seed: Uint8Array): Signer {
  if (seed.length !== 32) throw new RangeError(`a seed of ${seed.length} bytes, wanted 32`);
  const secret = seed.slice();
  return { key: ed25519.getPublicKey(secret), sign: (message) => ed25519.sign(message, secret) };
}

/** Random bytes from the platform, also on plain http. */
export function randomBytes(n: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(n));
}

/**
 * Reports whether signature is one of message by key under ZIP-215, the rule of every
 * node. WebCrypto answers differently on crafted signatures and is not used.
 */
export function verifySignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, message, key, { zip215: true });
  } catch {
    return false;
  }
}

const Point = ed25519.Point;
const groupOrder = Point.Fn.ORDER;
/** From which signature on a table pays: making one costs as much as two or three checks. */
const tableFrom = 3;
const tableBits = 4;

/**
 * A public key under which many signatures are checked, by the same rule as
 * verifySignature: a table of multiples makes each three times as fast.
 */
export class KnownKey {
  readonly #key: Uint8Array;
  #uses = 0;
  #point: InstanceType<typeof Point> | undefined;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  /** Reports whether signature is one of message by the key under ZIP-215. */
  verify(message: Uint8Array, signature: Uint8Array): boolean {
    if (++this.#uses < tableFrom) return verifySignature(this.#key, message, signature);
    if (signature.length !== 64 || this.#key.length !== 32) return false;
    const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
    if (s >= groupOrder) return false;
    try {
      this.#point ??= Point.fromBytes(this.#key, true).precompute(tableBits, true);
      const k = littleEndian(sha512(concat(r, this.#key, message))) % groupOrder;
      // The cofactored equation: [8](R + kA - sB) = 0.
      const sum = Point.fromBytes(r, true).add(this.#point.multiplyUnsafe(k));
      return sum.subtract(Point.BASE.multiplyUnsafe(s)).clearCofactor().is0();
    } catch {
      return false; // R or the key is no point
    }
  }
}

function littleEndian(b: Uint8Array): bigint {
  let v = 0n;
  for (let i = b.length - 1; i >= 0; i--) v = (v << 8n) | BigInt(b[i] as number);
  return v;
}

/** Reports whether a key may stand in an object: the canonical encoding of a point that is not of small order. */
export function validKey(key: Uint8Array): boolean {
  if (key.length !== 32) return false;
  try {
    return !ed25519.Point.fromBytes(key, false).isSmallOrder();
  } catch {
    return false;
  }
}
