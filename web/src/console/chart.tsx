/** A picture of numbers over time: bars with an axis, its unit and times. The same numbers stand in a table beside it. */
import type { JSX } from "preact";
import { axisTop } from "./course.ts";

/** Bars are drawn from left to right; value writes a number of the axis with its unit. */
export function Bars(p: {
  label: string;
  unit: string;
  values: readonly bigint[];
  value: (n: bigint) => string;
  times: readonly string[];
}): JSX.Element {
  const most = p.values.reduce((a, b) => (b > a ? b : a), 0n);
  const top = axisTop(most);
  const ticks = top === 1n ? [1n, 0n] : [top, top / 2n, 0n];
  const height = (n: bigint) => Number((n * 1000n) / top) / 10;
  return (
    <div class="chart">
      <p class="chart-unit small soft">{p.unit}</p>
      <div class="chart-y small soft" aria-hidden="true">
        {ticks.map((n) => (
          <span key={String(n)}>{p.value(n)}</span>
        ))}
      </div>
      <svg
        class="chart-bars"
        viewBox={`0 0 ${p.values.length * 10} 100`}
        preserveAspectRatio="none"
        role="img"
        aria-label={p.label}
      >
        {ticks.map((n) => (
          <line
            key={String(n)}
            class="chart-line"
            x1="0"
            x2={p.values.length * 10}
            y1={100 - height(n)}
            y2={100 - height(n)}
          />
        ))}
        {p.values.map(
          (n, i) =>
            n > 0n && (
              <rect
                key={i}
                class="chart-bar"
                x={i * 10 + 1}
                width="8"
                y={100 - Math.max(1, height(n))}
                height={Math.max(1, height(n))}
              />
            ),
        )}
      </svg>
      <div class="chart-x small soft" aria-hidden="true">
        {p.times.map((x) => (
          <span key={x}>{x}</span>
        ))}
      </div>
    </div>
  );
}
