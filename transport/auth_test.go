package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// ended returns how many connections of m ended for a reason.
func (m *member) ended(r Reason) uint64 { return m.Stats().Ended[r] }

func (m *member) endedInAll() (total uint64) {
	for _, n := range m.Stats().Ended {
		total += n
	}
	return total
}

// closed waits until the other side has closed conn.
func closed(t testing.TB, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
		t.Fatal("the connection stays open")
	}
}

func ecdsaCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestOnlyMembersOfThisChainAreLetIn(t *testing.T) {
	const self = 2
	w := newNetwork(t, 4)
	m := w.start(self, nil)
	fine := hello{chain: testChain, from: 1, to: self, lane: Votes}
	other := testChain
	other[31]++ // the same in the protocol's name
	cases := []struct {
		name   string
		client func(*stranger)
		hello  func(*hello)
		want   Reason
	}{
		{"foreign key", func(s *stranger) { s.key = keyOf(99) }, nil, ReasonKey},
		{"our own key", func(s *stranger) { s.key = keyOf(self) }, nil, ReasonSelf},
		{"no certificate", func(s *stranger) {
			s.change = func(c *tls.Config) { c.Certificates = nil }
		}, nil, ReasonHandshake},
		{"other kind of key", func(s *stranger) {
			s.change = func(c *tls.Config) { c.Certificates = []tls.Certificate{ecdsaCertificate(t)} }
		}, nil, ReasonKey},
		{"member's certificate without its key", func(s *stranger) {
			s.change = func(c *tls.Config) {
				stolen, _ := newCertificate(keyOf(1))
				own, _ := newCertificate(keyOf(99))
				c.Certificates = []tls.Certificate{{Certificate: stolen.Certificate, PrivateKey: own.PrivateKey}}
			}
		}, nil, ReasonHandshake},
		{"TLS 1.2", func(s *stranger) {
			s.change = func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
		}, nil, ReasonHandshake},
		{"other chain", func(s *stranger) { s.protocols = []string{"scrip/1/0000000000000000"} }, nil, ReasonChain},
		{"no chain", func(s *stranger) { s.protocols = nil }, nil, ReasonChain},
		{"chain that differs at the end", nil, func(h *hello) { h.chain = other }, ReasonChain},
		{"right key, wrong ID", nil, func(h *hello) { h.from = 0 }, ReasonHello},
		{"meant for somebody else", nil, func(h *hello) { h.to = 3 }, ReasonHello},
		{"lane that does not exist", nil, func(h *hello) { h.lane = Lanes }, ReasonHello},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := m.ended(c.want)
			s, h := as(1), fine
			if c.client != nil {
				c.client(&s)
			}
			if c.hello != nil {
				c.hello(&h)
			}
			conn, err := s.dial(t, m.addr)
			if err == nil {
				_ = writeHello(conn, h) // may fail already
				closed(t, conn.NetConn())
			}
			eventually(t, "refused as "+c.want.String(), func() bool { return m.ended(c.want) == before+1 })
		})
	}
	for _, l := range m.Stats().Links {
		if l.Connects != 0 {
			t.Errorf("a stranger made link %+v", l)
		}
	}
	as(1).link(t, m.addr, fine) // the same helper, in order, gets in
	eventually(t, "the member's link", func() bool { return m.linkStats(1, Votes).Up })
	if total := m.endedInAll(); total != uint64(len(cases)) {
		t.Errorf("%d refusals counted for %d cases", total, len(cases))
	}
}

func TestDialerChecksWhoAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   Reason
	}{
		"another member": {func(c *Config) {
			c.Self, c.Key = 9, keyOf(9)
			c.Peers = []Peer{{ID: 0, Key: keyOf(0).Public()}}
		}, ReasonKey},
		"another chain that differs at the end": {func(c *Config) { c.ChainID[31]++ }, ReasonChain},
		"another chain":                         {func(c *Config) { c.ChainID[0]++ }, ReasonHandshake},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, 2)
			b := w.start(1, c.change)
			a := w.start(0, nil)
			eventually(t, "refused", func() bool {
				return a.ended(c.want) > 0 && a.linkStats(1, Votes).DialFailures > 1
			})
			if a.linkStats(1, Votes).Connects != 0 || b.linkStats(0, Votes).Connects != 0 {
				t.Error("a link came up")
			}
		})
	}
}

