/** The bill, typed on large keys; the coupon's rule is said in one line. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Terms } from "@scrip/sdk/transactions";
import { ruleText } from "../kit/coupon.tsx";
import { money } from "../kit/format.ts";
import { ruleOf } from "../kit/terms.ts";
import { t as kit } from "../kit/text.ts";
import { Button } from "../kit/ui.tsx";
import { useTill } from "./context.ts";
import { t } from "./text.ts";

/** Bill is what the cashier said: the amount, or that it is at least that. */
export interface Bill {
  amount: bigint;
  exact: boolean;
}

const digitsMax = 10;
const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "00", "0"];

/** atLeast is the bill from which on the coupon gives no more: one tap instead of an amount. */
export function atLeast(terms: Terms): bigint | undefined {
  if (terms.valueKind !== "AMOUNT") return undefined;
  return terms.minSpend > terms.face ? terms.minSpend : terms.face;
}

interface Keys {
  press: (key: string) => void;
  back: () => void;
  ok: () => void;
  cancel: () => void;
}

/** useKeys hears a keyboard's digits, also when they come faster than the page is drawn. */
function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => {
    const type = (e: KeyboardEvent) => {
      const k = latest.current;
      if (/^\d$/.test(e.key)) k.press(e.key);
      else if (e.key === "Backspace") k.back();
      else if (e.key === "Enter" && !(e.target instanceof HTMLButtonElement)) k.ok();
      else if (e.key === "Escape") k.cancel();
    };
    addEventListener("keydown", type);
    return () => removeEventListener("keydown", type);
  }, []);
}

export function Amount(p: {
  terms?: Terms;
  item?: boolean;
  onBill: (bill: Bill) => void;
  onCancel: () => void;
}): JSX.Element {
  const till = useTill();
  const currency = p.terms ? till.link.currency(p.terms.currency) : till.currency;
  const [digits, setDigits] = useState("");
  const amount = BigInt(digits || "0");
  const enough = p.terms && atLeast(p.terms);
  const low = p.terms !== undefined && !p.item && amount > 0n && amount < p.terms.minSpend;
  const press = (key: string) => setDigits((d) => (d + key).replace(/^0+/, "").slice(0, digitsMax));
  const ok = () => {
    if (amount > 0n) p.onBill({ amount, exact: true });
  };
  useKeys({ press, back: () => setDigits((d) => d.slice(0, -1)), ok, cancel: p.onCancel });
  return (
    <div class="stack amount">
      <h1>{p.item ? t("itemTitle") : t("amountTitle")}</h1>
      {p.terms && <p>{t("amountRule", { rule: `${p.terms.title}: ${ruleText(ruleOf(p.terms, currency))}` })}</p>}
      <output class="amount-shown" aria-live="polite">
        {money(amount, currency)}
      </output>
      {low && p.terms && (
        <p class="field-error" role="status">
          {t("amountBelow", { value: money(p.terms.minSpend, currency) })}
        </p>
      )}
      <div class="keys">
        {keys.map((k) => (
          <button key={k} type="button" class="btn" onClick={() => press(k)}>
            {k}
          </button>
        ))}
        <button type="button" class="btn" onClick={() => setDigits((d) => d.slice(0, -1))} aria-label={t("keyBack")}>
          ⌫
        </button>
      </div>
      <Button kind="main" wide disabled={amount === 0n} onClick={ok}>
        {t("amountOk")}
      </Button>
      {enough !== undefined && (
        <Button wide onClick={() => p.onBill({ amount: enough, exact: false })}>
          {t("amountAtLeast", { value: money(enough, currency) })}
        </Button>
      )}
      <Button kind="plain" onClick={p.onCancel}>
        {kit("cancel")}
      </Button>
    </div>
  );
}
