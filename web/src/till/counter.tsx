/** The counter: whatever comes in, one scan, one final answer. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { codeOf } from "../kit/refusal/refusal.ts";
import { CameraScanner, useWedge } from "../kit/scan/scan.tsx";
import { isCode, readScan } from "../kit/scan/wedge.ts";
import { money } from "../kit/format.ts";
import { Button, Field, toast } from "../kit/ui.tsx";
import { Away } from "./away.tsx";
import { useTill } from "./context.ts";
import { Amount, asksOf, type Bill } from "./amount.tsx";
import type { OpenBill } from "./bills.ts";
import { any, BillPage } from "./choose.tsx";
import { Invoice } from "./invoice.tsx";
import type { Asked, Wanted } from "./model.ts";
import { Result, type Outcome } from "./result.tsx";
import type { About, Sale } from "./sales.ts";
import { Today } from "./today.tsx";
import { t } from "./text.ts";

type Step =
  | { kind: "ready" }
  | { kind: "busy"; startMs: number }
  | { kind: "amount"; asked: Asked; startMs: number; scans: number }
  | { kind: "bill"; scans: number }
  | { kind: "invoice"; wanted: Wanted; amount: bigint; made?: OpenBill }
  | { kind: "result"; outcome: Outcome };

/** From key to key a person takes longer, and a scanner less. */
const personMs = 60;

/** For how long a bill that is over is shown again when the page is opened anew. */
const lateMs = 120_000;

const refused = (code: string, startMs: number, about?: About): Outcome => ({
  kind: "refused",
  code,
  about,
  tookMs: Date.now() - startMs,
});

/** outcomeOf is what the till shows of a sale. */
function outcomeOf(sale: Sale): Outcome {
  switch (sale.state) {
    case "accepted":
      return { kind: "accepted", sale };
    case "refused":
      return { kind: "refused", code: sale.code, about: sale.about, tookMs: sale.tookMs };
    default:
      return { kind: "waiting", sinceMs: sale.atMs };
  }
}

/** useCounter is the way from a scanned text to a result. */
function useCounter() {
  const till = useTill();
  const [step, setStep] = useState<Step>({ kind: "ready" });
  const attempt = useRef(0);
  const show = (outcome: Outcome) => setStep({ kind: "result", outcome });

  /** track shows an attempt until its outcome; a cashier who goes on meanwhile finds it in the list. */
  const track = async ({ sale, done }: { sale: Sale; done: Promise<Sale> }) => {
    const mine = ++attempt.current;
    show(outcomeOf(sale));
    const ended = await done.catch(() => undefined); // while it is open, the list shows it
    if (ended && attempt.current === mine) show(outcomeOf(ended));
  };

  const take = async (asked: Asked, bill: Bill, startMs: number) => {
    try {
      await track(await till.take(asked, bill.amount, startMs, bill.exact));
    } catch (e) {
      show(refused(codeOf(e), startMs)); // it was not kept, so it was not handed in
    }
  };

  /** resume shows what was open when the page was closed: an attempt, or a bill that a customer may answer. */
  const resume = () => {
    const open = till.resume();
    const made = till.bills.shown;
    if (open) void track(open);
    else if (made && till.link.nowMs() < made.expiresMs + lateMs) {
      setStep({ kind: "invoice", wanted: any, amount: made.amount, made });
    } else if (made) void till.bills.keep({ ...made, shown: false });
  };

  const read = async (text: string) => {
    const startMs = Date.now();
    const mine = ++attempt.current;
    const isMine = () => attempt.current === mine;
    setStep({ kind: "busy", startMs });
    try {
      const found = await till.ready(text, isMine);
      if (!isMine()) return undefined;
      if (found.kind === "bad") return show(refused(found.code, startMs, found.about));
      if (found.kind === "asked") return setStep({ kind: "amount", asked: found, startMs, scans: 0 });
      return await track(await till.answer(found, startMs));
    } catch (e) {
      return isMine() ? show(refused(codeOf(e), startMs)) : undefined;
    }
  };

  /** scanned takes a scan wherever it comes: what is no code ends no question and no bill. */
  const scanned = (text: string, keyMs: number): boolean => {
    if (step.kind === "busy" || (step.kind === "result" && step.outcome.kind === "waiting")) return true;
    const asking = step.kind === "amount" || step.kind === "bill" || step.kind === "invoice";
    if (!asking || isCode(text) || readScan(text) === undefined) void read(text);
    else if (keyMs > personMs) return false;
    else if (step.kind === "invoice") toast(t("scanNone"));
    else setStep({ ...step, scans: step.scans + 1 });
    return true;
  };

  const next = () => {
    attempt.current++;
    setStep({ kind: "ready" });
  };
  return { step, setStep, take, resume, read, scanned, next, show };
}

function Ready(p: { onText: (text: string) => void; onCustomer: () => void }): JSX.Element {
  const [typed, setTyped] = useState("");
  return (
    <div class="counter">
      <div class="stack">
        <h1 class="prompt">{t("scanPrompt")}</h1>
        <Away />
        {isSecureContext ? <CameraScanner onText={p.onText} /> : <p class="soft">{t("plainHttp")}</p>}
        <p class="soft small">{t("scanKeys")}</p>
        <form
          class="row typed-row"
          onSubmit={(e) => {
            e.preventDefault();
            if (typed.trim() === "") return;
            p.onText(typed);
            setTyped("");
          }}
        >
          <div class="grow">
            <Field label={t("codeField")} value={typed} onInput={setTyped} mono maxLength={512} />
          </div>
          <Button type="submit">{t("codeAct")}</Button>
        </form>
        <Button wide onClick={p.onCustomer}>
          {t("customerScans")}
        </Button>
      </div>
      <Today />
    </div>
  );
}

export function Counter(): JSX.Element {
  const till = useTill();
  const { step, setStep, take, resume, read, scanned, next, show } = useCounter();
  useWedge(scanned);
  const present = useRef(step);
  present.current = step;
  useEffect(() => {
    const stop = new AbortController();
    resume();
    const follow = (): Promise<void> =>
      till.follow(stop.signal, (sale) => {
        // The cashier who is not in the middle of another sale sees it at once.
        if (["invoice", "busy", "ready"].includes(present.current.kind)) show({ kind: "accepted", sale });
        else toast(`${sale.title}: ${t("acceptedOff", { value: money(sale.value, till.currency) })}`);
      });
    const again = () => {
      follow().catch(() => {
        if (!stop.signal.aborted) setTimeout(again, 2000);
      });
    };
    again();
    return () => stop.abort();
  }, [till]);
  switch (step.kind) {
    case "busy":
      return <Result outcome={{ kind: "waiting", sinceMs: step.startMs }} onNext={next} />;
    case "result":
      return <Result outcome={step.outcome} onNext={next} />;
    case "amount":
      return (
        <Amount
          terms={step.asked.terms}
          asks={asksOf(step.asked.terms)}
          scans={step.scans}
          onCancel={next}
          onBill={(bill) => void take(step.asked, bill, Date.now())}
        />
      );
    case "bill":
      return (
        <BillPage
          scans={step.scans}
          onCancel={next}
          onBill={(wanted, bill) => setStep({ kind: "invoice", wanted, amount: bill.amount })}
        />
      );
    case "invoice":
      return (
        <Invoice
          wanted={step.wanted}
          amount={step.amount}
          {...(step.made ? { made: step.made } : {})}
          onCancel={next}
        />
      );
    default:
      return <Ready onText={(text) => void read(text)} onCustomer={() => setStep({ kind: "bill", scans: 0 })} />;
  }
}
