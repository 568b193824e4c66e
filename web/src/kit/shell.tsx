/** The frame of every page: masthead, content, colophon; language and appearance. */
import { render, type ComponentChildren, type JSX } from "preact";
import { useEffect } from "preact/hooks";
import { effect, signal } from "@preact/signals";
import { language, languages, locale, prefer, preference, setLanguage } from "./i18n.ts";
import { ClockNotice } from "./clock.tsx";
import { t } from "./text.ts";
import { Toasts } from "./ui.tsx";

export type Theme = "auto" | "light" | "dark";
const themeKey = "scrip.theme";

function keptTheme(): Theme {
  const kept = preference(themeKey);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export const theme = signal<Theme>(keptTheme());

function setTheme(value: Theme): void {
  theme.value = value;
  prefer(themeKey, value === "auto" ? null : value);
}

const rightToLeft = /^(ar|fa|he|ur)\b/;

/** mount draws a face and keeps language, direction and theme of the document right. */
export function mount(face: JSX.Element): void {
  effect(() => {
    const root = document.documentElement;
    root.lang = language.value === "zh" ? "zh-Hans" : locale.value;
    root.dir = rightToLeft.test(language.value) ? "rtl" : "ltr";
    if (theme.value === "auto") root.removeAttribute("data-theme");
    else root.dataset["theme"] = theme.value;
  });
  const root = document.getElementById("face");
  if (root === null) throw new Error("the page has no place for the face");
  render(face, root);
}

function Preferences(): JSX.Element {
  return (
    <div class="row">
      <label>
        <span class="unseen">{t("language")}</span>
        <select
          class="input"
          value={language.value}
          onChange={(e) => setLanguage(e.currentTarget.value === "zh" ? "zh" : "en")}
        >
          {languages.map((l) => (
            <option key={l.code} value={l.code}>
              {l.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="unseen">{t("theme")}</span>
        <select class="input" value={theme.value} onChange={(e) => setTheme(e.currentTarget.value as Theme)}>
          <option value="auto">{t("themeAuto")}</option>
          <option value="light">{t("themeLight")}</option>
          <option value="dark">{t("themeDark")}</option>
        </select>
      </label>
    </div>
  );
}

/** toContent moves the focus to the content, where a screen reader goes on. */
export function toContent(): void {
  document.getElementById("content")?.focus({ preventScroll: true });
}

export interface ShellProps {
  /** The face's name, in the masthead. */
  name: string;
  /** What stands beside the name: search, navigation. */
  beside?: ComponentChildren;
  /** Title of the present page, for the window and its history. */
  title?: string | undefined;
  /** A line at the bottom: chain, nodes, age of the data. */
  foot?: ComponentChildren;
  wide?: boolean;
  /** Whether the chain's keys are public. */
  demo?: boolean;
  children: ComponentChildren;
}

export function Shell(p: ShellProps): JSX.Element {
  useEffect(() => {
    document.title = p.title ? `${p.title} · ${p.name}` : p.name;
  }, [p.title, p.name]);
  return (
    <div class={`frame${p.wide ? " frame-wide" : ""}`}>
      <header>
        <a
          class="skip unseen"
          href="#content"
          onClick={(e) => {
            e.preventDefault();
            document.getElementById("content")?.focus();
          }}
        >
          {t("skip")}
        </a>
        {p.demo && <p class="specimen-strip">{t("demo")}</p>}
        <div class="masthead">
          <a class="masthead-name" href="#/">
            {p.name}
          </a>
          {p.beside}
        </div>
        <ClockNotice />
      </header>
      <main id="content" class="page" tabIndex={-1}>
        {p.children}
      </main>
      <footer class="colophon">
        <div>{p.foot}</div>
        <Preferences />
      </footer>
      <Toasts />
    </div>
  );
}
