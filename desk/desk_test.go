package desk

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

var (
	chain  = coupon.Chain{Digest: [32]byte{7}, ValidKey: sig.ValidKey}
	secret = keys.Secret{Kind: keys.Ticket, Seed: [32]byte{9}}
)

const dir = "desk"

// claimKey returns the n-th claim key.
func claimKey(n int) [32]byte {
	return coupon.NewSigner(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))).Key
}

func open(t testing.TB, fsys store.FS, fresh bool) *Desk {
	t.Helper()
	d, err := Open(Config{Chain: chain, Secret: secret, Dir: dir, New: fresh, FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// batch returns a batch that was committed with the key that the desk has named.
func batch(d *Desk, campaign uint32, number uint16, first, count uint32) Batch {
	return Batch{Campaign: campaign, Number: number, First: first, Count: count, TicketKey: d.KeyFor(campaign, first),
		Expires: 1000}
}

func serve(t testing.TB, d *Desk, b Batch) {
	t.Helper()
	if err := d.Serve(b, 0); err != nil {
		t.Fatal(err)
	}
}

func ticket(t testing.TB, d *Desk, campaign uint32, key [32]byte) Ticket {
	t.Helper()
	x, err := d.Ticket(campaign, key, 1)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestATicketIsGoodForItsKeyAlone(t *testing.T) {
	d := open(t, store.NewMem(), true)
	b := batch(d, 3, 1, 5, 10)
	serve(t, d, b)
	x := ticket(t, d, 3, claimKey(1))
	want := coupon.Ticket{Campaign: 3, Batch: 1, Serial: 5, ClaimKey: claimKey(1), Expires: 1000}
	if x.Ticket != want || x.TicketKey != b.TicketKey {
		t.Errorf("%+v, wanted %+v", x.Ticket, want)
	}
	message := chain.Message(coupon.TagTicket, x.AppendTo(nil))
	if !sig.Verify(&b.TicketKey, message, &x.Signature) {
		t.Error("the signature is not good")
	}
	if again := ticket(t, d, 3, claimKey(1)); again != x {
		t.Errorf("asked again: %+v", again)
	}
	if next := ticket(t, d, 3, claimKey(2)); next.Serial != 6 {
		t.Errorf("the next key gets serial %d", next.Serial)
	}
}

func TestEveryRefusalIsTheSame(t *testing.T) {
	d := open(t, store.NewMem(), true)
	serve(t, d, batch(d, 3, 1, 1, 1))
	serve(t, d, batch(d, 4, 1, 1, 5))
	ticket(t, d, 3, claimKey(1))
	for name, x := range map[string]struct {
		campaign uint32
		key      [32]byte
		now      uint64
	}{
		"none left": {3, claimKey(2), 1}, "no such campaign": {9, claimKey(2), 1}, "over": {4, claimKey(2), 1000},
		"a key of small order": {4, [32]byte{1}, 1}, "no key": {4, [32]byte{}, 1},
	} {
		got, err := d.Ticket(x.campaign, x.key, x.now)
		if !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error() || got != (Ticket{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got := ticket(t, d, 3, claimKey(1)); got.Serial != 1 {
		t.Errorf("who has a ticket of an exhausted batch gets %+v", got)
	}
}

// The next batch of a campaign goes on where the first ends, and nobody gets a
// ticket of each.
func TestBatchesFollowEachOther(t *testing.T) {
	d := open(t, store.NewMem(), true)
	serve(t, d, batch(d, 3, 2, 3, 2))
	serve(t, d, batch(d, 3, 1, 1, 2))
	serve(t, d, batch(d, 3, 1, 1, 2)) // again: nothing changes
	for n := range 4 {
		x := ticket(t, d, 3, claimKey(n))
		if want := uint32(n) + 1; x.Serial != want || x.Batch != uint16(n/2)+1 {
			t.Errorf("key %d: batch %d, serial %d", n, x.Batch, x.Serial)
		}
	}
	if x := ticket(t, d, 3, claimKey(0)); x.Serial != 1 || d.Left(3) != 0 {
		t.Errorf("asked again: serial %d, %d left", x.Serial, d.Left(3))
	}
	if all := d.Batches(); len(all) != 2 || all[0].Number != 1 || all[1].Number != 2 {
		t.Errorf("%+v", all)
	}
}

func TestOnlyBatchesUnderItsKeysAreServed(t *testing.T) {
	d := open(t, store.NewMem(), true)
	b := batch(d, 3, 1, 1, 10)
	b.TicketKey = secret.Public() // as "scrip ticket issue --key" commits it
	serve(t, d, b)
	other := batch(d, 3, 2, 11, 10)
	other.TicketKey = d.KeyFor(3, 1)
	if err := d.Serve(other, 0); !errors.Is(err, ErrNotOurs) {
		t.Errorf("another batch's key: %v", err)
	}
	for name, count := range map[string]uint32{"none": 0, "too many": TicketsMax + 1} {
		if err := d.Serve(batch(d, 5, 1, 1, count), 0); !errors.Is(err, ErrTooMany) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range uint32(AllTicketsMax / TicketsMax) {
		err := d.Serve(batch(d, 6+n, 1, 1, TicketsMax), 0)
		if full := errors.Is(err, ErrTooMany); full != (n == AllTicketsMax/TicketsMax-1) { // ten are served already
			t.Errorf("batch %d of a million: %v", n, err)
		}
	}
}

// Whoever asks a desk for a key can commit batches under it: those of issuers that it
// does not serve take no room.
func TestADeskServesItsIssuersAlone(t *testing.T) {
	d, err := Open(Config{Chain: chain, Secret: secret, Dir: dir, New: true, Issuers: []uint16{4}, FS: store.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	b := batch(d, 3, 1, 1, 10)
	for n := range uint32(BatchesMax + 1) {
		foreign := batch(d, 10+n, 1, 1, TicketsMax)
		foreign.Issuer = 5
		if err := d.Serve(foreign, 0); !errors.Is(err, ErrIssuer) {
			t.Fatalf("a foreign issuer: %v", err)
		}
	}
	b.Issuer = 4
	serve(t, d, b)
}

// Batches that have ended make room for others, and are not taken up again.
func TestEndedBatchesLeaveTheCount(t *testing.T) {
	d := open(t, store.NewMem(), true)
	for n := range uint32(AllTicketsMax / TicketsMax) {
		serve(t, d, batch(d, 6+n, 1, 1, TicketsMax))
	}
	later := batch(d, 3, 1, 1, 10)
	later.Expires = 5000
	if err := d.Serve(later, 999); !errors.Is(err, ErrTooMany) {
		t.Errorf("while the others last: %v", err)
	}
	if err := d.Serve(later, 1000); err != nil || len(d.Batches()) != 1 || d.Left(3) != 10 || d.Left(6) != 0 {
		t.Errorf("after their end: %v, %d batches", err, len(d.Batches()))
	}
	if err := d.Serve(batch(d, 6, 1, 1, 10), 1000); !errors.Is(err, ErrEnded) {
		t.Errorf("one that has ended: %v", err)
	}
}

func TestAFolderIsOneDesks(t *testing.T) {
	m := store.NewMem()
	if _, err := Open(Config{Chain: chain, Secret: secret, Dir: dir, FS: m}); !errors.Is(err, ErrNew) {
		t.Fatalf("an empty folder: %v", err)
	}
	d := open(t, m, true)
	if _, err := Open(Config{Chain: chain, Secret: secret, Dir: dir, FS: m}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("two desks in one folder: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"another key":   {Chain: chain, Secret: keys.Secret{Kind: keys.Ticket, Seed: [32]byte{8}}},
		"another chain": {Chain: coupon.Chain{Digest: [32]byte{8}}, Secret: secret},
	} {
		cfg.Dir, cfg.FS, cfg.New = dir, m, true
		if _, err := Open(cfg); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(Config{Chain: chain, Secret: keys.Secret{Kind: keys.Till}, Dir: dir, New: true,
		FS: store.NewMem()}); err == nil {
		t.Error("a till's key opens a desk")
	}
	if err := open(t, m, false).Close(); err != nil {
		t.Error(err)
	}
}

// However many ask with one key at once, there is one ticket; however many keys ask
// at once, each serial goes to one of them.
func TestRacesHaveOneOutcome(t *testing.T) {
	d := open(t, store.NewMem(), true)
	const count, each = 50, 8
	serve(t, d, batch(d, 3, 1, 1, count))
	var g sync.WaitGroup
	var mu sync.Mutex
	serials := make(map[[32]byte]map[uint32]bool)
	refused := 0
	for n := range count + 10 {
		for range each {
			g.Go(func() {
				x, err := d.Ticket(3, claimKey(n), 1)
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, ErrRefused) {
					refused++
					return
				}
				if serials[claimKey(n)] == nil {
					serials[claimKey(n)] = make(map[uint32]bool)
				}
				serials[claimKey(n)][x.Serial] = true
			})
		}
	}
	g.Wait()
	given := make(map[uint32]bool)
	for key, all := range serials {
		if len(all) != 1 {
			t.Errorf("%x has %d tickets", key[:4], len(all))
		}
		for s := range all {
			if given[s] || s < 1 || s > count {
				t.Errorf("serial %d was given twice, or is not in the batch", s)
			}
			given[s] = true
		}
	}
	if len(given) != count || refused != 10*each {
		t.Errorf("%d serials given, %d refused", len(given), refused)
	}
}

// A power cut at any moment, of any kind: whoever was answered keeps their ticket,
// and no serial goes to two keys.
func TestAnsweredTicketsSurviveAPowerCut(t *testing.T) {
	for _, kind := range []store.CrashKind{store.CrashClean, store.CrashTorn, store.CrashNames, store.CrashMixed} {
		for at := 0; ; at++ {
			if !cutAt(t, kind, at) {
				break
			}
		}
	}
}

// cutAt cuts the power in the operation of an index, and reports whether there was
// one.
func cutAt(t *testing.T, kind store.CrashKind, at int) bool {
	t.Helper()
	seed := rand.Uint64()
	where := fmt.Sprintf("crash %d in operation %d, seed %d", kind, at, seed)
	m := store.NewMem()
	m.CrashAt(at)
	answered := give(t, m, true, 0, 6)
	if m.Ops() <= at {
		return false
	}
	for round := range 2 { // and once more, on what is left
		m = m.Crash(kind, seed)
		from := 3 * (round + 1)
		// Before the first answer there may be no desk yet.
		fresh := len(answered) == 0
		for key, serial := range give(t, m, fresh, from, from+6) {
			if was, ok := answered[key]; ok && was != serial {
				t.Fatalf("%s: %x had serial %d and has %d", where, key[:4], was, serial)
			}
			answered[key] = serial
		}
		owner := make(map[uint32][32]byte)
		for key, serial := range answered {
			if other, ok := owner[serial]; ok {
				t.Fatalf("%s: serial %d is %x's and %x's", where, serial, key[:4], other[:4])
			}
			owner[serial] = key
		}
	}
	if len(answered) < 6 {
		t.Fatalf("%s: only %d were answered", where, len(answered))
	}
	return true
}

// give opens a desk and lets some keys ask; it returns who was answered. On a
// machine that is down nobody is.
func give(t *testing.T, m *store.Mem, fresh bool, from, to int) map[[32]byte]uint32 {
	t.Helper()
	answered := make(map[[32]byte]uint32)
	d, err := Open(Config{Chain: chain, Secret: secret, Dir: dir, New: fresh, FS: m})
	if errors.Is(err, store.ErrCrashed) {
		return answered
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Serve(batch(d, 3, 1, 1, 100), 0); err != nil && !errors.Is(err, store.ErrCrashed) {
		t.Fatal(err)
	}
	for n := from; n < to; n++ {
		if x, err := d.Ticket(3, claimKey(n), 1); err == nil {
			answered[claimKey(n)] = x.Serial
		} else if !errors.Is(err, ErrDisk) && !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	return answered
}

// When the disk fails, the desk gives nothing new and nothing that may not be there
// tomorrow, also not to those who wait for the same write.
func TestADiskThatFailsStopsTheBatch(t *testing.T) {
	for _, offset := range []int{0, 1} { // the write, the sync
		m := store.NewMem()
		d := open(t, m, true)
		serve(t, d, batch(d, 3, 1, 1, 100))
		first := ticket(t, d, 3, claimKey(0))
		m.FailAt(m.Ops()+offset, fs.ErrInvalid)
		for n := range 2 {
			if x, err := d.Ticket(3, claimKey(1+n%2), 1); !errors.Is(err, ErrDisk) {
				t.Errorf("after a failed disk: %+v, %v", x, err)
			}
		}
		if again := ticket(t, d, 3, claimKey(0)); again != first {
			t.Error("what is on disk is forgotten")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, m.Crash(store.CrashClean, 1), false)
		serve(t, d, batch(d, 3, 1, 1, 100))
		if again := ticket(t, d, 3, claimKey(0)); again != first {
			t.Error("what was answered is forgotten")
		}
	}
}

// A damaged record burns its serial; a file of another batch is not touched.
func TestDamageIsNotReusedAndNotOverwritten(t *testing.T) {
	m := store.NewMem()
	d := open(t, m, true)
	b := batch(d, 3, 1, 1, 100)
	serve(t, d, b)
	for n := range 3 {
		ticket(t, d, 3, claimKey(n))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	name := logName(dir, &b)
	content, err := m.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[headerBytes+recordBytes] ^= 1 // serial 2
	m.WriteFile(name, content)
	d = open(t, m, false)
	serve(t, d, b)
	for n, want := range map[int]uint32{0: 1, 2: 3} {
		if x := ticket(t, d, 3, claimKey(n)); x.Serial != want {
			t.Errorf("key %d has serial %d, had %d", n, x.Serial, want)
		}
	}
	if x := ticket(t, d, 3, claimKey(1)); x.Serial != 4 {
		t.Errorf("whose record is gone gets serial %d, wanted a new one", x.Serial)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string][]byte{"header": append([]byte{'x'}, content[1:]...), "short": content[:20],
		"long": append(content, make([]byte, 100*recordBytes)...)} {
		m.WriteFile(name, damage)
		d = open(t, m, false)
		if err := d.Serve(b, 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if now, err := m.ReadFile(name); err != nil || string(now) != string(damage) {
			t.Errorf("%s: the file was changed", what)
		}
	}
}
