package coupon

import (
	"crypto/sha256"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// The order of the checks of governance: each fault alone gives its code, and of any two the
// earlier one does.

func TestOrderOfGovPropose(t *testing.T) {
	propose := func(name string, c Code, change func(s *scene, f *GovPropose)) fault {
		return fault{name, c, on(change)}
	}
	unseated := propose("no seat", NotAuthorised, func(_ *scene, f *GovPropose) { f.Member = visitor })
	full := fault{"four are open", VoteState, func(s *scene) {
		numbers := []uint32{1, 2, 3, 4}
		s.replace(OpenProposalsKey(funder), appendOpenProposals(&numbers, nil))
		for _, n := range numbers {
			s.openProposal(n, funder, t0-VotingMs+1)
		}
		s.protocol.NextProposal = 5
	}}
	faults := []fault{
		unseated,
		propose("a backer without seat", NotAuthorised, func(s *scene, f *GovPropose) { f.Backers = []uint16{payer} }),
		propose("a backer that is nobody", NotAuthorised, func(s *scene, f *GovPropose) { f.Backers = []uint16{99} }),
		{"suspended", NotAuthorised, func(s *scene) { s.members[funder].State = MemberSuspended }},
		{"key of nobody", NotAuthorised, func(s *scene) { s.entries[0].Key = keyOf("nobody").Key }},
		propose("a backer that does not sign", Quorum, func(s *scene, f *GovPropose) { f.Backers = []uint16{shopA} }),
		tooFew(funder),
		propose("too far ahead", BadWindow, func(s *scene, f *GovPropose) { f.At = t0 + ProposalAheadMsMax + 1 }),
		full,
	}
	checkOrder(t, func(s *scene) { s.propose(&AddCurrency{Currency{756, "CHF", 2}}) }, faults)
	checkOrder(t, func(s *scene) {
		s.propose(&RecoverMember{shopB, 1, sortedNames("new")})
		s.tx.(*GovPropose).At = t0 + RecoveryMs
	}, []fault{unseated, tooFew(funder), propose("before the veto is over", TooLate, func(s *scene, f *GovPropose) {
		f.At = t0 + RecoveryMs - 1
	}), full})
	checkOrder(t, func(s *scene) { // who gets a role and has no seat signs
		s.propose(&SetMemberRoles{payer, RolePayment | RoleIssuer})
		s.entries = append(s.entries, MemberSigner{payer, keyOf("payer")})
		s.tx.(*GovPropose).Backers = []uint16{payer}
	}, []fault{tooFew(funder), propose("without consent", NotAuthorised, func(s *scene, f *GovPropose) {
		f.Backers, s.entries = nil, s.entries[:1]
	}), full})
}

// openProposal puts a proposal that lists a currency into the scene.
func (s *scene) openProposal(number uint32, proposer uint16, openedAt uint64) {
	raw := AppendAction(nil, &AddCurrency{Currency{756, "CHF", 2}})
	p := Proposal{Proposer: proposer, OpenedAt: openedAt, Digest: sha256.Sum256(raw), Action: raw}
	s.replace(ProposalKey(number), p.AppendTo(nil))
}

func TestOrderOfGovVote(t *testing.T) {
	vote := func(name string, c Code, change func(s *scene, f *GovVote)) fault { return fault{name, c, on(change)} }
	change := func(name string, set func(*Proposal)) fault {
		return fault{name, VoteState, func(s *scene) {
			raw := AppendAction(nil, &AddCurrency{Currency{756, "CHF", 2}})
			p := Proposal{Proposer: issuer, OpenedAt: t0 - 1, Digest: sha256.Sum256(raw), Action: raw}
			set(&p)
			s.replace(ProposalKey(1), p.AppendTo(nil))
		}}
	}
	faults := append([]fault{
		vote("no seat", NotAuthorised, func(s *scene, f *GovVote) { f.Member = payer }),
		vote("a veto of what can have none", NotAuthorised, func(s *scene, f *GovVote) { f.Ballot = BallotVeto }),
	}, memberFaults(shopB, 0)[1:3]...)
	faults = append(faults, tooFew(shopB),
		vote("unknown", VoteState, func(s *scene, f *GovVote) { f.Proposal = 9 }),
		vote("another action", VoteState, func(s *scene, f *GovVote) { f.Digest[0]++ }),
		change("lapsed", func(p *Proposal) { p.OpenedAt = t0 - VotingMs }),
		change("executed", func(p *Proposal) { p.State, p.Action = ProposalExecuted, nil }),
		change("failed", func(p *Proposal) { p.State, p.Code, p.Action = ProposalFailed, VoteState, nil }))
	checkOrder(t, func(s *scene) { s.proposed(&AddCurrency{Currency{756, "CHF", 2}}, issuer) }, faults)
	checkOrder(t, func(s *scene) {
		s.proposed(&RecoverMember{shopB, 1, sortedNames("new")}, issuer)
		s.tx.(*GovVote).Ballot = BallotVeto
	}, []fault{
		{"of another", NotAuthorised, func(s *scene) {
			s.proposed(&RecoverMember{shopA, 1, sortedNames("new")}, issuer)
			s.tx.(*GovVote).Ballot = BallotVeto
		}},
		{"suspended", NotAuthorised, func(s *scene) { s.members[shopB].State = MemberSuspended }},
		vote("another action", VoteState, func(s *scene, f *GovVote) { f.Digest[0]++ }),
	})
}

func TestOrderOfSeatKey(t *testing.T) {
	seat := func(name string, c Code, change func(s *scene, f *SeatKey)) fault { return fault{name, c, on(change)} }
	others := memberFaults(shopB, 0) // whose entry of another member is of shop B itself
	others[3].set = func(s *scene) {
		s.entries = append([]MemberSigner{{shopA, keyOf("shop A")}}, s.entries...)
	}
	faults := append(others, tooFew(shopB),
		seat("a key of another seat", KeyState, func(s *scene, f *SeatKey) { f.Key = validatorOf(issuer).Key }),
		seat("a till's", KeyState, func(s *scene, f *SeatKey) { f.Key = keyOf("till").Key }),
		seat("a service key", KeyState, func(s *scene, f *SeatKey) { f.Key = keyOf("pay").Key }),
		seat("an admin key", KeyState, func(s *scene, f *SeatKey) { f.Key = keyOf("shop B").Key }),
		fault{"an hour has not passed", TooLate, func(s *scene) {
			s.candidate(shopB, func(seat *Seat) { seat.Key, seat.AnnouncedMs = keyOf("last").Key, t0-SeatKeyMs+1 })
		}},
		seat("vouched by another", NotAuthorised, func(s *scene, f *SeatKey) { f.Voucher = validatorOf(issuer).Key }))
	checkOrder(t, func(s *scene) { governanceScenes()[KindSeatKey][0](s) }, faults)
	candidate := func(s *scene) {
		s.second()
		s.entries = []MemberSigner{{payer, keyOf("payer")}}
		s.candidate(payer, func(seat *Seat) { seat.Key = keyOf("last").Key })
		s.tx = &SeatKey{Member: payer, Key: keyOf("new").Key, Address: "a:1", Known: 2}
	}
	checkOrder(t, candidate, []fault{
		{"a day has not passed", TooLate, func(s *scene) {
			s.candidate(payer, func(seat *Seat) { seat.Key, seat.AnnouncedMs = keyOf("last").Key, t0-CandidateKeyMs+1 })
		}},
		seat("vouched without a seat", NotAuthorised, func(s *scene, f *SeatKey) {
			f.Vouched, f.Voucher = true, keyOf("last").Key
		}),
	})
}

func TestOrderOfSeatReady(t *testing.T) {
	ready := func(name string, c Code, change func(s *scene, f *SeatReady)) fault {
		return fault{name, c, on(change)}
	}
	checkOrder(t, func(s *scene) { governanceScenes()[KindSeatReady][0](s) }, []fault{
		ready("nothing announced", NotFound, func(s *scene, f *SeatReady) { f.Member = payer }),
		ready("another key", NotFound, func(s *scene, f *SeatReady) { f.Key = validatorOf(shopB).Key }),
		{"64 blocks have not passed", TooLate, func(s *scene) {
			s.candidate(shopB, func(seat *Seat) { seat.Ready = 37 })
		}},
		ready("an older program", TooLate, func(s *scene, f *SeatReady) { f.Known = 1 }),
	})
	// What a dry run does not know.
	m, _ := NewMachine(testChain(), testGenesis())
	m = upgradedAt(m, 1)
	for height, want := range map[uint64]Code{110: OK, 111: EvidenceInvalid} {
		s := newScene()
		governanceScenes()[KindSeatReady][0](s)
		s.tx.(*SeatReady).Height = height
		is(t, "height to come", s.applied(t, m, 110), want)
	}
	for height, want := range map[uint64]Code{100 + ReadyBehindMax: OK, 101 + ReadyBehindMax: EvidenceInvalid} {
		s := newScene()
		governanceScenes()[KindSeatReady][0](s)
		is(t, "height long past", s.applied(t, m, height), want)
	}
}

// applied executes the scene's transaction in a block.
func (s *scene) applied(t *testing.T, m *Machine, height uint64) Code {
	t.Helper()
	tx, err := m.chain.CheckTxAt(Version2, s.raw(m.chain))
	if err != nil {
		t.Fatal(err)
	}
	st := newStore()
	s.fill(st)
	done := m.Apply(st, Block{Height: height, TimeMs: s.now, Epoch: s.epoch, Txs: []*Tx{tx}})
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	return done.Outcomes[0].Code
}

func TestOrderOfMisbehaviour(t *testing.T) {
	set := foundingOf(4).Set
	evidence := func(name string, change func(s *scene, e *pbft.Misbehaviour)) fault {
		return fault{name, EvidenceInvalid, on(func(s *scene, f *Misbehaviour) { change(s, f.Evidence) })}
	}
	recorded := Misbehaving{Height: 7}
	faults := []fault{
		evidence("a body that the state has", func(s *scene, e *pbft.Misbehaviour) { e.Body = set.Encode() }),
		evidence("an epoch to come", func(s *scene, e *pbft.Misbehaviour) { e.Epoch = 1 }),
		evidence("a signature of nobody", func(s *scene, e *pbft.Misbehaviour) { e.Votes[0].Signature[5] ^= 1 }),
		evidence("two of one block", func(s *scene, e *pbft.Misbehaviour) { e.Votes[1] = e.Votes[0] }),
		{"recorded", EvidenceInvalid, func(s *scene) { s.replace(MisbehaviourKey(0, shopB, 3), recorded.AppendTo(nil)) }},
	}
	checkOrder(t, func(s *scene) { governanceScenes()[KindMisbehaviour][0](s) }, faults)
}
