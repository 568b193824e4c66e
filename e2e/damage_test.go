//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/validator"
)

// TestDamage damages the home of a validator that was killed under load, one file or
// two of any kind in any way, and starts a validator on it. It gives the answers of an
// undamaged one, or none, or it does not start and says what to do; it never gives
// others.
func TestDamage(t *testing.T) {
	rounds, seed := *damagesFlag, *seedFlag
	if testing.Short() {
		rounds = min(rounds, 8)
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-e2e.seed=%d", seed)
	d := prepareDamage(t)
	d.remedy()
	if err := d.c.Close(); err != nil {
		t.Fatal(err)
	}
	d.remember()
	began := time.Now()
	for round := range rounds {
		d.r = rand.New(rand.NewPCG(seed, uint64(round)))
		if what := d.round(); t.Failed() {
			t.Fatalf("-e2e.seed=%d, round %d: %s", seed, round, what)
		}
	}
	t.Logf("%d damaged homes in %v: %v", rounds, time.Since(began).Round(time.Second), d.counts)
}

const damagedOne = 2

// damage is a home as kill -9 has left it, and as it was before.
type damage struct {
	t      *testing.T
	c      *cluster
	m      *market
	l      *load
	r      *rand.Rand
	now    string
	before []string
	counts map[string]int

	paths   []string
	answers map[string][]byte
	twin    *store.Ledger
	tip     uint64
}

func prepareDamage(t *testing.T) *damage {
	c := startCluster(t, map[string]string{"limits-log-bytes": "300000"})
	d := &damage{t: t, c: c, m: openMarket(c, 2, 4), counts: map[string]int{}}
	d.l = startLoad(c, d.m, 4, 1)
	for i := range 4 {
		d.l.progress(40)
		c.kill(damagedOne)
		d.now = filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.CopyFS(d.now, os.DirFS(c.Home(damagedOne))); err != nil {
			t.Fatal(err)
		}
		if i < 3 {
			d.before = append(d.before, d.now)
			c.startOne(damagedOne)
			c.awaitHeight(damagedOne, c.height(), "voting")
		}
	}
	d.l.finish()
	return d
}

// remedy damages the list of tables of a real process, which ends with the reason and
// says what to do; that done, it has everything again and votes.
func (d *damage) remedy() {
	home := d.c.Home(damagedOne)
	lists, err := filepath.Glob(filepath.Join(home, "data", "ledger", "MANIFEST-*"))
	if err != nil || len(lists) == 0 {
		d.t.Fatalf("no list of tables: %v", err)
	}
	list := slices.Max(lists)
	content, err := os.ReadFile(list)
	if err != nil {
		d.t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	if err := os.WriteFile(list, content, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.c.startOne(damagedOne)
	d.c.await("the validator with a damaged ledger ends", func() string {
		if d.c.Running(damagedOne) {
			return "it runs"
		}
		return ""
	})
	said, err := os.ReadFile(d.c.LogPath(damagedOne))
	if err != nil {
		d.t.Fatal(err)
	}
	if !bytes.Contains(said, []byte(`"kind":"damaged"`)) || !bytes.Contains(said, []byte("Set it aside")) {
		d.t.Errorf("it says: %s", said[max(0, len(said)-1000):])
	}
	aside := filepath.Join(home, "data", "ledger.damaged-1")
	if err := os.Rename(filepath.Join(home, "data", "ledger"), aside); err != nil {
		d.t.Fatal(err)
	}
	height := d.c.height()
	d.c.startOne(damagedOne)
	d.c.awaitHeight(damagedOne, height, "voting")
	d.l.provenEverywhere(50)
}

// copyHome makes a home of its own of a copy.
func (d *damage) copyHome(from string) string {
	home := d.t.TempDir()
	if err := os.CopyFS(home, os.DirFS(from)); err != nil {
		d.t.Fatal(err)
	}
	private(d.t, home)
	return home
}

// remember keeps what an undamaged twin answers.
func (d *damage) remember() {
	home := d.copyHome(d.now)
	d.paths = []string{"/v1/campaigns/1", "/v1/obligations", "/v1/members/2/totals", "/v1/members/3/totals",
		"/v1/members/2/takings"}
	for i := 0; i < len(d.l.receipts); i += 1 + len(d.l.receipts)/12 {
		r := d.l.receipts[i]
		d.paths = append(d.paths, fmt.Sprintf("/v1/transactions/%x", r.Outcome.ID),
			fmt.Sprintf("/v1/blocks/%d", r.Height), fmt.Sprintf("/v1/coupons/%d", r.Outcome.Coupon))
	}
	for _, till := range d.m.tills {
		d.paths = append(d.paths, fmt.Sprintf("/v1/tills/%x", till.Key))
	}
	var answers map[string][]byte
	for tries := 0; len(answers) < 10; tries++ { // it answers nothing while it is behind its log
		var err error
		if answers, err = d.run(home); err != nil || tries == 10 {
			d.t.Fatalf("the undamaged twin gives %d of %d answers: %v", len(answers), len(d.paths), err)
		}
	}
	d.answers, d.twin = answers, d.open(home)
	d.tip, _ = d.twin.Height()
	d.t.Cleanup(func() { _ = d.twin.Close() })
}

func (d *damage) open(home string) *store.Ledger {
	d.t.Helper()
	l, err := store.OpenLedger(store.LedgerConfig{Dir: filepath.Join(home, "data", "ledger"),
		Chain: d.c.Dev().Genesis.Digest, BlockCacheBytes: 1 << 20, MemTableBytes: 1 << 20, RowCacheBytes: 1 << 20,
		Packer: d.c.packer()})
	if err != nil {
		d.t.Fatal(err)
	}
	return l
}

// run starts a validator on a home, alone, and returns what it answers with 200.
func (d *damage) run(home string) (answers map[string][]byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cfg, err := validator.LoadConfig(home, nil, map[string]string{"listen-api": "127.0.0.1:0",
		"listen-peers": "127.0.0.1:0", "genesis": d.c.GenesisPath(),
		"peers": "0=127.0.0.1:1,1=127.0.0.1:1,2=127.0.0.1:1,3=127.0.0.1:1"})
	if err != nil {
		return nil, err
	}
	answers = map[string][]byte{}
	asked := make(chan struct{})
	err = validator.Run(ctx, cfg, validator.Options{Logger: slog.New(slog.DiscardHandler),
		Started: func(s validator.Started) {
			go func() {
				defer close(asked)
				defer cancel()
				for _, path := range d.paths {
					if body := d.get("http://" + s.ListenAPI + path); body != nil {
						answers[path] = body
					}
				}
			}()
		}})
	if err == nil {
		<-asked
	}
	return answers, err
}

// get returns the body of an answer 200, or nil.
func (d *damage) get(url string) []byte {
	response, err := http.Get(url)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	return body
}

// round damages a copy and starts a validator on it.
func (d *damage) round() (what string) {
	home := d.copyHome(d.now)
	what = d.harm(home)
	if d.r.IntN(4) == 0 {
		what += ", and " + d.harm(home)
	}
	answers, err := d.run(home)
	var trouble *validator.Trouble
	switch {
	case errors.As(err, &trouble):
		d.counts["refused: "+string(trouble.Kind)]++
		unnamed := trouble.Kind == validator.KindInternal // nobody has thought of it
		if unnamed || trouble.Remedy == "" || trouble.Kind == validator.KindDamaged && trouble.Next == "" {
			d.t.Errorf("no remedy: %+v", trouble)
		}
		return what
	case err != nil:
		d.t.Errorf("refused without a remedy: %v", err)
		return what
	}
	for path, body := range answers {
		want := d.answers[path]
		height := regexp.MustCompile(`"height":\s*"?\d+`)
		if !sameAnswer(body, want) && bytes.Equal(height.Find(body), height.Find(want)) {
			d.t.Errorf("%s: %s\nthe undamaged twin: %s", path, body, want)
		}
	}
	if len(answers) == 0 {
		d.counts["silent"]++
	} else {
		d.counts["right"]++
	}
	d.compare(home)
	return what
}

// sameAnswer compares two answers, but the certificates, of which a crash may take the
// newest: then a transaction is executed and not yet proven.
func sameAnswer(body, want []byte) bool {
	var a, b map[string]any
	if json.Unmarshal(body, &a) != nil || json.Unmarshal(want, &b) != nil {
		return false
	}
	for key, value := range a {
		other, ok := b[key]
		if ok && !slices.Contains([]string{"state", "proof", "checkpoint", "certificate", "attested"}, key) &&
			!reflect.DeepEqual(value, other) {
			return false
		}
	}
	return true
}

// compare checks the rows of what a validator has served by their root, which is that
// of the twin at the same height, and its blocks and receipts by the twin's.
func (d *damage) compare(home string) {
	l := d.open(home)
	defer func() { _ = l.Close() }()
	height, ok := l.Height()
	if !ok || height > d.tip {
		d.t.Errorf("height %d %v, the twin has %d", height, ok, d.tip)
		return
	}
	if err := ledger.Audit(l.Latest()); err != nil {
		d.t.Errorf("height %d: %v", height, err)
	}
	if height == d.tip && l.StateRoot() != d.twin.StateRoot() {
		d.t.Errorf("height %d has another state than the twin's", height)
	}
	for h := uint64(1); h <= height; h++ {
		b, receipts, err := read(l, h)
		want, wantReceipts, twinErr := read(d.twin, h)
		// The header's record has the roots of state and receipts.
		if err != nil || twinErr != nil || !bytes.Equal(b.Header, want.Header) || !bytes.Equal(b.Payload, want.Payload) ||
			!bytes.Equal(receipts, wantReceipts) {
			d.t.Errorf("block %d of %d is another: %v, %v", h, height, err, twinErr)
			return
		}
	}
}

// names returns the files of a home below a folder, by what kind they are.
func (d *damage) names(home string) map[string][]string {
	kinds, digits := map[string][]string{}, regexp.MustCompile(`\d+`)
	err := filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "node.log" || e.Name() == "LOCK" {
			return err
		}
		name, err := filepath.Rel(home, path)
		kind := digits.ReplaceAllString(name, "N")
		kinds[kind] = append(kinds[kind], name)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return kinds
}

// harm changes a home and says how.
func (d *damage) harm(home string) string {
	old := d.before[d.r.IntN(len(d.before))]
	if d.r.IntN(12) == 0 { // a folder of some time ago, or none
		name := []string{"data/ledger", "data/consensus", "data"}[d.r.IntN(3)]
		err := os.RemoveAll(filepath.Join(home, name))
		if err == nil && d.r.IntN(3) > 0 {
			err = os.CopyFS(filepath.Join(home, name), os.DirFS(filepath.Join(old, name)))
			private(d.t, home)
			name += " of some time ago"
		}
		if err != nil {
			d.t.Fatal(err)
		}
		return name
	}
	kinds := d.names(home)
	var order []string
	for kind := range kinds {
		order = append(order, kind)
	}
	slices.Sort(order)
	kind := order[d.r.IntN(len(order))]
	switch d.r.IntN(4) { // every second time the list of tables or the archive
	case 0:
		kind = "data/ledger/MANIFEST-N"
	case 1:
		kind = "data/ledger/blocks-N.seg"
	}
	names := kinds[kind]
	if len(names) == 0 {
		return "nothing"
	}
	return d.harmFile(home, names[d.r.IntN(len(names))], old)
}

func (d *damage) harmFile(home, name, old string) string {
	path := filepath.Join(home, name)
	content, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	how := d.r.IntN(5)
	at := 0
	if len(content) == 0 {
		how = 3
	} else if at = d.r.IntN(len(content)); d.r.IntN(2) == 0 {
		at = len(content) - 1 - d.r.IntN(min(len(content), 400))
	}
	what := ""
	switch how {
	case 0:
		content[at] ^= 1 << d.r.IntN(8)
		what, err = fmt.Sprintf("a bit of byte %d of %s", at, name), os.WriteFile(path, content, 0o600)
	case 1:
		what, err = fmt.Sprintf("%s cut at %d of %d", name, at, len(content)), os.WriteFile(path, content[:at], 0o600)
	case 2:
		at &^= 4095
		clear(content[at:min(len(content), at+4096)])
		what, err = fmt.Sprintf("a page of zeros at %d of %s", at, name), os.WriteFile(path, content, 0o600)
	case 4:
		if older, oldErr := os.ReadFile(filepath.Join(old, name)); oldErr == nil {
			what, err = "an older "+name, os.WriteFile(path, older, 0o600)
			break
		}
		fallthrough
	default:
		what, err = name+" deleted", os.Remove(path)
		if marker := strings.TrimRight(name, "0123456789MANIFEST-"); err == nil && strings.Contains(name, "marker.") {
			olds, globErr := filepath.Glob(filepath.Join(old, marker[:strings.LastIndex(marker, ".")]) + "*")
			if globErr == nil && len(olds) > 0 && how == 4 {
				err = os.WriteFile(filepath.Join(home, filepath.Dir(name), filepath.Base(olds[0])), nil, 0o600)
				what += " for an older one"
			}
		}
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return what
}
