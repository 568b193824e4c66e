/** The result: accepted, refused or waiting, over the whole screen. Green is for what this till has verified. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { dateTime, firstMoment, money, number, seconds, span, time } from "../kit/format.ts";
import { cashierText } from "../kit/refusal/refusal.ts";
import { useNow } from "../kit/ui.tsx";
import { useTill } from "./context.ts";
import { dayStart, type About, type Sale } from "./sales.ts";
import { sound } from "./sound.ts";
import { t } from "./text.ts";

export type Outcome =
  | { kind: "accepted"; sale: Sale }
  | { kind: "refused"; code: string; about?: About | undefined; tookMs: number }
  | { kind: "waiting"; sinceMs: number };

const longMs = 20_000;
const returnMs = 12_000;

function Sign(p: { kind: Outcome["kind"] }): JSX.Element {
  return (
    <svg class="sign" viewBox="0 0 100 100" aria-hidden="true">
      {p.kind === "accepted" && <path d="M18 54l22 22 42-50" />}
      {p.kind === "refused" && <path d="M24 24l52 52M76 24l-52 52" />}
      {p.kind === "waiting" && <path d="M50 18v34l20 14" />}
    </svg>
  );
}

function Accepted(p: { sale: Sale }): JSX.Element {
  const till = useTill();
  const { sale } = p;
  const { currency } = till;
  return (
    <>
      <p class="result-value">{t("acceptedOff", { value: money(sale.value, currency) })}</p>
      <p>{sale.title}</p>
      {sale.bill > sale.value && (
        <p class="result-pay">
          {t(sale.item ? "acceptedPayItem" : "acceptedPay", { value: money(sale.bill - sale.value, currency) })}
        </p>
      )}
      <p class="small" data-signers={sale.signers}>
        {t("checked", { n: sale.signers })}
        {sale.tookMs > 0 && <>, {t("took", { time: seconds(sale.tookMs) })}</>}
      </p>
    </>
  );
}

/** aboutText says what a refusal rests on: facts that were proven here. */
function aboutText(about: About): string {
  if (about.kind === "ahead") return t("aboutAhead", { span: span(about.byMs) });
  if (about.kind === "early") return t("aboutEarly", { date: firstMoment(about.fromMs) });
  if (about.kind === "over") return t("aboutOver", { span: span(about.byMs) });
  const today = about.atMs >= dayStart(Date.now());
  const when = today ? t("aboutToday", { time: time(about.atMs) }) : dateTime(about.atMs);
  return about.where === "" ? t("aboutUsedHere", { when }) : t("aboutUsed", { when, shop: about.where });
}

function Refused(p: { code: string; about: About | undefined; tookMs: number }): JSX.Element {
  // What the scanner does wrong is for the cashier alone.
  const scanner = p.code === "scanner";
  const { word, say } = scanner ? { word: t("scanner"), say: "" } : cashierText(p.code);
  return (
    <>
      <p class="result-value">{word}</p>
      {p.about && <p class="strong">{aboutText(p.about)}</p>}
      {scanner && <p>{t("scannerNote")}</p>}
      {say && <p>{t("refusedSay", { text: say })}</p>}
      <p class="small">
        {p.code}, {t("took", { time: seconds(p.tookMs) })}
      </p>
    </>
  );
}

function Waiting(p: { sinceMs: number }): JSX.Element {
  const now = useNow(250);
  const ms = now - p.sinceMs;
  return (
    <>
      <p>{t("waitingText")}</p>
      <p class="result-value" aria-hidden="true">
        {t("waitingSeconds", { n: number(Math.max(0, Math.round(ms / 1000))) })}
      </p>
      {ms > longMs && <p>{t("waitingLong")}</p>}
    </>
  );
}

const words = { accepted: "accepted", refused: "refused", waiting: "waiting" } as const;

export function Result(p: { outcome: Outcome; onNext: () => void }): JSX.Element {
  const { outcome } = p;
  const next = useRef<HTMLButtonElement>(null);
  const latest = useRef(p.onNext);
  latest.current = p.onNext;
  useEffect(() => {
    sound(outcome.kind);
    next.current?.focus();
    // A final result leaves by itself; a waiting one never does.
    if (outcome.kind === "waiting") return undefined;
    const timer = setTimeout(() => latest.current(), returnMs);
    return () => clearTimeout(timer);
  }, [outcome.kind]);
  return (
    <div class={`result result-${outcome.kind}`} data-result={outcome.kind}>
      <div class="result-inner" role={outcome.kind === "waiting" ? "status" : "alert"}>
        <Sign kind={outcome.kind} />
        <h1>{t(words[outcome.kind])}</h1>
        {outcome.kind === "accepted" && <Accepted sale={outcome.sale} />}
        {outcome.kind === "refused" && <Refused code={outcome.code} about={outcome.about} tookMs={outcome.tookMs} />}
        {outcome.kind === "waiting" && <Waiting sinceMs={outcome.sinceMs} />}
      </div>
      <button ref={next} type="button" class="btn result-next" onClick={p.onNext}>
        {t("next")}
      </button>
    </div>
  );
}
