/** The page on which a shop sets its colour, logo, address and hours, with the coupon as customers see it. */
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { ProblemError, Unreachable } from "@scrip/sdk/errors";
import {
  inspectLogo,
  profileLimits,
  publishProfile,
  readProfile,
  signProfile,
  type SignedProfile,
} from "@scrip/sdk/profiles";
import { Coupon } from "../../kit/coupon.tsx";
import { dateTime } from "../../kit/format.ts";
import { failureOf } from "../../kit/refusal/refusal.ts";
import { ShopFacts } from "../../kit/shop/facts.tsx";
import { dayName } from "../../kit/shop/hours.ts";
import { Logo } from "../../kit/shop/logo.tsx";
import { takeShop } from "../../kit/shop/shops.ts";
import { Button, Failure, Field, Loading, Notice, useLoad } from "../../kit/ui.tsx";
import { useSession, useWork } from "../parts.tsx";
import { t as common } from "../text.ts";
import { formOf, readForm, type Fault, type ShopForm, type Times } from "./form.ts";
import { logoOf } from "./logo.ts";
import { t } from "./text.ts";

const sampleMs = 30 * 86_400_000;
const noTime: Times = { from: "", until: "" };

interface Edit {
  form: ShopForm;
  set: (change: Partial<ShopForm>) => void;
}

function LogoField(p: Edit): JSX.Element {
  const id = useId();
  const [bad, setBad] = useState(false);
  const { logo } = p.form;
  const take = async (file: File | undefined) => {
    const made = file && (await logoOf(file));
    setBad(file !== undefined && !made);
    if (made) p.set({ logo: made });
  };
  return (
    <div class="field">
      <label for={id}>{t("logo")}</label>
      <div class="row">
        {logo.length > 0 && (
          <Logo large look={{ colour: p.form.colour, logo, logoType: inspectLogo(logo)?.type ?? "" }} />
        )}
        <input
          id={id}
          class="input"
          type="file"
          accept="image/*"
          aria-describedby={`${id}-about`}
          aria-invalid={bad ? "true" : undefined}
          onChange={(e) => void take(e.currentTarget.files?.[0])}
        />
      </div>
      <div id={`${id}-about`}>
        {bad && <p class="field-error">{t("logoBad")}</p>}
        <p class="field-hint">{t("logoHint")}</p>
      </div>
      {logo.length > 0 && (
        <div class="row">
          <Button kind="plain" onClick={() => p.set({ logo: new Uint8Array() })}>
            {t("logoNone")}
          </Button>
        </div>
      )}
    </div>
  );
}

function ColourField(p: Edit): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{t("colour")}</label>
      <input
        id={id}
        class="input shop-colour"
        type="color"
        value={p.form.colour}
        aria-describedby={`${id}-about`}
        onInput={(e) => p.set({ colour: e.currentTarget.value.toLowerCase() })}
      />
      <p id={`${id}-about`} class="field-hint">
        {t("colourHint")}
      </p>
    </div>
  );
}

function HoursField(p: Edit & { bad: boolean }): JSX.Element {
  const id = useId();
  const { days } = p.form;
  const setDay = (day: number, times: readonly Times[]) => p.set({ days: days.map((d, i) => (i === day ? times : d)) });
  return (
    <fieldset class="field shop-hours" aria-describedby={`${id}-about`}>
      <legend class="field-label">{t("hours")}</legend>
      {days.map((times, day) => {
        const name = dayName(day, "long");
        const shown = times.length > 0 ? times : [noTime];
        const change = (i: number, part: Partial<Times>) =>
          setDay(
            day,
            shown.map((x, j) => (j === i ? { ...x, ...part } : x)),
          );
        const filled = shown.every((x) => x.from !== "" && x.until !== "");
        return (
          <div class="shop-day" key={day}>
            <span class="shop-day-name">{name}</span>
            <div class="shop-times">
              {shown.map((x, i) => (
                <div class="row" key={i}>
                  <input
                    class="input"
                    type="time"
                    value={x.from}
                    aria-label={t("from", { day: name })}
                    aria-invalid={p.bad ? "true" : undefined}
                    onInput={(e) => change(i, { from: e.currentTarget.value })}
                  />
                  <span aria-hidden="true">–</span>
                  <input
                    class="input"
                    type="time"
                    value={x.until === "24:00" ? "00:00" : x.until}
                    aria-label={t("until", { day: name })}
                    aria-invalid={p.bad ? "true" : undefined}
                    onInput={(e) => change(i, { until: e.currentTarget.value })}
                  />
                </div>
              ))}
              {!filled && day > 0 && (days[day - 1]?.length ?? 0) > 0 && shown.length === 1 && (
                <Button kind="plain" onClick={() => setDay(day, days[day - 1] ?? [])}>
                  {t("same", { day: name })}
                </Button>
              )}
              {filled && shown.length < 3 && (
                <Button kind="plain" onClick={() => setDay(day, [...shown, noTime])}>
                  {t("more", { day: name })}
                </Button>
              )}
            </div>
          </div>
        );
      })}
      <div id={`${id}-about`}>
        {p.bad && <p class="field-error">{t("hoursBad")}</p>}
        <p class="field-hint">{t("hoursHint")}</p>
      </div>
    </fieldset>
  );
}

