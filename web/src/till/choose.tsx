/**
 * What a customer who scans the till is going to use. Most coupons go with any bill; those that give
 * an item, or are for certain goods, must be named by the bill, so the cashier chooses them first.
 */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ruleText } from "../kit/coupon.tsx";
import { ruleOf } from "../kit/terms.ts";
import { t as kit } from "../kit/text.ts";
import { Button, Field, Loading, Notice, useLoad } from "../kit/ui.tsx";
import { useTill } from "./context.ts";
import type { Wanted } from "./model.ts";
import { t } from "./text.ts";

/** any is a bill for every coupon that needs not be named. */
export const any: Wanted = { campaign: 0, terms: undefined };

const fewToSearch = 8;

export function Choose(p: { onChosen: (w: Wanted) => void; onCancel: () => void }): JSX.Element {
  const till = useTill();
  const [wanted, setWanted] = useState("");
  const found = useLoad(() => till.named(), [till]);
  const none = found.value?.length === 0;
  useEffect(() => {
    // Where no coupon must be named there is nothing to ask.
    if (none) p.onChosen(any);
  }, [none]);
  if (!found.value && found.error === undefined) return <Loading />;
  const matching = (found.value ?? []).filter((w) =>
    w.terms?.title.toLowerCase().includes(wanted.trim().toLowerCase()),
  );
  return (
    <div class="stack choose">
      <h1>{t("chooseTitle")}</h1>
      <Button kind="main" wide onClick={() => p.onChosen(any)}>
        {t("chooseAny")}
      </Button>
      {found.error !== undefined && (
        <Notice kind="bad" live>
          <p>{t("chooseAway")}</p>
        </Notice>
      )}
      {matching.length + wanted.length > 0 && <p>{t("chooseNamed")}</p>}
      {(found.value?.length ?? 0) > fewToSearch && (
        <Field label={t("chooseSearch")} type="search" value={wanted} onInput={setWanted} />
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
