/** The part of each page that proves it here. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { VerifiedBadge, type Proof } from "../kit/badge.tsx";
import { brief, dateTimeZone, number } from "../kit/format.ts";
import { prefer, preference } from "../kit/i18n.ts";
import type { Checked, Report, Step } from "../kit/ledger/check.ts";
import { Button, Check as Box, Failure } from "../kit/ui.tsx";
import { FalseAnswer, Unreachable } from "@scrip/sdk/errors";
import { t } from "./text.ts";

const alwaysKey = "scrip.explorer.check";

/** sentence says a step in words; digests are shortened for the eye, in full for the pointer. */
function sentence(s: Step): string {
  const v: Record<string, string | number> = { ...s.values };
  for (const name of ["digest", "root"]) if (v[name] !== undefined) v[name] = brief(String(v[name]), 8, 8);
  if (v["ms"] !== undefined) v["time"] = dateTimeZone(Number(v["ms"]));
  if (s.kind === "asked" && typeof v["bytes"] === "number") v["bytes"] = number(v["bytes"]);
  return t(`step_${s.kind}`, v);
}

/** isFalse tells a proof that fails from one that nobody gave. */
function isFalse(e: unknown): boolean {
  if (e instanceof FalseAnswer) return true;
  return e instanceof Unreachable && e.errors.some((x) =>
    (x as { cause?: unknown } | null)?.cause instanceof FalseAnswer);
}

interface Running { steps: readonly Step[]; proof?: Proof; error?: unknown; busy: boolean }

/** CheckPanel runs a check on request and shows every step that held; subject names what is checked. */
export function CheckPanel<T>(p: { subject: string; run: (report: Report) => Promise<Checked<T>> }): JSX.Element {
  const [state, setState] = useState<Running>();
  const [always, setAlways] = useState(() => preference(alwaysKey) === "1");
  const check = () => {
    setState({ steps: [], busy: true });
    p.run((step) => setState((s) => ({ ...s, steps: [...(s?.steps ?? []), step], busy: true }))).then(
      (done) => setState((s) => ({ steps: s?.steps ?? [], proof: done.proof, busy: false })),
      (error: unknown) => setState((s) => ({ steps: s?.steps ?? [], error, busy: false })),
    );
  };
  useEffect(() => {
    setState(undefined);
    if (always) check();
  }, [p.subject]);
  return (
    <section class="check-panel stack-s no-print" aria-labelledby="check-title">
      <div class="row apart">
        <h2 id="check-title">{t("checkTitle")}</h2>
        <VerifiedBadge proof={state?.proof} />
      </div>
      {!state && <p class="soft">{t("checkText")}</p>}
      {state && state.steps.length > 0 && (
        <ol class="steps">{state.steps.map((s, i) => <li key={i} data-step={s.kind}>{sentence(s)}</li>)}</ol>
      )}
      <div role="status">{state?.proof && <p class="strong good">{t("checkHolds")}</p>}</div>
      {state?.error !== undefined && (
        <Failure title={isFalse(state.error) ? t("checkFails") : t("checkCannot")} detail={t("checkFailsText")}
          code={state.error instanceof Error ? state.error.message.slice(0, 160) : undefined} />
      )}
      <div class="row apart">
        <Button onClick={check} busy={state?.busy ?? false}>
          {state?.busy ? t("checkRunning") : state ? t("checkAgain") : t("checkAct")}
        </Button>
        <Box label={t("checkAlways")} checked={always}
          onChange={(yes) => { setAlways(yes); prefer(alwaysKey, yes ? "1" : null); if (yes && !state) check(); }} />
      </div>
    </section>
  );
}
