/** What a ticket, a poster or a gift link leads to: a look at the coupon, and one tap. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ProvenCampaign } from "@scrip/sdk/client";
import { NotFound } from "@scrip/sdk/client";
import { campaignOf, couponId, serialOf } from "@scrip/sdk/transactions";
import { giftSigner, type GiftPayload, type TicketPayload } from "@scrip/sdk/links";
import { equal } from "@scrip/sdk/bytes";
import { VerifiedBadge } from "../kit/badge.tsx";
import { Coupon } from "../kit/coupon.tsx";
import { firstMoment, lastMoment } from "../kit/format.ts";
import { failureOf, textOf } from "../kit/refusal/refusal.ts";
import { go } from "../kit/router.ts";
import { toContent } from "../kit/shell.tsx";
import { useShop } from "../kit/shop/shops.ts";
import { fromOf, ruleOf } from "../kit/terms.ts";
import { Button, Failure, Loading, Notice, useLoad, type FailureText, type Loaded } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { Facts } from "./coupon.tsx";
import { Wording } from "./parts.ts";
import { DeskRefusal, isOpen } from "./model.ts";
import type { Slip } from "./purse.ts";
import { SlipCard } from "./slip.tsx";
import { t } from "./text.ts";

/** A desk is not asked more often than this. */
const deskLeastS = 3;

/** explain says why a claim did not work; a desk has reasons of its own. */
function explain(error: unknown): FailureText {
  if (!(error instanceof DeskRefusal)) return failureOf(error);
  if (error.kind === "refused") return { title: t("deskRefused") };
  const detail = t("deskAgain", { n: Math.max(deskLeastS, error.retryS) });
  return { title: t(error.kind === "busy" ? "deskBusy" : "deskAway"), detail };
}

/** Preview is the coupon before it is anybody's. */
function Preview(p: { campaign: ProvenCampaign; issuer: string; serial?: number | undefined }): JSX.Element {
  const session = useSession();
  const { terms } = p.campaign;
  const look = useShop(session.link, terms.issuer);
  return (
    <Coupon
      issuer={p.issuer}
      title={terms.title}
      rule={ruleOf(terms, session.link.currency(terms.currency))}
      campaign={p.campaign.number}
      serial={p.serial}
      fromMs={fromOf(terms, session.link.nowMs())}
      untilMs={terms.redeemUntil}
      usesLeft={terms.uses}
      specimen={session.link.demo}
      look={look}
    />
  );
}

/** obstacle says why nothing can be claimed from a campaign now. */
function obstacle(c: ProvenCampaign, nowMs: number): string | undefined {
  if (c.standing === "PAUSED") return t("claimPaused");
  if (c.standing === "EXHAUSTED") return t("claimGone");
  if (c.standing !== "PUBLISHED" || nowMs >= c.terms.claimUntil) return t("claimOver");
  return nowMs < c.terms.claimFrom ? t("claimNotYet", { date: firstMoment(c.terms.claimFrom) }) : undefined;
}

function Yours(p: { slip: Slip }): JSX.Element {
  useEffect(toContent, []); // the button that was pressed is gone
  return (
    <div class="stack">
      <Notice kind="good" level={1} title={t("claimDone")} live>
        <p>{t("claimDoneText")}</p>
      </Notice>
      <SlipCard slip={p.slip} />
      <VerifiedBadge proof={p.slip.proof} />
      <Button
        kind="main"
        wide
        onClick={() => {
          location.hash = `#/coupon/${p.slip.id}`;
        }}
      >
        {t("open")}
      </Button>
    </div>
  );
}

const slowMs = 4000;
const followMs = 3000;

/** useSlow tells that something has been under way for longer than people take for granted. */
function useSlow(busy: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!busy) return setSlow(false);
    const id = setTimeout(() => setSlow(true), slowMs);
    return () => clearTimeout(id);
  }, [busy]);
  return slow;
}

