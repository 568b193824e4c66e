/** Registers a face's service worker, which keeps its files for when there is no network. */

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** registerWorker does nothing where the browser has no service workers, as on plain http. */
export function registerWorker(face: "wallet" | "till"): void {
  if (!("serviceWorker" in navigator)) return;
  const own = `/${face}/worker.js`;
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  // The one Trusted Types policy of the faces lets through these two addresses and nothing else.
  const url =
    policies
      ?.createPolicy("scrip", {
        createScriptURL: (asked) => {
          if (asked !== own) throw new TypeError(`${asked} is not the worker of this face`);
          return asked;
        },
      })
      .createScriptURL(own) ?? own;
  navigator.serviceWorker.register(url, { scope: `/${face}/` }).catch(() => undefined);
}

/** serve is the worker itself: the face's files from this version's cache, everything else from the network. */
export function serve(scope: ServiceWorkerGlobalScope, face: string, version: string, files: readonly string[]): void {
  const name = `${face}-${version}`;
  scope.addEventListener("install", (e) => {
    e.waitUntil(
      caches
        .open(name)
        .then((c) => c.addAll([...files]))
        .then(() => scope.skipWaiting()),
    );
  });
  scope.addEventListener("activate", (e) => {
    e.waitUntil(
      caches
        .keys()
        .then((all) =>
          Promise.all(all.filter((n) => n.startsWith(`${face}-`) && n !== name).map((n) => caches.delete(n))),
        )
        .then(() => scope.clients.claim()),
    );
  });
  scope.addEventListener("fetch", (e) => {
    const url = new URL(e.request.url);
    if (e.request.method !== "GET" || url.origin !== scope.location.origin || !url.pathname.startsWith(`/${face}/`))
      return;
    const page = e.request.mode === "navigate" ? `/${face}/` : url.pathname;
    e.respondWith(
      caches
        .open(name)
        .then((c) => c.match(page))
        .then((kept) => kept ?? fetch(e.request)),
    );
  });
}
