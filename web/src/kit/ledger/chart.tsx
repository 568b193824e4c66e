/** Bars over time, with what their heights and their places mean: an axis, its unit, and times. */
import type { JSX } from "preact";

export interface BarsProps {
  /** What the bars show, for who does not see them; the numbers stand in a table beside. */
  label: string;
  /** What the height counts, above the axis. */
  unit: string;
  /** The heights, oldest first; undefined where nothing is known. */
  values: readonly (number | undefined)[];
  /** Places for bars; those that are missing stay free at the beginning. */
  places?: number;
  /** How a height is written at the axis. */
  write: (value: number) => string;
  /** The times at the ends of the axis, and between them. */
  times: readonly string[];
}

const wide = 10;
const high = 100;
const least = 2; // a bar that is seen

const rounds = [1, 2, 3, 4, 5, 6, 8, 10];

/** topOf is the round number at the head of an axis. */
export function topOf(most: number): number {
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * (rounds.find((m) => m * power >= most) ?? 10);
}

export function Bars(p: BarsProps): JSX.Element {
  const places = Math.max(1, p.places ?? 1, p.values.length);
  const top = topOf(Math.max(0, ...p.values.map((v) => v ?? 0)));
  return (
    <div class="chart" role="img" aria-label={p.label}>
      <span class="chart-unit">{p.unit}</span>
      <span class="chart-scale">
        <span>{p.write(top)}</span>
        <span>{p.write(0)}</span>
      </span>
      <svg viewBox={`0 0 ${places * wide} ${high}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="chart-ground" d={`M0 ${high - 0.5}H${places * wide}M0 0.5H${places * wide}`} />
        {p.values.map((v, i) => {
          if (v === undefined) return null;
          const height = v === 0 ? least : Math.max(2 * least, (high * v) / top);
          return (
            <rect
              key={i}
              class={v === 0 ? "chart-none" : "chart-bar"}
              x={(places - p.values.length + i) * wide + 1.5}
              y={high - height}
              width={wide - 3}
              height={height}
            />
          );
        })}
      </svg>
      <span class="chart-times">
        {p.times.map((x, i) => (
          <span key={i}>{x}</span>
        ))}
      </span>
    </div>
  );
}
