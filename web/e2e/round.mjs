// The round of pictures: the main pages of the four faces over a demonstration's story, on a phone and
// a desktop, in light and dark, in English and Chinese, to be looked at by a person. `npm run round` makes
// them, one file a page, in web/e2e/pictures/round (not kept); words after it choose pages whose name
// holds one of them, ROUND=390,light,en what of a device, a theme, a language.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { launch, profile } from "./browser.mjs";
import { scrip, startNetwork } from "./network.mjs";

const folder = path.join(import.meta.dirname, "pictures/round");
const widths = new Map([
  ["390", { width: 390, height: 844 }],
  ["1280", { width: 1280, height: 800 }],
]);
const only = (process.env.ROUND ?? "").split(",").filter(Boolean);
const chosen = (all) => (all.some((x) => only.includes(x)) ? all.filter((x) => only.includes(x)) : all);
const names = process.argv.slice(2);
const settleMs = 15_000;

const network = await startNetwork();
const browser = await launch();

/** pagesOf are the pages of each face: the link that opens it, and what stands behind its #. */
async function pagesOf() {
  const urls = await promisify(execFile)(scrip, ["demo", "urls", "--port", String(network.port), "-o", "json"]);
  const { links } = JSON.parse(urls.stdout);
  const to = (face, who) => links.find((l) => l.face === face && l.who.startsWith(who)).url;
  const ask = async (path) => (await fetch(`${network.nodes[0]}${path}`)).json();
  const { items: coupons } = await ask("/v1/campaigns/1/coupons?limit=50");
  const used = coupons.find((c) => c.status === "REDEEMED");
  const { items: life } = await ask(`/v1/coupons/${used.id}/history`);
  const { items: tills } = await ask("/v1/tills?member=2");
  const explorer = `${network.nodes[0]}/explorer/`;
  const start = network.nodes[0];
  return [
    { name: "start", link: `${start}/`, paths: [] },
    { name: "wallet", link: to("wallet", "Bo"), paths: ["", "coupon", "show", "gift", "scan", "keep", "restore"] },
    { name: "wallet-new", link: `${start}/wallet/`, paths: [""] },
    { name: "wallet-ticket", link: to("ticket", "anybody"), paths: [""] },
    { name: "wallet-poster", link: to("poster", "anybody"), paths: [""] },
    { name: "wallet-gift-link", link: to("gift", "anybody"), paths: [""] },
    { name: "till", link: to("till", "bakery"), paths: [""] },
    { name: "till-new", link: `${start}/till/`, paths: [""] },
    {
      name: "console",
      link: to("console", "Ana"),
      paths: ["", "campaign/1", "handout/1", "templates", "new/PERCENT", "tills", "tills/add", "day", "developers"],
    },
    { name: "console-new", link: `${start}/console/`, paths: [""] },
    {
      name: "explorer",
      link: explorer,
      paths: [
        "",
        "time",
        "blocks",
        "block/5",
        `tx/${life[0].tx}`,
        "campaigns",
        "campaign/1",
        `coupon/${used.id}`,
        "members",
        "member/2",
        `till/${tills[0].key}`,
        "validators",
        "search/2",
      ],
    },
  ];
}

/** settled waits until a page is not at work any more; one that stays so is drawn as it is. */
async function settled(page) {
  await page
    .waitForFunction(
      () => document.querySelector("h1") && !document.querySelector("main .loading, main [aria-busy=true]"),
      undefined,
      { timeout: settleMs },
    )
    .catch(() => undefined);
  await page.waitForTimeout(400);
}

async function go(page, face, name) {
  if (name === "") return;
  let hash = `#/${name}`;
  if (face.name === "wallet" && /^(coupon|show|gift)$/.test(name)) {
    const first = await page.evaluate(async () => {
      if (!/^#\/?$/.test(location.hash)) location.hash = "#/";
      await new Promise((done) => setTimeout(done, 300));
      return document.querySelector("a.coupon-link")?.getAttribute("href");
    });
    if (!first) return;
    hash = first.replace("coupon", name);
  }
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
}

for (const face of await pagesOf()) {
  const wanted = (face.paths.length ? face.paths : [""]).filter(
    (p) => names.length === 0 || names.some((n) => `${face.name}/${p}`.includes(n)),
  );
  if (wanted.length === 0) continue;
  for (const language of chosen(["en", "zh"])) {
    const { context } = await profile(browser, { locale: language === "zh" ? "zh-CN" : "en-GB" });
    const page = await context.newPage();
    await page.goto(face.link);
    await settled(page);
    for (const name of wanted) {
      await go(page, face, name);
      await settled(page);
      for (const width of chosen([...widths.keys()])) {
        await page.setViewportSize(widths.get(width));
        for (const scheme of chosen(["light", "dark"])) {
          await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
          await mkdir(folder, { recursive: true });
          const title = [
            face.name,
            name
              .split("/")
              .map((x) => x.slice(0, 12))
              .join("-") || "home",
          ].join("-");
          await page.screenshot({
            path: path.join(folder, `${title}.${width}.${scheme}.${language}.png`),
            fullPage: true,
          });
        }
      }
    }
    await context.close();
  }
}
await browser.close();
await network.stop();
