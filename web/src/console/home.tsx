/** What a merchant sees first: the campaigns, and the way to a new one. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { CampaignAnswer } from "@scrip/sdk/answers";
import { Table } from "../kit/badge.tsx";
import { Coupon, ruleText } from "../kit/coupon.tsx";
import { number, parseMoney } from "../kit/format.ts";
import { ruleOf, word } from "../kit/ledger/ledger.tsx";
import { go } from "../kit/router.ts";
import { Button, LinkButton, Loading, useLoad } from "../kit/ui.tsx";
import { draftOf, endOfDay, percentOf, type Draft } from "./draft.ts";
import { Got } from "../kit/ledger/page.tsx";
import { gotPages, More, usePages } from "../kit/ledger/pages.tsx";
import { useEvents, useSession, useSoon } from "./parts.tsx";
import { t } from "./text.ts";

export const draftRow = "draft";

const pageSize = 25;
/** How often the list follows what happens, at most. */
const soonMs = 1000;

/** templates are good beginnings of each kind. */
export function templates(currency: number, nowMs: number): { name: string; text: string; draft: Draft }[] {
  return [
    { name: t("templateCoffee"), text: t("templateCoffeeText"),
      draft: draftOf("FREE_ITEM", t("templateCoffee"), currency, nowMs, { value: "4.50", count: "200" }) },
    { name: t("templateOff"), text: t("templateOffText"),
      draft: draftOf("AMOUNT", t("templateOff"), currency, nowMs, { value: "5", minSpend: "25", count: "100" }) },
    { name: t("templatePercent"), text: t("templatePercentText"),
      draft: draftOf("PERCENT", t("templatePercent"), currency, nowMs,
        { percent: "20", ceiling: "10", count: "100" }) },
    { name: t("templateStored"), text: t("templateStoredText"),
      draft: draftOf("STORED", t("templateStored"), currency, nowMs, { value: "20", count: "50" }) },
  ];
}

/** Preview draws the coupon as customers will see it, as far as the draft says it. */
export function Preview(p: { draft: Draft; seed: number; href?: string }): JSX.Element {
  const session = useSession();
  const { draft } = p;
  const currency = session.link.currency(draft.currency);
  const amount = (text: string) => parseMoney(text, currency.exponent) ?? 0n;
  return (
    <Coupon issuer={session.name} title={draft.title || "…"} campaign={p.seed} specimen href={p.href}
      untilMs={(endOfDay(draft.useUntil) ?? session.link.nowMs()) - 1}
      rule={{ kind: draft.kind, face: amount(draft.value), bps: percentOf(draft.percent) ?? 0,
        ceiling: amount(draft.ceiling),
        minSpend: draft.kind === "AMOUNT" || draft.kind === "PERCENT" ? amount(draft.minSpend) : 0n, currency }} />
  );
}

function Templates(): JSX.Element {
  const { link, member, currency } = useCurrency();
  if (!currency) return <p>{t("noFunds")}</p>;
  return (
    <section class="stack" aria-labelledby="templates-title">
      <h2 id="templates-title">{t("templates")}</h2>
      <ul role="list" class="templates">
        {templates(currency.number, link.nowMs()).map((x, i) => (
          <li key={x.draft.kind}>
            <Preview draft={x.draft} seed={member * 7 + i} href={`#/new/${x.draft.kind}`} />
            <p class="small soft">{x.text}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useCurrency() {
  const session = useSession();
  return { link: session.link, member: session.member, currency: session.currencies()[0] };
}

/** Start makes a template the draft, and goes on to the editor. */
export function Start(p: { kind: string }): JSX.Element {
  const { link, currency } = useCurrency();
  useEffect(() => {
    const found = currency && templates(currency.number, link.nowMs()).find((x) => x.draft.kind === p.kind);
    void (found ? link.store.set(draftRow, found.draft) : Promise.resolve()).then(() => go("/new", true));
  }, []);
  return <Loading />;
}

function List(p: { caption: string; campaigns: readonly CampaignAnswer[] }): JSX.Element {
  return (
    <Table caption={p.caption} rows={p.campaigns} rowKey={(c) => c.id} columns={[
      { head: t("listTitle"), cell: (c) => <a class="strong" href={`#/campaign/${c.id}`}>{c.terms.title}</a> },
      { head: t("listValue"), cell: (c) => ruleText(ruleOf(c.terms)) },
      { head: t("listState"), cell: (c) => word(c.status) },
      { head: t("listClaimed"), figure: true, cell: (c) => `${number(c.issued)} / ${number(c.terms.max_supply)}` },
      { head: t("listRedeemed"), figure: true, cell: (c) => number(c.redemptions - c.voids) },
    ]} />
  );
}

export function Home(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const list = (query: Record<string, string | number>) => (cursor: string | undefined, signal: AbortSignal) =>
    link.client.read("PageCampaignAnswer", "/v1/campaigns", { ...query, limit: pageSize, newest: "true", cursor },
      { signal });
  const mine = usePages(list({ issuer: member }), [member]);
  const theirs = usePages(list({ shop: member, not_issuer: member }), [member]);
  const kept = useLoad(() => link.store.get<Draft>(draftRow), []);
  const draft = kept.value;
  const soon = useSoon(() => { mine.reload(); theirs.reload(); }, soonMs);
  useEvents({ types: ["campaign.published", "campaign.paused", "campaign.resumed", "campaign.closed",
    "redemption.accrued", "redemption.voided", "coupon.claimed"] }, [member], soon);
  const drop = () => void link.store.delete(draftRow).then(kept.reload);
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{session.name}</h1>
        {(mine.items?.length ?? 0) > 0 && <LinkButton kind="main" href="#/templates">{t("newCampaign")}</LinkButton>}
      </div>
      <Got of={gotPages(mine)}>
        {(own) => (
          <>
            {draft && (
              <div class="row draft-row">
                <LinkButton href="#/new">{t("draftGoOn", { title: draft.title || "–" })}</LinkButton>
                <Button kind="plain" onClick={drop}>{t("draftDrop")}</Button>
              </div>
            )}
            {own.length === 0
              ? <div class="stack"><div
                class="state"><h2>{t("campaignsNone")}</h2><p>{t("campaignsNoneText")}</p></div><Templates /></div>
              : <><List caption={t("campaigns")} campaigns={own} /><More of={mine} /></>}
          </>
        )}
      </Got>
      {session.has("merchant") && mine.items && (
        <Got of={gotPages(theirs)}>
          {(others) => others.length > 0 &&
            <><List caption={t("others")} campaigns={others} /><More of={theirs} /></>}
        </Got>
      )}
    </div>
  );
}

export function TemplatesPage(): JSX.Element {
  return <div class="stack"><h1>{t("newCampaign")}</h1><p>{t("campaignsNoneText")}</p><Templates /></div>;
}
