// Amounts as they are typed are read as the command line reads them: the vectors are the same file.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AmountFault, amountFaults, parseAmount } from "../src/amounts.js";
import { load } from "./vectors.js";

interface Vector {
  text: string;
  decimals: number;
  letters?: string;
  minor?: string;
  fault?: AmountFault;
}

test("amounts as they are typed", () => {
  const seen = new Set<string>();
  for (const v of load<Vector[]>("internal/units/testdata/amounts.json")) {
    const got = parseAmount(v.text, v.decimals, v.letters);
    assert.equal(String(got), v.minor ?? v.fault, `${JSON.stringify(v.text)} with ${v.decimals} decimals`);
    if (v.fault) seen.add(v.fault);
  }
  assert.deepEqual([...seen].sort(), [...amountFaults].sort());
});
