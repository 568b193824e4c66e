import assert from "node:assert/strict";
import { test } from "node:test";
import { equal, fromHex, hex, utf8 } from "../src/bytes.ts";
import { RuleError } from "../src/errors.ts";
import { decodePayload, encodePayload, linkFragment, parsePayload, payloadLink, payloadText } from "../src/links.ts";
import * as rows from "../src/rows.ts";
import { eventTypesAt } from "../src/kinds/table.ts";
import { decodeReceipt, encodeReceipt, eventOf } from "../src/receipt.ts";
import { Chain, basketHash, sha256, signerOf } from "../src/signing.ts";
import * as tx from "../src/transactions.ts";
import { WireError } from "../src/wire.ts";
import * as rows2 from "../src/rows2.ts";
import { couponVectors as v, couponVectors2 as v2, load, malformed, named, random, testChain } from "./vectors.ts";

const transactions = [...v.transactions, ...v2.transactions];
const keys = [...v.keys, ...v2.keys];
const signer = (name: string): tx.Signer => signerOf(fromHex(named(keys, name).seed));
const raw = (name: string): Uint8Array => fromHex(named(transactions, name).raw);
const code =
  (want: string) =>
  (e: unknown): boolean =>
    e instanceof RuleError && e.code === want;

test("the chain's digest and hint follow from name and genesis file", () => {
  const c = Chain.of(v.chain.name, fromHex(v.chain.genesis));
  assert.equal(hex(c.digest), v.chain.digest);
  assert.equal(c.hint, v.chain.hint);
  const body = tx.encodeBody(c, 1_795_000_000_000, { kind: "CampaignPause", campaign: 7 });
  assert.equal(hex(body), "0102b39d546b005e56eea101000007000000");
  assert.equal(tx.txId(c, body), "0dba1f799bea7cd5e7b4f80171d374651d029715bb74e3a230182ad6b3aa07ea");
});

test("public keys follow from seeds", () => {
  for (const k of keys) assert.equal(hex(signer(k.name).key), k.public, k.name);
});

for (const t of transactions) {
  test(`transaction ${t.name}`, () => {
    const bytes = fromHex(t.raw);
    const got = tx.checkTx(testChain, bytes);
    assert.equal(got.id, t.id);
    assert.equal(hex(got.body), t.body);
    assert.equal(String(got.expires), t.expires);
    assert.equal(tx.kindNumber(got.fields.kind), t.kind);
    const signatures = tx.signaturesOf(testChain, got).map((s) => ({
      key: hex(s.key),
      message: hex(s.message),
      signature: hex(s.signature),
    }));
    assert.deepEqual(signatures, t.signatures);
    assert.equal(hex(tx.encodeBody(testChain, got.expires, got.fields)), t.body);
    for (const bad of malformed(bytes)) assert.throws(() => tx.parseTx(bad), code("E101"));
  });
}

