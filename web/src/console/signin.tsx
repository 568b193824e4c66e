/** Signing in with a member's key; there is no other way in. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Link } from "../kit/chain.ts";
import { fileText } from "../kit/file.ts";
import { Button, Field, Loading, Notice } from "../kit/ui.tsx";
import { Trouble, useWork } from "./parts.tsx";
import { memberOf, seedOf, Session } from "./session.ts";
import { t } from "./text.ts";

const fileCharsMax = 16 << 10;
const paintMs = 50;
const encrypted = "-----BEGIN AGE ENCRYPTED FILE-----";

type Fault = "signInBad" | "signInNobody" | "signInPassWrong";

export function SignIn(p: { link: Link; bad?: boolean; onSession: (s: Session) => void }): JSX.Element {
  const [text, setText] = useState("");
  const [pass, setPass] = useState("");
  const [fault, setFault] = useState<Fault | undefined>(p.bad ? "signInBad" : undefined);
  const work = useWork();
  const locked = text.trim().startsWith(encrypted);
  const open = async () => {
    let seed: Uint8Array | undefined;
    if (locked) {
      const { decryptKey, WrongPassphrase } = await import("@scrip/sdk/backup");
      await new Promise((resolve) => setTimeout(resolve, paintMs)); // what says that it takes long is drawn first
      try {
        const key = await decryptKey(text.trim(), pass);
        seed = key.kind === "member" ? key.exportSeed() : undefined;
      } catch (e) {
        return setFault(e instanceof WrongPassphrase ? "signInPassWrong" : "signInBad");
      }
    } else {
      seed = seedOf(text);
    }
    if (!seed) return setFault("signInBad");
    const member = await memberOf(p.link, seed);
    if (member === 0) return setFault("signInNobody");
    p.onSession(await Session.begin(p.link, member, seed));
    return undefined;
  };
  return (
    <form
      class="stack narrow"
      onSubmit={(e) => {
        e.preventDefault();
        work.run(open);
      }}
    >
      <h1>{t("signInTitle")}</h1>
      <p>{t("signInText")}</p>
      {!p.link.store.sealedWell && (
        <Notice>
          <p class="small">{t("signInPlain")}</p>
        </Notice>
      )}
      <div class="field">
        <label for="key-file">{t("signInFile")}</label>
        <input
          id="key-file"
          class="input"
          type="file"
          onChange={(e) => {
            const file = e.currentTarget.files?.[0];
            if (file) {
              void fileText(file, fileCharsMax).then((x) => {
                if (x !== undefined) setText(x);
                setFault(x === undefined ? "signInBad" : undefined);
              });
            }
          }}
        />
      </div>
      <Field
        label={t("signInKey")}
        value={text}
        onInput={(v) => {
          setText(v);
          setFault(undefined);
        }}
        mono
        rows={3}
        maxLength={fileCharsMax}
        error={fault && fault !== "signInPassWrong" ? t(fault) : undefined}
      />
      {locked && (
        <Field
          label={t("signInPass")}
          type="password"
          value={pass}
          hint={t("signInPassHint")}
          autoComplete="current-password"
          onInput={(v) => {
            setPass(v);
            setFault(undefined);
          }}
          error={fault === "signInPassWrong" ? t(fault) : undefined}
        />
      )}
      <Trouble work={work} />
      {locked && work.busy && <Loading what={t("signInOpening")} />}
      <Button kind="main" wide type="submit" busy={work.busy}>
        {t("signInAct")}
      </Button>
    </form>
  );
}
