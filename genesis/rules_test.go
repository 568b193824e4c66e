package genesis

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// A file names the version of the rules only if it is not the first one, so that files and
// digests from before stay what they are; one of version 2 says what settlement begins with.
func TestFilesNameTheirRules(t *testing.T) {
	plain, err := Dev("rules", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plain.Genesis.Raw, []byte("rules\":")) || plain.Genesis.File.Ledger.Rules != 0 {
		t.Errorf("a file of the first version names it:\n%s", plain.Genesis.Raw)
	}
	const now = 1_790_000_000_000
	dev, err := DevWith("rules", 4, "", DevRules(coupon.Version2, now))
	if err != nil {
		t.Fatal(err)
	}
	f := &dev.Genesis.File
	want := coupon.GenesisSettlement{TimeMs: now, PayMs: coupon.PayMsDefault, Clearer: 4}
	if f.Ledger.Rules != coupon.Version2 || f.Ledger.Settlement != want || f.TimeMs != now {
		t.Errorf("rules %d, settlement %+v at %d", f.Ledger.Rules, f.Ledger.Settlement, f.TimeMs)
	}
	if like, err := DevLike(dev.Genesis); err != nil || like.Genesis.Digest != dev.Genesis.Digest {
		t.Errorf("the demonstration like %s is another one: %v", f.Name, err)
	}
	m, err := coupon.NewMachine(dev.Genesis.Chain(), f.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	var row []byte
	for _, w := range m.Genesis() {
		if bytes.Equal(w.Key, coupon.ProtocolKey()) {
			row = w.Value
		}
	}
	p, err := coupon.DecodeProtocol(row)
	if err != nil || p.Version != 2 || p.PayMs != coupon.PayMsDefault || p.Clearer != 4 ||
		uint64(p.NextCycle) != now/coupon.CycleMsMin {
		t.Errorf("the first state says %+v, %v", p, err)
	}
	raw := string(dev.Genesis.Raw)
	for _, x := range []struct{ name, old, new, want string }{
		{"the default", `"rules": 2`, `"rules": 1`, "wanted 2, or no such field"},
		{"one to come", `"rules": 2`, `"rules": 3`, "wanted 2, or no such field"},
		{"no time to pay", `"pay_ms": 259200000`, `"pay_ms": 0`, "from 3600000 to 7776000000"},
		{"a clearer that is none", `"clearer": 4`, `"clearer": 5`, "from 0 to 4"},
		{"a clearer of another trade", `"clearer": 4`, `"clearer": 3`, "clearer 3 is not a payment member"},
		{"a net mode", `"multilateral"`, `"both"`, `wanted "multilateral" or "bilateral"`},
		{"settlement without rules", "  \"rules\": 2,\n", "", "unknown field"},
		{"rules without settlement", "  \"net_mode\": \"multilateral\",\n", "", "the field is missing"},
	} {
		changed := strings.Replace(raw, x.old, x.new, 1)
		if _, err := Parse([]byte(changed)); changed == raw || err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, wanted %q", x.name, err, x.want)
		}
	}
}

// Which chains a program runs its build tag says.
func TestProgramsRunTheirRules(t *testing.T) {
	for v := range coupon.Version2 + 2 {
		err := CheckRules(v)
		if (err != nil) != (v > rulesMax) {
			t.Errorf("version %d: %v", v, err)
		}
		if err != nil && !strings.Contains(err.Error(), "-tags "+RulesTag) {
			t.Errorf("version %d: %v does not say which program runs it", v, err)
		}
	}
}
