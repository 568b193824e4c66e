package client_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
)

// Each field of an answer that claims to be checked says what carries it.
func TestEachFieldOfAnAnswerSaysWhatCarriesIt(t *testing.T) {
	b, err := os.ReadFile("../docs/proofs.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []any{client.Receipt{}, client.Receipts{}, client.State{}, client.Block{}, client.Coupon{},
		client.Campaign{}, client.Till{}, client.Member{}, client.Event{}, client.Refusal{}, client.UnknownError{},
		client.Statement{}, client.BehindError{}, client.FileReceipt{}, client.FileReceipts{}} {
		x := reflect.TypeOf(answer)
		for i := range x.NumField() {
			f := x.Field(i)
			if f.IsExported() && !strings.Contains(string(b), "\n| `"+x.Name()+"."+f.Name+"` | ") {
				t.Errorf("docs/proofs.md does not say what carries %s.%s", x.Name(), f.Name)
			}
		}
	}
}
