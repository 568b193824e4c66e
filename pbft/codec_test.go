package pbft

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft/wire"
)

// sampler draws well-formed values; a seed gives the same ones always.
type sampler struct{ r *rand.Rand }

func (s sampler) digest() (d Digest) {
	for i := range d {
		d[i] = byte(s.r.Uint32())
	}
	return d
}

func (s sampler) signature() (x Signature) {
	for i := range x {
		x[i] = byte(s.r.Uint32())
	}
	return x
}

func (s sampler) ref() BlockRef {
	return BlockRef{View(s.r.Uint64()), Seq(s.r.Uint64()), s.digest()}
}

func (s sampler) id() ReplicaID { return ReplicaID(s.r.Uint32()) }

func (s sampler) header() SignedHeader {
	h := SignedHeader{Header{Epoch: Epoch(s.r.Uint32()), View: View(s.r.Uint64()), Seq: Seq(s.r.Uint64()),
		Parent: s.digest(), BaseSeq: Seq(s.r.Uint64()), PayloadRoot: s.digest(), PayloadBytes: s.r.Uint32(),
		ExecSeq: Seq(s.r.Uint64()), ExecRoot: s.digest(), TimeMs: s.r.Uint64(), Justify: s.ref(), Proposer: s.id(),
		Committee: s.digest(), Flags: uint8(s.r.IntN(2))}, s.signature()}
	if h.Header.Flags != 0 { // drawn from what is there: the vectors of before stay
		h.Header.Flags += h.Header.PayloadRoot[0] % 2
		h.Header.Next = h.Header.PayloadRoot
	}
	return h
}

func (s sampler) headers(most int) (hs []SignedHeader) {
	for range s.r.IntN(most + 1) {
		hs = append(hs, s.header())
	}
	return hs
}

func (s sampler) block() Block {
	b := Block{SignedHeader: s.header(), Payload: make([]byte, s.r.IntN(40))}
	for i := range b.Payload {
		b.Payload[i] = byte(s.r.Uint32())
	}
	b.Header.PayloadBytes = uint32(len(b.Payload))
	return b
}

func (s sampler) signers() (set Signers, sigs []Signature) {
	sigs = []Signature{}
	for range s.r.IntN(12) {
		set.Add(ReplicaID(s.r.IntN(ReplicasMax)))
	}
	for range set.Count() {
		sigs = append(sigs, s.signature())
	}
	return set, sigs
}

func (s sampler) certificate() *Certificate {
	x := &Certificate{Kind: CertificateKind(1 + s.r.IntN(3)), Epoch: Epoch(s.r.Uint32()), Block: s.ref()}
	x.Signers, x.Signatures = s.signers()
	return x
}

func (s sampler) optionalCertificate() *Certificate {
	if s.r.IntN(3) == 0 {
		return nil
	}
	return s.certificate()
}

func (s sampler) vote() Vote { return Vote{Epoch(s.r.Uint32()), s.ref(), s.id(), s.signature()} }

func (s sampler) core() ViewChange {
	return ViewChange{Epoch: Epoch(s.r.Uint32()), View: View(s.r.Uint64()), High: s.ref(), Tip: s.ref(),
		Committed: Seq(s.r.Uint64()), Replica: s.id(), Signature: s.signature()}
}

func (s sampler) viewChange() *ViewChange {
	v := s.core()
	v.Certificate, v.Walk = s.optionalCertificate(), s.headers(3)
	return &v
}

func (s sampler) newView() *NewView {
	m := &NewView{Epoch: Epoch(s.r.Uint32()), View: View(s.r.Uint64()), ViewChanges: []ViewChange{},
		Certificate: s.optionalCertificate(), Headers: s.headers(4), Evidence: s.headers(2), Base: s.ref(),
		Signature: s.signature()}
	for range s.r.IntN(5) {
		m.ViewChanges = append(m.ViewChanges, s.core())
	}
	return m
}

