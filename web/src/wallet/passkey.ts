/**
 * A copy of the wallet that opens with a passkey: its PRF gives a key that only the
 * device's owner can use, and that key seals the entropy in a small file. It is one
 * wrap beside the words, never the only way back.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { base64url, fromBase64url, utf8 } from "@scrip/sdk/bytes";

const format = "scrip-passkey-copy-1";
const info = utf8("scrip/passkey-copy/v1");
const saltBytes = 32;
const fileCharsMax = 4096;

interface PrfResults {
  prf?: { enabled?: boolean; results?: { first?: ArrayBuffer } };
}

/** passkeysHere tells whether this page may use passkeys at all. */
export function passkeysHere(): boolean {
  return isSecureContext && "PublicKeyCredential" in globalThis;
}

const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));

function prfOf(credential: Credential | null): Uint8Array | undefined {
  const results = (credential as PublicKeyCredential | null)?.getClientExtensionResults() as PrfResults | undefined;
  const first = results?.prf?.results?.first;
  return first && new Uint8Array(first);
}

function keyOf(prf: Uint8Array): Uint8Array {
  return hkdf(sha256, prf, new Uint8Array(), info, 32);
}

async function ask(id: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const got = await navigator.credentials.get({
    publicKey: {
      challenge: random(32),
      allowCredentials: [{ type: "public-key", id }],
      userVerification: "required",
      extensions: { prf: { eval: { first: salt } } },
    },
  });
  const prf = prfOf(got);
  if (!prf) throw new Error("the passkey gives no key");
  return prf;
}

/** makeCopy makes a passkey and returns the text of the file that it opens. */
export async function makeCopy(entropy: Uint8Array, name: string): Promise<string> {
  const salt = random(saltBytes);
  const made = (await navigator.credentials.create({
    publicKey: {
      challenge: random(32),
      rp: { name: "Scrip" },
      user: { id: random(16), name, displayName: name },
      pubKeyCredParams: [
        { type: "public-key", alg: -7 },
        { type: "public-key", alg: -257 },
      ],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      extensions: { prf: { eval: { first: salt } } },
    },
  })) as PublicKeyCredential | null;
  if (!made) throw new Error("no passkey was made");
  const id = new Uint8Array(made.rawId);
  // Many authenticators give the key on the first use only.
  const prf = prfOf(made) ?? (await ask(id, salt));
  const nonce = random(12);
  const box = gcm(keyOf(prf), nonce).encrypt(entropy);
  const file = { format, id: base64url(id), salt: base64url(salt), nonce: base64url(nonce), box: base64url(box) };
  return `${JSON.stringify(file)}\n`;
}

/** isCopy tells such a file from others. */
export function isCopy(text: string): boolean {
  return text.length <= fileCharsMax && text.includes(format);
}

/** openCopy asks the passkey to open a file. */
export async function openCopy(text: string): Promise<Uint8Array> {
  const f = JSON.parse(text) as Record<string, unknown>;
  const field = (name: string) => new Uint8Array(fromBase64url(String(f[name])));
  const prf = await ask(field("id"), field("salt"));
  return gcm(keyOf(prf), field("nonce")).decrypt(field("box"));
}
