package pbfttest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// Factory makes an engine, empty or from its log.
type Factory func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error)

// Behaviour is a set of things that Byzantine members of a run do.
type Behaviour uint32

// The behaviours; a member with none is silent.
const (
	// Twins: each Byzantine member runs two honest engines under one key, each
	// talking to its own part of the others.
	Twins Behaviour = 1 << iota
	// Honest engine underneath, for the behaviours that alter what it sends.
	Masked
	// ForgeProposals: as primary, hand-made headers, equivocation, false fields,
	// withheld certificates and bodies.
	ForgeProposals
	// ForgeVotes: votes for everything seen, to some.
	ForgeVotes
	// LieInViewChange: old certificates, denied and invented tips, several
	// VIEW-CHANGEs for a view.
	LieInViewChange
	// ForgeNewView: as primary, different NEW-VIEWs to different replicas.
	ForgeNewView
	// SpamSuspect: SUSPECTs of all views and reasons.
	SpamSuspect
	// Replay: old messages of anybody, again.
	Replay
	// Mutate: own messages with a field changed and signed again.
	Mutate
	// Flood: messages of far views and slots, and the same question many times.
	Flood
	// Spoil: true messages of anybody with one or more things false in them.
	Spoil
	// Withhold: blocks, also of views long left, that only votes name; who asks for
	// them gets them.
	Withhold
	// Censor: honest engines that leave out of their proposals what clients wait for.
	Censor
	// Slow: honest engines that are late with what they send, and propose seldom.
	Slow
	// Corrupt: honest engines, but from some block on their execution is wrong. It
	// stands alone.
	Corrupt
	// BadRecipes: own proposals by recipes that nobody can carry out, or that make
	// something else; the body comes by FETCH, if at all.
	BadRecipes
	// SpoilRecipes: others' headers with recipes of its own.
	SpoilRecipes
	// BareProposals: own proposals without the certificates that they name.
	BareProposals
	// HurryCommits: a COMMIT for each new block at once.
	HurryCommits
	// SplitPrepares: PREPAREs to half of the others, so that they alone commit fast.
	SplitPrepares

	behaviourEnd
)

var behaviourNames = [...]string{"twins", "masked", "forge-proposals", "forge-votes", "lie-in-view-change",
	"forge-new-view", "spam-suspect", "replay", "mutate", "flood", "spoil", "withhold",
	"censor", "slow", "corrupt", "bad-recipes", "spoil-recipes", "bare-proposals", "hurry-commits", "split-prepares"}

// String lists the behaviours of the set.
func (b Behaviour) String() string {
	var names []string
	for i, name := range behaviourNames {
		if b>>i&1 != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "silent"
	}
	return strings.Join(names, "+")
}

// Shape is a committee size with its fault bounds.
type Shape struct{ Members, Faults, FastFaults int }

// LogMode is how a member's log and store may be caught by a crash.
type LogMode uint8

// The modes.
const (
	// LogDrawn leaves it to the seed.
	LogDrawn LogMode = iota
	// LogWhole writes a turn as one frame, and replaces a log when all that is executed
	// has been synced: nothing comes between.
	LogWhole
	// LogTorn writes a turn as several frames, and replaces logs often, over blocks that
	// were executed since the sync began.
	LogTorn
)

// Options narrow what Run draws from its seed. The zero value of every field but
// New leaves the choice to the seed.
type Options struct {
	// New makes the engines under test.
	New Factory
	// PowerCut lets all honest replicas crash at CrashAt, and guard their logs.
	PowerCut bool
	// Driver replaces driver.New, for known-broken guards of the log.
	Driver func(cfg driver.Config, log []pbft.Record) (*driver.Driver, error)
	// RenameCounts takes a replaced log for durable when it has its name: a crash may bring
	// the old one back. It is a known-broken disk.
	RenameCounts bool
	// Committee replaces pbft.NewCommittee, for known-broken quorums.
	Committee func(chain pbft.Digest, epoch pbft.Epoch, keys []pbft.PublicKey, p pbft.Parameters) (*pbft.Committee, error)
	// Protocol is what the engines run.
	Protocol pbft.Protocol
	// Shapes are the committees to draw from; default DefaultShapes, or
	// OriginalShapes.
	Shapes []Shape
	// Behaviour, if Fixed, is what the Byzantine members do.
	Behaviour Behaviour
	// Byzantine, if Fixed, is how many there are, at most f.
	Byzantine int
	Fixed     bool
	// Beyond is how many Byzantine members more than f there may be: a control,
	// since with any such the promises end.
	Beyond int
	// NoCrashes keeps honest replicas up.
	NoCrashes bool
	// CrashAt, if positive, is the one boundary of the run at which the replica in
	// question crashes; see Result.Boundaries. The plan's crashes do not happen.
	CrashAt int
	// Log is how logs are written; the kept seeds are of LogWhole.
	Log LogMode
	// Stuck lets nobody carry out a recipe until the faults end, and every payload be
	// proposed by one: what is known by recipe only must not be lost.
	Stuck bool
	// SafetyOnly leaves out the liveness phase.
	SafetyOnly bool
	// Rules, if not nil, are the only violations that count.
	Rules []string
	// Convicts, if not 0, is the only misbehaviour that members are accused of.
	Convicts pbft.MisbehaviourKind
	// SafetyMs is the virtual length of the safety phase; default 800 to 3000.
	SafetyMs int
	// Trace receives one line per transition.
	Trace io.Writer
	// Exact folds every byte that an engine logs or sends into Result.TraceHash.
	Exact bool
}

