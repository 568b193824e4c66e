/** The till: paired or not, and then one calm surface. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { OtherChain, type Link } from "../kit/chain.ts";
import { Shell } from "../kit/shell.tsx";
import { t as kit } from "../kit/text.ts";
import { Button, Failure, Loading, Notice, useAgain, useLoad } from "../kit/ui.tsx";
import { TillContext } from "./context.ts";
import { Counter } from "./counter.tsx";
import { registered, type Till } from "./model.ts";
import { Pairing, PairWaiting, SetPin } from "./pair.tsx";
import { become, keyOf, pair, readBrought, waiting, type Brought } from "./key.ts";
import { t } from "./text.ts";

const checkMs = 30_000;

function Frame(p: { link?: Link | undefined; till?: Till | undefined; children: ComponentChildren }): JSX.Element {
  const { till, link } = p;
  const label = till?.record.value?.label;
  const shop = till?.shop.value;
  const name = shop ? (label ? t("tillFor", { shop, label }) : shop) : t("name");
  const pulse = link?.pulse.value;
  const foot = link && (
    <p>
      {kit("chain", { name: link.genesis.name })}
      {pulse && pulse.up > 0 && <> · {kit("connected", { n: pulse.up, total: pulse.total })}</>}
    </p>
  );
  return (
    <Shell name={name} title={t("name")} demo={link?.demo ?? false} foot={foot}>
      {p.children}
    </Shell>
  );
}

/** Open follows a till that has a key: not registered yet, at work, revoked, or over. */
function Open(p: { till: Till; onPairAnew: () => void }): JSX.Element {
  const { till } = p;
  const record = till.record.value;
  const waited = useRef(false);
  const [asked, setAsked] = useState(false);
  const first = useLoad(() => registered(till), [till]);
  const offer = useLoad(() => waiting(till.link.store), [till]);
  useEffect(() => {
    const timer = setInterval(() => void till.check().catch(() => undefined), checkMs);
    return () => clearInterval(timer);
  }, [till]);
  const away = first.error !== undefined;
  useAgain(away ? first.reload : undefined, first.busy);
  if (!record) {
    // Only the ledger can say that nobody has added it; a till that was paired here waits in any case.
    const waits = offer.value !== undefined || (!first.busy && !away);
    if (!waits && away) return <Failure level={1} title={t("nodeAway")} onRetry={first.reload} busy={first.busy} />;
    if (!waits) return <Loading what={t("opening")} />;
    waited.current = true;
    return <PairWaiting onPairAnew={p.onPairAnew} />;
  }
  // The manager is here now, who has just added the till.
  if (waited.current && !asked && till.mayUndo()) return <SetPin onDone={() => setAsked(true)} />;
  const over = till.link.nowMs() >= record.validUntil;
  if (record.standing === "REVOKED" || over) {
    return (
      <Notice
        kind="bad"
        level={1}
        title={over && record.standing !== "REVOKED" ? t("overTitle") : t("revokedTitle")}
        live
      >
        <p>{over && record.standing !== "REVOKED" ? t("overText") : t("revokedText")}</p>
        <Button onClick={p.onPairAnew}>{t("pairReplaceAct")}</Button>
      </Notice>
    );
  }
  return <Counter />;
}

/** Brings asks before a link's key takes the place of the one that is here. */
function Replace(p: { onReplace: () => void; onKeep: () => void }): JSX.Element {
  return (
    <Notice kind="accent" level={1} title={t("pairReplace")}>
      <div class="row">
        <Button kind="main" onClick={p.onKeep}>
          {t("pairKeep")}
        </Button>
        <Button kind="bad" onClick={p.onReplace}>
          {t("pairReplaceAct")}
        </Button>
      </div>
    </Notice>
  );
}

export interface AppProps {
  link: Link;
  /** What a link brought behind its #. */
  fragment: string | undefined;
  open: (key: Awaited<ReturnType<typeof keyOf>>) => Promise<Till | undefined>;
}

export function App(p: AppProps): JSX.Element {
  const { link } = p;
  const [till, setTill] = useState<Till | undefined>();
  const [ready, setReady] = useState(false);
  const [brought, setBrought] = useState<Brought | undefined>(() =>
    p.fragment === undefined ? undefined : readBrought(link.chain, p.fragment),
  );
  const [asking, setAsking] = useState(false);
  const take = async (b: Brought) => {
    if (b.kind === "bad") return;
    const key =
      b.kind === "pair" ? await pair(link.store, link.chain, b.offer, link.nowMs()) : await become(link.store, b);
    setTill(await p.open(key));
    setBrought(undefined);
    setAsking(false);
    setReady(true);
  };
  useEffect(() => {
    void (async () => {
      const key = await keyOf(link.store);
      const w = await waiting(link.store);
      const again =
        brought?.kind === "pair" &&
        w !== undefined &&
        link.chain !== undefined &&
        w.offer.label === brought.offer.label &&
        w.offer.secret.every((x, i) => x === brought.offer.secret[i]);
      if (brought && brought.kind !== "bad" && !key) return take(brought);
      setTill(await p.open(key));
      setAsking(brought !== undefined && brought.kind !== "bad" && !again);
      setReady(true);
      return undefined;
    })();
  }, []);
  useEffect(() => {
    const arrive = () => {
      if (location.hash.length < 2 || location.hash.startsWith("#/")) return;
      const b = readBrought(link.chain, location.hash.slice(1));
      history.replaceState(null, "", "/till/");
      setBrought(b);
      if (till) setAsking(b.kind !== "bad");
      else void take(b);
    };
    addEventListener("hashchange", arrive);
    return () => removeEventListener("hashchange", arrive);
  }, [till]);
  const body = () => {
    if (!ready) return <Loading what={t("opening")} />;
    if (brought?.kind === "bad" && !till)
      return (
        <Pairing
          failed
          onBrought={(b) => {
            setBrought(b);
            void take(b);
          }}
        />
      );
    if (asking && brought) {
      return (
        <Replace
          onReplace={() => void take(brought)}
          onKeep={() => {
            setBrought(undefined);
            setAsking(false);
          }}
        />
      );
    }
    if (!till)
      return (
        <Pairing
          onBrought={(b) => {
            setBrought(b);
            void take(b);
          }}
        />
      );
    return <Open till={till} onPairAnew={() => setTill(undefined)} />;
  };
  return (
    <TillContext.Provider value={till}>
      <Frame link={link} till={till}>
        {body()}
      </Frame>
    </TillContext.Provider>
  );
}

/** NotYet is what is shown while there is no chain. */
export function NotYet(p: { error: unknown; retry: () => void }): JSX.Element {
  const { error } = p;
  if (error === undefined)
    return (
      <Frame>
        <Loading what={t("opening")} />
      </Frame>
    );
  if (error instanceof OtherChain) {
    return (
      <Frame>
        <Failure level={1} title={t("nodeAway")} detail={error.message}>
          <Button onClick={() => void error.accept().then(p.retry)}>{t("pairReplaceAct")}</Button>
        </Failure>
      </Frame>
    );
  }
  return (
    <Frame>
      <Failure
        level={1}
        title={t("nodeAway")}
        code={error instanceof Error ? error.message : undefined}
        onRetry={p.retry}
      />
    </Frame>
  );
}
