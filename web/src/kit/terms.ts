/** What a face shows of terms that the ledger holds. */
import type { Terms } from "@scrip/sdk/terms";
import type { Currency } from "./format.ts";
import type { Rule } from "./coupon.tsx";

/** ruleOf is the part of terms that a coupon's face shows. */
export function ruleOf(t: Terms, currency: Currency): Rule {
  return { kind: t.valueKind, face: t.face, bps: t.bps, ceiling: t.ceiling, minSpend: t.minSpend, currency };
}

/** fromOf is when a coupon can first be used, if that is still to come. */
export function fromOf(t: Pick<Terms, "redeemFrom">, nowMs: number): number | undefined {
  return nowMs < t.redeemFrom ? t.redeemFrom : undefined;
}

/** largestValue is the most that one use can give. */
export function largestValue(t: Terms, valueLeft: bigint): bigint {
  switch (t.valueKind) {
    case "PERCENT":
      return t.ceiling;
    case "STORED":
      return valueLeft;
    default:
      return t.face;
  }
}

/** onlyMember is the merchant of a campaign that is good at one merchant alone, else 0. */
export function onlyMember(t: Terms): number {
  const first = t.shops[0];
  return first !== undefined && t.shops.every((s) => s.member === first.member) ? first.member : 0;
}
