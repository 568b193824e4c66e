// Every page of explorer and console over four real validators whose ledger holds very
// many coupons (COUPONS, 20,000 unless said otherwise). What a page asks for and what
// the nodes read for it must not grow with the ledger; `make web-scale` measures the time
// at a million, and SCALE_MS bounds it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launch, profile } from "./browser.mjs";
import { scrip, startNetwork } from "./network.mjs";

const run = promisify(execFile);
const coupons = Number(process.env.COUPONS ?? 20_000);
const boundMs = Number(process.env.SCALE_MS ?? 0);

// What one page may take, whatever the ledger holds.
const requestsMax = 80;
const bytesMax = 6 << 20;
const rowsMax = 1500;

let dir, network, base, browser, device, page;
const measured = [];

before(async () => {
  // A folder that is made once can be measured again and again.
  dir = process.env.CROWD ?? path.join(await mkdtemp(path.join(tmpdir(), "scrip-crowd-")), "state");
  const there = await stat(path.join(dir, "genesis.json")).catch(() => undefined);
  if (!there) await run(scrip, ["bench", "fill", dir, "--coupons", String(coupons)]);
  network = await startNetwork({ state: dir });
  base = network.nodes[0];
  browser = await launch();
  device = await profile(browser, { viewport: { width: 1280, height: 900 } });
  page = await device.context.newPage();
});

after(async () => {
  await browser?.close();
  await network?.stop();
  if (!process.env.CROWD) await rm(path.dirname(dir), { recursive: true, force: true });
  const width = Math.max(...measured.map((m) => m.name.length));
  console.log(`${"page".padEnd(width)}      ms  requests       kB    rows`);
  for (const m of measured) {
    console.log(
      m.name.padEnd(width),
      String(m.ms).padStart(7),
      String(m.requests).padStart(9),
      String(Math.ceil(m.bytes / 1024)).padStart(8),
      String(m.rows).padStart(7),
    );
  }
});

const json = async (at) => (await fetch(base + at)).json();

/** rowsRead is how many rows the lists of all nodes have looked at. */
async function rowsRead() {
  const all = await Promise.all(
    network.nodes.map(async (node) => {
      const text = await (await fetch(`${node}/metrics`)).text();
      return Number(/^scrip_api_list_rows_total (\S+)$/m.exec(text)[1]);
    }),
  );
  return all.reduce((sum, n) => sum + n, 0);
}

/** measure opens a page from nothing and waits until all of it is there. */
async function measure(name, address, ready, { rows = rowsMax } = {}) {
  await page.goto("about:blank");
  const before = await rowsRead();
  const asked = [];
  const count = (request) => {
    if (new URL(request.url()).pathname.startsWith("/v1/")) asked.push(request);
  };
  page.on("requestfinished", count);
  const begin = performance.now();
  await page.goto(base + address);
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await ready?.(page);
  await page.waitForFunction(() => !document.querySelector("main .loading"), undefined);
  const ms = Math.round(performance.now() - begin);
  page.off("requestfinished", count);
  const bytes = (
    await Promise.all(
      asked.map((r) =>
        r.sizes().then(
          (s) => s.responseBodySize,
          () => 0,
        ),
      ),
    )
  ).reduce((sum, n) => sum + n, 0);
  const m = { name, ms, requests: asked.length, bytes, rows: (await rowsRead()) - before };
  measured.push(m);
  assert.ok(m.requests <= requestsMax, `${name} asked ${m.requests} times`);
  assert.ok(m.bytes <= bytesMax, `${name} fetched ${m.bytes} bytes`);
  assert.ok(m.rows <= rows, `${name} made the nodes read ${m.rows} rows`);
  if (boundMs > 0) assert.ok(m.ms <= boundMs, `${name} took ${m.ms} ms`);
}

const shown = (n) => (p) => p.locator(`[data-shown="${n}"]`).first().waitFor();
const table = (p) => p.getByRole("table").first().waitFor();

/** fullest finds the block with the most transactions. */
async function fullest() {
  let best = { tx_count: 0 };
  for (let cursor = ""; ;) {
    const answer = await json(`/v1/blocks?limit=100${cursor}`);
    for (const b of answer.items) if (b.tx_count > best.tx_count) best = b;
    if (!answer.next_cursor) return best.height;
    cursor = `&cursor=${answer.next_cursor}`;
  }
}

