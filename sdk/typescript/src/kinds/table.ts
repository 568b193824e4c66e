/**
 * Every kind of transaction. What reads, signs, checks and shows transactions and
 * receipts asks this table; a kind that is not in it does not exist.
 */
import type { Writer } from "../wire.ts";
import { batchCommit } from "./batchcommit.ts";
import { campaignAmend } from "./campaignamend.ts";
import { campaignClose, campaignPause, campaignResume } from "./campaigncontrol.ts";
import { campaignPublish } from "./campaignpublish.ts";
import { claim } from "./claim.ts";
import { couponIssue } from "./couponissue.ts";
import { cycleClose } from "./cycleclose.ts";
import type { KindSpec } from "./kind.ts";
import { memberKeys } from "./memberkeys.ts";
import { offerPost } from "./offerpost.ts";
import type { Stated } from "./parts.ts";
import { paymentConfirmed, paymentPosted } from "./payment.ts";
import { redeem } from "./redeem.ts";
import { refund } from "./refund.ts";
import { serviceKeyAdd, serviceKeyRevoke } from "./servicekey.ts";
import { tillKeyAdd } from "./tillkeyadd.ts";
import { tillKeyRevoke } from "./tillkeyrevoke.ts";
import { trade } from "./trade.ts";
import { transfer } from "./transfer.ts";
import { voiding } from "./void.ts";

const table = [
  campaignPublish,
  campaignPause,
  campaignResume,
  campaignClose,
  batchCommit,
  tillKeyAdd,
  tillKeyRevoke,
  claim,
  transfer,
  redeem,
  voiding,

  campaignAmend,
  couponIssue,
  trade,
  offerPost,
  refund,
  cycleClose,
  paymentPosted,
  paymentConfirmed,
  serviceKeyAdd,
  serviceKeyRevoke,
  memberKeys,
] as const;

type Spec = (typeof table)[number];
/** What a transaction does. */
export type Kind = Spec["kind"];
/** The kind's own part of a body. */
export type Fields = FieldsOf<Spec>;
type FieldsOf<S> = S extends { write: (w: Writer, f: infer F) => Writer } ? F : never;
/** What an accepted transaction changed, by kind. */
export type Effect = EffectOf<Spec>;
type EffectOf<S> = S extends { kind: infer K; receipt: readonly (infer P)[] }
  ? { kind: K } & Pick<Stated, P & keyof Stated>
  : never;
/** The type of an event. */
export type EventType = Spec["events"][number];

/** A kind as those see it that treat all kinds alike. */
export type AnyKind = KindSpec<Kind, Fields>;

const specs: readonly AnyKind[] = table as unknown as readonly AnyKind[];

/** The kinds, in the order of their numbers. */
export const kinds: readonly Kind[] = table.map((s) => s.kind);

/** The types of events. */
export const eventTypes: readonly EventType[] = table.flatMap((s): readonly EventType[] => s.events);

/** The kinds of a version of the rules, in the order of their numbers. */
export function kindsAt(version: number): readonly Kind[] {
  return specs.filter((s) => (s.since ?? 1) <= version).map((s) => s.kind);
}

/** The types of events that accepted transactions of a version of the rules leave. */
export function eventTypesAt(version: number): readonly EventType[] {
  return kindsAt(version).flatMap((k) => specOf(k).events as readonly EventType[]);
}

/** The row of a kind. */
export function specOf(kind: Kind): AnyKind {
  const spec = specs.find((s) => s.kind === kind);
  if (!spec) throw new TypeError(`no kind ${kind}`);
  return spec;
}

/** The row of a kind's number, undefined if there is none. */
export function specNumbered(n: number): AnyKind | undefined {
  return specs.find((s) => s.number === n);
}
