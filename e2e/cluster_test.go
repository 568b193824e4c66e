//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/network"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/validator"
)

// validators is the size of all networks here: one may fail.
const validators = 4

// patience is how long anything may take that must happen. It covers a machine
// that is busy with other things.
const patience = 60 * time.Second

// cluster is a network with a client for each of its nodes.
type cluster struct {
	*network.Network
	t     *testing.T
	nodes []*client.Client
}

// startCluster runs a network until the test ends, and then looks for panics in
// what its validators have said. env is added to their environment.
func startCluster(t *testing.T, settings map[string]string, env ...string) *cluster {
	t.Helper()
	protocol, err := pbft.ParseProtocol(*engineFlag)
	if err != nil {
		t.Fatal(err)
	}
	return startProtocol(t, protocol, settings, env...)
}

// startProtocol is startCluster for a protocol, with checkpoints at every eighth
// block where it has use for them.
func startProtocol(t *testing.T, protocol pbft.Protocol, settings map[string]string, env ...string) *cluster {
	t.Helper()
	c := launch(t, protocol, settings, env...)
	c.waitReady()
	return c
}

// launch is startProtocol for a network of which not every validator will be ready.
func launch(t *testing.T, protocol pbft.Protocol, settings map[string]string, env ...string) *cluster {
	t.Helper()
	executable := *scripFlag
	if executable == "" {
		var err error
		if executable, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
		env = append(env, childVariable+"=1")
	}
	if *lanesFlag {
		settings = maps.Clone(settings)
		if settings == nil {
			settings = make(map[string]string)
		}
		settings["consensus-dissemination"] = validator.DisseminateLanes
	}
	n, err := network.Create(network.Config{Executable: executable, Dir: t.TempDir(), Name: "e2e", Validators: validators,
		Settings: settings, Env: env, Change: func(f *genesis.File) {
			x := &f.Committee
			if x.Protocol = protocol; protocol == pbft.Original {
				x.CheckpointInterval = 8
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Network: n, t: t}
	for i := range validators {
		c.nodes = append(c.nodes, c.clientOf(i))
	}
	t.Cleanup(c.finish)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// clientOf returns a client that asks the given nodes in this order; all without
// any.
func (c *cluster) clientOf(nodes ...int) *client.Client {
	return c.newClient(nodes)
}

func (c *cluster) newClient(nodes []int, options ...client.Option) *client.Client {
	c.t.Helper()
	if len(nodes) == 0 {
		nodes = []int{0, 1, 2, 3}
	}
	var urls []string
	for _, i := range nodes {
		urls = append(urls, c.URL(i))
	}
	x, err := client.New(c.Dev().Genesis.Raw, urls, options...)
	if err != nil {
		c.t.Fatal(err)
	}
	return x
}

func (c *cluster) finish() {
	for i := range validators {
		if pid := c.PID(i); pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
	if err := c.Close(); err != nil {
		c.t.Error(err)
	}
	for i := range validators {
		log, err := os.ReadFile(c.LogPath(i))
		if err != nil {
			c.t.Error(err)
			continue
		}
		for _, bad := range []string{"panic:", "panicked", "fatal error:", "DATA RACE"} {
			if at := bytes.Index(log, []byte(bad)); at >= 0 {
				c.t.Errorf("validator %d has said %q:\n%s", i, bad, log[at:min(len(log), at+4000)])
			}
		}
		if c.t.Failed() {
			c.t.Logf("the last words of validator %d:\n%s", i, log[max(0, len(log)-4000):])
		}
	}
}

func (c *cluster) waitReady() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.WaitReady(ctx, nil); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) startOne(i int) {
	c.t.Helper()
	if err := c.StartOne(i); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) kill(i int) {
	c.t.Helper()
	if err := c.Kill(i); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) signal(i int, s syscall.Signal) {
	c.t.Helper()
	if err := syscall.Kill(c.PID(i), s); err != nil {
		c.t.Fatalf("signal validator %d: %v", i, err)
	}
}

// pause is the time between two looks at something that has to happen.
const pause = 10 * time.Millisecond

// await waits until done returns "", which else says what is missing.
func (c *cluster) await(what string, done func() string) {
	c.t.Helper()
	missing := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if missing = done(); missing == "" {
			return
		}
	}
	for i := range validators {
		c.t.Logf("validator %d: %+v", i, c.status(i))
	}
	c.t.Fatalf("%s: not within %v: %s", what, patience, missing)
}

// status returns what a node says of itself, or nil if it does not answer.
func (c *cluster) status(i int) *client.StatusAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := c.nodes[i].Status(ctx, 0)
	if err != nil {
		return nil
	}
	return s
}

// height returns the highest height that a running node has executed.
func (c *cluster) height() (height uint64) {
	for i := range validators {
		if s := c.status(i); s != nil {
			height = max(height, uint64(s.Height))
		}
	}
	return height
}

// awaitHeight waits until a node has executed a height and is in a condition.
func (c *cluster) awaitHeight(i int, height uint64, condition string) {
	c.t.Helper()
	c.await(fmt.Sprintf("validator %d at height %d and %s", i, height, condition), func() string {
		s := c.status(i)
		switch {
		case s == nil:
			return "no answer"
		case uint64(s.Height) < height || s.Condition != condition:
			return fmt.Sprintf("height %d, %s %s", s.Height, s.Condition, s.Reason)
		}
		return ""
	})
}

// metrics returns the metrics of a node by name and labels.
func (c *cluster) metrics(i int) map[string]float64 {
	c.t.Helper()
	response, err := http.Get(c.URL(i) + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	all := make(map[string]float64)
	for s := bufio.NewScanner(response.Body); s.Scan(); {
		name, text, ok := strings.Cut(s.Text(), " ")
		if v, err := strconv.ParseFloat(text, 64); ok && err == nil {
			all[name] = v
		}
	}
	if len(all) == 0 {
		c.t.Fatalf("validator %d has no metrics: %s", i, response.Status)
	}
	return all
}

// noOffences fails if a node has counted anything that no correct member does.
func (c *cluster) noOffences() {
	c.t.Helper()
	for i := range validators {
		m := c.metrics(i)
		if _, ok := m["scrip_p2p_peers_muted_total"]; !ok {
			c.t.Fatalf("validator %d does not count muted peers", i)
		}
		for name, v := range m {
			bad := name == "scrip_p2p_peers_muted_total" || strings.HasPrefix(name, "scrip_consensus_messages_total") &&
				(strings.Contains(name, `"invalid-`) || strings.Contains(name, `"sender"`))
			if bad && v != 0 {
				c.t.Errorf("validator %d counts %v of %s among honest members", i, v, name)
			}
		}
	}
}

// submit hands in a transaction that must be accepted.
func (c *cluster) submit(x *client.Client, raw []byte) *client.Receipt {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := x.Submit(ctx, raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}
