package keys_test

import (
	"encoding/hex"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// The one-off keys of gifts and tickets, from a phrase to an address. The values
// were computed apart, with another implementation of every step.
func TestGiftAndClaimVectors(t *testing.T) {
	w, err := keys.NewWallet("legal winner thank year wave sausage worth useful legal winner thank yellow", "")
	if err != nil {
		t.Fatal(err)
	}
	chain, secret, id := coupon.Chain{Digest: [32]byte{1}}, w.Secret(), coupon.CouponID(7<<32|9)
	seed := chain.GiftSeed(secret[:], id, 4)
	address := func(seed [32]byte) string { return keys.Secret{Kind: keys.Holder, Seed: seed}.Address() }
	for _, c := range []struct{ name, got, want string }{
		{"gift seed", hex.EncodeToString(seed[:]), "8a31aa09ccd05e01a5caa2151e0840b7"},
		{"gift key", address(chain.GiftKeySeed(seed, id)),
			"scrip17tu0m6g6hxkmxsunceaxnmlc8q7ke057xwskgjel5t0huekmtt9s4uws2m"},
		{"claim key", address(chain.ClaimKeySeed([16]byte{2}, 7, 9)),
			"scrip1vdxd00gpf3yhne2alszx3ht8lc57umhj0mqe2vtax52zzn254lrst7ryt8"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, wanted %s", c.name, c.got, c.want)
		}
	}
}