/** useOutcome follows a claim whose outcome the network has not said yet, until it is ours or did not become so. */
function useOutcome(campaign: number, serial: number | undefined, tapped: boolean): Slip | undefined {
  const session = useSession();
  const waits = (s: Slip) =>
    s.state === "pending" && campaignOf(s.id) === campaign && (serial === undefined || serialOf(s.id) === serial);
  const [id, setId] = useState<bigint>();
  const waiting = tapped ? session.slips.value.find(waits) : undefined;
  useEffect(() => {
    if (!waiting) return undefined;
    setId(waiting.id);
    const timer = setInterval(() => void session.refresh(waiting.id).catch(() => undefined), followMs);
    return () => clearInterval(timer);
  }, [waiting?.id]);
  return waiting ?? session.slips.value.find((s) => s.id === id);
}

/** OneTap is a look, the tap, and what came of it. */
function OneTap(p: {
  title: string;
  act: string;
  busy: string;
  campaign: number;
  serial?: number | undefined;
  /** What has to be known before the tap. */
  first: Loaded<unknown>;
  blocked?: string | undefined;
  run: () => Promise<Slip>;
  children?: ComponentChildren;
}): JSX.Element {
  const session = useSession();
  const look = useLoad(async () => {
    const campaign = await session.link.campaign(p.campaign);
    return { campaign, issuer: await session.link.member(campaign.issuer) };
  }, [p.campaign]);
  const [busy, setBusy] = useState(false);
  const [slip, setSlip] = useState<Slip>();
  const [error, setError] = useState<unknown>();
  const slow = useSlow(busy);
  const followed = useOutcome(p.campaign, p.serial, error !== undefined);
  const run = () => {
    setBusy(true);
    setError(undefined);
    p.run()
      .then(setSlip, setError)
      .finally(() => setBusy(false));
  };
  useEffect(() => {
    if (!(error instanceof DeskRefusal) || error.kind === "refused") return undefined;
    const timer = setTimeout(run, 1000 * Math.max(deskLeastS, error.retryS));
    return () => clearTimeout(timer);
  }, [error]);
  if (slip) return <Yours slip={slip} />;
  if (followed && isOpen(followed) && followed.state !== "pending") return <Yours slip={followed} />;
  const failed = [look, p.first].find((x) => x.error !== undefined && !x.value);
  if (failed) {
    const again = () => {
      look.reload();
      p.first.reload();
    };
    const none = failed.error instanceof NotFound;
    return (
      <Failure
        level={1}
        {...(none ? textOf("E301") : failureOf(failed.error))}
        onRetry={again}
        busy={look.busy || p.first.busy}
      />
    );
  }
  if (!look.value || !p.first.value) return <Loading what={t("claimLoading")} />;
  const { campaign, issuer } = look.value;
  const blocked = p.blocked;
  const onItsWay = followed?.state === "pending" || slow;
  return (
    <div class="stack">
      <h1>{p.title}</h1>
      <Preview campaign={campaign} issuer={issuer} serial={p.serial} />
      {p.children}
      <Wording link={session.link} terms={campaign.terms} />
      {blocked && (
        <Notice kind="bad">
          <p>{blocked}</p>
        </Notice>
      )}
      {onItsWay ? (
        <Notice live>
          <p>{t("claimWaits")}</p>
        </Notice>
      ) : (
        error !== undefined && <Failure {...explain(error)} />
      )}
      {!blocked && followed?.state !== "pending" && (
        <Button kind="main" wide busy={busy} onClick={run}>
          {busy ? p.busy : p.act}
        </Button>
      )}
      {!blocked && <p class="soft small">{t("claimFree")}</p>}
      <Facts terms={campaign.terms} />
      <VerifiedBadge proof={session.link.proof(campaign.state)} />
      <Button kind="plain" onClick={() => go("/", true)}>
        {t("back")}
      </Button>
    </div>
  );
}

