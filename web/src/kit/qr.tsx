/** QR codes: always dark on light, four modules of white, error correction M. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { encodeQR } from "qr";
import { t } from "./text.ts";

const border = 4;

/** qrPath returns the dark modules as an SVG path, and the width in modules with the border. */
export function qrPath(text: string): { path: string; size: number } {
  const rows = encodeQR(text, "raw", { ecc: "medium", border });
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      let run = 1;
      while (row[x + run]) run++;
      path += `M${x} ${y}h${run}v1h-${run}z`;
      x += run;
    }
  });
  return { path, size: rows.length };
}

/** Qr draws a text as a QR code; what says to those who do not see it what it is for. */
export function Qr(p: { text: string; what: string }): JSX.Element {
  const { path, size } = useMemo(() => qrPath(p.text), [p.text]);
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      shape-rendering="crispEdges"
      role="img"
      data-qr
      aria-label={t("qrLabel", { what: p.what })}
    >
      <rect width={size} height={size} />
      <path d={path} />
    </svg>
  );
}
