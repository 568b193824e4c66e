/** One transaction: what was signed, and what came of it. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { TxAnswer } from "@scrip/sdk/answers";
import { hex } from "@scrip/sdk/bytes";
import { address, encodeKey } from "@scrip/sdk/keys";
import { campaignOf } from "@scrip/sdk/objects";
import {
  parseTx,
  type BatchCommit,
  type CampaignControl,
  type CampaignPublish,
  type Claim,
  type Fields,
  type Offer,
  type Redeem,
  type TillKeyAdd,
  type TillKeyRevoke,
  type Transfer,
  type Tx,
  type Void,
} from "@scrip/sdk/transactions";
import { dateTimeZone, money, number, percent } from "../kit/format.ts";
import { checkReceipt } from "../kit/ledger/check.ts";
import { msOf, outcomeText, serialText, word } from "../kit/ledger/ledger.tsx";
import { textOf } from "../kit/refusal/refusal.ts";
import { Loading, Notice, useLoad } from "../kit/ui.tsx";
import { CheckPanel } from "./check.tsx";
import { Got, Pair } from "../kit/ledger/page.tsx";
import { Digest, MemberLink, useLink } from "./parts.tsx";
import { t } from "./text.ts";

const again = 1500;

function HolderLink(p: { owner: Uint8Array }): JSX.Element {
  return <Digest text={address(p.owner)} href={`#/holder/${address(p.owner)}`} name={t("couponOwner")} />;
}

function TillLink(p: { till: Uint8Array }): JSX.Element {
  const text = encodeKey("till", p.till);
  return <Digest text={text} href={`#/till/${text}`} name={t("tillTitle")} />;
}

function CouponLink(p: { coupon: bigint }): JSX.Element {
  return <a href={`#/coupon/${p.coupon}`}>{t("hitCoupon", { serial: serialText(p.coupon) })}</a>;
}

const CampaignLink = (p: { n: number }) => <a href={`#/campaign/${p.n}`}>{t("campaignTitle", { n: String(p.n) })}</a>;

/** facts are the fields of a transaction as people read them; taken is what a redemption took, by its receipt. */
function facts(
  f: Fields,
  currencyOf: (n: number) => { letters: string; exponent: number },
  name: (m: number) => string,
  taken: bigint | undefined,
): [string, ComponentChildren][] {
  switch (f.kind) {
    case "CampaignPublish": {
      const c = currencyOf(f.terms.currency);
      return [
        [t("title"), f.terms.title],
        [t("campaignBy"), <MemberLink number={f.terms.issuer} name={name(f.terms.issuer)} />],
        [t("value"), f.terms.valueKind === "PERCENT" ? percent(f.terms.bps) : money(f.terms.face, c)],
        [t("campaignBudget"), money(f.terms.budget, c)],
      ];
    }
    case "CampaignPause":
    case "CampaignResume":
    case "CampaignClose":
      return [[t("campaignTitle", { n: "" }).trim(), <CampaignLink n={f.campaign} />]];
    case "BatchCommit":
      return [
        [t("campaigns"), <CampaignLink n={f.campaign} />],
        ["№", `${f.first}–${f.first + f.count - 1}`],
      ];
    case "TillKeyAdd":
      return [
        [t("tillTitle"), <TillLink till={f.tillKey} />],
        [t("tillLabel"), f.label],
        [t("who"), <MemberLink number={f.member} name={name(f.member)} />],
      ];
    case "TillKeyRevoke":
      return [
        [t("tillTitle"), <TillLink till={f.tillKey} />],
        [t("who"), <MemberLink number={f.member} name={name(f.member)} />],
      ];
    case "Claim":
      return [
        [
          t("couponTitle", { serial: "" }).trim(),
          <CouponLink coupon={(BigInt(f.ticket.campaign) << 32n) | BigInt(f.ticket.serial)} />,
        ],
        [t("couponOwner"), <HolderLink owner={f.to} />],
      ];
    case "Transfer":
      return [
        [t("couponTitle", { serial: "" }).trim(), <CouponLink coupon={f.coupon} />],
        [t("txSigned"), <HolderLink owner={f.mover} />],
        ...(f.giftUntil > 0
          ? [[t("campaignUseTime"), dateTimeZone(f.giftUntil)] as [string, string]]
          : [[t("couponOwner"), <HolderLink owner={f.to} />] as [string, JSX.Element]]),
      ];
    case "Redeem": {
      const c = currencyOf(f.invoice.currency);
      return [
        [t("couponTitle", { serial: "" }).trim(), <CouponLink coupon={f.auth.coupon} />],
        [t("tillTitle"), <TillLink till={f.invoice.tillKey} />],
        // A shown code allows a value; what was taken is the bill's, and stands in the receipt.
        ...(taken === undefined ? [] : [[t("txTaken"), money(taken, c)] as [string, string]]),
        [t(f.auth.mode === "SHOW" ? "txAllowed" : "txAgreed"), money(f.auth.value, c)],
        [t("txBill"), <span class="soft">{t("txBillSealed")}</span>],
      ];
    }
    case "Void":
      return [
        [t("couponTitle", { serial: "" }).trim(), <CouponLink coupon={f.coupon} />],
        [t("tillTitle"), <TillLink till={f.key} />],
      ];
    default:
      return facts2(f, currencyOf, name);
  }
}

