import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { concat, equal, fromHex, fromUtf8, hex, utf8 } from "../src/bytes.ts";
import { Committee, type Header, decodeHeader, encodeHeader, protocolNames } from "../src/consensus.ts";
import { FalseAnswer } from "../src/errors.ts";
import { type Genesis, formatAmount, isDemonstration, parseGenesis } from "../src/genesis.ts";
import { parseJson } from "../src/json.ts";
import * as proofs from "../src/proofs.ts";
import { Chain, sha256 } from "../src/signing.ts";
import { Verifier, falseUnless } from "../src/verifier.ts";
import { load, malformed, repository } from "./vectors.ts";

test("Merkle trees and paths", () => {
  const vectors = load<{ leaves: string[]; root: string; paths: string[][] }[]>("chain/testdata/trees.json");
  for (const v of vectors) {
    const leaves = v.leaves.map(fromHex);
    const root = fromHex(v.root);
    assert.equal(hex(proofs.treeRoot(leaves)), v.root);
    const levels = proofs.treeLevels(leaves);
    for (const [index, leaf] of leaves.entries()) {
      const path = (v.paths[index] as string[]).map(fromHex);
      assert.deepEqual(proofs.treePath(levels, index), path);
      const at = { leaf, index, size: leaves.length, path };
      assert.ok(proofs.verifyInclusion(root, at));
      for (const wrong of [
        { ...at, leaf: concat(leaf, Uint8Array.of(0)) },
        { ...at, index: leaves.length },
        { ...at, path: [...path, new Uint8Array(32)] },
        ...(path.length > 0
          ? [
              { ...at, path: path.slice(1) },
              { ...at, path: path.with(0, new Uint8Array(32)) },
            ]
          : []),
      ]) {
        assert.equal(proofs.verifyInclusion(root, wrong), false);
      }
    }
  }
});

test("payload roots", () => {
  const v = load<{ valid: { txs: string[]; root: string }[] }>("chain/testdata/payloads.json");
  for (const p of v.valid) assert.equal(hex(proofs.listRoot(p.txs.map(fromHex))), p.root);
});

interface StateVectors {
  steps: { changes: { key: string; value: string }[]; root: string }[];
  proofs: { key: string; value: string; proof: string }[];
  refused: { why: string; key: string; value: string; proof: string }[];
}

/** The root of a state by its definition, from the whole content. */
function rootOf(rows: { key: Uint8Array; leaf: Uint8Array }[], depth = 0): Uint8Array {
  if (rows.length === 0) return new Uint8Array(32);
  if (rows.length === 1) return (rows[0] as { leaf: Uint8Array }).leaf;
  const bit = (b: Uint8Array): number => ((b[depth >> 3] as number) >> (7 - (depth & 7))) & 1;
  const [left, right] = [0, 1].map((side) =>
    rootOf(
      rows.filter((r) => bit(r.key) === side),
      depth + 1,
    ),
  );
  return sha256(concat(Uint8Array.of(1), left as Uint8Array, right as Uint8Array));
}

test("state roots and proofs, of presence and of absence", () => {
  const v = load<StateVectors>("chain/testdata/state.json");
  const content = new Map<string, string>();
  let root: Uint8Array = new Uint8Array(32);
  for (const step of v.steps) {
    for (const c of step.changes) {
      if (c.value === "") content.delete(c.key);
      else content.set(c.key, c.value);
    }
    const rows = [...content].map(([k, value]) => {
      const key = sha256(fromHex(k));
      return { key, leaf: sha256(concat(Uint8Array.of(0), key, sha256(fromHex(value)))) };
    });
    root = rootOf(rows);
    assert.equal(hex(root), step.root);
  }
  const verify = (p: { key: string; value: string; proof: string }): boolean =>
    proofs.verifyState(root, fromHex(p.key), fromHex(p.value), proofs.decodeStateProof(fromHex(p.proof)));
  assert.ok(v.proofs.some((p) => p.value === "") && v.proofs.some((p) => p.value !== ""));
  for (const p of v.proofs) assert.ok(verify(p), p.key);
  for (const p of v.refused) {
    let ok = false;
    try {
      ok = verify(p);
    } catch {
      // It does not even decode.
    }
    assert.equal(ok, false, p.why);
  }
});

interface Proof {
  why: string;
  valid: boolean;
  proof: string;
}

