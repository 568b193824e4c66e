/** The day: totals by till and campaign, single redemptions with undo, and files that carry their height. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { TakingAnswer, TillAnswer, TotalAnswer } from "@scrip/sdk/answers";
import { SecretKey } from "@scrip/sdk/keys";
import { campaignOf } from "@scrip/sdk/objects";
import { Right, tillKeyAddTx, voidTx } from "@scrip/sdk/transactions";
import { Table, VerifiedBadge } from "../kit/badge.tsx";
import { date, lastDay, money, number, timeSeconds } from "../kit/format.ts";
import { isFalse } from "../kit/ledger/check.ts";
import { AsOf, msOf, serialText } from "../kit/ledger/ledger.tsx";
import { failureOf } from "../kit/refusal/refusal.ts";
import type { Sealed } from "../kit/storage.ts";
import { Button, Empty, Failure, Field, Segments, toast, useLoad } from "../kit/ui.tsx";
import { csvStyle, type CsvStyle } from "./csv.ts";
import {
  dayFile,
  daySpan,
  linesFile,
  readDay,
  recount,
  takingsOf,
  tillsOf,
  titlesOf,
  zoneName,
  type Day,
  type Labels,
  type Recount,
} from "./day.ts";
import { dateText } from "./dates.ts";
import { Got, Missing } from "../kit/ledger/page.tsx";
import { gotPages, More, usePages, type Pages } from "../kit/ledger/pages.tsx";
import { Confirm, saveFile, Trouble, useBesides, useEvents, useSession, useSoon, useWork } from "./parts.tsx";
import { t } from "./text.ts";

const linesShown = 50;
const sumsShown = 50;
/** How often the sums follow what happens, at most. */
const soonMs = 700;
const linesMax = 100_000;
const fileMs = 60_000;
const yearMs = 365 * 86_400_000;
const managerRow = "manager";
/** How the files write numbers: as spreadsheets of the device's region read them, until somebody chooses. */
const style = signal<CsvStyle>(csvStyle(navigator.language));

interface Shown {
  day: Day;
  tills: ReadonlyMap<string, TillAnswer>;
  letters: ReadonlyMap<number, string>;
}

async function show(
  session: ReturnType<typeof useSession>,
  span: { from: number; until: number },
  signal: AbortSignal,
): Promise<Shown> {
  const { link, member } = session;
  const [day, tills] = await Promise.all([readDay(link, member, span, signal), tillsOf(link, member, signal)]);
  return { day, tills, letters: new Map(day.totals.map((x) => [x.campaign, x.currency])) };
}

function labelsOf(session: ReturnType<typeof useSession>, s: Shown, titles: ReadonlyMap<number, string>): Labels {
  return {
    till: (key) => s.tills.get(key)?.label || t("tillUnnamed"),
    campaign: (n) => titles.get(n) ?? String(n),
    currency: (letters) => session.currencyNamed(letters),
  };
}

/** Sum is what a currency comes to, in minor units. */
interface Sum {
  letters: string;
  count: bigint;
  value: bigint;
  voids: bigint;
  voided: bigint;
}

/** totalsBy sums by currency what may be added. */
function totalsBy(totals: readonly TotalAnswer[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const x of totals) {
    const s = sums.get(x.currency) ?? { letters: x.currency, count: 0n, value: 0n, voids: 0n, voided: 0n };
    sums.set(x.currency, {
      letters: x.currency,
      count: s.count + BigInt(x.count),
      value: s.value + BigInt(x.value),
      voids: s.voids + BigInt(x.voids),
      voided: s.voided + BigInt(x.voided_value),
    });
  }
  return [...sums.values()];
}

