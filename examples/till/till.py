#!/usr/bin/env python3
"""A till for Scrip in Python's standard library: docs/till.md tells it step by step.

  till.py --home DIR init GENESIS NODE [NODE ...]   begin, with the network's genesis file
  till.py --home DIR pair LINK                      become the till that a console offers
  till.py --home DIR sell AMOUNT CODE               take a coupon that a customer shows
  till.py --home DIR bill AMOUNT                    show a bill; then reads the customer's answer
  till.py --home DIR undo COUPON SEQ                undo a redemption
  till.py --home DIR settle                         ask for every outcome that is not known yet
  till.py --home DIR day [YYYY-MM-DD]               compare a day of this till with the ledger's

Amounts are minor units (780 is 7.80). Exit codes: 0 done and proven, 1 refused,
2 wrong use, 3 not known yet: hand over nothing, and settle.
"""
import argparse
import base64
import datetime
import json
import os
import secrets
import sqlite3
import sys
import time
import urllib.error
import urllib.request

import scrip

HOLD_SECONDS = int(os.environ.get("TILL_HOLD_SECONDS", "10"))  # for how long a node may hold a request
GIVE_UP_SECONDS = float(os.environ.get("TILL_GIVE_UP_SECONDS", "45"))  # when a cashier wants an answer
ANSWER_BYTES_MAX = 1 << 20
LEFT_OPEN = {104, 106, 109, 701}  # receipts that end nothing (coupon/testdata/endings.json)


def now_ms():
    return int(time.time() * 1000)


class Refused(Exception):
    """Refused for good, by a proven receipt or because it can never be accepted."""


class NotTaken(Exception):
    """More members than may lie refuse it now. Nothing is recorded: until it expires a block may still take it."""


class Unknown(Exception):
    """The outcome is not known yet: it may still be accepted."""


