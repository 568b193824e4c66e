// The chain's time is known on a device whose clock is wrong, was set, or slept; and a chain that stands still
// makes no device's clock wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ChainClock } from "../src/clock.js";

const minute = 60_000;
const start = 1_790_000_000_000;

/** A device in a world in which time passes: the chain makes a block each second. */
class World {
  trueMs = start;
  wallOff: number;
  steadyMs = 5_000;
  moves = true;
  #blockMs = start;
  readonly clock: ChainClock;
  readonly told: number[] = [];

  constructor(wallOff: number) {
    this.wallOff = wallOff;
    this.clock = new ChainClock({ wall: () => this.trueMs + this.wallOff, steady: () => this.steadyMs });
    this.clock.onChange = (ms) => this.told.push(ms);
  }

  pass(ms: number, awake = true): void {
    this.trueMs += ms;
    if (awake) this.steadyMs += ms;
    if (this.moves) this.#blockMs = this.trueMs - (this.trueMs % 1000);
  }

  /** Reads a state now, again after a pause. */
  read(times = 2): void {
    for (let i = 0; i < times; i++) {
      this.pass(1_500);
      this.clock.newest(this.#blockMs);
    }
  }

  right(what: string): void {
    const off = this.clock.nowMs() - this.trueMs;
    assert.ok(Math.abs(off) <= 3_000, `${what}: ${off} ms off`);
  }
}

test("a slow, a fast and a right clock are measured", () => {
  for (const off of [-10 * minute, 10 * minute, 400 * 24 * 60 * minute, 0, 2_000]) {
    const w = new World(off);
    assert.equal(w.clock.settled, false);
    w.read();
    w.right(`a clock ${off} ms off`);
    assert.equal(w.clock.settled, true);
    assert.ok(Math.abs(w.clock.skewMs + (off === 2_000 ? 0 : off)) <= 3_000, `skew ${w.clock.skewMs}`);
    assert.equal(w.told.length, Math.abs(off) > minute ? 1 : 0);
    w.pass(10 * minute);
    w.right("later, without an answer");
  }
});

test("a clock that is set while the page is open is measured with the next answer", () => {
  for (const to of [15 * minute, -15 * minute]) {
    const w = new World(0);
    w.read();
    w.wallOff = to;
    assert.equal(w.clock.settled, false);
    w.read(1);
    w.right(`set by ${to}`);
    assert.equal(w.clock.settled, true);
    w.wallOff = 0;
    w.read(1);
    w.right("set back");
    assert.equal(w.clock.skewMs, 0);
  }
});

test("a clock that is set back is seen through before any answer", () => {
  const w = new World(10 * minute);
  w.read();
  w.wallOff = 0;
  w.right("before an answer");
});

test("a device that slept has the time at once, also with a wrong clock", () => {
  for (const off of [0, 10 * minute, -10 * minute]) {
    const w = new World(off);
    w.read();
    w.pass(3 * 60 * minute, false);
    w.right(`woken, ${off} off`);
    w.read();
    w.right(`measured again, ${off} off`);
    assert.equal(w.clock.settled, true);
  }
});

test("a chain that stands still makes no clock fast", () => {
  const w = new World(0);
  w.moves = false;
  w.pass(10 * minute);
  w.read(5);
  assert.equal(w.clock.settled, false);
  w.right("while it stands");
  w.moves = true;
  w.read();
  w.right("when it goes on");
});

test("an old proven time, and old blocks read one after the other, pull nothing back", () => {
  const w = new World(0);
  w.read();
  for (let i = 0; i < 10; i++) {
    w.pass(1_000);
    w.clock.proven(start - 60 * minute + i * 1_000);
  }
  w.right("after old receipts");
  assert.equal(w.clock.skewMs, 0);
});

test("what was supposed counts until it is measured, also if it was false", () => {
  const w = new World(10 * minute);
  w.clock.suppose(-10 * minute);
  w.right("supposed");
  const false_ = new World(0);
  false_.clock.suppose(10 * minute);
  false_.read(1);
  false_.right("a node's false word");
  const nothing = new World(0);
  nothing.clock.suppose(Number.NaN);
  nothing.right("no word");
});
