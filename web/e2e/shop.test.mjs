// The looks of a shop, in a real browser over four real validators: the console signs and publishes them, the
// wallet draws coupons in them, with a network and without, and the explorer shows them. What the shop's key has
// not signed is shown nowhere.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch, profile } from "./browser.mjs";
import { claim } from "./faces.mjs";
import { checkAxe, look } from "./looks.mjs";
import { publish, startNetwork, tickets } from "./network.mjs";

const bakery = 2;
const yellow = "rgb(255, 212, 0)";
const black = "rgb(0, 0, 0)";
const logo = path.join(import.meta.dirname, "../src/wallet/public/icon-180.png");
let browser, network, base, links;

before(async () => {
  network = await startNetwork("--empty");
  base = network.nodes[0];
  browser = await launch();
  const campaign = await publish(
    network,
    [
      "--title",
      "Free coffee",
      "--issuer",
      String(bakery),
      "--kind",
      "amount",
      "--face",
      "3",
      "--supply",
      "9",
      "--redeem-until",
      "+9d",
      "--terms",
      "A coffee.",
      "--show-max",
      "3",
      "--shops",
      String(bakery),
    ],
    "bakery",
  );
  links = await tickets(network, campaign, 4, "bakery");
});

after(async () => {
  await browser?.close();
  await network?.stop();
});

async function device(options) {
  const d = await profile(browser, { bypassCSP: true, ...options });
  return { ...d, page: await d.context.newPage() };
}

/** drawn is the ground and the ink of the first coupon of a page. */
const drawn = (page) =>
  page
    .locator(".coupon-slip")
    .first()
    .evaluate((e) => {
      const ground = getComputedStyle(e);
      const facts = getComputedStyle(e.querySelector(".coupon-facts"));
      return {
        ground: ground.backgroundColor,
        ink: ground.color,
        facts: facts.color,
        logo: e.querySelector("img")?.naturalWidth,
      };
    });

test("without looks a coupon is drawn as ever, and a member says nothing of itself", async () => {
  const { page, faults } = await device();
  await claim(page, links[0]);
  await page.goto(`${base}/wallet/`);
  await page.locator(".coupon").first().waitFor();
  assert.equal(await page.locator(".coupon-shop, .logo").count(), 0);
  await page.goto(`${base}/explorer/#/member/${bakery}`);
  await page.getByRole("heading", { name: "DEV Bakery", level: 1 }).waitFor();
  assert.equal(await page.locator(".shop").count(), 0);
  assert.deepEqual(faults, []);
});

