import { type Offer, encodeOffer, offerKeys, readOffer, writeOffer } from "../offers.ts";
import { Tag } from "../signing.ts";
import { type KindSpec, check } from "./kind.ts";

/** Makes an offer known on the ledger; it changes nothing. */
export interface OfferPost {
  kind: "OfferPost";
  offer: Offer;
}

export const offerPost = {
  kind: "OfferPost",
  number: 16,
  since: 2,
  members: false,
  further: 1,
  notFoundFirst: false,
  receipt: ["offer", "coupon"],
  events: ["offer.posted"],
  write: (w, f) => writeOffer(w, f.offer),
  read: (r) => ({ kind: "OfferPost", offer: readOffer(r) }),
  expiry: () => undefined,
  keys: (f) => offerKeys(f.offer),
  signatures: (chain, f, further) => [
    check(f.offer.seller, chain.message(Tag.offer, encodeOffer(f.offer)), further[0]),
  ],
  mark: () => undefined, // an offer changes no row
} as const satisfies KindSpec<"OfferPost", OfferPost>;
