/**
 * The texts of campaigns' terms. The ledger has the SHA-256 of a text alone (terms.termsHash); nodes keep the texts
 * beside it. No node is believed: a text counts if it has the hash that the proven terms have.
 */
import { equal, hex, utf8 } from "./bytes.ts";
import type { CallOptions, Client } from "./client.ts";
import { FalseAnswer, ProblemError, Unreachable } from "./errors.ts";
import { sha256 } from "./signing.ts";

/** The most bytes that nodes keep of a text. */
export const termsTextBytesMax = 65_536;

// Control characters but tabs and ends of lines, and those that override or isolate the direction of text.
const refusedText = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** What terms name a text by. */
export function termsTextHash(text: string): Uint8Array {
  return sha256(utf8(text));
}

/** What is wrong with the form of a text, for which nodes would not keep it; undefined if nothing is. */
export function termsTextFault(text: string): "empty" | "long" | "characters" | undefined {
  if (text === "") return "empty";
  if (utf8(text).length > termsTextBytesMax) return "long";
  return refusedText.test(text) || /[\ud800-\udfff]/u.test(text) ? "characters" : undefined;
}

/**
 * Asks every node for the text with a hash and returns the first that fits; undefined if the nodes that answer say
 * that they have none. Throws Unreachable if no node gave a usable answer.
 */
export async function readTermsText(
  client: Client,
  hash: Uint8Array,
  options: CallOptions = {},
): Promise<string | undefined> {
  const asked = client.askEach("TermsTextAnswer", `/v1/terms/${hex(hash)}`, undefined, options).map(async (answer) => {
    const { text } = await answer;
    if (!equal(termsTextHash(text), hash)) throw new FalseAnswer("the text of the terms has another hash");
    return text;
  });
  try {
    return await Promise.any(asked);
  } catch (e) {
    options.signal?.throwIfAborted();
    const errors: unknown[] = e instanceof AggregateError ? e.errors : [e];
    if (errors.some((x) => x instanceof ProblemError && x.code === "not_found")) return undefined;
    throw new Unreachable("read the text of the terms", errors);
  }
}

/**
 * Hands the text of a campaign's terms to every node; a node takes only the one whose hash the terms have. Returns how
 * many took it and what the others said; throws Unreachable if none did.
 */
export async function publishTermsText(
  client: Client,
  campaign: number,
  text: string,
  options: CallOptions & { version?: number } = {},
): Promise<{ taken: number; errors: unknown[] }> {
  const body = { text, ...(options.version === undefined ? {} : { version: options.version }) };
  // A node may be behind and not have the campaign yet.
  const path = `/v1/campaigns/${campaign}/terms?min_height=${client.floor}`;
  const said = await Promise.allSettled(client.askEach("TermsTextEntry", path, body, options));
  const errors = said.flatMap((s) => (s.status === "rejected" ? [s.reason as unknown] : []));
  options.signal?.throwIfAborted();
  if (errors.length === said.length) throw new Unreachable("hand in the text of the terms", errors);
  return { taken: said.length - errors.length, errors };
}