// Signing is deterministic, so what a builder makes is the vector to the byte.
test("builders make the vectors' bytes", () => {
  const again = (name: string, build: (t: tx.Tx) => Uint8Array): void => {
    assert.equal(hex(build(tx.parseTx(raw(name)))), named(transactions, name).raw, name);
  };
  const by = (t: tx.Tx): tx.MemberSigner[] =>
    t.members.map((m) => {
      const key = keys.find((k) => k.public === hex(m.key));
      return { member: m.member, ...signerOf(fromHex(key?.seed ?? "")) };
    });
  const by32 = (key: Uint8Array): tx.Signer => {
    const known = keys.find((k) => k.public === hex(key)) ?? assert.fail(`no secret of ${hex(key)}`);
    return signerOf(fromHex(known.seed));
  };
  for (const t of transactions) {
    again(t.name, (old) => {
      const f = old.fields;
      const [first, second] = old.signatures as [Uint8Array, Uint8Array];
      switch (f.kind) {
        case "TillKeyAdd":
          return tx.tillKeyAddTx(testChain, old.expires, f, signer("till A"), by(old).reverse());
        case "Claim": {
          const seed = Uint8Array.of(5, ...new Uint8Array(15));
          const claimKey = signerOf(testChain.claimKeySeed(seed, f.ticket.campaign, f.ticket.serial));
          assert.ok(equal(claimKey.key, f.ticket.claimKey));
          assert.equal(hex(tx.signTicket(testChain, f.ticket, signer("ticket"))), hex(first));
          return tx.claimTx(testChain, old.expires, { ...f, ticketSignature: first }, claimKey);
        }
        case "Transfer":
          return tx.transferTx(testChain, old.expires, f, signer("holder"));
        case "Void":
          return tx.voidTx(testChain, old.expires, f.coupon, f.seq, signer("till A"));
        case "Redeem": {
          assert.equal(hex(tx.signAuth(testChain, f.auth, signer("holder"))), hex(second));
          if (f.auth.mode === "SHOW") return tx.redeemShowTx(testChain, f.invoice, signer("till A"), f.auth, second);
          const invoice = tx.invoiceOf(testChain, f.invoice, signer("till A"));
          assert.equal(hex(invoice.digest), hex(f.auth.invoiceDigest));
          return tx.redeemInvoiceTx(testChain, invoice.invoice, invoice.signature, f.auth, second);
        }
        case "Refund":
          return tx.refundTx(testChain, old.expires, f, by32(f.key));
        case "OfferPost":
          assert.equal(hex(tx.signOffer(testChain, f.offer, by32(f.offer.seller))), hex(first));
          return tx.offerPostTx(testChain, old.expires, f.offer, first);
        case "Trade": {
          assert.equal(hex(tx.signOffer(testChain, f.offer, by32(f.offer.seller))), hex(first));
          assert.equal(hex(tx.signAccept(testChain, f.accept, by32(f.accept.buyer))), hex(second));
          if (!f.payment) return tx.tradeTx(testChain, f, first, second);
          const pay = tx.signPay(testChain, f.payment.pay, by32(f.payment.payKey));
          return tx.tradeTx(testChain, f, first, second, pay);
        }
        case "ServiceKeyAdd":
          return tx.serviceKeyAddTx(testChain, old.expires, f, by32(f.key), by(old).reverse());
        case "MemberKeys":
          return tx.memberKeysTx(testChain, old.expires, f, f.add.map(by32).reverse(), by(old).reverse());
        default:
          return tx.memberTx(testChain, old.expires, f, by(old).reverse());
      }
    });
  }
});

test("a changed byte of a signed transaction is refused", () => {
  for (const name of ["claim", "redeem_show", "campaign_pause"]) {
    const bytes = raw(name);
    for (let i = 0; i < bytes.length; i += 7) {
      const changed = bytes.slice();
      changed[i] = (changed[i] as number) ^ 1;
      assert.throws(() => tx.checkTx(testChain, changed), RuleError, `${name}: byte ${i}`);
    }
  }
});

test("each stateless check has its code, in order", () => {
  const good = raw("campaign_publish");
  assert.throws(() => tx.checkTx(testChain, new Uint8Array(tx.txBytesMax + 1)), code("E107"));
  assert.throws(() => tx.checkTx(testChain, good.slice(1)), code("E101"));
  assert.throws(() => tx.checkTx(new Chain(new Uint8Array(32)), good), code("E103"));
  const forged = good.slice();
  forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
  assert.throws(() => tx.checkTx(testChain, forged), code("E102"));
});

test("nothing is built that every node must refuse", () => {
  const key = signer("holder");
  const fields = { coupon: 1n, seq: 0, to: key.key };
  assert.throws(() => tx.transferTx(testChain, tx.timeMax + 1, fields, key), code("E101"));
  assert.throws(() => tx.transferTx(testChain, 1, { ...fields, to: new Uint8Array(32) }, key), code("E102"));
  assert.throws(() => tx.transferTx(testChain, 1, { ...fields, seq: -1 }, key), RangeError);
  const batch = { kind: "BatchCommit" as const, campaign: 1, first: 1, count: 0, ticketKey: key.key };
  assert.throws(() => tx.encodeBody(testChain, 1, batch), code("E101"));
});

test("objects and digests", () => {
  for (const o of v.objects) {
    const bytes = fromHex(o.bytes);
    if (o.name.startsWith("invoice digest of ")) {
      const f = tx.parseTx(raw(o.name.slice("invoice digest of ".length))).fields;
      assert.ok(f.kind === "Redeem");
      assert.equal(hex(tx.invoiceDigest(testChain, f.invoice)), o.bytes);
    } else if (o.name === "ticket") {
      assert.equal(hex(tx.encodeTicket(tx.decodeTicket(bytes))), o.bytes);
      for (const bad of malformed(bytes)) assert.throws(() => tx.decodeTicket(bad), WireError);
    } else if (o.name.startsWith("invoice of ")) {
      assert.equal(hex(tx.encodeInvoice(tx.decodeInvoice(bytes))), o.bytes);
      for (const bad of malformed(bytes)) assert.throws(() => tx.decodeInvoice(bad), WireError);
    } else if (o.name.startsWith("auth of ")) {
      assert.equal(hex(tx.encodeAuth(tx.decodeAuth(bytes))), o.bytes);
      for (const bad of malformed(bytes)) assert.throws(() => tx.decodeAuth(bad), WireError);
    } else {
      assert.match(o.name, /^basket_hash/);
      assert.equal(hex(basketHash(Uint8Array.of(6, ...new Uint8Array(15)), utf8("basket"))), o.bytes);
    }
  }
});

