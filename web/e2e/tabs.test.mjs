// One person with many tabs of one node, and a device whose clock is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { claim, openTill, readCode, result, wedge } from "./faces.mjs";
import { coffee, stage } from "./stage.mjs";

const scene = stage([coffee()]);
const minutes = 60_000;

/** inTurn does one after the other. */
const inTurn = async (n, act) => {
  for (let i = 0; i < n; i++) await act(i);
};

test("nine tabs of one node all open, and each goes on hearing of what happens", async () => {
  const [base] = scene.network.nodes;
  const d = await scene.device();
  const pages = [];
  await inTurn(9, async () => {
    const page = await d.context.newPage();
    await page.goto(`${base}/explorer/`);
    await page.getByRole("heading", { name: "The ledger now" }).waitFor();
    pages.push(page);
  });
  const till = await scene.network.seed("bakery-till");
  await openTill(await d.context.newPage(), base, till);
  await inTurn(3, async () => {
    const page = await d.context.newPage();
    await page.goto(`${base}/till/`);
    await page.getByRole("heading", { name: "Scan the customer’s code" }).waitFor();
  });
  const other = await scene.device();
  await claim(other.page, scene.links[0][0]);
  for (const page of pages) await page.getByText("Claimed").first().waitFor();
  assert.deepEqual(d.faults, []);
  await d.context.close();
  await other.context.close();
});

/** take scans a code at a till that has the right time, and says what comes of it. */
async function take(code) {
  const { context, page } = await scene.device();
  await openTill(page, scene.network.nodes[1], await scene.network.seed("bakery-till"));
  await wedge(page, code);
  await page.getByRole("button", { name: /or more/ }).click();
  const words = await result(page, "accepted");
  await context.close();
  return words;
}

test("a wallet whose clock is wrong says so, and its codes are taken: opened offline, and set while it is open", async () => {
  const [base] = scene.network.nodes;
  const links = scene.links[0];
  const notice = (page) => page.locator("[data-clock]");
  const show = async (page) => {
    await page.getByRole("link", { name: "Show code" }).click();
    await page.locator("[data-qr]").waitFor();
  };

  const fast = await scene.device();
  const { page } = fast;
  await page.clock.install({ time: Date.now() + 10 * minutes });
  await page.clock.resume();
  await claim(page, links[1]);
  await page.goto(`${base}/wallet/`);
  await page.getByRole("link", { name: /Free coffee/ }).waitFor();
  await page.evaluate(() => navigator.serviceWorker?.ready);
  await fast.context.setOffline(true);
  await page.reload();
  await page.getByRole("link", { name: /Free coffee/ }).waitFor();
  await fast.context.setOffline(false);
  await notice(page).waitFor();
  assert.match(await notice(page).innerText(), /10 minutes fast/);
  await page.getByRole("link", { name: /Free coffee/ }).click();
  await show(page);
  assert.match(await take(await readCode(page)), /4\.50/);
  await fast.context.close();

  const set = await scene.device();
  const other = set.page;
  await other.clock.install({ time: Date.now() });
  await other.clock.resume();
  await claim(other, links[2]);
  assert.equal(await notice(other).count(), 0);
  await other.clock.setSystemTime(Date.now() + 15 * minutes);
  await notice(other).waitFor();
  await show(other);
  assert.match(await take(await readCode(other)), /4\.50/);
  await set.context.close();
});
