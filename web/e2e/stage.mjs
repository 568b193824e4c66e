// The stage of a file's tests: a network of four validators, a browser, campaigns with
// links to their coupons. It is set up before the tests and taken down after them.
import { after, before } from "node:test";
import { launch, profile } from "./browser.mjs";
import { claim, readCode } from "./faces.mjs";
import { publish, startNetwork, tickets } from "./network.mjs";

/** coffee is 4.50 off at the bakery; title and shops may be others. */
export function coffee({ title = "Free coffee", shops = "2", count = 8 } = {}) {
  const flags = ["--title", title, "--issuer", "1", "--kind", "amount", "--face", "4.50", "--supply", "200"];
  flags.push("--redeem-until", "+30d", "--show-max", "4.50", "--shops", shops, "--terms", "One coffee each.");
  return { flags, signer: "mall", count };
}

/** books is 15 % off at the bookshop, at most 20.00, from a bill of 10.00. */
export function books({ title = "15 percent off books", count = 4 } = {}) {
  const flags = ["--title", title, "--issuer", "3", "--kind", "percent", "--percent", "15%", "--ceiling", "20.00"];
  flags.push("--min-spend", "10.00", "--supply", "50", "--redeem-until", "+60d", "--show-max", "20.00");
  flags.push("--shops", "3", "--terms", "Books only.");
  return { flags, signer: "bookshop", count };
}

/**
 * stage sets up a network with campaigns, each given as what coffee or books return,
 * and returns it with a browser. links holds the tickets of each campaign, in order.
 */
export function stage(campaigns = [], { demo = ["--empty"], flags = [], options = {} } = {}) {
  const s = { links: [], faults: [] };
  before(async () => {
    s.network = await startNetwork(...demo);
    s.base = s.network.nodes[0];
    s.browser = await launch(flags);
    for (const c of campaigns) {
      s.links.push(await tickets(s.network, await publish(s.network, c.flags, c.signer), c.count, c.signer));
    }
  });
  after(async () => {
    await s.browser?.close();
    await s.network?.stop();
  });
  /** device is somebody's, with storage of its own. */
  s.device = async (more = {}) => {
    const d = await profile(s.browser, { ...options, ...more });
    s.faults.push(d.faults);
    return { ...d, page: await d.context.newPage() };
  };
  /** holder claims a link on a device of its own and shows the coupon's code. */
  s.holder = async (link, more) => {
    const d = await s.device(more);
    await claim(d.page, link);
    await d.page.getByRole("link", { name: "Show code" }).click();
    return { ...d, code: await readCode(d.page) };
  };
  return s;
}
