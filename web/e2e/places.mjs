// The pages of the four faces over a demonstration's story: how one comes to each, and what stands
// there in the end; and devices whose questions to nodes wait, fail or are answered as a test wants.
import { openTill, readCode } from "./faces.mjs";

const opens = /^\/v1\/(genesis|nodes)$/;

const busy = {
  status: 503,
  contentType: "application/problem+json",
  headers: { "Access-Control-Allow-Origin": "*" },
  body: JSON.stringify({ type: "about:blank", title: "the node is busy", status: 503 }),
};

/**
 * answering is a device whose questions to nodes are answered as one says: "well", "late" (not
 * before something else is said), "badly" (503 by every node) or "not" (no node is there). What
 * opens a face is answered well, unless all is said.
 */
export async function answering(scene, more) {
  const d = await scene.device({ serviceWorkers: "block", ...more });
  let said = { how: "well", all: false };
  let late = [];
  await d.context.route(/\/(v1|livez)\b/, async (route) => {
    const how = () => (opens.test(new URL(route.request().url()).pathname) && !said.all ? "well" : said.how);
    while (how() === "late") await new Promise((go) => late.push(go));
    const end = { badly: () => route.fulfill(busy), not: () => route.abort(), well: () => route.continue() }[how()];
    await end().catch(() => undefined); // the page may have given the question up
  });
  const answer = (how, { all = false } = {}) => {
    said = { how, all };
    for (const go of late) go();
    late = [];
  };
  return { ...d, answer };
}

const heading = (name) => (page) => page.getByRole("heading", name ? { name, exact: false } : { level: 1 }).first();
const button = (name) => (page) => page.getByRole("button", { name });
const open = (url) => (page) => page.goto(url);
const table = (page) => page.getByRole("table").first();

/** hash goes to a page of the face that is open. */
const hash = (path) => (page) =>
  page.evaluate((to) => {
    location.hash = to;
  }, `#${path}`);

const place = (path, there, more = {}) => ({ name: path, go: hash(path), there, ...more });

/** explorerPlaces are the explorer's pages that ask the network; the last ones are of what is not there. */
export async function explorerPlaces(network) {
  const ask = async (path) => (await fetch(`${network.nodes[0]}${path}`)).json();
  const { items: coupons } = await ask("/v1/campaigns/1/coupons?limit=50");
  const held = coupons.find((c) => c.status === "HELD");
  const { items: life } = await ask(`/v1/coupons/${held.id}/history`);
  const { items: tills } = await ask("/v1/tills?member=2");
  return [
    place("/time", (page) => page.getByRole("img", { name: /^Transactions by hour/ })),
    place("/blocks", table),
    place("/block/2", heading("Block 2")),
    place(`/tx/${life[0].tx}`, (page) => page.getByText("The bytes as they were signed")),
    place("/campaigns", table),
    place("/campaign/1", heading("Campaign 1: Free coffee"), { alone: true }),
    place(`/coupon/${held.id}`, heading("Its life")),
    place("/members", table),
    place("/member/2", heading("DEV Bakery")),
    place(`/till/${tills[0].key}`, heading("DEV Bakery, ")),
    place(`/holder/${held.owner}`, table),
    place("/validators", table),
    place("/search/coffee", heading("Found for “coffee”")),
    place("/", (page) => page.getByText("The network is well.")),
    place("/block/99999999", heading("There is no such block yet")),
    place(`/tx/${"0".repeat(64)}`, heading("There is no such transaction")),
    place("/campaign/999", heading("There is no campaign 999")),
    place("/coupon/4294968295", heading("There is no coupon 1-999")),
    place("/member/99", heading("There is no member 99")),
    place("/till/x", heading("There is no till of this key")),
    place("/holder/x", heading("This key holds no usable coupon")),
    place("/search/no such thing", heading("Nothing on this ledger is called")),
  ];
}

/**
 * consolePlaces are the console's pages. Own are those that stand without asking anybody; alone is
 * one of each face whose going on by itself is looked at.
 */
export const consolePlaces = [
  place("/campaign/1", heading("Free coffee")),
  place("/handout/1", heading("Hand out: Free coffee")),
  place("/tills", table, { alone: true }),
  place("/day", button("CSV of the day")),
  place("/course", (page) => page.locator("[data-course]")),
  place("/shop", button("Sign and publish")),
  place("/", (page) => page.getByRole("link", { name: "New campaign" })),
  place("/campaign/999", heading("There is no campaign 999")),
  place("/handout/999", heading("There is no campaign 999")),
  place("/templates", heading("Templates"), { own: true }),
  place("/new/PERCENT", (page) => page.getByLabel("Title", { exact: true }), { own: true }),
  place("/tills/add", heading("Add till"), { own: true }),
  place("/developers", heading("Developers"), { own: true }),
  place("/nonsense", heading("There is no such page"), { own: true }),
];

/** arrivals are the pages of the wallet that a link opens. */
export async function arrivals(scene) {
  const links = scene.network.links();
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  await till.page.getByRole("button", { name: "Customer scans the till" }).click();
  await till.page.getByRole("button", { name: "9", exact: true }).click();
  await till.page.getByRole("button", { name: "OK" }).click();
  const invoice = await readCode(till.page);
  return [
    { name: "invoice", go: open(invoice), there: heading("No coupon of yours works for this bill") },
    { name: "ticket", go: open(links.get("ticket anybody")), there: button("Claim"), alone: true },
    { name: "poster", go: open(links.get("poster anybody")), there: button("Claim") },
    { name: "gift", go: open(links.get("gift anybody")), there: button("Accept the gift") },
  ];
}

/** kept are the wallet's pages that need nobody's answer; the page shows the one coupon of its wallet. */
export function kept(page) {
  const id = /#\/coupon\/(\d+)/.exec(page.url())[1];
  return [
    place("/", heading("To use"), { own: true }),
    place(`/coupon/${id}`, (p) => p.getByRole("link", { name: "Show code" }), { own: true }),
    place(`/show/${id}`, (p) => p.locator("[data-qr]"), { own: true }),
    place(`/gift/${id}`, button("Make the gift link"), { own: true }),
    place("/keep", button("Show the words"), { own: true }),
    place("/restore", heading("Bring coupons back"), { own: true }),
    place("/scan", heading("Scan"), { own: true }),
    place("/coupon/4294967999", heading("This coupon is not in this wallet"), { own: true }),
  ];
}
