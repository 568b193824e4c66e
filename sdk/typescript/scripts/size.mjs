// Prints what each entry weighs in a browser: bundled alone, minified, compressed.
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
for (const name of Object.keys(exports).sort()) {
  const entry = `${root}/src/${name === "." ? "index" : name.slice(2)}.ts`;
  const out = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    target: "es2022",
  });
  const size = gzipSync(out.outputFiles[0].contents, { level: 9 }).length;
  console.log(`${name.padEnd(16)} ${(size / 1024).toFixed(1).padStart(6)} kB`);
}
