package lanes

import (
	"github.com/scrip-network/scrip/pbft"
)

// Standing is where the member's pool has a transaction.
type Standing uint8

// The standings.
const (
	Absent Standing = iota // not there: executed, expired, or never verified
	Free                   // it waits, in no block
	Held                   // it waits, and a block has it
)

// Pool is what the member knows of verified transactions, by id.
type Pool interface {
	Standing(id pbft.Digest) Standing
}

// Config is what New needs.
type Config struct {
	Committee *pbft.Committee
	Self      pbft.ReplicaID
	// Seed is random for each start: the number of the first instance follows from it.
	Seed uint64
	// CreditBytes is C_a; 0 stands for that of CreditBytes.
	CreditBytes int
	// LineMbit is what this member's line carries.
	LineMbit int
	// Root returns the payload root over leaves, of which there is one at least.
	Root func(leaves []pbft.Digest) pbft.Digest
	// Payload returns the payload of transactions, of which there is one at least.
	Payload func(txs [][]byte) []byte
	Pool    Pool
}

// Send is a message for some members, in that order, over ChannelOf its kind.
type Send struct {
	To      []pbft.ReplicaID
	Message Message
}

// Check asks for the signatures of some transactions of a batch; Checked answers it.
type Check struct {
	From pbft.ReplicaID // whose lane they came by
	Txs  []Tx

	h     *held
	first int
}

// Verdict is the answer to a transaction of a Check.
type Verdict struct {
	Valid bool
	// Busy says that it could not be checked now.
	Busy bool
	// Of a valid one: whether it was executed before, its id, and what the caller has made
	// of it.
	Settled bool
	ID      pbft.Digest
	Checked any
}

// Dropped is a transaction of another member's client that went with its batch.
type Dropped struct {
	ID   pbft.Digest
	From pbft.ReplicaID
}

// Filled is a payload that was put together.
type Filled struct {
	Block   pbft.Digest
	Payload []byte
}

// Out is what is to be done, in the order of the fields.
type Out struct {
	// Filled are payloads of headers that Assemble named.
	Filled []Filled
	// Bodies are blocks whose payload cannot be put together here: it has to be fetched.
	Bodies []pbft.Digest
	Send   []Send
	// Checks are answered by Checked, at any later time.
	Checks []Check
	// Dropped are transactions that nobody here can propose any more.
	Dropped []Dropped
}

// Empty reports whether there is nothing to do.
func (o *Out) Empty() bool {
	return len(o.Filled)+len(o.Bodies)+len(o.Send)+len(o.Checks)+len(o.Dropped) == 0
}

// Lanes is one member's part in dissemination.
type Lanes struct {
	cfg   Config
	out   Out
	rng   uint64
	lanes []*lane
	// places are the valid and unsettled transactions of all batches, by id.
	places  map[pbft.Digest]*place
	fetched fetchedRanges

	view    pbft.View
	primary pbft.ReplicaID
	leads   bool

	unsealed unsealed
	sealedNs int64
	passNs   int64  // when passedOver was asked last
	ownDone  uint32 // highest number of the own lane with an executed transaction
	writes   writes

	turn      int    // the lane that is served first in the next block
	news      uint64 // see News
	proposals proposals
	wants     wants
	trips     []trip
	serves    []serving
	carrier   carrier
	watching  watching
}

// New returns the state of a member that has just started: nothing is kept over a restart.
func New(cfg Config) *Lanes {
	n := cfg.Committee.Size()
	if cfg.CreditBytes == 0 {
		cfg.CreditBytes = CreditBytes(n)
	}
	l := &Lanes{cfg: cfg, rng: cfg.Seed, places: make(map[pbft.Digest]*place),
		fetched: fetchedRanges{of: make(map[Range][]*Batch)}, unsealed: newUnsealed(),
		proposals: newProposals(), wants: newWants(), trips: make([]trip, n), serves: make([]serving, n),
		carrier:  newCarrier(n),
		watching: watching{tookNs: make([]int64, n)}, writes: writes{queued: make([]int64, n)}}
	for id := range n {
		l.lanes = append(l.lanes, &lane{id: pbft.ReplicaID(id), tokens: batchBurst})
		l.writes.queued[id] = -1
	}
	l.lanes[cfg.Self].now = &run{instance: l.random(), batches: make(map[uint32]*held), gaps: make(map[uint32]struct{})}
	return l
}

