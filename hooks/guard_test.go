package hooks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scrip-network/scrip/hooks/signature"
)

func TestWhatIsPublic(t *testing.T) {
	for _, a := range []string{"8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:82b::200e", "193.0.0.1",
		"64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is refused", a)
		}
	}
	for _, a := range strings.Fields("127.0.0.1 127.8.9.1 0.0.0.0 0.1.2.3 10.1.2.3 172.16.0.1 172.31.255.255 " +
		"192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.7 " +
		"203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 :: ::1 ::8.8.8.8 fe80::1 fe80::1%eth0 fc00::1 " +
		"fdff::1 fec0::1 ff02::1 2001:db8::1 2001::1 100::1 3fff::1 5f00::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 " +
		"64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe::1") {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for public", a)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is taken for public")
	}
}

// The address that is dialled is looked at: what a name stands for, and every way to write
// an address.
func TestPrivateAddressesAreNotDialled(t *testing.T) {
	asked := make(chan string, 100)
	inner := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Host }))
	defer inner.Close()
	_, port, err := net.SplitHostPort(inner.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := newSender("test")
	send := func(url string, private bool) outcome {
		return s.send(context.Background(), url, private, []signature.Secret{signature.NewSecret()}, "scrip-1", nil)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"} {
		if o := send("http://"+host+":"+port, false); o.ok() || o.Status != 0 {
			t.Errorf("%s answers %d", host, o.Status)
		} else if host != "127.1" && host != "localhost" && !o.refused { // names may lead nowhere here
			t.Errorf("%s: %s", host, o.Error)
		}
	}
	if len(asked) > 0 {
		t.Fatalf("%s was asked", <-asked)
	}
	if o := send("http://127.0.0.1:"+port, true); !o.ok() {
		t.Errorf("an endpoint that may be private: %+v", o)
	}
	for _, network := range []string{"udp", "unix", "tcp"} {
		if err := guarded(network, "8.8.8.8:443", nil); !errors.Is(err, ErrPrivate) {
			t.Errorf("%s is dialled", network)
		}
	}
	if err := guarded("tcp4", "8.8.8.8:443", nil); err != nil {
		t.Error(err)
	}
}

// A redirect is an answer, not a way: nobody is asked in its place.
func TestRedirectsAreNotFollowed(t *testing.T) {
	asked := 0
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer inner.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		outer := httptest.NewServer(http.RedirectHandler(inner.URL, status))
		o := newSender("test").send(context.Background(), outer.URL, true, nil, "scrip-1", []byte("{}"))
		if o.ok() || o.Status != status {
			t.Errorf("a redirect counts as %+v", o)
		}
		outer.Close()
	}
	if asked > 0 {
		t.Errorf("the other server was asked %d times", asked)
	}
}

// An answer is bounded, shown in part, and cannot write on a terminal.
func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "999999999")
		w.WriteHeader(http.StatusServiceUnavailable)
		for range 1000 {
			_, _ = w.Write([]byte("\x1b[31m\u009b\xff\x00" + strings.Repeat("long ", 1000)))
		}
	}))
	defer server.Close()
	o := newSender("test").send(context.Background(), server.URL, true, nil, "scrip-1", []byte("{}"))
	if o.Status != http.StatusServiceUnavailable || len(o.Answer) > answerShownBytes || o.retryAfter != retryAfterMax {
		t.Errorf("the answer is %+v", o)
	}
	if strings.ContainsAny(o.Answer, "\x1b\x00\u009b") || !utf8.ValidString(o.Answer) {
		t.Errorf("the answer keeps %q", o.Answer)
	}
}
