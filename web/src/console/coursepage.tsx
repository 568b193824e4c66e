/** How it goes over time: claims, redemptions and money by day or hour, of one campaign or of all. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { ProvenCampaign } from "@scrip/sdk/client";
import { Table, VerifiedBadge } from "../kit/badge.tsx";
import { date, dateTime, money, number } from "../kit/format.ts";
import { AsOf } from "../kit/ledger/ledger.tsx";
import { Figure, Got } from "../kit/ledger/page.tsx";
import { go } from "../kit/router.ts";
import { Button, Empty, Failure, Field, Notice, Segments, useLoad, type Loaded } from "../kit/ui.tsx";
import { gather } from "./campaigns.ts";
import { Bars } from "./chart.tsx";
import {
  courseFile,
  daysBack,
  daysBetween,
  daysMax,
  hoursDaysMax,
  lay,
  partsOf,
  readCourse,
  sumOf,
  type Course,
  type Grain,
  type Part,
} from "./course.ts";
import { csvStyle } from "./csv.ts";
import { zoneName } from "./day.ts";
import { dateText, moment } from "./dates.ts";
import { saveFile, useBesides, useSession } from "./parts.tsx";
import { t } from "./text.ts";

const presets = [1, 7, 30, 90];
const choicesMax = 250;
const metrics = ["claims", "redemptions", "payable"] as const;
type Metric = (typeof metrics)[number];

const metricText: Record<Metric, () => string> = {
  claims: () => t("courseClaims"),
  redemptions: () => t("courseRedemptions"),
  payable: () => t("courseOwed"),
};

interface Range {
  from: string;
  until: string;
}
interface Seen {
  course: Course;
  proven: ProvenCampaign | undefined;
}

const timesShown = (parts: readonly Part[], grain: Grain): string[] => {
  const at = [...new Set([0, parts.length >> 1, parts.length - 1])].filter((i) => i >= 0);
  return at.map((i) => nameOf(parts[i]?.begin ?? 0, grain));
};
const nameOf = (ms: number, grain: Grain): string => (grain === "day" ? date(ms) : dateTime(ms));

function Choices(p: {
  campaign: number;
  range: Range;
  days: number | undefined;
  grain: Grain;
  onGrain: (g: Grain) => void;
  onRange: (r: Range) => void;
}): JSX.Element {
  const { link, member } = useSession();
  const id = useId();
  const all = useLoad((stop) => gather(link, { issuer: member }, choicesMax, stop), [member]);
  const listed = all.value?.items ?? [];
  const today = dateText(link.nowMs());
  const preset = presets.find((n) => p.range.until === today && p.range.from === daysBack(link.nowMs(), n - 1));
  const known = listed.some((c) => c.id === p.campaign);
  const fault = p.days === undefined ? t("courseRangeBad", { n: daysMax }) : undefined;
  return (
    <form class="stack-s no-print list-tools course-tools" onSubmit={(e) => e.preventDefault()}>
      <div class="field">
        <label for={id}>{t("courseCampaign")}</label>
        <select
          id={id}
          class="input"
          value={String(p.campaign)}
          onChange={(e) => go(e.currentTarget.value === "0" ? "/course" : `/course/${e.currentTarget.value}`)}
        >
          <option value="0">{t("courseAll")}</option>
          {!known && p.campaign > 0 && <option value={String(p.campaign)}>{`#${p.campaign}`}</option>}
          {listed.map((c) => (
            <option key={c.id} value={String(c.id)}>{`${c.terms.title} · #${c.id}`}</option>
          ))}
        </select>
      </div>
      <Segments
        label={t("courseRange")}
        value={String(preset ?? "")}
        onChange={(n) => p.onRange({ from: daysBack(link.nowMs(), Number(n) - 1), until: today })}
        options={presets.map((n) => ({ value: String(n), text: n === 1 ? t("courseToday") : t("courseDays", { n }) }))}
      />
      <div class="pair-fields">
        <Field
          label={t("courseFrom")}
          type="date"
          value={p.range.from}
          error={fault}
          onInput={(from) => p.onRange({ ...p.range, from })}
        />
        <Field
          label={t("courseUntil")}
          type="date"
          value={p.range.until}
          hint={t("dayZone", { zone: zoneName(link.nowMs()) })}
          onInput={(until) => p.onRange({ ...p.range, until })}
        />
      </div>
      {p.days !== undefined && p.days <= hoursDaysMax && (
        <Segments<Grain>
          label={t("courseGrain")}
          value={p.grain}
          onChange={p.onGrain}
          options={[
            { value: "hour", text: t("courseHour") },
            { value: "day", text: t("courseDay") },
          ]}
        />
      )}
    </form>
  );
}

/** Believed says what of the numbers is proven, and what is a node's word. */
function Believed(p: { seen: Seen; parts: readonly Part[] }): JSX.Element {
  const { link } = useSession();
  const { proven: c, course } = p.seen;
  const gap = p.parts.find((x) => x.uncounted);
  const sum = sumOf(p.parts);
  // The row may be of a later block, and counts from the beginning: it is never less.
  const lies =
    c &&
    c.state.height >= course.height &&
    (sum.claims > BigInt(c.issued) || sum.redemptions > BigInt(c.redemptions) || sum.voids > BigInt(c.voids));
  return (
    <section class="stack-s">
      {gap && (
        <Notice>
          <p>{t("courseUncounted", { time: dateTime(gap.begin) })}</p>
        </Notice>
      )}
      {lies && <Failure title={t("courseFails")} />}
      {c && !lies && (
        <div class="row">
          <p>
            {t("courseOf", {
              claims: number(sum.claims),
              issued: number(c.issued),
              redemptions: number(sum.redemptions),
              all: number(c.redemptions),
            })}
          </p>
          <VerifiedBadge proof={link.proof(c.state)} />
        </div>
      )}
      <p class="small soft">{t(c ? "courseWordOne" : "courseWord")}</p>
    </section>
  );
}

