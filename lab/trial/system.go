package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/lab/desim"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/shaper"
	"github.com/scrip-network/scrip/network"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/validator"
)

// system is a network of processes under test.
type system interface {
	// Dev has the keys of the network's members.
	Dev() *genesis.DevNetwork
	// URLs are the addresses of the APIs, by member.
	URLs() []string
	// CPUTime is what all running processes have used.
	CPUTime() (time.Duration, error)
	// Kill ends a member as a power cut would, StartOne starts it again.
	Kill(member int) error
	StartOne(member int) error
	// sent is what each member has sent over lines that a router shapes, and how many
	// packets that dropped; none without one.
	sent() (bytes []int64, dropped int64)
}

// startTimeout is how long a network may take until every member takes part.
const startTimeout = 60 * time.Second

// start starts the system of a job in a folder of its own, which stop removes.
func (l *lab) start(ctx context.Context, j *job) (s system, stop func() error, err error) {
	engine, _ := scenarios.EngineOf(j.cell.Engine)
	cfg := l.program(engine)
	dir, err := os.MkdirTemp(l.opt.Temp, "lab-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for the network: %w", err)
	}
	cfg.Dir, cfg.Name, cfg.Validators = dir, "lab", j.cell.Members
	cfg.Settings = map[string]string{"log-level": "warn"}
	if engine.Lanes {
		cfg.Settings["consensus-dissemination"] = validator.DisseminateLanes
	}
	if engine.Whole {
		cfg.Settings["consensus-elide"], cfg.Settings["consensus-patience"] = "off", "off"
	}
	if txs := j.part.MempoolTxs; txs > 0 {
		cfg.Settings["limits-mempool-txs"] = strconv.Itoa(txs)
	}
	var n *network.Network
	lines, err := l.emulate(&cfg, j)
	if err == nil {
		n, err = network.Create(cfg)
	}
	if err != nil {
		return nil, nil, errors.Join(err, lines.close(), os.RemoveAll(dir))
	}
	stop = func() error { return errors.Join(n.Close(), lines.close(), os.RemoveAll(dir)) }
	ready, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err = n.Start(); err == nil {
		err = n.WaitReady(ready, nil)
	}
	if err != nil {
		_ = stop()
		return nil, nil, fmt.Errorf("start the network: %w", err)
	}
	return placed{n, lines}, stop, nil
}

// placed is a network of processes with the lines between them.
type placed struct {
	*network.Network
	lines
}

// lines are those of a router, nil where there is none.
type lines struct{ net *shaper.Net }

func (l lines) close() error {
	if l.net == nil {
		return nil
	}
	return l.net.Close()
}

// sent implements system.
func (l lines) sent() (bytes []int64, dropped int64) {
	if l.net == nil {
		return nil, 0
	}
	s := l.net.Stats()
	return s.SentBytes, s.Dropped
}

// signaturesVariable tells scrip-comet when to check signatures.
const signaturesVariable = "SCRIP_COMET_SIGNATURES"

// program says what the processes of an engine are: scrip with the protocol in its
// genesis file, or scrip-comet, which is started in the same way.
func (l *lab) program(e scenarios.Engine) network.Config {
	if e.Comet != "" {
		return network.Config{Executable: l.opt.Comet, Env: []string{signaturesVariable + "=" + e.Comet}}
	}
	return network.Config{Executable: l.opt.Scrip, Change: protocol(e)}
}

// protocol sets an engine's parameters in a genesis file.
func protocol(e scenarios.Engine) func(*genesis.File) {
	return func(f *genesis.File) {
		c := &f.Committee
		c.Window = uint64(e.Window)
		if e.Checkpoint > 0 {
			c.CheckpointInterval = uint64(e.Checkpoint)
		}
		if e.Original {
			c.Protocol = pbft.Original
		}
		if e.Original || e.Slow {
			c.FastFaults = 0
		}
	}
}

// linksFile is the file in a network's folder that says what it emulates.
const linksFile = "links.toml"

// emulate gives a network the links of a cell, and each member what its line carries.
func (l *lab) emulate(cfg *network.Config, j *job) (lines, error) {
	if j.part.Mode == scenarios.Host || j.cell.Links == scenarios.NoLinks {
		return lines{}, nil
	}
	links, err := Links(l.scenario, j.cell.Links, j.cell.Members)
	if err != nil {
		return lines{}, err
	}
	if mbit := links.EgressBytesPerSecond * 8 / 1_000_000; mbit > 0 {
		cfg.Settings["limits-line-mbit"] = strconv.FormatInt(mbit, 10)
	}
	if j.part.Mode == scenarios.Netns {
		return shape(cfg, &links, j.cell.Members)
	}
	path := filepath.Join(cfg.Dir, linksFile)
	if err := os.WriteFile(path, encodeLinks(&links, j.seed), 0o600); err != nil {
		return lines{}, fmt.Errorf("write the links: %w", err)
	}
	cfg.Settings["experiment-links"] = path
	return lines{}, nil
}

// shape gives each member a namespace and a line.
func shape(cfg *network.Config, links *desim.Links, members int) (lines, error) {
	net, err := shaper.Start(shaper.Config{Members: members, BytesPerSecond: links.EgressBytesPerSecond,
		DelayUs: links.DelayUs})
	if err != nil {
		return lines{}, err
	}
	for i := range members {
		cfg.Places = append(cfg.Places, network.Place{Host: net.Address(i), Command: net.Command(i)})
	}
	return lines{net}, nil
}
