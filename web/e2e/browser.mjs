// A real browser for the tests: Debian's Chromium, headless, a new profile each time.
import { existsSync } from "node:fs";
import { afterEach } from "node:test";
import { chromium } from "playwright-core";

export const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** launch starts the browser, with more flags; without a browser it says how to get one. */
export async function launch(more = []) {
  if (!existsSync(executablePath)) {
    throw new Error(`there is no browser at ${executablePath}: run web/e2e/install.sh, or set CHROMIUM`);
  }
  return chromium.launch({ executablePath, headless: true, args: [...flags, ...more] });
}

/** A bound for what never comes; a loaded machine takes its time. */
export const patienceMs = 120_000;

const open = new Set();

// What the devices showed when a test failed is all that is known of a machine that is gone.
afterEach(async (t) => {
  if (t.passed !== false) return;
  for (const context of open) {
    for (const page of context.pages()) {
      const text = await page.innerText("body", { timeout: 1000 }).catch((e) => String(e));
      console.error(`${t.name}: ${page.url()} shows\n${text.slice(0, 1000)}\n`);
    }
  }
});

/** profile is a person's device: storage of its own, and a list of what went wrong on its pages. */
export async function profile(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    ...options,
  });
  context.setDefaultTimeout(patienceMs);
  open.add(context);
  context.on("close", () => open.delete(context));
  const faults = [];
  context.on("page", (page) => {
    page.on("pageerror", (e) => faults.push(`page error: ${e.message}`));
    page.on("console", (m) => {
      if (m.type() === "error" && !/Failed to load resource/.test(m.text())) faults.push(`console: ${m.text()}`);
    });
  });
  return { context, faults };
}