test("offers, acceptances and payments, and their digests", () => {
  for (const o of v2.objects) {
    const bytes = fromHex(o.bytes);
    const [, what, of] = /^(\w+)(?: digest)? of (\w+)$/.exec(o.name) ?? assert.fail(o.name);
    const f = tx.parseTx(raw(of as string)).fields;
    assert.ok(f.kind === "Trade");
    const { offer, accept } = f;
    const pay = f.payment?.pay;
    if (o.name.includes("digest")) {
      const digest = { offer: () => tx.offerDigest(testChain, offer), accept: () => tx.acceptDigest(testChain, accept),
        pay: () => tx.payDigest(testChain, pay ?? assert.fail()) }[what as "offer"]();
      assert.equal(hex(digest), o.bytes, o.name);
      continue;
    }
    const again = { offer: () => tx.encodeOffer(tx.decodeOffer(bytes)),
      accept: () => tx.encodeAccept(tx.decodeAccept(bytes)), pay: () => tx.encodePay(tx.decodePay(bytes)) };
    const read = { offer: tx.decodeOffer, accept: tx.decodeAccept, pay: tx.decodePay }[what as "offer"];
    assert.equal(hex(again[what as "offer"]()), o.bytes, o.name);
    for (const bad of malformed(bytes)) assert.throws(() => read(bad), WireError, o.name);
  }
});

test("a trade whose digests are of something else is refused before its signatures are looked at", () => {
  for (const name of ["trade_swap", "trade_money"]) {
    const t = tx.parseTx(raw(name));
    const f = t.fields;
    assert.ok(f.kind === "Trade");
    const other = { ...f, accept: { ...f.accept, offer: new Uint8Array(32).fill(7) } };
    assert.throws(() => tx.encodeBody(testChain, 0, other), code("E101"), name);
    const dearer = { ...f, offer: { ...f.offer, expires: f.offer.expires + 1 } };
    assert.throws(() => tx.encodeBody(testChain, 0, dearer), code("E101"), name);
  }
  const f = tx.parseTx(raw("trade_money")).fields;
  assert.ok(f.kind === "Trade" && f.payment);
  const pay = { ...f.payment.pay, price: f.payment.pay.price + 1n };
  assert.throws(() => tx.encodeBody(testChain, 0, { ...f, payment: { ...f.payment!, pay } }), code("E101"));
  const { payment: _, ...unpaid } = f;
  assert.throws(() => tx.encodeBody(testChain, 0, unpaid), TypeError);
});

test("payloads, their texts and links", () => {
  for (const p of v.payloads) {
    const bytes = fromHex(p.bytes);
    const got = decodePayload(testChain, bytes);
    assert.equal(hex(encodePayload(testChain, got)), p.bytes, p.name);
    if (got.type === "ticket" || got.type === "gift") {
      assert.equal(linkFragment(testChain, got), p.text);
      const link = payloadLink(testChain, "https://coupons.example/", got);
      assert.equal(link, `https://coupons.example/${got.type === "ticket" ? "c" : "g"}/7#${p.text}`);
      assert.deepEqual(parsePayload(testChain, link), got);
    } else {
      assert.equal(payloadText(testChain, got), p.text);
      const forged = bytes.slice();
      forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
      assert.throws(() => decodePayload(testChain, forged), code("E102"));
    }
    assert.deepEqual(parsePayload(testChain, ` ${p.text}\n`), got);
    assert.throws(() => decodePayload(new Chain(new Uint8Array(32)), bytes), code("E103"));
    for (const bad of malformed(bytes)) assert.throws(() => decodePayload(testChain, bad), code("E101"));
  }
  for (const bad of ["", "SCRP:", "scrp:00", "https://x/c#", "https://x/c#!!", `SCRP:${"0".repeat(600)}`]) {
    assert.throws(() => parsePayload(testChain, bad), code("E101"), bad);
  }
});

