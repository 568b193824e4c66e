// What each page of the four faces shows while the network is slow to answer: that it is at work,
// and neither an error nor an empty list; and the page itself once the answers come. A page that
// needs nobody's answer is there at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { claim } from "./faces.mjs";
import { checkAxe } from "./looks.mjs";
import { answering, arrivals, consolePlaces, explorerPlaces, kept } from "./places.mjs";
import { coffee, stage } from "./stage.mjs";

const wcag = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] };
const scene = stage([coffee()], { demo: [], options: { bypassCSP: true } });
const at = (path) => (page) => page.goto(scene.network.nodes[0] + path);
const ledger = (page) => page.getByRole("heading", { name: "The ledger now" });
const bakery = (page) => page.getByRole("heading", { name: "DEV Bakery" });

/** waits asserts that a page says that it is at work, and then becomes what it is. */
async function waits({ page, answer }, { name, go, there, own }, said) {
  answer("late", said);
  await go(page);
  await (own ? there(page) : page.locator(".loading[role=status]").first()).waitFor();
  assert.equal(await page.locator("[role=alert]").count(), 0, `${name}: an error before any answer`);
  assert.equal(await page.locator(".state-empty").count(), own ? await page.locator("h1.head").count() : 0, name);
  if (!own) await checkAxe(page, `${name}, loading`, wcag); // its heading is yet to come
  answer("well");
  await there(page).waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".loading").length === 0, undefined);
}

test("the explorer's pages", async () => {
  const d = await answering(scene);
  await waits(d, { name: "explorer", go: at("/explorer/"), there: ledger }, { all: true });
  for (const place of await explorerPlaces(scene.network)) await waits(d, place);
  assert.deepEqual(d.faults, []);
});

test("the console's pages", async () => {
  const d = await answering(scene);
  const address = `/console/#k=${await scene.network.seed("bakery")}&m=2`;
  await waits(d, { name: "console", go: at(address), there: bakery }, { all: true });
  await waits(d, { name: "console, its member", go: (page) => page.reload(), there: bakery });
  for (const place of consolePlaces) await waits(d, place);
  assert.deepEqual(d.faults, []);
});

test("the wallet's pages that a link opens, and a wallet that is brought in", async () => {
  for (const place of await arrivals(scene)) {
    const d = await answering(scene);
    await waits(d, place);
    assert.deepEqual(d.faults, [], place.name);
    await d.context.close();
  }
  const d = await answering(scene);
  await waits(
    d,
    { name: "wallet", go: at("/wallet/"), there: (page) => page.getByText("No coupons yet") },
    { all: true },
  );
  const to = (page) => page.getByRole("heading", { name: "To use" });
  const bo = async (page) => {
    await page.goto(scene.network.links().get("wallet Bo"));
    await page.getByText("Looking for coupons").waitFor();
  };
  await waits(d, { name: "wallet Bo", go: bo, there: to });
  assert.deepEqual(d.faults, []);
});

test("what the wallet has on the device is there at once", async () => {
  const d = await answering(scene);
  await claim(d.page, scene.links[0][0]);
  const places = kept(d.page);
  for (const place of places) await waits(d, place);
  // A code that is read out lies at the nodes.
  await places.find((p) => p.name.startsWith("/show/")).go(d.page);
  const asks = (page) => page.getByRole("button", { name: /Read out a code/ }).click();
  await waits(d, { name: "a short code", go: asks, there: (page) => page.locator("[data-short-code]") });
  assert.deepEqual(d.faults, []);
});

test("the till while it opens, and while it looks for itself on the ledger", async () => {
  const ready = (page) => page.getByRole("heading", { name: "Scan the customer’s code" });
  const address = `/till/#k=${await scene.network.seed("bakery-till")}`;
  for (const said of [{ all: true }, { all: false }]) {
    const d = await answering(scene);
    await waits(d, { name: `till, ${said.all}`, go: at(address), there: ready }, said);
    await waits(d, { name: "till, opened again", go: at("/till/"), there: ready, own: true });
    assert.deepEqual(d.faults, []);
  }
});
