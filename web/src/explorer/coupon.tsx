/** A coupon's life on one page, in plain words. */
import type { ComponentChildren, JSX } from "preact";
import type { CampaignBody, CouponBody, StepAnswer } from "@scrip/sdk/answers";
import { campaignOf, serialOf } from "@scrip/sdk/objects";
import { rowKey } from "@scrip/sdk/rows";
import type { Link } from "../kit/chain.ts";
import { Coupon } from "../kit/coupon.tsx";
import { brief, dateTime, dateTimeZone, lastMoment, money, number, timeSeconds, date } from "../kit/format.ts";
import { checkReceipt, checkRow } from "../kit/ledger/check.ts";
import { AsOf, currencyOf, msOf, ruleOf, serialText, word } from "../kit/ledger/ledger.tsx";
import { Button, useLoad } from "../kit/ui.tsx";
import { CheckAbsent, CheckPanel } from "./check.tsx";
import { gotPages, usePages, type Pages } from "../kit/ledger/pages.tsx";
import { Got, Pair } from "../kit/ledger/page.tsx";
import { couponLine } from "./lines.ts";
import { Digest, useLink } from "./parts.tsx";
import { t } from "./text.ts";
import { idOfSerial } from "./search.ts";
import { useState } from "preact/hooks";
import { VerifiedBadge, type Proof } from "../kit/badge.tsx";

const stepsAtOnce = 25;

/** Where a redemption was, which its receipt does not name. */
interface Place {
  text: string;
  key: string;
  finalAtMs: number;
}

interface Life {
  coupon: CouponBody;
  campaign: CampaignBody;
  /** The redemption that used the coupon up. */
  last?: Place;
}

interface LifeStep extends StepAnswer {
  place?: Place;
}

async function placeOf(link: Link, id: bigint, seq: number, o: { signal: AbortSignal }): Promise<Place> {
  const r = await link.client.read("RedemptionBody", `/v1/redemptions/${id}/${seq}`, {}, o);
  const till = await link.client.read("TillBody", `/v1/tills/${r.till}`, {}, o);
  const name = t("someTill", { name: till.member_name });
  return { text: till.label ? `${till.member_name}, ${till.label}` : name, key: r.till, finalAtMs: msOf(r.final_at) };
}

async function lifeOf(link: Link, id: bigint, signal: AbortSignal): Promise<Life> {
  const o = { signal };
  const [coupon, campaign] = await Promise.all([
    link.client.read("CouponBody", `/v1/coupons/${id}`, {}, o),
    link.client.read("CampaignBody", `/v1/campaigns/${campaignOf(id)}`, {}, o),
  ]);
  if (coupon.status !== "REDEEMED") return { coupon, campaign };
  return { coupon, campaign, last: await placeOf(link, id, coupon.seq - 1, o) };
}

/** useSteps reads the life from its beginning, part by part. */
function useSteps(id: bigint): Pages<LifeStep> {
  const link = useLink();
  return usePages(
    async (cursor, signal) => {
      const page = await link.client.read(
        "PageStepAnswer",
        `/v1/coupons/${id}/history`,
        { limit: stepsAtOnce, cursor },
        { signal },
      );
      const items = await Promise.all(
        page.items.map(async (s): Promise<LifeStep> =>
          s.type === "redemption.accrued" ? { ...s, place: await placeOf(link, id, s.effect.seq ?? 0, { signal }) } : s,
        ),
      );
      return { ...page, items };
    },
    [id],
  );
}

/** sentence says a step of the life in words. */
function sentence(life: Life, s: LifeStep): ComponentChildren {
  const owner = s.effect.owner ? brief(s.effect.owner, 12, 6) : "";
  const value = money(BigInt(s.effect.value ?? "0"), currencyOf(life.campaign.terms));
  switch (s.type) {
    case "coupon.claimed":
      return t("couponClaimed", { owner });
    case "gift.offered":
      return t("couponOffered");
    case "gift.accepted":
      return t("couponAccepted", { owner });
    case "gift.taken_back":
      return t("couponTakenBack");
    case "coupon.refreshed":
      return t("couponRefreshed");
    case "coupon.transferred":
      return t("couponTransferred", { owner });
    case "redemption.accrued":
      return (
        <>
          {t("couponRedeemed", { value, till: s.place?.text ?? "–" })} <span class="soft">{t("couponBill")}</span>
        </>
      );
    case "redemption.voided":
      return t("couponVoided", { value });
    default:
      return word(s.type);
  }
}

/** next says what can still come. */
function next(life: Life, nowMs: number): string {
  const { coupon: c } = life;
  switch (c.status) {
    case "HELD":
      return t("couponNextHeld", { date: lastMoment(msOf(c.until)) });
    case "GIFTED":
      return t("couponNextGifted", { date: dateTime(c.gift_until ? msOf(c.gift_until) : 0) });
    case "EXPIRED":
      return t("couponNextExpired");
    case "REDEEMED": {
      const final = life.last?.finalAtMs ?? 0;
      return final > nowMs ? t("couponNextRedeemed", { date: dateTime(final) }) : t("couponNextRedeemedFinal");
    }
  }
}