test("what stands around a link does not damage it", () => {
  const around = load<{ around: [string, string][]; refused: string[] }>("coupon/testdata/links.json");
  for (const p of v.payloads.filter((p) => !p.text.startsWith("SCRP:"))) {
    const want = decodePayload(testChain, fromHex(p.bytes));
    for (const [before, behind] of around.around) {
      const text = before + p.text + behind;
      assert.deepEqual(parsePayload(testChain, text), want, text);
    }
    for (const tail of around.refused) {
      assert.throws(() => parsePayload(testChain, `https://x/c#${p.text}${tail}`), code("E101"), tail);
    }
    assert.throws(() => parsePayload(testChain, `https://x/c#${p.text.slice(0, -1)}.`), code("E101"));
    assert.throws(() => parsePayload(testChain, `${"x".repeat(4096)}#${p.text}`), code("E101"));
  }
});

test("one-off keys follow from seeds", () => {
  const [claim, claimKey, seed, gift, giftKey] = v.derivations.map((d) => d.bytes);
  const claimSeed = testChain.claimKeySeed(Uint8Array.of(5, ...new Uint8Array(15)), 7, 3);
  assert.equal(hex(claimSeed), claim);
  assert.equal(hex(signerOf(claimSeed).key), claimKey);
  const giftSeed = testChain.giftSeed(utf8("wallet secret"), tx.couponId(7, 3), 2);
  assert.equal(hex(giftSeed), seed);
  const giftKeySeed = testChain.giftKeySeed(giftSeed, tx.couponId(7, 3));
  assert.equal(hex(giftKeySeed), gift);
  assert.equal(hex(signerOf(giftKeySeed).key), giftKey);
});

test("receipts of each form", () => {
  for (const r of [...v.receipts, ...v2.receipts]) {
    const bytes = fromHex(r.bytes);
    const o = decodeReceipt(bytes);
    assert.equal(hex(encodeReceipt(o)), r.bytes, r.name);
    assert.equal(o.code === "OK" ? eventOf(o) : o.code, r.name);
    for (const bad of malformed(bytes)) assert.throws(() => decodeReceipt(bad), WireError, r.name);
  }
  assert.equal(new Set(eventTypesAt(1)).size, 15);
  const receiptOf = (n: number): Uint8Array => Uint8Array.of(...new Uint8Array(32), n & 255, n >> 8);
  for (const never of [101, 102, 103, 107, 108, 408, 999]) {
    assert.throws(() => decodeReceipt(receiptOf(never)), WireError, String(never));
  }
});

test("rows of each form, and their keys", () => {
  const readers: Record<string, (b: Uint8Array) => unknown> = {
    params: rows.decodeParams,
    member: rows.decodeMember,
    funding: rows.decodeFunding,
    till: rows.decodeTill,
    campaign: rows.decodeCampaign,
    terms: tx.decodeTerms,
    batch: rows.decodeBatch,
    "coupon HELD": rows.decodeCoupon,
    "coupon GIFTED": rows.decodeCoupon,
    "coupon REDEEMED": rows.decodeCoupon,
    "holder count": rows.decodeHolder,
    redemption: rows.decodeRedemption,
    obligation: rows.decodeObligation,
    seen: rows.decodeSeen,
  };
  for (const r of v.rows) {
    const read = readers[r.name];
    assert.ok(read, r.name);
    const value = fromHex(r.value);
    assert.ok(read(value) !== undefined);
    for (const bad of malformed(value)) assert.throws(() => read(bad), WireError, r.name);
  }
  const key = (name: string): string => named(v.rows, name).key;
  const k = rows.rowKey;
  const shop = tx.parseTx(raw("till_key_add")).fields;
  assert.ok(shop.kind === "TillKeyAdd");
  assert.deepEqual(
    [k.params(), k.campaign(7), k.terms(7, 1), k.batch(7, 1), k.coupon(tx.couponId(7, 3))].map(hex),
    ["params", "campaign", "terms", "batch", "coupon HELD"].map(key),
  );
  assert.deepEqual(
    [
      k.till(signer("till A").key),
      k.holder(7, signer("holder").key),
      k.redemption(tx.couponId(7, 3), 2),
      k.obligation(2968, 7, shop.member),
    ].map(hex),
    ["till", "holder count", "redemption", "obligation"].map(key),
  );
  assert.equal(hex(k.funding(1, 840)).slice(0, 6), key("funding").slice(0, 6));
  assert.throws(() => k.campaign(2 ** 32), RangeError);
  const terms = named(v.rows, "terms").value;
  assert.equal(hex(tx.encodeTerms(tx.decodeTerms(fromHex(terms)))), terms);
});

