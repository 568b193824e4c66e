package shaper

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// of is a packet of so many bytes on the wire.
func of(from, to, wire int) packet {
	return packet{from: from, to: to, data: make([]byte, wire-wireOverhead)}
}

const ms = int64(time.Millisecond)

// drain returns when each packet arrives, until nothing is on its way.
func drain(x *lines) (at []int64) {
	for now := int64(0); ; {
		arrived, next := x.due(now)
		for range arrived {
			at = append(at, now)
		}
		if len(arrived) == 0 && next == 0 {
			return at
		}
		if next > now {
			now = next
		}
	}
}

// A megabyte a second carries a packet of 1,000 bytes each millisecond, to whomever,
// and each is on its way for the delay besides.
func TestALineCarriesItsRate(t *testing.T) {
	x := newLines(Config{Members: 3, BytesPerSecond: 1_000_000,
		DelayUs: [][]int64{{0, 5000, 5000}, {5000, 0, 5000}, {5000, 5000, 0}}})
	for i := range 20 {
		x.admit(0, of(0, 1+i%2, 1000))
	}
	at := drain(x)
	for i, got := range at {
		if want := int64(i+1)*ms + 5*ms; got != want {
			t.Errorf("packet %d arrives at %d us, wanted %d", i, got/1000, want/1000)
		}
	}
	if s := x.stats(); len(at) != 20 || s.Packets != 20 || s.SentBytes[0] != 20_000 || s.Dropped != 0 {
		t.Errorf("%d arrive; %+v", len(at), s)
	}
}

// Two who send to a third share the line on which that receives.
func TestAReceiversLineIsShared(t *testing.T) {
	x := newLines(Config{Members: 3, BytesPerSecond: 1_000_000})
	for range 10 {
		x.admit(0, of(0, 2, 1000))
		x.admit(0, of(1, 2, 1000))
	}
	at := drain(x)
	if last := at[len(at)-1]; len(at) != 20 || last != 20*ms {
		t.Errorf("%d packets, the last after %d us, wanted 20 after 20,000", len(at), last/1000)
	}
}

// A full queue drops what comes, at either end, and has room again as it empties.
func TestAFullQueueDrops(t *testing.T) {
	x := newLines(Config{Members: 3, BytesPerSecond: 1_000_000, QueueBytes: 5000})
	for range 10 {
		x.admit(0, of(0, 1, 1000))
	}
	if got := len(drain(x)); got != 5 || x.stats().Dropped != 5 {
		t.Errorf("%d arrive of 10 before a queue of five; %+v", got, x.stats())
	}
	x.admit(20*ms, of(0, 1, 1000))
	x.admit(27*ms, of(0, 1, 1000))
	if got := len(drain(x)); got != 2 {
		t.Errorf("%d of 2 arrive once there is room", got)
	}
	// Two who send three each at once: when the last comes, three wait for the receiver.
	incast := newLines(Config{Members: 3, BytesPerSecond: 1_000_000, QueueBytes: 3000})
	for range 3 {
		incast.admit(0, of(0, 2, 1000))
		incast.admit(0, of(1, 2, 1000))
	}
	if got := len(drain(incast)); got != 5 || incast.stats().Dropped != 1 {
		t.Errorf("%d of 6 arrive, and %+v", got, incast.stats())
	}
}

// What the load sends is not shaped, and takes nothing from a member's line.
func TestThisMachineIsNotShaped(t *testing.T) {
	x := newLines(Config{Members: 2, BytesPerSecond: 1000})
	for range 100 {
		x.admit(0, of(2, 0, 1000))
		x.admit(0, of(1, 2, 1000))
	}
	at := drain(x)
	if len(at) != 200 || at[199] != 0 || x.stats().Packets != 0 {
		t.Errorf("%d arrive, the last at %d; %+v", len(at), at[len(at)-1], x.stats())
	}
}

func TestPacketsFindTheirDevice(t *testing.T) {
	find := locator(7, 4)
	packet := func(a, b, c, d byte) []byte {
		p := make([]byte, 40)
		p[0] = 0x45
		copy(p[16:], []byte{a, b, c, d})
		return p
	}
	for _, c := range []struct {
		packet []byte
		want   int // -1 = nobody's
	}{
		{packet(198, 18, 7, 1), 0}, {packet(198, 18, 7, 4), 3}, {packet(198, 18, 7, 254), 4},
		{packet(198, 18, 7, 5), -1}, {packet(198, 18, 7, 0), -1}, {packet(198, 18, 8, 1), -1}, {packet(10, 18, 7, 1), -1},
		{packet(198, 18, 7, 255), -1}, {nil, -1}, {packet(198, 18, 7, 1)[:19], -1},
		{append([]byte{0x60}, make([]byte, 60)...), -1},
	} {
		got, err := find(c.packet)
		if c.want < 0 != (err != nil) || err == nil && got != c.want {
			t.Errorf("% x goes to %d (%v), wanted %d", c.packet, got, err, c.want)
		}
	}
}

func TestWrongNetworksAreRefused(t *testing.T) {
	for _, cfg := range []Config{{}, {Members: MembersMax + 1}, {Members: 4, BytesPerSecond: -1},
		{Members: 4, DelayUs: make([][]int64, 3)}, {Members: 1, DelayUs: [][]int64{{}}}} {
		if n, err := Start(cfg); err == nil {
			_ = n.Close()
			t.Errorf("%+v is started", cfg)
		} else if errors.Is(err, ErrUnavailable) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// A network that runs carries TCP between namespaces at its rate and not faster, and
// leaves nothing behind.
func TestNamespacesAreJoinedByLines(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	n, err := Start(Config{Members: 2, BytesPerSecond: 4_000_000})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = n.Close()
		}
	}()
	fetch := download(t, n)
	begin := time.Now()
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := time.Since(begin)
	if s := n.Stats(); s.SentBytes[0] < 1_000_000 || took < 200*time.Millisecond {
		t.Errorf("a megabyte over a line of 4 MB/s took %v; %+v", took, s)
	}
	closed = true
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if left, err := exec.Command("ip", "netns", "list").CombinedOutput(); err != nil ||
		strings.Contains(string(left), strings.TrimSuffix(n.Command(0)[3], "-0")+"-") {
		t.Errorf("left behind: %s (%v)", left, err)
	}
}

// roleVariable lets this test be a program of a member: one that serves a megabyte, or
// one that fetches it.
const roleVariable = "SHAPER_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(role string) error {
	if role != "serve" {
		answer, err := http.Get(role)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return errors.Join(err, answer.Body.Close())
	}
	l, err := net.Listen("tcp", ":8000")
	if err != nil {
		return err
	}
	fmt.Println("up")
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1_000_000))
	}))
}

// member is this test in the role of a program of a member.
func member(n *Net, i int, role string) *exec.Cmd {
	words := append(n.Command(i), os.Args[0])
	c := exec.Command(words[0], words[1:]...)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	return c
}

// download serves a megabyte in one namespace and returns what fetches it from the
// other.
func download(t *testing.T, n *Net) *exec.Cmd {
	t.Helper()
	server := member(n, 0, "serve")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	at := "http://" + net.JoinHostPort(n.Address(0), "8000")
	answer, err := http.Get(at) // this machine reaches it too
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return member(n, 1, at)
}
