/** Members, their tills, and the coupons of a key. */
import type { JSX } from "preact";
import type { MemberAnswer, ObligationAnswer, TillAnswer } from "@scrip/sdk/answers";
import { decodeKey } from "@scrip/sdk/keys";
import { rowKey } from "@scrip/sdk/rows";
import { Table } from "../kit/badge.tsx";
import { date, dateTime, money, number, type Currency } from "../kit/format.ts";
import { checkRow } from "../kit/ledger/check.ts";
import { AsOf, msOf, word } from "../kit/ledger/ledger.tsx";
import { ShopFacts } from "../kit/shop/facts.tsx";
import { useShop } from "../kit/shop/shops.ts";
import { Empty, useLoad } from "../kit/ui.tsx";
import { CampaignTable, CouponTable } from "./campaign.tsx";
import { CheckAbsent, CheckLines, CheckPanel } from "./check.tsx";
import { campaignLine, couponLine, memberLine, obligationLine, tillLine } from "./lines.ts";
import { gotPages, ListHead, More, usePages, type Pages } from "../kit/ledger/pages.tsx";
import { Got, Pair } from "../kit/ledger/page.tsx";
import { Digest, MemberLink, useLink } from "./parts.tsx";
import { t } from "./text.ts";

const pageSize = 50;
/** Of the lists that stand beside each other on a page. */
const partSize = 25;

/** useCurrency finds a currency of the chain by its letters. */
function useCurrency(): (letters: string) => Currency {
  const link = useLink();
  return (letters) => link.genesis.currencies.find((c) => c.letters === letters) ?? { letters, exponent: 2 };
}

function roles(m: MemberAnswer): string {
  return m.roles.map(word).join(", ");
}

export function Members(): JSX.Element {
  const link = useLink();
  const pages = usePages(
    (cursor, signal) => link.client.read("PageMemberAnswer", "/v1/members", { limit: pageSize, cursor }, { signal }),
    [],
  );
  return (
    <div class="stack">
      <ListHead title={t("membersTitle")} of={pages} nowMs={() => link.nowMs()} />
      <Got of={gotPages(pages)}>
        {(all) => (
          <Table
            caption={t("membersTitle")}
            rows={all}
            rowKey={(m) => m.id}
            columns={[
              { head: "№", figure: true, cell: (m) => m.id },
              { head: t("title"), cell: (m) => <MemberLink number={m.id} name={m.name} /> },
              { head: t("memberRoles"), cell: roles },
              { head: t("state"), cell: (m) => word(m.state) },
            ]}
          />
        )}
      </Got>
      <More of={pages} />
      <CheckLines subject={`members/${pages.height}`} items={pages.items ?? []} of={memberLine} />
    </div>
  );
}

function MemberTills(p: { pages: Pages<TillAnswer> }): JSX.Element {
  const { pages } = p;
  const money_ = useCurrency();
  return (
    <>
      <Got of={gotPages(pages)}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={t("memberTillsNone")} />
          ) : (
            <Table
              caption={t("memberTills")}
              rows={items}
              rowKey={(x) => x.key}
              columns={[
                { head: t("tillLabel"), cell: (x) => <a href={`#/till/${x.key}`}>{x.label || t("tillTitle")}</a> },
                { head: t("state"), cell: (x) => word(x.state) },
                { head: t("tillDay"), figure: true, cell: (x) => money(BigInt(x.day_sum), money_(x.currency)) },
              ]}
            />
          )
        }
      </Got>
      <More of={pages} />
    </>
  );
}

