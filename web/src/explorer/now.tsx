/** Is the network well? Live blocks, time to final, and what has just happened. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Table, TableTwin } from "../kit/badge.tsx";
import { ago, number, seconds, time, timeSeconds } from "../kit/format.ts";
import { AsOf, msOf, serialText, word } from "../kit/ledger/ledger.tsx";
import { followAll, withEvent, type Happening } from "../kit/ledger/follow.ts";
import { checkHeaders } from "../kit/ledger/check.ts";
import { Button, Empty, Failure, Loading, Notice, useNow } from "../kit/ui.tsx";
import { Outage } from "../kit/ledger/outage.tsx";
import { CheckPanel } from "./check.tsx";
import { Live, middleOf, type SeenBlock } from "./live.ts";
import { Bars } from "../kit/ledger/chart.tsx";
import { Figure } from "../kit/ledger/page.tsx";
import { useLink } from "./parts.tsx";
import { t } from "./text.ts";

const slowMs = 10_000;
const bars = 48;
const listed = 12;
const eventsKept = 10;

/** Strip draws the last blocks as bars; the newest stands at the end of the line. */
function Strip(p: { blocks: readonly SeenBlock[] }): JSX.Element {
  const shown = p.blocks.slice(0, bars).reverse();
  const [first, last] = [shown[0], shown[shown.length - 1]];
  return (
    <Bars
      label={t("nowStrip")}
      unit={t("nowStripUnit")}
      places={bars}
      write={number}
      values={shown.map((b) => b.block.tx_count)}
      times={first && last ? [first, last].map((b) => timeSeconds(msOf(b.block.time))) : []}
    />
  );
}

/** Health says in a sentence how the network is, and never says well when it is not. */
function Health(p: { newest: SeenBlock; failed: boolean; paused: boolean }): JSX.Element | null {
  const link = useLink();
  useNow(1000);
  const { up, total, asked } = link.pulse.value;
  const ageMs = link.nowMs() - msOf(p.newest.block.time);
  const need = link.client.verifier.committee.quorum;
  if ((asked && up < need && total >= need) || p.failed) {
    return (
      <Notice kind="bad" live>
        <p class="strong">{t("nowDown", { n: up, total, need })}</p>
      </Notice>
    );
  }
  if (p.paused)
    return (
      <Notice live>
        <p>{t("nowPaused", { height: number(Number(p.newest.block.height)) })}</p>
      </Notice>
    );
  if (ageMs > slowMs)
    return (
      <Notice kind="bad" live>
        <p class="strong">{t("nowSlow", { ago: ago(ageMs) })}</p>
      </Notice>
    );
  if (link.pulse.value.away.length > 0) return <Outage link={link} />;
  return (
    <Notice kind="good" live>
      <p class="strong">{t("nowWell")}</p>
    </Notice>
  );
}

function subjectLink(e: Happening): JSX.Element | null {
  const x = e.outcome.effect;
  if (!x) return null;
  if ("coupon" in x) return <a href={`#/coupon/${x.coupon}`}>{t("hitCoupon", { serial: serialText(x.coupon) })}</a>;
  if ("campaign" in x) return <a href={`#/campaign/${x.campaign}`}>{t("campaignTitle", { n: String(x.campaign) })}</a>;
  return null;
}

