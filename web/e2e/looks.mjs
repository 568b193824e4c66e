// Looks at a page as a reviewer would: axe's WCAG 2.2 AA rules, the keyboard, and
// pictures at 320, 390 and 1280 pixels in light and dark. Pictures go to web/e2e/pictures
// (not kept) when PICTURES is set.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// The rules that look at colours. A theme changes nothing else: see src/kit/tokens.css.
const ofColours = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const folder = path.join(import.meta.dirname, "pictures");

/**
 * checkAxe fails with every violation that axe finds, of all its rules or of those that are named.
 * The profile needs bypassCSP, as axe is not the face's own script.
 */
export async function checkAxe(page, name, only = { type: "tag", values: tags }) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const told = await page.evaluate(async (runOnly) => {
    const { violations } = await globalThis.axe.run(document, { runOnly, resultTypes: ["violations"] });
    return violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.map((n) => n.html.slice(0, 200)).join("\n    ")}`);
  }, only);
  assert.deepEqual(told, [], `${name}:\n${told.join("\n")}`);
}

/** checkWidth fails if anything sticks out of a narrow page. */
export async function checkWidth(page, width, name) {
  await page.setViewportSize({ width, height: 800 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px wider than ${width} px`);
}

/** checkTargets fails for what is touched and smaller than 24 px, links in running text apart. */
export async function checkTargets(page, name) {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, input, .btn")]
      .filter((e) => e.checkVisibility() && !e.closest(".check"))
      .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
      .filter(([, r]) => r.width > 0 && (r.width < 24 || r.height < 24))
      .map(([html]) => html),
  );
  assert.deepEqual(small, [], `${name} has targets below 24 px`);
}

/** walk presses Tab through a page; everything that can be used must come by, be visible, and show its focus. */
export async function walk(page, name) {
  const wanted = await page.evaluate(() => {
    document.activeElement?.blur?.();
    return [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(
      (e) => e.checkVisibility() && !e.disabled && e.type !== "radio",
    ).length;
  });
  const seen = new Set();
  // A date field takes the focus once for each of its parts.
  const parts = 4 * (await page.locator("input[type=date]").count());
  for (let i = 0; i < wanted + parts + 5; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) return undefined;
      const style = getComputedStyle(e);
      e.dataset.walked ??= String(Math.random());
      return {
        id: e.dataset.walked,
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        html: e.outerHTML.slice(0, 100),
      };
    });
    if (!at) continue;
    assert.ok(at.ring, `${name}: no focus is seen on ${at.html}`);
    seen.add(at.id);
  }
  assert.ok(seen.size >= wanted, `${name}: the keyboard reaches ${seen.size} of ${wanted}`);
}

/** checkMirrored fails if anything sticks out of a narrow page that is read from right to left. */
async function checkMirrored(page, name) {
  const turn = (dir) =>
    page.evaluate((d) => {
      document.documentElement.dir = d;
    }, dir);
  await turn("rtl");
  await checkWidth(page, 320, `${name}, right to left,`);
  if (process.env.PICTURES) await page.screenshot({ path: path.join(folder, `${name}-320-rtl.png`), fullPage: true });
  await turn("ltr");
}

/** look makes every check of a page, in both themes what a theme can change, and pictures if they are wanted. */
export async function look(page, name) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await checkAxe(page, `${name}, ${scheme}`, scheme === "dark" ? ofColours : undefined);
    if (scheme === "dark" && !process.env.PICTURES) continue;
    for (const width of [320, 390, 1280]) {
      await checkWidth(page, width, name);
      if (!process.env.PICTURES) continue;
      await mkdir(folder, { recursive: true });
      await page.screenshot({ path: path.join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
    }
  }
  await checkMirrored(page, name);
  await page.setViewportSize({ width: 390, height: 844 });
  await checkTargets(page, name);
}