function Owed(p: { pages: Pages<ObligationAnswer> }): JSX.Element {
  const currency = useCurrency();
  return (
    <>
      <Got of={gotPages(p.pages)}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={t("memberOwedNone")} />
          ) : (
            <Table
              caption={t("memberOwed")}
              rows={items}
              rowKey={(o) => `${o.cycle}/${o.campaign}`}
              columns={[
                { head: t("cycle"), lead: true, cell: (o) => `${date(msOf(o.begins))} – ${date(msOf(o.ends))}` },
                {
                  head: t("campaigns"),
                  cell: (o) => <a href={`#/campaign/${o.campaign}`}>{t("campaignTitle", { n: String(o.campaign) })}</a>,
                },
                { head: t("count"), figure: true, cell: (o) => number(o.count) },
                { head: t("sum"), figure: true, cell: (o) => money(BigInt(o.sum), currency(o.currency)) },
              ]}
            />
          )
        }
      </Got>
      <More of={p.pages} />
    </>
  );
}

/** MemberShop is what a member says of itself, if it does. */
function MemberShop(p: { number: number; name: string }): JSX.Element | null {
  const shop = useShop(useLink(), p.number);
  return shop ? <ShopFacts name={p.name} shop={shop} /> : null;
}

export function MemberPage(p: { number: string }): JSX.Element {
  const link = useLink();
  const currency = useCurrency();
  const loaded = useLoad(
    (signal) => link.client.read("MemberBody", `/v1/members/${encodeURIComponent(p.number)}`, {}, { signal }),
    [p.number],
  );
  const member = /^[1-9]\d{0,4}$/.test(p.number) ? Number(p.number) : 65_536;
  const list =
    <K extends "PageCampaignAnswer" | "PageTillAnswer" | "PageObligationAnswer">(
      kind: K,
      path: string,
      query: Record<string, string | number>,
    ) =>
    (cursor: string | undefined, signal: AbortSignal) =>
      link.client.read(kind, path, { ...query, limit: partSize, cursor }, { signal });
  const campaigns = usePages(list("PageCampaignAnswer", "/v1/campaigns", { issuer: member, newest: "true" }), [member]);
  const tills = usePages(list("PageTillAnswer", "/v1/tills", { member }), [member]);
  const owed = usePages(list("PageObligationAnswer", "/v1/obligations", { payee: member }), [member]);
  return (
    <Got
      of={loaded}
      page
      none={{
        title: t("memberNone", { n: p.number }),
        text: t("memberNoneText"),
        more: member < 65_536 && <CheckAbsent subject={`member/${member}`} rowKey={rowKey.member(member)} />,
      }}
    >
      {(m) => (
        <div class="stack">
          <div class="row apart">
            <h1>{m.name}</h1>
            <AsOf height={m.height} timeMs={msOf(m.time)} nowMs={() => link.nowMs()} />
          </div>
          <dl class="pairs">
            <Pair name={t("memberRoles")}>{roles(m)}</Pair>
            <Pair name={t("memberState")}>{word(m.state)}</Pair>
            <Pair name={t("memberKeys")}>
              {m.keys.map((k) => (
                <p key={k}>
                  <Digest text={k} name={t("memberKeys")} />
                </p>
              ))}
              <p class="soft small">{t("memberThreshold", { n: m.threshold, total: m.keys.length })}</p>
            </Pair>
            {m.funding.length > 0 && (
              <Pair name={t("memberFunding")}>
                {m.funding.map((f) => (
                  <p key={f.currency}>
                    {t("memberFundingValue", {
                      locked: money(BigInt(f.locked), currency(f.currency)),
                      limit: money(BigInt(f.limit), currency(f.currency)),
                    })}
                  </p>
                ))}
              </Pair>
            )}
          </dl>
          <MemberShop number={m.id} name={m.name} />
          <Got of={gotPages(campaigns)}>
            {(items) =>
              items.length === 0 ? (
                <Empty title={t("memberCampaignsNone")} />
              ) : (
                <CampaignTable campaigns={items} caption={t("memberCampaigns")} />
              )
            }
          </Got>
          <More of={campaigns} />
          <MemberTills pages={tills} />
          <Owed pages={owed} />
          <CheckPanel
            subject={`member/${m.id}`}
            run={(report) =>
              checkRow(link, rowKey.member(m.id), report, (value, s) => memberLine(m)[0]?.same(value, s) ?? false, [
                ...(campaigns.items ?? []).map(campaignLine(campaigns.height)),
                ...(tills.items ?? []).map(tillLine(tills.height)),
                ...(owed.items ?? []).map(obligationLine(owed.height)),
              ])
            }
          />
        </div>
      )}
    </Got>
  );
}

