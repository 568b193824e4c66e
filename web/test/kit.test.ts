// Pictures of the kit that machines must read, and routes.
import { nodesToAsk } from "../src/kit/chain.ts";
import { expect, test } from "vitest";
import { decodeQR } from "qr/decode.js";
import { qrPath } from "../src/kit/qr.tsx";
import { rosettePath } from "../src/kit/rosette.tsx";
import { match } from "../src/kit/router.ts";

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
