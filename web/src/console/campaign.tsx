/** A campaign at work: live numbers with their age, and the brake. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LedgerEvent, ProvenCampaign } from "@scrip/sdk/client";
import type { Terms } from "@scrip/sdk/terms";
import { VerifiedBadge } from "../kit/badge.tsx";
import { Coupon } from "../kit/coupon.tsx";
import { firstMoment, lastMoment, money, number, time, timeSeconds } from "../kit/format.ts";
import { AsOf, isMissing, serialText, word } from "../kit/ledger/ledger.tsx";
import { go } from "../kit/router.ts";
import { fromOf, ruleOf } from "../kit/terms.ts";
import { Button, Failure, LinkButton, Loading, Notice, toast } from "../kit/ui.tsx";
import { failureOf } from "../kit/refusal/refusal.ts";
import { Figure, Missing } from "../kit/ledger/page.tsx";
import { readWording } from "../kit/wording/wording.tsx";
import { duplicateOf, type Draft } from "./draft.ts";
import { draftRow } from "./home.tsx";
import { WordingBox } from "./wording.tsx";
import { Back, Confirm, Trouble, useEvents, useSession, useSoon, useWork } from "./parts.tsx";
import { t } from "./text.ts";

const lookMs = 5000;
const soonMs = 150;
const eventsKept = 12;

interface Live {
  value?: ProvenCampaign;
  error?: unknown;
  /** Device time of the last answer, ms. */
  atMs: number;
  busy: boolean;
  look: () => void;
}

