package driver_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// laneCluster is four members with real engines and lanes whose messages arrive at once. One
// of them crashes at one point of its work, and begins again from its log.
type laneCluster struct {
	t       *testing.T
	com     *pbft.Committee
	members []*laneMember
	now     int64
	victim  pbft.ReplicaID
	crashAt int // the point of the victim's work at which it crashes; 0 = none
	points  int
	signed  map[string]pbft.Digest // what each member has voted for and proposed
}

type laneMember struct {
	c        *laneCluster
	id       pbft.ReplicaID
	d        *driver.Driver
	starts   uint64
	log      []pbft.Record
	standing map[pbft.Digest]lanes.Standing
	own      []byte // numbers of its clients' transactions
	done     map[pbft.Digest]bool
	drafted  []pbft.Digest
	votes    [2][4][]pbft.Message
	pushed   [2][4][]lanes.Message
	chain    []driver.Stored // executed: a crash takes nothing of it
}

func laneSignature(id pbft.ReplicaID, message []byte) (s pbft.Signature) {
	h := sha256.Sum256(append([]byte{byte(id)}, message...))
	copy(s[:], h[:])
	return s
}

type laneScheme struct{ com *pbft.Committee }

func (x laneScheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	id, ok := x.com.Find(key)
	return ok && laneSignature(id, message) == s
}

func (x laneScheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, s []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], s[i]) {
			return false
		}
	}
	return true
}

func (m *laneMember) Size() (txs, free, freeBytes int) {
	for _, s := range m.standing { // order-free: a count
		if txs++; s == lanes.Free {
			free++
		}
	}
	return txs, free, free
}

func (m *laneMember) Payload(pbft.View, int, int) (p driver.Payload, ok bool) { return p, false }

func (m *laneMember) Standing(id pbft.Digest) lanes.Standing { return m.standing[id] }

func (m *laneMember) Draft(_ pbft.View, d *lanes.Draft) bool {
	m.drafted = d.IDs
	for _, id := range d.IDs {
		m.standing[id] = lanes.Held
	}
	return true
}

func (m *laneMember) Proposed(is bool) {
	for _, id := range m.drafted {
		if !is && m.standing[id] == lanes.Held {
			m.standing[id] = lanes.Free
		}
	}
	m.drafted = nil
}

// Height implements driver.Store.
func (m *laneMember) Height() pbft.Seq { return pbft.Seq(len(m.chain)) }

// Block implements driver.Store.
func (m *laneMember) Block(seq pbft.Seq) (x driver.Stored, ok bool, err error) {
	if seq == 0 || seq > m.Height() {
		return x, false, nil
	}
	return m.chain[seq-1], true, nil
}

// Header implements driver.Store.
func (m *laneMember) Header(seq pbft.Seq) (driver.Stored, bool, error) { return m.Block(seq) }

// start begins a member from its log and store. Nothing of lanes is kept.
func (m *laneMember) start() {
	c := m.c
	m.starts++
	m.standing = make(map[pbft.Digest]lanes.Standing)
	m.votes, m.pushed = [2][4][]pbft.Message{}, [2][4][]lanes.Message{}
	d, err := driver.New(driver.Config{Store: m, Pool: m, LogBytesMax: 1 << 40,
		Batching: driver.Batching{}.WithDefaults(1 << 20),
		New: func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
			return dualpath.New(cfg, log)
		},
		Engine: pbft.Config{Committee: c.com, Self: m.id, Scheme: laneScheme{c.com},
			Genesis: c.com.GenesisHeader(pbft.Digest{}, 1),
			Sign:    func(message []byte) pbft.Signature { return laneSignature(m.id, message) }},
		Lanes: &lanes.Config{Seed: uint64(m.id)<<8 | m.starts, Root: rootOf, Payload: payloadOf}}, m.log)
	if err != nil {
		c.t.Fatal(err)
	}
	m.d = d
	for _, o := range c.members {
		if o != m && o.d != nil {
			o.pushed[pbft.LaneVotes][m.id], o.pushed[pbft.LaneBulk][m.id] = nil, nil // of the connection before
			m.link(o)
			o.link(m)
		}
	}
	for _, n := range m.own {
		m.take(n)
	}
}