interface CertificateVectors {
  committee: {
    chain: string;
    epoch: number;
    keys: string[];
    parameters: Record<string, number>;
    digest: string;
    quorum: number;
    fastQuorum: number;
    receiptNeed: number;
  };
  header: { bytes: string; digest: string };
  prepareBytes: string;
  commitBytes: string;
  checkpointBytes: string;
  receiptProofs: Proof[];
  keyProofs: Proof[];
  orderProofs: Proof[];
  blockReceipts: Proof[];
}

const certificates = load<CertificateVectors>("chain/testdata/certificates.json");

const original = load<Pick<CertificateVectors, "committee" | "header" | "orderProofs">>("chain/testdata/original.json");

function vectorCommittee(of: CertificateVectors["committee"] = certificates.committee): Committee {
  const { chain, epoch, keys, parameters: p } = of;
  const at = (name: string): number => p[name] as number;
  return new Committee(new Chain(fromHex(chain)), epoch, keys.map(fromHex), {
    faults: at("Faults"),
    fastFaults: at("FastFaults"),
    window: at("Window"),
    tenure: at("Tenure"),
    checkpointInterval: at("CheckpointInterval"),
    executionLag: at("ExecutionLag"),
    precisionMs: at("PrecisionMs"),
    delayMs: at("DelayMs"),
    payloadBytesMax: at("PayloadBytesMax"),
    protocol: protocolNames[p["Protocol"] ?? 0] ?? "dualpath",
  });
}

/** A verifier of the committee of the vectors, which belongs to no genesis file. */
function vectorVerifier(committee = vectorCommittee()): Verifier {
  const g = parseGenesis(readFileSync(repository("genesis/testdata/dev4.json")));
  return new Verifier({ ...g, chain: committee.chain, committee });
}

test("a committee's digest and quorums, and what its members sign", () => {
  const c = vectorCommittee();
  const want = certificates.committee;
  assert.equal(hex(c.digest), want.digest);
  assert.deepEqual([c.quorum, c.fastQuorum, c.weakQuorum], [want.quorum, want.fastQuorum, want.receiptNeed]);
  const bytes = fromHex(certificates.header.bytes);
  const h = decodeHeader(bytes);
  assert.equal(hex(encodeHeader(h)), certificates.header.bytes);
  assert.equal(hex(c.headerDigest(h)), certificates.header.digest);
  const ref = { view: h.view, seq: h.seq, digest: c.headerDigest(h) };
  assert.equal(hex(c.voteMessage("prepare", ref)), certificates.prepareBytes);
  assert.equal(hex(c.voteMessage("commit", ref)), certificates.commitBytes);
  const p = proofs.decodeReceiptProof(fromHex(certificates.receiptProofs[0]?.proof ?? ""));
  assert.equal(hex(c.checkpointMessage(p.checkpoint)), certificates.checkpointBytes);
  for (const bad of malformed(bytes)) assert.throws(() => decodeHeader(bad));
});

test("order proofs of the original protocol hold or fail as on every node", () => {
  const c = vectorCommittee(original.committee);
  assert.equal(hex(c.digest), original.committee.digest);
  const h = decodeHeader(fromHex(original.header.bytes));
  assert.equal(hex(c.headerDigest(h)), original.header.digest);
  const v = vectorVerifier(c);
  for (const p of original.orderProofs)
    assert.equal(
      outcome(() => v.order(fromHex(p.proof))),
      p.valid,
      p.why,
    );
});

test("a genesis file names its protocol only if it is not the first one", () => {
  const text = readFileSync(repository("genesis/testdata/dev4.json"), "utf8");
  const parse = (engine: string, faults = 0, interval = 256): Genesis =>
    parseGenesis(
      new TextEncoder().encode(
        text
          .replace(/"fast_faults": \d+/, `"fast_faults": ${faults}`)
          .replace(/"checkpoint_interval": \d+/, `"checkpoint_interval": ${interval}`)
          .replace(/("payload_bytes_max": \d+)/, `$1, "engine": ${engine}`),
      ),
    );
  assert.equal(parseGenesis(new TextEncoder().encode(text)).committee.protocol, "dualpath");
  assert.equal(parse('"original"').committee.protocol, "original");
  for (const bad of ['"dualpath"', '"raft"', "1"]) assert.throws(() => parse(bad), /engine/);
  assert.throws(() => parse('"original"', 1), RangeError);
  assert.throws(() => parse('"original"', 0, 257), RangeError);
});

