package keys

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// The two ed25519 test vectors of SLIP-0010: path, chain code, private key.
func TestSLIP10Vectors(t *testing.T) {
	type step struct {
		index       uint32
		chain, seed string
	}
	for _, v := range []struct {
		seed  string
		steps []step
	}{
		{"000102030405060708090a0b0c0d0e0f", []step{
			{0, "90046a93de5380a72b5e45010748567d5ea02bbf6522f979e05c0d8d8ca9fffb",
				"2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7"},
			{0, "8b59aa11380b624e81507a27fedda59fea6d0b779a778918a2fd3590e16e9c69",
				"68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3"},
			{1, "a320425f77d1b5c2505a6b1b27382b37368ee640e3557c315416801243552f14",
				"b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2"},
			{2, "2e69929e00b5ab250f49c3fb1c12f252de4fed2c1db88387094a0f8c4c9ccd6c",
				"92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9"},
			{2, "8f6d87f93d750e0efccda017d662a1b31a266e4a6f5993b15f5c1f07f74dd5cc",
				"30d1dc7e5fc04c31219ab25a27ae00b50f6fd66622f6e9c913253d6511d1e662"},
			{1000000000, "68789923a0cac2cd5a29172a475fe9e0fb14cd6adb5ad98a3fa70333e7afa230",
				"8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793"},
		}},
		{"fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2" +
			"9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542", []step{
			{0, "ef70a74db9c3a5af931b5fe73ed8e1a53464133654fd55e7a66f8570b8e33c3b",
				"171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012"},
			{0, "0b78a3226f915c082bf118f83618a618ab6dec793752624cbeb622acb562862d",
				"1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635"},
			{2147483647, "138f0b2551bcafeca6ff2aa88ba8ed0ed8de070841f0c4ef0165df8181eaad7f",
				"ea4f5bfe8694d8bb74b7b59404632fd5968b774ed545e810de9c32a4fb4192f4"},
			{1, "73bd9fff1cfbde33a1b846c27085f711c0fe2d66fd32e139d3ebc28e5a4a6b90",
				"3757c7577170179c7868353ada796c839135b3d30554bbb74a4b1e4a5a58505c"},
			{2147483646, "0902fe8a29f9140480a00ef244bd183e8a13288e4412d8389d140aac1794825a",
				"5837736c89570de861ebc173b1086da4f505d4adb387c6a1b1342d5e4ac9ec72"},
			{2, "5d70af781f3a37b829f0d060924d5e960bdc02e85423494afc0b1a41bbe196d4",
				"551d333177df541ad876a60ea71f00447931c0a9da16f227c11ea080d7391b8d"},
		}},
	} {
		var n node
		path := "m"
		for i, s := range v.steps {
			if i == 0 {
				n = masterNode(unhex(t, v.seed))
			} else {
				n = n.child(s.index)
				path += fmt.Sprintf("/%d'", s.index)
			}
			if hex.EncodeToString(n.chain[:]) != s.chain || hex.EncodeToString(n.seed[:]) != s.seed {
				t.Errorf("%s: chain %x, key %x", path, n.chain, n.seed)
			}
		}
	}
}

func testWallet(t *testing.T) Wallet {
	t.Helper()
	w, err := NewWallet("legal winner thank year wave sausage worth useful legal winner thank yellow", "")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// No two of a wallet's keys are equal, whatever their campaign, number or kind.
func TestWalletKeysDiffer(t *testing.T) {
	w := testWallet(t)
	seen := map[[32]byte]string{w.Secret(): "secret"}
	for kind := range kindEnd {
		for group := range uint32(4) {
			for n := range uint32(4) {
				s, err := w.Key(kind, group, n)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprint(kind, group, n)
				if other, taken := seen[s.Seed]; taken {
					t.Errorf("%s and %s have one key", name, other)
				}
				seen[s.Seed] = name
			}
		}
	}
	coupon, err := w.Coupon(3, 2)
	if err != nil || seen[coupon.Seed] != fmt.Sprint(Holder, 3, 2) {
		t.Errorf("coupon key: %v, %v", coupon, err)
	}
	for _, bad := range [][2]uint32{{hardened, 0}, {0, hardened}} {
		if _, err := w.Key(Holder, bad[0], bad[1]); err == nil {
			t.Errorf("index %v was accepted", bad)
		}
	}
}

// The paths are a promise to every backed-up phrase, and the browser wallet
// derives the same: these values must never change.
func TestWalletVectors(t *testing.T) {
	w := testWallet(t)
	secret := w.Secret()
	coupon, _ := w.Coupon(7, 1)
	for _, c := range []struct{ name, got, want string }{
		{"coupon 7/1", hex.EncodeToString(coupon.Seed[:]),
			"8f26af217c1da0a94ebf638842ed38c97ca327a2242218e3b00f767e78e42c90"},
		{"address", coupon.Address(),
			"scrip1fvgtexxw4mgmxuuzpxjln5swz6t237xuc6fq2tjnm4lygsxht9vs08mp5h"},
		{"wallet secret", hex.EncodeToString(secret[:]), "f95c41f4405380808e1eea4e69494fd35057673e3ea0d6780a87e37b05a92d6c"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, wanted %s", c.name, c.got, c.want)
		}
	}
}

// Formatting never shows a secret, under any verb.
func TestSecretsStayOutOfText(t *testing.T) {
	w := testWallet(t)
	s, _ := w.Coupon(1, 0)
	root := w.root.seed
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o"} {
		text := strings.ToLower(fmt.Sprintf(verb+" "+verb+" "+verb, s, w, []Secret{s}))
		decimals := strings.Trim(fmt.Sprint(s.Seed), "[]")
		for _, bad := range []string{hex.EncodeToString(s.Seed[:4]), hex.EncodeToString(root[:4]), decimals} {
			if strings.Contains(text, bad) {
				t.Errorf("%s shows a secret: %s", verb, text)
			}
		}
	}
	if _, err := s.MarshalText(); err == nil {
		t.Error("a secret was written as text")
	}
}
