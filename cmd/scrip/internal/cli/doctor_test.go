package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/survey"
	"github.com/scrip-network/scrip/transport"
	"github.com/scrip-network/scrip/validator"
)

func doctorGenesis(t *testing.T) *genesis.Genesis {
	t.Helper()
	dev, err := genesis.Dev("doctor", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	return dev.Genesis
}

// A clock is wrong from precision + delay on, 5.5 s here, and suspicious before; one
// liar among three does not count.
func TestTheClockIsComparedWithTheMedianOfOthers(t *testing.T) {
	g := doctorGenesis(t)
	const s = time.Second
	for _, c := range []struct {
		apart []time.Duration
		state string
		says  string
	}{
		{nil, findingWarning, "could not be compared"},
		{[]time.Duration{300 * time.Millisecond}, findingGood, "agrees with 1 node"},
		{[]time.Duration{-1400 * time.Millisecond}, findingGood, "agrees"},
		{[]time.Duration{3 * s}, findingWarning, "about 3s behind that of 1 node"},
		{[]time.Duration{-3 * s}, findingWarning, "about 3s ahead of that of 1 node"},
		{[]time.Duration{-time.Hour, -9 * s, -8 * s}, findingBad, "about 9s ahead of that of 3 nodes"},
		{[]time.Duration{time.Hour, 0, 0}, findingGood, "agrees with 3 nodes"},
	} {
		f := checkClock(g, c.apart)
		if f.State != c.state || !strings.Contains(f.Text, c.says) || (f.State == findingGood) != (f.Remedy == "") {
			t.Errorf("%v: %+v", c.apart, f)
		}
	}
}

// statusServer answers as a node of a chain whose clock is ahead.
func statusServer(t *testing.T, digest [32]byte, ahead time.Duration) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		if err := json.NewEncoder(w).Encode(&client.StatusAnswer{Digest: digest, Chain: "it", Height: 7}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestNodesTellTheirClocksAndTheirChain(t *testing.T) {
	g := doctorGenesis(t)
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	ctx, cancel := context.WithTimeout(t.Context(), doctorPatience)
	defer cancel()
	nodes := survey.Ask(ctx, []string{statusServer(t, g.Digest, time.Minute),
		statusServer(t, [32]byte{1}, 0), stranger.URL, "http://127.0.0.1:1"})
	all := checkNodes(g, nodes)
	for i, want := range []string{findingGood, findingBad, findingWarning, findingWarning, findingBad} {
		if all[i].State != want {
			t.Errorf("%d: %+v, wanted %s", i, all[i], want)
		}
	}
	if clock := all[len(all)-1]; !strings.Contains(clock.Text, "behind that of 1 node") {
		t.Errorf("the clock of the other chain's node counts: %+v", clock)
	}
}

func TestAValidatorThatRunsAndIsNotReadyIsAWarning(t *testing.T) {
	cfg := &validator.Config{ListenAPI: "127.0.0.1:7600"}
	status := &client.StatusAnswer{Height: 7, Condition: "amnesic", Reason: "the log is lost"}
	f := checkRunning(cfg, status)
	if f.State != findingWarning || !strings.HasSuffix(f.Text, "amnesic: the log is lost") ||
		!strings.Contains(f.Remedy, "never a copy") {
		t.Errorf("%+v", f)
	}
	status.Condition = "recalling"
	f = checkRunning(cfg, status)
	if f.State != findingWarning || !strings.Contains(f.Remedy, "enough other validators") {
		t.Errorf("%+v", f)
	}
	status.Condition = "voting"
	if f := checkRunning(cfg, status); f.State != findingWarning || !strings.Contains(f.Remedy, "at its log") {
		t.Errorf("%+v", f)
	}
	status.Ready = true
	if f := checkRunning(cfg, status); f.State != findingGood || f.Remedy != "" {
		t.Errorf("%+v", f)
	}
}

// The disk is judged by what is free, wherever the data will be.
func TestFreeSpaceIsLookedForWhereTheDataWillBe(t *testing.T) {
	cfg := &validator.Config{Home: t.TempDir(), Data: "not/yet/there"}
	if f := checkDisk(cfg); f.Check != "disk" || !strings.Contains(f.Text, "GiB are free for "+cfg.Home) {
		t.Errorf("%+v", f)
	}
	for free, state := range map[uint64]string{validator.DiskBad - 1: findingBad, validator.DiskBad: findingWarning,
		validator.DiskFew - 1: findingWarning, validator.DiskFew: findingGood} {
		if f := diskFinding(free, "data"); f.State != state || (state == findingGood) != (f.Remedy == "") {
			t.Errorf("%d bytes: %+v", free, f)
		}
	}
}

// Whoever runs two processes with one key is told by any node of the chain that sees it.
func TestAKeyThatIsUsedTwiceIsBad(t *testing.T) {
	g := doctorGenesis(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# HELP\nscrip_p2p_key_contested{member=\"0\"} 0\n"+
			"scrip_p2p_key_contested{member=\"1\"} 1\nscrip_p2p_key_contested{member=\"2\"} 1\n"+
			"scrip_p2p_key_contested{member=\"3\"} 10\n")
	}))
	t.Cleanup(s.Close)
	seen := survey.Ask(t.Context(), []string{s.URL})[0]
	seen.Status = &client.StatusAnswer{Digest: g.Digest}
	elsewhere, silent := seen, seen
	elsewhere.Status, silent.Status = &client.StatusAnswer{Digest: [32]byte{1}}, nil
	all := checkKeys(g, 2, []survey.Node{elsewhere, silent, seen, seen})
	if len(all) != 2 || all[0].State != findingWarning || all[1].State != findingBad ||
		!strings.Contains(all[0].Text, "key of validator 1") || !strings.Contains(all[1].Text, "key of validator 2") {
		t.Errorf("%+v", all)
	}
	if all := checkKeys(g, 2, []survey.Node{elsewhere}); all != nil {
		t.Errorf("by a node of another chain: %+v", all)
	}
}

