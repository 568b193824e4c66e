// What a list of happenings reads out of blocks, for where no stream of events gets through.
import { expect, test } from "vitest";
import { Asker, withEvent, type Happening } from "../src/kit/ledger/follow.ts";

const stop = new AbortController().signal;
const claim = (n: number) => ({
  id: new Uint8Array(32).fill(n),
  code: "OK",
  effect: { kind: "Claim", coupon: 1n, owner: new Uint8Array(32) },
});
const refused = { id: new Uint8Array(32).fill(99), code: "E301" };

// A chain with a block each second from second 1 on; it remembers which were read whole.
function chain(outcomes: Record<number, unknown[]>, height: number) {
  const read: number[] = [];
  const block = (h: number) => ({
    height: String(h),
    time: { ms: String(h * 1000) },
    tx_count: outcomes[h]?.length ?? 0,
  });
  const client = {
    read: (_type: string, path: string, query: { limit: number }) => {
      expect(path).toBe("/v1/blocks");
      const items = Array.from({ length: Math.min(query.limit, height) }, (_, i) => block(height - i));
      return Promise.resolve({ items });
    },
    block: (h: number) => {
      read.push(h);
      return Promise.resolve({ timeMs: h * 1000, outcomes: outcomes[h] ?? [] });
    },
  };
  return {
    read,
    asker: (from: number) => new Asker(client as unknown as ConstructorParameters<typeof Asker>[0], from),
  };
}

test("what happened since is found once, with what was refused left out", async () => {
  const { asker, read } = chain({ 3: [claim(3)], 5: [refused, claim(5)], 6: [claim(6), claim(7)] }, 10);
  const a = asker(4);
  expect((await a.look(60_000, stop)).map((e) => [e.id.height, e.id.tx, e.type])).toEqual([
    [5, 1, "coupon.claimed"],
    [6, 0, "coupon.claimed"],
    [6, 1, "coupon.claimed"],
  ]);
  expect(read).toEqual([5, 6]);
  expect(await a.look(60_000, stop)).toEqual([]);
});

test("what the stream has brought is not read again, and the newest blocks are left to it", async () => {
  const { asker, read } = chain({ 5: [claim(5)], 8: [claim(8)], 10: [claim(10)] }, 10);
  const a = asker(4);
  a.heard(5);
  expect((await a.look(11_000, stop)).map((e) => e.id.height)).toEqual([8]);
  expect((await a.look(20_000, stop)).map((e) => e.id.height)).toEqual([10]);
  expect(read).toEqual([8, 10]);
});

test("of many blocks the newest few are read", async () => {
  const all = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [i + 1, [claim(i + 1)]]));
  const { asker, read } = chain(all, 90);
  await asker(0).look(1_000_000, stop);
  expect(read).toEqual([86, 87, 88, 89, 90]);
});

test("an event that comes by both ways is shown once", () => {
  const e = (tx: string, height: number) => ({ tx, id: { height, tx: 0, index: 0 } }) as Happening;
  const all = withEvent(withEvent(withEvent([], e("a", 1), 2), e("b", 2), 2), e("a", 1), 2);
  expect(all.map((x) => x.tx)).toEqual(["b", "a"]);
  expect(withEvent(all, e("c", 3), 2).map((x) => x.tx)).toEqual(["c", "b"]);
});
