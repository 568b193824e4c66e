package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/survey"
)

// looks are two of a network of four, a second apart: validator 2 is away in the second,
// validator 3 has lost its log and hides its metrics.
func looks(t *testing.T) (early, late []survey.Node) {
	t.Helper()
	g := doctorGenesis(t)
	metrics := func(txs int) string {
		return fmt.Sprintf("# TYPE scrip_consensus_txs_total counter\nscrip_consensus_txs_total %d\n", txs) +
			"process_resident_memory_bytes 104857600\nscrip_disk_free_bytes 5368709120\nscrip_clock_ahead_seconds 0\n" +
			"scrip_p2p_link_up{member=\"1\",lane=\"votes\"} 1\nscrip_p2p_link_up{member=\"1\",lane=\"bulk\"} 0\n" +
			"scrip_p2p_link_round_trip_seconds{member=\"1\",lane=\"votes\"} 0.0004\n" +
			"scrip_p2p_link_round_trip_seconds{member=\"1\",lane=\"bulk\"} 0\n"
	}
	status := func(i uint16, height client.U64, condition, reason string) *client.StatusAnswer {
		return &client.StatusAnswer{Digest: g.Digest, Chain: "northside", Replica: i, Height: height, View: 3, Primary: 1,
			Validators: 4, PeersUp: 2, MempoolTxs: 17, Condition: condition, Reason: reason, Ready: reason == "", Version: "1.0"}
	}
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for i := range uint16(4) {
		n := telling(t, g, i, metrics(1000))
		n.At, n.Status, n.URL = at, status(i, 100, "voting", ""), fmt.Sprintf("http://node-%d.example:7600", i)
		early = append(early, n)
		n.Metrics, n.At = telling(t, g, i, metrics(1400+int(i))).Metrics, at.Add(time.Second)
		n.Status = status(i, 112, "voting", "")
		switch i {
		case 1:
			n.Status.Height = 110
		case 2:
			n.Status, n.Metrics = nil, nil
			n.Err = &url.Error{Op: "Get", URL: n.URL, Err: errors.New("dial tcp 192.0.2.7:7600: connect: connection refused")}
		case 3:
			n.Metrics, n.Status = nil, status(i, 112, "amnesic", "its log lacks something that it has signed")
		}
		late = append(late, n)
	}
	return early, late
}

// A look says of each node what it told, what that means beside the others, and of one that
// does not answer why.
func TestALookAtANetwork(t *testing.T) {
	early, late := looks(t)
	x := newTopAnswer(late, early, late[0].At)
	if x.Voting != 2 || x.Validators != 4 || x.Quorum != 3 || x.Height != 112 || x.View != 3 || x.Primary != 1 ||
		x.Chain != "northside" || x.TxRate == nil || *x.TxRate != 401 {
		t.Errorf("%+v", x)
	}
	n := x.Nodes[1]
	if n.Behind != 2 || *n.TxRate != 401 || *n.LinksUp != 1 || *n.Links != 2 || *n.RoundTripS != 0.0004 ||
		*n.DiskFree != 5<<30 {
		t.Errorf("%+v", n)
	}
	if n := x.Nodes[2]; n.Replica != 2 || n.Error != "192.0.2.7:7600: connect: connection refused" || n.Behind != 0 {
		t.Errorf("%+v", n)
	}
	if n := x.Nodes[3]; n.TxRate != nil || n.Links != nil || n.Ready || n.Reason == "" {
		t.Errorf("%+v", n)
	}
	if x := newTopAnswer(early, nil, late[0].At); x.TxRate != nil || x.Nodes[0].CPU != nil {
		t.Errorf("a rate of one look: %+v", x.Nodes[0])
	}
	if x := newTopAnswer(late[2:3], nil, late[0].At); x.Nodes[0].Replica != -1 || x.Validators != 0 {
		t.Errorf("a node that never answered: %+v", x.Nodes[0])
	}
}

