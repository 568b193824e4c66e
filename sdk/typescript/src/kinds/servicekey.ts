import { isZero } from "../bytes.ts";
import { rowKey } from "../rows.ts";
import { decodeServiceKey, servicePayment } from "../rows2.ts";
import { readMoney, readTime } from "../terms.ts";
import { type KindSpec, check } from "./kind.ts";

/** Registers a key with which a payment member attests payments in one currency; the key signs too. */
export interface ServiceKeyAdd {
  kind: "ServiceKeyAdd";
  member: number;
  key: Uint8Array;
  validFrom: number;
  validUntil: number;
  currency: number;
  /** Minor units that it may attest in one UTC day. */
  dayCap: bigint;
}

export const serviceKeyAdd = {
  kind: "ServiceKeyAdd",
  number: 35,
  since: 2,
  members: true,
  further: 1,
  notFoundFirst: false,
  receipt: ["key"],
  events: ["service.added"],
  write: (w, f) => {
    w.u16(f.member).fixed(f.key, 32).u8(servicePayment).raw(new Uint8Array(32));
    return w.u64(f.validFrom).u64(f.validUntil).u16(f.currency).u64(f.dayCap);
  },
  read: (r) => {
    const head = { member: r.u16(), key: r.raw(32) };
    r.exactly(servicePayment, "purpose");
    r.require(isZero(r.raw(32)), "a payment key with a point");
    const f = { ...head, validFrom: readTime(r), validUntil: readTime(r), currency: r.u16(), dayCap: readMoney(r) };
    r.require(f.currency >= 1 && f.dayCap >= 1n, "no currency or no cap");
    return { kind: "ServiceKeyAdd", ...f };
  },
  expiry: () => undefined,
  keys: (f) => [f.key],
  signatures: (_chain, f, further, body) => [check(f.key, body, further[0])],
  mark: (f) => ({ key: rowKey.service(f.key), unused: (row) => row.length === 0 }),
} as const satisfies KindSpec<"ServiceKeyAdd", ServiceKeyAdd>;

/** Revokes a service key for ever. */
export interface ServiceKeyRevoke {
  kind: "ServiceKeyRevoke";
  member: number;
  key: Uint8Array;
}

export const serviceKeyRevoke = {
  kind: "ServiceKeyRevoke",
  number: 36,
  since: 2,
  members: true,
  further: 0,
  notFoundFirst: false,
  receipt: ["key"],
  events: ["service.revoked"],
  write: (w, f) => w.u16(f.member).fixed(f.key, 32),
  read: (r) => ({ kind: "ServiceKeyRevoke", member: r.u16(), key: r.raw(32) }),
  expiry: () => undefined,
  keys: (f) => [f.key],
  signatures: () => [],
  mark: (f) => ({
    key: rowKey.service(f.key),
    unused: (row) => row.length === 0 || decodeServiceKey(row).state !== "REVOKED",
  }),
} as const satisfies KindSpec<"ServiceKeyRevoke", ServiceKeyRevoke>;
