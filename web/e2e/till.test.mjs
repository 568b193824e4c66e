// What a till promises when things are not at their best: plain http in the shop, a
// revoked key, a page that was closed at the wrong moment, and a network without a quorum.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextCustomer, openTill, readCode, readOut, result, shownToday, takenBy, typeCode, wedge } from "./faces.mjs";
import { books, coffee, stage } from "./stage.mjs";

// A shop's address in its own network, which is this machine for the browser of the test.
const lan = "192.168.77.1";
const scene = stage([coffee({ shops: "2,3" }), books()], { flags: [`--host-resolver-rules=MAP ${lan} 127.0.0.1`] });

test("on plain http in the shop's network a till works without a camera", async () => {
  const till = await scene.device();
  await openTill(till.page, `http://${lan}:${scene.network.port}`, await scene.network.seed("bakery-till"));
  assert.equal(await till.page.evaluate(() => isSecureContext || "subtle" in crypto), false);
  await till.page.getByText("Plain http: the camera is off.").waitFor();
  const { code } = await scene.holder(scene.links[0][0]);
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: /or more/ }).click();
  assert.match(await result(till.page, "accepted"), /€4\.50 off/);
  // The key came back from the device's storage.
  await till.page.reload();
  await shownToday(till.page, 1);
  // The nodes' own addresses are not those of the shop's network: asking them is no fault.
  assert.deepEqual(
    till.faults.filter((f) => !/CORS policy|Cross-Origin-Opener-Policy/.test(f)),
    [],
  );
});

test("the rule is computed on the bill: too small is refused in words, then it is taken", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[1], await scene.network.seed("bookshop-till"));
  const { code, page } = await scene.holder(scene.links[1][0]);
  await wedge(till.page, code);
  await till.page.getByText("15% off, at most €20.00, from €10.00").waitFor();
  for (const digit of "999") await till.page.getByRole("button", { name: digit, exact: true }).click();
  await till.page.getByText("The bill must be at least €10.00.").waitFor();
  await till.page.getByRole("button", { name: "OK" }).click();
  assert.match(await result(till.page, "refused"), /Bill too small/);
  await nextCustomer(till.page);
  await wedge(till.page, await readCode(page)); // the first one may be over
  await till.page.getByRole("button", { name: "OK" }).waitFor();
  await till.page.keyboard.type("4000");
  await till.page.keyboard.press("Enter");
  const text = await result(till.page, "accepted");
  assert.match(text, /€6\.00 off/);
  assert.match(text, /To pay: €34\.00/);
});

test("a coupon of another shop is refused with what to say", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  const { code } = await scene.holder(scene.links[1][1]);
  await wedge(till.page, code); // at once: nobody need ask for the bill
  assert.match(await result(till.page, "refused"), /Not for this shop[^]*Say: “This coupon is for another shop/);
});

test("what is no coupon is never green", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  for (const text of [
    "4006381333931",
    "SCRP:NOT A CODE AT ALL",
    "https://example.com/some/page",
    "<script>alert(1)</script>xx",
  ]) {
    await wedge(till.page, text);
    assert.match(await result(till.page, "refused"), /Unreadable code/, text);
    await nextCustomer(till.page);
  }
  assert.deepEqual(till.faults, []);
});

test("an attempt goes on when the page is opened again", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  const { code } = await scene.holder(scene.links[0][1]);
  const before = await takenBy(scene.network, 2);
  // The transaction leaves, and its answer never comes.
  const hold = (route) => (route.request().method() === "POST" ? undefined : route.continue());
  await till.context.route("**/v1/transactions*", hold);
  await wedge(till.page, code);
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "waiting");
  await till.context.unroute("**/v1/transactions*", hold);
  await till.page.reload();
  await shownToday(till.page, before + 1);
});

test("a revoked till says so", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bookshop-till"));
  await scene.network.cli("till", "revoke", "bookshop-till", "--sign", "bookshop", "--yes");
  await till.page.getByText("This till has been revoked").waitFor();
});

/** watchResults keeps every result that a till shows, whatever happens to be there when one looks. */
async function watchResults(page) {
  await page.evaluate(() => {
    globalThis.shown = [];
    const note = () => {
      const kind = document.querySelector("[data-result]")?.dataset.result ?? "none";
      if (globalThis.shown.at(-1) !== kind) globalThis.shown.push(kind);
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  return () => page.evaluate(() => globalThis.shown.filter((kind) => kind !== "none"));
}

/** redemptions are those that the ledger has of a wallet's coupon. */
async function redemptions(page) {
  const coupon = /#\/show\/(\d+)/.exec(page.url())[1];
  const answer = await fetch(`${scene.network.nodes[0]}/v1/coupons/${coupon}/history`);
  return (await answer.json()).items.filter((step) => step.type === "redemption.accrued");
}

test("two of four end during a redemption: the till waits, and finishes by itself when one is back", async (t) => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  const { page } = await scene.holder(scene.links[0][2]);
  const before = await takenBy(scene.network, 2);
  await typeCode(till.page, await readOut(page)); // a shown code may be over before the validators are back
  const shown = await watchResults(till.page);
  await Promise.all([scene.network.kill(2), scene.network.kill(3)]);
  t.after(() => scene.network.start(3));
  await till.page.getByRole("button", { name: /or more/ }).click();
  assert.match(await result(till.page, "waiting"), /Do not hand over anything yet/);
  await new Promise((resolve) => setTimeout(resolve, 2000)); // a network that cannot decide does not
  assert.deepEqual(await shown(), ["waiting"]);
  await scene.network.start(2);
  assert.match(await result(till.page, "accepted"), /€4\.50 off/);
  assert.deepEqual(await shown(), ["waiting", "accepted"]);
  await nextCustomer(till.page);
  await shownToday(till.page, before + 1);
  assert.equal((await redemptions(page)).length, 1);
});

test("a till that is opened anew while the network waits goes on waiting, and takes the coupon once", async (t) => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  const { page } = await scene.holder(scene.links[0][3]);
  await typeCode(till.page, await readOut(page)); // a shown code may be over before the validators are back
  await Promise.all([scene.network.kill(1), scene.network.kill(2)]);
  t.after(() => scene.network.start(2));
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "waiting");
  await till.page.reload();
  assert.match(await result(till.page, "waiting"), /Do not hand over anything yet/);
  const shown = await watchResults(till.page);
  await scene.network.start(1);
  assert.match(await result(till.page, "accepted"), /€4\.50 off/);
  assert.deepEqual((await shown()).at(-1), "accepted");
  assert.equal((await redemptions(page)).length, 1);
});

test("a code that is scanned while no node answers is taken as soon as they do", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  const { code } = await scene.holder(scene.links[0][4]);
  const cut = (route) => route.abort();
  await till.context.route("**/v1/**", cut);
  await wedge(till.page, code);
  await result(till.page, "waiting");
  await till.context.unroute("**/v1/**", cut);
  await till.page.getByRole("button", { name: /or more/ }).click();
  assert.match(await result(till.page, "accepted"), /€4\.50 off/);
});
