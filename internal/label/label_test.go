package label

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestATextGoesToTheLedgerAsItIsSeen(t *testing.T) {
	for _, c := range []struct {
		text, clean string
		taken       int
	}{
		{"Free coffee", "Free coffee", 0}, {"  Free coffee\n", "Free coffee", 0}, {"", "", 0},
		{"\u200fקפה חינם\u200e", "קפה חינם", 2},
		{"Cafe\u0301", "Café", 0}, // composed
		{"a\u200bb\ufeff\u00ad", "ab", 3},
		{"👩\u200d🍳 menu", "👩\u200d🍳 menu", 0}, // one picture
		{strings.Repeat("家", 21), strings.Repeat("家", 21), 0},
	} {
		got, taken, err := Read(c.text, 64)
		if got != c.clean || taken != c.taken || err != nil {
			t.Errorf("%q: %q, %d taken, %v; wanted %q, %d", c.text, got, taken, err, c.clean, c.taken)
		}
	}
}

func TestWhatDoesNotFitIsSaidInWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"家族みんなで使える冬の感謝祭スペシャルクーポン", "it has 69 bytes and at most 64 fit: shorten its 23 characters to about 21"},
		{strings.Repeat("a", 65), "it has 65 bytes"},
		{"two\nlines", "character 4 of it (U+000A)"},
		{"a\tb", "character 2 of it (U+0009)"},
		{"\xff", "UTF-8"},
	} {
		if got, _, err := Read(c.text, 64); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %q, %v; wanted %q", c.text, got, err, c.want)
		}
	}
}

// The vectors are those of the TypeScript SDK, by which the web reads what is typed. A
// node's door takes what they leave as it is.
func TestLabelsAreReadAsInTypeScript(t *testing.T) {
	raw, err := os.ReadFile("testdata/labels.json")
	if err != nil {
		t.Fatal(err)
	}
	var labels []struct {
		Name, Text, Clean string
		Taken             int
		Refused           bool
	}
	if err := json.Unmarshal(raw, &labels); err != nil || len(labels) < 20 {
		t.Fatalf("%d labels: %v", len(labels), err)
	}
	for _, x := range labels {
		clean, taken, err := Read(x.Text, 64)
		if clean != x.Clean || taken != x.Taken || (err != nil) != x.Refused {
			t.Errorf("%s: %q, %d taken, %v", x.Name, clean, taken, err)
		}
		if Fits(x.Text) != (!x.Refused && x.Clean == x.Text) || !x.Refused && !Fits(x.Clean) {
			t.Errorf("%s: it fits %v", x.Name, Fits(x.Text))
		}
	}
}
