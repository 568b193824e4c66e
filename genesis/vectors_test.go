package genesis

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// vectors say what every reader must make of testdata/dev4.json, and which changes
// of it every reader must refuse. Digests are hex.
type vectors struct {
	Digest    string          `json:"digest"`
	Committee string          `json:"committee"`
	Quorum    int             `json:"quorum"`
	Refused   []refusedChange `json:"refused"`
}

// refusedChange replaces the first Old of the file by New.
type refusedChange struct {
	Why string `json:"why"`
	Old string `json:"old"`
	New string `json:"new"`
}

func refusedChanges() []refusedChange {
	return []refusedChange{
		{"another format", "scrip-genesis-1", "scrip-genesis-2"},
		{"a field twice", `"name": "DEV-test"`, `"name": "DEV-test", "name": "DEV-test"`},
		{"an unknown field", `"numeric": 978`, `"numeric": 978, "extra": 1`},
		{"a field in another case", `"exponent"`, `"Exponent"`},
		{"a name with a blank", "DEV-test", "DEV test"},
		{"a time with an offset", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00"},
		{"a time with trailing zeros", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.100Z"},
		{"a day that is not", "2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z"},
		{"a fraction", `"numeric": 978`, `"numeric": 978.0`},
		{"a number in quotes", `"exponent": 2`, `"exponent": "2"`},
		{"letters in lower case", `"letters": "EUR"`, `"letters": "eur"`},
		{"members out of order", `"id": 2`, `"id": 3`},
		{"two members of one name", "DEV Bakery", "DEV Mall"},
		{"roles out of order", `"issuer",`, `"mall",`},
		{"a direction character", "DEV Mall", "DEV \u202eMall"},
		{"a name that is not composed", "DEV Bakery", "DEV Cafe\u0301"},
		{"a key in upper case", "scripmember1zz", "SCRIPMEMBER1ZZ"},
		{"a key of another kind", "scriptill1", "scripmember1"},
		{"an amount without decimals", `"1000000.00"`, `"1000000"`},
		{"an amount with a leading zero", `"1000000.00"`, `"01000000.00"`},
		{"too many faults", `"faults": 1`, `"faults": 2`},
		{"a tenure below the window", `"tenure": 4096`, `"tenure": 31`},
		{"something behind the file", "\n}\n", "\n}\n{}"},
		{"a trailing comma", `"threshold": 1`, `"threshold": 1,`},
	}
}

func TestVectors(t *testing.T) {
	const path = "testdata/vectors.json"
	file, err := os.ReadFile("testdata/dev4.json")
	if err != nil {
		t.Fatal(err)
	}
	g, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.Committee()
	if err != nil {
		t.Fatal(err)
	}
	committee := c.Digest()
	v := vectors{hex.EncodeToString(g.Digest[:]), hex.EncodeToString(committee[:]), c.Quorum(), refusedChanges()}
	for _, r := range v.Refused {
		changed := bytes.Replace(file, []byte(r.Old), []byte(r.New), 1)
		if bytes.Equal(changed, file) {
			t.Errorf("%s: %q is not in the file", r.Why, r.Old)
		}
		if _, err := Parse(changed); err == nil {
			t.Errorf("%s: accepted", r.Why)
		}
	}
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the vectors differ from %s (%v); run with -rewrite and read the difference", path, err)
	}
}
