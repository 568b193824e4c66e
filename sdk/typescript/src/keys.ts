/**
 * Addresses, mnemonics and the keys that follow from them (docs/wire.md, part 7).
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bech32, bech32m } from "@scure/base";
import { entropyToMnemonic, mnemonicToEntropy, mnemonicToSeedSync } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { compare, concat, utf8 } from "./bytes.ts";
import { type Signer, randomBytes, signerOf } from "./signing.ts";

/** What a key is for, in the order of the derivation path. */
export const keyKinds = ["holder", "till", "member", "validator", "ticket"] as const;
/** What a key is for. */
export type KeyKind = (typeof keyKinds)[number];

/** The prefix of every secret key, whatever its kind. */
export const secretPrefix = "scripsecret";

function prefixOf(kind: KeyKind): string {
  return kind === "holder" ? "scrip" : `scrip${kind}`;
}

/** Quotes a text of unknown origin in an error: never long. */
function abbreviate(text: string): string {
  return JSON.stringify(text.length <= 26 ? text : `${text.slice(0, 20)}...${text.slice(-6)}`);
}

/** The bech32m form of 32 bytes. */
export function encodeBech32m(prefix: string, bytes: Uint8Array): string {
  return bech32m.encode(prefix, bech32m.toWords(bytes), 90);
}

interface Decoded {
  prefix: string;
  bytes: Uint8Array;
}

/** Reads a bech32m text of 32 bytes; its errors say what is wrong with the text. */
export function decodeBech32m(text: string): Decoded {
  if (text.length > 90) throw new RangeError(`${text.length} characters, at most 90`);
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) throw new RangeError("mixed upper and lower case");
  const lower = text.toLowerCase();
  if (lower.lastIndexOf("1") < 1) throw new RangeError("no prefix");
  let decoded: { prefix: string; words: number[] };
  try {
    decoded = bech32m.decode(lower as `${string}1${string}`, 90);
  } catch {
    if (bech32.decodeUnsafe(lower, 90)) {
      throw new RangeError("the older bech32 checksum is not accepted, bech32m is wanted");
    }
    throw new RangeError("the checksum does not match: a character is wrong or missing");
  }
  const bytes = bech32m.fromWordsUnsafe(decoded.words);
  if (!bytes) throw new RangeError("the padding is not zero");
  if (bytes.length !== 32) throw new RangeError(`${bytes.length} bytes, a key has 32`);
  return { prefix: decoded.prefix, bytes };
}

/** The written form of a public key: `scrip1…` for a holder (an address), `scriptill1…` for a till and so on. */
export function encodeKey(kind: KeyKind, key: Uint8Array): string {
  if (key.length !== 32) throw new RangeError(`${key.length} bytes, a key has 32`);
  return encodeBech32m(prefixOf(kind), key);
}

/** Reads a public key of any kind, in lower or upper case. A secret is refused and not repeated. */
export function decodeAnyKey(text: string): { kind: KeyKind; key: Uint8Array } {
  if (text.toLowerCase().startsWith(`${secretPrefix}1`)) {
    throw new RangeError("this is a secret key; a public key is wanted, and a secret that was shown is spent");
  }
  try {
    const { prefix, bytes } = decodeBech32m(text);
    const kind = keyKinds.find((k) => prefixOf(k) === prefix);
    if (!kind) throw new RangeError(`prefix ${abbreviate(prefix)} is not one of Scrip's`);
    return { kind, key: bytes };
  } catch (e) {
    throw new RangeError(`key ${abbreviate(text)}: ${e instanceof Error ? e.message : "unreadable"}`);
  }
}

/** Reads a public key of one kind. Whether the bytes are a valid point, validKey judges. */
export function decodeKey(kind: KeyKind, text: string): Uint8Array {
  const got = decodeAnyKey(text);
  if (got.kind !== kind) {
    throw new RangeError(
      `${abbreviate(text)} is the key of a ${got.kind}, a ${kind} key (${prefixOf(kind)}1...) is wanted`,
    );
  }
  return got.key;
}

/** The address of a holder key. */
export function address(key: Uint8Array): string {
  return encodeKey("holder", key);
}

const mnemonicCharsMax = 1024;
const words: readonly string[] = wordlist;

