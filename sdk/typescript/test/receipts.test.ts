import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as sdk from "../src/index.ts";
import { program, repository } from "./vectors.ts";

const genesisPath = repository("genesis/testdata/dev4.json");
const goldenPath = repository("client/testdata/receipts.json");
const verifier = sdk.Verifier.of(readFileSync(genesisPath));
const golden = readFileSync(goldenPath, "utf8");
const read = (text: string): sdk.FileReceipts => sdk.readReceiptsFile(verifier, text);
const all = read(golden).receipts;
/** Ids of the golden file's transactions. */
const id = (n: number): string => n.toString(16).padStart(2, "0").padEnd(64, "0");

/** The golden file with other fields. */
function changed(fields: Record<string, unknown>): string {
  return JSON.stringify({ ...(JSON.parse(golden) as object), ...fields });
}

test("the golden file of a block's receipts is read and written as by the program", () => {
  assert.equal(read(golden).differs, false);
  assert.deepEqual([all.height, all.members, all.accepted, all.outcomes.length], [7, 2, 4, 5]);
  assert.equal(all.timeMs, 1_800_000_000_000);
  assert.equal(all.outcomes[4]?.code, "E509");
  assert.equal(sdk.receiptsFile(verifier, all), golden);
});

test("the program proves what is written here, and refuses it when it is cut short", () => {
  const folder = mkdtempSync(join(tmpdir(), "scrip-sdk-"));
  const path = join(folder, "block.json");
  const verify = (text: string): { status: number | null; stdout: string } => {
    writeFileSync(path, text);
    return spawnSync(program(), ["verify", path, "--genesis", genesisPath, "-o", "json"], { encoding: "utf8" });
  };
  try {
    const { status, stdout } = verify(sdk.receiptsFile(verifier, all));
    assert.equal(status, 6, stdout); // one of the five is a refusal
    const said = JSON.parse(stdout) as { holds: boolean; words_differ: boolean; block: { accepted: number } };
    assert.deepEqual([said.holds, said.words_differ, said.block.accepted], [true, false, 4]);
    assert.equal(verify(golden.slice(0, -100)).status, 2); // it cannot be read
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("each receipt of a block has a proof of its own", () => {
  for (const n of all.outcomes.keys()) {
    const one = all.one(id(n));
    assert.ok(one);
    assert.deepEqual(verifier.receipt(id(n), one.proof, one.header), one);
    assert.deepEqual([one.index, one.ok], [n, n < 4]);
  }
  assert.equal(all.one(id(5)), undefined);
});

test("a file of receipts that is cut short proves nothing, and is still known as one", () => {
  const named = golden.indexOf('/v1"') + 4;
  for (let n = 0; n < golden.length - 1; n++) {
    assert.throws(() => read(golden.slice(0, n)), sdk.FalseAnswer, `${n} characters`);
    assert.equal(sdk.holdsReceipts(golden.slice(0, n)), n >= named);
  }
});

test("one changed byte of the proof or the header of a block's receipts is never believed", () => {
  for (const [name, bytes] of Object.entries({ proof: all.proof, header: all.header })) {
    for (let at = 0; at < bytes.length; at++) {
      const spoilt = sdk.base64(bytes.with(at, (bytes[at] as number) ^ 4));
      assert.throws(() => read(changed({ [name]: spoilt })), sdk.FalseAnswer, `${name}, byte ${at}`);
    }
    for (let n = 0; n < bytes.length; n += 7) {
      assert.throws(() => read(changed({ [name]: sdk.base64(bytes.slice(0, n)) })), sdk.FalseAnswer);
    }
  }
});

test("the words of a file of receipts are compared and never believed", () => {
  const { summary } = JSON.parse(golden) as { summary: Record<string, unknown> };
  for (const words of [{ chain: "DEV-other" }, { summary: { ...summary, accepted: 5 } }, { summary: undefined }]) {
    const f = read(changed(words));
    assert.ok(f.differs && f.receipts.accepted === 4);
  }
  for (const bad of [
    "",
    "[]",
    "{}",
    "null",
    `${golden}{}`,
    changed({ more: 1 }),
    changed({ format: "scrip-receipts/v2" }),
    changed({ format: "scrip-receipt/v1" }),
    changed({ format: undefined }),
    changed({ proof: undefined }),
    changed({ proof: 1 }),
    changed({ header: undefined }),
  ]) {
    assert.throws(() => read(bad), sdk.FalseAnswer, bad.slice(0, 60));
  }
  const other = sdk.Verifier.of(
    sdk.utf8(readFileSync(genesisPath, "utf8").replace('"name": "DEV-test"', '"name": "DEV-other"')),
  );
  assert.throws(() => sdk.readReceiptsFile(other, golden), sdk.FalseAnswer);
});

/** What a node answers about the golden block. */
function answer(more: Partial<sdk.api.ReceiptsAnswer> = {}): sdk.api.ReceiptsAnswer {
  const time = { utc: new Date(all.timeMs).toISOString(), ms: String(all.timeMs) };
  const [proof, header] = [all.proof, all.header].map(sdk.base64) as [string, string];
  return { height: "7", time, count: 5, attested: 2, proof, header, ...more };
}

/** A client of two nodes, of which the first answers as told and the second honestly. */
function between(first: sdk.api.ReceiptsAnswer): { client: sdk.Client; asked: string[] } {
  const asked: string[] = [];
  const fetch: sdk.ClientOptions["fetch"] = (url) => {
    asked.push(url);
    return Promise.resolve(Response.json(url.startsWith("http://first") ? first : answer()));
  };
  return { client: new sdk.Client(verifier, ["http://first.example", "http://second.example"], { fetch }), asked };
}

test("a node's answer is a file of receipts as it comes", () => {
  const text = JSON.stringify(answer());
  assert.ok(sdk.holdsReceipts(text));
  assert.equal(read(text).differs, false);
  assert.equal(read(JSON.stringify(answer({ count: 6 }))).differs, true);
  assert.throws(() => read(JSON.stringify({ ...answer(), more: 1 })), sdk.FalseAnswer);
  const { attested: _, ...without } = answer();
  assert.throws(() => read(JSON.stringify(without)), sdk.FalseAnswer);
  for (const other of ["", "{}", '{"format":"scrip-receipt/v1","attested":1}']) {
    assert.equal(sdk.holdsReceipts(other), false);
  }
});

test("receipts of a block are read from the first node that proves them", async () => {
  const honest = between(answer());
  const r = await sdk.blockReceipts(honest.client, 7);
  assert.deepEqual(honest.asked, ["http://first.example/v1/blocks/7/receipts"]);
  assert.deepEqual([r.node, r.outcomes.length, honest.client.floor], ["http://first.example", 5, 7]);
  for (const [why, lie] of Object.entries({
    "no proof": answer({ proof: "" }),
    "no header": answer({ header: "" }),
    "another outcome": answer({ proof: sdk.base64(all.proof.with(-2, 0xfc)) }),
    "a receipt less": answer({ proof: sdk.base64(all.proof.slice(0, -38)) }),
  })) {
    const { client, asked } = between(lie);
    assert.equal((await sdk.blockReceipts(client, 7)).node, "http://second.example", why);
    assert.equal(asked.length, 2, why);
  }
  await assert.rejects(sdk.blockReceipts(between(answer()).client, 8), sdk.Unreachable); // of another height
});

/** Changes of good files, which the Go client reads as this one does. */
interface Strict {
  cases: { name: string; of: "receipt" | "receipts" | "answer"; replace: string; with: string; reads: string }[];
}

test("files are read as strictly as in Go", () => {
  const folder = "client/testdata";
  const { cases } = JSON.parse(readFileSync(repository(`${folder}/strict.json`), "utf8")) as Strict;
  assert.ok(cases.length > 100);
  const reads = (of: string, text: string): string => {
    try {
      const one = of === "receipt" ? sdk.readReceiptFile(verifier, text) : sdk.readReceiptsFile(verifier, text);
      return one.differs ? "differs" : "holds";
    } catch (e) {
      assert.ok(e instanceof sdk.FalseAnswer, String(e));
      return "refused";
    }
  };
  const wrong: string[] = [];
  for (const c of cases) {
    const good = readFileSync(repository(`${folder}/strict-${c.of}.json`), "utf8");
    assert.ok(good.includes(c.replace), c.name);
    const got = reads(c.of, good.replace(c.replace, () => c.with));
    if (got !== c.reads) wrong.push(`${c.name} of ${c.of}: ${got}, want ${c.reads}`);
  }
  assert.deepEqual(wrong, []);
});
