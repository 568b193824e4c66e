package genesis

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the files in testdata; read the difference before committing it")

func dev(t testing.TB, n int) *DevNetwork {
	t.Helper()
	d, err := Dev("test", n, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// realFile returns a file of a chain that is no demonstration, with random keys.
func realFile(t *testing.T) *File {
	t.Helper()
	f := dev(t, 4).Genesis.File
	f.Name = "harbour-1"
	for i := range f.Ledger.Members {
		f.Ledger.Members[i].Keys = [][32]byte{keys.Generate(keys.Member).Public(), keys.Generate(keys.Member).Public()}
		f.Committee.Validators[i].Key = keys.Generate(keys.Validator).Public()
	}
	for i := range f.Ledger.Tills {
		f.Ledger.Tills[i].Key = keys.Generate(keys.Till).Public()
		f.Ledger.Tills[i].ValidUntil = f.TimeMs + 300*dayMs
	}
	return &f
}

func TestDigestOfTheWorkedExample(t *testing.T) {
	// Domain rules 3.14: name "scrip-test-1", empty file.
	got := coupon.ChainDigest("scrip-test-1", nil)
	if hex.EncodeToString(got[:]) != "b39d546bda8a75f019428e55b5b9a164d7dbaeed11485caea2bf736ffdb23ceb" {
		t.Errorf("digest %x", got)
	}
}

func TestDevIsTheSameEverywhere(t *testing.T) {
	a, b := dev(t, 4), dev(t, 4)
	if !bytes.Equal(a.Genesis.Raw, b.Genesis.Raw) || a.Genesis.Digest != b.Genesis.Digest {
		t.Error("two calls give two files")
	}
	golden := filepath.Join("testdata", "dev4.json")
	if *rewrite {
		if err := os.WriteFile(golden, a.Genesis.Raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Genesis.Raw, want) {
		t.Errorf("the file differs from %s: every demonstration in use would change its chain", golden)
	}
	loaded, err := Load(golden)
	if err != nil || loaded.Digest != a.Genesis.Digest {
		t.Errorf("loaded: %v", err)
	}
}

func TestDevNetworkOfEachSize(t *testing.T) {
	for _, n := range []int{4, 7, 10, 31, pbft.ReplicasMax} {
		d := dev(t, n)
		c, err := d.Genesis.Committee()
		if err != nil {
			t.Fatal(err)
		}
		if c.Size() != n || c.Chain() != d.Genesis.Digest {
			t.Errorf("n = %d: committee of %d", n, c.Size())
		}
		f := &d.Genesis.File
		if !f.IsDev() || !strings.HasPrefix(f.Name, "DEV-") {
			t.Errorf("the name %q does not say that this is a demonstration", f.Name)
		}
		for i, s := range d.Validators {
			if c.Key(pbft.ReplicaID(i)) != s.Public() {
				t.Errorf("n = %d: the secret of replica %d is not its own", n, i)
			}
			if f.Ledger.Members[i].Keys[0] != d.Admins[i].Public() {
				t.Errorf("n = %d: the secret of member %d is not its own", n, i+1)
			}
			if !strings.HasPrefix(f.Ledger.Members[i].Name, "DEV ") {
				t.Errorf("member %d is not marked: %q", i+1, f.Ledger.Members[i].Name)
			}
		}
		for i, s := range d.Tills {
			if f.Ledger.Tills[i].Key != s.Public() {
				t.Errorf("n = %d: the secret of till %d is not its own", n, i)
			}
		}
		if want := 2 * (n - 2); len(d.Tills) != want || len(f.Ledger.Tills) != want {
			t.Errorf("n = %d: %d tills, wanted %d", n, len(d.Tills), want)
		}
	}
	for _, n := range []int{-1, 0, 3, pbft.ReplicasMax + 1} {
		if _, err := Dev("test", n, ""); err == nil {
			t.Errorf("%d validators were accepted", n)
		}
	}
}

func TestEncodeAndParseAreInverse(t *testing.T) {
	for _, f := range []*File{realFile(t), &dev(t, 7).Genesis.File} {
		raw, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&g.File, f) {
			t.Errorf("parsed\n%+v\nwanted\n%+v", &g.File, f)
		}
		again, err := Encode(&g.File)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("encoding again gives other bytes: %v", err)
		}
	}
}

// The file's bytes are what counts: a blank more is another chain.
func TestDigestCoversEveryByte(t *testing.T) {
	d := dev(t, 4)
	g, err := Parse(append(bytes.Clone(d.Genesis.Raw), ' '))
	if err != nil {
		t.Fatal(err)
	}
	if g.Digest == d.Genesis.Digest {
		t.Error("a file with another byte has the same digest")
	}
}

func TestParseRefusals(t *testing.T) {
	raw := string(dev(t, 4).Genesis.Raw)
	for _, c := range []struct{ name, old, new, want string }{
		{"misspelt", `"threshold"`, `"treshold"`, `members[0].treshold: unknown field; did you mean "threshold"?`},
		{"misspelt in case", `"cycle_ms"`, `"Cycle_ms"`, `Cycle_ms: unknown field; did you mean "cycle_ms"?`},
		{"unknown", `"name": "DEV-test",`, `"name": "DEV-test", "moon": 1,`, `line 3: moon: unknown field`},
		{"missing", `"exponent": 2`, `"exponent": 2, "_": 0`, "currencies[0]._: unknown field"},
		{"missing", `,
      "exponent": 2`, ``, "line 6: currencies[0].exponent: the field is missing"},
		{"twice", `"faults": 1,`, `"faults": 1, "faults": 1,`, `"faults" stands twice`},
		{"format", "scrip-genesis-1", "scrip-genesis-2", `this version reads "scrip-genesis-1"`},
		{"number as text", `"faults": 1`, `"faults": "1"`, "committee.faults: a number without quotes"},
		{"fraction", `"window": 32`, `"window": 32.0`, "committee.window: 32.0, a whole number"},
		{"exponent form", `"window": 32`, `"window": 3e1`, "committee.window: 3e1"},
		{"negative", `"window": 32`, `"window": -1`, "committee.window: -1"},
		{"zero", `"window": 32`, `"window": 0`, "committee.window: 0, a whole number from 1 to 256"},
		{"huge", `"window": 32`, `"window": 99999999999999999999999`, "whole number"},
		{"null", `"name": "DEV-test"`, `"name": null`, `name: a text in "quotes"`},
		{"money without decimals", `"1000000.00"`, `"1000000"`, "exactly 2 decimals"},
		{"money with too many", `"1000000.00"`, `"1000000.000"`, "exactly 2 decimals"},
		{"money with a sign", `"1000000.00"`, `"+1000000.00"`, "exactly 2 decimals"},
		{"money with a leading zero", `"1000000.00"`, `"01000000.00"`, "exactly 2 decimals"},
		{"money with two points", `"1000000.00"`, `"1000.000.00"`, "exactly 2 decimals"},
		{"money without end", `"1000000.00"`, `"99999999999999999.00"`, "beyond the largest amount"},
		{"time with an offset", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "is no time like"},
		{"time with nanoseconds", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "is no time like"},
		{"time of another form", "2026-01-01T00:00:00Z", "2026-01-01", "is no time like"},
		{"currency", `"currency": "EUR"`, `"currency": "USD"`, `funding[0].currency: "USD" is not among`},
		{"role", `"issuer",
        "mall"`, `"issuer", "maal"`, "members[0].roles[1]: wanted are some of issuer, merchant"},
		{"roles in another order", `"issuer",
        "mall"`, `"mall", "issuer"`, "in this order"},
		{"no role", `[
        "issuer",
        "mall"
      ]`, "[]", "members[0].roles: 0 entries"},
		{"member id", `"id": 2`, `"id": 3`, "members[1].id: 3, members are numbered 1, 2, 3 in order: 2"},
		{"threshold", `"threshold": 1`, `"threshold": 2`, "members[0].threshold: 2"},
		{"name", "DEV Mall", "DEV Mall\\u202e", "direction characters"},
		{"name not composed", "DEV Mall", "DEV Cafe\u0301", "NFC"},
		{"name with blanks", "DEV Mall", " DEV Mall", "blanks"},
		{"same name", "DEV Bakery", "DEV Mall", "members[1].name: members[0] has the same"},
		{"half a surrogate", "DEV Mall", "DEV \\ud800", "broken character"},
		{"chain name", "DEV-test", "DEV test", "name: only a-z"},
		{"demonstration key on a real chain", "DEV-test", "harbour", "is public; only chains named DEV-"},
		{"too few validators", `"fast_faults": 1`, `"fast_faults": 2`, "p = 2"},
		{"trailing", "\n}\n", "\n}\n{}", "not JSON"},
		{"cut", "\n}\n", "\n", "not JSON"},
	} {
		text := strings.Replace(raw, c.old, c.new, 1)
		if text == raw {
			t.Errorf("%s: the test changes nothing", c.name)
			continue
		}
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
	}
}

func TestParseRefusesKeysOfTheWrongKind(t *testing.T) {
	d := dev(t, 4)
	raw := string(d.Genesis.Raw)
	admin := d.Admins[0].Address()
	for _, c := range []struct{ name, key, want string }{
		{"till for member", d.Tills[0].Address(), "a member key (scripmember1...) is wanted"},
		{"upper case", strings.ToUpper(admin), "lower case"},
		{"typing error", admin[:20] + flip(admin[20]) + admin[21:], "checksum"},
		{"small order", keys.Encode(keys.Member, [32]byte{1}), "not valid"},
		{"another's", d.Admins[1].Address(), "stands here again"},
		{"a validator's bytes", keys.Encode(keys.Member, d.Validators[2].Public()), "stands here again"},
	} {
		_, err := Parse([]byte(strings.Replace(raw, admin, c.key, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
	}
}

func flip(c byte) string {
	if c == 'q' {
		return "p"
	}
	return "q"
}

func TestParseBoundsWhatItReads(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"empty", "", "not JSON"},
		{"a list", "[]", "an object"},
		{"a number", "1", "an object"},
		{"deep", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "too deeply"},
		{"wide", `{"members": [` + strings.Repeat("1,", nodesMax) + `1]}`, "too many values"},
		{"many fields", "{" + manyFields(fieldsMax+1) + "}", "more than 32 fields"},
		{"large", strings.Repeat(" ", FileBytesMax+1), "at most"},
		{"not UTF-8", "{\"name\": \"\xff\"}", "UTF-8"},
	} {
		_, err := Parse([]byte(c.raw))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
	}
}

func manyFields(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf("\"f%d\": 0", i)
	}
	return strings.Join(fields, ",")
}

func TestValidateRefusesWhatAProgramGotWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *File)
		want   string
	}{
		{"no time", func(f *File) { f.TimeMs = 0 }, "time"},
		{"role missing", func(f *File) { f.Ledger.Members[0].Roles = 0 }, "members[0].roles"},
		{"till of no merchant", func(f *File) { f.Ledger.Tills[0].Member = 1 }, "not a merchant"},
		{"till too long", func(f *File) { f.Ledger.Tills[0].ValidUntil = f.TimeMs + 4*366*dayMs }, "three years"},
		{"till over before it began", func(f *File) {
			f.Ledger.Tills[0].ValidFrom, f.Ledger.Tills[0].ValidUntil = 1, f.TimeMs
		}, "not after the genesis"},
		{"label", func(f *File) { f.Ledger.Tills[1].Label = "" }, "tills[1].label"},
		{"two replicas of one member", func(f *File) { f.Committee.Validators[1].Member = 1 }, "the same member"},
		{"replica of nobody", func(f *File) { f.Committee.Validators[1].Member = 9 }, "no member 9"},
		{"three replicas", func(f *File) { f.Committee.Validators = f.Committee.Validators[:3] }, "wanted 4 to"},
		{"a parameter left out", func(f *File) { f.Committee.ExecutionLag = 0 }, "execution_lag: 0"},
		{"f too large", func(f *File) { f.Committee.Faults = 2 }, "f = 2"},
		{"one key twice", func(f *File) { f.Ledger.Tills[0].Key = f.Committee.Validators[0].Key }, "stands here again"},
	} {
		f := realFile(t)
		c.change(f)
		if err := f.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
		if _, err := Encode(f); err == nil {
			t.Errorf("%s: the file was written", c.name)
		}
	}
}

