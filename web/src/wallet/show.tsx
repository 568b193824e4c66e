/** A code to be scanned: signed on this device, new every half minute, also without a network. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { campaignOf } from "@scrip/sdk/transactions";
import { payloadText } from "@scrip/sdk/links";
import { showRenewMs } from "@scrip/sdk/actions";
import { money, number, span } from "../kit/format.ts";
import { Qr } from "../kit/qr.tsx";
import { Button, LinkButton, Loading, useNow } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { canShow, NotHere, useSlip } from "./coupon.tsx";
import type { Session } from "./model.ts";
import type { Slip } from "./purse.ts";
import { SlipCard } from "./slip.tsx";
import { t } from "./text.ts";

const typedLifeMs = 115_000;
const typedRenewMs = 75_000;
const pollMs = 2000;

/** useWakeLock keeps the screen on while the code is held up, where the browser can. */
function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | undefined;
    let gone = false;
    navigator.wakeLock?.request("screen").then(
      (l) => {
        if (gone) void l.release();
        else lock = l;
      },
      () => undefined,
    );
    return () => {
      gone = true;
      void lock?.release();
    };
  }, []);
}

/** useFollow refreshes the slip as soon as the ledger has changed the coupon. */
function useFollow(session: Session, id: bigint): void {
  useEffect(() => {
    const stop = new AbortController();
    const refresh = () => session.refresh(id).catch(() => undefined);
    void (async () => {
      const first = await refresh();
      const from = { height: Math.max(first?.height ?? 0, session.link.client.floor) + 1, tx: 0, index: 0 };
      for await (const _ of session.link.client.events(from, { coupon: id }, { signal: stop.signal })) await refresh();
    })().catch(() => undefined);
    // The stream is the fast way; asking now and then is the sure one.
    const timer = setInterval(() => void refresh(), pollMs);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [id]);
}

/** Ring counts down to the next code. */
function Ring(p: { left: number; of: number }): JSX.Element {
  const around = 2 * Math.PI * 9;
  return (
    <svg class="ring" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="9" class="ring-track" />
      <circle
        cx="12"
        cy="12"
        r="9"
        class="ring-left"
        stroke-dasharray={around}
        stroke-dashoffset={around * (1 - p.left / p.of)}
      />
    </svg>
  );
}

/** TypedCode is what is read out when nothing scans: a short code that leads to the signed one. */
function TypedCode(p: { slip: Slip }): JSX.Element {
  const session = useSession();
  const [open, setOpen] = useState(false);
  const [code, setCode] = useState<string>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!open) return undefined;
    let gone = false;
    let timer = 0;
    const renew = async () => {
      const made = await session.shortCode(session.showCode(p.slip, typedLifeMs)).catch(() => undefined);
      if (gone) return;
      setFailed(!made);
      if (made) setCode(made.code);
      timer = window.setTimeout(() => void renew(), made ? typedRenewMs : pollMs);
    };
    void renew();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [open, p.slip.seq]);
  if (!open)
    return (
      <Button kind="plain" onClick={() => setOpen(true)}>
        {t("codeTyped")}
      </Button>
    );
  return (
    <div class="typed">
      {code && (
        <div role="status">
          <p class="small">{t("codeTypedSay")}</p>
          <p class="typed-code mono" data-short-code>
            {code}
          </p>
        </div>
      )}
      {failed && <p role="alert">{t("codeTypedFails")}</p>}
      {!code && !failed && <Loading />}
    </div>
  );
}

function Used(p: { slip: Slip }): JSX.Element {
  const session = useSession();
  const use = p.slip.uses[0];
  const terms = session.terms.value.get(campaignOf(p.slip.id));
  const currency = terms && session.link.currency(terms.currency);
  return (
    <div class="stack" role="status">
      <h1>{t("codeDone")}</h1>
      {use && currency && (
        <p class="used-value">{t("codeDoneAt", { value: money(use.value, currency), shop: use.shop })}</p>
      )}
      <p class="soft">{t("codeDoneText")}</p>
      <SlipCard slip={p.slip} fresh />
      {p.slip.state === "usable" && <p>{t("codeAgain", { n: p.slip.usesLeft })}</p>}
      <LinkButton kind="main" wide href="#/">
        {t("back")}
      </LinkButton>
    </div>
  );
}

/** Code draws the code and renews it. */
function Code(p: { slip: Slip }): JSX.Element {
  const session = useSession();
  const { slip } = p;
  const now = useNow(1000);
  const [made, setMade] = useState(Date.now);
  useEffect(() => {
    if (now - made >= showRenewMs) setMade(now);
  }, [now]);
  const text = useMemo(
    () => payloadText(session.link.chain, session.showCode(slip)),
    [made, slip.seq, slip.valueLeft, session.link.skew.value],
  );
  const left = Math.max(0, Math.ceil((showRenewMs - (now - made)) / 1000));
  const terms = session.terms.value.get(campaignOf(slip.id));
  const currency = terms && session.link.currency(terms.currency);
  return (
    <div class="show">
      <div class="show-inner stack">
        <h1>{t("codeHold")}</h1>
        <Qr text={text} what={t("codeFor", { title: slip.title })} />
        <p class="row show-facts">
          <Ring left={left} of={showRenewMs / 1000} />
          <span>{t("codeRenews", { n: number(left) })}</span>
        </p>
        <p class="strong">
          {slip.title}
          {currency && <> · {t("codeAtMost", { value: money(session.showValue(slip), currency) })}</>}
        </p>
        {!navigator.onLine && <p>{t("codeOffline")}</p>}
        {session.link.skew.value !== 0 && (
          <p class="small">{t("clockOff", { span: span(Math.abs(session.link.skew.value)) })}</p>
        )}
        <TypedCode slip={slip} />
        <LinkButton href={`#/coupon/${slip.id}`}>{t("back")}</LinkButton>
      </div>
    </div>
  );
}

export function ShowPage(p: { id: bigint }): JSX.Element {
  const session = useSession();
  const slip = useSlip(p.id);
  const usesBefore = useRef<number | undefined>(undefined);
  useWakeLock();
  useFollow(session, p.id);
  if (!slip) return <NotHere />;
  usesBefore.current ??= slip.uses.length;
  if (slip.uses.length > usesBefore.current || slip.state === "redeemed") return <Used slip={slip} />;
  if (slip.state !== "usable" || !canShow(session, slip)) return <NotHere />;
  return <Code slip={slip} />;
}
