/** Writing a campaign: the coupon as customers see it, and what it can cost, always in sight. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { decodeFunding, rowKey } from "@scrip/sdk/rows";
import { Segments, Button, Check, Field, Loading, Notice, toast, useLoad } from "../kit/ui.tsx";
import { readWording, wordingRow } from "../kit/wording/wording.tsx";
import { isZero } from "@scrip/sdk/bytes";
import { amountWords, isAmountFault } from "../kit/amount.ts";
import { money, number, percent, span, type Currency } from "../kit/format.ts";
import { go } from "../kit/router.ts";
import { zoneName } from "./day.ts";
import { kinds, publicTermsOf, readDraft, type Draft, type Kept, type Kind, type Read } from "./draft.ts";
import { CurrencyChoice, draftRow, inCurrency, Preview } from "./home.tsx";
import { Confirm, saveFile, useSession, useWork } from "./parts.tsx";
import { giveWording } from "./wording.tsx";
import { t } from "./text.ts";

const kindText = { AMOUNT: "kindAmount", PERCENT: "kindPercent", FREE_ITEM: "kindItem", STORED: "kindStored" } as const;
const valueText = {
  AMOUNT: "fieldValue",
  PERCENT: "fieldValue",
  FREE_ITEM: "fieldItem",
  STORED: "fieldStored",
} as const;

/** useFunds reads what is left of the member's promise in a currency, proven. */
function useFunds(currency: number): { free: bigint } | undefined {
  const { link, member } = useSession();
  const loaded = useLoad(
    async (signal) => {
      const s = await link.client.state(rowKey.funding(member, currency), { signal });
      if (s.value.length === 0) return { free: 0n };
      const f = decodeFunding(s.value);
      return { free: f.limit - f.locked };
    },
    [member, currency],
  );
  return loaded.value;
}

function CostBox(p: { read: Read; currency: Currency; free: bigint | undefined }): JSX.Element {
  const { cost } = p.read;
  const { currency, free } = p;
  return (
    <section class="cost" aria-labelledby="cost-title" aria-live="polite">
      <h2 id="cost-title">{t("costTitle")}</h2>
      {!cost ? (
        <p class="soft">{t("costNone")}</p>
      ) : (
        <>
          <dl class="sums">
            <dt>{t("costOne")}</dt>
            <dd>{money(cost.one, currency)}</dd>
            <dt>{t("costAll", { n: number(cost.all / cost.one) })}</dt>
            <dd>{money(cost.all, currency)}</dd>
            <dt class="strong">{t("costBudget")}</dt>
            <dd class="strong" data-budget={String(cost.budget)}>
              {money(cost.budget, currency)}
            </dd>
            {free !== undefined && (
              <>
                <dt>{t("costFree")}</dt>
                <dd>{money(free, currency)}</dd>
              </>
            )}
          </dl>
          {cost.budget < cost.all && <p class="small">{t("costCovers", { n: cost.covers })}</p>}
          {free !== undefined && cost.budget > free && (
            <p class="field-error" role="alert">
              {t("costOver", { free: money(free, currency) })}
            </p>
          )}
        </>
      )}
    </section>
  );
}

interface Edit {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  error: (field: keyof Draft) => string | undefined;
  currency: Currency;
}

function Values(p: Edit): JSX.Element {
  const { draft: d, set, error, currency } = p;
  const letters = { currency: currency.letters };
  const bill = d.kind === "AMOUNT" || d.kind === "PERCENT";
  return (
    <>
      {d.kind === "PERCENT" ? (
        <div class="pair-fields">
          <Field
            label={t("fieldPercent")}
            value={d.percent}
            onInput={(percent) => set({ percent })}
            inputMode="decimal"
            error={error("percent")}
            required
          />
          <Field
            label={t("fieldCeiling", letters)}
            hint={t("fieldCeilingHint")}
            value={d.ceiling}
            onInput={(ceiling) => set({ ceiling })}
            inputMode="decimal"
            error={error("ceiling")}
            required
          />
        </div>
      ) : (
        <Field
          label={t(valueText[d.kind], letters)}
          value={d.value}
          onInput={(value) => set({ value })}
          inputMode="decimal"
          error={error("value")}
          required
        />
      )}
      {bill && (
        <Field
          label={t("fieldMin", letters)}
          hint={t("fieldMinHint")}
          value={d.minSpend}
          onInput={(minSpend) => set({ minSpend })}
          inputMode="decimal"
          error={error("minSpend")}
        />
      )}
      <div class="pair-fields">
        <Field
          label={t("fieldCount")}
          value={d.count}
          onInput={(count) => set({ count })}
          inputMode="numeric"
          error={error("count")}
          required
        />
        <Field
          label={t("fieldBudget", letters)}
          hint={t("fieldBudgetHint")}
          value={d.budget}
          onInput={(budget) => set({ budget })}
          inputMode="decimal"
          error={error("budget")}
        />
      </div>
    </>
  );
}

