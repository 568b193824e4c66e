/** The counter: whatever comes in, one scan, one final answer. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { OutcomeUnknown } from "@scrip/sdk/client";
import { codeOf } from "../kit/refusal/refusal.ts";
import { CameraScanner, useWedge } from "../kit/scan/scan.tsx";
import { Button, Field } from "../kit/ui.tsx";
import { Away } from "./away.tsx";
import { useTill } from "./context.ts";
import { Amount, type Bill } from "./amount.tsx";
import { Invoice } from "./invoice.tsx";
import type { Asked, Sale } from "./model.ts";
import { Result, type Outcome } from "./result.tsx";
import { Today } from "./today.tsx";
import { t } from "./text.ts";

type Step =
  | { kind: "ready" }
  | { kind: "busy"; startMs: number }
  | { kind: "amount"; asked: Asked; startMs: number }
  | { kind: "bill" }
  | { kind: "invoice"; bill: bigint }
  | { kind: "result"; outcome: Outcome };

const refused = (code: string, startMs: number): Outcome => ({ kind: "refused", code, tookMs: Date.now() - startMs });

/** outcomeOf is what the till shows of a sale. */
function outcomeOf(sale: Sale): Outcome {
  switch (sale.state) {
    case "accepted":
      return { kind: "accepted", sale };
    case "refused":
      return { kind: "refused", code: sale.code, tookMs: sale.tookMs };
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
  const track = async ({ sale, done }: { sale: Sale; done: Promise<Sale> }, startMs: number) => {
    const mine = ++attempt.current;
    show(outcomeOf(sale));
    const current = (o: Outcome) => {
      if (attempt.current === mine) show(o);
    };
    try {
      current(outcomeOf(await done));
    } catch (e) {
      if (!(e instanceof OutcomeUnknown)) current(refused(codeOf(e), startMs));
    }
  };

  const take = async (asked: Asked, bill: Bill, startMs: number) =>
    track(await till.take(asked, bill.amount, startMs, bill.exact), startMs);

  /** resume shows what was open when the page was closed. */
  const resume = () => {
    const open = till.resume();
    if (open) void track(open, open.sale.atMs);
  };

  const read = async (text: string) => {
    const startMs = Date.now();
    const answering = step.kind === "invoice";
    const mine = ++attempt.current;
    const isMine = () => attempt.current === mine;
    setStep({ kind: "busy", startMs });
    const finish = (o: Outcome) => {
      if (isMine()) show(o);
    };
    try {
      const found = await till.ready(text, isMine);
      if (found.kind === "asked") return isMine() && setStep({ kind: "amount", asked: found, startMs });
      if (found.kind === "bad") return finish(refused(found.code, startMs));
      finish({ kind: "waiting", sinceMs: startMs });
      return finish(outcomeOf(await till.answer(found.auth, startMs)));
    } catch (e) {
      if (answering && e instanceof OutcomeUnknown) return undefined; // the stream of events brings it
      return finish(refused(codeOf(e), startMs));
    }
  };

  const next = () => {
    attempt.current++;
    setStep({ kind: "ready" });
  };
  return { step, setStep, take, resume, read, next, show };
}

function Ready(p: { onText: (text: string) => void; onCustomer: () => void }): JSX.Element {
  const [typed, setTyped] = useState("");
  return (
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
      <Today />
    </div>
  );
}

export function Counter(): JSX.Element {
  const till = useTill();
  const { step, setStep, take, resume, read, next, show } = useCounter();
  useWedge((text) => {
    if (step.kind !== "busy" && !(step.kind === "result" && step.outcome.kind === "waiting")) void read(text);
  });
  const present = useRef(step);
  present.current = step;
  useEffect(() => {
    const stop = new AbortController();
    resume();
    const follow = (): Promise<void> =>
      till.follow(stop.signal, (sale) => {
        if (present.current.kind === "invoice" || present.current.kind === "busy") show({ kind: "accepted", sale });
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
          item={step.asked.item}
          onCancel={next}
          onBill={(bill) => void take(step.asked, bill, Date.now())}
        />
      );
    case "bill":
      return <Amount onCancel={next} onBill={(bill) => setStep({ kind: "invoice", bill: bill.amount })} />;
    case "invoice":
      return <Invoice bill={step.bill} onCancel={next} />;
    default:
      return <Ready onText={(text) => void read(text)} onCustomer={() => setStep({ kind: "bill" })} />;
  }
}
