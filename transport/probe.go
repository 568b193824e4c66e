package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/scrip-network/scrip/sig"
)

// ErrNoMember says that what answers at an address is no member's port of the chain.
var ErrNoMember = errors.New("transport: no member of this chain")

// Probe connects to an address as a member would, and returns the key that is shown
// there, whose possession the handshake proves. It shows no key itself, so that no link
// is disturbed: the member notes a failed handshake. ctx bounds it.
//
// Errors: ErrNoMember if something answers that does not speak for the chain; else that
// nothing could be reached.
func Probe(ctx context.Context, addr string, chain [32]byte) (key [sig.KeySize]byte, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return key, fmt.Errorf("probe %s: %w", addr, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	tc := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{protocolOf(chain)},
		InsecureSkipVerify: true}) // the key is all that is asked for
	if err := tc.HandshakeContext(ctx); err != nil {
		return key, fmt.Errorf("probe %s: %w: %w", addr, ErrNoMember, err)
	}
	state := tc.ConnectionState()
	if state.NegotiatedProtocol != protocolOf(chain) || len(state.PeerCertificates) == 0 {
		return key, fmt.Errorf("probe %s: %w", addr, ErrNoMember)
	}
	shown, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(shown) != sig.KeySize {
		return key, fmt.Errorf("probe %s: %w: its key is not ed25519", addr, ErrNoMember)
	}
	return [sig.KeySize]byte(shown), nil
}
