/**
 * A receipt as a file to keep and to hand on: whoever has the genesis file checks it
 * without any network.
 */
import { base64, fromBase64 } from "./bytes.ts";
import { codeInfo } from "./codes.ts";
import { FalseAnswer } from "./errors.ts";
import { canonical, parseFile, timeAnswer } from "./json.ts";
import { type Outcome, effectAnswer, eventOf } from "./receipt.ts";
import type { CheckedTx } from "./transactions.ts";
import { type Receipt, type Verifier, falseUnless } from "./verifier.ts";

/** A receipt file that holds, with the transaction that it is about. */
export interface FileReceipt {
  receipt: Receipt;
  tx: CheckedTx;
  /** Whether the file's own words do not agree with what it proves. */
  differs: boolean;
}

const receiptFormat = "scrip-receipt/v1";
const receiptFileCharsMax = 256 << 10;

/** The receipt file of a transaction, for whoever has the genesis file. The receipt must hold the header. */
export function receiptFile(verifier: Verifier, tx: Uint8Array, r: Receipt): string {
  const file = fileOf(verifier, verifier.checkTx(tx), verifier.receipt(r.id, r.proof, r.header));
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function fileOf(verifier: Verifier, tx: CheckedTx, r: Receipt): Record<string, unknown> {
  if (!r.header) throw new FalseAnswer("the header is missing, which proves the time");
  if (tx.id !== r.id) throw new FalseAnswer("the receipt is that of another transaction");
  const summary = {
    id: r.id,
    kind: tx.fields.kind,
    code: r.outcome.code,
    word: wordOf(r.outcome.code),
    height: String(r.height),
    time: timeAnswer(r.timeMs),
    members: r.members,
    ...effectField(r.outcome),
  };
  const [raw, proof, header] = [tx.raw, r.proof, r.header].map(base64);
  return { format: receiptFormat, chain: verifier.genesis.name, tx: raw, proof, header, summary };
}

/** Checks a receipt file; throws a FalseAnswer. */
export function readReceiptFile(verifier: Verifier, text: string): FileReceipt {
  return falseUnless(() => {
    if (text.length > receiptFileCharsMax) throw new FalseAnswer(`a receipt file of ${text.length} characters`);
    const f = parseFile(text);
    const field = (name: string): string => {
      const v = f[name];
      if (typeof v !== "string") throw new FalseAnswer(`not a receipt file: the field ${name} is missing`);
      return v;
    };
    if (field("format") !== receiptFormat) throw new FalseAnswer(`the format is not ${receiptFormat}`);
    const known = ["format", "chain", "tx", "proof", "header", "summary"];
    if (Object.keys(f).some((k) => !known.includes(k))) throw new FalseAnswer("not a receipt file: unknown field");
    const tx = verifier.checkTx(fromBase64(field("tx")));
    const receipt = verifier.receipt(tx.id, fromBase64(field("proof")), fromBase64(field("header")));
    return { receipt, tx, differs: canonical(fileOf(verifier, tx, receipt)) !== canonical(f) };
  });
}

/** The one word for people of a code. */
export function wordOf(code: string): string {
  return code === "OK" ? "ok" : (codeInfo(code)?.word ?? "refused");
}

/** The effect of an outcome as the API writes it: what is zero is left out. */
function effectField(o: Outcome): { effect?: Record<string, unknown> } {
  if (o.first) {
    const { height, index, code } = o.first;
    return { effect: { first: { height: String(height), index, code } } };
  }
  return o.effect ? { effect: { event: eventOf(o), ...effectAnswer(o.effect) } } : {};
}