test("a shop sets its looks with its coupon in sight, and all nodes have them", async () => {
  const { page, faults } = await device({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${base}/console/#k=${await network.seed("bakery")}&m=${bakery}`);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Shop", exact: true }).click();
  await page.getByText("Nothing is published yet").waitFor();
  await page.getByLabel("Colour").fill("#ffd400");
  await page.getByLabel("Logo").setInputFiles(logo);
  await page.locator(".coupon .logo").waitFor();
  assert.deepEqual(await drawn(page), { ground: yellow, ink: black, facts: black, logo: 180 });
  await page.getByLabel("Address").fill("12 Quay Street\nFirst floor");
  await page.getByLabel("Monday, from").fill("08:00");
  await page.getByRole("button", { name: "Sign and publish" }).click();
  await page.getByText("Fill in both times of each pair").waitFor();
  await page.getByLabel("Monday, until").fill("18:00");
  await page.getByRole("button", { name: "Tuesday as the day before" }).click();
  await page.getByLabel("Website").fill("http://bakery.example");
  await page.getByLabel("Phone").fill("030 5550102");
  await page.getByRole("button", { name: "Sign and publish" }).click();
  await page.getByText("A number with its country is wanted").waitFor();
  await page.getByText("An address such as").waitFor();
  await page.getByLabel("Website").fill("bakery.example");
  await page.getByLabel("Phone").fill("+49 30 5550102");
  await page.locator(".editor-side").getByText("Mon–Tue 08:00–18:00").waitFor();
  await checkAxe(page, "the console's page of looks");
  await page.getByRole("button", { name: "Sign and publish" }).click();
  await page.getByText("4 of 4 nodes have it").waitFor();
  await look(page, "console-shop");
  for (const node of network.nodes) {
    const a = await (await fetch(`${node}/v1/members/${bakery}/profile`)).json();
    assert.deepEqual([a.colour, a.logo, a.website], ["#ffd400", "image/png", "https://bakery.example"]);
  }
  // What is published is what the page begins with, also where nothing is kept of it.
  const other = await device();
  await other.page.goto(`${base}/console/#k=${await network.seed("bakery")}&m=${bakery}`);
  await other.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Shop", exact: true }).click();
  await other.page.getByText("Published on").waitFor();
  assert.equal(await other.page.getByLabel("Colour").inputValue(), "#ffd400");
  assert.equal(await other.page.getByLabel("Tuesday, until").inputValue(), "18:00");
  assert.equal(await other.page.getByLabel("Address").inputValue(), "12 Quay Street\nFirst floor");
  assert.deepEqual([...faults, ...other.faults], []);
});

test("the wallet draws its coupons in them, also without a network", async () => {
  const { page, context, faults } = await device();
  await claim(page, links[1]);
  await page.locator(".coupon-shop .logo").waitFor();
  await page.getByText("12 Quay Street").waitFor();
  await page.getByText("Mon–Tue 08:00–18:00").waitFor();
  assert.equal(await page.getByRole("link", { name: "bakery.example" }).getAttribute("href"), "https://bakery.example");
  await look(page, "wallet-shop-coupon");
  await page.goto(`${base}/wallet/`);
  await page.locator(".coupon-shop .logo").waitFor();
  assert.deepEqual(await drawn(page), { ground: yellow, ink: black, facts: black, logo: 180 });
  await page.evaluate(() => navigator.serviceWorker.ready);
  await context.setOffline(true);
  await page.goto(`${base}/wallet/`);
  await page.locator(".coupon-shop .logo").waitFor();
  await page.getByRole("link", { name: /Free coffee/ }).click();
  await page.getByText("12 Quay Street").waitFor();
  await context.setOffline(false);
  assert.deepEqual(
    faults.filter((f) => !/ERR_INTERNET_DISCONNECTED|Failed to fetch/.test(f)),
    [],
  );
});

test("the explorer shows what a member says of itself, and who has signed it", async () => {
  const { page, faults } = await device();
  await page.goto(`${base}/explorer/#/member/${bakery}`);
  const shop = page.getByRole("region", { name: "DEV Bakery" });
  await shop.getByText("12 Quay Street").waitFor();
  await shop.getByText("Signed by DEV Bakery").waitFor();
  await look(page, "explorer-shop");
  assert.deepEqual(faults, []);
});

test("what the shop's key has not signed is shown nowhere", async () => {
  const a = await (await fetch(`${base}/v1/members/${bakery}/profile`)).json();
  const raw = Buffer.from(a.profile, "base64");
  raw[15] ^= 0xff; // the red of the colour
  const { page, context } = await device();
  let asked = 0;
  await context.route("**/v1/members/*/profile", (route) => {
    asked++;
    return route.fulfill({
      json: { ...a, profile: raw.toString("base64") },
      headers: { "access-control-allow-origin": "*" },
    });
  });
  await claim(page, links[2]);
  await page.goto(`${base}/explorer/#/member/${bakery}`);
  await page.getByRole("heading", { name: "DEV Bakery", level: 1 }).waitFor();
  await page.goto(`${base}/wallet/`);
  await page.locator(".coupon").first().waitFor();
  await page.waitForTimeout(2000); // for longer than an answer takes
  assert.ok(asked >= network.nodes.length, `asked ${asked} times`);
  assert.equal(await page.locator(".coupon-shop, .logo, .shop").count(), 0);
});
