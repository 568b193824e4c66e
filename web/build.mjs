// Builds the faces to dist/<face>/, each complete in itself. The same sources give
// the same bytes: names are hashes of the content, and nothing of the machine or
// the time goes in. With --check it builds beside dist and compares.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rename, rm, cp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { aliases } from "./vite.config.mjs";

const root = import.meta.dirname;
const faces = {
  wallet: { name: "Scrip Wallet", description: "Coupons that are yours", installable: true },
  till: { name: "Scrip Till", description: "Take coupons", installable: true },
  console: { name: "Scrip Console", description: "Campaigns, tills, settlement", installable: false },
  explorer: { name: "Scrip Explorer", description: "What the ledger says", installable: false },
};
const scriptBytesMax = 170_000; // compressed, all scripts of a face
const firstBytesMax = 130_000; // the same, of what its first page waits for

const check = process.argv.includes("--check");
const wanted = process.argv.slice(2).filter((a) => !a.startsWith("-"));
const chosen = wanted.length > 0 ? wanted : Object.keys(faces);

async function filesIn(dir) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => e.isFile())
    .map((e) => path.relative(dir, path.join(e.parentPath, e.name)))
    .sort();
}

async function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  );
}

const shared = {
  configFile: false,
  logLevel: "warn",
  resolve: { alias: aliases, dedupe: ["preact", "@preact/signals"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
};

// page fills the one page of all faces.
function page(face) {
  const { name, description, installable } = faces[face];
  const links = [
    `<link rel="apple-touch-icon" href="/${face}/icon-180.png" />`,
    `<link rel="manifest" href="/${face}/manifest.webmanifest" />`,
  ];
  const values = { face, name, description, installable: installable ? links.join("\n    ") : "" };
  return {
    name: "scrip-page",
    transformIndexHtml: {
      order: "pre",
      handler: (html) => html.replace(/\{(\w+)\}/g, (_, key) => values[key]).replace(/^\s*\n/gm, ""),
    },
  };
}

// lean leaves out what the SDK's table of codes says to people: the faces have words of their own.
const lean = {
  name: "scrip-lean",
  enforce: "pre",
  transform: (code, id) =>
    id.endsWith("/sdk/typescript/src/codes.ts")
      ? code.replace(/^ {2}(\["[^\n]*\]),$/gm, (_, row) => {
          const [name, label, word, , , ...rest] = JSON.parse(row);
          return `  ${JSON.stringify([name, label, word, "", "", ...rest])},`;
        })
      : undefined,
};

// The faces encrypt with passphrases alone. What age-encryption needs for recipients of other kinds, which
// by weight is most of it, stays away: asked for all the same, it says so.
const absent = new Map([
  ["@noble/post-quantum/hybrid.js", ["MLKEM768P256", "MLKEM768X25519"]],
  ["@noble/curves/nist.js", ["p256"]],
]);
const passphrasesAlone = {
  name: "scrip-passphrases-alone",
  enforce: "pre",
  resolveId: (id, from) => {
    const name = [...absent.keys()].find((n) => id.endsWith(n)); // an alias may have made a path of it
    return name && from?.includes("/age-encryption/") ? `\0absent:${name}` : undefined;
  },
  load: (id) => {
    if (!id.startsWith("\0absent:")) return undefined;
    const none = `new Proxy({}, { get() { throw new Error("only passphrases are supported here"); } })`;
    return absent
      .get(id.slice("\0absent:".length))
      .map((name) => `export const ${name} = /* @__PURE__ */ ${none};`)
      .join("\n");
  },
};

async function buildFace(face, out) {
  const dir = path.join(out, face);
  await rm(dir, { recursive: true, force: true });
  await build({
    ...shared,
    root: path.join(root, "src"),
    base: `/${face}/`,
    publicDir: false,
    plugins: [page(face), lean, passphrasesAlone],
    build: {
      outDir: dir,
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      license: false,
      rollupOptions: { input: path.join(root, "src/face.html") },
    },
  });
  await rename(path.join(dir, "face.html"), path.join(dir, "index.html"));
  await cp(path.join(root, "src", face, "public"), dir, { recursive: true }).catch((e) => {
    if (e.code !== "ENOENT") throw e;
  });
  const worker = path.join(root, "src", face, "worker.ts");
  if (await exists(worker)) await buildWorker(face, worker, dir);
  await measure(face, dir);
}

// buildWorker makes the service worker, which names every file of the face and a
// version that changes with them.
async function buildWorker(face, entry, dir) {
  const files = await filesIn(dir);
  const digest = createHash("sha256");
  for (const f of files)
    digest
      .update(f)
      .update("\0")
      .update(await readFile(path.join(dir, f)));
  const urls = files.map((f) => (f === "index.html" ? `/${face}/` : `/${face}/${f}`));
  await build({
    ...shared,
    root,
    publicDir: false,
    define: { SCRIP_FILES: JSON.stringify(urls), SCRIP_VERSION: JSON.stringify(digest.digest("hex").slice(0, 16)) },
    build: {
      outDir: dir,
      emptyOutDir: false,
      target: "es2022",
      reportCompressedSize: false,
      rollupOptions: { input: entry, output: { entryFileNames: "worker.js", format: "iife" } },
    },
  });
}

async function measure(face, dir) {
  const sizeOf = async (f) => gzipSync(await readFile(path.join(dir, f)), { level: 9 }).length;
  const sum = async (files) => (await Promise.all(files.map(sizeOf))).reduce((a, b) => a + b, 0);
  const scripts = (await filesIn(dir)).filter((f) => f.endsWith(".js"));
  const page = await readFile(path.join(dir, "index.html"), "utf8");
  const [first, all] = [await sum(scripts.filter((f) => page.includes(f))), await sum(scripts)];
  console.log(
    `${face}: ${(first / 1000).toFixed(1)} kB of compressed script at first, ${(all / 1000).toFixed(1)} in all`,
  );
  if (first > firstBytesMax || all > scriptBytesMax)
    throw new Error(
      `${face} has ${first} bytes of compressed script at first and ${all} in all, ` +
        `at most ${firstBytesMax} and ${scriptBytesMax} are allowed`,
    );
}

async function compare(a, b) {
  const [left, right] = [await filesIn(a), await filesIn(b)];
  const faults = [];
  for (const f of new Set([...left, ...right])) {
    if (!left.includes(f)) faults.push(`${f} is not in dist`);
    else if (!right.includes(f)) faults.push(`${f} is in dist and is not built any more`);
    else if (!(await readFile(path.join(a, f))).equals(await readFile(path.join(b, f)))) faults.push(`${f} differs`);
  }
  return faults;
}

if (!check) {
  for (const face of chosen) await buildFace(face, path.join(root, "dist"));
} else {
  const out = await mkdtemp(path.join(tmpdir(), "scrip-web-"));
  const faults = [];
  for (const face of chosen) {
    await buildFace(face, out);
    faults.push(...(await compare(path.join(root, "dist", face), path.join(out, face))).map((f) => `${face}: ${f}`));
  }
  await rm(out, { recursive: true });
  if (faults.length > 0) {
    console.error(`dist is not what the sources give (make web):\n${faults.join("\n")}`);
    process.exit(1);
  }
  console.log("dist is what the sources give");
}