// telling returns a node of a chain that says something by its metrics.
func telling(t *testing.T, g *genesis.Genesis, replica uint16, metrics string) survey.Node {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, metrics)
	}))
	t.Cleanup(s.Close)
	n := survey.Ask(t.Context(), []string{s.URL})[0]
	n.Status = &client.StatusAnswer{Digest: g.Digest, Replica: replica}
	return n
}

// Whether a validator is reached those know who have to call it, which are those with
// lower numbers.
func TestOthersSayWhetherTheyReachAValidator(t *testing.T) {
	g := doctorGenesis(t)
	const up, half = "scrip_p2p_link_up{member=\"2\",lane=\"votes\"} 1\nscrip_p2p_link_up{member=\"2\",lane=\"bulk\"} 1\n",
		"scrip_p2p_link_up{member=\"2\",lane=\"votes\"} 1\nscrip_p2p_link_up{member=\"2\",lane=\"bulk\"} 0\n"
	sees, lacks := telling(t, g, 0, up), telling(t, g, 1, half)
	above, stranger, hidden := telling(t, g, 3, half), telling(t, g, 0, half), telling(t, g, 0, "a_total 1\n")
	stranger.Status.Digest = [32]byte{1}
	for i, c := range []struct {
		nodes []survey.Node
		state string
		says  string
	}{
		{[]survey.Node{sees, above}, findingGood, "by validator 0"},
		{[]survey.Node{sees, lacks}, findingWarning, "not by validator 1"},
		{[]survey.Node{lacks, above, hidden}, findingBad, "not by validator 1"},
		{[]survey.Node{above, stranger, hidden, {}}, "", ""},
	} {
		f, ok := reachedFinding(g, 2, c.nodes)
		if ok != (c.state != "") || f.State != c.state || !strings.HasPrefix(f.Text, c.says) {
			t.Errorf("%d: %+v %t", i, f, ok)
		}
	}
	for _, c := range []struct {
		err   error
		state string
	}{{nil, findingGood}, {transport.ErrNoMember, findingBad}, {context.DeadlineExceeded, findingWarning}} {
		if f := ownAddressFinding("it.example:7601", c.err); f.State != c.state || (c.err == nil) != (f.Remedy == "") {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
}

// A validator that runs says itself how many files it has open.
func TestOpenDescriptorsAreCounted(t *testing.T) {
	g := doctorGenesis(t)
	for metrics, state := range map[string]string{
		"process_open_fds 80\nprocess_max_fds 100\n": findingGood,
		"process_open_fds 81\nprocess_max_fds 100\n": findingWarning,
		"a_total 1\n": findingGood,
	} {
		if f := checkOpen(telling(t, g, 0, metrics).Metrics); f.State != state || (state == findingGood) != (f.Remedy == "") {
			t.Errorf("%q: %+v", metrics, f)
		}
	}
}

// A home on a volume of a container platform has rights of a group, where the settings
// allow it.
func TestAHomeMayBeAGroupsWhereThatIsSet(t *testing.T) {
	home := t.TempDir()
	for _, c := range []struct {
		mode  os.FileMode
		group string
		state string
	}{{0o700, "refuse", findingGood}, {0o770, "refuse", findingBad}, {0o770, "allow", findingGood},
		{0o777, "allow", findingBad}} {
		if err := os.Chmod(home, c.mode); err != nil {
			t.Fatal(err)
		}
		if f := checkHome(&validator.Config{Home: home, KeyGroup: c.group}); f.State != c.state {
			t.Errorf("%v, %s: %+v", c.mode, c.group, f)
		}
	}
}

// A validator that runs may hear fewer than can be reached.
func TestWhatAValidatorHearsCounts(t *testing.T) {
	g := doctorGenesis(t)
	reached := finding{Check: "peers", State: findingGood, Text: "3 of 3"}
	if f := checkHeard(reached, &client.StatusAnswer{PeersUp: 3}, g); f != reached {
		t.Errorf("%+v", f)
	}
	if f := checkHeard(reached, nil, g); f != reached {
		t.Errorf("%+v", f)
	}
	f := checkHeard(reached, &client.StatusAnswer{PeersUp: 1}, g)
	if f.State != findingWarning || !strings.HasSuffix(f.Text, "hears 1") || f.Remedy == "" {
		t.Errorf("%+v", f)
	}
}
