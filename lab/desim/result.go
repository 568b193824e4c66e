package desim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Result is what a run has shown. Times are nanoseconds of simulated time since
// the start. Samples and blocks are of the whole run; everything that is called a
// rate or a count is of the measured interval, unless it says otherwise.
type Result struct {
	// Engine, N, F and P are as they were run, defaults filled in; Window too.
	Engine  string `json:"engine"`
	N       int    `json:"n"`
	F       int    `json:"f"`
	P       int    `json:"p"`
	Window  int    `json:"window"`
	Quorum  int    `json:"quorum"`
	Links   string `json:"links,omitempty"`
	FromNs  int64  `json:"from_ns"`
	UntilNs int64  `json:"until_ns"`

	// Offered counts the transactions of the whole run, Answered those of them whose
	// client has its answer; what is missing was refused, or on its way at the end.
	Offered  int `json:"offered"`
	Answered int `json:"answered"`
	// Refused counts those for which a member had no room.
	Refused int `json:"refused"`
	// Committed counts distinct transactions executed by a quorum within the measured
	// interval, Blocks the blocks that did, with EmptyBlocks among them.
	Committed   int `json:"committed"`
	Blocks      int `json:"blocks"`
	EmptyBlocks int `json:"empty_blocks"`
	// CommittedPerSecond is Committed over the interval, rounded down.
	CommittedPerSecond int64 `json:"committed_per_second"`

	// Fast, Slow and Ancestor count how the live correct members committed blocks: by
	// PREPAREs alone, by COMMITs, or below a block that was.
	Fast     int `json:"fast"`
	Slow     int `json:"slow"`
	Ancestor int `json:"ancestor"`
	// LargestGapNs is the longest time between two commits of the whole run (each
	// by the first member that has it), after the first, and GapAtNs its beginning.
	LargestGapNs int64 `json:"largest_gap_ns"`
	GapAtNs      int64 `json:"gap_at_ns"`
	// ViewChanges is the highest view of the run less one; ViewChangeMessages and
	// ViewChangeBytes are SUSPECT, VIEW-CHANGE and NEW-VIEW (with what proposals
	// carry of it), of the whole run.
	ViewChanges        int64 `json:"view_changes"`
	ViewChangeMessages int64 `json:"view_change_messages"`
	ViewChangeBytes    int64 `json:"view_change_bytes"`

	// Messages are the frames sent between members, by kind, ascending by name.
	Messages []KindCount `json:"messages"`
	Members  []Member    `json:"members"`
	// Diverged says in words what two correct members disagree about; empty is well.
	Diverged string `json:"diverged,omitempty"`
	// Events counts the simulation's own events.
	Events int64 `json:"events"`

	// TxSamples are all transactions, in the order of arrival; BlockRows all blocks
	// that some correct member executed, ascending.
	TxSamples []Sample   `json:"-"`
	BlockRows []BlockRow `json:"-"`
	// Digest is a hash of all of the above: equal for equal configurations.
	Digest string `json:"digest"`
}

// Sample is the life of one transaction. A time of 0 has not come.
type Sample struct {
	// IntendedNs is when its client wanted to send it.
	IntendedNs int64
	// ProposedNs is when a primary put it into the block in which it committed,
	// PreparedNs when the client's member had checked and prepared that block,
	// CommittedNs and ExecutedNs when that member had committed and executed it, and
	// AnsweredNs when the client had its answer.
	ProposedNs, PreparedNs, CommittedNs, ExecutedNs, AnsweredNs int64
	// Gateway is the client's member, Seq the block; 0 = none.
	Gateway int32
	Seq     uint64
}

