/** The console: what a merchant decides. */
import "../kit/kit.css";
import "./console.css";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { connect, type Link } from "../kit/chain.ts";
import { startRouter, takeSecret } from "../kit/router.ts";
import { mount } from "../kit/shell.tsx";
import { App, NotYet } from "./app.tsx";

const againMs = 4000;

function Face(p: { fragment: string | undefined }): JSX.Element {
  const [link, setLink] = useState<Link>();
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  const retry = () => setRound((n) => n + 1);
  useEffect(() => {
    const stop = new AbortController();
    connect("console").then((l) => {
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
  return link ? <App link={link} fragment={p.fragment} /> : <NotYet error={error} retry={retry} />;
}

const fragment = takeSecret();
startRouter();
mount(<Face fragment={fragment} />);
