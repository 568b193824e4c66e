package pbfttest

import (
	"encoding/binary"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// A payload begins with a byte that says whether it is valid, its maker, seven bytes
// of a number of its own and how many transactions follow, of eight bytes each.
const payloadHead = 10

// transactionsMax bounds the transactions of one run, transactionUs is the pause
// between them.
const (
	transactionsMax = 8
	transactionUs   = 50_000
)

// orderUs bounds how long a transaction may wait for its order while an honest member
// that holds it is the primary, after the faults ended: the longest timer and two
// seconds. It counts the time of all such primaries together, since timers that begin
// far below the network's delay leave a few of them first.
func (c *cluster) orderUs() int64 { return int64(c.plan.timers.TimeoutTicksCap)*tickUs + 2_000_000 }

// transaction is what a client handed to an honest member after the faults ended.
type transaction struct {
	id      uint64
	holder  int   // index of the member that has it first
	atUs    int64 // when
	offered map[int]pbft.View
	waitUs  int64 // how long an honest primary has held it
}

// gossipUs is when all others have a transaction too.
const gossipUs = 10_000

// submit hands a new transaction to one honest member, now and then.
func (c *cluster) submit() {
	if c.counts.Transactions == transactionsMax ||
		len(c.waiting) > 0 && c.now < c.waiting[len(c.waiting)-1].atUs+transactionUs {
		return
	}
	var honest []*node
	for _, x := range c.nodes {
		if x.honest {
			honest = append(honest, x)
		}
	}
	c.counts.Transactions++
	c.waiting = append(c.waiting, &transaction{id: uint64(c.counts.Transactions), atUs: c.now,
		holder: honest[c.counts.Transactions%len(honest)].index, offered: make(map[int]pbft.View)})
}

// toOrder returns the transactions that x holds and has not proposed in its view.
func (c *cluster) toOrder(x *node) (order []*transaction) {
	if len(c.waiting) == 0 || !x.honest && c.plan.behaviour&Censor != 0 {
		return nil
	}
	v := x.engine.Status().View
	for _, tx := range c.waiting {
		if at, ok := tx.offered[x.index]; c.holds(x, tx) && (!ok || at != v) {
			order = append(order, tx)
		}
	}
	return order
}

func (c *cluster) holds(x *node, tx *transaction) bool {
	return x.index == tx.holder || c.now >= tx.atUs+gossipUs
}

// offered notes that x proposed transactions.
func (c *cluster) offered(x *node, order []*transaction) {
	for _, tx := range order {
		tx.offered[x.index] = x.engine.Status().View
	}
}

// ordered takes out the transactions of a block that the first honest replica
// committed.
func (c *cluster) ordered(payload []byte) {
	if len(c.waiting) == 0 || len(payload) < payloadHead {
		return
	}
	ids := payload[payloadHead:]
	for range payload[payloadHead-1] {
		if len(ids) < 8 {
			return
		}
		id := binary.LittleEndian.Uint64(ids)
		ids = ids[8:]
		c.waiting = slices.DeleteFunc(c.waiting, func(tx *transaction) bool { return tx.id == id })
	}
}

// countWaiting counts a tick for what x, if it is honest and leads the highest view of
// any honest replica, holds and has not got ordered.
func (c *cluster) countWaiting(x *node) {
	if len(c.waiting) == 0 || !x.honest || x.engine == nil {
		return
	}
	s := x.engine.Status()
	if s.Primary != x.id || s.ViewChanged > s.View || s.Condition != pbft.Voting {
		return
	}
	for _, y := range c.nodes {
		if y.honest && y.engine != nil && max(y.view, y.viewChanged) > s.View {
			return
		}
	}
	for _, tx := range c.waiting {
		if !c.holds(x, tx) {
			continue
		}
		tx.waitUs += tickUs
		c.counts.WaitUsMax = max(c.counts.WaitUsMax, tx.waitUs)
		if tx.waitUs > c.orderUs() {
			c.fail("censored", "r%d has led for %.1f s while transaction %d waited", x.id, float64(tx.waitUs)/1e6, tx.id)
			return
		}
	}
}
