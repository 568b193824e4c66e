package desim

import "testing"

// Where the fast path works, patience sends next to no COMMITs, and proposals that leave
// certificates out are smaller, at no cost in time and without a question for one.
func TestWhatIsLeftOutIsNotMissed(t *testing.T) {
	run := func(on bool) Result {
		return mustRun(t, Config{N: 7, P: 1, Links: Uniform(7, 2000), DurationMs: 1500, Seed: 3, Elide: on, Patience: on,
			Load: Load{TxPerSecond: 500, Poisson: true}})
	}
	off, on := run(false), run(true)
	if a, b := off.Of("commit").Count, on.Of("commit").Count; a == 0 || 4*b > a {
		t.Errorf("%d COMMITs, with patience %d", a, b)
	}
	proposal := func(r *Result) int64 { k := r.Of("pre-prepare"); return k.Bytes / k.Count }
	if a, b := proposal(&off), proposal(&on); a-b < 200 {
		t.Errorf("a proposal of %d bytes has %d without certificates", a, b)
	}
	if n := on.Of("pull").Count; n != 0 {
		t.Errorf("%d certificates were asked for", n)
	}
	if off.Answered != on.Answered || on.ViewChanges != 0 || on.Slow > off.Slow {
		t.Errorf("answered %d and %d, %d changes of view, slow commits %d and %d", off.Answered, on.Answered, on.ViewChanges,
			off.Slow, on.Slow)
	}
}
