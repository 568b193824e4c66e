package pbfttest

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/dualpath"
)

// EpochOptions are of one run of RunEpochs. The same ones give the same run.
type EpochOptions struct {
	Seed uint64
	// New makes engines, and Member members; nil: those that ship.
	New    func(pbft.Config, []pbft.Record) (pbft.Engine, error)
	Member func(driver.MemberConfig, []pbft.Record) (*driver.Member, error)
	// CrashAt crashes machine 1 at its crash point of that number, from 1, counted from
	// when a set is staged there until the first checkpoint of the next epoch; 0: chance
	// decides.
	CrashAt int
}

// EpochReport says what a run came to.
type EpochReport struct {
	Violation string // of agreement, of a key's word, or of progress; "" if none
	Epochs    int    // begun by every machine that has a seat in the last
	Points    int    // crash points of machine 1 that CrashAt can name
	Crashes   int
	Closings  int // ends by a closing block
}

// Sizes of the runs. The gap between two changes is short, so that a run has many borders.
const (
	epochGap     = 10 // slots from an epoch's first to the staging of the next set
	epochsMax    = 4
	epochEndUs   = 60_000_000
	epochCalmUs  = 4_000_000 // from when on nothing is lost and nobody crashes
	epochLossPer = 8         // one message in so many is lost before
)

// epochRun is a chain whose members change: machines with a key each, which have a seat in
// some epochs. Each is the member that ships, over a log and a store that survive its
// crashes; what is not durable does not.
type epochRun struct {
	opt      EpochOptions
	rng      *rand.Rand
	chain    pbft.Digest
	bodies   []*pbft.SetBody // by epoch
	first    *pbft.Committee
	genesis  pbft.Header
	machines []*machine
	queue    epochQueue
	sequence int
	now      int64 // microseconds
	report   EpochReport
	blocks   map[pbft.Seq]pbft.Digest // what was executed by anybody
	proofs   map[pbft.Epoch]pbft.Digest
	votes    map[epochVote]pbft.Digest
	sees     *epochWatch
}

// epochVote is a position in which a key may say one thing only.
type epochVote struct {
	key   pbft.PublicKey
	kind  pbft.Kind
	epoch pbft.Epoch
	view  pbft.View
	seq   pbft.Seq
}

// machine is a key with its disk.
type machine struct {
	run    *epochRun
	index  int
	key    pbft.PublicKey
	member *driver.Member // nil while down
	life   int
	log    []pbft.Record
	frames uint64
	store  epochDisk
	queued []pbft.CommittedBlock
}

// epochDisk is what a machine has executed, with how epochs ended.
type epochDisk struct {
	x      *machine
	blocks []driver.Stored
	ends   []*pbft.EpochProof
	// Of the state after the last block: the running epoch, its first height, and the next
	// set with the height from which on it is there.
	epoch pbft.Epoch
	from  pbft.Seq
	next  *pbft.NextSet
}

// Height implements driver.Store.
func (s *epochDisk) Height() pbft.Seq { return pbft.Seq(len(s.blocks)) }

// Block implements driver.Store.
func (s *epochDisk) Block(seq pbft.Seq) (driver.Stored, bool, error) {
	if seq < 1 || int(seq) > len(s.blocks) {
		return driver.Stored{}, false, nil
	}
	b := s.blocks[seq-1]
	if b.Certificate == nil && b.Block.Header.Boundary() {
		if p, _ := s.Ended(b.Block.Header.Epoch); p != nil {
			b.Certificate = p.Certificate
		}
	}
	return b, true, nil
}

// Header implements driver.Store.
func (s *epochDisk) Header(seq pbft.Seq) (driver.Stored, bool, error) { return s.Block(seq) }

// Ended implements driver.EpochStore.
func (s *epochDisk) Ended(e pbft.Epoch) (*pbft.EpochProof, error) {
	if int(e) < len(s.ends) {
		return s.ends[e], nil
	}
	return nil, nil
}

// Next implements driver.EpochStore.
func (s *epochDisk) Next() []byte {
	if s.next == nil {
		return nil
	}
	return s.next.Encode()
}

// RunEpochs plays a chain over some changes of its members: swaps, one more, one less, with
// losses, delays and crashes, and says what went wrong.
func RunEpochs(opt EpochOptions) EpochReport {
	r := newEpochRun(opt)
	for r.report.Violation == "" && r.now < epochEndUs && !r.done() && len(r.queue) > 0 {
		e := heap.Pop(&r.queue).(epochEvent)
		r.now = e.at
		e.do()
	}
	if r.report.Violation == "" && !r.done() {
		r.fail("no progress: %s", r.standing())
	}
	return r.report
}