// random returns the next number of a sequence that follows from the seed (splitmix64).
func (l *Lanes) random() uint64 {
	l.rng += 0x9e3779b97f4a7c15
	z := l.rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// others returns all members but this one.
func (l *Lanes) others() []pbft.ReplicaID {
	ids := make([]pbft.ReplicaID, 0, len(l.lanes)-1)
	for id := range l.lanes {
		if pbft.ReplicaID(id) != l.cfg.Self {
			ids = append(ids, pbft.ReplicaID(id))
		}
	}
	return ids
}

// Linked says that the bulk channel to a member was established, or was lost.
func (l *Lanes) Linked(peer pbft.ReplicaID, up bool) {
	x := l.lanes[peer]
	x.up = up
	if !up {
		l.writes.queued[peer] = -1
		return
	}
	x.fresh = true
	l.writes.queued[peer] = max(0, l.writes.queued[peer])
	own := l.lanes[l.cfg.Self].now
	l.send(peer, &Open{Epoch: l.cfg.Committee.Epoch(), Instance: own.instance, Next: own.last + 1})
}

func (l *Lanes) send(to pbft.ReplicaID, m Message) {
	l.out.Send = append(l.out.Send, Send{To: []pbft.ReplicaID{to}, Message: m})
}

// Arrived says that bytes came from a member on the bulk channel, of messages that are
// whole or not.
func (l *Lanes) Arrived(from pbft.ReplicaID, nowNs int64) {
	x := l.lanes[from]
	x.byteNs, x.ever = nowNs, true
}

// Queued says how many bytes wait to be sent to a member on the bulk channel.
func (l *Lanes) Queued(peer pbft.ReplicaID, bytes int64) {
	if l.lanes[peer].up {
		l.writes.queued[peer] = bytes
	}
}

// Leads says who leads the present view (L13: lanes know no views but for whom to tell
// first, and who may propose).
func (l *Lanes) Leads(view pbft.View, primary pbft.ReplicaID, nowNs int64) {
	if view == l.view && primary == l.primary {
		return
	}
	was := l.leads
	l.view, l.primary, l.leads = view, primary, primary == l.cfg.Self
	if l.leads && !was {
		l.begin(nowNs)
	}
}

// Receive takes a message that came from a member over ChannelOf its kind.
func (l *Lanes) Receive(from pbft.ReplicaID, m Message, nowNs int64) pbft.Reason {
	if int(from) >= len(l.lanes) || from == l.cfg.Self {
		return pbft.IgnoredSender
	}
	switch x := m.(type) {
	case *Open:
		return l.open(from, x, nowNs)
	case *Batch:
		return l.take(from, x, nowNs)
	case *Fetch:
		return l.serve(from, x, nowNs)
	case *Data:
		return l.brought(from, x, nowNs)
	case *Lack:
		return l.lacked(from, x, nowNs)
	case *Watch:
		return l.watchAsked(from, x, nowNs)
	case *Ack:
		return l.acked(from, x, nowNs)
	}
	return pbft.InvalidContent
}

// housePauseNs is the pause between two looks at what is old.
const housePauseNs = 250 * millisecondNs

// Act returns what is to be done now, and when there may be more though nothing happens; 0
// if there will not be.
func (l *Lanes) Act(nowNs int64) (out Out, dueNs int64) {
	dueNs = l.seal(false, nowNs)
	if nowNs-l.passNs >= housePauseNs {
		l.passNs = nowNs
		l.passedOver(nowNs)
		for _, x := range l.lanes {
			l.age(x, nowNs)
		}
	}
	if next := l.fetch(nowNs); next > 0 && (dueNs == 0 || next < dueNs) {
		dueNs = next
	}
	l.acknowledge(nowNs)
	l.check(nowNs)
	out, l.out = l.out, Out{}
	return out, dueNs
}