function Rules(p: Edit): JSX.Element {
  const { draft: d, set, error } = p;
  const session = useSession();
  const zone = zoneName(session.link.nowMs());
  const listed = d.kept?.terms.shops.length ? [...new Set(d.kept.terms.shops.map((s) => s.member))] : [];
  const nameOf = (n: number) => session.link.genesis.members[n - 1]?.name ?? String(n);
  const shopText = { own: t("shopsOwn"), all: t("shopsAll"), kept: listed.map(nameOf).join(", ") };
  const shops: Draft["shops"][] = [
    ...(session.has("merchant") ? ["own" as const] : []),
    "all",
    ...(listed.length > 0 && (listed.length > 1 || listed[0] !== session.member) ? ["kept" as const] : []),
  ];
  return (
    <>
      <div class="pair-fields">
        <Field
          label={t("fieldClaimFrom")}
          hint={t("fieldClaimFromHint")}
          type="date"
          value={d.claimFrom ?? ""}
          onInput={(claimFrom) => set({ claimFrom })}
          error={error("claimFrom")}
        />
        <Field
          label={t("fieldUseFrom")}
          hint={t("fieldUseFromHint")}
          type="date"
          value={d.useFrom ?? ""}
          onInput={(useFrom) => set({ useFrom })}
          error={error("useFrom")}
        />
      </div>
      <div class="pair-fields">
        <Field
          label={t("fieldClaim")}
          type="date"
          value={d.claimUntil}
          onInput={(claimUntil) => set({ claimUntil })}
          error={error("claimUntil")}
          required
        />
        <Field
          label={t("fieldUse")}
          type="date"
          value={d.useUntil}
          onInput={(useUntil) => set({ useUntil })}
          error={error("useUntil")}
          required
        />
      </div>
      <p class="field-hint">{t("fieldDayHint", { zone })}</p>
      {shops.length > 1 && (
        <div class="field">
          <span class="field-label">{t("fieldShops")}</span>
          <Segments
            label={t("fieldShops")}
            value={d.shops}
            onChange={(v) => set({ shops: v })}
            options={shops.map((value) => ({ value, text: shopText[value] }))}
          />
        </div>
      )}
      <Field
        label={t("fieldEach")}
        hint={t("fieldEachHint")}
        value={d.each}
        onInput={(each) => set({ each })}
        inputMode="numeric"
        error={error("each")}
      />
      <Check label={t("fieldGift")} checked={d.gift} onChange={(gift) => set({ gift })} />
      <Check
        label={
          <>
            {t("fieldShow")} <span class="soft small">{t("fieldShowHint")}</span>
          </>
        }
        checked={d.show}
        onChange={(show) => set({ show })}
      />
      <Field
        label={t("fieldUndo")}
        value={d.undoHours}
        onInput={(undoHours) => set({ undoHours })}
        inputMode="numeric"
        error={error("undoHours")}
      />
      <Field
        label={t("fieldTerms")}
        hint={t("fieldTermsHint")}
        value={d.publicTerms}
        onInput={(publicTerms) => set({ publicTerms })}
        rows={5}
        maxLength={20_000}
        error={error("publicTerms")}
        spellcheck
      />
      {d.publicTerms.trim() === "" && !d.kept && (
        <div>
          <Button kind="plain" onClick={() => set({ publicTerms: usualTerms(d) })}>
            {t("fieldTermsUsual")}
          </Button>
        </div>
      )}
    </>
  );
}

/** usualTerms are terms to begin with, for the title and the time to undo that stand in the form. */
function usualTerms(d: Draft): string {
  const hours = Number(d.undoHours);
  const undo = span((Number.isInteger(hours) && hours > 0 ? hours : 72) * 3_600_000);
  return t("usualTerms", { title: d.title.trim(), undo });
}

export function Editor(): JSX.Element {
  const session = useSession();
  const [draft, setDraft] = useState<Draft>();
  useEffect(() => {
    void session.link.store.get<Draft>(draftRow).then((d) => (d ? setDraft(d) : go("/templates", true)));
  }, [session]);
  return draft ? (
    <Form
      draft={draft}
      onChange={(d) => {
        setDraft(d);
        void session.link.store.set(draftRow, d);
      }}
    />
  ) : (
    <Loading />
  );
}

