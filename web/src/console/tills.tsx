/** Tills and staff: paired by a code, revoked in one tap. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { TillAnswer } from "@scrip/sdk/answers";
import { readLabel } from "@scrip/sdk/labels";
import { hex } from "@scrip/sdk/bytes";
import { decodeKey } from "@scrip/sdk/keys";
import { joinMemberSigned, randomBytes, Right, signMember } from "@scrip/sdk/transactions";
import { Table } from "../kit/badge.tsx";
import { amountWords, readAmount, readCount } from "../kit/amount.ts";
import { lastDay, money } from "../kit/format.ts";
import { msOf, word } from "../kit/ledger/ledger.tsx";
import {
  boxOf,
  checkAnswer,
  encodeOffer,
  getBox,
  readRegistration,
  type Offer,
  type Registration,
} from "../kit/pairing.ts";
import { Qr } from "../kit/qr.tsx";
import {
  Button,
  Check,
  Copyable,
  Empty,
  Failure,
  Field,
  LinkButton,
  Loading,
  Notice,
  toast,
  useLoad,
} from "../kit/ui.tsx";
import { go } from "../kit/router.ts";
import { daySpan, readDay, takenBy, zoneName } from "./day.ts";
import { dateText, moment } from "./dates.ts";
import { sampleOf } from "./draft.ts";
import { CurrencyChoice } from "./home.tsx";
import { Got, Missing } from "../kit/ledger/page.tsx";
import { gotPages, More, usePages } from "../kit/ledger/pages.tsx";
import { Confirm, Trouble, useBesides, useEvents, useSession, useSoon, useWork } from "./parts.tsx";
import { t } from "./text.ts";

const yearMs = 365 * 86_400_000;
const lookMs = 1000;
/** What a new till may take in a day, unless another amount is typed. */
const capHundredths = 100_000n;
const labelBytesMax = 32;
const pageSize = 100;
const soonMs = 3000;
const offerRow = "offer";

/** fingerprint is what till and console show of a key, for the eye. */
export function fingerprint(key: Uint8Array): string {
  return (hex(key.slice(0, 4)).toUpperCase().match(/.{4}/g) ?? []).join(" ");
}

function RevokeButton(p: { till: TillAnswer; onDone: () => void }): JSX.Element {
  const session = useSession();
  const [asking, setAsking] = useState(false);
  const work = useWork();
  const label = p.till.label || t("tillUnnamed");
  const revoke = () =>
    work.run(async () => {
      const tillKey = decodeKey("till", p.till.key);
      await session.act(
        `${t("tillRevoke")}: ${label}`,
        session.sign({ kind: "TillKeyRevoke", member: session.member, tillKey }),
      );
      toast(t("tillRevoked", { label }));
      setAsking(false);
      p.onDone();
    });
  return (
    <>
      <Button kind="bad" label={`${t("tillRevoke")}: ${label}`} onClick={() => setAsking(true)}>
        {t("tillRevoke")}
      </Button>
      {asking && (
        <Confirm
          title={t("tillRevokeTitle", { label })}
          text={t("tillRevokeText")}
          act={t("tillRevoke")}
          bad
          work={work}
          onAct={revoke}
          onClose={() => {
            setAsking(false);
            work.clear();
          }}
        />
      )}
    </>
  );
}

/** inOrder puts those that work first, by name. */
function inOrder(tills: readonly TillAnswer[]): TillAnswer[] {
  const names = new Intl.Collator(undefined, { numeric: true });
  return tills.toSorted((a, b) => (a.state === b.state ? names.compare(a.label, b.label) : a.state < b.state ? -1 : 1));
}

