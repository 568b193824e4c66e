// Every page of wallet and till: WCAG 2.2 AA by axe, 320 to 1280 pixels, both themes, the keyboard.
import { test } from "node:test";
import { claim, nextCustomer, openTill, phrase, readCode, result, wedge } from "./faces.mjs";
import { look, walk } from "./looks.mjs";
import { books, coffee, stage } from "./stage.mjs";

// axe is a script of the test, which the pages' policy would not let run.
const scene = stage([coffee(), books({ title: "Fifteen percent off any book in the shop" })], {
  options: { bypassCSP: true },
});

test("the wallet's pages", async () => {
  const { page } = await scene.device();
  const base = scene.network.nodes[0];
  await page.goto(`${base}/wallet/`);
  await page.getByText("No coupons yet").waitFor();
  await look(page, "wallet-empty");
  await walk(page, "wallet-empty");

  await page.goto(scene.links[0][0]);
  await page.getByRole("button", { name: "Claim" }).waitFor();
  await look(page, "wallet-claim");
  await walk(page, "wallet-claim");
  await page.getByRole("button", { name: "Claim" }).click();
  await page.getByText("It is yours").waitFor();
  await look(page, "wallet-yours");

  await claim(page, scene.links[1][0]);
  await look(page, "wallet-coupon");
  await walk(page, "wallet-coupon");
  await page.getByRole("link", { name: "Show code" }).click();
  await readCode(page);
  await look(page, "wallet-code");
  await page.goto(`${base}/wallet/#/gift/${(await page.url()).split("/").pop()}`);
  await page.getByRole("button", { name: "Make the gift link" }).waitFor();
  await look(page, "wallet-gift");
  await page.getByRole("button", { name: "Make the gift link" }).click();
  await page.getByRole("heading", { name: "The gift is waiting" }).waitFor();
  await look(page, "wallet-gift-waiting");
  await page.goto(`${base}/wallet/`);
  await page.getByRole("heading", { name: "To use" }).waitFor();
  await look(page, "wallet-home");
  await walk(page, "wallet-home");
  await page.goto(`${base}/wallet/#/keep`);
  await phrase(page);
  await look(page, "wallet-keep");
  await page.goto(`${base}/wallet/#/restore`);
  await page.getByRole("heading", { name: "Bring coupons back" }).waitFor();
  await look(page, "wallet-restore");
  await page.goto(`${base}/wallet/#/scan`);
  await page.getByRole("heading", { name: "Scan" }).waitFor();
  await look(page, "wallet-scan");
  await page.goto(`${base}/c#AAAA`);
  await page.getByText("This link does not work").waitFor();
  await look(page, "wallet-bad-link");
});

test("the wallet in Chinese", async () => {
  const { page } = await scene.device({ locale: "zh-CN" });
  await page.goto(scene.links[0][1]);
  await page.getByRole("button", { name: "领取" }).click();
  await page.getByText("归您了").waitFor();
  await look(page, "wallet-zh");
});

test("the till's pages", async () => {
  const { page } = await scene.device();
  const base = scene.network.nodes[0];
  await page.goto(`${base}/till/`);
  await page.getByRole("heading", { name: "Pair this till" }).waitFor();
  await look(page, "till-unpaired");
  await walk(page, "till-unpaired");
  await openTill(
    page,
    base,
    await scene.network.seed("bakery-till"),
    `&v=${await scene.network.seed("bakery-manager")}&pin=2580`,
  );
  await look(page, "till-ready");
  await walk(page, "till-ready");

  const { page: holder } = await scene.device();
  await claim(holder, scene.links[0][2]);
  await holder.getByRole("link", { name: "Show code" }).click();
  const code = await readCode(holder);
  await wedge(page, code);
  await page.getByRole("button", { name: /or more/ }).waitFor();
  await look(page, "till-amount");
  await walk(page, "till-amount");
  await page.getByRole("button", { name: /or more/ }).click();
  await result(page, "accepted");
  await look(page, "till-accepted");
  await nextCustomer(page);
  await wedge(page, "4006381333931");
  await result(page, "refused");
  await look(page, "till-refused");
  await nextCustomer(page);
  await page.getByRole("button", { name: /^Undo/ }).waitFor();
  await look(page, "till-today");
  await page.getByRole("button", { name: /^Undo/ }).click();
  await page.getByLabel("Manager PIN").waitFor();
  await look(page, "till-undo");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Customer scans the till" }).click();
  await page.getByRole("button", { name: "9", exact: true }).click();
  await page.getByRole("button", { name: "OK" }).click();
  await readCode(page);
  await look(page, "till-invoice");
});
