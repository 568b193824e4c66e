/** Today's strip: count, sum, the last five, and undo behind the manager's PIN. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { campaignOf, serialOf } from "@scrip/sdk/transactions";
import { type Currency, date, dateTime, money, number, time } from "../kit/format.ts";
import { cashierText, failureOf } from "../kit/refusal/refusal.ts";
import { t as kit } from "../kit/text.ts";
import { Button, Check, Dialog, Failure, Field, toast, useNow } from "../kit/ui.tsx";
import { useTill } from "./context.ts";
import type { Day, Sale } from "./sales.ts";
import { SetPin } from "./pair.tsx";
import { Locked, openPin, pinSet } from "./pin.ts";
import { setSound, soundOn } from "./sound.ts";
import { t } from "./text.ts";

const shown = 5;
const states = {
  accepted: "stateAccepted",
  refused: "stateRefused",
  waiting: "stateWaiting",
  undone: "stateUndone",
} as const;

/** zone is the time zone of the device, whose day is counted. */
const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

function Undo(p: { sale: Sale; onClose: () => void }): JSX.Element {
  const till = useTill();
  const [pin, setPin] = useState("");
  const [fault, setFault] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const undo = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const manager = await openPin(till.link.store, pin);
      if (!manager) return setFault(t("pinWrong"));
      await till.undo(p.sale, manager);
      toast(t("undoDone"));
      return p.onClose();
    } catch (e) {
      return e instanceof Locked ? setFault(t("pinWait", { n: number(Math.ceil(e.waitMs / 1000)) })) : setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("undoTitle", { value: money(p.sale.value, till.currency) })}
      onClose={p.onClose}
      acts={
        <>
          <Button onClick={p.onClose}>{kit("cancel")}</Button>
          <Button kind="bad" busy={busy} onClick={() => void undo()}>
            {busy ? t("undoBusy") : t("undoAct")}
          </Button>
        </>
      }
    >
      <p>{t("undoText")}</p>
      <p class="soft small">{t("undoUntil", { date: dateTime(p.sale.finalAtMs) })}</p>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (!busy) void undo();
        }}
      >
        <Field
          label={t("undoPin")}
          type="password"
          inputMode="numeric"
          value={pin}
          maxLength={8}
          autoFocus
          onInput={(v) => {
            setPin(v);
            setFault("");
          }}
          error={fault || undefined}
        />
      </form>
      {error !== undefined && <Failure {...failureOf(error)} />}
    </Dialog>
  );
}

function Line(p: { sale: Sale; undone: boolean; canUndo: boolean; onUndo: () => void }): JSX.Element {
  const till = useTill();
  const { sale } = p;
  const word = sale.state === "refused" ? cashierText(sale.code).word : t(states[sale.state]);
  const given = money(-sale.value, till.currency);
  return (
    <li class="sale" data-sale={sale.state}>
      <span class="soft">{time(sale.atMs)}</span>
      <span class="grow">
        {sale.title}{" "}
        <span class="soft small">
          {campaignOf(sale.coupon)}-{serialOf(sale.coupon)}
        </span>
      </span>
      {sale.state === "undone" && <span class="soft">{word}</span>}
      <span class={sale.state === "refused" ? "bad" : p.undone || sale.state === "undone" ? "soft" : "strong"}>
        {sale.state === "accepted" ? money(sale.value, till.currency) : sale.state === "undone" ? given : word}
      </span>
      {p.canUndo && (
        <Button kind="plain" onClick={p.onUndo} label={`${t("undo")}: ${sale.title}`}>
          {t("undo")}
        </Button>
      )}
    </li>
  );
}

/** dayText is the day's count and sum, and what was undone. */
function dayText(day: Day, currency: Currency): string {
  if (day.count + day.undone === 0) return t("todayNone");
  const parts = [t("todayCount", { n: day.count })];
  if (day.undone > 0) parts.push(t("todayUndone", { n: day.undone }));
  return [...parts, t("todaySum", { value: money(day.sum, currency) })].join(" · ");
}

export function Today(): JSX.Element {
  const till = useTill();
  const now = useNow(30_000);
  const [undoing, setUndoing] = useState<Sale>();
  const [hasPin, setHasPin] = useState(false);
  const [setting, setSetting] = useState(false);
  const [loud, setLoud] = useState(soundOn());
  useEffect(() => {
    void pinSet(till.link.store).then(setHasPin);
  }, [setting]);
  const { all } = till.sales;
  const last = all.value.slice(0, shown);
  const day = till.sales.on(now);
  if (setting) return <SetPin onDone={() => setSetting(false)} />;
  return (
    <section class="today stack-s" aria-label={t("today")}>
      <h2>
        {t("today")} <span class="soft small today-zone">{t("todayZone", { date: date(now), zone: zone() })}</span>
      </h2>
      <p class="strong" data-today={day.count - day.undone}>
        {dayText(day, till.currency)}
      </p>
      {last.length > 0 && (
        <ul role="list" aria-label={t("lastFive")}>
          {last.map((s) => (
            <Line
              key={s.id}
              sale={s}
              onUndo={() => setUndoing(s)}
              undone={till.sales.of("undone", s.coupon, s.seq) !== undefined}
              canUndo={hasPin && till.sales.mayUndo(s, till.link.nowMs())}
            />
          ))}
        </ul>
      )}
      <div class="row apart small">
        <Check
          label={t("sound")}
          checked={loud}
          onChange={(on) => {
            setSound(on);
            setLoud(on);
          }}
        />
        {!hasPin && till.mayUndo() && (
          <Button kind="plain" onClick={() => setSetting(true)}>
            {t("pinTitle")}
          </Button>
        )}
      </div>
      {undoing && <Undo sale={undoing} onClose={() => setUndoing(undefined)} />}
    </section>
  );
}
