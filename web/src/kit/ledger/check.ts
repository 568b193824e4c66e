/**
 * "Check in this browser", step by step: what a node has said is proven against the
 * committee of the pinned genesis file, with each step shown as it holds or fails.
 */
import type { BlockAnswer, StateAnswer, TxAnswer, ValidatorsBody } from "@scrip/sdk/answers";
import { equal, fromBase64, hex } from "@scrip/sdk/bytes";
import { FalseAnswer, Unreachable } from "@scrip/sdk/errors";
import { decodeCheckpoint, decodeHeader, type CheckpointCertificate, type Header } from "@scrip/sdk/consensus";
import { encodeKey } from "@scrip/sdk/keys";
import { decodeKeyProof, decodeReceiptProof } from "@scrip/sdk/proofs";
import type { Block, Receipt, State } from "@scrip/sdk/verifier";
import type { Link } from "../chain.ts";
import type { Proof } from "../badge.tsx";

/** Step is one thing that was checked here; kind names its sentence. */
export interface Step {
  kind:
    | "chain"
    | "asked"
    | "signed"
    | "path"
    | "rowPath"
    | "absent"
    | "time"
    | "same"
    | "content"
    | "root"
    | "rows"
    | "headers"
    | "committee";
  values: Readonly<Record<string, string | number>>;
}

/** Checked is the end of a check that held. */
export interface Checked<T> {
  proof: Proof;
  height: number;
  result: T;
}

/** isFalse tells a proof that fails from one that nobody gave. */
export function isFalse(e: unknown): boolean {
  if (e instanceof FalseAnswer) return true;
  return (
    e instanceof Unreachable && e.errors.some((x) => (x as { cause?: unknown } | null)?.cause instanceof FalseAnswer)
  );
}

/** Report is told each step when it has held. */
export type Report = (step: Step) => void;

async function begin(link: Link, report: Report): Promise<void> {
  report({ kind: "chain", values: { name: link.genesis.name, digest: hex(link.chain.digest) } });
}

/** names are the members behind replica numbers. */
function names(link: Link, signers: readonly number[]): string {
  return signers
    .map((i) => {
      const member = link.genesis.validators[i]?.member ?? 0;
      return link.genesis.members[member - 1]?.name ?? String(i);
    })
    .join(", ");
}

function signed(link: Link, c: CheckpointCertificate, need: number, report: Report): void {
  if (!link.client.verifier.committee.verifyCheckpoint(c, need)) {
    throw new FalseAnswer(`height ${c.seq} is not attested by ${need} members`);
  }
  report({
    kind: "signed",
    values: {
      n: c.signers.length,
      total: link.genesis.validators.length,
      need,
      names: names(link, c.signers),
      height: c.seq,
    },
  });
}

/** checkReceipt proves the outcome of a transaction. */
export async function checkReceipt(link: Link, id: string, report: Report): Promise<Checked<Receipt>> {
  await begin(link, report);
  const a: TxAnswer = await link.client.read("TxAnswer", `/v1/transactions/${id}`, { wait: "proof", timeout: 10 });
  if (!a.proof || !a.header) throw new FalseAnswer("the node gives no proof of the outcome");
  const bytes = fromBase64(a.proof);
  report({ kind: "asked", values: { what: "receipt", bytes: bytes.length } });
  const p = decodeReceiptProof(bytes);
  signed(link, p.checkpoint, link.client.verifier.committee.weakQuorum, report);
  // This repeats the steps in the order of the rules; nothing below is believed without it.
  const r = link.client.verifier.receipt(id, bytes, fromBase64(a.header));
  report({
    kind: "path",
    values: { n: p.path.length, index: p.index, size: p.size, root: hex(p.checkpoint.receiptRoot) },
  });
  report({ kind: "time", values: { height: r.height, ms: String(r.timeMs) } });
  if (a.code !== undefined && a.code !== r.outcome.code)
    throw new FalseAnswer("the node shows another outcome than it proves");
  report({ kind: "same", values: {} });
  return { proof: link.proof(r), height: r.height, result: r };
}

