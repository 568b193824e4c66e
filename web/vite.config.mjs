// Shared by the build and the tests.
import path from "node:path";

const root = import.meta.dirname;

/** The SDK is taken from its sources; its dependencies are this package's own, so that there is one copy of each. */
export const aliases = [
  { find: /^@scrip\/sdk$/, replacement: path.join(root, "../sdk/typescript/src/index.ts") },
  { find: /^@scrip\/sdk\/(.*)$/, replacement: path.join(root, "../sdk/typescript/src/$1.ts") },
  { find: /^(@noble\/|@scure\/|age-encryption)/, replacement: `${path.join(root, "node_modules")}/$1` },
];

export default {
  resolve: { alias: aliases },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { include: ["test/**/*.test.{ts,tsx}"], environment: "node", css: true },
};
