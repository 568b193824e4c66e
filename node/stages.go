package node

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-network/scrip/pbft"
)

// stage is a part of the way of an own client's transaction through the node. Each
// begins where the one before it ends, so that their sum is the whole way.
type stage uint8

const (
	stageDoor    stage = iota // from its request until it waits in the mempool: signatures, admission
	stageQueue                // until a primary proposes it
	stagePropose              // until this member has checked the proposal and sent its PREPARE
	stageVote                 // until the block is committed here
	stageExecute              // until its outcome is stored
	stageNotify               // until the outcome is written to the client
	stageCount
)

// String returns the name under which the metrics show the stage.
func (s stage) String() string {
	return [stageCount]string{"door", "queue", "propose", "vote", "execute", "notify"}[s]
}

// Buckets of a tally: powers of two of the first bound.
const (
	tallyFirst   = 64 * time.Microsecond
	tallyBuckets = 18 // up to 8.4 s
)

// tally is a histogram that takes many observations of one value at the price of
// one: what happens to a block happens to all of its transactions. Safe for
// concurrent use.
type tally struct {
	counts [tallyBuckets + 1]atomic.Uint64 // by bucket; the last has what is longer
	sumNs  atomic.Int64
}

// add counts n transactions for which a stage took d.
func (t *tally) add(d time.Duration, n int) {
	d = max(d, 0)
	// The bucket of the least bound that is not below d.
	bucket := bits.Len64(uint64(max(d-1, 0) / tallyFirst))
	t.counts[min(bucket, tallyBuckets)].Add(uint64(n))
	t.sumNs.Add(int64(d) * int64(n))
}

// metric returns the tally as it is now.
func (t *tally) metric(desc *prometheus.Desc, labels ...string) prometheus.Metric {
	sum, count := t.sumNs.Load(), uint64(0)
	buckets := make(map[float64]uint64, tallyBuckets)
	for i := range t.counts {
		count += t.counts[i].Load()
		if i < tallyBuckets {
			buckets[(tallyFirst << i).Seconds()] = count
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, time.Duration(sum).Seconds(), buckets, labels...)
}

// milestones are when a block passed what stages end with, on the clock of stages.
type milestones struct {
	seq                 pbft.Seq
	digest              pbft.Digest
	prepared, committed time.Duration
	// said is the time of its header, executed when its outcomes were stored; 0 = not yet.
	said, executed time.Duration
}

// votes returns when this member voted for the block, and when it was committed. A member
// that lags does neither before it executes.
func (b *milestones) votes() (prepared, committed time.Duration) {
	committed = b.executed
	if b.committed != 0 {
		committed = b.committed
	}
	prepared = committed
	if b.prepared != 0 {
		prepared = min(b.prepared, committed)
	}
	return prepared, committed
}

// milestonesMax bounds the blocks of which milestones are remembered. Blocks in
// flight and those that wait for execution are far fewer; of others the stages
// between are not told apart.
const milestonesMax = 256

// stages measures where the time of own clients' transactions goes. The clock is
// the time since epoch.
type stages struct {
	epoch   time.Time
	tallies [stageCount]tally
	// commit is from the mempool until the outcome is stored: queue to execute.
	commit tally

	mu     sync.Mutex // guards blocks
	blocks [milestonesMax]milestones
}

var (
	stageDesc = prometheus.NewDesc("scrip_tx_stage_seconds",
		"Time of a stage of an own client's transaction.", []string{"stage"}, nil)
	commitDesc = prometheus.NewDesc("scrip_tx_commit_seconds",
		"From the arrival of an own client's transaction in the mempool until its outcome is stored.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *stages) Describe(out chan<- *prometheus.Desc) {
	out <- stageDesc
	out <- commitDesc
}

// Collect implements prometheus.Collector.
func (s *stages) Collect(out chan<- prometheus.Metric) {
	for i := range s.tallies {
		out <- s.tallies[i].metric(stageDesc, stage(i).String())
	}
	out <- s.commit.metric(commitDesc)
}

func (s *stages) now() time.Duration { return time.Since(s.epoch) }

// took counts n transactions for which a stage began at begin and ends now.
func (s *stages) took(x stage, begin time.Duration, n int) { s.tallies[x].add(s.now()-begin, n) }

// block returns the milestones of a block; s.mu is held.
func (s *stages) block(seq pbft.Seq, digest pbft.Digest) *milestones {
	b := &s.blocks[seq%milestonesMax]
	if b.seq != seq || b.digest != digest {
		*b = milestones{seq: seq, digest: digest}
	}
	return b
}

// sent notes the own votes among messages that were sent now.
func (s *stages) sent(messages []pbft.Outgoing) {
	for i := range messages {
		if p, ok := messages[i].Message.(*pbft.Prepare); ok {
			s.mu.Lock()
			if b := s.block(p.Block.Seq, p.Block.Digest); b.prepared == 0 { // else it is sent again
				b.prepared = s.now()
			}
			s.mu.Unlock()
		}
	}
}

// committed notes that blocks were committed now.
func (s *stages) committed(blocks []pbft.CommittedBlock) {
	for i := range blocks {
		s.mu.Lock()
		s.block(blocks[i].Block.Header.Seq, blocks[i].Digest).committed = s.now()
		s.mu.Unlock()
	}
}

// executed counts the transactions of a block whose outcomes are stored now, by
// when they entered the mempool, and returns the time. The primary's clock says
// when it proposed, to a millisecond: where the members' clocks differ, their
// difference goes from one of queue and propose to the other.
func (s *stages) executed(c *pbft.CommittedBlock, arrived []time.Duration) time.Duration {
	now := s.now()
	said := time.UnixMilli(int64(c.Block.Header.TimeMs)).Add(time.Millisecond / 2).Sub(s.epoch)
	s.mu.Lock()
	kept := s.block(c.Block.Header.Seq, c.Digest)
	kept.said, kept.executed = said, now
	b := *kept
	s.mu.Unlock()
	if len(arrived) == 0 {
		return now
	}
	prepared, committed := b.votes()
	together := 0 // which were here before this member voted
	for _, at := range arrived {
		s.commit.add(now-at, 1)
		if at > prepared { // its own client came late
			s.tallies[stageVote].add(committed-at, 1)
			s.tallies[stageExecute].add(now-max(committed, at), 1)
			continue
		}
		proposed := min(max(said, at), prepared)
		s.tallies[stageQueue].add(proposed-at, 1)
		s.tallies[stagePropose].add(prepared-proposed, 1)
		together++
	}
	s.tallies[stageVote].add(committed-prepared, together)
	s.tallies[stageExecute].add(now-committed, together)
	return now
}