/** Events are those that come while one looks, each proven before it is shown. */
function Events(p: { paused: boolean }): JSX.Element {
  const link = useLink();
  const [events, setEvents] = useState<readonly Happening[]>([]);
  useEffect(() => {
    if (p.paused) return undefined;
    const stop = new AbortController();
    void followAll(link, (e) => setEvents((all) => withEvent(all, e, eventsKept)), stop.signal);
    return () => stop.abort();
  }, [link, p.paused]);
  return (
    <section class="stack-s" aria-labelledby="events-title">
      <h2 id="events-title">{t("nowEvents")}</h2>
      {events.length === 0 ? (
        <p class="soft">{t("nowEventsNone")}</p>
      ) : (
        <ul role="list" class="entries">
          {events.map((e) => (
            <li key={e.tx} class="entry">
              <a class="strong" href={`#/tx/${e.tx}`}>
                {word(e.type)}
              </a>
              <span>{subjectLink(e)}</span>
              <time class="soft small" dateTime={new Date(e.timeMs).toISOString()}>
                {time(e.timeMs)}
              </time>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The columns are made anew for each drawing, in the present language. */
const blockColumns = () => [
  {
    head: t("nowHeight"),
    cell: (b: SeenBlock) => <a href={`#/block/${b.block.height}`}>{number(Number(b.block.height))}</a>,
  },
  { head: t("blockTxs"), cell: (b: SeenBlock) => number(b.block.tx_count), figure: true },
  { head: t("nowFinality"), cell: (b: SeenBlock) => (b.tookMs === undefined ? "–" : seconds(b.tookMs)), figure: true },
];

export function Now(): JSX.Element {
  const link = useLink();
  const live = useMemo(() => new Live(link), [link]);
  useEffect(() => {
    const stop = new AbortController();
    void live.follow(stop.signal);
    return () => stop.abort();
  }, [live]);
  const blocks = live.blocks.value;
  const newest = blocks[0];
  const paused = live.paused.value;
  if (!newest) {
    if (!live.failed.value) return <Loading />;
    return <Failure level={1} title={t("away")} detail={t("awayText")} />;
  }
  const middle = middleOf(blocks);
  const { up, total } = link.pulse.value;
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{t("nowTitle")}</h1>
        <AsOf height={newest.block.height} timeMs={msOf(newest.block.time)} nowMs={() => link.nowMs()} />
      </div>
      <Health newest={newest} failed={live.failed.value} paused={paused} />
      <dl class="figures">
        <Figure name={t("nowHeight")} value={number(Number(newest.block.height))} />
        <Figure
          name={t("nowFinality")}
          value={middle ? seconds(middle.ms) : "–"}
          more={middle && t("nowFinalityHint", { n: middle.n })}
        />
        <Figure name={t("nowMembers")} value={up > 0 ? `${up} / ${total}` : "–"} />
      </dl>
      {newest.block.height === "0" && (
        <Empty title={t("nowEmpty")}>
          <p>{t("nowEmptyText")}</p>
        </Empty>
      )}
      <TableTwin
        picture={<Strip blocks={blocks} />}
        caption={t("nowTable")}
        rows={blocks.slice(0, bars)}
        rowKey={(b) => b.block.height}
        columns={blockColumns()}
      />
      <div>
        <Button
          onClick={() => {
            live.paused.value = !paused;
          }}
        >
          {paused ? t("nowGoOn") : t("nowPause")}
        </Button>
      </div>
      <Events paused={paused} />
      <BlockTable blocks={blocks.slice(0, listed)} />
      <p class="row">
        <a href="#/blocks">{t("blocks")}</a> <a href="#/time">{t("timeTitle")}</a>
      </p>
      <CheckPanel
        subject="now"
        about={t("checkHeaders", { n: attested(blocks).length })}
        run={(report) => checkHeaders(link, attested(live.blocks.value), report)}
      />
    </div>
  );
}

/** attested are the listed blocks without the newest, whose certificate may still be on its way. */
function attested(blocks: readonly SeenBlock[]) {
  const all = blocks.slice(0, listed).map((b) => b.block);
  return all.length > 1 ? all.slice(1) : all;
}

/** BlockTable lists blocks, newest first. */
export function BlockTable(p: { blocks: readonly SeenBlock[] }): JSX.Element {
  const link = useLink();
  const proposer = (b: SeenBlock) => {
    const member = link.genesis.validators[b.block.proposer]?.member ?? 0;
    return link.genesis.members[member - 1]?.name ?? String(b.block.proposer);
  };
  return (
    <Table
      caption={t("blocks")}
      rows={p.blocks}
      rowKey={(b) => b.block.height}
      columns={[
        {
          head: t("nowHeight"),
          cell: (b) => <a href={`#/block/${b.block.height}`}>{number(Number(b.block.height))}</a>,
        },
        { head: t("time"), cell: (b) => timeSeconds(msOf(b.block.time)) },
        { head: t("blockTxs"), figure: true, cell: (b) => number(b.block.tx_count) },
        { head: t("blockBy"), cell: proposer },
      ]}
    />
  );
}