export function Tills(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const pages = usePages(
    (cursor, signal) =>
      link.client.read("PageTillAnswer", "/v1/tills", { member, limit: pageSize, cursor }, { signal }),
    [member],
  );
  const date = dateText(link.nowMs());
  const today = useLoad(
    async (signal) => {
      const span = daySpan(date);
      return span && takenBy((await readDay(link, member, span, signal)).totals);
    },
    [date],
  );
  const soon = useSoon(today.reload, soonMs);
  useEvents({ types: ["till.added", "till.revoked"] }, [member], pages.reload);
  useEvents({ types: ["redemption.accrued", "redemption.voided"] }, [member], soon);
  useBesides(soon);
  if (!session.has("merchant"))
    return (
      <Missing title={t("tillsNot")}>
        <p>{t("tillsNotText")}</p>
      </Missing>
    );
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{t("tillsTitle")}</h1>
        <LinkButton kind="main" href="#/tills/add">
          {t("tillAdd")}
        </LinkButton>
      </div>
      <Got of={gotPages(pages)}>
        {(tills) =>
          tills.length === 0 ? (
            <Empty title={t("tillsNone")}>
              <p>{t("tillsNoneText")}</p>
            </Empty>
          ) : (
            <Table
              caption={t("tillsTitle")}
              rows={inOrder(tills)}
              rowKey={(x) => x.key}
              columns={[
                {
                  head: t("tillLabel"),
                  lead: true,
                  cell: (x) => (
                    <>
                      <a href={`/explorer/#/till/${x.key}`}>{x.label || t("tillUnnamed")}</a>
                      <span class="small soft mono"> {fingerprint(decodeKey("till", x.key))}</span>
                    </>
                  ),
                },
                {
                  head: t("tillState"),
                  cell: (x) => (
                    <>
                      {word(x.state)} <span class="small soft">{x.rights.map(word).join(", ")}</span>
                    </>
                  ),
                },
                {
                  head: t("tillToday"),
                  figure: true,
                  cell: (x) =>
                    today.value ? money(today.value.get(x.key) ?? 0n, session.currencyNamed(x.currency)) : "–",
                },
                { head: t("tillUntil"), cell: (x) => lastDay(msOf(x.valid_until)) },
                {
                  head: t("action"),
                  cell: (x) => x.state === "ACTIVE" && <RevokeButton till={x} onDone={pages.reload} />,
                },
              ]}
            />
          )
        }
      </Got>
      <p class="small soft">{t("tillTodayZone", { zone: zoneName(link.nowMs()) })}</p>
      <More of={pages} />
    </div>
  );
}

function useApprove() {
  const session = useSession();
  const { link } = session;
  return async (r: Registration): Promise<void> => {
    const raw = joinMemberSigned(r.body, [signMember(link.chain, r.body, session.signer)], r.signature);
    await session.act(t("tillAddOf", { label: r.fields.label || t("tillUnnamed") }), raw);
    await link.store.delete(offerRow);
    toast(t("tillAdded", { label: r.fields.label || t("tillUnnamed") }));
    go("/tills", true);
  };
}

/** Approve shows what the till asks for, and its key, before it is added. */
export function Approve(p: { registration: Registration; onReject: () => void }): JSX.Element {
  const approve = useApprove();
  const work = useWork();
  const { registration: r } = p;
  return (
    <div class="stack narrow">
      <h1>{t("tillCame", { label: r.fields.label || t("tillUnnamed") })}</h1>
      <p>{t("tillKeySame")}</p>
      <p class="fingerprint mono" data-fingerprint>
        {fingerprint(r.fields.tillKey)}
      </p>
      <Trouble work={work} />
      <Button kind="main" wide busy={work.busy} onClick={() => work.run(() => approve(r))}>
        {work.busy ? t("tillBusy") : t("tillApprove")}
      </Button>
      <Button onClick={p.onReject}>{t("tillReject")}</Button>
    </div>
  );
}

/** ApproveCode takes an answer that came as a code instead of through a box. */
export function ApproveCode(p: { answer: Uint8Array; onEnd: () => void }): JSX.Element {
  const { link, member } = useSession();
  let registration: Registration | undefined;
  try {
    registration = readRegistration(link.chain, p.answer);
    if (registration.fields.member !== member) registration = undefined;
  } catch {
    registration = undefined;
  }
  if (!registration)
    return (
      <Failure title={t("tillBad")}>
        <Button onClick={p.onEnd}>{t("navTills")}</Button>
      </Failure>
    );
  return <Approve registration={registration} onReject={p.onEnd} />;
}

/** Waiting shows the offer, and looks into its box until the till has answered. */
function Waiting(p: { offer: Offer; onCancel: () => void }): JSX.Element {
  const { link } = useSession();
  const [came, setCame] = useState<Registration>();
  const [bad, setBad] = useState(false);
  const { asked, up } = link.pulse.value;
  useEffect(() => {
    if (came) return undefined;
    let over = false;
    const look = async () => {
      while (!over) {
        const data = await getBox(link.nodes, boxOf(link.chain, p.offer)).catch(() => undefined);
        if (over) return;
        if (data) {
          try {
            return setCame(checkAnswer(link.chain, p.offer, data));
          } catch {
            setBad(true);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, lookMs));
      }
      return undefined;
    };
    void look();
    return () => {
      over = true;
    };
  }, [p.offer, came]);
  if (came) return <Approve registration={came} onReject={p.onCancel} />;
  const url = `${location.origin}/till/#pair=${encodeOffer(link.chain, p.offer)}`;
  return (
    <div class="stack narrow">
      <h1>{t("tillScan")}</h1>
      <p>{t("tillScanText")}</p>
      <Qr text={url} what={t("tillLink")} />
      <Loading what={t("tillWaiting")} />
      {asked && up === 0 && (
        <Notice kind="bad" live>
          <p>{t("tillAway")}</p>
        </Notice>
      )}
      {bad && (
        <Notice kind="bad" live>
          <p>{t("tillBad")}</p>
        </Notice>
      )}
      <details class="twin">
        <summary>{t("tillLink")}</summary>
        <Copyable text={url} label={t("tillLink")} />
      </details>
      <Button onClick={p.onCancel}>{t("tillCancel")}</Button>
    </div>
  );
}

