// FIELDS.md says of each field of each answer what carries it: a field that nobody has thought about has no row.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { repository } from "./vectors.ts";

const file = (name: string): string => readFileSync(repository(`sdk/typescript/${name}`), "utf8");
/** Types that are given to the SDK, not by it. */
const given = ["ClientOptions", "CallOptions", "EventFilter", "StreamTurn", "StreamGate", "RefusedBy", "BlockReader", "Answers"];
/** What is evidence in the API's JSON, and so needs a row of its own. */
const evidence = ["proof", "header", "checkpoint", "statement"];

const rows = new Map<string, string>();
for (const [, type, field, by] of file("FIELDS.md").matchAll(/^\| (\w+) \| (\w+|\*) \| (.+) \|$/gm)) {
  if (type === "type") continue; // heads of the tables
  assert.ok(!rows.has(`${type}.${field}`), `${type}.${field} has two rows`);
  rows.set(`${type}.${field}`, by as string);
}

/** The exported types of a source with their public fields. */
function typesOf(source: string): [string, string[]][] {
  const found: [string, string[]][] = [];
  const types = /^export (?:interface|(?:abstract )?class) (\w+)[^{]*\{\n(.*?)^\}/gms;
  for (const [, name, body] of file(`src/${source}.ts`).matchAll(types)) {
    const fields = (body as string).matchAll(/^ {2}(?:override )?(?:readonly )?(?:get )?(\w+)\??(?:\(\))?: /gm);
    found.push([name as string, [...fields].map((m) => m[1] as string)]);
  }
  return found;
}

test("each field of what is verified has a row, and each row a field", () => {
  const left = new Set([...rows.keys()].filter((k) => !k.endsWith(".*")));
  const classes = ["BlockReceipts", "NotFound", "Refusal", "OutcomeUnknown"];
  const interfaces = (source: string): boolean => !["errors", "failure"].includes(source);
  const sources = ["receipt", "receiptfile", "verifier", "receipts", "rows", "rows2", "market", "client", "events", "statements"];
  for (const source of [...sources, "profiles", "errors", "failure"]) {
    for (const [type, fields] of typesOf(source)) {
      if (given.includes(type) || ["Verifier", "Client"].includes(type)) continue;
      if (!interfaces(source) && !classes.includes(type)) continue;
      for (const f of fields) {
        assert.ok(rows.has(`${type}.${f}`), `FIELDS.md does not say what carries ${type}.${f}`);
        left.delete(`${type}.${f}`);
      }
    }
  }
  for (const [type, fields] of typesOf("answers")) {
    if (given.includes(type)) continue;
    assert.equal(rows.get(`${type}.*`), "node", `FIELDS.md does not name ${type}`);
    for (const f of fields.filter((x) => evidence.includes(x))) {
      assert.ok(rows.has(`${type}.${f}`), `FIELDS.md does not say what carries ${type}.${f}`);
      left.delete(`${type}.${f}`);
    }
  }
  assert.deepEqual([...left], [], "rows of no field");
});

test("a place in a block is nowhere called proven", () => {
  for (const place of ["Receipt.index", "EventId.tx"]) assert.match(rows.get(place) ?? "", /^node/);
});
