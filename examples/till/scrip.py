"""The bytes of Scrip that a till needs, in Python's standard library alone.

Written from docs/wire.md. It checks signatures by ZIP-215, as every node does, and
believes an answer only with f+1 attestations of the members in the genesis file. A
signature is made in 4 ms and a receipt checked in 30; a shop that wants less puts a
library in the place of the class Curve (docs/till.md names some).
"""
import base64
import hashlib
import hmac
import json
import secrets

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def sha256(*parts):
    h = hashlib.sha256()
    for part in parts:
        h.update(part)
    return h.digest()


# --- ed25519 (RFC 8032; verification by ZIP-215) ---------------------------------


def add(p, q):
    """The sum of two points in extended coordinates; the formula is complete."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(n, p):
    q = IDENTITY
    while n:
        if n & 1:
            q = add(q, p)
        p, n = add(p, p), n >> 1
    return q


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def decompress(b):
    """The point of 32 bytes, None if there is none. ZIP-215 takes y >= P, too."""
    n = int.from_bytes(b, "little")
    sign, y = n >> 255, (n & (2**255 - 1)) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P != 0:
        x = x * ROOT % P
        if (v * x * x - u) % P != 0:
            return None
    if x & 1 != sign:
        x = -x % P
    return (x, y, 1, x * y % P)


def compress(p):
    z = pow(p[2], P - 2, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


class Key:
    """An ed25519 key from its seed of 32 bytes."""

    def __init__(self, seed):
        h = hashlib.sha512(seed).digest()
        self.seed, self.prefix = seed, h[32:]
        self.scalar = int.from_bytes(h[:32], "little") & (2**254 - 8) | 2**254
        self.public = compress(times(self.scalar, BASE))

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % L
        point = compress(times(r, BASE))
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little")
        return point + ((r + k * self.scalar) % L).to_bytes(32, "little")


def verify(public, message, signature):
    """ZIP-215: [8][s]B = [8]R + [8][k]A, s below L, any encoding of a point."""
    a, r, s = decompress(public), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(public) != 32 or len(signature) != 64 or a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return same(times(8, times(s, BASE)), times(8, add(r, times(k, a))))


# --- the codec: little-endian, no padding ----------------------------------------


def u8(n):
    return n.to_bytes(1, "little")


def u16(n):
    return n.to_bytes(2, "little")


def u32(n):
    return n.to_bytes(4, "little")


def u64(n):
    return n.to_bytes(8, "little")


def text(s):
    return u32(len(s.encode())) + s.encode()


class Reader:
    """Reads bytes to the end; what is missing or left over is a ValueError."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, n):
        if self.at + n > len(self.data):
            raise ValueError("bytes are missing")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, n):
        return int.from_bytes(self.raw(n), "little")

    def several(self, most, n):
        """A list of at most `most` elements of n bytes."""
        count = self.number(4)
        if count > most:
            raise ValueError("a list is too long")
        return [self.raw(n) for _ in range(count)]

    def end(self):
        if self.at != len(self.data):
            raise ValueError("bytes are left over")


# --- written forms ----------------------------------------------------------------

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values):
    check = 1
    for v in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= g if top >> i & 1 else 0
    return check


