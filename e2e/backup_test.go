//go:build unix

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/validator"
)

const backupPassphrase = "four words are best"

// TestBackup backs up the home of a running validator, loses it by kill -9 with all that is on
// its disk, and restores it: with a new key and log. The restored node follows, has every
// receipt, hands on transactions, and signs nothing; the others go on without the member.
func TestBackup(t *testing.T) {
	c := startCluster(t, nil)
	m := openMarket(c, 2, 4)
	l := startLoad(c, m, 4, *seedFlag)
	l.progress(40)
	const lost = 2
	home := c.Home(lost)
	for _, k := range []keys.Secret{keys.Generate(keys.Member), keys.Generate(keys.Till), keys.Generate(keys.Validator)} {
		if err := keys.SaveUnencrypted(filepath.Join(home, "keys", k.Kind.String()+"-one.key"), k); err != nil {
			t.Fatal(err)
		}
	}
	cfg := loadHome(t, home, nil)
	file := filepath.Join(t.TempDir(), "member.backup")
	made, err := cfg.Backup(context.Background(), file,
		validator.BackupOptions{Passphrase: backupPassphrase, Ledger: true, Program: "e2e"})
	if err != nil || !made.Manifest.Ledger || made.Manifest.Seat != lost || made.Manifest.Height == 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	for _, name := range []string{"keys/member-one.key", "keys/till-one.key", "genesis.json", "settings"} {
		if !slices.Contains(made.Files, name) {
			t.Errorf("%s is not in the backup: %q", name, made.Files)
		}
	}
	if slices.Contains(made.Files, "keys/validator-one.key") {
		t.Error("a validator's key is in the backup")
	}
	l.progress(40)
	c.kill(lost)
	l.progress(40)
	l.finish()

	restored := filepath.Join(t.TempDir(), "restored")
	found, err := validator.Restore(context.Background(), file, restored,
		validator.RestoreOptions{Passphrase: backupPassphrase})
	if err != nil || found.Manifest != made.Manifest {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, gone := range []string{"desk", "keys/validator-one.key"} {
		if _, err := os.Lstat(filepath.Join(restored, gone)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was restored: %v", gone, err)
		}
	}
	f := startFollower(c, restored, lost)
	height := c.height()
	f.await(height)
	for _, r := range l.receipts {
		again, err := f.client.Receipt(context.Background(), r.Outcome.ID, 0)
		if err != nil || again.Height != r.Height || again.Outcome.Code != r.Outcome.Code {
			t.Fatalf("the receipt of %x: %+v, %v", r.Outcome.ID, again, err)
		}
	}
	// What is handed in at the follower is in a block of the members, and proven there.
	serial := m.serial.Add(1)
	r := c.submit(f.client, m.claim(serial))
	f.await(r.Height)
	s := f.status()
	if s.Condition != "following" || !s.Ready {
		t.Errorf("the follower says %+v", s)
	}
	f.stop()
}

// TestFollowingAmongLiars lets a node follow of whose sources one lies, one stalls, and one, with
// whom the liar alone would be f+1, is honest: it has the chain at that one's rate, and nothing
// that is false.
func TestFollowingAmongLiars(t *testing.T) {
	c := startCluster(t, nil)
	m := openMarket(c, 2, 4)
	l := startLoad(c, m, 4, *seedFlag)
	l.progress(60)
	l.finish()
	var lies, stalls atomic.Int64
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		frame, err := io.ReadAll(r.Body)
		if err != nil || len(frame) == 0 {
			return
		}
		lies.Add(1)
		if pbft.Kind(frame[0]) == pbft.KindStatus {
			_, _ = w.Write(pbft.EncodeMessage(&pbft.Status{Committed: pbft.BlockRef{Seq: 1 << 40}, Executed: 1 << 40}))
			return
		}
		// What an honest node answers, with a byte changed somewhere.
		a, err := http.Post(c.URL(1)+client.FollowPath, "application/octet-stream", bytes.NewReader(frame))
		if err != nil {
			return
		}
		defer a.Body.Close()
		if b, err := io.ReadAll(a.Body); err == nil && len(b) > 0 {
			b[int(lies.Load()*7919)%len(b)] ^= 1
			_, _ = w.Write(b)
		}
	}))
	stalled, release := context.WithCancel(context.Background())
	sleeper := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stalls.Add(1)
		select {
		case <-stalled.Done():
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { release(); liar.Close(); sleeper.Close() })
	home := filepath.Join(t.TempDir(), "home")
	if err := validator.MakeHome(home); err != nil {
		t.Fatal(err)
	}
	if err := validator.WriteConfig(home, map[string]string{"follow": "3"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "genesis.json"), c.Dev().Genesis.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadHome(t, home, nil).MakeKey(""); err != nil {
		t.Fatal(err)
	}
	f := runFollower(c, loadHome(t, home, map[string]string{"listen-api": "127.0.0.1:0", "listen-peers": "127.0.0.1:0",
		"web-nodes": fmt.Sprintf("0=%s,1=%s,2=%s", liar.URL, c.URL(1), sleeper.URL)}))
	height := l.receipts[len(l.receipts)-1].Height
	c.await(fmt.Sprintf("follower at height %d", height), func() string {
		if s := f.status(); s == nil || uint64(s.Height) < height {
			return fmt.Sprintf("%+v", s)
		}
		return ""
	})
	for _, r := range l.receipts {
		if again, err := f.client.Receipt(context.Background(), r.Outcome.ID, 0); err != nil || again.Height != r.Height {
			t.Fatalf("the receipt of %x: %+v, %v", r.Outcome.ID, again, err)
		}
	}
	if lies.Load() == 0 || stalls.Load() == 0 {
		t.Errorf("%d lies, %d stalls", lies.Load(), stalls.Load())
	}
}

