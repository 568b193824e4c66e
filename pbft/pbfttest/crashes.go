package pbfttest

import "fmt"

// CrashEverywhere plays one seed without crashes, and then again with a single
// crash of an honest replica at each boundary between its persists and sends, or
// at every n-th if there are more than most; with Options.PowerCut all crash there. It
// returns how many boundaries there are, and the first run in which a promise was broken,
// nil if none was.
func CrashEverywhere(seed uint64, opt Options, most int) (boundaries int, broken *Result, err error) {
	opt.NoCrashes = true
	r, err := Run(seed, opt)
	if err != nil || len(r.Violations) > 0 {
		return 0, r, err
	}
	boundaries = r.Boundaries
	for at := 1; at <= boundaries; at += max(1, boundaries/most) {
		opt.CrashAt = at
		if r, err = Run(seed, opt); err != nil {
			return boundaries, nil, err
		}
		if r.Counts.Crashes != 1 && !opt.PowerCut {
			return boundaries, nil, fmt.Errorf("seed %d: %d crashes at boundary %d", seed, r.Counts.Crashes, at)
		}
		if len(r.Violations) > 0 {
			return boundaries, r, nil
		}
	}
	return boundaries, nil, nil
}
