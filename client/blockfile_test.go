package client_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew; read the diff before committing it")

// receiptsFile returns the file of a block of five transactions, of the chain that
// genesis/testdata/dev4.json begins.
func receiptsFile(t testing.TB) (*client.Verifier, []byte) {
	t.Helper()
	v, p, header := attestedBlock(t, 4, 5)
	r, err := v.Receipts(p.Encode(), header)
	if err != nil {
		t.Fatal(err)
	}
	b, err := v.EncodeReceiptsFile(r)
	if err != nil {
		t.Fatal(err)
	}
	return v, b
}

// The file has these bytes; the TypeScript SDK reads and writes the same.
func TestReceiptsFileIsTheGoldenOne(t *testing.T) {
	v, b := receiptsFile(t)
	golden := filepath.Join("testdata", "receipts.json")
	if *rewrite {
		if err := os.WriteFile(golden, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("the file differs from %s: %s", golden, b)
	}
	f, err := v.ReadReceiptsFile(want)
	if err != nil || f.Differs {
		t.Fatalf("%+v, %v", f, err)
	}
	s := f.Summary()
	if s.Height != 7 || s.Count != 5 || s.Accepted != 4 || s.Members != 2 || uint64(s.Time.Ms) != f.TimeMs {
		t.Errorf("%+v", s)
	}
	if one, ok := f.One(receiptID(4)); !ok || one.OK() || one.Outcome.Code != coupon.AlreadyRedeemed {
		t.Errorf("the last one: %+v", one)
	}
}

// However a file is cut short, it is one with receipts of a block as soon as its
// format can be read, and proves nothing.
func TestReceiptsFileThatIsCutShortIsRefused(t *testing.T) {
	v, b := receiptsFile(t)
	for n := range len(b) - 1 {
		if _, err := v.ReadReceiptsFile(b[:n]); !errors.Is(err, client.ErrFalse) {
			t.Fatalf("%d bytes of %d: %v", n, len(b), err)
		}
		if named := bytes.Index(b, []byte(`/v1"`)) + 4; client.HoldsReceipts(b[:n]) != (n >= named) {
			t.Fatalf("%d bytes of %d are taken for another kind of file", n, len(b))
		}
	}
}

// Whichever byte of the file is changed, either nothing is proven, or the same with
// the note that the file's words differ, or nothing but spaces was changed.
func TestReceiptsFileWithOneByteChanged(t *testing.T) {
	v, b := receiptsFile(t)
	good, err := v.ReadReceiptsFile(b)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := range b {
		changed := bytes.Clone(b)
		changed[at] ^= 1
		f, err := v.ReadReceiptsFile(changed)
		if errors.Is(err, client.ErrFalse) {
			refused++
			continue
		}
		same := err == nil && f.Summary() == good.Summary() &&
			f.Proof.Checkpoint.ReceiptRoot == good.Proof.Checkpoint.ReceiptRoot
		if !same {
			t.Errorf("byte %d, %q for %q: %+v, %v", at, changed[at], b[at], f, err)
		}
	}
	if refused < len(b)/2 {
		t.Errorf("only %d of %d changes are refused", refused, len(b))
	}
}

// What stands in the file beside proof and header is for people: it is compared and
// never believed.
func TestWordsOfAReceiptsFileProveNothing(t *testing.T) {
	v, b := receiptsFile(t)
	for name, change := range map[string]func(f map[string]any){
		"chain":    func(f map[string]any) { f["chain"] = "DEV-other" },
		"summary":  func(f map[string]any) { delete(f, "summary") },
		"accepted": func(f map[string]any) { f["summary"].(map[string]any)["accepted"] = 5 },
	} {
		f, err := v.ReadReceiptsFile(changedFile(t, b, change))
		if err != nil || !f.Differs || f.Summary().Accepted != 4 {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	for name, change := range map[string]func(f map[string]any){
		"another field":          func(f map[string]any) { f["more"] = 1 },
		"another format":         func(f map[string]any) { f["format"] = "scrip-receipts/v2" },
		"the format of a single": func(f map[string]any) { f["format"] = client.ReceiptFormat },
		"no format":              func(f map[string]any) { delete(f, "format") },
		"no proof":               func(f map[string]any) { delete(f, "proof") },
		"no header":              func(f map[string]any) { delete(f, "header") },
	} {
		if _, err := v.ReadReceiptsFile(changedFile(t, b, change)); !errors.Is(err, client.ErrFalse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := v.ReadReceiptsFile(append(bytes.Clone(b), "{}"...)); !errors.Is(err, client.ErrFalse) {
		t.Errorf("two documents: %v", err)
	}
	if _, err := v.ReadReceiptsFile(make([]byte, client.ReceiptsFileBytesMax+1)); !errors.Is(err, client.ErrFalse) {
		t.Errorf("too large: %v", err)
	}
}

func changedFile(t *testing.T, b []byte, change func(map[string]any)) []byte {
	t.Helper()
	return edit(t, b, func(f *map[string]any) { change(*f) })
}

// What a node answers is a file as it comes, and its words count as little.
func TestANodesAnswerIsAReceiptsFile(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	publish, _ := x.Publish()
	r := submit(t, c, publish)
	if _, err := c.Receipts(within(t, time.Minute), r.Height); err != nil { // waits for the proof
		t.Fatal(err)
	}
	response, err := http.Get(x.URLs()[0] + "/v1/blocks/" + strconv.FormatUint(r.Height, 10) + "/receipts")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || !client.HoldsReceipts(b) {
		t.Fatalf("%s, %v", b, err)
	}
	f, err := c.ReadReceiptsFile(b)
	if err != nil || f.Differs || f.Height != r.Height {
		t.Fatalf("%+v, %v", f, err)
	}
	lied := edit(t, b, func(a *client.ReceiptsAnswer) { a.Count++ })
	if f, err := c.ReadReceiptsFile(lied); err != nil || !f.Differs {
		t.Errorf("another count: %+v, %v", f, err)
	}
	for n := range len(b) - 1 {
		if _, err := c.ReadReceiptsFile(b[:n]); !errors.Is(err, client.ErrFalse) {
			t.Fatalf("%d bytes of %d: %v", n, len(b), err)
		}
	}
}

func TestOtherFilesHoldNoReceiptsOfABlock(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", "null", `{"format":1}`, `{"format":"scrip-receipt/v1"}`,
		`{"a":{"attested":1}}`} {
		if client.HoldsReceipts([]byte(text)) {
			t.Errorf("%s is taken for the receipts of a block", text)
		}
	}
}

// FuzzReadReceiptsFile: no file proves other receipts than those that were attested.
func FuzzReadReceiptsFile(f *testing.F) {
	v, b := receiptsFile(f)
	good, err := v.ReadReceiptsFile(b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := v.ReadReceiptsFile(b)
		if err == nil && chain.ReceiptRoot(r.Proof.Receipts) != good.Proof.Checkpoint.ReceiptRoot {
			t.Errorf("receipts out of nothing: %s", b)
		}
	})
}
