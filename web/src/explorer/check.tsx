/** The part of each page that proves it here. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { VerifiedBadge, type Proof } from "../kit/badge.tsx";
import { brief, dateTimeZone, number } from "../kit/format.ts";
import { prefer, preference } from "../kit/i18n.ts";
import {
  checkRow,
  checkRows,
  isFalse,
  type Checked,
  type Report,
  type RowCheck,
  type Step,
} from "../kit/ledger/check.ts";
import { Button, Check as Box, Failure } from "../kit/ui.tsx";
import { useLink } from "./parts.tsx";
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

/** follow adds a step; one that counts takes the place of the count before. */
function follow(steps: readonly Step[], step: Step): Step[] {
  const counts = step.kind === "rows" || step.kind === "headers";
  return counts && steps.some((s) => s.kind === step.kind)
    ? steps.map((s) => (s.kind === step.kind ? step : s))
    : [...steps, step];
}

interface Running {
  steps: readonly Step[];
  proof?: Proof;
  error?: unknown;
  busy: boolean;
}

/** CheckPanel runs a check on request and shows every step that held; subject names what is checked. */
export function CheckPanel<T>(p: {
  subject: string;
  about?: string;
  run: (report: Report) => Promise<Checked<T>>;
}): JSX.Element {
  const [state, setState] = useState<Running>();
  const [always, setAlways] = useState(() => preference(alwaysKey) === "1");
  const check = () => {
    setState({ steps: [], busy: true });
    p.run((step) => setState((s) => ({ ...s, steps: follow(s?.steps ?? [], step), busy: true }))).then(
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
      {!state && <p class="soft">{p.about ?? t("checkText")}</p>}
      {state && state.steps.length > 0 && (
        <ol class="steps">
          {state.steps.map((s, i) => (
            <li key={i} data-step={s.kind}>
              {sentence(s)}
            </li>
          ))}
        </ol>
      )}
      <div role="status">{state?.proof && <p class="strong good">{t("checkHolds")}</p>}</div>
      {state?.error !== undefined && (
        <Failure
          title={isFalse(state.error) ? t("checkFails") : t("checkCannot")}
          detail={t("checkFailsText")}
          code={state.error instanceof Error ? state.error.message.slice(0, 160) : undefined}
        />
      )}
      <div class="row apart">
        <Button onClick={check} busy={state?.busy ?? false}>
          {state?.busy ? t("checkRunning") : state ? t("checkAgain") : t("checkAct")}
        </Button>
        <Box
          label={t("checkAlways")}
          checked={always}
          onChange={(yes) => {
            setAlways(yes);
            prefer(alwaysKey, yes ? "1" : null);
            if (yes && !state) check();
          }}
        />
      </div>
    </section>
  );
}

/** CheckLines checks every line of a list that is shown. */
export function CheckLines<T>(p: {
  subject: string;
  items: readonly T[];
  of: (item: T) => RowCheck;
}): JSX.Element | null {
  const link = useLink();
  if (p.items.length === 0) return null;
  return (
    <CheckPanel
      subject={`${p.subject}/${p.items.length}`}
      about={t("checkLines", { n: p.items.length })}
      run={(report) => checkRows(link, p.items.map(p.of), report)}
    />
  );
}

/** CheckAbsent proves that the ledger has no row where one was looked for. */
export function CheckAbsent(p: { subject: string; rowKey: Uint8Array }): JSX.Element {
  const link = useLink();
  return (
    <CheckPanel
      subject={`no/${p.subject}`}
      about={t("checkAbsent")}
      run={(report) => checkRow(link, p.rowKey, report, (value) => value.length === 0)}
    />
  );
}