test("a genesis file names its rules only if they are not the first ones", () => {
  const text = readFileSync(repository("genesis/testdata/dev4.json"), "utf8");
  const parse = (fields: string): Genesis =>
    parseGenesis(new TextEncoder().encode(text.replace(/("cycle_ms": \d+)/, `$1, ${fields}`)));
  const rest = '"pay_ms": 3600000, "clearer": 4, "net_mode": "bilateral"';
  assert.equal(parseGenesis(new TextEncoder().encode(text)).rules, 1);
  const two = parse(`"rules": 2, ${rest}`);
  assert.equal(two.rules, 2);
  assert.deepEqual(two.settlement, { payMs: 3_600_000, clearer: 4, netMode: "bilateral" });
  for (const bad of [`"rules": 1, ${rest}`, `"rules": 3, ${rest}`, rest, '"rules": 2']) {
    assert.throws(() => parse(bad), RangeError, bad);
  }
  assert.throws(() => parse(`"rules": 2, ${rest.replace("4", "3")}`), /clearer/);
  assert.throws(() => parse(`"rules": 2, ${rest.replace("bi", "uni")}`), /net_mode/);
});

test("committees that cannot be are refused", () => {
  const c = vectorCommittee();
  const make = (n: number, faults: number, fastFaults: number): Committee =>
    new Committee(c.chain, 0, c.keys.slice(0, n), { ...c.parameters, faults, fastFaults });
  assert.equal(make(4, 1, 1).quorum, 3);
  for (const [n, f, p] of [
    [3, 1, 0],
    [6, 2, 0],
    [4, 0, 0],
    [7, 2, 3],
    [7, 2, 2],
  ] as const) {
    assert.throws(() => make(n, f, p), RangeError, `${n} ${f} ${p}`);
  }
  const twice = [...c.keys.slice(0, 3), c.keys[0] as Uint8Array];
  assert.throws(() => new Committee(c.chain, 0, twice, { ...c.parameters, faults: 1 }), RangeError);
});

const outcome = (check: () => unknown): boolean => {
  try {
    check();
    return true;
  } catch (e) {
    assert.ok(e instanceof FalseAnswer, String(e));
    return false;
  }
};

test("receipt, key and order proofs hold or fail as on every node", () => {
  const v = vectorVerifier();
  for (const p of certificates.receiptProofs) {
    const bytes = fromHex(p.proof);
    // The vectors' leaves are no receipts, so the parts of Verifier.receipt are called one by one.
    const check = (): boolean => {
      const d = proofs.decodeReceiptProof(bytes);
      const c = v.committee;
      return proofs.verifyInclusion(d.checkpoint.receiptRoot, d) && c.verifyCheckpoint(d.checkpoint, c.weakQuorum);
    };
    assert.equal(check(), p.valid, p.why);
    assert.equal(check(), p.valid, `${p.why}, remembered`);
    for (const bad of malformed(bytes)) assert.throws(() => proofs.decodeReceiptProof(bad));
  }
  const header = fromHex(certificates.header.bytes);
  for (const p of certificates.keyProofs) {
    const bytes = fromHex(p.proof);
    const { key } = proofs.decodeKeyProof(bytes);
    assert.equal(
      outcome(() => v.state(key, bytes, header)),
      p.valid,
      p.why,
    );
    assert.equal(
      outcome(() => v.state(utf8("other"), bytes, header)),
      false,
      p.why,
    );
    assert.equal(
      outcome(() => v.state(key, bytes, header.with(227, 1))),
      false,
      p.why,
    );
    for (const bad of malformed(bytes))
      assert.equal(
        outcome(() => v.state(key, bad, header)),
        false,
      );
  }
  for (const p of certificates.orderProofs) {
    assert.equal(
      outcome(() => v.order(fromHex(p.proof))),
      p.valid,
      p.why,
    );
  }
});

