package throttle

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// The limiter forgets the idle, and never holds more than its maximum.
func TestALimiterIsBounded(t *testing.T) {
	l := New(1, 2)
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 {
		if got, want := l.Allow("one", now), i < 2; got != want {
			t.Errorf("request %d: %v", i, got)
		}
	}
	if !l.Spent("one", now) || l.Spent("two", now) {
		t.Error("what is spent is not known")
	}
	if later := now.Add(time.Second); l.Spent("one", later) || !l.Allow("one", later) || !l.Spent("one", later) {
		t.Error("a second later nothing is allowed, or looking counts")
	}
	for i := range 2 * KeysMax {
		l.Allow(strconv.Itoa(i), now)
		if n := len(l.young) + len(l.old); n > KeysMax {
			t.Fatalf("%d keys", n)
		}
	}
	for i := range 2 {
		l.Allow("last", now.Add(time.Duration(2+2*i)*idle))
	}
	if len(l.young) != 1 || len(l.old) != 1 {
		t.Errorf("%d and %d keys after all were idle", len(l.young), len(l.old))
	}
	if none := New(-1, 1); !none.Allow("anybody", now) || none.Spent("anybody", now) {
		t.Error("no limit limits")
	}
}

// An IPv6 client has a /64 of addresses, an IPv4 client one.
func TestAddressesAreGrouped(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":          "192.0.2.7",
		"[::ffff:192.0.2.7]:1234": "192.0.2.7",
		"[2001:db8:1:2:3::4]:80":  "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":       "fe80::/64",
		"@":                       "@",
	} {
		if got := Proxies(nil).Address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s is %s, wanted %s", remote, got, want)
		}
	}
}
