/** The code that a customer scans: a signed bill, good for two minutes. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { money, number } from "../kit/format.ts";
import { Qr } from "../kit/qr.tsx";
import { t as kit } from "../kit/text.ts";
import { Button, Loading, Notice, useLoad, useNow } from "../kit/ui.tsx";
import { useTill } from "./context.ts";
import { t } from "./text.ts";

export function Invoice(p: { bill: bigint; onCancel: () => void }): JSX.Element {
  const till = useTill();
  const [round, setRound] = useState(0);
  const made = useLoad(() => till.invoice(p.bill), [p.bill, round]);
  const now = useNow(1000);
  if (!made.value) return <Loading />;
  const leftMs = made.value.payload.invoice.expires - (now + till.link.skewMs);
  const link = `${location.origin}/i#${made.value.fragment}`;
  return (
    <div class="stack invoice">
      <h1>{t("invoiceTitle")}</h1>
      <p>{t("invoiceText")}</p>
      {leftMs > 0 ? (
        <Qr text={link} what={t("invoiceBill", { value: money(p.bill, till.currency) })} />
      ) : (
        <Notice kind="bad" live>
          <p>{t("invoiceOver")}</p>
          <Button kind="main" onClick={() => setRound((n) => n + 1)}>
            {t("invoiceNew")}
          </Button>
        </Notice>
      )}
      <p class="amount-shown">{money(p.bill, till.currency)}</p>
      {leftMs > 0 && <p class="soft">{t("invoiceLeft", { n: number(Math.ceil(leftMs / 1000)) })}</p>}
      <Button onClick={p.onCancel}>{kit("cancel")}</Button>
    </div>
  );
}