export function AddTill(): JSX.Element {
  const session = useSession();
  const { link, member } = session;
  const [currency, setCurrency] = useState(
    () => session.currencies()[0] ?? link.currency(link.genesis.currencies[0]?.number ?? 0),
  );
  const [label, setLabel] = useState("");
  const [store, setStore] = useState("1");
  const [typedCap, setCap] = useState<string>();
  const cap = typedCap ?? sampleOf(capHundredths, currency.exponent);
  const [until, setUntil] = useState(dateText(link.nowMs() + yearMs));
  const [undo, setUndo] = useState(true);
  const [offer, setOffer] = useState<Offer>();
  const [tried, setTried] = useState(false);
  const kept = useLoad(() => link.store.get<Offer>(offerRow), []);
  useEffect(() => {
    if (kept.value && kept.value.member === member) setOffer(kept.value);
  }, [kept.value]);
  const readStore = readCount(store, 1, 65_535);
  const storeNumber = typeof readStore === "number" ? readStore : undefined;
  const readCap = readAmount(cap, currency);
  const dayCap = typeof readCap === "bigint" ? readCap : undefined;
  const validUntil = moment(until, "last");
  const name = readLabel(label) ?? "";
  const goodLabel = name !== "" && new TextEncoder().encode(name).length <= labelBytesMax;
  const goodTime = validUntil !== undefined && validUntil > link.nowMs() && validUntil <= link.nowMs() + 3 * yearMs;
  const make = () => {
    setTried(true);
    if (!goodLabel || storeNumber === undefined || dayCap === undefined || dayCap < 1n || !goodTime) return;
    const o: Offer = {
      secret: randomBytes(16),
      member,
      store: storeNumber,
      rights: undo ? Right.redeem | Right.voidOwn : Right.redeem,
      currency: currency.number,
      validUntil,
      dayCap,
      label: name,
    };
    void link.store.set(offerRow, o);
    setOffer(o);
  };
  if (!session.has("merchant"))
    return (
      <Missing title={t("tillsNot")}>
        <p>{t("tillsNotText")}</p>
      </Missing>
    );
  if (offer)
    return (
      <Waiting
        offer={offer}
        onCancel={() => {
          void link.store.delete(offerRow);
          setOffer(undefined);
        }}
      />
    );
  const fault = (ok: boolean, text: string) => (tried && !ok ? text : undefined);
  return (
    <form
      class="stack narrow"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        make();
      }}
    >
      <h1>{t("tillAdd")}</h1>
      <p>{t("tillsNoneText")}</p>
      <Field
        label={t("tillLabel")}
        hint={t("tillLabelHint")}
        value={label}
        onInput={setLabel}
        maxLength={32}
        required
        error={fault(
          goodLabel,
          readLabel(label) === undefined ? t("faultTitle") : name === "" ? t("faultNeeded") : t("faultLong"),
        )}
      />
      <CurrencyChoice value={currency.number} onChange={setCurrency} />
      <Field
        label={t("tillCap", { currency: currency.letters })}
        hint={t("tillCapHint")}
        value={cap}
        onInput={setCap}
        inputMode="decimal"
        error={fault(
          dayCap !== undefined && dayCap >= 1n,
          typeof readCap === "string" ? amountWords(readCap, cap, currency) : t("faultMoney"),
        )}
      />
      <Field
        label={t("tillStore")}
        value={store}
        onInput={setStore}
        inputMode="numeric"
        error={fault(storeNumber !== undefined, t("faultNumber"))}
      />
      <Field
        label={t("tillMonths")}
        type="date"
        value={until}
        onInput={setUntil}
        error={fault(goodTime, t("faultPast"))}
      />
      <Check label={t("tillUndo")} checked={undo} onChange={setUndo} />
      <Button kind="main" wide type="submit">
        {t("tillOffer")}
      </Button>
    </form>
  );
}
