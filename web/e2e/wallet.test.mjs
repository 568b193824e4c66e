// What a wallet promises beyond the first sight: no tap consumes nothing, two taps are
// one, codes without a network, and coupons that come back from paper, file and passkey.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { launch, profile } from "./browser.mjs";
import { claim, filmOf, openTill, phrase, readCode, result, wedge } from "./faces.mjs";
import { coffee, stage } from "./stage.mjs";

const scene = stage([coffee({ title: "Free <b>coffee</b><script>alert(1)</script>", count: 13 })]);

test("opening a link consumes nothing, and the secret leaves the address bar", async () => {
  for (let i = 0; i < 2; i++) {
    const { page } = await scene.device();
    await page.goto(scene.links[0][0]);
    await page.getByRole("button", { name: "Claim" }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
    await page.context().close();
  }
});

test("two taps are one claim, and markup in a title is text", async () => {
  const { page, faults } = await scene.device();
  await page.goto(scene.links[0][0]);
  await page.getByRole("button", { name: "Claim" }).dblclick();
  await page.getByText("It is yours").waitFor();
  await page.getByText("Free <b>coffee</b><script>alert(1)</script>").first().waitFor();
  assert.equal(await page.locator("main b, main script").count(), 0);
  await page.goto(scene.links[0][0]);
  await page.getByText("This coupon is in your wallet already.").waitFor();
  const other = await scene.device();
  await other.page.goto(scene.links[0][0]);
  await other.page.getByText("This ticket has been claimed.").waitFor();
  assert.deepEqual([...faults, ...other.faults], []);
});

test("a code works without a network, and renews itself", async () => {
  const till = await scene.device();
  await openTill(till.page, scene.network.nodes[0], await scene.network.seed("bakery-till"));
  const { page, context } = await scene.device();
  await claim(page, scene.links[0][1]);
  await page.goto(`${scene.network.nodes[0]}/wallet/`);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.getByRole("link", { name: /Free/ }).click();
  await context.setOffline(true);
  await page.getByRole("link", { name: "Show code" }).click();
  const first = await readCode(page);
  await page.getByText("You are offline").waitFor();
  // The page itself comes from the device as well.
  await page.goto(`${scene.network.nodes[0]}/wallet/`);
  await page.getByRole("link", { name: /Free/ }).click();
  await page.getByRole("link", { name: "Show code" }).click();
  const second = await readCode(page);
  assert.notEqual(second, first);
  await wedge(till.page, await readCode(page));
  await till.page.getByRole("button", { name: /or more/ }).click();
  await result(till.page, "accepted");
  await context.setOffline(false);
  await page.getByRole("heading", { name: "Used" }).waitFor();
});

test("a gift is taken back", async () => {
  const { page } = await scene.device();
  await claim(page, scene.links[0][2]);
  await page.getByRole("link", { name: "Give away" }).click();
  await page.getByRole("button", { name: "Make the gift link" }).click();
  await page.getByRole("heading", { name: "The gift is waiting" }).waitFor();
  const gift = await readCode(page);
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.getByText("It is yours again").waitFor();
  const other = await scene.device();
  await other.page.goto(gift);
  await other.page.getByText("This gift is not open any more").waitFor();
});

/** pages counts the sheets that a page would print. */
async function pages(page) {
  return (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type \/Page\b/g).length;
}

test("paper of a coupon points to its public page, and paper of a gift is the gift", async () => {
  const { page } = await scene.device({ colorScheme: "dark" });
  await claim(page, scene.links[0][8]);
  const id = /\d+$/.exec(page.url())[0];
  await page.getByRole("button", { name: "Print" }).waitFor();
  assert.equal(await page.locator("[data-qr]").isVisible(), false);
  await page.emulateMedia({ media: "print" });
  assert.equal(await readCode(page), `${scene.network.nodes[0]}/explorer/coupon/${id}`);
  await page.getByText("This paper takes nothing.").waitFor();
  assert.equal(await page.locator("button:visible, .btn:visible").count(), 0);
  assert.equal(await pages(page), 1);

  await page.emulateMedia({ media: "screen" });
  await page.getByRole("link", { name: "Give away" }).click();
  await page.getByRole("button", { name: "Make the gift link" }).click();
  await page.getByRole("heading", { name: "The gift is waiting" }).waitFor();
  await page.emulateMedia({ media: "print" });
  await page.getByText("Keep this paper like cash.").waitFor();
  assert.equal(await pages(page), 1);
  const other = await scene.device();
  await other.page.goto(await readCode(page));
  await other.page.getByRole("button", { name: "Accept the gift" }).click();
  await other.page.getByText("It is yours").waitFor();
});

test("coupons come back from the words", async () => {
  const { page } = await scene.device();
  await claim(page, scene.links[0][3]);
  await page.goto(`${scene.network.nodes[0]}/wallet/#/keep`);
  const words = await phrase(page);
  assert.equal(words.length, 12);
  await page.getByRole("button", { name: "I have written them down" }).click();
  const asked = Number((await page.getByLabel(/^Word number/).evaluate((e) => e.labels[0].innerText)).match(/\d+/)[0]);
  await page.getByLabel(/^Word number/).fill(words[asked - 1]);
  await page.getByRole("button", { name: "Check one word" }).click();
  await page.getByText(/^Kept safe on/).waitFor();

  const other = await scene.device();
  await other.page.goto(`${scene.network.nodes[0]}/wallet/#/restore`);
  await other.page.getByLabel("The words").fill(`  ${words.join("  ").toUpperCase()} `);
  await other.page.getByRole("button", { name: "Bring them back" }).click();
  await other.page.getByRole("link", { name: /Free/ }).waitFor();
});

test("what one device claims comes to another with the same words, and another address says that it is another", async () => {
  const [base, second] = scene.network.nodes;
  const k = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  const [a, b] = [await scene.device(), await scene.device()];
  const cards = (page) => page.getByRole("link", { name: /Free/ });
  await a.page.goto(`${base}/wallet/#k=${k}&n=Dana`);
  await a.page.getByText("No coupons yet").waitFor();
  await claim(a.page, scene.links[0][9]);
  await b.page.goto(`${base}/wallet/#k=${k}&n=Dana`);
  await b.page.getByText("1 coupon found").waitFor();
  await claim(b.page, scene.links[0][10]);
  await a.page.goto(`${base}/wallet/`);
  await cards(a.page).first().waitFor();
  await a.page.getByRole("button", { name: "Look for coupons" }).click();
  await cards(a.page).nth(1).waitFor();
  await a.page.getByText("1 coupon found").first().waitFor();
  // What is done most is in sight, however long the list.
  const bar = await a.page.getByRole("link", { name: "Scan a code" }).boundingBox();
  assert.ok(bar.y + bar.height <= 844, `"Scan a code" ends at ${bar.y + bar.height}`);

  await a.page.goto(`${second}/wallet/`);
  await a.page.getByText("Coupons stay in the browser, at the address where you claimed them.").waitFor();
  await a.page.getByRole("link", { name: new URL(base).host, exact: true }).click();
  await cards(a.page).nth(1).waitFor();
  await a.page.goto(`${base}/wallet/#/keep`);
  await a.page.getByText(`Your coupons are kept for ${new URL(base).host}`).waitFor();
  assert.deepEqual([...a.faults, ...b.faults], []);
});

test("a link works with what chats and trackers hang on it, and shows what it is about", async () => {
  const link = scene.links[0][11];
  const { page } = await scene.device();
  const tails = [").", "%20", "&utm_source=x", "?fbclid=abc", "。"].map((tail) => link + tail);
  for (const url of [...tails, link.replace("#", "?fbclid=IwAR0#"), link.replace("#", "%23")]) {
    await page.goto("about:blank");
    await page.goto(url);
    await page.getByRole("button", { name: "Claim" }).waitFor();
    assert.equal(new URL(page.url()).hash, "", url);
  }
  const head = await (await fetch(link)).text();
  assert.match(head, /og:title" content="Free &lt;b&gt;coffee&lt;\/b&gt;/);
  assert.doesNotMatch(head, /<b>coffee/);
});

test("coupons come back from an encrypted file, which a wrong passphrase does not open", async () => {
  const { page } = await scene.device();
  await claim(page, scene.links[0][4]);
  await page.goto(`${scene.network.nodes[0]}/wallet/#/keep`);
  await page.getByLabel("Passphrase").fill("six quiet geese");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save the file" }).click(),
  ]);
  const file = await download.path();
  assert.match(await readFile(file, "utf8"), /^-----BEGIN AGE ENCRYPTED FILE-----/);

  const other = await scene.device();
  await other.page.goto(`${scene.network.nodes[0]}/wallet/#/restore`);
  await other.page.getByLabel("Or a saved file").setInputFiles(file);
  await other.page.getByLabel("Passphrase").fill("six loud geese");
  await other.page.getByRole("button", { name: "Open the file" }).click();
  await other.page.getByText("That passphrase does not open this file.").waitFor();
  await other.page.getByLabel("Passphrase").fill("six quiet geese");
  await other.page.getByRole("button", { name: "Open the file" }).click();
  await other.page.getByRole("link", { name: /Free/ }).waitFor();
});