// Phases splits the time to the answer: in the queue until proposed, in the
// proposal until the client's member prepared, in votes until it committed, in
// execution, and in attestations and the answer. It reports false for a
// transaction without an answer.
func (s *Sample) Phases() (queue, propose, vote, execute, notify int64, ok bool) {
	if s.AnsweredNs == 0 {
		return 0, 0, 0, 0, 0, false
	}
	prepared := max(s.ProposedNs, min(s.PreparedNs, s.CommittedNs)) // a lagging member may never have prepared
	return s.ProposedNs - s.IntendedNs, prepared - s.ProposedNs, s.CommittedNs - prepared,
		s.ExecutedNs - s.CommittedNs, s.AnsweredNs - s.ExecutedNs, true
}

// LatencyNs is from when the client wanted to send to when it had its answer.
func (s *Sample) LatencyNs() int64 { return s.AnsweredNs - s.IntendedNs }

// BlockRow is one executed block.
type BlockRow struct {
	Seq   uint64
	View  uint64
	Txs   int
	Bytes int // of the payload
	// Armed is as pbft.Header.Armed.
	Armed bool
	// ProposedNs is at the primary, FirstCommittedNs at the first correct member,
	// QuorumExecutedNs when a quorum had executed it (0 = never).
	ProposedNs, FirstCommittedNs, QuorumExecutedNs int64
	// Fast, Slow and Ancestor count the members by how they committed it.
	Fast, Slow, Ancestor int
}

// KindCount counts the frames of one kind that were sent between members.
type KindCount struct {
	Kind  string `json:"kind"`
	Count int64  `json:"count"`
	Bytes int64  `json:"bytes"`
}

// Member is what one member used in the measured interval.
type Member struct {
	// LoopNs, ExecuteNs, VerifyNs (of transactions), LinkNs and DoorNs are processor
	// time by what for; their sum over the interval and Cores is the utilisation.
	LoopNs    int64 `json:"loop_ns"`
	ExecuteNs int64 `json:"execute_ns"`
	VerifyNs  int64 `json:"verify_ns"`
	LinkNs    int64 `json:"link_ns"`
	DoorNs    int64 `json:"door_ns"`
	// DiskNs is the time that the disk was busy with Syncs syncs of LogBytes.
	DiskNs   int64 `json:"disk_ns"`
	Syncs    int64 `json:"syncs"`
	LogBytes int64 `json:"log_bytes"`
	// EgressBytes and IngressBytes are of all frames.
	EgressBytes  int64 `json:"egress_bytes"`
	IngressBytes int64 `json:"ingress_bytes"`
	// Signed and Verified count the votes', headers' and certificates' signatures.
	Signed   int64 `json:"signed"`
	Verified int64 `json:"verified"`
}

// CPUNs is the processor time of all kinds.
func (m *Member) CPUNs() int64 { return m.LoopNs + m.ExecuteNs + m.VerifyNs + m.LinkNs + m.DoorNs }

// Of returns the count of one kind.
func (r *Result) Of(kind string) KindCount {
	for _, k := range r.Messages {
		if k.Kind == kind {
			return k
		}
	}
	return KindCount{Kind: kind}
}

// digest hashes everything else in r.
func (r *Result) digest() string {
	h := sha256.New()
	head := *r
	head.Digest = ""
	b, err := json.Marshal(&head)
	if err != nil {
		panic(fmt.Sprintf("desim: encode the result: %v", err)) // integers and strings only
	}
	h.Write(b)
	var row []byte
	put := func(vs ...int64) {
		row = row[:0]
		for _, v := range vs {
			row = binary.LittleEndian.AppendUint64(row, uint64(v))
		}
		h.Write(row)
	}
	for i := range r.TxSamples {
		s := &r.TxSamples[i]
		put(s.IntendedNs, s.ProposedNs, s.PreparedNs, s.CommittedNs, s.ExecutedNs, s.AnsweredNs, int64(s.Gateway),
			int64(s.Seq))
	}
	for i := range r.BlockRows {
		x := &r.BlockRows[i]
		put(int64(x.Seq), int64(x.View), int64(x.Txs), int64(x.Bytes), int64(count(x.Armed)), x.ProposedNs,
			x.FirstCommittedNs, x.QuorumExecutedNs, int64(x.Fast), int64(x.Slow), int64(x.Ancestor))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
