/** Paying on the code that a till shows: the wallet checks the till, computes, and asks once. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ProvenCoupon, ProvenTill } from "@scrip/sdk/client";
import { NotFound } from "@scrip/sdk/client";
import type { InvoicePayload } from "@scrip/sdk/links";
import { goodAt, isZero, itemKind, type Terms } from "./sdk.ts";
import { campaignOf } from "./sdk.ts";
import { valueOn } from "@scrip/sdk/actions";
import { amountWords, readAmount } from "../kit/amount.ts";
import { decimal, firstMoment, money } from "../kit/format.ts";
import { failureOf, textOf } from "../kit/refusal/refusal.ts";
import { go } from "../kit/router.ts";
import { Button, Empty, Failure, Field, Loading, Notice, useLoad } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import { isOpen, type Session } from "./model.ts";
import type { Slip } from "./purse.ts";
import { SlipCard } from "./slip.tsx";
import { t } from "./text.ts";

/** No wallet answers a bill that ends later than this. */
const lifeMaxMs = 150_000;

interface Choice {
  slip: Slip;
  coupon: ProvenCoupon;
  /** What it gives; of a stored value the most. */
  value: bigint;
}

/** WhyNot is why a coupon cannot be used on a till's bill. */
export type WhyNot = "shop" | "currency" | "name" | "other" | "spend" | "early" | "gift" | "nothing";

/** whyNot tells why terms do not allow an invoice of a till, by the ledger's own rules; undefined if they do. */
export function whyNot(
  terms: Terms,
  till: Pick<ProvenTill, "member" | "store">,
  v: InvoicePayload["invoice"],
  campaign: number,
): WhyNot | undefined {
  const bound = itemKind(terms) || !isZero(terms.productHash);
  if (!goodAt(terms, till.member, till.store)) return "shop";
  if (v.currency !== terms.currency) return "currency";
  if (v.campaign !== 0 && v.campaign !== campaign) return "other";
  // An item's price is stated where the campaign is named, and nowhere else.
  if ((bound && v.campaign === 0) || itemKind(terms) !== v.qty > 0) return "name";
  return v.basis < terms.minSpend ? "spend" : undefined;
}

/** Unfit is a coupon that cannot be used on the bill, and why. */
interface Unfit {
  slip: Slip;
  why: WhyNot;
  terms: Terms;
}

async function choices(
  session: Session,
  till: ProvenTill,
  invoice: InvoicePayload,
): Promise<{ found: Choice[]; unfit: Unfit[] }> {
  const found: Choice[] = [];
  const unfit: Unfit[] = [];
  for (const kept of session.slips.value) {
    // A claim may have counted though the wallet could not look at it since.
    const slip = kept.state === "pending" ? await session.refresh(kept.id).catch(() => kept) : kept;
    if (!slip) continue;
    const campaign = campaignOf(slip.id);
    const terms = session.terms.value.get(campaign);
    if (!isOpen(slip) || slip.state === "pending" || !terms) continue;
    const state = slip.state === "early" ? "early" : slip.state === "offered" ? "gift" : undefined;
    const why = whyNot(terms, till, invoice.invoice, campaign) ?? state;
    if (why) {
      unfit.push({ slip, why, terms });
      continue;
    }
    const coupon = await session.link.client.coupon(slip.id);
    const value = valueOn(coupon, invoice.invoice);
    const most = terms.valueKind === "STORED" && value > invoice.invoice.basis ? invoice.invoice.basis : value;
    if (coupon.standing === "HELD" && most > 0n) found.push({ slip, coupon, value: most });
    else unfit.push({ slip, why: "nothing", terms });
  }
  // The most valuable first, and of equal ones the one that ends first.
  found.sort((a, b) => (a.value === b.value ? a.slip.untilMs - b.slip.untilMs : a.value < b.value ? 1 : -1));
  return { found, unfit };
}

const reasons = {
  shop: "payNotShop",
  currency: "payNotCurrency",
  name: "payNotNamed",
  other: "payNotOther",
  spend: "payNotSpend",
  early: "payNotEarly",
  gift: "payNotGift",
  nothing: "payNotNothing",
} as const;
const unfitShown = 6;

/** None says of each coupon why it cannot be used on this bill. */
function None(p: { unfit: readonly Unfit[] }): JSX.Element {
  const session = useSession();
  const text = ({ why, terms, slip }: Unfit) =>
    t(reasons[why], {
      value: money(terms.minSpend, session.link.currency(terms.currency)),
      date: firstMoment(terms.redeemFrom),
      title: slip.title,
    });
  return (
    <Empty level={1} title={t("payNone")}>
      {p.unfit.length === 0 && <p>{t("payEmpty")}</p>}
      <ul class="stack-s" role="list">
        {p.unfit.slice(0, unfitShown).map((u) => (
          <li key={String(u.slip.id)} data-why={u.why}>
            <span class="strong">{u.slip.title}</span>: {text(u)}
          </li>
        ))}
      </ul>
      <Button kind="main" onClick={() => go("/", true)}>
        {t("back")}
      </Button>
    </Empty>
  );
}

