/**
 * Pages inside a face, by what follows the #, as in `#/coupon/4294967297`. A secret
 * that a link brings also stands there; `takeSecret` takes it out of the address
 * bar and the history before anything is drawn.
 */
import { signal } from "@preact/signals";

function pathOf(hash: string): string {
  return hash.startsWith("#/") ? hash.slice(1) : "/";
}

const present = signal(typeof location === "undefined" ? "/" : pathOf(location.hash));

/** route is the present page's path, "/" for the first. */
export const route = present;

/** startRouter follows the address bar. */
export function startRouter(): void {
  present.value = pathOf(location.hash);
  addEventListener("hashchange", () => {
    present.value = pathOf(location.hash);
    scrollTo(0, 0);
  });
}

/** go opens a page of the face; replace leaves no way back to the present one. */
export function go(path: string, replace = false): void {
  if (replace) {
    history.replaceState(null, "", `#${path}`);
    present.value = path;
  } else {
    location.hash = path;
  }
}

/** match compares the path with a pattern like "/coupon/:id" and returns its parts. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split("/");
  const have = path.split("?")[0]?.split("/") ?? [];
  if (want.length !== have.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [i, w] of want.entries()) {
    const h = have[i] ?? "";
    if (w.startsWith(":")) {
      if (h === "") return undefined;
      try {
        parts[w.slice(1)] = decodeURIComponent(h);
      } catch {
        return undefined;
      }
    } else if (w !== h) {
      return undefined;
    }
  }
  return parts;
}

/**
 * takeSecret returns what a link brought behind its #, and removes it from sight. home
 * is where the face lives, for links that open it at a short address.
 */
export function takeSecret(home: string = location.pathname): string | undefined {
  const hash = location.hash;
  if (hash === "" || hash === "#" || hash.startsWith("#/")) return undefined;
  history.replaceState(null, "", home);
  present.value = "/";
  return hash.slice(1);
}
