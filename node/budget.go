package node

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/transport"
)

// Budgets of what one member makes this one send to it alone, or look up for it.
// Who asks for more waits: it asks again, there or elsewhere. What is over a budget
// by the last answer is paid back before the next.
const (
	// answerBytesPerSecond and answerBurstBytes bound blocks: named ones, and those for
	// catching up. A burst is as large as a frame may be.
	answerBytesPerSecond = 8 << 20
	answerBurstBytes     = 16 << 20
	// noteBytesPerSecond and noteBurstBytes bound what is small: certificates of the
	// protocol, votes that are repeated to one member. Each counts as noteBytes at
	// least, since it costs more than its bytes.
	noteBytesPerSecond = 2 << 20
	noteBurstBytes     = 8 << 20
	noteBytes          = 4096
	// answerQueuedMax is what may wait to be sent to a member that takes it slowly
	// before it is given no more.
	answerQueuedMax = 8 << 20
	// servesEachMax bounds one member's questions for blocks that wait for the
	// ledger.
	servesEachMax = 2
	// lookupBytesPerSecond and lookupBurstBytes bound answers with certificates;
	// each height that is looked for counts as lookupBytes beside what is found.
	lookupBytesPerSecond = 1 << 20
	lookupBurstBytes     = 2 << 20
	lookupBytes          = 1024
)

// budget bounds the bytes that a member is given. Safe for concurrent use.
type budget struct{ limiter *rate.Limiter }

func newBudget(perSecond, burst int) budget {
	return budget{rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// open reports whether anything is left.
func (b budget) open(now time.Time) bool { return b.limiter.TokensAt(now) > 0 }

// spend counts bytes that are given or owed.
func (b budget) spend(now time.Time, bytes int) {
	b.limiter.ReserveN(now, min(bytes, b.limiter.Burst()))
}

// newBudgets returns what a member is given by lane.
func newBudgets() (b [transport.Lanes]budget) {
	b[transport.Votes] = newBudget(noteBytesPerSecond, noteBurstBytes)
	b[transport.Bulk] = newBudget(answerBytesPerSecond, answerBurstBytes)
	return b
}

// mayGive reports whether a member may be given more on a lane, and counts it if
// not.
func (n *Node) mayGive(p *peerState, lane transport.Lane) bool {
	if p.answers[lane].open(time.Now()) && n.network.Queued(uint16(p.id), lane) <= answerQueuedMax {
		return true
	}
	n.metrics.answersDropped.Inc()
	return false
}

// enqueueServe has the ledger asked for a member that is behind, unless it has used
// up its budget or its questions wait already.
func (n *Node) enqueueServe(s pbft.Serve) {
	p := n.inbox.peer(uint16(s.To))
	if p == nil || !n.mayGive(p, transport.Bulk) {
		return
	}
	if p.serving.Add(1) <= servesEachMax {
		select {
		case n.serves <- s:
			return
		default: // the peer asks again
		}
	}
	p.serving.Add(-1)
	n.metrics.answersDropped.Inc()
}