/** KeptNote says what was taken over from another campaign and stands in no field. */
function KeptNote(p: { kept: Kept; currency: Currency; termsEmpty: boolean }): JSX.Element {
  const { terms, campaign } = p.kept;
  const facts = [
    !isZero(terms.productHash) && t("keptGoods"),
    terms.relativeMs > 0 && t("keptLife", { span: span(terms.relativeMs) }),
    terms.reimburse === "FACE" && t("keptFace"),
    terms.reimburseBps < 10_000 && t("keptShare", { share: percent(terms.reimburseBps) }),
    terms.fee > 0n && t("keptFee", { fee: money(terms.fee, p.currency) }),
    terms.showMax > 0n && t("keptShow", { most: money(terms.showMax, p.currency) }),
    terms.transfer === "trade" && t("keptTrade"),
    terms.shops.some((s) => s.store !== 0) && t("keptStores"),
    p.termsEmpty && t("keptTerms"),
  ].filter((x) => x !== false);
  return (
    <div class="notice small kept">
      <p>{t("keptFrom", { n: campaign })}</p>
      {facts.length > 0 && (
        <ul>
          {facts.map((x) => (
            <li key={x}>{x}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Form(p: { draft: Draft; onChange: (d: Draft) => void }): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const { draft } = p;
  const currency = link.currency(draft.currency);
  const funds = useFunds(draft.currency);
  const [tried, setTried] = useState(false);
  const [asking, setAsking] = useState(false);
  const work = useWork();
  const read = useMemo(
    () =>
      readDraft(
        { ...draft, shops: draft.shops === "own" && !session.has("merchant") ? "all" : draft.shops },
        member,
        currency,
        link.nowMs(),
      ),
    [draft],
  );
  const set = (change: Partial<Draft>) => p.onChange({ ...draft, ...change });
  const error = (field: keyof Draft) => {
    const fault = read.faults[field];
    if (!fault || (!tried && draft[field] === "")) return undefined;
    return isAmountFault(fault) ? amountWords(fault, String(draft[field]), currency) : t(fault);
  };
  const threshold = session.about.value?.threshold ?? 1;
  const over = read.cost !== undefined && funds !== undefined && read.cost.budget > funds.free;
  const shared = draft.kept?.terms.funders.some((f) => f.member !== member) ?? false;
  const ask = () => {
    setTried(true);
    if (read.terms && !over && !shared) return setAsking(true);
    requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    return undefined;
  };
  const open = async () => {
    const { terms } = read;
    if (!terms) return;
    const receipt = await session.act(
      `${t("openAct")}: ${terms.title}`,
      session.sign({ kind: "CampaignPublish", terms }),
    );
    const effect = receipt.outcome.effect;
    await link.store.delete(draftRow);
    const kept = draft.publicTerms.trim() === "" && draft.kept !== undefined; // the text of another campaign
    if (!kept) await link.store.set(wordingRow(terms.termsHash), publicTermsOf(draft));
    if (!effect || !("campaign" in effect)) return;
    const text = kept ? await readWording(link, terms).catch(() => undefined) : publicTermsOf(draft);
    const given = text !== undefined && (await giveWording(link, effect.campaign, text));
    if (!given) toast(t("wordingNotGiven"));
    go(`/handout/${effect.campaign}`, true);
  };
  if (threshold > 1)
    return (
      <Notice title={t("threshold", { n: threshold })}>
        <p>{t("thresholdText")}</p>
      </Notice>
    );
  const edit: Edit = { draft, set, error, currency };
  return (
    <div class="stack">
      <h1>{t("editTitle")}</h1>
      {draft.kept && <KeptNote kept={draft.kept} currency={currency} termsEmpty={draft.publicTerms.trim() === ""} />}
      <div class="editor">
        <form
          class="stack editor-form"
          noValidate
          onSubmit={(e) => {
            e.preventDefault();
            ask();
          }}
        >
          <div class="field">
            <span class="field-label">{t("fieldKind")}</span>
            <Segments<Kind>
              label={t("fieldKind")}
              value={draft.kind}
              onChange={(kind) => set({ kind })}
              options={kinds.map((k) => ({ value: k, text: t(kindText[k]) }))}
            />
          </div>
          <CurrencyChoice
            value={draft.currency}
            onChange={(c) => p.onChange(inCurrency(draft, currency, c, link.nowMs()))}
          />
          <Field
            label={t("fieldTitle")}
            hint={t("fieldTitleHint")}
            value={draft.title}
            onInput={(title) => set({ title })}
            maxLength={64}
            error={error("title")}
            required
            spellcheck
          />
          <Values {...edit} />
          <Rules {...edit} />
          {shared && (
            <Notice kind="bad" title={t("keptShared")}>
              <p>{t("keptSharedText")}</p>
            </Notice>
          )}
          <Button kind="main" wide type="submit" disabled={shared}>
            {t("openAct")}
          </Button>
        </form>
        <Side draft={draft}>
          <CostBox read={read} currency={currency} free={funds?.free} />
        </Side>
      </div>
      {asking && read.cost && (
        <Confirm
          title={t("openTitle", { sum: money(read.cost.budget, currency) })}
          text={t("openText")}
          work={work}
          act={work.busy ? t("openBusy") : t("openAct")}
          onAct={() => work.run(open)}
          onClose={() => {
            setAsking(false);
            work.clear();
          }}
          typed={{
            label: t("openType", { title: draft.title.trim() }),
            value: draft.title.trim(),
            wrong: t("openWrong"),
          }}
        >
          {draft.publicTerms.trim() !== "" && (
            <Button kind="plain" onClick={() => saveFile("terms.txt", publicTermsOf(draft), "text/plain")}>
              {t("fieldTerms")}
            </Button>
          )}
        </Confirm>
      )}
    </div>
  );
}

/** Side is the preview on a phone with the cost below it. */
function Side(p: { draft: Draft; children: ComponentChildren }): JSX.Element {
  return (
    <aside class="editor-side stack" aria-label={t("preview")}>
      <p class="small soft">{t("preview")}</p>
      <div class="phone" data-preview>
        <Preview draft={p.draft} seed={1} />
      </div>
      {p.children}
    </aside>
  );
}
