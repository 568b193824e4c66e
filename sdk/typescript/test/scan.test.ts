import assert from "node:assert/strict";
import { test } from "node:test";
import { gapLimit, gapLimitFar } from "../src/keys.ts";
import type { HolderMarks } from "../src/client.ts";
import { type Found, candidates, markOf } from "../src/scan.ts";
import { couponId } from "../src/transactions.ts";

/** Keys have their number for a mark; the coupons of a campaign belong to these numbers, in order. */
const owned = (...numbers: number[]): HolderMarks => ({
  serials: Uint32Array.from(numbers, (_, i) => i + 1),
  marks: Uint32Array.from(numbers),
});

async function look(holders: HolderMarks, options: Parameters<typeof candidates>[3] = {}): Promise<number[]> {
  const found: Found[] = [];
  for await (const f of candidates(7, holders, (n) => n, options)) found.push(f);
  assert.deepEqual(
    found.map((f) => f.id),
    found.map((f) => couponId(7, holders.marks.indexOf(f.n) + 1)),
  );
  return found.map((f) => f.n);
}

test("what the words own is found behind whatever owns nothing any more", async () => {
  assert.deepEqual(await look(owned(gapLimit - 1, 2 * gapLimit - 1)), [gapLimit - 1, 2 * gapLimit - 1]);
  const far = owned(0, gapLimit + 1);
  assert.deepEqual(await look(far), [0], "behind the gap");
  assert.deepEqual(await look(far, { gap: gapLimitFar }), [0, gapLimit + 1], "looked further");
  assert.deepEqual(await look(far, { given: 2 }), [0, gapLimit + 1], "behind keys that were given out");
});

test("several coupons of one key are found, as in a campaign with a cap", async () => {
  const holders = { serials: Uint32Array.of(4, 9), marks: Uint32Array.of(0, 0) };
  const found: Found[] = [];
  for await (const f of candidates(7, holders, (n) => n)) found.push(f);
  assert.deepEqual(found, [
    { id: couponId(7, 4), n: 0 },
    { id: couponId(7, 9), n: 0 },
  ]);
});

test("a look ends when it is called off, and begins with no key where there is no coupon", async () => {
  await assert.rejects(look(owned(1), { signal: AbortSignal.abort() }), { name: "AbortError" });
  const none = candidates(7, owned(), () => assert.fail("a key was asked for"));
  assert.deepEqual(await none.next(), { done: true, value: undefined });
});

test("a mark is the beginning of a key", () => {
  assert.equal(markOf(Uint8Array.of(0xff, 1, 2, 3, 4)), 0xff010203);
});
