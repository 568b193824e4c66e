// Serves dist with the headers that a node sends, for tests that need no network.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

const dist = path.join(import.meta.dirname, "../dist");
const kinds = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
  ".png": "image/png",
};

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
  "connect-src 'self' http: https:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types scrip";

/** serve returns the base URL of a server on the loopback, and how to stop it. */
export async function serve() {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const face = url.pathname.split("/")[1];
    const file = path.join(dist, path.normalize(url.pathname));
    let body = await readFile(file).catch(() => undefined);
    let kind = kinds[path.extname(file)];
    if (body === undefined && !url.pathname.startsWith("/v1/")) {
      body = await readFile(path.join(dist, face, "index.html")).catch(() => undefined);
      kind = kinds[".html"];
    }
    response.writeHead(body === undefined ? 404 : 200, {
      "Content-Type": kind ?? "application/octet-stream",
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
    });
    response.end(body ?? "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((r) => server.close(r)) };
}