function Numbers(p: { seen: Seen; range: Range; grain: Grain }): JSX.Element {
  const session = useSession();
  const { link } = session;
  const { course, proven } = p.seen;
  const [metric, setMetric] = useState<Metric>("claims");
  const own = [...new Set(course.items.map((x) => x.currency))];
  const [chosen, setChosen] = useState("");
  const letters = own.includes(chosen) ? chosen : (own[0] ?? session.currencies()[0]?.letters ?? "");
  const currency = session.currencyNamed(letters);
  const parts = lay(course.items, partsOf(p.range.from, p.range.until, p.grain, course.timeMs), letters);
  const sum = sumOf(parts);
  const write = (n: bigint) => (metric === "payable" ? money(n, currency) : number(n));
  const most = parts.reduce((a, b) => (b[metric] > a[metric] ? b : a), parts[0] as Part);
  const origin = {
    chain: link,
    member: session.member,
    name: session.name,
    height: course.height,
    timeMs: course.timeMs,
    campaign: proven && { id: proven.number, title: proven.terms.title },
  };
  const save = () =>
    saveFile(
      `course-${session.member}${proven ? `-${proven.number}` : ""}-${p.range.from}-${p.range.until}.csv`,
      courseFile(parts, currency, origin, csvStyle(navigator.language)),
    );
  const busy = parts.filter((x) => x.claims + x.redemptions + x.voids + x.payable + x.voided > 0n || x.uncounted);
  if (busy.length === 0)
    return (
      <Empty title={t("courseNone")}>
        <p>{t("courseNoneText")}</p>
      </Empty>
    );
  return (
    <>
      {own.length > 1 && (
        <Segments
          label={t("fieldCurrency")}
          value={letters}
          onChange={setChosen}
          options={own.map((x) => ({ value: x, text: x }))}
        />
      )}
      <dl class="figures" data-course>
        <Figure name={t("courseClaims")} value={number(sum.claims)} />
        <Figure name={t("courseRedemptions")} value={number(sum.redemptions)} />
        <Figure name={t("courseVoids")} value={number(sum.voids)} />
        <Figure name={t("courseOwed")} value={money(sum.payable - sum.voided, currency)} />
      </dl>
      <Segments<Metric>
        label={t("courseShow")}
        value={metric}
        onChange={setMetric}
        options={metrics.map((value) => ({ value, text: metricText[value]() }))}
      />
      <Bars
        unit={metric === "payable" ? `${metricText[metric]()}, ${letters}` : metricText[metric]()}
        values={parts.map((x) => x[metric])}
        value={write}
        times={timesShown(parts, p.grain)}
        label={t("courseChart", {
          what: metricText[metric](),
          sum: write(sum[metric]),
          most: write(most[metric]),
          when: nameOf(most.begin, p.grain),
        })}
      />
      <Believed seen={p.seen} parts={parts} />
      <div class="row no-print">
        <Button onClick={save}>{t("courseCsv")}</Button>
      </div>
      <Table
        caption={t("courseTable")}
        rows={busy.toReversed()}
        rowKey={(x) => x.begin}
        columns={[
          { head: t("courseTime"), cell: (x) => (p.grain === "day" ? date(x.begin) : dateTime(x.begin)) },
          { head: t("courseClaims"), figure: true, cell: (x) => number(x.claims) },
          { head: t("courseRedemptions"), figure: true, cell: (x) => number(x.redemptions) },
          { head: t("courseVoids"), figure: true, cell: (x) => number(x.voids) },
          { head: t("courseOwed"), figure: true, cell: (x) => money(x.payable - x.voided, currency) },
        ]}
      />
    </>
  );
}

export function CoursePage(p: { number?: string }): JSX.Element {
  const { link, member } = useSession();
  const campaign = p.number && /^\d{1,9}$/.test(p.number) ? Number(p.number) : 0;
  const [range, setRange] = useState<Range>({ from: daysBack(link.nowMs(), 29), until: dateText(link.nowMs()) });
  const [chosen, setChosen] = useState<Grain>("hour");
  const days = daysBetween(range.from, range.until);
  const grain: Grain = days === undefined || days > hoursDaysMax ? "day" : chosen;
  const loaded: Loaded<Seen | undefined> = useLoad(
    async (signal) => {
      const [from, until] = [moment(range.from, "first"), moment(range.until, "last")];
      if (days === undefined || from === undefined || until === undefined) return undefined;
      const course = await readCourse(link, member, campaign, { from, until }, signal);
      return { course, proven: campaign > 0 ? await link.client.campaign(campaign, { signal }) : undefined };
    },
    [member, campaign, range.from, range.until],
  );
  useBesides(loaded.reload);
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{t("courseTitle")}</h1>
        {loaded.value && (
          <AsOf height={loaded.value.course.height} timeMs={loaded.value.course.timeMs} nowMs={() => link.nowMs()} />
        )}
      </div>
      <Choices campaign={campaign} range={range} days={days} grain={grain} onRange={setRange} onGrain={setChosen} />
      <Got of={loaded} none={{ title: t("campaignNone", { n: p.number ?? "" }) }}>
        {(seen) => seen && <Numbers seen={seen} range={range} grain={grain} />}
      </Got>
    </div>
  );
}
