// What each page of the four faces shows while no node answers it: in plain words what is wrong, with
// a way to try again; and the page itself once the answers come, by that way or alone. A page that
// needs nobody's answer is there all the same, and says how old it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patienceMs } from "./browser.mjs";
import { claim, phrase, readCode, result, wedge } from "./faces.mjs";
import { checkAxe, checkWidth } from "./looks.mjs";
import { answering, arrivals, consolePlaces, explorerPlaces, kept } from "./places.mjs";
import { coffee, stage } from "./stage.mjs";

const words = /No node answers|The network is waiting|No chain answers/;
const scene = stage([coffee()], { demo: [], options: { bypassCSP: true } });
const at = (path) => (page) => page.goto(scene.network.nodes[0] + path);
const ledger = (page) => page.getByRole("heading", { name: "The ledger now" });
const bakery = (page) => page.getByRole("heading", { name: "DEV Bakery" });
const ways = ["badly", "not"];

/** pressAgain presses "Try again" if it is there: pages also go on by themselves. */
const pressAgain = (page) =>
  page.evaluate(() => document.querySelectorAll("[role=alert] button").forEach((button) => button.click()));

/** recovers waits until a page is what it is, and says nothing of the trouble any more. */
async function recovers(page, there, alone = false) {
  if (alone) return there(page).waitFor();
  for (const end = Date.now() + patienceMs; !(await there(page).isVisible()); assert.ok(Date.now() < end)) {
    await pressAgain(page); // a question that was on its way still fails
    await there(page)
      .waitFor({ timeout: 500 })
      .catch(() => undefined);
  }
}

/** fails asserts that a page says what is wrong, and recovers. */
async function fails({ page, answer }, { name, go, there, own, alone }, way, said) {
  answer(way, said);
  await go(page);
  if (own) {
    await there(page).waitFor();
  } else {
    const alert = page.getByRole("alert").filter({ hasText: words }).first();
    await alert.waitFor();
    assert.equal(await page.locator(".state-empty").count(), 0, `${name}: an empty list where nobody answered`);
    await checkAxe(page, `${name}, ${way}`);
    await checkWidth(page, 320, name);
    await page.setViewportSize({ width: 390, height: 844 });
  }
  answer("well");
  await recovers(page, there, alone);
}

/** faultsOf are the faults of a device, without what the browser says of answers that do not come. */
const faultsOf = (d) => d.faults.filter((f) => !/CORS policy|Failed to fetch/.test(f));

test("the explorer's pages", async () => {
  const d = await answering(scene);
  await fails(d, { name: "explorer", go: at("/explorer/"), there: ledger }, "not", { all: true });
  for (const [i, place] of (await explorerPlaces(scene.network)).entries()) await fails(d, place, ways[i % 2]);
  assert.deepEqual(faultsOf(d), []);
});

test("the console's pages", async () => {
  const d = await answering(scene);
  const address = `/console/#k=${await scene.network.seed("bakery")}&m=2`;
  await fails(d, { name: "console, a link's key", go: at(address), there: bakery }, "badly");
  await fails(d, { name: "console", go: (page) => page.reload(), there: bakery }, "not", { all: true });
  await fails(d, { name: "console, its member", go: (page) => page.reload(), there: bakery }, "not");
  for (const [i, place] of consolePlaces.entries()) await fails(d, place, ways[i % 2]);
  assert.deepEqual(faultsOf(d), []);
});

test("the wallet's pages that a link opens, and a wallet that is brought in", async () => {
  for (const [i, place] of (await arrivals(scene)).entries()) {
    const d = await answering(scene);
    await fails(d, place, ways[i % 2]);
    assert.deepEqual(faultsOf(d), [], place.name);
    await d.context.close();
  }
  const d = await answering(scene);
  const none = (page) => page.getByText("No coupons yet");
  await fails(d, { name: "wallet", go: at("/wallet/"), there: none }, "not", { all: true });
  const to = (page) => page.getByRole("heading", { name: "To use" });
  await fails(
    d,
    { name: "wallet Bo", go: (page) => page.goto(scene.network.links().get("wallet Bo")), there: to },
    "badly",
  );
  assert.deepEqual(faultsOf(d), []);
});

