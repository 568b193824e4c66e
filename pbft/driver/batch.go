package driver

import "cmp"

// Defaults of Batching.
const (
	BlockBytesDefault = 1 << 20
	BlockTxsDefault   = 8192
)

// Batching bounds the blocks that a member proposes; it is local. A zero field
// stands for its default.
//
// A primary with nothing in flight proposes at once, so a lone transaction waits
// for nobody. While blocks are in flight a batch waits until it is large or old, and
// behind InFlightMax blocks it grows until one of them commits. After a block of many
// transactions it waits for as long again as that one took to commit: where processors
// are idle that is little, and where they are not, what a block costs, whatever is in
// it, is shared by more.
type Batching struct {
	// BytesMax bounds the payload of a block, below the chain's own limit.
	// Default 1 MiB.
	BytesMax int
	// TxsMax bounds its transactions. Default 8,192.
	TxsMax int
	// InFlightMax is how many blocks may be proposed and not committed. Default 4.
	InFlightMax int
	// EnoughBytes is a batch that does not wait for more, in bytes of transactions.
	// Default 128 KiB, at most half of BytesMax.
	EnoughBytes int
	// WaitUs is the longest time from the last proposal that a small batch waits for, in
	// microseconds. Default 20,000.
	WaitUs int64
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
	b.EnoughBytes = min(cmp.Or(b.EnoughBytes, 128<<10), b.BytesMax/2)
	b.WaitUs = cmp.Or(b.WaitUs, 20_000)
	b.ManyTxs = cmp.Or(b.ManyTxs, 16)
	return b
}

// Pending is what a primary has to propose, and what became of its last proposal.
// Times are durations in nanoseconds.
type Pending struct {
	// Txs and Bytes are of the transactions that wait in no block.
	Txs, Bytes int
	// InFlight is the blocks that are proposed and not committed, Backlog those that
	// are committed and not executed.
	InFlight, Backlog int
	// LastTxs is the size of the last proposal, SinceNs its age, and CommittedInNs how
	// long it took to commit; 0 = it has not, or does at this moment.
	LastTxs                int
	SinceNs, CommittedInNs int64
}

// Due says whether what waits is worth a block now. If only time is missing, waitNs
// is how much of it, in nanoseconds; else it is 0.
func (b *Batching) Due(p *Pending) (due bool, waitNs int64) {
	switch {
	case p.Txs == 0 || p.InFlight >= b.InFlightMax || !Catching(p.Backlog):
		return false, 0
	case p.InFlight == 0 && p.LastTxs < b.ManyTxs || p.Bytes >= b.EnoughBytes:
		return true, 0
	}
	after := b.WaitUs * 1000
	if p.InFlight == 0 {
		after = min(after, 2*cmp.Or(p.CommittedInNs, p.SinceNs))
	}
	if waitNs = after - p.SinceNs; waitNs <= 0 {
		return true, 0
	}
	return false, waitNs
}