test("coupons come back with a passkey", async () => {
  const { page, context } = await scene.device();
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      hasPrf: true,
      automaticPresenceSimulation: true,
    },
  });
  const base = scene.network.nodes[0].replace("127.0.0.1", "localhost"); // passkeys need a name
  await page.goto(scene.links[0][5].replace("127.0.0.1", "localhost"));
  await page.getByRole("button", { name: "Claim" }).click();
  await page.getByText("It is yours").waitFor();
  await page.goto(`${base}/wallet/#/keep`);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Make the passkey" }).click(),
  ]);
  const file = await download.path();
  // The device loses its data; the passkey stays.
  await page.evaluate(async () => {
    for (const d of await indexedDB.databases()) indexedDB.deleteDatabase(d.name);
  });
  await page.goto(`${base}/wallet/#/restore`);
  await page.reload();
  await page.getByLabel("Or a saved file").setInputFiles(file);
  await page.getByRole("button", { name: "Open the file" }).click();
  await page.getByRole("link", { name: /Free/ }).waitFor();
});

test("a camera reads a ticket", async () => {
  const video = path.join(scene.network.dir, "ticket.y4m");
  await writeFile(video, filmOf(scene.links[0][7]));
  const other = await launch([
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${video}`,
  ]);
  try {
    const { context, faults } = await profile(other, { permissions: ["camera"] });
    const page = await context.newPage();
    await page.goto(`${scene.network.nodes[0]}/wallet/#/scan`);
    await page.getByRole("button", { name: "Claim" }).click();
    await page.getByText("It is yours").waitFor();
    assert.deepEqual(faults, []);
  } finally {
    await other.close();
  }
});

test("nothing secret lies in the clear on the device", async () => {
  const { page } = await scene.device();
  await claim(page, scene.links[0][6]);
  await page.goto(`${scene.network.nodes[0]}/wallet/#/keep`);
  const words = await phrase(page);
  const kept = await page.evaluate(async () => {
    const out = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise((r) => {
        const q = indexedDB.open(name);
        q.onsuccess = () => r(q.result);
      });
      for (const store of db.objectStoreNames) {
        const rows = await new Promise((r) => {
          const q = db.transaction(store).objectStore(store).getAll();
          q.onsuccess = () => r(q.result);
        });
        for (const row of rows) {
          const key = row?.web ?? row;
          if (key instanceof CryptoKey) {
            out.push(`extractable: ${key.extractable}`);
            continue;
          }
          out.push(
            JSON.stringify(row, (_, v) =>
              typeof v === "bigint" ? String(v) : v instanceof Uint8Array ? [...v].join() : v,
            ) ?? "",
          );
        }
      }
    }
    return out.join("\n");
  });
  assert.match(kept, /extractable: false/);
  // A single word may be a field's name; two in a row are the phrase, however they are parted.
  const pairs = words.slice(1).map((w, n) => new RegExp(`\\b${words[n]}\\W{1,3}${w}\\b`));
  assert.deepEqual(
    pairs.filter((p) => p.test(kept)),
    [],
  );
  assert.doesNotMatch(kept, /"raw":/);
});
