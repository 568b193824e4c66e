/** The till: takes coupons at a counter. */
import "../kit/kit.css";
import "./till.css";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { connect, OtherChain, type Link } from "../kit/chain.ts";
import { startRouter, takeSecret } from "../kit/router.ts";
import { mount } from "../kit/shell.tsx";
import { useAgain } from "../kit/ui.tsx";
import { registerWorker } from "../kit/worker.ts";
import { App, NotYet } from "./app.tsx";
import { LinkContext } from "./context.ts";
import { Till } from "./model.ts";

function Face(p: { fragment: string | undefined }): JSX.Element {
  const [link, setLink] = useState<Link>();
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  const again = () => setRound((n) => n + 1);
  useEffect(() => {
    const stop = new AbortController();
    connect("till").then((l) => {
      if (stop.signal.aborted) return;
      setLink(l);
      l.watch(stop.signal);
      void l.store.persisted(true);
    }, setError);
    return () => stop.abort();
  }, [round]);
  useAgain(error === undefined || error instanceof OtherChain ? undefined : again, link !== undefined);
  if (!link)
    return (
      <NotYet
        error={error}
        retry={() => {
          setError(undefined);
          again();
        }}
      />
    );
  const open = async (key: ConstructorParameters<typeof Till>[1] | undefined) => {
    if (!key) return undefined;
    const till = new Till(link, key);
    await till.load();
    return till;
  };
  return (
    <LinkContext.Provider value={link}>
      <App link={link} fragment={p.fragment} open={open} />
    </LinkContext.Provider>
  );
}

const fragment = takeSecret();
startRouter();
mount(<Face fragment={fragment} />);
registerWorker("till");
