/** Campaigns: the offer as it is printed, its counters, its money, its coupons. */
import type { JSX } from "preact";
import type { CampaignAnswer, CampaignBody, CouponAnswer } from "@scrip/sdk/answers";
import { fromHex } from "@scrip/sdk/bytes";
import { rowKey } from "@scrip/sdk/rows";
import { Table, TableTwin } from "../kit/badge.tsx";
import { Coupon, ruleText } from "../kit/coupon.tsx";
import { dateTime, firstMoment, lastMoment, money, number } from "../kit/format.ts";
import { checkRow } from "../kit/ledger/check.ts";
import { AsOf, currencyOf, msOf, ruleOf, serialText, spentPart, word } from "../kit/ledger/ledger.tsx";
import { Empty, useLoad } from "../kit/ui.tsx";
import { Wording } from "../kit/wording/wording.tsx";
import { CheckAbsent, CheckLines, CheckPanel } from "./check.tsx";
import { campaignLine, couponLine } from "./lines.ts";
import { gotPages, ListHead, More, usePages, type Pages } from "../kit/ledger/pages.tsx";
import { Got, Pair } from "../kit/ledger/page.tsx";
import { Bar, claimedPart, Digest, MemberLink, moneyOf, useLink } from "./parts.tsx";
import { t } from "./text.ts";

const pageSize = 50;
const hourMs = 3_600_000;

export function CampaignTable(p: { campaigns: readonly CampaignAnswer[]; caption: string }): JSX.Element {
  return (
    <Table
      caption={p.caption}
      rows={p.campaigns}
      rowKey={(c) => c.id}
      columns={[
        { head: "№", figure: true, cell: (c) => c.id },
        { head: t("title"), lead: true, cell: (c) => <a href={`#/campaign/${c.id}`}>{c.terms.title}</a> },
        { head: t("campaignBy"), cell: (c) => <MemberLink number={c.issuer} name={c.issuer_name} /> },
        { head: t("value"), cell: (c) => ruleText(ruleOf(c.terms)) },
        { head: t("state"), cell: (c) => word(c.status) },
        {
          head: t("campaignClaimed"),
          figure: true,
          cell: (c) => `${number(c.issued)} / ${number(c.terms.max_supply)}`,
        },
      ]}
    />
  );
}

export function Campaigns(): JSX.Element {
  const link = useLink();
  const pages = usePages(
    (cursor, signal) =>
      link.client.read("PageCampaignAnswer", "/v1/campaigns", { limit: pageSize, newest: "true", cursor }, { signal }),
    [],
  );
  const newest = pages.items?.[0]?.id;
  return (
    <div class="stack">
      <ListHead title={t("campaigns")} of={pages} nowMs={() => link.nowMs()} />
      <Got of={gotPages(pages)}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={t("campaignsNone")}>
              <p>{t("campaignNoneText")}</p>
            </Empty>
          ) : (
            <CampaignTable campaigns={items} caption={t("campaigns")} />
          )
        }
      </Got>
      <More of={pages} {...(newest === undefined ? {} : { total: newest })} />
      <CheckLines subject={`campaigns/${pages.height}`} items={pages.items ?? []} of={campaignLine(pages.height)} />
    </div>
  );
}

function span(ms: string): string {
  const hours = Math.round(Number(ms) / hourMs);
  return hours >= 48 && hours % 24 === 0 ? t("days", { n: hours / 24 }) : t("hours", { n: hours });
}

function transferText(c: CampaignAnswer): string {
  switch (c.terms.transfer) {
    case "gift":
      return c.terms.max_transfers === 255 ? t("transferGiftAny") : t("transferGift", { n: c.terms.max_transfers });
    case "trade":
      return t("transferTrade");
    default:
      return t("transferNone");
  }
}

function Shops(p: { campaign: CampaignAnswer }): JSX.Element {
  const link = useLink();
  const { shops } = p.campaign.terms;
  if (shops.length === 0) return <>{t("campaignEverywhere")}</>;
  return (
    <>
      {shops.map((s, i) => (
        <span key={`${s.member}/${s.store}`}>
          {i > 0 && ", "}
          <MemberLink number={s.member} name={link.genesis.members[s.member - 1]?.name ?? String(s.member)} />
          {s.store > 0 && ` (${t("tillStore", { n: s.store })})`}
        </span>
      ))}
    </>
  );
}

