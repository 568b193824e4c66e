package driver

import (
	"cmp"
	"math"
)

// Defaults of Batching.
const (
	BlockBytesDefault = 1 << 20
	BlockTxsDefault   = 8192
	LineMbitDefault   = 1000
)

// Batching bounds the blocks that a member proposes; it is local. A zero field
// stands for its default.
//
// A primary with nothing in flight proposes at once, so a lone transaction waits
// for nobody. After a block of many transactions it waits for as long again as that one
// took to commit: where processors are idle that is little, and where they are not, what
// a block costs, whatever is in it, is shared by more.
//
// While blocks are in flight the next one is due a time after the last, or half of it
// if EnoughBytes wait. Where members are near each other that time is WaitUs, since
// blocks cost processors and more of them are no help. Where they are far it is what
// processors and disks add to the way, so that the way is filled and they are not. With
// Fixed it is WaitUs everywhere, and none once EnoughBytes wait.
type Batching struct {
	// BytesMax bounds the payload of a block, below the chain's own limit.
	// Default 1 MiB.
	BytesMax int
	// TxsMax bounds its transactions. Default 8,192.
	TxsMax int
	// InFlightMax is how many blocks may be proposed and not committed; default 4.
	// FarInFlightMax stands for it where members are far from each other; default 16.
	InFlightMax, FarInFlightMax int
	// EnoughBytes is a batch that does not wait for more, in bytes of transactions.
	// Default 128 KiB, at most half of BytesMax.
	EnoughBytes int
	// WaitUs is the longest time from the last proposal that a small batch waits for, in
	// microseconds. Default 20,000.
	WaitUs int64
	// LineMbit is what this member's line carries, in Mbit/s; default 1,000. A block that
	// goes to all members must not hold the line for longer than lineBlockUs, nor all
	// that are in flight for longer than lineFlightUs: votes and timers wait for them.
	// Below 0 it bounds nothing.
	LineMbit int
	// LeastBytes is what a block may hold on any line. Default 16 KiB.
	LeastBytes int
	// Fixed waits as if nothing were measured.
	Fixed bool
	// ManyTxs is the size of a block after which the next one waits though nothing is
	// in flight. Default 16.
	ManyTxs int
}

// WithDefaults fills the zero fields. payloadBytesMax is the chain's limit of a
// payload.
func (b Batching) WithDefaults(payloadBytesMax int) Batching {
	b.BytesMax = min(cmp.Or(b.BytesMax, BlockBytesDefault), payloadBytesMax)
	b.TxsMax = min(cmp.Or(b.TxsMax, BlockTxsDefault), PayloadTxsMax)
	b.InFlightMax = cmp.Or(b.InFlightMax, 4)
	b.FarInFlightMax = cmp.Or(b.FarInFlightMax, 16)
	b.LineMbit = cmp.Or(b.LineMbit, LineMbitDefault)
	b.LeastBytes = cmp.Or(b.LeastBytes, 16<<10)
	b.EnoughBytes = min(cmp.Or(b.EnoughBytes, 128<<10), b.BytesMax/2)
	b.WaitUs = cmp.Or(b.WaitUs, 20_000)
	b.ManyTxs = cmp.Or(b.ManyTxs, 16)
	return b
}

// How long payload may hold a line, in microseconds.
const (
	lineBlockUs  = 50_000
	lineFlightUs = 200_000
)

// farNs is the round trip to a quorum from which members are far from each other, in
// nanoseconds, and farWaitNs the bounds of the time between two blocks there.
const (
	farNs        = 4_000_000
	farWaitNsMin = 5_000_000
	farWaitNsMax = 50_000_000
	// memberWaitNs is what each member adds to that time: its votes have to be handled.
	memberWaitNs = 300_000
)

// BlockBytesMax bounds the payload of a block that goes to so many other members.
func (b *Batching) BlockBytesMax(others int) int {
	return int(min(int64(b.BytesMax), max(int64(b.LeastBytes), b.lineBytes(others, lineBlockUs))))
}

// lineBytes is what the line brings each of the other members in a time.
func (b *Batching) lineBytes(others int, us int64) int64 {
	if b.LineMbit < 0 {
		return math.MaxInt64
	}
	return int64(b.LineMbit) * us / 8 / int64(max(1, others))
}

// Pending is what a primary has to propose, and what became of its last proposals.
// Times are durations in nanoseconds.
type Pending struct {
	// Members is the size of the committee.
	Members int
	// Txs and Bytes are of the transactions that wait in no block.
	Txs, Bytes int
	// InFlight is the blocks that are proposed and not committed, FlightBytes their
	// payloads, Backlog the blocks that are committed and not executed.
	InFlight    int
	FlightBytes int64
	Backlog     int
	// DistanceNs is the round trip to the nearest members that make a quorum with this
	// one, QuorumNs the time from a proposal to its prepared certificate; 0 = unknown.
	DistanceNs, QuorumNs int64
	// LastTxs is the size of the last proposal, SinceNs its age, and CommittedInNs how
	// long it took to commit; 0 = it has not, or does at this moment.
	LastTxs                int
	SinceNs, CommittedInNs int64
}

// Due says whether what waits is worth a block now. If only time is missing, waitNs
// is how much of it, in nanoseconds; else it is 0.
func (b *Batching) Due(p *Pending) (due bool, waitNs int64) {
	after, most := b.pace(p)
	switch {
	case p.Txs == 0 || p.InFlight >= most || !Catching(p.Backlog) || p.InFlight > 0 && b.lineFull(p):
		return false, 0
	case p.InFlight == 0 && p.LastTxs < b.ManyTxs, p.InFlight == 0 && p.Bytes >= b.EnoughBytes:
		return true, 0
	case p.InFlight == 0:
		after = min(b.WaitUs*1000, 2*cmp.Or(p.CommittedInNs, p.SinceNs))
	case p.Bytes >= b.EnoughBytes && b.Fixed:
		return true, 0
	case p.Bytes >= b.EnoughBytes:
		after /= 2
	}
	if waitNs = after - p.SinceNs; waitNs <= 0 {
		return true, 0
	}
	return false, waitNs
}

// pace returns the time between two blocks while some are in flight, and how many may
// be. A quorum that takes longer than its distance is busy: it is not fed faster.
func (b *Batching) pace(p *Pending) (afterNs int64, inFlightMax int) {
	least := int64(p.Members) * memberWaitNs
	switch {
	case b.Fixed:
		return b.WaitUs * 1000, b.InFlightMax
	case p.DistanceNs < farNs:
		return max(b.WaitUs*1000, least), b.InFlightMax
	}
	after := max(farWaitNsMin, p.DistanceNs/8, least, p.QuorumNs-p.DistanceNs)
	return min(farWaitNsMax, after), b.FarInFlightMax
}

// lineFull reports whether one more block would hold the line for too long.
func (b *Batching) lineFull(p *Pending) bool {
	next := min(int64(p.Bytes), int64(b.BlockBytesMax(p.Members-1)))
	return p.FlightBytes+next > b.lineBytes(p.Members-1, lineFlightUs)
}
