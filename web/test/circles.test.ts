// No module of the faces, nor of the SDK below them, imports itself by way of others: pages that are fetched later too.
import path from "node:path";
import { expect, test } from "vitest";
import { circleIn, importsIn } from "../../sdk/typescript/test/circles.ts";

const root = path.join(import.meta.dirname, "../..");
const sdk = (name: string): string | undefined => {
  const module = /^@scrip\/sdk(?:\/(\w+))?$/.exec(name);
  return module ? path.join(root, `sdk/typescript/src/${module[1] ?? "index"}.ts`) : undefined;
};

test("the sources are free of import circles", () => {
  const imports = new Map(["web/src", "sdk/typescript/src"].flatMap((f) => [...importsIn(path.join(root, f), sdk)]));
  expect([...imports.values()].flat().length).toBeGreaterThan(500);
  expect(circleIn(imports)?.join(" -> ")).toBeUndefined();
});
