/** Finds what was pasted: it asks the ledger, and never guesses what it could ask. */
import { hex } from "@scrip/sdk/bytes";
import { decodeAnyKey, encodeKey } from "@scrip/sdk/keys";
import { parsePayload } from "@scrip/sdk/links";
import { couponId } from "@scrip/sdk/objects";
import type { Link } from "../kit/chain.ts";
import { isMissing } from "../kit/ledger/ledger.tsx";
import { readShortCode } from "../kit/shortcode.ts";
import { t } from "./text.ts";

/** Hit is a page that was found. */
export interface Hit {
  path: string;
  text: string;
}

/** Found is what a search came to; secret tells that what was pasted is no part of the ledger. */
export interface Found {
  hits: Hit[];
  secret?: boolean;
}

const queryMax = 4096;
const titlesMax = 20;
const nameMax = 64;
const wordsMax = 10;
const hexOfDigest = /^(?:0x)?([0-9a-f]{64})$/i;

/** idOfSerial reads "5-17", as it is printed on a coupon, possibly with words around it. */
export function idOfSerial(text: string): bigint | undefined {
  const m = /^(?:no\.?|编号|#)?\s*(\d{1,10})-(\d{1,10})$/i.exec(text.trim());
  if (!m) return undefined;
  const [campaign, serial] = [Number(m[1]), Number(m[2])];
  if (campaign < 1 || campaign > 0xffffffff || serial < 1 || serial > 0xffffffff) return undefined;
  return couponId(campaign, serial);
}

const couponHit = (id: bigint): Hit => ({
  path: `/coupon/${id}`,
  text: t("hitCoupon", { serial: `${id >> 32n}-${id & 0xffffffffn}` }),
});

/** ofPayload finds what a code or link of wallet and till speaks of. Secrets in it stay here. */
function ofPayload(link: Link, text: string): Hit | undefined {
  try {
    const p = parsePayload(link.chain, text);
    switch (p.type) {
      case "ticket":
        return couponHit(couponId(p.campaign, p.serial));
      case "gift":
        return couponHit(p.coupon);
      case "auth":
        return couponHit(p.auth.coupon);
      default:
        return { path: `/till/${encodeKey("till", p.invoice.tillKey)}`, text: t("tillTitle") };
    }
  } catch {
    return undefined;
  }
}

/** missing turns "there is none" into undefined; other failures stay failures. */
async function maybe<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (e) {
    if (isMissing(e)) return undefined;
    throw e;
  }
}

async function byNumber(link: Link, n: bigint, stop: AbortSignal): Promise<Hit[]> {
  if (n >= 1n << 32n) return n < 1n << 64n ? [couponHit(n)] : [];
  const o = { signal: stop };
  const [status, campaign, member] = await Promise.all([
    link.client.read("StatusAnswer", "/v1/status", {}, o),
    n > 0n ? maybe(link.client.read("CampaignBody", `/v1/campaigns/${n}`, {}, o)) : undefined,
    n > 0n && n < 65_536n ? maybe(link.client.read("MemberBody", `/v1/members/${n}`, {}, o)) : undefined,
  ]);
  const hits: Hit[] = [];
  if (n <= BigInt(status.height)) hits.push({ path: `/block/${n}`, text: t("hitBlock", { n: Number(n) }) });
  if (campaign)
    hits.push({ path: `/campaign/${n}`, text: t("hitCampaign", { n: String(n), title: campaign.terms.title }) });
  if (member) hits.push({ path: `/member/${n}`, text: t("hitMember", { n: String(n), name: member.name }) });
  return hits;
}

/** blockOf finds the height of a digest at any node. */
async function blockOf(link: Link, digest: string, stop: AbortSignal): Promise<number | undefined> {
  for (const node of link.nodes) {
    try {
      const a = await fetch(`${node}/v1/blocks/${digest}`, { signal: stop, credentials: "omit" });
      if (a.ok) return Number(((await a.json()) as { height?: string }).height);
    } catch {
      stop.throwIfAborted(); // another node may answer
    }
  }
  return undefined;
}

async function byDigest(link: Link, digest: string, stop: AbortSignal): Promise<Hit[]> {
  if (digest === hex(link.chain.digest)) return [{ path: "/block/0", text: t("hitBlock", { n: 0 }) }];
  const [tx, height] = await Promise.all([
    maybe(link.client.read("TxAnswer", `/v1/transactions/${digest}`, { wait: "none" }, { signal: stop })),
    blockOf(link, digest, stop),
  ]);
  const hits: Hit[] = [];
  if (tx) hits.push({ path: `/tx/${digest}`, text: t("txTitle") });
  if (height !== undefined) hits.push({ path: `/block/${height}`, text: t("hitBlock", { n: height }) });
  return hits;
}