/** useCampaign reads the campaign, proven: again at once when something happens to it, and from time to time anyway. */
function useCampaign(n: number, onEvent: (e: LedgerEvent) => void): Live {
  const { link } = useSession();
  const [state, setState] = useState<Omit<Live, "look">>({ atMs: 0, busy: true });
  const [round, setRound] = useState(0);
  const look = () => setRound((x) => x + 1);
  useEffect(() => {
    const stop = new AbortController();
    setState((s) => ({ ...s, busy: true }));
    link.client.campaign(n, { signal: stop.signal }).then(
      (value) => {
        if (!stop.signal.aborted) setState({ value, atMs: Date.now(), busy: false });
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setState((s) => ({ ...s, error, busy: false }));
      },
    );
    const timer = setTimeout(() => {
      if (document.visibilityState === "visible") look();
    }, lookMs);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [link, n, round]);
  const lookSoon = useSoon(look, soonMs); // the state's proof is a moment behind the event
  useEvents({ campaign: n }, [n], (e) => {
    onEvent(e);
    lookSoon();
  });
  return { ...state, look };
}

function Numbers(p: { campaign: ProvenCampaign }): JSX.Element {
  const { link } = useSession();
  const {
    campaign: c,
    campaign: { terms },
  } = p;
  const currency = link.currency(terms.currency);
  return (
    <>
      <dl class="figures" data-numbers>
        <Figure
          name={t("numClaimed")}
          value={number(c.issued)}
          more={t("numOf", { n: number(c.issued), total: number(terms.maxSupply) })}
        />
        <Figure name={t("numRedeemed")} value={number(c.redemptions - c.voids)} />
        <Figure name={t("numUndone")} value={number(c.voids)} />
        <Figure name={t("numReleased")} value={number(c.nextSerial - 1)} />
      </dl>
      <dl class="sums">
        <dt>{t("numOwed")}</dt>
        <dd>{money(c.accrued, currency)}</dd>
        <dt>{t("numBound")}</dt>
        <dd>{money(c.committed - c.accrued, currency)}</dd>
        <dt class="strong">{t("numBudget")}</dt>
        <dd class="strong">{money(terms.budget, currency)}</dd>
      </dl>
    </>
  );
}

function Brakes(p: { campaign: ProvenCampaign; onDone: () => void }): JSX.Element {
  const session = useSession();
  const { campaign: c } = p;
  const [closing, setClosing] = useState(false);
  const work = useWork();
  const control = (kind: "CampaignPause" | "CampaignResume" | "CampaignClose", what: string) =>
    work.run(async () => {
      await session.act(`${what}: ${c.terms.title}`, session.sign({ kind, campaign: c.number }));
      setClosing(false);
      toast(t("done"));
      p.onDone();
    });
  return (
    <section class="stack-s">
      <div class="row">
        {c.stored === "PUBLISHED" && (
          <Button onClick={() => control("CampaignPause", t("pause"))} busy={work.busy}>
            {t("pause")}
          </Button>
        )}
        {c.stored === "PAUSED" && (
          <Button kind="main" onClick={() => control("CampaignResume", t("resume"))} busy={work.busy}>
            {t("resume")}
          </Button>
        )}
        {c.stored !== "CLOSED" && (
          <Button kind="bad" onClick={() => setClosing(true)}>
            {t("close")}
          </Button>
        )}
      </div>
      <p class="small soft">{t("pauseText")}</p>
      {!closing && work.error !== undefined && <Failure {...failureOf(work.error)} />}
      {closing && (
        <Confirm
          title={t("closeTitle")}
          text={t("closeText", { date: lastMoment(c.redeemUntil) })}
          act={t("close")}
          bad
          work={work}
          typed={{ label: t("closeType", { title: c.terms.title }), value: c.terms.title, wrong: t("openWrong") }}
          onAct={() => control("CampaignClose", t("close"))}
          onClose={() => {
            setClosing(false);
            work.clear();
          }}
        />
      )}
    </section>
  );
}

function Happened(p: { events: readonly LedgerEvent[] }): JSX.Element {
  return (
    <section class="stack-s" aria-labelledby="happened-title">
      <h2 id="happened-title">{t("happened")}</h2>
      {p.events.length === 0 ? (
        <p class="soft">{t("happenedNone")}</p>
      ) : (
        <ul role="list" class="entries">
          {p.events.map((e) => {
            const x = e.outcome.effect;
            return (
              <li key={e.receipt.id} class="entry">
                <span class="strong">{word(e.type)}</span>
                <span>
                  {x && "coupon" in x ? <a href={`/explorer/#/coupon/${x.coupon}`}>{serialText(x.coupon)}</a> : ""}
                </span>
                <time class="soft small">{timeSeconds(e.timeMs)}</time>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

/** ownWords is the text of terms as the editor writes it: beyond the title, which a copy changes, and without blanks around. */
function ownWords(terms: Terms, text: string | undefined): string | undefined {
  return text === undefined || text !== text.trim() || text === terms.title.trim() ? undefined : text;
}

/** Duplicate makes a campaign the draft of a new one; a draft that is there is not lost without a question. */
function Duplicate(p: { campaign: ProvenCampaign }): JSX.Element {
  const { link } = useSession();
  const { terms, number: n } = p.campaign;
  const [other, setOther] = useState<string>();
  const work = useWork();
  const take = () =>
    work.run(async () => {
      const text = await readWording(link, terms).catch(() => undefined);
      const draft = duplicateOf(
        n,
        terms,
        link.currency(terms.currency),
        link.nowMs(),
        t("copyMark"),
        ownWords(terms, text),
      );
      if (!draft) throw new TypeError(`a campaign of the kind ${terms.valueKind}`);
      await link.store.set(draftRow, draft);
      go("/new");
    });
  const ask = () => void link.store.get<Draft>(draftRow).then((d) => (d ? setOther(d.title || "–") : take()));
  return (
    <>
      <Button onClick={ask} busy={work.busy}>
        {t("copy")}
      </Button>
      {other === undefined ? (
        <Trouble work={work} />
      ) : (
        <Confirm
          title={t("copyTitle")}
          text={t("copyText", { title: other })}
          act={t("copy")}
          work={work}
          onAct={take}
          onClose={() => setOther(undefined)}
        />
      )}
    </>
  );
}

/** Begins says when what has not begun does. */
function Begins(p: { campaign: ProvenCampaign; nowMs: number }): JSX.Element | null {
  const { claimFrom, redeemFrom } = p.campaign.terms;
  const [claim, use] = [p.nowMs < claimFrom, p.nowMs < redeemFrom];
  if (!claim && !use) return null;
  return (
    <Notice>
      {claim && <p>{t("beginsClaim", { date: firstMoment(claimFrom) })}</p>}
      {use && <p>{t("beginsUse", { date: firstMoment(redeemFrom) })}</p>}
    </Notice>
  );
}

export function CampaignPage(p: { number: string }): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const n = /^\d{1,9}$/.test(p.number) ? Number(p.number) : 0;
  const [events, setEvents] = useState<readonly LedgerEvent[]>([]);
  const live = useCampaign(n, (e) => setEvents((all) => [e, ...all].slice(0, eventsKept)));
  const c = live.value;
  if (!c) {
    if (live.error === undefined) return <Loading />;
    if (isMissing(live.error))
      return (
        <Missing title={t("campaignNone", { n: p.number })}>
          <Back />
        </Missing>
      );
    return <Failure level={1} {...failureOf(live.error)} onRetry={live.look} busy={live.busy} />;
  }
  const own = c.issuer === member;
  const lost = live.error !== undefined && Date.now() - live.atMs > 3 * lookMs;
  const rule = ruleOf(c.terms, link.currency(c.terms.currency));
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{c.terms.title}</h1>
        <span class="row">
          <strong data-standing={c.standing}>{word(c.standing)}</strong>
          <AsOf height={c.state.height} timeMs={c.state.timeMs} nowMs={() => link.nowMs()} />
        </span>
      </div>
      {lost && (
        <Notice kind="bad" live>
          <p>{t("liveLost", { time: time(live.atMs) })}</p>
        </Notice>
      )}
      {own && c.nextSerial === 1 && c.stored !== "CLOSED" && (
        <Notice kind="accent" title={t("handOutText")}>
          <LinkButton kind="main" href={`#/handout/${c.number}`}>
            {t("handOut")}
          </LinkButton>
        </Notice>
      )}
      {!own && (
        <Notice>
          <p>{t("campaignNotYours", { name: link.genesis.members[c.issuer - 1]?.name ?? String(c.issuer) })}</p>
        </Notice>
      )}
      <Begins campaign={c} nowMs={link.nowMs()} />
      <div class="beside">
        <div class="stack">
          <Coupon
            issuer={link.genesis.members[c.issuer - 1]?.name ?? ""}
            title={c.terms.title}
            rule={rule}
            campaign={c.number}
            specimen
            fromMs={fromOf(c.terms, link.nowMs())}
            untilMs={c.redeemUntil}
          />
          <div class="row">
            {own && c.nextSerial > 1 && (
              <LinkButton kind="main" href={`#/handout/${c.number}`}>
                {t("handOut")}
              </LinkButton>
            )}
            {own && <Duplicate campaign={c} />}
            {own && <a href={`#/course/${c.number}`}>{t("courseTitle")}</a>}
            <a href={`/explorer/#/campaign/${c.number}`}>{t("seeLedger")}</a>
          </div>
        </div>
        <div class="stack">
          <Numbers campaign={c} />
          <VerifiedBadge proof={link.proof(c.state)} />
          {own && <Brakes campaign={c} onDone={live.look} />}
        </div>
      </div>
      <WordingBox campaign={c} />
      <Happened events={events} />
    </div>
  );
}
