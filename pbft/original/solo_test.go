package original

import (
	"crypto/sha256"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// stub signs by hashing key and message: enough where nobody forges.
type stub struct{}

func stubSign(key pbft.PublicKey, message []byte) (s pbft.Signature) {
	h := sha256.Sum256(append(key[:], message...))
	copy(s[:], h[:])
	return s
}

func (stub) Verify(k pbft.PublicKey, m []byte, s pbft.Signature) bool { return stubSign(k, m) == s }

func (stub) VerifyBatch(ks []pbft.PublicKey, ms [][]byte, ss []pbft.Signature) bool {
	for i := range ks {
		if stubSign(ks[i], ms[i]) != ss[i] {
			return false
		}
	}
	return true
}

func payloadRoot(p []byte) pbft.Digest {
	if len(p) == 0 {
		return pbft.Digest{}
	}
	return sha256.Sum256(p)
}

// solo is one replica; the test speaks for all others.
type solo struct {
	t     *testing.T
	com   *pbft.Committee
	r     *Replica
	clock uint64
	log   []pbft.Record
	// handed is what the replica wanted done since the last call of events.
	handed pbft.Ready
}

func newSolo(t *testing.T, n int, self pbft.ReplicaID) *solo {
	t.Helper()
	keys := make([]pbft.PublicKey, n)
	for i := range keys {
		keys[i][0] = byte(i + 1)
	}
	com, err := pbft.NewCommittee(pbft.Digest{9}, 0, keys, pbft.Parameters{Protocol: pbft.Original,
		Faults: (n - 1) / 3, Window: 4, CheckpointInterval: 4})
	if err != nil {
		t.Fatal(err)
	}
	s := &solo{t: t, com: com, clock: 1_000_000}
	s.start(self, nil, pbft.Config{})
	return s
}

// start makes the replica anew from a log; of cfg only what a test sets counts.
func (s *solo) start(self pbft.ReplicaID, log []pbft.Record, cfg pbft.Config) {
	s.t.Helper()
	cfg.Committee, cfg.Self, cfg.Scheme, cfg.PayloadRoot = s.com, self, stub{}, payloadRoot
	cfg.Sign = func(m []byte) pbft.Signature { return stubSign(s.com.Key(self), m) }
	cfg.Genesis, cfg.Trace = s.com.GenesisHeader(pbft.Digest{}, 1), true
	r, err := New(cfg, log)
	if err != nil {
		s.t.Fatal(err)
	}
	s.r = r
	s.tick(1)
}

// turn answers checks, executes what was decided, and returns what was sent.
func (s *solo) turn() (sent []pbft.Outgoing) {
	for range 8 {
		rd := s.r.Ready()
		sent = append(sent, rd.Messages...)
		s.log = append(s.log, rd.Records...)
		s.handed.Serves = append(s.handed.Serves, rd.Serves...)
		s.handed.Events = append(s.handed.Events, rd.Events...)
		s.handed.Checks = append(s.handed.Checks, rd.Checks...)
		s.handed.Checkpoints = append(s.handed.Checkpoints, rd.Checkpoints...)
		for _, k := range rd.Checks {
			s.r.PayloadChecked(k.Digest, true)
		}
		for _, b := range rd.Committed {
			s.r.Executed(b.Block.Header.Seq, b.Digest, pbft.Digest{}, nil)
		}
		s.r.Advance()
	}
	return sent
}

func (s *solo) tick(n int) (sent []pbft.Outgoing) {
	for range n {
		s.clock += 10
		s.r.Tick(s.clock, false)
		sent = append(sent, s.turn()...)
	}
	return sent
}

// get delivers a message and returns the reason.
func (s *solo) get(from pbft.ReplicaID, m pbft.Message) pbft.Reason {
	s.t.Helper()
	got, err := pbft.DecodeMessage(pbft.EncodeMessage(m))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.r.Receive(from, got)
}

// block returns a block of a view's primary.
func (s *solo) block(v pbft.View, seq pbft.Seq, payload string, change func(h *pbft.Header)) pbft.Block {
	h := s.com.NullHeader(v, seq, s.clock)
	h.PayloadRoot, h.PayloadBytes = payloadRoot([]byte(payload)), uint32(len(payload))
	if change != nil {
		change(&h)
	}
	x := pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}, Payload: []byte(payload)}
	x.Signature = stubSign(s.com.Key(h.Proposer), s.com.HeaderBytesToSign(&h))
	return x
}

func (s *solo) vote(id pbft.ReplicaID, k phase, b pbft.BlockRef) pbft.Message {
	v := pbft.Vote{Block: b, Replica: id}
	if k == prepares {
		v.Signature = stubSign(s.com.Key(id), s.com.PrepareBytes(b))
		return &pbft.Prepare{Vote: v}
	}
	v.Signature = stubSign(s.com.Key(id), s.com.CommitBytes(b))
	return &pbft.Commit{Vote: v}
}

