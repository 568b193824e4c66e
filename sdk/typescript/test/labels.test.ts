import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as sdk from "../src/index.ts";
import { repository } from "./vectors.ts";

interface Label {
  name: string;
  text: string;
  clean?: string;
}

test("labels are read as in Go", () => {
  const labels = JSON.parse(readFileSync(repository("internal/label/testdata/labels.json"), "utf8")) as Label[];
  assert.ok(labels.length > 20);
  for (const x of labels) assert.equal(sdk.readLabel(x.text), x.clean, x.name);
  assert.equal(sdk.readLabel("half \ud800"), undefined);
});
