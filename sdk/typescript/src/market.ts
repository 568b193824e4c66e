/**
 * Trade of coupons, each step in one call (rules 3.22): offer, post, look at, take, cancel. A wallet signs an
 * acceptance only of an offer that it has looked at with proofs, so it cannot give more than it showed. Functions
 * throw what Client.submit throws, and a RuleError with the code that a node would give.
 */
import { type Done, receiptOf, refresh } from "./actions.ts";
import type { CallOptions, Client, ProvenCoupon } from "./client.ts";
import { RuleError } from "./errors.ts";
import {
  type Accept,
  type MoneyAsk,
  type Offer,
  type Pay,
  type Standing,
  type SwapAsk,
  acceptDigest,
  encodePay,
  offerAheadMsMax,
  offerDigest,
  offerFault,
  resaleCeiling,
  signAccept,
  signOffer,
  signPay,
  swapFault,
  tradeFault,
  verifyOffer,
} from "./offers.ts";
import { type Chain, type Signer, Tag, randomBytes, verifySignature } from "./signing.ts";
import type { Terms } from "./terms.ts";
import { offerPostTx, tradeTx } from "./transactions.ts";

/** An offer with its seller's signature: what links, codes and boards carry. */
export interface SignedOffer {
  offer: Offer;
  signature: Uint8Array;
}

/** An offer as the ledger stands, with the coupon that it gives, proven. */
export interface OfferView extends SignedOffer {
  sold: ProvenCoupon;
  /** Why it cannot be taken by the buyer who looks; undefined if it can. */
  fault: string | undefined;
  /** The time by which it was judged, Unix ms. */
  nowMs: number;
}

/** A proven coupon as the rules of trade judge it. */
export function standingOf(c: ProvenCoupon): Standing {
  return { id: c.id, row: c, terms: c.terms, campaign: { ...c.campaign, state: c.campaign.stored } };
}

function refuse(fault: string | undefined, what: string): void {
  if (fault) throw new RuleError(fault, what);
}

/** What a swap asks for who wants a whole coupon: unused, as good as it is given out now, until a time. */
export function wholeCoupon(
  campaign: number,
  version: number,
  terms: Terms,
  minUntil: number,
  get: Uint8Array,
): SwapAsk {
  const minValue = terms.valueKind === "STORED" ? terms.face : 0n;
  const { uses: minUses } = terms;
  return { ask: "SWAP", campaign, want: 0n, minUses, minValue, minUntil, minVersion: version, get };
}

/**
 * Offers a coupon: signed, and sent to nobody. Nothing is locked; whoever has the offer can take it until `expires`
 * (Unix ms, at most 30 days ahead) or any change of the coupon. buyer names the only key that may.
 */
export function offer(
  client: Pick<Client, "chain" | "nowMs">,
  c: ProvenCoupon,
  owner: Signer,
  ask: SwapAsk | MoneyAsk,
  facts: { expires: number; buyer?: Uint8Array },
): SignedOffer {
  const now = client.nowMs();
  const { expires, buyer } = facts;
  const head = { coupon: c.id, seq: c.seq, seller: owner.key, buyer, expires };
  const o: Offer = { ...head, ...ask };
  refuse(tradeFault(standingOf(c), owner.key, c.seq, now), "the coupon cannot be offered");
  if (expires <= now || expires > now + offerAheadMsMax) throw new RuleError("E406", "an offer ends within 30 days");
  if (o.ask === "MONEY") {
    const most = resaleCeiling(c.terms, c);
    if (o.price > most) throw new RuleError("E405", `${o.price} minor units asked, at most ${most}`);
    if (o.currency !== c.terms.currency)
      throw new RuleError("E516", "the price is in another currency than the coupon");
  }
  return { offer: o, signature: signOffer(client.chain, o, owner) };
}

/** Makes an offer known on the ledger, so that boards show it. Anybody who has the offer can. */
export function postOffer(client: Client, o: SignedOffer, options: CallOptions = {}): Promise<Done<"OfferPost">> {
  const raw = offerPostTx(client.chain, client.expiry(), o.offer, o.signature);
  return receiptOf("OfferPost", client.submit(raw, options));
}

/** Ends an offer, and every other thing that was signed for the coupon as it is. */
export function cancelOffer(
  client: Client,
  c: Pick<ProvenCoupon, "id" | "seq">,
  owner: Signer,
  options: CallOptions = {},
): Promise<Done<"Transfer">> {
  return refresh(client, c, owner, options);
}

/** Reads with proofs what an offer gives, and says whether a buyer can take it. Throws E102 for a false signature. */
export async function viewOffer(
  client: Client,
  o: SignedOffer,
  buyer: Uint8Array,
  options: CallOptions = {},
): Promise<OfferView> {
  if (!verifyOffer(client.chain, o.offer, o.signature))
    throw new RuleError("E102", "the offer is not signed by its seller");
  const sold = await client.coupon(o.offer.coupon, options);
  const nowMs = client.nowMs();
  return { ...o, sold, fault: offerFault(o.offer, standingOf(sold), buyer, nowMs), nowMs };
}

