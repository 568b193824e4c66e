// A demo that lets the local network in: every address that it prints is one that a phone
// reaches, and claim and redemption work on plain http, where the browser gives pages
// neither camera nor cryptography.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { launch, profile } from "./browser.mjs";
import { bill, openTill, readCode, result, wedge } from "./faces.mjs";
import { startNetwork } from "./network.mjs";

const address = Object.values(networkInterfaces())
  .flat()
  .find((a) => a.family === "IPv4" && !a.internal)?.address;
const skip = address ? false : "this machine has no address beside loopback";

test("a demo in the local network: printed links, codes, claim and redemption over plain http", { skip }, async (t) => {
  const network = await startNetwork(`--lan=${address}`);
  t.after(() => network.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const faults = [];
  const open = async (url) => {
    const device = await profile(browser);
    faults.push(device.faults);
    const page = await device.context.newPage();
    const asked = new Set();
    page.on("request", (r) => asked.add(new URL(r.url()).hostname));
    await page.goto(url);
    return { page, asked };
  };

  const base = `http://${address}:${network.port}`;
  const list = network.text();
  const faces = [...list.matchAll(/^ (?:wallet|console|till|explorer|poster|ticket|gift| ) .*?(http:\S+)$/gm)];
  assert.ok(faces.length >= 10, list);
  for (const [line, url] of faces) assert.ok(url.startsWith(base), line);
  assert.match(list, new RegExp(`^ desk +http://${address}:`, "m"));
  const link = (face) => new RegExp(`^ ${face} .*?(http:\\S+)$`, "m").exec(list)[1];

  const phone = await open(link("ticket"));
  assert.equal(await phone.page.evaluate(() => isSecureContext || "subtle" in crypto), false);
  await phone.page.getByRole("button", { name: "Claim" }).click();
  await phone.page.getByText("It is yours").waitFor();
  await phone.page.getByRole("button", { name: "Open" }).click();
  await phone.page.getByRole("link", { name: "Show code" }).click();
  const code = await readCode(phone.page);

  const till = await open(base);
  await openTill(till.page, base, await network.seed("bakery-till"));
  await till.page.getByRole("button", { name: "Customer scans the till" }).click();
  await bill(till.page, 900);
  assert.ok((await readCode(till.page)).startsWith(`${base}/i#`));
  await till.page.getByRole("button", { name: "Cancel" }).click();
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: /or more/ }).click();
  assert.match(await result(till.page, "accepted"), / off/);
  await phone.page.getByRole("heading", { name: "Used" }).waitFor();

  // The poster asks the desk, which is at another port.
  const poster = await open(link("poster"));
  await poster.page.getByRole("button", { name: "Claim" }).click();
  await poster.page.getByText("It is yours").waitFor();
  for (const d of [phone, till, poster]) assert.deepEqual([...d.asked], [address]);
  // A header that is for secure contexts alone is ignored here, and the browser says so.
  const left = faults.flat().filter((f) => !/Cross-Origin-Opener-Policy/.test(f));
  assert.deepEqual(left, []);
});