func (s sampler) message(k Kind) Message {
	switch k {
	case KindPrePrepare:
		m := &PrePrepare{Block: s.block(), Certificate: s.optionalCertificate()}
		if s.r.IntN(2) == 0 {
			m.Entry = s.newView()
		}
		return m
	case KindPrepare:
		return &Prepare{s.vote()}
	case KindCommit:
		return &Commit{s.vote()}
	case KindCheckpoint:
		return &Checkpoint{Epoch(s.r.Uint32()), Seq(s.r.Uint64()), s.digest(), s.digest(), s.digest(), s.id(), s.signature()}
	case KindSuspect:
		return &Suspect{Epoch(s.r.Uint32()), View(s.r.Uint64()), SuspectReason(1 + s.r.IntN(3)), Seq(s.r.Uint64()),
			s.id(), s.signature(), s.headers(2)}
	case KindViewChange:
		return s.viewChange()
	case KindNewView:
		return s.newView()
	case KindStatus:
		return &Status{Epoch(s.r.Uint32()), View(s.r.Uint64()), View(s.r.Uint64()), s.ref(), Seq(s.r.Uint64()),
			Rank{View(s.r.Uint64()), Seq(s.r.Uint64())}, s.id()}
	case KindFetch:
		return &Fetch{Epoch(s.r.Uint32()), Seq(s.r.Uint64()), s.digest(), Seq(s.r.Uint64()), false}
	case KindFetchRecipe:
		return &Fetch{Epoch(s.r.Uint32()), Seq(s.r.Uint64()), s.digest(), Seq(s.r.Uint64()), true}
	case KindPull:
		return &Pull{Epoch(s.r.Uint32()), s.ref(), s.digest()}
	case KindRecipe:
		recipe := s.digest()
		m := &PrePrepare{Block: Block{SignedHeader: s.header()}, Recipe: recipe[:1+s.r.IntN(32)],
			Certificate: s.optionalCertificate()}
		if s.r.IntN(2) == 0 {
			m.Entry = s.newView()
		}
		return m
	case KindRecall:
		return &Recall{Epoch(s.r.Uint32()), s.r.Uint64()}
	}
	return s.transfer(k)
}

func (s sampler) transfer(k Kind) Message {
	switch k {
	case KindBlocks:
		m := &Blocks{Epoch: Epoch(s.r.Uint32()), Blocks: []Block{}, Certificate: s.optionalCertificate()}
		for range s.r.IntN(4) {
			m.Blocks = append(m.Blocks, s.block())
		}
		return m
	case KindLinked:
		m := &Linked{Epoch: Epoch(s.r.Uint32()), Certificate: s.certificate()}
		for range 1 + s.r.IntN(3) {
			m.Blocks, m.Headers = append(m.Blocks, s.block()), append(m.Headers, s.header().Header)
		}
		return m
	case KindProof:
		m := &Proof{Certificate: s.certificate()}
		if s.r.IntN(2) == 0 {
			h := s.header()
			m.Header = &h
		}
		return m
	case KindRecollection:
		m := &Recollection{Epoch: Epoch(s.r.Uint32()), Nonce: s.r.Uint64()}
		if s.r.IntN(2) == 0 {
			m.Prepare = &Prepare{s.vote()}
		}
		if s.r.IntN(2) == 0 {
			v := s.core()
			m.ViewChange = &v
		}
		if s.r.IntN(2) == 0 {
			h := s.header()
			m.Proposal = &h
		}
		if s.r.IntN(2) == 0 {
			v := s.slotCore()
			m.SlotViewChange = &v
		}
		if s.r.IntN(2) == 0 {
			m.Commit = &Commit{s.vote()}
		}
		for range s.r.IntN(3) {
			m.Prepares = append(m.Prepares, Prepare{s.vote()})
		}
		for range s.r.IntN(3) {
			m.Commits = append(m.Commits, Commit{s.vote()})
		}
		if m.Nonce&3 == 3 { // drawn from what is there: the vectors of before stay
			x := s.mark()
			m.Mark = &x
		}
		return m
	}
	return s.slotMessage(k)
}

func (s sampler) record(k RecordKind) Record {
	x := Record{Kind: k}
	switch k {
	case RecordEntry:
		x.View, x.Base = View(s.r.Uint64()), s.ref()
		if s.r.IntN(2) == 0 {
			x.NewView = s.newView()
		}
	case RecordCertificate, RecordCommit:
		x.Certificate = s.certificate()
	case RecordBlock:
		b := s.block()
		x.Block = &b
	case RecordProposal:
		x.View, x.Base = View(s.r.Uint64()), s.ref()
	case RecordPrepare:
		x.Prepare = &Prepare{s.vote()}
	case RecordViewChange:
		x.ViewChange = s.viewChange()
	case RecordNewView:
		x.NewView = s.newView()
	case RecordSlotEntry:
		x.SlotNewView = s.slotNewView()
	case RecordSlotViewChange:
		x.SlotViewChange = s.slotViewChange()
	case RecordStable:
		x.Checkpoint = s.checkpointCertificate()
	case RecordBoot:
		x.Boot = Boot{s.r.Uint32(), s.mark().Mark.Nonce, s.r.IntN(2) == 0, s.mark().Mark}
	case RecordMark:
		m := s.mark()
		x.Mark = &m
	case RecordBoundary:
		x.Boundary = s.epochProof()
	case RecordAmnesia:
		x.Shown = s.message(KindRecollection).(*Recollection)
	}
	return x
}

