/** A coupon's life on one page, in plain words. */
import type { ComponentChildren, JSX } from "preact";
import type { CampaignBody, CouponBody, StepAnswer } from "@scrip/sdk/answers";
import { equal } from "@scrip/sdk/bytes";
import { decodeKey } from "@scrip/sdk/keys";
import { campaignOf, serialOf } from "@scrip/sdk/objects";
import { decodeCoupon, rowKey } from "@scrip/sdk/rows";
import { Coupon } from "../kit/coupon.tsx";
import { brief, dateTime, dateTimeZone, money, number, timeSeconds, date } from "../kit/format.ts";
import { checkReceipt, checkRow } from "../kit/ledger/check.ts";
import { AsOf, currencyOf, msOf, ruleOf, serialText, word } from "../kit/ledger/ledger.tsx";
import { Button, useLoad } from "../kit/ui.tsx";
import { CheckPanel } from "./check.tsx";
import { Got, Pair } from "../kit/ledger/page.tsx";
import { Digest, useLink } from "./parts.tsx";
import { t } from "./text.ts";
import { idOfSerial } from "./search.ts";
import { useState } from "preact/hooks";
import { VerifiedBadge, type Proof } from "../kit/badge.tsx";

const lifeMax = 100;

interface Life {
  coupon: CouponBody;
  campaign: CampaignBody;
  steps: StepAnswer[];
  more: boolean;
  /** Where it was redeemed, by the step's seq: the receipt does not name the till. */
  tills: ReadonlyMap<number, { text: string; key: string; finalAtMs: number }>;
}

async function lifeOf(link: ReturnType<typeof useLink>, id: bigint, signal: AbortSignal): Promise<Life> {
  const o = { signal };
  const [coupon, campaign, page] = await Promise.all([
    link.client.read("CouponBody", `/v1/coupons/${id}`, {}, o),
    link.client.read("CampaignBody", `/v1/campaigns/${campaignOf(id)}`, {}, o),
    link.client.read("PageStepAnswer", `/v1/coupons/${id}/history`, { limit: lifeMax }, o),
  ]);
  const redeemed = page.items.filter((s) => s.type === "redemption.accrued");
  const tills = new Map<number, { text: string; key: string; finalAtMs: number }>();
  await Promise.all(redeemed.map(async (s) => {
    const seq = s.effect.seq ?? 0;
    const r = await link.client.read("RedemptionBody", `/v1/redemptions/${id}/${seq}`, {}, o);
    const till = await link.client.read("TillBody", `/v1/tills/${r.till}`, {}, o);
    const name = t("someTill", { name: till.member_name });
    tills.set(seq, { text: till.label ? `${till.member_name}, ${till.label}` : name, key: r.till,
      finalAtMs: msOf(r.final_at) });
  }));
  return { coupon, campaign, steps: page.items, more: page.next_cursor !== undefined, tills };
}

/** sentence says a step of the life in words. */
function sentence(life: Life, s: StepAnswer): ComponentChildren {
  const owner = s.effect.owner ? brief(s.effect.owner, 12, 6) : "";
  const value = money(BigInt(s.effect.value ?? "0"), currencyOf(life.campaign.terms));
  switch (s.type) {
    case "coupon.claimed": return t("couponClaimed", { owner });
    case "gift.offered": return t("couponOffered");
    case "gift.accepted": return t("couponAccepted", { owner });
    case "gift.taken_back": return t("couponTakenBack");
    case "coupon.refreshed": return t("couponRefreshed");
    case "coupon.transferred": return t("couponTransferred", { owner });
    case "redemption.accrued": {
      const till = life.tills.get(s.effect.seq ?? 0);
      return <>{t("couponRedeemed", { value, till: till?.text ?? "–" })} <span class="soft">{t("couponBill")}</span></>;
    }
    case "redemption.voided": return t("couponVoided", { value });
    default: return word(s.type);
  }
}