// DefaultShapes are the committees that a run draws from: both rules of R9
// (strict and with clause E), F = q and F > q.
var DefaultShapes = []Shape{{4, 1, 0}, {4, 1, 1}, {4, 1, 0}, {4, 1, 1}, {5, 1, 1}, {5, 1, 0}, {6, 1, 1},
	{7, 2, 1}, {7, 2, 0}}

// OriginalShapes are those without a fast path; f is not always the largest.
var OriginalShapes = []Shape{{4, 1, 0}, {4, 1, 0}, {4, 1, 0}, {5, 1, 0}, {6, 1, 0}, {7, 2, 0}, {7, 2, 0}}

// plan is everything that a seed decides before the first event.
type plan struct {
	shape      Shape
	byzantine  []bool
	behaviour  Behaviour
	parameters pbft.Parameters
	timers     pbft.Timers
	codec      bool // messages and records go through their encoding
	ed25519    bool
	recall     bool
	guard      bool // logs are guarded by marks

	loss, duplicate, omit, hold int  // permille of messages
	crash                       int  // permille of turns with records
	compact                     int  // permille of turns
	invalid                     int  // permille of Byzantine payloads that are invalid
	backdate                    bool // Byzantine primaries hold the chain's time still
	fragile                     int  // permille of crashes of fragile replicas that damage their log
	fragiles                    []bool
	lateUs                      []int64 // how late each member is with what it sends; an honest one until the faults end
	big                         bool    // Byzantine primaries make the largest payloads
	delayUs                     int64
	partitionUs                 int64 // mean pause between changes of the cut; 0 = none
	clockUs                     int64 // mean pause between clock jumps; 0 = none
	checkUs, executeUs          int64
	loadUs                      int64 // mean pause between payloads
	safetyUs                    int64
	frameBytes                  int   // largest frame of a log; 0 = a turn is one
	arrivals                    int   // permille of ticks in which bytes seem to come from a member
	syncUs                      int64 // how long the sync of a store takes at most; 0 = no time
	recipes                     int   // permille of payloads that are proposed by recipe
	stuck                       int   // permille of recipes that nobody carries out, until the faults end
	elide, patience             bool  // as of pbft.Config
}