function tillKeyOf(text: string): Uint8Array | undefined {
  try {
    return decodeKey("till", text);
  } catch {
    return undefined; // no key at all
  }
}

export function TillPage(p: { tillKey: string }): JSX.Element {
  const link = useLink();
  const currency = useCurrency();
  const loaded = useLoad(
    (signal) => link.client.read("TillBody", `/v1/tills/${encodeURIComponent(p.tillKey)}`, {}, { signal }),
    [p.tillKey],
  );
  const named = tillKeyOf(p.tillKey);
  return (
    <Got
      of={loaded}
      page
      none={{
        title: t("tillNone"),
        text: t("tillNoneText"),
        more: named && <CheckAbsent subject={`till/${p.tillKey}`} rowKey={rowKey.till(named)} />,
      }}
    >
      {(till) => (
        <div class="stack">
          <div class="row apart">
            <h1>{till.label ? `${till.member_name}, ${till.label}` : t("hitTill", { name: till.member_name })}</h1>
            <AsOf height={till.height} timeMs={msOf(till.time)} nowMs={() => link.nowMs()} />
          </div>
          <dl class="pairs">
            <Pair name={t("who")}>
              <MemberLink number={till.member} name={till.member_name} /> ({t("tillStore", { n: till.store })})
            </Pair>
            <Pair name={t("state")}>
              <strong>{word(till.state)}</strong>
            </Pair>
            <Pair name={t("tillRights")}>{till.rights.map(word).join(", ")}</Pair>
            <Pair name={t("tillDay")}>
              {t("tillDayValue", {
                sum: money(BigInt(till.day_sum), currency(till.currency)),
                cap: money(BigInt(till.day_cap), currency(till.currency)),
              })}
            </Pair>
            <Pair name={t("tillValid")}>
              {t("range", { from: dateTime(msOf(till.valid_from)), until: dateTime(msOf(till.valid_until)) })}
            </Pair>
            <Pair name={t("tillKey")}>
              <Digest text={till.key} name={t("tillKey")} />
            </Pair>
          </dl>
          <CheckPanel
            subject={`till/${till.key}/${till.height}`}
            run={(report) =>
              checkRow(
                link,
                rowKey.till(decodeKey("till", till.key)),
                report,
                (value, s) => tillLine(Number(till.height))(till)[0]?.same(value, s) ?? false,
              )
            }
          />
        </div>
      )}
    </Got>
  );
}

export function HolderPage(p: { owner: string }): JSX.Element {
  const link = useLink();
  const pages = usePages(
    (cursor, signal) =>
      link.client.read(
        "PageCouponAnswer",
        `/v1/holders/${encodeURIComponent(p.owner)}/coupons`,
        { limit: pageSize, cursor },
        { signal },
      ),
    [p.owner],
  );
  return (
    <div class="stack">
      <ListHead title={t("holderTitle")} of={pages} nowMs={() => link.nowMs()} />
      <p>
        <Digest text={p.owner} name={t("couponOwner")} />
      </p>
      <Got of={gotPages(pages)} none={{ title: t("holderNone"), text: t("holderNoneText") }}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={t("holderNone")}>
              <p>{t("holderNoneText")}</p>
            </Empty>
          ) : (
            <CouponTable coupons={items} caption={t("holderTitle")} />
          )
        }
      </Got>
      <More of={pages} />
      <CheckLines
        subject={`holder/${p.owner}/${pages.height}`}
        items={pages.items ?? []}
        of={couponLine(pages.height)}
      />
    </div>
  );
}
