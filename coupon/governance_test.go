package coupon

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// testScheme verifies with the standard library.
type testScheme struct{}

func (testScheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return ed25519.Verify(key[:], message, s[:])
}

func (x testScheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}

func validatorOf(member uint16) Signer { return keyOf(fmt.Sprintf("validator %d", member)) }

// foundingOf returns a founding with a seat for each of the members 1 to n.
func foundingOf(n uint16) Founding {
	f := Founding{Chain: testChain().Digest, TimeMs: t0 - 1,
		Set: pbft.SetBody{Parameters: pbft.Parameters{Window: 32, Tenure: 4096, CheckpointInterval: 256, ExecutionLag: 4,
			PrecisionMs: 500, DelayMs: 5000, PayloadBytesMax: 4 << 20}}}
	f.Set.Parameters.Faults, f.Set.Parameters.FastFaults = pbft.DefaultFaults(int(n))
	for id := uint16(1); id <= n; id++ {
		f.Set.Seats = append(f.Set.Seats, pbft.Seat{Member: id, Key: validatorOf(id).Key})
	}
	return f
}

// upgradedAt returns a machine of version 2 on which the members 1 to 4 have seats.
func upgradedAt(m *Machine, height uint64) *Machine {
	up, err := m.UpgradedAt(height, foundingOf(4))
	if err != nil {
		panic(err)
	}
	return up
}

// foundedRows writes what the migration writes of the set of epoch 0.
func foundedRows(put func(key, value []byte)) {
	for _, row := range (&Machine{founding: foundingOf(4)}).foundedRows(Version2) {
		put(row.Key, row.Value)
	}
}

// doublePrepare is evidence that a member prepared two blocks of one place of an epoch.
func doublePrepare(set *pbft.SetBody, member uint16, view pbft.View) *pbft.Misbehaviour {
	c, err := pbft.NewCommitteeFromBody(testChain().Digest, set)
	if err != nil {
		panic(err)
	}
	replica := pbft.ReplicaID(seatOf(set, member))
	vote := func(mark byte) *pbft.Vote {
		block := pbft.BlockRef{View: view, Seq: 9, Digest: pbft.Digest{mark}}
		return &pbft.Vote{Epoch: set.Epoch, Block: block, Replica: replica,
			Signature: validatorOf(member).Sign(c.PrepareBytes(block))}
	}
	return pbft.TwoPreparesOf(vote(1), vote(2), nil)
}

