/** Lists page by page, which stay as of the height at which they began. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Time } from "@scrip/sdk/answers";
import { number } from "../format.ts";
import { Button, useLoad } from "../ui.tsx";
import { AsOf } from "./ledger.tsx";
import { t } from "./text.ts";

/** Paged is a page of a list with a way to the next one, all of it as of one height. */
export interface Paged<T> {
  items: readonly T[];
  next_cursor?: string;
  height: string;
  time: Time;
}

/** Pages is as much of a list as has been asked for. */
export interface Pages<T> {
  items: readonly T[] | undefined;
  /** As of which height it is, 0 before the first page. */
  height: number;
  timeMs: number;
  error: unknown;
  /** Why the next page did not come. */
  stuck: unknown;
  more: (() => void) | undefined;
  busy: boolean;
  reload: () => void;
}

const emptyPagesMax = 16;

/** whole goes on where a node has looked at many rows and found none that fits. */
async function whole<T>(
  ask: (cursor: string | undefined) => Promise<Paged<T>>,
  cursor: string | undefined,
): Promise<Paged<T>> {
  let page = await ask(cursor);
  for (let i = 0; i < emptyPagesMax && page.items.length === 0 && page.next_cursor; i++)
    page = await ask(page.next_cursor);
  return page;
}

/** usePages loads a list page by page; the pages that are there stay. */
export function usePages<T>(
  ask: (cursor: string | undefined, stop: AbortSignal) => Promise<Paged<T>>,
  keys: readonly unknown[],
): Pages<T> {
  const [tail, setTail] = useState<{
    of: string;
    items: readonly T[];
    next: string | undefined;
    busy: boolean;
    error?: unknown;
  }>();
  const first = useLoad((stop) => whole((cursor) => ask(cursor, stop), undefined), keys);
  const name = JSON.stringify(keys.map(String));
  const own = tail?.of === name ? tail : undefined;
  const next = own ? own.next : first.value?.next_cursor;
  const more = () => {
    const items = own?.items ?? [];
    setTail({ of: name, items, next, busy: true });
    whole((cursor) => ask(cursor, AbortSignal.timeout(15_000)), next).then(
      (page) => setTail({ of: name, items: [...items, ...page.items], next: page.next_cursor, busy: false }),
      (error: unknown) => setTail({ of: name, items, next, busy: false, error }),
    );
  };
  return {
    items: first.value && [...first.value.items, ...(own?.items ?? [])],
    height: Number(first.value?.height ?? 0),
    timeMs: Number(first.value?.time.ms ?? 0),
    error: first.error,
    stuck: own?.error,
    more: next === undefined ? undefined : more,
    busy: own?.busy ?? first.busy,
    reload: () => {
      setTail(undefined);
      first.reload();
    },
  };
}

/** More says how much of a list is shown, and brings the next page. */
export function More(p: {
  of: Pick<Pages<unknown>, "items" | "more" | "busy"> & { stuck?: unknown };
  total?: number;
}): JSX.Element | null {
  const n = p.of.items?.length ?? 0;
  if (n === 0) return null;
  const text =
    p.total !== undefined
      ? t("shownOf", { n, total: number(Math.max(n, p.total)) })
      : p.of.more
        ? t("shownMore", { n })
        : t("shownAll", { n });
  return (
    <div class="row" data-shown={n}>
      {p.of.more && (
        <Button onClick={p.of.more} busy={p.of.busy}>
          {t("more")}
        </Button>
      )}
      <span class="soft small" role="status">
        {text}
      </span>
      {p.of.stuck !== undefined && (
        <span class="bad small" role="alert">
          {t("moreFails")}
        </span>
      )}
    </div>
  );
}

/** ListHead heads a page that is a list, with the age of what it shows. */
export function ListHead<T>(p: { title: string; of: Pages<T>; nowMs: () => number }): JSX.Element {
  return (
    <div class="row apart">
      <h1>{p.title}</h1>
      {p.of.items && <AsOf height={p.of.height} timeMs={p.of.timeMs} nowMs={p.nowMs} />}
    </div>
  );
}

/** gotPages is a list as Got takes it. */
export function gotPages<T>(pages: Pages<T>) {
  return { ...pages, ...(pages.items ? { value: pages.items } : {}) };
}
