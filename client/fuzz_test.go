package client_test

import (
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
)

func fuzzGenesis(t testing.TB) []byte {
	dev, err := genesis.Dev("fuzz", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	return dev.Genesis.Raw
}

// A login is good for the very request that it was made for.
func TestALoginCoversTheRequest(t *testing.T) {
	dev, err := genesis.Dev("login", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	other, err := genesis.Dev("other", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	till, now := apitest.Signer(dev.Tills[0]), time.UnixMilli(1_800_000_000_000)
	c := dev.Genesis.Chain()
	header := client.SignLogin(c, till, "POST", "/v1/transactions?wait=proof", []byte("tx"), now)
	key, err := client.VerifyLogin(c, header, "POST", "/v1/transactions?wait=proof", []byte("tx"), now.Add(59*time.Second))
	if err != nil || key != till.Key {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"another method": second(client.VerifyLogin(c, header, "GET", "/v1/transactions?wait=proof", []byte("tx"), now)),
		"another target": second(client.VerifyLogin(c, header, "POST", "/v1/transactions", []byte("tx"), now)),
		"another body":   second(client.VerifyLogin(c, header, "POST", "/v1/transactions?wait=proof", []byte("ty"), now)),
		"too late": second(client.VerifyLogin(c, header, "POST", "/v1/transactions?wait=proof", []byte("tx"),
			now.Add(61*time.Second))),
		"too early": second(client.VerifyLogin(c, header, "POST", "/v1/transactions?wait=proof", []byte("tx"),
			now.Add(-61*time.Second))),
		"another chain": second(client.VerifyLogin(other.Genesis.Chain(), header, "POST", "/v1/transactions?wait=proof",
			[]byte("tx"), now)),
		"another scheme": second(client.VerifyLogin(c, "Bearer"+header[len(client.LoginScheme):], "POST",
			"/v1/transactions?wait=proof", []byte("tx"), now)),
	} {
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func second(_ [32]byte, err error) error { return err }

func FuzzVerifyLogin(f *testing.F) {
	dev, err := genesis.Dev("login", 4, "")
	if err != nil {
		f.Fatal(err)
	}
	now := time.UnixMilli(1_800_000_000_000)
	c := dev.Genesis.Chain()
	f.Add(client.SignLogin(c, apitest.Signer(dev.Tills[0]), "POST", "/", nil, now))
	f.Fuzz(func(t *testing.T, header string) {
		if _, err := client.VerifyLogin(c, header, "GET", "/", nil, now); err == nil {
			t.Errorf("a login out of nothing: %q", header)
		}
	})
}

func FuzzParseEventID(f *testing.F) {
	f.Add("12.3.0")
	f.Add("7")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := client.ParseEventID(s)
		if err != nil {
			return
		}
		if again, err := client.ParseEventID(e.String()); err != nil || again != e {
			t.Errorf("%q is %v, and that is %v, %v", s, e, again, err)
		}
	})
}