// pick returns one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// drawPlan draws from r, and from later what came to the plan after seeds were kept.
func drawPlan(r, later *rand.Rand, opt *Options) plan {
	shapes := opt.Shapes
	if len(shapes) == 0 {
		shapes = DefaultShapes
		if opt.Protocol == pbft.Original {
			shapes = OriginalShapes
		}
	}
	p := plan{shape: pick(r, shapes...)}
	window := uint64(pick(r, 1, 2, 2, 3, 4, 8))
	p.parameters = pbft.Parameters{
		Faults: p.shape.Faults, FastFaults: p.shape.FastFaults,
		Window: window, Tenure: max(window, uint64(pick(r, 1, 2, 3, 4, 6, 12, 20, 100))),
		CheckpointInterval: uint64(pick(r, 1, 2, 4, 8, 16)),
		ExecutionLag:       uint64(pick(r, 1, 2, 4)),
		PrecisionMs:        uint64(pick(r, 20, 100, 500)), DelayMs: uint64(pick(r, 100, 1000, 5000)),
		PayloadBytesMax: 1 << 12, Protocol: opt.Protocol,
	}
	p.timers = pbft.Timers{
		TimeoutTicksMin: uint32(pick(r, 2, 4, 8, 12)), TimeoutTicksMax: uint32(pick(r, 12, 20, 40)),
		TimeoutTicksCap: uint32(pick(r, 80, 160, 320)), IdleTicks: uint32(pick(r, 2, 5, 10, 20)),
		RetransmitTicks: uint32(pick(r, 5, 10, 20)), StatusTicks: uint32(pick(r, 5, 10, 25)),
		FetchTicks: uint32(pick(r, 1, 2)), SuspectTicks: uint32(pick(r, 20, 60, 200)), RecallTicks: 20,
	}
	p.codec, p.ed25519, p.recall = r.IntN(8) == 0, r.IntN(400) == 0, r.IntN(4) == 0
	p.loss = pick(r, 0, 0, 0, 10, 50, 250)
	p.duplicate = pick(r, 0, 0, 20, 200)
	p.omit = pick(r, 0, 0, 50, 200, 400)
	p.hold = pick(r, 0, 0, 20, 200)
	p.compact = pick(r, 0, 5, 50)
	p.invalid = pick(r, 0, 0, 100)
	p.delayUs = pick[int64](r, 1_000, 5_000, 20_000, 60_000, 200_000)
	p.partitionUs = pick[int64](r, 0, 0, 60_000, 200_000, 600_000)
	p.clockUs = pick[int64](r, 0, 0, 0, 300_000)
	p.checkUs = pick[int64](r, 0, 1_000, 10_000, 50_000)
	p.executeUs = pick[int64](r, 0, 1_000, 10_000, 50_000)
	p.loadUs = pick[int64](r, 2_000, 10_000, 30_000, 100_000)
	if p.crash = pick(r, 0, 0, 5, 20, 80); opt.NoCrashes || opt.CrashAt > 0 {
		p.crash = 0
	}
	p.safetyUs = int64(pick(r, 500, 1000, 2000)) * 1000
	if opt.SafetyMs > 0 {
		p.safetyUs = int64(opt.SafetyMs) * 1000
	}
	p.backdate = r.IntN(3) == 0
	p.drawByzantine(r, opt)
	p.drawFragile(r, opt)
	p.guard = p.recall || opt.PowerCut
	p.drawSlow(later, opt)
	p.drawLog(later, opt)
	p.drawArrivals(later, opt)
	p.drawForms(later, opt)
	return p
}

// drawLog chooses how logs and stores are written.
func (p *plan) drawLog(r *rand.Rand, opt *Options) {
	p.frameBytes = pick(r, 0, 0, 1, 600, 2400)
	p.syncUs = pick[int64](r, 0, 0, 20_000, 200_000)
	switch opt.Log {
	case LogWhole:
		p.frameBytes, p.syncUs = 0, 0
	case LogTorn:
		p.frameBytes, p.syncUs, p.compact = 1, 20_000, 200
	}
}

// drawArrivals chooses whether bytes seem to be on their way, and for how long engines
// wait for what they bring.
func (p *plan) drawArrivals(r *rand.Rand, opt *Options) {
	p.arrivals = pick(r, 0, 50, 500, 1000)
	p.timers.BodyTicks, p.timers.StandstillTicks = uint32(pick(r, 2, 10, 25)), uint32(pick(r, 1, 10, 50))
	if opt.Log != LogDrawn {
		p.arrivals = 0
	}
}

// drawForms chooses in which forms proposals go, what becomes of recipes, and what
// Byzantine members do about them. Kept seeds have the forms that they were found with.
func (p *plan) drawForms(r *rand.Rand, opt *Options) {
	recipes, stuck := pick(r, 0, 500, 1000, 1000), pick(r, 0, 0, 100, 900)
	elide, patience := r.IntN(4) != 0, r.IntN(4) != 0
	var more Behaviour
	for b := BadRecipes; b < behaviourEnd; b <<= 1 {
		if r.IntN(3) == 0 {
			more |= b
		}
	}
	if opt.Log == LogWhole {
		return
	}
	p.recipes, p.stuck = recipes, stuck
	if opt.Protocol == pbft.DualPath {
		p.elide, p.patience = elide, patience
	} else {
		more &= BadRecipes | SpoilRecipes
	}
	if opt.Stuck {
		p.recipes, p.stuck = 1000, 1000
	}
	if opt.Fixed && p.behaviour >= BadRecipes { // there must be something to attack
		p.recipes, p.elide, p.patience = 1000, true, true
	}
	if !opt.Fixed && p.behaviour != 0 && p.behaviour&Corrupt == 0 {
		p.behaviour |= more
	}
}

