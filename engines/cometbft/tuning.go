package cometbft

import (
	"fmt"
	"time"

	"github.com/cometbft/cometbft/config"
)

// Signatures says when the signatures of transactions are checked. Both check every
// signature once on every validator, and no proposal is accepted with a wrong one.
type Signatures string

// The ways of checking.
const (
	// Batch checks signatures in batches of what waits, before a transaction gets
	// into the mempool, which is the application's own: CometBFT only carries
	// transactions between the validators, many in a message.
	Batch Signatures = "batch"
	// Admission checks each transaction by itself in CheckTx and remembers the
	// verdict, with CometBFT's own mempool: the usual way.
	Admission Signatures = "admission"
)

// ParseSignatures reads the name of a way of checking; "" is Batch.
func ParseSignatures(s string) (Signatures, error) {
	switch Signatures(s) {
	case "", Batch:
		return Batch, nil
	case Admission:
		return Admission, nil
	}
	return "", fmt.Errorf("signatures %q: wanted %s or %s", s, Batch, Admission)
}

// Tuning are the parameters that decide about speed. None of them turns a sync or a
// check off. DefaultTuning says what CometBFT's own defaults are instead.
type Tuning struct {
	Signatures Signatures

	// MempoolTxsMax and MempoolBytesMax bound the waiting transactions. CometBFT:
	// 5,000 and 1 GiB. With Admission a large pool costs more than it brings,
	// because every waiting transaction is walked over for every peer.
	MempoolTxsMax, MempoolBytesMax int
	// CacheTxs is how many transactions are remembered as seen. CometBFT: 10,000,
	// less than what passes in a second.
	CacheTxs int
	// BlockTxsMax and BlockBytesMax bound a block that is proposed here. CometBFT
	// has no bound of transactions, and 4 MiB.
	BlockTxsMax, BlockBytesMax int

	// CommitDelay is waited after each block for late votes. CometBFT: 1 s, which is
	// nearly all of its latency at low load.
	CommitDelay time.Duration
	// IdleWait is how long a proposer waits for a transaction, with Batch. It bounds
	// the empty blocks of an idle chain, and must stay well below ProposeTimeout.
	IdleWait time.Duration
	// EmptyInterval is the time between the empty blocks of an idle chain with
	// Admission. CometBFT: an empty block every second.
	EmptyInterval time.Duration
	// ProposeTimeout, VoteTimeout and TimeoutDelta are the rounds' timeouts and what
	// each further round adds. CometBFT: 3 s, 1 s, 500 ms. A large block on busy
	// processors takes long, so they are not lowered much.
	ProposeTimeout, VoteTimeout, TimeoutDelta time.Duration

	// VoteGossipPause is the pause of the goroutines that send votes and block parts
	// when there is nothing to send. CometBFT: 100 ms, paid in every round.
	VoteGossipPause time.Duration
	// TxGossipPause is the time between two messages with own transactions, with
	// Batch. CometBFT: 500 ms.
	TxGossipPause time.Duration
	// TxGossipBytes bounds such a message.
	TxGossipBytes int
	// FlushPause is the time for which small packets of a link are collected.
	// CometBFT: 10 ms.
	FlushPause time.Duration
	// LinkBytesPerSecond bounds a link in each direction. CometBFT: 5 MB/s.
	LinkBytesPerSecond int64
	// PacketBytes is the size of the packets into which messages are cut. CometBFT:
	// 1,024, a frame of encryption each.
	PacketBytes int
}

// DefaultTuning returns the parameters that gave the best throughput and latency of
// four validators on one small machine.
func DefaultTuning(s Signatures) Tuning {
	t := Tuning{
		Signatures:    s,
		MempoolTxsMax: 1 << 15, MempoolBytesMax: 64 << 20, CacheTxs: 200_000,
		BlockTxsMax: 8192, BlockBytesMax: 1 << 20,
		CommitDelay: 0, IdleWait: 250 * time.Millisecond, EmptyInterval: time.Second,
		ProposeTimeout: time.Second, VoteTimeout: 500 * time.Millisecond, TimeoutDelta: 250 * time.Millisecond,
		VoteGossipPause: 5 * time.Millisecond, TxGossipPause: 5 * time.Millisecond, TxGossipBytes: 1 << 20,
		FlushPause: 5 * time.Millisecond, LinkBytesPerSecond: 100 << 20, PacketBytes: 16 << 10,
	}
	if s == Admission {
		t.MempoolTxsMax = 4000
	}
	return t
}

// apply puts the parameters into CometBFT's configuration.
func (t *Tuning) apply(c *config.Config) {
	m := c.Mempool
	m.Type, m.Size, m.MaxTxsBytes, m.CacheSize = config.MempoolTypeFlood, t.MempoolTxsMax, int64(t.MempoolBytesMax),
		t.CacheTxs
	// What has become invalid is refused with a receipt; the pool need not be asked
	// again about all of it after every block.
	m.Recheck = false
	m.SeenCacheSize, m.ReapInterval, m.ReapMaxBytes = t.CacheTxs, t.TxGossipPause, uint64(t.TxGossipBytes)
	m.MaxBatchBytes = t.TxGossipBytes
	s := c.Consensus
	s.TimeoutCommit, s.SkipTimeoutCommit = t.CommitDelay, t.CommitDelay == 0
	s.TimeoutPropose, s.TimeoutProposeDelta = t.ProposeTimeout, t.TimeoutDelta
	s.TimeoutPrevote, s.TimeoutPrevoteDelta = t.VoteTimeout, t.TimeoutDelta
	s.TimeoutPrecommit, s.TimeoutPrecommitDelta = t.VoteTimeout, t.TimeoutDelta
	s.PeerGossipSleepDuration = t.VoteGossipPause
	s.CreateEmptyBlocks, s.CreateEmptyBlocksInterval = false, t.EmptyInterval
	if t.Signatures == Batch {
		// CometBFT does not hear of an application's transactions: the proposer is
		// always asked, and waits by itself.
		m.Type, s.CreateEmptyBlocks, s.CreateEmptyBlocksInterval = config.MempoolTypeApp, true, 0
	}
	p := c.P2P
	p.FlushThrottleTimeout, p.MaxPacketMsgPayloadSize = t.FlushPause, t.PacketBytes
	p.SendRate, p.RecvRate = t.LinkBytesPerSecond, t.LinkBytesPerSecond
	// The ledger keeps receipts, transactions and events; another copy is waste.
	c.TxIndex.Indexer = "null"
	c.Storage.DiscardABCIResponses = true
}
