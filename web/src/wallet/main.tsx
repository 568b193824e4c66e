/** The wallet: coupons under keys of their own on this device. */
import "../kit/kit.css";
import "./wallet.css";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { newMnemonic } from "@scrip/sdk/keys";
import { connect } from "../kit/chain.ts";
import { fetchRest } from "../kit/lazy.tsx";
import { mount } from "../kit/shell.tsx";
import { toast } from "../kit/ui.tsx";
import { startRouter, takeSecret } from "../kit/router.ts";
import { registerWorker } from "../kit/worker.ts";
import { App, type Opening } from "./app.tsx";
import { Session } from "./model.ts";
import { entropyOf, Purse } from "./purse.ts";
import { t } from "./text.ts";

const refreshMs = 30_000;
/** How often a page that stays open looks for coupons that another device has claimed. */
const againMs = 600_000;

async function open(): Promise<{ session: Session; owner: string | undefined }> {
  const link = await connect("wallet");
  // The wallet is made in silence: whoever opens a link has one.
  const purse = (await Purse.open(link.store)) ?? (await Purse.create(link.store, entropyOf(newMnemonic(12))));
  const session = new Session(link, purse);
  await session.load();
  return { session, owner: await purse.owner() };
}

function Wallet(p: { path: string; secret: string | undefined }): JSX.Element {
  const [opening, setOpening] = useState<Opening>({ kind: "busy" });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    // One at a time: two at once would make two wallets.
    let busy = true;
    const retry = () => {
      if (!busy && !stop.signal.aborted) setRound((n) => n + 1);
    };
    setOpening((o) => (o.kind === "failed" ? { ...o, busy } : o));
    open().then(
      ({ session, owner }) => {
        if (stop.signal.aborted) return;
        setOpening({ kind: "open", session, owner });
        session.link.watch(stop.signal);
        const refresh = (first = false) => {
          if (document.visibilityState !== "visible") return;
          void session
            .finishScan()
            .catch(() => undefined) // the first page says so
            .then(() => session.refreshAll())
            .then(() => session.looking.again(first ? undefined : againMs))
            .then((n) => n > 0 && toast(t("restoreFound", { n })))
            .catch(() => undefined); // what is shown says how old it is
        };
        refresh(true);
        const timer = setInterval(refresh, refreshMs);
        document.addEventListener("visibilitychange", () => refresh(true), { signal: stop.signal });
        stop.signal.addEventListener("abort", () => clearInterval(timer));
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        busy = false;
        setOpening({ kind: "failed", error, retry, busy });
      },
    );
    return () => stop.abort();
  }, [round]);
  return <App opening={opening} path={p.path} secret={p.secret} />;
}

const path = location.pathname;
const secret = takeSecret("/wallet/");
// A page of the face that is opened anew at a poster's address is no poster any more.
const within = location.hash.startsWith("#/");
if (path !== "/wallet/") history.replaceState(null, "", `/wallet/${within ? location.hash : ""}`);
startRouter();
mount(<Wallet path={within ? "/wallet/" : path} secret={secret} />);
registerWorker("wallet");
fetchRest();
