/** What this browser has proven, and the table behind a picture. */
import type { ComponentChildren, JSX } from "preact";
import { t } from "./text.ts";

/** Proof is what the SDK's verification returned; nothing else makes one. */
export interface Proof {
  /** Members whose signatures were checked here. */
  signers: number;
  /** Members of the committee. */
  members: number;
}

/** VerifiedBadge shows a check only for a proof made in this browser. */
export function VerifiedBadge(p: { proof: Proof | undefined }): JSX.Element {
  if (p.proof === undefined) return <span class="badge badge-none">{t("unverified")}</span>;
  const { signers, members } = p.proof;
  return (
    <span class="badge" title={t("verifiedMore", { n: signers, total: members })} data-verified={signers}>
      <svg viewBox="0 0 18 18" aria-hidden="true">
        <circle cx="9" cy="9" r="8" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M5 9.3l2.7 2.7L13 6.5" fill="none" stroke="currentColor" stroke-width="2" />
      </svg>
      {t("verifiedBy", { n: signers })}
    </span>
  );
}

export interface Column<R> {
  head: string;
  cell: (row: R) => ComponentChildren;
  figure?: boolean;
  /** For the screen alone: buttons are of no use on paper. */
  screen?: boolean;
  /** What names a row. A table with such a column is set row by row on a phone, each led by it. */
  lead?: boolean;
}

const columnClass = <R,>(c: Column<R>) =>
  [c.figure && "figure", c.screen && "no-print", c.lead && "lead"].filter(Boolean).join(" ") || undefined;

/**
 * Table is a ruled table; its caption names it. The roles are said, as a browser may take a table that
 * is set otherwise on a phone for none.
 */
export function Table<R>(p: {
  caption: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string | number;
}): JSX.Element {
  return (
    <div class="table-wrap" role="region" aria-label={p.caption} tabIndex={0}>
      <table class={`table${p.columns.some((c) => c.lead) ? " table-rows" : ""}`} role="table">
        <caption>{p.caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {p.columns.map((c) => (
              <th key={c.head} scope="col" role="columnheader" class={columnClass(c)}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {p.rows.map((r) => (
            <tr key={p.rowKey(r)} role="row">
              {p.columns.map((c) => (
                <td key={c.head} role="cell" data-head={c.head} class={columnClass(c)}>
                  {c.cell(r)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** TableTwin gives a picture's numbers as a table, one tap away. */
export function TableTwin<R>(p: {
  picture: ComponentChildren;
  caption: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  rowKey: (row: R) => string | number;
}): JSX.Element {
  return (
    <figure class="stack-s">
      {p.picture}
      <details class="twin">
        <summary>{t("asTable")}</summary>
        <Table caption={p.caption} columns={p.columns} rows={p.rows} rowKey={p.rowKey} />
      </details>
    </figure>
  );
}