func TestMoneyForms(t *testing.T) {
	for _, c := range []struct {
		amount   uint64
		exponent uint8
		text     string
	}{
		{0, 0, "0"}, {5000, 0, "5000"}, {0, 2, "0.00"}, {7, 2, "0.07"}, {123456, 2, "1234.56"},
		{1, 3, "0.001"}, {coupon.MoneyMax, 2, "10000000000000.00"},
	} {
		currency := coupon.Currency{Letters: "XTS", Exponent: c.exponent}
		if got := units.Decimal(c.amount, c.exponent); got != c.text {
			t.Errorf("%d with %d decimals is written %s, wanted %s", c.amount, c.exponent, got, c.text)
		}
		if got, err := parseMoney(c.text, currency); err != nil || got != c.amount {
			t.Errorf("%s is read as %d, %v", c.text, got, err)
		}
	}
}

func TestNearestName(t *testing.T) {
	names := []string{"threshold", "name", "keys", "id"}
	for _, c := range []struct{ typed, want string }{
		{"treshold", "threshold"}, {"thresholds", "threshold"}, {"Name", "name"}, {"key", "keys"},
		{"completely_else", ""}, {strings.Repeat("x", 1000), ""},
	} {
		if got := nearest(c.typed, names); got != c.want {
			t.Errorf("%.20s: %q, wanted %q", c.typed, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(dev(f, 4).Genesis.Raw)
	f.Add([]byte(`{"format": "scrip-genesis-1", "members": [{"id": 1}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		g, err := Parse(raw)
		if err != nil {
			return
		}
		again, err := Encode(&g.File)
		if err != nil {
			t.Fatalf("parsed, but not to be written: %v", err)
		}
		back, err := Parse(again)
		if err != nil || !reflect.DeepEqual(back.File, g.File) {
			t.Errorf("written and read again it differs: %v", err)
		}
	})
}
