// Codes that are read out, the pairing of a till, and what a till asks of a bill.
import { expect, test } from "vitest";
import { SecretKey } from "@scrip/sdk/keys";
import { Chain, encodeTerms, decodeTerms, type Terms } from "@scrip/sdk/transactions";
import {
  boxOf,
  checkAnswer,
  decodeOffer,
  encodeOffer,
  makeAnswer,
  readRegistration,
  type Offer,
} from "../src/kit/pairing.ts";
import { looksTyped, readShortCode } from "../src/kit/shortcode.ts";
import { atLeast, forfeited } from "../src/till/amount.tsx";
import { whyNot } from "../src/wallet/pay.tsx";
import { largestValue, onlyMember } from "../src/kit/terms.ts";
import { terms as sample } from "./samples.ts";

const chain = new Chain(new Uint8Array(32).fill(7));
const nowMs = 1_795_000_000_000;
const offer: Offer = {
  secret: new Uint8Array(16).fill(3),
  member: 2,
  store: 1,
  rights: 3,
  currency: 978,
  validUntil: nowMs + 86_400_000,
  dayCap: 500_000n,
  label: "Till 2",
};

test("the code of the description is read, however it is typed", () => {
  for (const typed of ["14D2P-F2DBR", "14d2pf2dbr", " 14D2P F2DBR ", "I4D2P-F2DBR", "l4d2p-f2dbr"]) {
    expect(readShortCode(typed), typed).toBe("14D2P-F2DBR");
  }
});

test("every single wrong character and every swap of neighbours is told", () => {
  const good = "14D2PF2DBR";
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  for (let i = 0; i < good.length; i++) {
    for (const c of alphabet) {
      const wrong = good.slice(0, i) + c + good.slice(i + 1);
      if (c !== good[i]) expect(readShortCode(wrong), wrong).toBeUndefined();
    }
    const swapped = good.slice(0, i) + (good[i + 1] ?? "") + good[i] + good.slice(i + 2);
    if (i + 1 < good.length && good[i] !== good[i + 1]) expect(readShortCode(swapped), swapped).toBeUndefined();
  }
});

test("a scanned payload is not taken for a typed code", () => {
  expect(looksTyped("14D2P-F2DBR")).toBe(true);
  expect(looksTyped("SCRP:8UADZCKFEOEDJOD2KC54EM-DX.CH8FSKDQ")).toBe(false);
});

test("an offer comes back as it was made, and not on another chain", () => {
  expect(decodeOffer(chain, encodeOffer(chain, offer))).toEqual(offer);
  expect(() => decodeOffer(new Chain(new Uint8Array(32).fill(8)), encodeOffer(chain, offer))).toThrow();
  expect(() => decodeOffer(chain, encodeOffer(chain, offer).slice(0, -2))).toThrow();
});

test("a till's answer registers what was offered, under its own key", () => {
  const key = SecretKey.generate("till");
  const r = checkAnswer(chain, offer, makeAnswer(chain, offer, key, nowMs));
  expect(r.fields.tillKey).toEqual(key.key);
  expect(r.fields).toMatchObject({ member: 2, store: 1, rights: 3, label: "Till 2", dayCap: 500_000n });
  expect(boxOf(chain, offer)).toMatch(/^[0-9a-f]{32}$/);
});

test("an answer that was changed, is of another offer, or asks for more is refused", () => {
  const key = SecretKey.generate("till");
  const answer = makeAnswer(chain, offer, key, nowMs);
  for (let i = 0; i < answer.length; i++) {
    const changed = answer.slice();
    changed[i]! ^= 1;
    expect(() => checkAnswer(chain, offer, changed), `byte ${i}`).toThrow();
  }
  expect(() => checkAnswer(chain, { ...offer, secret: new Uint8Array(16).fill(4) }, answer)).toThrow();
  const more = makeAnswer(chain, { ...offer, rights: 7 }, key, nowMs);
  expect(() => checkAnswer(chain, offer, more)).toThrow("something else");
});

test("an answer by QR code needs the till's signature", () => {
  const answer = makeAnswer(chain, offer, SecretKey.generate("till"), nowMs).slice(0, -32);
  expect(readRegistration(chain, answer).fields.label).toBe("Till 2");
  answer[answer.length - 1]! ^= 1;
  expect(() => readRegistration(chain, answer)).toThrow();
});

test("the samples are terms that the ledger takes", () => {
  expect(decodeTerms(encodeTerms(sample({})))).toEqual(sample({}));
});

test("a bill that gives no more is one tap, for amounts alone", () => {
  expect(atLeast(sample({ face: 450n }))).toBe(450n);
  expect(atLeast(sample({ face: 450n, minSpend: 2000n }))).toBe(2000n);
  expect(atLeast(sample({ valueKind: "PERCENT", face: 0n, bps: 1500, ceiling: 2000n }))).toBeUndefined();
});

test("a bill below an amount's face says what is lost, and others lose nothing", () => {
  expect(forfeited(sample({ face: 450n }), 12n)).toBe(438n);
  expect(forfeited(sample({ face: 450n }), 450n)).toBe(0n);
  expect(forfeited(sample({ valueKind: "STORED", face: 450n }), 12n)).toBe(0n);
  expect(forfeited(sample({ valueKind: "FREE_ITEM", face: 450n }), 12n)).toBe(0n);
});

test("a wallet offers coupons that the till's bill allows, by the ledger's rules", () => {
  const till = { member: 2, store: 1 };
  const invoice = {
    tillKey: new Uint8Array(32),
    campaign: 0,
    currency: 978,
    basis: 1000n,
    qty: 0,
    unit: 0n,
    basketHash: new Uint8Array(32),
    expires: nowMs,
  };
  const why = (t: Partial<Terms>, v = invoice) => whyNot(sample(t), till, v, 5);
  expect(why({})).toBeUndefined();
  expect(why({ shops: [{ member: 2, store: 0 }] })).toBeUndefined();
  expect(why({ shops: [{ member: 3, store: 0 }] })).toBe("shop");
  expect(why({ shops: [{ member: 2, store: 2 }] })).toBe("shop");
  expect(why({ minSpend: 1001n })).toBe("spend");
  expect(why({ minSpend: 1000n })).toBeUndefined();
  expect(why({ currency: 840 })).toBe("currency");
  expect(why({ valueKind: "FREE_ITEM" })).toBe("name");
  expect(why({ valueKind: "FREE_ITEM" }, { ...invoice, campaign: 5 })).toBe("name");
  expect(why({ valueKind: "FREE_ITEM" }, { ...invoice, campaign: 5, qty: 1, unit: 400n })).toBeUndefined();
  expect(why({}, { ...invoice, campaign: 6 })).toBe("other");
  expect(why({}, { ...invoice, campaign: 5, qty: 1, unit: 400n })).toBe("name");
  expect(why({ productHash: new Uint8Array(32).fill(1) })).toBe("name");
  expect(why({ productHash: new Uint8Array(32).fill(1) }, { ...invoice, campaign: 5 })).toBeUndefined();
});

test("a shown code names the merchant where there is only one", () => {
  expect(
    onlyMember(
      sample({
        shops: [
          { member: 2, store: 1 },
          { member: 2, store: 2 },
        ],
      }),
    ),
  ).toBe(2);
  expect(
    onlyMember(
      sample({
        shops: [
          { member: 2, store: 1 },
          { member: 3, store: 1 },
        ],
      }),
    ),
  ).toBe(0);
  expect(onlyMember(sample({}))).toBe(0);
  expect(largestValue(sample({ valueKind: "STORED", face: 5000n }), 1200n)).toBe(1200n);
});
