/** What the pages of console and explorer are made of, and how both faces begin. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { connect, OtherChain, type Link } from "../chain.ts";
import { failureOf } from "../refusal/refusal.ts";
import { Shell } from "../shell.tsx";
import { Button, Empty, Failure, Loading, Notice, useAgain, type Loaded } from "../ui.tsx";
import { t as kit } from "../text.ts";
import { isMissing } from "./ledger.tsx";
import { t } from "./text.ts";

const againMs = 4000;

/**
 * Got draws a query: waiting, missing, failed, or there. An older answer stays while a new one comes,
 * and says so if none does. page tells that nothing else heads the page.
 */
export function Got<T>(p: {
  of: Loaded<T>;
  page?: boolean;
  none?: { title: string; text?: string; more?: ComponentChildren };
  children: (value: T) => ComponentChildren;
}): JSX.Element {
  const { value, error, reload, busy } = p.of;
  const level = p.page ? 1 : 2;
  if (value !== undefined)
    return (
      <>
        {error !== undefined && <Old again={reload} busy={busy} />}
        {p.children(value)}
      </>
    );
  if (error === undefined) return <Loading />;
  if (p.none && isMissing(error)) {
    return (
      <Missing title={p.none.title} level={level}>
        {p.none.text && <p>{p.none.text}</p>}
        {p.none.more}
      </Missing>
    );
  }
  return <Failure {...failureOf(error)} level={level} onRetry={reload} busy={busy} />;
}

/** Old says that what is shown could not be brought up to date. */
function Old(p: { again: () => void; busy: boolean }): JSX.Element {
  useAgain(p.again, p.busy);
  return (
    <Notice kind="bad" live>
      <p>{t("old")}</p>
      <Button onClick={p.again} busy={p.busy}>
        {kit("retry")}
      </Button>
    </Notice>
  );
}

/** Missing is a page, or a part of one, for what is not there: it says why, and what brings it. */
export function Missing(p: { title: string; level?: 1 | 2; children?: ComponentChildren }): JSX.Element {
  return (
    <Empty title={p.title} level={p.level ?? 1}>
      {p.children}
    </Empty>
  );
}

/** Pair is one line of a list of facts. */
export function Pair(p: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{p.name}</dt>
      <dd>{p.children}</dd>
    </>
  );
}

/** Figure is one number that is read from afar. */
export function Figure(p: { name: string; value: string; more?: string | undefined }): JSX.Element {
  return (
    <div class="figure-box">
      <dt>{p.name}</dt>
      <dd>{p.value}</dd>
      {p.more && <dd class="figure-hint">{p.more}</dd>}
    </div>
  );
}

/** Before is what is shown while there is no chain. */
function Before(p: { opening: string; error: unknown; retry: () => void }): JSX.Element {
  const { error } = p;
  if (error === undefined) return <Loading what={p.opening} />;
  if (error instanceof OtherChain) {
    return (
      <Notice kind="accent" title={t("otherChain")}>
        <p>{t("otherChainText", { known: error.known, served: error.served })}</p>
        <Button kind="main" onClick={() => void error.accept().then(p.retry)}>
          {t("otherChainAct")}
        </Button>
      </Notice>
    );
  }
  return (
    <Failure
      title={t("away")}
      detail={t("awayText")}
      code={error instanceof Error ? error.message.slice(0, 120) : undefined}
      onRetry={p.retry}
    />
  );
}

/** Begin connects a face to its chain, again and again until it is there, and then draws it. */
export function Begin(p: {
  face: string;
  name: () => string;
  opening: () => string;
  children: (link: Link) => JSX.Element;
}): JSX.Element {
  const [link, setLink] = useState<Link>();
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  const retry = () => setRound((n) => n + 1);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    connect(p.face).then(
      (l) => {
        if (stop.signal.aborted) return;
        setError(undefined);
        setLink(l);
        l.watch(stop.signal);
      },
      (e: unknown) => {
        if (stop.signal.aborted) return;
        setError(e);
        if (!(e instanceof OtherChain)) timer = window.setTimeout(retry, againMs);
      },
    );
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [round]);
  if (link) return p.children(link);
  return (
    <Shell name={p.name()} wide>
      <h1 class="unseen">{p.name()}</h1>
      <Before opening={p.opening()} error={error} retry={retry} />
    </Shell>
  );
}
