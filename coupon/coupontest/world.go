package coupontest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"slices"
)

// Roles of members and rights of tills (rules 3.2).
const (
	RoleIssuer   = 1
	RoleMerchant = 2
	RolePayment  = 4

	RightRedeem  = 1
	RightVoidOwn = 2
	RightVoidAny = 4
)

// Member is an organisation of the genesis data, ACTIVE at first. Keys are ascending.
type Member struct {
	ID        uint16
	Roles     uint8
	Threshold uint8
	Keys      []Key
	Name      string
}

// Funding is a member's limit in one currency, in minor units.
type Funding struct {
	Member, Currency uint16
	Limit            uint64
}

// Till is a till key of the genesis data.
type Till struct {
	Key        Key
	Member     uint16
	Store      uint16
	Rights     uint8
	Currency   uint16
	ValidFrom  uint64
	ValidUntil uint64
	DayCap     uint64
	Label      string
}

// Currency is a listed currency: ISO 4217 number, letters, decimal places.
type Currency struct {
	Number   uint16
	Letters  string
	Exponent uint8
}

// Ring holds private keys by public key. With Fake set it holds none: keys are hashes, not points, and signatures are
// hashes too, which is enough, and far quicker, wherever nothing verifies them.
type Ring struct {
	Fake bool
	keys map[Key]ed25519.PrivateKey
}

// derive returns the public key of a 32-byte private seed and remembers the private one.
func (g *Ring) derive(seed [32]byte) Key {
	if g.Fake {
		return sha256.Sum256(seed[:])
	}
	private := ed25519.NewKeyFromSeed(seed[:])
	public := Key(private[32:])
	if g.keys == nil {
		g.keys = make(map[Key]ed25519.PrivateKey)
	}
	g.keys[public] = private
	return public
}

func (g *Ring) sign(key Key, msg []byte) [64]byte {
	if private, ok := g.keys[key]; ok {
		return [64]byte(ed25519.Sign(private, msg))
	}
	return sha512.Sum512(append(key[:], msg...))
}

// World is a cast of members, tills and wallets with their private keys, all derived from a seed: the genesis data of
// a test chain.
type World struct {
	Seed         uint64
	Name         string
	Chain        [32]byte
	Hint         uint32
	CycleMs      uint64
	LifeMs       uint64
	MemberLifeMs uint64
	// UpgradeAt is the first height of version 2 of the rules, 0 if there is none.
	UpgradeAt uint64
	// Set is that of epoch 0, FoundedMs the time of the genesis, from which version 2 takes them.
	Set        SetBody
	FoundedMs  uint64
	Currencies []Currency
	Members    []Member
	Funding    []Funding
	Tills      []Till
	Wallets    []Key
	Ring       Ring
}

// Options sizes a world.
type Options struct {
	Seed uint64
	// StartMs is the time from which the tills are valid, in Unix milliseconds. They stay valid for two years.
	StartMs uint64
	// Members are all issuers, merchants and payers at once, with Keys admin keys each, Threshold of which sign.
	Members, Keys, Threshold int
	// Tills is the number of tills of each member, one to a store, all with every right.
	Tills   int
	Wallets int
	// Fake makes keys and signatures that do not verify; see Ring.
	Fake bool
}

// emptyWorld returns a world with a chain digest and two currencies and nobody in it.
func emptyWorld(seed uint64, fake bool) *World {
	w := &World{
		Seed: seed, Name: "scrip-test", CycleMs: 7 * dayMs, LifeMs: 180 * secondMs, MemberLifeMs: 7 * dayMs,
		Currencies: []Currency{{756, "CHF", 2}, {978, "EUR", 2}},
		Ring:       Ring{Fake: fake},
	}
	w.Chain = ChainDigest(w.Name, le64([]byte("world"), seed))
	w.Hint = binary.LittleEndian.Uint32(w.Chain[:])
	return w
}

// NewWorld returns the world of some options. Every member has ample funding in every currency; all tills take EUR.
func NewWorld(o Options) *World {
	w := emptyWorld(o.Seed, o.Fake)
	for i := range o.Members {
		id := uint16(i + 1)
		w.addMember(RoleIssuer|RoleMerchant|RolePayment, o.Threshold, o.Keys)
		for _, c := range w.Currencies {
			w.Funding = append(w.Funding, Funding{Member: id, Currency: c.Number, Limit: moneyMax})
		}
		for store := range o.Tills {
			w.Tills = append(w.Tills, Till{
				Key: w.Derive("till", uint64(id), uint64(store)), Member: id, Store: uint16(store + 1), Rights: 7,
				Currency: 978, ValidFrom: o.StartMs, ValidUntil: o.StartMs + 2*yearMs, DayCap: moneyMax, Label: "till",
			})
		}
	}
	for i := range o.Wallets {
		w.Wallets = append(w.Wallets, w.Derive("wallet", uint64(i)))
	}
	return w
}

func (w *World) addMember(roles uint8, threshold, keys int) {
	id := uint16(len(w.Members) + 1)
	m := Member{ID: id, Roles: roles, Threshold: uint8(threshold), Name: "Member"}
	m.Name += string('A' + rune(id-1)%26)
	for i := range keys {
		m.Keys = append(m.Keys, w.Derive("member", uint64(id), uint64(i)))
	}
	slices.SortFunc(m.Keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	w.Members = append(w.Members, m)
}

// Derive returns the public key of a name and puts its private key on the ring. The same world and name give the same
// key.
func (w *World) Derive(label string, numbers ...uint64) Key {
	b := text(le64([]byte("coupontest key"), w.Seed), label)
	for _, n := range numbers {
		b = le64(b, n)
	}
	return w.Ring.derive(sha256.Sum256(b))
}

// Seat gives members a seat each.
func (w *World) Seat(ids ...uint16) {
	w.FoundedMs = 1
	w.Set = SetBody{F: uint8(len(ids)-1) / 3, W: 32, K: 4096, C: 256, D: 4, PrecisionMs: 500, DelayMs: 5000,
		PayloadMax: 4 << 20}
	for _, id := range ids {
		w.Set.Seats = append(w.Set.Seats, SeatOf{id, w.Derive("validator", uint64(id))})
	}
}

// Entries names the first threshold keys of each member given, ascending and without repetition, as the witness of a
// member-signed transaction. Members that do not exist are left out.
func (w *World) Entries(ids ...uint16) (list []MemberSig) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id == 0 || int(id) > len(w.Members) {
			continue
		}
		m := &w.Members[id-1]
		for _, k := range m.Keys[:min(int(m.Threshold), len(m.Keys))] {
			list = append(list, MemberSig{Member: id, Key: k})
		}
	}
	return list
}

// Finish stamps the chain hint on a transaction, signs it and returns its bytes.
func (w *World) Finish(t *Tx) []byte {
	t.Hint = w.Hint
	t.Sign(w.Chain, w.Ring)
	return t.Bytes()
}
