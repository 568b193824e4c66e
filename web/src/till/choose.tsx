/**
 * What a customer who scans the till is going to use. Most coupons go with any bill; those that give
 * an item, or are for certain goods, must be named by the bill, so the cashier chooses them here.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ruleText } from "../kit/coupon.tsx";
import { ruleOf } from "../kit/terms.ts";
import { t as kit } from "../kit/text.ts";
import { Button, Field, useLoad } from "../kit/ui.tsx";
import { Amount, asksOf, type Bill } from "./amount.tsx";
import { useTill } from "./context.ts";
import type { Wanted } from "./model.ts";
import { t } from "./text.ts";

/** any is a bill for every coupon that needs not be named. */
export const any: Wanted = { campaign: 0, terms: undefined };

const fewToSearch = 8;

function Choose(p: { named: readonly Wanted[]; onChosen: (w: Wanted) => void; onCancel: () => void }): JSX.Element {
  const till = useTill();
  const [search, setSearch] = useState("");
  const matching = p.named.filter((w) => w.terms?.title.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <div class="stack choose">
      <h1>{t("chooseTitle")}</h1>
      {p.named.length > fewToSearch && (
        <Field label={t("chooseSearch")} type="search" value={search} onInput={setSearch} />
      )}
      {matching.map((w) => (
        <Button key={w.campaign} wide onClick={() => p.onChosen(w)}>
          <span>
            {w.terms?.title}
            {w.terms && (
              <span class="soft small choose-rule">
                {ruleText(ruleOf(w.terms, till.link.currency(w.terms.currency)))}
              </span>
            )}
          </span>
        </Button>
      ))}
      <Button kind="plain" onClick={p.onCancel}>
        {kit("cancel")}
      </Button>
    </div>
  );
}

/** BillPage asks for the bill of a code that a customer will scan, and on request for the coupon that it is to name. */
export function BillPage(p: {
  scans: number;
  onBill: (wanted: Wanted, bill: Bill) => void;
  onCancel: () => void;
}): JSX.Element {
  const till = useTill();
  const [wanted, setWanted] = useState(any);
  const [choosing, setChoosing] = useState(false);
  const named = useLoad(() => till.named(), [till]).value ?? [];
  if (choosing) {
    const chosen = (w: Wanted) => {
      setWanted(w);
      setChoosing(false);
    };
    return <Choose named={named} onChosen={chosen} onCancel={() => setChoosing(false)} />;
  }
  return (
    <Amount
      key={wanted.campaign}
      {...(wanted.terms ? { terms: wanted.terms, asks: asksOf(wanted.terms) } : { asks: "bill" })}
      scans={p.scans}
      onCancel={p.onCancel}
      onBill={(bill) => p.onBill(wanted, bill)}
    >
      {named.length > 0 && (
        <Button wide onClick={() => (wanted === any ? setChoosing(true) : setWanted(any))}>
          {wanted === any ? t("chooseNamed") : t("chooseAny")}
        </Button>
      )}
    </Amount>
  );
}