/** The parts of a client that signing for a trade needs. */
type Clock = Pick<Client, "chain" | "nowMs" | "authLimitMs">;

function acceptance(
  client: Clock,
  view: OfferView,
  buyer: Signer,
  facts: Pick<Accept, "to" | "coupon" | "seq">,
): Accept {
  const { offer: o } = view;
  const signed = verifyOffer(client.chain, o, view.signature);
  if (!signed) throw new RuleError("E102", "the offer is not signed by its seller");
  // What was looked at must be what the offer gives.
  if (view.sold.id !== o.coupon) throw new RuleError("E301", "the coupon looked at is not the one that is offered");
  refuse(offerFault(o, standingOf(view.sold), buyer.key, client.nowMs()), "the offer cannot be taken");
  return { offer: offerDigest(client.chain, o), buyer: buyer.key, expires: client.authLimitMs(), ...facts };
}

/**
 * Takes an offer to swap: `give` goes to the seller, the offered coupon to the key `to`, both or neither. Only `give`
 * as it was read is given: a change of it in between ends the trade.
 */
export async function takeOffer(
  client: Client,
  view: OfferView,
  give: ProvenCoupon,
  buyer: Signer,
  to: Uint8Array,
  options: CallOptions = {},
): Promise<Done<"Trade">> {
  return receiptOf("Trade", client.submit(signedSwap(client, view, give, buyer, to), options));
}

/** The signed transaction of takeOffer, which anybody can hand in. */
export function signedSwap(
  client: Clock,
  view: OfferView,
  give: ProvenCoupon,
  buyer: Signer,
  to: Uint8Array,
): Uint8Array {
  const { offer: o } = view;
  if (o.ask !== "SWAP") throw new RuleError("E410", "the offer asks for money, not for a coupon");
  if (give.id === o.coupon) throw new RuleError("E410", "a swap is of two coupons");
  refuse(swapFault(o, standingOf(give), buyer.key, client.nowMs()), "the coupon given is not what the offer asks for");
  const accept = acceptance(client, view, buyer, { to, coupon: give.id, seq: give.seq });
  return tradeTx(client.chain, { offer: o, accept }, view.signature, signAccept(client.chain, accept, buyer));
}

/** A buyer's signed acceptance of a sale, which its payment member needs to attest the price. */
export interface SignedAccept {
  accept: Accept;
  signature: Uint8Array;
}

/** Accepts an offer that asks for money. It costs nothing before the payment member has attested the price. */
export function acceptSale(client: Clock, view: OfferView, buyer: Signer, to: Uint8Array): SignedAccept {
  if (view.offer.ask !== "MONEY") throw new RuleError("E410", "the offer asks for a coupon, not for money");
  const accept = acceptance(client, view, buyer, { to, coupon: 0n, seq: 0 });
  return { accept, signature: signAccept(client.chain, accept, buyer) };
}

/** A payment member's signed word, with the service key that gave it. */
export interface SignedPay {
  pay: Pay;
  payKey: Uint8Array;
  signature: Uint8Array;
}

/**
 * Attests the price of an accepted sale with a service key of the payment member that the offer names: it holds the
 * buyer's money and owes it to the seller, from the moment of the proven receipt on.
 */
export function attestPayment(chain: Chain, o: Offer, a: Accept, key: Signer, ref = randomBytes(32)): SignedPay {
  if (o.ask !== "MONEY") throw new RuleError("E410", "the offer asks for a coupon, not for money");
  const { price, currency, payer: member } = o;
  const pay = { subject: acceptDigest(chain, a), price, currency, member, ref, expires: a.expires };
  return { pay, payKey: key.key, signature: signPay(chain, pay, key) };
}

/** The signed transaction of completeSale. Throws unless the payment is of this sale, for exactly its price. */
export function signedSale(chain: Chain, o: SignedOffer, a: SignedAccept, paid: SignedPay): Uint8Array {
  const { pay, payKey } = paid;
  if (!verifySignature(payKey, chain.message(Tag.pay, encodePay(pay)), paid.signature)) {
    throw new RuleError("E102", "the payment is not signed by its key");
  }
  const deal = { offer: o.offer, accept: a.accept, payment: { pay, payKey } };
  return tradeTx(chain, deal, o.signature, a.signature, paid.signature);
}

/** Hands in a sale that is accepted and paid. Buyer, seller and payment member can. */
export async function completeSale(
  client: Client,
  o: SignedOffer,
  a: SignedAccept,
  paid: SignedPay,
  options: CallOptions = {},
): Promise<Done<"Trade">> {
  return receiptOf("Trade", client.submit(signedSale(client.chain, o, a, paid), options));
}
