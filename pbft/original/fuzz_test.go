package original_test

import (
	"encoding/binary"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/original"
)

// credulous takes every signature for valid, so that a fuzzer gets past it.
type credulous struct{}

func (credulous) Verify(pbft.PublicKey, []byte, pbft.Signature) bool { return true }

func (credulous) VerifyBatch([]pbft.PublicKey, [][]byte, []pbft.Signature) bool { return true }

// table is four replicas that answer their drivers at once and keep no log.
type table struct {
	replicas []*original.Replica
	frames   []byte // what replica 1 received, as the fuzzer's input
	lost     func(from, to int, m pbft.Message) bool
}

func newTable(t testing.TB) *table {
	keys := make([]pbft.PublicKey, 4)
	for i := range keys {
		keys[i][0] = byte(i + 1)
	}
	c, err := pbft.NewCommittee(pbft.Digest{1}, 0, keys, pbft.Parameters{Faults: 1, Window: 4, CheckpointInterval: 2,
		Protocol: pbft.Original})
	if err != nil {
		t.Fatal(err)
	}
	x := &table{}
	for i := range keys {
		r, err := original.New(pbft.Config{Committee: c, Self: pbft.ReplicaID(i), Scheme: credulous{},
			Sign:    func(m []byte) (s pbft.Signature) { copy(s[:], m[len(m)-32:]); return s },
			Genesis: c.GenesisHeader(pbft.Digest{2}, 1000)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.replicas = append(x.replicas, r)
	}
	return x
}

// turn lets a replica act until it rests, and returns what it sends.
func (x *table) turn(i int) (sent []pbft.Outgoing) {
	r := x.replicas[i]
	for range 1000 {
		rd := r.Ready()
		if rd.Empty() {
			break
		}
		sent = append(sent, rd.Messages...)
		r.Advance()
		for _, k := range rd.Checks {
			r.PayloadChecked(k.Digest, true)
		}
		for _, b := range rd.Committed {
			r.Executed(b.Block.Header.Seq, pbft.Digest{byte(b.Block.Header.Seq)}, pbft.Digest{7}, nil)
		}
	}
	return sent
}

// settle delivers everything that is not lost until nothing is on its way.
func (x *table) settle() {
	for busy := true; busy; {
		busy = false
		for i := range x.replicas {
			for _, o := range x.turn(i) {
				for to := range x.replicas {
					if to == i || o.To != pbft.Everyone && int(o.To) != to || x.lost != nil && x.lost(i, to, o.Message) {
						continue
					}
					busy = true
					if to == 1 {
						x.frames = appendFrame(x.frames, byte(i), pbft.EncodeMessage(o.Message))
					}
					x.replicas[to].Receive(pbft.ReplicaID(i), o.Message)
				}
			}
		}
	}
}

func (x *table) tick(count int) {
	for range count {
		for _, r := range x.replicas {
			r.Tick(2000, true)
		}
		x.settle()
	}
}

func appendFrame(b []byte, from byte, m []byte) []byte {
	return append(binary.LittleEndian.AppendUint16(append(b, from), uint16(len(m))), m...)
}

// recorded plays blocks, a change of view with open slots and a laggard, and
// returns what replica 1 received.
func recorded(t testing.TB) []byte {
	x := newTable(t)
	x.settle()
	for range 3 {
		x.tick(1)
		x.replicas[0].Propose(nil, pbft.Digest{}, nil, 2000)
		x.settle()
	}
	x.lost = func(_, _ int, m pbft.Message) bool { return m.Kind() == pbft.KindCommit }
	x.replicas[0].Propose(nil, pbft.Digest{}, nil, 2001)
	x.settle()
	x.lost = func(from, to int, _ pbft.Message) bool { return from == 0 || to == 0 }
	x.tick(60)
	x.lost = nil
	x.tick(60)
	if s := x.replicas[1].Status(); s.View < 2 || s.Committed.Seq < 4 {
		t.Fatalf("the recorded play ends in view %d at %d", s.View, s.Committed.Seq)
	}
	return x.frames
}

// Whatever a replica receives, it does not panic, stays within bounds, and never
// gives up a decision or a vote.
func FuzzReceive(f *testing.F) {
	frames := recorded(f)
	f.Add(frames)
	for cut := 0; cut+3 < len(frames); { // every message by itself
		size := 3 + int(binary.LittleEndian.Uint16(frames[cut+1:]))
		f.Add(frames[cut : cut+size])
		cut += size
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		x := newTable(t)
		r := x.replicas[1]
		x.turn(1)
		r.Tick(2000, false)
		var before pbft.EngineStatus
		for k := 0; len(in) >= 3; k++ {
			from, size := pbft.ReplicaID(in[0]), int(binary.LittleEndian.Uint16(in[1:]))
			in = in[3:]
			m, err := pbft.DecodeMessage(in[:min(size, len(in))])
			in = in[min(size, len(in)):]
			if err == nil {
				r.Receive(from, m)
			}
			if k%4 == 0 {
				r.Tick(uint64(2000+10*k), true)
			}
			x.turn(1)
			s := r.Status()
			if s.Committed.Seq < before.Committed.Seq || s.View < before.View || s.ViewChanged < before.ViewChanged {
				t.Fatalf("%+v after %+v", s, before)
			}
			before = s
		}
		if size := r.Size(); size > 2000 {
			t.Fatalf("it remembers %d things", size)
		}
	})
}
