/** What every page over the ledger needs: names, places, the age of what is shown, and what is missing. */
import type { JSX } from "preact";
import type { CampaignAnswer, Effect, TermsAnswer, Time } from "@scrip/sdk/answers";
import { codeInfo } from "@scrip/sdk/codes";
import { NotFound, ProblemError, Unreachable } from "@scrip/sdk/errors";
import type { Rule } from "../coupon.tsx";
import { ago, dateTimeZone, money, number, type Currency } from "../format.ts";
import { textOf } from "../refusal/refusal.ts";
import { useNow } from "../ui.tsx";
import { en, t } from "./text.ts";

type Key = keyof typeof en & string;

/** word says a state, role or type of the ledger; what is unknown stays as it is. */
export function word(name: string): string {
  return name in en ? t(name as Key) : name;
}

/** msOf reads a time of the API. */
export function msOf(time: Time): number {
  return Number(time.ms);
}

/** currencyOf is the currency of a campaign as the API tells it. */
export function currencyOf(terms: TermsAnswer): Currency {
  return { letters: terms.currency, exponent: terms.exponent };
}

/** ruleOf is what of the API's terms stands on a coupon. */
export function ruleOf(terms: TermsAnswer): Rule {
  return {
    kind: terms.kind,
    face: BigInt(terms.face),
    bps: terms.bps,
    ceiling: BigInt(terms.ceiling),
    minSpend: BigInt(terms.min_spend),
    currency: currencyOf(terms),
  };
}

/** isMissing tells that the nodes answered, and have no such thing. */
export function isMissing(error: unknown): boolean {
  if (error instanceof NotFound) return true;
  if (!(error instanceof Unreachable)) return false;
  const problems = error.errors
    .map((e) => (e as { cause?: unknown } | null)?.cause)
    .filter((c): c is ProblemError => c instanceof ProblemError);
  return problems.some((p) => p.problem.status === 404 || p.problem.status === 400 || p.problem.status === 422);
}

/** outcomeText says what came of a transaction: the event, or why it was refused. */
export function outcomeText(code: string, event: string | undefined): string {
  if (code === "OK") return word(event ?? "");
  if (code === "E105") return t("duplicate");
  return t("refused", { why: codeInfo(code) ? textOf(code).title : code });
}

/** valueOfEffect is the amount that a redemption or its undoing moved. */
export function valueOfEffect(effect: Effect | undefined, currency: Currency | undefined): string | undefined {
  return effect?.value === undefined || !currency ? undefined : money(BigInt(effect.value), currency);
}

/** AsOf says how old the shown data is; it counts by itself. */
export function AsOf(p: { height: string | number; timeMs: number; nowMs: () => number }): JSX.Element {
  useNow(1000);
  const height = number(Number(p.height));
  const age = Math.max(0, p.nowMs() - p.timeMs);
  return (
    <span class="small soft" data-as-of={p.height}>
      <time dateTime={new Date(p.timeMs).toISOString()} title={dateTimeZone(p.timeMs)}>
        {t("asOf", { height, ago: ago(age) })}
      </time>
    </span>
  );
}

/** serialText is a coupon's number as it is printed on it. */
export function serialText(coupon: bigint | string): string {
  const id = BigInt(coupon);
  return `${id >> 32n}-${id & 0xffffffffn}`;
}

/** spentPart says how much of a campaign's budget is bound and owed, in basis points for pictures. */
export function spentPart(c: CampaignAnswer): { committed: number; accrued: number } {
  const budget = BigInt(c.terms.budget);
  if (budget === 0n) return { committed: 0, accrued: 0 };
  const part = (x: string) => Number((BigInt(x) * 10_000n) / budget);
  return { committed: part(c.committed), accrued: part(c.accrued) };
}
