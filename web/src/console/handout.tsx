/** Handing out: a poster for everybody by way of a desk, or single links. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ProvenCampaign } from "@scrip/sdk/client";
import { hex } from "@scrip/sdk/bytes";
import { decodeKey } from "@scrip/sdk/keys";
import { liability } from "@scrip/sdk/terms";
import { ruleText, valueText } from "../kit/coupon.tsx";
import { lastDay, money, number } from "../kit/format.ts";
import { Qr } from "../kit/qr.tsx";
import { ruleOf } from "../kit/terms.ts";
import { useWording } from "../kit/wording/wording.tsx";
import { Button, Field, LinkButton, Notice, copyText, toast, useLoad } from "../kit/ui.tsx";
import { Got, Missing } from "../kit/ledger/page.tsx";
import { More } from "../kit/ledger/pages.tsx";
import { Back, Confirm, saveFile, useSession, useWork } from "./parts.tsx";
import { csv } from "./csv.ts";
import { linksOf, newTicketKey, ownBatches, type OwnBatch } from "./tickets.ts";
import { t } from "./text.ts";

const deskMs = 5000;
/** How soon a desk serves a batch that the ledger has. */
const deskSeesMs = 1500;
const linksAtOnce = 5000;
const batchesShown = 10;
/** Terms of more characters do not fit on a poster: it says where they are. */
const posterWordsMax = 700;

/** deskKey asks the desks for the ticket key of a batch that begins here; undefined if none answers. */
async function deskKey(
  desks: readonly string[],
  campaign: number,
  first: number,
): Promise<{ desk: string; key: Uint8Array } | undefined> {
  for (const desk of desks) {
    try {
      const a = await fetch(`${desk}/v1/keys/${campaign}/${first}`, {
        credentials: "omit",
        signal: AbortSignal.timeout(deskMs),
      });
      const x = (await a.json()) as { campaign?: number; first?: number; ticket_key?: string };
      if (a.ok && x.campaign === campaign && x.first === first && x.ticket_key)
        return { desk, key: decodeKey("ticket", x.ticket_key) };
    } catch {
      // the next desk
    }
  }
  return undefined;
}

interface Handed {
  campaign: ProvenCampaign;
  batches: { number: number; first: number; count: number; ticketKey: string }[];
  own: OwnBatch[];
  /** Whether a desk serves some of it. */
  desk: string | undefined;
}

async function deskOf(desks: readonly string[], campaign: number): Promise<string | undefined> {
  for (const desk of desks) {
    try {
      const a = await fetch(`${desk}/v1/tickets`, { credentials: "omit", signal: AbortSignal.timeout(deskMs) });
      const x = (await a.json()) as { batches?: { campaign?: number }[] };
      if (a.ok && x.batches?.some((b) => b.campaign === campaign)) return desk;
    } catch {
      // the next desk
    }
  }
  return undefined;
}

function useHanded(n: number) {
  const { link } = useSession();
  return useLoad(
    async (signal): Promise<Handed> => {
      const campaign = await link.client.campaign(n, { signal });
      const listed = await link.client.batches({ campaign: n }, { signal });
      const batches = listed.map((b) => ({
        number: b.number,
        first: b.first,
        count: b.count,
        ticketKey: hex(decodeKey("ticket", b.ticket_key)),
      }));
      return { campaign, batches, own: await ownBatches(link, n, batches), desk: await deskOf(link.desks, n) };
    },
    [n],
  );
}

