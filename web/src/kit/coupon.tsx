/** The coupon as a printed slip: large value, serial, perforated edge, stamp. */
import type { ComponentChildren, JSX } from "preact";
import { Rosette } from "./rosette.tsx";
import { firstMoment, lastDay, money, moneyShort, percent, type Currency } from "./format.ts";
import { inkOn, type Look } from "./shop/look.ts";
import { Logo } from "./shop/logo.tsx";
import { t } from "./text.ts";

/** Rule is what of a campaign's terms says its value. */
export interface Rule {
  kind: "AMOUNT" | "PERCENT" | "FREE_ITEM" | "STORED" | (string & {});
  face: bigint;
  bps: number;
  ceiling: bigint;
  minSpend: bigint;
  currency: Currency;
}

/** valueText is the large value: what the coupon gives. valueLeft is that of a stored coupon. */
export function valueText(r: Rule, valueLeft?: bigint): string {
  switch (r.kind) {
    case "PERCENT":
      return percent(r.bps);
    case "STORED":
      return moneyShort(valueLeft ?? r.face, r.currency);
    default:
      return moneyShort(r.face, r.currency);
  }
}

/** ruleText says the rule in one line, for a cashier or a screen reader. */
export function ruleText(r: Rule, valueLeft?: bigint): string {
  const parts: string[] = [];
  switch (r.kind) {
    case "PERCENT":
      parts.push(t("percentOff", { percent: percent(r.bps) }), t("upTo", { value: money(r.ceiling, r.currency) }));
      break;
    case "FREE_ITEM":
      parts.push(t("freeItem", { value: money(r.face, r.currency) }));
      break;
    case "STORED":
      parts.push(t("storedValue", { value: money(valueLeft ?? r.face, r.currency) }));
      break;
    default:
      parts.push(t("offValue", { value: money(r.face, r.currency) }));
  }
  if (r.minSpend > 0n) parts.push(t("minSpend", { value: money(r.minSpend, r.currency) }));
  return parts.join(", ");
}

export interface StampText {
  /** One word. */
  word: string;
  /** Time and till. */
  lines: readonly string[];
  /** Whether it has just been put there: then it moves, once. */
  fresh?: boolean;
}

export function Stamp(p: StampText): JSX.Element {
  return (
    <div class={`stamp${p.fresh ? " stamp-new" : ""}`}>
      <span class="stamp-word">{p.word}</span>
      {p.lines.map((line) => (
        <span key={line}>{line}</span>
      ))}
    </div>
  );
}

export interface CouponProps {
  issuer: string;
  title: string;
  rule: Rule;
  valueLeft?: bigint | undefined;
  campaign: number;
  /** Absent in a preview. */
  serial?: number | undefined;
  /** When it can first be used, if that is still to come. */
  fromMs?: number | undefined;
  /** The end, not in it. */
  untilMs: number;
  usesLeft?: number | undefined;
  state?: string | undefined;
  done?: boolean;
  stamp?: StampText | undefined;
  specimen?: boolean;
  /** The shop's own colour and logo; what is over is drawn without the colour. */
  look?: Look | undefined;
  href?: string | undefined;
  children?: ComponentChildren;
}

/** facts is the line under the title. */
function facts(p: CouponProps): string {
  const parts = [ruleText(p.rule, p.valueLeft)];
  if (p.usesLeft !== undefined && p.usesLeft > 1) parts.push(t("usesLeft", { n: p.usesLeft }));
  if (p.fromMs !== undefined) parts.push(t("from", { date: firstMoment(p.fromMs) }));
  parts.push(t("until", { date: lastDay(p.untilMs) }));
  return parts.join(" · ");
}

/** inColour is the slip in a shop's colour: its ground, the ink on it, and what stays away from that ink. */
function inColour(colour: string): Record<string, string> {
  const ink = inkOn(colour);
  return { "--shop": colour, "--shop-ink": ink, "--shop-away": ink === "#000000" ? "#ffffff" : "#000000" };
}

/** Coupon draws one; with href it is a link to its page. */
export function Coupon(p: CouponProps): JSX.Element {
  const value = valueText(p.rule, p.valueLeft);
  const serial = p.serial === undefined ? undefined : t("serialNo", { serial: `${p.campaign}-${p.serial}` });
  const colour = p.done ? undefined : p.look?.colour;
  const slip = (
    <div class="coupon-slip" style={colour && inColour(colour)}>
      <div class="coupon-face">
        <Rosette seed={p.campaign} />
        <span class="coupon-issuer">
          {p.look && <Logo look={p.look} />}
          {p.issuer}
          {p.state ? ` · ${p.state}` : ""}
        </span>
        <span class={`coupon-value${value.length > 7 ? " coupon-value-long" : ""}`}>{value}</span>
        <span class="coupon-title">{p.title}</span>
        <span class="coupon-facts">{facts(p)}</span>
        {p.stamp && <Stamp {...p.stamp} />}
      </div>
      <div class="coupon-stub">
        {serial && <span class="coupon-serial">{serial}</span>}
        {p.specimen && <span class="coupon-specimen">{t("specimen")}</span>}
      </div>
    </div>
  );
  return (
    <article class={`coupon${p.done ? " coupon-done" : ""}${colour ? " coupon-shop" : ""}`}>
      {p.href ? (
        <a class="coupon-link" href={p.href}>
          {slip}
        </a>
      ) : (
        slip
      )}
      {p.children}
    </article>
  );
}
