/**
 * Single links: a batch whose ticket key lies on this device, sealed. Seeds follow from
 * the key, so the same links come out again; who loses the key loses no coupon that was
 * handed out.
 */
import { hex, utf8 } from "@scrip/sdk/bytes";
import { SecretKey } from "@scrip/sdk/keys";
import { claimSigner, payloadLink, type TicketPayload } from "@scrip/sdk/links";
import { signTicket, type Chain } from "@scrip/sdk/transactions";
import { Writer } from "@scrip/sdk/wire";
import type { Link } from "../kit/chain.ts";
import type { Sealed } from "../kit/storage.ts";

/** OwnBatch is a batch of which this device has the ticket key. */
export interface OwnBatch {
  campaign: number;
  first: number;
  count: number;
  ticketKey: string;
  sealed: Sealed;
  /** 0 until the ledger has it. */
  batch: number;
}

const row = (campaign: number, first: number) => `tickets/${campaign}/${String(first).padStart(8, "0")}`;

/** newTicketKey makes and keeps a ticket key, before the ledger hears of it. */
export async function newTicketKey(link: Link, campaign: number, first: number, count: number): Promise<SecretKey> {
  const key = SecretKey.generate("ticket");
  const kept: OwnBatch = {
    campaign,
    first,
    count,
    ticketKey: hex(key.key),
    sealed: await link.store.seal(key.exportSeed()),
    batch: 0,
  };
  await link.store.set(row(campaign, first), kept);
  return key;
}

/** ownBatches are the campaign's batches whose links this device can make, as the ledger numbers them. */
export async function ownBatches(
  link: Link,
  campaign: number,
  batches: readonly { number: number; first: number; ticketKey: string }[],
): Promise<OwnBatch[]> {
  const kept = await link.store.list<OwnBatch>(`tickets/${campaign}/`);
  return kept.flatMap((k) => {
    const found = batches.find((b) => b.ticketKey === k.ticketKey && b.first === k.first);
    return found ? [{ ...k, batch: found.number }] : [];
  });
}

/** ticketAt makes the ticket of one serial. */
export function ticketAt(chain: Chain, b: OwnBatch, key: SecretKey, serial: number, expires: number): TicketPayload {
  const seed = chain.derive(
    key.exportSeed(),
    new Writer().raw(utf8("scrip/console-ticket-seed/v1")).u32(b.campaign).u32(serial).done(),
    16,
  );
  const bare = {
    type: "ticket" as const,
    campaign: b.campaign,
    batch: b.batch,
    serial,
    expires,
    seed,
    signature: new Uint8Array(64),
  };
  const ticket = { campaign: b.campaign, batch: b.batch, serial, claimKey: claimSigner(chain, bare).key, expires };
  return { ...bare, signature: signTicket(chain, ticket, key) };
}

/** linksOf are the links of a part of a batch. */
export async function linksOf(
  link: Link,
  b: OwnBatch,
  from: number,
  count: number,
  expires: number,
): Promise<{ serial: number; url: string }[]> {
  const key = new SecretKey("ticket", await link.store.open(b.sealed));
  const out: { serial: number; url: string }[] = [];
  for (let serial = from; serial < Math.min(from + count, b.first + b.count); serial++) {
    out.push({ serial, url: payloadLink(link.chain, location.origin, ticketAt(link.chain, b, key, serial, expires)) });
  }
  return out;
}