function Totals(p: { shown: Shown }): JSX.Element {
  const session = useSession();
  const [shown, setShown] = useState(sumsShown);
  const sorted = useMemo(() => {
    const names = new Intl.Collator(undefined, { numeric: true });
    const label = labelsOf(session, p.shown, new Map()).till;
    return p.shown.day.totals.toSorted(
      (a, b) => names.compare(label(a.till), label(b.till)) || a.campaign - b.campaign,
    );
  }, [p.shown]);
  const numbers = [...new Set(sorted.slice(0, shown).map((x) => x.campaign))];
  // A title is asked for when its line is shown.
  const titles = useLoad((signal) => titlesOf(session.link, numbers, signal), [numbers.join()]);
  const known = useRef<ReadonlyMap<number, string>>(new Map());
  known.current = titles.value ?? known.current;
  const labels = labelsOf(session, p.shown, known.current);
  const rows = [
    ...sorted.slice(0, shown).map((x) => ({
      name: labels.till(x.till),
      campaign: labels.campaign(x.campaign),
      key: `${x.till}/${x.campaign}`,
      letters: x.currency,
      count: BigInt(x.count),
      value: BigInt(x.value),
      voids: BigInt(x.voids),
      voided: BigInt(x.voided_value),
      total: false,
    })),
    ...totalsBy(p.shown.day.totals).map((x) => ({
      ...x,
      name: t("dayTotal", { currency: x.letters }),
      campaign: "",
      key: x.letters,
      total: true,
    })),
  ];
  type Row = (typeof rows)[number];
  const strong = (r: Row, x: string) => (r.total ? <strong>{x}</strong> : x);
  const sum = (r: Row, minor: bigint) => strong(r, money(minor, session.currencyNamed(r.letters)));
  return (
    <>
      <Table
        caption={t("dayByTill")}
        rows={rows}
        rowKey={(r) => r.key}
        columns={[
          { head: t("dayTill"), lead: true, cell: (r) => strong(r, r.name) },
          { head: t("dayCampaign"), cell: (r) => r.campaign },
          { head: t("dayCount"), figure: true, cell: (r) => strong(r, number(r.count)) },
          { head: t("dayValue"), figure: true, cell: (r) => sum(r, r.value) },
          { head: t("dayVoids"), figure: true, cell: (r) => strong(r, number(r.voids)) },
          { head: t("dayVoided"), figure: true, cell: (r) => sum(r, r.voided) },
          { head: t("dayNet"), figure: true, cell: (r) => sum(r, r.value - r.voided) },
        ]}
      />
      {sorted.length > sumsShown && (
        <More
          total={sorted.length}
          of={{
            items: sorted.slice(0, shown),
            busy: false,
            more: shown < sorted.length ? () => setShown(shown + 4 * sumsShown) : undefined,
          }}
        />
      )}
    </>
  );
}

function Files(p: { shown: Shown; date: string }): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const work = useWork();
  const root = async () => {
    const block = await link.client.block(p.shown.day.height);
    if (!block.checkpoint) throw new Error("the block has no certificate yet");
    return block.checkpoint.stateRoot;
  };
  const { day, letters } = p.shown;
  const origin = async () => ({ chain: link, member, name: session.name, day, stateRoot: await root() });
  const save = () =>
    work.run(async () => {
      const titles = await titlesOf(link, [...letters.keys()], AbortSignal.timeout(fileMs));
      saveFile(
        `takings-${member}-${p.date}.csv`,
        dayFile(await origin(), labelsOf(session, p.shown, titles), style.value),
      );
    });
  const saveLines = () =>
    work.run(async () => {
      const all = await takingsOf(
        link,
        member,
        { from: day.span.from, until: Math.min(day.span.until, day.timeMs + 1) },
        linesMax,
      );
      saveFile(
        `redemptions-${member}-${p.date}.csv`,
        linesFile(await origin(), all, (n) => letters.get(n) ?? "", labelsOf(session, p.shown, new Map()), style.value),
      );
    });
  return (
    <section class="stack-s no-print">
      <div class="row">
        <Button kind="main" onClick={save} busy={work.busy}>
          {t("dayCsv")}
        </Button>
        <Button onClick={saveLines} busy={work.busy}>
          {t("dayCsvLines")}
        </Button>
        <Button onClick={() => print()}>{t("dayPrint")}</Button>
      </div>
      <Segments
        label={t("dayNumbers")}
        value={style.value}
        onChange={(v) => {
          style.value = v;
        }}
        options={[
          { value: "point", text: "4.50" },
          { value: "comma", text: "4,50" },
        ]}
      />
      <p class="small soft">{t("dayCsvText")}</p>
      <Trouble work={work} />
    </section>
  );
}

function codeFor(error: unknown): string | undefined {
  return error instanceof Error ? error.message.slice(0, 160) : undefined;
}

function Recounted(p: { day: Day }): JSX.Element {
  const { link, member } = useSession();
  const [state, setState] = useState<{
    at?: { n: number; total: number };
    done?: Recount;
    error?: unknown;
    busy: boolean;
  }>({ busy: false });
  const run = () => {
    setState({ busy: true });
    recount(link, member, p.day, (n, total) => setState({ busy: true, at: { n, total } })).then(
      (done) => setState({ done, busy: false }),
      (error: unknown) => setState({ error, busy: false }),
    );
  };
  return (
    <section class="check-panel stack-s no-print" aria-labelledby="recount-title">
      <div class="row apart">
        <h2 id="recount-title">{t("dayRecount")}</h2>
        <VerifiedBadge
          proof={state.done && state.done.redemptions > 0 ? link.proof({ members: state.done.signers }) : undefined}
        />
      </div>
      <p class="soft">{t("dayRecountText")}</p>
      <div role="status">
        {state.done && <p class="strong good">{t("dayRecountHolds", { n: state.done.redemptions })}</p>}
      </div>
      {state.error !== undefined &&
        (isFalse(state.error) ? (
          <Failure title={t("dayRecountFails")} code={codeFor(state.error)} />
        ) : (
          <Failure title={t("dayRecountCannot")} detail={failureOf(state.error).title} code={codeFor(state.error)} />
        ))}
      <div>
        <Button onClick={run} busy={state.busy}>
          {state.busy && state.at ? t("dayRecountBusy", { n: state.at.n, total: state.at.total }) : t("dayRecount")}
        </Button>
      </div>
    </section>
  );
}