func TestStrangersThatDoNotSpeakTLSAreCutOff(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, func(c *Config) { c.Limits.HandshakeTimeout = 100 * time.Millisecond })
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", m.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	plain := dial()
	_, _ = plain.Write([]byte("GET / HTTP/1.1\r\nHost: scrip\r\n\r\n"))
	closed(t, plain)
	eventually(t, "plain text refused", func() bool { return m.ended(ReasonHandshake) == 1 })

	silent := dial() // and one that begins a TLS record and never ends it
	slow := dial()
	_, _ = slow.Write([]byte{22, 3, 1, 1})
	closed(t, silent)
	closed(t, slow)
	eventually(t, "slow ones refused", func() bool { return m.ended(ReasonTimeout) == 2 })

	late, err := as(0).dial(t, m.addr) // a member that never says hello
	if err != nil {
		t.Fatal(err)
	}
	closed(t, late.NetConn())
	eventually(t, "silent member refused", func() bool { return m.ended(ReasonTimeout) == 3 })
	eventually(t, "nothing pending", func() bool { return m.Stats().Pending == 0 })
}

func TestUnauthenticatedConnectionsAreBounded(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, func(c *Config) { c.Limits.HandshakesMax, c.Limits.HandshakesPerAddressMax = 3, 2 })
	dial := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", m.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	pending := func(n int) {
		t.Helper()
		eventually(t, "connections pending", func() bool { return m.Stats().Pending == n })
	}
	oldest := dial("127.0.0.1")
	pending(1)
	dial("127.0.0.1")
	pending(2)
	closed(t, dial("127.0.0.1")) // one too many from this address
	eventually(t, "counted", func() bool { return m.ended(ReasonLimit) == 1 })
	dial("127.0.0.2")
	pending(3)
	dial("127.0.0.3") // one too many in all: the oldest goes
	closed(t, oldest)
	eventually(t, "counted", func() bool { return m.ended(ReasonLimit) == 2 })
	pending(3)
	// Held connections do not keep a member out.
	w.peers[0].Addr = m.addr
	as(0).link(t, m.addr, hello{chain: testChain, from: 0, to: 1, lane: Votes})
	eventually(t, "the member's link", func() bool { return m.linkStats(0, Votes).Up })
}

func TestRefusedConnectionsGoOnCountingForAWhile(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, func(c *Config) {
		c.Limits.HandshakesPerAddressMax, c.Limits.RefusalPause = 1, time.Hour
	})
	foreign := as(0)
	foreign.key = keyOf(99)
	for _, want := range []Reason{ReasonKey, ReasonLimit, ReasonLimit} {
		before := m.ended(want)
		if conn, err := foreign.dial(t, m.addr); err == nil {
			closed(t, conn.NetConn())
		}
		eventually(t, "refused as "+want.String(), func() bool { return m.ended(want) == before+1 })
	}
	m.stop() // does not wait for the hour
}

func TestDialerGivesUpOnAPeerThatDoesNotAnswer(t *testing.T) {
	w := newNetwork(t, 2) // member 1 listens, but nobody accepts
	a := w.start(0, func(c *Config) { c.Limits.HandshakeTimeout = 50 * time.Millisecond })
	eventually(t, "timed out on both lanes", func() bool {
		return a.linkStats(1, Votes).DialFailures > 0 && a.linkStats(1, Bulk).DialFailures > 0 &&
			a.ended(ReasonTimeout) > 1
	})
	_ = w.listeners[1].Close()
	eventually(t, "refused", func() bool { return a.ended(ReasonDial) > 1 })
}

func TestIPv6HostsCountByNetwork(t *testing.T) {
	addr := func(s string) net.Conn {
		return fakeConn{remote: &net.TCPAddr{IP: net.ParseIP(s), Port: 1}}
	}
	if addressOf(addr("2001:db8::1")) != addressOf(addr("2001:db8::ffff:2")) {
		t.Error("one /64 counts as two")
	}
	if addressOf(addr("2001:db8::1")) == addressOf(addr("2001:db8:0:1::1")) {
		t.Error("two /64 count as one")
	}
	if addressOf(addr("192.0.2.1")) != addressOf(addr("::ffff:192.0.2.1")) {
		t.Error("an IPv4 address counts as two")
	}
}

