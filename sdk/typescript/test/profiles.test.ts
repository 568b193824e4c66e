// Profiles of shops: the golden vectors are those of the program, refused ones included.
import assert from "node:assert/strict";
import { test } from "node:test";
import { base64, fromHex, hex } from "../src/bytes.ts";
import { Client } from "../src/client.ts";
import { ProblemError, RuleError, Unreachable } from "../src/errors.ts";
import { utf8 } from "../src/bytes.ts";
import {
  type Profile,
  ProfileError,
  type SignedProfile,
  decodeProfile,
  encodeProfile,
  inspectLogo,
  newerProfile,
  publishProfile,
  readProfile,
  signProfile,
  verifyProfile,
} from "../src/profiles.ts";
import { type Member, decodeMember } from "../src/rows.ts";
import { Chain, sha256, signerOf } from "../src/signing.ts";
import { load } from "./vectors.ts";

interface Vectors {
  chain: string;
  member: string;
  profiles: {
    name: string;
    says: "ok" | "form" | "chain" | "keys";
    raw: string;
    digest?: string;
    fields?: {
      Member: number;
      At: number;
      Colour: number[];
      Logo: string | null;
      Address: string[] | null;
      Hours: { Day: number; From: number; Until: number }[] | null;
      Website: string;
      Phone: string;
    };
  }[];
}

const v = load<Vectors>("profile/testdata/vectors.json");
const chain = new Chain(fromHex(v.chain));
const row: Member & { number: number } = { ...decodeMember(fromHex(v.member)), number: 2 };
const admins = ["admin 1", "admin 2"].map((n) => signerOf(sha256(utf8(n))));

function says(raw: Uint8Array): { says: string; profile?: SignedProfile } {
  try {
    const profile = decodeProfile(chain, raw);
    verifyProfile(profile, row);
    return { says: "ok", profile };
  } catch (e) {
    if (e instanceof RuleError && e.code === "E103") return { says: "chain" };
    if (e instanceof ProfileError) return { says: e.code.replace("profile_", "") };
    throw e;
  }
}

test("every vector says what the program says of it", () => {
  assert.ok(v.profiles.length > 50);
  for (const x of v.profiles) {
    const got = says(fromHex(x.raw));
    assert.equal(got.says, x.says, x.name);
    if (!got.profile) continue;
    const { profile: p } = got;
    const f = x.fields;
    assert.ok(f);
    assert.equal(hex(p.digest), x.digest, x.name);
    assert.deepEqual(
      [p.member, p.at, p.colour, base64(p.logo), p.website, p.phone, [...p.address]],
      [f.Member, f.At, `#${hex(Uint8Array.from(f.Colour))}`, f.Logo ?? "", f.Website, f.Phone, f.Address ?? []],
      x.name,
    );
    assert.deepEqual(
      p.hours,
      (f.Hours ?? []).map((h) => ({ day: h.Day, from: h.From, until: h.Until })),
      x.name,
    );
    assert.equal(hex(p.raw).startsWith(hex(encodeProfile(chain, p))), true, x.name);
  }
});

test("what is signed here is what the program signs", () => {
  const [x] = v.profiles;
  assert.ok(x);
  const p = decodeProfile(chain, fromHex(x.raw));
  assert.equal(hex(signProfile(chain, p, admins).raw), x.raw);
  assert.deepEqual(inspectLogo(p.logo), { type: "image/png", width: 16, height: 24 });
});

test("a member that is not active has no profile, nor has one the profile of another", () => {
  const p = decodeProfile(chain, fromHex(v.profiles[0]?.raw ?? ""));
  assert.throws(() => verifyProfile(p, { ...row, state: "SUSPENDED" }), ProfileError);
  assert.throws(() => verifyProfile(p, { ...row, number: 3 }), ProfileError);
});

test("of two profiles the later counts, and of one moment all agree which", () => {
  const base: Profile = {
    member: 2,
    at: 5,
    colour: "#000000",
    logo: new Uint8Array(),
    address: [],
    hours: [],
    website: "",
    phone: "",
  };
  const make = (change: Partial<Profile>): SignedProfile => signProfile(chain, { ...base, ...change }, admins);
  assert.equal(newerProfile(make({ at: 6 }), make({})), true);
  assert.equal(newerProfile(make({}), make({ at: 6 })), false);
  const [a, b] = [make({ colour: "#000001" }), make({ colour: "#000002" })];
  assert.notEqual(newerProfile(a, b), newerProfile(b, a));
});

/** A client whose member is proven by the test, and whose nodes answer what they are given. */
function clientOf(answers: (Uint8Array | "none" | "away")[], nowMs: number): Client {
  const client = {
    chain,
    nowMs: () => nowMs,
    member: async () => ({ ...row, standing: row.state }),
    askEach: () =>
      answers.map(async (a) => {
        if (a === "away") throw new Error("no answer");
        if (a === "none") throw new ProblemError({ code: "not_found" } as never);
        return { profile: base64(a) };
      }),
  };
  return client as unknown as Client;
}

test("the newest of several nodes counts, if it holds", async () => {
  const now = 1_764_600_000_000;
  const first = decodeProfile(chain, fromHex(v.profiles[0]?.raw ?? ""));
  const later = signProfile(chain, { ...first, at: first.at + 1 }, admins);
  const future = signProfile(chain, { ...first, at: now + 700_000 }, admins);
  const oneKey = signProfile(chain, { ...first, at: first.at + 2 }, admins.slice(0, 1));
  const read = async (answers: (Uint8Array | "none" | "away")[], known?: Uint8Array): Promise<number | undefined> =>
    (await readProfile(clientOf(answers, now), 2, { known })).profile?.at;
  assert.equal(await read([first.raw, later.raw, "none"]), later.at);
  assert.equal(await read(["none", "away"]), undefined);
  assert.equal(await read([oneKey.raw, first.raw]), first.at, "too few keys");
  assert.equal(await read([future.raw, first.raw]), first.at, "signed in the future");
  assert.equal(await read([first.raw], later.raw), later.at, "what was known is newer");
  assert.equal(await read(["none"], oneKey.raw), undefined, "what was known does not hold");
  await assert.rejects(read(["away", oneKey.raw]), Unreachable);
});

test("publishing says how many nodes took it", async () => {
  const p = decodeProfile(chain, fromHex(v.profiles[0]?.raw ?? ""));
  const said = await publishProfile(clientOf([p.raw, "away", p.raw], 0), p);
  assert.equal(said.taken, 2);
  assert.equal(said.errors.length, 1);
  await assert.rejects(publishProfile(clientOf(["away"], 0), p), Unreachable);
});
