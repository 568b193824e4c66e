import assert from "node:assert/strict";
import { test } from "node:test";
import {
  base45,
  compare,
  concat,
  equal,
  fromBase45,
  fromBase64,
  fromBase64url,
  fromHex,
  hex,
  utf8,
} from "../src/bytes.ts";
import { Reader, WireError, type WireFault, Writer, decode, validText } from "../src/wire.ts";
import { random } from "./vectors.ts";

const refused = (fault: WireFault, read: () => unknown): void => {
  assert.throws(read, (e) => e instanceof WireError && e.fault === fault, fault);
};

test("numbers are little-endian and of fixed width", () => {
  const b = new Writer().u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0fn).done();
  assert.equal(hex(b), "010302070605040f0e0d0c0b0a0908");
  const r = new Reader(b);
  assert.deepEqual([r.u8(), r.u16(), r.u32(), r.u64()], [1, 0x0203, 0x04050607, 0x08090a0b0c0d0e0fn]);
  r.close();
});

test("a writer takes no number that does not fit", () => {
  for (const write of [
    (w: Writer) => w.u8(256),
    (w: Writer) => w.u16(-1),
    (w: Writer) => w.u32(2 ** 32),
    (w: Writer) => w.u64(2n ** 64n),
    (w: Writer) => w.u8(1.5),
    (w: Writer) => w.fixed(new Uint8Array(31), 32),
  ]) {
    assert.throws(() => write(new Writer()), RangeError);
  }
});

test("a reader refuses what is not the one encoding", () => {
  const u32 = (n: number): Uint8Array => new Writer().u32(n).done();
  refused("truncated", () => new Reader(new Uint8Array(3)).u32());
  refused("trailing", () => decode(new Uint8Array(5), (r) => r.u32()));
  refused("limit", () => new Reader(u32(5)).count(4, 1));
  refused("truncated", () => new Reader(u32(4)).count(4, 1));
  refused("truncated", () => new Reader(u32(0xffff_ffff)).list(2 ** 32, 2 ** 20, () => 0));
  refused("value", () => new Reader(Uint8Array.of(3)).enum8(2));
  refused("limit", () => new Reader(new Writer().u64(2n ** 53n).done()).u53());
  assert.equal(new Reader(new Writer().u64(2n ** 53n - 1n).done()).u53(), Number.MAX_SAFE_INTEGER);
});

test("texts hold no control and no direction characters, and are UTF-8", () => {
  for (const bad of ["\u0000", "a\n", "\u007f", "\u009f", "\u200e", "\u202e", "\u2066", "\ud800"]) {
    assert.equal(validText(bad), false, JSON.stringify(bad));
  }
  for (const good of ["", "Kaffee für zwei", "咖啡券", "☕🎁", "\ufeffa", "\ufffd"]) {
    assert.equal(validText(good), true, good);
    assert.equal(
      decode(new Writer().text(good).done(), (r) => r.text(64)),
      good,
    );
  }
  refused("text", () => decode(new Writer().bytes(Uint8Array.of(0xc0, 0x80)).done(), (r) => r.text(64)));
  refused("text", () => decode(new Writer().bytes(Uint8Array.of(0xed, 0xa0, 0x80)).done(), (r) => r.text(64)));
  refused("text", () => decode(new Writer().text("a\u202eb").done(), (r) => r.text(64)));
});

test("what a reader returns does not change with its input", () => {
  const b = new Writer().bytes(Uint8Array.of(1, 2)).done();
  const got = new Reader(b).bytes(2);
  b.fill(9);
  assert.equal(hex(got), "0102");
});

test("base45 has one text for each bytes", () => {
  for (const [text, digits] of [
    ["AB", "BB8"],
    ["Hello!!", "%69 VD92EX0"],
    ["base-45", "UJCLQE7W581"],
    ["ietf!", "QED8WEX0"],
  ]) {
    assert.equal(base45(utf8(text as string)), digits);
    assert.equal(hex(fromBase45(digits as string)), hex(utf8(text as string)));
  }
  for (const bad of ["A", "AAAA", "bb8", "GGW", "::", ":::", "AB\u00e9"])
    assert.throws(() => fromBase45(bad), RangeError, bad);
  const seed = Date.now() >>> 0;
  const next = random(seed);
  for (let i = 0; i < 500; i++) {
    const b = Uint8Array.from({ length: next() % 40 }, () => next() & 255);
    assert.ok(equal(fromBase45(base45(b)), b), `seed ${seed}: ${hex(b)}`);
  }
});

test("base64 is strict", () => {
  for (const bad of ["AA", "AB==", "AA=A", "A A=", "AA==\n"]) assert.throws(() => fromBase64(bad), Error, bad);
  for (const bad of ["AB", "AA==", "A+", "A"]) assert.throws(() => fromBase64url(bad), Error, bad);
  assert.throws(() => fromHex("0"));
  assert.throws(() => fromHex("0g"));
});

test("bytes compare as memory does", () => {
  assert.ok(compare(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0);
  assert.ok(compare(Uint8Array.of(2), Uint8Array.of(1, 255)) > 0);
  assert.equal(hex(concat(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))), "010203");
});
