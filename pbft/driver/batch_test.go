package driver_test

import (
	"testing"

	"github.com/scrip-network/scrip/pbft/driver"
)

const ms = int64(1_000_000) // in nanoseconds

func TestABlockIsDueWhenItIsWorthOne(t *testing.T) {
	b := driver.Batching{}.WithDefaults(4 << 20)
	for _, x := range []struct {
		name   string
		p      driver.Pending
		due    bool
		waitNs int64
	}{
		{"nothing waits", driver.Pending{SinceNs: 1000 * ms}, false, 0},
		{"a lone one, nothing in flight", driver.Pending{Txs: 1, Bytes: 250}, true, 0},
		{"a lone one after a small block", driver.Pending{Txs: 1, Bytes: 250, LastTxs: 15, SinceNs: 1}, true, 0},
		{"after a block of many, committed in 3 ms", driver.Pending{Txs: 1, Bytes: 250, LastTxs: 16, SinceNs: 4 * ms,
			CommittedInNs: 3 * ms}, false, 2 * ms},
		{"the same after twice its time", driver.Pending{Txs: 1, Bytes: 250, LastTxs: 16, SinceNs: 6 * ms,
			CommittedInNs: 3 * ms}, true, 0},
		{"a block of many that commits in this very turn", driver.Pending{Txs: 1, Bytes: 250, LastTxs: 16,
			SinceNs: 3 * ms}, false, 3 * ms},
		{"a slow block is waited for no longer than the wait", driver.Pending{Txs: 1, Bytes: 250, LastTxs: 16,
			SinceNs: 19 * ms, CommittedInNs: 15 * ms}, false, ms},
		{"blocks in flight, a young batch", driver.Pending{Txs: 1, Bytes: 250, InFlight: 1, SinceNs: 5 * ms}, false, 15 * ms},
		{"blocks in flight, an old one", driver.Pending{Txs: 1, Bytes: 250, InFlight: 3, SinceNs: 20 * ms}, true, 0},
		{"blocks in flight, a large one waits half as long", driver.Pending{Txs: 600, Bytes: 128 << 10, InFlight: 3,
			SinceNs: 3 * ms}, false, 7 * ms},
		{"blocks in flight, a large one", driver.Pending{Txs: 600, Bytes: 128 << 10, InFlight: 3, SinceNs: 10 * ms}, true, 0},
		{"one byte less", driver.Pending{Txs: 600, Bytes: 128<<10 - 1, InFlight: 3}, false, 20 * ms},
		{"as many in flight as may be", driver.Pending{Txs: 600, Bytes: 1 << 20, InFlight: 4, SinceNs: 1000 * ms}, false, 0},
		{"execution keeps up", driver.Pending{Txs: 1, Bytes: 250, Backlog: driver.BacklogMax}, true, 0},
		{"execution lags", driver.Pending{Txs: 1, Bytes: 250, Backlog: driver.BacklogMax + 1, SinceNs: 1000 * ms}, false, 0},
	} {
		if due, waitNs := b.Due(&x.p); due != x.due || waitNs != x.waitNs {
			t.Errorf("%s: due %v in %d ns, want %v in %d", x.name, due, waitNs, x.due, x.waitNs)
		}
	}
}

// Where members are far, blocks follow each other as the way and the quorum allow.
func TestBlocksArePacedByTheDistance(t *testing.T) {
	b := driver.Batching{}.WithDefaults(4 << 20)
	for _, x := range []struct {
		name                 string
		members              int
		distance, quorum, ns int64
		most                 int
	}{
		{"nothing is known", 4, 0, 0, 20 * ms, 4},
		{"near", 4, 4*ms - 1, 30 * ms, 20 * ms, 4},
		{"near, and many", 100, ms, 3 * ms, 30 * ms, 4},
		{"far", 4, 4 * ms, 4 * ms, 5 * ms, 16},
		{"very far", 4, 80 * ms, 81 * ms, 10 * ms, 16},
		{"far, and busy", 4, 10 * ms, 33 * ms, 23 * ms, 16},
		{"far, and stuck", 4, 10 * ms, 1000 * ms, 50 * ms, 16},
		{"far, and many", 64, 10 * ms, 11 * ms, 19_200_000, 16},
	} {
		p := driver.Pending{Members: x.members, Txs: 1, InFlight: 1, DistanceNs: x.distance, QuorumNs: x.quorum}
		if due, waitNs := b.Due(&p); due || waitNs != x.ns {
			t.Errorf("%s: due %v in %d ns, want %d", x.name, due, waitNs, x.ns)
		}
		p.Bytes = 128 << 10
		if due, waitNs := b.Due(&p); due || waitNs != x.ns/2 {
			t.Errorf("%s, enough bytes: due %v in %d ns, want half of %d", x.name, due, waitNs, x.ns)
		}
		for p.SinceNs = 1000 * ms; p.InFlight < 100; p.InFlight++ {
			if due, _ := b.Due(&p); !due {
				break
			}
		}
		if p.InFlight != x.most {
			t.Errorf("%s: %d in flight, want %d", x.name, p.InFlight, x.most)
		}
	}
}