/** managerKey returns the console's own key for undo, registered if it is not yet. */
async function managerKey(session: ReturnType<typeof useSession>, make: boolean): Promise<SecretKey | undefined> {
  const { link, member } = session;
  const kept = await link.store.get<{ member: number; sealed: Sealed }>(managerRow);
  if (kept?.member === member) {
    const key = new SecretKey("till", await link.store.open(kept.sealed));
    const till = await link.client.till(key.key).catch(() => undefined);
    if (till?.standing === "ACTIVE" && till.validUntil > link.nowMs()) return key;
  }
  if (!make) return undefined;
  const key = SecretKey.generate("till");
  const currency = session.currencies()[0]?.number ?? link.genesis.currencies[0]?.number ?? 0;
  const fields = {
    member,
    store: 1,
    rights: Right.voidAny,
    currency,
    validFrom: link.nowMs() - 60_000,
    validUntil: link.nowMs() + yearMs,
    dayCap: 1n,
    label: "Console",
  };
  await link.store.set(managerRow, { member, sealed: await link.store.seal(key.exportSeed()) });
  await session.act(
    t("tillConsole"),
    tillKeyAddTx(link.chain, link.client.expiry(true), fields, key, [session.signer]),
  );
  return key;
}

function UndoButton(p: { line: TakingAnswer; value: string; onDone: () => void }): JSX.Element {
  const session = useSession();
  const { link } = session;
  const [asking, setAsking] = useState<"have" | "need">();
  const work = useWork();
  const ask = () =>
    void managerKey(session, false).then(
      (key) => setAsking(key ? "have" : "need"),
      () => setAsking("need"),
    );
  const undo = () =>
    work.run(async () => {
      const key = await managerKey(session, true);
      if (!key) return;
      const what = t("undoOf", { coupon: serialText(p.line.coupon), value: p.value });
      await session.act(what, voidTx(link.chain, link.client.expiry(), BigInt(p.line.coupon), p.line.seq, key));
      toast(t("undoDone"));
      setAsking(undefined);
      p.onDone();
    });
  return (
    <>
      <Button kind="plain" label={`${t("undo")}: ${serialText(p.line.coupon)}, ${p.value}`} onClick={ask}>
        {t("undo")}
      </Button>
      {asking && (
        <Confirm
          title={t("undoTitle", { value: p.value })}
          text={t("undoText")}
          bad
          work={work}
          onAct={undo}
          act={asking === "need" ? t("undoManagerAct") : t("undoAct")}
          onClose={() => {
            setAsking(undefined);
            work.clear();
          }}
        >
          {asking === "need" && (
            <>
              <p class="strong">{t("undoManager")}</p>
              <p>{t("undoManagerText")}</p>
            </>
          )}
        </Confirm>
      )}
    </>
  );
}

function Lines(p: {
  shown: Shown;
  lines: readonly TakingAnswer[];
  pages: Pages<TakingAnswer>;
  onDone: () => void;
}): JSX.Element {
  const session = useSession();
  const { lines } = p;
  const labels = labelsOf(session, p.shown, new Map());
  const undone = new Set(lines.filter((x) => x.type === "redemption.voided").map((x) => `${x.coupon}/${x.seq}`));
  const letters = (x: TakingAnswer) => p.shown.letters.get(campaignOf(BigInt(x.coupon))) ?? "";
  const value = (x: TakingAnswer) => money(BigInt(x.value), session.currencyNamed(letters(x)));
  const count = p.shown.day.totals.reduce((n, x) => n + Number(x.count) + Number(x.voids), 0);
  return (
    <>
      <Table
        caption={t("dayLines")}
        rows={lines.filter((x) => p.shown.letters.has(campaignOf(BigInt(x.coupon))))}
        rowKey={(x) => x.id}
        columns={[
          { head: t("lineTime"), cell: (x) => timeSeconds(msOf(x.time)) },
          {
            head: t("lineCoupon"),
            lead: true,
            cell: (x) => <a href={`/explorer/#/coupon/${x.coupon}`}>{serialText(x.coupon)}</a>,
          },
          { head: t("dayTill"), cell: (x) => labels.till(x.till) },
          {
            head: t("dayValue"),
            figure: true,
            cell: (x) => (x.type === "redemption.voided" ? `− ${value(x)}` : value(x)),
          },
          {
            head: t("lineState"),
            cell: (x) =>
              x.type === "redemption.voided" || undone.has(`${x.coupon}/${x.seq}`) ? t("lineUndone") : t("lineTaken"),
          },
          {
            head: t("action"),
            screen: true,
            cell: (x) =>
              x.type !== "redemption.voided" &&
              !undone.has(`${x.coupon}/${x.seq}`) && <UndoButton line={x} value={value(x)} onDone={p.onDone} />,
          },
        ]}
      />
      <More of={p.pages} total={count} />
    </>
  );
}

