package throttle

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// forwardedMax bounds the addresses that are read of a request's X-Forwarded-For: a
// chain of more proxies is not followed.
const forwardedMax = 16

// Proxies are the networks whose members are believed which address they forward
// for. The zero value believes nobody. A value is not changed once in use.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks, such as "10.0.0.1" and "10.1.0.0/16".
func ParseProxies(texts []string) (Proxies, error) {
	var all Proxies
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			a, errAddress := netip.ParseAddr(text)
			if errAddress != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q is no address or network, such as 10.0.0.1 or 10.1.0.0/16", text)
			}
			prefix = netip.PrefixFrom(a, a.BitLen())
		}
		if prefix.Bits() == 0 {
			return nil, fmt.Errorf("%q is everybody: name the proxies", text)
		}
		if a := prefix.Addr(); a.Is4In6() {
			if prefix.Bits() < 96 {
				return nil, fmt.Errorf("%q is no network of IPv4 or IPv6 alone", text)
			}
			prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Client returns the address that a request comes from: that of the connection, or,
// as long as that is a trusted proxy's, the last one that it put into
// X-Forwarded-For. What stands further left there anybody could have written, so it
// counts only as far as trusted proxies reach. ok is false for a connection without
// an address.
func (p Proxies) Client(r *http.Request) (a netip.Addr, ok bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if a, err = netip.ParseAddr(host); err != nil {
		return a, false
	}
	a = a.Unmap().WithZone("")
	if !p.trust(a) {
		return a, true
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-forwardedMax); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // the proxy's own address stands for what it does not say
		}
		if a = next.Unmap().WithZone(""); !p.trust(a) {
			break
		}
	}
	return a, true
}

// Address returns the key under which a client's requests are counted: its address,
// or for IPv6 the /64 that one client has.
func (p Proxies) Address(r *http.Request) string {
	a, ok := p.Client(r)
	if !ok {
		return r.RemoteAddr
	}
	return key(a)
}

// Connection returns the key under which the connections of an address are counted,
// and whether they are: those of a trusted proxy are many clients'.
func (p Proxies) Connection(remote net.Addr) (address string, counted bool) {
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return remote.String(), true
	}
	a := at.Addr().Unmap().WithZone("")
	return key(a), !p.trust(a)
}

func key(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return prefix.String()
}