test("all receipts of a block hold or fail as on every node", () => {
  const c = vectorCommittee();
  // The vectors' leaves are no receipts, so the parts of verifyReceipts are called one by one.
  const check = (b: Uint8Array): boolean => {
    const d = proofs.decodeBlockProof(b);
    return (
      c.verifyCheckpoint(d.checkpoint, c.weakQuorum) && equal(proofs.treeRoot(d.receipts), d.checkpoint.receiptRoot)
    );
  };
  assert.equal(certificates.blockReceipts.length, 5);
  for (const p of certificates.blockReceipts) {
    const bytes = fromHex(p.proof);
    if (p.why === "none") assert.throws(() => check(bytes), /truncated/);
    else assert.equal(check(bytes), p.valid, p.why);
    for (const bad of malformed(bytes)) assert.throws(() => proofs.decodeBlockProof(bad));
  }
  // The fourth receipt of the block, with a proof of its own, is what a node gives of it alone.
  const all = proofs.decodeBlockProof(fromHex(certificates.blockReceipts[0]?.proof ?? ""));
  const path = proofs.treePath(proofs.treeLevels(all.receipts), 3);
  const one = { leaf: all.receipts[3] as Uint8Array, index: 3, size: all.receipts.length, path };
  assert.equal(hex(proofs.encodeReceiptProof(all.head, one)), certificates.receiptProofs[0]?.proof);
});

test("more receipts than a block can hold are refused before anything is made of them", () => {
  const { head } = proofs.decodeBlockProof(fromHex(certificates.blockReceipts[0]?.proof ?? ""));
  const count = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n]).buffer);
  const many = (n: number): Uint8Array => concat(head, count(n), new Uint8Array(4 * n));
  assert.equal(proofs.decodeBlockProof(many(1 << 16)).receipts.length, 1 << 16);
  assert.throws(() => proofs.decodeBlockProof(many(0)), /no receipts/);
  assert.throws(() => proofs.decodeBlockProof(many((1 << 16) + 1)), /limit: count/);
  assert.throws(() => proofs.decodeBlockProof(new Uint8Array((32 << 20) + 1)), /limit/);
  assert.throws(() => proofs.decodeBlockProof(concat(head, count(1), count(8193), new Uint8Array(8193))), /limit/);
});

test("one changed byte of a proof is never believed", () => {
  const bytes = fromHex(certificates.keyProofs[0]?.proof ?? "");
  const header = fromHex(certificates.header.bytes);
  const v = vectorVerifier();
  const { key } = proofs.decodeKeyProof(bytes);
  v.state(key, bytes, header);
  for (let i = 0; i < bytes.length; i += 5) {
    const changed = bytes.with(i, (bytes[i] as number) ^ 4);
    assert.equal(
      outcome(() => v.state(key, changed, header)),
      false,
      `byte ${i}`,
    );
  }
});

const file = readFileSync(repository("genesis/testdata/dev4.json"));

interface GenesisVectors {
  digest: string;
  committee: string;
  quorum: number;
  refused: { why: string; old: string; new: string }[];
}

test("the genesis file: digest, committee, and everything that no reader may take", () => {
  const want = load<GenesisVectors>("genesis/testdata/vectors.json");
  const g = parseGenesis(file, want.digest);
  assert.equal(hex(g.chain.digest), want.digest);
  assert.equal(hex(g.committee.digest), want.committee);
  assert.equal(g.committee.quorum, want.quorum);
  assert.ok(isDemonstration(g) && equal(g.raw, file));
  assert.throws(() => parseGenesis(file, "00".repeat(32)), /not 0000/);
  const text = fromUtf8(file);
  for (const r of want.refused) {
    const changed = text.replace(r.old, () => r.new);
    assert.notEqual(changed, text, r.why);
    assert.throws(() => parseGenesis(utf8(changed)), RangeError, r.why);
  }
});

test("strict JSON", () => {
  assert.deepEqual(parseJson(' {"a": ["\\u00e9", true, null, []]} '), new Map([["a", ["é", true, null, []]]]));
  for (const bad of [
    "",
    "{",
    "[1,]",
    '{"a":1,}',
    "[1 2]",
    '{"a" 1}',
    "{a:1}",
    "01",
    "1.",
    "+1",
    "'a'",
    '"\n"',
    '"\\x"',
    '"\\ud800"',
    "[] []",
    "nul",
    '{"a":1,"a":1}',
    "[".repeat(20) + "]".repeat(20),
    "\u00a01",
  ]) {
    assert.throws(() => parseJson(bad), RangeError, bad);
  }
});

test("amounts", () => {
  assert.deepEqual(
    [
      [450n, 2],
      [5n, 2],
      [0n, 0],
      [7n, 0],
      [1_000_000n, 3],
    ].map(([v, e]) => formatAmount(v as bigint, e as number)),
    ["4.50", "0.05", "0", "7", "1000.000"],
  );
});

test("whatever goes wrong inside a check is a false answer", () => {
  assert.throws(() => falseUnless(() => (undefined as unknown as Header).seq), FalseAnswer);
});
