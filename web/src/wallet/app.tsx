/** The wallet's frame: which page is shown, and what a link brought. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { OtherChain, type Link } from "../kit/chain.ts";
import { go, match, route } from "../kit/router.ts";
import { Shell, toContent } from "../kit/shell.tsx";
import { Button, Failure, Loading, Notice, useAgain } from "../kit/ui.tsx";
import { SessionContext } from "./context.ts";
import type { Session } from "./model.ts";
import { Home } from "./home.tsx";
import { CouponPage } from "./coupon.tsx";
import { Accept, Claim, Poster } from "./claim.tsx";
import { GiftPage, KeepPage, PayPage, Replace, RestorePage, ScanPage, ShowPage } from "./later.ts";
import { readAddress, readArrival, type Arrival } from "./arrival.ts";
import { t } from "./text.ts";

/** Opening is how the wallet came up: open, or why not. */
export type Opening =
  | { kind: "open"; session: Session; owner: string | undefined }
  | { kind: "failed"; error: unknown; retry: () => void; busy: boolean }
  | { kind: "busy" };

function Frame(p: {
  link?: Link | undefined;
  owner?: string | undefined;
  title?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <Shell name={p.owner ? t("nameOf", { name: p.owner }) : t("name")} demo={p.link?.demo ?? false} title={p.title}>
      {p.children}
    </Shell>
  );
}

function Page(p: { onArrival: (arrival: Arrival) => void }): JSX.Element {
  const path = route.value;
  const coupon = match("/coupon/:id", path);
  if (coupon) return <CouponPage id={BigInt(coupon["id"] ?? "0")} />;
  const show = match("/show/:id", path);
  if (show) return <ShowPage id={BigInt(show["id"] ?? "0")} />;
  const gift = match("/gift/:id", path);
  if (gift) return <GiftPage id={BigInt(gift["id"] ?? "0")} />;
  if (path === "/scan") return <ScanPage onArrival={p.onArrival} />;
  if (path === "/keep") return <KeepPage />;
  if (path === "/restore") return <RestorePage />;
  return <Home />;
}

/** Arrived is the page of what a link or a scan brought; nothing happens before a tap. */
export function Arrived(p: { arrival: Arrival; onLeave: () => void }): JSX.Element {
  const { arrival } = p;
  switch (arrival.kind) {
    case "ticket":
      return <Claim ticket={arrival.ticket} />;
    case "gift":
      return <Accept gift={arrival.gift} />;
    case "invoice":
      return <PayPage invoice={arrival.invoice} />;
    case "poster":
      return <Poster campaign={arrival.campaign} desk={arrival.desk} />;
    case "wallet":
      return <Replace entropy={arrival.entropy} owner={arrival.owner} used={arrival.used} onKeep={p.onLeave} />;
    case "bad":
      return (
        <Failure
          level={1}
          title={t("badLinkTitle")}
          detail={arrival.code === "E103" ? t("badLinkChain") : t("badLinkText")}
          code={arrival.code}
        >
          <Button kind="main" onClick={p.onLeave}>
            {t("back")}
          </Button>
        </Failure>
      );
  }
}

/** Main shows what a link or a scan brought until the person goes elsewhere. */
function Main(p: { session: Session; path: string; secret: string | undefined }): JSX.Element {
  const here = route.value;
  const first = useRef(here);
  // Who listens to the page goes on at the content of the next one, not at its beginning.
  useEffect(() => {
    if (first.current !== here) toContent();
    first.current = "";
  }, [here]);
  const [arrival, setArrival] = useState(() => readAddress(p.session.link.chain, p.path, p.secret));
  useEffect(() => {
    const leave = () => setArrival(undefined);
    // A link that is opened while the wallet is open comes the same way.
    const arrive = () => {
      const hash = location.hash;
      if (hash.startsWith("#/") || hash === "") return leave();
      history.replaceState(null, "", "/wallet/");
      setArrival(readArrival(p.session.link.chain, location.pathname, hash.slice(1)));
      return undefined;
    };
    addEventListener("hashchange", arrive);
    return () => removeEventListener("hashchange", arrive);
  }, []);
  if (arrival) {
    return (
      <Arrived
        arrival={arrival}
        onLeave={() => {
          setArrival(undefined);
          go("/", true);
        }}
      />
    );
  }
  return <Page onArrival={setArrival} />;
}

function Failed(p: { error: unknown; retry: () => void; busy: boolean }): JSX.Element {
  const { error } = p;
  useAgain(error instanceof OtherChain ? undefined : p.retry, p.busy);
  if (error instanceof OtherChain) {
    return (
      <Notice kind="accent" level={1} title={t("otherChainTitle")}>
        <p>{t("otherChainText", { old: error.known, new: error.served })}</p>
        <Button kind="main" onClick={() => void error.accept().then(p.retry)}>
          {t("otherChainAct", { new: error.served })}
        </Button>
      </Notice>
    );
  }
  return (
    <Failure
      level={1}
      title={t("noWallet")}
      detail={t("noWalletText")}
      code={error instanceof Error ? error.message : undefined}
      onRetry={p.retry}
      busy={p.busy}
    />
  );
}

export function App(p: { opening: Opening; path: string; secret: string | undefined }): JSX.Element {
  const { opening } = p;
  switch (opening.kind) {
    case "busy":
      return (
        <Frame>
          <Loading what={t("opening")} />
        </Frame>
      );
    case "failed":
      return (
        <Frame>
          <Failed {...opening} />
        </Frame>
      );
    case "open":
      return (
        <SessionContext.Provider value={opening.session}>
          <Frame link={opening.session.link} owner={opening.owner}>
            <Main session={opening.session} path={p.path} secret={p.secret} />
          </Frame>
        </SessionContext.Provider>
      );
  }
}
