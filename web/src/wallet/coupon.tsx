/** One coupon: what it gives, where, until when; its one action and its past. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { campaignOf, itemKind, serialOf, transfersUnlimited, type Terms } from "@scrip/sdk/transactions";
import { VerifiedBadge } from "../kit/badge.tsx";
import { ruleText } from "../kit/coupon.tsx";
import { ago, dateTime, firstMoment, lastMoment, money } from "../kit/format.ts";
import { cashierText, textOf } from "../kit/refusal/refusal.ts";
import { useShop } from "../kit/shop/shops.ts";
import { ruleOf } from "../kit/terms.ts";
import { LinkButton, Button, Empty, Failure, Notice, toast, useLoad, useNow } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { ShopFacts, Wording } from "./parts.ts";
import type { Session } from "./model.ts";
import { Paper, PrintButton } from "./paper.tsx";
import type { Slip } from "./purse.ts";
import { SlipCard, Stale } from "./slip.tsx";
import { t } from "./text.ts";

/** useSlip returns a coupon of the wallet as it is now. */
export function useSlip(id: bigint): Slip | undefined {
  return useSession().slips.value.find((s) => s.id === id);
}

export function NotHere(): JSX.Element {
  return (
    <Empty level={1} title={t("notHere")}>
      <LinkButton kind="main" href="#/">
        {t("back")}
      </LinkButton>
    </Empty>
  );
}

/** Shops names the places where terms are good. */
export function Shops(p: { terms: Terms }): JSX.Element {
  const session = useSession();
  const names = useLoad(() => session.link.shopNames(p.terms), [p.terms]);
  if (p.terms.shops.length === 0) return <>{t("whereAll")}</>;
  if (names.error !== undefined && !names.value) return <>{t("whereAway")}</>;
  if (!names.value) return <>…</>;
  const texts = names.value.map((s) => (s.store === 0 ? s.name : t("whereStores", s)));
  return <>{texts.join(", ")}</>;
}

/** Facts are the terms in plain words. */
export function Facts(p: { terms: Terms; slip?: Slip }): JSX.Element {
  const session = useSession();
  const { terms, slip } = p;
  const currency = session.link.currency(terms.currency);
  const left =
    terms.maxTransfers === transfersUnlimited ? t("giftableYes") : t("giftableTimes", { n: terms.maxTransfers });
  return (
    <dl class="pairs">
      <dt>{t("rule")}</dt>
      <dd>{ruleText(ruleOf(terms, currency), slip?.valueLeft)}</dd>
      <dt>{t("where")}</dt>
      <dd>
        <Shops terms={terms} />
      </dd>
      {terms.redeemFrom > session.link.nowMs() && (
        <>
          <dt>{t("from")}</dt>
          <dd>{firstMoment(terms.redeemFrom)}</dd>
        </>
      )}
      <dt>{t("ends")}</dt>
      <dd>{lastMoment(slip?.untilMs ?? terms.redeemUntil)}</dd>
      {terms.valueKind === "STORED" && slip && (
        <>
          <dt>{t("left")}</dt>
          <dd>{money(slip.valueLeft, currency)}</dd>
        </>
      )}
      <dt>{t("giftable")}</dt>
      <dd>{terms.transfer === "none" ? t("giftableNo") : left}</dd>
    </dl>
  );
}

/** ShopBox shows a shop, once its name and profile are known. */
function ShopBox(p: { member: number }): JSX.Element | null {
  const { link } = useSession();
  const shop = useShop(link, p.member);
  const proven = useLoad(() => link.member(p.member), [p.member]).value;
  const name = proven ?? link.genesis.members[p.member - 1]?.name; // without a network
  return shop && name ? <ShopFacts name={name} shop={shop} /> : null;
}

const shopsMax = 4;

/** ShopBoxes are the shops where a coupon is good, or whose coupon it is if it is good everywhere. */
function ShopBoxes(p: { terms: Terms }): JSX.Element {
  const listed = [...new Set(p.terms.shops.map((s) => s.member))].slice(0, shopsMax);
  return (
    <>
      {(listed.length > 0 ? listed : [p.terms.issuer]).map((m) => (
        <ShopBox key={m} member={m} />
      ))}
    </>
  );
}

