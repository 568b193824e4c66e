// The console's model: exact costs, what a draft may say, links, days and files.
import { describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { SecretKey, keyFileBody } from "@scrip/sdk/keys";
import { payloadLink, parsePayload, ticketSigned } from "@scrip/sdk/links";
import { hex } from "@scrip/sdk/bytes";
import { Refusal, type RefusedBy } from "@scrip/sdk/errors";
import { liability, termsFault, type Terms } from "@scrip/sdk/terms";
import { termsTextHash } from "@scrip/sdk/texts";
import { parseGenesis } from "@scrip/sdk/verify";
import type { CampaignAnswer, CourseAnswer, TakingAnswer, TotalAnswer } from "@scrip/sdk/answers";
import type { Link } from "../src/kit/chain.ts";
import { all, choose, gather, type Choice } from "../src/console/campaigns.ts";
import { axisTop, courseFile, daysBetween, lay, partsOf, sumOf } from "../src/console/course.ts";
import { csv, csvStyle, Decimal } from "../src/console/csv.ts";
import { addUp, dayFile, daySpan, linesFile, takenBy } from "../src/console/day.ts";
import { follower, sampleEvent } from "../src/console/developers.tsx";
import { isLoopback } from "../src/console/handout.tsx";
import { draftOf, duplicateOf, kinds, percentOf, readDraft, type Draft } from "../src/console/draft.ts";
import { moment } from "../src/console/dates.ts";
import { HandIns, refusedMax } from "../src/console/handins.ts";
import { inCurrency, templates } from "../src/console/home.tsx";
import { readBrought, seedOf } from "../src/console/session.ts";
import { ticketAt, type OwnBatch } from "../src/console/tickets.ts";
import { fitting } from "../src/console/wording.tsx";

const genesis = parseGenesis(
  new Uint8Array(readFileSync(new URL("../../genesis/testdata/dev4.json", import.meta.url))),
);
const { chain } = genesis;
const euro = { letters: "EUR", exponent: 2 };
const now = new Date(2026, 10, 22, 12, 0).getTime();
const coffee = (more: Partial<Draft> = {}) =>
  draftOf("FREE_ITEM", "Free coffee", 978, now, { value: "4.50", count: "200", ...more });
const read = (d: Draft) => readDraft(d, 2, euro, now);

describe("cost ceiling", () => {
  test("it is the worst case of one coupon times their number, in minor units", () => {
    expect(read(coffee()).cost).toEqual({ one: 450n, all: 90_000n, budget: 90_000n, covers: 200 });
    const percent = draftOf("PERCENT", "x", 978, now, { percent: "20", ceiling: "10", count: "3" });
    expect(read(percent).cost).toEqual({ one: 1000n, all: 3000n, budget: 3000n, covers: 3 });
    const stored = draftOf("STORED", "x", 978, now, { value: "50", count: "40" });
    expect(read(stored).cost?.all).toBe(200_000n);
  });
  test("amounts beyond a float's reach stay exact", () => {
    const d = draftOf("AMOUNT", "x", 978, now, { value: "999999.99", count: "90000" });
    expect(read(d).cost?.all).toBe(99_999_999n * 90_000n);
  });
  test("a smaller budget says how many coupons it is sure for", () => {
    expect(read(coffee({ budget: "100" })).cost).toEqual({ one: 450n, all: 90_000n, budget: 10_000n, covers: 22 });
    expect(read(coffee({ budget: "4.49" })).faults.budget).toBe("faultBudget");
    expect(read(coffee({ budget: "900.01" })).faults.budget).toBe("faultMoney");
  });
});

test("every kind's good draft gives terms that the domain rules take", () => {
  for (const kind of kinds) {
    const d = draftOf(kind, "x", 978, now, { value: "5", percent: "12,5", ceiling: "10" });
    const { terms, faults } = read(d);
    expect(faults).toEqual({});
    expect(terms && termsFault(terms)).toBeUndefined();
    expect(terms?.valueKind).toBe(kind);
  }
});

test("each wrong field is named, and no terms come of it", () => {
  const wrong: [Partial<Draft>, keyof Draft, string][] = [
    [{ title: " " }, "title", "faultNeeded"],
    [{ title: "咖".repeat(22) }, "title", "faultLong"],
    [{ title: "a\u2028b" }, "title", "faultTitle"],
    [{ value: "" }, "value", "faultNeeded"],
    [{ value: "4.505" }, "value", "decimals"],
    [{ value: "1,000" }, "value", "ambiguous"],
    [{ value: "４．" }, "value", "point"],
    [{ value: "10000000000000.01" }, "value", "large"],
    [{ count: "1,000" }, "count", "ambiguous"],
    [{ count: "1.5" }, "count", "faultNumber"],
    [{ budget: "1,000" }, "budget", "ambiguous"],
    [{ count: "" }, "count", "faultNeeded"],
    [{ value: "0" }, "value", "faultMoney"],
    [{ count: "0" }, "count", "faultNumber"],
    [{ count: "10000001" }, "count", "faultNumber"],
    [{ each: "x" }, "each", "faultNumber"],
    [{ undoHours: "2161" }, "undoHours", "faultHours"],
    [{ claimUntil: "2026-11-21" }, "claimUntil", "faultPast"],
    [{ useUntil: "2026-11-30" }, "useUntil", "faultOrder"],
    [{ useUntil: "2037-01-01" }, "useUntil", "faultYears"],
    [{ claimUntil: "2026-02-30" }, "claimUntil", "faultNeeded"],
  ];
  for (const [change, field, fault] of wrong) {
    const r = read(coffee(change));
    expect(r.faults[field], JSON.stringify(change)).toBe(fault);
    expect(r.terms, JSON.stringify(change)).toBeUndefined();
  }
});

test("templates fit every currency, and are refitted when another one is chosen", () => {
  const [yen, dinar] = [
    { number: 392, letters: "JPY", exponent: 0 },
    { number: 414, letters: "KWD", exponent: 3 },
  ];
  const eur = { ...euro, number: 978 };
  for (const exponent of [0, 1, 2, 3, 4]) {
    const currency = { number: 999, letters: "XTS", exponent };
    for (const { draft } of templates(currency, now)) {
      const { faults, terms } = readDraft(draft, 2, currency, now);
      expect(faults, `${draft.kind} with ${exponent} decimals`).toEqual({});
      expect(terms && liability(terms) > 0n).toBe(true);
      expect(draft.title).not.toMatch(/[{}]/);
    }
  }
  const values = (c: typeof eur) => templates(c, now).map((x) => x.draft.value || x.draft.ceiling);
  expect(values(eur)).toEqual(["4.50", "5", "10", "20"]);
  expect(values(yen)).toEqual(["450", "500", "1000", "2000"]);
  expect(values(dinar)).toEqual(["4.500", "5", "10", "20"]);
  const draft = templates(eur, now)[1]?.draft as Draft;
  const moved = inCurrency({ ...draft, value: "7" }, eur, yen, now);
  expect([moved.currency, moved.value, moved.minSpend, moved.title]).toEqual([392, "7", "2500", "500 off from 2500"]);
  expect(inCurrency(inCurrency(draft, eur, yen, now), yen, eur, now)).toEqual(draft);
});

test("a day is included to its end, in the device's zone, also when the clocks change", () => {
  expect(moment("2026-12-31", "last")).toBe(new Date(2027, 0, 1).getTime());
  expect(moment("2026-12-31", "first")).toBe(new Date(2026, 11, 31).getTime());
  expect(moment("2026-10-25", "last")! - moment("2026-10-25", "first")!).toBe(
    daySpan("2026-10-25")!.until - daySpan("2026-10-25")!.from,
  );
  for (const edge of ["first", "last"] as const) expect(moment("2026-02-30", edge)).toBeUndefined();
  const span = daySpan("2026-10-25");
  expect(span).toEqual({ from: new Date(2026, 9, 25).getTime(), until: new Date(2026, 9, 26).getTime() });
  expect(daySpan("25.10.2026")).toBeUndefined();
});

test("percent is read in basis points", () => {
  expect(percentOf("20")).toBe(2000);
  expect(percentOf("12,5 %")).toBe(1250);
  expect(percentOf("0")).toBeUndefined();
  expect(percentOf("100.01")).toBeUndefined();
});

test("a link brings a key, an answer or nothing that is believed", () => {
  const seed = SecretKey.generate("member").exportSeed();
  const text = Buffer.from(seed).toString("base64url");
  expect(readBrought(`k=${text}&m=2`)).toEqual({ kind: "key", seed, member: 2 });
  for (const bad of ["", "k=AAAA&m=2", `k=${text}&m=-1`, `k=${text}&m=70000`, "k=%%%&m=1", "till=?"]) {
    expect(readBrought(bad), bad).toEqual({ kind: "bad" });
  }
});

test("a key is read as people have it, and a key of another kind is none", () => {
  const key = SecretKey.generate("member");
  expect(seedOf(keyFileBody(key))).toEqual(key.exportSeed());
  expect(seedOf(` ${hex(key.exportSeed())} `)).toEqual(key.exportSeed());
  expect(seedOf(keyFileBody(SecretKey.generate("till")))).toBeUndefined();
  expect(seedOf(key.address)).toBeUndefined();
  expect(seedOf("")).toBeUndefined();
  // As the command line writes it: two remarks first; and as it comes back from a foreign editor.
  const file = `# UNENCRYPTED SCRIP KEY. Whoever reads this file can sign with it.\n# Keep it.\n${keyFileBody(key)}`;
  expect(seedOf(file)).toEqual(key.exportSeed());
  expect(seedOf(`\uFEFF${file.replaceAll("\n", "\r\n")}`)).toEqual(key.exportSeed());
  expect(seedOf(`# a remark\n`)).toBeUndefined();
});

test("the links of a batch come out again the same, and the batch's key has signed them", () => {
  const key = SecretKey.generate("ticket");
  const batch: OwnBatch = {
    campaign: 7,
    first: 11,
    count: 5,
    ticketKey: hex(key.key),
    batch: 3,
    sealed: { nonce: new Uint8Array(), box: new Uint8Array() },
  };
  const [a, b] = [ticketAt(chain, batch, key, 12, now), ticketAt(chain, batch, key, 12, now)];
  expect(a).toEqual(b);
  expect(ticketAt(chain, batch, key, 13, now).seed).not.toEqual(a.seed);
  expect(ticketSigned(chain, a, key.key)).toBe(true);
  expect(ticketSigned(chain, { ...a, serial: 13 }, key.key)).toBe(false);
  expect(parsePayload(chain, payloadLink(chain, "https://coupons.example", a))).toEqual(a);
});

const total = (more: Partial<TotalAnswer> = {}): TotalAnswer => ({
  till: "scriptill1a",
  campaign: 1,
  currency: "EUR",
  count: "1",
  value: "450",
  payable: "450",
  voids: "0",
  voided_value: "0",
  voided_payable: "0",
  ...more,
});

test("pages of totals add up by till and campaign, exactly", () => {
  const sum = addUp([
    total(),
    total({ campaign: 2 }),
    total({ value: "9007199254740993", count: "2", voids: "1", voided_value: "450" }),
  ]);
  expect(sum).toHaveLength(2);
  expect(sum[0]).toMatchObject({ count: "3", value: "9007199254741443", voids: "1", voided_value: "450" });
});

const labels = {
  till: (k: string) => `Till ${k.slice(-1)}`,
  campaign: () => '=HYPERLINK("http://x")',
  currency: () => euro,
};
const origin = (totals: TotalAnswer[]) => ({
  chain: { chain, genesis },
  member: 2,
  name: "DEV Bakery",
  day: { span: { from: now, until: now + 86_400_000 }, height: 42, timeMs: now, totals },
  stateRoot: new Uint8Array(32).fill(0xab),
});
const cells = (line: string | undefined, by = ",") => (line ?? "").split(by);

test("the file of a day carries chain, height and state root, and no spreadsheet runs a title", () => {
  const totals = [total(), total({ till: "scriptill1b", voids: "1", voided_value: "100" })];
  const text = dayFile(origin(totals), labels, "point");
  const [head, first] = text.split("\r\n");
  expect(head).toMatch(/^date,till,till key,campaign,/); // the names come first, nothing before them
  expect(first).toContain(`Till a,scriptill1a,1,"'=HYPERLINK(""http://x"")",EUR,1,4.50,4.50,0,0.00,0.00`);
  expect(first).toContain(
    `,42,${new Date(now).toISOString()},${"ab".repeat(32)},2,DEV Bakery,${genesis.name},${hex(chain.digest)}`,
  );
  expect(dayFile(origin(totals.toReversed()), labels, "point")).toBe(text);
});

test("nothing in the files is a date that is none, and amounts are those of the reader's region", () => {
  const line: TakingAnswer = {
    id: "12.1.0",
    type: "redemption.accrued",
    time: { utc: new Date(now).toISOString(), ms: String(now) },
    till: "scriptill1a",
    coupon: String((3n << 32n) | 12n),
    seq: 0,
    value: "450",
    payable: "450",
  } as TakingAnswer;
  const point = linesFile(origin([]), [line], () => "EUR", labels, "point").split("\r\n");
  const comma = linesFile(origin([]), [line], () => "EUR", labels, "comma").split("\r\n");
  const column = (name: string, lines: string[], by: string) => cells(lines[1], by)[cells(lines[0], by).indexOf(name)];
  expect(column("campaign", point, ",")).toBe("3");
  expect(column("serial", point, ",")).toBe("12");
  expect(column("block", point, ",")).toBe("12");
  expect(column("value", point, ",")).toBe("4.50");
  expect(column("value", comma, ";")).toBe("4,50");
  for (const text of cells(point[1]).filter((x) => x !== "4.50"))
    expect(text).not.toMatch(/^\d{1,2}[-./]\d{1,2}([-./]\d+)?$|^\d+\.\d+\.\d+$/);
  expect(column("date", point, ",")).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  expect(column("time", point, ",")).toMatch(/^\d{2}:\d{2}:\d{2}$/);
  expect(csvStyle("de-DE")).toBe("comma");
  expect(csvStyle("en-US")).toBe("point");
  expect(csvStyle("zh-CN")).toBe("point");
});

test("what each till has taken is without what was undone", () => {
  expect(takenBy([total(), total({ campaign: 2, value: "100" }), total({ till: "x", voided_value: "450" })])).toEqual(
    new Map([
      ["scriptill1a", 550n],
      ["x", 0n],
    ]),
  );
});

test("an address that means each phone itself is known", () => {
  for (const host of ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "0.0.0.0", "app.localhost"]) {
    expect(isLoopback(host), host).toBe(true);
  }
  for (const host of ["coupons.example", "192.168.1.7", "localhost.example", "1127.0.0.1"]) {
    expect(isLoopback(host), host).toBe(false);
  }
});

