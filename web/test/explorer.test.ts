// What the search of the explorer takes for what, and what it never sends to a node.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { hex } from "@scrip/sdk/bytes";
import { encodeKey, newMnemonic, SecretKey, secretPrefix, encodeBech32m } from "@scrip/sdk/keys";
import { payloadLink, type GiftPayload } from "@scrip/sdk/links";
import { couponId } from "@scrip/sdk/objects";
import { parseGenesis } from "@scrip/sdk/verify";
import type { Link } from "../src/kit/chain.ts";
import { middleOf } from "../src/explorer/live.ts";
import { find, idOfSerial } from "../src/explorer/search.ts";

const genesis = parseGenesis(
  new Uint8Array(readFileSync(new URL("../../genesis/testdata/dev4.json", import.meta.url))),
);
const stop = new AbortController().signal;

// A chain of height 100 with one campaign and one member; it remembers what it was asked.
function chainOf() {
  const asked: string[] = [];
  const answers: Record<string, unknown> = {
    "/v1/status": { height: "100" },
    "/v1/campaigns/7": { terms: { title: "Free coffee" } },
    "/v1/members/7": { name: "DEV Bakery" },
    "/v1/campaigns": { items: [{ id: 3, terms: { title: "<b>Free</b> tea" } }] },
  };
  const client = {
    read: (_kind: string, path: string, query: Record<string, unknown> = {}) => {
      asked.push(`${path} ${JSON.stringify(query)}`);
      const a = answers[path];
      return a ? Promise.resolve(a) : Promise.reject(Object.assign(new Error("none"), { name: "Other" }));
    },
    members: () => Promise.resolve([{ id: 2, name: "DEV Bakery", keys: [] }]),
    validators: () => Promise.resolve({ validators: [] }),
    batches: () => Promise.resolve([]),
  };
  return { asked, link: { client, chain: genesis.chain, genesis, nodes: [] } as unknown as Link };
}

test("a number is a block, a campaign and a member, as far as they exist", async () => {
  const { link } = chainOf();
  const { hits } = await find(link, " 7 ", stop);
  expect(hits.map((h) => h.path)).toEqual(["/block/7", "/campaign/7", "/member/7"]);
});

test("a coupon is found by its id and by what is printed on it", async () => {
  const { link } = chainOf();
  const id = couponId(5, 17);
  for (const text of [String(id), "5-17", "No. 5-17", "编号 5-17", "#5-17"]) {
    expect(
      (await find(link, text, stop)).hits.map((h) => h.path),
      text,
    ).toEqual([`/coupon/${id}`]);
  }
  expect(idOfSerial("0-1")).toBeUndefined();
  expect(idOfSerial("1-0")).toBeUndefined();
  expect(idOfSerial("4294967296-1")).toBeUndefined();
});

test("keys lead to their pages", async () => {
  const { link } = chainOf();
  const owner = encodeKey("holder", SecretKey.generate("holder").key);
  expect((await find(link, owner.toUpperCase(), stop)).hits[0]?.path).toBe(`/holder/${owner}`);
});

test("the chain's own digest leads to its genesis", async () => {
  const { link } = chainOf();
  expect((await find(link, hex(genesis.chain.digest), stop)).hits[0]?.path).toBe("/block/0");
});

test("names are looked for with what was typed, and nothing else", async () => {
  const { link, asked } = chainOf();
  const { hits } = await find(link, "bakery", stop);
  expect(hits.map((h) => h.path)).toEqual(["/campaign/3", "/member/2"]);
  expect(asked).toEqual(['/v1/campaigns {"title":"bakery","limit":20}']);
});

test("a secret that is pasted stays in the browser, whole or damaged", async () => {
  const gift: GiftPayload = { type: "gift", coupon: couponId(5, 17), seed: new Uint8Array(16).fill(7) };
  const url = payloadLink(genesis.chain, "https://coupons.example", gift);
  const { link, asked } = chainOf();
  expect((await find(link, url, stop)).hits.map((h) => h.path)).toEqual([`/coupon/${couponId(5, 17)}`]);
  const seed = encodeBech32m(secretPrefix, new Uint8Array(32).fill(9));
  for (const text of [
    url.slice(0, -3),
    `${url}AAAA`,
    newMnemonic(12),
    seed,
    "k=AAAAAAAAAAAAAAAAAAAAAA&n=Bo",
    "x".repeat(65),
  ]) {
    expect((await find(link, text, stop)).hits, text).toEqual([]);
  }
  expect(asked).toEqual([]);
});

test("a short code is no part of the ledger, and the page says so", async () => {
  const { link, asked } = chainOf();
  expect(await find(link, "14D2P-F2DBR", stop)).toEqual({ hits: [], secret: true });
  expect(asked).toEqual([]);
});

test("a link of the explorer leads where it says", async () => {
  const { link } = chainOf();
  expect((await find(link, "https://node.example/explorer/#/tx/ab", stop)).hits[0]?.path).toBe("/tx/ab");
});

test("the time to final is the middle of what was measured, not of what was there before", () => {
  const block = {} as never;
  expect(middleOf([{ block }, { block }])).toBeUndefined();
  expect(middleOf([{ block, tookMs: 900 }, { block, tookMs: 200 }, { block, tookMs: 300 }, { block }])).toEqual({
    ms: 300,
    n: 3,
  });
});
