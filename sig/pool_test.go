package sig

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runPool runs p until the test ends and checks that Run returns.
func runPool(t *testing.T, p *Pool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func TestPoolAnswersEveryJobWithItsOwnVerdicts(t *testing.T) {
	r := newRand(t, 20)
	p := NewPool(NewVerifier(32), 3, 1<<20)
	keys := []PrivateKey{randomKey(r), randomKey(r), randomKey(r)}
	type answer struct{ got, want []bool }
	answers := make(chan answer, 300)
	submit := func(class Class, n int) {
		items, want := make([]Item, n), make([]bool, n)
		for i := range items {
			items[i] = signedItem(keys[r.IntN(len(keys))], randomBytes(r, 30))
			if want[i] = r.IntN(50) != 0; !want[i] {
				items[i].Message = append(items[i].Message, 1)
			}
		}
		if err := p.Submit(class, items, func(ok []bool) { answers <- answer{ok, want} }); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 { // before Run, so that batches must form
		submit(Bulk, 1+r.IntN(8))
		submit(Urgent, 1+r.IntN(3))
	}
	submit(Bulk, 3*BatchMax+7) // larger than a batch: several workers share it
	runPool(t, p)
	for range 50 {
		submit(Class(r.IntN(classes)), 1+r.IntN(100))
	}
	for range 251 {
		if a := <-answers; !slices.Equal(a.got, a.want) {
			t.Fatalf("got %v, want %v", a.got, a.want)
		}
	}
	if s := p.Stats(); s.Waiting != 0 || s.Urgent+s.Bulk != 251 || s.Refused != 0 || s.CachedKeyCount != 3 {
		t.Fatalf("stats %+v", s)
	}
}

func TestPoolTakesUrgentFirstAndLeavesTurnsToBulk(t *testing.T) {
	p := NewPool(NewVerifier(1), 1, 1<<20)
	item := signedItem(GenerateKey(), nil)
	for range 3 {
		for _, class := range []Class{Bulk, Urgent} {
			if err := p.Submit(class, slices.Repeat([]Item{item}, BatchMax), func([]bool) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	urgent := slices.Clone(p.queues[Urgent].jobs)
	var order []Class
	for turn := 1; turn <= 6; turn++ {
		parts, _ := p.take(nil, turn)
		if len(parts) != 1 {
			t.Fatalf("turn %d mixes %d jobs", turn, len(parts))
		}
		if slices.Contains(urgent, parts[0].job) {
			order = append(order, Urgent)
		} else {
			order = append(order, Bulk)
		}
	}
	if want := []Class{Urgent, Urgent, Urgent, Bulk, Bulk, Bulk}; !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
	for range bulkTurn { // both waiting at a bulk turn
		_ = p.Submit(Urgent, []Item{item}, func([]bool) {})
		_ = p.Submit(Bulk, []Item{item}, func([]bool) {})
	}
	bulk := p.queues[Bulk].signatures
	if p.take(nil, bulkTurn); p.queues[Bulk].signatures >= bulk {
		t.Fatal("urgent jobs starve bulk ones")
	}
}

func TestPoolSharesABacklogWithIdleWorkers(t *testing.T) {
	p := NewPool(NewVerifier(1), 2, 1<<20)
	items := slices.Repeat([]Item{signedItem(GenerateKey(), nil)}, 300)
	if err := p.Submit(Bulk, items, func([]bool) {}); err != nil {
		t.Fatal(err)
	}
	p.idle = 1
	first, _ := p.take(nil, 1)
	p.idle = 0
	second, _ := p.take(nil, 1)
	if first[0].to != 150 || second[0].from != 150 || second[0].to != 300 {
		t.Fatalf("parts %+v, %+v", first, second)
	}
}

func TestPoolRefusesWhatItCannotHold(t *testing.T) {
	p := NewPool(NewVerifier(1), 1, 10)
	items := slices.Repeat([]Item{signedItem(GenerateKey(), nil)}, 11)
	var answered atomic.Int32
	done := func([]bool) { answered.Add(1) }
	if err := p.Submit(Bulk, items, done); err != nil {
		t.Fatalf("an empty pool must take any job: %v", err)
	}
	if err := p.Submit(Urgent, items[:1], done); !errors.Is(err, ErrPoolFull) {
		t.Fatalf("got %v, want ErrPoolFull", err)
	}
	if err := p.Submit(classes, items[:1], done); err == nil {
		t.Fatal("an unknown class is accepted")
	}
	if err := p.Submit(Bulk, nil, done); err == nil {
		t.Fatal("a job without items is accepted")
	}
	if s := p.Stats(); s.Refused != 1 || s.Waiting != 11 {
		t.Fatalf("stats %+v", s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.Run(ctx)
	if answered.Load() != 1 {
		t.Fatalf("%d answers for one accepted job", answered.Load())
	}
}

func TestStoppedPoolAnswersWithoutVerdicts(t *testing.T) {
	p := NewPool(NewVerifier(1), 2, 0)
	items := slices.Repeat([]Item{signedItem(GenerateKey(), nil)}, 2*BatchMax)
	answers := make(chan []bool, 10)
	for range 10 {
		if err := p.Submit(Bulk, items, func(ok []bool) { answers <- ok }); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if ok := <-answers; ok != nil && len(ok) != len(items) {
			t.Fatalf("%d verdicts", len(ok))
		}
	}
	if err := p.Submit(Bulk, items[:1], func([]bool) {}); !errors.Is(err, ErrPoolStopped) {
		t.Fatalf("got %v, want ErrPoolStopped", err)
	}
	if err := p.Run(ctx); err == nil {
		t.Fatal("a second Run is allowed")
	}
}

func TestPoolVerifyWaitsForTheVerdict(t *testing.T) {
	p := NewPool(NewVerifier(1), 1, 0)
	ctx, cancel := context.WithCancel(context.Background())
	good := signedItem(GenerateKey(), []byte("a"))
	bad := good
	bad.Message = []byte("b")
	cancel()
	if _, err := p.Verify(ctx, Urgent, []Item{good}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
	stop := runPool(t, p)
	for _, c := range []struct {
		items []Item
		want  bool
	}{{nil, true}, {[]Item{good}, true}, {[]Item{good, bad}, false}} {
		if ok, err := p.Verify(context.Background(), Urgent, c.items); ok != c.want || err != nil {
			t.Fatalf("%d items: %v, %v", len(c.items), ok, err)
		}
	}
	stop()
	if _, err := p.Verify(context.Background(), Urgent, []Item{good}); !errors.Is(err, ErrPoolStopped) {
		t.Fatalf("got %v, want ErrPoolStopped", err)
	}
}

// Under load a bulk batch waits to grow, a bounded time; urgent jobs never do,
// and neither does a lone transaction.
func TestBulkWaitsForCompanyOnlyUnderLoad(t *testing.T) {
	p := NewPool(NewVerifier(0), 1, 0)
	submit := func(class Class, n int) {
		t.Helper()
		if err := p.Submit(class, make([]Item, n), func([]bool) {}); err != nil {
			t.Fatal(err)
		}
	}
	submit(Bulk, 1)
	if !p.bulkReady() {
		t.Fatal("a lone job waits")
	}
	submit(Bulk, bulkBusy)
	p.take(nil, 1)
	submit(Bulk, 1)
	if p.bulkReady() {
		t.Fatal("a small batch does not wait under load")
	}
	submit(Urgent, 1)
	if parts, _ := p.take(nil, 1); len(parts) != 1 || p.queues[Bulk].signatures != 1 {
		t.Fatal("an urgent job waits for bulk")
	}
	submit(Bulk, bulkEnough-1)
	if !p.bulkReady() {
		t.Fatal("a large batch waits")
	}
	p.take(nil, 1)
	submit(Bulk, 1)
	p.since = p.since.Add(-bulkHold)
	if !p.bulkReady() {
		t.Fatal("a small batch waits longer than it may")
	}
	p.take(nil, 1)
	submit(Bulk, 1)
	if !p.bulkReady() {
		t.Fatal("a job waits after the load has ended")
	}
}
