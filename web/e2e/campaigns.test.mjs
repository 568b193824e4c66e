// Many campaigns: found, sorted and duplicated in the console, and campaigns that begin later, from the editor to the
// wallet and the till.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { bill, claim, openTill, readCode, result, wedge } from "./faces.mjs";
import { look, walk } from "./looks.mjs";
import { publish, tickets } from "./network.mjs";
import { coffee, stage } from "./stage.mjs";

const dayMs = 86_400_000;
const scene = stage([], { options: { bypassCSP: true, acceptDownloads: true } });
const many = 320;
let ana;

/** bakery is the page of the baker's console. */
async function bakery() {
  if (ana) return ana.page;
  ana = await scene.device();
  await ana.page.goto(`${scene.base}/console/#k=${await scene.network.seed("bakery")}&m=2`);
  await ana.page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
  return ana.page;
}

const campaigns = async (query = "") => (await (await fetch(`${scene.base}/v1/campaigns?${query}`)).json()).items;
/** dayText is a day as date fields have it, so many days from today in the device's zone. */
const dayText = (days) =>
  new Date(Date.now() + days * dayMs).toLocaleDateString("sv-SE", { timeZone: "Europe/Berlin" });
/** dayShown is that day as the faces write it. */
const dayShown = (days) =>
  new Date(Date.now() + days * dayMs).toLocaleDateString("en-GB", { dateStyle: "medium", timeZone: "Europe/Berlin" });