/** Owed is quiet about its own way while the day above it is under way or has failed. */
function Owed(p: { quiet: boolean }): JSX.Element | null {
  const session = useSession();
  const { link, member } = session;
  const pages = usePages(
    (cursor, signal) =>
      link.client.read(
        "PageObligationAnswer",
        "/v1/obligations",
        { payee: member, limit: linesShown, cursor },
        { signal },
      ),
    [member],
  );
  if (p.quiet && !pages.items) return null;
  return (
    <>
      <Got of={gotPages(pages)}>
        {(items) =>
          items.length === 0 ? (
            <p class="soft">{t("dayOwedNone")}</p>
          ) : (
            <Table
              caption={t("dayOwed")}
              rows={items}
              rowKey={(o) => `${o.cycle}/${o.campaign}`}
              columns={[
                { head: t("dayCycle"), lead: true, cell: (o) => `${date(msOf(o.begins))} – ${lastDay(msOf(o.ends))}` },
                { head: t("dayOwedBy"), cell: (o) => <a href={`#/campaign/${o.campaign}`}>{o.campaign}</a> },
                { head: t("dayCount"), figure: true, cell: (o) => number(o.count) },
                {
                  head: t("dayOwedSum"),
                  figure: true,
                  cell: (o) => money(BigInt(o.sum), session.currencyNamed(o.currency)),
                },
              ]}
            />
          )
        }
      </Got>
      <More of={pages} />
    </>
  );
}

export function DayPage(): JSX.Element {
  const session = useSession();
  const { link } = session;
  const [text, setText] = useState(dateText(link.nowMs()));
  const span = daySpan(text);
  const loaded = useLoad(async (signal) => (span ? show(session, span, signal) : undefined), [text]);
  const { member } = session;
  const lines = usePages(
    (cursor, signal) =>
      link.client.read(
        "PageTakingAnswer",
        `/v1/members/${member}/takings`,
        { from: span?.from, until: span?.until, newest: "true", limit: linesShown, cursor },
        { signal },
      ),
    [member, text],
  );
  const again = () => {
    loaded.reload();
    lines.reload();
  };
  const soon = useSoon(again, soonMs);
  useEvents({ types: ["redemption.accrued", "redemption.voided"] }, [], soon);
  useBesides(soon);
  if (!session.has("merchant"))
    return (
      <Missing title={t("tillsNot")}>
        <p>{t("tillsNotText")}</p>
      </Missing>
    );
  return (
    <div class="stack">
      <div class="row apart">
        <div>
          <p class="strong on-paper">{session.name}</p>
          <h1>
            {t("dayTitle")}: {span ? date(span.from) : "–"}
          </h1>
          <p class="small on-paper">{t("dayZone", { zone: zoneName(span?.from ?? link.nowMs()) })}</p>
        </div>
        {loaded.value && (
          <AsOf height={loaded.value.day.height} timeMs={loaded.value.day.timeMs} nowMs={() => link.nowMs()} />
        )}
      </div>
      <div class="narrow no-print">
        <Field
          label={t("dayDate")}
          type="date"
          value={text}
          onInput={setText}
          hint={t("dayZone", { zone: zoneName(span?.from ?? link.nowMs()) })}
        />
      </div>
      <Got of={loaded}>
        {(shown) =>
          !shown || shown.day.totals.length === 0 ? (
            <Empty title={t("dayNone")}>
              <p>{t("dayNoneText")}</p>
            </Empty>
          ) : (
            <>
              <Totals shown={shown} />
              <Files shown={shown} date={text} />
              <Got of={gotPages(lines)}>
                {(items) => <Lines shown={shown} lines={items} pages={lines} onDone={again} />}
              </Got>
              <Recounted key={shown.day.height} day={shown.day} />
            </>
          )
        }
      </Got>
      <Owed quiet={loaded.value === undefined} />
    </div>
  );
}
