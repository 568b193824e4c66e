// What a till does at a counter as counters are: streams of events that a proxy swallows, keyboards and
// scanners of other layouts, cameras that were refused, clocks that are wrong, and coupons that were used.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test as each } from "node:test";
import { launch, profile } from "./browser.mjs";
import {
  bill,
  claim,
  nextCustomer,
  openTill,
  readCode,
  result,
  scannerKeys,
  shownToday,
  takenBy,
  wedge,
} from "./faces.mjs";
import { coffee, stage } from "./stage.mjs";

const minuteMs = 60_000;
/** item is a bun of up to 4.50 at the bakery, by a shown code or without. */
const item = (title, ...shown) => {
  const flags = ["--title", title, "--issuer", "2", "--kind", "free_item", "--face", "4.50", "--supply", "50"];
  flags.push("--redeem-until", "+30d", "--shops", "2", "--terms", "One bun each.", ...shown);
  return { flags, signer: "bakery", count: 2 };
};
/** goods is a percentage of certain goods, which a bill has to name as well. */
const goods = () => {
  const list = path.join(mkdtempSync(path.join(tmpdir(), "scrip-goods-")), "goods");
  writeFileSync(list, "4006381333931\n");
  const flags = [
    "--title",
    "Half of pens",
    "--issuer",
    "2",
    "--kind",
    "percent",
    "--percent",
    "50%",
    "--ceiling",
    "9.00",
  ];
  flags.push("--supply", "50", "--redeem-until", "+30d", "--shops", "2", "--terms", "Pens.", "--products-file", list);
  return { flags, signer: "bakery", count: 1 };
};
const scene = stage([
  coffee({ shops: "2,3", count: 11 }),
  item("A bun", "--show-max", "4.50"),
  item("A hidden bun"),
  goods(),
]);

/** test runs one and then switches its devices off, as tills ask the ledger for as long as they are on. */
function test(name, act) {
  each(name, async (t) => {
    const before = new Set(scene.browser.contexts());
    t.after(() =>
      Promise.all(
        scene.browser
          .contexts()
          .filter((c) => !before.has(c))
          .map((c) => c.close()),
      ),
    );
    await act(t);
  });
}

/** tillOf opens a till on a new device; more are options of the device. */
async function tillOf(name = "bakery", more = "", options = {}) {
  const till = await scene.device(options);
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed(`${name}-till`), more);
  return till;
}

/** swallow lets no stream of events through, as a proxy does that waits for the end of an answer. */
const swallow = (d) => d.context.route("**/v1/events*", () => undefined);

/** customerScans makes a bill at a till, for any coupon or for one that is named, and returns what the customer scans. */
async function customerScans(page, minor, named) {
  await page.getByRole("button", { name: "Customer scans the till" }).click();
  if (named) {
    await page.getByRole("button", { name: "For one item or certain goods" }).click();
    await page.getByRole("button", { name: named }).click();
    await page.getByRole("heading", { name: /^What does the item cost|^How much are the goods/ }).waitFor();
  }
  await bill(page, minor);
  return readCode(page);
}

/** pays answers a bill on a device that has the coupon. */
async function pays(page, link, value) {
  await page.goto(link);
  await page.getByRole("button", { name: `Use it: ${value} off` }).click();
  await page.getByText(`${value} off`).first().waitFor();
}

// Bills that nobody answers are made first and looked at in the end. They are good for two minutes: a clock that
// is so slow, and that nobody sets right meanwhile, makes bills that are nearly over.
const slowMs = 100_000;
const late = {};
each("a till makes bills that nobody answers", async () => {
  late.asked = await scene.device({ serviceWorkers: "block" });
  late.unasked = await scene.device({ serviceWorkers: "block" });
  for (const d of [late.asked, late.unasked]) {
    await swallow(d);
    await d.page.clock.install();
    await openTill(d.page, scene.base, await scene.network.seed("bakery-till"));
    await d.context.route("**/v1/**", (route) => route.abort());
    await d.page.clock.setSystemTime(Date.now() - slowMs);
    await customerScans(d.page, 700);
    d.endsMs = Date.now() - slowMs + 2 * minuteMs;
    await d.page.clock.setSystemTime(Date.now());
    await d.context.unroute("**/v1/**");
  }
  await late.unasked.context.route("**/takings*", (route) => route.abort());
});

test("a till learns of a customer's redemption where no stream of events gets through", async () => {
  const till = await tillOf();
  await swallow(till);
  await till.page.reload();
  const cy = await scene.device();
  await claim(cy.page, scene.links[0][0]);
  await pays(cy.page, await customerScans(till.page, 1200), "€4.50");
  assert.match(await result(till.page, "accepted"), /€4\.50 off[^]*To pay: €7\.50/);
  await nextCustomer(till.page);
  await shownToday(till.page, await takenBy(scene.network, 2));
});

