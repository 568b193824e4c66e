// What links bring, and what a wallet makes of a proven coupon.
import { expect, test } from "vitest";
import type { ProvenCoupon } from "@scrip/sdk/client";
import { base64url } from "@scrip/sdk/bytes";
import { linkFragment, payloadText } from "@scrip/sdk/links";
import { showCode } from "@scrip/sdk/actions";
import { SecretKey } from "@scrip/sdk/keys";
import { Chain } from "@scrip/sdk/transactions";
import { readAddress, readArrival, readScanned } from "../src/wallet/arrival.ts";
import { leftOf } from "../src/wallet/claim.tsx";
import { byEnd, Session, standing } from "../src/wallet/model.ts";
import type { Slip } from "../src/wallet/purse.ts";
import { cashierText, codeOf, textOf } from "../src/kit/refusal/refusal.ts";
import { codes } from "@scrip/sdk/codes";
import { language } from "../src/kit/i18n.ts";
import { terms } from "./samples.ts";

const chain = new Chain(new Uint8Array(32).fill(7));
const other = new Chain(new Uint8Array(32).fill(8));
const gift = { type: "gift" as const, coupon: (3n << 32n) | 5n, seed: new Uint8Array(16).fill(9) };

test("a gift link is read from a camera, a paste and a fragment", () => {
  const fragment = linkFragment(chain, gift);
  expect(readArrival(chain, "/g", fragment)).toEqual({ kind: "gift", gift });
  expect(readScanned(chain, `https://coupons.example/g#${fragment}`)).toEqual({ kind: "gift", gift });
  expect(readScanned(chain, ` ${fragment}\n`)).toEqual({ kind: "gift", gift });
});

test("a link that is damaged or of another network does nothing", () => {
  const fragment = linkFragment(chain, gift);
  expect(readArrival(chain, "/g", fragment.slice(0, -3))).toEqual({ kind: "bad", code: "E101" });
  expect(readArrival(other, "/g", fragment)).toEqual({ kind: "bad", code: "E103" });
  for (const text of [
    "",
    "%",
    "javascript:alert(1)",
    "c=0",
    "c=-1",
    "c=1e99",
    "k=",
    "k=AAAA",
    "=".repeat(5000),
    "x".repeat(100_000),
  ]) {
    expect(readArrival(chain, "/wallet/", text).kind, text.slice(0, 40)).toBe("bad");
  }
});

test("nothing is signed that is good for longer than the chain allows, or than two and a half minutes", () => {
  const nowMs = 1_795_000_000_000;
  const session = (holderLifeMs: number) => {
    const link = { chain, nowMs: () => nowMs, genesis: { holderLifeMs }, client: {} };
    const purse = { key: () => SecretKey.generate("holder") };
    return new Session(link as never, purse as never);
  };
  const slip = { id: gift.coupon, seq: 0, valueLeft: 0n } as Slip;
  expect(session(180_000).showCode(slip, 115_000).auth.expires).toBe(nowMs + 115_000);
  expect(session(90_000).showCode(slip, 115_000).auth.expires).toBe(nowMs + 90_000);
  expect(session(3_600_000).authLimitMs()).toBe(nowMs + 150_000);
});

test("what is left of a poster's coupons is what was released and nobody has claimed", () => {
  expect(leftOf({ nextSerial: 31, issued: 4 })).toBe(26);
  expect(leftOf({ nextSerial: 1, issued: 0 })).toBe(0);
});

test("a shown code is for tills, not for wallets", () => {
  const code = showCode(chain, { id: gift.coupon, seq: 0 }, SecretKey.generate("holder"), {
    value: 450n,
    nowMs: 1_795_000_000_000,
  });
  expect(readScanned(chain, payloadText(chain, code))).toEqual({ kind: "bad", code: "E101" });
});

const tails = [
  ".",
  ")",
  ",",
  "%20",
  "%3E",
  "\u00a0",
  "。",
  "&utm_source=x",
  "?fbclid=abc",
  "&utm_source=x&utm_medium=y",
];

test("what hangs on behind a link does not count, from the address bar, a camera or a paste", () => {
  const fragment = linkFragment(chain, gift);
  const poster = { kind: "poster", campaign: 4, desk: "https://desk.example" };
  const k = base64url(new Uint8Array(16).fill(1));
  for (const tail of tails) {
    expect(readArrival(chain, "/g", fragment + tail), tail).toEqual({ kind: "gift", gift });
    expect(readScanned(chain, `Look: https://x/g#${fragment}${tail}`), tail).toEqual({ kind: "gift", gift });
    expect(readScanned(chain, `https://x/g%23${fragment}${tail}`), tail).toEqual({ kind: "gift", gift });
    expect(readArrival(chain, "/p", `c=4&d=https%3A%2F%2Fdesk.example${tail}`), tail).toEqual(poster);
    expect(readArrival(chain, "/p", `c=4&d=https:/desk.example${tail}`), tail).toEqual(poster);
    expect(readScanned(chain, `(https://x/p#c=4&d=https%3A%2F%2Fdesk.example${tail}`), tail).toEqual(poster);
    expect(readArrival(chain, "/p", `c=4${tail}`), tail).toEqual({ ...poster, desk: undefined });
    expect(readArrival(chain, "/wallet/", `k=${k}${tail}`), tail).toMatchObject({ kind: "wallet" });
  }
});