const couponWord = () => t("couponTitle", { serial: "" }).trim();

/** offerFacts are what an offer gives and asks for. */
function offerFacts(
  o: Offer,
  currencyOf: (n: number) => { letters: string; exponent: number },
  name: (m: number) => string,
): [string, ComponentChildren][] {
  const asked: [string, ComponentChildren][] =
    o.ask === "MONEY"
      ? [
          [t("txPrice"), money(o.price, currencyOf(o.currency))],
          [t("txPaidThrough"), <MemberLink number={o.payer} name={name(o.payer)} />],
        ]
      : [[t("txWanted"), o.want === 0n ? <CampaignLink n={o.campaign} /> : <CouponLink coupon={o.want} />]];
  return [
    [t("txGiven"), <CouponLink coupon={o.coupon} />],
    [t("txSeller"), <HolderLink owner={o.seller} />],
    ...asked,
    [t("txOfferUntil"), dateTimeZone(o.expires)],
  ];
}

/** facts2 are those of the kinds of version 2 of the rules. */
function facts2(
  f: Exclude<Fields, FieldsOfVersion1>,
  currencyOf: (n: number) => { letters: string; exponent: number },
  name: (m: number) => string,
): [string, ComponentChildren][] {
  const member = (m: number) => <MemberLink number={m} name={name(m)} />;
  switch (f.kind) {
    case "CampaignAmend":
      return [
        [t("campaigns"), <CampaignLink n={f.campaign} />],
        [t("txVersion"), number(f.version)],
        [t("campaignBudget"), money(f.terms.budget, currencyOf(f.terms.currency))],
      ];
    case "CouponIssue":
      return [
        [t("campaigns"), <CampaignLink n={f.campaign} />],
        [t("txCount"), number(f.to.length)],
      ];
    case "Trade": {
      const swapped: [string, ComponentChildren][] = f.payment
        ? []
        : [[t("txInReturn"), <CouponLink coupon={f.accept.coupon} />]];
      return [...offerFacts(f.offer, currencyOf, name), ...swapped, [t("txBuyer"), <HolderLink owner={f.accept.to} />]];
    }
    case "OfferPost":
      return offerFacts(f.offer, currencyOf, name);
    case "Refund":
      // Its currency is the campaign's, which is not in it.
      return [
        [couponWord(), <CouponLink coupon={f.coupon} />],
        [t("tillTitle"), <TillLink till={f.key} />],
      ];
    case "CycleClose":
      return [
        [t("txCycle"), number(f.cycle)],
        [t("who"), member(f.member)],
      ];
    case "PaymentPosted":
    case "PaymentConfirmed":
      return [
        [t("txCycle"), number(f.cycle)],
        [t("txPayer"), member(f.payer)],
        [t("txPayee"), member(f.payee)],
        ...(f.kind === "PaymentConfirmed" ? [[t("txAnswer"), t(answers[f.op])] as [string, string]] : []),
      ];
    case "ServiceKeyAdd":
      return [
        [t("who"), member(f.member)],
        [t("txDayCap"), money(f.dayCap, currencyOf(f.currency))],
        [t("txUntil"), dateTimeZone(f.validUntil)],
      ];
    case "ServiceKeyRevoke":
      return [[t("who"), member(f.member)]];
    case "MemberKeys":
      return [
        [t("who"), member(f.member)],
        [t("txKeys"), t("txKeysValue", { keep: f.keep.length, add: f.add.length, threshold: f.threshold })],
      ];
  }
}

const answers = { confirm: "txConfirm", object: "txObject", clear: "txClear" } as const;
type FieldsOfVersion1 =
  CampaignPublish | CampaignControl | BatchCommit | TillKeyAdd | TillKeyRevoke | Claim | Transfer | Redeem | Void;