/**
 * checkRow proves what the state holds for a key. same compares it with what the page
 * shows; lines are those of a list beside it.
 */
export async function checkRow(
  link: Link,
  key: Uint8Array,
  report: Report,
  same: (value: Uint8Array, s: State) => boolean,
  lines: readonly RowCheck[] = [],
): Promise<Checked<State>> {
  await begin(link, report);
  const a: StateAnswer = await link.client.read("StateAnswer", `/v1/state/${hex(key)}`);
  const bytes = fromBase64(a.proof);
  report({ kind: "asked", values: { what: "row", bytes: bytes.length } });
  const p = decodeKeyProof(bytes);
  signed(link, p.checkpoint, link.client.verifier.committee.quorum, report);
  const s = link.client.verifier.state(key, bytes, fromBase64(a.header));
  report({
    kind: s.value.length > 0 ? "rowPath" : "absent",
    values: { n: p.proof.siblings.length, root: hex(p.checkpoint.stateRoot) },
  });
  report({ kind: "time", values: { height: s.height, ms: String(s.timeMs) } });
  if (!same(s.value, s)) throw new FalseAnswer("the page shows something else than the ledger holds");
  await proveLines(link, lines, report);
  report({ kind: "same", values: {} });
  return { proof: link.proof(s), height: s.height, result: s };
}

/** RowCheck is what a line of a list rests on: rows of the state, and whether they say what the line shows. */
export type RowCheck = readonly { key: Uint8Array; same: (value: Uint8Array, s: State) => boolean }[];

const rowsAtOnce = 4;

/** checkRows proves each line of a list by its rows, and counts. */
export async function checkRows(link: Link, lines: readonly RowCheck[], report: Report): Promise<Checked<State>> {
  await begin(link, report);
  const last = await proveLines(link, lines, report, true);
  if (!last) throw new FalseAnswer("there is no line to check");
  report({ kind: "same", values: {} });
  return { proof: link.proof(last), height: last.height, result: last };
}

/** proveLines returns the newest state that a line was proven at. */
async function proveLines(
  link: Link,
  lines: readonly RowCheck[],
  report: Report,
  first = false,
): Promise<State | undefined> {
  let next = 0;
  let done = 0;
  let last: State | undefined;
  const work = async () => {
    for (let i = next++; i < lines.length; i = next++) {
      for (const row of lines[i] ?? []) {
        const a: StateAnswer = await link.client.read("StateAnswer", `/v1/state/${hex(row.key)}`);
        const bytes = fromBase64(a.proof);
        const s = link.client.verifier.state(row.key, bytes, fromBase64(a.header));
        if (!row.same(s.value, s)) throw new FalseAnswer(`line ${i + 1} shows something else than the ledger holds`);
        if (!last && first) {
          signed(link, decodeKeyProof(bytes).checkpoint, link.client.verifier.committee.quorum, report);
        }
        if (!last || s.height >= last.height) last = s;
      }
      done++;
      report({ kind: "rows", values: { n: done, total: lines.length } });
    }
  };
  await Promise.all(Array.from({ length: rowsAtOnce }, work));
  return last;
}

/** headerOf proves the header of a block by the members' certificate over it, without its transactions. */
async function headerOf(
  link: Link,
  height: number,
): Promise<{ header: Header; digest: Uint8Array; checkpoint: CheckpointCertificate }> {
  const { verifier } = link.client;
  const a: BlockAnswer = await link.client.read("BlockAnswer", `/v1/blocks/${height}`, { bare: "true" });
  const header = decodeHeader(fromBase64(a.header ?? ""));
  const digest = verifier.committee.headerDigest(header);
  const checkpoint = decodeCheckpoint(fromBase64(a.checkpoint ?? ""));
  if (
    !verifier.committee.verifyCheckpoint(checkpoint, verifier.committee.weakQuorum) ||
    header.seq !== height ||
    checkpoint.seq !== height ||
    !equal(checkpoint.block, digest)
  ) {
    throw new FalseAnswer(`the header of block ${height} is not the one that members signed`);
  }
  return { header, digest, checkpoint };
}

