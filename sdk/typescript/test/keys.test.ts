import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { WrongPassphrase, decryptKey, decryptPhrase, encryptPhrase } from "../src/backup.ts";
import { fromHex, hex } from "../src/bytes.ts";
import * as keys from "../src/keys.ts";
import { KnownKey, validKey, verifySignature } from "../src/signing.ts";
import { load, program } from "./vectors.ts";

interface KeyVectors {
  wallets: {
    mnemonic: string;
    passphrase: string;
    secret: string;
    keys: { kind: keys.KeyKind; group: number; n: number; seed: string; address: string }[];
  }[];
  addresses: { text: string; valid: boolean }[];
  keyFile: string;
  passphrase: string;
  encryptedKey: string;
  encryptedPhrase: string;
}

// Pages on plain http have no WebCrypto: nothing below may need it.
Object.defineProperty(globalThis.crypto, "subtle", { value: undefined });

const v = load<KeyVectors>("keys/testdata/vectors.json");
const phrase = v.wallets[0]?.mnemonic ?? "";

test("the English vectors of BIP-39", () => {
  const vectors = load<{ entropy: string; mnemonic: string; seed: string }[]>("keys/testdata/bip39.json");
  assert.equal(vectors.length, 24);
  for (const b of vectors) {
    assert.equal(keys.mnemonicFromEntropy(fromHex(b.entropy)), b.mnemonic);
    assert.equal(hex(keys.entropyFromMnemonic(`  ${b.mnemonic.toUpperCase().replaceAll(" ", "\n ")}`)), b.entropy);
    assert.equal(hex(keys.seedFromMnemonic(b.mnemonic, "TREZOR")), b.seed);
  }
});

test("a wrong mnemonic is refused with the place of the word and without the word", () => {
  const with_ = (i: number, word: string): string => phrase.split(" ").with(i, word).join(" ");
  for (const [text, want] of [
    ["", "0 words"],
    [phrase.slice(phrase.indexOf(" ")), "11 words"],
    [with_(11, "year"), "do not belong together"],
    [with_(5, "sausags"), 'word 6 is not in the English list; did you mean "sausage"?'],
    [with_(0, "zzzz"), "word 1 is not"],
    ["a".repeat(2000), "at most"],
  ] as const) {
    assert.throws(
      () => keys.normalizeMnemonic(text),
      (e) => e instanceof RangeError && e.message.includes(want) && !/sausags|zzzz/.test(e.message),
      want,
    );
  }
});

test("wallets derive the keys of every implementation", () => {
  for (const w of v.wallets) {
    const wallet = new keys.Wallet(w.mnemonic, w.passphrase);
    assert.equal(hex(wallet.secret()), w.secret);
    for (const k of w.keys) {
      const key = wallet.key(k.kind, k.group, k.n);
      assert.equal(hex(key.exportSeed()), k.seed);
      assert.equal(key.address, k.address);
      assert.deepEqual(keys.decodeAnyKey(k.address.toUpperCase()), { kind: k.kind, key: key.key });
    }
  }
  assert.throws(() => new keys.Wallet(phrase).coupon(2 ** 31, 0), RangeError);
});

test("addresses: one form, one kind, no secrets", () => {
  for (const a of v.addresses) {
    const read = (): Uint8Array => keys.decodeKey("holder", a.text);
    if (a.valid) assert.equal(keys.address(read()), a.text);
    else assert.throws(read, RangeError, a.text);
  }
  const good = keys.encodeKey("till", new Uint8Array(32).fill(7));
  for (let i = 0; i < good.length; i++) {
    const wrong = good.slice(0, i) + (good[i] === "q" ? "p" : "q") + good.slice(i + 1);
    assert.throws(() => keys.decodeKey("till", wrong), RangeError, wrong);
  }
  const secret = v.keyFile.split("secret: ")[1]?.trim() ?? "";
  assert.throws(
    () => keys.decodeAnyKey(secret),
    (e) => e instanceof RangeError && !e.message.includes(secret.slice(12)),
  );
});

test("a key shows its public half only", () => {
  const key = keys.parseKeyFileBody(v.keyFile);
  const secret = hex(key.exportSeed());
  for (const text of [String(key), JSON.stringify({ key }), inspect(key, { depth: 9, showHidden: true })]) {
    assert.ok(!text.includes(secret) && !text.includes("scripsecret"), text);
  }
  assert.ok(
    !inspect(new keys.Wallet(phrase), { depth: 9, showHidden: true }).includes(hex(new keys.Wallet(phrase).secret())),
  );
});

