// A merchant's day in a real browser over four real validators: a campaign is opened,
// handed out by poster and by links, a till is paired, a coupon taken and undone, the
// day summed and recounted, the till revoked, the campaign paused and closed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch, profile } from "./browser.mjs";
import { bill, claim, readCode, result, wedge } from "./faces.mjs";
import { look, walk } from "./looks.mjs";
import { startNetwork } from "./network.mjs";

// The texts of a campaign are anybody's: markup in them must stay text.
const planted = `<img src=x onerror="document.title='planted'">`;
let browser, network, base;

before(async () => {
  network = await startNetwork("--empty");
  base = network.nodes[0];
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await network?.stop();
});

async function device(options) {
  const d = await profile(browser, { bypassCSP: true, acceptDownloads: true, ...options });
  return { ...d, page: await d.context.newPage() };
}

async function signIn(who, member, options) {
  const d = await device(options);
  await d.page.goto(`${base}/console/#k=${await network.seed(who)}&m=${member}`);
  await d.page.getByRole("heading", { level: 1 }).waitFor();
  return d;
}

const section = (page, name) =>
  page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();

async function saved(page, button) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).first().click(),
  ]);
  return readFile(await download.path(), "utf8");
}

/** shell runs a command line as a person does who has copied it. */
function shell(line) {
  return new Promise((resolve) => {
    execFile("sh", ["-c", line], { maxBuffer: 1 << 24 }, (error, text) => resolve({ code: error?.code ?? 0, text }));
  });
}

let ana;

test("a key signs in, and is out of the address bar at once", async () => {
  const stranger = await device();
  await stranger.page.goto(`${base}/console/`);
  await stranger.page.getByRole("heading", { name: "Sign in with the member’s key" }).waitFor();
  await look(stranger.page, "console-signin");
  await walk(stranger.page, "console-signin");
  await stranger.page.getByLabel("Key, or the text").fill("not a key");
  await stranger.page.getByRole("button", { name: "Sign in" }).click();
  await stranger.page.getByText("This is not a member’s key.").waitFor();
  await stranger.page.getByLabel("Key, or the text").fill("11".repeat(32));
  await stranger.page.getByRole("button", { name: "Sign in" }).click();
  await stranger.page.getByText("No member of this ledger has this key.").waitFor();
  ana = await signIn("bakery", 2);
  assert.equal(new URL(ana.page.url()).hash.includes("k="), false);
  await ana.page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
  // The key is on the device, and nowhere in the clear.
  const clear = await ana.page.evaluate(() => JSON.stringify(localStorage));
  assert.equal(clear.includes(await network.seed("bakery")), false);
  await ana.page.reload();
  await ana.page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
});

test("a link with another member's key asks before it takes the place of the one that is here", async () => {
  const { page } = ana;
  await page.goto(`${base}/console/#k=${await network.seed("bookshop")}&m=3`);
  await page.getByRole("heading", { name: "Sign in as another member?" }).waitFor();
  await page.getByRole("button", { name: "Stay as DEV Bakery" }).click();
  await page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
});