/** signersOf are the replicas whose signatures the certificate of a block holds, verified. */
export async function signersOf(link: Link, height: number): Promise<readonly number[]> {
  return (await headerOf(link, height)).checkpoint.signers;
}

/** checkHeaders proves the listed blocks, newest first: each was signed, and names the one below it. */
export async function checkHeaders(
  link: Link,
  blocks: readonly BlockAnswer[],
  report: Report,
): Promise<Checked<number>> {
  await begin(link, report);
  const listed = blocks.filter((b) => b.height !== "0");
  let members = Infinity;
  let above: { height: number; parent: string } | undefined;
  for (const [i, b] of listed.entries()) {
    const height = Number(b.height);
    const { header, digest, checkpoint } = await headerOf(link, height);
    if (!above) signed(link, checkpoint, link.client.verifier.committee.weakQuorum, report);
    if (
      hex(digest) !== b.digest ||
      hex(header.parent) !== b.parent ||
      String(header.timeMs) !== b.time.ms ||
      header.proposer !== b.proposer
    )
      throw new FalseAnswer(`block ${height} is shown as another than was signed`);
    if (above && above.height === height + 1 && above.parent !== b.digest) {
      throw new FalseAnswer(`block ${above.height} does not stand on block ${height}`);
    }
    above = { height, parent: hex(header.parent) };
    members = Math.min(members, checkpoint.signers.length);
    report({ kind: "headers", values: { n: i + 1, total: listed.length } });
  }
  if (!above) throw new FalseAnswer("nobody signs the genesis: its digest names the chain");
  report({ kind: "same", values: {} });
  return { proof: link.proof({ members }), height: Number(listed[0]?.height), result: listed.length };
}

/** checkCommittee proves who keeps the ledger: by the genesis file, and by the newest certificate. */
export async function checkCommittee(link: Link, shown: ValidatorsBody, report: Report): Promise<Checked<number>> {
  await begin(link, report);
  const { committee } = link.client.verifier;
  const same =
    shown.committee === hex(committee.digest) &&
    shown.validators.length === committee.size &&
    shown.quorum === committee.quorum &&
    shown.weak_quorum === committee.weakQuorum &&
    shown.validators.every(
      (v, i) =>
        v.replica === i &&
        v.key === encodeKey("validator", committee.keys[i] ?? new Uint8Array(32)) &&
        v.member === link.genesis.validators[i]?.member,
    );
  if (!same) throw new FalseAnswer("the page shows another committee than the genesis file names");
  report({ kind: "committee", values: { n: committee.size, digest: hex(committee.digest), q: committee.quorum } });
  const height = Number(shown.height);
  const { header, checkpoint } = await headerOf(link, height);
  if (!equal(header.committee, committee.digest)) throw new FalseAnswer("the block names another committee");
  signed(link, checkpoint, committee.weakQuorum, report);
  report({ kind: "time", values: { height, ms: String(header.timeMs) } });
  report({ kind: "same", values: {} });
  return { proof: link.proof({ members: checkpoint.signers.length }), height, result: committee.size };
}

/** checkBlock proves a block: header, transactions, receipts, and the members' certificate over them. */
export async function checkBlock(link: Link, height: number, shown: string, report: Report): Promise<Checked<Block>> {
  await begin(link, report);
  const b = await link.client.block(height);
  report({ kind: "asked", values: { what: "block", bytes: b.txs.reduce((n, x) => n + x.length, 228) } });
  if (b.checkpoint) signed(link, b.checkpoint, link.client.verifier.committee.weakQuorum, report);
  report({ kind: "content", values: { n: b.txs.length, root: hex(b.header.payloadRoot) } });
  if (b.checkpoint) report({ kind: "root", values: { root: hex(b.checkpoint.stateRoot) } });
  report({ kind: "time", values: { height, ms: String(b.header.timeMs) } });
  if (hex(b.digest) !== shown) throw new FalseAnswer("the page shows another block than the node proves");
  report({ kind: "same", values: {} });
  return { proof: link.proof(b), height, result: b };
}