test("rows of version 2, and their keys", () => {
  const k = rows.rowKey;
  const service = tx.parseTx(raw("service_key_add")).fields;
  assert.ok(service.kind === "ServiceKeyAdd");
  const forms: Record<string, [read: (b: Uint8Array) => unknown, key: Uint8Array | undefined]> = {
    protocol: [rows2.decodeProtocol, k.protocol()],
    "campaign money": [rows2.decodeMoney, k.money(7)],
    "refund bucket": [rows.decodeObligation, k.refundBucket(2968, 7, 3)],
    "cycle CLOSING": [rows2.decodeCycle, k.cycle(2968)],
    "cycle CLOSED": [rows2.decodeCycle, k.cycle(2969)],
    position: [rows2.decodePosition, k.position(2968, 840, 3)],
    debt: [rows2.decodeDebt, k.debt(2968, 840, 1, 3, 1)],
    unpaid: [rows2.decodeUnpaid, k.unpaid(3, 2968)],
    refund: [rows2.decodeRefunded, k.refund(tx.couponId(7, 3), 2)],
    "service key": [rows2.decodeServiceKey, k.service(service.key)],
    currency: [rows2.decodeCurrency, k.currency(840)],
    "pending keys": [rows2.decodePendingKeys, k.pending(3)],
    "given back": [rows2.decodeGivenBack, undefined],
    "seen 2": [rows.decodeSeen, undefined],
  };
  // What is only the machine's own order of work is read by nobody outside.
  for (const r of v2.rows.filter((x) => !["end", "due", "to prune"].includes(x.name))) {
    const [read, key] = forms[r.name] ?? assert.fail(r.name);
    const value = fromHex(r.value);
    assert.ok(read(value) !== undefined);
    if (key) assert.equal(hex(key), r.key, r.name);
    for (const bad of malformed(value)) assert.throws(() => read(bad), WireError, r.name);
  }
  const protocol = rows2.decodeProtocol(fromHex(named(v2.rows, "protocol").value));
  assert.deepEqual([protocol.version, protocol.clearer, protocol.nextCycle, protocol.netMode], [2, 4, 2968, "bilateral"]);
});

test("no bytes make a decoder fail in a strange way", () => {
  const seed = Date.now() >>> 0;
  const next = random(seed);
  const samples = [
    ...transactions.map((t) => t.raw),
    ...v.payloads.map((p) => p.bytes),
    ...v.receipts.map((r) => r.bytes),
    ...v2.objects.map((o) => o.bytes),
    ...v2.rows.map((r) => r.value),
  ];
  const read = [
    (b: Uint8Array) => tx.parseTx(b),
    (b: Uint8Array) => decodePayload(testChain, b),
    (b: Uint8Array) => decodeReceipt(b),
    (b: Uint8Array) => tx.decodeTerms(b),
    (b: Uint8Array) => rows.decodeCoupon(b),
    (b: Uint8Array) => rows.decodeMember(b),
    (b: Uint8Array) => tx.decodeOffer(b),
    (b: Uint8Array) => tx.decodePay(b),
    (b: Uint8Array) => rows2.decodeCycle(b),
    (b: Uint8Array) => rows2.decodeMoney(b),
    (b: Uint8Array) => rows2.decodePendingKeys(b),
  ];
  for (let i = 0; i < 3000; i++) {
    const b = fromHex(samples[next() % samples.length] as string);
    for (let n = next() % 4; n >= 0; n--) b[next() % b.length] = next() & 255;
    const cut = next() % 3 === 0 ? b.slice(0, next() % b.length) : b;
    for (const decoder of read) {
      try {
        decoder(cut);
      } catch (e) {
        assert.ok(e instanceof WireError || e instanceof RuleError, `seed ${seed}: ${hex(cut)}: ${e}`);
      }
    }
  }
});

test("the running hash over Seen members", () => {
  let chain: Uint8Array = new Uint8Array(32);
  for (const [i, s] of v.seen.entries()) {
    const entry = new Uint8Array(44);
    entry[0] = i;
    new DataView(entry.buffer).setBigUint64(32, 7n, true);
    new DataView(entry.buffer).setUint32(40, i, true);
    chain = sha256(Uint8Array.of(...chain, ...entry));
    assert.deepEqual(rows.decodeSeen(fromHex(s.bytes)), { count: i + 1, chain });
  }
});
