/** Small parts that the explorer's pages share. */
import type { JSX } from "preact";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { CampaignAnswer, TermsAnswer } from "@scrip/sdk/answers";
import type { Link } from "../kit/chain.ts";
import { brief, money } from "../kit/format.ts";
import { currencyOf } from "../kit/ledger/ledger.tsx";
import { copyText } from "../kit/ui.tsx";
import { t as kit } from "../kit/text.ts";

export const LinkContext = createContext<Link | undefined>(undefined);

/** useLink returns the chain that the page reads. */
export function useLink(): Link {
  const link = useContext(LinkContext);
  if (!link) throw new Error("no chain is open");
  return link;
}

/** Digest shows a long name shortly, copies it whole, and reads it out whole. */
export function Digest(p: { text: string; href?: string; name: string }): JSX.Element {
  const short = brief(p.text, 10, 8);
  return (
    <span class="digest">
      {p.href ? (
        <a class="mono" href={p.href} title={p.text}>
          {short}
        </a>
      ) : (
        <code class="mono" title={p.text}>
          {short}
        </code>
      )}
      <button type="button" class="copy" aria-label={`${kit("copy")}: ${p.name}`} onClick={() => void copyText(p.text)}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M5 5V2h9v9h-3M2 5h9v9H2z" fill="none" stroke="currentColor" stroke-width="1.4" />
        </svg>
      </button>
    </span>
  );
}

export function MemberLink(p: { number: number; name: string }): JSX.Element {
  return <a href={`#/member/${p.number}`}>{p.name}</a>;
}

/** moneyOf writes an amount of a campaign. */
export function moneyOf(minor: string, terms: TermsAnswer): string {
  return money(BigInt(minor), currencyOf(terms));
}

/** Bar is how much of a whole something is; its numbers stand beside it or in the table below. */
export function Bar(p: { parts: readonly { part: number; kind: "main" | "soft" }[]; label: string }): JSX.Element {
  let at = 0;
  return (
    <svg class="bar" viewBox="0 0 10000 300" preserveAspectRatio="none" role="img" aria-label={p.label}>
      <rect class="bar-whole" width="10000" height="300" />
      {p.parts.map((x, i) => {
        const from = at;
        at += x.part;
        return <rect key={i} class={`bar-${x.kind}`} x={from} width={Math.max(0, x.part)} height="300" />;
      })}
    </svg>
  );
}

/** claimedPart is how many of a campaign's coupons are out, in basis points. */
export function claimedPart(c: CampaignAnswer): number {
  return Math.round((c.issued / Math.max(1, c.terms.max_supply)) * 10_000);
}
