//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/keys"
)

// deskServed is what a validator logs of its desk.
var deskServed = regexp.MustCompile(`"a ticket desk is served".*"address":"([^"]+)"`)

// deskOf returns where the desk of a validator listens since its last start.
func deskOf(c *cluster, i int) (url string) {
	c.t.Helper()
	c.await("a desk is served", func() string {
		log, err := os.ReadFile(c.LogPath(i))
		if err != nil {
			return err.Error()
		}
		all := deskServed.FindAllSubmatch(log, -1)
		if len(all) == 0 {
			return "the log does not tell of one"
		}
		url = "http://" + string(all[len(all)-1][1])
		if answer, err := http.Get(url + "/livez"); err != nil {
			return err.Error()
		} else if err := answer.Body.Close(); err != nil {
			return err.Error()
		}
		return ""
	})
	return url
}

// A validator runs a ticket desk by a setting, goes on with it after kill -9, and does
// not begin another one where its key has been lost.
func TestAValidatorRunsATicketDesk(t *testing.T) {
	c := startCluster(t, map[string]string{"listen-desk": "127.0.0.1:0"})
	m := openMarket(c, 1, 0)
	m.terms.Title = "By poster"
	campaign := m.publish(c, m.terms)

	url := deskOf(c, 0)
	answer, err := http.Get(fmt.Sprintf("%s/v1/keys/%d/1", url, campaign))
	if err != nil {
		t.Fatal(err)
	}
	var key struct {
		Key string `json:"ticket_key"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&key); err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	ticketKey, err := keys.Decode(keys.Ticket, key.Key)
	if err != nil {
		t.Fatalf("the desk's key %q: %v", key.Key, err)
	}
	m.release(c, campaign, 5, ticketKey)

	ask := func(url, who string) (ticket desk.Ticket) {
		t.Helper()
		c.await("a ticket is given", func() string {
			var err error
			ticket, err = desk.Ask(context.Background(), http.DefaultClient, url, campaign, signer(who).Key)
			if err != nil {
				return err.Error()
			}
			return ""
		})
		return ticket
	}
	first := ask(url, "first")
	if first.TicketKey != ticketKey || first.Serial != 1 {
		t.Fatalf("the first ticket is %+v", first)
	}
	c.kill(0)
	c.startOne(0)
	c.waitReady()
	url = deskOf(c, 0)
	if again := ask(url, "first"); again != first {
		t.Errorf("after the crash the same key gets %+v, it had %+v", again, first)
	}
	if second := ask(url, "second"); second.Serial != 2 || second.TicketKey != ticketKey {
		t.Errorf("the next ticket is %+v", second)
	}

	c.kill(0)
	if err := os.Remove(filepath.Join(c.Home(0), "desk", "ticket.key")); err != nil {
		t.Fatal(err)
	}
	c.startOne(0)
	c.await("the validator refuses to begin another desk", func() string {
		log, err := os.ReadFile(c.LogPath(0))
		if err != nil || !regexp.MustCompile("holds no key").Match(log) {
			return fmt.Sprint("nothing of it in the log ", err)
		}
		return ""
	})
}
