package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/network"
)

// The local network is let in at an address that is this machine's, and at no other.
func TestTheLocalNetworkReachesAnAddressOfThisMachine(t *testing.T) {
	if got, err := lanAddress(""); got != "" || err != nil {
		t.Errorf("unasked: %q, %v", got, err)
	}
	for _, foreign := range []string{"203.0.113.250", "127.0.0.1", "phone", "::1"} {
		var e *Error
		if got, err := lanAddress(foreign); !errors.As(err, &e) || e.Exit != ExitUsage {
			t.Errorf("%s: %q, %v", foreign, got, err)
		}
	}
}

// The code for phones leads where phones can go, and is drawn for people only.
func TestThePhoneCodeNamesTheLANAddress(t *testing.T) {
	n, err := network.Create(network.Config{Executable: "none", Dir: t.TempDir(), Name: "lan", Validators: 4,
		LAN: "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	terminal := &App{OutTerminal: true}
	if text := terminal.phoneQR(n, demoOptions{lan: lanAuto}); !strings.Contains(text, n.WebURL(0)+"/wallet/") ||
		!strings.Contains(n.WebURL(0), "192.0.2.7") {
		t.Errorf("for a terminal:\n%s", text)
	}
	if terminal.phoneQR(n, demoOptions{}) != "" || (&App{}).phoneQR(n, demoOptions{lan: lanAuto}) != "" {
		t.Error("drawn without phones, or for a program")
	}
}
