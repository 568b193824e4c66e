/**
 * The keys of demonstration networks. They follow from a phrase that everybody knows,
 * and are refused by chains that are not demonstrations: not for real coupons.
 */
import { type CallOptions, Client, type Receipt } from "./client.ts";
import { SecretKey, Wallet } from "./keys.ts";
import type { TicketPayload } from "./links.ts";
import {
  type MemberSigner,
  type Terms,
  memberTx,
  moneyMax,
  randomBytes,
  signTicket,
  signerOf,
  transfersUnlimited,
} from "./transactions.ts";
import { isDemonstration } from "./genesis.ts";

/** The phrase of the demonstration keys. */
export const devPhrase = "test test test test test test test test test test test junk";

const dayMs = 86_400_000;

function wallet(): Wallet {
  return new Wallet(devPhrase);
}

/** The admin key of a demonstration member: 1 is the mall, 2 the bakery, 3 the bookshop. */
export function devMember(member: number): MemberSigner {
  const key = wallet().key("member", member, 0);
  return { member, key: key.key, sign: (message) => key.sign(message) };
}

/** A till key of a demonstration merchant: n = 0 is a cashier's, 1 its manager's. */
export function devTill(member = 2, n: 0 | 1 = 0): SecretKey {
  return wallet().key("till", member, n);
}

/** Terms to begin with: a voucher over `face` cents, good for thirty days at every merchant. */
export function devTerms(face: bigint, nowMs: number): Terms {
  return {
    issuer: 1,
    funders: [{ member: 1, shareBps: 10_000 }],
    currency: 978,
    title: "Demonstration voucher",
    termsHash: new Uint8Array(32).fill(1),
    productHash: new Uint8Array(32),
    valueKind: "AMOUNT",
    face,
    bps: 0,
    ceiling: 0n,
    minSpend: 0n,
    uses: 1,
    buy: 0,
    get: 0,
    rounding: 0,
    reimburse: "USED",
    reimburseBps: 10_000,
    fee: 0n,
    showMax: face,
    maxSupply: 100,
    budget: 100n * face,
    claimFrom: nowMs - dayMs,
    claimUntil: nowMs + 30 * dayMs,
    redeemFrom: nowMs - dayMs,
    redeemUntil: nowMs + 30 * dayMs,
    relativeMs: 0,
    graceMs: 0,
    rollbackMs: 3 * dayMs,
    holderCap: 0,
    transfer: "gift",
    maxTransfers: transfersUnlimited,
    resaleBps: 0,
    shops: [],
  };
}

/** Publishes a campaign with one batch as the demonstration's mall does, and signs its first ticket. */
export async function devTicket(client: Client, face = 450n, options: CallOptions = {}): Promise<TicketPayload> {
  if (!isDemonstration(client.verifier.genesis)) throw new Error("not a demonstration network");
  if (face > moneyMax / 100n) throw new RangeError("the face is too large for a demonstration");
  const { chain } = client;
  const by = [devMember(1)];
  const desk = SecretKey.generate("ticket");
  const terms = devTerms(face, client.nowMs());
  const submit = (tx: Uint8Array): Promise<Receipt> => client.submit(tx, options);
  const published = await submit(memberTx(chain, client.expiry(true), { kind: "CampaignPublish", terms }, by));
  const effect = published.outcome.effect;
  if (effect?.kind !== "CampaignPublish") throw new TypeError("not the receipt of a campaign");
  const { campaign } = effect;
  const batch = { kind: "BatchCommit" as const, campaign, first: 1, count: 100, ticketKey: desk.key };
  await submit(memberTx(chain, client.expiry(true), batch, by));
  const seed = randomBytes(16);
  const expires = terms.claimUntil;
  const claimKey = signerOf(chain.claimKeySeed(seed, campaign, 1)).key;
  const signature = signTicket(chain, { campaign, batch: 1, serial: 1, claimKey, expires }, desk);
  return { type: "ticket", campaign, batch: 1, serial: 1, expires, seed, signature };
}
