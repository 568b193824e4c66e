package desim

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// The engines that Config.Engine names.
const (
	// EngineDualPath is package dualpath.
	EngineDualPath = "dualpath"
	// EngineOriginal is package original, PBFT as it was published.
	EngineOriginal = "original"
)

// Limits of a Config.
const (
	// MembersMax bounds N.
	MembersMax = pbft.ReplicasMax
	// DurationMsMax bounds the simulated time.
	DurationMsMax = 600_000
	// TxBytesMax bounds a transaction.
	TxBytesMax = 64 << 10
	// TxsMax bounds the transactions of one run.
	TxsMax = 20_000_000
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("desim: configuration")

// Config is one run. The zero value of a field without a stated default is what
// its name says.
type Config struct {
	// Engine is EngineDualPath (the default) or EngineOriginal.
	Engine string
	// N is the number of members; default 4. F and P are the faults that the
	// committee bears and bears on the fast path; with F = 0 both are the largest
	// that N allows, else both count as given. EngineOriginal takes P = 0.
	N, F, P int
	// Window is W, the blocks in flight above the highest certificate; default 32.
	// Window 1 is sequential agreement.
	Window int
	// Tenure is after how many blocks the next primary takes over by plan; default
	// the chain's, 4096.
	Tenure int
	// CheckpointInterval is C; default the chain's, 256.
	CheckpointInterval int
	// Macs lets PRE-PREPAREs, PREPAREs and COMMITs of EngineOriginal cost what
	// authenticators of n codes cost, not signatures. It is a model of the price alone:
	// messages keep their size, and changes of the primary would need more rounds.
	Macs bool

	// Links is the network; the zero value has no delay and no limit.
	Links Links
	// Costs are what work costs; nil stands for DefaultCosts.
	Costs *Costs
	// Cores is the number of processor cores of each member; default 2.
	Cores int
	// SharedHost puts all members on one machine of Cores cores with one disk, as a
	// demonstration network runs.
	SharedHost bool

	// Lanes let members push payload apart from proposals; else it is inside them, and
	// transactions are gossiped.
	Lanes bool

	Load Load
	// Batching is the policy of a primary, Pool what each member has room for; zero
	// fields take the defaults that a node has.
	Batching driver.Batching
	Pool     driver.Limits
	// Timers are the engines' pacemaker settings in ticks of 10 ms; zero fields
	// take the engine's defaults.
	Timers pbft.Timers
	// Faults happen in the order of their times.
	Faults []Fault
	// Elide and Patience are as of pbft.Config.
	Elide, Patience bool
	// Monitor is as of pbft.Config.
	Monitor bool
	// Without switches mechanisms off, one at a time for an ablation.
	Without Without

	// DurationMs is the simulated time with load, WarmupMs what is cut from its
	// beginning: figures are of [WarmupMs, DurationMs). Defaults 5,000 and a fifth of
	// DurationMs; a negative WarmupMs stands for none.
	DurationMs, WarmupMs int64
	// DrainMs is the time after DurationMs in which nothing new arrives and what is
	// on its way may be answered; default 2,000. It ends early when all is answered.
	DrainMs int64
	Seed    uint64
}

// Load is what the clients do.
type Load struct {
	// TxPerSecond is the rate of an open loop; arrivals have equal distances, or
	// those of a Poisson process.
	TxPerSecond int64
	Poisson     bool
	// Steps change the rate: a flash sale is a step up and a step down. Ascending.
	Steps []LoadStep
	// InFlight makes a closed loop of so many transactions on their way, spread over
	// the members, each followed by the next as soon as it is answered: saturation.
	// TxPerSecond must be 0.
	InFlight int
	// TxBytes is the size of a transaction; default 250. SignaturesPerTx is how many
	// signatures each member checks for it; default 1.
	TxBytes, SignaturesPerTx int
	// ClientDelayUs is the one-way delay between a client and its member.
	ClientDelayUs int64
	// Gateways are the members that clients talk to, in turn; default all. A client
	// of a member that is down goes on to the next.
	Gateways []int
	// Executed answers a client when its member has executed the block; otherwise it
	// waits for the f+1 attestations that prove the receipt to anybody.
	Executed bool
}

// LoadStep sets the rate from a time on.
type LoadStep struct {
	AtMs        int64
	TxPerSecond int64
}

// FaultKind tells faults apart.
type FaultKind string

// The kinds of faults.
const (
	// Crash stops a member: what was not synced is lost.
	Crash FaultKind = "crash"
	// Restart starts a member that is down from its log; Member -1 starts all.
	Restart FaultKind = "restart"
	// Slow delays all that a member sends by DelayMs, until UntilMs.
	Slow FaultKind = "slow"
	// CrashPrimary crashes whoever leads at that time; Member is ignored.
	CrashPrimary FaultKind = "crash-primary"
	// SlowPrimary lets whoever leads at that time make each proposal DelayMs later
	// than it could, until UntilMs. It votes in time.
	SlowPrimary FaultKind = "slow-primary"
	// UnfairPrimary lets whoever leads at that time leave out of its proposals what
	// clients of Member have handed in, until UntilMs. It is not of lanes.
	UnfairPrimary FaultKind = "unfair-primary"
	// Equivocate lets whoever leads at that time propose two blocks at each
	// position, one to half of the others and one to the rest, and vote for both,
	// until UntilMs.
	Equivocate FaultKind = "equivocate"
	// Withhold lets a member vote for nothing, until UntilMs.
	Withhold FaultKind = "withhold"
	// WithholdBodies lets a member push its batches to the primary alone, until UntilMs.
	// This and the following are of lanes.
	WithholdBodies FaultKind = "withhold-bodies"
	// Drip lets its batches come to all but the primary DelayMs late, and a little else
	// meanwhile.
	Drip FaultKind = "drip"
	// EquivocateBatches lets members with an even number get other content.
	EquivocateBatches FaultKind = "equivocate-batches"
	// LackAll lets a member say of every proposal that it lacks all that is named.
	LackAll FaultKind = "lack-all"
	// MuteAuthor lets a member answer and acknowledge nothing about lanes.
	MuteAuthor FaultKind = "mute"
)

// Fault is something that goes wrong at AtMs.
type Fault struct {
	AtMs    int64
	Kind    FaultKind
	Member  int
	DelayMs int64
	// UntilMs ends the fault where that makes sense; 0 = never.
	UntilMs int64
}

// Without switches mechanisms off.
type Without struct {
	// FastPath: blocks commit by COMMITs alone (dual path only).
	FastPath bool
	// Arming: fast commits count for every block. It is unsafe, and exists to show
	// what the rule costs (dual path only).
	Arming bool
	// Pipelining: no block is proposed while another is in flight.
	Pipelining bool
	// BatchVerify: each signature is checked alone.
	BatchVerify bool
	// Sync: nothing is synced to disk.
	Sync bool
	// Bundling: each frame is a write of its own; otherwise the frames of a turn
	// to one peer share one.
	Bundling bool
	// Lanes: votes wait behind payload.
	Lanes bool
	// Pace: a block waits a fixed time for the last one, however far members are.
	Pace bool
	// BodyCap: blocks are as large as they may be on any line.
	BodyCap bool
	// Grace: timers run, and bodies are asked for, while payload is on its way.
	Grace bool
	// Gossip: only the primary is told of transactions, so that backups check the
	// signatures of a proposal when it arrives.
	Gossip bool
}

const (
	defaultMembers    = 4
	defaultCores      = 2
	defaultWindow     = 32
	defaultDurationMs = 5000
	defaultDrainMs    = 2000
	defaultTxBytes    = 250

	// payloadBytesMax is a chain's default.
	payloadBytesMax = 4 << 20
)

func setDefault[T int | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// withDefaults returns c with defaults for zero fields, or an error that wraps
// ErrConfig and says what makes no sense.
func (c Config) withDefaults() (Config, error) {
	if c.Engine == "" {
		c.Engine = EngineDualPath
	}
	setDefault(&c.N, defaultMembers)
	setDefault(&c.Cores, defaultCores)
	setDefault(&c.Window, defaultWindow)
	setDefault(&c.DurationMs, defaultDurationMs)
	setDefault(&c.WarmupMs, c.DurationMs/5)
	setDefault(&c.DrainMs, defaultDrainMs)
	c.WarmupMs = max(0, c.WarmupMs)
	if c.F == 0 {
		c.F, c.P = pbft.DefaultFaults(c.N)
		if c.Engine == EngineOriginal {
			c.P = 0
		}
	}
	c.Load.fill()
	if c.Batching.BytesMax > payloadBytesMax {
		return c, fmt.Errorf("%w: payloads of %d bytes, at most %d", ErrConfig, c.Batching.BytesMax, payloadBytesMax)
	}
	c.batch()
	var err error
	if c.Pool, err = c.Pool.WithDefaults(c.N); err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Costs == nil {
		costs := DefaultCosts()
		c.Costs = &costs
	}
	return c, c.check()
}

// batch completes the policy of a primary, which knows what its line carries.
func (c *Config) batch() {
	if mbit := c.Links.EgressBytesPerSecond * 8 / 1_000_000; c.Batching.LineMbit == 0 && mbit > 0 {
		c.Batching.LineMbit = int(mbit)
	}
	if c.Without.BodyCap {
		c.Batching.LineMbit = -1
	}
	c.Batching.Fixed = c.Batching.Fixed || c.Without.Pace
	c.Batching = c.Batching.WithDefaults(payloadBytesMax)
	if c.Without.Pipelining {
		c.Batching.InFlightMax, c.Batching.FarInFlightMax = 1, 1
	}
}

func (l *Load) fill() {
	setDefault(&l.TxBytes, defaultTxBytes)
	setDefault(&l.SignaturesPerTx, 1)
}

func (c *Config) check() error {
	switch {
	case c.N < 4 || c.N > MembersMax:
		return fmt.Errorf("%w: %d members, wanted 4 to %d", ErrConfig, c.N, MembersMax)
	case c.Engine == EngineOriginal && c.P != 0:
		return fmt.Errorf("%w: %s has no fast path, so P is 0", ErrConfig, c.Engine)
	case c.Engine != EngineDualPath && (c.Without.FastPath || c.Without.Arming):
		return fmt.Errorf("%w: %s has no fast path to switch off", ErrConfig, c.Engine)
	case c.Engine != EngineOriginal && c.Macs:
		return fmt.Errorf("%w: %s needs signatures that third parties can check", ErrConfig, c.Engine)
	case c.Cores < 1 || c.Window < 1 || c.Tenure < 0 || c.CheckpointInterval < 0:
		return fmt.Errorf("%w: cores, window, tenure or checkpoint interval out of range", ErrConfig)
	case c.DurationMs < 1 || c.DurationMs > DurationMsMax || c.WarmupMs >= c.DurationMs || c.DrainMs < 0:
		return fmt.Errorf("%w: a duration of %d ms with a warm-up of %d, at most %d", ErrConfig, c.DurationMs,
			c.WarmupMs, DurationMsMax)
	}
	for _, check := range []func() error{c.checkLoad, c.checkFaults, c.Costs.Check,
		func() error { return c.Links.check(c.N) }} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkLoad() error {
	l := &c.Load
	switch {
	case l.TxPerSecond < 0 || l.InFlight < 0 || l.ClientDelayUs < 0 || l.SignaturesPerTx < 0:
		return fmt.Errorf("%w: negative load", ErrConfig)
	case l.InFlight > 0 && (l.TxPerSecond > 0 || len(l.Steps) > 0):
		return fmt.Errorf("%w: a closed loop has no rate", ErrConfig)
	case l.TxBytes < 1 || l.TxBytes > TxBytesMax || l.TxBytes+16 > c.Batching.BytesMax:
		return fmt.Errorf("%w: transactions of %d bytes", ErrConfig, l.TxBytes)
	case c.Batching.BytesMax < 1 || c.Batching.TxsMax < 1 ||
		c.Batching.InFlightMax < 1 || c.Batching.WaitUs < 0 || c.Batching.ManyTxs < 1:
		return fmt.Errorf("%w: batching out of range", ErrConfig)
	}
	from, rate, txs := int64(0), l.TxPerSecond, int64(0)
	for i, s := range l.Steps {
		if s.AtMs < from || s.TxPerSecond < 0 {
			return fmt.Errorf("%w: step %d of the load is out of order or negative", ErrConfig, i)
		}
		txs += (min(s.AtMs, c.DurationMs) - min(from, c.DurationMs)) * min(rate, TxsMax) / 1000
		from, rate = s.AtMs, s.TxPerSecond
	}
	txs += (c.DurationMs - min(from, c.DurationMs)) * min(rate, TxsMax) / 1000
	if txs > TxsMax || l.InFlight > TxsMax {
		return fmt.Errorf("%w: %d transactions, at most %d", ErrConfig, max(txs, int64(l.InFlight)), TxsMax)
	}
	for _, g := range l.Gateways {
		if g < 0 || g >= c.N {
			return fmt.Errorf("%w: member %d as a gateway of %d members", ErrConfig, g, c.N)
		}
	}
	return nil
}

func (c *Config) checkFaults() error {
	for i, f := range c.Faults {
		any := f.Kind == CrashPrimary || f.Kind == SlowPrimary || f.Kind == Equivocate ||
			f.Kind == Restart && f.Member == -1
		switch f.Kind {
		case Crash, Restart, Slow, CrashPrimary, SlowPrimary, Equivocate, Withhold:
		case UnfairPrimary:
			if c.Lanes {
				return fmt.Errorf("%w: fault %d is not of lanes", ErrConfig, i)
			}
		case WithholdBodies, Drip, EquivocateBatches, LackAll, MuteAuthor:
			if !c.Lanes {
				return fmt.Errorf("%w: fault %d is of lanes, and there are none", ErrConfig, i)
			}
		default:
			return fmt.Errorf("%w: fault %d is of no known kind: %q", ErrConfig, i, f.Kind)
		}
		if !any && (f.Member < 0 || f.Member >= c.N) {
			return fmt.Errorf("%w: fault %d is of member %d of %d", ErrConfig, i, f.Member, c.N)
		}
		if f.AtMs < 0 || f.DelayMs < 0 || f.UntilMs != 0 && f.UntilMs < f.AtMs {
			return fmt.Errorf("%w: times of fault %d", ErrConfig, i)
		}
	}
	return nil
}
