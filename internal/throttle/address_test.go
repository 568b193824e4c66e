package throttle

import (
	"net/http"
	"strings"
	"testing"
)

// A forwarded address counts as far as trusted proxies reach, and no further: what a
// client writes itself stands left of what the first trusted proxy adds.
func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "2001:db8::1", "::ffff:192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("10.0.0.9, ", 40)
	for _, c := range []struct{ name, remote, forwarded, want string }{
		{"no proxy", "203.0.113.5:4711", "", "203.0.113.5"},
		{"a stranger says it is somebody else", "203.0.113.5:4711", "198.51.100.1", "203.0.113.5"},
		{"a proxy forwards", "10.1.2.3:80", "198.51.100.1", "198.51.100.1"},
		{"two proxies forward", "10.1.2.3:80", "198.51.100.1, 10.9.9.9", "198.51.100.1"},
		{"a client lies before the proxy's word", "10.1.2.3:80", "192.168.0.1, 198.51.100.1", "198.51.100.1"},
		{"a proxy that says nothing", "10.1.2.3:80", "", "10.1.2.3"},
		{"a proxy that says nonsense", "10.1.2.3:80", "198.51.100.1, unknown", "10.1.2.3"},
		{"one behind another says nonsense", "10.1.2.3:80", "unknown, 10.9.9.9", "10.9.9.9"},
		{"IPv6 by /64", "[2001:db8::1]:443", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		{"IPv4 within IPv6", "[::ffff:192.0.2.7]:443", "::ffff:198.51.100.1", "198.51.100.1"},
		{"another address near the trusted one", "[2001:db8::2]:443", "198.51.100.1", "2001:db8::/64"},
		{"a chain without end", "10.1.2.3:80", "198.51.100.1, " + long + "10.0.0.9", "10.0.0.9"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := proxies.Address(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// Two headers are one list, in their order.
	r := &http.Request{RemoteAddr: "10.1.2.3:80", Header: http.Header{"X-Forwarded-For": {"198.51.100.1", "198.51.100.2"}}}
	if got := proxies.Address(r); got != "198.51.100.2" {
		t.Errorf("two headers: %s", got)
	}
}

func TestWhoMayBeTrustedIsSaidExactly(t *testing.T) {
	for _, text := range []string{"", "proxy.example", "10.0.0.0/33", "0.0.0.0/0", "::/0", "fe80::1%eth0", "::/40x",
		"::ffff:10.0.0.0/90"} {
		if got, err := ParseProxies([]string{text}); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
