package hooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrPrivate says that an endpoint's address is not one of the public network.
var ErrPrivate = errors.New("the address is private, and the endpoint may not use such")

// Bounds of one attempt.
const (
	dialTimeout      = 5 * time.Second
	attemptTimeout   = 15 * time.Second // from the dialling to the last byte of the answer
	answerHeadMax    = 16 << 10
	idleTimeout      = 90 * time.Second
	idlePerHostMax   = sendersMax
	answerDrainMax   = 64 << 10 // read to use the connection again; else it is cut
	answerShownBytes = 512      // of an answer that are kept
)

// reserved are networks that are no place of the public Internet and that netip.Addr has
// no word for (IANA's registries of special purpose addresses).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("::/96"),
}

// Networks whose addresses stand for one of IPv4, with the byte at which that begins.
var (
	translated = netip.MustParsePrefix("64:ff9b::/96")
	locally    = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// public reports whether an address is one of the public network.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || locally.Contains(a) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	b := a.As16()
	switch {
	case translated.Contains(a):
		return public(netip.AddrFrom4([4]byte(b[12:])))
	case sixToFour.Contains(a):
		return public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return true
}

// guarded refuses to connect to what is not public. It is asked about the very address
// that is dialled, behind every name.
func guarded(network, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") || !public(a.Addr()) {
		return fmt.Errorf("%w: %s", ErrPrivate, address)
	}
	return nil
}

// newClient returns what delivers. It asks no proxy, which would dial for it, and follows
// no redirect: an endpoint that has moved is told so to its owner.
func newClient(private bool) *http.Client {
	d := &net.Dialer{Timeout: dialTimeout}
	if !private {
		d.Control = guarded
	}
	return clientOver(d.DialContext)
}

func clientOver(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Timeout: attemptTimeout,
		Transport: &http.Transport{DialContext: dial, TLSHandshakeTimeout: dialTimeout, MaxResponseHeaderBytes: answerHeadMax,
			IdleConnTimeout: idleTimeout, MaxIdleConns: EndpointsMax * idlePerHostMax, MaxIdleConnsPerHost: idlePerHostMax,
			DisableCompression: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
