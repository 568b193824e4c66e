// What people do at the faces, as the tests say it.
import { inflateSync } from "node:zlib";
import { encodeQR } from "qr";
import { decodeQR } from "qr/decode.js";

/** pixels reads a PNG of 8-bit RGB or RGBA, as screenshots are. */
function pixels(png) {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const channels = png[25] === 6 ? 4 : 3;
  const parts = [];
  for (let at = 8; at < png.length;) {
    const size = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const data = new Uint8Array(width * height * 4).fill(255);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    const row = new Uint8Array(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    unfilter(row, above, filter, channels);
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) data[(y * width + x) * 4 + c] = row[x * channels + c];
    }
    above = row;
  }
  return { width, height, data };
}

function unfilter(row, above, filter, step) {
  for (let i = 0; i < row.length; i++) {
    const left = i >= step ? row[i - step] : 0;
    const corner = i >= step ? above[i - step] : 0;
    const up = above[i];
    const paeth = () => {
      const p = left + up - corner;
      const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
      return a <= b && a <= c ? left : b <= c ? up : corner;
    };
    row[i] += [0, left, up, (left + up) >> 1, filter === 4 ? paeth() : 0][filter];
  }
}

/** readCode decodes the QR code that a page shows, from a picture of it, as a camera would. */
export async function readCode(page) {
  const code = page.locator("[data-qr]");
  await code.waitFor();
  return decodeQR(pixels(await code.screenshot()));
}

/** claim opens a link and taps once. */
export async function claim(page, link) {
  await page.goto(link);
  await page.getByRole("button", { name: "Claim" }).click();
  await page.getByText("It is yours").waitFor();
  await page.getByRole("button", { name: "Open" }).click();
}

/** openTill makes a page the till of a key that is registered. */
export async function openTill(page, base, seed, more = "") {
  await page.goto(`${base}/till/#k=${seed}${more}`);
  await page.getByRole("heading", { name: /Scan the customer’s code|扫描顾客的码/ }).waitFor();
}

const scannerSeconds = 0.004; // from key to key
const pauseSeconds = 0.5; // since whatever was typed before: without it the till takes both for one scan

const shiftedKeys = { $: "Digit4", "%": "Digit5", "*": "Digit8", "+": "Equal", ":": "Semicolon" };
const plainKeys = { " ": "Space", "-": "Minus", ".": "Period", "/": "Slash", "]": "BracketRight" };

/**
 * scannerKeys are the keys that a scanner presses for a US keyboard, with their places, and what a
 * computer of another layout takes them for.
 */
export function scannerKeys(text, layout = (c) => c) {
  return [...text].map((c) => {
    const letter = /[A-Z]/i.test(c) && `Key${c.toUpperCase()}`;
    const code = letter || (/\d/.test(c) && `Digit${c}`) || shiftedKeys[c] || plainKeys[c];
    const shift = (letter && c !== c.toLowerCase()) || c in shiftedKeys;
    const key = layout(c);
    return { key, code, modifiers: shift ? 8 : 0, ...(key.length === 1 ? { text: key } : {}) };
  });
}

/**
 * wedge types a code as a USB scanner does, given as a text or as keys: they have the scanner's times,
 * however busy the machine is.
 */
export async function wedge(page, typed, { blur = true } = {}) {
  if (blur) await page.evaluate(() => document.activeElement?.blur?.());
  const device = await page.context().newCDPSession(page);
  const began = Date.now() / 1000 + pauseSeconds;
  const text = typeof typed === "string" ? [...typed].map((key) => ({ key, text: key })) : typed;
  const keys = [...text, { key: "Enter", text: "\r" }];
  await Promise.all(
    keys.map((key, i) =>
      device.send("Input.dispatchKeyEvent", { type: "keyDown", timestamp: began + i * scannerSeconds, ...key }),
    ),
  );
  await device.detach();
}

/** shownToday waits until a till says that it took so many coupons today. */
export function shownToday(page, n) {
  return page.locator(`[data-today="${n}"]`).waitFor();
}

/** takenBy is how many coupons the ledger says that a member's tills took, less those undone. */
export async function takenBy(network, member) {
  const answer = await fetch(`${network.nodes[0]}/v1/members/${member}/takings?limit=500`);
  const { items } = await answer.json();
  return items.reduce((n, x) => n + (x.type === "redemption.accrued" ? 1 : -1), 0);
}

/** phrase reads the twelve words that a wallet shows a moment after it was asked for them. */
export async function phrase(page) {
  await page.getByRole("button", { name: "Show the words" }).click();
  const words = page.locator("[data-words] li");
  await words.nth(11).waitFor();
  return words.allInnerTexts();
}

/** bill types an amount in minor units on the till's keys. */
export async function bill(page, minor) {
  await page.getByRole("button", { name: "OK" }).waitFor();
  for (const digit of String(minor)) await page.getByRole("button", { name: digit, exact: true }).click();
  await page.getByRole("button", { name: "OK" }).click();
}

/** takeAgain scans a code a second time; on a slow machine its minute may be over before the bill is asked for. */
export async function takeAgain(page, code, minor) {
  await wedge(page, code);
  const ok = page.getByRole("button", { name: "OK" });
  await ok.or(page.locator('[data-result="refused"]')).first().waitFor();
  if (await ok.isVisible()) await bill(page, minor);
}

/** result waits for the final answer of a till; what it says is read at once, as it leaves by itself. */
export async function result(page, kind) {
  return page.locator(`[data-result="${kind}"]`).innerText();
}

/** nextCustomer leaves a final result, which on a slow machine has left by itself before. */
export async function nextCustomer(page) {
  const next = page.getByRole("button", { name: "Next customer" });
  const ready = page.getByRole("heading", { name: "Scan the customer’s code" });
  await next.or(ready).first().waitFor();
  await next.evaluateAll((all) => all.forEach((button) => button.click()));
  await ready.waitFor();
}

/** readOut is the short code of a wallet's page that shows a code; it is good for about two minutes. */
export async function readOut(page) {
  await page.getByRole("button", { name: /Read out a code/ }).click();
  return page.locator("[data-short-code]").innerText();
}

/** typeCode types a code that was read out, and waits until the till asks for the bill. */
export async function typeCode(page, short) {
  await page.getByLabel("Or type the code").fill(short);
  await page.getByRole("button", { name: "Take it" }).click();
  await page.getByRole("button", { name: /or more/ }).waitFor();
}

/** filmOf is a short film (YUV4MPEG2) of a paper with a code on it, for a browser's false camera. */
export function filmOf(text) {
  const [width, height] = [640, 480];
  const code = encodeQR(text, "raw", { ecc: "medium", border: 4 });
  const scale = Math.floor((height - 40) / code.length);
  const [left, top] = [(width - scale * code.length) >> 1, (height - scale * code.length) >> 1];
  const light = Buffer.alloc(width * height, 200);
  code.forEach((row, y) =>
    row.forEach((dark, x) => {
      for (let py = 0; py < scale; py++) {
        const at = (top + y * scale + py) * width + left + x * scale;
        light.fill(dark ? 40 : 230, at, at + scale);
      }
    }),
  );
  const frame = Buffer.concat([Buffer.from("FRAME\n"), light, Buffer.alloc((width * height) / 2, 128)]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), frame, frame, frame]);
}
