/** The bill, typed on large keys; the coupon's rule is said in one line. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isZero } from "@scrip/sdk/bytes";
import { itemKind, type Terms } from "@scrip/sdk/transactions";
import { ruleText } from "../kit/coupon.tsx";
import { money } from "../kit/format.ts";
import { ruleOf } from "../kit/terms.ts";
import { t as kit } from "../kit/text.ts";
import { Button } from "../kit/ui.tsx";
import { useTill } from "./context.ts";
import { amountOf, back, keyOf, nothing, press, typeAll, type Refused, type Typed } from "./typed.ts";
import { t } from "./text.ts";

/** Bill is what the cashier said: the amount, or that it is at least that. */
export interface Bill {
  amount: bigint;
  exact: boolean;
}

const refusals = {
  key: "typedKey",
  point: "typedPoint",
  decimals: "typedDecimals",
  noDecimals: "typedNoDecimals",
  long: "typedLong",
  scan: "typedScan",
} as const;
const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "00", "0"];

/** atLeast is the bill from which on the coupon gives no more: one tap instead of an amount. */
export function atLeast(terms: Terms): bigint | undefined {
  if (terms.valueKind !== "AMOUNT") return undefined;
  return terms.minSpend > terms.face ? terms.minSpend : terms.face;
}

/** forfeited is what of a coupon's value a small bill leaves unused, and nobody has afterwards. */
export function forfeited(terms: Terms, amount: bigint): bigint {
  return terms.valueKind === "AMOUNT" && amount < terms.face ? terms.face - amount : 0n;
}

/** What an amount is of: the whole bill, the one item that a coupon gives, or the goods that a campaign is for. */
export type Asks = "bill" | "item" | "goods";
const titles = { bill: "amountTitle", item: "itemTitle", goods: "goodsTitle" } as const;

/** asksOf is what a campaign's rule is computed on. */
export function asksOf(terms: Terms): Asks {
  return itemKind(terms) ? "item" : isZero(terms.productHash) ? "bill" : "goods";
}

interface Keys {
  press: (key: string) => void;
  paste: (text: string) => void;
  back: () => void;
  ok: () => void;
  cancel: () => void;
}

/** useKeys hears a keyboard and a clipboard, also when keys come faster than the page is drawn. */
function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => {
    const type = (e: KeyboardEvent) => {
      const k = latest.current;
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const key = keyOf(e);
      const onButton = e.target instanceof HTMLButtonElement;
      if (key !== undefined && !(key === "" && onButton && e.key === " ")) k.press(key);
      else if (e.key === "Backspace" || e.key === "Delete") k.back();
      else if (e.key === "Enter" && !onButton) k.ok();
      else if (e.key === "Escape") k.cancel();
    };
    const paste = (e: ClipboardEvent) => latest.current.paste(e.clipboardData?.getData("text") ?? "");
    addEventListener("keydown", type);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("keydown", type);
      removeEventListener("paste", paste);
    };
  }, []);
}

/** useTyped is what has been typed, and why the last key was not taken. */
function useTyped(exponent: number, scans: number) {
  const [state, set] = useState<{ typed: Typed; refused?: Refused | "scan" }>({ typed: nothing });
  const seen = useRef(scans);
  useEffect(() => {
    // A scanner's digits have come as keys: they are no amount.
    if (scans > seen.current) set({ typed: nothing, refused: "scan" });
    seen.current = scans;
  }, [scans]);
  const turn = (next: (t: Typed) => Typed | Refused) =>
    set((s) => {
      const now = next(s.typed);
      return typeof now === "string" ? { typed: s.typed, refused: now } : { typed: now };
    });
  return {
    ...state,
    press: (key: string) => turn((t) => press(t, key, exponent)),
    paste: (text: string) => turn((t) => typeAll(t, text, exponent)),
    back: () => turn(back),
  };
}

export function Amount(p: {
  terms?: Terms;
  asks: Asks;
  /** How many scans have come that were no coupon. */
  scans: number;
  onBill: (bill: Bill) => void;
  onCancel: () => void;
  /** Further ways on. */
  children?: ComponentChildren;
}): JSX.Element {
  const till = useTill();
  const currency = p.terms ? till.link.currency(p.terms.currency) : till.currency;
  const { typed, refused, ...keyed } = useTyped(currency.exponent, p.scans);
  const amount = amountOf(typed, currency.exponent);
  const enough = p.terms && atLeast(p.terms);
  const low = p.terms !== undefined && p.asks !== "item" && amount > 0n && amount < p.terms.minSpend;
  const lost = p.terms && amount > 0n && !low ? forfeited(p.terms, amount) : 0n;
  const ok = () => {
    if (amount > 0n) p.onBill({ amount, exact: true });
  };
  useKeys({ ...keyed, ok, cancel: p.onCancel });
  return (
    <div class="stack amount">
      <div class="stack amount-says">
        <h1>{t(titles[p.asks])}</h1>
        {p.terms && <p>{t("amountRule", { rule: `${p.terms.title}: ${ruleText(ruleOf(p.terms, currency))}` })}</p>}
        <output class="amount-shown" aria-live="polite">
          {money(amount, currency)}
        </output>
        {refused && (
          <p class="field-error" role="alert">
            {t(refusals[refused], { n: currency.exponent, currency: currency.letters })}
          </p>
        )}
        {low && p.terms && (
          <p class="field-error" role="status">
            {t("amountBelow", { value: money(p.terms.minSpend, currency) })}
          </p>
        )}
        {lost > 0n && (
          <p class="soft small" role="status" data-lost>
            {t("amountLost", { value: money(lost, currency) })}
          </p>
        )}
      </div>
      <div class="keys">
        {keys.map((k) => (
          <button key={k} type="button" class="btn" onClick={() => keyed.press(k)}>
            {k}
          </button>
        ))}
        <button type="button" class="btn" onClick={keyed.back} aria-label={t("keyBack")}>
          ⌫
        </button>
      </div>
      <div class="stack amount-acts">
        <Button kind="main" wide disabled={amount === 0n} onClick={ok}>
          {t("amountOk")}
        </Button>
        {enough !== undefined && (
          <Button wide onClick={() => p.onBill({ amount: enough, exact: false })}>
            {t("amountAtLeast", { value: money(enough, currency) })}
          </Button>
        )}
        {p.children}
        <Button kind="plain" onClick={p.onCancel}>
          {kit("cancel")}
        </Button>
      </div>
    </div>
  );
}