type fakeConn struct {
	net.Conn
	remote net.Addr
}

func (c fakeConn) RemoteAddr() net.Addr { return c.remote }

func TestMembersThatBreakTheFormatAreCutOff(t *testing.T) {
	header := func(length uint32, body ...byte) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, length), body...)
	}
	for name, c := range map[string]struct {
		bytes []byte
		close bool
		want  Reason
	}{
		"oversized frame":            {header(1001), false, ReasonOversized},
		"huge frame":                 {header(controlFlag - 1), false, ReasonOversized},
		"empty frame":                {header(0), false, ReasonMalformed},
		"control frame of odd size":  {header(controlFlag|8, make([]byte, 8)...), false, ReasonMalformed},
		"control frame of odd kind":  {header(controlFlag|controlSize, 7, 0, 0, 0, 0, 0, 0, 0, 0), false, ReasonMalformed},
		"end within a frame":         {header(1000, 1, 2, 3), true, ReasonTruncated},
		"end within a header":        {[]byte{1, 0}, true, ReasonTruncated},
		"end within a control frame": {header(controlFlag|controlSize, 1), true, ReasonTruncated},
		"end between frames":         {header(1, 1), true, ReasonClosed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, 2)
			m := w.start(1, func(c *Config) { c.Limits.Votes.FrameBytesMax = 1000 })
			conn, _ := as(0).link(t, m.addr, hello{chain: testChain, from: 0, to: 1, lane: Votes})
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			if c.close { // our half only: a reset would tell the member less
				_ = conn.NetConn().(*net.TCPConn).CloseWrite()
			}
			closed(t, conn.NetConn())
			eventually(t, "ended as "+c.want.String(), func() bool { return m.ended(c.want) == 1 })
			eventually(t, "link down", func() bool { return !m.linkStats(0, Votes).Up })
		})
	}
}

func TestHelloMustComeFirstAndBeSmall(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, nil)
	for i, bytes := range [][]byte{
		append(binary.LittleEndian.AppendUint32(nil, helloFrameMax+1), make([]byte, helloFrameMax+1)...),
		append(binary.LittleEndian.AppendUint32(nil, helloSize-1), make([]byte, helloSize-1)...),
		append(binary.LittleEndian.AppendUint32(nil, helloSize), make([]byte, helloSize)...), // version 0
		append(binary.LittleEndian.AppendUint32(nil, controlFlag|controlSize), make([]byte, controlSize)...),
	} {
		conn, err := as(0).dial(t, m.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(bytes); err != nil {
			t.Fatal(err)
		}
		closed(t, conn.NetConn())
		eventually(t, "refused", func() bool { return m.ended(ReasonHello) == uint64(i+1) })
	}
}

func TestNewConnectionReplacesTheOldOne(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, nil)
	h := hello{chain: testChain, from: 0, to: 1, lane: Bulk}
	var in *inbound
	for i := range 20 { // at once, so that some replace one that is not up yet
		var conn *tls.Conn
		conn, in = as(0).link(t, m.addr, h)
		if i < 19 {
			defer closed(t, conn.NetConn())
		}
	}
	eventually(t, "counted", func() bool { return m.ended(ReasonReplaced) == 19 })
	eventually(t, "taken", func() bool { return m.Send(0, Bulk, []byte("to the new one")) })
	for {
		frame, control, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		if !control {
			if string(frame) != "to the new one" {
				t.Fatalf("got %q", frame)
			}
			return
		}
	}
}

