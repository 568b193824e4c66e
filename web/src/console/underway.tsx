/** What was handed in and is not done: under way, or refused, whichever page one is on. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { failureOf } from "../kit/refusal/refusal.ts";
import { Button, Failure, Loading, Notice, toast } from "../kit/ui.tsx";
import type { Shown } from "./handins.ts";
import { useSession } from "./parts.tsx";
import { t } from "./text.ts";

/** Row goes on with one that nobody waits for, and says how it ended. */
function Row(p: { of: Shown }): JSX.Element | null {
  const { handIns } = useSession();
  const { of: x } = p;
  const [error, setError] = useState<unknown>();
  const [own, setOwn] = useState(false);
  const finish = () => {
    setError(undefined);
    setOwn(true);
    handIns
      .finish(x)
      .then(() => toast(t("pendingDone", { what: x.what })), setError)
      .finally(() => setOwn(false));
  };
  const left = !x.going && !x.refusal;
  useEffect(() => {
    if (left && error === undefined) finish();
  }, [left]);
  if (x.refusal) {
    const { title, detail, code } = x.refusal;
    return (
      <div data-refused={x.id}>
        <Failure
          title={t("pendingRefused", { what: x.what })}
          detail={[title, detail].filter(Boolean).join(": ")}
          code={code}
        >
          <div class="row">
            <Button onClick={() => void handIns.drop(x.id)}>{t("pendingRead")}</Button>
            <Button kind="plain" onClick={finish} busy={own}>
              {t("pendingAgain")}
            </Button>
          </div>
        </Failure>
      </div>
    );
  }
  if (error !== undefined) return <Failure {...failureOf(error)} onRetry={finish} busy={own} />;
  // Whoever handed it in shows that it goes on.
  return own ? (
    <Notice title={t("pending", { what: x.what })} live>
      <p>{t("pendingText")}</p>
      <Loading />
    </Notice>
  ) : null;
}

/** UnderWay shows all of them. */
export function UnderWay(): JSX.Element {
  const { handIns } = useSession();
  return (
    <>
      {handIns.all.value.map((x) => (
        <Row key={x.id} of={x} />
      ))}
    </>
  );
}
