/** What a merchant sees first: the campaigns, and the way to a new one. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { Coupon } from "../kit/coupon.tsx";
import { amountOf } from "../kit/amount.ts";
import { type Currency } from "../kit/format.ts";
import { go } from "../kit/router.ts";
import { useShop } from "../kit/shop/shops.ts";
import { fromOf } from "../kit/terms.ts";
import { Button, LinkButton, Loading, Segments, useLoad } from "../kit/ui.tsx";
import { moment } from "./dates.ts";
import { draftOf, percentOf, sampleOf, type Draft, type Kind } from "./draft.ts";
import { Got } from "../kit/ledger/page.tsx";
import { Others, Own, useCampaigns, useOwn } from "./list.tsx";
import { useBesides, useEvents, useSession, useSoon } from "./parts.tsx";
import { t } from "./text.ts";

export const draftRow = "draft";

/** How often the list follows what happens, at most; one of more than so many campaigns less often. */
const soonMs = 1000;
const longList = 100;
const longMs = 15_000;

type OwnCurrency = Currency & { number: number };

/** templates are good beginnings of each kind, with amounts that the currency has. */
export function templates(currency: OwnCurrency, nowMs: number): { name: string; text: string; draft: Draft }[] {
  const of = (hundredths: bigint) => sampleOf(hundredths, currency.exponent);
  const make = (kind: Kind, name: string, text: string, more: Partial<Draft>) => ({
    name,
    text,
    draft: draftOf(kind, name, currency.number, nowMs, more),
  });
  const [value, minSpend] = [of(500n), of(2500n)];
  return [
    make("FREE_ITEM", t("templateCoffee"), t("templateCoffeeText"), { value: of(450n), count: "200" }),
    make("AMOUNT", t("templateOff", { value, min: minSpend }), t("templateOffText"), { value, minSpend, count: "100" }),
    make("PERCENT", t("templatePercent"), t("templatePercentText"), {
      percent: "20",
      ceiling: of(1000n),
      count: "100",
    }),
    make("STORED", t("templateStored"), t("templateStoredText"), { value: of(2000n), count: "50" }),
  ];
}

/** inCurrency is a draft in another currency: what a template has put there fits that one too, the rest stays as typed. */
export function inCurrency(draft: Draft, from: OwnCurrency, to: OwnCurrency, nowMs: number): Draft {
  const of = (c: OwnCurrency) => templates(c, nowMs).find((x) => x.draft.kind === draft.kind)?.draft;
  const [old, fresh] = [of(from), of(to)];
  const changed = { ...draft, currency: to.number };
  if (!old || !fresh) return changed;
  for (const field of ["title", "value", "ceiling", "minSpend"] as const) {
    if (draft[field] === old[field]) changed[field] = fresh[field];
  }
  return changed;
}

/** Preview draws the coupon as customers will see it, as far as the draft says it. */
export function Preview(p: { draft: Draft; seed: number; href?: string }): JSX.Element {
  const session = useSession();
  const { draft } = p;
  const currency = session.link.currency(draft.currency);
  const amount = (text: string) => amountOf(text, currency) ?? 0n;
  const look = useShop(session.link, session.member);
  return (
    <Coupon
      issuer={session.name}
      title={draft.title || "…"}
      campaign={p.seed}
      specimen
      href={p.href}
      look={look}
      fromMs={fromOf(
        { redeemFrom: moment(draft.useFrom || draft.claimFrom || "", "first") ?? 0 },
        session.link.nowMs(),
      )}
      untilMs={moment(draft.useUntil, "last") ?? session.link.nowMs()}
      rule={{
        kind: draft.kind,
        face: amount(draft.value),
        bps: percentOf(draft.percent) ?? 0,
        ceiling: amount(draft.ceiling),
        minSpend: draft.kind === "AMOUNT" || draft.kind === "PERCENT" ? amount(draft.minSpend) : 0n,
        currency,
      }}
    />
  );
}

