// No module of the SDK imports itself by way of others.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { circleIn, importsIn } from "./circles.ts";
import { repository } from "./vectors.ts";

test("the sources are free of import circles", () => {
  const imports = importsIn(repository("sdk/typescript/src"));
  assert.ok(imports.size > 30 && [...imports.values()].flat().length > 100, "few imports were found");
  assert.equal(circleIn(imports)?.join(" -> "), undefined);
});

test("every form of import closes a circle", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "circles-"));
  const circle = (a: string): string | undefined => {
    writeFileSync(path.join(dir, "a.ts"), a);
    return circleIn(importsIn(dir, (name) => (name === "kit/c" ? path.join(dir, "c.ts") : undefined)))
      ?.map((m) => path.basename(m, ".ts"))
      .join(" ");
  };
  try {
    writeFileSync(path.join(dir, "b.ts"), `import type {\n  C,\n} from "./c.ts";\nimport { x } from "package";\n`);
    writeFileSync(path.join(dir, "c.ts"), `import { a } from "./a.ts";\n`);
    assert.equal(circle(`import { d } from "node:fs";\n`), undefined);
    for (const back of [`import "./b.ts";`, `export * from "./b.ts";`, `import {\n  b,\n} from "./b.ts";`]) {
      assert.equal(circle(back), "a b c a", back);
    }
    assert.equal(circle(`const b = () => import("./b.ts");`), "a b c a");
    assert.equal(circle(`import type { C } from "kit/c";`), "a c a");
    assert.equal(circle(`import { a } from "./a.ts";`), "a a");
    assert.throws(() => circle(`import { d } from "./d.ts";`), /which is not there/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
