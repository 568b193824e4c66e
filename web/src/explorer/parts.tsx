/** Small parts that the explorer's pages share. */
import type { JSX } from "preact";
import { createContext } from "preact";
import { useContext, useState } from "preact/hooks";
import type { CampaignAnswer, TermsAnswer } from "@scrip/sdk/answers";
import type { Link } from "../kit/chain.ts";
import { brief, money } from "../kit/format.ts";
import { currencyOf } from "../kit/ledger/ledger.tsx";
import { Button, copyText, useLoad } from "../kit/ui.tsx";
import { t as kit } from "../kit/text.ts";
import { t } from "./text.ts";

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
      {p.href ? <a class="mono" href={p.href} title={p.text}>{short}</a> : <code class="mono"
        title={p.text}>{short}</code>}
      <button type="button" class="copy" aria-label={`${kit("copy")}: ${p.name}`} onClick={() => void copyText(p.text)}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5 5V2h9v9h-3M2 5h9v9H2z" fill="none" stroke="currentColor"
          stroke-width="1.4" /></svg>
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

/** Paged is a page of a list with a way to the next one. */
export interface Paged<T> { items: readonly T[]; next_cursor?: string }

/** usePages loads a list page by page; the pages that are there stay. */
export function usePages<T>(ask: (cursor: string | undefined, stop: AbortSignal) => Promise<Paged<T>>,
  keys: readonly unknown[],
): { items: readonly T[] | undefined; error: unknown; more: (() => void) | undefined; busy: boolean; reload: () =>
  void } {
  const [tail, setTail] = useState<{ of: string; items: readonly T[]; next: string | undefined; busy: boolean;
    error?: unknown }>();
  const first = useLoad((stop) => ask(undefined, stop), keys);
  const name = JSON.stringify(keys.map(String));
  const own = tail?.of === name ? tail : undefined;
  const next = own ? own.next : first.value?.next_cursor;
  const more = () => {
    const items = own?.items ?? [];
    setTail({ of: name, items, next, busy: true });
    ask(next, AbortSignal.timeout(15_000)).then(
      (page) => setTail({ of: name, items: [...items, ...page.items], next: page.next_cursor, busy: false }),
      (error: unknown) => setTail({ of: name, items, next, busy: false, error }),
    );
  };
  return {
    items: first.value && [...first.value.items, ...(own?.items ?? [])], error: own?.error ?? first.error,
    more: next === undefined ? undefined : more, busy: own?.busy ?? first.busy,
    reload: () => { setTail(undefined); first.reload(); },
  };
}

export function More(p: { of: { more: (() => void) | undefined; busy: boolean } }): JSX.Element | null {
  if (!p.of.more) return null;
  return <div><Button onClick={p.of.more} busy={p.of.busy}>{t("more")}</Button></div>;
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