test("what the wallet has on the device is there without a network, and says how old it is", async () => {
  const d = await answering(scene);
  await claim(d.page, scene.links[0][0]);
  const places = kept(d.page);
  for (const [i, place] of places.entries()) await fails(d, place, ways[i % 2]);
  d.answer("not", { all: true });
  await at("/wallet/")(d.page);
  await d.page.getByText(/^Saved copy of /).waitFor();
  await checkAxe(d.page, "wallet, saved copy");
  await d.page.getByRole("link", { name: /Free coffee/ }).click();
  await d.page.getByRole("link", { name: "Show code" }).click();
  await d.page.getByRole("button", { name: "Nothing scans?" }).click();
  await d.page.getByRole("alert").filter({ hasText: "No node could be reached" }).waitFor();
  d.answer("well");
  await d.page.locator("[data-short-code]").waitFor();
  assert.deepEqual(faultsOf(d), []);
});

test("the till while it opens, and while it looks for itself on the ledger", async () => {
  const ready = (page) => page.getByRole("heading", { name: "Scan the customer’s code" });
  const address = `/till/#k=${await scene.network.seed("bakery-till")}`;
  const d = await answering(scene);
  await fails(d, { name: "till", go: at(address), there: ready }, "not", { all: true });
  const e = await answering(scene);
  await fails(e, { name: "till, its row", go: at(address), there: ready }, "badly");
  // A till that knows itself opens all the same, and says that it can take nothing.
  await fails(e, { name: "till, opened again", go: at("/till/"), there: ready, own: true }, "not", { all: true });
  e.answer("not", { all: true });
  await e.page.reload();
  await e.page.getByRole("alert").filter({ hasText: "Nothing can be taken now" }).waitFor();
  await checkAxe(e.page, "till, away");
  const { code } = await scene.holder(scene.links[0][1]);
  await wedge(e.page, code);
  await result(e.page, "waiting");
  e.answer("well");
  await e.page.getByRole("button", { name: /or more/ }).click();
  await result(e.page, "accepted");
  for (const x of [d, e]) assert.deepEqual(faultsOf(x), []);
});

test("a till that is paired while no node answers waits, and so does the console", async () => {
  const ana = await answering(scene);
  await at(`/console/#k=${await scene.network.seed("bakery")}&m=2`)(ana.page);
  await bakery(ana.page).waitFor();
  await at("/console/#/tills/add")(ana.page);
  await ana.page.getByLabel("Name of the till").fill("Counter 9");
  await ana.page.getByRole("button", { name: "Show code" }).click();
  const offer = await readCode(ana.page);
  ana.answer("not", { all: true });
  await ana.page.evaluate(() => dispatchEvent(new Event("online"))); // it looks for its nodes at once
  await ana.page.getByRole("alert").filter({ hasText: "No node answers" }).waitFor();
  await checkAxe(ana.page, "console, pairing, away");
  const till = await answering(scene);
  till.answer("not");
  await till.page.goto(offer);
  await till.page.getByRole("heading", { name: "Waiting for the manager" }).waitFor();
  await till.page.getByRole("alert").filter({ hasText: "No node answers" }).waitFor();
  await checkAxe(till.page, "till, pairing, away");
  for (const d of [ana, till]) d.answer("well");
  await ana.page.getByRole("button", { name: "Add it" }).click();
  await till.page.getByRole("heading", { name: "Manager PIN for undo" }).waitFor();
  for (const d of [ana, till]) assert.deepEqual(faultsOf(d), []);
});

test("a list that cannot be brought up to date stays and says so, and so does one whose next page does not come", async () => {
  const d = await answering(scene);
  await at("/explorer/#/blocks")(d.page);
  await d.page.getByRole("table").waitFor();
  const shown = () => d.page.locator("[data-shown]").getAttribute("data-shown");
  const before = await shown();
  d.answer("badly");
  await d.page.getByRole("button", { name: "More" }).click();
  await d.page.getByRole("alert").filter({ hasText: "The next ones could not be had" }).waitFor();
  assert.equal(await shown(), before);
  await at("/explorer/#/validators")(d.page);
  d.answer("well");
  await recovers(d.page, (page) => page.getByRole("table"));
  d.answer("not");
  await d.page.getByRole("alert").filter({ hasText: "This may be out of date" }).waitFor();
  await d.page.getByRole("table").waitFor();
  await checkAxe(d.page, "validators, out of date");
  d.answer("well");
  await d.page.getByRole("alert").waitFor({ state: "detached" });
  assert.deepEqual(faultsOf(d), []);
});