/** Content reads the signed bytes out of their block. */
function Content(p: { height: number; index: number }): JSX.Element {
  const link = useLink();
  const loaded = useLoad(
    async (signal) => {
      const b = await link.client.block(p.height, { signal });
      const raw = b.txs[p.index];
      if (!raw) throw new Error("the block is shorter than the receipt says");
      const effect = b.outcomes[p.index]?.effect;
      return { tx: parseTx(raw), taken: effect?.kind === "Redeem" ? effect.value : undefined };
    },
    [p.height, p.index],
  );
  return <Got of={loaded}>{({ tx, taken }) => <ContentView tx={tx} taken={taken} />}</Got>;
}

function ContentView(p: { tx: Tx; taken: bigint | undefined }): JSX.Element {
  const link = useLink();
  const { tx } = p;
  const name = (m: number) => link.genesis.members[m - 1]?.name ?? String(m);
  return (
    <>
      <dl class="pairs">
        <Pair name={t("txWhat")}>
          <strong>{word(tx.fields.kind)}</strong>
        </Pair>
        {facts(tx.fields, (n) => link.currency(n), name, p.taken).map(([head, value]) => (
          <Pair key={head} name={head}>
            {value}
          </Pair>
        ))}
        {tx.members.length > 0 && <Pair name={t("txSigned")}>{tx.members.map((m) => name(m.member)).join(", ")}</Pair>}
      </dl>
      <details class="twin">
        <summary>
          {t("txRaw")} · {t("txSize", { n: tx.raw.length })}
        </summary>
        <code class="mono small raw">{hex(tx.raw)}</code>
      </details>
    </>
  );
}

function Outcome(p: { tx: TxAnswer }): JSX.Element {
  const { tx } = p;
  const code = tx.code ?? "OK";
  const refused = code !== "OK" && code !== "E105" ? textOf(code) : undefined;
  return (
    <Notice kind={code === "OK" ? "good" : "bad"}>
      <p class="strong">{outcomeText(code, tx.effect?.event)}</p>
      {refused && (
        <p>
          {refused.detail} <a href={`/errors/${code}`}>{code}</a>
        </p>
      )}
      {tx.effect?.first && (
        <p>
          <a href={`#/block/${tx.effect.first.height}`}>
            {t("blockTitle", { height: number(Number(tx.effect.first.height)) })}
          </a>
        </p>
      )}
    </Notice>
  );
}

export function TxPage(p: { id: string }): JSX.Element {
  const link = useLink();
  const id = p.id.toLowerCase();
  const loaded = useLoad(
    (signal) =>
      link.client.read("TxAnswer", `/v1/transactions/${encodeURIComponent(id)}`, { wait: "none" }, { signal }),
    [id],
  );
  const pending = loaded.value?.final === false;
  useEffect(() => {
    if (!pending) return undefined;
    const timer = setTimeout(loaded.reload, again);
    return () => clearTimeout(timer);
  }, [pending, loaded.busy]);
  return (
    <div class="stack">
      <h1>{t("txTitle")}</h1>
      <Got of={loaded} none={{ title: t("txNone"), text: t("txNoneText") }}>
        {(tx) =>
          tx.height === undefined ? (
            <Notice title={t("txPending")} live>
              <p>{t("txPendingText")}</p>
              <Loading />
            </Notice>
          ) : (
            <>
              <Outcome tx={tx} />
              <dl class="pairs">
                <Pair name={t("txPlace")}>
                  <a href={`#/block/${tx.height}`}>
                    {t("txPlaceValue", { height: number(Number(tx.height)), index: tx.index ?? 0 })}
                  </a>
                </Pair>
                {tx.time && <Pair name={t("txTime")}>{dateTimeZone(msOf(tx.time))}</Pair>}
                <Pair name={t("txId")}>
                  <Digest text={tx.id} name={t("txId")} />
                </Pair>
                {tx.effect?.coupon && (
                  <Pair name={t("campaigns")}>
                    <CampaignLink n={campaignOf(BigInt(tx.effect.coupon))} />
                  </Pair>
                )}
              </dl>
              <h2>{t("txContent")}</h2>
              <Content height={Number(tx.height)} index={tx.index ?? 0} />
              <CheckPanel subject={`tx/${id}`} run={(report) => checkReceipt(link, id, report)} />
            </>
          )
        }
      </Got>
    </div>
  );
}
