// What pages show while the network is slow to answer (most of the explorer's, and each
// other face as it opens): that it is at work, and
// neither an error nor an empty list; and the page itself once the answers come.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAxe } from "./looks.mjs";
import { coffee, stage } from "./stage.mjs";

const waitMs = 60_000;
const wcag = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const scene = stage([coffee()], { demo: [], options: { bypassCSP: true } });

/** held is a device whose questions to nodes wait until release. */
async function held() {
  const { page, context } = await scene.device();
  let waiting = [];
  let holding = false;
  await context.route("**/v1/**", async (route) => {
    if (holding) await new Promise((go) => waiting.push(go));
    await route.continue().catch(() => undefined); // the page may have given the question up
  });
  return {
    page,
    hold: () => {
      holding = true;
    },
    release: () => {
      holding = false;
      for (const go of waiting) go();
      waiting = [];
    },
  };
}

/** waits asserts that a page says that it is at work, and then becomes what it is. */
async function waits({ page, hold, release }, name, go, ready) {
  hold();
  await go();
  await page.locator(".loading[role=status]").first().waitFor({ timeout: waitMs });
  assert.equal(await page.locator("[role=alert]").count(), 0, `${name}: an error before any answer`);
  await checkAxe(page, `${name}-loading`, { type: "tag", values: wcag }); // its heading is yet to come
  release();
  await ready().waitFor({ timeout: waitMs });
  await page.waitForFunction(() => document.querySelectorAll(".loading").length === 0, undefined, { timeout: waitMs });
}

test("the explorer's pages", async () => {
  const d = await held();
  const heading = () => d.page.getByRole("heading", { level: 1 }).first();
  await waits(d, "explorer", () => d.page.goto(`${scene.base}/explorer/`), heading);
  for (const path of [
    "/blocks",
    "/block/2",
    "/campaigns",
    "/campaign/1",
    "/coupon/1-1",
    "/members",
    "/member/2",
    "/validators",
    "/search/coffee",
  ]) {
    const go = () =>
      d.page.evaluate((to) => {
        location.hash = to;
      }, `#${path}`);
    await waits(d, `explorer ${path}`, go, heading);
  }
});

test("the wallet's coupon from a link", async () => {
  const d = await held();
  await waits(
    d,
    "wallet claim",
    () => d.page.goto(scene.links[0][0]),
    () => d.page.getByRole("button", { name: "Claim" }),
  );
});

test("the till while it opens", async () => {
  const d = await held();
  const seed = await scene.network.seed("bakery-till");
  await waits(
    d,
    "till",
    () => d.page.goto(`${scene.base}/till/#k=${seed}`),
    () => d.page.getByRole("heading", { name: "Scan the customer’s code" }),
  );
});

test("the console while it opens", async () => {
  const d = await held();
  const seed = await scene.network.seed("bakery");
  await waits(
    d,
    "console",
    () => d.page.goto(`${scene.base}/console/#k=${seed}&m=2`),
    () => d.page.getByRole("heading", { level: 1 }),
  );
});