def spread(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def bech32m(prefix, data):
    """Writes a key (BIP-350)."""
    bits, n = [], int.from_bytes(data, "big") << (-len(data) * 8) % 5
    for shift in range((len(data) * 8 + 4) // 5 * 5 - 5, -1, -5):
        bits.append(n >> shift & 31)
    check = polymod(spread(prefix) + bits + [0] * 6) ^ 0x2BC830A3
    return prefix + "1" + "".join(CHARSET[v] for v in bits + [check >> 5 * (5 - i) & 31 for i in range(6)])


def unbech32m(prefix, s):
    """Reads a key of 32 bytes."""
    s = s.lower() if s == s.upper() else s
    if not s.startswith(prefix + "1"):
        raise ValueError(f"{s!r} does not begin with {prefix}1")
    values = [CHARSET.find(c) for c in s[len(prefix) + 1 :]]
    if min(values, default=-1) < 0 or polymod(spread(prefix) + values) != 0x2BC830A3:
        raise ValueError(f"{s!r} is mistyped")
    n, bits = 0, (len(values) - 6) * 5
    for v in values[:-6]:
        n = n << 5 | v
    if bits // 8 != 32 or n & (1 << bits % 8) - 1:
        raise ValueError(f"{s!r} is no key")
    return (n >> bits % 8).to_bytes(32, "big")


BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def base45(data):
    out = ""
    for i in range(0, len(data), 2):
        n = int.from_bytes(data[i : i + 2], "big")
        for _ in range(3 if len(data) - i > 1 else 2):
            out, n = out + BASE45[n % 45], n // 45
    return out


def unbase45(s):
    out = b""
    for i in range(0, len(s), 3):
        n, part = 0, s[i : i + 3]
        for c in reversed(part):
            n = n * 45 + BASE45.index(c)
        if n >= 256 ** (len(part) - 1):
            raise ValueError("this is no base45")
        out += n.to_bytes(len(part) - 1, "big")
    return out


# --- the chain --------------------------------------------------------------------


# What a statement about an id may say: 1, 2, and the codes of refusals (docs/coupons.md, Codes).
SAYS = {1, 2, *range(101, 111), *range(201, 206), *range(301, 310), *range(401, 408), 409, 410, 412,
        *range(501, 521), *range(601, 610), *range(701, 704)}


class Lie(Exception):
    """An answer that does not show what it claims."""


class Chain:
    """A chain, known by its genesis file alone."""

    def __init__(self, genesis):
        self.file = json.loads(genesis)
        self.digest = sha256(u8(14), b"scrip/chain/v1", text(self.file["name"]), sha256(genesis))
        self.hint = int.from_bytes(self.digest[:4], "little")
        committee = self.file["committee"]
        self.validators = [unbech32m("scripvalidator", v["key"]) for v in committee["validators"]]
        self.faults = committee["faults"]

    def message(self, tag, body):
        return u8(len(tag)) + tag.encode() + self.digest + sha256(body)

    def id(self, body):
        return sha256(self.message("scrip/tx/v1", body))

    def derive(self, secret, info, size):
        """HKDF-SHA-256 (RFC 5869) with the chain as salt; size is at most 32."""
        return hmac.digest(hmac.digest(self.digest, secret, "sha256"), info.encode() + b"\x01", "sha256")[:size]

    def receipt(self, tx_id, proof, header):
        """The receipt that a proof shows, with the time of its block (Unix ms); raises Lie."""
        try:
            return self._receipt(tx_id, Reader(proof), header)
        except (ValueError, IndexError) as e:
            raise Lie(f"the proof cannot be read: {e}") from e

    def _receipt(self, tx_id, r, header):
        if r.number(1) != 1 or r.number(1) != 1:
            raise Lie("a version of proofs that this till does not know")
        signed = r.raw(4 + 8 + 32 + 32 + 32)
        seq, block, root = int.from_bytes(signed[4:12], "little"), signed[12:44], signed[76:108]
        bits = int.from_bytes(r.raw(24), "little")
        signers = [i for i in range(192) if bits >> i & 1]
        signatures = r.several(150, 64)
        index, size = r.number(4), r.number(4)
        receipt, path = r.raw(min(r.number(4), 8192)), r.several(32, 32)
        r.end()
        if len(signers) != len(signatures) or len(signers) < self.faults + 1:
            raise Lie("too few members attest it")
        message = self.message("scrip/pbft/checkpoint/v1", signed)
        for i, signature in zip(signers, signatures):
            if i >= len(self.validators) or not verify(self.validators[i], message, signature):
                raise Lie("an attestation is not good")
        # From version 2 of the rules on the leaf says its place, before it does not.
        if root not in (climb(u32(index) + receipt, index, size, path), climb(receipt, index, size, path)):
            raise Lie("the receipt is not in the block")
        if sha256(self.message("scrip/pbft/header/v1", header)) != block:
            raise Lie("the header is that of another block")
        return Receipt(tx_id, receipt, seq, int.from_bytes(header[137:145], "little"))

    def statement(self, data, nonce, tx_id):
        """A member's signed word about an id: (replica, time in ms, says), or None. It says 1 or 2 if
        no block that it has executed ended the id, or the code by which it would refuse it now."""
        if len(data) != 149 or data[0] != 1 or data[53:85] != nonce or data[19:51] != tx_id:
            return None
        replica, time_ms = int.from_bytes(data[1:3], "little"), int.from_bytes(data[11:19], "little")
        says = int.from_bytes(data[51:53], "little")
        if says not in SAYS or replica >= len(self.validators) or time_ms > 253402300799999:
            return None
        if not verify(self.validators[replica], self.message("scrip/statement/v1", data[:85]), data[85:]):
            return None
        return replica, time_ms, says


def climb(leaf, index, size, path):
    """The root above a leaf (RFC 6962, section 2.1.1), None if the path has another length."""
    h, last = sha256(b"\x00", leaf), size - 1
    if index > last:
        return None
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            h = sha256(b"\x01", sibling, h)
            while not index & 1:
                index, last = index >> 1, last >> 1
        else:
            h = sha256(b"\x01", h, sibling)
        index, last = index >> 1, last >> 1
    return h if last == 0 else None


class Receipt:
    """A proven outcome: the code, and what a redemption or an undoing changed."""

    def __init__(self, tx_id, raw, height, time_ms):
        r = Reader(raw)
        if r.raw(32) != tx_id:
            raise Lie("the receipt is that of another transaction")
        self.code, self.height, self.time_ms = r.number(2), height, time_ms
        self.first = r.number(8) if self.code == 105 else None
        if self.code != 0:
            return
        kind = r.number(1)
        if kind == 10:
            self.coupon, self.seq, self.value, self.payable = r.number(8), r.number(4), r.number(8), r.number(8)
            self.left_before, self.left, self.uses_left, self.final_ms = (r.number(n) for n in (8, 8, 2, 8))
        if kind == 11:
            self.coupon, self.seq, self.value, self.until_ms = r.number(8), r.number(4), r.number(8), r.number(8)


# --- what a till signs ------------------------------------------------------------

REDEEM, VOID, TILL_KEY_ADD = 10, 11, 6


def body(chain, kind, expires, fields):
    return u8(1) + u8(kind) + u32(chain.hint) + u64(expires) + fields


def payload(chain, code):
    """What a camera read, for example 'SCRP:…': type and bytes of the object with its signature."""
    head, _, rest = code.strip().partition(":")
    if head.upper() != "SCRP":
        raise ValueError("this is no code of Scrip")
    data = unbase45(rest.upper())
    if len(data) < 5 or int.from_bytes(data[1:5], "little") != chain.hint:
        raise ValueError("this code is of another network")
    return data[0], data[5:]


class Auth:
    """A holder's order: payload of type 2."""

    def __init__(self, chain, data):
        self.raw, self.signature = data[:-64], data[-64:]
        r = Reader(self.raw)
        self.coupon, self.seq, self.holder = r.number(8), r.number(4), r.raw(32)
        self.value, self.expires, self.mode = r.number(8), r.number(8), r.number(1)
        if self.mode == 0:
            self.invoice = r.raw(32)
        elif self.mode == 1:
            self.merchant = r.number(2)
        else:
            raise ValueError("a form of orders that this till does not know")
        r.end()
        if not verify(self.holder, chain.message("scrip/auth/v1", self.raw), self.signature):
            raise ValueError("the holder's signature is not good")


def invoice(till, campaign, currency, basis, qty, unit, basket, expires):
    """96 bytes: what the till states of a bill. basket is text; a fresh salt hides it."""
    hidden = sha256(u8(15), b"scrip/basket/v1", secrets.token_bytes(16), sha256(basket.encode()))
    return (till + u32(campaign) + u16(currency) + u64(basis) + u16(qty) + u64(unit) + hidden + u64(expires))


def invoice_code(chain, key, facts):
    """The QR code that a wallet answers."""
    signed = key.sign(chain.message("scrip/invoice/v1", facts))
    return "SCRP:" + base45(u8(1) + u32(chain.hint) + facts + signed), signed


def redeem(chain, key, facts, auth, invoice_signature=None):
    """A redemption: bytes and id. Of a shown code (mode 1) the till signs the whole body."""
    b = body(chain, REDEEM, auth.expires, facts + auth.raw)
    till = invoice_signature if auth.mode == 0 else key.sign(chain.message("scrip/tx/v1", b))
    return b + till + auth.signature, chain.id(b)


def void(chain, key, coupon, seq, expires):
    """The undoing of a redemption: bytes and id."""
    b = body(chain, VOID, expires, u64(coupon) + u32(seq) + key.public)
    return b + key.sign(chain.message("scrip/tx/v1", b)), chain.id(b)


class Offer:
    """What a merchant's console offers to a new till (web/FRAGMENTS.md, Pairing a till)."""

    def __init__(self, chain, link):
        data = link.partition("pair=")[2] or link
        r = Reader(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
        if r.number(1) != 1 or r.number(4) != chain.hint:
            raise ValueError("this offer is of another network")
        self.secret, self.member, self.store = r.raw(16), r.number(2), r.number(2)
        self.rights, self.currency = r.number(1), r.number(2)
        self.valid_until, self.day_cap = r.number(8), r.number(8)
        self.label = r.raw(min(r.number(4), 32)).decode()
        r.end()
        self.box = chain.derive(self.secret, "scrip/pair-box/v1", 16).hex()

    def answer(self, chain, key, now_ms):
        """The till's part of its registration, sealed for who made the offer."""
        fields = (u16(self.member) + u16(self.store) + key.public + u8(self.rights) + u16(self.currency)
                  + u64(now_ms - 60_000) + u64(self.valid_until) + u64(self.day_cap) + text(self.label))
        b = body(chain, TILL_KEY_ADD, now_ms + 3_600_000, fields)
        content = b + key.sign(chain.message("scrip/tx/v1", b))
        return content + hmac.digest(chain.derive(self.secret, "scrip/pair-mac/v1", 32), content, "sha256")


def login(chain, key, method, target, request_body, now_ms):
    """The Authorization header of one request of a till."""
    method, target = method.encode(), target.encode()
    b = (u8(1) + u64(now_ms) + u32(len(method)) + method + u32(len(target)) + target + sha256(request_body))
    signature = base64.b64encode(key.sign(chain.message("scrip/login/v1", b))).decode()
    return f"Scrip-Till {bech32m('scriptill', key.public)}:{now_ms}:{signature}"
