package pbfttest

import "github.com/scrip-network/scrip/pbft"

// eventKind says what happens at an event of the simulation.
type eventKind uint8

const (
	eventTick eventKind = iota
	eventMessage
	eventCheck
	eventExecute
	eventRestart
	eventNetwork
	eventClock
	eventAdversary
	eventSynced
	eventAssembled
	eventWake
)

// event is something that will happen to one member at a virtual time.
type event struct {
	at    int64  // microseconds of virtual time
	order uint64 // of creation, breaks ties
	kind  eventKind
	valid bool // eventCheck: the answer
	// honest: the message is what an honest engine sent, unaltered.
	honest bool
	// untrue: no honest replica may accept the message.
	untrue      bool
	node        int
	from        pbft.ReplicaID
	incarnation int
	message     pbft.Message
	encoded     []byte       // of message, where the seed exercises the codec
	decoded     pbft.Message // from encoded
	height      int          // eventSynced: the blocks that a crash leaves
	digest      pbft.Digest
	payload     []byte // eventAssembled: what was made; valid says whether anything was
}

// queue is a binary heap of events by (at, order).
type queue []event

func (q queue) less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}

func (q *queue) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (q *queue) pop() event {
	h := *q
	top := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h[last] = event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return top
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
