/**
 * What a kind of transaction has to say of itself (domain rules 3.3, 3.14). Each kind
 * has a file in this folder; table.ts lists them, and all others read that table.
 */
import type { Chain, Signer } from "../signing.ts";
import type { Reader, Writer } from "../wire.ts";
import type { Stated } from "./parts.ts";

/** One kind: K is its name, F its fields. */
export interface KindSpec<K extends string, F extends { kind: K }> {
  readonly kind: K;
  /** Its number in a transaction. */
  readonly number: number;
  /** The first version of the rules that has it; 1 if it is not said. */
  readonly since?: number;
  /** Whether the witness begins with the list of member signatures. */
  readonly members: boolean;
  /** How many signatures follow that list, unless the fields say otherwise. */
  readonly further: number;
  /** How many follow of fields that decide it. */
  furtherOf?(f: F): number;
  /** Whether digests in the fields, which depend on the chain, are of what they say (E101). */
  agrees?(chain: Chain, f: F): boolean;
  /** Whether E301 stands before the checks of the signers, so that it ends nothing. */
  readonly notFoundFirst: boolean;
  /** What a receipt states after the kind, in its order. */
  readonly receipt: readonly (keyof Stated)[];
  /** The events that it can leave. */
  readonly events: readonly string[];
  /** Which of several events it left. */
  which?(stated: Stated): number;
  /** How often it occurred; once if it is not said. */
  times?(stated: Stated): number;
  /** The fields after the envelope. */
  write(w: Writer, f: F): Writer;
  read(r: Reader): F;
  /** The expiry that the envelope must have, if the fields fix it. */
  expiry(f: F): number | undefined;
  /** Every public key in the fields. */
  keys(f: F): Uint8Array[];
  /** The signatures beside the members': further are those of the witness, body is what signs the body. */
  signatures(chain: Chain, f: F, further: readonly Uint8Array[], body: Uint8Array): SigCheck[];
  /** The row that an accepted one changes for good; undefined if there is none. */
  mark(f: F): Mark | undefined;
}

/** A row that tells whether a transaction was accepted. */
export interface Mark {
  key: Uint8Array;
  /** Whether the row, empty if there is none, shows that it was not. */
  unused(row: Uint8Array): boolean;
}

/** One signature of a transaction with its key and message. */
export interface SigCheck {
  key: Uint8Array;
  message: Uint8Array;
  signature: Uint8Array;
}

/** One entry of the witness of a kind that members sign. */
export interface MemberSignature {
  member: number;
  key: Uint8Array;
  signature: Uint8Array;
}

/** An admin key of a member that signs. */
export interface MemberSigner extends Signer {
  readonly member: number;
}

/** A signature that is checked, by its place among the further ones. */
export function check(key: Uint8Array, message: Uint8Array, signature: Uint8Array | undefined): SigCheck {
  return { key, message, signature: signature ?? new Uint8Array() };
}
