/** Buttons, fields and the states of a page. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { t } from "./text.ts";

type ButtonKind = "main" | "plain" | "bad" | "normal";

export interface ButtonProps {
  kind?: ButtonKind;
  wide?: boolean;
  busy?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  label?: string;
  id?: string;
  onClick?: (e: MouseEvent) => void;
  children: ComponentChildren;
}

function buttonClass(kind: ButtonKind, wide: boolean): string {
  return `btn${kind === "normal" ? "" : ` btn-${kind}`}${wide ? " btn-wide" : ""}`;
}

/** Button ignores taps while it is busy, so that a double tap acts once. */
export function Button(p: ButtonProps): JSX.Element {
  const idle = !p.busy && !p.disabled;
  return (
    <button
      id={p.id}
      type={p.type ?? "button"}
      class={buttonClass(p.kind ?? "normal", p.wide ?? false)}
      aria-disabled={idle ? undefined : "true"}
      aria-busy={p.busy ? "true" : undefined}
      aria-label={p.label}
      onClick={(e) => {
        if (!idle) e.preventDefault();
        else p.onClick?.(e);
      }}
    >
      {p.children}
    </button>
  );
}

export function LinkButton(p: {
  href: string;
  kind?: ButtonKind;
  wide?: boolean;
  download?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <a href={p.href} download={p.download} class={buttonClass(p.kind ?? "normal", p.wide ?? false)}>
      {p.children}
    </a>
  );
}

export interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | undefined;
  type?: "text" | "password" | "date" | "datetime-local" | "search";
  inputMode?: "text" | "numeric" | "decimal" | "url" | "search";
  autoComplete?: string;
  maxLength?: number;
  rows?: number;
  autoFocus?: boolean;
  mono?: boolean;
  required?: boolean;
  spellcheck?: boolean;
}

/** Field is a labelled input whose hint and error are read out with it. */
export function Field(p: FieldProps): JSX.Element {
  const id = useId();
  const shared = {
    id,
    class: `input${p.mono ? " mono" : ""}`,
    value: p.value,
    required: p.required,
    autocomplete: p.autoComplete ?? "off",
    inputMode: p.inputMode,
    maxLength: p.maxLength,
    spellcheck: p.spellcheck ?? false,
    "aria-invalid": p.error ? ("true" as const) : undefined,
    "aria-describedby": p.error || p.hint ? `${id}-about` : undefined,
  };
  const first = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useEffect(() => {
    if (p.autoFocus) first.current?.focus();
  }, [p.autoFocus]);
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      {p.rows ? (
        <textarea ref={first} {...shared} rows={p.rows} onInput={(e) => p.onInput(e.currentTarget.value)} />
      ) : (
        <input
          ref={first}
          {...shared}
          type={(p.type ?? "text") as "text"}
          onInput={(e) => p.onInput(e.currentTarget.value)}
        />
      )}
      {(p.error || p.hint) && (
        <div id={`${id}-about`}>
          {p.error && <p class="field-error">{p.error}</p>}
          {p.hint && <p class="field-hint">{p.hint}</p>}
        </div>
      )}
    </div>
  );
}

export function Check(p: {
  label: ComponentChildren;
  checked: boolean;
  onChange: (checked: boolean) => void;
}): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={p.checked} onChange={(e) => p.onChange(e.currentTarget.checked)} />
      <span>{p.label}</span>
    </label>
  );
}

/** Segments chooses one of a few. */
export function Segments<V extends string>(p: {
  label: string;
  value: V;
  options: readonly { value: V; text: string }[];
  onChange: (value: V) => void;
}): JSX.Element {
  return (
    <div class="seg" role="group" aria-label={p.label}>
      {p.options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === p.value ? "true" : "false"}
          onClick={() => p.onChange(o.value)}
        >
          {o.text}
        </button>
      ))}
    </div>
  );
}

/** Head is a heading: of the page (1) where nothing else heads it, or of a part. */
function Head(p: { level?: 1 | 2 | undefined; children: ComponentChildren }): JSX.Element {
  return p.level === 1 ? <h1 class="head">{p.children}</h1> : <h2>{p.children}</h2>;
}

export function Notice(p: {
  kind?: "good" | "bad" | "accent";
  title?: string;
  children?: ComponentChildren;
  live?: boolean;
  level?: 1 | 2;
}): JSX.Element {
  return (
    <div
      class={`notice${p.kind ? ` notice-${p.kind}` : ""}`}
      role={p.live ? (p.kind === "bad" ? "alert" : "status") : undefined}
    >
      {p.title && <Head level={p.level}>{p.title}</Head>}
      {p.children}
    </div>
  );
}