test("the console's sums go on where no stream of events gets through", async () => {
  const ana = await scene.device();
  await swallow(ana);
  await ana.page.goto(`${scene.base}/console/#k=${await scene.network.seed("bakery")}&m=2`);
  await ana.page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
  await ana.page.goto(`${scene.base}/console/#/day`);
  const taken = await takenBy(scene.network, 2);
  const total = (n) => ana.page.getByRole("row", { name: new RegExp(`Total EUR ${n} `) });
  await total(taken).waitFor();
  const till = await tillOf();
  const { code } = await scene.holder(scene.links[0][9]);
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "accepted");
  await total(taken + 1).waitFor();
});

test("a coupon whose claim could not be looked at is used on a bill once it can be", async () => {
  const cy = await scene.device({ serviceWorkers: "block" });
  await cy.page.goto(scene.links[0][10]);
  const tap = cy.page.getByRole("button", { name: "Claim" });
  await tap.waitFor();
  // The claim counts, and no node shows this device the coupon.
  const rows = "**/v1/state/08*"; // 8 begins the key of a coupon's row
  await cy.context.route(rows, (route) => route.abort());
  await tap.click();
  await cy.page.getByText("It is yours").waitFor();
  const till = await tillOf();
  const link = await customerScans(till.page, 1000);
  await cy.page.goto(link);
  await cy.page.getByText("You have no coupon to use").waitFor();
  await cy.context.unroute(rows);
  await cy.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await cy.page.getByRole("button", { name: "Use it: €4.50 off" }).click();
  assert.match(await result(till.page, "accepted"), /To pay: €5\.50/);
});

test("a till that was closed meanwhile finds what was used on its bill", async () => {
  const till = await tillOf();
  await swallow(till);
  await till.page.reload();
  const link = await customerScans(till.page, 900);
  await till.page.goto("about:blank");
  const cy = await scene.device();
  await claim(cy.page, scene.links[0][1]);
  await pays(cy.page, link, "€4.50");
  await till.page.goto(`${scene.base}/till/`);
  assert.match(await result(till.page, "accepted"), /To pay: €4\.50/);
});

test("a till that was closed goes on showing its bill while a customer may answer it", async () => {
  const till = await tillOf();
  const link = await customerScans(till.page, 800);
  await till.page.reload();
  assert.equal(await readCode(till.page), link);
  const cy = await scene.device();
  await claim(cy.page, scene.links[0][2]);
  await pays(cy.page, link, "€4.50");
  assert.match(await result(till.page, "accepted"), /To pay: €3\.50/);
});

test("a till's list is the ledger's: another device with its key shows the same day", async () => {
  const till = await tillOf();
  const taken = await takenBy(scene.network, 2);
  assert.ok(taken >= 3);
  await shownToday(till.page, taken);
  await till.page
    .locator('[data-sale="accepted"]')
    .nth(Math.min(taken, 5) - 1)
    .waitFor();
});

test("a point or comma that is typed begins the decimals, and no key is dropped in silence", async () => {
  const till = await tillOf();
  const { code } = await scene.holder(scene.links[0][3]);
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: "OK" }).waitFor();
  const shown = till.page.locator(".amount-shown");
  const refusal = till.page.getByRole("alert");
  // From key to key a person takes longer than a scanner.
  const type = async (keys) => {
    await till.page.waitForTimeout(300);
    await till.page.keyboard.type(keys, { delay: 120 });
  };
  await type("12");
  assert.equal(await shown.innerText(), "€0.12");
  await till.page.getByText("€4.38 of it would be lost").waitFor();
  await type(".");
  assert.equal(await shown.innerText(), "€12.00");
  await type("5");
  assert.equal(await shown.innerText(), "€12.50");
  for (const [key, words] of [
    [",", /There is a point already/],
    ["x", /Only digits/],
    ["-", /Only digits/],
  ]) {
    await type(key);
    assert.match(await refusal.innerText(), words);
    assert.equal(await shown.innerText(), "€12.50");
  }
  await type("00");
  assert.match(await refusal.innerText(), /EUR has 2 decimals/);
  // Eight keys in a row are a person's all the same.
  for (let i = 0; i < 5; i++) await till.page.keyboard.press("Backspace");
  await type("0012.50");
  assert.equal(await shown.innerText(), "€12.50");
  await till.page.keyboard.press("Enter");
  assert.match(await result(till.page, "accepted"), /€4\.50 off[^]*To pay: €8\.00/);
});

