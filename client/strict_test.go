package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
)

// strictVectors are changes of good files, and what both languages make of them.
type strictVectors struct {
	About string `json:"about"`
	Cases []struct {
		Name    string `json:"name"`
		Of      string `json:"of"` // which good file: receipt, receipts or answer
		Replace string `json:"replace"`
		With    string `json:"with"`
		// Reads is "holds", "differs" or "refused".
		Reads string `json:"reads"`
	} `json:"cases"`
}

// goodFiles are one file of each kind, of the made-up block that is in the golden file.
func goodFiles(t testing.TB) (v *client.Verifier, files map[string][]byte) {
	t.Helper()
	dev, err := genesis.Dev("test", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	if v, err = client.NewVerifier(dev.Genesis.Raw); err != nil {
		t.Fatal(err)
	}
	holder := coupon.NewSigner([32]byte{5})
	tx := v.Chain().NewTransfer(1_800_000_060_000, coupon.Transfer{Coupon: coupon.NewCouponID(1, 1), Mover: holder.Key,
		To: coupon.NewSigner([32]byte{6}).Key}, holder)
	checked, err := v.CheckTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	_, p, header := attestedBlock(t, 4, 5, checked.ID)
	one, err := v.Receipt(checked.ID, p.Proof(p.Proofs(), 0).Encode(), header)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := v.EncodeReceiptFile(tx, one)
	if err != nil {
		t.Fatal(err)
	}
	all, err := v.Receipts(p.Encode(), header)
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := v.EncodeReceiptsFile(all)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := json.Marshal(&client.ReceiptsAnswer{Height: client.U64(all.Height), Time: client.TimeOf(all.TimeMs),
		Count: len(all.Outcomes), Attested: all.Members, Proof: p.Encode(), Header: header})
	if err != nil {
		t.Fatal(err)
	}
	return v, map[string][]byte{"receipt": receipt, "receipts": receipts, "answer": answer}
}

// Files are read as strictly in Go as in TypeScript: the same changes are refused, noted
// as other words, or mean nothing. The good files are beside the vectors.
func TestFilesAreReadStrictly(t *testing.T) {
	v, files := goodFiles(t)
	for name, content := range files {
		golden := filepath.Join("testdata", "strict-"+name+".json")
		if *rewrite {
			if err := os.WriteFile(golden, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(content, want) {
			t.Errorf("%s is not the file of now: %v", golden, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "strict.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors strictVectors
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Cases) < 40 {
		t.Fatalf("%d cases: %v", len(vectors.Cases), err)
	}
	for _, x := range vectors.Cases {
		good := string(files[x.Of])
		if strings.Count(good, x.Replace) == 0 {
			t.Errorf("%s of %s: nothing to replace", x.Name, x.Of)
			continue
		}
		b := []byte(strings.Replace(good, x.Replace, x.With, 1))
		if got := readsAs(t, v, x.Of, b); got != x.Reads {
			t.Errorf("%s of %s: %s, want %s", x.Name, x.Of, got, x.Reads)
		}
	}
}

func readsAs(t *testing.T, v *client.Verifier, of string, b []byte) string {
	t.Helper()
	var differs bool
	var err error
	if of == "receipt" {
		var f *client.FileReceipt
		if f, err = v.ReadReceiptFile(b); err == nil {
			differs = f.Differs
		}
	} else {
		var f *client.FileReceipts
		if f, err = v.ReadReceiptsFile(b); err == nil {
			differs = f.Differs
		}
	}
	switch {
	case errors.Is(err, client.ErrFalse):
		return "refused"
	case err != nil:
		return err.Error()
	case differs:
		return "differs"
	}
	return "holds"
}

// What is no UTF-8 is no file: another program would read other characters.
func TestAFileIsUTF8(t *testing.T) {
	v, files := goodFiles(t)
	for of, good := range files {
		if got := readsAs(t, v, of, bytes.Replace(good, []byte("2027"), []byte("\xff027"), 1)); got != "refused" {
			t.Errorf("%s: %s", of, got)
		}
	}
}