// The picture keeps within the terminal, whatever its size, and says the worst in words.
func TestThePictureFits(t *testing.T) {
	early, late := looks(t)
	x := newTopAnswer(late, early, late[0].At)
	colours := regexp.MustCompile("\x1b\\[[0-9]*m")
	for width := 12; width <= 170; width++ {
		for _, height := range []int{8, 12, 24} {
			a := &App{OutTerminal: true}
			text := a.topPicture(&x, width, height)
			plain := colours.ReplaceAllString(text, "")
			lines := strings.Split(strings.TrimSuffix(plain, "\n"), "\n")
			if len(lines) > height {
				t.Fatalf("%d lines in %d", len(lines), height)
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > width {
					t.Fatalf("%d columns: %q", width, line)
				}
			}
			if width >= 24 && !strings.Contains(plain, "2 of 4 vote, 3 must") {
				t.Fatalf("%d columns:\n%s", width, plain)
			}
			if width >= 100 && height == 24 && (!strings.Contains(plain, "2     no answer") ||
				!strings.Contains(plain, "2: http://node-2.example:7600 does not answer: 192.0.2.7:7600: ") ||
				!strings.Contains(plain, "3: its log lacks")) {
				t.Fatalf("%d columns:\n%s", width, plain)
			}
			if a.NoColor = true; strings.Contains(a.topPicture(&x, width, height), "\x1b") {
				t.Fatal("a colour where none is wanted")
			}
		}
	}
	a := &App{}
	if wide := a.topPicture(&x, topWidthMax, 24); !strings.Contains(wide, "VERSION") || !strings.Contains(wide, "401") {
		t.Errorf("all columns fit:\n%s", wide)
	}
	if narrow := a.topPicture(&x, 40, 24); !strings.Contains(narrow, "HEIGHT") || strings.Contains(narrow, "VERSION") {
		t.Errorf("a narrow terminal:\n%s", narrow)
	}
}

// The screen follows the terminal's size, keeps looking, and ends when it is told to.
func TestTheScreenFollowsTheTerminal(t *testing.T) {
	early, late := looks(t)
	m := &topModel{a: &App{}, pause: time.Hour, width: topWidthMax, height: 24, look: func() []survey.Node { return late }}
	if m.Init() == nil || m.View().Content != "looking…" || !m.View().AltScreen {
		t.Error("it does not begin with a look")
	}
	for _, nodes := range [][]survey.Node{early, late} {
		if _, next := m.Update(topLooked{nodes, late[0].At}); next == nil {
			t.Error("it does not look again")
		}
	}
	wide := m.View().Content
	m.Update(tea.WindowSizeMsg{Width: 30, Height: 10})
	if narrow := m.View().Content; !strings.Contains(wide, "TX/S") || strings.Contains(narrow, "TX/S") {
		t.Errorf("wide:\n%s\nnarrow:\n%s", wide, narrow)
	}
	if _, end := m.Update(tea.KeyPressMsg{Code: 'q', Text: "q"}); end == nil || end() != tea.Quit() {
		t.Error("q does not end it")
	}
}

// A terminal is sent the picture, without colours where the environment wants none, and q
// ends it.
func TestTheScreenIsDrawn(t *testing.T) {
	_, late := looks(t)
	in, keys := io.Pipe()
	out, screen := io.Pipe()
	a := &App{In: in, Out: screen, OutTerminal: true, NoColor: true}
	ended := make(chan error, 1)
	look := func() []survey.Node { return late }
	m := &topModel{a: a, pause: time.Hour, look: look, width: 80, height: 24}
	p := tea.NewProgram(m, tea.WithContext(t.Context()), tea.WithInput(in), tea.WithOutput(screen),
		tea.WithWindowSize(80, 24), tea.WithEnvironment([]string{"TERM=xterm-256color", "NO_COLOR=1"}), tea.WithoutSignals())
	go func() {
		_, err := p.Run()
		_ = screen.Close()
		ended <- err
	}()
	var seen strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(seen.String(), "northside") {
		n, err := out.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, seen.String())
		}
		seen.Write(buffer[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if _, err := keys.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if regexp.MustCompile("\x1b\\[(1|31|32)m").MatchString(seen.String()) {
		t.Errorf("a colour where none is wanted: %q", seen.String())
	}
}
