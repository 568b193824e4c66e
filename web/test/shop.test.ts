// A shop's looks: the ink on any colour, opening hours in words and fields, and what a browser's pictures are made into.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inspectLogo, signProfile, type OpenSpan } from "@scrip/sdk/profiles";
import { Chain, signerOf } from "@scrip/sdk/transactions";
import { plainJpeg, plainPng } from "../src/console/shop/logo.ts";
import { firstColour, formOf, readForm, websiteOf, type ShopForm } from "../src/console/shop/form.ts";
import { hoursText } from "../src/kit/shop/hours.ts";
import { inkOn, luminance } from "../src/kit/shop/look.ts";

test("the ink on any colour has 4.5:1", () => {
  for (let r = 0; r < 256; r += 15) {
    for (let g = 0; g < 256; g += 15) {
      for (let b = 0; b < 256; b += 15) {
        const ground = `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
        const [x, y] = [luminance(ground), luminance(inkOn(ground))].sort((p, q) => q - p);
        expect((x! + 0.05) / (y! + 0.05), ground).toBeGreaterThanOrEqual(4.5);
      }
    }
  }
});

test("days with the same hours stand together", () => {
  const at = (day: number, from: number, until: number): OpenSpan => ({ day, from: from * 60, until: until * 60 });
  expect(hoursText([])).toEqual([]);
  expect(
    hoursText([at(0, 8, 12), at(0, 13, 18), at(1, 8, 12), at(1, 13, 18), at(3, 9, 17), at(4, 9, 17), at(5, 20, 26)]),
  ).toEqual([
    { days: "Mon–Tue", times: "08:00–12:00, 13:00–18:00" },
    { days: "Thu–Fri", times: "09:00–17:00" },
    { days: "Sat", times: "20:00–02:00" },
  ]);
  expect(hoursText(Array.from({ length: 7 }, (_, day) => at(day, 0, 24)))).toEqual([
    { days: "Mon–Sun", times: "00:00–24:00" },
  ]);
});

const empty = formOf(undefined);
const form = (change: Partial<ShopForm>): ShopForm => ({ ...empty, ...change });
const day = (from: string, until: string) => [[{ from, until }], [], [], [], [], [], []];

test("what is typed becomes a profile, and comes back as it was typed", () => {
  expect(empty.colour).toBe(firstColour);
  const { profile, faults } = readForm(
    form({
      address: " 12 Quay Street \n\nFirst floor",
      days: day("20:00", "02:00"),
      website: "Bakery.example/Menu",
      phone: " +49 30 5550102 ",
    }),
    2,
  );
  expect(faults).toEqual({});
  expect(profile).toMatchObject({
    member: 2,
    address: ["12 Quay Street", "First floor"],
    hours: [{ day: 0, from: 1200, until: 1560 }],
    website: "https://bakery.example/Menu",
    phone: "+49 30 5550102",
  });
  const chain = new Chain(new Uint8Array(32));
  const signed = signProfile(chain, { ...profile!, at: 1 }, [signerOf(new Uint8Array(32))]);
  expect(readForm(formOf(signed), 2).profile).toEqual(profile);
  expect(readForm(form({ days: day("00:00", "00:00") }), 2).profile?.hours).toEqual([{ day: 0, from: 0, until: 1440 }]);
  expect(websiteOf("")).toBe("");
});

test("what breaks a rule is named", () => {
  const faults = (change: Partial<ShopForm>) => Object.keys(readForm(form(change), 2).faults);
  expect(faults({ address: "1\n2\n3\n4\n5" })).toEqual(["lines"]);
  expect(faults({ address: "长".repeat(22) })).toEqual(["address"]);
  expect(faults({ days: day("08:00", "") })).toEqual(["hours"]);
  expect(
    faults({
      days: [
        [
          { from: "08:00", until: "12:00" },
          { from: "11:00", until: "13:00" },
        ],
        [],
        [],
        [],
        [],
        [],
        [],
      ],
    }),
  ).toEqual(["hours"]);
  expect(faults({ website: "http://bakery.example" })).toEqual(["website"]);
  expect(faults({ website: "javascript:alert(1)" })).toEqual(["website"]);
  expect(faults({ phone: "030 123" })).toEqual(["phone"]);
});

test("a picture keeps what draws and nothing else", () => {
  const icon = new Uint8Array(readFileSync(new URL("../src/wallet/public/icon-180.png", import.meta.url)));
  const end = icon.length - 12;
  const text = Uint8Array.of(0, 0, 0, 1, 0x74, 0x45, 0x58, 0x74, 0x41, 0, 0, 0, 0);
  const more = Uint8Array.from([...icon.subarray(0, end), ...text, ...icon.subarray(end)]);
  expect(inspectLogo(more)).toBeUndefined();
  expect(inspectLogo(plainPng(more))).toMatchObject({ type: "image/png", width: 180 });
  const jpeg = (extra: number[]) =>
    Uint8Array.from([
      0xff,
      0xd8,
      ...extra,
      0xff,
      0xc0,
      0,
      11,
      8,
      0,
      32,
      0,
      32,
      1,
      1,
      0x11,
      0,
      0xff,
      0xda,
      0,
      8,
      1,
      1,
      0,
      0,
      0x3f,
      0,
      1,
      2,
      3,
      0xff,
      0xd9,
    ]);
  const placed = jpeg([0xff, 0xe1, 0, 4, 1, 2, 0xff, 0xfe, 0, 3, 7]);
  expect(inspectLogo(placed)).toBeUndefined();
  expect(plainJpeg(placed)).toEqual(jpeg([]));
  expect(inspectLogo(plainJpeg(placed))).toMatchObject({ type: "image/jpeg", width: 32, height: 32 });
});
