package pbft

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// testKeys returns n distinct keys.
func testKeys(n int) []PublicKey {
	keys := make([]PublicKey, n)
	for i := range keys {
		keys[i] = PublicKey{byte(i), byte(i >> 8), 1}
	}
	return keys
}

func testCommittee(t testing.TB, n, f, p int) *Committee {
	t.Helper()
	c, err := NewCommittee(Digest{7}, 0, testKeys(n), Parameters{Faults: f, FastFaults: p})
	if err != nil {
		t.Fatalf("committee n=%d f=%d p=%d: %v", n, f, p, err)
	}
	return c
}

// The table of section 2.
func TestQuorumsOfTheTable(t *testing.T) {
	for _, row := range []struct {
		n, f, p, q, fast, m, t0, t1 int
		strict                      bool
	}{
		{4, 1, 1, 3, 3, 3, 1, 2, false},
		{4, 1, 0, 3, 4, 3, 2, 0, true},
		{6, 1, 1, 4, 5, 5, 3, 0, true},
		{7, 2, 1, 5, 6, 5, 2, 3, false},
		{10, 3, 1, 7, 9, 7, 3, 4, false},
		{10, 2, 2, 7, 8, 8, 4, 5, false},
		{31, 10, 1, 21, 30, 21, 10, 11, false},
		{31, 8, 4, 20, 27, 23, 11, 12, false},
		{100, 33, 1, 67, 99, 67, 33, 34, false},
		{100, 30, 5, 66, 95, 70, 35, 36, false},
	} {
		c := testCommittee(t, row.n, row.f, row.p)
		got := [...]int{c.Quorum(), c.FastQuorum(), c.ViewChangeQuorum(), c.Support()}
		if want := [...]int{row.q, row.fast, row.m, row.t0}; got != want {
			t.Errorf("n=%d f=%d p=%d: q, F, m, T0 = %v, want %v", row.n, row.f, row.p, got, want)
		}
		if row.t1 != 0 && c.SupportWithEvidence() != row.t1 {
			t.Errorf("n=%d f=%d p=%d: T1 = %d, want %d", row.n, row.f, row.p, c.SupportWithEvidence(), row.t1)
		}
		if c.WeakQuorum() != row.f+1 {
			t.Errorf("n=%d f=%d p=%d: weak quorum %d", row.n, row.f, row.p, c.WeakQuorum())
		}
	}
}

// The inequalities on which section 8 rests, for every legal committee.
func TestQuorumInequalities(t *testing.T) {
	keys := testKeys(ReplicasMax)
	count := 0
	for n := 4; n <= ReplicasMax; n++ {
		for f := 1; 3*f+1 <= n; f++ {
			for p := 0; p <= f && (p == 0 || n >= 3*f+2*p-1); p++ {
				count++
				c, err := NewCommittee(Digest{}, 0, keys[:n], Parameters{Faults: f, FastFaults: p})
				if err != nil {
					t.Fatal(err)
				}
				checkInequalities(t, c)
			}
		}
	}
	if count != 41_915 {
		t.Errorf("visited %d committees, there are 41915", count)
	}
}

func checkInequalities(t *testing.T, c *Committee) {
	n, f, p := c.Size(), c.Faults(), c.FastFaults()
	q, fast, m, t0, t1 := c.Quorum(), c.FastQuorum(), c.ViewChangeQuorum(), c.Support(), c.SupportWithEvidence()
	for _, rule := range []struct {
		name string
		ok   bool
	}{
		{"q honest replicas exist", q <= n-f},
		{"m >= q", m >= q},
		{"two quorums share an honest replica", 2*(q-f) > n-f},
		{"a quorum and a fast quorum share an honest replica", (q-f)+(n-p-f) > n-f},
		{"a fast commit certificate contains a prepared one", fast >= q},
		{"a quorum and the reports share f+1", m+q-n >= f+1},
		{"a quorum has f+1 honest", q-f >= f+1},
		{"the reports have f+1 honest", m-f >= f+1},
		{"T0 is m-f-p and at least 1", t0 == m-f-p && t0 >= 1},
		{"strict: two conflicting blocks cannot both reach T0", !c.Strict() || 2*t0 > m},
		{"not strict: T1 is m-(f-1)-p and two cannot reach it", c.Strict() || t1 == m-(f-1)-p && 2*t1 > m},
	} {
		if !rule.ok {
			t.Fatalf("n=%d f=%d p=%d: not true that %s", n, f, p, rule.name)
		}
	}
}

