/** Scanning a ticket, a gift or a till's code, or pasting a link. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CameraScanner } from "../kit/scan/scan.tsx";
import { go } from "../kit/router.ts";
import { Button, Field } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { readScanned, type Arrival } from "./arrival.ts";
import { t } from "./text.ts";

/** ScanPage hands on what was read; the wallet shows it. */
export function ScanPage(p: { onArrival: (arrival: Arrival) => void }): JSX.Element {
  const session = useSession();
  const [text, setText] = useState("");
  const read = (scanned: string) => p.onArrival(readScanned(session.link.chain, scanned));
  return (
    <div class="stack">
      <h1>{t("scanTitle")}</h1>
      <p>{t("scanHint")}</p>
      <CameraScanner onText={read} autoStart={isSecureContext} />
      <form
        class="stack-s"
        onSubmit={(e) => {
          e.preventDefault();
          if (text.trim()) read(text);
        }}
      >
        <Field label={t("typeLink")} value={text} onInput={setText} inputMode="url" maxLength={2048} />
        <Button type="submit">{t("open")}</Button>
      </form>
      <Button kind="plain" onClick={() => go("/")}>
        {t("back")}
      </Button>
    </div>
  );
}
