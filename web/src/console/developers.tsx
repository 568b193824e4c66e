/** For those who connect a shop's own programs. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { EventAnswer } from "@scrip/sdk/answers";
import { eventIdText } from "@scrip/sdk/events";
import { base64, hex } from "@scrip/sdk/bytes";
import { encodeKey, SecretKey } from "@scrip/sdk/keys";
import { rowKey } from "@scrip/sdk/rows";
import { Right, tillKeyAddTx } from "@scrip/sdk/transactions";
import { timeSeconds } from "../kit/format.ts";
import { followAll, withEvent, type Happening } from "../kit/ledger/follow.ts";
import { word } from "../kit/ledger/ledger.tsx";
import { t as kit } from "../kit/text.ts";
import { Button, Copyable, copyText, Notice, Segments } from "../kit/ui.tsx";
import { Confirm, useSession, useWork } from "./parts.tsx";
import { daySpan } from "./day.ts";
import { dateText } from "./dates.ts";
import { t } from "./text.ts";

const eventsKept = 20;
const hourMs = 3_600_000;
const undoMs = 72 * hourMs;
/** A receipt of a redemption has so many bytes. */
const sampleReceiptBytes = 89;
const testLabel = "Test event";

/** curls are commands that work as they stand, for this node and this member. dry is a transaction to try. */
export function curls(
  node: string,
  member: number,
  todayMs: number,
  dry: Uint8Array,
): { title: string; command: string }[] {
  return [
    { title: t("devCurlCampaigns"), command: `curl '${node}/v1/campaigns?issuer=${member}&newest=true'` },
    { title: t("devCurlTotals"), command: `curl '${node}/v1/members/${member}/totals?from=${todayMs}'` },
    { title: t("devCurlTakings"), command: `curl '${node}/v1/members/${member}/takings?newest=true&limit=10'` },
    {
      title: t("devCurlEvents"),
      command: `curl -N '${node}/v1/events?from=0&type=redemption.accrued,redemption.voided'`,
    },
    { title: t("devCurlResume"), command: `curl -N -H 'Last-Event-ID: 0.0.0' '${node}/v1/events?proof=true'` },
    { title: t("devCurlProof"), command: `curl '${node}/v1/state/${hex(rowKey.campaign(1))}'` },
    { title: t("devCurlDry"), command: `curl --json '{"tx":"${base64(dry)}"}' '${node}/v1/transactions/dry-run'` },
  ];
}

/** follower is a program that misses no event, for Node and browsers. */
export function follower(nodes: readonly string[]): string {
  return `const nodes = ${JSON.stringify(nodes)};
let last = load(); // the id of the last event that was dealt with; undefined at first
for (let i = 0; ; i++) {
  try {
    const answer = await fetch(nodes[i % nodes.length] + "/v1/events?type=redemption.accrued",
      { headers: last ? { "Last-Event-ID": last } : {} });
    let text = "";
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      const events = (text += part).split("\\n\\n");
      text = events.pop();
      for (const e of events) {
        const data = /^data: (.*)$/m.exec(e)?.[1];
        if (!data) continue; // a heartbeat
        await handle(JSON.parse(data)); // the same event may come again: its id is the same
        save(last = JSON.parse(data).id);
      }
    }
  } catch { /* the next node goes on behind the last id */ }
  await new Promise((again) => setTimeout(again, 1000));
}
`;
}

/** sampleEvent is what a redemption looks like in the stream of this ledger. */
export function sampleEvent(source: string, nowMs: number): EventAnswer {
  const instant = (ms: number) => ({ utc: new Date(ms).toISOString(), ms: String(ms) });
  const coupon = String((1n << 32n) | 17n);
  return {
    specversion: "1.0",
    id: "4711.3.0",
    source,
    type: "redemption.accrued",
    subject: `coupon/${coupon}`,
    time: instant(nowMs).utc,
    datacontenttype: "application/json",
    data: {
      tx: "5f".repeat(32),
      height: "4711",
      index: 3,
      time: instant(nowMs),
      till: encodeKey("till", new Uint8Array(32).fill(7)),
      effect: {
        event: "redemption.accrued",
        campaign: 1,
        coupon,
        serial: 17,
        seq: 0,
        value: "450",
        payable: "450",
        uses_left: 0,
        final_at: instant(nowMs + undoMs),
      },
      receipt: base64(new Uint8Array(sampleReceiptBytes)),
    },
  };
}

/** Sample is a text of several lines to be copied. */
function Sample(p: { text: string; name: string }): JSX.Element {
  const ref = useRef<HTMLPreElement>(null);
  return (
    <div class="stack-s">
      <pre class="sample" ref={ref} tabIndex={0} role="group" aria-label={p.name}>
        {p.text}
      </pre>
      <div>
        <Button label={`${kit("copy")}: ${p.name}`} onClick={() => void copyText(p.text, ref.current)}>
          {kit("copy")}
        </Button>
      </div>
    </div>
  );
}

type Chosen = "all" | "redemption" | "coupon" | "campaign" | "till";

const isOf = (chosen: Chosen, e: Happening) =>
  chosen === "all" || e.type.startsWith(chosen) || (chosen === "coupon" && e.type.startsWith("gift"));

