// Package label reads the short texts that stand on the ledger, titles and names of
// tills, as people type them on phones and keyboards. Pure functions, safe for
// concurrent use.
package label

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/scrip-network/scrip/pbft/wire"
)

// unseen are characters that keyboards and web pages insert by themselves and that
// nobody sees: marks of direction, spaces without width, soft hyphens, byte order
// marks. Joiners (U+200C, U+200D) stay: words of some scripts and emoji need them.
const unseen = "\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"

// Line ends that the ledger's own rules let pass.
const (
	lineSeparator      = '\u2028'
	paragraphSeparator = '\u2029'
)

// Fits reports whether Read would leave a text as it is, whatever its length: nodes take
// no other from their clients, or two names that look the same would be two. The empty
// text fits.
func Fits(text string) bool {
	clean, taken, err := Read(text, len(text))
	return err == nil && taken == 0 && clean == text
}

// Read returns a text as it goes to the ledger: composed (NFC), without unseen
// characters and blanks around it, and how many unseen ones were taken out. The
// error, in words for people, says that it is longer than bytesMax or which
// character the rules do not allow.
func Read(text string, bytesMax int) (clean string, taken int, err error) {
	if !utf8.ValidString(text) {
		return "", 0, fmt.Errorf("it is not written in UTF-8")
	}
	clean = strings.Map(func(r rune) rune {
		if strings.ContainsRune(unseen, r) {
			taken++
			return -1
		}
		return r
	}, text)
	clean = norm.NFC.String(strings.TrimSpace(clean))
	for i, r := range []rune(clean) {
		if !wire.ValidText([]byte(string(r))) || r == lineSeparator || r == paragraphSeparator {
			return "", 0, fmt.Errorf("character %d of it (U+%04X) is not allowed: no line ends, tabs and other controls",
				i+1, r)
		}
	}
	if n := len(clean); n > bytesMax {
		count := utf8.RuneCountInString(clean)
		return "", 0, fmt.Errorf("it has %d bytes and at most %d fit: shorten its %d characters to about %d", n, bytesMax,
			count, count*bytesMax/n)
	}
	return clean, taken, nil
}