test("goods that are scanned while the till asks for the bill are no amount, and the coupon waits", async () => {
  const till = await tillOf();
  const { code } = await scene.holder(scene.links[0][4]);
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: "OK" }).waitFor();
  await wedge(till.page, "4006381333931");
  await till.page.getByText("A scanner typed that").waitFor();
  assert.equal(await till.page.locator(".amount-shown").innerText(), "€0.00");
  await till.page.keyboard.type("6,00");
  await till.page.keyboard.press("Enter");
  assert.match(await result(till.page, "accepted"), /To pay: €1\.50/);
});

test("a scanner is read whatever keyboard the computer believes in; else the cashier is told that it is the scanner", async () => {
  const till = await tillOf();
  const { page } = await scene.holder(scene.links[0][5]);
  const german = { ":": "Ö", "-": "ß", "/": "-", Y: "Z", Z: "Y", "+": "Dead", "*": "(", "]": "+" };
  const ways = [
    async (text) => wedge(till.page, text.toLowerCase()), // Caps Lock
    async (text) => wedge(till.page, `]Q1${text}`),
    async (text) =>
      wedge(
        till.page,
        scannerKeys(text, (c) => german[c] ?? c),
      ),
    async (text) =>
      wedge(
        till.page,
        scannerKeys(`]Q1${text}`, (c) => german[c]?.replace("Ö", "ö") ?? c.toLowerCase()),
      ),
  ];
  for (const way of ways) {
    await way(await readCode(page));
    await till.page.getByRole("button", { name: /or more/ }).waitFor();
    await till.page.getByRole("button", { name: "Cancel" }).click();
  }
  // In the field for typed codes a scanner is heard as well.
  await till.page.getByLabel("Or type the code").focus();
  await wedge(
    till.page,
    scannerKeys(await readCode(page), (c) => german[c] ?? c),
    { blur: false },
  );
  await till.page.getByRole("button", { name: /or more/ }).waitFor();
  await till.page.getByRole("button", { name: "Cancel" }).click();
  // A browser that does not tell the keys' places.
  await wedge(
    till.page,
    [...(await readCode(page))]
      .map((c) => german[c] ?? c)
      .filter((c) => c.length === 1)
      .join(""),
  );
  const text = await result(till.page, "refused");
  assert.match(text, /It is the scanner, not the coupon[^]*English \(US\)/);
  assert.doesNotMatch(text, /Say:/);
});

test("an item is taken by the till's bill that names it, also where no code may be shown", async () => {
  const till = await tillOf();
  for (const [i, title] of [
    [1, "A bun"],
    [2, "A hidden bun"],
  ]) {
    const cy = await scene.device();
    await claim(cy.page, scene.links[i][0]);
    // A bill that names nothing is for other coupons: the wallet says why, and what to ask for.
    await cy.page.goto(await customerScans(till.page, 520));
    await cy.page.locator('[data-why="name"]').waitFor();
    assert.match(await cy.page.getByRole("listitem").first().innerText(), new RegExp(`choose “${title}”`));
    await till.page.getByRole("button", { name: "Cancel" }).click();
    await pays(cy.page, await customerScans(till.page, 520, new RegExp(`^${title}`)), "€4.50");
    assert.match(await result(till.page, "accepted"), /€4\.50 off[^]*To pay for the item: €0\.70/);
    await nextCustomer(till.page);
  }
});

test("a coupon for certain goods is taken by a bill that names it", async () => {
  const till = await tillOf();
  const cy = await scene.device();
  await claim(cy.page, scene.links[3][0]);
  await pays(cy.page, await customerScans(till.page, 800, /^Half of pens/), "€4.00");
  assert.match(await result(till.page, "accepted"), /€4\.00 off[^]*To pay: €4\.00/);
});

test("an item that costs more than the coupon gives says what is left to pay", async () => {
  const till = await tillOf();
  const { code } = await scene.holder(scene.links[1][1]);
  await wedge(till.page, code);
  await till.page.getByRole("heading", { name: "What does the item cost?" }).waitFor();
  await bill(till.page, 520);
  assert.match(await result(till.page, "accepted"), /€4\.50 off[^]*To pay for the item: €0\.70/);
});

