package conduct

import (
	"math/rand/v2"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// play is a monitor of four members, one of them faulty, with a network around it: blocks
// come when the test says so, and something is always eligible unless it says otherwise.
type play struct {
	t   *testing.T
	m   *Monitor
	now uint64
	seq pbft.Seq
	w   pbft.Waiting
	// eligible is since when something waits; 0 = nothing does.
	eligible uint64
}

func newPlay(t *testing.T) *play {
	keys := []pbft.PublicKey{{1}, {2}, {3}, {4}}
	com, err := pbft.NewCommittee(pbft.Digest{}, 0, keys, pbft.Parameters{Faults: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &play{t: t, m: New(com), eligible: 1}
}

// pass lets ticks go by.
func (p *play) pass(ticks uint64) {
	for range ticks {
		p.now++
		if p.w.EligibleTicks = 0; p.eligible != 0 && p.now >= p.eligible {
			p.w.EligibleTicks = uint32(p.now - p.eligible + 1)
		}
		p.m.Tick(p.now, p.w)
	}
}

func (p *play) enter(primary pbft.ReplicaID) { p.m.Enter(p.now, primary, false, p.seq, 10) }

// blocks lets so many come, each after so many ticks, certified after cert.
func (p *play) blocks(n int, gap, cert uint64, bytes uint32) {
	for range n {
		p.pass(gap)
		p.block(bytes, p.seq)
		p.m.Certified(p.now, cert)
		p.m.Committed(uint64(bytes))
	}
}

// block lets the next come, which names the state of exec.
func (p *play) block(bytes uint32, exec pbft.Seq) {
	p.seq++
	h := pbft.Header{Seq: p.seq, PayloadBytes: bytes, ExecSeq: exec}
	p.m.Block(p.now, &h, p.seq-1, true, true)
}

// late lets the next block come, with a body that something of others held up or not.
func (p *play) late(fair bool) {
	p.seq++
	p.m.Block(p.now, &pbft.Header{Seq: p.seq, ExecSeq: p.seq - 1}, p.seq-1, true, fair)
}

// tenures lets members 0 and 1 lead, at a given gap between blocks, and begins the view of
// member 2.
func (p *play) tenures(gap, cert uint64, bytes uint32) {
	for id := pbft.ReplicaID(0); id < 2; id++ {
		p.enter(id)
		p.blocks(200, gap, cert, bytes)
		p.m.Leave(p.now, 0)
	}
	p.enter(2)
}

func (p *play) expect(what string, want pbft.Judgement) {
	p.t.Helper()
	if got := p.m.Judge(p.now); got != want {
		p.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// R11.4(a): at the bar nobody is slow, a tick above it one is: the bar is SLO_wait, three
// times what others take, or without others four times SLO_wait.
func TestLateBlocks(t *testing.T) {
	for name, x := range map[string]struct {
		others, bar uint64
	}{
		"others are fast":           {5, 30},
		"others take two thirds":    {20, 60},
		"there was nobody else yet": {0, 120},
	} {
		for _, over := range []uint64{0, 1} {
			p := newPlay(t)
			p.pass(600)
			if x.others != 0 {
				p.tenures(x.others, 2, 0)
			} else {
				p.enter(2)
			}
			p.blocks(60, x.bar+over, 2, 0)
			p.expect(name, [...]pbft.Judgement{pbft.Fair, pbft.LateBlocks}[over])
		}
	}
}

// A wait counts from when something could be in the block, not before: an idle primary is
// not slow. What held a body up that was not the primary's, or a window that was full, is
// no sample either.
func TestWaitsThatAreNone(t *testing.T) {
	for name, play := range map[string]func(p *play){
		"nothing is eligible": func(p *play) { p.eligible = 0; p.blocks(60, 100, 2, 0) },
		"it became eligible just now": func(p *play) {
			for range 60 {
				p.eligible = p.now + 95
				p.blocks(1, 100, 2, 0)
			}
		},
		"others' batches held bodies up for a second, now and then": func(p *play) {
			for range 5 {
				for range 3 {
					p.pass(33)
					p.late(false)
				}
				p.blocks(190, 5, 2, 0)
			}
		},
		"the window was full": func(p *play) {
			for range 60 {
				p.pass(100)
				p.seq++
				p.m.Block(p.now, &pbft.Header{Seq: p.seq}, p.seq-1, false, true)
			}
		},
		"the block before is not here": func(p *play) {
			for range 60 {
				p.pass(100)
				p.seq += 2
				p.m.Block(p.now, &pbft.Header{Seq: p.seq}, p.seq-1, true, true)
			}
		},
	} {
		p := newPlay(t)
		p.pass(600)
		p.tenures(5, 2, 0)
		play(p)
		p.expect(name, pbft.Fair)
		p.eligible = 1
		p.blocks(140, 31, 2, 0)
		p.expect(name+", but then blocks are late", pbft.LateBlocks)
	}
}

// A primary that lets others' batches hold its blocks up for longer should carry them.
func TestExcusesEnd(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.tenures(5, 2, 0)
	for range 60 {
		p.pass(33)
		p.late(false)
	}
	p.expect("excused for a second of ten", pbft.LateBlocks)
}

// Nobody judges itself, but own views that others call slow are in the row.
func TestOwnViews(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.tenures(20, 2, 0)
	p.m.Leave(p.now, 0)
	p.m.Enter(p.now, 3, true, p.seq, 10)
	p.blocks(140, 400, 2, 0)
	p.expect("its own", pbft.Fair)
	p.m.Leave(p.now, 2)
	p.enter(2)
	p.blocks(60, 120, 2, 0)
	p.expect("twice the bar", pbft.Fair)
}

// A step from empty to full blocks is taken off at the rate of others; saving up is not.
func TestLargeBlocksTakeTheirTime(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.w.Backlog = true
	p.tenures(10, 2, 100_000) // 2 MB in 200 ticks
	p.blocks(60, 100, 2, 1_000_000)
	p.expect("a megabyte a second at the rate of others", pbft.Fair)
	p = newPlay(t)
	p.pass(600)
	p.w.Backlog = true
	p.tenures(5, 2, 100_000) // 4 MB in 200 ticks
	p.blocks(60, 100, 2, 1_000_000)
	p.expect("a megabyte a second, saved up", pbft.LateBlocks)
}

// R11.4(b): the same of certificates; without others there is no bar.
func TestLateCertificates(t *testing.T) {
	for _, x := range []struct {
		others, cert uint64
		want         pbft.Judgement
	}{
		{2, 50, pbft.Fair}, {2, 51, pbft.LateCertificates}, {40, 120, pbft.Fair}, {40, 121, pbft.LateCertificates},
	} {
		p := newPlay(t)
		p.pass(600)
		p.tenures(5, x.others, 0)
		p.blocks(140, 5, x.cert, 0)
		p.expect("certificates", x.want)
	}
	p := newPlay(t)
	p.pass(600)
	p.enter(2)
	p.blocks(140, 5, 1000, 0)
	p.expect("nobody to compare with", pbft.Fair)
}

// R11.4(c): half of others' rate is demanded at the end of grace, and up to four fifths
// later; it is low for ten seconds then, and only while there is a backlog.
func TestLowRate(t *testing.T) {
	const bytes = 20_000 // each tick
	for _, x := range []struct {
		name    string
		ticks   int
		bytes   uint32
		backlog bool
		want    pbft.Judgement
	}{
		{"less than half, for less than ten seconds", 1100, bytes/2 - 1, true, pbft.Fair},
		{"less than half for ten seconds", 1201, bytes/2 - 1, true, pbft.LowRate},
		{"half, as long", 1201, bytes / 2, true, pbft.Fair},
		{"half a little later", 1600, bytes / 2, true, pbft.LowRate},
		{"four fifths for ever", 9000, bytes * 4 / 5, true, pbft.Fair},
		{"less than that in the end", 9000, bytes*4/5 - 1, true, pbft.LowRate},
		{"nothing waits", 9000, 10, false, pbft.Fair},
	} {
		p := newPlay(t)
		p.pass(600)
		p.w.Backlog = true
		for id := pbft.ReplicaID(0); id < 2; id++ {
			p.enter(id)
			p.blocks(1000, 1, 1, bytes)
			p.m.Leave(p.now, 0)
		}
		p.enter(2)
		p.w.Backlog = x.backlog
		p.blocks(x.ticks, 1, 1, x.bytes)
		p.expect(x.name, x.want)
	}
}

// R11.4(d): 64 headers in a row that name a state of more than two windows and the lag ago.
func TestStateTrails(t *testing.T) {
	for _, x := range []struct {
		blocks int
		behind pbft.Seq // what is executed here is one below the block
		want   pbft.Judgement
	}{
		{64, 69, pbft.Fair}, {63, 70, pbft.Fair}, {64, 70, pbft.StateTrails},
	} {
		p := newPlay(t)
		p.pass(600)
		p.enter(2)
		p.blocks(200, 5, 2, 0)
		for range x.blocks {
			p.pass(5)
			p.block(0, p.seq+1-x.behind)
		}
		p.expect("trailing", x.want)
		p.pass(5)
		p.block(0, p.seq)
		p.expect("one that does not trail", pbft.Fair)
	}
}

// R11.4(e): somebody is left out of more blocks than may be, for 64 ticks.
func TestLeavesOut(t *testing.T) {
	for _, x := range []struct {
		skipped uint32
		ticks   uint64
		want    pbft.Judgement
	}{
		{12, 200, pbft.Fair}, {13, 63, pbft.Fair}, {13, 64, pbft.LeavesOut},
	} {
		p := newPlay(t)
		p.pass(600)
		p.enter(2)
		p.blocks(100, 5, 2, 0)
		p.w.Skipped, p.w.SkipLimit = x.skipped, 12
		p.pass(x.ticks)
		p.expect("left out", x.want)
		p.w.Skipped = 0
		p.pass(1)
		p.expect("taken at last", pbft.Fair)
	}
}

// R11.3: no judgement in the first 3 s of a view, or four of its timeouts, nor within 5 s of
// the start, or of what disturbs.
func TestGrace(t *testing.T) {
	slow := func(p *play, until uint64) {
		for p.now < until {
			p.blocks(1, min(130, until-p.now), 2, 0)
		}
	}
	p := newPlay(t)
	p.enter(2)
	slow(p, 499)
	p.expect("just started", pbft.Fair)
	slow(p, 2500)
	p.expect("started long ago", pbft.LateBlocks)

	p.m.Leave(p.now, 0)
	at := p.now
	p.m.Enter(at, 3, false, p.seq, 1000)
	slow(p, at+3999)
	p.expect("four timeouts are not over", pbft.Fair)
	slow(p, at+4000)
	p.expect("four timeouts are over", pbft.LateBlocks)

	p.m.Disturb(p.now)
	at = p.now
	slow(p, at+499)
	p.expect("disturbed", pbft.Fair)
	slow(p, at+500)
	p.expect("calm again", pbft.LateBlocks)
	p.m.Leave(p.now, 0)
	p.expect("no view", pbft.Fair)
}

// Few samples are judged over three seconds, and a single pause among them is nothing.
func TestFewSamples(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.enter(2)
	p.blocks(7, 130, 2, 0)
	p.expect("seven blocks", pbft.Fair)
	p.blocks(1, 130, 2, 0)
	p.expect("eight blocks", pbft.LateBlocks)

	p = newPlay(t)
	p.pass(600)
	p.enter(2)
	p.blocks(8, 40, 2, 0)
	p.blocks(2, 500, 2, 0)
	p.expect("two pauses of a disk among ten", pbft.Fair)
	p.blocks(1, 500, 2, 0)
	p.expect("three among eleven", pbft.LateBlocks)
	p.blocks(105, 40, 2, 0)
	p.blocks(11, 500, 2, 0)
	p.expect("fourteen among 127", pbft.Fair)
	p.blocks(1, 40, 2, 0)
	p.expect("among 128", pbft.LateBlocks)
}

// R11.4, a': each view in a row that ends with n-2f slow-SUSPECTs doubles the bars, f liars
// do not, and after f+1 of them the monitor rests for 300 s and goes on at f.
func TestItIsTheNetwork(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.tenures(20, 2, 0) // the bar is 60
	p.blocks(60, 61, 2, 0)
	p.expect("slow", pbft.LateBlocks)
	p.m.Leave(p.now, 1)
	p.enter(3)
	p.blocks(60, 61, 2, 0)
	p.expect("one liar moves no bar", pbft.LateBlocks)
	p.m.Leave(p.now, 2)
	p.enter(3)
	p.blocks(60, 120, 2, 0)
	p.expect("twice the bar", pbft.Fair)
	p.blocks(140, 121, 2, 0)
	p.expect("above it", pbft.LateBlocks)
	p.m.Leave(p.now, 2)
	at := p.now
	p.enter(2)
	for p.now < at+restTicks-1 {
		p.blocks(1, min(400, at+restTicks-1-p.now), 2, 0)
	}
	p.expect("the monitor rests", pbft.Fair)
	if p.m.Rests(p.now) != at+restTicks {
		t.Errorf("rests until %d, want %d", p.m.Rests(p.now), at+restTicks)
	}
	p.pass(1)
	p.expect("and goes on", pbft.LateBlocks)
	p.m.Leave(p.now, 2)
	p.enter(3)
	p.blocks(60, 400, 2, 0)
	p.expect("one more in 300 s", pbft.Fair)
}

// A whole tenure that nobody calls slow ends the row.
func TestTheRowEnds(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.tenures(20, 2, 0)
	p.m.Leave(p.now, 2)
	p.enter(3)
	p.blocks(300, 20, 2, 0)
	p.m.Leave(p.now, 1)
	p.enter(2)
	p.blocks(60, 61, 2, 0)
	p.expect("the bar is the first again", pbft.LateBlocks)
}

// Where nothing ever waited, that is what others are known by.
func TestNothingWaited(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	p.eligible = 0
	p.tenures(5, 2, 100)
	p.eligible = 1
	p.blocks(60, 30, 2, 0)
	p.expect("at SLO_wait", pbft.Fair)
	p.blocks(140, 31, 2, 0)
	p.expect("above it", pbft.LateBlocks)
}

// f members that shine do not move what is demanded of the others.
func TestFLiarsDoNotSetTheBar(t *testing.T) {
	p := newPlay(t)
	p.pass(600)
	for range 2 {
		p.enter(0)
		p.blocks(200, 1, 1, 0)
		p.m.Leave(p.now, 0)
	}
	p.enter(2)
	p.blocks(60, 119, 2, 0)
	p.expect("one member alone is no measure", pbft.Fair)
	p.m.Leave(p.now, 0)
	p.enter(1)
	p.blocks(200, 25, 2, 0)
	p.m.Leave(p.now, 0)
	p.enter(3)
	p.blocks(60, 75, 2, 0)
	p.expect("the median of others is an honest one's", pbft.Fair)
}

// A healthy network never calls anybody slow: jitter of 100 ms, disks that pause, quiet
// nights, flash sales, and members that catch up.
func TestNobodyHealthyIsSlow(t *testing.T) {
	slots := 200_000
	if *healthySlots > 0 {
		slots = *healthySlots
	}
	for seed := uint64(1); seed <= 4; seed++ {
		rng := rand.New(rand.NewPCG(seed, 11))
		p := newPlay(t)
		p.enter(0)
		for slot := 0; slot < slots/4; slot++ {
			phase := slot / 500 % 4
			gap, bytes, cert := 5+rng.Uint64N(11), uint32(2_000), 2+rng.Uint64N(11)
			p.w.Backlog = false
			switch phase {
			case 1: // a quiet night: something comes now and then
				gap += 100
				p.eligible = p.now + gap - 2 - rng.Uint64N(12)
			case 2: // a flash sale
				p.w.Backlog, bytes = true, 400_000+uint32(rng.IntN(200_000))
				gap += 15
			}
			if phase != 1 {
				p.eligible = 1
			}
			if rng.IntN(100) == 0 { // a disk
				gap += 10 + rng.Uint64N(50)
			}
			p.blocks(1, gap, cert, bytes)
			if got := p.m.Judge(p.now); got != pbft.Fair {
				t.Fatalf("seed %d, slot %d, phase %d: %v", seed, slot, phase, got)
			}
			if slot%1024 == 1023 {
				p.m.Leave(p.now, rng.IntN(2))
				p.enter(pbft.ReplicaID(slot / 1024 % 3))
			}
		}
	}
}
