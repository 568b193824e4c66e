// The list that a demo prints is true: every link in it opens what it says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readCode, result, wedge } from "./faces.mjs";
import { stage } from "./stage.mjs";

const scene = stage([], { demo: [] });

async function open(name) {
  const urls = scene.network.links();
  const url = urls.get(name);
  assert.ok(url, `the list has no "${name}": ${[...urls.keys()].join(", ")}`);
  const d = await scene.device();
  await d.page.goto(url);
  return d;
}

test("each person's wallet opens with their coupons", async () => {
  for (const person of ["Bo", "Cy", "Dee", "Eli", "Fay"]) {
    const { page, faults, context } = await open(`wallet ${person}`);
    await page.getByRole("link", { name: `${person}’s wallet` }).waitFor();
    await page.getByRole("heading", { name: "To use" }).waitFor();
    assert.deepEqual(faults, [], person);
    await context.close();
  }
});

test("the poster gives one coupon to each wallet, however often it is scanned", async () => {
  const { page, faults } = await open("poster anybody");
  await page.getByRole("button", { name: "Claim" }).click();
  await page.getByText("It is yours").waitFor();
  const serial = () => page.locator(".coupon-serial").first().innerText();
  const first = await serial();
  await page.goto(scene.network.links().get("poster anybody"));
  await page.getByRole("button", { name: "Claim" }).click();
  await page.getByText("It is yours").waitFor();
  assert.equal(await serial(), first);
  assert.deepEqual(faults, []);
});

test("ticket and gift of the list are claimed", async () => {
  const ticket = await open("ticket anybody");
  await ticket.page.getByRole("button", { name: "Claim" }).click();
  await ticket.page.getByText("It is yours").waitFor();
  const gift = await open("gift anybody");
  await gift.page.getByRole("button", { name: "Accept the gift" }).click();
  await gift.page.getByText("It is yours").waitFor();
});

test("Bo's coffee is taken at the bakery's till, then refused at the bookshop's", async () => {
  const bo = await open("wallet Bo");
  await bo.page
    .getByRole("region", { name: "To use" })
    .getByRole("link", { name: /Free coffee/ })
    .click();
  await bo.page.getByRole("link", { name: "Show code" }).click();
  const bakery = await open("till bakery");
  await bakery.page.getByRole("heading", { name: "Scan the customer’s code" }).waitFor();
  const code = await readCode(bo.page);
  await wedge(bakery.page, code);
  await bakery.page.getByRole("heading", { name: "What does the item cost?" }).waitFor();
  await bakery.page.keyboard.type("380");
  await bakery.page.getByRole("button", { name: "OK" }).click();
  assert.match(await result(bakery.page, "accepted"), /€3\.80 off/);
  const bookshop = await open("till bookshop");
  await bookshop.page.getByRole("heading", { name: "Scan the customer’s code" }).waitFor();
  await wedge(bookshop.page, code); // it is refused at the scan: nobody asks for a price
  assert.match(await result(bookshop.page, "refused"), /Already used/);
});
