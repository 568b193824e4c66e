// What ends a transaction's id, and what does not: nobody calls an outcome final that is not, and no single
// node makes a redemption that happened look undone, refused or many.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "../src/index.ts";
import { endingOf } from "../src/receipt.ts";
import { verifyStatement } from "../src/statements.ts";
import { readFileSync } from "node:fs";
import { chain, json, problem, receiptsAnswer, stateAnswer, statement, txAnswer, verifier } from "./falsechain.ts";
import { couponVectors, load, repository } from "./vectors.ts";

const now = Date.now();
const holder = sdk.SecretKey.generate("holder");
const couponRow = couponVectors.rows.find(
  (r) => r.name === "coupon HELD" && sdk.decodeCoupon(sdk.fromHex(r.value)).seq > 0,
);
assert.ok(couponRow);
const row = sdk.fromHex(couponRow.value);
const rowSeq = sdk.decodeCoupon(row).seq;
const id = sdk.couponId(7, 1);

function transfer(expires: number, seq = rowSeq): { raw: Uint8Array; id: string } {
  const raw = sdk.transferTx(chain, expires, { coupon: id, seq, to: new Uint8Array(32).fill(9), giftUntil: 0 }, holder);
  return { raw, id: verifier.checkTx(raw).id };
}

const outcome = (tx: string, code: string, more: Partial<sdk.Outcome> = {}): sdk.Outcome =>
  ({ id: sdk.fromHex(tx), code, ...more });
const moved = (tx: string): sdk.Outcome => outcome(tx, "OK", { effect: { kind: "Transfer", coupon: id, seq: rowSeq + 1,
  owner: new Uint8Array(32).fill(9), case: "transferred" } });

/** A client of nodes that answer as the test says; node is the place of the address. */
function clientOf(n: number, answer: (node: number, url: string) => Response | Promise<Response>): sdk.Client {
  const nodes = Array.from({ length: n }, (_, i) => `http://node${i}.example`);
  return new sdk.Client(verifier, nodes, {
    fetch: async (url) => answer(Number(/node(\d)/.exec(url)?.[1]), url),
    maxAgeMs: 0,
  });
}

const caught = async (p: Promise<unknown>): Promise<unknown> => p.then(() => undefined, (e: unknown) => e);

test("which receipts end an id is the table of the rules", () => {
  const table = load<{ kinds: Record<string, string>; codes: Record<string, { ending: Record<string, string> }> }>(
    "coupon/testdata/endings.json",
  );
  let compared = 0;
  for (const [code, { ending }] of Object.entries(table.codes)) {
    for (const [number, name] of Object.entries(table.kinds)) {
      const kind = number === "0" ? undefined : (name as sdk.Kind);
      if (kind && !sdk.kinds.includes(kind)) continue; // kinds.test.ts says which those may be
      assert.equal(endingOf(code, kind), ending[number], `${code} of ${name}`);
      compared++;
    }
  }
  assert.ok(compared > 500);
  assert.equal(endingOf("E999"), "open"); // of a later version
});

test("statements are believed as by the program", () => {
  const own = sdk.Verifier.of(readFileSync(repository("genesis/testdata/dev4.json")));
  const { subject, nonce, cases } = load<{
    subject: string;
    nonce: string;
    cases: { name: string; holds: boolean; statement: string; replica?: number; time_ms?: string; says?: number }[];
  }>("client/testdata/statements.json");
  for (const c of cases) {
    const about = c.says === 0 ? "00".repeat(32) : subject;
    const check = (): unknown => verifyStatement(own, sdk.fromHex(c.statement), sdk.fromHex(about), sdk.fromHex(nonce));
    if (!c.holds) {
      assert.throws(check, sdk.FalseAnswer, c.name);
      continue;
    }
    const s = check() as ReturnType<typeof verifyStatement>;
    const says = { 0: "status", 1: "absent", 2: "open" }[c.says ?? -1] ?? `E${c.says}`;
    assert.deepEqual([s.replica, String(s.timeMs), s.says], [c.replica, c.time_ms, says], c.name);
  }
});

test("a statement says something of a subject, or how high a member stands of none", () => {
  const [nonce, subject, none] = ["ab".repeat(32), "cd".repeat(32), "00".repeat(32)];
  const check = (about: string, says: number): unknown => {
    const said = sdk.fromBase64(statement(1, `http://x/?nonce=${nonce}`, about, says, now));
    return verifyStatement(verifier, said, sdk.fromHex(about), sdk.fromHex(nonce));
  };
  assert.ok(check(subject, 1) && check(none, 0));
  assert.throws(() => check(subject, 0), sdk.FalseAnswer);
  assert.throws(() => check(none, 1), sdk.FalseAnswer);
});

