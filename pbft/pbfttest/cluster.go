package pbfttest

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

const (
	tickUs = driver.TickMs * 1000
	// epochMs is the wall clock at virtual time zero.
	epochMs = 1_800_000_000_000
	// eventsMax bounds one run; a run that needs more does not end by itself.
	eventsMax = 4_000_000
)

// cluster is one simulated committee with its network.
type cluster struct {
	opt       *Options
	plan      plan
	rng       *rand.Rand
	later     *rand.Rand // for what came after seeds were kept
	committee *pbft.Committee
	sign      []signer
	scheme    pbft.Scheme
	genesis   pbft.Header

	nodes     []*node   // every engine instance, honest replicas first by id
	instances [][]*node // by member: one for an honest one, 0 to 2 for a Byzantine one
	adversary *adversary
	oracle    *oracle
	witness   *witness
	stage     *Stage // manual control, or nil

	queue       queue
	order       uint64
	now         int64
	healed      bool
	cut         [][]bool // cut[from][to]: the link is down
	omitKey     uint64
	nextPayload int64
	payloads    uint64
	bodies      map[pbft.Digest][]byte // payloads that recipes describe
	waiting     []*transaction
	resumedUs   int64 // when work went on after the faults
	boundaries  int
	dark        bool   // the power has failed everywhere
	starts      uint64 // of processes, for their nonces

	trace   tracer
	counts  Counts
	stopped bool
}

