/** Bringing a wallet to this device: from words, a file, or a link. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { fileText } from "../kit/file.ts";
import { Button, Check, Failure, Field, LinkButton, Loading, Notice } from "../kit/ui.tsx";
import { failureOf } from "../kit/refusal/refusal.ts";
import { useSession } from "./context.ts";
import { painted } from "./keep.tsx";
import type { Session } from "./model.ts";
import { isCopy, openCopy } from "./passkey.ts";
import { entropyOf, type ToScan } from "./purse.ts";
import { Elsewhere, look, LookState } from "./search.tsx";
import { t } from "./text.ts";

const fileBytesMax = 64 << 10;

/** bringIn makes an entropy this device's wallet and opens it anew; the ledger is scanned then. */
async function bringIn(session: Session, entropy: Uint8Array, scan: ToScan): Promise<void> {
  await session.purse.replace(entropy, scan);
  history.replaceState(null, "", "/wallet/");
  location.reload();
}

/** Guarded asks before a wallet with coupons is replaced. */
function useGuard(session: Session): { open: boolean; guard: JSX.Element | null } {
  const [sure, setSure] = useState(false);
  const holds = session.slips.value.length > 0;
  const guard = holds ? (
    <Notice kind="bad">
      <p>{t("restoreHave")}</p>
      <Check label={t("restoreReplace")} checked={sure} onChange={setSure} />
    </Notice>
  ) : null;
  return { open: !holds || sure, guard };
}

function FromFile(p: { enabled: boolean; onEntropy: (e: Uint8Array) => Promise<void> }): JSX.Element {
  const [text, setText] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [unread, setUnread] = useState(false);
  const open = async () => {
    setBusy(true);
    setError("");
    try {
      await painted();
      if (isCopy(text)) return await p.onEntropy(await openCopy(text));
      const { decryptPhrase } = await import("@scrip/sdk/backup");
      return await p.onEntropy(entropyOf(await decryptPhrase(text, passphrase)));
    } catch (e) {
      setError(
        e instanceof Error && e.name === "WrongPassphrase" ? t("restoreWrong") : e instanceof Error ? e.message : "",
      );
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
        if (p.enabled && text) void open();
      }}
    >
      <h2>{t("restoreFile")}</h2>
      <input
        type="file"
        class="input"
        aria-label={t("restoreFile")}
        onChange={(e) => {
          const file = e.currentTarget.files?.[0];
          setError("");
          setUnread(false);
          setText("");
          if (!file) return;
          void fileText(file, fileBytesMax).then((x) => {
            setText(x ?? "");
            setUnread(x === undefined || x.trim() === "");
          });
        }}
      />
      {unread && <Failure title={t("restoreUnread")} detail={t("restoreUnreadText")} />}
      {text !== "" && !isCopy(text) && (
        <Field
          label={t("keepPassphrase")}
          type="password"
          value={passphrase}
          onInput={setPassphrase}
          autoComplete="current-password"
          error={error || undefined}
        />
      )}
      {text !== "" && isCopy(text) && error && <Failure title={t("keepPasskeyNone")} />}
      <div class="row">
        <Button type="submit" busy={busy} disabled={!p.enabled || text === ""}>
          {t("restoreOpen")}
        </Button>
      </div>
    </form>
  );
}

export function RestorePage(): JSX.Element {
  const session = useSession();
  const { open, guard } = useGuard(session);
  const [words, setWords] = useState("");
  const [error, setError] = useState("");
  const [same, setSame] = useState(false);
  const take = async (entropy: Uint8Array) => {
    if (!session.purse.same(entropy)) return bringIn(session, entropy, { used: [] });
    setSame(true);
    await session.purse.noteElsewhere();
    return look(session);
  };
  const fromWords = () => {
    try {
      void take(entropyOf(words));
    } catch (e) {
      setError(e instanceof Error ? e.message : "");
    }
  };
  return (
    <div class="stack">
      <h1>{t("restoreTitle")}</h1>
      <p>{t("restoreText")}</p>
      {same && (
        <Notice live>
          <p>{t("restoreSame")}</p>
        </Notice>
      )}
      {same && <LookState />}
      {session.missed.value !== undefined && (
        <Failure {...failureOf(session.missed.value)} onRetry={() => look(session)} />
      )}
      {guard}
      <form
        class="stack-s"
        onSubmit={(e) => {
          e.preventDefault();
          if (open) fromWords();
        }}
      >
        <Field
          label={t("restoreWords")}
          hint={t("restoreWordsHint")}
          rows={3}
          mono
          value={words}
          maxLength={1024}
          onInput={(v) => {
            setWords(v);
            setError("");
          }}
          error={error || undefined}
        />
        <div class="row">
          <Button kind="main" type="submit" disabled={!open}>
            {t("restoreAct")}
          </Button>
        </div>
      </form>
      <FromFile enabled={open} onEntropy={take} />
      <Elsewhere text={t("elsewhereRestore")} />
      <LinkButton kind="plain" href="#/">
        {t("back")}
      </LinkButton>
    </div>
  );
}

/** Replace is the page of a link that brings a whole wallet, as to move to another device. */
export function Replace(p: {
  entropy: Uint8Array;
  owner: string | undefined;
  used: ToScan["used"];
  onKeep: () => void;
}): JSX.Element {
  const session = useSession();
  const holds = session.slips.value.length > 0;
  const same = session.purse.same(p.entropy);
  const take = () => bringIn(session, p.entropy, { owner: p.owner, used: p.used });
  useEffect(() => {
    if (same) p.onKeep();
    else if (!holds) void take();
  }, []);
  if (!holds || same) return <Loading what={t("opening")} />;
  return (
    <div class="stack">
      <h1>{t("replaceTitle", { name: p.owner ?? "?" })}</h1>
      <p>{t("replaceText")}</p>
      <Button kind="main" wide onClick={p.onKeep}>
        {t("replaceKeep")}
      </Button>
      <Button kind="bad" onClick={() => void take()}>
        {t("replaceAct")}
      </Button>
    </div>
  );
}