test("key files: read, written, and refused when changed", () => {
  const key = keys.parseKeyFileBody(v.keyFile);
  assert.equal(keys.keyFileBody(key), v.keyFile);
  const other = keys.SecretKey.generate("holder").address;
  for (const bad of [
    "",
    `${v.keyFile}x\n`,
    v.keyFile.replace("v1", "v2"),
    v.keyFile.replace("kind: holder", "kind: till"),
    v.keyFile.replace(/public: .*/, `public: ${other}`),
    v.keyFile.replace("scripsecret", "scrip"),
  ]) {
    assert.throws(() => keys.parseKeyFileBody(bad), RangeError, bad);
  }
});

test("encrypted files of the program are opened, and wrong passphrases told apart from damage", async () => {
  const key = await decryptKey(v.encryptedKey, v.passphrase);
  assert.equal(keys.keyFileBody(key), v.keyFile);
  assert.equal(await decryptPhrase(v.encryptedPhrase, v.passphrase), phrase);
  await assert.rejects(decryptPhrase(v.encryptedPhrase, "not the passphrase"), WrongPassphrase);
  await assert.rejects(decryptPhrase(v.encryptedKey, v.passphrase), /it holds no phrase/);
  const lines = v.encryptedPhrase.split("\n");
  const last = lines.length - 3;
  lines[last] = `${lines[last]?.startsWith("A") ? "B" : "A"}${lines[last]?.slice(1)}`;
  await assert.rejects(decryptPhrase(lines.join("\n"), v.passphrase), /damaged/);
  await assert.rejects(decryptPhrase("nothing", v.passphrase), /not an encrypted/);
  await assert.rejects(encryptPhrase(phrase, "short"), /passphrase has 5 characters/);
});

test("a file that asks for too much work is refused before any is done", async () => {
  const { armor } = await import("age-encryption");
  const binary = Buffer.from(armor.decode(v.encryptedPhrase)).toString("latin1");
  const greedy = armor.encode(Buffer.from(binary.replace(/(scrypt \S+) 17\n/, "$1 20\n"), "latin1"));
  await assert.rejects(decryptPhrase(greedy, v.passphrase), /more work/);
});

test("the program opens what the SDK has encrypted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scrip-sdk-"));
  try {
    const [home, pass] = [join(folder, "home"), join(folder, "pass")];
    mkdirSync(join(home, "keys"), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, "keys", "bo.phrase"), await encryptPhrase(phrase, v.passphrase), { mode: 0o600 });
    writeFileSync(pass, `${v.passphrase}\n`, { mode: 0o600 });
    const args = ["key", "mnemonic", "show", "bo", "--home", home, "--passphrase-file", pass];
    const out = execFileSync(program(), args, { encoding: "utf8" });
    assert.ok(out.includes(phrase), out);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

interface SignatureVectors {
  signatures: { key: string; message: string; signature: string; valid: boolean }[];
  keys: { key: string; valid: boolean }[];
}

test("signatures and keys are judged by ZIP-215 as on every node", () => {
  const s = load<SignatureVectors>("sig/testdata/zip215.json");
  assert.equal(s.signatures.filter((x) => x.valid && x.message === "5a63617368").length, 196);
  for (const x of s.signatures) {
    const got = verifySignature(fromHex(x.key), fromHex(x.message), fromHex(x.signature));
    assert.equal(got, x.valid, `${x.key} ${x.signature}`);
    const known = new KnownKey(fromHex(x.key));
    for (let use = 1; use <= 4; use++) {
      assert.equal(
        known.verify(fromHex(x.message), fromHex(x.signature)),
        x.valid,
        `${x.key} ${x.signature}: use ${use}`,
      );
    }
  }
  for (const k of s.keys) assert.equal(validKey(fromHex(k.key)), k.valid, k.key);
  assert.equal(verifySignature(new Uint8Array(31), new Uint8Array(), new Uint8Array(64)), false);
  assert.equal(verifySignature(new Uint8Array(32), new Uint8Array(), new Uint8Array(63)), false);
});