func newEpochRun(opt EpochOptions) *epochRun {
	r := &epochRun{opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 7)), chain: pbft.Digest{byte(opt.Seed), 3},
		blocks: make(map[pbft.Seq]pbft.Digest), proofs: make(map[pbft.Epoch]pbft.Digest),
		votes: make(map[epochVote]pbft.Digest)}
	if r.opt.New == nil {
		r.opt.New = func(c pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(c, log) }
	}
	if r.opt.Member == nil {
		r.opt.Member = driver.NewMember
	}
	r.plan()
	r.sees = &epochWatch{r: r}
	var err error
	if r.first, err = pbft.NewCommitteeFromBody(r.chain, r.bodies[0]); err != nil {
		panic(err)
	}
	r.genesis = r.first.GenesisHeader(genesisRoot, 1)
	for _, x := range r.machines {
		x.store.x = x
		if _, ok := r.first.Find(x.key); ok {
			r.boot(x)
		}
	}
	r.schedule(1000, r.tick)
	return r
}

// plan draws the sets: each differs from the one before by a swap, by one more or one less.
func (r *epochRun) plan() {
	key := func() pbft.PublicKey {
		i := len(r.machines)
		k := pbft.PublicKey{byte(i + 1), byte(r.opt.Seed), byte(r.opt.Seed >> 8), 9}
		r.machines = append(r.machines, &machine{run: r, index: i, key: k})
		return k
	}
	p := pbft.Parameters{Faults: 1, FastFaults: r.rng.IntN(2), Window: 8, Tenure: uint64(16 + r.rng.IntN(40)),
		CheckpointInterval: 16, ExecutionLag: uint64(1 + r.rng.IntN(3)), PrecisionMs: 500, DelayMs: 60_000,
		PayloadBytesMax: pbft.PayloadBytesLow}
	b := &pbft.SetBody{Parameters: p}
	for i := range 4 + r.rng.IntN(2) {
		b.Seats = append(b.Seats, pbft.Seat{Member: uint16(10 * (i + 1)), Key: key()})
	}
	r.bodies = append(r.bodies, b)
	for e := 1; e <= epochsMax; e++ {
		n := *b
		n.Epoch, n.Seats, n.Skips = pbft.Epoch(e), slices.Clone(b.Seats), nil
		switch how := r.rng.IntN(4); {
		case how == 0 && len(n.Seats) == 4: // one more
			n.Seats = append(n.Seats, pbft.Seat{Member: n.Seats[3].Member + 1, Key: key()})
		case how == 0: // one less
			i := r.rng.IntN(len(n.Seats))
			n.Seats = slices.Delete(n.Seats, i, i+1)
		case how == 1: // nobody, other numbers
			n.Parameters.FastFaults = 1 - n.Parameters.FastFaults
			n.Skips = []pbft.ReplicaID{pbft.ReplicaID(r.rng.IntN(len(n.Seats)))}
		default: // a swap
			n.Seats[r.rng.IntN(len(n.Seats))].Key = key()
		}
		if err := pbft.CheckChange(b, &n); err != nil {
			panic(err)
		}
		r.bodies, b = append(r.bodies, &n), &n
	}
}

// epochEvent happens at a time; those of one time in the order in which they were scheduled.
type epochEvent struct {
	at       int64
	sequence int
	do       func()
}

type epochQueue []epochEvent

func (q epochQueue) Len() int { return len(q) }
func (q epochQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].sequence < q[j].sequence
}
func (q epochQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *epochQueue) Push(x any) { *q = append(*q, x.(epochEvent)) }

