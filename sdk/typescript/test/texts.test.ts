// The texts of terms: no node is believed, and what nodes would not keep is told before it is handed in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "../src/bytes.ts";
import { Client } from "../src/client.ts";
import { ProblemError, Unreachable } from "../src/errors.ts";
import { publishTermsText, readTermsText, termsTextBytesMax, termsTextFault, termsTextHash } from "../src/texts.ts";
import { json, problem, verifier } from "./falsechain.ts";

const text = "One coffee.\r\n\tNot on Sundays.\n每人一张\n";
const hash = termsTextHash(text);

/** A client of nodes that answer as the test says. */
function clientOf(...answers: (() => Response)[]): { client: Client; asked: { url: string; body: string }[] } {
  const asked: { url: string; body: string }[] = [];
  const nodes = answers.map((_, i) => `http://node${i}.example`);
  const client = new Client(verifier, nodes, {
    fetch: async (url, init) => {
      asked.push({ url, body: init?.body ? new TextDecoder().decode(init.body as Uint8Array) : "" });
      return (answers[Number(/node(\d)/.exec(url)?.[1])] ?? assert.fail())();
    },
  });
  return { client, asked };
}

const has = (t: string) => () => json({ hash: hex(hash), campaign: 7, version: 1, text: t });
const none = () => problem("not_found");
const broken = () => new Response("<html>", { status: 502 });

test("a text is taken from whichever node has the one that fits", async () => {
  const { client, asked } = clientOf(none, has(`${text} `), broken, has(text));
  assert.equal(await readTermsText(client, hash), text);
  assert.ok(asked.every((a) => a.url.endsWith(`/v1/terms/${hex(hash)}`)));
});

test("a text that does not fit is no text, and nodes that have none are told from nodes that are away", async () => {
  assert.equal(await readTermsText(clientOf(none, has("another")).client, hash), undefined);
  assert.equal(await readTermsText(clientOf(none, broken).client, hash), undefined);
  await assert.rejects(readTermsText(clientOf(has("another"), has(`${text}\n`)).client, hash), Unreachable);
  await assert.rejects(readTermsText(clientOf(broken).client, hash), Unreachable);
});

test("a text is handed to every node", async () => {
  const kept = () => json({ hash: hex(hash), campaign: 7, version: 1 });
  const { client, asked } = clientOf(kept, () => problem("terms_hash"), kept);
  const { taken, errors } = await publishTermsText(client, 7, text);
  assert.deepEqual([taken, errors.length], [2, 1]);
  assert.ok(errors[0] instanceof ProblemError && errors[0].code === "terms_hash");
  assert.deepEqual(asked.map((a) => JSON.parse(a.body)), [{ text }, { text }, { text }]);
  const refused = clientOf(() => problem("terms_hash")).client;
  await assert.rejects(publishTermsText(refused, 7, text, { version: 2 }), Unreachable);
});

test("what nodes would not keep is told beforehand", () => {
  assert.equal(termsTextFault(text), undefined);
  assert.equal(termsTextFault("x".repeat(termsTextBytesMax)), undefined);
  const cases = ["", "x".repeat(termsTextBytesMax + 1), "每".repeat(30_000), "a\0", "\x1b[2J", "a\u202eb", "\ud800"];
  assert.deepEqual(cases.map(termsTextFault), ["empty", "long", "long", ...Array(4).fill("characters")]);
});
