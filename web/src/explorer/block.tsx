/** Blocks, and what exactly was agreed in one. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { hex } from "@scrip/sdk/bytes";
import { eventOf, type Outcome } from "@scrip/sdk/receipt";
import type { Block } from "@scrip/sdk/verifier";
import { dateTimeZone, number } from "../kit/format.ts";
import { checkBlock, checkHeaders } from "../kit/ledger/check.ts";
import { AsOf, outcomeText, serialText } from "../kit/ledger/ledger.tsx";
import { Button, Empty, LinkButton, useLoad } from "../kit/ui.tsx";
import { CheckPanel } from "./check.tsx";
import { BlockTable } from "./now.tsx";
import { gotPages, ListHead, More, usePages } from "../kit/ledger/pages.tsx";
import { Got, Missing, Pair } from "../kit/ledger/page.tsx";
import { Digest, useLink } from "./parts.tsx";
import { t } from "./text.ts";

const pageSize = 50;

export function Blocks(): JSX.Element {
  const link = useLink();
  const pages = usePages(
    (cursor, signal) => link.client.read("PageBlockAnswer", "/v1/blocks", { limit: pageSize, cursor }, { signal }),
    [],
  );
  return (
    <div class="stack">
      <ListHead title={t("blocks")} of={pages} nowMs={() => link.nowMs()} />
      <Got of={gotPages(pages)}>
        {(items) => (
          <>
            <BlockTable blocks={items.map((block) => ({ block }))} />
            <More of={pages} total={pages.height + 1} />
            <CheckPanel
              subject={`blocks/${pages.height}/${items.length}`}
              about={t("checkHeaders", { n: items.length })}
              run={(report) => checkHeaders(link, items, report)}
            />
          </>
        )}
      </Got>
    </div>
  );
}

/** subject links to what a transaction was about. */
function Subject(p: { outcome: Outcome }): JSX.Element | null {
  const x = p.outcome.effect;
  if (!x) return null;
  if ("coupon" in x) return <a href={`#/coupon/${x.coupon}`}>{t("hitCoupon", { serial: serialText(x.coupon) })}</a>;
  if ("campaign" in x) return <a href={`#/campaign/${x.campaign}`}>{t("campaignTitle", { n: String(x.campaign) })}</a>;
  return null;
}

function Transactions(p: { block: Block }): JSX.Element {
  const [shown, setShown] = useState(pageSize);
  const { outcomes } = p.block;
  if (outcomes.length === 0)
    return (
      <Empty title={t("blockEmpty")}>
        <p>{t("blockEmptyText")}</p>
      </Empty>
    );
  return (
    <section class="stack-s" aria-labelledby="txs-title">
      <h2 id="txs-title">{t("blockTxs")}</h2>
      <ol class="entries" start={0}>
        {outcomes.slice(0, shown).map((o, i) => (
          <li key={i} class="entry">
            <a class={o.code === "OK" ? "strong" : "strong bad"} href={`#/tx/${hex(o.id)}`}>
              {outcomeText(o.code, eventOf(o))}
            </a>
            <span>
              <Subject outcome={o} />
            </span>
          </li>
        ))}
      </ol>
      {shown < outcomes.length && (
        <div>
          <Button onClick={() => setShown(shown + 10 * pageSize)}>{t("blockMore")}</Button>
        </div>
      )}
    </section>
  );
}

export function BlockPage(p: { height: string }): JSX.Element {
  const link = useLink();
  const height = /^\d{1,15}$/.test(p.height) ? Number(p.height) : -1;
  const loaded = useLoad(
    async (signal) => {
      if (height < 0) return undefined;
      const status = await link.client.read("StatusAnswer", "/v1/status", {}, { signal });
      if (height > Number(status.height)) return { top: Number(status.height) };
      return { top: Math.max(height, Number(status.height)), block: await link.client.block(height, { signal }) };
    },
    [height],
  );
  const found = loaded.value;
  if (height < 0 || (found && !found.block)) {
    return (
      <Missing title={t("blockNone")}>{found && <p>{t("blockNoneText", { height: number(found.top) })}</p>}</Missing>
    );
  }
  return (
    <Got of={loaded} page>
      {(x) => x?.block && <BlockView block={x.block} top={x.top} />}
    </Got>
  );
}

function BlockView(p: { block: Block; top: number }): JSX.Element {
  const link = useLink();
  const {
    block: b,
    block: { header: h },
  } = p;
  const name = (replica: number) => {
    const member = link.genesis.validators[replica]?.member ?? 0;
    return link.genesis.members[member - 1]?.name ?? String(replica);
  };
  return (
    <div class="stack">
      <div class="row apart">
        <h1>{t("blockTitle", { height: number(b.height) })}</h1>
        <AsOf height={b.height} timeMs={h.timeMs} nowMs={() => link.nowMs()} />
      </div>
      <nav class="row" aria-label={t("blocks")}>
        {b.height > 0 && <LinkButton href={`#/block/${b.height - 1}`}>← {t("blockPrev")}</LinkButton>}
        {b.height < p.top && <LinkButton href={`#/block/${b.height + 1}`}>{t("blockNext")} →</LinkButton>}
      </nav>
      <dl class="pairs">
        <Pair name={t("blockTime")}>{dateTimeZone(h.timeMs)}</Pair>
        <Pair name={t("blockTxs")}>{number(b.txs.length)}</Pair>
        {b.height > 0 && (
          <Pair name={t("blockBy")}>
            <a href="#/validators">{name(h.proposer)}</a>
          </Pair>
        )}
        <Pair name={t("blockAttested")}>
          {b.checkpoint
            ? t("blockAttestedBy", { n: b.members, names: b.checkpoint.signers.map(name).join(", ") })
            : t("blockGenesis")}
        </Pair>
        <Pair name={t("blockView")}>{number(h.view)}</Pair>
        <Pair name={t("blockDigest")}>
          <Digest text={hex(b.digest)} name={t("blockDigest")} />
        </Pair>
        {b.height > 0 && (
          <Pair name={t("blockParent")}>
            <Digest text={hex(h.parent)} href={`#/block/${b.height - 1}`} name={t("blockParent")} />
          </Pair>
        )}
        {b.checkpoint && (
          <Pair name={t("blockState")}>
            <Digest text={hex(b.checkpoint.stateRoot)} name={t("blockState")} />
          </Pair>
        )}
        {b.checkpoint && b.txs.length > 0 && (
          <Pair name={t("blockReceipts")}>
            <Digest text={hex(b.checkpoint.receiptRoot)} name={t("blockReceipts")} />
          </Pair>
        )}
      </dl>
      <Transactions block={b} />
      <CheckPanel subject={`block/${b.height}`} run={(report) => checkBlock(link, b.height, hex(b.digest), report)} />
    </div>
  );
}