/** StepProof proves one step of the life by its receipt. */
function StepProof(p: { step: StepAnswer }): JSX.Element {
  const link = useLink();
  const [state, setState] = useState<{ proof?: Proof; busy: boolean; failed: boolean }>({ busy: false, failed: false });
  if (state.proof) return <VerifiedBadge proof={state.proof} />;
  return (
    <span class="row">
      <Button
        kind="plain"
        busy={state.busy}
        label={`${t("checkAct")}: ${word(p.step.type)}`}
        onClick={() => {
          setState({ busy: true, failed: false });
          checkReceipt(link, p.step.tx, () => undefined).then(
            (c) => setState({ proof: c.proof, busy: false, failed: false }),
            () => setState({ busy: false, failed: true }),
          );
        }}
      >
        {t("checkAct")}
      </Button>
      {state.failed && (
        <span class="bad small" role="alert">
          {t("checkCannot")}
        </span>
      )}
    </span>
  );
}

function Timeline(p: { life: Life; steps: Pages<LifeStep> }): JSX.Element {
  const link = useLink();
  return (
    <section class="stack-s" aria-labelledby="life-title">
      <h2 id="life-title">{t("couponLife")}</h2>
      <Got of={gotPages(p.steps)}>
        {(items) => (
          <>
            <ol class="life">
              {items.map((s) => (
                <li key={s.id} class={`life-step${s.type === "redemption.accrued" ? " life-done" : ""}`}>
                  <p class="life-head">
                    <strong>{word(s.type)}</strong>
                    <time class="soft small" dateTime={s.time.utc} title={dateTimeZone(msOf(s.time))}>
                      {date(msOf(s.time))}, {timeSeconds(msOf(s.time))}
                    </time>
                  </p>
                  <p>{sentence(p.life, s)}</p>
                  <div class="row small">
                    <a href={`#/tx/${s.tx}`}>{t("txTitle")}</a>
                    <a href={`#/block/${s.height}`}>{t("blockTitle", { height: number(Number(s.height)) })}</a>
                    <StepProof step={s} />
                  </div>
                </li>
              ))}
              {p.steps.more && (
                <li class="life-step life-next">
                  <Button onClick={p.steps.more} busy={p.steps.busy}>
                    {t("lifeMore")}
                  </Button>
                </li>
              )}
              <li class="life-step life-next">
                <p class="life-head">
                  <strong>{t("couponNext")}</strong>
                </p>
                <p class="soft">{next(p.life, link.nowMs())}</p>
              </li>
            </ol>
            {p.steps.stuck !== undefined && (
              <p class="bad" role="alert">
                {t("away")}
              </p>
            )}
          </>
        )}
      </Got>
    </section>
  );
}

function stampOf(life: Life, steps: readonly LifeStep[]): { word: string; lines: string[] } | undefined {
  if (life.coupon.status !== "REDEEMED") return undefined;
  const at = steps.find((s) => s.type === "redemption.accrued" && s.effect.seq === life.coupon.seq - 1);
  return { word: word("REDEEMED"), lines: [at ? dateTime(msOf(at.time)) : "", life.last?.text ?? ""].filter(Boolean) };
}

export function CouponPage(p: { id: string }): JSX.Element {
  const link = useLink();
  const id = /^\d{1,20}$/.test(p.id) ? BigInt(p.id) : (idOfSerial(p.id) ?? 0n);
  const serial = id >= 1n << 32n ? serialText(id) : p.id.slice(0, 24);
  const loaded = useLoad((signal) => lifeOf(link, id, signal), [id]);
  const steps = useSteps(id);
  return (
    <Got
      of={loaded}
      page
      none={{
        title: t("couponNone", { serial }),
        text: t("couponNoneText"),
        more: id >= 1n << 32n && id < 1n << 64n && <CheckAbsent subject={`coupon/${id}`} rowKey={rowKey.coupon(id)} />,
      }}
    >
      {(life) => {
        const { coupon: c, campaign } = life;
        return (
          <div class="stack">
            <div class="row apart">
              <h1>{t("couponTitle", { serial })}</h1>
              <AsOf height={c.height} timeMs={msOf(c.time)} nowMs={() => link.nowMs()} />
            </div>
            <div class="beside">
              <Coupon
                issuer={campaign.issuer_name}
                title={campaign.terms.title}
                rule={ruleOf(campaign.terms)}
                campaign={c.campaign}
                serial={serialOf(id)}
                untilMs={msOf(c.until)}
                usesLeft={c.uses_left}
                state={word(c.status)}
                valueLeft={campaign.terms.kind === "STORED" ? BigInt(c.value_left) : undefined}
                done={c.status === "REDEEMED" || c.status === "EXPIRED"}
                stamp={stampOf(life, steps.items ?? [])}
                href={`#/campaign/${c.campaign}`}
              />
              <dl class="pairs">
                <Pair name={t("state")}>
                  <strong>{word(c.status)}</strong>
                </Pair>
                <Pair name={t("couponOwner")}>
                  <Digest text={c.owner} href={`#/holder/${c.owner}`} name={t("couponOwner")} />
                  <p class="soft small">{t("couponOwnerHint")}</p>
                </Pair>
                <Pair name={t("couponLeft")}>
                  {t("couponUses", { n: c.uses_left })}
                  {campaign.terms.kind === "STORED" && ` · ${money(BigInt(c.value_left), currencyOf(campaign.terms))}`}
                </Pair>
                <Pair name={t("campaign")}>
                  <a href={`#/campaign/${c.campaign}`}>{campaign.terms.title}</a>
                </Pair>
              </dl>
            </div>
            <Timeline life={life} steps={steps} />
            <CheckPanel
              subject={`coupon/${id}/${c.seq}`}
              run={(report) =>
                checkRow(
                  link,
                  rowKey.coupon(id),
                  report,
                  (value, x) => couponLine(Number(c.height))(c)[0]?.same(value, x) ?? false,
                )
              }
            />
          </div>
        );
      }}
    </Got>
  );
}
