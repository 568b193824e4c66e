package lanes

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// committee returns one of n members, f of whom may be faulty.
func committee(t testing.TB, n int) *pbft.Committee {
	t.Helper()
	keys := make([]pbft.PublicKey, n)
	for i := range keys {
		binary.BigEndian.PutUint64(keys[i][:], uint64(i+1))
	}
	f, p := pbft.DefaultFaults(n)
	c, err := pbft.NewCommittee(pbft.Digest{1}, 0, keys, pbft.Parameters{Faults: f, FastFaults: p, Window: 32})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a pool that all members share, and rules for what transactions are: the first
// byte says whether one is valid, the id is of the eight bytes behind it.
type world struct {
	standing map[pbft.Digest]Standing
}

func (w *world) Standing(id pbft.Digest) Standing { return w.standing[id] }

func idOf(tx []byte) (id pbft.Digest) {
	if len(tx) >= 9 {
		copy(id[:], tx[1:9])
	}
	return id
}

func tx(number uint64, size int) []byte {
	b := make([]byte, max(9, size))
	binary.LittleEndian.PutUint64(b[1:], number)
	return b
}

func txsOf(raws ...[]byte) []Tx {
	txs := make([]Tx, len(raws))
	for i, raw := range raws {
		txs[i] = Tx{raw, LeafOf(raw)}
	}
	return txs
}

// rootOf is a naive root that commits to leaves and order.
func rootOf(leaves []pbft.Digest) pbft.Digest {
	var b []byte
	for _, l := range leaves {
		b = append(b, l[:]...)
	}
	return LeafOf(b)
}

func payloadOf(raws [][]byte) (b []byte) {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(raws)))
	for _, raw := range raws {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
		b = append(b, raw...)
	}
	return b
}

func headerOf(raws [][]byte, proposer pbft.ReplicaID) pbft.Header {
	leaves := make([]pbft.Digest, len(raws))
	for i, raw := range raws {
		leaves[i] = LeafOf(raw)
	}
	return pbft.Header{View: 1, Seq: 1, Proposer: proposer, PayloadRoot: rootOf(leaves),
		PayloadBytes: uint32(len(payloadOf(raws)))}
}

// member is a Lanes whose checks are answered at once.
type member struct {
	*Lanes
	t     testing.TB
	world *world
	now   int64
	sent  []Send
	out   Out // what was not sent
	mute  bool
}

func newMember(t testing.TB, c *pbft.Committee, self pbft.ReplicaID) *member {
	w := &world{standing: make(map[pbft.Digest]Standing)}
	l := New(Config{Committee: c, Self: self, Seed: uint64(self) + 7, LineMbit: 1000, Root: rootOf, Payload: payloadOf,
		Pool: w})
	m := &member{Lanes: l, t: t, world: w, now: secondNs}
	for _, id := range l.others() {
		l.Linked(id, true)
	}
	l.Leads(1, 0, m.now)
	m.act()
	m.sent = nil
	return m
}

// act does what is due, answering checks.
func (m *member) act() {
	for {
		out, _ := m.Act(m.now)
		m.sent = append(m.sent, out.Send...)
		m.out.Filled = append(m.out.Filled, out.Filled...)
		m.out.Bodies = append(m.out.Bodies, out.Bodies...)
		m.out.Dropped = append(m.out.Dropped, out.Dropped...)
		m.out.Checks = append(m.out.Checks, out.Checks...)
		if len(out.Checks) == 0 || m.mute {
			return
		}
		for _, c := range out.Checks {
			m.answer(c)
		}
	}
}

func (m *member) answer(c Check) {
	verdicts := make([]Verdict, len(c.Txs))
	for i, x := range c.Txs {
		verdicts[i] = Verdict{Valid: x.Bytes[0] == 0, ID: idOf(x.Bytes), Checked: string(x.Bytes)}
		if v := &verdicts[i]; v.Valid && m.world.standing[v.ID] == Absent {
			m.world.standing[v.ID] = Free
		}
	}
	m.Checked(c, verdicts, m.now)
}

// after lets time pass.
func (m *member) after(ms int64) *member {
	m.now += ms * millisecondNs
	m.act()
	return m
}

// own hands in a transaction of an own client.
func (m *member) own(raw []byte) {
	id := idOf(raw)
	m.world.standing[id] = Free
	if !m.Own(Own{Tx: Tx{raw, LeafOf(raw)}, ID: id, Checked: string(raw)}, m.now) {
		m.t.Fatal("an own transaction is refused")
	}
}

// must takes a message as it travels.
func (m *member) must(from pbft.ReplicaID, x Message, want pbft.Reason) {
	m.t.Helper()
	back, err := Decode(m.cfg.Committee, from, Encode(x))
	if err != nil {
		m.t.Fatalf("%T: %v", x, err)
	}
	if got := m.Receive(from, back, m.now); got != want {
		m.t.Errorf("%T from %d: %v, want %v", x, from, got, want)
	}
	m.act()
}

// lane is a member's lane as somebody else pushes it.
type pushed struct {
	id       pbft.ReplicaID
	instance uint64
	batches  []*Batch
}

// open begins an instance at m.
func (m *member) open1(a pbft.ReplicaID, instance uint64) *pushed {
	m.t.Helper()
	m.must(a, &Open{Instance: instance, Next: 1}, pbft.Accepted)
	return &pushed{id: a, instance: instance}
}

// batch makes the next batch without pushing it.
func (p *pushed) batch(c *pbft.Committee, raws ...[]byte) *Batch {
	b := NewBatch(c, p.id, p.instance, uint32(len(p.batches)+1), txsOf(raws...))
	p.batches = append(p.batches, b)
	return b
}

func (p *pushed) rangeOf(c *pbft.Committee, first, count int) Range {
	return RangeOf(c, p.id, p.batches[first-1:first-1+count])
}

// messages returns what was sent of a kind, and forgets all.
func (m *member) messages(k Kind) (of []Send) {
	for _, s := range m.sent {
		if s.Message.Kind() == k {
			of = append(of, s)
		}
	}
	m.sent = nil
	return of
}

// assemble gives m a header with a recipe that comes from a member.
func (m *member) assemble(h pbft.Header, from pbft.ReplicaID, x Recipe) pbft.Digest {
	block := m.cfg.Committee.HeaderDigest(&h)
	m.Assemble(Assembly{Block: block, Header: h, From: from, Recipe: x.Append(nil)}, m.now)
	m.act()
	return block
}

// is fails unless m has filled, or given up, just these blocks.
func (m *member) is(what string, filled, bodies int) {
	m.t.Helper()
	if len(m.out.Filled) != filled || len(m.out.Bodies) != bodies {
		m.t.Errorf("%s: %d payloads and %d bodies, want %d and %d", what, len(m.out.Filled), len(m.out.Bodies),
			filled, bodies)
	}
}

func numbers(from, to uint64, size int) (raws [][]byte) {
	for i := from; i < to; i++ {
		raws = append(raws, tx(i, size))
	}
	return raws
}

func (x Range) String() string {
	return fmt.Sprintf("%d of lane %d from %d", x.Count, x.Lane, x.First)
}
