package transport

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
)

const (
	helloVersion = 1
	helloSize    = 1 + 32 + 2 + 2 + 1
	// helloFrameMax is the largest frame that a connection may send before its
	// hello has been checked.
	helloFrameMax = 64

	readBufferSize  = 64 << 10
	writeBufferSize = 64 << 10
)

// newCertificate wraps key for TLS. Nothing in it is trusted but the key, so it
// has no names and no end.
func newCertificate(key sig.PrivateKey) (tls.Certificate, error) {
	seed := key.Seed()
	signer := ed25519.NewKeyFromSeed(seed[:]) // signs handshakes only
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280: no end
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: signer}, nil
}

// tlsConfig returns the configuration that both sides share. The peer's chain of
// certificates is not verified, because there is none: check alone decides, on
// the key that the handshake proves. It hangs on VerifyConnection, the only hook
// that runs on every connection; VerifyPeerCertificate is skipped on resumption.
func (t *Transport) tlsConfig(check func(tls.ConnectionState) error) *tls.Config {
	return &tls.Config{
		Certificates:                []tls.Certificate{t.cert},
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  []string{t.protocol},
		ClientAuth:                  tls.RequireAnyClientCert,
		InsecureSkipVerify:          true, // replaced by check
		VerifyConnection:            check,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // frames are whole batches; small records only cost
	}
}

// peerKey returns the key in the peer's certificate. It is the peer's only once
// the handshake has completed, because possession is proved after this is called
// by VerifyConnection.
func (t *Transport) peerKey(state tls.ConnectionState) ([sig.KeySize]byte, error) {
	if state.NegotiatedProtocol != t.protocol {
		return [sig.KeySize]byte{}, refuse(ReasonChain, "peer speaks %q, not %q", state.NegotiatedProtocol, t.protocol)
	}
	if len(state.PeerCertificates) == 0 {
		return [sig.KeySize]byte{}, refuse(ReasonKey, "peer has no certificate")
	}
	key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != sig.KeySize {
		return [sig.KeySize]byte{}, refuse(ReasonKey, "peer's key is not ed25519")
	}
	return [sig.KeySize]byte(key), nil
}

// checkDialer decides about a connection that somebody made to us.
func (t *Transport) checkDialer(state tls.ConnectionState) error {
	key, err := t.peerKey(state)
	if err != nil {
		return err
	}
	peer := t.byKey[key]
	switch {
	case key == t.cfg.Key.Public():
		return refuse(ReasonSelf, "peer holds our own key")
	case peer == nil:
		return refuse(ReasonKey, "key %x is no member's", key)
	}
	return nil
}

// hello is the first frame in either direction. It repeats what the keys and the
// protocol name already say, in full, so that two members that disagree about
// the chain or about who is who find out at once.
type hello struct {
	chain    [32]byte
	from, to uint16
	lane     Lane
}

func (h hello) encode() []byte {
	b := make([]byte, 0, helloSize)
	b = wire.AppendUint8(b, helloVersion)
	b = append(b, h.chain[:]...)
	b = wire.AppendUint16(b, h.from)
	b = wire.AppendUint16(b, h.to)
	return wire.AppendUint8(b, uint8(h.lane))
}

func decodeHello(b []byte) (h hello, err error) {
	r := wire.NewReader(b)
	version := r.Uint8()
	copy(h.chain[:], r.Raw(len(h.chain)))
	h.from, h.to, h.lane = r.Uint16(), r.Uint16(), Lane(r.Uint8())
	if err := r.Close(); err != nil {
		return hello{}, refuse(ReasonHello, "hello: %v", err)
	}
	if version != helloVersion {
		return hello{}, refuse(ReasonHello, "hello of version %d, not %d", version, helloVersion)
	}
	return h, nil
}

// readHello reads a hello from a fresh connection.
func readHello(f *frameReader) (hello, error) {
	frame, control, err := f.next()
	switch {
	case err != nil:
		return hello{}, fmt.Errorf("read hello: %w", err)
	case control:
		return hello{}, refuse(ReasonHello, "control frame before the hello")
	}
	return decodeHello(frame)
}

func writeHello(conn net.Conn, h hello) error {
	w := bufio.NewWriterSize(conn, helloFrameMax)
	if err := writeFrame(w, h.encode()); err != nil {
		return fmt.Errorf("write hello: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write hello: %w", err)
	}
	return nil
}