/** canShow tells whether a shown code can take anything; else the customer scans the till. */
export function canShow(session: Session, slip: Slip): boolean {
  return session.showValue(slip) > 0n;
}

function Uses(p: { slip: Slip; terms: Terms }): JSX.Element | null {
  const session = useSession();
  if (p.slip.uses.length === 0) return null;
  const currency = session.link.currency(p.terms.currency);
  return (
    <section class="stack-s">
      <h2>{t("usesTitle")}</h2>
      <ul role="list" class="stack-s">
        {p.slip.uses.map((u) => (
          <li key={u.seq}>
            {t("usedAt", { value: money(u.value, currency), shop: u.shop })}
            {u.voided && ` (${t("undoneMark")})`}
            <br />
            <span class="soft small">{dateTime(u.atMs)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Acts(p: { slip: Slip; terms: Terms }): JSX.Element | null {
  const session = useSession();
  const { slip, terms } = p;
  if (slip.state === "offered") {
    return (
      <LinkButton kind="main" wide href={`#/gift/${slip.id}`}>
        {t("giftLink")}
      </LinkButton>
    );
  }
  if (slip.state !== "usable") return null;
  const show = canShow(session, slip) && !itemKind({ ...terms, valueKind: "AMOUNT" });
  return (
    <div class="stack-s">
      {show ? (
        <LinkButton kind="main" wide href={`#/show/${slip.id}`}>
          {t("showCode")}
        </LinkButton>
      ) : (
        <>
          <LinkButton kind="main" wide href="#/scan">
            {t("payByScan")}
          </LinkButton>
          <p class="soft small">{t("payByScanWhy")}</p>
        </>
      )}
      <div class="row">
        {terms.transfer !== "none" && <LinkButton href={`#/gift/${slip.id}`}>{t("gift")}</LinkButton>}
        {show && (
          <LinkButton kind="plain" href="#/scan">
            {t("payByScan")}
          </LinkButton>
        )}
      </div>
    </div>
  );
}

export function CouponPage(p: { id: bigint }): JSX.Element {
  const session = useSession();
  const slip = useSlip(p.id);
  const now = useNow(5000);
  useEffect(() => {
    void session.refresh(p.id).catch(() => undefined);
  }, [p.id]);
  const terms = slip && session.terms.value.get(campaignOf(slip.id));
  if (!slip || !terms) return <NotHere />;
  const past = slip.state === "redeemed" || slip.state === "given" || slip.state === "expired";
  return (
    <div class="stack">
      <h1 class="unseen">{slip.title}</h1>
      <Stale />
      <SlipCard slip={slip} />
      {slip.state === "pending" && (
        <Notice live>
          <p>{t("claimWaits")}</p>
        </Notice>
      )}
      {slip.refusal && <Failure {...textOf(slip.refusal)} />}
      <Acts slip={slip} terms={terms} />
      {slip.state === "expired" && (
        <Notice>
          <p>{cashierText("E504").say}</p>
        </Notice>
      )}
      <Facts terms={terms} slip={slip} />
      <Wording link={session.link} terms={terms} />
      <ShopBoxes terms={terms} />
      <Uses slip={slip} terms={terms} />
      <div class="row no-print">
        <VerifiedBadge proof={slip.proof} />
        {slip.seenMs > 0 && (
          <span class="soft small">
            {t("confirmedAt")} {ago(now - slip.seenMs)}
          </span>
        )}
        <span class="soft small">
          {t("serialFact")} {campaignOf(slip.id)}-{serialOf(slip.id)}
        </span>
      </div>
      <Paper link={`${location.origin}/explorer/coupon/${slip.id}`} what={slip.title} say={t("paperPointer")} />
      {!past && <PrintButton />}
      {past && (
        <Button
          kind="plain"
          onClick={() => {
            void session.hide(slip, !slip.hidden).then(() => {
              if (!slip.hidden) toast(t("hiddenSaid"));
            });
          }}
        >
          {slip.hidden ? t("unhide") : t("hide")}
        </Button>
      )}
      <LinkButton kind="plain" href="#/">
        {t("back")}
      </LinkButton>
    </div>
  );
}
