// The explorer in a real browser over four real validators with a story on them: it
// finds anything, says it in plain words, proves it here, and does not survive a lie.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, profile } from "./browser.mjs";
import { look, walk } from "./looks.mjs";
import { publish, startNetwork } from "./network.mjs";

const planted = `<img src=x onerror="document.title='planted'">`;
let browser, network, base, visitor, evil;

const json = async (path) => (await fetch(base + path)).json();

before(async () => {
  network = await startNetwork();
  base = network.nodes[0];
  browser = await launch();
  evil = await publish(
    network,
    [
      "--title",
      planted,
      "--issuer",
      "3",
      "--kind",
      "amount",
      "--face",
      "5.00",
      "--supply",
      "10",
      "--redeem-until",
      "+30d",
      "--shops",
      "3",
      "--terms",
      planted,
    ],
    "bookshop",
  );
  visitor = await device();
});

after(async () => {
  await browser?.close();
  await network?.stop();
});

async function device(options) {
  const d = await profile(browser, { bypassCSP: true, ...options });
  return { ...d, page: await d.context.newPage() };
}

async function open(page, path) {
  await page.goto(`${base}/explorer/#${path}`);
  await page.getByRole("heading", { level: 1 }).first().waitFor();
}

/** check proves the page in the browser and returns the steps that held. */
async function check(page) {
  await page.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("It holds.").waitFor();
  assert.ok(Number(await page.locator(".check-panel [data-verified]").getAttribute("data-verified")) >= 2);
  return page.locator("[data-step]").evaluateAll((all) => all.map((e) => e.dataset.step));
}

test("the first page tells whether the network is well, and its picture is a table as well", async () => {
  const { page } = visitor;
  await open(page, "/");
  await page.getByText("The network is well.").waitFor();
  await page.getByText("4 / 4").waitFor();
  const height = async () => Number(await page.locator("[data-as-of]").getAttribute("data-as-of"));
  const before = await height();
  await page.waitForFunction((h) => Number(document.querySelector("[data-as-of]").dataset.asOf) > h, before);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused at block").waitFor();
  await page.getByText("As a table").click();
  await page.getByRole("table").first().waitFor();
  await look(page, "explorer-now");
  await walk(page, "explorer-now");
  await page.getByRole("button", { name: "Go on" }).click();
  assert.deepEqual(await check(page), ["chain", "signed", "headers", "same"]);
  await page.getByText("11 of 11 blocks checked").waitFor();
});

test("how it goes over time is counted by hour and day, as pictures and as tables", async () => {
  const { page } = visitor;
  const { items } = await json("/v1/activity?limit=3000");
  const redemptions = items.reduce((n, q) => n + q.redemptions, 0);
  assert.ok(redemptions > 0, "the story has redemptions");
  await open(page, "/time");
  for (const range of ["24 hours", "7 days", "30 days", "90 days"]) {
    await page.getByRole("button", { name: range }).click();
    const part = page.getByRole("region", { name: "Redemptions", exact: true }).first();
    await part.getByRole("img", { name: range.length > 7 || range[0] === "7" ? /by hour/ : /by day/ }).waitFor();
    await part.getByText("As a table").click();
    const counted = part.getByRole("row").filter({ hasNot: page.getByRole("columnheader") });
    await counted.first().waitFor();
    const told = await counted.evaluateAll((rows) => rows.map((r) => Number(r.children[1].textContent)));
    assert.equal(
      told.reduce((a, b) => a + b, 0),
      redemptions,
      range,
    );
    await part.getByText("As a table").click();
  }
  await page.getByRole("heading", { name: "Time to final" }).waitFor();
  await look(page, "explorer-time");
  await walk(page, "explorer-time");
});

test("an event is shown where no stream of events gets through", async () => {
  const d = await device();
  await d.page.route("**/v1/events*", () => undefined);
  await open(d.page, "/");
  await d.page.getByText("Nothing since you came here.").waitFor();
  await network.cli("campaign", "pause", "4", "--sign", "mall");
  await d.page.getByRole("link", { name: "Campaign paused" }).waitFor();
  await network.cli("campaign", "resume", "4", "--sign", "mall");
  await d.context.close();
});

test("an event is shown while one looks", async () => {
  const { page } = visitor;
  await open(page, "/");
  await page.getByText("Nothing since you came here.").waitFor();
  await network.cli("campaign", "pause", "1", "--sign", "bakery");
  await page.getByRole("link", { name: "Campaign paused" }).waitFor();
  await network.cli("campaign", "resume", "1", "--sign", "bakery");
  await page.getByRole("link", { name: "Campaign goes on" }).waitFor();
});