/** open confirms what the editor holds. */
async function open(page, title) {
  await page.getByRole("button", { name: "Open campaign" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill(title);
  await dialog.getByRole("button", { name: "Open campaign" }).click();
  await page.getByRole("heading", { name: `Hand out: ${title}` }).waitFor();
}

test("a campaign that begins later says so in the console, the wallet and at the till", async () => {
  const page = await bakery();
  await page.getByRole("link", { name: /Free coffee/ }).click();
  await page.getByLabel("Title").fill("Advent coffee");
  await page.getByLabel("Can be claimed from").fill("2099-01-01");
  await page.getByRole("button", { name: "Open campaign" }).click();
  await page.getByText("It begins behind its end.").waitFor();
  await page.getByLabel("Can be claimed from").fill(dayText(3));
  await page
    .getByText(`from ${dayShown(3)}`)
    .first()
    .waitFor();
  await look(page, "console-editor-later");
  await open(page, "Advent coffee");
  const [{ id, terms }] = await campaigns("issuer=2");
  const start = new Date(terms.claim_from.time ?? Number(terms.claim_from.ms));
  const told = start.toLocaleString("sv-SE", { timeZone: "Europe/Berlin" });
  assert.equal(told, `${dayText(3)} 00:00:00`);
  assert.equal(terms.redeem_from.ms, terms.claim_from.ms);
  await page.goto(`${scene.base}/console/#/campaign/${id}`);
  await page.getByText(`Claiming begins on ${dayShown(3)}.`).waitFor();
  await look(page, "console-campaign-later");

  const cy = await scene.device();
  const [link] = await tickets(scene.network, id, 1, "bakery");
  await cy.page.goto(link);
  await cy.page.getByText(`Claiming begins on ${dayShown(3)}.`).waitFor();
  assert.equal(await cy.page.getByRole("button", { name: "Claim" }).count(), 0);

  // Claimed at once, and used later.
  const flags = coffee({ title: "Early bird" }).flags;
  const early = await publish(scene.network, [...flags, "--redeem-from", dayText(2)], "mall");
  const [bird] = await tickets(scene.network, early, 1, "mall");
  await claim(cy.page, bird);
  await cy.page.goto(`${scene.base}/wallet/`);
  await cy.page.getByText(`from ${dayShown(2)}`).waitFor();
  await look(cy.page, "wallet-early");
  const till = await scene.device();
  await openTill(till.page, scene.base, await scene.network.seed("bakery-till"));
  await till.page.getByRole("button", { name: "Customer scans the till" }).click();
  await bill(till.page, 900);
  await cy.page.goto(await readCode(till.page));
  await cy.page
    .getByText(new RegExp(dayShown(2)))
    .first()
    .waitFor();
  assert.equal(await cy.page.getByRole("button", { name: /^Use it/ }).count(), 0);
  await till.context.close();
  await cy.context.close();
});

test("a campaign is duplicated with all its settings, and nothing is opened before it is confirmed", async () => {
  const page = await bakery();
  const flags = coffee({ title: "Happy hour" }).flags;
  flags.splice(flags.indexOf("--issuer"), 2, "--issuer", "2");
  flags.push("--life", "10d", "--transfer", "trade", "--resale-max", "50%", "--shops", "3", "--holder-cap", "2");
  const first = await publish(scene.network, flags, "bakery");
  const before = (await campaigns()).length;
  await page.goto(`${scene.base}/console/#/new/PERCENT`); // a draft that would be lost
  await page.getByLabel("Percent").waitFor();
  await page.goto(`${scene.base}/console/#/campaign/${first}`);
  await page.getByRole("button", { name: "Duplicate" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The draft “20 % off” on this device would be dropped.").waitFor();
  await dialog.getByRole("button", { name: "Duplicate" }).click();
  await page.getByText(`Made from campaign ${first}`).waitFor();
  assert.equal(await page.getByLabel("Title").inputValue(), "Happy hour (copy)");
  await page.getByText("A coupon is good for 10 days from its claim.").waitFor();
  await look(page, "console-duplicate");
  assert.equal((await campaigns()).length, before, "nothing is opened yet");
  await open(page, "Happy hour (copy)");
  const [copy] = await campaigns("issuer=2&newest=true");
  const { terms: old } = await (await fetch(`${scene.base}/v1/campaigns/${first}`)).json();
  const rest = ({ title, claim_from, claim_until, redeem_from, redeem_until, ...more }) => more;
  assert.deepEqual(rest(copy.terms), rest(old));
});

test("what is refused at the door stays in sight with the reason, whichever page one has gone to", async () => {
  const page = await bakery();
  const [{ id }] = await campaigns("issuer=2");
  await page.goto(`${scene.base}/console/#/campaign/${id}`);
  await page.getByRole("button", { name: "Close for ever" }).click();
  await scene.network.cli("campaign", "close", String(id), "--sign", "bakery", "--yes");
  let letGo;
  const held = new Promise((resolve) => {
    letGo = resolve;
  });
  await page.route("**/v1/transactions*", async (route) => {
    if (route.request().method() === "POST") await held;
    await route.continue();
  });
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("Advent coffee");
  await dialog.getByRole("button", { name: "Close for ever" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.goto(`${scene.base}/console/#/tills`);
  await page.getByRole("heading", { name: "Tills" }).waitFor();
  letGo();
  const row = page.locator("[data-refused]");
  await row.getByRole("heading", { name: "Refused: Close for ever: Advent coffee" }).waitFor();
  await look(page, "console-refused");
  await page.reload();
  await row.getByText(/E\d{3}/).waitFor();
  await row.getByRole("button", { name: "I have read it" }).click();
  await row.waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("heading", { name: "Tills" }).waitFor();
  assert.equal(await row.count(), 0);
  await page.unroute("**/v1/transactions*");
});

test("how it goes over time stands in a picture, a table and a file, and a node that exaggerates is found out", async () => {
  const page = await bakery();
  await page.goto(`${scene.base}/console/#/course`);
  await page.getByRole("heading", { name: "Nothing happened in this time" }).waitFor();
  await look(page, "console-course-empty");
  const flags = coffee({ title: "Rolls" }).flags;
  flags.splice(flags.indexOf("--issuer"), 2, "--issuer", "2");
  const id = await publish(scene.network, flags, "bakery");
  const links = await tickets(scene.network, id, 3, "bakery");
  const till = await scene.device();
  await openTill(till.page, scene.base, await scene.network.seed("bakery-till"));
  for (const [i, link] of links.entries()) {
    const { context, code } = await scene.holder(link);
    if (i === 0) {
      await wedge(till.page, code);
      await bill(till.page, 700);
      await result(till.page, "accepted");
    }
    await context.close();
  }
  await till.context.close();
  await page.goto(`${scene.base}/console/#/campaign/${id}`);
  await page.getByRole("main").getByRole("link", { name: "Over time" }).click();
  await page.getByText("Claimed in this time: 3 of 3 in all. Redeemed: 1 of 1.").waitFor();
  await page.locator("[data-verified]").waitFor();
  await page.getByRole("img", { name: /^Claimed: 3 in all; most in one part: 3, / }).waitFor();
  await page.getByRole("button", { name: "To pay" }).click();
  await page.getByRole("img", { name: /^To pay: €4\.50 in all/ }).waitFor();
  const table = page.getByRole("region", { name: /^As a table/ });
  await table.getByRole("row", { name: / 3 1 0 €4\.50$/ }).waitFor();
  await look(page, "console-course-days");
  await page.getByRole("button", { name: "Today" }).click();
  await page.getByRole("button", { name: "By hour" }).and(page.locator("[aria-pressed=true]")).waitFor();
  await table.getByRole("row", { name: /:00 .* €4\.50$/ }).waitFor();
  await look(page, "console-course-hours");
  await walk(page, "console-course");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV" }).click(),
  ]);
  const lines = (await readFile(await download.path(), "utf8")).replace("\ufeff", "").trim().split("\r\n");
  assert.match(lines.join("\n"), new RegExp(`,${id},Rolls,EUR,3,1,0,4\\.50,0\\.00,`));
  await page.getByRole("combobox", { name: "Campaign" }).selectOption({ label: "All my campaigns" });
  await page.getByText("These sums are one node’s word.").waitFor();
  await page.getByLabel("From").fill("2020-01-01");
  await page.getByText("Not a range of 1 to 366 days.").waitFor();

  await page.route("**/v1/members/2/course*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const x of body.items) x.claims = "4";
    await route.fulfill({ response: answer, json: body });
  });
  await page.goto(`${scene.base}/console/#/course/${id}`);
  await page.getByText("More than the campaign’s proven counters say").waitFor();
  assert.equal(await page.locator("[data-verified]").count(), 0);
  await page.unroute("**/v1/members/2/course*");
});

/** crowd answers the list of campaigns as a node would that has very many of this member's. */
async function crowd(page) {
  const [real] = await campaigns("issuer=2");
  const status = (i) => ["PUBLISHED", "PAUSED", "ENDED"][i % 16 === 1 ? 1 : i % 16 === 2 ? 2 : 0];
  const made = Array.from({ length: many }, (_, i) => {
    const from = { ...real.terms.claim_from, ms: "0" };
    const until = { ...real.terms.redeem_until, ms: String(Date.now() + (many - i) * dayMs) };
    const title = i === 17 ? "Brötchen, the very old" : `Week ${i + 1} rolls`;
    return {
      ...real,
      id: i + 1,
      status: status(i),
      redemptions: (i * 7) % 100,
      voids: 0,
      terms: { ...real.terms, title, claim_from: from, redeem_from: from, redeem_until: until },
    };
  }).reverse();
  const asked = [];
  await page.route("**/v1/campaigns?*", async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const answer = await route.fetch();
    const body = await answer.json();
    if (query.get("issuer") !== "2") return route.fulfill({ response: answer, json: { ...body, items: [] } });
    const begin = Number((query.get("cursor") ?? "at0").slice(2));
    const end = begin + Number(query.get("limit"));
    asked.push(query.get("limit"));
    const next = end < many ? { next_cursor: `at${end}` } : { next_cursor: undefined };
    return route.fulfill({ response: answer, json: { ...body, items: made.slice(begin, end), ...next } });
  });
  // The node knows no such cursors.
  await page.route(/\/v1\/campaigns\?.*cursor=at/, async (route) => {
    const url = new URL(route.request().url());
    const begin = Number(url.searchParams.get("cursor").slice(2));
    const end = begin + Number(url.searchParams.get("limit"));
    asked.push(url.searchParams.get("limit"));
    const page0 = await (await fetch(`${scene.base}/v1/campaigns?limit=1`)).json();
    const next = end < many ? { next_cursor: `at${end}` } : { next_cursor: undefined };
    return route.fulfill({ json: { ...page0, items: made.slice(begin, end), ...next } });
  });
  return asked;
}

test("one of several hundred campaigns is found by words, sorted and by its state, with the keyboard alone", async () => {
  const page = await bakery();
  const asked = await crowd(page);
  await page.goto(`${scene.base}/console/#/tills`);
  await page.goto(`${scene.base}/console/#/`);
  const rows = page.getByRole("region", { name: "Campaigns" }).getByRole("row");
  const first = () => rows.nth(1).getByRole("link").innerText();
  await page.locator('[data-shown="25"]').waitFor();
  assert.ok(
    asked.every((n) => Number(n) <= 25),
    "the beginning of the list is enough at first",
  );
  await page.getByRole("button", { name: "Show more" }).click();
  await page.locator('[data-shown="75"]').waitFor();

  await page.getByRole("searchbox", { name: "Find by title or number" }).focus();
  await page.keyboard.type("BRÖTCHEN old");
  await page.getByText("1 campaign fits.").waitFor();
  assert.equal(await first(), "Brötchen, the very old");
  assert.equal(await rows.count(), 2);
  await look(page, "console-campaigns-found");
  await page.keyboard.press("Tab");
  await page.getByRole("combobox", { name: "Sorted by" }).and(page.locator(":focus")).waitFor();
  await page.getByRole("searchbox").fill("#300");
  await page.locator('[data-found="1"]').waitFor();
  await page.getByRole("searchbox").fill("");

  await page.getByRole("combobox", { name: "Sorted by" }).selectOption("Ending next");
  await page.locator(`[data-found="${many}"]`).waitFor();
  assert.equal(await first(), `Week ${many} rolls`);
  await page.getByRole("combobox", { name: "Sorted by" }).selectOption("Most redeemed");
  await page.waitForFunction(() => document.querySelector("tbody tr td:last-child").textContent === "99");
  await page.getByRole("combobox", { name: "Sorted by" }).selectOption("Title");
  await page.waitForFunction(() => document.querySelector("tbody tr a").textContent.startsWith("Brötchen"));
  await page.getByRole("button", { name: "Paused" }).press("Enter");
  await page.locator(`[data-found="${many / 16}"]`).waitFor();
  await look(page, "console-campaigns");
  await walk(page, "console-campaigns");
  assert.ok(asked.length <= 40, `${asked.length} questions`);

  // What was chosen stands there still after a look at one of them.
  await page.goto(`${scene.base}/console/#/campaign/1`);
  await page.locator("[data-numbers]").waitFor();
  await page.goBack();
  await page.locator(`[data-found="${many / 16}"]`).waitFor();

  await page.getByRole("searchbox").fill("no such thing");
  await page.getByRole("heading", { name: "No campaign fits" }).waitFor();
  await look(page, "console-campaigns-none");
  await page.getByRole("button", { name: "Show all" }).click();
  await page.locator("[data-shown]").first().waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "");
  assert.deepEqual(scene.faults.flat(), []);
});