/** Money is where the budget stands, as a picture and as a table. */
function Money(p: { campaign: CampaignAnswer }): JSX.Element {
  const {
    campaign: c,
    campaign: { terms },
  } = p;
  const { committed, accrued } = spentPart(c);
  const rows = [
    { name: t("campaignBudgetOwed"), amount: c.accrued },
    { name: t("campaignBudgetBound"), amount: String(BigInt(c.committed) - BigInt(c.accrued)) },
    { name: t("campaignBudgetFree"), amount: String(BigInt(terms.budget) - BigInt(c.committed)) },
    { name: t("campaignBudget"), amount: terms.budget },
  ];
  const label = rows.map((r) => `${r.name}: ${moneyOf(r.amount, terms)}`).join("; ");
  return (
    <section class="stack-s" aria-labelledby="money-title">
      <h2 id="money-title">{t("campaignMoney")}</h2>
      <p>
        {moneyOf(c.accrued, terms)} {t("campaignBudgetOwed")} · {moneyOf(rows[1]?.amount ?? "0", terms)}{" "}
        {t("campaignBudgetBound")} · {moneyOf(rows[2]?.amount ?? "0", terms)} {t("campaignBudgetFree")}
      </p>
      <TableTwin
        caption={t("campaignMoney")}
        rows={rows}
        rowKey={(r) => r.name}
        picture={
          <Bar
            parts={[
              { part: accrued, kind: "main" },
              { part: committed - accrued, kind: "soft" },
            ]}
            label={label}
          />
        }
        columns={[
          { head: t("campaignPart"), cell: (r) => r.name },
          { head: t("campaignAmount"), cell: (r) => moneyOf(r.amount, terms), figure: true },
        ]}
      />
    </section>
  );
}

export function CouponTable(p: { coupons: readonly CouponAnswer[]; caption: string }): JSX.Element {
  return (
    <Table
      caption={p.caption}
      rows={p.coupons}
      rowKey={(c) => c.id}
      columns={[
        { head: "№", lead: true, cell: (c) => <a href={`#/coupon/${c.id}`}>{serialText(c.id)}</a> },
        { head: t("state"), cell: (c) => word(c.status) },
        {
          head: t("couponOwner"),
          cell: (c) => <Digest text={c.owner} href={`#/holder/${c.owner}`} name={t("couponOwner")} />,
        },
        { head: t("campaignClaimed"), cell: (c) => dateTime(msOf(c.claimed_at)) },
      ]}
    />
  );
}

function Issued(p: { pages: Pages<CouponAnswer>; issued: number }): JSX.Element {
  return (
    <>
      <Got of={gotPages(p.pages)}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={t("campaignCouponsNone")} />
          ) : (
            <CouponTable coupons={items} caption={t("campaignCoupons")} />
          )
        }
      </Got>
      <More of={p.pages} total={p.issued} />
    </>
  );
}

