#!/usr/bin/env python3
"""Checks scrip.py against the vectors that Go and TypeScript keep: check.py ROOT."""
import base64
import json
import os
import sys

import scrip

ROOT = sys.argv[1]


def read(name):
    with open(os.path.join(ROOT, name), "rb") as f:
        return f.read()


def vectors(name):
    return json.loads(read(name))


def signatures():
    for v in vectors("sig/testdata/zip215.json")["signatures"]:
        got = scrip.verify(*(bytes.fromhex(v[k]) for k in ("key", "message", "signature")))
        assert got == v["valid"], v
    for v in vectors("coupon/testdata/vectors.json")["keys"]:
        assert scrip.Key(bytes.fromhex(v["seed"])).public.hex() == v["public"], v


class TestChain(scrip.Chain):
    """The chain of the vectors, whose genesis file is empty."""

    def __init__(self, v):
        self.digest, self.hint = bytes.fromhex(v["digest"]), v["hint"]


def transactions():
    v = vectors("coupon/testdata/vectors.json")
    chain = TestChain(v["chain"])
    till = next(scrip.Key(bytes.fromhex(k["seed"])) for k in v["keys"] if k["name"] == "till A")
    made = 0
    for t in v["transactions"]:
        body, raw = bytes.fromhex(t["body"]), bytes.fromhex(t["raw"])
        assert chain.id(body).hex() == t["id"], t["name"]
        fields = body[14:]
        if t["kind"] == scrip.REDEEM:
            holder = raw[-64:]
            auth = scrip.Auth(chain, fields[96:] + holder)
            signature = till.sign(chain.message("scrip/invoice/v1", fields[:96]))
            assert scrip.redeem(chain, till, fields[:96], auth, signature)[0] == raw, t["name"]
            made += 1
        if t["kind"] == scrip.VOID and fields[12:44] == till.public:
            coupon, seq = int.from_bytes(fields[:8], "little"), int.from_bytes(fields[8:12], "little")
            assert scrip.void(chain, till, coupon, seq, int(t["expires"]))[0] == raw, t["name"]
            made += 1
    assert made >= 3, made
    for p in v["payloads"]:
        if p["name"].startswith(("invoice", "auth")):
            kind, data = scrip.payload(chain, p["text"])
            assert bytes([kind]) + scrip.u32(chain.hint) + data == bytes.fromhex(p["bytes"]), p["name"]
            assert p["text"] == "SCRP:" + scrip.base45(bytes.fromhex(p["bytes"])), p["name"]


def receipts():
    f = vectors("client/testdata/strict-receipt.json")
    chain = scrip.Chain(read("genesis/testdata/dev4.json"))
    tx, proof, header = (base64.b64decode(f[k]) for k in ("tx", "proof", "header"))
    tx_id = chain.id(tx[:-64])
    assert tx_id.hex() == f["summary"]["id"], tx_id.hex()
    r = chain.receipt(tx_id, proof, header)
    assert (r.code, r.height) == (0, int(f["summary"]["height"])) and r.time_ms == int(f["summary"]["time"]["ms"])
    for i in [*range(0, len(proof), 7), len(proof) - 1]:
        refused(chain, tx_id, proof[:i] + bytes([proof[i] ^ 1]) + proof[i + 1 :], header, i)
    for i in range(len(header)):
        refused(chain, tx_id, proof, header[:i] + bytes([header[i] ^ 1]) + header[i + 1 :], i)
    refused(chain, tx_id, proof[:-1], header, "cut")
    refused(chain, tx_id, proof + b"\0", header, "longer")
    refused(chain, bytes(32), proof, header, "another transaction")


def refused(chain, tx_id, proof, header, where):
    try:
        chain.receipt(tx_id, proof, header)
    except scrip.Lie:
        return
    raise AssertionError(f"a changed proof holds: {where}")


def statements():
    v = vectors("client/testdata/statements.json")
    chain = scrip.Chain(read("genesis/testdata/dev4.json"))
    for c in v["cases"]:
        got = chain.statement(*(bytes.fromhex(b) for b in (c["statement"], v["nonce"], v["subject"])))
        about = c.get("holds") and c["says"] != 0  # 0 is about no transaction
        want = (c["replica"], int(c["time_ms"]), c["says"]) if about else None
        assert got == want, c["name"]


def addresses():
    for a in vectors("keys/testdata/vectors.json")["addresses"]:
        prefix = a["text"].lower().rpartition("1")[0]
        try:
            key = scrip.unbech32m(prefix, a["text"])
        except ValueError:
            assert not a["valid"], a
            continue
        assert not a["valid"] or scrip.bech32m(prefix, key) == a["text"].lower(), a


for check in (signatures, transactions, receipts, statements, addresses):
    check()
    print(check.__name__, "agree")
