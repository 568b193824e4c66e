// The storyboard from the merchant's side, through all four faces: Ana opens a campaign
// and prints its poster, pairs a new till, Bo scans the poster and gives the coupon to
// Cy, who uses it at that till while a validator is down; Ana sees the numbers move.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextCustomer, readCode, result, takeAgain, wedge } from "./faces.mjs";
import { stage } from "./stage.mjs";

const scene = stage();

/** openCampaign makes the first campaign from a template and releases some coupons for its poster. */
async function openCampaign(ana, title) {
  await ana.getByText("Free coffee").first().click();
  await ana.getByRole("heading", { level: 1 }).waitFor();
  await ana.getByLabel("Title", { exact: true }).fill(title);
  await ana.getByRole("button", { name: "Open campaign" }).click();
  await ana.getByLabel(/Type the title/).fill(title);
  await ana.getByRole("dialog").getByRole("button", { name: "Open campaign" }).click();
  await ana.getByRole("button", { name: /for the poster/ }).click();
  await ana.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await ana.getByText("Scan. Claim. Yours.").waitFor();
  return readCode(ana);
}

/** pairTill adds a till by the console's code and the new till's answer. */
async function pairTill(ana, till) {
  await ana.getByRole("link", { name: "Tills" }).click();
  await ana.getByRole("link", { name: "Add till" }).click();
  await ana.getByLabel("Name of the till").fill("Counter 2");
  await ana.getByRole("button", { name: "Show code" }).click();
  const offer = await readCode(ana);
  await till.goto(offer);
  const shown = await till.locator("[data-fingerprint]").innerText();
  await ana.locator("[data-fingerprint]").waitFor();
  assert.equal(await ana.locator("[data-fingerprint]").innerText(), shown);
  await ana.getByRole("button", { name: "Add it" }).click();
  await till.getByRole("heading", { name: "Manager PIN for undo" }).waitFor();
  await till.getByLabel(/^PIN/).fill("1357");
  await till.getByRole("button", { name: "Set the PIN" }).click();
  await till.getByRole("heading", { name: "Scan the customer’s code" }).waitFor();
}

test("a campaign's life, from the console to the counter and back", async () => {
  const base = scene.network.nodes[0];
  const { page: ana } = await scene.device({ viewport: { width: 1280, height: 900 } });
  await ana.goto(`${base}/console/#k=${await scene.network.seed("bakery")}&m=2`);
  const poster = await openCampaign(ana, "Coffee with Ana");
  assert.match(poster, /\/p\/\d+/);

  const { page: till } = await scene.device({ viewport: { width: 1024, height: 768 } });
  await pairTill(ana, till);

  const { page: bo } = await scene.device();
  await bo.goto(poster);
  await bo.getByRole("button", { name: "Claim" }).click();
  await bo.getByText("It is yours").waitFor();
  await bo.getByRole("button", { name: "Open" }).click();
  await bo.getByRole("link", { name: "Give away" }).click();
  await bo.getByRole("button", { name: "Make the gift link" }).click();
  await bo.getByRole("heading", { name: "The gift is waiting" }).waitFor();

  const { page: cy } = await scene.device({ colorScheme: "dark", locale: "zh-CN" });
  await cy.goto(await readCode(bo));
  await cy.getByRole("button", { name: "收下礼物" }).click();
  await cy.getByText("归您了").waitFor();
  await cy.getByRole("button", { name: "打开" }).click();
  await cy.getByRole("link", { name: "出示码" }).click();

  await scene.network.kill(3);
  const code = await readCode(cy);
  await wedge(till, code);
  await till.getByRole("heading", { name: /cost|bill/ }).waitFor();
  await till.keyboard.type("380");
  await till.getByRole("button", { name: "OK" }).click();
  assert.match(await result(till, "accepted"), /€3\.80 off/);
  await cy.getByText("已使用").first().waitFor();
  await nextCustomer(till);

  // The same code again, and then the till loses its right.
  await takeAgain(till, code, 380);
  assert.match(await result(till, "refused"), /Already used|Old code/);

  await ana.getByRole("link", { name: "Campaigns" }).click();
  await ana
    .getByRole("link", { name: /Coffee with Ana/ })
    .first()
    .click();
  await ana
    .getByText(/Redeemed/)
    .first()
    .waitFor();
  await ana.getByRole("link", { name: "Tills" }).click();
  await ana.getByRole("button", { name: /Revoke.*Counter 2/ }).click();
  await ana.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await till.getByText("This till has been revoked").waitFor();

  // Anybody reads the coupon's life, and has it checked in the own browser.
  const { page: anyone } = await scene.device();
  await anyone.goto(`${base}/explorer/#/coupon/4294967297`);
  for (const step of [/claimed/i, /gift/i, /redeemed/i]) await anyone.getByText(step).first().waitFor();
  assert.deepEqual(scene.faults.flat(), []);
});
