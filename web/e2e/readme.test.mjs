// The pictures of the README. `npm run pictures` makes them anew, from a demonstration with
// its story; without that only the list is compared with the README.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launch, profile } from "./browser.mjs";
import { readCode, result, wedge } from "./faces.mjs";
import { scrip, startNetwork } from "./network.mjs";

const root = path.join(import.meta.dirname, "../..");
const folder = "docs/pictures";
const making = process.env.PICTURES === "readme";
const desktop = { width: 1280, height: 900 };
const phone = { width: 390, height: 844 };
let network, browser, links;

/** made are the pictures by their names: each draws its page and returns it. */
const made = {
  wallet: async () => {
    const page = await open(linkOf("wallet", "Bo"), phone);
    await page.getByRole("heading", { name: "To use" }).waitFor();
    await page.getByText("Looking for your coupons").waitFor({ state: "detached" });
    return page;
  },
  till: async () => {
    const bo = await open(linkOf("wallet", "Bo"), phone);
    await bo
      .getByRole("region", { name: "To use" })
      .getByRole("link", { name: /Free coffee/ })
      .click();
    await bo.getByRole("link", { name: "Show code" }).click();
    const till = await open(linkOf("till", "bakery"), phone);
    await till.getByRole("heading", { name: "Scan the customer’s code" }).waitFor();
    await wedge(till, await readCode(bo));
    await till.getByRole("heading", { name: "What does the item cost?" }).waitFor();
    await till.keyboard.type("380");
    await till.getByRole("button", { name: "OK" }).click();
    await result(till, "accepted");
    return till;
  },
  console: async () => {
    const page = await open(linkOf("console", "Ana"), desktop);
    await page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
    await page.goto(`${network.nodes[0]}/console/#/new/FREE_ITEM`);
    await page.getByText("€900.00").first().waitFor();
    return page;
  },
  explorer: async () => {
    const { items } = await (await fetch(`${network.nodes[0]}/v1/campaigns/1/coupons?limit=50`)).json();
    const used = items.find((c) => c.status === "REDEEMED");
    const page = await open(`${network.nodes[0]}/explorer/#/coupon/${used.id}`, desktop);
    await page
      .getByText(/Redeemed: €/)
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.getByText("It holds.").waitFor();
    return page;
  },
};

const linkOf = (face, who) => links.find((l) => l.face === face && l.who === who).url;

async function open(address, viewport) {
  const { context } = await profile(browser, { viewport, deviceScaleFactor: 1 });
  const page = await context.newPage();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(address);
  return page;
}

before(async () => {
  if (!making) return;
  network = await startNetwork();
  const urls = await promisify(execFile)(scrip, ["demo", "urls", "--port", String(network.port), "-o", "json"]);
  ({ links } = JSON.parse(urls.stdout));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await network?.stop();
});

test("the README shows the pictures that are made here, and no others", async () => {
  const text = await readFile(path.join(root, "README.md"), "utf8");
  const named = [...text.matchAll(/docs\/pictures\/(\w+)\.png/g)].map((m) => m[1]);
  assert.deepEqual(named.sort(), Object.keys(made).sort());
});

for (const [name, draw] of Object.entries(made)) {
  test(`the picture of the ${name}`, { skip: !making }, async () => {
    const page = await draw();
    await page.waitForFunction(() => !document.querySelector("main .loading"), undefined);
    await page.evaluate(() => document.activeElement?.blur?.());
    await mkdir(path.join(root, folder), { recursive: true });
    await page.screenshot({ path: path.join(root, folder, `${name}.png`), fullPage: true });
  });
}
