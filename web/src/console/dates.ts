/** Days as date fields write them, in the device's zone. */

/** dateText writes a day as date fields do, in the device's zone. */
export function dateText(ms: number): string {
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/**
 * moment is when a day begins ("first"), or the first instant after it ("last"), in the device's zone; undefined if
 * it is no day.
 */
export function moment(text: string, edge: "first" | "last"): number | undefined {
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!m) return undefined;
  const [year, month, day] = [Number(m[1]), Number(m[2]), Number(m[3])];
  const check = new Date(year, month - 1, day);
  if (check.getMonth() !== month - 1 || check.getDate() !== day) return undefined;
  return new Date(year, month - 1, day + (edge === "last" ? 1 : 0)).getTime();
}
