package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
)

func devVerifier(t *testing.T) *client.Verifier {
	t.Helper()
	dev, err := genesis.Dev("life", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := client.NewVerifier(dev.Genesis.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What the command line makes lives less than the chain allows, whatever its kind, so
// that no clock that is a little fast makes it too long; and what is asked for beyond
// that is refused before anything is signed.
func TestWhatIsMadeLivesWithinTheBounds(t *testing.T) {
	v := devVerifier(t)
	l := v.Genesis().File.Ledger
	for _, kind := range coupon.Kinds() {
		most := l.LifeMs
		if kind.MemberSigned() {
			most = l.MemberLifeMs
		}
		before := nowMs()
		for _, draft := range []string{"", "draft.json"} {
			if draft != "" && !kind.MemberSigned() {
				continue
			}
			at := (&sending{draft: draft}).expiry(v, kind)
			if life := at - before; at <= before || life >= most {
				t.Errorf("%v, draft %q: it lives %d ms of %d", kind, draft, life, most)
			}
		}
		if at := actions.Expiry(v, kind); at <= before || at-before >= most {
			t.Errorf("%v: it lives %d ms of %d", kind, at-before, most)
		}
	}
	most := time.Duration(coupon.AuthLife(l.LifeMs)) * time.Millisecond
	if uint64(most.Milliseconds()) >= l.LifeMs {
		t.Errorf("an invoice may be good for %v", most)
	}
	for life, good := range map[time.Duration]bool{time.Second: true, most: true, 0: false, -time.Second: false,
		time.Second - 1: false, most + time.Millisecond: false, 1 << 62: false} {
		var usage *Error
		err := checkLife(v, life)
		if (err == nil) != good || err != nil && (!errors.As(err, &usage) || usage.Exit != ExitUsage) {
			t.Errorf("--life %v: %v", life, err)
		}
	}
}

// A transaction that is shown with a proven refusal says whether that is the end of it:
// of each kind and code, by the table of endings.
func TestAShownRefusalSaysWhetherItIsTheEnd(t *testing.T) {
	open := 0
	for _, info := range coupon.Codes() {
		code := info.Code
		for _, kind := range coupon.Kinds() {
			said := endsNothing(code, &coupon.Tx{Kind: kind, Expires: 1_800_000_000_000})
			stays := code.Ending(kind) == coupon.StaysOpen
			if stays {
				open++
			}
			if stays != strings.HasPrefix(said, ": not final, no block may accept it from ") || !stays && said != "" {
				t.Errorf("%v of a %v: %q", code, kind, said)
			}
		}
	}
	if open == 0 || endsNothing(coupon.OK, &coupon.Tx{Kind: coupon.KindClaim}) != "" {
		t.Errorf("%d stay open", open)
	}
}