func (m *laneMember) link(o *laneMember) {
	m.d.Connected(o.id)
	m.d.Lanes().Linked(o.id, true)
}

// take has a client hand in a transaction.
func (m *laneMember) take(n byte) {
	own := ownTx(n)
	if !m.done[own.ID] {
		m.standing[own.ID] = lanes.Free
		m.d.Lanes().Own(own, m.c.now)
	}
}

// point counts a point of the victim's work; it reports false if it crashes there.
func (m *laneMember) point() bool {
	if m.id == m.c.victim {
		m.c.points++
		if m.c.points == m.c.crashAt {
			m.start()
			return false
		}
	}
	return true
}

func (m *laneMember) Take(from pbft.ReplicaID, lane pbft.Lane) (x pbft.Message, ok bool) {
	return pop(&m.votes[lane][from])
}

func (m *laneMember) Judge(from pbft.ReplicaID, x pbft.Message, r pbft.Reason) {
	if r.Malicious() {
		m.c.t.Errorf("crash at %d of %d: %d takes %T of %d for %v", m.c.crashAt, m.c.victim, m.id, x, from, r)
	}
}

func (m *laneMember) Drop(pbft.ReplicaID, pbft.Message) {}

func (m *laneMember) TakeLane(from pbft.ReplicaID, lane pbft.Lane) (lanes.Message, bool) {
	return pop(&m.pushed[lane][from])
}

func (m *laneMember) JudgeLane(from pbft.ReplicaID, x lanes.Message, r pbft.Reason) {
	m.Judge(from, nil, r)
}

func pop[M any](q *[]M) (x M, ok bool) {
	if len(*q) == 0 {
		return x, false
	}
	x, *q = (*q)[0], (*q)[1:]
	return x, true
}

// turn lets a member work until it rests or crashes.
func (m *laneMember) turn() {
	c, now := m.c, driver.Time{Ns: m.c.now, ClockMs: uint64(m.c.now / 1e6)}
	m.d.Drain(m, now)
	m.d.DrainLanes(m, now)
	for range 1000 {
		w, err := m.d.Next(now)
		if err != nil {
			c.t.Fatal(err)
		}
		if w.Idle() || !m.act(&w) {
			return
		}
		m.d.Done(now)
	}
	c.t.Fatal("it never rests")
}

func (m *laneMember) act(w *driver.Work) bool {
	m.actLanes(w)
	if !m.point() || len(w.Records) > 0 && !m.meanwhile() {
		return false
	}
	m.log = append(m.log, w.Records...)
	if !m.point() {
		return false
	}
	for _, o := range w.Send {
		m.c.heed(m.id, o.Message)
		for _, x := range m.c.members {
			if x != m && (o.To == pbft.Everyone || o.To == x.id) {
				lane := pbft.LaneOf(o.Message, 4)
				x.votes[lane][m.id] = append(x.votes[lane][m.id], o.Message)
				if !m.point() {
					return false
				}
			}
		}
	}
	for i := range w.Execute {
		m.execute(&w.Execute[i])
	}
	for _, s := range w.Serve {
		if x, blocks, err := driver.ReadAnswer(m.c.com, s, m); err == nil && blocks > 0 {
			q := &m.c.members[s.To].votes[pbft.LaneBulk][m.id]
			*q = append(*q, x)
		}
	}
	for _, k := range w.Check {
		m.d.Checked(k.Digest, true)
	}
	return true
}

// meanwhile lets lanes go on while records are not in the log yet.
func (m *laneMember) meanwhile() bool {
	now := driver.Time{Ns: m.c.now, ClockMs: uint64(m.c.now / 1e6)}
	m.d.DrainLanes(m, now)
	w := m.d.Meanwhile(now)
	m.actLanes(&w)
	return m.point()
}

