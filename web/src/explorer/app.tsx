/** The explorer: search on top of every page, and the pages by their addresses. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Link } from "../kit/chain.ts";
import { go, match, route } from "../kit/router.ts";
import { Shell } from "../kit/shell.tsx";
import { t as kit } from "../kit/text.ts";
import { Button, Loading, useLoad } from "../kit/ui.tsx";
import { BlockPage, Blocks } from "./block.tsx";
import { CampaignPage, Campaigns } from "./campaign.tsx";
import { CouponPage } from "./coupon.tsx";
import { Now } from "./now.tsx";
import { Got, Missing } from "../kit/ledger/page.tsx";
import { LinkContext, useLink } from "./parts.tsx";
import { HolderPage, MemberPage, Members, TillPage } from "./people.tsx";
import { find } from "./search.ts";
import { t } from "./text.ts";
import { TimePage } from "./timepage.tsx";
import { TxPage } from "./tx.tsx";
import { Validators } from "./validators.tsx";

const pages: readonly { pattern: string; title: () => string; draw: (p: Record<string, string>) => JSX.Element }[] = [
  { pattern: "/", title: () => t("nowTitle"), draw: () => <Now /> },
  { pattern: "/time", title: () => t("timeTitle"), draw: () => <TimePage /> },
  { pattern: "/blocks", title: () => t("blocks"), draw: () => <Blocks /> },
  { pattern: "/block/:height", title: () => t("blocks"), draw: (p) => <BlockPage height={p["height"] ?? ""} /> },
  { pattern: "/tx/:id", title: () => t("txTitle"), draw: (p) => <TxPage id={p["id"] ?? ""} /> },
  { pattern: "/campaigns", title: () => t("campaigns"), draw: () => <Campaigns /> },
  { pattern: "/campaign/:n", title: () => t("campaigns"), draw: (p) => <CampaignPage number={p["n"] ?? ""} /> },
  { pattern: "/coupon/:id", title: () => t("couponLife"), draw: (p) => <CouponPage id={p["id"] ?? ""} /> },
  { pattern: "/members", title: () => t("membersTitle"), draw: () => <Members /> },
  { pattern: "/member/:n", title: () => t("membersTitle"), draw: (p) => <MemberPage number={p["n"] ?? ""} /> },
  { pattern: "/till/:key", title: () => t("tillTitle"), draw: (p) => <TillPage tillKey={p["key"] ?? ""} /> },
  { pattern: "/holder/:key", title: () => t("holderTitle"), draw: (p) => <HolderPage owner={p["key"] ?? ""} /> },
  { pattern: "/validators", title: () => t("validatorsTitle"), draw: () => <Validators /> },
  { pattern: "/search/:q", title: () => t("search"), draw: (p) => <Results query={p["q"] ?? ""} /> },
];

const sections = [
  { path: "/", text: () => t("navNow") },
  { path: "/time", text: () => t("navTime") },
  { path: "/blocks", text: () => t("navBlocks") },
  { path: "/campaigns", text: () => t("navCampaigns") },
  { path: "/members", text: () => t("navMembers") },
  { path: "/validators", text: () => t("navValidators") },
];

function Search(): JSX.Element {
  const [text, setText] = useState("");
  return (
    <form
      class="search"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        if (text.trim() === "") return;
        go(`/search/${encodeURIComponent(text.trim())}`);
        setText("");
      }}
    >
      <input
        class="input"
        type="search"
        value={text}
        aria-label={t("search")}
        placeholder={t("searchHint")}
        maxLength={4096}
        spellcheck={false}
        autocomplete="off"
        onInput={(e) => setText(e.currentTarget.value)}
      />
      <Button type="submit">{t("searchAct")}</Button>
    </form>
  );
}

/** Results goes on by itself if there is one result alone. */
function Results(p: { query: string }): JSX.Element {
  const link = useLink();
  const loaded = useLoad((signal) => find(link, p.query, signal), [p.query]);
  const found = loaded.busy ? undefined : loaded.value;
  const only = found?.hits.length === 1 ? found.hits[0] : undefined;
  useEffect(() => {
    if (only) go(only.path, true);
  }, [only?.path]);
  const shown = p.query.slice(0, 80);
  if (only) return <Loading />;
  return (
    <Got of={loaded} page>
      {({ hits, secret }) => {
        if (secret)
          return (
            <Missing title={t("searchPrivate")}>
              <p>{t("searchPrivateText")}</p>
            </Missing>
          );
        if (hits.length === 0)
          return (
            <Missing title={t("searchNone", { q: shown })}>
              <p>{t("searchNoneText")}</p>
            </Missing>
          );
        return (
          <div class="stack">
            <h1>{t("searchFor", { q: shown })}</h1>
            <ul role="list" class="entries">
              {hits.map((h) => (
                <li key={h.path} class="entry">
                  <a class="strong" href={`#${h.path}`}>
                    {h.text}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        );
      }}
    </Got>
  );
}

function Nav(): JSX.Element {
  const here = route.value;
  return (
    <nav class="sections" aria-label={t("nav")}>
      {sections.map((s) => (
        <a key={s.path} href={`#${s.path}`} aria-current={s.path === here ? "page" : undefined}>
          {s.text()}
        </a>
      ))}
    </nav>
  );
}

export function App(p: { link: Link }): JSX.Element {
  const path = route.value;
  const { up, total } = p.link.pulse.value;
  const found = pages.map((page) => ({ page, parts: match(page.pattern, path) })).find((x) => x.parts);
  useEffect(() => document.getElementById("content")?.focus({ preventScroll: true }), [path]);
  const foot = (
    <p>
      {kit("chain", { name: p.link.genesis.name })}
      {up > 0 && <> · {kit("connected", { n: up, total })}</>}
    </p>
  );
  return (
    <LinkContext.Provider value={p.link}>
      <Shell
        name={t("name")}
        title={found?.page.title()}
        demo={p.link.demo}
        foot={foot}
        wide
        beside={
          <>
            <Search />
            <Nav />
          </>
        }
      >
        {found ? (
          <div key={path}>{found.page.draw(found.parts ?? {})}</div>
        ) : (
          <Missing title={t("searchNone", { q: path.slice(0, 80) })}>
            <p>
              <a href="#/">{t("navNow")}</a>
            </p>
          </Missing>
        )}
      </Shell>
    </LinkContext.Provider>
  );
}
