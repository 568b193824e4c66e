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
    const entropy = fromBase64url(values.get("k") ?? "");
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

function deskOf(text: string | null): string | undefined {
  if (!text || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "https:" || url.protocol === "http:" ? url.origin : undefined;
}

/** readArrival reads a fragment: a bare payload, or named values. */
export function readArrival(chain: Chain, path: string, fragment: string): Arrival {
  if (!fragment.includes("=")) return readPayload(chain, fragment);
  const values = new URLSearchParams(fragment);
  if (values.has("k")) return readWallet(values);
  const campaign = Number(values.get("c"));
  if (path !== "/c" && Number.isInteger(campaign) && campaign >= 1 && campaign < 2 ** 32) {
    return { kind: "poster", campaign, desk: deskOf(values.get("d")) };
  }
  return { kind: "bad", code: "E101" };
}

/** readScanned reads what a camera or a paste brought: a link of this wallet, or a payload. */
export function readScanned(chain: Chain, text: string): Arrival {
  const trimmed = text.trim();
  if (/^https?:/i.test(trimmed) && URL.canParse(trimmed)) {
    const url = new URL(trimmed);
    return readArrival(chain, url.pathname, url.hash.slice(1));
  }
  return readPayload(chain, trimmed);
}