class Till:
    def __init__(self, home):
        self.home = home
        with open(os.path.join(home, "genesis.json"), "rb") as f:
            self.chain = scrip.Chain(f.read())
        with open(os.path.join(home, "till.json")) as f:
            self.settings = json.load(f)
        self.key = scrip.Key(bytes.fromhex(self.settings["seed"]))
        self.nodes = self.settings["nodes"]
        self.journal = sqlite3.connect(os.path.join(home, "journal.db"), isolation_level=None)
        self.journal.execute("PRAGMA synchronous = FULL")
        self.journal.execute("CREATE TABLE IF NOT EXISTS handed_in (id TEXT PRIMARY KEY, at INTEGER, kind INTEGER,"
                             " raw BLOB, expires INTEGER, state TEXT, code INTEGER, coupon INTEGER, seq INTEGER,"
                             " value INTEGER, payable INTEGER, block_ms INTEGER)")

    # --- HTTP ---------------------------------------------------------------------

    def ask(self, node, method, target, data=None, kind="application/json", login=False):
        """One request: status and JSON. OSError and ValueError mean that nobody answered."""
        request = urllib.request.Request(node + target, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", kind)
        if login:
            request.add_header("Authorization", scrip.login(self.chain, self.key, method, target, data or b"", now_ms()))
        try:
            with urllib.request.urlopen(request, timeout=HOLD_SECONDS + 5) as a:
                status, answer, headers = a.status, json.loads(a.read(ANSWER_BYTES_MAX)), a.headers
        except urllib.error.HTTPError as e:
            status, answer, headers = e.code, json.loads(e.read(ANSWER_BYTES_MAX)), e.headers
        if not isinstance(answer, dict):
            raise ValueError("the answer is no object")
        return status, answer, headers

    def look(self, target, login=False):
        """An answer of any node: its word, for what the till shows and not for what it hands over."""
        last = "no node is set"
        for node in self.nodes:
            try:
                status, answer, _ = self.ask(node, "GET", target, login=login)
            except (OSError, ValueError) as e:
                last = f"{node}: {e}"
                continue
            if status == 200:
                return answer
            last = f"{answer.get('code')}: {answer.get('detail') or answer.get('title')}"
            if status < 429:
                break
        raise LookupError(last)

    # --- outcomes -----------------------------------------------------------------

    def hand_in(self, raw, tx_id, kind, expires):
        """Writes down what will be sent, sends it, and returns the proven receipt."""
        self.journal.execute("INSERT OR IGNORE INTO handed_in (id, at, kind, raw, expires, state) VALUES (?,?,?,?,?,'sent')",
                             (tx_id.hex(), now_ms(), kind, raw, expires))
        return self.outcome(raw, tx_id, expires)

    def outcome(self, raw, tx_id, expires):
        """Asks node after node, with the same bytes, until the outcome is proven."""
        end, why, heard, login = time.monotonic() + GIVE_UP_SECONDS, "no node answered", {}, True
        while time.monotonic() < end:
            pause = 0.2
            for node in self.nodes:
                nonce = secrets.token_bytes(32)
                target = f"/v1/transactions?wait=proof&timeout={HOLD_SECONDS}&nonce={nonce.hex()}"
                try:
                    status, answer, headers = self.ask(node, "POST", target, raw, "application/octet-stream", login)
                    receipt = self.proven(answer, tx_id)
                    said = self.chain.statement(base64.b64decode(answer.get("statement") or ""), nonce, tx_id)
                except (OSError, ValueError, scrip.Lie) as e:
                    why = f"{node}: {e}"  # it is silent, or shows what is not true: the next one
                    continue
                if receipt and receipt.code not in LEFT_OPEN | {105}:
                    return self.final(tx_id, receipt)
                why = f"{answer.get('code', status)}: {answer.get('detail') or answer.get('title') or 'on its way'}"
                login = login and status != 401  # a wrong clock costs the till its own room at a node, no sale
                if status == 429:
                    pause = max(pause, min(10, float(headers.get("Retry-After", "1"))))
                if said:
                    heard[said[0]] = said
            self.conclude(tx_id, expires, heard.values())
            time.sleep(pause)
        raise Unknown(why)

    def conclude(self, tx_id, expires, heard):
        """Ends where more members than may lie have signed the same: it lapsed, or all refuse it now."""
        if sum(says in (1, 2) and time_ms >= expires for _, time_ms, says in heard) > self.chain.faults:
            self.note(tx_id, "lapsed")
            raise Refused("it lapsed without being accepted")
        codes = [says for _, _, says in heard if says > 2]
        if len(codes) > self.chain.faults:
            raise NotTaken(f"E{codes[0]} by {len(codes)} members; nothing is recorded")

    def proven(self, answer, tx_id):
        if not answer.get("proof"):
            return None
        return self.chain.receipt(tx_id, base64.b64decode(answer["proof"]), base64.b64decode(answer.get("header") or ""))

    def final(self, tx_id, receipt):
        if receipt.code:
            self.note(tx_id, "refused", code=receipt.code)
            raise Refused(f"E{receipt.code} at height {receipt.height}")
        self.note(tx_id, "accepted", code=0, coupon=receipt.coupon, seq=receipt.seq, value=receipt.value,
                  payable=getattr(receipt, "payable", 0), block_ms=receipt.time_ms)
        return receipt

    def note(self, tx_id, state, **fields):
        names = "".join(f", {name} = ?" for name in fields)
        self.journal.execute(f"UPDATE handed_in SET state = ?{names} WHERE id = ?", (state, *fields.values(), tx_id.hex()))

    # --- what a cashier does --------------------------------------------------------

    def scanned(self, code):
        """The authorisation in a code: scanned, or ten characters that were typed."""
        if ":" not in code:
            answer = self.look(f"/v1/codes/{code.replace(' ', '')}", login=True)
            data = base64.b64decode(answer["auths"][0])
            kind, data = data[0], data[5:]
        else:
            kind, data = scrip.payload(self.chain, code)
        if kind != 2:
            raise ValueError("this is not a coupon that is shown or an answer to a bill")
        return scrip.Auth(self.chain, data)

    def facts(self, amount, auth, basket):
        """The bill for a coupon: of free items the till says how many there are, at which price."""
        campaign, qty, unit = auth.coupon >> 32, 0, 0
        if self.look(f"/v1/campaigns/{campaign}")["terms"]["kind"] == "FREE_ITEM":
            qty, unit = 1, amount
        return scrip.invoice(self.key.public, campaign, self.settings["currency"], amount, qty, unit, basket,
                             now_ms() + 120_000)

    def sell(self, amount, code, basket):
        auth = self.scanned(code)
        if auth.mode != 1:
            raise ValueError("this code answers a bill: use `bill`")
        raw, tx_id = scrip.redeem(self.chain, self.key, self.facts(amount, auth, basket), auth)
        return self.hand_in(raw, tx_id, scrip.REDEEM, auth.expires)

    def bill(self, amount, basket, read):
        facts = scrip.invoice(self.key.public, 0, self.settings["currency"], amount, 0, 0, basket, now_ms() + 120_000)
        code, signature = scrip.invoice_code(self.chain, self.key, facts)
        auth = self.scanned(read(code))
        if auth.mode != 0 or auth.invoice != scrip.sha256(self.chain.message("scrip/invoice/v1", facts)):
            raise ValueError("this answers another bill")
        raw, tx_id = scrip.redeem(self.chain, self.key, facts, auth, signature)
        return self.hand_in(raw, tx_id, scrip.REDEEM, auth.expires)

    def undo(self, coupon, seq):
        expires = now_ms() + self.chain.file["holder_life_ms"] // 2
        raw, tx_id = scrip.void(self.chain, self.key, coupon, seq, expires)
        return self.hand_in(raw, tx_id, scrip.VOID, expires)

    def settle(self):
        """Asks again for what is not known; the same bytes cannot count twice."""
        rows = self.journal.execute("SELECT raw, id, expires FROM handed_in WHERE state = 'sent' ORDER BY at").fetchall()
        for raw, tx_id, expires in rows:
            try:
                print(f"{tx_id[:12]} {said(self.outcome(raw, bytes.fromhex(tx_id), expires))}")
            except Refused as e:
                print(f"{tx_id[:12]} refused: {e}")
            except NotTaken as e:
                print(f"{tx_id[:12]} not taken: {e}; it ends in {max(0, expires - now_ms()) // 1000} s")
        print(f"{len(rows)} asked")

    def day(self, date):
        """Compares the journal of a UTC day with the ledger's sums for this till."""
        begin = int(datetime.datetime.fromisoformat(date + "T00:00:00+00:00").timestamp() * 1000)
        end = begin + 86_400_000
        mine = self.journal.execute("SELECT COALESCE(SUM(kind = 10), 0), COALESCE(SUM((kind = 10) * value), 0),"
                                    " COALESCE(SUM(kind = 11), 0), COALESCE(SUM((kind = 11) * value), 0) FROM handed_in"
                                    " WHERE state = 'accepted' AND block_ms >= ? AND block_ms < ?", (begin, end)).fetchone()
        member, address, cursor = self.settings["member"], scrip.bech32m("scriptill", self.key.public), ""
        theirs = [0, 0, 0, 0]
        while True:
            page = self.look(f"/v1/members/{member}/totals?from={begin}&until={end}{cursor}")
            for t in page["items"]:
                if t["till"] == address:
                    for i, name in enumerate(("count", "value", "voids", "voided_value")):
                        theirs[i] += int(t[name])
            if not page.get("next_cursor"):
                break
            cursor = "&cursor=" + page["next_cursor"]
        print(f"{date} (UTC)   redeemed          undone\nthis till    {mine[0]:5} {mine[1]:9}  {mine[2]:5} {mine[3]:9}")
        print(f"the ledger   {theirs[0]:5} {theirs[1]:9}  {theirs[2]:5} {theirs[3]:9}")
        if list(mine) != theirs:
            raise Unknown("they differ: settle first; if they still differ, ask a second node and compare the takings")


def said(receipt):
    """A receipt as it is printed."""
    when = datetime.datetime.fromtimestamp(receipt.time_ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return (f"value {receipt.value}  coupon {receipt.coupon}  number {receipt.seq}\n"
            f"proven at height {receipt.height}, {when} UTC")


def begin(home, genesis, nodes):
    os.makedirs(home, mode=0o700, exist_ok=True)
    path = os.path.join(home, "till.json")
    if os.path.exists(path):
        raise ValueError(f"{path} is there already: a till's key is made once")
    with open(genesis, "rb") as f:
        raw = f.read()
    scrip.Chain(raw)
    with open(os.path.join(home, "genesis.json"), "wb") as f:
        f.write(raw)
    write(path, {"seed": secrets.token_bytes(32).hex(), "nodes": [n.rstrip("/") for n in nodes]})


def write(path, settings):
    """Replaces a file whole: after a power cut there is the old one or the new one."""
    fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as f:
        json.dump(settings, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".new", path)


def pair(till, link):
    offer = scrip.Offer(till.chain, link)
    settings = dict(till.settings, member=offer.member, store=offer.store, currency=offer.currency)
    write(os.path.join(till.home, "till.json"), settings)
    answer = json.dumps({"data": base64.b64encode(offer.answer(till.chain, till.key, now_ms())).decode()}).encode()
    taken = 0
    for node in till.nodes:  # boxes lie in the memory of a node: leave it at all of them
        try:
            taken += till.ask(node, "POST", "/v1/boxes/" + offer.box, answer)[0] == 200
        except (OSError, ValueError):
            continue
    if not taken:
        raise LookupError("no node takes the answer")
    print(f"{offer.label}: compare {till.key.public[:4].hex().upper()} with the console, and add it there", flush=True)
    address, end = scrip.bech32m("scriptill", till.key.public), time.monotonic() + 600
    while time.monotonic() < end:
        try:
            if till.look("/v1/tills/" + address)["state"] == "ACTIVE":
                return print("registered")
        except LookupError:
            pass
        time.sleep(1)
    raise Unknown("nobody has added this till within ten minutes")


def answered(code):
    print(code, flush=True)
    return sys.stdin.readline()


def run(arguments):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--home", required=True)
    p.add_argument("--basket", default="", help="the bill's text; the ledger gets a salted hash of it")
    p.add_argument("command", choices=["init", "pair", "sell", "bill", "undo", "settle", "day"])
    p.add_argument("rest", nargs="*")
    a = p.parse_args(arguments)
    if a.command == "init":
        return begin(a.home, a.rest[0], a.rest[1:])
    till = Till(a.home)
    if a.command == "pair":
        return pair(till, a.rest[0])
    if a.command == "settle":
        return till.settle()
    if a.command == "day":
        return till.day(a.rest[0] if a.rest else datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    if a.command == "sell":
        return print(said(till.sell(int(a.rest[0]), a.rest[1], a.basket)))
    if a.command == "bill":
        return print(said(till.bill(int(a.rest[0]), a.basket, answered)))
    return print(said(till.undo(int(a.rest[0]), int(a.rest[1]))))


def main(arguments):
    try:
        run(arguments)
        return 0
    except Refused as e:
        print(f"refused: {e}", file=sys.stderr)
        return 1
    except NotTaken as e:
        print(f"not taken: {e}", file=sys.stderr)
        return 1
    except Unknown as e:
        print(f"not known yet: {e}. Hand over nothing; run settle", file=sys.stderr)
        return 3
    except (ValueError, LookupError, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
