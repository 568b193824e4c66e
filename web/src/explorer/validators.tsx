/** Who keeps the ledger, and how they are: public to everybody. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { NodeAddress, StatusAnswer, ValidatorsBody } from "@scrip/sdk/answers";
import { findNodes } from "@scrip/sdk/services";
import { Table } from "../kit/badge.tsx";
import { ago, number } from "../kit/format.ts";
import { checkCommittee, signersOf } from "../kit/ledger/check.ts";
import { Notice, useLoad } from "../kit/ui.tsx";
import { CheckPanel } from "./check.tsx";
import { Got } from "../kit/ledger/page.tsx";
import { Digest, MemberLink, useLink } from "./parts.tsx";
import { t } from "./text.ts";

const again = 5000;
const recent = 50;
const sampled = 8;
const askMs = 4000;

interface Health {
  replica: number;
  address: NodeAddress | undefined;
  status?: StatusAnswer;
  tookMs: number;
}

interface Picture {
  committee: ValidatorsBody;
  health: Health[];
  top: number;
  proposed: Map<number, number>;
  blocks: number;
  signed: Map<number, number>;
  samples: number;
}

/** ask asks a node how it is, at its own address. */
async function ask(replica: number, address: NodeAddress | undefined, signal: AbortSignal): Promise<Health> {
  if (!address?.url) return { replica, address, tookMs: 0 };
  const begin = performance.now();
  try {
    const answer = await fetch(`${address.url}/v1/status`, {
      credentials: "omit",
      signal: AbortSignal.any([signal, AbortSignal.timeout(askMs)]),
    });
    const status = (await answer.json()) as StatusAnswer;
    return { replica, address, status, tookMs: performance.now() - begin };
  } catch {
    return { replica, address, tookMs: performance.now() - begin };
  }
}

async function look(link: ReturnType<typeof useLink>, signal: AbortSignal): Promise<Picture> {
  const o = { signal };
  const [committee, nodes, page] = await Promise.all([
    link.client.validators(o),
    findNodes(link.client, o),
    link.client.blocks({ limit: recent }, o),
  ]);
  const health = await Promise.all(
    committee.validators.map((v) =>
      ask(
        v.replica,
        nodes.nodes.find((n) => n.replica === v.replica),
        signal,
      ),
    ),
  );
  const count = (all: readonly number[]) =>
    all.reduce((m, i) => m.set(i, (m.get(i) ?? 0) + 1), new Map<number, number>());
  // The newest certificates may still grow: those a little below are looked at, verified.
  const heights = page.items
    .slice(2, 2 + sampled)
    .map((b) => Number(b.height))
    .filter((h) => h > 0);
  const blocks = await Promise.all(heights.map((h) => signersOf(link, h)));
  const tops = health.map((h) => Number(h.status?.height ?? 0));
  return {
    committee,
    health,
    top: Math.max(Number(page.height), ...tops),
    blocks: page.items.length,
    proposed: count(page.items.filter((b) => b.height !== "0").map((b) => b.proposer)),
    samples: blocks.length,
    signed: count(blocks.flat()),
  };
}

/** conditions are the words for what a validator says of itself; one of another version keeps its own. */
const conditions = new Map<string, Parameters<typeof t>[0]>([
  ["voting", "conditionVoting"],
  ["recalling", "conditionRecalling"],
  ["amnesic", "conditionAmnesic"],
  ["diverged", "conditionDiverged"],
  ["broken", "conditionBroken"],
  ["stopped", "conditionStopped"],
  ["damaged", "conditionDamaged"],
  ["disk-full", "conditionDiskFull"],
  ["catching-up", "conditionCatchingUp"],
]);

const conditionOf = (word: string): string => {
  const key = conditions.get(word);
  return key ? t(key) : word;
};

