package trial

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"path"
	"runtime"
	"sync"
	"time"

	"github.com/scrip-network/scrip/lab/desim"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
)

// ErrUnavailable is wrapped by the error of a cell whose engine is not here: it is
// skipped, and the report says so.
var ErrUnavailable = errors.New("not available")

// Options says how a scenario is run.
type Options struct {
	// Folder takes the results; it must be empty.
	Folder results.Folder
	// Scrip and Comet are the programs of modes host and wan; an empty one is not
	// available. Temp is where networks keep their data.
	Scrip, Comet, Temp string
	// Repeats and Seed, if not 0, stand for the scenario's.
	Repeats int
	Seed    uint64
	// Seconds, if not 0, is how long each run measures, for a first look; runs in
	// which something happens take as long as that needs.
	Seconds float64
	// Modes and Parts, if set, are the only ones that are run.
	Modes []scenarios.Mode
	Parts []string
	// Manifest has what the caller knows: version, commit, command.
	Manifest results.Manifest
	// Machine is written down; nil = it is measured here.
	Machine *results.Machine
	// Progress, if set, is told after each step; calls do not overlap.
	Progress func(Progress)
}

// Progress says how far an experiment is.
type Progress struct {
	Done, Total int
	What        string
	// Left is an estimate, 0 while there is none.
	Left time.Duration
}

// job is one run.
type job struct {
	part   *scenarios.Part
	cell   scenarios.Cell
	repeat int
	seed   uint64
	run    *results.Run
	err    error
}

// Run runs a scenario (its TOML file) and writes raw data and manifest; deriving
// and drawing is up to the caller. If ctx ends, what was measured until then is
// kept and the error of ctx is returned. Other errors are of runs that broke; the
// rest is kept too.
func Run(ctx context.Context, scenario []byte, opt Options) error {
	s, err := scenarios.Decode(results.ScenarioFile, scenario)
	if err != nil {
		return err
	}
	m := opt.Manifest
	opt.shorten(s)
	m.Schema, m.Scenario, m.Seed, m.Repeats, m.Seconds = results.Schema, s.Name, s.Seed, opt.Repeats, opt.Seconds
	if opt.Seed != 0 {
		m.Seed = opt.Seed
	}
	l := &lab{scenario: s, opt: &opt, manifest: &m, began: time.Now(), absent: make(map[string]error),
		saturation: make(map[string]float64)}
	l.manifest.Files = make(map[string]string)
	if err := l.keep(results.ScenarioFile, scenario); err != nil {
		return err
	}
	l.plan()
	if err := l.describeMachine(); err != nil {
		return err
	}
	broken := l.runAll(ctx)
	raw, err := results.EncodeJSON(&m)
	if err == nil {
		err = opt.Folder.Write(results.ManifestFile, raw)
	}
	return errors.Join(ctx.Err(), broken, err)
}

// lab is an experiment that runs.
type lab struct {
	scenario *scenarios.Scenario
	opt      *Options
	manifest *results.Manifest
	began    time.Time
	jobs     []*job
	absent   map[string]error // engines that turned out not to be available, by part and name
	// saturation is what engines last committed per second under a closed load.
	saturation map[string]float64

	done        int
	doneWeight  float64
	totalWeight float64
}

// plan lists all runs: parts, then rounds, then cells.
func (l *lab) plan() {
	l.manifest.Skipped = append(l.manifest.Skipped, Refused(l.scenario, l.opt)...)
	for i := range l.scenario.Parts {
		p := &l.scenario.Parts[i]
		if !l.opt.wants(p) {
			l.skip(p, "all of it", errors.New("it was not asked for"))
			continue
		}
		for r := range l.opt.repeats(l.scenario, p) {
			for _, c := range p.Cells() {
				if e, _ := scenarios.EngineOf(c.Engine); l.opt.refusal(p, e) != nil {
					continue // told in Skipped
				}
				j := &job{part: p, cell: c, repeat: r, seed: seedOf(l.manifest.Seed, p.Name, c, r)}
				l.jobs = append(l.jobs, j)
				l.totalWeight += j.seconds()
			}
		}
		l.addMode(p.Mode)
	}
}

func (l *lab) addMode(m scenarios.Mode) {
	for _, have := range l.manifest.Modes {
		if have == m {
			return
		}
	}
	l.manifest.Modes = append(l.manifest.Modes, m)
	if m == scenarios.Sim {
		s := desim.DefaultCosts().Source
		l.manifest.Costs = fmt.Sprintf("%s, %s: %s", s.Machine, s.Date, s.Method)
	}
}

// seedOf gives the engines of one comparison the same seed, so that they see the
// same arrivals.
func seedOf(seed uint64, part string, c scenarios.Cell, repeat int) uint64 {
	c.Engine = ""
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	_, _ = fmt.Fprintf(h, "%s/%s/%d", part, c.Slug(), repeat)
	return h.Sum64() >> 1 // readable as a signed number too
}

// keep writes a file and its hash.
func (l *lab) keep(name string, data []byte) error {
	l.manifest.Files[name] = results.Sum(data)
	if err := l.opt.Folder.Write(name, data); err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	return nil
}