function EventList(p: { events: readonly Happening[] }): JSX.Element {
  if (p.events.length === 0)
    return (
      <p class="soft" role="status">
        {t("devEventsNone")}
      </p>
    );
  return (
    <ul role="list" class="entries" data-events={p.events.length}>
      {p.events.map((e) => (
        <li key={eventIdText(e.id)} class="entry-block">
          <details class="twin">
            <summary>
              {word(e.type)} · <span class="mono">{eventIdText(e.id)}</span> · {timeSeconds(e.timeMs)}
            </summary>
            <pre class="sample" tabIndex={0}>
              {JSON.stringify(
                { type: e.type, id: eventIdText(e.id), tx: e.tx, ...e.outcome.effect },
                (_, v: unknown) => (typeof v === "bigint" ? String(v) : v instanceof Uint8Array ? hex(v) : v),
                1,
              )}
            </pre>
          </details>
        </li>
      ))}
    </ul>
  );
}

/** TestEvent adds a till that can take one cent in an hour, and revokes it at once: two real events. */
function TestEvent(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const [asking, setAsking] = useState(false);
  const work = useWork();
  const send = () =>
    work.run(async () => {
      const key = SecretKey.generate("till");
      const currency = session.currencies()[0]?.number ?? link.genesis.currencies[0]?.number ?? 0;
      const nowMs = link.nowMs();
      await session.act(
        t("devEvent"),
        tillKeyAddTx(
          link.chain,
          link.client.expiry(true),
          {
            member,
            store: 1,
            rights: Right.redeem,
            currency,
            validFrom: nowMs - hourMs,
            validUntil: nowMs + hourMs,
            dayCap: 1n,
            label: testLabel,
          },
          key,
          [session.signer],
        ),
      );
      await session.act(t("devEvent"), session.sign({ kind: "TillKeyRevoke", member, tillKey: key.key }));
      setAsking(false);
    });
  if (!session.has("merchant")) return <p class="soft">{t("devEventText")}</p>;
  return (
    <div>
      <Button onClick={() => setAsking(true)}>{t("devEvent")}</Button>
      {asking && (
        <Confirm
          title={t("devEvent")}
          text={t("devEventConfirm")}
          act={t("devEventAct")}
          work={work}
          onAct={send}
          onClose={() => {
            setAsking(false);
            work.clear();
          }}
        />
      )}
    </div>
  );
}

function Events(): JSX.Element {
  const [events, setEvents] = useState<readonly Happening[]>([]);
  const [chosen, setChosen] = useState<Chosen>("all");
  const [away, setAway] = useState(false);
  const { link } = useSession();
  useEffect(() => {
    const stop = new AbortController();
    void followAll(link, (e) => setEvents((all) => withEvent(all, e, 5 * eventsKept)), stop.signal, setAway);
    return () => stop.abort();
  }, [link]);
  const options: { value: Chosen; text: string }[] = [
    { value: "all", text: t("devAll") },
    { value: "redemption", text: t("devRedemptions") },
    { value: "coupon", text: t("devCoupons") },
    { value: "campaign", text: t("navCampaigns") },
    { value: "till", text: t("navTills") },
  ];
  return (
    <section class="stack-s" aria-labelledby="events-title">
      <h2 id="events-title">{t("devEvents")}</h2>
      <p>{t("devEventsText")}</p>
      <div class="events-tools">
        <Segments label={t("devEvents")} value={chosen} options={options} onChange={setChosen} />
      </div>
      {away && (
        <Notice kind="bad" live>
          <p>{t("devEventsAway")}</p>
        </Notice>
      )}
      <EventList events={events.filter((e) => isOf(chosen, e)).slice(0, eventsKept)} />
      <TestEvent />
    </section>
  );
}

export function Developers(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const node = link.nodes[0] ?? location.origin;
  const today = daySpan(dateText(link.nowMs()))?.from ?? 0;
  // It asks to revoke a key that nobody has: harmless wherever it is handed in.
  const dry = useMemo(
    () => session.sign({ kind: "TillKeyRevoke", member, tillKey: SecretKey.generate("till").key }),
    [],
  );
  const source = `scrip:${hex(link.chain.digest).slice(0, 32)}`;
  return (
    <div class="stack developers">
      <h1>{t("devTitle")}</h1>
      <p>{t("devText", { node })}</p>
      <ul role="list" class="stack-s">
        <li>
          <a href="/docs">{t("devApi")}</a>
        </li>
        <li>
          <a href="/openapi.json">{t("devOpenapi")}</a>
        </li>
        <li>
          <a href="/errors/E509">{t("devErrors")}</a>
        </li>
      </ul>
      <Events />
      <section class="stack-s" aria-labelledby="curl-title">
        <h2 id="curl-title">{t("devCurl")}</h2>
        {curls(node, member, today, dry).map((x) => (
          <section key={x.command} class="stack-s">
            <h3>{x.title}</h3>
            <Copyable text={x.command} label={x.title} />
          </section>
        ))}
      </section>
      <section class="stack-s" aria-labelledby="sample-title">
        <h2 id="sample-title">{t("devSample")}</h2>
        <p>{t("devSampleText")}</p>
        <Sample text={JSON.stringify(sampleEvent(source, link.nowMs()), undefined, 2)} name={t("devSample")} />
      </section>
      <section class="stack-s" aria-labelledby="hooks-title">
        <h2 id="hooks-title">{t("devHooks")}</h2>
        <p>{t("devHooksText")}</p>
        <Sample text={follower(link.nodes)} name={t("devHooks")} />
      </section>
    </div>
  );
}
