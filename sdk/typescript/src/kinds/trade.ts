import { equal } from "../bytes.ts";
import {
  type Accept,
  type Offer,
  type Pay,
  acceptDigest,
  encodeAccept,
  encodeOffer,
  encodePay,
  offerDigest,
  offerKeys,
  readAccept,
  readOffer,
  readPay,
  writeAccept,
  writeOffer,
  writePay,
} from "../offers.ts";
import { decodeCoupon, rowKey } from "../rows.ts";
import { Tag } from "../signing.ts";
import { type KindSpec, check } from "./kind.ts";

/** Carries out an accepted offer; payment is there if and only if the offer asks for money. */
export interface Trade {
  kind: "Trade";
  offer: Offer;
  accept: Accept;
  payment?: { pay: Pay; payKey: Uint8Array };
}

export const trade = {
  kind: "Trade",
  number: 15,
  since: 2,
  members: false,
  further: 3,
  furtherOf: (f) => (f.payment ? 3 : 2),
  notFoundFirst: false,
  receipt: ["coupon", "seq", "owner", "other", "otherSeq", "otherOwner", "price", "currency", "payer"],
  events: ["coupon.traded"],
  times: (stated) => (stated.other === 0n ? 1 : 2), // the offered coupon first
  write: (w, f) => {
    if ((f.offer.ask === "MONEY") !== (f.payment !== undefined)) throw new TypeError("money and a payment go together");
    writeAccept(writeOffer(w, f.offer), f.accept);
    return f.payment ? writePay(w, f.payment.pay).fixed(f.payment.payKey, 32) : w;
  },
  read: (r) => {
    const head = { kind: "Trade", offer: readOffer(r), accept: readAccept(r) } as const;
    const { offer, accept } = head;
    if (offer.ask === "SWAP") {
      r.require(accept.coupon !== 0n && accept.coupon !== offer.coupon, "a swap is of two coupons");
      return head;
    }
    const payment = { pay: readPay(r), payKey: r.raw(32) };
    r.require(accept.coupon === 0n && accept.seq === 0, "a coupon and money for one coupon");
    const { price, currency, member } = payment.pay;
    const asked = price === offer.price && currency === offer.currency && member === offer.payer;
    r.require(asked, "the payment is not what was asked for");
    return { ...head, payment };
  },
  agrees: (chain, f) =>
    equal(f.accept.offer, offerDigest(chain, f.offer)) &&
    (!f.payment || equal(f.payment.pay.subject, acceptDigest(chain, f.accept))),
  expiry: (f) => f.accept.expires,
  keys: (f) => [...offerKeys(f.offer), f.accept.buyer, f.accept.to, ...(f.payment ? [f.payment.payKey] : [])],
  signatures: (chain, f, further) => {
    const checks = [
      check(f.offer.seller, chain.message(Tag.offer, encodeOffer(f.offer)), further[0]),
      check(f.accept.buyer, chain.message(Tag.accept, encodeAccept(f.accept)), further[1]),
    ];
    if (!f.payment) return checks;
    return [...checks, check(f.payment.payKey, chain.message(Tag.pay, encodePay(f.payment.pay)), further[2])];
  },
  mark: ({ offer }) => ({
    key: rowKey.coupon(offer.coupon),
    unused: (row) => row.length > 0 && decodeCoupon(row).seq <= offer.seq,
  }),
} as const satisfies KindSpec<"Trade", Trade>;