test("the explorer's pages", async () => {
  const x = (at) => `/explorer/#${at}`;
  const block = await fullest();
  const {
    items: [moved],
  } = await json("/v1/campaigns/1/coupons?limit=6").then((a) => ({ items: a.items.slice(5) }));
  const {
    items: [used, other],
  } = await json("/v1/campaigns/1/coupons?limit=2");
  const {
    items: [step],
  } = await json(`/v1/coupons/${used.id}/history?limit=1`);
  const { items: tills } = await json("/v1/tills?member=2&limit=1");
  await measure("explorer now", x("/"), table);
  await measure("explorer blocks", x("/blocks"), shown(50));
  await measure("explorer block, full", x(`/block/${block}`), (p) => p.locator(".entries").first().waitFor());
  await measure("explorer transaction", x(`/tx/${step.tx}`), (p) => p.getByText("Claim a coupon").waitFor());
  await measure("explorer campaigns", x("/campaigns"), shown(50));
  await measure("explorer campaign", x("/campaign/1"), shown(50));
  await measure("explorer coupon", x(`/coupon/${used.id}`), (p) =>
    p
      .getByText(/Redeemed:/)
      .first()
      .waitFor(),
  );
  await measure("explorer coupon, long life", x(`/coupon/${moved.id}`), (p) =>
    p.getByRole("button", { name: "Later steps" }).waitFor(),
  );
  await measure("explorer members", x("/members"), shown(4));
  await measure("explorer member", x("/member/2"), (p) => p.getByRole("table").nth(2).waitFor());
  await measure("explorer till", x(`/till/${tills[0].key}`));
  await measure("explorer key", x(`/holder/${other.owner}`), shown(50));
  await measure("explorer validators", x("/validators"), table);
  await measure("explorer search", x("/search/paperback"), (p) => p.locator(".entries").waitFor());
  await measure("explorer absent", x("/coupon/4294967296999"));
});

test("the console's pages", async () => {
  const seed = await network.seed("bakery");
  await page.goto(`${base}/console/#k=${seed}&m=2`);
  await page.getByRole("heading", { name: "DEV Bakery" }).waitFor();
  const c = (at) => `/console/#${at}`;
  const midnight = new Date().setHours(0, 0, 0, 0);
  const { items: totals } = await json(`/v1/members/2/totals?from=${midnight}&limit=10000`);
  const today = totals.reduce((n, t) => n + Number(t.count) + Number(t.voids), 0);
  await measure("console campaigns", c("/"), shown(25));
  await measure("console templates", c("/templates"));
  await measure("console editor", c("/new"));
  await measure("console campaign", c("/campaign/2"), (p) => p.locator("[data-numbers]").waitFor());
  await measure("console hand out", c("/handout/2"));
  await measure("console tills", c("/tills"), table);
  // The day's sums are made of all of its takings.
  await measure("console day", c("/day"), today > 0 ? shown(50) : undefined, { rows: 2 * today + rowsMax });
  // An entry for each quarter of an hour in which something happened.
  await measure("console over time", c("/course"), (p) => p.locator("[data-course]").waitFor());
  await measure("console developers", c("/developers"));
});

test("what is shown holds when it is checked, also far into a list", async () => {
  await page.goto(`${base}/explorer/#/campaign/1`);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.locator('[data-shown="100"]').waitFor();
  await page.getByText(`100 of ${(coupons - coupons / 5).toLocaleString("en-GB")} shown`).waitFor();
  await page.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await page.getByText("101 of 101 lines checked").waitFor();
  await page.getByText("It holds.").waitFor();
  assert.deepEqual(
    device.faults.filter((f) => !/CORS policy|Failed to fetch/.test(f)),
    [],
  );
});

test("the network goes on behind the blocks that were made for it", async () => {
  const made = JSON.parse(await readFile(path.join(dir, "genesis.json"), "utf8"));
  assert.match(made.name, /^DEV-crowd/);
  const height = async () => Number((await json("/v1/status")).height);
  const begin = await height();
  const out = await network.cli("campaign", "pause", "2", "--sign", "bakery", "-o", "json");
  assert.ok(Number(JSON.parse(out).height) > begin - 1);
  await network.cli("campaign", "resume", "2", "--sign", "bakery");
  assert.ok((await height()) > begin);
});
