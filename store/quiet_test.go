package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/scrip-network/scrip/pbft/wire"
)

// testPacker keeps headers and certificates of the last block of a run, and of the
// others the first byte of their checkpoint.
type testPacker struct{}

func (testPacker) Pack(blocks []Quiet) ([]byte, error) {
	b := wire.AppendUint32(nil, uint32(len(blocks)))
	for _, x := range packedForm(blocks) {
		b = wire.AppendBytes(wire.AppendBytes(wire.AppendBytes(b, x.Header), x.Certificate), x.Checkpoint)
	}
	return b, nil
}

func packedForm(blocks []Quiet) []Quiet {
	blocks = slices.Clone(blocks)
	for i := range blocks[:len(blocks)-1] {
		blocks[i].Certificate = nil
		blocks[i].Checkpoint = blocks[i].Checkpoint[:min(1, len(blocks[i].Checkpoint))]
	}
	return blocks
}

func (testPacker) Unpack(packed []byte) ([]Quiet, error) {
	r := wire.NewReader(packed)
	blocks := make([]Quiet, r.Count(runBlocksMax, 12))
	part := func() []byte {
		if b := bytes.Clone(r.Bytes(len(packed))); len(b) > 0 {
			return b
		}
		return nil
	}
	for i := range blocks {
		blocks[i] = Quiet{part(), part(), part()}
	}
	return blocks, r.Close()
}

func packing(c *LedgerConfig) { c.Packer = testPacker{} }

// quietRun is a chain of mostly blocks that hold nothing.
type quietRun struct {
	blocks []BlockBatch // by height, from 1
}

func newQuietRun(heights int) *quietRun {
	r, rng := &quietRun{}, rand.New(rand.NewPCG(4, 4))
	for h := uint64(1); h <= uint64(heights); h++ {
		b := BlockBatch{Height: h, Header: fmt.Appendf(nil, "header %d", h), Certificate: fmt.Appendf(nil, "commit %d", h),
			Extra: []Write{{fmt.Appendf(nil, "%d", h), []byte{1}}}}
		b.StateRoot[0] = byte(h)
		if h == 10 || h == 200 || h == 203 {
			b.Payload, b.Receipts = []byte("payload"), []byte("receipts")
			b.Rows = []Write{{binaryKey(rng), []byte{byte(h)}}}
			b.Events = []Event{{0, 0, fmt.Appendf(nil, "event %d", h)}}
		}
		r.blocks = append(r.blocks, b)
	}
	return r
}

func binaryKey(rng *rand.Rand) []byte { return []byte{byte(rng.Uint32()), byte(rng.Uint32())} }

func (r *quietRun) checkpoint(h uint64) []byte {
	return fmt.Appendf(nil, "%c checkpoint %d", 'a'+h%20, h)
}

// commit takes a ledger from its height to the last, each certificate a block late.
func (r *quietRun) commit(l *Ledger) error {
	height, _ := l.Height()
	for ; int(height) < len(r.blocks); height++ {
		if err := l.Commit(r.blocks[height], height%9 == 0); err != nil {
			return err
		}
		if height > 0 {
			if err := l.PutCheckpoint(height, r.checkpoint(height)); err != nil {
				return err
			}
		}
	}
	return nil
}

// check compares what a ledger shows up to its height: every header, and of
// certificates all or what packing leaves. It returns how many were left whole.
func (r *quietRun) check(t *testing.T, l *Ledger) (whole int) {
	t.Helper()
	height, _ := l.Height()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	for h := uint64(1); h <= height; h++ {
		want := r.blocks[h-1]
		got, err := v.Block(h)
		receipts, receiptsErr := v.Receipts(h)
		if err := errors.Join(err, receiptsErr); err != nil {
			t.Fatalf("block %d of %d: %v", h, height, err)
		}
		if !bytes.Equal(got.Header, want.Header) || !bytes.Equal(got.Payload, want.Payload) ||
			!bytes.Equal(receipts, want.Receipts) {
			t.Fatalf("block %d is another", h)
		}
		c, err := v.Checkpoint(h)
		switch {
		case errors.Is(err, ErrNotFound): // a crash may take the newest
		case err != nil:
			t.Fatal(err)
		case !bytes.HasPrefix(r.checkpoint(h), c) || len(c) > 1 && !bytes.Equal(c, r.checkpoint(h)):
			t.Fatalf("the checkpoint of block %d is %q", h, c)
		case len(c) > 1:
			whole++
		}
		if got.Certificate != nil && !bytes.Equal(got.Certificate, want.Certificate) {
			t.Fatalf("the certificate of block %d is %q", h, got.Certificate)
		}
		if got.Certificate == nil && !want.isQuiet() {
			t.Fatalf("block %d has lost its certificate", h)
		}
	}
	if _, err := v.Header(height + 1); !errors.Is(err, ErrNotFound) {
		t.Fatalf("block above %d: %v", height, err)
	}
	return whole
}