func (s *solo) certificate(kind pbft.CertificateKind, b pbft.BlockRef, ids ...pbft.ReplicaID) *pbft.Certificate {
	x := &pbft.Certificate{Kind: kind, Block: b}
	message := s.com.PrepareBytes(b)
	if kind == pbft.CommittedSlow {
		message = s.com.CommitBytes(b)
	}
	for _, id := range ids {
		x.Signers.Add(id)
		x.Signatures = append(x.Signatures, stubSign(s.com.Key(id), message))
	}
	return x
}

func (s *solo) attestation(id pbft.ReplicaID, seq pbft.Seq, block, state pbft.Digest) *pbft.Checkpoint {
	return &pbft.Checkpoint{Seq: seq, Block: block, StateRoot: state, Replica: id,
		Signature: stubSign(s.com.Key(id), s.com.CheckpointBytes(seq, block, state, pbft.Digest{}))}
}

// checkpoint returns the proof of a stable checkpoint.
func (s *solo) checkpoint(seq pbft.Seq, ids ...pbft.ReplicaID) *pbft.CheckpointCertificate {
	x := &pbft.CheckpointCertificate{Seq: seq, Block: pbft.Digest{byte(seq)}}
	for _, id := range ids {
		x.Signers.Add(id)
		x.Signatures = append(x.Signatures, s.attestation(id, seq, x.Block, pbft.Digest{}).Signature)
	}
	return x
}

// change returns a VIEW-CHANGE that proves what it reports.
func (s *solo) change(id pbft.ReplicaID, v pbft.View, proofs ...*pbft.Certificate) *pbft.SlotViewChange {
	m := &pbft.SlotViewChange{View: v, Replica: id, Proofs: proofs}
	for _, c := range proofs {
		m.Prepared = append(m.Prepared, c.Block)
	}
	s.sign(m)
	return m
}

func (s *solo) sign(m *pbft.SlotViewChange) {
	m.Signature = stubSign(s.com.Key(m.Replica), s.com.SlotViewChangeBytes(m))
}

// newView returns a NEW-VIEW of VIEW-CHANGEs as its primary would make it.
func (s *solo) newView(v pbft.View, changes ...*pbft.SlotViewChange) *pbft.SlotNewView {
	m := &pbft.SlotNewView{View: v, TimeMs: s.clock}
	proofs := make(map[pbft.BlockRef]*pbft.Certificate)
	for _, c := range changes {
		core := *c
		core.Checkpoint, core.Proofs = nil, nil
		m.ViewChanges = append(m.ViewChanges, core)
		for _, p := range c.Proofs {
			proofs[p.Block] = p
		}
		if c.Checkpoint != nil && (m.Checkpoint == nil || m.Checkpoint.Seq < c.Checkpoint.Seq) {
			m.Checkpoint = c.Checkpoint
		}
	}
	o, _ := s.r.choose(m.ViewChanges, v, m.TimeMs)
	m.Slots = o.slots
	for _, ref := range o.proved {
		m.Proofs = append(m.Proofs, proofs[ref])
	}
	s.signNewView(m)
	return m
}

func (s *solo) signNewView(m *pbft.SlotNewView) {
	m.Signature = stubSign(s.com.Key(s.com.Primary(m.View)), s.com.SlotNewViewBytes(m))
}

// decide brings the replica's members to decide a block of view 1.
func (s *solo) decide(seq pbft.Seq, payload string) pbft.BlockRef {
	s.t.Helper()
	x := s.block(1, seq, payload, nil)
	ref := s.com.Ref(&x.Header)
	if reason := s.get(0, &pbft.PrePrepare{Block: x}); reason != pbft.Accepted {
		s.t.Fatalf("proposal of %d: %v", seq, reason)
	}
	s.turn()
	for _, k := range []phase{prepares, commits} {
		for _, id := range []pbft.ReplicaID{0, 2, 3} {
			s.get(id, s.vote(id, k, ref))
		}
		s.turn()
	}
	if s.r.committed.Seq != seq {
		s.t.Fatalf("%d is not decided: %+v", seq, s.r.Status())
	}
	return ref
}

// kinds counts the messages of a kind.
func kinds(sent []pbft.Outgoing, k pbft.Kind) (n int) {
	for _, o := range sent {
		if o.Message.Kind() == k {
			n++
		}
	}
	return n
}

// happened counts the events of a kind, and forgets them.
func (s *solo) happened(k pbft.EventKind) (n int) {
	for _, e := range s.handed.Events {
		if e.Kind == k {
			n++
		}
	}
	s.handed.Events = nil
	return n
}
