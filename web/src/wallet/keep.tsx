/** Keeping the wallet safe: words on paper, an encrypted file, a passkey. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { date } from "../kit/format.ts";
import { failureOf } from "../kit/refusal/refusal.ts";
import { Button, Failure, Field, LinkButton, Notice, toast, useLoad } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { keptAt, keptRow } from "./kept.ts";
import type { Session } from "./model.ts";
import { makeCopy, passkeysHere } from "./passkey.ts";
import { Elsewhere } from "./search.tsx";
import { t } from "./text.ts";

const passphraseLeast = 10;

async function noteKept(session: Session): Promise<void> {
  await session.purse.noteElsewhere();
  await session.link.store.set(keptRow, Date.now());
  await session.link.store.persisted(true);
  toast(t("keepSaved"));
}

/** saveFile hands a text to the browser as a download. */
export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** painted lets the page show that it is busy before a long computation. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

function Words(p: { onKept: () => void }): JSX.Element {
  const session = useSession();
  const words = session.purse.words().split(" ");
  const [step, setStep] = useState<"closed" | "shown" | "check">("closed");
  const [asked] = useState(() => crypto.getRandomValues(new Uint8Array(1))[0]! % words.length);
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState(false);
  const check = () => {
    if (typed.trim().toLowerCase() !== words[asked]) return setWrong(true);
    void noteKept(session).then(p.onKept);
    setStep("closed");
    return undefined;
  };
  return (
    <section class="stack-s">
      <h2>{words.length === 12 ? t("keepWords") : t("keepWordsN", { n: words.length })}</h2>
      <p>{t("keepWordsText")}</p>
      {step === "closed" && (
        <div class="row">
          <Button onClick={() => void session.purse.noteElsewhere().then(() => setStep("shown"))}>
            {t("keepWordsShow")}
          </Button>
        </div>
      )}
      {step === "shown" && (
        <>
          <ol class="words mono" data-words>
            {words.map((w, i) => (
              <li key={i}>{w}</li>
            ))}
          </ol>
          <div class="row no-print">
            <Button kind="main" onClick={() => setStep("check")}>
              {t("keepWordsWritten")}
            </Button>
            <Button onClick={() => print()}>{t("keepWordsPrint")}</Button>
          </div>
        </>
      )}
      {step === "check" && (
        <form
          class="stack-s"
          onSubmit={(e) => {
            e.preventDefault();
            check();
          }}
        >
          <Field
            label={t("keepWordsCheck", { n: asked + 1 })}
            value={typed}
            autoFocus
            mono
            onInput={(v) => {
              setTyped(v);
              setWrong(false);
            }}
            error={wrong ? t("keepWordsWrong", { n: asked + 1 }) : undefined}
          />
          <div class="row">
            <Button kind="main" type="submit">
              {t("keepWordsCheckTitle")}
            </Button>
            <Button kind="plain" onClick={() => setStep("shown")}>
              {t("keepWordsShow")}
            </Button>
          </div>
        </form>
      )}
    </section>
  );
}

function BackupFile(p: { onKept: () => void }): JSX.Element {
  const session = useSession();
  const [passphrase, setPassphrase] = useState("");
  const [short, setShort] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const save = async () => {
    if ([...passphrase].length < passphraseLeast) return setShort(true);
    setBusy(true);
    setError(undefined);
    try {
      await painted();
      const { encryptPhrase } = await import("@scrip/sdk/backup");
      saveFile(
        `scrip-wallet-${new Date().toISOString().slice(0, 10)}.age`,
        await encryptPhrase(session.purse.words(), passphrase),
      );
      await noteKept(session);
      p.onKept();
      setPassphrase("");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
    return undefined;
  };
  return (
    <form
      class="stack-s"
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      <h2>{t("keepFile")}</h2>
      <p>{t("keepFileText")}</p>
      <Field
        label={t("keepPassphrase")}
        type="password"
        value={passphrase}
        autoComplete="new-password"
        hint={t("keepPassphraseHint", { n: passphraseLeast })}
        error={short ? t("keepPassphraseShort", { n: passphraseLeast }) : undefined}
        onInput={(v) => {
          setPassphrase(v);
          setShort(false);
        }}
      />
      {error !== undefined && <Failure {...failureOf(error)} />}
      <div class="row">
        <Button type="submit" busy={busy}>
          {busy ? t("keepFileBusy") : t("keepFileAct")}
        </Button>
      </div>
    </form>
  );
}

function Passkey(p: { onKept: () => void }): JSX.Element | null {
  const session = useSession();
  const [busy, setBusy] = useState(false);
  const [none, setNone] = useState(false);
  if (!passkeysHere()) return null;
  const make = async () => {
    setBusy(true);
    try {
      const text = await makeCopy(session.purse.secretBytes(), (await session.purse.owner()) ?? t("name"));
      saveFile("scrip-wallet-passkey.json", text);
      await noteKept(session);
      p.onKept();
    } catch {
      setNone(true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="stack-s">
      <h2>{t("keepPasskey")}</h2>
      <p>{t("keepPasskeyText")}</p>
      {none && (
        <Notice kind="bad" live>
          <p>{t("keepPasskeyNone")}</p>
        </Notice>
      )}
      <div class="row">
        <Button busy={busy} onClick={() => void make()}>
          {t("keepPasskeyAct")}
        </Button>
      </div>
    </section>
  );
}

export function KeepPage(): JSX.Element {
  const session = useSession();
  const [kept, setKept] = useState<number>();
  const persisted = useLoad(() => session.link.store.persisted(false), [kept]);
  const renew = () => void keptAt(session).then(setKept);
  useEffect(renew, []);
  return (
    <div class="stack keep">
      <h1>{t("keepTitle")}</h1>
      {kept && (
        <Notice kind="good">
          <p>{t("keepDone", { date: date(kept) })}</p>
        </Notice>
      )}
      {!session.link.store.sealedWell && (
        <Notice kind="bad">
          <p>{t("keepPlainHttp")}</p>
        </Notice>
      )}
      <p>{t("keepIntro")}</p>
      <Words onKept={renew} />
      <BackupFile onKept={renew} />
      <Passkey onKept={renew} />
      <Elsewhere text={t("keepHere", { host: location.host })} />
      <p class="soft small">{persisted.value ? t("keepPersisted") : t("keepNotPersisted")}</p>
      <LinkButton kind="plain" href="#/">
        {t("back")}
      </LinkButton>
    </div>
  );
}
