//go:build unix

package hooks_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks"
	"github.com/scrip-network/scrip/hooks/signature"
)

// childVariable makes this program a process that delivers webhooks: its value is the
// book's folder, the genesis file and the nodes.
const childVariable = "SCRIP_HOOKS_TEST"

func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		if err := deliver(strings.Split(what, " ")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// deliver runs a service as "scrip hooks run" does.
func deliver(args []string) error {
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	c, err := client.New(raw, args[2:])
	if err != nil {
		return err
	}
	book, err := hooks.OpenBook(args[0], c.Genesis().Digest)
	if err != nil {
		return err
	}
	s, err := hooks.New(book, c, c.Genesis().Digest, 1, "test", slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	go func() { // nobody notices a process that hangs once its parent is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(2)
	}()
	return s.Run(context.Background())
}

// till counts what an endpoint has taken.
type till struct {
	mu    sync.Mutex
	times map[string]int
	kill  func() // once, with the next message that is new
}

func (x *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	x.mu.Lock()
	defer x.mu.Unlock()
	id := r.Header.Get(signature.HeaderID)
	x.times[id]++
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // the sender has the answer now, or in a moment
	if x.times[id] == 1 && x.kill != nil {
		x.kill()
		x.kill = nil
	}
}

func (x *till) seen() (ids, again int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range x.times {
		if ids++; n > 1 {
			again++
		}
	}
	return ids, again
}

// A process that is killed between a delivery and its note delivers again, under the same
// id, and leaves nothing out: with real processes, on a real chain.
func TestKilledBetweenDeliveryAndNote(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	dir := t.TempDir()
	genesis := filepath.Join(dir, "genesis.json")
	if err := os.WriteFile(genesis, x.Dev.Genesis.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	submit := func(tx []byte) {
		t.Helper()
		if _, err := c.Submit(ctx, tx); err != nil {
			t.Fatal(err)
		}
	}
	publish, campaign := x.Publish()
	submit(publish)
	submit(campaign.Batch(100))
	events := 2

	taken := &till{times: make(map[string]int)}
	endpoint := httptest.NewServer(taken)
	defer endpoint.Close()
	book, err := hooks.OpenBook(filepath.Join(dir, "hooks"), x.Dev.Genesis.Digest)
	if err != nil {
		t.Fatal(err)
	}
	s, err := hooks.New(book, c, x.Dev.Genesis.Digest, 1, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Add(hooks.Endpoint{URL: endpoint.URL, AllowPrivate: true, From: "1.0.0"}, nil, false); err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	begin := func() *exec.Cmd {
		p := exec.Command(os.Args[0])
		p.Env = append(os.Environ(), childVariable+"="+strings.Join(append([]string{filepath.Join(dir, "hooks"), genesis},
			x.URLs()...), " "))
		p.Stderr = os.Stderr
		if _, err := p.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := begin()
	defer func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	}()
	await := func(what string, so func() bool) {
		t.Helper()
		for !so() {
			if ctx.Err() != nil {
				ids, again := taken.seen()
				t.Fatalf("in vain: %s; %d ids of %d, %d of them again", what, ids, events, again)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	all := func() bool { ids, _ := taken.seen(); return ids == events }
	await("all events of before", all)
	for serial := uint32(1); ; serial++ { // until one was killed in time
		killed := make(chan struct{})
		taken.mu.Lock()
		taken.kill = func() { _ = syscall.Kill(p.Process.Pid, syscall.SIGKILL); close(killed) }
		taken.mu.Unlock()
		submit(campaign.Claim(serial, apitest.Holder(uint64(serial)).Key))
		events++
		<-killed
		_ = p.Wait()
		p = begin()
		await("all events", all)
		if _, again := taken.seen(); again > 0 {
			break
		}
		if serial == 50 {
			t.Fatal("50 times killed and never between delivery and note")
		}
	}
	prefix := "scrip-" + hex.EncodeToString(x.Dev.Genesis.Digest[:4]) + "-"
	for id := range taken.times {
		if !strings.HasPrefix(id, prefix) {
			t.Errorf("the id %s is not of this chain", id)
		}
	}
}
