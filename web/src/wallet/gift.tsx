/** Giving a coupon away by link, and taking it back while nobody has accepted. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { campaignOf } from "@scrip/sdk/transactions";
import { lastMoment } from "../kit/format.ts";
import { Qr } from "../kit/qr.tsx";
import { failureOf } from "../kit/refusal/refusal.ts";
import { t as kit } from "../kit/text.ts";
import { Button, Copyable, Failure, LinkButton, Notice, Segments } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { NotHere, useSlip } from "./coupon.tsx";
import { PrintButton } from "./paper.tsx";
import type { Slip } from "./purse.ts";
import { SlipCard } from "./slip.tsx";
import { t } from "./text.ts";

const choices = ["1", "7", "30"] as const;
const followMs = 3000;

function Offer(p: { slip: Slip }): JSX.Element {
  const session = useSession();
  const [days, setDays] = useState<(typeof choices)[number]>("7");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const offer = () => {
    setBusy(true);
    setError(undefined);
    session
      .offer(p.slip, Number(days))
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <div class="stack">
      <h1>{t("giftTitle")}</h1>
      <SlipCard slip={p.slip} />
      <p>{t("giftText")}</p>
      <div class="field">
        <span class="field-label">{t("giftHowLong")}</span>
        <Segments
          label={t("giftHowLong")}
          value={days}
          onChange={setDays}
          options={choices.map((v) => ({ value: v, text: t("giftDays", { n: Number(v) }) }))}
        />
      </div>
      {error !== undefined && <Failure {...failureOf(error)} />}
      <Button kind="main" wide busy={busy} onClick={offer}>
        {busy ? t("giftBusy") : t("giftAct")}
      </Button>
      <LinkButton kind="plain" href={`#/coupon/${p.slip.id}`}>
        {kit("cancel")}
      </LinkButton>
    </div>
  );
}

function Waiting(p: { slip: Slip; fragment: string; untilMs: number }): JSX.Element {
  const session = useSession();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const link = `${location.origin}/g/${campaignOf(p.slip.id)}#${p.fragment}`;
  useEffect(() => {
    const timer = setInterval(() => void session.refresh(p.slip.id).catch(() => undefined), followMs);
    return () => clearInterval(timer);
  }, [p.slip.id]);
  const share = () =>
    void navigator.share({ url: link, text: t("giftShareText", { title: p.slip.title }) }).catch(() => undefined);
  const takeBack = () => {
    setBusy(true);
    setError(undefined);
    session
      .takeBack(p.slip)
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <div class="stack">
      <h1 class="no-print">{t("giftReady")}</h1>
      <SlipCard slip={p.slip} />
      <p class="no-print">{t("giftReadyText", { date: lastMoment(p.untilMs) })}</p>
      {"share" in navigator ? (
        <Button kind="main" wide onClick={share}>
          {kit("share")}
        </Button>
      ) : null}
      <div class="no-print">
        <Copyable text={link} label={t("giftLink")} />
      </div>
      <Qr text={link} what={t("giftLink")} />
      <p class="paper">{t("paperGift", { date: lastMoment(p.untilMs) })}</p>
      {error !== undefined && <Failure {...failureOf(error)} />}
      <Button busy={busy} onClick={takeBack}>
        {busy ? t("giftTakingBack") : t("giftTakeBack")}
      </Button>
      <PrintButton />
      <LinkButton kind="plain" href="#/">
        {t("back")}
      </LinkButton>
    </div>
  );
}

export function GiftPage(p: { id: bigint }): JSX.Element {
  const slip = useSlip(p.id);
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    if (slip?.state === "offered") setOffered(true);
  }, [slip?.state]);
  if (!slip) return <NotHere />;
  if (slip.state === "offered" && slip.gift) {
    return <Waiting slip={slip} fragment={slip.gift.fragment} untilMs={slip.gift.untilMs} />;
  }
  if (offered) {
    return (
      <div class="stack">
        <Notice kind="good" level={1} title={slip.state === "given" ? t("giftAccepted") : t("giftTakenBack")} live />
        <SlipCard slip={slip} />
        <LinkButton kind="main" wide href="#/">
          {t("back")}
        </LinkButton>
      </div>
    );
  }
  return slip.state === "usable" || slip.state === "early" ? <Offer slip={slip} /> : <NotHere />;
}
