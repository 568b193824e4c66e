package network

import (
	"slices"
	"strings"
	"testing"
)

// Browsers of other devices are let in by an address of the local network; the
// validators talk on loopback all the same.
func TestOnlyTheBrowsersPortsAreOpenToTheLAN(t *testing.T) {
	for _, lan := range []string{"", "192.0.2.7"} {
		n, err := Create(Config{Executable: "none", Dir: t.TempDir(), Name: "lan", Validators: 4, LAN: lan})
		if err != nil {
			t.Fatal(err)
		}
		flags := n.flags(0)
		host, listen := "127.0.0.1", "127.0.0.1:"
		if lan != "" {
			host, listen = lan, ":"
		}
		if !strings.HasPrefix(flags["listen-api"], listen) || !strings.HasPrefix(n.DeskListen(), listen) ||
			!strings.HasPrefix(flags["listen-peers"], "127.0.0.1:") {
			t.Errorf("%q: %v, the desk at %s", lan, flags, n.DeskListen())
		}
		if want := "0=" + n.WebURL(0) + ","; !strings.HasPrefix(n.WebURL(0), "http://"+host+":") ||
			!strings.HasPrefix(flags["web-nodes"], want) || flags["web-desks"] != n.DeskURL() {
			t.Errorf("%q: pages are told of %s and %s", lan, flags["web-nodes"], flags["web-desks"])
		}
		if !slices.Contains(n.Origins(), n.WebURL(3)) || !strings.Contains(flags["api-origins"], n.WebURL(3)) {
			t.Errorf("%q: the origins are %v", lan, n.Origins())
		}
	}
}
