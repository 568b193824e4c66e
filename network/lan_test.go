package network

import (
	"fmt"
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

// A validator with an address of its own listens there alone, and is started by the
// words of its place.
func TestValidatorsWithPlacesListenThere(t *testing.T) {
	places := make([]Place, 4)
	for i := range places {
		places[i] = Place{Host: fmt.Sprintf("192.0.2.%d", i+1), Command: []string{"env", "there"}}
	}
	n, err := Create(Config{Executable: "none", Dir: t.TempDir(), Name: "placed", Validators: 4, Places: places})
	if err != nil {
		t.Fatal(err)
	}
	flags := n.flags(2)
	if flags["listen-api"] != "192.0.2.3:7000" || flags["listen-peers"] != "192.0.2.3:7001" ||
		!strings.HasPrefix(flags["peers"], "0=192.0.2.1:7001,") || n.URL(3) != "http://192.0.2.4:7000" {
		t.Errorf("%v, %s", flags, n.URL(3))
	}
}