// recordKinds are all kinds of records.
func recordKinds() (all []RecordKind) {
	for k := RecordEntry; k <= RecordAmnesia; k++ {
		all = append(all, k)
	}
	return all
}

func (s sampler) epochProof() *EpochProof {
	body := s.digest()
	x := &EpochProof{Epoch: Epoch(s.r.Uint32()), Boundary: s.header().Header, Certificate: s.certificate(),
		Body: body[:s.r.IntN(33)]}
	if s.r.IntN(2) == 0 {
		h := s.header().Header
		h.Flags, h.Next = FlagClosing, h.Parent
		x.Closing = &h
	}
	return x
}

func (s sampler) mark() (x SignedMark) {
	x.Key, x.Mark.Boot, x.Mark.Frames = PublicKey(s.digest()), s.r.Uint32(), s.r.Uint64()
	x.Signature = s.signature()
	copy(x.Mark.Nonce[:], x.Signature[7:])
	return x
}

func (s sampler) marks() *Marks {
	m := &Marks{Marks: []SignedMark{}}
	for range s.r.IntN(4) {
		m.Marks = append(m.Marks, s.mark())
	}
	slices.SortFunc(m.Marks, func(a, b SignedMark) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return m
}

func TestMessagesComeBack(t *testing.T) {
	s := sampler{rand.New(rand.NewPCG(3, 4))}
	for _, k := range kinds() {
		for i := range 300 {
			m := s.message(k)
			if m.Kind() != k {
				t.Fatalf("%T says it is a %v", m, m.Kind())
			}
			b := EncodeMessage(m)
			got, err := DecodeMessage(b)
			if err != nil {
				t.Fatalf("%v %d: %v", k, i, err)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("%v %d comes back as %+v, was %+v", k, i, got, m)
			}
			if cut := s.r.IntN(len(b)); i%8 == 0 {
				if _, err := DecodeMessage(b[:cut]); err == nil {
					t.Fatalf("%v %d decodes from %d of %d bytes", k, i, cut, len(b))
				}
				if _, err := DecodeMessage(append(b, 0)); err == nil {
					t.Fatalf("%v %d decodes with a trailing byte", k, i)
				}
			}
		}
	}
}

// An answer to who does not ask for COMMITs has the bytes that it always had; what
// came later stands behind, marked by bits of its own.
func TestRecollectionsAreReadByOlderPrograms(t *testing.T) {
	vote := Vote{Epoch: 1, Block: BlockRef{View: 2, Seq: 3, Digest: Digest{4}}, Replica: 5, Signature: Signature{6}}
	v := append([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 98)...)
	v[20], v[52], v[54] = 4, 5, 6
	head := func(which byte, rest ...[]byte) []byte {
		return append([]byte{13, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, which}, bytes.Join(rest, nil)...)
	}
	one, none := []byte{1, 0, 0, 0}, []byte{0, 0, 0, 0}
	m := func(x Recollection) *Recollection { x.Epoch, x.Nonce = 1, 7; return &x }
	for i, x := range []struct {
		m    *Recollection
		want []byte
	}{
		{m(Recollection{}), head(0)},
		{m(Recollection{Prepare: &Prepare{vote}}), head(1, v)},
		{m(Recollection{Commit: &Commit{vote}}), head(16, v)},
		{m(Recollection{Prepare: &Prepare{vote}, Commit: &Commit{vote}}), head(17, v, v)},
		{m(Recollection{Prepares: []Prepare{{vote}}}), head(32, one, v, none)},
		{m(Recollection{Commit: &Commit{vote}, Commits: []Commit{{vote}}}), head(48, v, none, one, v)},
	} {
		if b := EncodeMessage(x.m); !bytes.Equal(b, x.want) {
			t.Errorf("%d: %x, want %x", i, b, x.want)
		}
	}
	for which, want := range map[byte]error{128: wire.ErrValue, 64: wire.ErrTruncated, 32: wire.ErrValue} {
		if _, err := DecodeMessage(head(which, none, none)); !errors.Is(err, want) {
			t.Errorf("bits %d with nothing behind: %v, want %v", which, err, want)
		}
	}
	if _, err := DecodeMessage(head(32, []byte{1, 2, 0, 0}, make([]byte, 70_000))); !errors.Is(err, wire.ErrLimit) {
		t.Errorf("513 votes: %v", err)
	}
}

func TestRecordsComeBack(t *testing.T) {
	s := sampler{rand.New(rand.NewPCG(5, 6))}
	for i := range 500 {
		rs := make([]Record, s.r.IntN(12))
		for j := range rs {
			kinds := recordKinds()
			rs[j] = s.record(kinds[s.r.IntN(len(kinds))])
		}
		b := EncodeRecords(rs)
		got, err := DecodeRecords(b)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !reflect.DeepEqual(got, rs) {
			t.Fatalf("frame %d comes back as %+v, was %+v", i, got, rs)
		}
		if _, err := DecodeRecords(b[:s.r.IntN(len(b))]); err == nil {
			t.Fatalf("a part of frame %d decodes", i)
		}
	}
}

func TestSmallObjectsComeBack(t *testing.T) {
	s := sampler{rand.New(rand.NewPCG(7, 8))}
	for range 300 {
		x := s.certificate()
		if got, err := DecodeCertificate(x.Encode()); err != nil || !reflect.DeepEqual(got, x) {
			t.Fatalf("certificate comes back as %+v, %v", got, err)
		}
		y := s.checkpointCertificate()
		if got, err := DecodeCheckpointCertificate(y.Encode()); err != nil || !reflect.DeepEqual(got, y) {
			t.Fatalf("checkpoint certificate comes back as %+v, %v", got, err)
		}
		h := s.header().Header
		b := h.Append(nil)
		if len(b) != h.Size() {
			t.Fatalf("a header has %d bytes, its Size is %d", len(b), h.Size())
		}
		if got, err := DecodeHeader(b); err != nil || got != h {
			t.Fatalf("header comes back as %+v, %v", got, err)
		}
		k := s.block()
		if got, err := DecodeBlock(EncodeBlock(&k)); err != nil || !reflect.DeepEqual(got, &k) {
			t.Fatalf("block comes back as %+v, %v", got, err)
		}
	}
}

// Any bit of a header changes the digest that names the block.
func TestHeaderDigestCoversEveryBit(t *testing.T) {
	c := testCommittee(t, 4, 1, 1)
	h := sampler{rand.New(rand.NewPCG(9, 9))}.header().Header
	b := h.Append(nil)
	seen := map[Digest]int{c.HeaderDigest(&h): -1}
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		if g, err := DecodeHeader(b); err == nil {
			d := c.HeaderDigest(&g)
			if other, ok := seen[d]; ok {
				t.Fatalf("flipping bits %d and %d gives one digest", bit, other)
			}
			seen[d] = bit
		} else if bit/8 != 0 && bit/8 != len(b)-1 {
			t.Fatalf("bit %d: %v", bit, err)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func TestDecodersRefuse(t *testing.T) {
	s := sampler{rand.New(rand.NewPCG(11, 11))}
	short := s.block()
	short.Header.PayloadBytes++
	empty := s.block()
	empty.Header.PayloadBytes = 0
	signed := appendSignedHeader(nil, &short.SignedHeader)
	flagged := s.header()
	flagged.Header.Flags = 2
	unlisted := s.certificate()
	unlisted.Kind = 4
	scheme := s.certificate().Append([]byte{uint8(KindProof)})
	scheme[1] = 2
	extra := s.certificate()
	extra.Signatures = append(extra.Signatures, Signature{})
	reason := s.message(KindSuspect).(*Suspect)
	reason.Reason = 0
	evidence := s.message(KindSuspect).(*Suspect)
	evidence.Evidence = []SignedHeader{s.header(), s.header(), s.header()}
	walk := s.viewChange()
	walk.Walk = make([]SignedHeader, WalkMax+1)
	for _, x := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, wire.ErrTruncated},
		{"kind 0", []byte{0}, wire.ErrValue},
		{"kind 22", []byte{22}, wire.ErrValue},
		{"an empty recipe", append(append([]byte{uint8(KindRecipe)}, signed...), 0, 0, 0, 0, 0, 0), wire.ErrValue},
		{"a recipe of a block without payload", EncodeMessage(&PrePrepare{Block: empty, Recipe: []byte{1}}), wire.ErrValue},
		{"a recipe beyond its limit", EncodeMessage(&PrePrepare{Block: s.block(), Recipe: make([]byte, RecipeBytesMax+1)}),
			wire.ErrLimit},
		{"a payload of another length than the header says", EncodeMessage(&PrePrepare{Block: short}), wire.ErrValue},
		{"an unknown flag", EncodeMessage(&Proof{Certificate: s.certificate(), Header: &flagged}), wire.ErrValue},
		{"an unknown certificate kind", EncodeMessage(&Proof{Certificate: unlisted}), wire.ErrValue},
		{"an unknown signature scheme", append(scheme, 0), wire.ErrValue},
		{"more signatures than signers", EncodeMessage(&Proof{Certificate: extra}), wire.ErrValue},
		{"a suspect without a reason", EncodeMessage(reason), wire.ErrValue},
		{"three pieces of evidence", EncodeMessage(evidence), wire.ErrLimit},
		{"a walk beyond every window", EncodeMessage(walk), wire.ErrLimit},
		{"an optional part marked 2", append(EncodeMessage(&Proof{Certificate: &Certificate{Kind: 1}})[:1+1+1+4+48+24+4], 2),
			wire.ErrValue},
		{"a message a byte too long", make([]byte, MessageBytesMax+1), wire.ErrLimit},
		{"no decided block", []byte{uint8(KindDecided), 0, 0, 0, 0, 0, 0, 0, 0}, wire.ErrValue},
		{"no linked block", EncodeMessage(&Linked{Headers: make([]Header, 1), Certificate: &Certificate{Kind: 1}}),
			wire.ErrValue},
		{"no linking header", EncodeMessage(&Linked{Blocks: make([]Block, 1), Certificate: &Certificate{Kind: 1}}),
			wire.ErrValue},
		{"more linking headers than a message holds", EncodeMessage(&Linked{Blocks: make([]Block, 1),
			Headers: make([]Header, LinksMax+1), Certificate: &Certificate{Kind: 1}}), wire.ErrLimit},
		{"more slots than a view-change may report", EncodeMessage(&SlotViewChange{Prepared: make([]BlockRef, SlotsMax+1)}),
			wire.ErrLimit},
		{"marks out of order", EncodeMessage(&Marks{Marks: []SignedMark{{Key: PublicKey{2}}, {Key: PublicKey{1}}}}),
			wire.ErrValue},
		{"two marks of a key", EncodeMessage(&Marks{Marks: make([]SignedMark, 2)}), wire.ErrValue},
		{"more marks than there are keys", EncodeMessage(&Marks{Marks: make([]SignedMark, MarksMax+1)}), wire.ErrLimit},
		{"a million view-changes in few bytes", append(append([]byte{uint8(KindNewView)}, make([]byte, 12)...), 150, 0, 0, 0),
			wire.ErrTruncated},
	} {
		if m, err := DecodeMessage(x.b); !errors.Is(err, x.want) {
			t.Errorf("%s: decodes as %v, %v, want %v", x.name, m, err, x.want)
		}
	}
	if _, err := DecodeRecords([]byte{1, 0, 0, 0, 12, 9}); !errors.Is(err, wire.ErrValue) {
		t.Errorf("a record of kind 12: %v", err)
	}
	if _, err := DecodeRecords([]byte{1, 0, 0, 0, 15, 12}); !errors.Is(err, wire.ErrValue) {
		t.Errorf("a RECALL that shows what is lacking: %v", err)
	}
	if _, err := DecodeRecords([]byte{255, 255, 255, 0}); err == nil {
		t.Error("a frame of 2^24 records in 4 bytes decodes")
	}
}

// Whatever decodes has exactly one encoding, and nothing panics.
func FuzzDecodeMessage(f *testing.F) {
	s := sampler{rand.New(rand.NewPCG(13, 13))}
	for _, k := range kinds() {
		for range 4 {
			f.Add(EncodeMessage(s.message(k)))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := DecodeMessage(in)
		if err == nil && !bytes.Equal(EncodeMessage(m), in) {
			t.Fatalf("%x decodes as %v, which encodes as %x", in, m, EncodeMessage(m))
		}
	})
}

func FuzzDecodeRecords(f *testing.F) {
	s := sampler{rand.New(rand.NewPCG(14, 14))}
	for _, k := range recordKinds() {
		f.Add(EncodeRecords([]Record{s.record(k), s.record(k)}))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rs, err := DecodeRecords(in)
		if err == nil && !bytes.Equal(EncodeRecords(rs), in) {
			t.Fatalf("%x decodes as %v, which encodes as %x", in, rs, EncodeRecords(rs))
		}
	})
}

func FuzzDecodeCertificate(f *testing.F) {
	s := sampler{rand.New(rand.NewPCG(15, 15))}
	for range 6 {
		f.Add(s.certificate().Encode())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if x, err := DecodeCertificate(in); err == nil && !bytes.Equal(x.Encode(), in) {
			t.Fatalf("%x decodes as %+v, which encodes as %x", in, x, x.Encode())
		}
		if x, err := DecodeCheckpointCertificate(in); err == nil && !bytes.Equal(x.Encode(), in) {
			t.Fatalf("%x decodes as %+v, which encodes as %x", in, x, x.Encode())
		}
	})
}
