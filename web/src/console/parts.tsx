/** Small parts that the console's pages share. */
import type { ComponentChildren, JSX } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { EventFilter, LedgerEvent } from "@scrip/sdk/client";
import { followEvents } from "../kit/ledger/follow.ts";
import { failureOf } from "../kit/refusal/refusal.ts";
import { Button, Dialog, Failure, Field, LinkButton } from "../kit/ui.tsx";
import { t as kit } from "../kit/text.ts";
import type { Session } from "./session.ts";
import { t } from "./text.ts";

export const SessionContext = createContext<Session | undefined>(undefined);

/** useSession returns the member that is signed in. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("nobody is signed in");
  return session;
}

/** Work is an action that runs once at a time and says how it ended. */
export interface Work {
  busy: boolean;
  error: unknown;
  run: (act: () => Promise<void>) => void;
  clear: () => void;
}

export function useWork(): Work {
  const [state, setState] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: undefined });
  const alive = useRef(true);
  useEffect(
    () => () => {
      alive.current = false;
    },
    [],
  );
  const end = (error: unknown) => {
    if (alive.current) setState({ busy: false, error });
  };
  return {
    ...state,
    run: (act) => {
      if (state.busy) return;
      setState({ busy: true, error: undefined });
      act().then(() => end(undefined), end);
    },
    clear: () => setState({ busy: false, error: undefined }),
  };
}

/** Trouble says why an action did not work. */
export function Trouble(p: { work: Work }): JSX.Element | null {
  return p.work.error === undefined ? null : <Failure {...failureOf(p.work.error)} />;
}

/** Confirm asks before something that cannot be undone; with typed, a word must be typed. */
export function Confirm(p: {
  title: string;
  text: string;
  act: string;
  bad?: boolean;
  typed?: { label: string; value: string; wrong: string };
  work: Work;
  onAct: () => void;
  onClose: () => void;
  children?: ComponentChildren;
}): JSX.Element {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const act = () => {
    if (p.typed && text.trim() !== p.typed.value) return setWrong(true);
    return p.onAct();
  };
  return (
    <Dialog
      title={p.title}
      onClose={p.onClose}
      acts={
        <>
          <Button onClick={p.onClose}>{kit("cancel")}</Button>
          <Button kind={p.bad ? "bad" : "main"} busy={p.work.busy} onClick={act}>
            {p.act}
          </Button>
        </>
      }
    >
      <p>{p.text}</p>
      {p.children}
      {p.typed && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            act();
          }}
        >
          <Field
            label={p.typed.label}
            value={text}
            onInput={(v) => {
              setText(v);
              setWrong(false);
            }}
            autoFocus
            error={wrong ? p.typed.wrong : undefined}
          />
        </form>
      )}
      <Trouble work={p.work} />
    </Dialog>
  );
}

/** useSoon returns what calls act a moment later, once for all calls until then: events come faster than anybody reads. */
export function useSoon(act: () => void, ms: number): () => void {
  const timer = useRef(0);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    if (timer.current !== 0) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      latest.current();
    }, ms);
  };
}

/** useEvents follows proven events from now on, and tells whether no node gives them at the moment. */
export function useEvents(filter: EventFilter, keys: readonly unknown[], onEvent: (e: LedgerEvent) => void): boolean {
  const { link } = useSession();
  const [away, setAway] = useState(false);
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    const stop = new AbortController();
    void followEvents(link, filter, (e) => latest.current(e), stop.signal, setAway);
    return () => stop.abort();
  }, [link, ...keys]);
  return away;
}

const besidesMs = 15_000;

/** useBesides calls act from time to time while the page is looked at: events may not get through to it. */
export function useBesides(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") latest.current();
    }, besidesMs);
    return () => clearInterval(timer);
  }, []);
}

/** Back leads to what the console begins with. */
export function Back(): JSX.Element {
  return <LinkButton href="#/">{t("navCampaigns")}</LinkButton>;
}

/** saveFile hands a text to the browser as a download. */
export function saveFile(name: string, text: string, type = "text/csv"): void {
  const url = URL.createObjectURL(
    new Blob(type === "text/csv" ? ["\ufeff", text] : [text], { type: `${type};charset=utf-8` }),
  );
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
