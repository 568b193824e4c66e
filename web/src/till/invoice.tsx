/**
 * The code that a customer scans: a signed bill, good for two minutes. The till asks by itself whether a
 * coupon was used on it, and says that it is over only once none can be.
 */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { money, number } from "../kit/format.ts";
import { Qr } from "../kit/qr.tsx";
import { t as kit } from "../kit/text.ts";
import { Button, Failure, Loading, Notice, useLoad, useNow } from "../kit/ui.tsx";
import { failureOf } from "../kit/refusal/refusal.ts";
import { Away } from "./away.tsx";
import type { OpenBill } from "./bills.ts";
import { useTill } from "./context.ts";
import type { Wanted } from "./model.ts";
import { t } from "./text.ts";

const askMs = 1500;

/** useUnused asks, once a bill's time is over, until it is sure that no coupon was used on it. */
function useUnused(bill: OpenBill | undefined, over: boolean): boolean {
  const till = useTill();
  const [sure, setSure] = useState("");
  useEffect(() => {
    if (!bill || !over) return undefined;
    let gone = false;
    const ask = async () => {
      const unused = await till.unused(bill).catch(() => false);
      if (gone) return;
      if (unused) {
        await till.bills.close(bill.digest);
        setSure(bill.digest);
      } else setTimeout(() => void ask(), askMs);
    };
    void ask();
    return () => {
      gone = true;
    };
  }, [bill?.digest, over]);
  return bill !== undefined && sure === bill.digest;
}

export function Invoice(p: { wanted: Wanted; amount: bigint; made?: OpenBill; onCancel: () => void }): JSX.Element {
  const till = useTill();
  const [round, setRound] = useState(0);
  const made = useLoad(
    async () => (round === 0 && p.made ? p.made : till.bill(p.wanted, p.amount)),
    [p.amount, p.wanted, round],
  );
  useNow(1000); // draws anew
  const bill = made.value;
  const leftMs = bill ? bill.expiresMs - till.link.nowMs() : 0;
  const unused = useUnused(bill, leftMs <= 0);
  if (made.error !== undefined) return <Failure level={1} {...failureOf(made.error)} onRetry={made.reload} />;
  if (!bill) return <Loading />;
  const cancel = () => {
    if (till.bills.of(bill.digest)) void till.bills.keep({ ...bill, shown: false });
    p.onCancel();
  };
  const value = money(bill.amount, till.currency);
  return (
    <div class="stack invoice">
      <div class="stack invoice-says">
        <h1>{t("invoiceTitle")}</h1>
        {bill.title !== "" && <p class="strong">{t("invoiceFor", { title: bill.title })}</p>}
        <p>{t("invoiceText")}</p>
        <Away />
        <p class="amount-shown">{value}</p>
      </div>
      <div class="stack invoice-code">
        {leftMs > 0 && <Qr text={`${location.origin}/i#${bill.fragment}`} what={t("invoiceBill", { value })} />}
        {leftMs <= 0 && !unused && (
          <Notice live>
            <p>{t("invoiceAsking")}</p>
            <Loading />
          </Notice>
        )}
        {leftMs <= 0 && unused && (
          <Notice kind="bad" live>
            <p>{t("invoiceOver")}</p>
            {p.made === undefined && (
              <Button kind="main" onClick={() => setRound((n) => n + 1)}>
                {t("invoiceNew")}
              </Button>
            )}
          </Notice>
        )}
        {leftMs > 0 && <p class="soft">{t("invoiceLeft", { n: number(Math.ceil(leftMs / 1000)) })}</p>}
      </div>
      <Button onClick={cancel}>{kit("cancel")}</Button>
    </div>
  );
}
