/** The list of a member's campaigns, with what finds one among hundreds. */
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import type { CampaignAnswer } from "@scrip/sdk/answers";
import { Table } from "../kit/badge.tsx";
import { ruleText } from "../kit/coupon.tsx";
import { firstMoment, lastDay, number } from "../kit/format.ts";
import { ruleOf, word } from "../kit/ledger/ledger.tsx";
import { More } from "../kit/ledger/pages.tsx";
import { Button, Field, Segments, useLoad, type Loaded } from "../kit/ui.tsx";
import {
  all,
  beginsMs,
  choose,
  endsMs,
  gather,
  isChosen,
  lookedThroughMax,
  orders,
  redeemed,
  standingOf,
  states,
  type Choice,
  type Gathered,
  type Order,
} from "./campaigns.ts";
import { useSession } from "./parts.tsx";
import { t } from "./text.ts";

const pageSize = 25;
const pageMore = 50;
/** A list that is shorter is seen at a glance. */
const toolsFrom = 6;

/** What was chosen stays while one looks at a campaign and comes back. */
const chosen = signal<Choice>(all);

/** List is the table of campaigns. */
function List(p: { caption: string; campaigns: readonly CampaignAnswer[] }): JSX.Element {
  const { link } = useSession();
  const nowMs = link.nowMs();
  const state = (c: CampaignAnswer) => {
    const later = standingOf(c, nowMs) === "later";
    return later ? t("listFrom", { date: firstMoment(beginsMs(c)) }) : word(c.status);
  };
  return (
    <Table
      caption={p.caption}
      rows={p.campaigns}
      rowKey={(c) => c.id}
      columns={[
        {
          head: t("listTitle"),
          lead: true,
          cell: (c) => (
            <>
              <a class="strong" href={`#/campaign/${c.id}`}>
                {c.terms.title}
              </a>
              <span class="list-facts small soft">
                {ruleText(ruleOf(c.terms))} · {t("listUntil", { date: lastDay(endsMs(c)) })}
              </span>
            </>
          ),
        },
        { head: t("listState"), cell: (c) => <span class="list-state">{state(c)}</span> },
        { head: t("listClaimed"), figure: true, cell: (c) => `${number(c.issued)} / ${number(c.terms.max_supply)}` },
        { head: t("listRedeemed"), figure: true, cell: (c) => number(redeemed(c)) },
      ]}
    />
  );
}

/** Campaigns is a list as far as it was asked for. */
export interface Campaigns extends Loaded<Gathered> {
  /** How many of it are shown. */
  shown: number;
  more: () => void;
}

/** useCampaigns gathers the beginning of a list; the whole of it as soon as something is looked for. */
export function useCampaigns(
  query: Record<string, string | number>,
  keys: readonly unknown[],
  whole = false,
): Campaigns {
  const { link } = useSession();
  const [shown, setShown] = useState(pageSize);
  const want = whole ? lookedThroughMax : shown;
  const loaded = useLoad((stop) => gather(link, query, want, stop), keys);
  const asked = useRef(want);
  useEffect(() => {
    if (want > asked.current && !loaded.value?.whole) loaded.reload();
    asked.current = want;
  }, [want]);
  return { ...loaded, shown, more: () => setShown(shown + pageMore) };
}

/** useOwn gathers the member's own campaigns, as far as the choice needs them. */
export function useOwn(): Campaigns {
  const { member } = useSession();
  return useCampaigns({ issuer: member }, [member], isChosen(chosen.value));
}

const orderText: Record<Order, () => string> = {
  newest: () => t("orderNewest"),
  ending: () => t("orderEnding"),
  redeemed: () => t("orderRedeemed"),
  title: () => t("orderTitle"),
};
const stateText = {
  all: () => t("stateAll"),
  running: () => t("stateRunning"),
  later: () => t("stateLater"),
  paused: () => t("statePaused"),
  over: () => t("stateOver"),
};

function Tools(p: { choice: Choice; onChange: (c: Choice) => void }): JSX.Element {
  const { choice } = p;
  const id = useId();
  const set = (change: Partial<Choice>) => p.onChange({ ...choice, ...change });
  return (
    <form role="search" aria-label={t("listSearch")} class="stack-s list-tools" onSubmit={(e) => e.preventDefault()}>
      <div class="pair-fields">
        <Field label={t("listSearch")} type="search" value={choice.words} onInput={(words) => set({ words })} />
        <div class="field">
          <label for={id}>{t("listOrder")}</label>
          <select
            id={id}
            class="input"
            value={choice.order}
            onChange={(e) => set({ order: e.currentTarget.value as Order })}
          >
            {orders.map((o) => (
              <option key={o} value={o}>
                {orderText[o]()}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Segments
        label={t("listState")}
        value={choice.state}
        onChange={(state) => set({ state })}
        options={states.map((value) => ({ value, text: stateText[value]() }))}
      />
    </form>
  );
}

/** Own shows the member's own campaigns, and finds some among many. */
export function Own(p: { of: Campaigns; value: Gathered }): JSX.Element {
  const { link } = useSession();
  const { items, whole } = p.value;
  const choice = chosen.value;
  const looking = isChosen(choice);
  const fit = choose(items, choice, link.nowMs());
  const rows = fit.slice(0, p.of.shown);
  const more = fit.length > p.of.shown || (!whole && !looking);
  const waits = looking && !whole && p.of.busy && items.length < lookedThroughMax;
  const said = waits ? t("listLooking") : t("listFound", { n: fit.length });
  return (
    <>
      {(items.length >= toolsFrom || looking) && (
        <Tools
          choice={choice}
          onChange={(c) => {
            chosen.value = c;
          }}
        />
      )}
      <p class={looking ? "small soft" : "unseen"} role="status" data-found={waits ? undefined : fit.length}>
        {looking && said}
        {looking && !waits && !whole && ` ${t("listNewest", { n: items.length })}`}
      </p>
      {fit.length > 0 && <List caption={t("campaigns")} campaigns={rows} />}
      {fit.length > 0 && (
        <More of={{ items: rows, busy: p.of.busy && rows.length < p.of.shown, more: more ? p.of.more : undefined }} />
      )}
      {fit.length === 0 && !waits && (
        <div class="state">
          <h2>{t("listNone")}</h2>
          <p>{t("listNoneText")}</p>
          <Button
            onClick={() => {
              chosen.value = all;
            }}
          >
            {t("listShowAll")}
          </Button>
        </div>
      )}
    </>
  );
}

/** Others are the campaigns of other members that are good at the member's tills. */
export function Others(p: { of: Campaigns; value: Gathered }): JSX.Element | null {
  const rows = p.value.items.slice(0, p.of.shown);
  if (rows.length === 0) return null;
  return (
    <>
      <List caption={t("others")} campaigns={rows} />
      <More
        of={{
          items: rows,
          busy: p.of.busy && rows.length < p.of.shown,
          more: p.value.whole && rows.length === p.value.items.length ? undefined : p.of.more,
        }}
      />
    </>
  );
}
