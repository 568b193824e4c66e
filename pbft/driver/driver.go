package driver

import (
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// Time is what the caller's clocks show.
type Time struct {
	// Ns is of a clock that never goes back, in nanoseconds from any origin.
	Ns int64
	// ClockMs is the wall clock in Unix milliseconds, which only the engine looks at.
	ClockMs uint64
}

// Config is what New needs. Every field must be set unless it says otherwise.
type Config struct {
	// New makes the engine from what its log holds, such as dualpath.New.
	New func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error)
	// Engine is what New is told. Anchor and History are the driver's: they follow
	// from Store.
	Engine pbft.Config
	Store  Store
	Pool   Pool
	// Batching has its defaults.
	Batching Batching
	// Lanes, if it is there, disseminates payload by lanes; Pool is a LanePool then. What
	// the driver knows itself of it is the driver's: committee, member, line and pool.
	Lanes *lanes.Config
	// Start is what was found of the log; nil if there is none, or none can be lost.
	Start *Start
	// Ended is how the epoch before ended, with which a log of this epoch begins; nil in
	// epoch 0.
	Ended *pbft.EpochProof
	// LogBytesMax is the size of the consensus log that leads to a compaction.
	LogBytesMax int64
}

// Pool is what a member has to order. The driver asks it in Tick and Next.
type Pool interface {
	// Size returns how many transactions wait to be executed, and of those that are in
	// no block how many there are and their bytes.
	Size() (txs, free, freeBytes int)
	// Payload takes transactions for a block of a view, none if none are free. It
	// reports false if nothing may be proposed now.
	Payload(view pbft.View, bytesMax, txsMax int) (p Payload, ok bool)
	// Proposed says whether what Payload took last is in a block now; if not, it waits
	// again.
	Proposed(is bool)
}

// Payload is what a block is proposed with. The root of an empty one is zero.
type Payload struct {
	Bytes []byte
	Root  pbft.Digest
	Txs   int
	// Recipe, if there is one, is what others can make it from, at most
	// pbft.RecipeBytesMax.
	Recipe []byte
}

// Driver is one member around its engine: events go in, Work comes out.
//
// The caller feeds any number of events; then it calls Next, does what the Work
// asks for, field by field, and calls Done, until a Work is idle. It must not use
// the engine beside it, except to look.
type Driver struct {
	cfg    Config
	engine pbft.Engine
	failed error // of a read that the engine asked for

	committed, executed pbft.Seq
	waiting             []pbft.CommittedBlock // committed and not handed out yet
	last                proposal
	flight              flight
	distances           distances
	turns               int  // since a Work was idle
	more                bool // messages were left waiting
	unadvanced          bool // the engine's last Ready is being acted on
	log                 logState
	guard               guard
	lanes               dissemination
	nowNs               int64 // when the caller looked at its clock last
}

// proposal is the last one of this member.
type proposal struct {
	atNs, committedInNs int64
	txs                 int
	root                pbft.Digest
	commits             bool // in the Work that is being done
}

// New brings a member back from its store and its log; both may be empty. An error
// is of the store, or of the engine, which cannot go on from them.
func New(cfg Config, log []pbft.Record) (*Driver, error) { return newDriver(cfg, log, writtenGuard()) }

func newDriver(cfg Config, log []pbft.Record, by rules.Guard) (*Driver, error) {
	d := &Driver{distances: newDistances(cfg.Engine.Committee.Size())}
	d.lanes = newDissemination(&cfg)
	d.cfg = cfg
	d.log.takeover = cfg.Start != nil && len(log) > 0 &&
		!slices.ContainsFunc(log, func(x pbft.Record) bool { return x.Kind == pbft.RecordBoot })
	d.guard, log = newGuard(&d.cfg, by, log)
	cfg.Engine.RecallNonce = d.cfg.Engine.RecallNonce
	anchor, err := anchorOf(cfg.Store)
	if err != nil {
		return nil, err
	}
	cfg.Engine.Anchor, cfg.Engine.History = anchor, d.history
	if d.engine, err = cfg.New(cfg.Engine, log); err != nil {
		return nil, fmt.Errorf("rebuild the replica: %w", err)
	}
	if d.failed != nil {
		return nil, d.failed
	}
	d.committed, d.executed = anchor.Header.Seq, anchor.Header.Seq
	return d, nil
}

// Status returns a snapshot of the engine.
func (d *Driver) Status() pbft.EngineStatus { return d.engine.Status() }

// Committee returns that of the driver's epoch.
func (d *Driver) Committee() *pbft.Committee { return d.cfg.Engine.Committee }

// Engine returns the engine, to look at.
func (d *Driver) Engine() pbft.Engine { return d.engine }

// Tick says that TickMs have passed.
func (d *Driver) Tick(now Time) {
	txs, _, _ := d.cfg.Pool.Size()
	d.look(now)
	d.observe(now)
	d.engine.Tick(now.ClockMs, txs > 0)
}

// look tells the engine the time.
func (d *Driver) look(now Time) {
	d.nowNs = now.Ns
	d.engine.Now(uint64(max(now.Ns, 0)) / 1000)
}

// Connected says that the channel to a member was established, or again.
func (d *Driver) Connected(peer pbft.ReplicaID) {
	d.engine.Connected(peer)
	if d.cfg.Engine.Committee.Has(peer) {
		d.guard.peers[peer].owed = true
	}
}

// Arrived says that so many bytes came from a member on the bulk lane since the last
// call, of messages that are whole or not.
func (d *Driver) Arrived(from pbft.ReplicaID, bulkBytes int) {
	d.engine.Arrived(from, bulkBytes)
	if d.lanes.Lanes != nil {
		d.lanes.Arrived(from, d.nowNs)
	}
}

// Measured says how long a round trip to a member took, in nanoseconds. Whoever hears
// of none paces its blocks as if all were near.
func (d *Driver) Measured(peer pbft.ReplicaID, roundTripNs int64, now Time) {
	d.distances.add(peer, roundTripNs, now.Ns)
	d.engine.Measured(peer, uint64(d.distances.ofNs(peer))/1000)
	if d.lanes.Lanes != nil {
		d.lanes.Measured(peer, roundTripNs)
	}
}

// Checked answers an entry of Work.Check.
func (d *Driver) Checked(block pbft.Digest, valid bool) { d.engine.PayloadChecked(block, valid) }

// PayloadArrived answers an entry of Work.Assemble with what a recipe made.
func (d *Driver) PayloadArrived(block pbft.Digest, payload []byte) pbft.Reason {
	return d.engine.PayloadArrived(block, payload)
}

// PayloadMissing says that no recipe of a block can be carried out.
func (d *Driver) PayloadMissing(block pbft.Digest) { d.engine.PayloadMissing(block) }

// Executed says that the next block of Work.Execute was executed and stored. next is the
// set of the next epoch that the state holds after it, an encoded pbft.NextSet, or nil.
func (d *Driver) Executed(seq pbft.Seq, stateRoot, receiptRoot pbft.Digest, next []byte) {
	d.executed = seq
	d.engine.Executed(seq, stateRoot, receiptRoot, next)
}

// Backlog returns how many committed blocks wait for those that were handed out to
// be executed.
func (d *Driver) Backlog() int { return len(d.waiting) }