func (p *plan) drawByzantine(r *rand.Rand, opt *Options) {
	count := pick(r, 0, 1, p.shape.Faults, p.shape.Faults)
	for b := Behaviour(1); b < Censor; b <<= 1 {
		if r.IntN(3) == 0 {
			p.behaviour |= b
		}
	}
	switch r.IntN(12) {
	case 0, 1:
		p.behaviour = 0
	case 2:
		p.behaviour = Corrupt
	}
	if opt.Fixed {
		count, p.behaviour = opt.Byzantine, opt.Behaviour
	}
	p.byzantine = make([]bool, p.shape.Members)
	for _, i := range r.Perm(p.shape.Members)[:min(count, p.shape.Faults+opt.Beyond)] {
		p.byzantine[i] = true
	}
}

// drawFragile chooses honest members whose logs a crash may damage: with the
// Byzantine ones at most f, since such a member may have to fall silent for good.
func (p *plan) drawFragile(r *rand.Rand, opt *Options) {
	p.fragiles = make([]bool, p.shape.Members)
	count := p.shape.Faults
	for _, b := range p.byzantine {
		if b {
			count--
		}
	}
	if opt.Fixed || opt.NoCrashes || opt.CrashAt > 0 || count <= 0 || r.IntN(4) != 0 {
		return
	}
	p.fragile, p.crash, p.recall = pick(r, 300, 1000), max(p.crash, 40), true
	for _, i := range r.Perm(p.shape.Members) {
		if !p.byzantine[i] && count > 0 {
			p.fragiles[i] = true
			count--
		}
	}
}

// drawSlow chooses a member that is late with everything, and what Byzantine ones do
// with an honest engine besides.
func (p *plan) drawSlow(r *rand.Rand, opt *Options) {
	p.lateUs = make([]int64, p.shape.Members)
	p.big = r.IntN(8) == 0
	censor, slow, alone, at, lateUs := r.IntN(8) == 0, r.IntN(5) == 0, r.IntN(2) == 0, r.IntN(p.shape.Members),
		pick[int64](r, 50_000, 200_000, 1_000_000)
	if opt.Fixed {
		censor, slow, at = false, p.behaviour&Slow != 0, slices.Index(p.byzantine, true)
	}
	if slow && at >= 0 {
		p.lateUs[at] = lateUs
	}
	if opt.Fixed || p.behaviour == Corrupt {
		return
	}
	if slow && p.byzantine[at] {
		if alone {
			p.behaviour = 0
		}
		p.behaviour |= Slow
	}
	if censor {
		p.behaviour |= Censor
	}
}

// String lists what the seed decided, for a report of a violation.
func (p *plan) String() string {
	var byzantine []int
	for i, b := range p.byzantine {
		if b {
			byzantine = append(byzantine, i)
		}
	}
	var fragile []int
	for i, b := range p.fragiles {
		if b {
			fragile = append(fragile, i)
		}
	}
	return fmt.Sprintf("n=%d f=%d p=%d W=%d K=%d C=%d D=%d byzantine=%v %v backdate=%t big=%t fragile=%v late=%v"+
		" precision=%d delay=%d\n"+
		"  timers min=%d max=%d cap=%d idle=%d retransmit=%d status=%d codec=%t ed25519=%t recall=%t\n"+
		"  permille loss=%d duplicate=%d omit=%d hold=%d crash=%d compact=%d; frames of %d bytes, sync<=%d us, arrivals=%d,"+
		" recipes=%d stuck=%d elide=%t patience=%t;"+
		" ms delay<=%d partition~%d clock~%d check<=%d execute<=%d load~%d safety=%d",
		p.shape.Members, p.shape.Faults, p.shape.FastFaults, p.parameters.Window, p.parameters.Tenure,
		p.parameters.CheckpointInterval, p.parameters.ExecutionLag, byzantine, p.behaviour, p.backdate, p.big,
		fragile, p.lateUs, p.parameters.PrecisionMs, p.parameters.DelayMs,
		p.timers.TimeoutTicksMin, p.timers.TimeoutTicksMax, p.timers.TimeoutTicksCap, p.timers.IdleTicks,
		p.timers.RetransmitTicks, p.timers.StatusTicks, p.codec, p.ed25519, p.recall,
		p.loss, p.duplicate, p.omit, p.hold, p.crash, p.compact, p.frameBytes, p.syncUs, p.arrivals,
		p.recipes, p.stuck, p.elide, p.patience,
		p.delayUs/1000,
		p.partitionUs/1000, p.clockUs/1000, p.checkUs/1000, p.executeUs/1000, p.loadUs/1000, p.safetyUs/1000)
}
