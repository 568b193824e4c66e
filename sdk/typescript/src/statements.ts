/**
 * What members say of a transaction that cannot be proven (docs/wire.md): that no block holds
 * it, or that their state refuses it. f+1 members who say so are enough, as one of them is
 * honest; an address is no member, so each signs what it says to the asker's fresh nonce.
 */
import { equal } from "./bytes.ts";
import { codeInfo } from "./codes.ts";
import { FalseAnswer } from "./errors.ts";
import { readTime } from "./terms.ts";
import { type Verifier, falseUnless } from "./verifier.ts";
import { decode } from "./wire.ts";

const tag = "scrip/statement/v1";
const version = 1;
const signatureBytes = 64;
const hashBytes = 32;

/** What one member says. It proves who said it, to whoever chose the nonce, and nothing of what was said. */
export interface Statement {
  /** The member's number in the committee. */
  replica: number;
  /** A height that the member had executed when it looked, and the time of that block, Unix ms. */
  height: number;
  timeMs: number;
  /**
   * "status": how high it stands; "absent": no block up to there holds the subject; "open": blocks hold it
   * and none has ended its id; or the code that refuses it.
   */
  says: string;
}

/** Checks an encoded statement about a transaction id, or about nothing (32 zeros). Throws a FalseAnswer. */
export function verifyStatement(v: Verifier, encoded: Uint8Array, subject: Uint8Array, nonce: Uint8Array): Statement {
  return falseUnless(() => {
    const body = encoded.subarray(0, -signatureBytes);
    const s = decode(body, (r) => {
      r.require(r.u8() === version, "a statement of another version");
      const head = { replica: r.u16(), height: r.u53(), timeMs: readTime(r) };
      return { ...head, subject: r.raw(hashBytes), says: wordOf(r.u16()), nonce: r.raw(hashBytes) };
    });
    const bare = s.subject.every((b) => b === 0);
    if ((s.says === "status") !== bare) throw new FalseAnswer("a statement about nothing, or a status about something");
    if (!equal(s.subject, subject) || !equal(s.nonce, nonce)) {
      throw new FalseAnswer("the statement answers another question");
    }
    if (!v.committee.verifyMember(s.replica, v.chain.message(tag, body), encoded.subarray(-signatureBytes))) {
      throw new FalseAnswer(`the statement is not signed by replica ${s.replica}`);
    }
    return { replica: s.replica, height: s.height, timeMs: s.timeMs, says: s.says };
  });
}

function wordOf(n: number): string {
  if (n === 0) return "status";
  if (n === 1) return "absent";
  if (n === 2) return "open";
  if (!codeInfo(`E${n}`)) throw new FalseAnswer(`a statement says ${n}, which is no code`);
  return `E${n}`;
}

/** The different members among statements. */
export function membersOf(said: readonly Statement[]): number {
  return new Set(said.map((s) => s.replica)).size;
}
