/** The explorer: what the ledger says, and the proof of it. */
import "../kit/kit.css";
import "./explorer.css";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { connect, type Link } from "../kit/chain.ts";
import { startRouter } from "../kit/router.ts";
import { mount } from "../kit/shell.tsx";
import { App, NotYet } from "./app.tsx";

const againMs = 4000;

function Face(): JSX.Element {
  const [link, setLink] = useState<Link>();
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  const retry = () => setRound((n) => n + 1);
  useEffect(() => {
    const stop = new AbortController();
    connect("explorer").then((l) => {
      if (stop.signal.aborted) return;
      setError(undefined);
      setLink(l);
      l.watch(stop.signal);
    }, (e: unknown) => {
      if (stop.signal.aborted) return;
      setError(e);
      setTimeout(retry, againMs);
    });
    return () => stop.abort();
  }, [round]);
  return link ? <App link={link} /> : <NotYet error={error} retry={retry} />;
}

// A deep link may name the page by its path; inside the face pages stand behind the #.
const home = "/explorer/";
if (location.pathname.startsWith(home) && location.pathname.length > home.length && !location.hash) {
  history.replaceState(null, "", `${home}#/${location.pathname.slice(home.length)}`);
}
startRouter();
mount(<Face />);