// Pop implements heap.Interface.
func (q *epochQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (r *epochRun) schedule(afterUs int64, do func()) {
	r.sequence++
	heap.Push(&r.queue, epochEvent{r.now + afterUs, r.sequence, do})
}

func (r *epochRun) fail(format string, args ...any) {
	if r.report.Violation == "" {
		r.report.Violation = fmt.Sprintf("seed %d, %d us: ", r.opt.Seed, r.now) + fmt.Sprintf(format, args...)
	}
}

func (r *epochRun) time() driver.Time {
	return driver.Time{Ns: r.now * 1000, ClockMs: uint64(1_000_000 + r.now/1000)}
}

// boot starts a machine over its disk.
func (r *epochRun) boot(x *machine) {
	x.life++
	x.queued = nil
	cfg := driver.MemberConfig{Key: x.key, Config: driver.Config{
		New: r.opt.New, Store: &x.store, Pool: epochPool{x}, Batching: always, LogBytesMax: 1 << 40,
		Start: &driver.Start{Frames: x.frames},
		Engine: pbft.Config{Committee: r.first, Genesis: r.genesis, Scheme: stubScheme{}, PayloadRoot: payloadRoot,
			Recall: x.life > 1,
			Sign:   func(m []byte) pbft.Signature { return stubSignature(&x.key, m) }}}}
	binary.LittleEndian.PutUint64(cfg.Start.Nonce[:], uint64(x.index)<<32|uint64(x.life))
	m, err := r.opt.Member(cfg, slices.Clone(x.log))
	if err != nil {
		r.fail("machine %d does not start: %v", x.index, err)
		return
	}
	x.member = m
	for _, y := range r.machines {
		if y != x && y.member != nil {
			m.Connected(y.key)
			y.member.Connected(x.key)
		}
	}
	x.turn()
}

func (r *epochRun) crash(x *machine) {
	r.report.Crashes++
	x.member = nil
	r.schedule(int64(50_000+r.rng.IntN(400_000)), func() { r.boot(x) })
}

// tick lets time pass for everybody, and those join whose epoch has come: a joiner copies
// the state at the border from who stands there.
func (r *epochRun) tick() {
	for _, x := range r.machines {
		if x.member != nil {
			x.member.Tick(r.time())
			x.turn()
		} else if x.life == 0 {
			r.join(x)
		}
	}
	r.schedule(10_000, r.tick)
}

func (r *epochRun) join(x *machine) {
	for _, y := range r.machines {
		s := &y.store
		if y.life == 0 || s.epochOf(x.key) < 0 {
			continue
		}
		at := s.epochOf(x.key)
		end := s.ends[at-1]
		x.store = epochDisk{x: x}
		for _, b := range s.blocks[:end.Boundary.Seq] {
			x.store.apply(b)
		}
		x.store.ends = slices.Clone(s.ends[:at])
		r.boot(x)
		return
	}
}

// epochOf returns the first epoch of a key that has begun in a store, -1 if there is none.
func (s *epochDisk) epochOf(key pbft.PublicKey) int {
	for e := 1; e <= len(s.ends); e++ {
		has := slices.ContainsFunc(s.x.run.bodies[e].Seats, func(k pbft.Seat) bool { return k.Key == key })
		if p := s.ends[e-1]; has && p != nil && s.Height() >= p.Boundary.Seq {
			return e
		}
	}
	return -1
}

// apply executes a block: what follows from it for the sets, as a ledger does it.
func (s *epochDisk) apply(b driver.Stored) {
	h := &b.Block.Header
	prev := genesisRoot
	if n := len(s.blocks); n > 0 {
		prev = s.blocks[n-1].StateRoot
	}
	b.StateRoot, b.ReceiptRoot = execute(prev, b.Block.Payload)
	s.blocks = append(s.blocks, b)
	if h.Epoch == s.epoch+1 { // promotion, before anything else
		s.epoch, s.from, s.next = h.Epoch, h.Seq, nil
	}
	if s.next == nil && h.Seq >= s.from+epochGap && int(s.epoch) < epochsMax {
		s.next = &pbft.NextSet{At: h.Seq, Body: *s.x.run.bodies[s.epoch+1]}
	}
}

// done reports whether all who have a seat in the last epoch have begun it, with a block.
func (r *epochRun) done() bool {
	for _, s := range r.bodies[epochsMax].Seats {
		for _, x := range r.machines {
			if x.key == s.Key && (x.member == nil || x.store.epoch != epochsMax) {
				return false
			}
		}
	}
	r.report.Epochs = epochsMax
	return true
}

func (r *epochRun) standing() (s string) {
	for _, x := range r.machines {
		s += fmt.Sprintf("[%d: life %d, height %d, epoch %d", x.index, x.life, x.store.Height(), x.store.epoch)
		if x.member != nil && x.member.Running() != nil {
			st := x.member.Running().Status()
			s += fmt.Sprintf(", %v view %d/%d committed %d", st.Condition, st.View, st.ViewChanged, st.Committed.Seq)
		}
		s += "]"
	}
	return s
}

// epochPool has always something to order, now and then.
type epochPool struct{ x *machine }

// Size implements driver.Pool.
func (p epochPool) Size() (txs, free, freeBytes int) { return 1, 1, 1 }

// Payload implements driver.Pool.
func (p epochPool) Payload(pbft.View, int, int) (driver.Payload, bool) {
	b := binary.LittleEndian.AppendUint64([]byte{1, byte(p.x.index)}, p.x.run.rng.Uint64())
	return driver.Payload{Bytes: b, Root: payloadRoot(b), Txs: 1}, true
}

// Proposed implements driver.Pool.
func (epochPool) Proposed(bool) {}
