/** The console: signed in or not, and then its pages. */
import type { ComponentChildren, JSX } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { SecretKey } from "@scrip/sdk/keys";
import { type Link } from "../kit/chain.ts";
import { lazily } from "../kit/lazy.tsx";
import { match, go, route } from "../kit/router.ts";
import { Shell } from "../kit/shell.tsx";
import { t as kit } from "../kit/text.ts";
import { Button, Failure, LinkButton, Loading, Notice } from "../kit/ui.tsx";
import { Outage } from "../kit/ledger/outage.tsx";
import { Missing } from "../kit/ledger/page.tsx";
import { failureOf } from "../kit/refusal/refusal.ts";
import { CampaignPage } from "./campaign.tsx";
import { DayPage } from "./daypage.tsx";
import { Editor } from "./editor.tsx";
import { HandOut } from "./handout.tsx";
import { Home, Start, TemplatesPage } from "./home.tsx";
import { Confirm, SessionContext, useWork } from "./parts.tsx";
import { CoursePage, Developers } from "./later.ts";
import { memberOf, readBrought, Session, type Brought } from "./session.ts";
import { SignIn } from "./signin.tsx";
import { UnderWay } from "./underway.tsx";
import { AddTill, ApproveCode, Tills } from "./tills.tsx";
import { t } from "./text.ts";

const ShopPage = lazily(async () => (await import("./shop/page.tsx")).ShopPage);

const pages: readonly { pattern: string; title: () => string; draw: (p: Record<string, string>) => JSX.Element }[] = [
  { pattern: "/", title: () => t("campaigns"), draw: () => <Home /> },
  { pattern: "/templates", title: () => t("newCampaign"), draw: () => <TemplatesPage /> },
  { pattern: "/new", title: () => t("newCampaign"), draw: () => <Editor /> },
  { pattern: "/new/:kind", title: () => t("newCampaign"), draw: (p) => <Start kind={p["kind"] ?? ""} /> },
  { pattern: "/campaign/:n", title: () => t("campaigns"), draw: (p) => <CampaignPage number={p["n"] ?? ""} /> },
  { pattern: "/handout/:n", title: () => t("handOut"), draw: (p) => <HandOut number={p["n"] ?? ""} /> },
  { pattern: "/tills", title: () => t("tillsTitle"), draw: () => <Tills /> },
  { pattern: "/tills/add", title: () => t("tillAdd"), draw: () => <AddTill /> },
  { pattern: "/day", title: () => t("dayTitle"), draw: () => <DayPage /> },
  { pattern: "/course", title: () => t("courseTitle"), draw: () => <CoursePage /> },
  { pattern: "/course/:n", title: () => t("courseTitle"), draw: (p) => <CoursePage number={p["n"] ?? ""} /> },
  { pattern: "/shop", title: () => t("shopTitle"), draw: () => <ShopPage /> },
  { pattern: "/developers", title: () => t("devTitle"), draw: () => <Developers /> },
];

const sections = [
  { path: "/", text: () => t("navCampaigns") },
  { path: "/tills", text: () => t("navTills") },
  { path: "/day", text: () => t("navDay") },
  { path: "/course", text: () => t("navCourse") },
  { path: "/shop", text: () => t("navShop") },
  { path: "/developers", text: () => t("navDevelopers") },
];

function Nav(p: { onSignOut: () => void }): JSX.Element {
  const here = route.value;
  return (
    <nav class="sections no-print" aria-label={t("nav")}>
      {sections.map((s) => (
        <a key={s.path} href={`#${s.path}`} aria-current={s.path === here ? "page" : undefined}>
          {s.text()}
        </a>
      ))}
      <button type="button" class="sections-out" onClick={p.onSignOut}>
        {t("signOut")}
      </button>
    </nav>
  );
}

function Pages(): JSX.Element {
  const session = useContext(SessionContext);
  const path = route.value;
  const found = pages.map((page) => ({ page, parts: match(page.pattern, path) })).find((x) => x.parts);
  useEffect(() => document.getElementById("content")?.focus({ preventScroll: true }), [path]);
  return (
    <div class="stack">
      {session && <Outage link={session.link} />}
      <UnderWay />
      {found ? (
        <div key={path}>{found.page.draw(found.parts ?? {})}</div>
      ) : (
        <Missing title={t("pageNone")}>
          <LinkButton href="#/">{t("navCampaigns")}</LinkButton>
        </Missing>
      )}
    </div>
  );
}

function titleOf(path: string): string | undefined {
  return pages.find((page) => match(page.pattern, path))?.title();
}