test("a campaign is written beside its coupon and its cost, and opened after a typed confirmation", async () => {
  const { page } = ana;
  await page.getByRole("heading", { name: "Your first campaign" }).waitFor();
  await look(page, "console-empty");
  await walk(page, "console-empty");
  await page.getByRole("link", { name: /Free coffee/ }).click();
  await page.getByText("€900.00").first().waitFor();
  await page.getByLabel("How many coupons").fill("20");
  await page.getByLabel("Most that the item may cost").fill("4.55");
  assert.equal(await page.locator("[data-budget]").getAttribute("data-budget"), "9100");
  await page.getByLabel("Title").fill(planted);
  assert.match(await page.locator("[data-preview]").innerText(), /€4\.55[\s\S]*<img src=x/);
  await look(page, "console-editor");
  await walk(page, "console-editor");
  // The draft is kept.
  await page.reload();
  await page.getByLabel("Title").waitFor();
  assert.equal(await page.getByLabel("Title").inputValue(), planted);
  await page.getByLabel("Can be used until").fill("2020-01-01");
  await page.getByRole("button", { name: "Open campaign" }).click();
  await page.getByText("That day is over.").waitFor();
  const year = new Date().getFullYear() + 1;
  await page.getByLabel("Can be used until").fill(`${year}-12-31`);
  await page.getByRole("button", { name: "Open campaign" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Bind €91.00?" }).waitFor();
  await look(page, "console-confirm");
  await dialog.getByRole("textbox").fill("free coffee");
  await dialog.getByRole("button", { name: "Open campaign" }).click();
  await dialog.getByText("That is not the title.").waitFor();
  await dialog.getByRole("textbox").fill(planted);
  await dialog.getByRole("button", { name: "Open campaign" }).click();
  await page.getByText("0 of 20 coupons are released.").waitFor();
});

let links;

test("it is handed out by a poster and by single links", async () => {
  const { page } = ana;
  await look(page, "console-handout-empty");
  await page.getByLabel("How many").first().fill("12");
  await page.getByRole("button", { name: "Release 12 for the poster" }).click();
  await page
    .getByRole("dialog")
    .getByText(/each may cost up to €4\.55/)
    .waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await page.locator("[data-poster]").waitFor();
  assert.equal(await readCode(page), `${base}/p/1`);
  await page.getByLabel("How many").last().fill("8");
  await page.getByRole("button", { name: "Release 8 as links" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await page.getByText("Links 13 to 20").waitFor();
  const lines = (await saved(page, "CSV of the links")).replace("\ufeff", "").trim().split("\r\n");
  assert.equal(lines.length, 9);
  links = lines.slice(1).map((l) => l.split(",")[2]);
  assert.equal(new Set(links).size, 8);
  // The same links again: nothing of them is kept but the key.
  assert.equal((await saved(page, "CSV of the links")).replace("\ufeff", "").trim(), lines.join("\r\n"));
  await page.getByText("All coupons are released.").first().waitFor();
  await look(page, "console-handout");
});

let bo;

test("numbers change while one looks: a poster's coupon and a link's are claimed", async () => {
  const { page } = ana;
  await page.getByRole("link", { name: "Live" }).click();
  const claimed = page.locator("[data-numbers] dd").first();
  await claimed.waitFor();
  assert.equal(await claimed.innerText(), "0");
  bo = await device();
  await claim(bo.page, `${base}/p/1`);
  await page.locator("[data-numbers]").getByText("1 of 20").waitFor();
  const cy = await device();
  await claim(cy.page, links[0]);
  await page.locator("[data-numbers]").getByText("2 of 20").waitFor();
  await page.locator("[data-as-of]").waitFor();
  await page.locator("[data-verified]").waitFor();
  await page.getByRole("listitem").filter({ hasText: "Claimed" }).first().waitFor();
  await look(page, "console-campaign");
  await walk(page, "console-campaign");
  assert.notEqual(await page.title(), "planted");
  assert.equal(await page.locator("main img").count(), 0);
});

let till;

test("a till is paired by a code, after both have shown the same key", async () => {
  const { page } = ana;
  await section(page, "Tills");
  await page.getByRole("link", { name: "Add till" }).click();
  await look(page, "console-till-add");
  await page.getByRole("button", { name: "Show code" }).click();
  await page.getByText("Please fill this in.").waitFor();
  await page.getByLabel("Name of the till").fill("Counter 7");
  await page.getByRole("button", { name: "Show code" }).click();
  const offer = await readCode(page);
  await look(page, "console-till-offer");
  till = await device();
  await till.page.goto(offer);
  const shown = await till.page.locator("[data-fingerprint]").innerText();
  await page.getByRole("heading", { name: "The till “Counter 7” has answered" }).waitFor();
  assert.equal(await page.locator("[data-fingerprint]").innerText(), shown);
  await look(page, "console-till-approve");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByRole("link", { name: "Counter 7" }).waitFor();
  await till.page.getByRole("button", { name: "Without" }).click();
  await till.page.getByRole("heading", { name: "Scan the customer’s code" }).waitFor();
  await look(page, "console-tills");
  await walk(page, "console-tills");
});

test("the day shows what the till took; a redemption is undone by a new entry, and the sums are recounted", async () => {
  const { page } = ana;
  await section(page, "Day");
  await page.getByRole("heading", { name: "Nothing was taken on this day" }).waitFor();
  await look(page, "console-day-empty");
  await bo.page.getByRole("link", { name: "Show code" }).click();
  await wedge(till.page, await readCode(bo.page));
  await bill(till.page, 455);
  assert.match(await result(till.page, "accepted"), /€4\.55/);
  await page.getByRole("row", { name: /Total EUR 1 €4\.55 0 €0\.00 €4\.55/ }).waitFor();
  await page.getByRole("button", { name: /^Undo/ }).click();
  await page.getByText("This console needs a manager’s key for undo, once").waitFor();
  await page.getByRole("button", { name: "Make the key and undo" }).click();
  await page.getByRole("row", { name: /Total EUR 1 €4\.55 1 €4\.55 €0\.00/ }).waitFor();
  const file = await saved(page, "CSV of the day");
  assert.match(file, /^\ufeffdate,till,till key,campaign,/);
  const [, height, root] = /,(\d+),[^,]+Z,([0-9a-f]{64}),2,DEV Bakery,/.exec(file) ?? [];
  const block = await (await fetch(`${base}/v1/blocks/${height}`)).json();
  assert.equal(root, block.state_root);
  assert.match(file, /,Counter 7,scriptill1\w+,1,.*,EUR,1,4\.55,4\.55,1,4\.55,4\.55,/);
  const each = await saved(page, "CSV of every redemption");
  assert.equal(each.trim().split("\r\n").length, 1 + 2);
  assert.match(each, /,Counter 7,1,1,0,redemption\.voided,EUR,4\.55,4\.55,/);
  await page.getByText("4,50", { exact: true }).click();
  assert.match(await saved(page, "CSV of the day"), /;Counter 7;scriptill1\w+;1;.*;EUR;1;4,55;4,55;1;4,55;4,55;/);
  await page.getByText("4.50", { exact: true }).click();
  await page.getByRole("button", { name: "Recount in this browser" }).click();
  await page.getByText("It holds: 2 redemptions and corrections proven, the sums are theirs.").waitFor();
  await look(page, "console-day");
  await walk(page, "console-day");
});

test("a total that a node has falsified does not survive the recount", async () => {
  const { page } = ana;
  await page.route("**/v1/members/2/totals*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const x of body.items) x.value = String(BigInt(x.value) + 100n);
    await route.fulfill({ response: answer, json: body });
  });
  await page.reload();
  await page.getByRole("button", { name: "Recount in this browser" }).click();
  await page.getByText("It does not hold").waitFor();
  assert.equal(await page.locator("[data-verified]").count(), 0);
  await page.unroute("**/v1/members/2/totals*");
});

test("a revoked till takes nothing more", async () => {
  const { page } = ana;
  await section(page, "Tills");
  await page.getByRole("button", { name: "Revoke: Counter 7" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("row", { name: /Counter 7.*revoked/ }).waitFor();
  await till.page.reload();
  await till.page.getByText("This till has been revoked").waitFor();
});

test("a campaign is paused, goes on, and is closed for ever; others can see it only", async () => {
  const { page } = ana;
  await page.goto(`${base}/console/#/campaign/1`);
  await page.getByRole("button", { name: "Pause claims" }).click();
  await page.locator('[data-standing="PAUSED"]').waitFor();
  await page.getByRole("button", { name: "Let claims go on" }).click();
  await page.locator('[data-standing="PUBLISHED"]').waitFor();
  await page.getByRole("button", { name: "Close for ever" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(planted);
  await page.getByRole("dialog").getByRole("button", { name: "Close for ever" }).click();
  await page.locator('[data-standing="CLOSED"]').waitFor();
  assert.equal(await page.getByRole("button", { name: "Close for ever" }).count(), 0);
  const ben = await signIn("bookshop", 3);
  await ben.page.goto(`${base}/console/#/campaign/1`);
  await ben.page.getByText("This campaign belongs to DEV Bakery.").waitFor();
  assert.equal(await ben.page.getByRole("button", { name: /Pause|Close|on$/ }).count(), 0);
});

test("the developers' commands work as they stand, and events come by", async () => {
  const { page } = ana;
  await section(page, "Developers");
  await page.getByRole("heading", { name: "Developers" }).waitFor();
  await look(page, "console-developers");
  await walk(page, "console-developers");
  await page.getByRole("button", { name: "Send a test event" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Send it" }).click();
  await page.locator("summary").filter({ hasText: "Till added" }).waitFor();
  await page.locator("summary").filter({ hasText: "Till revoked" }).waitFor();
  await page.getByRole("button", { name: "Redemptions", exact: true }).click();
  await page.getByText("Waiting for the next event.").waitFor();
  // Each command is run as it is copied; streams are cut off after their first event.
  const commands = (await page.locator("code").allInnerTexts()).filter((x) => x.startsWith("curl "));
  assert.equal(commands.length, 7);
  for (const command of commands) {
    const lasts = command.startsWith("curl -N");
    const run = await shell(
      lasts ? `${command} -sS --max-time 5 | sed -n '/^data: /{p;q}'` : `${command} -sS --fail-with-body`,
    );
    assert.equal(run.code, 0, `${command}: ${run.text}`);
    JSON.parse(run.text.replace(/^data: /, ""));
  }
  // The sample has the form of what the stream gives.
  const stream = await shell(
    `curl -sSN --max-time 5 '${base}/v1/events?from=0&type=redemption.accrued' | sed -n '/^data: /{p;q}'`,
  );
  const shape = (x) =>
    x && typeof x === "object"
      ? Object.entries(x)
          .sort()
          .map(([k, v]) => [k, shape(v)])
      : typeof x;
  const sample = JSON.parse(await page.getByRole("group", { name: "A sample event" }).innerText());
  assert.deepEqual(shape(sample), shape(JSON.parse(stream.text.replace(/^data: /, ""))));
});

test("without a network it says so, and goes on by itself", async () => {
  const { page } = ana;
  await page.goto(`${base}/console/`);
  await page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
  await page.route("**/v1/**", (route) => route.abort());
  await section(page, "Tills");
  await page.getByText("The network is waiting").first().waitFor();
  await look(page, "console-away");
  await page.unroute("**/v1/**");
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.getByRole("link", { name: "Counter 7" }).waitFor();
});

test("in Chinese, and signed out", async () => {
  const d = await signIn("bakery", 2, { locale: "zh-CN" });
  await d.page.getByRole("link", { name: "新建活动" }).waitFor();
  await look(d.page, "console-zh");
  await d.page.getByRole("link", { name: "日结" }).click();
  await d.page.getByRole("heading", { name: /日结/ }).waitFor();
  await d.page.getByRole("button", { name: "退出" }).click();
  await d.page.getByRole("dialog").getByRole("button", { name: "退出" }).click();
  await d.page.getByRole("heading", { name: "用成员密钥登录" }).waitFor();
  await d.page.reload();
  await d.page.getByRole("heading", { name: "用成员密钥登录" }).waitFor();
  for (const x of [ana, bo, till, d])
    assert.deepEqual(
      x.faults.filter((f) => !/CORS policy|Failed to fetch/.test(f)),
      [],
    );
});
