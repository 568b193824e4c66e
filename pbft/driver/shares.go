package driver

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// ErrLimits is wrapped by every error about Limits.
var ErrLimits = errors.New("driver: limits of the pool")

// Defaults of Limits.
const (
	PoolTxsDefault   = 1 << 16
	PoolBytesDefault = 64 << 20
)

// Limits bounds the transactions that wait to be ordered. A zero field stands for
// its default.
type Limits struct {
	// TxsMax and BytesMax bound the whole pool. Defaults 65,536 and 64 MiB.
	TxsMax, BytesMax int
	// SenderTxsMax bounds what one sender holds. Default a quarter of TxsMax.
	SenderTxsMax int
	// PeerTxsMax bounds what came from one peer, so that a faulty member cannot
	// fill the pool alone. Default half of TxsMax.
	PeerTxsMax int
	// OwnTxsMax and OwnBytesMax bound what the member's own clients have waiting. What
	// all members take from their clients together must fit into the pool of each:
	// what a primary has no room for waits until it is sent again, and fills the pool
	// of the member that took it meanwhile. Default three quarters of the pool over
	// the number of members, since those that lag hold more.
	OwnTxsMax, OwnBytesMax int
}

// WithDefaults fills the zero fields for a committee of so many members. It returns
// an ErrLimits if a field is negative.
func (l Limits) WithDefaults(members int) (Limits, error) {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.TxsMax, PoolTxsDefault)
	set(&l.BytesMax, PoolBytesDefault)
	set(&l.SenderTxsMax, max(1, l.TxsMax/4))
	set(&l.PeerTxsMax, max(1, l.TxsMax/2))
	set(&l.OwnTxsMax, max(1, l.TxsMax*3/4/members))
	set(&l.OwnBytesMax, max(1, l.BytesMax*3/4/members))
	if min(l.TxsMax, l.BytesMax, l.SenderTxsMax, l.PeerTxsMax, l.OwnTxsMax, l.OwnBytesMax) < 0 {
		return l, fmt.Errorf("%w: one is negative: %+v", ErrLimits, l)
	}
	return l, nil
}

// Room is what the door answers.
type Room uint8

// The answers of the door: there is room, or who has used up theirs.
const (
	HasRoom    Room = iota
	PoolFull        // the pool, or the share of own clients
	SenderFull      // the transaction's sender
	PeerFull        // the member that brought it
)

// Shares is the door of a pool: who has how much of the room. It decides and
// counts; the transactions stay with the caller.
type Shares struct {
	limits Limits
	self   pbft.ReplicaID

	txs, bytes    int
	own, ownBytes int // of own clients
	coming        int // of own clients, whose signatures are checked
	peers         []int
}

// NewShares is the door of member self of so many. The limits have their defaults.
func NewShares(limits Limits, self pbft.ReplicaID, members int) *Shares {
	return &Shares{limits: limits, self: self, peers: make([]int, max(members, int(self)+1))}
}

// Txs returns how many transactions are inside, Bytes their sizes together.
func (s *Shares) Txs() int { return s.txs }

// Bytes returns the size of all transactions inside.
func (s *Shares) Bytes() int { return s.bytes }

// Own returns how many transactions of own clients are inside, and their bytes.
func (s *Shares) Own() (txs, bytes int) { return s.own, s.ownBytes }

// Full reports whether nothing fits any more, before any work is done for it.
func (s *Shares) Full() bool { return s.txs >= s.limits.TxsMax || s.bytes >= s.limits.BytesMax }

// Crowded reports whether more than three quarters of the pool are taken: members may be
// without what others have.
func (s *Shares) Crowded() bool {
	return s.txs > s.limits.TxsMax/4*3 || s.bytes > s.limits.BytesMax/4*3
}

// Expect keeps room for up to n transactions of own clients whose signatures are
// about to be checked, and returns for how many there is: the others are refused
// at once, and not behind all that wait to be checked. Each that is settled is told
// to Came.
func (s *Shares) Expect(n int) int {
	room := min(s.limits.OwnTxsMax-s.own, s.limits.TxsMax-s.txs) - s.coming
	if s.bytes >= s.limits.BytesMax || s.ownBytes >= s.limits.OwnBytesMax {
		room = 0
	}
	n = max(0, min(n, room))
	s.coming += n
	return n
}

// Came gives back the room that was kept for n transactions.
func (s *Shares) Came(n int) { s.coming -= n }

// Ask says whether there is room for a transaction of size bytes that a member
// brought, which is the own one for its clients', and whose sender has senderTxs
// inside.
func (s *Shares) Ask(from pbft.ReplicaID, senderTxs, size int) Room {
	own := from == s.self
	switch {
	case s.txs >= s.limits.TxsMax || s.bytes+size > s.limits.BytesMax:
		return PoolFull
	case own && s.own > 0 && // a share, however small, has room for one
		(s.own >= s.limits.OwnTxsMax || s.ownBytes+size > s.limits.OwnBytesMax):
		return PoolFull
	case senderTxs >= s.limits.SenderTxsMax:
		return SenderFull
	case !own && (int(from) >= len(s.peers) || s.peers[from] >= s.limits.PeerTxsMax):
		return PeerFull
	}
	return HasRoom
}

// Enter counts a transaction for which Ask had room.
func (s *Shares) Enter(from pbft.ReplicaID, size int) {
	s.txs++
	s.bytes += size
	if from == s.self {
		s.own++
		s.ownBytes += size
	} else {
		s.peers[from]++
	}
}

// Leave counts one out that entered from a member, or was adopted by it.
func (s *Shares) Leave(from pbft.ReplicaID, size int) {
	s.txs--
	s.bytes -= size
	if from == s.self {
		s.own--
		s.ownBytes -= size
	} else {
		s.peers[from]--
	}
}

// Adopt moves what a peer brought to the own share: a client has handed it in here
// too.
func (s *Shares) Adopt(from pbft.ReplicaID, size int) {
	s.Leave(from, size)
	s.Enter(s.self, size)
}