func TestSilentAndStalledPeersAreCutOff(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, func(c *Config) {
		c.Limits.PingInterval, c.Limits.IdleTimeout = 50*time.Millisecond, 100*time.Millisecond
	})
	as(0).link(t, m.addr, hello{chain: testChain, from: 0, to: 1, lane: Votes}) // says nothing any more
	eventually(t, "silent peer cut off", func() bool { return m.ended(ReasonIdle) == 1 })

	w = newNetwork(t, 2)
	m = w.start(1, func(c *Config) { c.Limits.WriteTimeout = 100 * time.Millisecond })
	as(0).link(t, m.addr, hello{chain: testChain, from: 0, to: 1, lane: Bulk}) // reads nothing any more
	eventually(t, "link up", func() bool { return m.linkStats(0, Bulk).Up })
	eventually(t, "stalled peer cut off", func() bool {
		m.Send(0, Bulk, make([]byte, 1<<20))
		return m.ended(ReasonStalled) == 1
	})
	if s := m.linkStats(0, Bulk); s.Dropped[DropLost] == 0 {
		t.Errorf("frames queued for the stalled peer are not counted as lost: %+v", s)
	}
}

// A frame that is not whole yet is seen coming, on its lane and of its member.
func TestProgressCountsWhatIsNotWhole(t *testing.T) {
	w := newNetwork(t, 3)
	m := w.start(1, nil)
	conn, _ := as(0).link(t, m.addr, hello{chain: testChain, from: 0, to: 1, lane: Bulk})
	half := append(binary.LittleEndian.AppendUint32(nil, 1<<20), make([]byte, 300_000)...)
	if _, err := conn.Write(half); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is seen coming", func() bool { return m.Progress(0, Bulk).ReceivedBytes >= 300_000 })
	if s := m.linkStats(0, Bulk); s.ReceivedFrames != 0 {
		t.Errorf("%d frames of a half", s.ReceivedFrames)
	}
	for _, of := range []struct {
		from uint16
		lane Lane
	}{{0, Votes}, {2, Bulk}, {1, Bulk}, {9, Bulk}, {0, Lanes}} {
		if p := m.Progress(of.from, of.lane); p.ReceivedBytes > 100 {
			t.Errorf("%d bytes from %d on lane %d", p.ReceivedBytes, of.from, of.lane)
		}
	}
}

func TestPingsAreAnsweredAndPongsCannotBeForged(t *testing.T) {
	w := newNetwork(t, 2)
	m := w.start(1, nil)
	conn, in := as(0).link(t, m.addr, hello{chain: testChain, from: 0, to: 1, lane: Votes})
	frame := func(kind uint8, value uint64) []byte {
		b := binary.LittleEndian.AppendUint32(nil, controlFlag|controlSize)
		return binary.LittleEndian.AppendUint64(append(b, kind), value)
	}
	if _, err := conn.Write(append(frame(controlPong, 12345), frame(controlPing, 777)...)); err != nil {
		t.Fatal(err)
	}
	var ping uint64
	for ponged := false; !ponged || ping == 0; {
		got, control, err := in.next()
		if err != nil || !control {
			t.Fatal(got, control, err)
		}
		switch value := binary.LittleEndian.Uint64(got[1:]); got[0] {
		case controlPing:
			ping = value
		case controlPong:
			if value != 777 {
				t.Fatalf("pong of %d", value)
			}
			ponged = true
		}
	}
	if rtt := m.linkStats(0, Votes).RoundTrip; rtt != 0 {
		t.Fatalf("a forged pong made a round trip of %v", rtt)
	}
	if _, err := conn.Write(frame(controlPong, ping)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "round trip measured", func() bool { return m.linkStats(0, Votes).RoundTrip > 0 })
	if m.Progress(0, Votes).RoundTrip != m.linkStats(0, Votes).RoundTrip {
		t.Error("two round trips of one link")
	}
}

func TestLogLinesAreLimitedAndCountWhatTheyLeaveOut(t *testing.T) {
	var c reasonCounters
	now := time.Unix(0, 0)
	lines := 0
	for range 1000 {
		if _, log := c.count(ReasonKey, now); log {
			lines++
		}
	}
	if _, log := c.count(ReasonChain, now); !log || lines != 1 {
		t.Fatalf("%d lines, other reason logged %v", lines, log)
	}
	silent, log := c.count(ReasonKey, now.Add(logInterval))
	if !log || silent != 999 || c.snapshot()[ReasonKey] != 1001 {
		t.Fatalf("log %v, %d left out, count %d", log, silent, c.snapshot()[ReasonKey])
	}
}
