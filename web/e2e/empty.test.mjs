// What each list of the four faces shows while there is nothing in it: why, and what brings something.
// The ledger is a new one, with one campaign of which nobody has claimed a coupon.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openTill, readCode } from "./faces.mjs";
import { checkAxe, checkWidth } from "./looks.mjs";
import { answering } from "./places.mjs";
import { coffee, stage } from "./stage.mjs";

const scene = stage([{ ...coffee(), count: 1 }], { options: { bypassCSP: true } });
const url = (path) => scene.network.nodes[0] + path;

/** empty asserts the words of a page on which nothing is, and that what they lead to is there. */
async function empty(page, name, words, act) {
  for (const text of words) await page.getByText(text).first().waitFor();
  if (act) await page.getByRole("main").getByRole(act.role, { name: act.name }).first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".loading").length === 0, undefined);
  assert.equal(await page.locator("[role=alert]").count(), 0, `${name}: nothing is wrong`);
  await checkAxe(page, `${name}, empty`);
  await checkWidth(page, 320, name);
  await page.setViewportSize({ width: 390, height: 844 });
}

/** listed answers a list as a ledger would that has these items and no others. */
const listed = (path, items) => [
  path,
  async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), items, next_cursor: undefined } });
  },
];

test("the explorer's lists", async () => {
  const { page, faults } = await scene.device();
  const { items: blocks } = await (await fetch(url("/v1/blocks?limit=50"))).json();
  const quiet = blocks.find((b) => b.tx_count === 0) ?? { height: "0" };
  const pages = [
    [`/block/${quiet.height}`, ["Nothing happened in this block", "Empty blocks keep the ledger’s clock going."]],
    ["/campaign/1", ["Nobody has claimed one yet"]],
    ["/member/4", ["It has opened no campaign", "It has no tills", "Nothing is owed to it"]],
    ["/holder/x", ["This key holds no usable coupon", "Wallets use a new key for each coupon"]],
    ["/search/no such thing", ["Nothing on this ledger is called “no such thing”", "Tried: heights"]],
    ["/", ["Nothing since you came here."]],
  ];
  for (const [path, words] of pages) {
    await page.goto(url(`/explorer/#${path}`));
    await empty(page, path, words);
  }
  // Before the first campaign, and before the first block.
  await page.route(...listed("**/v1/campaigns?*", []));
  await page.goto(url("/explorer/#/campaigns"));
  await empty(page, "/campaigns", ["No campaign has been opened", "Campaigns are numbered from 1"]);
  await page.route(...listed("**/v1/activity?*", []));
  await page.goto(url("/explorer/#/time"));
  await empty(page, "/time", ["Nothing was counted in this range", "A node counts from its first block on"]);
  const [newest] = (await (await fetch(url("/v1/blocks?limit=1"))).json()).items; // an older one is a slow network
  const genesis = { ...newest, height: "0", tx_count: 0 };
  await page.route(...listed("**/v1/blocks?*", [genesis]));
  await page.goto(url("/explorer/#/"));
  await empty(page, "the first block", [
    "Block 0: waiting for the first coupon",
    "Blocks come even while nothing happens",
  ]);
  assert.deepEqual(faults, []);
});

test("the console's lists", async () => {
  const { page, faults } = await scene.device();
  await page.goto(url(`/console/#k=${await scene.network.seed("bookshop")}&m=3`));
  const templates = { role: "link", name: /Free coffee/ };
  await empty(page, "/", ["Your first campaign", "Choose a template"], templates);
  const go = async (path, words, act) => {
    await page.goto(url(`/console/#${path}`));
    await empty(page, path, words, act);
  };
  await go("/day", ["Nothing was taken on this day", "Nothing is owed to you yet"]);
  await go("/developers", ["Waiting for the next event."], { role: "button", name: "Send a test event" });
  await page.route(...listed("**/v1/tills?*", []));
  await go("/tills", ["No till yet", "becomes a till by a code"], { role: "link", name: "Add till" });

  const mall = await scene.device();
  await mall.page.goto(url(`/console/#k=${await scene.network.seed("mall")}&m=1`));
  await empty(mall.page, "the mall's campaigns", ["Free coffee"], { role: "link", name: "New campaign" });
  for (const path of ["/tills", "/tills/add", "/day"]) {
    await mall.page.goto(url(`/console/#${path}`));
    await empty(mall.page, `the mall's ${path}`, ["This member is no merchant", "Only merchants have tills."]);
  }
  await mall.page.goto(url("/console/#/campaign/1"));
  await empty(mall.page, "a new campaign", ["Nothing since you came here."], { role: "link", name: "Hand out" });
  await mall.page.goto(url("/console/#/campaign/77"));
  await empty(mall.page, "no campaign", ["There is no campaign 77"], { role: "link", name: "Campaigns" });
  assert.deepEqual([...faults, ...mall.faults], []);
});

test("the wallet's lists", async () => {
  const { page, faults } = await scene.device();
  await page.goto(url("/wallet/"));
  const scan = { role: "link", name: "Scan a code" };
  await empty(page, "wallet", ["No coupons yet", "Scan a poster or open a link"], scan);
  await page.goto(url("/wallet/#/coupon/4294967999"));
  await empty(page, "no coupon", ["This coupon is not in this wallet."], { role: "link", name: "Back to my coupons" });
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  await empty(till.page, "till", ["Nothing yet today"], { role: "button", name: "Customer scans the till" });
  await till.page.getByRole("button", { name: "Customer scans the till" }).click();
  await till.page.getByRole("button", { name: "9", exact: true }).click();
  await till.page.getByRole("button", { name: "OK" }).click();
  await page.goto(await readCode(till.page));
  const back = { role: "button", name: "Back to my coupons" };
  await empty(page, "no coupon for a bill", ["No coupon of yours works for this bill."], back);
  // Words under which there is nothing: it is looked for, and not before that said to be none.
  const d = await answering(scene);
  await d.page.goto(url("/wallet/#/restore"));
  const words = `${"abandon ".repeat(11)}about`;
  await d.page.getByLabel("The words").fill(words);
  d.answer("late");
  await d.page.getByRole("button", { name: "Bring them back" }).click();
  await d.page.getByText("Looking for coupons").waitFor();
  assert.equal(await d.page.getByText("No coupons yet").count(), 0);
  d.answer("well");
  await empty(d.page, "wallet, brought back", ["No coupons yet"], scan);
  assert.deepEqual([...faults, ...till.faults, ...d.faults], []);
});