/** isLoopback tells an address that means the device that reads it. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])$/i.test(host);
}

/** Poster is what hangs in the shop; on paper it is alone on the page. */
function Poster(p: { campaign: ProvenCampaign; desk: string }): JSX.Element {
  const session = useSession();
  const { link } = session;
  const { campaign: c } = p;
  const rule = ruleOf(c.terms, link.currency(c.terms.currency));
  const whole = useWording(link, c.terms).value?.text?.trim();
  const words = whole !== undefined && whole.length > posterWordsMax ? t("posterTerms") : whole;
  const url = `${location.origin}/p/${c.number}${link.desks.length > 1 ? `#d=${encodeURIComponent(p.desk)}` : ""}`;
  return (
    <div class="stack">
      <article class="poster" data-poster={url}>
        <p class="poster-shop">{session.name}</p>
        <p class="poster-value">{valueText(rule)}</p>
        <h2 class="poster-title">{c.terms.title}</h2>
        <p>{ruleText(rule)}</p>
        <Qr text={url} what={c.terms.title} />
        <p class="poster-call">{t("posterScan")}</p>
        <p>{t("posterNoApp")}</p>
        <p class="small">{t("posterUntil", { date: lastDay(c.terms.claimUntil) })}</p>
        {words !== undefined && words !== c.terms.title && <p class="small poster-terms">{words}</p>}
      </article>
      {isLoopback(location.hostname) && (
        <div class="no-print">
          <Notice>
            <p class="strong">{t("posterLoopback", { host: location.hostname })}</p>
          </Notice>
        </div>
      )}
      <div class="row no-print">
        <Button kind={isLoopback(location.hostname) ? "normal" : "main"} onClick={() => print()}>
          {t("posterPrint")}
        </Button>
        <Button onClick={() => void copyText(url)}>{t("linkCopy")}</Button>
        <a href={url}>{t("posterLink")}</a>
      </div>
    </div>
  );
}

function OwnLinks(p: { batch: OwnBatch; campaign: ProvenCampaign }): JSX.Element {
  const { link } = useSession();
  const { batch: b, campaign: c } = p;
  const last = b.first + b.count - 1;
  const work = useWork();
  const first = useLoad(() => linksOf(link, b, b.first, 1, c.terms.claimUntil), [b.batch]);
  const save = () =>
    work.run(async () => {
      const rows: (string | number)[][] = [["campaign", "serial", "link"]];
      for (let at = b.first; at <= last; at += linksAtOnce) {
        for (const x of await linksOf(link, b, at, linksAtOnce, c.terms.claimUntil))
          rows.push([c.number, x.serial, x.url]);
        await new Promise((resolve) => setTimeout(resolve)); // lets the page breathe
      }
      saveFile(`links-${c.number}-${b.first}-${last}.csv`, csv(rows));
    });
  const url = first.value?.[0]?.url;
  return (
    <li class="stack-s entry-block">
      <p class="strong">{t("handLinksOf", { from: number(b.first), until: number(last) })}</p>
      <div class="row">
        <Button onClick={save} busy={work.busy}>
          {t("handLinksCsv")}
        </Button>
        {url && (
          <Button onClick={() => void copyText(url)}>
            {t("linkCopy")}: {c.number}-{b.first}
          </Button>
        )}
      </div>
      {url && (
        <details class="twin">
          <summary>{t("handLinksFirst")}</summary>
          <Qr text={url} what={t("handLinksFirst")} />
        </details>
      )}
      <p class="small soft">{t("handLinksSecret")}</p>
    </li>
  );
}