test("what cannot be looked for, or counted, is not said to be wrong", async () => {
  const d = await answering(scene);
  await claim(d.page, scene.links[0][2]);
  await at("/wallet/#/keep")(d.page);
  const secret = (await phrase(d.page)).join(" ");
  await at("/wallet/#/restore")(d.page);
  await d.page.getByLabel("I have kept the present wallet safe.").check();
  await d.page.getByLabel("The words").fill(secret);
  d.answer("badly");
  await d.page.getByRole("button", { name: "Bring them back" }).click();
  await d.page.getByRole("alert").filter({ hasText: words }).waitFor();
  d.answer("well");
  await recovers(d.page, (page) => page.getByText("No coupon of yours is missing here."));

  const ana = await answering(scene);
  await at(`/console/#k=${await scene.network.seed("bakery")}&m=2`)(ana.page);
  await bakery(ana.page).waitFor();
  await at("/console/#/day")(ana.page);
  await ana.page.getByRole("row", { name: /Total EUR/ }).waitFor();
  ana.answer("badly");
  await ana.page.getByRole("button", { name: "Recount in this browser" }).click();
  await ana.page.getByRole("alert").filter({ hasText: "It could not be recounted" }).waitFor();
  assert.equal(await ana.page.getByText("It does not hold").count(), 0);
  await ana.page.getByRole("button", { name: "CSV of every redemption" }).click();
  await ana.page.getByRole("alert").filter({ hasText: "The network is waiting" }).waitFor();
  ana.answer("well");
  await ana.page.getByRole("button", { name: "Recount in this browser" }).click();
  await ana.page.getByText(/^It holds: /).waitFor();
  assert.deepEqual([...faultsOf(d), ...faultsOf(ana)], []);
});

test("a day that is asked for is never shown with the sums of another", async () => {
  const d = await answering(scene);
  await at(`/console/#k=${await scene.network.seed("bakery")}&m=2`)(d.page);
  await bakery(d.page).waitFor();
  await at("/console/#/day")(d.page);
  await d.page.getByRole("row", { name: /Total EUR/ }).waitFor();
  d.answer("late");
  await d.page.getByLabel("Day", { exact: true }).fill("2026-01-02");
  await d.page.getByText("One moment").first().waitFor();
  assert.equal(await d.page.getByRole("row", { name: /Total EUR/ }).count(), 0);
  d.answer("badly");
  await d.page.getByRole("alert").filter({ hasText: words }).first().waitFor();
  assert.equal(await d.page.getByRole("row", { name: /Total EUR/ }).count(), 0);
  d.answer("well");
  await recovers(d.page, (page) => page.getByRole("heading", { name: "Nothing was taken on this day" }));
  assert.deepEqual(faultsOf(d), []);
});

test("the parts of the wallet that its first page does without", async () => {
  const keep = (page) => page.getByRole("button", { name: "Show the words" });
  const d = await scene.device({ serviceWorkers: "block" });
  await d.context.route(/\/wallet\/assets\/rest-/, (route) => route.abort());
  await d.page.goto(`${scene.network.nodes[0]}/wallet/#/keep`);
  const alert = d.page.getByRole("alert").filter({ hasText: "The rest of this page did not arrive" });
  await alert.waitFor();
  await checkAxe(d.page, "a part that did not arrive");
  await d.context.unroute(/\/wallet\/assets\/rest-/);
  await pressAgain(d.page);
  await keep(d.page).waitFor();
  // Once the first page has stood for a moment, no page needs the network any more.
  const came = d.page.waitForResponse(/\/wallet\/assets\/rest-/);
  await d.page.goto("about:blank");
  await d.page.goto(`${scene.network.nodes[0]}/wallet/`);
  await (await came).finished();
  await d.context.setOffline(true);
  await d.page.evaluate(() => location.assign("#/keep"));
  await keep(d.page).waitFor();
  assert.deepEqual(faultsOf(d), []);
});
