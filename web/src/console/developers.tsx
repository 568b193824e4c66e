/** For those who connect a shop's own programs. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { LedgerEvent } from "@scrip/sdk/client";
import { eventIdText } from "@scrip/sdk/events";
import { hex } from "@scrip/sdk/bytes";
import { rowKey } from "@scrip/sdk/rows";
import { timeSeconds } from "../kit/format.ts";
import { word } from "../kit/ledger/ledger.tsx";
import { Copyable } from "../kit/ui.tsx";
import { useEvents, useSession } from "./parts.tsx";
import { daySpan } from "./day.ts";
import { dateText } from "./draft.ts";
import { t } from "./text.ts";

const eventsKept = 20;

/** curls are commands that work as they stand, for this node and this member. */
export function curls(node: string, member: number, todayMs: number): { title: string; command: string }[] {
  return [
    { title: t("devCurlCampaigns"), command: `curl '${node}/v1/campaigns?issuer=${member}'` },
    { title: t("devCurlTotals"), command: `curl '${node}/v1/members/${member}/totals?from=${todayMs}'` },
    { title: t("devCurlEvents"),
      command: `curl -N '${node}/v1/events?from=0&type=redemption.accrued,redemption.voided'` },
    { title: t("devCurlProof"), command: `curl '${node}/v1/state/${hex(rowKey.campaign(1))}'` },
    { title: t("devCurlDry"),
      command: `curl --data-binary @tx.bin -H 'Content-Type: application/octet-stream' ` +
        `'${node}/v1/transactions/dry-run'` },
  ];
}

export function Developers(): JSX.Element {
  const { link, member } = useSession();
  const [events, setEvents] = useState<readonly LedgerEvent[]>([]);
  useEvents({}, [], (e) => setEvents((all) => [e, ...all].slice(0, eventsKept)));
  const node = link.nodes[0] ?? location.origin;
  const today = daySpan(dateText(link.nowMs()))?.from ?? 0;
  return (
    <div class="stack">
      <h1>{t("devTitle")}</h1>
      <p>{t("devText", { node })}</p>
      <ul class="stack-s">
        <li><a href="/docs">{t("devApi")}</a></li>
        <li><a href="/openapi.json">{t("devOpenapi")}</a></li>
        <li><a href="/errors/E509">{t("devErrors")}</a></li>
      </ul>
      <h2>{t("devCurl")}</h2>
      {curls(node, member, today).map((x) => (
        <section key={x.command} class="stack-s"><h3>{x.title}</h3><Copyable text={x.command}
          label={x.title} /></section>
      ))}
      <h2>{t("devEvents")}</h2>
      <p>{t("devEventsText")}</p>
      <p class="soft">{t("devEventText")}</p>
      {events.length === 0 ? <p class="soft" role="status">{t("devEventsNone")}</p> : (
        <ul role="list" class="entries">
          {events.map((e) => (
            <li key={e.receipt.id} class="entry-block">
              <details class="twin">
                <summary>{word(e.type)} · <span
                  class="mono">{eventIdText(e.id)}</span> · {timeSeconds(e.timeMs)}</summary>
                <code class="mono small raw">{JSON.stringify({ type: e.type, id: eventIdText(e.id), tx: e.receipt.id,
                  ...e.outcome.effect },
                  (_, v: unknown) => (typeof v === "bigint" ? String(v) : v instanceof Uint8Array ? hex(v) : v),
                    1)}</code>
              </details>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