/** chosenCurrency is the currency of the next campaign by its number; 0 = the member's first. */
const chosenCurrency = signal(0);

/** CurrencyChoice chooses one of the member's currencies, where there are several. */
export function CurrencyChoice(p: { value: number; onChange: (currency: OwnCurrency) => void }): JSX.Element | null {
  const all = useSession().currencies();
  if (all.length < 2) return null;
  return (
    <div class="field">
      <span class="field-label">{t("fieldCurrency")}</span>
      <Segments
        label={t("fieldCurrency")}
        value={String(p.value)}
        onChange={(v) => {
          const c = all.find((x) => String(x.number) === v);
          if (c) p.onChange(c);
        }}
        options={all.map((c) => ({ value: String(c.number), text: c.letters }))}
      />
    </div>
  );
}

function Templates(): JSX.Element {
  const { link, member, currency } = useCurrency();
  if (!currency) return <p>{t("noFunds")}</p>;
  return (
    <section class="stack" aria-labelledby="templates-title">
      <h2 id="templates-title">{t("templates")}</h2>
      <CurrencyChoice
        value={currency.number}
        onChange={(c) => {
          chosenCurrency.value = c.number;
        }}
      />
      <ul role="list" class="templates">
        {templates(currency, link.nowMs()).map((x, i) => (
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
  const all = session.currencies();
  const currency = all.find((c) => c.number === chosenCurrency.value) ?? all[0];
  return { link: session.link, member: session.member, currency };
}

/** Start makes a template the draft, and goes on to the editor. */
export function Start(p: { kind: string }): JSX.Element {
  const { link, currency } = useCurrency();
  useEffect(() => {
    const found = currency && templates(currency, link.nowMs()).find((x) => x.draft.kind === p.kind);
    void (found ? link.store.set(draftRow, found.draft) : Promise.resolve()).then(() => go("/new", true));
  }, []);
  return <Loading />;
}

export function Home(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const mine = useOwn();
  const theirs = useCampaigns({ shop: member, not_issuer: member }, [member]);
  const kept = useLoad(() => link.store.get<Draft>(draftRow), []);
  const draft = kept.value;
  const long = (mine.value?.items.length ?? 0) > longList;
  const soon = useSoon(
    () => {
      mine.reload();
      theirs.reload();
    },
    long ? longMs : soonMs,
  );
  useEvents(
    {
      types: [
        "campaign.published",
        "campaign.paused",
        "campaign.resumed",
        "campaign.closed",
        "redemption.accrued",
        "redemption.voided",
        "coupon.claimed",
      ],
    },
    [member],
    soon,
  );
  useBesides(soon);
  const drop = () => void link.store.delete(draftRow).then(kept.reload);
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{session.name}</h1>
        {(mine.value?.items.length ?? 0) > 0 && (
          <LinkButton kind="main" href="#/templates">
            {t("newCampaign")}
          </LinkButton>
        )}
      </div>
      <Got of={mine}>
        {(own) => (
          <>
            {draft && (
              <div class="row draft-row">
                <LinkButton href="#/new">{t("draftGoOn", { title: draft.title || "–" })}</LinkButton>
                <Button kind="plain" onClick={drop}>
                  {t("draftDrop")}
                </Button>
              </div>
            )}
            {own.items.length === 0 ? (
              <div class="stack">
                <div class="state">
                  <h2>{t("campaignsNone")}</h2>
                  <p>{t("campaignsNoneText")}</p>
                </div>
                <Templates />
              </div>
            ) : (
              <Own of={mine} value={own} />
            )}
          </>
        )}
      </Got>
      {session.has("merchant") && mine.value && (
        <Got of={theirs}>{(others) => <Others of={theirs} value={others} />}</Got>
      )}
    </div>
  );
}

export function TemplatesPage(): JSX.Element {
  return (
    <div class="stack">
      <h1>{t("newCampaign")}</h1>
      <p>{t("campaignsNoneText")}</p>
      <Templates />
    </div>
  );
}
