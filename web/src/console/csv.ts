/** Tables as spreadsheets open them: names in the first line, and no cell that is taken for a date or a formula. */

/** CsvStyle is how numbers are written: "4.50" with cells apart by commas, or "4,50" with semicolons. */
export type CsvStyle = "point" | "comma";

/** Decimal is an amount in a cell, with a point. Every other text is a text. */
export class Decimal {
  constructor(readonly text: string) {}
}

export type Cell = string | number | bigint | Decimal;

/** csvStyle is what spreadsheets of a region read. */
export function csvStyle(region: string): CsvStyle {
  const parts = new Intl.NumberFormat(region).formatToParts(1.5);
  return parts.some((p) => p.type === "decimal" && p.value === ",") ? "comma" : "point";
}

/** csv writes a table; a text that a spreadsheet would run as a formula is made a text. */
export function csv(rows: readonly (readonly Cell[])[], style: CsvStyle = "point"): string {
  const cell = (x: Cell): string => {
    if (x instanceof Decimal) return style === "comma" ? x.text.replace(".", ",") : x.text;
    const text = typeof x === "string" && /^[=+\-@\t\r]/.test(x) && !/^-?\d+(\.\d+)?$/.test(x) ? `'${x}` : String(x);
    return /[",;\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((r) => r.map(cell).join(style === "comma" ? ";" : ",")).join("\r\n")}\r\n`;
}