// sortedKeys returns the keys of names in the order that actions have.
func sortedNames(names ...string) (keys [][32]byte) {
	for _, name := range names {
		keys = append(keys, keyOf(name).Key)
	}
	slices.SortFunc(keys, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return keys
}

// sampleActions returns one action of each kind.
func sampleActions() []Action {
	return []Action{
		&AddMember{"Newcomer", RoleMerchant, 1, sortedNames("new 1", "new 2")},
		&SetMemberState{shopB, MemberSuspended},
		&SetMemberRoles{shopA, RoleMerchant | RoleIssuer},
		&RecoverMember{shopB, 1, sortedNames("shop B 2")},
		&SetFunding{funder, usd, 2_000_000},
		&AddCurrency{Currency{756, "CHF", 2}},
		&SetParams{LifeMsDefault, MemberLifeDefault, 2 * dayMs, 0, NetBilateral},
		&Upgrade{3, 100_000},
		&ChangeSeats{Add: []pbft.Seat{{Member: 5, Key: validatorOf(5).Key}}, Drop: []uint16{2}, Faults: DefaultFaults,
			FastFaults: DefaultFaults},
		&StopCampaigns{StopID{StopCampaign, 7}, t0 + dayMs, [32]byte{9}},
		&LiftStop{StopID{StopIssuer, uint32(issuer)}},
		&ChangeConsensus{1, 0, 64, 4096, 256, 4, 500, 5000, 1 << 20},
	}
}

// governanceSamples returns signed transactions of each kind of governance.
func governanceSamples(c Chain) []sample {
	expires := t0 + 60_000
	admin := func(member uint16, name string) MemberSigner { return MemberSigner{member, keyOf(name)} }
	var list []sample
	for i, a := range sampleActions() {
		f := &GovPropose{Member: funder, At: t0 + dayMs, Action: a}
		signers := []MemberSigner{admin(funder, "funder")}
		if i%2 == 0 {
			f.Backers, signers = []uint16{shopA}, append(signers, admin(shopA, "shop A"))
		}
		list = append(list, sample{fmt.Sprintf("gov_propose_%d", a.Kind()), c.NewMemberTx(expires, f, signers...)})
	}
	digest := sha256.Sum256(AppendAction(nil, sampleActions()[5]))
	key, seat := validatorOf(5), validatorOf(shopB)
	vouched := &SeatKey{Member: shopB, Key: key.Key, Address: "node.example:9000", Flags: SeatArchive, Known: 2,
		Vouched: true, Voucher: seat.Key}
	set := foundingOf(4).Set
	bare := doublePrepare(&set, shopB, 3)
	withBody := *bare
	withBody.Body = set.Encode()
	return append(list,
		sample{"gov_vote", c.NewMemberTx(expires, &GovVote{shopB, 5, digest, BallotYes}, admin(shopB, "shop B"))},
		sample{"seat_key", c.NewSeatKey(expires, &SeatKey{Member: 5, Key: key.Key, Address: "[::1]:9000", Known: 2}, key,
			nil, admin(5, "visitor"))},
		sample{"seat_key_vouched", c.NewSeatKey(expires, vouched, key, &seat, admin(shopB, "shop B"))},
		sample{"seat_ready", c.NewSeatReady(expires, &SeatReady{5, key.Key, 100_000, [32]byte{3}, 2}, key)},
		sample{"misbehaviour", c.NewMisbehaviour(expires, &Misbehaviour{bare})},
		sample{"misbehaviour_with_body", c.NewMisbehaviour(expires, &Misbehaviour{&withBody})})
}

// propose lets a member of the scene propose, with backers.
func (s *scene) propose(a Action, backers ...uint16) {
	s.second()
	s.entries = []MemberSigner{{funder, keyOf("funder")}}
	for _, b := range backers {
		s.entries = append(s.entries, MemberSigner{b, keyOf(map[uint16]string{shopA: "shop A", shopB: "shop B"}[b])})
	}
	s.tx = &GovPropose{Member: funder, Backers: backers, Action: a}
}

// proposed puts proposal 1, made by the issuer, into the scene, and lets shop B vote yes.
func (s *scene) proposed(a Action, yes ...uint16) {
	s.second()
	s.protocol.NextProposal = 2
	raw := AppendAction(nil, a)
	p := Proposal{Proposer: issuer, OpenedAt: t0 - 1, Digest: sha256.Sum256(raw), Action: raw}
	for _, m := range yes {
		p.Votes = append(p.Votes, Vote{m, BallotYes})
	}
	open := []uint32{1}
	s.replace(ProposalKey(1), p.AppendTo(nil))
	s.replace(OpenProposalsKey(issuer), appendOpenProposals(&open, nil))
	s.entries = []MemberSigner{{shopB, keyOf("shop B")}}
	s.tx = &GovVote{shopB, 1, p.Digest, BallotYes}
}

// candidate puts a key that a member has announced into the scene.
func (s *scene) candidate(member uint16, change func(*Seat)) {
	seat := Seat{Key: keyOf("next validator").Key, Address: "a:1", Known: 2, AnnouncedMs: t0 - dayMs}
	change(&seat)
	a := Announced{member, 1}
	s.replace(SeatKeyOf(member), seat.AppendTo(nil))
	s.replace(ValidatorRowKey(seat.Key), a.AppendTo(nil))
}

// governanceScenes returns scenes of governance that are accepted.
func governanceScenes() map[Kind][]func(*scene) {
	currency := &AddCurrency{Currency{756, "CHF", 2}}
	leave := &SetMemberState{shopA, MemberLeft} // who has a seat
	set := foundingOf(4).Set
	return map[Kind][]func(*scene){
		KindGovPropose: {
			func(s *scene) { s.propose(currency) },
			func(s *scene) { s.propose(currency, shopA, shopB) },
			func(s *scene) { s.propose(leave, shopA, shopB) },
		},
		KindGovVote: {
			func(s *scene) { s.proposed(currency, issuer) },
			func(s *scene) { s.proposed(currency, issuer, funder) },
			func(s *scene) { s.proposed(leave, issuer, funder) },
		},
		KindSeatKey: {func(s *scene) {
			s.second()
			s.entries = []MemberSigner{{shopB, keyOf("shop B")}}
			s.tx = &SeatKey{Member: shopB, Key: keyOf("next validator").Key, Address: "a:1", Known: 2, Vouched: true,
				Voucher: validatorOf(shopB).Key}
		}},
		KindSeatReady: {func(s *scene) {
			s.second()
			s.candidate(shopB, func(*Seat) {})
			s.tx = &SeatReady{shopB, keyOf("next validator").Key, 100, [32]byte{3}, 2}
		}},
		KindMisbehaviour: {func(s *scene) {
			s.second()
			e := doublePrepare(&set, shopB, 3)
			e.Epoch = 0
			s.tx = &Misbehaviour{e}
		}, func(s *scene) {
			// Epoch 1 runs, so the receipt states an epoch that is not 0.
			s.second()
			body := set
			body.Epoch = 1
			row := ValidatorSet{First: 50, SinceMs: t0 - 1, Body: body}
			s.replace(SetKey(), row.AppendTo(nil))
			s.epoch = 1
			s.tx = &Misbehaviour{doublePrepare(&body, shopB, 3)}
		}},
	}
}

// A chain that begins with version 2 has in its first state what a migration writes.
func TestAChainThatBeginsWithVersion2KnowsItsValidators(t *testing.T) {
	g, f := testGenesis(), foundingOf(4)
	g.Rules, g.Set, g.Settlement = Version2, &f.Set, GenesisSettlement{TimeMs: f.TimeMs, PayMs: PayMsDefault}
	m, err := NewMachine(testChain(), g)
	if err != nil {
		t.Fatal(err)
	}
	st := newStore()
	st.write(t, m.Genesis())
	if err := CheckInvariants(st.all()); err != nil {
		t.Error(err)
	}
	w := newWorld2(t)
	w.block()
	for _, prefix := range []byte{PrefixSet, PrefixEpoch, PrefixSeat, PrefixValidatorKey} {
		is(t, fmt.Sprintf("rows %x", prefix), st.count(prefix), w.count(prefix))
	}
	for key, value := range w.rows {
		if at, _ := ParseRowKey([]byte(key)); at.Prefix >= PrefixSeat && at.Prefix <= PrefixEpoch &&
			!bytes.Equal(st.rows[key], value) {
			t.Errorf("row %x is %x, a migration writes %x", key, st.rows[key], value)
		}
	}
	is(t, "version", m.VersionAt(st, 1), Version2)
	for name, change := range map[string]func(*Genesis){
		"no set":             func(g *Genesis) { g.Set = nil },
		"a seat of nobody":   func(g *Genesis) { g.Set.Seats[3].Member = 99 },
		"a set of epoch 1":   func(g *Genesis) { g.Set.Epoch = 1 },
		"one key, two seats": func(g *Genesis) { g.Set.Seats[1].Key = g.Set.Seats[0].Key },
	} {
		bad, set := g, foundingOf(4).Set
		bad.Set = &set
		change(&bad)
		if _, err := NewMachine(testChain(), bad); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
