// A walk with a screen reader through the main journey of each face: what stands in docs/accessibility.md
// is what Chromium's accessibility tree gives a screen reader to say, or this fails. After a change that is
// meant, WRITE=1 writes the page's blocks anew; read the difference before it is committed.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { nextCustomer, readCode, shownToday, wedge } from "./faces.mjs";
import { heard, listening, says } from "./reader.mjs";
import { coffee, stage } from "./stage.mjs";

const page_ = path.join(import.meta.dirname, "../../docs/accessibility.md");
const text = await readFile(page_, "utf8");
const writing = Boolean(process.env.WRITE);
const scene = stage([coffee()]);
const walked = new Map();
let anew = text;

/** step compares what is said at a step of the walk with the block below its heading. */
async function step(page, title, { below = "main", focus = true } = {}) {
  await page.waitForFunction(() => document.querySelectorAll(".loading").length === 0, undefined);
  const { said, focus: at } = await heard(page);
  const lines = [
    ...said.map((s) => `by itself, ${s}`),
    ...(focus ? [`focus: ${at}`] : []),
    ...(await says(page, below)),
  ];
  walked.set(title, true);
  const block = new RegExp(
    `(^### ${title.replace(/[.*+?^$()|[\]\\]/g, "\\$&")}\n[^#]*?\`\`\`text\n)([^]*?)(\`\`\`)`,
    "m",
  );
  const found = block.exec(text);
  assert.ok(found, `docs/accessibility.md has no step "${title}" with a block of text`);
  if (writing) anew = anew.replace(block, (_, head, __, foot) => `${head}${lines.join("\n")}\n${foot}`);
  else assert.deepEqual(lines, found[2].trimEnd().split("\n"), `${title}: what is said is not what is written`);
}

after(async () => {
  if (writing) await writeFile(page_, anew);
});

const until = (page, role, name) => page.getByRole(role, { name }).first().waitFor();

/** reader is somebody's device with a screen reader. */
async function reader() {
  const { page } = await scene.device({ reducedMotion: "reduce" });
  await listening(page);
  return page;
}

test("wallet and till: from a link to a coupon that is used", async () => {
  const bo = await reader();
  await bo.goto(scene.links[0][0]);
  await until(bo, "button", "Claim");
  await step(bo, "Wallet: a link is opened");
  await bo.getByRole("button", { name: "Claim" }).click();
  await until(bo, "heading", "It is yours");
  await step(bo, "Wallet: the coupon is claimed");
  await bo.getByRole("button", { name: "Open" }).click();
  await until(bo, "link", "Show code");
  await bo.getByText("DEV Bakery").first().waitFor();
  await step(bo, "Wallet: the coupon");
  await bo.getByRole("link", { name: "Show code" }).click();
  const code = await readCode(bo);
  await step(bo, "Wallet: the code");

  const till = await reader();
  await till.goto(`${scene.base}/till/#k=${await scene.network.seed("bakery-till")}`);
  await until(till, "heading", "Scan the customer’s code");
  await shownToday(till, 0);
  await step(till, "Till: ready");
  await wedge(till, code);
  await until(till, "button", "OK");
  await step(till, "Till: the bill");
  await till.keyboard.type("1200");
  await till.getByRole("button", { name: "OK" }).click();
  await till.locator('[data-result="accepted"]').waitFor();
  await step(till, "Till: accepted");
  await bo.getByText("Used").first().waitFor();
  await step(bo, "Wallet: the coupon is used");
  await nextCustomer(till);
});

test("console: a campaign is begun", async () => {
  const ana = await reader();
  await ana.goto(`${scene.base}/console/#k=${await scene.network.seed("mall")}&m=1`);
  await until(ana, "link", "Free coffee");
  await step(ana, "Console: the campaigns");
  await ana.getByRole("link", { name: "New campaign" }).first().click();
  await until(ana, "heading", "Templates");
  await step(ana, "Console: a template is chosen");
});

test("explorer: a coupon's life is found and checked", async () => {
  const cy = await reader();
  await cy.goto(`${scene.base}/explorer/`);
  await cy.getByRole("searchbox").fill("1-1");
  await cy.keyboard.press("Enter");
  await until(cy, "heading", "Coupon 1-1");
  await cy
    .getByText(/Redeemed: €/)
    .first()
    .waitFor();
  await heard(cy);
  await step(cy, "Explorer: a coupon");
  await cy.locator(".check-panel").getByRole("button", { name: "Check", exact: true }).click();
  await cy.getByText("It holds.").waitFor();
  await step(cy, "Explorer: it is checked");
});

test("the walk has no step that nobody walks", () => {
  const steps = [...text.matchAll(/^### (.+)$/gm)].map((m) => m[1]);
  assert.deepEqual(
    steps.filter((s) => !walked.has(s)),
    [],
  );
});