// Blocks that hold nothing go into the archive in runs, the newest of them stay as
// they are, and a block with a transaction takes all before it along.
func TestQuietBlocksArePacked(t *testing.T) {
	run := newQuietRun(300)
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, packing)
	for _, upTo := range []int{9, 10, 120, 199, 200, 202, 203, 300} {
		some := &quietRun{run.blocks[:upTo]}
		if err := some.commit(l); err != nil {
			t.Fatal(err)
		}
		some.check(t, l)
	}
	waiting, behind := l.waiting, uint64(300)+1-l.waiting
	if waiting <= 203 || behind < runBehind || behind > runBehind+runBlocksMax {
		t.Errorf("%d blocks wait, from %d on", behind, waiting)
	}
	if whole := run.check(t, l); whole > 100 {
		t.Errorf("%d certificates of 299 are whole", whole)
	}
	var events []string
	err := l.Latest().Events(EventID{}, func(id EventID, data []byte) bool {
		events = append(events, fmt.Sprint(id.Height, " ", string(data)))
		return true
	})
	if err != nil || !slices.Equal(events, []string{"10 event 10", "200 event 200", "203 event 203"}) {
		t.Errorf("%q, %v", events, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openTestLedger(t, disk, packing)
	if l.waiting != waiting {
		t.Errorf("after a restart %d is the first that waits, it was %d", l.waiting, waiting)
	}
	run.check(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openTestLedger(t, disk, nil) // a tool that packs nothing goes on, and says what it cannot read
	if _, err := l.Latest().Header(30); !errors.Is(err, errNoPacker) {
		t.Errorf("a run without a packer: %v", err)
	}
	mustCommit(t, l, BlockBatch{Height: 301, Header: []byte{1}}, true)
	if got, err := l.Latest().Header(299); err != nil || !bytes.Equal(got, run.blocks[298].Header) {
		t.Errorf("%q, %v", got, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// Power fails while runs are packed: every block up to the height is there.
func TestPackingIsWholeAfterACrash(t *testing.T) {
	run := newQuietRun(260)
	disk := vfs.NewCrashableMem()
	var mu sync.Mutex // guards the rest: Pebble works in the background
	var crashes []*vfs.MemFS
	ops, stride := 0, 5
	if testing.Short() {
		stride = 31
	}
	watch := errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if ops++; op.Kind.ReadOrWrite() == errorfs.OpIsWrite && ops%stride == 0 {
			crashes = append(crashes, disk.CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: []int{0, 50, 100}[ops/stride%3], RNG: rand.New(rand.NewPCG(8, uint64(ops)))}))
		}
		return nil
	})
	l := openTestLedger(t, errorfs.Wrap(reuseFS{disk}, watch), packing)
	if err := errors.Join(run.commit(l), l.Close()); err != nil {
		t.Fatal(err)
	}
	for i, crash := range crashes {
		if !t.Run("", func(t *testing.T) {
			l := openTestLedger(t, crash, packing)
			run.check(t, l)
			if err := run.commit(l); err != nil {
				t.Fatal(err)
			}
			run.check(t, l)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}) {
			t.Fatalf("crash %d of %d", i, len(crashes))
		}
	}
	t.Logf("%d operations, %d crashes", ops, len(crashes))
}

// An old ledger is packed when it is moved, but for what has transactions.
func TestAnOldQuietLedgerIsPacked(t *testing.T) {
	run := newQuietRun(250)
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, firstVersion)
	if err := errors.Join(run.commit(l), l.Close()); err != nil {
		t.Fatal(err)
	}
	l = openTestLedger(t, disk, func(c *LedgerConfig) { packing(c); c.moveBytes = 1000 })
	if whole := run.check(t, l); whole > 20 {
		t.Errorf("%d certificates of 249 are whole", whole)
	}
	if l.waiting != 251 {
		t.Errorf("block %d is not in the archive", l.waiting)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// A run that its packer does not know is damage.
func TestARunThatIsNoneIsDamage(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := openTestLedger(t, disk, packing)
	if err := errors.Join(newQuietRun(100).commit(l), l.Close()); err != nil {
		t.Fatal(err)
	}
	l = openTestLedger(t, disk, func(c *LedgerConfig) { c.Packer = strangePacker{} })
	defer func() { _ = l.Close() }()
	l.Failed()
	if _, err := l.Latest().Header(3); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "a run of") {
		t.Errorf("%v", err)
	}
}

type strangePacker struct{ testPacker }

func (strangePacker) Unpack([]byte) ([]Quiet, error) { return nil, io.ErrUnexpectedEOF }