/** ShopPreview is a coupon and the shop's box as the wallet draws them. */
function ShopPreview(p: Edit): JSX.Element {
  const session = useSession();
  const { link, member, name } = session;
  const { form } = p;
  const currency = session.currencies()[0] ?? { letters: "EUR", exponent: 2 };
  const logoType = inspectLogo(form.logo)?.type ?? "";
  const { profile } = readForm(form, member);
  const unit = 10n ** BigInt(currency.exponent);
  return (
    <aside class="stack editor-side" aria-label={t("preview")}>
      <h2>{t("preview")}</h2>
      <Coupon
        issuer={name}
        title={t("sample")}
        campaign={member}
        specimen
        untilMs={link.nowMs() + sampleMs}
        look={{ colour: form.colour, logo: form.logo, logoType }}
        rule={{ kind: "AMOUNT", face: 5n * unit, bps: 0, ceiling: 0n, minSpend: 0n, currency }}
      />
      {profile && (
        <ShopFacts
          name={name}
          shop={{
            ...profile,
            at: link.nowMs(),
            logoType,
            signatures: [],
            raw: new Uint8Array(),
            digest: new Uint8Array(),
            message: new Uint8Array(),
          }}
        />
      )}
    </aside>
  );
}

/** wordOf is what a node said of a profile, if all said one thing that people can do something about. */
function wordOf(error: unknown): string | undefined {
  const codes = error instanceof Unreachable ? error.errors.map((e) => (e instanceof ProblemError ? e.code : "")) : [];
  if (codes.includes("profile_older")) return t("older");
  return codes.includes("rate_limited") ? t("often") : undefined;
}

function Publishing(p: { error: unknown }): JSX.Element | null {
  if (p.error === undefined) return null;
  const word = wordOf(p.error);
  return word ? (
    <Notice kind="bad" live>
      <p>{word}</p>
    </Notice>
  ) : (
    <Failure {...failureOf(p.error)} />
  );
}

function Form(p: { known: SignedProfile | undefined }): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const [known, setKnown] = useState(p.known);
  const [form, setForm] = useState(() => formOf(p.known));
  const [tried, setTried] = useState(false);
  const [said, setSaid] = useState<{ taken: number; missed: number }>();
  const work = useWork();
  const read = readForm(form, member);
  const set = (change: Partial<ShopForm>) => {
    setSaid(undefined);
    setForm((f) => ({ ...f, ...change }));
  };
  const fault = (f: Fault, text: string) => (tried && read.faults[f] ? text : undefined);
  const publish = () => {
    setTried(true);
    const { profile } = read;
    if (!profile) {
      requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    work.run(async () => {
      const at = Math.max(link.nowMs(), (known?.at ?? 0) + 1);
      const signed = signProfile(link.chain, { ...profile, at }, [session.signer]);
      const { taken, errors } = await publishProfile(link.client, signed);
      await takeShop(link, signed);
      setKnown(signed);
      setSaid({ taken, missed: errors.length });
    });
  };
  const edit: Edit = { form, set };
  return (
    <div class="editor">
      <form
        class="stack editor-form"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          publish();
        }}
      >
        <p class="soft small">{known ? t("last", { date: dateTime(known.at) }) : t("never")}</p>
        <ColourField {...edit} />
        <LogoField {...edit} />
        <Field
          label={t("address")}
          hint={t("addressHint")}
          value={form.address}
          rows={profileLimits.addressLines}
          onInput={(address) => set({ address })}
          error={fault("lines", t("linesBad")) ?? fault("address", t("addressBad"))}
        />
        <HoursField {...edit} bad={tried && read.faults.hours === true} />
        <Field
          label={t("website")}
          value={form.website}
          inputMode="url"
          onInput={(website) => set({ website })}
          error={fault("website", t("websiteBad"))}
        />
        <Field
          label={t("phone")}
          hint={t("phoneHint")}
          value={form.phone}
          onInput={(phone) => set({ phone })}
          error={fault("phone", t("phoneBad"))}
        />
        <Publishing error={work.error} />
        {said && (
          <Notice kind="good" live>
            <p>{t("published", { n: said.taken, total: said.taken + said.missed })}</p>
            {said.missed > 0 && <p>{t("partly", { n: said.missed })}</p>}
          </Notice>
        )}
        <Button kind="main" type="submit" wide busy={work.busy}>
          {t("publish")}
        </Button>
      </form>
      <ShopPreview {...edit} />
    </div>
  );
}

export function ShopPage(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const loaded = useLoad((signal) => readProfile(link.client, member, { signal }), [member]);
  const threshold = session.about.value?.threshold ?? 1;
  useEffect(() => {
    if (loaded.value?.profile) void takeShop(link, loaded.value.profile);
  }, [loaded.value]);
  return (
    <div class="stack">
      <h1>{common("shopTitle")}</h1>
      <p>{t("lead")}</p>
      {threshold > 1 ? (
        <Notice title={common("threshold", { n: threshold })}>
          <p>{common("thresholdText")}</p>
        </Notice>
      ) : loaded.value ? (
        <Form known={loaded.value.profile} />
      ) : loaded.error !== undefined ? (
        <Failure {...failureOf(loaded.error)} onRetry={loaded.reload} busy={loaded.busy} />
      ) : (
        <Loading />
      )}
    </div>
  );
}
