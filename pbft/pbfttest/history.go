package pbfttest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/scrip-network/scrip/pbft"
)

// History is a random life of four logs: starts, power cuts of one and of all, lost
// messages, compactions, and an older log that is put back at one member.
type History struct {
	*Stage
	rng    *rand.Rand
	victim pbft.ReplicaID
	kept   []Kept // copies of the victim's log
	// heard is the last frame of the victim's log of which all others had time to write
	// down a mark.
	heard    uint64
	restored bool
	broken   []string
}

// PlayHistory plays so many random steps, and then lets everybody be up and hear
// everybody. It returns what was wrong: an honest member that is amnesic or does not vote
// in the end, and one that votes over an older log, of which all others had written down
// later marks. restored says whether one was put back.
func PlayHistory(seed uint64, steps int, o StageOptions) (broken []string, restored bool, err error) {
	h, err := newHistory(seed, o)
	if err != nil {
		return nil, false, err
	}
	for range steps {
		h.step()
		if h.judge(false); len(h.broken) > 0 {
			return h.broken, h.restored, nil
		}
	}
	h.peace()
	h.judge(true)
	return h.broken, h.restored, nil
}

func newHistory(seed uint64, o StageOptions) (*History, error) {
	o.Guard = true
	o.Timers.RecallTicks = 20
	s, err := NewStage(o)
	if err != nil {
		return nil, err
	}
	h := &History{Stage: s, rng: rand.New(rand.NewPCG(seed, 0x9a4d)), victim: 3}
	h.settle(h.all()...)
	return h, nil
}

// PlaySilentStarts cuts one frame off a log, starts its member again and again where
// nobody hears it, and then among others that have started anew. Before it so many blocks
// were made. It returns what becomes of it.
func PlaySilentStarts(blocks int, o StageOptions) (pbft.Condition, error) {
	h, err := newHistory(1, o)
	if err != nil {
		return 0, err
	}
	for range blocks {
		h.propose()
		h.settle(h.all()...)
	}
	for i := 0; h.Marked(h.victim) < h.Keep(h.victim).Frames(); i++ {
		if i == 300 {
			return 0, errors.New("the last frame is never marked")
		}
		if i%4 == 0 { // often enough for no change of view
			h.propose()
		}
		h.tick(1, h.all()...)
		h.settle(h.all()...)
	}
	h.heard = h.Marked(h.victim)
	h.calm(5, 0, 1, 2)
	h.cut()
	if !h.CutLog(h.victim, h.heard-1) {
		return 0, fmt.Errorf("the log cannot be cut to %d frames", h.heard-1)
	}
	for range 5 {
		h.start(h.victim)
		h.tick(30, h.victim)
		h.cut()
	}
	h.start(h.all()...)
	h.settle(h.all()...)
	h.tick(30, h.all()...)
	return h.Engine(h.victim).Status().Condition, nil
}

func (h *History) all() []pbft.ReplicaID { return []pbft.ReplicaID{0, 1, 2, 3} }

func (h *History) fail(format string, args ...any) {
	h.broken = append(h.broken, fmt.Sprintf(format, args...))
}

// judge looks at the conditions; in the end all honest members vote.
func (h *History) judge(end bool) {
	for _, id := range h.all() {
		if !h.Up(id) {
			continue
		}
		c := h.Engine(id).Status().Condition
		switch {
		case id == h.victim && h.restored && c == pbft.Voting:
			h.fail("r%d votes over an older log", id)
		case id == h.victim && h.restored:
		case c == pbft.Amnesic:
			h.fail("honest r%d is amnesic", id)
		case end && c != pbft.Voting:
			h.fail("r%d is %v in the end", id, c)
		}
	}
	if all := h.Violations(); len(all) > 0 {
		h.fail("%v", all[0])
	}
}

