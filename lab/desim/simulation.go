package desim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/pbft"
)

// simulation is one run. Everything in it happens on one goroutine, in the order
// of its queue.
type simulation struct {
	cfg       *Config
	committee *pbft.Committee
	genesis   pbft.Header
	newEngine func(pbft.Config, []pbft.Record) (pbft.Engine, error)

	now    int64
	queue  queue
	events int64
	fromNs int64 // of the measured interval
	endNs  int64 // of the load, and of the measured interval
	failed error

	// rng draws what the network and the disks do, arrivals when clients come:
	// what one of them does leaves the other's draws alone.
	rng, arrivals *rand.Rand

	members   []*member
	clients   *clients
	batches   map[pbft.Digest]*batch // by payload root; looked up only
	zeroes    []byte
	keepsLogs bool
	crashes   bool
	waitingAt [][]int32 // by member: transactions whose clients talk to it

	samples []Sample
	refused int
	rows    []*blockState // by Seq-1
	topView pbft.View
	tally   tally
}

// blockState is what is known of one position.
type blockState struct {
	row      BlockRow
	digest   pbft.Digest
	state    pbft.Digest
	executed int
	fresh    int // transactions that no earlier block has
	decided  bool
}

func newSimulation(cfg *Config) (*simulation, error) {
	s := &simulation{cfg: cfg, newEngine: factory(cfg), batches: make(map[pbft.Digest]*batch),
		rng: rand.New(rand.NewPCG(cfg.Seed, 1)), arrivals: rand.New(rand.NewPCG(cfg.Seed, 2)),
		fromNs: cfg.WarmupMs * 1_000_000, endNs: cfg.DurationMs * 1_000_000,
		waitingAt: make([][]int32, cfg.N), topView: 1}
	for _, f := range cfg.Faults {
		s.keepsLogs = s.keepsLogs || f.Kind == Restart
		s.crashes = s.crashes || f.Kind == Crash || f.Kind == CrashPrimary
	}
	keys := make([]pbft.PublicKey, cfg.N)
	for i := range keys {
		binary.BigEndian.PutUint64(keys[i][:], uint64(i+1))
	}
	protocol, err := pbft.ParseProtocol(cfg.Engine)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	s.committee, err = pbft.NewCommittee(pbft.Digest{1}, 0, keys, pbft.Parameters{Faults: cfg.F, FastFaults: cfg.P,
		Window: uint64(cfg.Window), Tenure: uint64(cfg.Tenure), Protocol: protocol,
		CheckpointInterval: uint64(cfg.CheckpointInterval)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	s.genesis = s.committee.GenesisHeader(pbft.Digest{2}, epochMs-1000)
	s.clients = &clients{s: s, gateways: cfg.Load.Gateways}
	if len(s.clients.gateways) == 0 {
		for i := range cfg.N {
			s.clients.gateways = append(s.clients.gateways, i)
		}
	}
	return s, s.start()
}

// start makes and boots the members.
func (s *simulation) start() error {
	shared := &processor{s: s, cores: s.cfg.Cores}
	sharedDisk := &disk{}
	for i := range s.cfg.N {
		m := &member{s: s, id: pbft.ReplicaID(i), processor: shared, disk: sharedDisk}
		if !s.cfg.SharedHost {
			m.processor, m.disk = &processor{s: s, cores: s.cfg.Cores}, &disk{}
		}
		for lane := range m.lastAt {
			m.lastAt[lane] = make([]int64, s.cfg.N)
		}
		s.members = append(s.members, m)
		if err := m.boot(); err != nil {
			return fmt.Errorf("start member %d: %w", i, err)
		}
	}
	for _, m := range s.members {
		for _, x := range s.members {
			if x != m {
				m.linkLanes(x.id, true)
			}
		}
	}
	for _, m := range s.members {
		s.after(s.rng.Int64N(tickNs), func() { s.tick(m) })
		s.after(s.rng.Int64N(repeatPeriodNs), func() { s.keepHouse(m) })
		s.after(0, m.wakeUp)
	}
	for i := range s.cfg.Faults {
		f := &s.cfg.Faults[i]
		s.after(f.AtMs*1_000_000, func() { s.strike(f) })
	}
	s.after(s.fromNs, func() { s.mark(&s.tally.from) })
	s.after(s.endNs, func() { s.mark(&s.tally.until) })
	s.clients.begin()
	return nil
}

// wakeUp begins the first turn after a start.
func (m *member) wakeUp() {
	m.arrived = true
	m.wake()
}

// after schedules do.
func (s *simulation) after(delayNs int64, do func()) {
	s.queue.push(event{at: s.now + delayNs, do: do})
}

// run plays events until nothing of interest can come.
func (s *simulation) run() {
	stopNs := s.endNs + s.cfg.DrainMs*1_000_000
	for len(s.queue.events) > 0 && s.failed == nil {
		e := s.queue.pop()
		if e.at > stopNs || e.at > s.endNs && s.clients.open == 0 {
			return
		}
		s.now = e.at
		s.events++
		if e.do != nil {
			e.do()
		} else {
			s.arrive(&e)
		}
	}
}

func (s *simulation) tick(m *member) {
	s.after(tickNs, func() { s.tick(m) })
	if m.engine != nil {
		m.ticks++
		m.wake()
	}
}

func (s *simulation) keepHouse(m *member) {
	s.after(repeatPeriodNs, func() { s.keepHouse(m) })
	if m.engine != nil {
		m.pool.keepHouse()
	}
}

// each calls f with the addressees of a message of m.
func (s *simulation) each(m *member, to pbft.ReplicaID, f func(to int)) {
	if to != pbft.Everyone {
		f(int(to))
		return
	}
	for id := range s.cfg.N {
		if id != int(m.id) {
			f(id)
		}
	}
}

// payload returns a payload of a size; its content does not matter.
func (s *simulation) payload(size int) []byte {
	if len(s.zeroes) < size {
		s.zeroes = make([]byte, max(size, 1<<20))
	}
	return s.zeroes[:size:size]
}

// batchNs is the cost of checking k signatures that came together.
func (s *simulation) batchNs(k int) int64 {
	if s.cfg.Without.BatchVerify {
		return int64(k) * s.cfg.Costs.VerifyNs
	}
	return s.cfg.Costs.batchNs(k)
}

// blockCommitted notes that m committed a block.
func (s *simulation) blockCommitted(m *member, e *pbft.Event) {
	m.commitAt[e.Block.Seq] = s.now
	if m.byzantine {
		return
	}
	x := s.position(e.Block.Seq)
	if x.row.FirstCommittedNs == 0 {
		x.row.FirstCommittedNs = s.now
		s.tally.gap(s.now)
	}
	measured := s.now >= s.fromNs && s.now < s.endNs
	switch pbft.CertificateKind(e.Detail) {
	case pbft.CommittedFast:
		x.row.Fast++
		s.tally.fast += count(measured)
	case pbft.CommittedSlow:
		x.row.Slow++
		s.tally.slow += count(measured)
	default:
		x.row.Ancestor++
		s.tally.ancestor += count(measured)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (s *simulation) position(seq pbft.Seq) *blockState {
	for len(s.rows) < int(seq) {
		s.rows = append(s.rows, &blockState{row: BlockRow{Seq: uint64(len(s.rows) + 1)}})
	}
	return s.rows[seq-1]
}

// blockExecuted notes that m executed a block, and compares it with what others
// have at that position.
func (s *simulation) blockExecuted(m *member, x *executed, b *batch) {
	if m.byzantine {
		return
	}
	h := &x.block.Header
	p := s.position(h.Seq)
	if p.executed == 0 {
		p.digest, p.state = x.digest, x.state
		s.firstExecuted(p, h, b)
	} else if p.digest != x.digest || p.state != x.state {
		s.diverge("member %d has another block than others at height %d", m.id, h.Seq)
	}
	if p.executed++; p.executed >= s.committee.Quorum() && !p.decided {
		p.decided = true
		p.row.QuorumExecutedNs = s.now
		if s.now >= s.fromNs && s.now < s.endNs {
			s.tally.committed += p.fresh
			s.tally.blocks++
			s.tally.empty += count(b == nil)
		}
	}
}

func (s *simulation) firstExecuted(p *blockState, h *pbft.Header, b *batch) {
	p.row.View, p.row.Armed, p.row.Bytes = uint64(h.View), h.Armed(), int(h.PayloadBytes)
	if b == nil {
		return
	}
	p.row.Txs, p.row.ProposedNs = len(b.txs), b.proposedAt
	for _, tx := range b.txs {
		if t := &s.samples[tx]; t.Seq == 0 {
			t.Seq, t.ProposedNs = uint64(h.Seq), b.proposedAt
			p.fresh++
		}
	}
}

func (s *simulation) diverge(format string, args ...any) {
	if s.tally.diverged == "" {
		s.tally.diverged = fmt.Sprintf(format, args...)
	}
}

// kindName names a frame for the counts.
func kindName(f *frame) string {
	if f.push != nil {
		return f.push.Kind().String()
	}
	if f.message == nil {
		return "transactions"
	}
	return f.message.Kind().String()
}

// count adds copies of a frame to the counts.
func (s *simulation) count(f *frame, copies int64) {
	t := &s.tally
	name := kindName(f)
	i, ok := slices.BinarySearchFunc(t.kinds, name, func(k KindCount, n string) int {
		return strings.Compare(k.Kind, n)
	})
	if !ok {
		t.kinds = slices.Insert(t.kinds, i, KindCount{Kind: name})
	}
	t.kinds[i].Count += copies
	t.kinds[i].Bytes += copies * int64(f.size)
	if name == "suspect" || strings.HasSuffix(name, "view-change") || strings.HasSuffix(name, "new-view") {
		t.viewChangeMessages += copies
		t.viewChangeBytes += copies * int64(f.size)
	}
	if p, ok := f.message.(*pbft.PrePrepare); ok && p.Entry != nil {
		t.viewChangeBytes += copies * int64(messageBytes(p.Entry))
	}
}