/** Empty says why there is nothing and what brings something. */
export function Empty(p: { title: string; children?: ComponentChildren; level?: 1 | 2 }): JSX.Element {
  return (
    <div class="state state-empty">
      <Head level={p.level}>{p.title}</Head>
      {p.children}
    </div>
  );
}

export function Loading(p: { what?: string }): JSX.Element {
  return (
    <p class="loading" role="status">
      {p.what ?? t("loading")}
    </p>
  );
}

export interface FailureText {
  /** What happened. */
  title: string;
  /** Whether value is safe, and what to do. */
  detail?: string | undefined;
  /** The code that `scrip explain` knows. */
  code?: string | undefined;
}

const againMs = 4000;

/** useAgain tries again from time to time, while the page is looked at and nothing is under way. */
export function useAgain(again: (() => void) | undefined, busy: boolean): void {
  const latest = useRef({ again, busy });
  latest.current = { again, busy };
  useEffect(() => {
    const id = setInterval(() => {
      if (!latest.current.busy && document.visibilityState === "visible") latest.current.again?.();
    }, againMs);
    return () => clearInterval(id);
  }, []);
}

/**
 * Failure says what happened, what to do, and the code that names it. Where it says that it goes on by
 * itself when the network answers, it does.
 */
export function Failure(
  p: FailureText & { onRetry?: () => void; busy?: boolean; children?: ComponentChildren; level?: 1 | 2 },
): JSX.Element {
  useAgain(p.code === "no_quorum" ? p.onRetry : undefined, p.busy ?? false);
  return (
    <Notice kind="bad" title={p.title} level={p.level ?? 2} live>
      {p.detail && <p>{p.detail}</p>}
      {p.children}
      {p.code && <p class="small soft">{t("codeNamed", { code: p.code })}</p>}
      {p.onRetry && (
        <Button onClick={p.onRetry} busy={p.busy ?? false}>
          {t("retry")}
        </Button>
      )}
    </Notice>
  );
}

/** Dialog is the browser's own modal dialog: focus stays in it, Escape closes it. */
export function Dialog(p: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  acts?: ComponentChildren;
}): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby={id}
      onClose={p.onClose}
      onClick={(e) => {
        if (e.target === ref.current) ref.current?.close();
      }}
    >
      <div class="dialog-body">
        <h2 id={id}>{p.title}</h2>
        {p.children}
        <div class="dialog-acts">{p.acts ?? <Button onClick={() => ref.current?.close()}>{t("close")}</Button>}</div>
      </div>
    </dialog>
  );
}

const toasts = signal<readonly { id: number; text: string }[]>([]);
const toastMs = 5000;
let toastCount = 0;

/** toast says in passing what has happened; never what must be read. */
export function toast(text: string): void {
  const id = ++toastCount;
  toasts.value = [...toasts.value.slice(-2), { id, text }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((x) => x.id !== id);
  }, toastMs);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((x) => (
        <div key={x.id} class="toast">
          {x.text}
        </div>
      ))}
    </div>
  );
}

/** copyText copies, or on a page that may not, selects the text and says so. */
export async function copyText(text: string, from?: HTMLElement | null): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    if (from) getSelection()?.selectAllChildren(from);
    toast(t("copyFailed"));
  }
}

/** Copyable shows a text that is to be taken elsewhere. */
export function Copyable(p: { text: string; label: string }): JSX.Element {
  const ref = useRef<HTMLElement>(null);
  return (
    <div class="stack-s">
      <code class="mono small" ref={ref} aria-label={p.label}>
        {p.text}
      </code>
      <div class="row">
        <Button onClick={() => void copyText(p.text, ref.current)}>{t("copy")}</Button>
      </div>
    </div>
  );
}

/** useNow returns the device's time in ms, renewed every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const id = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(id);
  }, [everyMs]);
  return now;
}

export interface Loaded<T> {
  value?: T;
  error?: unknown;
  busy: boolean;
  reload: () => void;
}

/**
 * useLoad runs a query that is cancelled when its place is left or its keys change. What was loaded
 * or failed is of its keys: it stays while the same is loaded anew, and is gone when the keys change.
 */
export function useLoad<T>(query: (signal: AbortSignal) => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload"> & { keys: readonly unknown[] }>({ keys, busy: true });
  const [round, setRound] = useState(0);
  const isOf = (s: { keys: readonly unknown[] }) => s.keys.every((k, i) => Object.is(k, keys[i]));
  useEffect(() => {
    const stop = new AbortController();
    setState((s) => (isOf(s) ? { ...s, busy: true } : { keys, busy: true }));
    query(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) setState({ keys, value, busy: false });
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setState((s) => ({ ...s, error, busy: false }));
      },
    );
    return () => stop.abort();
  }, [...keys, round]);
  const { keys: _, ...own } = isOf(state) ? state : { keys, busy: true };
  return { ...own, reload: () => setRound((n) => n + 1) };
}