test("a proven refusal that ends nothing is open until the transaction expires", async () => {
  for (const code of ["E106", "E109", "E701"]) {
    const tx = transfer(now + 100_000);
    const asked = new Set<number>();
    const e = await caught(
      clientOf(4, (n) => {
        asked.add(n);
        return json(txAnswer(8, now, [outcome(tx.id, code)]));
      }).submit(tx.raw),
    );
    assert.ok(e instanceof sdk.Refusal, String(e));
    assert.deepEqual([e.final, e.code, e.openUntilMs, e.receipt?.height], [false, code, now + 100_000, 8]);
    assert.match(e.message, /not for good/);
    assert.ok(asked.size >= 2, "another node was not asked");
  }
  const tx = transfer(now + 100_000);
  const e = await caught(clientOf(1, () => json(txAnswer(8, now, [outcome(tx.id, "E403")]))).submit(tx.raw));
  assert.ok(e instanceof sdk.Refusal && e.final && e.openUntilMs === 0 && /for good/.test(e.message));
});

test("one node that shows an open refusal does not hide the acceptance that another has", async () => {
  const tx = transfer(now + 100_000);
  const open = txAnswer(8, now, [outcome(tx.id, "E106")]);
  const c = clientOf(4, (n) => json(n === 0 ? open : txAnswer(9, now, [moved(tx.id)])));
  assert.equal((await c.submit(tx.raw)).height, 9);
});

test("of a duplicate the first outcome is fetched and proven", async () => {
  const tx = transfer(now + 100_000);
  const duplicate = outcome(tx.id, "E105", { first: { height: 5, index: 0, code: "OK" } });
  const blocks: string[] = [];
  const c = clientOf(1, (_, url) => {
    if (!url.includes("/blocks/")) return json(txAnswer(8, now, [duplicate]));
    blocks.push(url);
    return json(receiptsAnswer(5, now - 1000, [moved(tx.id)]));
  });
  const r = await c.submit(tx.raw);
  assert.deepEqual([r.ok, r.height, blocks.length], [true, 5, 1]);
  assert.equal(verifier.receipt(tx.id, r.proof, r.header).height, 5);
  // A first outcome that the named block does not hold is no outcome.
  for (const block of [receiptsAnswer(5, now, [moved("ab".repeat(32))]), receiptsAnswer(6, now, [moved(tx.id)]),
    receiptsAnswer(5, now, [outcome(tx.id, "E403")])]) {
    const lying = clientOf(1, (_, url) => json(url.includes("/blocks/") ? block : txAnswer(8, now, [duplicate])));
    const e = await caught(lying.submit(tx.raw, { signal: AbortSignal.timeout(300) }));
    assert.ok(e instanceof sdk.OutcomeUnknown && !e.lapsed, String(e));
  }
});

test("a transaction beyond its time is dead when the coupon's row is as it was signed", async () => {
  const expires = now - 50_000;
  const tx = transfer(expires);
  const key = sdk.rowKey.coupon(id);
  const late = txAnswer(8, now - 40_000, [outcome(tx.id, "E104")]);
  const nodes = (stateMs: number, value: Uint8Array) =>
    clientOf(1, (_, url) => json(url.includes("/state/") ? stateAnswer(9, stateMs, key, value) : late));
  const dead = await caught(nodes(expires, row).submit(tx.raw));
  assert.ok(dead instanceof sdk.OutcomeUnknown && dead.lapsed && dead.state?.height === 9, String(dead));
  const open = async (stateMs: number, value: Uint8Array, raw = tx.raw): Promise<void> => {
    const e = await caught(nodes(stateMs, value).submit(raw, { signal: AbortSignal.timeout(300) }));
    assert.ok(e instanceof sdk.OutcomeUnknown && !e.lapsed && e.state === undefined, String(e));
  };
  await open(expires - 1, row); // a state from before the end proves nothing
  await open(expires, new Uint8Array()); // no row, nothing to compare with
  const other = transfer(expires, rowSeq - 1); // the row has moved on: perhaps by this very transaction
  const moving = clientOf(1, (_, url) =>
    json(url.includes("/state/") ? stateAnswer(9, expires, key, row) : txAnswer(8, now, [outcome(other.id, "E104")])));
  const e = await caught(moving.submit(other.raw, { signal: AbortSignal.timeout(300) }));
  assert.ok(e instanceof sdk.OutcomeUnknown && !e.lapsed, String(e));
});

