/**
 * Texts in two languages. A table is an object whose Chinese twin has the same
 * keys by type; `{name}` stands for a value and `||` parts the forms of a number.
 */
import { computed, signal } from "@preact/signals";

export type Language = "en" | "zh";
export const languages: readonly { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "zh", name: "中文" },
];

const languageKey = "scrip.language";

/** preference reads a setting that holds no secret; storage may be forbidden. */
export function preference(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** prefer keeps a setting that holds no secret. */
export function prefer(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // The setting lasts as long as the page.
  }
}

function initial(): Language {
  const kept = preference(languageKey);
  if (kept === "en" || kept === "zh") return kept;
  const wanted = typeof navigator === "undefined" ? [] : navigator.languages;
  for (const tag of wanted) {
    if (tag.startsWith("zh")) return "zh";
    if (tag.startsWith("en")) return "en";
  }
  return "en";
}

export const language = signal<Language>(initial());

/** locale is the tag for dates and money: the person's own region where it fits the language. */
export const locale = computed(() => {
  const wanted = typeof navigator === "undefined" ? [] : navigator.languages;
  return wanted.find((tag) => tag.startsWith(language.value)) ?? (language.value === "zh" ? "zh-CN" : "en-GB");
});

export function setLanguage(code: Language): void {
  language.value = code;
  prefer(languageKey, code);
}

export type Values = Readonly<Record<string, string | number>>;

const rules = new Map<string, Intl.PluralRules>();

/** fill puts values into a text; `n` chooses the form where there are several. */
export function fill(text: string, values: Values, tag: string): string {
  const forms = text.split("||");
  let chosen = forms[0] ?? "";
  if (forms.length > 1) {
    const rule = rules.get(tag) ?? new Intl.PluralRules(tag);
    rules.set(tag, rule);
    if (rule.select(Number(values["n"])) !== "one") chosen = forms[1] ?? chosen;
  }
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const v = values[name];
    if (v === undefined) return whole;
    return typeof v === "number" ? new Intl.NumberFormat(tag).format(v) : v;
  });
}

export type Twin<T> = { readonly [K in keyof T]: string };
export type Translate<T> = (key: keyof T & string, values?: Values) => string;

/** translator returns the function that says the texts of a table in the present language. */
export function translator<const T extends Readonly<Record<string, string>>>(en: T, zh: Twin<T>): Translate<T> {
  return (key, values = {}) => fill((language.value === "zh" ? zh : en)[key], values, locale.value);
}
