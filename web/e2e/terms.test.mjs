// The words of a campaign's terms, in a real browser over four real validators: written in the console, read before
// anybody claims, kept on the device, on the poster and in the explorer. What does not fit the ledger is shown
// nowhere, and what is missing is said in plain words and can be handed in by its issuer.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { claim } from "./faces.mjs";
import { look } from "./looks.mjs";
import { tickets } from "./network.mjs";
import { stage } from "./stage.mjs";

const words = "One coffee for each customer.\n\nNot on Sundays, and not together with other offers. 每人一张。";
const nothing = {
  type: "/errors/not_found",
  code: "not_found",
  name: "NOT_FOUND",
  word: "not_found",
  title: "There is no such thing.",
  status: 404,
  final: false,
  retryable: false,
};
const scene = stage([], { options: { bypassCSP: true } });
let ana, id, links;

const shown = (page) => page.locator("[data-wording]");
/** answering lets every node answer for texts as one says; undefined lets them answer themselves. */
async function answering(d) {
  let said;
  await d.context.route(/\/v1\/terms\/[0-9a-f]{64}/, (route) => {
    if (!said) return route.continue();
    const headers = { "Access-Control-Allow-Origin": "*" };
    const body = JSON.stringify(said.body);
    return route.fulfill({ status: said.status, contentType: "application/json", headers, body });
  });
  return (status, body) => {
    said = status && { status, body };
  };
}

test("terms are written in the console and signed with the campaign", async () => {
  ana = await scene.device({ serviceWorkers: "block" });
  const { page } = ana;
  await page.goto(`${scene.base}/console/#k=${await scene.network.seed("bakery")}&m=2`);
  await page.getByRole("link", { name: /Free coffee/ }).click();
  await page.getByRole("button", { name: "Write the usual terms" }).click();
  const field = page.getByLabel("Terms for customers");
  assert.match(await field.inputValue(), /^Free coffee\n\nOne coupon for one purchase\..*within 3 days/s);
  await look(page, "console-editor-terms");
  await field.fill("pay \u202e10");
  await page.getByRole("button", { name: "Open campaign" }).click();
  await page.getByText("Terms are text: without control characters").waitFor();
  await field.fill(`  ${words}\n`);
  await page.getByRole("button", { name: "Open campaign" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("Free coffee");
  await dialog.getByRole("button", { name: "Open campaign" }).click();
  await page.getByRole("heading", { name: "Hand out: Free coffee" }).waitFor();
  id = Number(/handout\/(\d+)/.exec(page.url())[1]);
  const { terms } = await (await fetch(`${scene.base}/v1/campaigns/${id}`)).json();
  for (const node of scene.network.nodes) {
    const kept = await (await fetch(`${node}/v1/terms/${terms.terms_hash}`)).json();
    assert.equal(kept.text, words, node);
  }
  await page.goto(`${scene.base}/console/#/campaign/${id}`);
  assert.equal(await shown(page).textContent(), words);
  await look(page, "console-campaign-terms");
  links = await tickets(scene.network, id, 4, "bakery");
});

test("whoever opens a link reads the terms before the tap, and has them without a network afterwards", async () => {
  const d = await scene.device({ serviceWorkers: "block" });
  const { page } = d;
  await page.goto(links[0]);
  await shown(page).waitFor();
  assert.equal(await shown(page).textContent(), words);
  await page.getByText("Checked against the ledger").waitFor();
  const [text, tap] = [
    await shown(page).boundingBox(),
    await page.getByRole("button", { name: "Claim" }).boundingBox(),
  ];
  assert.ok(text.y < tap.y, "the terms stand above the button");
  await look(page, "wallet-claim-terms");
  await claim(page, links[0]);
  await d.context.route(/\/v1\//, (route) => route.abort());
  await page.evaluate(() => {
    location.hash = "#/";
  });
  await page
    .getByRole("link", { name: /Free coffee/ })
    .first()
    .click();
  assert.equal(await shown(page).textContent(), words);
  await look(page, "wallet-coupon-terms");
  await d.context.close();
});

test("a text that is not the signed one is shown nowhere, and a missing one is said", async () => {
  const d = await scene.device({ serviceWorkers: "block" });
  const { page } = d;
  const answer = await answering(d);
  answer(200, { hash: "00".repeat(32), campaign: id, version: 1, text: "Ten coffees for everybody." });
  await page.goto(links[1]);
  await page.getByText("The terms cannot be read now").waitFor();
  assert.equal(await page.getByText("Ten coffees").count(), 0);
  await look(page, "wallet-claim-terms-away");
  answer(404, nothing);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("The text of the terms is missing").waitFor();
  await page.getByRole("button", { name: "Claim" }).waitFor();
  await look(page, "wallet-claim-terms-missing");
  answer();
  await page.goto(`${scene.base}/explorer/#/campaign/${id}`);
  await shown(page).waitFor();
  assert.equal(await shown(page).textContent(), words);
  await look(page, "explorer-campaign-terms");
  await d.context.close();
});

test("an issuer hands in words that the network has lost, and no others", async () => {
  const d = await scene.device({ serviceWorkers: "block" }); // which has read nothing yet
  const { page } = d;
  const answer = await answering(d);
  for (const home of [0, 1, 2, 3].map((i) => path.join(scene.network.state, `validator-${i}`))) {
    assert.equal((await readdir(path.join(home, "terms"))).length, 1, "each node has the text in its home");
  }
  answer(404, nothing); // as if all had lost it
  await page.goto(`${scene.base}/console/#k=${await scene.network.seed("bakery")}&m=2`);
  await page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
  await page.goto(`${scene.base}/console/#/campaign/${id}`);
  await page.getByText("The text of the terms is missing").waitFor();
  await look(page, "console-campaign-terms-missing");
  const field = page.getByLabel("The terms, word by word");
  await field.fill("Something else.");
  await page.getByRole("button", { name: "Hand in the text" }).click();
  await page.getByText("These are not the words that were signed").waitFor();
  answer();
  await field.fill(`\n${words}  \n`); // as it comes out of a mail
  await page.getByRole("button", { name: "Hand in the text" }).click();
  await page.getByText("The terms are with the network.").waitFor();
  await shown(page).waitFor();
  assert.equal(await shown(page).textContent(), words);
});