test("a used coupon is refused at the scan, with when and where, and undoing touches the sale alone", async () => {
  const manager = await scene.network.seed("bakery-manager");
  const till = await tillOf("bakery", `&v=${manager}&pin=2580`);
  const { code } = await scene.holder(scene.links[0][6]);
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "accepted");
  await nextCustomer(till.page);
  await wedge(till.page, code);
  assert.match(await result(till.page, "refused"), /Already used[^]*Used today \d\d:\d\d at this till/);
  await nextCustomer(till.page);
  const other = await tillOf("bookshop");
  await wedge(other.page, code);
  assert.match(await result(other.page, "refused"), /Already used[^]*Used today \d\d:\d\d at DEV Bakery/);

  // A second attempt that the ledger itself refused stands in the list: both devices ask for the bill at once.
  const twin = await tillOf();
  const second = await scene.holder(scene.links[0][7]);
  for (const d of [till, twin]) {
    await wedge(d.page, second.code);
    await d.page.getByRole("button", { name: /or more/ }).waitFor();
  }
  await twin.page.getByRole("button", { name: /or more/ }).click();
  await result(twin.page, "accepted");
  await till.page.getByRole("button", { name: /or more/ }).click();
  assert.match(await result(till.page, "refused"), /Used today \d\d:\d\d at this till/);
  await nextCustomer(till.page);
  const refusedLine = till.page.locator('[data-sale="refused"]');
  await refusedLine.waitFor();

  await till.page.getByRole("button", { name: /^Undo/ }).first().click();
  await till.page.getByLabel("Manager PIN").fill("2580");
  await till.page.getByRole("button", { name: "Undo it" }).click();
  const undone = till.page.locator('[data-sale="undone"]');
  await undone.waitFor();
  assert.match(await undone.innerText(), /undone[^]*-€4\.50/);
  await refusedLine.waitFor();
  assert.match(await refusedLine.innerText(), /Already used/);
  await shownToday(till.page, await takenBy(scene.network, 2));
  await till.page.getByText(/ · 1 undone · /).waitFor();
});

test("a code of a device whose clock is fast says that, and by how much", async () => {
  const till = await tillOf();
  const cy = await scene.device({ serviceWorkers: "block" });
  await cy.page.clock.install();
  await claim(cy.page, scene.links[0][8]);
  await cy.context.route("**/v1/**", (route) => route.abort()); // nobody tells it the time
  await cy.page.clock.setSystemTime(Date.now() + 20 * minuteMs);
  await cy.page.getByRole("link", { name: "Show code" }).click();
  await wedge(till.page, await readCode(cy.page));
  const text = await result(till.page, "refused");
  assert.match(text, /The customer’s clock is wrong[^]*(19|20) minutes ahead[^]*Say: “The clock of your phone is fast/);
});

test("a bill of a till whose clock is fast is not answered, and the customer is told that it is the till", async () => {
  const till = await scene.device({ serviceWorkers: "block" });
  await till.page.clock.install();
  await openTill(till.page, scene.base, await scene.network.seed("bakery-till"));
  await till.context.route("**/v1/**", (route) => route.abort()); // nobody tells it the time
  await till.page.clock.setSystemTime(Date.now() + 20 * minuteMs);
  const link = await customerScans(till.page, 900);
  const cy = await scene.device();
  await cy.page.goto(link);
  await cy.page.getByText("The till’s clock is wrong").waitFor();
  assert.equal(await cy.page.getByRole("button", { name: /^Use it/ }).count(), 0);
});

test("a camera that was refused starts once it is allowed, and its button stays", async (t) => {
  const browser = await launch(["--use-fake-device-for-media-stream"]);
  t.after(() => browser.close());
  const { context } = await profile(browser);
  const page = await context.newPage();
  await openTill(page, scene.base, await scene.network.seed("bakery-till"));
  const picture = page.getByLabel("Camera picture");
  await page.getByRole("button", { name: "Use the camera" }).click();
  await page.getByText("The camera is not allowed").waitFor();
  await page.getByRole("button", { name: "Use the camera" }).waitFor();
  assert.equal(await picture.isVisible(), false);
  await context.grantPermissions(["camera"], { origin: scene.base });
  await picture.waitFor();
  await page.getByRole("button", { name: "Stop the camera" }).click();
  // In use by another program: it can be tried again.
  await page.evaluate(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = () => {
      navigator.mediaDevices.getUserMedia = real;
      return Promise.reject(new DOMException("in use", "NotReadableError"));
    };
  });
  await page.getByRole("button", { name: "Use the camera" }).click();
  await page.getByText("The camera is in use by another program").waitFor();
  await page.getByRole("button", { name: "Use the camera" }).click();
  await picture.waitFor();
});

test("a bill is over only once the ledger was asked, and nothing was used on it", async () => {
  const left = Math.max(0, late.unasked.endsMs + 5000 - Date.now());
  const { page } = late.unasked;
  await page.getByText("The till asks whether a coupon was used on it").waitFor({ timeout: left + minuteMs });
  await late.asked.page.getByText("The nodes know of no coupon used on it").waitFor({ timeout: minuteMs });
  assert.equal(await page.getByText("The nodes know of no coupon used on it").count(), 0);
  await late.unasked.context.unroute("**/takings*");
  await page.getByText("The nodes know of no coupon used on it").waitFor();
  await page.getByRole("button", { name: "New code" }).click();
  await readCode(page);
  assert.deepEqual(scene.faults.flat(), []);
});