func (h *History) step() {
	id := h.all()[h.rng.IntN(4)]
	switch h.rng.IntN(24) {
	case 0, 1, 2:
		h.flip(id)
	case 3:
		h.cut()
	case 4, 5:
		h.start(h.all()...)
	case 6, 7:
		if h.Up(id) {
			h.Compact(id)
		}
	case 8:
		h.kept = append(h.kept, h.Keep(h.victim))
	case 9:
		h.peace()
	case 10, 11, 12:
		h.restore()
	case 13, 14, 15, 16:
		h.tick(1+h.rng.IntN(60), h.some()...)
	case 17, 18:
		h.settle(h.some()...)
	default:
		h.propose()
		h.settle(h.some()...)
	}
}

// some are a few members that hear each other.
func (h *History) some() (ids []pbft.ReplicaID) {
	for _, id := range h.all() {
		if h.rng.IntN(4) != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (h *History) flip(id pbft.ReplicaID) {
	if h.Up(id) {
		h.Crash(id)
	} else {
		h.Restart(id)
	}
}

func (h *History) cut() {
	for _, id := range h.all() {
		if h.Up(id) {
			h.Crash(id)
		}
	}
	h.Drop(All)
}

func (h *History) start(ids ...pbft.ReplicaID) {
	for _, id := range ids {
		if !h.Up(id) {
			h.Restart(id)
		}
	}
}

func (h *History) tick(count int, ids ...pbft.ReplicaID) {
	if len(ids) > 0 {
		h.Tick(count, ids...)
	}
}

// settle delivers among some for a while; what goes to others is lost.
func (h *History) settle(ids ...pbft.ReplicaID) { h.Settle(Among(ids...)) }

// propose lets whoever leads and is up propose a block.
func (h *History) propose() {
	for _, id := range h.all() {
		if h.Up(id) && h.Propose(id, fmt.Sprintf("payload %d", h.rng.Uint64())) {
			return
		}
	}
}

// calm lets time pass among some who hear each other, and blocks be made.
func (h *History) calm(blocks int, ids ...pbft.ReplicaID) {
	for range blocks {
		h.propose()
		h.settle(ids...)
		for range 11 {
			h.tick(10, ids...)
			h.settle(ids...)
		}
	}
}

// peace is some seconds in which all are up and hear each other; then the others make
// blocks without the victim. After it they all have its last mark in their logs, unless it
// may not vote.
func (h *History) peace() {
	h.start(h.all()...)
	h.calm(4, h.all()...)
	last := h.Keep(h.victim).Frames()
	h.tick(110, h.all()...) // more than a second: it signs a mark of that
	h.settle(h.all()...)
	if h.restored || h.Engine(h.victim).Status().Condition != pbft.Voting {
		return
	}
	marked := h.Marked(h.victim)
	h.calm(1, 0, 1, 2) // a mark of a key is written once a second at most
	before := h.lowest()
	if h.calm(3, 0, 1, 2); h.lowest() >= before+2 {
		h.heard = max(last, marked)
	}
}

// lowest is how many blocks each of the others has.
func (h *History) lowest() int { return min(h.Committed(0), h.Committed(1), h.Committed(2)) }

// restore puts an older log back at the victim, once.
func (h *History) restore() {
	var older []Kept
	for _, k := range h.kept {
		if k.Frames() < h.heard {
			older = append(older, k)
		}
	}
	if h.restored || h.heard == 0 {
		return
	}
	if h.Up(h.victim) {
		h.Crash(h.victim)
	}
	if h.rng.IntN(2) == 0 { // exactly one frame that others have heard of is missing, and what came later
		h.restored = h.CutLog(h.victim, h.heard-1)
	} else if len(older) > 0 {
		h.PutBack(h.victim, older[h.rng.IntN(len(older))])
		h.restored = true
	}
	if h.restored && h.rng.IntN(2) == 0 { // the others have forgotten what is not in their logs
		for _, id := range []pbft.ReplicaID{0, 1, 2} {
			if h.Up(id) {
				h.Crash(id)
			}
		}
		h.Drop(All)
	}
}