test("a poster's campaign stands in its path, which chats show", () => {
  const poster = { kind: "poster", campaign: 4, desk: undefined };
  expect(readAddress(chain, "/p/4", undefined)).toEqual(poster);
  expect(readAddress(chain, "/p/4", "d=https%3A%2F%2Fdesk.example")).toEqual({
    ...poster,
    desk: "https://desk.example",
  });
  expect(readAddress(chain, "/wallet/", undefined)).toBeUndefined();
  for (const path of ["/p/0", "/p/4294967296", "/p/", "/p", "/c/4"]) {
    expect(readAddress(chain, path, undefined), path).toBeUndefined();
  }
  for (const tail of ["", ".", ")", "?fbclid=abc", "。", " today"]) {
    expect(readScanned(chain, `https://x/p/4${tail}`), tail).toEqual(poster);
  }
  expect(readScanned(chain, "https://x/p/4#d=https%3A%2F%2Fdesk.example)")).toEqual({
    ...poster,
    desk: "https://desk.example",
  });
});

test("a poster names campaign and desk, and only web addresses", () => {
  expect(readArrival(chain, "/p", "c=4&d=https%3A%2F%2Fdesk.example%2Fx")).toEqual({
    kind: "poster",
    campaign: 4,
    desk: "https://desk.example",
  });
  expect(readArrival(chain, "/p", "c=4&d=javascript:alert(1)")).toEqual({
    kind: "poster",
    campaign: 4,
    desk: undefined,
  });
});

test("a wallet in a link has 12 or 24 words, a short name, and coupons that are used up", () => {
  const k = base64url(new Uint8Array(16).fill(1));
  expect(readArrival(chain, "/wallet/", `k=${k}&n=Bo&u=4294967298.1,x,5.-1`)).toEqual({
    kind: "wallet",
    entropy: new Uint8Array(16).fill(1),
    owner: "Bo",
    used: [{ id: 4294967298n, n: 1 }],
  });
  expect(readArrival(chain, "/wallet/", `k=${base64url(new Uint8Array(17))}`).kind).toBe("bad");
});

test("a coupon's state is what its holder can do with it", () => {
  const t = terms({ redeemFrom: 1000 });
  const c = (x: Partial<ProvenCoupon>) => ({ standing: "HELD", terms: t, ...x }) as ProvenCoupon;
  expect(standing(c({}), true, 999)).toBe("early");
  expect(standing(c({}), true, 1000)).toBe("usable");
  expect(standing(c({}), false, 1000)).toBe("given");
  const offered = c({ standing: "GIFTED", gift: { key: new Uint8Array(32), until: 2000 } });
  expect(standing(offered, true, 1999)).toBe("offered");
  expect(standing(offered, true, 2000)).toBe("usable");
  expect(standing(c({ standing: "REDEEMED" }), true, 1000)).toBe("redeemed");
  expect(standing(c({ standing: "EXPIRED" }), true, 1000)).toBe("expired");
});

test("what ends first stands first, and the past stands newest first", () => {
  const slip = (state: Slip["state"], untilMs: number, atMs = 0) =>
    ({ state, untilMs, seenMs: 0, uses: atMs ? [{ atMs }] : [] }) as unknown as Slip;
  expect([slip("usable", 9), slip("usable", 3)].sort(byEnd).map((s) => s.untilMs)).toEqual([3, 9]);
  expect([slip("redeemed", 9, 5), slip("redeemed", 3, 7)].sort(byEnd).map((s) => s.uses[0]?.atMs)).toEqual([7, 5]);
});

test("every code of the rules has words for holder and cashier, in both languages", () => {
  for (const code of ["en", "zh"] as const) {
    language.value = code;
    for (const { code: name, stage } of codes()) {
      if (stage !== 1) continue;
      expect(textOf(name).title, name).not.toBe("");
      expect(textOf(name).detail, name).toBeTruthy();
      expect(cashierText(name).say, name).not.toBe("");
    }
  }
  language.value = "en";
  expect(cashierText("E509").word).toBe("Already used");
  expect(cashierText("no_quorum").say).toContain("Do not hand over");
  expect(codeOf(new Error("?"))).toBe("unexpected");
});