test("members are counted, not addresses: a liar under many names refuses and buries nothing", async () => {
  const tx = transfer(now + 100_000);
  const refused = (replica: (n: number) => number) =>
    clientOf(4, (n, url) => problem("E403", statement(replica(n), url, tx.id, 403, now)));
  const two = await caught(refused((n) => n).submit(tx.raw));
  assert.ok(two instanceof sdk.Refusal && !two.final && two.members === 2, String(two));
  assert.equal(two.openUntilMs, now + 100_000);
  const one = await caught(refused(() => 0).submit(tx.raw));
  assert.ok(one instanceof sdk.OutcomeUnknown && !one.lapsed, String(one));
  const first = (_: number, url: string): Response => problem("E403", statement(0, url, tx.id, 403, now));
  const alone = await caught(clientOf(1, first).submit(tx.raw));
  assert.ok(alone instanceof sdk.OutcomeUnknown && !alone.lapsed, "a single address is not f+1 members");
  const unsigned = await caught(clientOf(4, () => problem("E403")).submit(tx.raw));
  assert.ok(unsigned instanceof sdk.OutcomeUnknown && !unsigned.lapsed, "nobody signed it");

  const old = now - 50_000;
  const absent = (replica: (n: number) => number, timeMs = now, says = 1) =>
    clientOf(4, (n, url) => problem("unknown_tx", statement(replica(n), url, tx.id, says, timeMs)))
      .receipt(tx.id, { expiresMs: old, signal: AbortSignal.timeout(400) });
  const lapsed = async (p: Promise<unknown>): Promise<boolean> => {
    const e = await caught(p);
    assert.ok(e instanceof sdk.OutcomeUnknown, String(e));
    return e.lapsed;
  };
  assert.equal(await lapsed(absent((n) => n)), true);
  assert.equal(await lapsed(absent(() => 3)), false);
  assert.equal(await lapsed(absent((n) => n, old - 1)), false); // from before its end
  assert.equal(await lapsed(absent((n) => n, now, 104)), true); // handed in again, it would have been known
});

test("an answer to another question, or of no member, is false", async () => {
  const tx = transfer(now + 100_000);
  const other = "cd".repeat(32);
  for (const said of [
    (url: string, n: number) => statement(n, url, other, 403, now),
    (url: string, n: number) => statement(n, url.replace(/nonce=../, "nonce=ff"), tx.id, 403, now),
  ]) {
    const e = await caught(
      clientOf(4, (n, url) => problem("E403", said(url, n))).submit(tx.raw, { signal: AbortSignal.timeout(300) }),
    );
    assert.ok(e instanceof sdk.OutcomeUnknown && !e.lapsed, String(e));
  }
});

test("one redemption that a node shows at many places is one event", async () => {
  const tx = transfer(now + 100_000);
  const next = transfer(now + 101_000);
  // Four leaves: a proof of the last one also fits as number 8 of 9, and so on.
  const block = [outcome("01".repeat(32), "E403"), outcome("02".repeat(32), "E403"), outcome("03".repeat(32), "E403"),
    outcome("04".repeat(32), "E403"), moved(tx.id)];
  const event = (height: number, index: number, size: number, of: sdk.Outcome[], at: number): string => {
    const a = txAnswer(height, now, of, at, { index, size }) as { proof: string; header: string; id: string };
    const time = new Date(now).toISOString();
    const data = { tx: a.id, effect: {}, receipt: "", height: String(height), index, proof: a.proof, header: a.header,
      time: { utc: time, ms: String(now) } };
    const body = { specversion: "1.0", id: `${height}.${index}.0`, source: "x", type: "coupon.transferred", time,
      datacontenttype: "application/json", data };
    return `data: ${JSON.stringify(body)}\n\n`;
  };
  const stream = event(8, 4, 5, block, 4) + event(8, 8, 9, block, 4) + event(8, 16, 17, block, 4) +
    event(9, 0, 1, [moved(next.id)], 0);
  const seen: string[] = [];
  const c = clientOf(1, () => new Response(stream));
  for await (const e of c.events({ height: 8, tx: 0, index: 0 }, {}, { signal: AbortSignal.timeout(5000) })) {
    seen.push(`${e.id.height} ${e.receipt.id}`);
    if (e.receipt.id === next.id) break;
  }
  assert.deepEqual(seen, [`8 ${tx.id}`, `9 ${next.id}`]);
});

test("invoices and authorisations live no longer than they may", () => {
  const limited = { chain, nowMs: () => now, authLimitMs: () => now + 90_000 };
  const invoice = sdk.makeInvoice(limited, sdk.SecretKey.generate("till"), { basis: 300n, currency: 978 });
  assert.equal(invoice.invoice.expires, now + 90_000);
  const c = { id, seq: 1 };
  const auth = sdk.authorizeInvoice(limited, c, holder, invoice, 100n);
  assert.equal(auth.auth.expires, now + 90_000);
  const late = { ...limited, authLimitMs: () => now + 89_999 };
  assert.throws(
    () => sdk.authorizeInvoice(late, c, holder, invoice, 100n),
    (e) => e instanceof sdk.RuleError && e.code === "E109",
  );
  const client = new sdk.Client(verifier, ["http://x"], { now: () => now });
  assert.equal(client.authLimitMs(), now + 150_000);
  const short = new sdk.Verifier({ ...verifier.genesis, holderLifeMs: 60_000 });
  assert.equal(new sdk.Client(short, ["http://x"], { now: () => now }).authLimitMs(), now + 60_000);
});
