/** The ornament of a coupon: a figure of fine lines, its shape given by the campaign's number. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

const points = 360;
const rings = 5;

/** rosettePath draws closed curves around (100, 100); the same seed gives the same figure. */
export function rosettePath(seed: number): string {
  const lobes = 7 + ((seed * 5) % 11);
  const inner = 3 + ((seed * 3) % 5);
  const depth = 10 + ((seed * 7) % 9);
  let path = "";
  for (let ring = 0; ring < rings; ring++) {
    const radius = 34 + ring * 12;
    const shift = (ring * Math.PI) / lobes;
    for (let i = 0; i <= points; i++) {
      const a = (2 * Math.PI * i) / points;
      const r = radius + depth * Math.sin(lobes * a + shift) + 4 * Math.cos(inner * a * 2);
      path += `${i === 0 ? "M" : "L"}${(100 + r * Math.cos(a)).toFixed(1)} ${(100 + r * Math.sin(a)).toFixed(1)}`;
    }
    path += "Z";
  }
  return path;
}

export function Rosette(p: { seed: number }): JSX.Element {
  const path = useMemo(() => rosettePath(p.seed), [p.seed]);
  return (
    <svg class="coupon-rosette" viewBox="0 0 200 200" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" stroke-width="0.8" />
    </svg>
  );
}