// checkHello compares a hello from peer with what is expected of it. The lane is
// the caller's to check.
func (t *Transport) checkHello(h hello, peer *Peer) error {
	switch {
	case h.chain != t.cfg.ChainID:
		return refuse(ReasonChain, "hello for chain %x", h.chain)
	case h.from != peer.ID || h.to != t.cfg.Self:
		return refuse(ReasonHello, "hello from %d to %d; the keys say from %d to %d", h.from, h.to, peer.ID, t.cfg.Self)
	case h.lane >= Lanes:
		return refuse(ReasonHello, "hello for lane %d", h.lane)
	}
	return nil
}

// inbound is the receiving half of a connection. It begins with room for nothing
// but a hello, under the connection's deadline for the handshake.
type inbound struct {
	frameReader
	source *idleReader
}

func newInbound(conn net.Conn) *inbound {
	source := &idleReader{conn: conn}
	return &inbound{frameReader{r: bufio.NewReaderSize(source, readBufferSize), max: helloFrameMax}, source}
}

// open lets in frames of up to frameMax bytes, gives the peer idle for each read from
// now on, and counts what comes.
func (in *inbound) open(frameMax int, idle time.Duration, count *atomic.Uint64) {
	in.max, in.source.idle, in.source.count = frameMax, idle, count
}

// idleReader reads from conn under a deadline of its own for each read, unless
// idle is 0.
type idleReader struct {
	conn  net.Conn
	idle  time.Duration
	count *atomic.Uint64 // nil: of nobody yet
}

func (r *idleReader) Read(b []byte) (int, error) {
	if r.idle > 0 {
		if err := r.conn.SetReadDeadline(time.Now().Add(r.idle)); err != nil {
			return 0, err
		}
	}
	n, err := r.conn.Read(b)
	if r.count != nil && n > 0 {
		r.count.Add(uint64(n))
	}
	return n, err
}

// accept authenticates a connection made to us and returns its link. ctx bounds
// it. The caller closes conn.
func (t *Transport) accept(ctx context.Context, conn net.Conn) (*link, *tls.Conn, *inbound, error) {
	wrongChain := false
	config := t.tlsConfig(t.checkDialer)
	config.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		wrongChain = len(info.SupportedProtos) > 0 && !slices.Contains(info.SupportedProtos, t.protocol)
		return nil, nil //nolint:nilnil // keeps the configuration
	}
	tc := tls.Server(conn, config)
	if err := tc.HandshakeContext(ctx); err != nil {
		if wrongChain {
			err = refuse(ReasonChain, "peer asks for another chain: %v", err)
		}
		return nil, nil, nil, fmt.Errorf("handshake: %w", err)
	}
	key, err := t.peerKey(tc.ConnectionState())
	if err != nil {
		return nil, nil, nil, err
	}
	peer := t.byKey[key] // not nil, checkDialer has seen to it
	in := newInbound(tc)
	h, err := readHello(&in.frameReader)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := t.checkHello(h, peer); err != nil {
		// The member should learn what it is that we disagree about.
		_ = writeHello(tc, hello{chain: t.cfg.ChainID, from: t.cfg.Self, to: peer.ID, lane: h.lane})
		return nil, nil, nil, err
	}
	return t.links[peer.ID][h.lane], tc, in, nil
}

// connect dials l's peer and authenticates. ctx bounds it. The caller closes the
// connection.
func (t *Transport) connect(ctx context.Context, l *link) (*tls.Conn, *inbound, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.peer.Addr)
	if err != nil {
		return nil, nil, refuse(ReasonDial, "%v", err)
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	tc := tls.Client(conn, t.tlsConfig(func(state tls.ConnectionState) error {
		key, err := t.peerKey(state)
		if err == nil && key != l.peer.Key {
			err = refuse(ReasonKey, "member %d shows key %x", l.peer.ID, key)
		}
		return err
	}))
	in, err := t.greet(ctx, tc, l)
	if err != nil || !stop() {
		_ = conn.Close()
		if err == nil {
			err = ctx.Err()
		}
		return nil, nil, err
	}
	return tc, in, nil
}

// greet does the handshake and exchanges hellos on a connection that we made.
// Only the peer's hello shows that it has accepted us: TLS 1.3 completes here
// before the peer has judged our certificate.
func (t *Transport) greet(ctx context.Context, tc *tls.Conn, l *link) (*inbound, error) {
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	ours := hello{chain: t.cfg.ChainID, from: t.cfg.Self, to: l.peer.ID, lane: l.lane}
	if err := writeHello(tc, ours); err != nil {
		return nil, err
	}
	in := newInbound(tc)
	h, err := readHello(&in.frameReader)
	if err != nil {
		return nil, err
	}
	if err := t.checkHello(h, l.peer); err != nil {
		return nil, err
	}
	if h.lane != l.lane {
		return nil, refuse(ReasonHello, "hello for the %v lane, not %v", h.lane, l.lane)
	}
	return in, nil
}