func (l *lab) describeMachine() error {
	m := l.opt.Machine
	if m == nil {
		m = Describe(l.opt.Folder.Dir)
	}
	raw, err := results.EncodeJSON(m)
	if err != nil {
		return err
	}
	if l.manifest.Simulated() {
		return l.opt.Folder.Write(results.MachineFile, raw)
	}
	return l.keep(results.MachineFile, raw)
}

// runAll runs the jobs in their order, simulated ones several at a time.
func (l *lab) runAll(ctx context.Context) error {
	var broken []error
	for i := 0; i < len(l.jobs) && ctx.Err() == nil; {
		k := i + 1
		if l.jobs[i].part.Mode == scenarios.Sim {
			for k < len(l.jobs) && l.jobs[k].part == l.jobs[i].part && k < i+runtime.GOMAXPROCS(0) {
				k++
			}
		}
		l.report(l.jobs[i])
		l.runSome(ctx, l.jobs[i:k])
		for _, j := range l.jobs[i:k] {
			if err := l.finish(ctx, j); err != nil {
				broken = append(broken, err)
			}
		}
		i = k
	}
	if ctx.Err() != nil {
		l.manifest.Skipped = append(l.manifest.Skipped, results.Skipped{Part: "all",
			What: fmt.Sprintf("%d of %d runs", len(l.jobs)-l.done, len(l.jobs)), Reason: "the experiment was interrupted"})
	}
	return errors.Join(broken...)
}

func (l *lab) runSome(ctx context.Context, jobs []*job) {
	var g sync.WaitGroup
	for _, j := range jobs {
		if j.err = l.absent[j.absence()]; j.err == nil {
			g.Go(func() { j.run, j.err = l.one(ctx, j) })
		}
	}
	g.Wait()
}

func (j *job) absence() string { return j.part.Name + "/" + j.cell.Engine }

func (l *lab) one(ctx context.Context, j *job) (*results.Run, error) {
	switch {
	case j.part.Workload == scenarios.Proofs:
		return proofs(j.cell.Members)
	case j.part.Mode == scenarios.Sim:
		r, err := simulate(l.scenario, j.part, j.cell, j.seed)
		if errors.Is(err, desim.ErrConfig) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return r, err
	}
	return l.process(ctx, j)
}

// finish writes what a job has left.
func (l *lab) finish(ctx context.Context, j *job) error {
	what := fmt.Sprintf("%s, run %d", j.cell.Slug(), j.repeat+1)
	switch {
	case errors.Is(j.err, ErrUnavailable):
		if l.absent[j.absence()] == nil {
			l.absent[j.absence()] = j.err
			l.skip(j.part, j.cell.Engine, j.err)
		}
	case ctx.Err() != nil && j.err != nil:
		return nil // counted with what was interrupted
	case j.err != nil:
		l.skip(j.part, what, j.err)
		l.advance(j)
		return fmt.Errorf("part %s, %s: %w", j.part.Name, what, j.err)
	default:
		if err := l.keepRun(j); err != nil {
			return err
		}
		l.keepSaturation(j)
	}
	l.advance(j)
	j.run = nil
	return nil
}

func (l *lab) skip(p *scenarios.Part, what string, err error) {
	l.manifest.Skipped = append(l.manifest.Skipped, results.Skipped{Part: p.Name, What: what, Reason: err.Error()})
}

func (l *lab) advance(j *job) {
	l.done++
	l.doneWeight += j.seconds()
	l.report(j)
}

func (l *lab) report(j *job) {
	if l.opt.Progress == nil {
		return
	}
	p := Progress{Done: l.done, Total: len(l.jobs),
		What: fmt.Sprintf("%s: %s, run %d", j.part.Name, j.cell.Slug(), j.repeat+1)}
	if l.doneWeight > 0 {
		p.Left = time.Duration(float64(time.Since(l.began)) * (l.totalWeight/l.doneWeight - 1))
	} else {
		p.Left = seconds(l.totalWeight)
	}
	l.opt.Progress(p)
}

func (l *lab) keepRun(j *job) error {
	base := path.Join("raw", j.part.Name, fmt.Sprintf("%s-r%d", j.cell.Slug(), j.repeat+1))
	e := results.RunEntry{Part: j.part.Name, Cell: j.cell, Repeat: j.repeat, Seed: j.seed,
		Samples: base + "-tx" + results.ColumnsEnd, Counters: base + "-counters.csv"}
	samples, err := results.EncodeSamples(j.run.Samples)
	if err != nil {
		return err
	}
	if err := l.keep(e.Samples, samples); err != nil {
		return err
	}
	if err := l.keep(e.Counters, results.EncodeCounters(j.run.Counters)); err != nil {
		return err
	}
	if len(j.run.Blocks) > 0 {
		e.Blocks = base + "-blocks" + results.ColumnsEnd
		blocks, err := results.EncodeBlocks(j.run.Blocks)
		if err != nil {
			return err
		}
		if err := l.keep(e.Blocks, blocks); err != nil {
			return err
		}
	}
	l.manifest.Runs = append(l.manifest.Runs, e)
	return nil
}