test("each kind of page is in plain words, has its address, and is proven here step by step", async () => {
  const { page } = visitor;
  const { items } = await json("/v1/campaigns/1/coupons?limit=50");
  const used = items.find((c) => c.status === "REDEEMED");
  const { items: life } = await json(`/v1/coupons/${used.id}/history`);
  const redeemed = life.find((s) => s.type === "redemption.accrued");
  const { items: tills } = await json("/v1/tills?member=2");
  const pages = [
    [
      "campaign",
      "/campaign/1",
      "Campaign 1: Free coffee",
      ["chain", "asked", "signed", "rowPath", "time", "rows", "same"],
    ],
    ["coupon", `/coupon/${used.id}`, "Coupon 1-", ["chain", "asked", "signed", "rowPath", "time", "same"]],
    ["tx", `/tx/${redeemed.tx}`, "Transaction", ["chain", "asked", "signed", "path", "time", "same"]],
    ["block", `/block/${redeemed.height}`, "Block", ["chain", "asked", "signed", "content", "root", "time", "same"]],
    ["member", "/member/2", "DEV Bakery", ["chain", "asked", "signed", "rowPath", "time", "rows", "same"]],
    ["till", `/till/${tills[0].key}`, "DEV Bakery", ["chain", "asked", "signed", "rowPath", "time", "same"]],
  ];
  for (const [name, path, title, steps] of pages) {
    await open(page, path);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    assert.deepEqual(await check(page), steps, name);
    await look(page, `explorer-${name}`);
    await walk(page, `explorer-${name}`);
    // The address of a page opens it anew, also as a path.
    await page.goto(`${base}/explorer${path}`);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  }
  await open(page, `/coupon/${used.id}`);
  await page.getByText(/Redeemed: €\d+\.\d\d at DEV Bakery/).waitFor();
  await page.getByText("The bill stays sealed").waitFor();
  // What a redemption took is not what its code allowed.
  await open(page, `/tx/${redeemed.tx}`);
  const minor = redeemed.effect.value.padStart(3, "0");
  const value = `€${minor.slice(0, -2)}.${minor.slice(-2)}`;
  assert.equal(
    await page.getByText("Taken", { exact: true }).locator("xpath=following-sibling::dd").first().innerText(),
    value,
  );
  const lines = ["chain", "signed", "rows", "same"];
  for (const [name, path, steps] of [
    ["blocks", "/blocks", ["chain", "signed", "headers", "same"]],
    ["campaigns", "/campaigns", lines],
    ["members", "/members", lines],
    ["holder", `/holder/${items.find((c) => c.status === "HELD").owner}`, lines],
    ["validators", "/validators", ["chain", "committee", "signed", "time", "same"]],
  ]) {
    await open(page, path);
    await page.getByRole("table").first().waitFor();
    assert.deepEqual(await check(page), steps, name);
    await look(page, `explorer-${name}`);
    await walk(page, `explorer-${name}`);
  }
});