// actLanes pushes, and checks signatures.
func (m *laneMember) actLanes(w *driver.Work) {
	for i := range w.Push {
		for _, to := range w.Push[i].To {
			x := w.Push[i].Message
			q := &m.c.members[to].pushed[lanes.ChannelOf(x.Kind())][m.id]
			*q = append(*q, x)
		}
	}
	for _, k := range w.Verify {
		verdicts := make([]lanes.Verdict, len(k.Txs))
		for i, tx := range k.Txs {
			id := pbft.Digest{tx.Bytes[0]}
			verdicts[i] = lanes.Verdict{Valid: true, ID: id, Settled: m.done[id]}
			if m.standing[id] == lanes.Absent && !m.done[id] {
				m.standing[id] = lanes.Free
			}
		}
		m.d.Lanes().Checked(k, verdicts, m.c.now)
	}
}

// heed notes what a member signs; it may never sign two things of one place.
func (c *laneCluster) heed(from pbft.ReplicaID, x pbft.Message) {
	place, digest := "", pbft.Digest{}
	switch y := x.(type) {
	case *pbft.PrePrepare:
		place, digest = fmt.Sprint("proposal ", y.Header.View, y.Header.Seq), c.com.HeaderDigest(&y.Header)
	case *pbft.Prepare:
		place, digest = fmt.Sprint("prepare ", from, y.Block.View, y.Block.Seq), y.Block.Digest
	default:
		return
	}
	if other, ok := c.signed[place]; ok && other != digest {
		c.t.Errorf("crash at %d of %d: two of %s", c.crashAt, c.victim, place)
	}
	c.signed[place] = digest
}

// execute takes the transactions of a block: one byte each behind an empty head.
func (m *laneMember) execute(x *pbft.CommittedBlock) {
	b := x.Block
	k := (len(b.Payload) - 4) / 5
	var ids []pbft.Digest
	for i := range max(0, k) {
		id := pbft.Digest{b.Payload[4+4*k+i]}
		m.done[id] = true
		delete(m.standing, id)
		ids = append(ids, id)
	}
	root := b.Header.PayloadRoot
	if h := m.Height(); h > 0 {
		last := m.chain[h-1].StateRoot
		root = sha256.Sum256(append(last[:], root[:]...))
	}
	m.chain = append(m.chain, driver.Stored{Block: *b, Certificate: x.Certificate, StateRoot: root, ReceiptRoot: root})
	m.d.Lanes().Settled(ids)
	m.d.Executed(b.Header.Seq, root, root, nil)
}

// run hands transactions in and lets time pass until all are executed everywhere.
func runLanes(t *testing.T, victim pbft.ReplicaID, crashAt int) (points int) {
	c := &laneCluster{t: t, com: committee(t, pbft.DualPath), victim: victim, crashAt: crashAt, now: 1e9,
		signed: make(map[string]pbft.Digest)}
	for id := range pbft.ReplicaID(4) {
		c.members = append(c.members, &laneMember{c: c, id: id, done: make(map[pbft.Digest]bool)})
	}
	for _, m := range c.members {
		m.start()
	}
	for step := range 2000 {
		c.now += 5e6
		if step < 4 {
			m := c.members[step%4]
			m.own = append(m.own, byte(step+1), byte(step+101))
			m.take(byte(step + 1))
			m.take(byte(step + 101))
		}
		for _, m := range c.members {
			if step%2 == 0 {
				m.d.Tick(driver.Time{Ns: c.now, ClockMs: uint64(c.now / 1e6)})
			}
			m.turn()
		}
		all := step >= 4
		for _, m := range c.members {
			all = all && len(m.done) == 8
		}
		if all {
			return c.points
		}
	}
	for _, m := range c.members {
		t.Errorf("crash at %d of %d: member %d has executed %d: %+v", crashAt, victim, m.id, len(m.done), m.d.Status())
	}
	return c.points
}

// Wherever a member crashes between expansion, log and sending, primary or backup, it signs
// nothing twice, and everything is executed.
func TestACrashBetweenExpansionLogAndSendingHarmsNothing(t *testing.T) {
	for _, victim := range []pbft.ReplicaID{0, 1} {
		points := runLanes(t, victim, 0)
		if points < 20 {
			t.Fatalf("only %d points of member %d", points, victim)
		}
		for at := 1; at <= points && !t.Failed(); at++ {
			runLanes(t, victim, at)
		}
	}
}
