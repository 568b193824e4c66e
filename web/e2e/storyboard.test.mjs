// The life of a coupon through the faces, over four real validators: claimed from a
// link, given to a friend, redeemed at a till after one validator was killed, and
// refused the second time.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bill,
  claim,
  nextCustomer,
  openTill,
  readCode,
  readOut,
  result,
  takeAgain,
  typeCode,
  wedge,
} from "./faces.mjs";
import { coffee, stage } from "./stage.mjs";

const scene = stage([coffee()]);

test("a coupon is claimed, given, redeemed with one validator killed, and refused twice", async () => {
  const base = scene.network.nodes[0];
  const bo = await scene.device();
  await claim(bo.page, scene.links[0][0]);

  await bo.page.getByRole("link", { name: "Show code" }).click();
  const oldCode = await readCode(bo.page);
  assert.match(oldCode, /^SCRP:/);
  await bo.page.goto(`${base}/wallet/`);
  await bo.page.getByRole("link", { name: /Free coffee/ }).click();
  await bo.page.getByRole("link", { name: "Give away" }).click();
  await bo.page.getByRole("button", { name: "Make the gift link" }).click();
  await bo.page.getByRole("heading", { name: "The gift is waiting" }).waitFor();
  const gift = await readCode(bo.page);

  const cy = await scene.device({ colorScheme: "dark" });
  await cy.page.goto(gift);
  await cy.page.getByRole("button", { name: "Accept the gift" }).click();
  await cy.page.getByText("It is yours").waitFor();
  await bo.page.getByText("It has been accepted").waitFor();

  const till = await scene.device({ viewport: { width: 1024, height: 768 } });
  await openTill(till.page, base, await scene.network.seed("bakery-till"));

  // The old holder's code is dead from the height of the acceptance on.
  await takeAgain(till.page, oldCode, 900);
  assert.match(await result(till.page, "refused"), /Given away|Old code/);
  await nextCustomer(till.page);

  await scene.network.kill(3);
  await cy.page.getByRole("button", { name: "Open" }).click();
  await cy.page.getByRole("link", { name: "Show code" }).click();
  const code = await readCode(cy.page); // from a dark theme
  await wedge(till.page, code);
  await bill(till.page, 1200);
  const accepted = await result(till.page, "accepted");
  assert.match(accepted, /€4\.50 off/);
  assert.match(accepted, /To pay: €7\.50/);
  assert.ok(Number(await till.page.locator("[data-signers]").getAttribute("data-signers")) >= 2);
  await cy.page.getByRole("heading", { name: "Used" }).waitFor();
  await cy.page.getByText("USED", { exact: true }).waitFor();

  // The same picture a second time, at this till and at another shop's.
  await nextCustomer(till.page);
  await takeAgain(till.page, code, 1200);
  assert.match(await result(till.page, "refused"), /Already used|Old code/);
  assert.deepEqual(scene.faults.flat(), []);
});

test("two tills take the same code at the same moment: one accepts, the other says why not", async () => {
  const tills = [];
  for (const node of [scene.network.nodes[0], scene.network.nodes[1]]) {
    const till = await scene.device();
    await openTill(till.page, node, await scene.network.seed("bakery-till"));
    tills.push(till);
  }
  const { code } = await scene.holder(scene.links[0][1]);
  for (const till of tills) await wedge(till.page, code);
  for (const till of tills) await till.page.getByRole("button", { name: /or more/ }).waitFor();
  await Promise.all(tills.map((x) => x.page.getByRole("button", { name: /or more/ }).click()));
  const outcomes = await Promise.all(
    tills.map(async (x) => {
      const final = x.page.locator('[data-result="accepted"], [data-result="refused"]');
      return final.getAttribute("data-result");
    }),
  );
  assert.deepEqual(outcomes.sort(), ["accepted", "refused"]);
});

test("the customer scans the till, and both see the result", async () => {
  const cy = await scene.device();
  await claim(cy.page, scene.links[0][2]);
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  await till.page.getByRole("button", { name: "Customer scans the till" }).click();
  await bill(till.page, 900);
  const link = await readCode(till.page);
  assert.match(link, /\/i#/);
  await cy.page.goto(link);
  await cy.page.getByText("At DEV Bakery").waitFor();
  await cy.page.getByRole("button", { name: "Use it: €4.50 off" }).click();
  assert.match(await result(till.page, "accepted"), /To pay: €4\.50/);
  await cy.page.getByText("€4.50 off").first().waitFor();
});

test("a code that is read out works like one that is scanned", async () => {
  const bo = await scene.device();
  await claim(bo.page, scene.links[0][3]);
  await bo.page.getByRole("link", { name: "Show code" }).click();
  const short = await readOut(bo.page);
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  await typeCode(till.page, short.toLowerCase().replace("-", " "));
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "accepted");
  await nextCustomer(till.page);
  // One wrong letter is told by the till itself.
  await till.page.getByLabel("Or type the code").fill(short.slice(0, -1) + (short.endsWith("0") ? "1" : "0"));
  await till.page.getByRole("button", { name: "Take it" }).click();
  assert.match(await result(till.page, "refused"), /Unreadable code/);
});

test("a redemption is undone with the manager's PIN, and the customer has the use back", async () => {
  const till = await scene.device();
  const manager = await scene.network.seed("bakery-manager");
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"), `&v=${manager}&pin=2580`);
  const bo = await scene.holder(scene.links[0][4]);
  const { code } = bo;
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "accepted");
  await nextCustomer(till.page);
  await till.page.getByRole("button", { name: /^Undo/ }).first().click();
  await till.page.getByLabel("Manager PIN").fill("0000");
  await till.page.getByRole("button", { name: "Undo it" }).click();
  await till.page.getByText("That is not the PIN.").waitFor();
  await till.page.getByLabel("Manager PIN").fill("2580");
  await till.page.getByRole("button", { name: "Undo it" }).click();
  await till.page.getByText("undone", { exact: true }).waitFor();
  await bo.page.goto(`${scene.network.nodes[0]}/wallet/`);
  await bo.page.getByRole("link", { name: /Free coffee/ }).click();
  await bo.page.getByRole("link", { name: "Show code" }).waitFor();
});