/** A fresh mnemonic. 12 words hold 128 bits, which is what ed25519 itself offers. */
export function newMnemonic(count: 12 | 24 = 12): string {
  if (count !== 12 && count !== 24) throw new RangeError(`${count} words asked, 12 or 24 are offered`);
  return mnemonicFromEntropy(randomBytes((count * 4) / 3));
}

/** The mnemonic of 16, 20, 24, 28 or 32 bytes. */
export function mnemonicFromEntropy(entropy: Uint8Array): string {
  const n = entropy.length;
  if (n < 16 || n > 32 || n % 4 !== 0) throw new RangeError(`${n} bytes of entropy, wanted 16, 20, 24, 28 or 32`);
  return entropyToMnemonic(entropy, wordlist);
}

function unknownWord(at: number, word: string): RangeError {
  // Four letters determine a word: a typing error mostly comes later. The word itself is part of a secret.
  const near = word.length >= 4 ? words.find((w) => w.startsWith(word.slice(0, 4))) : undefined;
  return new RangeError(`word ${at + 1} is not in the English list${near ? `; did you mean "${near}"?` : ""}`);
}

/** The words of a mnemonic in their one form: case and spacing as typed do not matter. Throws on a wrong one. */
export function normalizeMnemonic(mnemonic: string): string {
  if (mnemonic.length > mnemonicCharsMax) {
    throw new RangeError(`mnemonic of ${mnemonic.length} characters, at most ${mnemonicCharsMax}`);
  }
  const list = mnemonic.normalize("NFKD").toLowerCase().split(/\s+/u).filter(Boolean);
  if (list.length < 12 || list.length > 24 || list.length % 3 !== 0) {
    throw new RangeError(`mnemonic of ${list.length} words, wanted 12, 15, 18, 21 or 24`);
  }
  const wrong = list.findIndex((w) => !words.includes(w));
  if (wrong >= 0) throw unknownWord(wrong, list[wrong] as string);
  const text = list.join(" ");
  try {
    mnemonicToEntropy(text, wordlist);
  } catch {
    throw new RangeError(
      "all words are known but they do not belong together; look for a word swapped, repeated or taken for another",
    );
  }
  return text;
}

/** The entropy of a mnemonic, after checking its words and checksum. */
export function entropyFromMnemonic(mnemonic: string): Uint8Array {
  return mnemonicToEntropy(normalizeMnemonic(mnemonic), wordlist);
}

/** The 64-byte seed of a mnemonic and BIP-39 passphrase. */
export function seedFromMnemonic(mnemonic: string, passphrase = ""): Uint8Array {
  return mnemonicToSeedSync(normalizeMnemonic(mnemonic), passphrase);
}

const hardened = 2 ** 31;

/** A point in a SLIP-0010 tree of ed25519, where every step is hardened. */
class Node {
  readonly seed: Uint8Array;
  readonly #chain: Uint8Array;

  private constructor(mac: Uint8Array) {
    this.seed = mac.slice(0, 32);
    this.#chain = mac.slice(32);
  }

  static master(seed: Uint8Array): Node {
    return new Node(hmac(sha512, utf8("ed25519 seed"), seed));
  }

