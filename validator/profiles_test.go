package validator

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/profile"
	"github.com/scrip-network/scrip/profile/shelf"
)

// A node that was away when a shop published its profile has it after it has asked
// another, and takes nothing from it that it would not take from the shop.
func TestANodeFetchesTheProfilesThatItMissed(t *testing.T) {
	shelves := make(chan *shelf.Shelf, 4)
	x := apitest.Start(t, 4, func(c *api.Config) {
		s, _, err := shelf.Open(t.TempDir(), c.Genesis.Chain())
		if err != nil {
			t.Fatal(err)
		}
		c.Profiles = s
		shelves <- s
	})
	x.WaitReady()
	there, here := <-shelves, <-shelves
	signed := func(member uint16, key int, at time.Time) *profile.Signed {
		p := &profile.Profile{Member: member, At: uint64(at.UnixMilli())}
		s, err := profile.Make(x.Chain(), p, apitest.Signer(x.Dev.Admins[key-1]))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	at := time.Now()
	hand := func(s *profile.Signed, nodes ...int) {
		for _, n := range nodes {
			c, err := client.New(x.Dev.Genesis.Raw, x.URLs()[n:n+1])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.PublishProfile(t.Context(), s.Member, s.Raw()); err != nil {
				t.Fatal(err)
			}
		}
	}
	old, missed := signed(2, 2, at.Add(-time.Hour)), signed(2, 2, at)
	hand(old, 0, 1)
	hand(missed, 0)
	hand(signed(3, 3, at), 0, 1) // both have it
	// A node that keeps what it should not: its own ledger hides it from readers.
	if err := there.Put(signed(1, 2, at), func(*profile.Signed) bool { return false }); err != nil {
		t.Fatal(err)
	}
	took, err := gather(t.Context(), x.Dev.Genesis.Raw, x.URLs()[0], here, x.Members[1].Server.KeepProfile)
	if took != 1 || err == nil || !strings.Contains(err.Error(), client.ProblemNotFound) {
		t.Errorf("took %d, %v", took, err)
	}
	if got, err := here.Get(2); err != nil || got == nil || !bytes.Equal(got.Raw(), missed.Raw()) {
		t.Errorf("the missed one: %v", err)
	}
	if got, err := here.Get(1); err != nil || got != nil {
		t.Errorf("one of another's key was taken: %v", err)
	}
	if err := x.Members[1].Server.KeepProfile(1, signed(1, 2, at).Raw()); err == nil {
		t.Error("a node hands on one of another's key, and it is taken")
	}
	if took, err = gather(t.Context(), x.Dev.Genesis.Raw, x.URLs()[0], here,
		x.Members[1].Server.KeepProfile); took != 0 {
		t.Errorf("again: took %d, %v", took, err)
	}
}