function Frame(p: {
  link?: Link;
  beside?: ComponentChildren;
  session?: Session | undefined;
  children: ComponentChildren;
}): JSX.Element {
  const pulse = p.link?.pulse.value;
  const foot = p.link && (
    <p>
      {p.session && <>{p.session.name} · </>}
      {kit("chain", { name: p.link.genesis.name })}
      {pulse && pulse.up > 0 && <> · {kit("connected", { n: pulse.up, total: pulse.total })}</>}
    </p>
  );
  return (
    <Shell
      name={t("name")}
      title={p.session ? titleOf(route.value) : undefined}
      demo={p.link?.demo ?? false}
      foot={foot}
      wide
      beside={p.beside}
    >
      {p.children}
    </Shell>
  );
}

/** Replace asks before a link's key takes the place of the one that is here. */
function Replace(p: { name: string; onReplace: () => void; onKeep: () => void }): JSX.Element {
  return (
    <Notice kind="accent" title={t("signInReplace")}>
      <p>{t("signInReplaceText", { name: p.name })}</p>
      <div class="row">
        <Button kind="main" onClick={p.onKeep}>
          {t("signInKeep", { name: p.name })}
        </Button>
        <Button onClick={p.onReplace}>{t("signInReplaceAct")}</Button>
      </div>
    </Notice>
  );
}

export function App(p: { link: Link; fragment: string | undefined }): JSX.Element {
  const { link } = p;
  const [session, setSession] = useState<Session>();
  const [ready, setReady] = useState(false);
  const [brought, setBrought] = useState<Brought | undefined>(() =>
    p.fragment === undefined ? undefined : readBrought(p.fragment),
  );
  const [bad, setBad] = useState(brought?.kind === "bad");
  const [leaving, setLeaving] = useState(false);
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  const work = useWork();
  const enter = async (s: Session) => {
    await s.load();
    setSession(s);
    setReady(true);
  };
  const take = async (b: Extract<Brought, { kind: "key" }>) => {
    const member = await memberOf(link, b.seed, b.member);
    setBrought(undefined);
    if (member === 0) {
      setBad(true);
      return setReady(true);
    }
    return enter(await Session.begin(link, member, b.seed));
  };
  const arrive = (b: Brought, here: Session | undefined) => {
    setBad(b.kind === "bad");
    setBrought(b.kind === "bad" ? undefined : b);
    if (b.kind === "box") go("/tills/add", true);
    if (b.kind !== "key") return;
    const same = here && new SecretKey("member", b.seed).address === here.key.address;
    if (same) setBrought(undefined);
    else if (!here) take(b).catch(setError);
  };
  useEffect(() => {
    (async () => {
      const here = await Session.open(link);
      if (here) await enter(here);
      if (brought) arrive(brought, here);
      if (!here && brought?.kind !== "key") setReady(true);
    })().catch(setError);
  }, [round]);
  useEffect(() => {
    const changed = () => {
      if (location.hash.length < 2 || location.hash.startsWith("#/")) return;
      const fragment = location.hash.slice(1);
      history.replaceState(null, "", "/console/");
      arrive(readBrought(fragment), session);
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, [session]);
  const leave = () =>
    work.run(async () => {
      await Session.end(link);
      setLeaving(false);
      setSession(undefined);
      go("/", true);
    });
  const body = () => {
    // The key that a link brought is still at hand: the page is not loaded anew.
    if (error !== undefined)
      return (
        <Failure
          level={1}
          {...failureOf(error)}
          onRetry={() => {
            setError(undefined);
            setReady(false);
            setRound(round + 1);
          }}
        />
      );
    if (!ready) return <Loading what={t("opening")} />;
    if (!session) return <SignIn link={link} bad={bad} onSession={(s) => enter(s).catch(setError)} />;
    if (brought?.kind === "key")
      return (
        <Replace
          name={session.name}
          onKeep={() => setBrought(undefined)}
          onReplace={() => take(brought).catch(setError)}
        />
      );
    if (brought?.kind === "till")
      return (
        <ApproveCode
          answer={brought.answer}
          onEnd={() => {
            setBrought(undefined);
            go("/tills", true);
          }}
        />
      );
    return <Pages />;
  };
  return (
    <SessionContext.Provider value={session}>
      <Frame link={link} session={session} beside={session && <Nav onSignOut={() => setLeaving(true)} />}>
        {body()}
        {leaving && (
          <Confirm
            title={t("signOutTitle")}
            text={t("signOutText")}
            act={t("signOut")}
            bad
            work={work}
            onAct={leave}
            onClose={() => setLeaving(false)}
          />
        )}
      </Frame>
    </SessionContext.Provider>
  );
}
