/**
 * The chain's time on a device whose own clock may be wrong: slow, fast, or set while the
 * page is open. It is measured with every proven answer, as no block is of the future.
 */

/** The two clocks of a device, in ms. */
export interface DeviceClocks {
  /** What the device takes for Unix time; people set it. */
  wall: () => number;
  /** Counts evenly from any beginning, and cannot be set; it may stand still while the device sleeps. */
  steady: () => number;
}

/** Up to this difference the device's own clock is right: blocks and answers take their time too. */
const allowanceMs = 10_000;
/** By more than this the two clocks of a device differ only if one was set, or the device slept. */
const jumpMs = 2_000;

/** Measures the chain's time. Not to be shared between chains. */
export class ChainClock {
  /** Told when `skewMs` has changed; never called within nowMs. */
  onChange: ((skewMs: number) => void) | undefined;
  readonly #device: DeviceClocks;
  /** The highest difference of a proven time and the steady clock: below it the chain's time is not. */
  #anchor = -Infinity;
  #skewMs = 0;
  #told = 0;
  /** The wall clock less the steady one, when last looked at. */
  #base: number;
  /** The newest state, and when it was read by the steady clock. */
  #newest: { timeMs: number; steady: number } | undefined;
  #settled = false;

  constructor(device: DeviceClocks = { wall: () => Date.now(), steady: () => performance.now() }) {
    this.#device = device;
    this.#base = device.wall() - device.steady();
  }

  /** The chain's time as well as it is known here, Unix ms. */
  nowMs(): number {
    this.#look();
    return Math.max(this.#device.wall() + this.#skewMs, this.#anchor + this.#device.steady());
  }

  /** The chain's time less the device's, ms: negative on a device that is fast; 0 where they agree to 10 s. */
  get skewMs(): number {
    return this.#skewMs;
  }

  /** Whether the chain's time is known since the device's clock began or was set; else Client.measure finds it. */
  get settled(): boolean {
    this.#look();
    return this.#settled;
  }

  /** Takes a difference that nobody has proven, to begin with: a node's word, or what was measured before. */
  suppose(skewMs: number): void {
    if (Number.isFinite(skewMs) && Math.abs(skewMs) > allowanceMs) this.#skewMs = Math.round(skewMs);
    this.#tell();
  }

  /** Takes the time of a proven block, however old it is: the chain's time is not below it. */
  proven(timeMs: number): void {
    this.#look();
    this.#anchor = Math.max(this.#anchor, timeMs - this.#device.steady());
    const behindMs = this.#anchor + this.#device.steady() - (this.#device.wall() + this.#skewMs);
    if (behindMs > allowanceMs) this.#set();
    this.#tell();
  }

  /**
   * Takes the time of the newest state that a node could prove. A state alone may be old
   * because the chain stands still; that the device is fast shows when the chain moves on.
   */
  newest(timeMs: number): void {
    this.proven(timeMs);
    const steady = this.#device.steady();
    const last = this.#newest;
    const moves = last !== undefined && timeMs > last.timeMs &&
      timeMs - last.timeMs <= 2 * (steady - last.steady) + allowanceMs / 2;
    if (last === undefined || timeMs > last.timeMs) this.#newest = { timeMs, steady };
    const aheadMs = this.#device.wall() - (this.#anchor + steady);
    if (moves || Math.abs(aheadMs) <= allowanceMs) this.#set();
    this.#tell();
  }

  #set(): void {
    const skewMs = Math.round(this.#anchor + this.#device.steady() - this.#device.wall());
    if (Math.abs(skewMs) <= allowanceMs) this.#skewMs = 0;
    else if (Math.abs(skewMs - this.#skewMs) > jumpMs) this.#skewMs = skewMs; // else answers took longer or shorter
    this.#settled = true;
  }

  /**
   * Notices that the device's clock was set. Set back, what is proven holds the time up; forwards the
   * device may have slept instead, and its clock be right.
   */
  #look(): void {
    const base = this.#device.wall() - this.#device.steady();
    const jump = base - this.#base;
    this.#base = base;
    if (Math.abs(jump) > jumpMs) this.#settled = false;
  }

  #tell(): void {
    if (this.#told === this.#skewMs) return;
    this.#told = this.#skewMs;
    this.onChange?.(this.#skewMs);
  }
}
