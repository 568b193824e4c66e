/**
 * The words of a campaign's terms. The ledger has their fingerprint alone; the text comes from whichever node has it,
 * and counts only if it fits. It never changes, so that a device keeps what it has read.
 */
import type { JSX } from "preact";
import { hex } from "@scrip/sdk/bytes";
import type { Terms } from "@scrip/sdk/terms";
import { readTermsText, termsTextHash } from "@scrip/sdk/texts";
import type { Link } from "../chain.ts";
import { t as kit } from "../text.ts";
import { Button, Loading, Notice, useLoad, type Loaded } from "../ui.tsx";
import { t } from "./text.ts";

type Named = Pick<Terms, "termsHash" | "title">;

/** wordingRow is where a device keeps the text of terms, by its fingerprint. */
export const wordingRow = (hash: Uint8Array): string => `terms/${hex(hash)}`;

/** readWording returns the text of terms, checked; undefined if no node has it. */
export async function readWording(link: Link, terms: Named, signal?: AbortSignal): Promise<string | undefined> {
  const hash = terms.termsHash;
  if (hex(termsTextHash(terms.title)) === hex(hash)) return terms.title; // nobody needs to be asked
  const kept = await link.store.get<string>(wordingRow(hash));
  if (kept !== undefined && hex(termsTextHash(kept)) === hex(hash)) return kept;
  const text = await readTermsText(link.client, hash, signal ? { signal } : {});
  if (text !== undefined) await link.store.set(wordingRow(hash), text);
  return text;
}

/** useWording reads the text of terms. */
export function useWording(link: Link, terms: Named): Loaded<{ text: string | undefined }> {
  return useLoad(async (signal) => ({ text: await readWording(link, terms, signal) }), [hex(terms.termsHash)]);
}

/** Wording shows the words of the terms, or says in plain words that they are missing. */
export function Wording(p: { link: Link; terms: Named }): JSX.Element {
  const loaded = useWording(p.link, p.terms);
  return <WordingView loaded={loaded} title={p.terms.title} />;
}

export function WordingView(p: { loaded: Loaded<{ text: string | undefined }>; title: string }): JSX.Element {
  const { loaded } = p;
  if (!loaded.value) {
    if (loaded.error === undefined) return <Loading what={t("loading")} />;
    return (
      <Notice title={t("away")}>
        <p>{t("awayText")}</p>
        <Button onClick={loaded.reload} busy={loaded.busy}>
          {kit("retry")}
        </Button>
      </Notice>
    );
  }
  const { text } = loaded.value;
  if (text === undefined) {
    return (
      <Notice title={t("none")}>
        <p>{t("noneText")}</p>
      </Notice>
    );
  }
  if (text.trim() === p.title.trim()) return <p class="soft small">{t("titleOnly")}</p>;
  return (
    <div class="wording stack-s">
      <h2 id="wording-title">{t("title")}</h2>
      <div class="wording-text" tabIndex={0} role="region" aria-labelledby="wording-title" data-wording>
        {text.trim()}
      </div>
      <p class="soft small">{t("checked")}</p>
    </div>
  );
}
