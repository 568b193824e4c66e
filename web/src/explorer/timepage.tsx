/** How it goes over time: transactions, redemptions and the time to final, by hour or day. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { TableTwin } from "../kit/badge.tsx";
import { date, dateTime, number, seconds, time } from "../kit/format.ts";
import { Bars } from "../kit/ledger/chart.tsx";
import { Figure, Got } from "../kit/ledger/page.tsx";
import { Empty, Notice, Segments, useLoad } from "../kit/ui.tsx";
import { useLink } from "./parts.tsx";
import { readSpans, ranges, type Range, type Span } from "./time.ts";
import { t } from "./text.ts";

const rangeTexts = { day: "timeDay", week: "timeWeek", month: "timeMonth", quarter: "timeQuarter" } as const;

/** nameOf says an hour or a day. */
const nameOf = (range: Range, ms: number): string => (range.by === "day" ? date(ms) : dateTime(ms));

const total = (spans: readonly Span[], of: (s: Span) => number): number => spans.reduce((n, s) => n + of(s), 0);

function Picture(p: {
  range: Range;
  spans: readonly Span[];
  title: string;
  unit: string;
  write: (v: number) => string;
  value: (s: Span) => number | undefined;
  columns: readonly { head: string; cell: (s: Span) => string }[];
}): JSX.Element {
  const { spans, range } = p;
  const ends = [spans[0], spans[Math.floor(spans.length / 2)], spans[spans.length - 1]];
  const short = (ms: number) => (range.name === "day" ? time(ms) : date(ms));
  return (
    <section class="stack-s" aria-label={p.title}>
      <h2>{p.title}</h2>
      <TableTwin
        caption={p.unit}
        rows={spans.filter((s) => s.counted).reverse()}
        rowKey={(s) => s.begin}
        columns={[
          { head: t(range.by === "day" ? "timeOneDay" : "timeOneHour"), cell: (s) => nameOf(range, s.begin) },
          ...p.columns.map((c) => ({ ...c, figure: true })),
        ]}
        picture={
          <Bars
            label={t("timeChart", { what: p.unit })}
            unit={p.unit}
            write={p.write}
            values={spans.map((s) => (s.counted ? p.value(s) : undefined))}
            times={ends.map((s) => (s ? short(s.begin) : ""))}
          />
        }
      />
    </section>
  );
}

const meanOf = (s: Span): number | undefined => (s.timed > 0 ? s.sumMs / s.timed : undefined);

function Pictures(p: { range: Range; spans: readonly Span[] }): JSX.Element {
  const { spans, range } = p;
  const counted = spans.filter((s) => s.counted);
  const since = counted.length < spans.length ? counted[0] : undefined;
  const by = t(range.by === "day" ? "timeByDay" : "timeByHour");
  const timed = total(spans, (s) => s.timed);
  return (
    <>
      {since && (
        <Notice>
          <p>{t("timeSince", { time: nameOf(range, since.begin) })}</p>
        </Notice>
      )}
      <dl class="figures">
        <Figure
          name={t("blockTxs")}
          value={number(total(spans, (s) => s.transactions))}
          more={t("timeRefused", { n: total(spans, (s) => s.refused) })}
        />
        <Figure
          name={t("timeRedemptions")}
          value={number(total(spans, (s) => s.redemptions))}
          more={t("timeVoids", { n: total(spans, (s) => s.voids) })}
        />
        <Figure
          name={t("nowFinality")}
          value={timed > 0 ? seconds(total(spans, (s) => s.sumMs) / timed) : "–"}
          more={timed > 0 ? t("timeMean", { n: timed }) : t("timeNotTimed")}
        />
      </dl>
      <Picture
        range={range}
        spans={spans}
        title={t("blockTxs")}
        unit={t("timeTxsUnit", { by })}
        write={number}
        value={(s) => s.transactions}
        columns={[
          { head: t("blockTxs"), cell: (s) => number(s.transactions) },
          { head: t("timeRefusedHead"), cell: (s) => number(s.refused) },
          { head: t("timeClaims"), cell: (s) => number(s.claims) },
          { head: t("timeTransfers"), cell: (s) => number(s.transfers) },
          { head: t("timeBlocks"), cell: (s) => number(s.blocks) },
        ]}
      />
      <Picture
        range={range}
        spans={spans}
        title={t("timeRedemptions")}
        unit={t("timeRedemptionsUnit", { by })}
        write={number}
        value={(s) => s.redemptions}
        columns={[
          { head: t("timeRedemptions"), cell: (s) => number(s.redemptions) },
          { head: t("timeVoidsHead"), cell: (s) => number(s.voids) },
        ]}
      />
      {timed > 0 && (
        <Picture
          range={range}
          spans={spans}
          title={t("nowFinality")}
          unit={t("timeFinalUnit", { by })}
          write={(ms) => t("ms", { n: ms })}
          value={meanOf}
          columns={[
            {
              head: t("timeMeanHead"),
              cell: (s) => {
                const m = meanOf(s);
                return m === undefined ? "–" : seconds(m);
              },
            },
            { head: t("timeMostHead"), cell: (s) => (s.timed > 0 ? seconds(s.mostMs) : "–") },
          ]}
        />
      )}
      <p class="small soft">{t("timeWord")}</p>
    </>
  );
}

export function TimePage(): JSX.Element {
  const link = useLink();
  const [range, setRange] = useState(ranges[0] as Range);
  const loaded = useLoad((signal) => readSpans(link, range, signal), [range.name]);
  return (
    <div class="stack">
      <h1>{t("timeTitle")}</h1>
      <Segments
        label={t("timeRange")}
        value={range.name}
        onChange={(name) => setRange(ranges.find((r) => r.name === name) as Range)}
        options={ranges.map((r) => ({ value: r.name, text: t(rangeTexts[r.name]) }))}
      />
      <Got of={loaded}>
        {(spans) =>
          spans.some((s) => s.counted) ? (
            <Pictures range={range} spans={spans} />
          ) : (
            <Empty title={t("timeNone")}>
              <p>{t("timeNoneText")}</p>
            </Empty>
          )
        }
      </Got>
    </div>
  );
}
