// Compiles sources and tests and runs the tests that are named, or all.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: "inherit" });
try {
  for (const config of ["tsconfig.json", "tsconfig.test.json"]) {
    run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", config]);
  }
  const wanted = process.argv.slice(2);
  const files = readdirSync(`${root}/test`)
    .filter((f) => f.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((w) => f.startsWith(w))))
    .map((f) => `build/test/${f.replace(/\.ts$/, ".js")}`);
  run(process.execPath, ["--test", "--test-reporter=dot", ...files]);
} catch {
  process.exitCode = 1; // the failure has been printed
}
