/** The first page: what is there to use, soonest end first. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { failureOf } from "../kit/refusal/refusal.ts";
import { LinkButton, Button, Empty, Failure, Notice } from "../kit/ui.tsx";
import { date } from "../kit/format.ts";
import { go } from "../kit/router.ts";
import { preference, prefer } from "../kit/i18n.ts";
import { useSession } from "./context.ts";
import { byEnd, isOpen } from "./model.ts";
import type { Slip } from "./purse.ts";
import { SlipCard, Stale } from "./slip.tsx";
import { keptAt } from "./kept.ts";
import { Elsewhere, look, LookState } from "./search.tsx";
import { t } from "./text.ts";

const laterKey = "scrip.wallet.keep-later";
const laterMs = 3 * 86_400_000;

/** KeepCard asks for a backup once there is something to lose, and not every day. */
function KeepCard(): JSX.Element | null {
  const session = useSession();
  // Who brought the wallet here has kept it somewhere.
  const [kept, setKept] = useState<unknown>(0);
  const [later, setLater] = useState(Number(preference(laterKey) ?? 0) > Date.now());
  useEffect(() => {
    void keptAt(session).then(async (at) => setKept(at ?? (await session.purse.brought())));
  }, []);
  if (kept !== undefined || later || session.slips.value.length === 0) return null;
  return (
    <Notice kind="accent" title={t("keepTitle")}>
      <p>{t("keepCard")}</p>
      <div class="row">
        <Button onClick={() => go("/keep")}>{t("keepAct")}</Button>
        <Button
          kind="plain"
          onClick={() => {
            prefer(laterKey, String(Date.now() + laterMs));
            setLater(true);
          }}
        >
          {t("keepLater")}
        </Button>
      </div>
    </Notice>
  );
}

function List(p: { head: string; slips: readonly Slip[] }): JSX.Element | null {
  if (p.slips.length === 0) return null;
  return (
    <section class="stack" aria-label={p.head}>
      <h2>{p.head}</h2>
      <ul role="list" class="stack slips">
        {p.slips.map((s) => (
          <li key={String(s.id)}>
            <SlipCard slip={s} link />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Menu(): JSX.Element {
  const session = useSession();
  const [kept, setKept] = useState<number>();
  useEffect(() => {
    void keptAt(session).then(setKept);
  }, []);
  return (
    <div class="row small">
      <LinkButton kind="plain" href="#/keep">
        {kept ? t("keepDone", { date: date(kept) }) : t("menuKeep")}
      </LinkButton>
      <LinkButton kind="plain" href="#/restore">
        {t("menuRestore")}
      </LinkButton>
      <Button kind="plain" onClick={() => look(session)}>
        {t("lookAct")}
      </Button>
    </div>
  );
}

export function Home(): JSX.Element {
  const session = useSession();
  useEffect(() => {
    void session.refreshAll().catch(() => undefined);
  }, []);
  const slips = session.slips.value
    .filter((s) => !s.hidden)
    .slice()
    .sort(byEnd);
  const missed = session.missed.value;
  const looking = session.filling.value || session.looking.now.value?.quiet === false;
  const use = slips.filter((s) => s.state === "usable" || s.state === "early");
  const wait = slips.filter((s) => s.state === "pending" || s.state === "offered");
  const past = slips.filter((s) => !isOpen(s));
  return (
    <div class="stack home">
      <h1 class="unseen">{t("myCoupons")}</h1>
      <Stale />
      {!looking && <KeepCard />}
      <LookState />
      {missed !== undefined && !looking && (
        <Failure
          {...failureOf(missed)}
          detail={t("restoreAway")}
          onRetry={() => void session.lookOn().catch(() => undefined)}
        />
      )}
      {slips.length === 0 && !looking && missed === undefined && (
        <Empty title={t("emptyTitle")}>
          <p>{t("emptyText")}</p>
          <Elsewhere text={t("elsewhere")} />
        </Empty>
      )}
      <List head={t("usableHead")} slips={use} />
      <List head={t("waitingHead")} slips={wait} />
      {past.length > 0 && (
        <details class="twin" open={use.length === 0 && past.length <= 3}>
          <summary>{t("pastCount", { n: past.length })}</summary>
          <ul role="list" class="stack slips">
            {past.map((s) => (
              <li key={String(s.id)}>
                <SlipCard slip={s} link />
              </li>
            ))}
          </ul>
        </details>
      )}
      <Menu />
      <div class="reach">
        <LinkButton kind="main" wide href="#/scan">
          {t("scan")}
        </LinkButton>
      </div>
    </div>
  );
}