  child(index: number): Node {
    if (!Number.isInteger(index) || index < 0 || index >= hardened) {
      throw new RangeError(`step ${index} of a path, below 2^31 is wanted`);
    }
    const step = new Uint8Array(4);
    new DataView(step.buffer).setUint32(0, index + hardened);
    return new Node(hmac(sha512, this.#chain, concat(Uint8Array.of(0), this.seed, step)));
  }
}

const walletPurpose = 7273;
const walletSecretRole = 255;

/** A key that signs, with what it is for. Printing or serialising it shows its public half only. */
export class SecretKey implements Signer {
  readonly kind: KeyKind;
  readonly key: Uint8Array;
  readonly #seed: Uint8Array;
  readonly #signer: Signer;

  constructor(kind: KeyKind, seed: Uint8Array) {
    this.kind = kind;
    this.#seed = seed.slice();
    this.#signer = signerOf(this.#seed);
    this.key = this.#signer.key;
  }

  /** A fresh key. */
  static generate(kind: KeyKind): SecretKey {
    return new SecretKey(kind, randomBytes(32));
  }

  sign(message: Uint8Array): Uint8Array {
    return this.#signer.sign(message);
  }

  /** The written form of the public key. */
  get address(): string {
    return encodeKey(this.kind, this.key);
  }

  /** The private seed, to be encrypted and stored; never to be shown or logged. */
  exportSeed(): Uint8Array {
    return this.#seed.slice();
  }

  toString(): string {
    return `${this.kind} key ${this.address}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/**
 * How many keys in a row that own nothing end a wallet's look through a campaign. A used
 * coupon still belongs to its key: only coupons given away, claims that failed and
 * addresses that nobody used leave gaps.
 */
export const gapLimit = 200;
/** The same for a look that a person asks for, since something is missing. */
export const gapLimitFar = 2000;

/** All keys of one mnemonic. Printing it shows no secret. */
export class Wallet {
  readonly #root: Node;

  constructor(mnemonic: string, passphrase = "") {
    this.#root = Node.master(seedFromMnemonic(mnemonic, passphrase)).child(walletPurpose);
  }

  /**
   * The holder key for the n-th coupon of a campaign, at m/7273'/0'/campaign'/n'. A wallet
   * uses a new n for each coupon, so that its coupons cannot be linked on the chain; a
   * campaign with a cap per holder uses 0 throughout.
   */
  coupon(campaign: number, n: number): SecretKey {
    return this.key("holder", campaign, n);
  }

  /** The key at m/7273'/kind'/group'/n'; for an organisation's keys group is the member's number. */
  key(kind: KeyKind, group: number, n: number): SecretKey {
    return new SecretKey(kind, this.#root.child(keyKinds.indexOf(kind)).child(group).child(n).seed);
  }

  /** The 32 bytes from which gift seeds follow (Chain.giftSeed), at m/7273'/255'. */
  secret(): Uint8Array {
    return this.#root.child(walletSecretRole).seed.slice();
  }

  toString(): string {
    return "wallet (secret)";
  }

  toJSON(): string {
    return this.toString();
  }
}

const bodyTitle = "scrip key file v1";
const phraseTitle = "scrip phrase file v1";

/** The lines of a key file. They hold the secret: encrypt them before they are stored. */
export function keyFileBody(key: SecretKey): string {
  const secret = encodeBech32m(secretPrefix, key.exportSeed());
  return `${bodyTitle}\nkind: ${key.kind}\npublic: ${key.address}\nsecret: ${secret}\n`;
}

/** Reads the lines of a key file. Its errors never repeat a secret. */
export function parseKeyFileBody(text: string): SecretKey {
  const lines = text.replace(/\n$/, "").split("\n");
  if (lines.length !== 4 || lines[0] !== bodyTitle) throw new RangeError(`not a key file: "${bodyTitle}" is wanted`);
  const [kindName, publicText, secretText] = ["kind: ", "public: ", "secret: "].map((name, i) => {
    const line = lines[i + 1] as string;
    if (!line.startsWith(name)) throw new RangeError(`key file: line ${i + 2} must begin with "${name}"`);
    return line.slice(name.length);
  }) as [string, string, string];
  const kind = keyKinds.find((k) => k === kindName);
  if (!kind) throw new RangeError(`key file: ${abbreviate(kindName)} is not a kind of key`);
  let seed: Decoded;
  try {
    seed = decodeBech32m(secretText);
  } catch {
    throw new RangeError("key file: the secret is not readable");
  }
  if (seed.prefix !== secretPrefix) throw new RangeError("key file: the secret is not a secret key");
  const key = new SecretKey(kind, seed.bytes);
  if (compare(key.key, decodeKey(kind, publicText)) !== 0) {
    throw new RangeError("key file: the secret does not belong to the public key: the file was changed");
  }
  return key;
}

/** The lines of a phrase file, which holds a wallet's mnemonic. Encrypt them before they are stored. */
export function phraseFileBody(mnemonic: string): string {
  return `${phraseTitle}\n${normalizeMnemonic(mnemonic)}\n`;
}

/** Reads the lines of a phrase file. */
export function parsePhraseFileBody(text: string): string {
  if (!text.startsWith(`${phraseTitle}\n`))
    throw new RangeError("it holds no phrase; a single key's file is read as a key");
  return normalizeMnemonic(text.slice(phraseTitle.length + 1));
}
