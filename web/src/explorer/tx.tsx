/** One transaction: what was signed, and what came of it. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { TxAnswer } from "@scrip/sdk/answers";
import { hex } from "@scrip/sdk/bytes";
import { address, encodeKey } from "@scrip/sdk/keys";
import { campaignOf } from "@scrip/sdk/objects";
import { parseTx, type Fields, type Tx } from "@scrip/sdk/transactions";
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
function facts(f: Fields, currencyOf: (n: number) => { letters: string; exponent: number },
  name: (m: number) => string, taken: bigint | undefined): [string, ComponentChildren][] {
  switch (f.kind) {
    case "CampaignPublish": {
      const c = currencyOf(f.terms.currency);
      return [[t("title"), f.terms.title], [t("campaignBy"), <MemberLink number={f.terms.issuer}
        name={name(f.terms.issuer)} />],
        [t("value"), f.terms.valueKind === "PERCENT" ? percent(f.terms.bps) : money(f.terms.face, c)],
        [t("campaignBudget"), money(f.terms.budget, c)]];
    }
    case "CampaignPause": case "CampaignResume": case "CampaignClose":
      return [[t("campaignTitle", { n: "" }).trim(), <CampaignLink n={f.campaign} />]];
    case "BatchCommit":
      return [[t("campaigns"), <CampaignLink n={f.campaign} />], ["№", `${f.first}–${f.first + f.count - 1}`]];
    case "TillKeyAdd":
      return [[t("tillTitle"), <TillLink till={f.tillKey} />], [t("tillLabel"), f.label],
        [t("who"), <MemberLink number={f.member} name={name(f.member)} />]];
    case "TillKeyRevoke":
      return [[t("tillTitle"), <TillLink till={f.tillKey} />],
        [t("who"), <MemberLink number={f.member} name={name(f.member)} />]];
    case "Claim":
      return [[t("couponTitle", { serial: "" }).trim(), <CouponLink
        coupon={(BigInt(f.ticket.campaign) << 32n) | BigInt(f.ticket.serial)} />],
        [t("couponOwner"), <HolderLink owner={f.to} />]];
    case "Transfer":
      return [[t("couponTitle", { serial: "" }).trim(), <CouponLink coupon={f.coupon} />],
        [t("txSigned"), <HolderLink owner={f.mover} />],
        ...(f.giftUntil > 0 ? [[t("campaignUseTime"), dateTimeZone(f.giftUntil)] as [string, string]]
          : [[t("couponOwner"), <HolderLink owner={f.to} />] as [string, JSX.Element]])];
    case "Redeem": {
      const c = currencyOf(f.invoice.currency);
      return [[t("couponTitle", { serial: "" }).trim(), <CouponLink coupon={f.auth.coupon} />],
        [t("tillTitle"), <TillLink till={f.invoice.tillKey} />],
        // A shown code allows a value; what was taken is the bill's, and stands in the receipt.
        ...(taken === undefined ? [] : [[t("txTaken"), money(taken, c)] as [string, string]]),
        [t(f.auth.mode === "SHOW" ? "txAllowed" : "txAgreed"), money(f.auth.value, c)],
        [t("txBill"), <span class="soft">{t("txBillSealed")}</span>]];
    }
    case "Void":
      return [[t("couponTitle", { serial: "" }).trim(), <CouponLink coupon={f.coupon} />],
        [t("tillTitle"), <TillLink till={f.key} />]];
  }
}

/** Content reads the signed bytes out of their block. */
function Content(p: { height: number; index: number }): JSX.Element {
  const link = useLink();
  const loaded = useLoad(async (signal) => {
    const b = await link.client.block(p.height, { signal });
    const raw = b.txs[p.index];
    if (!raw) throw new Error("the block is shorter than the receipt says");
    const effect = b.outcomes[p.index]?.effect;
    return { tx: parseTx(raw), taken: effect?.kind === "Redeem" ? effect.value : undefined };
  }, [p.height, p.index]);
  return <Got of={loaded}>{({ tx, taken }) => <ContentView tx={tx} taken={taken} />}</Got>;
}

function ContentView(p: { tx: Tx; taken: bigint | undefined }): JSX.Element {
  const link = useLink();
  const { tx } = p;
  const name = (m: number) => link.genesis.members[m - 1]?.name ?? String(m);
  return (
    <>
      <dl class="pairs">
        <Pair name={t("txWhat")}><strong>{word(tx.fields.kind)}</strong></Pair>
        {facts(tx.fields, (n) => link.currency(n), name, p.taken).map(([head, value]) => <Pair key={head}
          name={head}>{value}</Pair>)}
        {tx.members.length > 0 && (
          <Pair name={t("txSigned")}>{tx.members.map((m) => name(m.member)).join(", ")}</Pair>
        )}
      </dl>
      <details class="twin">
        <summary>{t("txRaw")} · {t("txSize", { n: tx.raw.length })}</summary>
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
      {refused && <p>{refused.detail} <a href={`/errors/${code}`}>{code}</a></p>}
      {tx.effect?.first && (
        <p><a href={`#/block/${tx.effect.first.height}`}>{t("blockTitle",
          { height: number(Number(tx.effect.first.height)) })}</a></p>
      )}
    </Notice>
  );
}

export function TxPage(p: { id: string }): JSX.Element {
  const link = useLink();
  const id = p.id.toLowerCase();
  const loaded = useLoad((signal) => link.client.read("TxAnswer", `/v1/transactions/${encodeURIComponent(id)}`,
    { wait: "none" }, { signal }), [id]);
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
        {(tx) => tx.height === undefined
          ? <Notice title={t("txPending")} live><p>{t("txPendingText")}</p><Loading /></Notice>
          : (
            <>
              <Outcome tx={tx} />
              <dl class="pairs">
                <Pair name={t("txPlace")}>
                  <a href={`#/block/${tx.height}`}>{t("txPlaceValue",
                    { height: number(Number(tx.height)), index: tx.index ?? 0 })}</a>
                </Pair>
                {tx.time && <Pair name={t("txTime")}>{dateTimeZone(msOf(tx.time))}</Pair>}
                <Pair name={t("txId")}><Digest text={tx.id} name={t("txId")} /></Pair>
                {tx.effect?.coupon && (
                  <Pair name={t("campaigns")}><CampaignLink n={campaignOf(BigInt(tx.effect.coupon))} /></Pair>
                )}
              </dl>
              <h2>{t("txContent")}</h2>
              <Content height={Number(tx.height)} index={tx.index ?? 0} />
              <CheckPanel subject={`tx/${id}`} run={(report) => checkReceipt(link, id, report)} />
            </>
          )}
      </Got>
    </div>
  );
}