// A block holds the line for 50 ms and all in flight for 200 ms, whatever is waiting;
// alone, it always goes.
func TestBlocksLeaveRoomOnTheLine(t *testing.T) {
	b := driver.Batching{LineMbit: 100}.WithDefaults(4 << 20)
	for others, want := range map[int]int{0: 625_000, 3: 208_333, 30: 20_833, 99: 16 << 10} {
		if got := b.BlockBytesMax(others); got != want {
			t.Errorf("%d others: blocks of %d bytes, want %d", others, got, want)
		}
	}
	p := driver.Pending{Members: 4, Txs: 9999, Bytes: 1 << 20, InFlight: 3, SinceNs: 1000 * ms}
	for flight, want := range map[int64]bool{0: true, 625_000: true, 625_001: false} {
		p.FlightBytes = flight
		if due, waitNs := b.Due(&p); due != want || waitNs != 0 {
			t.Errorf("%d bytes in flight: due %v in %d ns", flight, due, waitNs)
		}
	}
	p.InFlight, p.FlightBytes = 0, 9<<20
	if due, _ := b.Due(&p); !due {
		t.Error("what nobody acknowledged stops the member for ever")
	}
	wide := driver.Batching{}.WithDefaults(4 << 20)
	if got := wide.BlockBytesMax(3); got != driver.BlockBytesDefault {
		t.Errorf("blocks of %d bytes among four on a line as it is usual", got)
	}
}

// Fixed is the policy that does without measures.
func TestTheFixedPolicyMeasuresNothing(t *testing.T) {
	b := driver.Batching{Fixed: true, LineMbit: -1}.WithDefaults(4 << 20)
	p := driver.Pending{Members: 100, Txs: 1, Bytes: 250, InFlight: 3, FlightBytes: 2 << 20, DistanceNs: 50 * ms}
	if due, waitNs := b.Due(&p); due || waitNs != 20*ms {
		t.Errorf("due %v in %d ns", due, waitNs)
	}
	p.Bytes = 128 << 10
	if due, _ := b.Due(&p); !due {
		t.Error("enough bytes wait")
	}
	if p.InFlight = 4; b.BlockBytesMax(99) != driver.BlockBytesDefault {
		t.Error("a line bounds blocks")
	}
	if due, _ := b.Due(&p); due {
		t.Error("more in flight than may be")
	}
}

// A timer that is set for what Due says fires when it is due, and not a tick before.
func TestTheWaitEndsWhenItSays(t *testing.T) {
	b := driver.Batching{WaitUs: 7000}.WithDefaults(4 << 20)
	for _, p := range []driver.Pending{{Txs: 1, InFlight: 1}, {Txs: 1, LastTxs: 20, CommittedInNs: 2 * ms, SinceNs: ms}} {
		_, waitNs := b.Due(&p)
		p.SinceNs += waitNs - 1
		if due, left := b.Due(&p); due || left != 1 {
			t.Errorf("%+v: due %v, %d ns left", p, due, left)
		}
		p.SinceNs++
		if due, _ := b.Due(&p); !due {
			t.Errorf("%+v: not due after its wait", p)
		}
	}
}

func TestBlocksStayWithinTheChainsLimits(t *testing.T) {
	b := driver.Batching{BytesMax: 9 << 20, TxsMax: 1 << 30, EnoughBytes: 8 << 20}.WithDefaults(4 << 20)
	if b.BytesMax != 4<<20 || b.TxsMax != driver.PayloadTxsMax || b.EnoughBytes != 2<<20 {
		t.Errorf("%+v", b)
	}
}

// Own transactions that no block has are sent again at growing intervals.
func TestARepeatComesLaterEachTime(t *testing.T) {
	r := driver.NewRepeat(0, driver.RepeatLeastMs(5))
	var at []uint64
	for now := uint64(0); now <= 30_000; now += 50 {
		if r.Due(now) {
			at = append(at, now)
		}
	}
	want := []uint64{100, 300, 700, 1500, 3100, 6300, 12700, 20700, 28700}
	if len(at) != len(want) {
		t.Fatalf("at %v ms, want %v", at, want)
	}
	for i := range want {
		if at[i] != want[i] {
			t.Errorf("at %v ms, want %v", at, want)
			break
		}
	}
	for ticks, leastMs := range map[uint32]uint64{1: 100, 5: 100, 6: 120, 100: 2000, 1 << 31: 8000} {
		if got := driver.RepeatLeastMs(ticks); got != leastMs {
			t.Errorf("a timeout of %d ticks: first after %d ms, want %d", ticks, got, leastMs)
		}
	}
}