// newCluster builds the committee and starts every engine; nothing is scheduled.
func newCluster(seed uint64, opt *Options, p plan, rng *rand.Rand) (*cluster, error) {
	c := &cluster{opt: opt, plan: p, rng: rng, later: rand.New(rand.NewPCG(seed, 0xd41e)),
		omitKey: rng.Uint64(), bodies: make(map[pbft.Digest][]byte)}
	c.trace.w = opt.Trace
	keys, signers, scheme := keyring(p.shape.Members, p.ed25519)
	c.sign, c.scheme = signers, scheme
	make := pbft.NewCommittee
	if opt.Committee != nil {
		make = opt.Committee
	}
	chain := pbft.Digest(sha256.Sum256([]byte(fmt.Sprintf("chain of seed %d", seed))))
	var err error
	if c.committee, err = make(chain, 0, keys, p.parameters); err != nil {
		return nil, fmt.Errorf("make the committee: %w", err)
	}
	c.genesis = c.committee.GenesisHeader(genesisRoot, epochMs-1000)
	c.oracle, c.witness = newOracle(c), newWitness(c)
	if err := c.startAll(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *cluster) startAll() error {
	n := c.plan.shape.Members
	c.instances = make([][]*node, n)
	c.cut = make([][]bool, n)
	for i := range n {
		c.cut[i] = make([]bool, n)
		if !c.plan.byzantine[i] {
			c.addNode(pbft.ReplicaID(i), true)
		}
	}
	for i := range n {
		if !c.plan.byzantine[i] || c.plan.behaviour&(Twins|Masked|Censor|Slow|Corrupt) == 0 {
			continue
		}
		c.addNode(pbft.ReplicaID(i), false)
		if c.plan.behaviour&Twins != 0 {
			c.addNode(pbft.ReplicaID(i), false)
		}
	}
	c.adversary = newAdversary(c)
	for _, x := range c.nodes {
		if err := c.boot(x); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) addNode(id pbft.ReplicaID, honest bool) {
	x := &node{id: id, index: len(c.nodes), honest: honest, mask: ^uint64(0)}
	c.nodes = append(c.nodes, x)
	c.instances[id] = append(c.instances[id], x)
}

// schedule puts e into the queue, delay microseconds from now.
func (c *cluster) schedule(delay int64, e event) {
	e.at, e.order = c.now+delay, c.order
	c.order++
	c.queue.push(e)
}

// uniform draws from 0 to most.
func (c *cluster) uniform(most int64) int64 {
	if most <= 0 {
		return 0
	}
	return c.rng.Int64N(most + 1)
}

// chance is true once in 1000/permille draws.
func (c *cluster) chance(permille int) bool { return permille > 0 && c.rng.IntN(1000) < permille }

// start schedules the recurring events.
func (c *cluster) start() {
	for _, x := range c.nodes {
		c.schedule(c.uniform(tickUs), event{kind: eventTick, node: x.index})
	}
	if c.plan.partitionUs > 0 {
		c.schedule(c.uniform(2*c.plan.partitionUs), event{kind: eventNetwork})
	}
	if c.plan.clockUs > 0 {
		c.schedule(c.uniform(2*c.plan.clockUs), event{kind: eventClock})
	}
	if c.adversary.active() {
		c.schedule(c.uniform(tickUs), event{kind: eventAdversary})
	}
}

// runUntil plays events up to a virtual time, or until done says so.
func (c *cluster) runUntil(until int64, done func() bool) {
	for len(c.queue) > 0 && !c.stopped {
		if c.queue[0].at > until {
			c.now = until
			return
		}
		e := c.queue.pop()
		c.now = e.at
		c.counts.Events++
		if c.counts.Events > eventsMax {
			c.fail("bounded", "no end after %d events", eventsMax)
			return
		}
		c.play(&e)
		if e.kind == eventTick && done != nil && done() {
			return
		}
	}
}

func (c *cluster) play(e *event) {
	c.trace.mix(uint64(e.at)<<8|uint64(e.kind), uint64(e.node)<<16|uint64(e.from))
	switch e.kind {
	case eventNetwork:
		c.changeCut()
		return
	case eventClock:
		c.jumpClock()
		return
	case eventAdversary:
		c.adversary.step()
		c.schedule(tickUs, event{kind: eventAdversary})
		return
	case eventTick:
		c.tick(c.nodes[e.node])
		return
	case eventRestart:
		if x := c.nodes[e.node]; x.engine == nil {
			c.restart(x)
		}
		return
	}
	x := c.nodes[e.node]
	if x.engine == nil || e.kind != eventMessage && x.incarnation != e.incarnation {
		return
	}
	switch e.kind {
	case eventMessage:
		c.receive(x, e)
	case eventCheck:
		x.driver.Checked(e.digest, e.valid)
		c.turn(x)
	case eventAssembled:
		c.assembled(x, e)
		c.turn(x)
	case eventWake:
		if x.wakeUs == c.now {
			x.wakeUs = 0
		}
		c.turn(x)
	case eventExecute:
		c.executeNext(x)
		c.turn(x)
	case eventSynced:
		x.synced = e.height
		x.driver.Synced(pbft.Seq(e.height))
		c.turn(x)
	}
}

// heal ends every fault that is not Byzantine.
func (c *cluster) heal() {
	c.healed = true
	for i := range c.oracle.histories {
		c.oracle.healedView = max(c.oracle.healedView, c.oracle.histories[i].newest)
	}
	for i := range c.cut {
		clear(c.cut[i])
	}
	precision := int64(c.committee.Parameters().PrecisionMs)
	for _, x := range c.nodes {
		x.clockMs = c.uniform(precision/2) - precision/4
		if x.engine == nil {
			c.schedule(c.uniform(50_000), event{kind: eventRestart, node: x.index})
			continue
		}
		for to := range c.committee.Size() {
			if pbft.ReplicaID(to) != x.id {
				x.driver.Connected(pbft.ReplicaID(to))
			}
		}
		c.turn(x)
	}
}

// honestCommitted returns the lowest and highest committed sequence number of
// the honest replicas.
func (c *cluster) honestCommitted() (low, high pbft.Seq) {
	low = ^pbft.Seq(0)
	for _, x := range c.nodes {
		if x.honest {
			low, high = min(low, x.committed), max(high, x.committed)
		}
	}
	return low, high
}

// jumpClock moves the clock of one replica, seldom far back. A clock far ahead is
// a fault of its replica: what it proposes cannot be voted for until its time.
func (c *cluster) jumpClock() {
	if c.healed {
		return
	}
	x := c.nodes[c.rng.IntN(len(c.nodes))]
	x.clockMs = pick[int64](c.rng, 0, 100, -100, 400, -400, 3_000, -3_000, -86_400_000)
	c.trace.line(c.now, "r%d clock %+d ms", x.id, x.clockMs)
	c.schedule(c.uniform(2*c.plan.clockUs), event{kind: eventClock})
}

// Violation is a broken promise that an oracle saw.
type Violation struct {
	Rule   string
	AtUs   int64
	Detail string
}

// String is the violation in one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s at %.3f ms: %s", v.Rule, float64(v.AtUs)/1000, v.Detail)
}

// fail records a violation and ends the run.
func (c *cluster) fail(rule, format string, args ...any) {
	if c.opt.Rules != nil && !slices.Contains(c.opt.Rules, rule) {
		return
	}
	v := Violation{Rule: rule, AtUs: c.now, Detail: fmt.Sprintf(format, args...)}
	c.oracle.violations = append(c.oracle.violations, v)
	c.trace.line(c.now, "VIOLATION %s: %s", v.Rule, v.Detail)
	c.stopped = true
}