function Pick(p: { choices: readonly Choice[]; chosen: Choice; onChoose: (c: Choice) => void }): JSX.Element | null {
  if (p.choices.length < 2) return null;
  return (
    <fieldset class="pick">
      <legend class="field-label">{t("payPick")}</legend>
      {p.choices.map((c) => (
        <label class="check" key={String(c.slip.id)}>
          <input type="radio" name="coupon" checked={c === p.chosen} onChange={() => p.onChoose(c)} />
          <span>{c.slip.title}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Offer(p: { choices: readonly Choice[]; invoice: InvoicePayload; shop: string }): JSX.Element {
  const session = useSession();
  const [chosen, setChosen] = useState<Choice>(p.choices[0] as Choice);
  const currency = session.link.currency(p.invoice.invoice.currency);
  const [typed, setTyped] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [paid, setPaid] = useState<Slip>();
  const [error, setError] = useState<unknown>();
  const stored = chosen.coupon.terms.valueKind === "STORED";
  const read = stored && typed !== undefined ? readAmount(typed, currency) : chosen.value;
  const wanted = typeof read === "bigint" ? read : undefined;
  const ok = wanted !== undefined && wanted > 0n && wanted <= chosen.value;
  const pay = () => {
    if (!ok) return;
    setBusy(true);
    setError(undefined);
    session
      .pay(chosen.slip, p.invoice, wanted)
      .then(setPaid, setError)
      .finally(() => setBusy(false));
  };
  if (paid) {
    return (
      <div class="stack">
        <Notice
          kind="good"
          level={1}
          title={t("payDone", { value: money(paid.uses[0]?.value ?? wanted ?? 0n, currency) })}
          live
        >
          <p>{t("payDoneText")}</p>
        </Notice>
        <SlipCard slip={paid} fresh />
        <Button kind="main" wide onClick={() => go("/", true)}>
          {t("back")}
        </Button>
      </div>
    );
  }
  return (
    <div class="stack">
      <h1>{t("payTitle")}</h1>
      <p class="strong">{t("payAt", { shop: p.shop })}</p>
      <Pick
        choices={p.choices}
        chosen={chosen}
        onChoose={(c) => {
          setChosen(c);
          setTyped(undefined);
        }}
      />
      <SlipCard slip={chosen.slip} />
      {stored && (
        <Field
          label={t("payAmount")}
          value={typed ?? decimal(chosen.value, currency.exponent)}
          inputMode="decimal"
          onInput={setTyped}
          error={
            typeof read === "string"
              ? amountWords(read, typed ?? "", currency)
              : ok
                ? undefined
                : t("payMost", { value: money(chosen.value, currency) })
          }
        />
      )}
      {error !== undefined && <Failure {...failureOf(error)} />}
      <Button kind="main" wide busy={busy} disabled={!ok} onClick={pay}>
        {busy ? t("payBusy") : t("payAct", { value: money(ok ? wanted : chosen.value, currency) })}
      </Button>
      <Button kind="plain" onClick={() => go("/", true)}>
        {t("back")}
      </Button>
    </div>
  );
}

export function PayPage(p: { invoice: InvoicePayload }): JSX.Element {
  const session = useSession();
  const { invoice } = p.invoice;
  const look = useLoad(async () => {
    const till = await session.link.client.till(invoice.tillKey);
    const shop = t("tillLine", { member: await session.link.member(till.member), label: till.label });
    return { till, shop, ...(await choices(session, till, p.invoice)) };
  }, [p.invoice]);
  // A coupon that becomes usable while none is has come for this bill too.
  const usable = session.slips.value.filter((s) => isOpen(s) && s.state !== "pending");
  useEffect(() => {
    if (look.value?.found.length === 0) look.reload();
  }, [usable.map((s) => s.id).join()]);
  if (look.error instanceof NotFound) return <Failure level={1} {...textOf("E702")} detail={t("payUnknownTill")} />;
  if (look.error !== undefined)
    return <Failure level={1} {...failureOf(look.error)} onRetry={look.reload} busy={look.busy} />;
  if (!look.value) return <Loading />;
  if (look.value.till.standing !== "ACTIVE")
    return <Failure level={1} {...textOf("E702")} detail={t("payUnknownTill")} />;
  if (session.link.nowMs() >= invoice.expires) return <Failure level={1} {...textOf("E511")} detail={t("payStale")} />;
  // What is signed for it would live longer than anybody waits (rules 3.5): the till's clock is fast.
  if (invoice.expires > session.link.nowMs() + Math.min(session.link.genesis.holderLifeMs, lifeMaxMs))
    return <Failure level={1} {...textOf("E109")} title={t("payTillClock")} detail={t("payTillClockText")} />;
  if (look.value.found.length === 0) return <None unfit={look.value.unfit} />;
  return <Offer choices={look.value.found} invoice={p.invoice} shop={look.value.shop} />;
}
