// Pictures of the kit that machines must read, and routes.
import { expect, test } from "vitest";
import { decodeQR } from "qr/decode.js";
import { qrPath } from "../src/kit/qr.tsx";
import { rosettePath } from "../src/kit/rosette.tsx";
import { match } from "../src/kit/router.ts";
import { awayOf, nodesToAsk } from "../src/kit/chain.ts";
import { fileText } from "../src/kit/file.ts";
import { language } from "../src/kit/i18n.ts";
import { outageText } from "../src/kit/ledger/outage.tsx";

// paint draws a path of "Mx yhNv1h-Nz" as pixels, some to a module.
function paint({ path, size }: { path: string; size: number }, scale: number) {
  const width = size * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const m of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    const [x, y, run] = [Number(m[1]), Number(m[2]), Number(m[3])];
    for (let py = y * scale; py < (y + 1) * scale; py++) {
      for (let px = x * scale; px < (x + run) * scale; px++)
        data.fill(0, (py * width + px) * 4, (py * width + px) * 4 + 3);
    }
  }
  return { width, height: width, data };
}

test("a code is read back as it was written, with four modules of white around it", () => {
  for (const text of ["SCRP:8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ", "https://coupons.example/c#" + "A".repeat(138)]) {
    const drawn = qrPath(text);
    expect(decodeQR(paint(drawn, 4))).toBe(text);
    const xs = [...drawn.path.matchAll(/M(\d+) (\d+)/g)].flatMap((m) => [Number(m[1]), Number(m[2])]);
    expect(Math.min(...xs)).toBe(4);
  }
});

test("a campaign has one ornament, and another campaign another", () => {
  expect(rosettePath(7)).toBe(rosettePath(7));
  expect(rosettePath(7)).not.toBe(rosettePath(8));
});

test("routes are matched part by part", () => {
  expect(match("/coupon/:id", "/coupon/4294967297")).toEqual({ id: "4294967297" });
  expect(match("/coupon/:id", "/coupon/")).toBeUndefined();
  expect(match("/coupon/:id", "/coupon/1/2")).toBeUndefined();
  expect(match("/s/:q", "/s/a%20b")).toEqual({ q: "a b" });
  expect(match("/s/:q", "/s/%E0%A4%A")).toBeUndefined();
});

test("a node under two addresses is one node", () => {
  const listed = [0, 1, 2].map((replica) => ({ replica, url: `http://127.0.0.1:${7600 + 10 * replica}/` }));
  const [own, second, third] = listed.map((n) => new URL(n.url).origin);
  expect(nodesToAsk("http://127.0.0.1:7610", listed, undefined)).toEqual([second, own, third]);
  expect(nodesToAsk("http://localhost:7610", listed, 1)).toEqual(["http://localhost:7610", own, third]);
  expect(nodesToAsk("http://localhost:7610", [null, { url: "javascript:alert(1)" }, 4], 1)).toEqual([
    "http://localhost:7610",
  ]);
  expect(nodesToAsk("http://localhost:7610", "x", undefined)).toEqual(["http://localhost:7610"]);
});

test("who does not answer is said with the time since when, and what the network bears", () => {
  language.value = "en";
  const nodes = ["http://a", "http://b", "http://c", "http://d"];
  const first = awayOf(nodes, [true, true, true, false], [], 1000);
  expect(first).toEqual([{ node: "http://d", sinceMs: 1000 }]);
  const second = awayOf(nodes, [true, true, false, false], first, 2000);
  expect(second).toEqual([
    { node: "http://c", sinceMs: 2000 },
    { node: "http://d", sinceMs: 1000 },
  ]);
  expect(awayOf(nodes, [true, true, true, true], second, 3000)).toEqual([]);
  const names = new Map([["http://d", "Books"]]);
  expect(outageText(first, names, 4, 3)).toMatch(
    /^Not answering here: Books \(since .+\)\. The network goes on, but not if one more fails\.$/,
  );
  expect(outageText(first, names, 7, 5)).toMatch(/even if 1 more fail/);
  expect(outageText(second, names, 4, 3)).toMatch(/c \(since .+\), Books .*3 of 4 must agree/);
});

test("a file is read in the forms in which it travels, and what is no text is none", async () => {
  const text = "scrip key file 家";
  const utf16 = (little: boolean) => {
    const b = new Uint8Array(2 + 2 * text.length);
    const view = new DataView(b.buffer);
    [0xfeff, ...[...text].map((c) => c.charCodeAt(0))].forEach((u, i) => view.setUint16(2 * i, u, little));
    return b;
  };
  for (const b of [
    new TextEncoder().encode(text),
    new TextEncoder().encode(`\uFEFF${text}`),
    utf16(true),
    utf16(false),
  ]) {
    expect(await fileText(new Blob([b]), 100)).toBe(text);
  }
  for (const b of [utf16(true).slice(2), new Uint8Array([0xff, 0xff, 0x80]), new Uint8Array(101)]) {
    expect(await fileText(new Blob([b]), 100)).toBeUndefined();
  }
});