func TestDefaultFaultsAreTheLargest(t *testing.T) {
	for n := 1; n <= ReplicasMax; n++ {
		f, p := DefaultFaults(n)
		if n < 4 {
			if f != 0 {
				t.Errorf("DefaultFaults(%d) = %d, %d", n, f, p)
			}
			continue
		}
		testCommittee(t, n, f, p)
		if _, err := NewCommittee(Digest{}, 0, testKeys(n), Parameters{Faults: f + 1}); err == nil {
			t.Errorf("n=%d: f=%d is legal too", n, f+1)
		}
		if p < f {
			if _, err := NewCommittee(Digest{}, 0, testKeys(n), Parameters{Faults: f, FastFaults: p + 1}); err == nil {
				t.Errorf("n=%d f=%d: p=%d is legal too", n, f, p+1)
			}
		}
	}
}

func TestNewCommitteeRefuses(t *testing.T) {
	twice := testKeys(4)
	twice[3] = twice[1]
	for _, x := range []struct {
		name string
		keys []PublicKey
		p    Parameters
	}{
		{"no member", nil, Parameters{Faults: 1}},
		{"f = 0", testKeys(4), Parameters{}},
		{"n below 3f+1", testKeys(6), Parameters{Faults: 2}},
		{"negative f", testKeys(4), Parameters{Faults: -1}},
		{"negative p", testKeys(4), Parameters{Faults: 1, FastFaults: -1}},
		{"p above f", testKeys(40), Parameters{Faults: 1, FastFaults: 2}},
		{"n below 3f+2p-1", testKeys(7), Parameters{Faults: 2, FastFaults: 2}},
		{"too many members", testKeys(ReplicasMax + 1), Parameters{Faults: 1}},
		{"a key twice", twice, Parameters{Faults: 1}},
		{"a window above 256", testKeys(4), Parameters{Faults: 1, Window: 257}},
		{"a tenure below the window", testKeys(4), Parameters{Faults: 1, Window: 8, Tenure: 7}},
		{"a payload above its limit", testKeys(4), Parameters{Faults: 1, PayloadBytesMax: PayloadBytesLimit + 1}},
	} {
		if _, err := NewCommittee(Digest{}, 0, x.keys, x.p); !errors.Is(err, ErrCommittee) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// Every chain parameter, the order of the members, the epoch and the chain are
// part of what headers commit to.
func TestCommitteeDigestCoversEverything(t *testing.T) {
	base := Parameters{Faults: 2, FastFaults: 1, Window: 16, Tenure: 64, CheckpointInterval: 8, ExecutionLag: 3,
		PrecisionMs: 400, DelayMs: 4000, PayloadBytesMax: 1 << 20}
	swapped := testKeys(10)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	change := func(f func(*Parameters)) Parameters { p := base; f(&p); return p }
	seen := make(map[Digest]int)
	for i, x := range []struct {
		chain Digest
		epoch Epoch
		keys  []PublicKey
		p     Parameters
	}{
		{Digest{}, 0, testKeys(10), base},
		{Digest{1}, 0, testKeys(10), base},
		{Digest{}, 1, testKeys(10), base},
		{Digest{}, 0, swapped, base},
		{Digest{}, 0, testKeys(11), base},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.Faults = 3 })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.FastFaults = 0 })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.FastFaults, p.Protocol = 0, Original })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.Window++ })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.Tenure++ })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.CheckpointInterval++ })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.ExecutionLag++ })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.PrecisionMs++ })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.DelayMs++ })},
		{Digest{}, 0, testKeys(10), change(func(p *Parameters) { p.PayloadBytesMax++ })},
	} {
		c, err := NewCommittee(x.chain, x.epoch, x.keys, x.p)
		if err != nil {
			t.Fatal(err)
		}
		if j, ok := seen[c.Digest()]; ok {
			t.Errorf("cases %d and %d have one digest", j, i)
		}
		seen[c.Digest()] = i
	}
}

func TestPrimariesTakeTurns(t *testing.T) {
	c := testCommittee(t, 7, 2, 1)
	for v := View(1); v <= 30; v++ {
		if want := ReplicaID((v - 1) % 7); c.Primary(v) != want {
			t.Errorf("Primary(%d) = %d, want %d", v, c.Primary(v), want)
		}
	}
}

func TestSigners(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s Signers
		in := make(map[ReplicaID]bool)
		for range r.IntN(40) {
			id := ReplicaID(r.IntN(ReplicasMax))
			s.Add(id)
			in[id] = true
		}
		if s.Count() != len(in) {
			t.Fatalf("Count = %d, %d were added", s.Count(), len(in))
		}
		for id := range ReplicaID(ReplicasMax) {
			if s.Has(id) != in[id] {
				t.Fatalf("Has(%d) = %t", id, s.Has(id))
			}
		}
		if s.Has(Everyone) || s.Has(192) {
			t.Fatal("a set has what it cannot hold")
		}
	}
}
