/**
 * Encrypted backup files: the same armored age files, with a scrypt recipient, that the
 * command line writes. A wallet's words are the backup that counts; a file is for comfort.
 *
 * Encrypting and decrypting takes 128 MiB and about a second of the calling thread.
 */
import { Decrypter, Encrypter, armor } from "age-encryption";
import { fromUtf8, utf8 } from "./bytes.ts";
import { type SecretKey, keyFileBody, parseKeyFileBody, parsePhraseFileBody, phraseFileBody } from "./keys.ts";

/** Work factor of new files, as log2 of scrypt's N with r = 8, p = 1. */
export const workLog2 = 17;
/** A file that asks for more could stop a small machine and is refused. */
export const workLog2Max = 18;
/** The shortest passphrase that is taken, in characters. */
export const passphraseCharsMin = 10;
const passphraseCharsMax = 1024;
const fileCharsMax = 16 << 10;

/** The passphrase is not the file's. */
export class WrongPassphrase extends Error {
  override readonly name = "WrongPassphrase";

  constructor() {
    super("wrong passphrase");
  }
}

async function encrypt(body: string, passphrase: string): Promise<string> {
  const n = [...passphrase].length;
  if (n < passphraseCharsMin || n > passphraseCharsMax) {
    throw new RangeError(
      `the passphrase has ${n} characters; give ${passphraseCharsMin} to ${passphraseCharsMax}, several words are best`,
    );
  }
  const e = new Encrypter();
  e.setPassphrase(passphrase.normalize("NFC"));
  e.setScryptWorkFactor(workLog2);
  return armor.encode(await e.encrypt(utf8(body)));
}

// The header's first lines: the version, then the one stanza with salt and work factor.
const scryptHeader = /^age-encryption\.org\/v1\n-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)\n/;

async function decrypt(file: string, passphrase: string): Promise<string> {
  if (file.length > fileCharsMax) throw new RangeError(`a file of ${file.length} characters, at most ${fileCharsMax}`);
  if (passphrase === "" || passphrase.length > 4 * passphraseCharsMax) throw new WrongPassphrase();
  let binary: Uint8Array;
  try {
    binary = armor.decode(file);
  } catch {
    throw new RangeError("not an encrypted Scrip file");
  }
  const header = scryptHeader.exec(String.fromCharCode(...binary.subarray(0, 200)));
  if (!header) throw new RangeError("the file is not encrypted with a passphrase");
  if (Number(header[1]) > workLog2Max) throw new RangeError("the file asks for more work than a small machine can do");
  const d = new Decrypter();
  d.addPassphrase(passphrase.normalize("NFC"));
  try {
    return fromUtf8(await d.decrypt(binary));
  } catch (e) {
    if (e instanceof Error && e.message.includes("no identity matched")) throw new WrongPassphrase();
    throw new RangeError("the file is damaged");
  }
}

/** Encrypts a key as a key file. */
export function encryptKey(key: SecretKey, passphrase: string): Promise<string> {
  return encrypt(keyFileBody(key), passphrase);
}

/** Opens an encrypted key file; throws WrongPassphrase or a RangeError. */
export async function decryptKey(file: string, passphrase: string): Promise<SecretKey> {
  return parseKeyFileBody(await decrypt(file, passphrase));
}

/** Encrypts a wallet's mnemonic as a phrase file. */
export function encryptPhrase(mnemonic: string, passphrase: string): Promise<string> {
  return encrypt(phraseFileBody(mnemonic), passphrase);
}

/** Opens an encrypted phrase file; throws WrongPassphrase or a RangeError. */
export async function decryptPhrase(file: string, passphrase: string): Promise<string> {
  return parsePhraseFileBody(await decrypt(file, passphrase));
}