function Facts(p: { campaign: CampaignBody }): JSX.Element {
  const {
    campaign: c,
    campaign: { terms },
  } = p;
  const total = number(terms.max_supply);
  return (
    <dl class="pairs">
      <Pair name={t("campaignBy")}>
        <MemberLink number={c.issuer} name={c.issuer_name} />
      </Pair>
      <Pair name={t("campaignState")}>
        <strong>{word(c.status)}</strong>
      </Pair>
      <Pair name={t("campaignClaimed")}>
        {t("campaignOf", { n: number(c.issued), total })}
        <Bar parts={[{ part: claimedPart(c), kind: "main" }]} label={t("campaignOf", { n: number(c.issued), total })} />
      </Pair>
      <Pair name={t("campaignRedemptions")}>{number(c.redemptions)}</Pair>
      <Pair name={t("campaignVoids")}>{number(c.voids)}</Pair>
      <Pair name={t("campaignUsed")}>{number(c.used_up)}</Pair>
      <Pair name={t("campaignClaimTime")}>
        {t("range", { from: firstMoment(msOf(terms.claim_from)), until: lastMoment(msOf(terms.claim_until)) })}
      </Pair>
      <Pair name={t("campaignUseTime")}>
        {t("range", { from: firstMoment(msOf(terms.redeem_from)), until: lastMoment(msOf(terms.redeem_until)) })}
      </Pair>
      <Pair name={t("campaignShops")}>
        <Shops campaign={c} />
      </Pair>
      <Pair name={t("campaignTransfer")}>{transferText(c)}</Pair>
      <Pair name={t("campaignCost")}>{moneyOf(terms.liability, terms)}</Pair>
      <Pair name={t("campaignUndo")}>{span(terms.rollback_ms)}</Pair>
    </dl>
  );
}

function Rules(p: { campaign: CampaignBody }): JSX.Element {
  const { terms } = p.campaign;
  const c = currencyOf(terms);
  const shown = Object.entries(terms).map(([name, value]): { name: string; value: string } => {
    if (["face", "ceiling", "min_spend", "fee", "show_max", "budget", "liability"].includes(name)) {
      return { name, value: money(BigInt(String(value)), c) };
    }
    if (value !== null && typeof value === "object" && "utc" in value) return { name, value: String(value.utc) };
    return { name, value: typeof value === "object" ? JSON.stringify(value) : String(value) };
  });
  return (
    <details class="twin">
      <summary>{t("campaignRules")}</summary>
      <Table
        caption={t("campaignRules")}
        rows={shown}
        rowKey={(r) => r.name}
        columns={[
          { head: t("title"), cell: (r) => <code class="mono">{r.name}</code> },
          { head: t("value"), cell: (r) => r.value },
        ]}
      />
    </details>
  );
}

export function CampaignPage(p: { number: string }): JSX.Element {
  const link = useLink();
  const loaded = useLoad(
    (signal) => link.client.read("CampaignBody", `/v1/campaigns/${encodeURIComponent(p.number)}`, {}, { signal }),
    [p.number],
  );
  const coupons = usePages(
    (cursor, signal) =>
      link.client.read(
        "PageCouponAnswer",
        `/v1/campaigns/${encodeURIComponent(p.number)}/coupons`,
        { limit: pageSize, cursor },
        { signal },
      ),
    [p.number],
  );
  const known = /^[1-9]\d{0,8}$/.test(p.number);
  return (
    <Got
      of={loaded}
      page
      none={{
        title: t("campaignNone", { n: p.number }),
        text: t("campaignNoneText"),
        more: known && <CheckAbsent subject={`campaign/${p.number}`} rowKey={rowKey.campaign(Number(p.number))} />,
      }}
    >
      {(c) => (
        <div class="stack">
          <div class="row apart">
            <h1>{t("hitCampaign", { n: String(c.id), title: c.terms.title })}</h1>
            <AsOf height={c.height} timeMs={msOf(c.time)} nowMs={() => link.nowMs()} />
          </div>
          <div class="beside">
            <Coupon
              issuer={c.issuer_name}
              title={c.terms.title}
              rule={ruleOf(c.terms)}
              campaign={c.id}
              specimen
              untilMs={msOf(c.terms.redeem_until)}
            />
            <Facts campaign={c} />
          </div>
          <Wording link={link} terms={{ termsHash: fromHex(c.terms.terms_hash), title: c.terms.title }} />
          <Money campaign={c} />
          <Rules campaign={c} />
          <Issued pages={coupons} issued={c.issued} />
          <CheckPanel
            subject={`campaign/${c.id}/${c.height}`}
            run={(report) => {
              const [row, ...others] = campaignLine(Number(c.height))(c);
              const lines = [others, ...(coupons.items ?? []).map(couponLine(coupons.height))];
              return checkRow(link, rowKey.campaign(c.id), report, row?.same ?? (() => false), lines);
            }}
          />
        </div>
      )}
    </Got>
  );
}