async function byKey(link: Link, text: string, stop: AbortSignal): Promise<Hit[]> {
  const { kind, key } = decodeAnyKey(text.toLowerCase());
  const o = { signal: stop };
  const written = encodeKey(kind, key);
  switch (kind) {
    case "holder":
      return [{ path: `/holder/${written}`, text: t("hitHolder") }];
    case "till": {
      const till = await maybe(link.client.read("TillBody", `/v1/tills/${written}`, {}, o));
      return till ? [{ path: `/till/${written}`, text: t("hitTill", { name: till.member_name }) }] : [];
    }
    case "validator": {
      const all = await link.client.validators(o);
      return all.validators
        .filter((v) => v.key === written)
        .map((v) => ({ path: "/validators", text: t("hitValidator", { n: v.replica, name: v.member_name }) }));
    }
    case "member":
      return (await link.client.members(o))
        .filter((m) => m.keys.includes(written))
        .map((m) => ({ path: `/member/${m.id}`, text: t("hitMember", { n: String(m.id), name: m.name }) }));
    case "ticket":
      return (await link.client.batches({}, o))
        .filter((b) => b.ticket_key === written)
        .slice(0, titlesMax)
        .map((b) => ({ path: `/campaign/${b.campaign}`, text: t("campaignTitle", { n: String(b.campaign) }) }));
  }
}

async function byName(link: Link, text: string, stop: AbortSignal): Promise<Hit[]> {
  const o = { signal: stop };
  const [campaigns, members] = await Promise.all([
    link.client.read("PageCampaignAnswer", "/v1/campaigns", { title: text.slice(0, 64), limit: titlesMax }, o),
    link.client.members(o),
  ]);
  const wanted = text.toLowerCase();
  return [
    ...campaigns.items.map((c) => ({
      path: `/campaign/${c.id}`,
      text: t("hitCampaign", { n: String(c.id), title: c.terms.title }),
    })),
    ...members
      .filter((m) => m.name.toLowerCase().includes(wanted))
      .slice(0, titlesMax)
      .map((m) => ({ path: `/member/${m.id}`, text: t("hitMember", { n: String(m.id), name: m.name }) })),
  ];
}

/** find looks for anything that a person may have at hand. It throws only if no node answers. */
export async function find(link: Link, typed: string, stop: AbortSignal): Promise<Found> {
  const text = typed.trim().slice(0, queryMax);
  if (text === "") return { hits: [] };
  const serial = idOfSerial(text);
  if (serial !== undefined) return { hits: [couponHit(serial)] };
  if (/^\d{1,20}$/.test(text)) return { hits: await byNumber(link, BigInt(text), stop) };
  const digest = hexOfDigest.exec(text)?.[1]?.toLowerCase();
  if (digest) return { hits: await byDigest(link, digest, stop) };
  const event = /^(\d{1,15})\.(\d{1,10})(?:\.\d+)?$/.exec(text);
  if (event) return { hits: [{ path: `/block/${event[1]}`, text: t("hitBlock", { n: Number(event[1]) }) }] };
  if (/^scrip[a-z]*1[a-z0-9]+$/i.test(text)) {
    try {
      return { hits: await byKey(link, text, stop) };
    } catch (e) {
      if (e instanceof Error && e.name === "Unreachable") throw e;
      return { hits: [] }; // not a key after all
    }
  }
  if (readShortCode(text)) return { hits: [], secret: true };
  const own = /\/explorer\/#?(\/[^#?]*)/.exec(text);
  if (own?.[1] && own[1] !== "/") return { hits: [{ path: own[1], text: own[1] }] };
  const payload = text.length > 20 ? ofPayload(link, text) : undefined;
  if (payload) return { hits: [payload] };
  // A damaged link or a phrase may hold a secret: nothing that is no name is sent to a node.
  if (text.length > nameMax || /[#=]|:\/\//.test(text) || text.split(/\s+/).length > wordsMax) return { hits: [] };
  return { hits: await byName(link, text, stop) };
}

/** keyPath is the address of the page of a key. */
export function keyPath(kind: "holder" | "till", key: Uint8Array): string {
  return `/${kind}/${encodeKey(kind, key)}`;
}