/** Claim is the page of a ticket. */
export function Claim(p: { ticket: TicketPayload }): JSX.Element {
  const session = useSession();
  const { ticket } = p;
  const id = couponId(ticket.campaign, ticket.serial);
  const look = useLoad(async () => {
    const [mine, campaign] = [await session.purse.slip(id), await session.link.campaign(ticket.campaign)];
    const taken = await session.link.client.coupon(id).then(
      () => true,
      (e: unknown) => {
        if (e instanceof NotFound) return false;
        throw e;
      },
    );
    return { mine, taken, campaign };
  }, [id]);
  const nowMs = session.link.nowMs();
  if (look.value?.mine && look.value.mine.state !== "pending") {
    return (
      <div class="stack">
        <Notice level={1} title={t("claimTakenHere")} />
        <SlipCard slip={look.value.mine} link />
      </div>
    );
  }
  const blocked =
    look.value &&
    (look.value.taken && !look.value.mine
      ? t("claimTaken")
      : nowMs >= ticket.expires
        ? t("claimExpired")
        : obstacle(look.value.campaign, nowMs));
  return (
    <OneTap
      title={t("claimTitle")}
      act={t("claimAct")}
      busy={t("claimBusy")}
      campaign={ticket.campaign}
      serial={ticket.serial}
      first={look}
      blocked={blocked}
      run={() => session.claim(ticket)}
    />
  );
}

const leftShownMax = 1000;

/** leftOf is how many of the coupons that were released nobody has claimed yet. */
export function leftOf(c: Pick<ProvenCampaign, "nextSerial" | "issued">): number {
  return Math.max(0, c.nextSerial - 1 - c.issued);
}

/** Poster is the page of a link that leads to a ticket desk. */
export function Poster(p: { campaign: number; desk: string | undefined }): JSX.Element {
  const session = useSession();
  const desks = p.desk ? [p.desk] : session.link.desks;
  const look = useLoad(() => session.link.campaign(p.campaign), [p.campaign]);
  const claim = async (): Promise<Slip> => {
    let last: unknown = new DeskRefusal("away", 0);
    for (const desk of desks) {
      try {
        return await session.claimAtDesk(p.campaign, desk);
      } catch (e) {
        last = e;
        if (!(e instanceof DeskRefusal)) throw e; // another desk would only give another ticket
      }
    }
    throw last;
  };
  const c = look.value;
  const left = c && leftOf(c);
  return (
    <OneTap
      title={t("claimTitle")}
      act={t("claimAct")}
      busy={t("claimBusy")}
      campaign={p.campaign}
      first={look}
      blocked={c && (obstacle(c, session.link.nowMs()) ?? (left === 0 ? t("claimNone") : undefined))}
      run={claim}
    >
      {left !== undefined && left > 0 && left <= leftShownMax && <p class="soft">{t("claimLeft", { n: left })}</p>}
    </OneTap>
  );
}

/** Accept is the page of a gift link. */
export function Accept(p: { gift: GiftPayload }): JSX.Element {
  const session = useSession();
  const { gift } = p;
  const look = useLoad(async () => {
    const c = await session.link.client.coupon(gift.coupon);
    const mine = await session.purse.slip(gift.coupon);
    const open =
      c.standing === "GIFTED" &&
      c.gift !== undefined &&
      equal(c.gift.key, giftSigner(session.link.chain, gift).key) &&
      session.link.nowMs() < c.gift.until;
    return { open, own: open && mine?.state === "offered", untilMs: c.gift?.until ?? 0 };
  }, [gift.coupon]);
  const blocked = look.value && (look.value.own ? t("acceptOwn") : look.value.open ? undefined : t("acceptGone"));
  return (
    <OneTap
      title={t("acceptTitle")}
      act={t("acceptAct")}
      busy={t("acceptBusy")}
      campaign={campaignOf(gift.coupon)}
      serial={Number(gift.coupon & 0xffffffffn)}
      first={look}
      blocked={blocked}
      run={() => session.accept(gift)}
    >
      {look.value?.open && <p class="soft">{t("acceptUntil", { date: lastMoment(look.value.untilMs) })}</p>}
    </OneTap>
  );
}