function State(p: { of: Health }): JSX.Element {
  const { status, address } = p.of;
  if (!address?.url) return <span class="soft">{t("validatorNoAddress")}</span>;
  if (!status) return <strong class="bad">{t("validatorAway")}</strong>;
  return (
    <span class={status.ready ? "good" : "bad"}>
      {conditionOf(status.condition)}
      {status.reason ? ` (${status.reason})` : ""}
    </span>
  );
}

function Lag(p: { of: Health; top: number }): JSX.Element {
  const { status } = p.of;
  if (!status) return <>–</>;
  const behind = p.top - Number(status.height);
  return (
    <>
      {number(Number(status.height))}{" "}
      <span class="soft small">{behind <= 1 ? t("validatorLevel") : t("validatorLag", { n: behind })}</span>
    </>
  );
}

function Board(p: { picture: Picture }): JSX.Element {
  const { committee, health, top } = p.picture;
  const of = (replica: number) => health[replica] as Health;
  const up = health.filter((h) => h.status).length;
  const known = health.filter((h) => h.address?.url).length;
  return (
    <>
      {known > 0 && up < committee.quorum && (
        <Notice kind="bad" live>
          <p class="strong">{t("nowDown", { n: up, total: known, need: committee.quorum })}</p>
        </Notice>
      )}
      <Table
        caption={t("validatorsTitle")}
        rows={committee.validators}
        rowKey={(v) => v.replica}
        columns={[
          { head: "№", figure: true, cell: (v) => v.replica },
          {
            head: t("title"),
            lead: true,
            cell: (v) => (
              <>
                <MemberLink number={v.member} name={v.member_name} />
                {v.replica === committee.primary && <span class="small soft"> · {t("validatorPrimary")}</span>}
              </>
            ),
          },
          { head: t("validatorState"), cell: (v) => <State of={of(v.replica)} /> },
          { head: t("validatorHeight"), figure: true, cell: (v) => <Lag of={of(v.replica)} top={top} /> },
          {
            head: t("validatorAnswer"),
            figure: true,
            cell: (v) => (of(v.replica).status ? t("ms", { n: Math.round(of(v.replica).tookMs) }) : "–"),
          },
          {
            head: t("validatorProposed", { n: p.picture.blocks }),
            figure: true,
            cell: (v) => p.picture.proposed.get(v.replica) ?? 0,
          },
          {
            head: t("validatorSigned", { n: p.picture.samples }),
            figure: true,
            cell: (v) => p.picture.signed.get(v.replica) ?? 0,
          },
          { head: t("validatorVersion"), cell: (v) => of(v.replica).status?.version ?? "–" },
          {
            head: t("validatorUp"),
            cell: (v) => {
              const s = of(v.replica).status?.uptime_s;
              return s === undefined ? "–" : ago(Number(s) * 1000);
            },
          },
          { head: t("validatorKey"), cell: (v) => <Digest text={v.key} name={t("validatorKey")} /> },
        ]}
      />
      <p class="soft small">{t("validatorSignedHint")}</p>
    </>
  );
}

export function Validators(): JSX.Element {
  const link = useLink();
  const loaded = useLoad((signal) => look(link, signal), []);
  useEffect(() => {
    if (loaded.busy) return undefined;
    const timer = setTimeout(() => {
      if (document.visibilityState === "visible") loaded.reload();
    }, again);
    return () => clearTimeout(timer);
  }, [loaded.busy]);
  return (
    <div class="stack">
      <h1>{t("validatorsTitle")}</h1>
      <Got of={loaded}>
        {(picture) => (
          <>
            <p>
              {t("validatorsText", {
                n: picture.committee.validators.length,
                f: picture.committee.faults,
                q: picture.committee.quorum,
              })}
            </p>
            <Board picture={picture} />
            <CheckPanel
              subject="validators"
              about={t("checkCommittee")}
              run={(report) => checkCommittee(link, picture.committee, report)}
            />
          </>
        )}
      </Got>
      <h2>{t("validatorsFaults")}</h2>
      <p>{t("validatorsFaultsText")}</p>
    </div>
  );
}
