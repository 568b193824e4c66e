/** Becoming a till: the key is made here, the manager adds it, and nothing secret travels. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { base64url } from "@scrip/sdk/bytes";
import { fingerprint } from "../kit/pairing.ts";
import { Qr } from "../kit/qr.tsx";
import { CameraScanner } from "../kit/scan/scan.tsx";
import { Button, Failure, Field, Loading, useLoad } from "../kit/ui.tsx";
import { Away } from "./away.tsx";
import { useLink, useTill } from "./context.ts";
import { leave, paired, readBrought, waiting, type Brought } from "./key.ts";
import { registered } from "./model.ts";
import { pinOk, setPin } from "./pin.ts";
import { t } from "./text.ts";

const pollMs = 1000;
const sealBytes = 32;

export function Pairing(p: { failed?: boolean; onBrought: (b: Brought) => void }): JSX.Element {
  const link = useLink();
  const [text, setText] = useState("");
  const [failed, setFailed] = useState(p.failed ?? false);
  const read = (scanned: string) => {
    const b = readBrought(link.chain, scanned.slice(scanned.indexOf("#") + 1).trim());
    if (b.kind === "bad") setFailed(true);
    else p.onBrought(b);
  };
  return (
    <div class="stack">
      <h1>{t("pairTitle")}</h1>
      <p>{t("pairText")}</p>
      {failed && <Failure title={t("pairFailed")} />}
      <CameraScanner onText={read} />
      <form
        class="stack-s"
        onSubmit={(e) => {
          e.preventDefault();
          if (text.trim()) read(text);
        }}
      >
        <Field
          label={t("pairLink")}
          hint={t("pairScan")}
          value={text}
          onInput={setText}
          inputMode="url"
          maxLength={2048}
        />
        <Button kind="main" wide type="submit">
          {t("pairAct")}
        </Button>
      </form>
    </div>
  );
}

/** PairWaiting leaves the answer for the console and looks until the ledger knows the till. */
export function PairWaiting(p: { onPairAnew: () => void }): JSX.Element {
  const till = useTill();
  const { link } = till;
  const pending = useLoad(async () => {
    const w = await waiting(link.store);
    return w && { w, shop: await link.member(w.offer.member).catch(() => "") };
  }, [till]);
  useEffect(() => {
    let gone = false;
    let left = false;
    const beat = async () => {
      const w = await waiting(link.store);
      if (w && !left)
        left = await leave(link.chain, link.nodes, w).then(
          () => true,
          () => false,
        );
      if (await registered(till).catch(() => undefined)) {
        await paired(link.store);
        return;
      }
      if (!gone) setTimeout(() => void beat(), pollMs);
    };
    void beat();
    return () => {
      gone = true;
    };
  }, [till]);
  const found = pending.value;
  return (
    <div class="stack">
      <h1>{t("pairWaiting")}</h1>
      {found && <p class="strong">{t("pairAs", { shop: found.shop, label: found.w.offer.label })}</p>}
      <Away />
      <p>{t("pairWaitingText")}</p>
      <Loading />
      <p>
        {t("pairWaitingKey")}:{" "}
        <strong class="mono" data-fingerprint>
          {fingerprint(till.key.key)}
        </strong>
      </p>
      {found && (
        <details class="twin">
          <summary>{t("pairByCode")}</summary>
          <Qr
            what={t("pairWaiting")}
            text={`${location.origin}/console/#till=${base64url(found.w.answer.slice(0, -sealBytes))}`}
          />
        </details>
      )}
      <Button kind="plain" onClick={p.onPairAnew}>
        {t("pairReplaceAct")}
      </Button>
    </div>
  );
}

/** SetPin lets the manager choose the PIN for undo, once. */
export function SetPin(p: { onDone: () => void }): JSX.Element {
  const till = useTill();
  const [pin, set] = useState("");
  const [wrong, setWrong] = useState(false);
  const [busy, setBusy] = useState(false);
  const save = () => {
    if (!pinOk(pin)) return setWrong(true);
    setBusy(true);
    void setPin(till.link.store, pin, new Uint8Array()).then(p.onDone);
    return undefined;
  };
  return (
    <form
      class="stack"
      onSubmit={(e) => {
        e.preventDefault();
        save();
      }}
    >
      <h1>{t("pinTitle")}</h1>
      <p>{t("pinText")}</p>
      <Field
        label={t("pinField")}
        type="password"
        inputMode="numeric"
        value={pin}
        maxLength={8}
        autoFocus
        onInput={(v) => {
          set(v);
          setWrong(false);
        }}
        error={wrong ? t("pinForm") : undefined}
      />
      <Button kind="main" wide type="submit" busy={busy}>
        {t("pinSet")}
      </Button>
      <Button kind="plain" onClick={p.onDone}>
        {t("pinSkip")}
      </Button>
    </form>
  );
}
