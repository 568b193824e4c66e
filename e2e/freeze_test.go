//go:build unix

package e2e

import (
	"encoding/json"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
)

// A validator that stood still, as a machine does that is suspended, knows what was
// true then. Its first answers say that it stood still; once it says that it is ready,
// it stands where the others stood when it woke.
func TestAFrozenValidatorIsNotReadyAtItsOldHeight(t *testing.T) {
	const victim = 3
	c := startCluster(t, nil)
	l := startLoad(c, openMarket(c, 2, 4), 4, *seedFlag)
	l.progress(10)
	c.signal(victim, syscall.SIGSTOP)
	stopped, height := time.Now(), c.height()
	c.await("the others go on", func() string {
		switch {
		case time.Since(stopped) < *freezeFlag:
			return "it has not been frozen for long enough"
		case c.height() < height+20:
			return "they have made few blocks"
		}
		return ""
	})
	l.finish() // what they have made by now is what it may not lack
	woken := c.height()
	c.signal(victim, syscall.SIGCONT)
	asked := 0
	c.await("it is ready", func() string {
		s := readyStatus(c, victim)
		if s == nil {
			return "no answer"
		}
		if asked++; asked == 1 && s.Ready {
			t.Errorf("its first answer is that it is ready, at height %d of %d", s.Height, woken)
		}
		if s.Ready && uint64(s.Height) < woken {
			t.Errorf("answer %d is that it is ready at height %d, the others stood at %d", asked, s.Height, woken)
		}
		if !s.Ready {
			return s.Reason
		}
		return ""
	})
	t.Logf("frozen for %v: not ready in %d answers", time.Since(stopped).Round(time.Second), asked-1)
}

// readyStatus returns what a node says of itself, however it says it.
func readyStatus(c *cluster, i int) *client.StatusAnswer {
	r, err := (&http.Client{Timeout: patience}).Get(c.URL(i) + "/v1/status")
	if err != nil {
		return nil
	}
	defer func() { _ = r.Body.Close() }()
	s := new(client.StatusAnswer)
	if json.NewDecoder(r.Body).Decode(s) != nil {
		return nil
	}
	return s
}
