package driver_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

const (
	self = pbft.ReplicaID(0)
	peer = pbft.ReplicaID(1)
)

func shares(t *testing.T, l driver.Limits, members int) *driver.Shares {
	t.Helper()
	l, err := l.WithDefaults(members)
	if err != nil {
		t.Fatal(err)
	}
	return driver.NewShares(l, self, members)
}

// What all members take from their clients together fits into the pool of each, and
// nobody alone fills one.
func TestDefaultsLeaveRoomForAll(t *testing.T) {
	for _, members := range []int{1, 4, 7, 31, 100} {
		l, err := driver.Limits{}.WithDefaults(members)
		if err != nil {
			t.Fatal(err)
		}
		if l.OwnTxsMax*members > l.TxsMax || l.OwnBytesMax*members > l.BytesMax {
			t.Errorf("%d members: own shares of %d and %d bytes, a pool of %d and %d", members, l.OwnTxsMax, l.OwnBytesMax,
				l.TxsMax, l.BytesMax)
		}
		if l.SenderTxsMax >= l.TxsMax || l.PeerTxsMax >= l.TxsMax || l.OwnTxsMax >= l.TxsMax {
			t.Errorf("%d members: one fills the pool: %+v", members, l)
		}
	}
	l, err := driver.Limits{}.WithDefaults(4)
	want := driver.Limits{TxsMax: 65536, BytesMax: 64 << 20, SenderTxsMax: 16384, PeerTxsMax: 32768, OwnTxsMax: 12288,
		OwnBytesMax: 12 << 20}
	if err != nil || l != want {
		t.Errorf("four members: %+v, want %+v", l, want)
	}
	tiny, err := driver.Limits{TxsMax: 1, BytesMax: 1}.WithDefaults(100)
	if err != nil || tiny.OwnTxsMax != 1 || tiny.OwnBytesMax != 1 || tiny.SenderTxsMax != 1 || tiny.PeerTxsMax != 1 {
		t.Errorf("a pool for one has no share for one: %+v, %v", tiny, err)
	}
	if _, err := (driver.Limits{PeerTxsMax: -1}).WithDefaults(4); !errors.Is(err, driver.ErrLimits) {
		t.Errorf("a negative limit: %v", err)
	}
}

func TestTheDoorHasRoomUpToEachLimit(t *testing.T) {
	const size = 10
	for _, x := range []struct {
		name   string
		limits driver.Limits
		from   pbft.ReplicaID
		fits   int
		want   driver.Room
	}{
		{"transactions", driver.Limits{TxsMax: 4, SenderTxsMax: 10, PeerTxsMax: 10}, peer, 4, driver.PoolFull},
		{"bytes", driver.Limits{BytesMax: 45}, peer, 4, driver.PoolFull},
		{"own transactions", driver.Limits{OwnTxsMax: 3}, self, 3, driver.PoolFull},
		{"own bytes", driver.Limits{OwnBytesMax: 35}, self, 3, driver.PoolFull},
		{"own bytes of less than one", driver.Limits{OwnBytesMax: 5}, self, 1, driver.PoolFull},
		{"sender", driver.Limits{SenderTxsMax: 3}, self, 3, driver.SenderFull},
		{"peer", driver.Limits{PeerTxsMax: 2}, peer, 2, driver.PeerFull},
	} {
		s := shares(t, x.limits, 1)
		if x.from != self {
			s = shares(t, x.limits, 4)
		}
		for n := range x.fits {
			if room := s.Ask(x.from, n, size); room != driver.HasRoom {
				t.Errorf("%s: transaction %d: %d", x.name, n, room)
			}
			s.Enter(x.from, size)
		}
		if room := s.Ask(x.from, x.fits, size); room != x.want {
			t.Errorf("%s: one too many: %d, want %d", x.name, room, x.want)
		}
		s.Leave(x.from, size)
		if room := s.Ask(x.from, x.fits-1, size); room != driver.HasRoom {
			t.Errorf("%s: after one has left: %d", x.name, room)
		}
	}
}

// A member that the committee does not have has no share.
func TestAStrangerHasNoRoom(t *testing.T) {
	s := shares(t, driver.Limits{}, 4)
	if room := s.Ask(4, 0, 10); room != driver.PeerFull {
		t.Errorf("member 4 of 4: %d", room)
	}
}

// Room is kept for what is being checked, so that more is refused before its check.
func TestExpectKeepsRoomForWhatIsChecked(t *testing.T) {
	s := shares(t, driver.Limits{OwnTxsMax: 5, TxsMax: 7, OwnBytesMax: 1000}, 4)
	s.Enter(self, 10)
	for _, x := range []struct{ ask, came, want int }{{3, 0, 3}, {3, 0, 1}, {1, 0, 0}, {9, 2, 2}, {-1, 0, 0}} {
		s.Came(x.came)
		if n := s.Expect(x.ask); n != x.want {
			t.Errorf("%d came, room for %d of %d, want %d", x.came, n, x.ask, x.want)
		}
	}
	s.Came(4)
	for range 4 {
		s.Enter(peer, 10)
	}
	if n := s.Expect(9); n != 2 {
		t.Errorf("room for %d own ones in a pool with 2 places left", n)
	}
	s.Came(2)
	s.Enter(self, 990)
	if n := s.Expect(1); n != 0 {
		t.Errorf("room for %d where the bytes of own clients are used up", n)
	}
}

// Whatever enters, leaves and is adopted, the counts are those of the content.
func TestSharesCountWhatIsInside(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	type inside struct {
		from pbft.ReplicaID
		size int
	}
	limits := driver.Limits{TxsMax: 60, PeerTxsMax: 20, OwnTxsMax: 25, BytesMax: 1500}
	s := shares(t, limits, 4)
	var pool []inside
	for step := range 20_000 {
		switch k := len(pool); {
		case k > 0 && r.IntN(2) == 0:
			i := r.IntN(k)
			s.Leave(pool[i].from, pool[i].size)
			pool[i] = pool[k-1]
			pool = pool[:k-1]
		case k > 0 && r.IntN(8) == 0:
			if x := &pool[r.IntN(k)]; x.from != self {
				s.Adopt(x.from, x.size)
				x.from = self
			}
		default:
			x := inside{pbft.ReplicaID(r.IntN(4)), 1 + r.IntN(40)}
			if s.Ask(x.from, 0, x.size) == driver.HasRoom {
				s.Enter(x.from, x.size)
				pool = append(pool, x)
			}
		}
		var bytes, own, ownBytes int
		var peers [4]int
		for _, x := range pool {
			bytes += x.size
			if peers[x.from]++; x.from == self {
				own++
				ownBytes += x.size
			}
		}
		gotOwn, gotOwnBytes := s.Own()
		if s.Txs() != len(pool) || s.Bytes() != bytes || gotOwn != own || gotOwnBytes != ownBytes {
			t.Fatalf("seed %d, step %d: counts %d of %d bytes, own %d of %d, want %d of %d, %d of %d", seed, step, s.Txs(),
				s.Bytes(), gotOwn, gotOwnBytes, len(pool), bytes, own, ownBytes)
		}
		for id := range peers {
			full := peers[id] >= limits.PeerTxsMax
			if id != int(self) && full != (s.Ask(pbft.ReplicaID(id), 0, 0) != driver.HasRoom) && !s.Full() {
				t.Fatalf("seed %d, step %d: member %d has %d of %d and full is %v", seed, step, id, peers[id],
					limits.PeerTxsMax, full)
			}
		}
	}
}