/** Release commits a batch, by a desk's key or one of this device, after a confirmation. */
function Release(p: {
  campaign: ProvenCampaign;
  by: "desk" | "links";
  start: number;
  main: boolean;
  onDone: () => void;
}): JSX.Element {
  const session = useSession();
  const { link } = session;
  const { campaign: c } = p;
  const left = c.terms.maxSupply - c.nextSerial + 1;
  const [count, setCount] = useState(String(Math.min(left, p.start)));
  // What was released is not left: the field begins anew instead of finding fault with itself.
  useEffect(() => setCount(String(Math.min(left, p.start))), [c.nextSerial]);
  const [asking, setAsking] = useState(false);
  const [noDesk, setNoDesk] = useState(false);
  const work = useWork();
  const n = /^\d{1,8}$/.test(count) ? Number(count) : 0;
  const ok = n >= 1 && n <= left;
  const currency = link.currency(c.terms.currency);
  const release = () =>
    work.run(async () => {
      const first = c.nextSerial;
      const found = p.by === "desk" ? await deskKey(link.desks, c.number, first) : undefined;
      if (p.by === "desk" && !found) {
        setAsking(false);
        return setNoDesk(true);
      }
      const ticketKey = found?.key ?? (await newTicketKey(link, c.number, first, n)).key;
      await session.act(
        t("handOf", { n: number(n), title: c.terms.title }),
        session.sign({ kind: "BatchCommit", campaign: c.number, first, count: n, ticketKey }),
      );
      setAsking(false);
      toast(t("done"));
      p.onDone();
      return undefined;
    });
  if (left <= 0) return <p class="soft">{t("handAll")}</p>;
  const act = p.by === "desk" ? t("handPosterAct", { n: number(n) }) : t("handLinksAct", { n: number(n) });
  return (
    <form
      class="stack-s"
      onSubmit={(e) => {
        e.preventDefault();
        if (ok) setAsking(true);
      }}
    >
      <Field
        label={t("handCount")}
        value={count}
        onInput={setCount}
        inputMode="numeric"
        error={ok ? undefined : t("handCountBad", { n: number(left) })}
      />
      {noDesk && (
        <Notice kind="bad" live>
          <p>{t("handPosterNone")}</p>
        </Notice>
      )}
      <div>
        <Button type="submit" kind={p.main ? "main" : "normal"} disabled={!ok}>
          {act}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={t("handConfirm", { n })}
          text={t("handConfirmText", { one: money(liability(c.terms), currency) })}
          act={t("handRelease")}
          work={work}
          onAct={release}
          onClose={() => {
            setAsking(false);
            work.clear();
          }}
        />
      )}
    </form>
  );
}

export function HandOut(p: { number: string }): JSX.Element {
  const { member, link } = useSession();
  const n = /^\d{1,9}$/.test(p.number) ? Number(p.number) : 0;
  const loaded = useHanded(n);
  const [shown, setShown] = useState(batchesShown);
  return (
    <Got of={loaded} page none={{ title: t("campaignNone", { n: p.number }), more: <Back /> }}>
      {({ campaign: c, own, desk }) => {
        if (c.issuer !== member)
          return (
            <Missing
              title={t("campaignNotYours", { name: link.genesis.members[c.issuer - 1]?.name ?? String(c.issuer) })}
            >
              <Back />
            </Missing>
          );
        const released = c.nextSerial - 1;
        return (
          <div class="stack handout">
            <div class="row apart no-print">
              <h1>{t("handTitle", { title: c.terms.title })}</h1>
              <LinkButton href={`#/campaign/${c.number}`}>{t("live")}</LinkButton>
            </div>
            <p class="no-print">{t("handReleased", { n: number(released), total: number(c.terms.maxSupply) })}</p>
            <section class="stack" aria-labelledby="poster-title">
              <h2 id="poster-title" class="no-print">
                {t("handPoster")}
              </h2>
              <p class="no-print">{t("handPosterText")}</p>
              <div class="beside">
                {desk && <Poster campaign={c} desk={desk} />}
                <div class="no-print">
                  {link.desks.length === 0 ? (
                    <Notice>
                      <p>{t("handNoDesk")}</p>
                    </Notice>
                  ) : (
                    <Release
                      campaign={c}
                      by="desk"
                      start={released === 0 ? c.terms.maxSupply : 50}
                      main={!desk}
                      onDone={() => setTimeout(loaded.reload, deskSeesMs)}
                    />
                  )}
                </div>
              </div>
            </section>
            <section class="stack no-print" aria-labelledby="links-title">
              <h2 id="links-title">{t("handLinks")}</h2>
              <p>{t("handLinksText")}</p>
              {own.length > 0 && (
                <ul role="list" class="stack">
                  {own
                    .toReversed()
                    .slice(0, shown)
                    .map((b) => (
                      <OwnLinks key={b.batch} batch={b} campaign={c} />
                    ))}
                </ul>
              )}
              {own.length > batchesShown && (
                <More
                  total={own.length}
                  of={{
                    items: own.slice(0, shown),
                    busy: false,
                    more: shown < own.length ? () => setShown(shown + batchesShown) : undefined,
                  }}
                />
              )}
              <Release campaign={c} by="links" start={10} main={false} onDone={loaded.reload} />
            </section>
          </div>
        );
      }}
    </Got>
  );
}
