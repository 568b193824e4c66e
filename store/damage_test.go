package store

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	damagesFlag = flag.Int("store.damages", 12, "ledgers to damage in eight ways each")
	seedFlag    = flag.Uint64("store.seed", 0, "seed of the damage; 0 = from the clock")
)

// files are the contents of a ledger's directory.
type files map[string][]byte

func readFiles(t testing.TB, disk vfs.FS) files {
	t.Helper()
	names, err := disk.List("ledger")
	if err != nil {
		t.Fatal(err)
	}
	all := files{}
	for _, name := range names {
		f, err := disk.Open("ledger/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = io.ReadAll(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return all
}

func (f files) disk(t testing.TB) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewCrashableMem()
	if err := disk.MkdirAll("ledger", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range f {
		x, err := disk.Create("ledger/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(bytes.Clone(content)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(x.Sync(), x.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(syncDir(disk, "ledger"), syncDir(disk, "")); err != nil {
		t.Fatal(err)
	}
	return disk
}

func (f files) clone() files {
	c := files{}
	for name, content := range f {
		c[name] = bytes.Clone(content)
	}
	return c
}

// killed is a ledger as kill -9 leaves it, and some moments before.
type killed struct {
	run    *ledgerRun
	synced uint64 // height that Sync has reported
	now    files
	before []files
}

// kill commits blocks, syncs now and then, starts anew once, and ends without
// closing.
func kill(t testing.TB, rng *rand.Rand) *killed { return killAs(t, rng, nil) }

// killAs is kill of a ledger with other settings.
func killAs(t testing.TB, rng *rand.Rand, change func(*LedgerConfig)) *killed {
	t.Helper()
	heights := 30 + rng.IntN(40)
	k := &killed{run: newLedgerRun(rng.Uint64(), heights, 60)}
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, change)
	again := rng.IntN(heights)
	for i, b := range k.run.blocks {
		mustCommit(t, l, b, false)
		if rng.IntN(12) == 0 {
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			k.synced = b.Height
		}
		if rng.IntN(10) == 0 {
			k.before = append(k.before, readFiles(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100,
				RNG: rng})))
		}
		if i == again {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openTestLedger(t, disk, change)
			k.synced = b.Height
			restore(t, l, k.run.models[b.Height])
		}
	}
	k.now = readFiles(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng}))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return k
}

// pick returns a file, each kind as often as another.
func (f files) pick(rng *rand.Rand) string {
	kinds := map[string][]string{}
	var order []string
	for name := range f {
		kind := strings.TrimRight(strings.SplitN(strings.TrimLeft(name, "0123456789"), "-", 2)[0], "0123456789")
		if strings.HasPrefix(name, "marker.") {
			kind = strings.Join(strings.Split(name, ".")[:2], ".")
		}
		if kinds[kind] == nil {
			order = append(order, kind)
		}
		kinds[kind] = append(kinds[kind], name)
	}
	slices.Sort(order)
	names := kinds[order[rng.IntN(len(order))]]
	slices.Sort(names)
	return names[rng.IntN(len(names))]
}

// damage changes one file and says how.
func (k *killed) damage(f files, rng *rand.Rand) string {
	name := f.pick(rng)
	content := f[name]
	place := func() int { // every second time near the end
		if rng.IntN(2) == 0 {
			return max(0, len(content)-1-rng.IntN(min(len(content), 400)))
		}
		return rng.IntN(len(content))
	}
	how := rng.IntN(6)
	if len(content) == 0 {
		how = 3 + how%2
	}
	switch how {
	case 0:
		at := place()
		content[at] ^= 1 << rng.IntN(8)
		return fmt.Sprintf("a bit of byte %d of the %d of %s", at, len(content), name)
	case 1:
		at := place()
		f[name] = content[:at]
		return fmt.Sprintf("%s cut from %d to %d", name, len(content), at)
	case 2:
		at := place() &^ 4095
		clear(content[at:min(len(content), at+4096)])
		return fmt.Sprintf("a page of zeros at %d of the %d of %s", at, len(content), name)
	}
	if how == 3 || len(k.before) == 0 {
		delete(f, name)
		return name + " deleted"
	}
	old := k.before[rng.IntN(len(k.before))]
	if strings.HasPrefix(name, "marker.") { // its name is its content
		for other := range old {
			if strings.HasPrefix(other, strings.Join(strings.Split(name, ".")[:2], ".")) {
				delete(f, name)
				f[other] = nil
				list := listInForce([]string{other})
				if _, there := f[list]; list != "" && !there {
					f[list] = bytes.Clone(old[list])
				}
				return name + " replaced by the older " + other
			}
		}
	}
	if other, ok := old[name]; ok {
		f[name] = bytes.Clone(other)
		return fmt.Sprintf("%s of %d bytes replaced by an older copy of %d", name, len(content), len(other))
	}
	delete(f, name)
	return name + " deleted"
}

// open opens a damaged ledger: it is refused as damaged, or shows a height that was
// committed, none that was synced is missing, and everything there is right.
func (k *killed) open(t *testing.T, f files) (refused bool) {
	t.Helper()
	l, err := openSmallLedger(f.disk(t), nil)
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("refused without a reason: %v", err)
		}
		return true
	}
	height, _ := l.Height()
	if height < k.synced || int(height) > len(k.run.blocks) {
		t.Fatalf("opened at height %d of %d, and %d was synced", height, len(k.run.blocks), k.synced)
	}
	restore(t, l, k.run.models[height])
	checkLedger(t, l, l.Latest(), k.run.models[height])
	for _, b := range k.run.blocks[height:] {
		mustCommit(t, l, b, false)
	}
	checkLedger(t, l, l.Latest(), k.run.models[len(k.run.blocks)])
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return false
}

// A ledger that was killed and then damaged shows what it was or is refused, with
// one file of any kind damaged in any way, and with two.
func TestADamagedLedgerIsRightOrRefused(t *testing.T) {
	rounds, seed := *damagesFlag, *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	if testing.Short() {
		rounds = min(rounds, 3)
	}
	counts := map[bool]int{}
	for round := range rounds {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		k := kill(t, rng)
		if refused := k.open(t, k.now); refused {
			t.Fatalf("-store.seed=%d, round %d: an undamaged ledger is refused", seed, round)
		}
		for range 8 {
			f := k.now.clone()
			what := k.damage(f, rng)
			if len(k.before) > 0 && rng.IntN(4) == 0 {
				what += ", and " + k.damage(f, rng)
			}
			if !t.Run("", func(t *testing.T) { counts[k.open(t, f)]++ }) {
				t.Fatalf("-store.seed=%d, round %d: %s", seed, round, what)
			}
		}
	}
	if counts[true] == 0 || counts[false] == 0 {
		t.Errorf("%d refused and %d right: a half of the test is missing", counts[true], counts[false])
	}
	t.Logf("-store.seed=%d: %d refused, %d right", seed, counts[true], counts[false])
}
