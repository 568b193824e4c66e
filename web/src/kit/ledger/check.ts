/**
 * "Check in this browser", step by step: what a node has said is proven against the
 * committee of the pinned genesis file, with each step shown as it holds or fails.
 */
import type { StateAnswer, TxAnswer } from "@scrip/sdk/answers";
import { fromBase64, hex } from "@scrip/sdk/bytes";
import { FalseAnswer } from "@scrip/sdk/errors";
import type { CheckpointCertificate } from "@scrip/sdk/consensus";
import { decodeKeyProof, decodeReceiptProof } from "@scrip/sdk/proofs";
import type { Block, Receipt, State } from "@scrip/sdk/verifier";
import type { Link } from "../chain.ts";
import type { Proof } from "../badge.tsx";

/** Step is one thing that was checked here; kind names its sentence. */
export interface Step {
  kind: "chain" | "asked" | "signed" | "path" | "rowPath" | "absent" | "time" | "same" | "content" | "root";
  values: Readonly<Record<string, string | number>>;
}

/** Checked is the end of a check that held. */
export interface Checked<T> {
  proof: Proof;
  height: number;
  result: T;
}

/** Report is told each step when it has held. */
export type Report = (step: Step) => void;

async function begin(link: Link, report: Report): Promise<void> {
  report({ kind: "chain", values: { name: link.genesis.name, digest: hex(link.chain.digest) } });
}

/** names are the members behind replica numbers. */
function names(link: Link, signers: readonly number[]): string {
  return signers.map((i) => {
    const member = link.genesis.validators[i]?.member ?? 0;
    return link.genesis.members[member - 1]?.name ?? String(i);
  }).join(", ");
}

function signed(link: Link, c: CheckpointCertificate, need: number, report: Report): void {
  if (!link.client.verifier.committee.verifyCheckpoint(c, need)) {
    throw new FalseAnswer(`height ${c.seq} is not attested by ${need} members`);
  }
  report({ kind: "signed", values: { n: c.signers.length, total: link.genesis.validators.length, need,
    names: names(link, c.signers),
    height: c.seq } });
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
  report({ kind: "path", values: { n: p.path.length, index: p.index, size: p.size,
    root: hex(p.checkpoint.receiptRoot) } });
  report({ kind: "time", values: { height: r.height, ms: String(r.timeMs) } });
  if (a.code !== undefined &&
    a.code !== r.outcome.code) throw new FalseAnswer("the node shows another outcome than it proves");
  report({ kind: "same", values: {} });
  return { proof: link.proof(r), height: r.height, result: r };
}

/** checkRow proves what the state holds for a key. same compares it with what the page shows. */
export async function checkRow(link: Link, key: Uint8Array, report: Report,
  same: (value: Uint8Array, s: State) => boolean,
): Promise<Checked<State>> {
  await begin(link, report);
  const a: StateAnswer = await link.client.read("StateAnswer", `/v1/state/${hex(key)}`);
  const bytes = fromBase64(a.proof);
  report({ kind: "asked", values: { what: "row", bytes: bytes.length } });
  const p = decodeKeyProof(bytes);
  signed(link, p.checkpoint, link.client.verifier.committee.quorum, report);
  const s = link.client.verifier.state(key, bytes, fromBase64(a.header));
  report({ kind: s.value.length > 0 ? "rowPath" : "absent",
    values: { n: p.proof.siblings.length, root: hex(p.checkpoint.stateRoot) } });
  report({ kind: "time", values: { height: s.height, ms: String(s.timeMs) } });
  if (!same(s.value, s)) throw new FalseAnswer("the page shows something else than the ledger holds");
  report({ kind: "same", values: {} });
  return { proof: link.proof(s), height: s.height, result: s };
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
