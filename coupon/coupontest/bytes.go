package coupontest

import (
	"crypto/sha256"
	"encoding/binary"
)

// Key is a 32-byte ed25519 public key (rules 3.1).
type Key = [32]byte

// Limits and windows of the rules, in the units of their names (rules 3.1, 3.3, 3.9, 3.14).
const (
	moneyMax   = 1_000_000_000_000_000
	timeMax    = 253_402_300_799_999
	secondMs   = 1_000
	dayMs      = 86_400_000
	yearMs     = 365 * dayMs
	bucketMs   = 10_000
	txMaxBytes = 8192
)

// Tags of signed and hashed messages (rules 3.14).
const (
	tagTx      = "scrip/tx/v1"
	tagTicket  = "scrip/ticket/v1"
	tagInvoice = "scrip/invoice/v1"
	tagAuth    = "scrip/auth/v1"
)

// ChainDigest is the digest of a chain: SHA-256(u8 14 || "scrip/chain/v1" || string name || SHA-256(genesis file)).
func ChainDigest(name string, genesisFile []byte) [32]byte {
	b := append([]byte{14}, "scrip/chain/v1"...)
	b = le32(b, uint32(len(name)))
	b = append(b, name...)
	file := sha256.Sum256(genesisFile)
	return sha256.Sum256(append(b, file[:]...))
}

// message is M(tag, body), the bytes that are signed.
func message(chain [32]byte, tag string, body []byte) []byte {
	h := sha256.Sum256(body)
	b := append([]byte{byte(len(tag))}, tag...)
	b = append(b, chain[:]...)
	return append(b, h[:]...)
}

// digest is D(tag, body).
func digest(chain [32]byte, tag string, body []byte) [32]byte {
	return sha256.Sum256(message(chain, tag, body))
}

func le16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }
func le32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }
func le64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }
func be16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func be32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func be64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

func text(b []byte, s string) []byte { return append(le32(b, uint32(len(s))), s...) }

// Random is a small deterministic generator (splitmix64). The zero value is a usable stream.
type Random struct{ state uint64 }

// NewRandom returns the stream of a seed.
func NewRandom(seed uint64) *Random { return &Random{state: seed} }

// Uint64 returns the next 64 bits.
func (r *Random) Uint64() uint64 {
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// N returns a number in [0, n); n must not be 0. The bias of the modulus is of no matter here.
func (r *Random) N(n int) int { return int(r.Uint64() % uint64(n)) }

// Chance is true percent times of a hundred.
func (r *Random) Chance(percent int) bool { return r.N(100) < percent }

// Between returns a number in [low, high], both included.
func (r *Random) Between(low, high uint64) uint64 {
	if high-low == ^uint64(0) {
		return r.Uint64()
	}
	return low + r.Uint64()%(high-low+1)
}

// Scaled returns a number in [1, high] whose magnitude, not whose value, is evenly spread.
func (r *Random) Scaled(high uint64) uint64 {
	top := uint64(1)
	for top < high && !r.Chance(15) {
		top *= 2
	}
	return r.Between(1, min(top, high))
}

// Bytes32 returns 32 random bytes.
func (r *Random) Bytes32() (b [32]byte) {
	for i := 0; i < 32; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b
}

// pick returns an element of a list that must not be empty.
func pick[E any](r *Random, list []E) E { return list[r.N(len(list))] }