/** next says what can still come. */
function next(life: Life, nowMs: number): string {
  const { coupon: c } = life;
  switch (c.status) {
    case "HELD": return t("couponNextHeld", { date: dateTime(msOf(c.until)) });
    case "GIFTED": return t("couponNextGifted", { date: dateTime(c.gift_until ? msOf(c.gift_until) : 0) });
    case "EXPIRED": return t("couponNextExpired");
    case "REDEEMED": {
      const final = Math.max(0, ...[...life.tills.values()].map((x) => x.finalAtMs));
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
      <Button kind="plain" busy={state.busy} label={`${t("checkAct")}: ${word(p.step.type)}`} onClick={() => {
        setState({ busy: true, failed: false });
        checkReceipt(link, p.step.tx, () => undefined).then((c) =>
          setState({ proof: c.proof, busy: false, failed: false }),
          () => setState({ busy: false, failed: true }));
      }}>{t("checkAct")}</Button>
      {state.failed && <span class="bad small" role="alert">{t("checkCannot")}</span>}
    </span>
  );
}

function Timeline(p: { life: Life }): JSX.Element {
  const link = useLink();
  return (
    <section class="stack-s" aria-labelledby="life-title">
      <h2 id="life-title">{t("couponLife")}</h2>
      <ol class="life">
        {p.life.steps.map((s) => (
          <li key={s.id} class={`life-step${s.type === "redemption.accrued" ? " life-done" : ""}`}>
            <p class="life-head">
              <strong>{word(s.type)}</strong>
              <time class="soft small" dateTime={s.time.utc} title={dateTimeZone(msOf(s.time))}>{date(msOf(s.time))},{" "}
                {timeSeconds(msOf(s.time))}</time>
            </p>
            <p>{sentence(p.life, s)}</p>
            <div class="row small">
              <a href={`#/tx/${s.tx}`}>{t("txTitle")}</a>
              <a href={`#/block/${s.height}`}>{t("blockTitle", { height: number(Number(s.height)) })}</a>
              <StepProof step={s} />
            </div>
          </li>
        ))}
        <li class="life-step life-next">
          <p class="life-head"><strong>{t("couponNext")}</strong></p>
          <p class="soft">{next(p.life, link.nowMs())}</p>
        </li>
      </ol>
      {p.life.more && <p class="soft">{t("more")}…</p>}
    </section>
  );
}

function stampOf(life: Life): { word: string; lines: string[] } | undefined {
  if (life.coupon.status !== "REDEEMED") return undefined;
  const last = life.steps.filter((s) => s.type === "redemption.accrued").at(-1);
  if (!last) return undefined;
  return { word: word("REDEEMED"), lines: [dateTime(msOf(last.time)),
    life.tills.get(last.effect.seq ?? 0)?.text ?? ""].filter(Boolean) };
}

export function CouponPage(p: { id: string }): JSX.Element {
  const link = useLink();
  const id = /^\d{1,20}$/.test(p.id) ? BigInt(p.id) : idOfSerial(p.id) ?? 0n;
  const serial = id >= 1n << 32n ? serialText(id) : p.id.slice(0, 24);
  const loaded = useLoad((signal) => lifeOf(link, id, signal), [id]);
  return (
    <Got of={loaded} none={{ title: t("couponNone", { serial }), text: t("couponNoneText") }}>
      {(life) => {
        const { coupon: c, campaign } = life;
        return (
          <div class="stack">
            <div class="row apart">
              <h1>{t("couponTitle", { serial })}</h1>
              <AsOf height={c.height} timeMs={msOf(c.time)} nowMs={() => link.nowMs()} />
            </div>
            <div class="beside">
              <Coupon issuer={campaign.issuer_name} title={campaign.terms.title} rule={ruleOf(campaign.terms)}
                campaign={c.campaign}
                serial={serialOf(id)} untilMs={msOf(c.until)} usesLeft={c.uses_left} state={word(c.status)}
                valueLeft={campaign.terms.kind === "STORED" ? BigInt(c.value_left) : undefined}
                done={c.status === "REDEEMED" || c.status === "EXPIRED"} stamp={stampOf(life)}
                  href={`#/campaign/${c.campaign}`} />
              <dl class="pairs">
                <Pair name={t("state")}><strong>{word(c.status)}</strong></Pair>
                <Pair name={t("couponOwner")}>
                  <Digest text={c.owner} href={`#/holder/${c.owner}`} name={t("couponOwner")} />
                  <p class="soft small">{t("couponOwnerHint")}</p>
                </Pair>
                <Pair name={t("couponLeft")}>{t("couponUses", { n: c.uses_left })}
                  {campaign.terms.kind === "STORED" &&
                    ` · ${money(BigInt(c.value_left), currencyOf(campaign.terms))}`}</Pair>
                <Pair name={t("campaigns")}><a href={`#/campaign/${c.campaign}`}>{campaign.terms.title}</a></Pair>
              </dl>
            </div>
            <Timeline life={life} />
            <CheckPanel subject={`coupon/${id}/${c.seq}`}
              run={(report) => checkRow(link, rowKey.coupon(id), report, (value, s) => {
              if (value.length === 0) return false;
              const row = decodeCoupon(value);
              if (s.height > Number(c.height) && row.seq > c.seq) return true; // it has moved on since
              return row.seq === c.seq && row.usesLeft === c.uses_left &&
                equal(row.owner, decodeKey("holder", c.owner));
            })} />
          </div>
        );
      }}
    </Got>
  );
}