test("a program that is copied from the page follows the stream and misses nothing", async () => {
  const event = sampleEvent("scrip:0", now);
  const wire = `: hello\n\nid: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  const parts = [wire.slice(0, 20), wire.slice(20, 90), wire.slice(90)].map((x) => new TextEncoder().encode(x));
  const asked: (string | undefined)[] = [];
  const kept: { id?: string } = {};
  const enough = new Error("enough");
  const told: unknown[] = [];
  const answer = (_: string, init: { headers: Record<string, string> }) => {
    asked.push(init.headers["Last-Event-ID"]);
    if (asked.length > 2) throw enough;
    return Promise.resolve({
      body: new ReadableStream({
        start: (c) => {
          for (const p of parts) c.enqueue(p);
          c.close();
        },
      }),
    });
  };
  const later = (act: () => void) => {
    if (asked.length > 2) throw enough;
    queueMicrotask(act);
  };
  const program = follower(["https://a.example", "https://b.example"]);
  const run = new Function("fetch", "load", "save", "handle", "setTimeout", `return (async () => {${program}})()`) as (
    ...a: unknown[]
  ) => Promise<void>;
  await expect(
    run(
      answer,
      () => kept.id,
      (id: string) => {
        kept.id = id;
      },
      (e: unknown) => {
        told.push(e);
      },
      later,
    ),
  ).rejects.toBe(enough);
  expect(told).toEqual([event, event]);
  expect(asked.slice(0, 2)).toEqual([undefined, event.id]);
});

test("a table's cells are quoted where they must be", () => {
  expect(csv([["a,b", 'c"d', "e\nf", 5, -1n, "+x", "-1.50"]])).toBe('"a,b","c""d","e\nf",5,-1,\'+x,-1.50\r\n');
  expect(csv([["a;b", new Decimal("1.50"), "1.50"]], "comma")).toBe('"a;b";1,50;1.50\r\n');
});

describe("beginnings", () => {
  const at = (more: Partial<Draft>) => read(coffee(more)).terms;
  test("an empty one is at once, and using begins as claiming does unless it is said", () => {
    expect(at({})).toMatchObject({ claimFrom: now - 60_000, redeemFrom: now - 60_000 });
    const first = new Date(2026, 11, 3).getTime();
    expect(at({ claimFrom: "2026-12-03" })).toMatchObject({ claimFrom: first, redeemFrom: first });
    expect(at({ useFrom: "2026-12-03" })).toMatchObject({ claimFrom: now - 60_000, redeemFrom: first });
  });
  test("a day begins at its start, so that one day alone can be the whole window", () => {
    const day = { claimFrom: "2026-12-24", claimUntil: "2026-12-24", useUntil: "2026-12-24" };
    expect(at(day)).toMatchObject({
      claimFrom: new Date(2026, 11, 24).getTime(),
      redeemUntil: new Date(2026, 11, 25).getTime(),
    });
  });
  test("what would begin behind its end is named", () => {
    expect(read(coffee({ claimFrom: "2027-12-01" })).faults.claimFrom).toBe("faultBegin");
    expect(read(coffee({ useFrom: "2027-12-01" })).faults.useFrom).toBe("faultBegin");
    expect(read(coffee({ useFrom: "2026-02-30" })).faults.useFrom).toBe("faultNeeded");
  });
  test("a draft that was kept before there were beginnings begins at once", () => {
    const { claimFrom, useFrom, ...old } = coffee();
    expect(read(old as Draft).terms?.claimFrom).toBe(now - 60_000);
  });
});

describe("terms", () => {
  const words = "One each.\nNot on Sundays.";
  const hash = termsTextHash(words);

  test("what was pasted is taken in the form that was signed, whatever happened to the ends of lines", () => {
    for (const pasted of [words, ` ${words}\n`, words.replace("\n", "\r\n"), `\n${words}\r\n\r\n`]) {
      expect(fitting(pasted, hash)).toBe(words);
    }
    expect(fitting(words, termsTextHash(`${words}\n`))).toBe(`${words}\n`);
    expect(fitting(words, termsTextHash(words.replace("\n", "\r\n")))).toBe(words.replace("\n", "\r\n"));
    for (const other of ["", "One each.", `${words}!`, words.replace("\n", " ")]) {
      expect(fitting(other, hash)).toBeUndefined();
    }
  });

  test("words that nodes would not keep are told before anything is signed", () => {
    const draft = draftOf("AMOUNT", "x", 978, now, { value: "5", publicTerms: words });
    expect(read(draft).terms?.termsHash).toEqual(hash);
    expect(read({ ...draft, publicTerms: "pay \u202e10" }).faults.publicTerms).toBe("faultTerms");
    expect(read({ ...draft, publicTerms: "\u{1f600}".repeat(17_000) }).faults.publicTerms).toBe("faultTerms");
    expect(read({ ...draft, publicTerms: "" }).terms?.termsHash).toEqual(termsTextHash("x"));
  });
});

describe("duplicates", () => {
  const later = new Date(2027, 2, 10, 9, 30).getTime();
  const again = (terms: Terms, mark = " (copy)") => duplicateOf(7, terms, euro, later, mark) as Draft;
  const given = (d: Draft) => readDraft(d, 2, euro, later).terms as Terms;
  /** What must be the same: everything but the title and the dates. */
  const rest = ({ title, claimFrom, claimUntil, redeemFrom, redeemUntil, ...t }: Terms) => t;

  test("all settings are taken over, of every kind, also those that have no field", () => {
    for (const kind of kinds) {
      const d = draftOf(kind, "x", 978, now, {
        value: "5",
        percent: "12,5",
        ceiling: "10",
        minSpend: "",
        budget: "60",
        each: "2",
        undoHours: "5",
        publicTerms: "One each.",
      });
      const plain = read(d).terms as Terms;
      const special: Terms = {
        ...plain,
        productHash: new Uint8Array(32).fill(7),
        relativeMs: 86_400_000,
        graceMs: 120_000,
        rollbackMs: 5_400_000,
        transfer: "trade",
        maxTransfers: 255,
        resaleBps: 5000,
        fee: 3n,
        showMax: 200n,
        rounding: kind === "PERCENT" ? 1 : 0,
        shops: [
          { member: 2, store: 1 },
          { member: 3, store: 0 },
        ],
      };
      for (const terms of [plain, special]) {
        expect(termsFault(terms)).toBeUndefined();
        expect(rest(given(again(terms))), kind).toEqual(rest(terms));
      }
    }
  });
  test("what has begun begins today and lasts as many days; what has not keeps its dates", () => {
    const old = given({ ...coffee({ claimUntil: "2027-04-01", useUntil: "2027-04-08" }) });
    const begun = {
      ...old,
      claimFrom: new Date(2026, 10, 22, 12).getTime(),
      redeemFrom: new Date(2026, 10, 25).getTime(),
      claimUntil: new Date(2026, 11, 1).getTime(),
      redeemUntil: new Date(2026, 11, 9).getTime(),
    };
    expect(again(begun)).toMatchObject({
      claimFrom: "",
      useFrom: "2027-03-13",
      claimUntil: "2027-03-18",
      useUntil: "2027-03-26",
    });
    const early = {
      ...begun,
      claimFrom: new Date(2027, 4, 1).getTime(),
      redeemFrom: new Date(2027, 4, 2).getTime(),
      claimUntil: new Date(2027, 5, 1).getTime(),
      redeemUntil: new Date(2027, 5, 2).getTime(),
    };
    expect(again(early)).toMatchObject({
      claimFrom: "2027-05-01",
      useFrom: "2027-05-02",
      claimUntil: "2027-05-31",
      useUntil: "2027-06-01",
    });
  });
  test("the title is marked once, and stays within its limit", () => {
    const terms = read(coffee()).terms as Terms;
    expect(again(terms).title).toBe("Free coffee (copy)");
    expect(again({ ...terms, title: "Free coffee (copy)" }).title).toBe("Free coffee (copy)");
    expect(again({ ...terms, title: "咖".repeat(21) }, "（副本）").title).toBe(`${"咖".repeat(17)}（副本）`);
  });
  test("a coupon of another kind is not made of settings that do not fit it", () => {
    const d = again(read(draftOf("PERCENT", "x", 978, now, { percent: "20", ceiling: "10" })).terms as Terms);
    const terms = given({ ...d, kind: "AMOUNT", value: "3" });
    expect(terms).toMatchObject({ valueKind: "AMOUNT", rounding: 0, uses: 1 });
  });
});

describe("the list of campaigns", () => {
  const one = (
    id: number,
    title: string,
    more: Partial<CampaignAnswer> = {},
    from = now - 1,
    until = now + id * 1000,
  ) =>
    ({
      id,
      redemptions: id,
      voids: 0,
      status: "PUBLISHED",
      ...more,
      terms: {
        title,
        claim_from: { ms: String(from) },
        redeem_from: { ms: String(from) },
        redeem_until: { ms: String(until) },
      },
    }) as CampaignAnswer;
  const list = [
    one(1, "Kaffee 2"),
    one(2, "Kaffee 10", { status: "PAUSED" }),
    one(3, "ＢＯＯＫ fair", {}, now + 1),
    one(4, "Old coffee", { status: "ENDED" }, now - 9, now - 1),
    one(5, "Bread", { voids: 5, status: "EXHAUSTED" }),
  ];
  const ids = (c: Partial<Choice>) => choose(list, { ...all, ...c }, now).map((x) => x.id);
  test("it is found by every word of the title, in any width and case of letters, or by its number", () => {
    expect(ids({ words: "kaf" })).toEqual([2, 1]);
    expect(ids({ words: "  book  FAIR" })).toEqual([3]);
    expect(ids({ words: "#4" })).toEqual([4]);
    expect(ids({ words: "kaffee bread" })).toEqual([]);
  });
  test("it is sorted; what is over stands below what ends next", () => {
    expect(ids({})).toEqual([5, 4, 3, 2, 1]);
    expect(ids({ order: "ending" })).toEqual([1, 2, 3, 5, 4]);
    expect(ids({ order: "redeemed" })).toEqual([4, 3, 2, 1, 5]);
    expect(ids({ order: "title" })).toEqual([3, 5, 1, 2, 4]);
  });
  test("each campaign is in one state, and each state shows its own", () => {
    expect(ids({ state: "running" })).toEqual([5, 1]);
    expect(ids({ state: "later" })).toEqual([3]);
    expect(ids({ state: "paused" })).toEqual([2]);
    expect(ids({ state: "over" })).toEqual([4]);
  });
  test("a node is asked for no more pages than are wanted", async () => {
    const asked: Record<string, unknown>[] = [];
    const link = {
      client: {
        read: (_: string, __: string, query: Record<string, unknown>) => {
          asked.push(query);
          const n = Number(query["limit"]);
          return Promise.resolve({ items: Array.from({ length: n }, (_x, i) => one(i, "x")), next_cursor: "on" });
        },
      },
    } as unknown as Link;
    const got = await gather(link, { issuer: 2 }, 600, new AbortController().signal);
    expect([got.items.length, got.whole]).toEqual([600, false]);
    expect(asked.map((q) => q["limit"])).toEqual([250, 250, 100]);
  });
});

describe("what is handed in", () => {
  const kept = () => {
    const rows = new Map<string, unknown>();
    const store = {
      get: (k: string) => Promise.resolve(rows.get(k)),
      set: (k: string, v: unknown) => Promise.resolve(void rows.set(k, v)),
      delete: (k: string) => Promise.resolve(void rows.delete(k)),
      list: (k: string) => Promise.resolve([...rows].filter(([n]) => n.startsWith(k)).map(([, v]) => v)),
    };
    return { rows, store };
  };
  const handIns = (submit: () => Promise<unknown>, store = kept().store) =>
    new HandIns({ store, client: { submit } } as unknown as Link);
  const raw = (n: number) => new Uint8Array([n]);
  const refusal = (code = "E201") => new Refusal("0b", code, { detail: "" } as RefusedBy);

  test("one that is done is forgotten; one whose answer was lost goes on after a restart, with the same bytes", async () => {
    const { rows, store } = kept();
    const lost = handIns(() => Promise.reject(new Error("no answer")), store);
    await expect(lost.act("a", raw(1))).rejects.toThrow("no answer");
    await expect(lost.act("b", raw(2))).rejects.toThrow("no answer");
    const again = handIns(() => Promise.resolve({}), store);
    await again.load();
    expect(again.all.value.map((x) => [x.what, x.raw, x.refusal])).toEqual([
      ["a", raw(1), undefined],
      ["b", raw(2), undefined],
    ]);
    for (const x of again.all.value) await again.finish(x);
    expect([again.all.value, rows.size]).toEqual([[], 0]);
  });
  test("one that the door refuses is kept with the reason until it has been read, also over a restart", async () => {
    const { rows, store } = kept();
    const h = handIns(() => Promise.reject(refusal()), store);
    await expect(h.act("a", raw(1))).rejects.toThrow();
    expect(h.all.value[0]).toMatchObject({ what: "a", going: false, refusal: { code: "E201" } });
    await h.load();
    expect(h.all.value[0]?.refusal?.code).toBe("E201");
    await h.drop(h.all.value[0]?.id ?? "");
    expect([h.all.value, rows.size]).toEqual([[], 0]);
  });
  test("only so many that were refused are kept", async () => {
    const { rows, store } = kept();
    const h = handIns(() => Promise.reject(refusal()), store);
    for (let i = 0; i < refusedMax + 3; i++) await h.act(String(i), raw(i)).catch(() => undefined);
    expect([h.all.value.length, rows.size]).toEqual([refusedMax, refusedMax]);
  });
  test("the row of a console that knew one only is taken over", async () => {
    const { rows, store } = kept();
    rows.set("pending", { raw: raw(7), what: "old" });
    const h = handIns(() => Promise.resolve({}), store);
    await h.load();
    expect(h.all.value.map((x) => x.what)).toEqual(["old"]);
    expect(rows.has("pending")).toBe(false);
  });
});

describe("how it goes over time", () => {
  const item = (begin: number, more: Partial<CourseAnswer> = {}): CourseAnswer => ({
    begin: String(begin),
    currency: "EUR",
    claims: "1",
    redemptions: "2",
    voids: "1",
    payable: "900",
    voided: "450",
    uncounted: false,
    ...more,
  });
  test("days are the device's own, also when the clocks change, and end with now", () => {
    const parts = partsOf("2026-11-20", "2026-11-23", "day", now);
    expect(parts.map((p) => p.begin)).toEqual([20, 21, 22].map((d) => new Date(2026, 10, d).getTime()));
    const hours = partsOf("2026-11-22", "2026-11-22", "hour", now);
    expect(hours.length).toBe(13);
    expect(daysBetween("2026-10-20", "2026-10-30")).toBe(11);
    expect([
      daysBetween("2026-10-30", "2026-10-20"),
      daysBetween("x", "2026-10-20"),
      daysBetween("2020-01-01", "2026-10-20"),
    ]).toEqual([undefined, undefined, undefined]);
  });
  test("what happened is laid into its day or hour, of one currency, and nothing is lost", () => {
    const parts = partsOf("2026-11-20", "2026-11-22", "day", now);
    const at = (d: number, h: number) => new Date(2026, 10, d, h).getTime();
    const items = [item(at(20, 0)), item(at(20, 23)), item(at(22, 5)), item(at(22, 5), { currency: "JPY" })];
    const laid = lay(items, parts, "EUR");
    expect(laid.map((p) => p.claims)).toEqual([2n, 0n, 1n]);
    expect(sumOf(laid)).toEqual({ claims: 3n, redemptions: 6n, voids: 3n, payable: 2700n, voided: 1350n });
    expect(lay([item(at(21, 1), { uncounted: true })], parts, "EUR").map((p) => p.uncounted)).toEqual([
      false,
      true,
      false,
    ]);
  });
  test("an axis ends at a round number that holds all, with a round half", () => {
    expect([0n, 1n, 2n, 3n, 5n, 11n, 99n, 100n, 101n, 401n].map(axisTop)).toEqual([
      1n,
      1n,
      2n,
      4n,
      10n,
      20n,
      100n,
      100n,
      200n,
      1000n,
    ]);
  });
  test("a file has every part, in the shop's time and in UTC, and says from where it comes", () => {
    const parts = lay([item(new Date(2026, 10, 21).getTime())], partsOf("2026-11-21", "2026-11-22", "day", now), "EUR");
    const origin = {
      chain: { chain, genesis },
      member: 2,
      name: "Bakery",
      campaign: { id: 7, title: "=x" },
      height: 9,
      timeMs: now,
    };
    const lines = courseFile(parts, euro, origin, "comma").trim().split("\r\n");
    expect(lines.length).toBe(3);
    expect(lines[1]).toContain("2026-11-21;00:00;7;'=x;EUR;1;2;1;9,00;4,50;");
    expect(lines[2]).toContain("2026-11-22;00:00;7;'=x;EUR;0;0;0;0,00;0,00;");
  });
});
