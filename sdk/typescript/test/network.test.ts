import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as sdk from "../src/index.ts";
import { devMember, devTerms, devTicket, devTill } from "../src/dev.ts";
import { type Network, startNetwork } from "./network.ts";
import { program, repository } from "./vectors.ts";

let network: Network;
let client: sdk.Client;
const wallet = new sdk.Wallet(sdk.newMnemonic());

before(async () => {
  network = await startNetwork("--empty");
  client = await sdk.Client.connect(network.nodes);
});
after(() => network.stop());

/** Another client that has seen what the first has. */
function another(options: sdk.ClientOptions): sdk.Client {
  return new sdk.Client(client.verifier, network.nodes, { floor: client.floor, ...options });
}

/** A fresh coupon over 450 cents with its holder's key. */
async function coupon(): Promise<{ c: sdk.ProvenCoupon; holder: sdk.SecretKey }> {
  const ticket = await devTicket(client);
  const holder = wallet.coupon(ticket.campaign, 0);
  const { effect, receipt } = await sdk.claim(client, ticket, holder.key);
  assert.ok(receipt.members >= 2 && receipt.timeMs > 0);
  return { c: await client.coupon(effect.coupon), holder };
}

const root = repository("sdk/typescript");
const examples = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n(.*?)```/gs)].map(
  (m) => m[1] ?? "",
);

test("the examples of the README compile as they stand, and the first redeems a coupon", () => {
  const folder = join(root, "build", "readme");
  mkdirSync(folder, { recursive: true });
  assert.equal(examples.length, 5);
  assert.ok(
    (examples[0] ?? "")
      .trim()
      .split("\n")
      .filter((l) => l !== "" && !l.startsWith("import")).length <= 10,
  );
  for (const [i, text] of examples.entries()) {
    const here = text
      .replace("http://127.0.0.1:7600", network.nodes[0] ?? "")
      .replace("http://127.0.0.1:7610", network.nodes[1] ?? "");
    writeFileSync(join(folder, `example-${i + 1}.mts`), here);
  }
  const config = { extends: "../../tsconfig.json", include: ["*.mts"], exclude: [] };
  const options = { rootDir: ".", outDir: ".", declaration: false, noEmit: false, types: ["node"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...config, compilerOptions: options }));
  const compiled = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
    encoding: "utf8",
  });
  assert.equal(compiled.stdout, "");
  const out = execFileSync(process.execPath, [join(folder, "example-1.mjs")], { encoding: "utf8" });
  assert.match(out, /^took 450 cents, attested by [2-4] of 4 members\n$/);
});

test("a coupon is shown, redeemed once, refused the second time, and undone", async () => {
  const till = devTill(2, 1);
  const atTill = another({ till });
  const { c, holder } = await coupon();
  assert.deepEqual([c.standing, c.seq, c.terms.face, c.campaign.standing], ["HELD", 0, 450n, "PUBLISHED"]);
  const code = sdk.showCode(client.chain, c, holder, { value: 450n, merchant: 2 });
  const scanned = sdk.parsePayload(client.chain, sdk.payloadText(client.chain, code));
  assert.deepEqual(scanned, code);
  const used = await sdk.redeemShown(atTill, till, code, { basis: 10_000n });
  assert.deepEqual([used.effect.value, used.effect.usesLeft], [450n, 0]);
  const again = sdk.redeemShown(atTill, till, code, { basis: 10_000n });
  await assert.rejects(again, (e) => {
    assert.ok(e instanceof sdk.Refusal, String(e));
    // A till that has said who it is gets its refusal as a receipt.
    assert.deepEqual([e.code, e.word, e.final, e.receipt?.outcome.code], ["E509", "already_redeemed", true, "E509"]);
    return true;
  });
  const row = await client.redemption(c.id, used.effect.seq);
  assert.deepEqual([row.standing, row.value, row.mode, row.member], ["ACCRUED", 450n, "SHOW", 2]);
  const undone = await sdk.voidRedemption(client, till, c.id, used.effect.seq);
  assert.equal(undone.effect.value, 450n);
  assert.equal((await client.coupon(c.id)).standing, "HELD");
  assert.deepEqual(
    (await client.history(c.id)).map((s) => s.type),
    ["coupon.claimed", "redemption.accrued", "redemption.voided"],
  );
});

test("an invoice is scanned, checked, authorised and redeemed", async () => {
  const { c, holder } = await coupon();
  const shown = sdk.makeInvoice(client, devTill(3), { basis: 300n, currency: 978, basket: sdk.utf8("two buns") });
  const invoice = sdk.parsePayload(client.chain, sdk.payloadText(client.chain, shown));
  assert.ok(invoice.type === "invoice");
  const till = await client.till(invoice.invoice.tillKey);
  assert.deepEqual([till.standing, till.member, till.label], ["ACTIVE", 3, "DEV till 1"]);
  const value = sdk.valueOn(c, invoice.invoice);
  assert.equal(value, 300n);
  const auth = sdk.authorizeInvoice(client, c, holder, invoice, value);
  const { effect } = await sdk.redeemInvoice(client, invoice, auth);
  assert.deepEqual([effect.value, effect.payable], [300n, 300n]);
});

test("a gift goes by link; the old owner's code dies with it", async () => {
  const { c, holder } = await coupon();
  const code = sdk.showCode(client.chain, c, holder, { value: 450n });
  const gift = sdk.giftOf(client.chain, c, wallet.secret());
  await sdk.offerGift(client, c, holder, gift, client.nowMs() + 86_400_000);
  const offered = await client.coupon(c.id);
  assert.equal(offered.standing, "GIFTED");
  const back = await sdk.refresh(client, offered, holder);
  assert.equal(back.effect.case, "taken_back");
  const held = await client.coupon(c.id);
  const second = sdk.giftOf(client.chain, held, wallet.secret());
  await sdk.offerGift(client, held, holder, second, client.nowMs() + 86_400_000);
  const link = sdk.parsePayload(client.chain, sdk.payloadLink(client.chain, "https://c.example", second));
  assert.ok(link.type === "gift");
  const friend = new sdk.Wallet(sdk.newMnemonic()).coupon(c.campaign.number, 0);
  const taken = await sdk.acceptGift(client, link, friend.key);
  assert.deepEqual([taken.effect.case, taken.effect.owner], ["accepted", friend.key]);
  await assert.rejects(sdk.redeemShown(client, devTill(), code, { basis: 450n }), sdk.Refusal);
  assert.deepEqual(
    (await client.holderCoupons(friend.key)).map((x) => BigInt(x.id)),
    [c.id],
  );
  assert.deepEqual(await client.holderCoupons(holder.key), []);
});

test("what is not there is proven not to be there", async () => {
  await assert.rejects(client.coupon(sdk.couponId(999_999, 1)), sdk.NotFound);
  const params = await client.params();
  await assert.rejects(client.campaign(params.nextCampaign + 1000), sdk.NotFound);
  assert.equal((await client.obligation(0, 1, 1)).sum, 0n);
  assert.equal((await client.member(1)).name, "DEV Mall");
});

test("a receipt file is checked by the program, and the program's words are checked here", async () => {
  const { c } = await coupon();
  const [step] = await client.history(c.id);
  const receipt = await client.receipt(step?.tx ?? "");
  const block = await client.block(receipt.height);
  assert.equal(block.outcomes[receipt.index]?.code, "OK");
  const all = await sdk.blockReceipts(client, receipt.height);
  assert.deepEqual([all.outcomes, all.timeMs], [block.outcomes, block.timeMs]);
  assert.equal(all.one(receipt.id)?.index, receipt.index);
  await assert.rejects(sdk.blockReceipts(client, 0), sdk.Unreachable); // no transactions, no receipts
  const text = sdk.receiptFile(client.verifier, block.txs[receipt.index] as Uint8Array, receipt);
  const folder = mkdtempSync(join(tmpdir(), "scrip-sdk-"));
  try {
    writeFileSync(join(folder, "receipt.json"), text);
    writeFileSync(join(folder, "genesis.json"), client.verifier.genesis.raw);
    const args = ["verify", join(folder, "receipt.json"), "--genesis", join(folder, "genesis.json"), "-o", "json"];
    const said = execFileSync(program(), args, { encoding: "utf8" });
    assert.ok(said.includes(receipt.id), said);
    assert.ok(!/"differs": true/.test(said), said);
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.equal(sdk.readReceiptFile(client.verifier, text).differs, false);
  assert.equal(sdk.readReceiptFile(client.verifier, text.replace('"kind": "Claim"', '"kind": "Void"')).differs, true);
  const other = await client.block(receipt.height - 1);
  for (const bad of [
    "{}",
    "[]",
    text.replace("scrip-receipt/v1", "scrip-receipt/v2"),
    text.replace('"tx": "', '"tx": "AA'),
    text.replace(sdk.base64(receipt.header as Uint8Array), sdk.base64(sdk.encodeHeader(other.header))),
  ]) {
    assert.throws(() => sdk.readReceiptFile(client.verifier, bad), sdk.FalseAnswer, bad.slice(0, 40));
  }
});

test("blocks with another content are refused", async () => {
  const { c } = await coupon();
  const steps = await client.history(c.id);
  const height = Number(steps[0]?.height);
  const a = await client.read("BlockAnswer", `/v1/blocks/${height}`);
  const other = await client.read("BlockAnswer", `/v1/blocks/${height - 1}`);
  assert.equal(client.verifier.block(height, a).txs.length, a.txs?.length);
  const { txs = [], receipts = [], checkpoint: _, ...bare } = a;
  for (const [why, bad] of [
    ["without its transactions", { ...a, txs: [], receipts: [] }],
    ["a transaction twice", { ...a, txs: [...txs, ...txs], receipts: [...receipts, ...receipts] }],
    ["another receipt", { ...a, receipts: [sdk.base64(sdk.fromBase64(receipts[0] ?? "").fill(0, 32))] }],
    ["another header", { ...a, header: other.header ?? "" }],
    ["another checkpoint", { ...a, checkpoint: other.checkpoint ?? "" }],
    ["no checkpoint", bare],
  ] satisfies [string, sdk.api.BlockAnswer][]) {
    assert.throws(() => client.verifier.block(height, bad), sdk.FalseAnswer, why);
  }
  assert.throws(() => client.verifier.block(height + 1, a), sdk.FalseAnswer);
});

test("a restored wallet finds its coupons again", async () => {
  const { c } = await coupon();
  const campaign = c.campaign.number;
  assert.deepEqual(await sdk.scanWallet(client, wallet, [campaign]), [{ id: c.id, n: 0 }]);
  assert.ok((await client.holderMarks(campaign)).serials.includes(Number(c.id & 0xffffffffn)));
  await assert.rejects(client.holderMarks(campaign, { signal: AbortSignal.abort() }));
  const empty = new sdk.Wallet(sdk.newMnemonic());
  assert.deepEqual(await sdk.scanWallet(client, empty, [campaign]), []);
});

test("a list of a campaign's holders that cannot be is not believed", async () => {
  const { c } = await coupon();
  const campaign = c.campaign.number;
  const mark = (serial: number) => [0, 0, 0, serial, 9, 9, 9, 9];
  for (const [why, holders, next] of [
    ["all are left out", [], 0],
    ["in another order", [...mark(2), ...mark(1)], 0],
    ["back to the first", mark(2), 1],
    ["nothing, and on", [], 5],
  ] as const) {
    const lying = another({
      fetch: async (url, init) => {
        const r = await fetch(url, init);
        if (!url.includes("/holders")) return r;
        const a = (await r.json()) as object;
        return Response.json({ ...a, holders: sdk.base64(Uint8Array.from(holders)), next });
      },
    });
    await assert.rejects(lying.holderMarks(campaign), sdk.Unreachable, why);
  }
});

test("a poster's ticket comes from a desk, and only the batch's own desk is believed", async () => {
  const { chain } = client;
  const key = sdk.SecretKey.generate("ticket");
  const by = [devMember(1)];
  const { outcome } = await client.submit(
    sdk.memberTx(chain, client.expiry(true), { kind: "CampaignPublish", terms: devTerms(450n, client.nowMs()) }, by),
  );
  assert.ok(outcome.effect?.kind === "CampaignPublish");
  const { campaign } = outcome.effect;
  const batch = { kind: "BatchCommit" as const, campaign, first: 1, count: 5, ticketKey: key.key };
  await client.submit(sdk.memberTx(chain, client.expiry(true), batch, by));
  let signer: sdk.Signer = key;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      const asked = JSON.parse(body) as { campaign: number; claim_key: string };
      const ticket = {
        campaign,
        batch: 1,
        serial: 2,
        claimKey: sdk.fromHex(asked.claim_key),
        expires: client.expiry(),
      };
      response.statusCode = asked.campaign === campaign ? 200 : 429;
      response.setHeader("Retry-After", "5");
      response.end(
        JSON.stringify({
          ...ticket,
          expires: { ms: String(ticket.expires) },
          ticket_key: key.address,
          signature: sdk.base64(sdk.signTicket(chain, ticket, signer)),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const desk = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const [claimKey, owner] = [sdk.SecretKey.generate("holder"), wallet.coupon(campaign, 0)];
    signer = sdk.SecretKey.generate("ticket");
    await assert.rejects(
      sdk.claimAtDesk(client, desk, campaign, claimKey, owner.key),
      (e) => e instanceof sdk.RuleError && e.code === "E301",
    );
    signer = key;
    const { effect } = await sdk.claimAtDesk(client, desk, campaign, claimKey, owner.key);
    assert.equal(effect.coupon, sdk.couponId(campaign, 2));
    await assert.rejects(
      sdk.askDesk(desk, campaign + 1, claimKey.key),
      (e) => e instanceof sdk.HttpStatus && e.status === 429 && e.retryMs === 5000,
    );
  } finally {
    server.close();
  }
});

test("blocks are verified from the genesis on", async () => {
  const genesis = await client.block(0);
  const first = await client.block(1);
  assert.deepEqual(first.header.parent, genesis.digest);
  const [newest] = (await client.blocks({ limit: 1 })).items;
  assert.ok(Number(newest?.height) >= 1);
  assert.equal((await client.validators()).quorum, client.verifier.committee.quorum);
});

test("the same bytes at another node are one transaction", async () => {
  const ticket = await devTicket(client);
  const posts: string[] = [];
  // The first node takes the transaction, and its answer is lost.
  const lossy = another({
    patienceMs: 60_000,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (init.method !== "POST") return response;
      posts.push(url);
      if (posts.length > 1) return response;
      await response.arrayBuffer();
      throw new TypeError("connection reset");
    },
  });
  const { receipt, effect } = await sdk.claim(lossy, ticket, wallet.coupon(ticket.campaign, 0).key);
  assert.equal(posts.length, 2);
  assert.notEqual(new URL(posts[0] ?? "").port, new URL(posts[1] ?? "").port);
  assert.deepEqual(
    (await client.history(effect.coupon)).map((s) => s.tx),
    [receipt.id],
  );
});

test("a silent node does not hold a client up", async () => {
  const [first, ...others] = network.nodes as [string, ...string[]];
  const silent = new sdk.Client(client.verifier, [first, ...others], {
    patienceMs: 50,
    fetch: (url, init) =>
      url.startsWith(first)
        ? new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)))
        : fetch(url, init),
  });
  assert.notEqual((await silent.member(1)).state.node, first);
});

/** Answers with one byte of the proof changed. */
async function lie(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const a = (await response.json()) as Record<string, unknown>;
  if (typeof a["proof"] === "string") {
    const proof = sdk.fromBase64(a["proof"]);
    proof[proof.length >> 1] = (proof[proof.length >> 1] as number) ^ 1;
    a["proof"] = sdk.base64(proof);
  }
  return new Response(JSON.stringify(a), { status: response.status });
}

test("a lying node is passed over, and four of them are believed nothing", async () => {
  const [first] = network.nodes as [string];
  const one = another({
    fetch: (url, init) => (url.startsWith(first) ? lie(url, init) : fetch(url, init)),
  });
  assert.notEqual((await one.member(2)).state.node, first);
  const all = another({ fetch: lie });
  await assert.rejects(all.member(2), (e) => e instanceof sdk.Unreachable && e.errors.length === 4);
});

test("an answer older than one that was seen is not believed", async () => {
  const past = await client.state(sdk.rowKey.member(1));
  const replay = { key: "02", found: true, height: "1", time: { utc: "", ms: "1" }, state_root: "", final: true };
  const body = JSON.stringify({ ...replay, proof: sdk.base64(past.proof), header: sdk.base64(past.header) });
  await coupon(); // the chain goes on
  let stale = false;
  const c = new sdk.Client(client.verifier, network.nodes.slice(0, 1), {
    fetch: (url, init) =>
      stale && url.includes("/v1/state/") ? Promise.resolve(new Response(body)) : fetch(url, init),
  });
  await c.params();
  assert.ok(c.floor > past.height);
  stale = true;
  await assert.rejects(c.member(1), (e) => e instanceof sdk.Unreachable && String(e).includes("was seen before"));
  const old = another({ now: () => Date.now() + 3_600_000 });
  await assert.rejects(old.member(1), (e) => e instanceof sdk.Unreachable && String(e).includes("s old"));
});

test("a call that is given up leaves the outcome unknown, and asking later tells it", async () => {
  const ticket = await devTicket(client);
  const stop = new AbortController();
  const held = another({
    fetch: async (url, init) => {
      if (init.method === "POST") {
        await fetch(url, { ...init, signal: null });
        stop.abort();
        throw new TypeError("gone");
      }
      return fetch(url, init);
    },
  });
  const to = wallet.coupon(ticket.campaign, 0).key;
  let id = "";
  await assert.rejects(sdk.claim(held, ticket, to, { signal: stop.signal }), (e) => {
    assert.ok(e instanceof sdk.OutcomeUnknown && !e.lapsed, String(e));
    id = e.id;
    return true;
  });
  assert.equal((await client.receipt(id)).ok, true);
});

test("a transaction that lapsed is told from one that waits", async () => {
  const c = another({ timeoutMs: 5000 });
  const { timeMs } = await c.params().then((p) => p.state);
  await assert.rejects(
    c.receipt("01".repeat(32), { expiresMs: timeMs - 1 }),
    (e) => e instanceof sdk.OutcomeUnknown && e.lapsed,
  );
});

test("bytes that no node would take are refused before they are sent", async () => {
  const offline = new sdk.Client(client.verifier, ["http://127.0.0.1:1"]);
  await assert.rejects(offline.submit(new Uint8Array(10)), (e) => e instanceof sdk.RuleError && e.code === "E101");
  await assert.rejects(offline.member(1), sdk.Unreachable);
  for (const bad of ["ftp://x", "http://x/?q=1", "nothing"]) {
    assert.throws(
      () => new sdk.Client(client.verifier, [bad]),
      (e) => e instanceof Error,
      bad,
    );
  }
});

test("a dry run tells the outcome without one", async () => {
  const { c, holder } = await coupon();
  const tx = sdk.transferTx(
    client.chain,
    client.expiry(),
    { coupon: c.id, seq: 9, to: wallet.coupon(1, 5).key },
    holder,
  );
  const a = await client.dryRun(tx);
  assert.deepEqual([a.code, a.final], ["E403", false]);
});

test("events: proven, filtered, each once, and going on at another node behind the last", async () => {
  const { c } = await coupon();
  const seen: string[] = [];
  let streams = 0;
  const flaky = another({
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!url.includes("/v1/events") || ++streams > 2 || !response.body) return response;
      // The first two streams break after one event.
      const reader = response.body.getReader();
      let text = "";
      while (!text.includes("data:") || !text.endsWith("\n\n")) {
        const { value } = await reader.read();
        text += new TextDecoder().decode(value);
      }
      await reader.cancel();
      const [preface, event] = [text.slice(0, text.indexOf("id:")), text.slice(text.indexOf("id:"))];
      return new Response(preface + event.slice(0, event.indexOf("\n\n") + 2));
    },
  });
  const signal = AbortSignal.timeout(90_000);
  for await (const e of flaky.events({ height: 0, tx: 0, index: 0 }, { campaign: c.campaign.number }, { signal })) {
    seen.push(e.type);
    assert.ok(e.receipt.ok && e.timeMs > 0);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ["campaign.published", "batch.committed", "coupon.claimed"]);
  assert.ok(streams >= 3);
  const stop = new AbortController();
  const follow = client.events(
    { height: 0, tx: 0, index: 0 },
    { coupon: c.id, types: ["coupon.claimed"] },
    { signal: stop.signal },
  );
  const first = await follow.next();
  assert.equal(first.value?.outcome.effect?.kind, "Claim");
  stop.abort();
  await assert.rejects(follow.next(), { name: "AbortError" });
});

test("a till is paired: offered, answered, approved, and revoked", async () => {
  const { chain } = client;
  const now = client.nowMs();
  const facts = {
    member: 2,
    store: 3,
    rights: sdk.Right.redeem,
    currency: 978,
    validUntil: now + 86_400_000,
    dayCap: 100_000n,
  };
  const offer = sdk.newPairOffer({ ...facts, label: "Counter 3" });
  const scanned = sdk.decodePairOffer(chain, sdk.encodePairOffer(chain, offer));
  assert.deepEqual(scanned, offer);
  await assert.rejects(sdk.fetchPairAnswer(client, offer), sdk.Unreachable);
  const till = sdk.SecretKey.generate("till");
  await sdk.leavePairAnswer(client, scanned, sdk.answerPairOffer(chain, scanned, till, now));
  const answer = await sdk.fetchPairAnswer(client, offer);
  assert.equal(sdk.readPairAnswer(chain, answer, offer).label, "Counter 3");
  const other = { ...offer, store: 4 };
  assert.throws(
    () => sdk.readPairAnswer(chain, answer, other),
    (e) => e instanceof sdk.RuleError && e.code === "E106",
  );
  await client.submit(sdk.approveTill(chain, answer, [devMember(2)]));
  assert.deepEqual((await client.till(till.key)).label, "Counter 3");
  const { c, holder } = await coupon();
  const used = await sdk.redeemShown(client, till, sdk.showCode(chain, c, holder, { value: 450n }), { basis: 450n });
  assert.equal(used.effect.value, 450n);
  const revoke = { kind: "TillKeyRevoke" as const, member: 2, tillKey: till.key };
  await client.submit(sdk.memberTx(chain, client.expiry(true), revoke, [devMember(2)]));
  assert.equal((await client.till(till.key)).standing, "REVOKED");
});

test("a shown code is fetched under its short code, by a till alone", async () => {
  const { c, holder } = await coupon();
  const code = sdk.showCode(client.chain, c, holder, { value: 450n, merchant: 2 });
  const left = await sdk.leaveCodes(client, [code]);
  assert.match(left.code, /^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
  const atTill = another({ till: devTill() });
  const typed = sdk.readShortCode(` ${left.code.toLowerCase().replace("-", " ")}`);
  assert.equal(typed, left.code);
  assert.deepEqual(await sdk.fetchCodes(atTill, typed ?? ""), [code]);
  assert.deepEqual(await sdk.fetchCodes(atTill, left.bundle), [code]);
  await assert.rejects(sdk.fetchCodes(client, left.code), sdk.Unreachable);
  const elsewhere = another({ till: devTill(3) });
  await assert.rejects(sdk.fetchCodes(elsewhere, left.code), sdk.Unreachable);
});

test("the nodes are listed", async () => {
  const { nodes } = await sdk.findNodes(client);
  assert.deepEqual(
    nodes.map((n) => n.replica),
    [0, 1, 2, 3],
  );
});
