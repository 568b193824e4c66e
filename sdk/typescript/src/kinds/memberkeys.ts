import { compare, equal } from "../bytes.ts";
import type { Reader } from "../wire.ts";
import { type KindSpec, check } from "./kind.ts";

const adminKeysMax = 8;

/** Changes a member's own admin keys: keep are all present ones that stay, add new ones, each of which signs too. */
export interface MemberKeys {
  kind: "MemberKeys";
  member: number;
  threshold: number;
  /** Both ascending. */
  keep: Uint8Array[];
  add: Uint8Array[];
}

function readKeys(r: Reader): Uint8Array[] {
  let last: Uint8Array | undefined;
  return r.list(adminKeysMax, 32, () => {
    const key = r.raw(32);
    r.require(last === undefined || compare(last, key) < 0, "keys not ascending");
    last = key;
    return key;
  });
}

export const memberKeys = {
  kind: "MemberKeys",
  number: 40,
  since: 2,
  members: true,
  further: 0,
  furtherOf: (f) => f.add.length,
  notFoundFirst: false,
  receipt: ["member", "from"],
  events: ["member.keys"],
  write: (w, f) => {
    w.u16(f.member).u8(f.threshold);
    return w.list(f.keep, (x, k) => x.fixed(k, 32)).list(f.add, (x, k) => x.fixed(k, 32));
  },
  read: (r) => {
    const f = { member: r.u16(), threshold: r.u8(), keep: readKeys(r), add: readKeys(r) };
    r.require(!f.add.some((a) => f.keep.some((k) => equal(a, k))), "a key is kept and added");
    const n = f.keep.length + f.add.length;
    r.require(n >= 1 && n <= adminKeysMax, "no key or too many");
    r.require(f.threshold >= 1 && f.threshold <= n, "threshold beyond the number of keys");
    return { kind: "MemberKeys", ...f };
  },
  expiry: () => undefined,
  keys: (f) => [...f.keep, ...f.add],
  signatures: (_chain, f, further, body) => f.add.map((key, i) => check(key, body, further[i])),
  mark: () => undefined, // keys can be changed back
} as const satisfies KindSpec<"MemberKeys", MemberKeys>;