func loadHome(t *testing.T, home string, flags map[string]string) *validator.Config {
	t.Helper()
	cfg, err := validator.LoadConfig(home, nil, flags)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// follower is a node without a seat, in this process.
type follower struct {
	c      *cluster
	client *client.Client
	stop   func()
}

// startFollower runs a restored home, which is told of the other members' APIs.
func startFollower(c *cluster, home string, lost int) *follower {
	c.t.Helper()
	// Lanes are between validators: what is handed in at a follower goes on all the same.
	flags := map[string]string{"listen-api": "127.0.0.1:0", "listen-peers": "127.0.0.1:0", "web-nodes": "",
		"consensus-dissemination": validator.DisseminateLanes}
	for i := range validators {
		if i != lost {
			flags["web-nodes"] += fmt.Sprintf("%d=%s,", i, c.URL(i))
		}
	}
	cfg := loadHome(c.t, home, flags)
	if cfg.Follow != strconv.Itoa(lost) {
		c.t.Fatalf("it follows %q", cfg.Follow)
	}
	return runFollower(c, cfg)
}

func runFollower(c *cluster, cfg *validator.Config) *follower {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan validator.Started, 1), make(chan error, 1)
	go func() {
		ended <- validator.Run(ctx, cfg, validator.Options{Logger: slog.New(slog.DiscardHandler), Version: "e2e",
			Started: func(s validator.Started) { started <- s }})
	}()
	f := &follower{c: c}
	stopped := false
	f.stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				c.t.Errorf("the follower ended: %v", err)
			}
		}
	}
	c.t.Cleanup(f.stop)
	select {
	case err := <-ended:
		stopped = true
		c.t.Fatal(err)
	case s := <-started:
		var err error
		if f.client, err = client.New(c.Dev().Genesis.Raw, []string{"http://" + s.ListenAPI}); err != nil {
			c.t.Fatal(err)
		}
	}
	return f
}

func (f *follower) status() *client.StatusAnswer {
	s, err := f.client.Status(context.Background(), 0)
	if err != nil {
		return nil
	}
	return s
}

// await waits until the follower has executed a height and says that it is ready.
func (f *follower) await(height uint64) {
	f.c.t.Helper()
	f.c.await(fmt.Sprintf("follower at height %d", height), func() string {
		if s := f.status(); s == nil || uint64(s.Height) < height || !s.Ready {
			return fmt.Sprintf("%+v", s)
		}
		return ""
	})
}