test("the search finds whatever is pasted", async () => {
  const { page } = visitor;
  const block = await json("/v1/blocks/5");
  const { items: campaigns } = await json("/v1/campaigns?limit=1");
  const { items: coupons } = await json("/v1/campaigns/1/coupons?limit=1");
  const { items: life } = await json(`/v1/coupons/${coupons[0].id}/history`);
  const { items: tills } = await json("/v1/tills?member=2");
  const { items: members } = await json("/v1/members");
  const gift = /gift +anybody +(\S+)/.exec(network.text())[1];
  const wanted = [
    [block.digest, /#\/block\/5$/],
    [`0x${block.digest}`, /#\/block\/5$/],
    [life[0].tx, new RegExp(`#/tx/${life[0].tx}$`)],
    [coupons[0].id, new RegExp(`#/coupon/${coupons[0].id}$`)],
    ["1-1", /#\/coupon\/4294967297$/],
    [coupons[0].owner, /#\/holder\//],
    [tills[0].key, /#\/till\//],
    [members[1].keys[0], /#\/member\/2$/],
    [campaigns[0].terms.title.toUpperCase(), /#\/campaign\/1$/],
    ["payments", /#\/member\/4$/],
    [gift, /#\/coupon\/\d+$/],
  ];
  await open(page, "/");
  for (const [text, address] of wanted) {
    await page.getByRole("searchbox").fill(text);
    await page.keyboard.press("Enter");
    await page.waitForURL(address);
  }
  // A number may be several things: all are offered.
  await page.getByRole("searchbox").fill("2");
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByRole("link", { name: "Block 2", exact: true }).waitFor();
  await page.getByRole("link", { name: /^Campaign 2:/ }).waitFor();
  await page.getByRole("link", { name: "Member 2: DEV Bakery" }).waitFor();
  await look(page, "explorer-found");
  await page.getByRole("searchbox").fill("no such thing");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Nothing on this ledger is called “no such thing”" }).waitFor();
  await look(page, "explorer-none");
});

test("what is not there has words of its own", async () => {
  const { page } = visitor;
  for (const [path, text] of [
    ["/block/99999999", "There is no such block yet"],
    [`/tx/${"0".repeat(64)}`, "There is no such transaction"],
    ["/campaign/999", "There is no campaign 999"],
    ["/coupon/4294968295", "There is no coupon 1-999"],
    ["/member/99", "There is no member 99"],
    ["/till/x", "There is no till of this key"],
    ["/holder/x", "This key holds no usable coupon"],
    ["/nonsense", "Nothing on this ledger is called"],
    ["/block/x", "There is no such block yet"],
    ["/tx/x", "There is no such transaction"],
  ]) {
    await page.goto(`${base}/explorer/#${path}`);
    await page.getByText(text).first().waitFor();
  }
});

test("that there is none is proven as well", async () => {
  const { page } = visitor;
  for (const path of ["/campaign/999", "/coupon/4294968295", "/member/99"]) {
    await open(page, path);
    assert.deepEqual(await check(page), ["chain", "asked", "signed", "absent", "time", "same"], path);
  }
  await look(page, "explorer-absent");
  // A node that hides what is there is found out.
  await page.route("**/v1/members/2", async (route) => {
    await route.fulfill({ response: await route.fetch({ url: `${base}/v1/members/99` }) });
  });
  await open(page, "/member/2");
  await page.getByText("There is no member 2").waitFor();
  await page.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("It does not hold").waitFor();
  await page.unroute("**/v1/members/2");
});

test("a list in which one line is false does not hold", async () => {
  const { page } = visitor;
  await page.route("**/v1/members?*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    body.items[2].name = "DEV Bookshop and Sons";
    await route.fulfill({ response: answer, json: body });
  });
  await open(page, "/members");
  await page.getByText("DEV Bookshop and Sons").waitFor();
  await page.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("It does not hold").waitFor();
  await page.unroute("**/v1/members?*");
});

test("a node that lies is found out, on the row, the receipt and the page", async () => {
  const { page } = visitor;
  // The page's own number is changed, the proof is right.
  await page.route("**/v1/campaigns/1", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), issued: 4, height: "999999999" } });
  });
  await open(page, "/campaign/1");
  await page.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("It does not hold").waitFor();
  assert.equal(await page.locator(".check-panel [data-verified]").count(), 0);
  await look(page, "explorer-false");
  await page.unroute("**/v1/campaigns/1");
  // The proof is changed in one bit.
  await page.route("**/v1/state/**", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    const proof = Buffer.from(body.proof, "base64");
    proof[proof.length - 1] ^= 1;
    await route.fulfill({ response: answer, json: { ...body, proof: proof.toString("base64") } });
  });
  await open(page, "/member/2");
  await page.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("It does not hold").waitFor();
  await page.unroute("**/v1/state/**");
});

test("markup in the texts of a campaign stays text", async () => {
  const { page } = visitor;
  for (const path of ["/campaigns", `/campaign/${evil}`, "/member/3", `/search/${encodeURIComponent("onerror")}`]) {
    await page.goto(`${base}/explorer/#${path}`);
    await page.getByText("<img src=x", { exact: false }).first().waitFor();
  }
  assert.equal(await page.locator("main img").count(), 0);
  assert.notEqual(await page.title(), "planted");
});

test("a red network looks red, and the page goes on when it is back", async () => {
  const d = await device();
  await open(d.page, "/");
  await d.page.getByText("The network is well.").waitFor();
  await d.page.route("**/v1/**", (route) => route.abort());
  await d.page.route("**/livez", (route) => route.abort());
  await d.page.getByText(/nodes answer here; 3 must agree/).waitFor();
  await look(d.page, "explorer-red");
  await d.page.unroute("**/v1/**");
  await d.page.unroute("**/livez");
  await d.page.getByText("The network is well.").waitFor();
  // From the beginning without a network.
  const e = await device();
  await e.page.route("**/v1/**", (route) => route.abort());
  await e.page.goto(`${base}/explorer/`);
  await e.page.getByText("No node answers").waitFor();
  await look(e.page, "explorer-away");
  await e.page.unroute("**/v1/**");
  await e.page.getByText("The network is well.").waitFor();
});

test("each page is there within a second", async () => {
  const { page } = visitor;
  await open(page, "/campaigns");
  const slow = [];
  for (const path of ["/campaign/1", "/coupon/4294967297", "/block/5", "/member/2", "/blocks", "/"]) {
    const took = [];
    for (let i = 0; i < 3; i++) {
      await page.goto(`${base}/explorer/#/validators`);
      await page.getByRole("heading", { level: 1, name: "Validators" }).waitFor();
      const begin = Date.now();
      await page.goto(`${base}/explorer/#${path}`);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      took.push(Date.now() - begin);
    }
    slow.push([path, Math.min(...took)]);
  }
  // The machine of the test is shared: the bound that is asserted is loose, and the best of three counts.
  for (const [path, ms] of slow) assert.ok(ms < 5000, `${path} took ${ms} ms`);
});

test("in Chinese, with every check on by itself", async () => {
  const d = await device({ locale: "zh-CN" });
  await open(d.page, "/campaign/1");
  await d.page.getByText("每页自动核对").click();
  await d.page.getByText("成立。").waitFor();
  await open(d.page, "/member/2");
  await d.page.getByText("成立。").waitFor();
  await look(d.page, "explorer-zh");
  assert.equal(await d.page.evaluate(() => document.documentElement.lang), "zh-Hans");
  for (const x of [visitor, d])
    assert.deepEqual(
      x.faults.filter((f) => !/CORS policy|Failed to fetch/.test(f)),
      [],
    );
});
