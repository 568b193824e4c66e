/** What a link brings behind its #. Reading it does nothing. */
import type { Chain } from "@scrip/sdk/transactions";
import { fromBase64url } from "@scrip/sdk/bytes";
import { parsePayload, type GiftPayload, type InvoicePayload, type TicketPayload } from "@scrip/sdk/links";
import { codeOf } from "../kit/refusal/refusal.ts";

export type Arrival =
  | { kind: "ticket"; ticket: TicketPayload }
  | { kind: "gift"; gift: GiftPayload }
  | { kind: "invoice"; invoice: InvoicePayload }
  | { kind: "poster"; campaign: number; desk: string | undefined }
  | { kind: "wallet"; entropy: Uint8Array; owner: string | undefined; used: readonly { id: bigint; n: number }[] }
  | { kind: "bad"; code: string };

const ownerMax = 40;
const usedMax = 200;
const scannedMax = 4096;

/** readPayload reads a bare payload, a "SCRP:" text or a link. */
export function readPayload(chain: Chain, text: string): Arrival {
  try {
    const p = parsePayload(chain, text);
    switch (p.type) {
      case "ticket":
        return { kind: "ticket", ticket: p };
      case "gift":
        return { kind: "gift", gift: p };
      case "invoice":
        return { kind: "invoice", invoice: p };
      case "auth":
        return { kind: "bad", code: "E101" }; // a shown code is for tills
    }
  } catch (e) {
    return { kind: "bad", code: codeOf(e) };
  }
}

function readWallet(values: URLSearchParams): Arrival {
  try {
    const entropy = fromBase64url(/^[\w-]*/.exec(values.get("k") ?? "")?.[0] ?? "");
    if (entropy.length !== 16 && entropy.length !== 32) return { kind: "bad", code: "E101" };
    const used = (values.get("u") ?? "")
      .split(",")
      .filter((x) => /^\d{1,20}\.\d{1,10}$/.test(x))
      .slice(0, usedMax);
    return {
      kind: "wallet",
      entropy,
      owner: values.get("n")?.slice(0, ownerMax) || undefined,
      used: used.map((x) => ({ id: BigInt(x.split(".")[0] ?? "0"), n: Number(x.split(".")[1]) })),
    };
  } catch {
    return { kind: "bad", code: "E101" };
  }
}

/** deskOf is the address of a desk; what follows it, as a bracket, is cut off. */
function deskOf(text: string | null): string | undefined {
  const url = /^https?:\/{1,2}[A-Za-z0-9.:[\]-]*[A-Za-z0-9\]]/.exec(text ?? "")?.[0];
  return url && URL.canParse(url) ? new URL(url).origin : undefined;
}

/** campaignIn is the campaign of a poster's path. */
function campaignIn(path: string): number | undefined {
  const digits = /^\/p\/([1-9]\d{0,9})$/.exec(path)?.[1];
  return digits && Number(digits) < 2 ** 32 ? Number(digits) : undefined;
}

/** readAddress reads what an address brings: a poster's path may do without a fragment. */
export function readAddress(chain: Chain, path: string, fragment: string | undefined): Arrival | undefined {
  const campaign = campaignIn(path);
  if (fragment !== undefined) return readArrival(chain, path, fragment);
  return campaign === undefined ? undefined : { kind: "poster", campaign, desk: undefined };
}

/** readArrival reads a fragment: a bare payload, or named values. What hangs on behind them does not count. */
export function readArrival(chain: Chain, path: string, fragment: string): Arrival {
  if (!/^[a-z]=/.test(fragment)) return readPayload(chain, fragment);
  const values = new URLSearchParams(fragment);
  if (values.has("k")) return readWallet(values);
  const campaign = campaignIn(path) ?? Number(/^\d{1,10}(?![A-Za-z\d])/.exec(values.get("c") ?? "")?.[0]);
  if (path !== "/c" && Number.isInteger(campaign) && campaign >= 1 && campaign < 2 ** 32) {
    return { kind: "poster", campaign, desk: deskOf(values.get("d")) };
  }
  return { kind: "bad", code: "E101" };
}

const named = /(\/\w*(?:\/\d*)?)(?:#|%23)([a-z]=[^\s<>"]*)/;
const poster = /^\S*?(\/p\/\d+)(?![\d\w#%/])/;

/** readScanned reads what a camera or a paste brought: a link of this wallet, perhaps among words, or a payload. */
export function readScanned(chain: Chain, text: string): Arrival {
  const link = named.exec(text.slice(0, scannedMax));
  if (link) return readArrival(chain, link[1] ?? "", link[2] ?? "");
  const path = poster.exec(text.trim())?.[1] ?? "";
  return readAddress(chain, path, undefined) ?? readPayload(chain, text);
}
