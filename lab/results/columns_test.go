package results

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// rowsFrom draws samples and blocks with everything that a run may leave: times
// before the measurement, none at all, extremes, empty texts.
func rowsFrom(seed uint64) (samples []Sample, blocks []Block) {
	r := rand.New(rand.NewPCG(seed, 0))
	at := func() int64 {
		switch r.IntN(8) {
		case 0:
			return None
		case 1:
			return int64(r.Uint64())
		}
		return r.Int64N(9_000_000) - 2_000_000
	}
	for range r.IntN(200) {
		s := Sample{DueUs: at(), SentUs: at(), AnsweredUs: at(), ProofUs: at(), Node: r.Int64N(7),
			Kind: []string{"claim", "transfer"}[r.IntN(2)], Code: []string{"", CodeOK, CodeLate, "E108"}[r.IntN(4)]}
		for i := range s.Phases {
			s.Phases[i] = at()
		}
		samples = append(samples, s)
	}
	for i := range r.Int64N(50) {
		blocks = append(blocks, Block{Seq: i, View: 1, Txs: r.Int64N(99), Bytes: at(), ProposedUs: at(), CommittedUs: at(),
			ExecutedUs: at(), Fast: r.Int64N(5), Slow: at(), Ancestor: 0})
	}
	return samples, blocks
}

// Whatever rows there are come back from each form that is read: packed, CSV, and CSV
// in gzip as folders made before have it.
func TestEveryFormGivesTheSameRows(t *testing.T) {
	for seed := range uint64(40) {
		samples, blocks := rowsFrom(seed)
		packed, err := EncodeSamples(samples)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var plain bytes.Buffer
		if err := writeCSV(&plain, samples, sampleFields()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for form, raw := range map[string][]byte{"packed": packed, "CSV": plain.Bytes(), "gzip": zipped(t, plain.Bytes())} {
			back, err := DecodeSamples(bytes.NewReader(raw))
			if err != nil || !reflect.DeepEqual(back, samples) {
				t.Fatalf("seed %d, %s: %d samples are %d (%v)", seed, form, len(samples), len(back), err)
			}
		}
		if packed, err = EncodeBlocks(blocks); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if back, err := DecodeBlocks(bytes.NewReader(packed)); err != nil || !slices.Equal(back, blocks) {
			t.Fatalf("seed %d: %d blocks are %d (%v)", seed, len(blocks), len(back), err)
		}
	}
}

func zipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The form is fixed: folders that exist must be read for ever.
func TestPackedFormIsAsWritten(t *testing.T) {
	text := "scrip-lab columns 1,3\nseq,1,1,1\nview,1,0,0\ntxs,3,,-1\nbytes,9,0,0\nproposed_us,-5,10,10\n" +
		"committed_us,,7,\nexecuted_us,1,1,1\nfast,4,0,0\nslow,0,0,0\nancestor,0,0,0\n"
	want := []Block{
		{Seq: 1, View: 1, Txs: 3, Bytes: 9, ProposedUs: -5, CommittedUs: None, ExecutedUs: 1, Fast: 4},
		{Seq: 2, View: 1, Txs: None, Bytes: 9, ProposedUs: 5, CommittedUs: 7, ExecutedUs: 2, Fast: 4},
		{Seq: 3, View: 1, Txs: 2, Bytes: 9, ProposedUs: 15, CommittedUs: None, ExecutedUs: 3, Fast: 4},
	}
	for form, raw := range map[string][]byte{"text": []byte(text), "gzip": zipped(t, []byte(text))} {
		if got, err := DecodeBlocks(bytes.NewReader(raw)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v (%v), wanted %+v", form, got, err, want)
		}
	}
	packed, err := EncodeBlocks(want)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(z); err != nil || got.String() != text {
		t.Errorf("%q (%v), wanted %q", got.String(), err, text)
	}
}

// What is no packed file is refused with the place, and never read for less.
func TestSpoiledColumnsAreRefused(t *testing.T) {
	good := "scrip-lab columns 1,1\nseq,1\nview,1\ntxs,1\nbytes,1\nproposed_us,1\ncommitted_us,1\nexecuted_us,1\n" +
		"fast,1\nslow,1\nancestor,1\n"
	for _, c := range []struct{ from, to, want string }{
		{"1,1\n", "1,x\n", `"x" is not a number of rows`},
		{"1,1\n", "1,-1\n", `"-1" is not a number of rows`},
		{"1,1\n", "1,20000001\n", `is not a number of rows`},
		{"1,1\nseq,1\n", "1,2\nseq,1\n", "column seq: 1 values, wanted 2"},
		{"txs,1\n", "txs,1,1\n", "column txs: more than 1 values"},
		{"txs,1\n", "", `column txs: there is "bytes" in its place`},
		{"bytes,1", "bytes,one", `column bytes: row 1: "one" is not a number`},
		{"bytes,1", "bytes," + strings.Repeat("1", cellBytesMax+1), "a value of more than 64 bytes"},
		{"ancestor,1\n", "ancestor,1", "column ancestor: unexpected EOF"},
		{"ancestor,1\n", "ancestor,1\nmore,1\n", "there is more behind the last column"},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Fatalf("%q is not in the good file", c.from)
		}
		if _, err := DecodeBlocks(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q instead of %q: %v, wanted %s", c.to, c.from, err, c.want)
		}
	}
	if _, err := EncodeSamples([]Sample{{Kind: "a,b"}}); err == nil {
		t.Error("a text with a comma is packed")
	}
	raw := zipped(t, []byte(good))
	raw[len(raw)-8] ^= 1 // the checksum
	if _, err := DecodeBlocks(bytes.NewReader(raw)); err == nil {
		t.Error("a file with a wrong checksum is read")
	}
}

// Packing a folder of the form before changes names, sizes and hashes, and nothing
// that follows from the rows.
func TestPackKeepsEveryNumber(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	samples, blocks := rowsFrom(7)
	var plain, table bytes.Buffer
	if err := writeCSV(&plain, samples, sampleFields()); err != nil {
		t.Fatal(err)
	}
	if err := writeCSV(&table, blocks, blockFields()); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"raw/a-tx.csv.gz": zipped(t, plain.Bytes()), "raw/a-blocks.csv": table.Bytes(),
		"raw/a-counters.csv": EncodeCounters(Counters{CounterWindowUs: 1e6})}
	m := Manifest{Schema: Schema, Files: make(map[string]string),
		Runs: []RunEntry{{Samples: "raw/a-tx.csv.gz", Blocks: "raw/a-blocks.csv", Counters: "raw/a-counters.csv"}}}
	for name, raw := range files {
		m.Files[name] = Sum(raw)
		if err := f.Write(name, raw); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := EncodeJSON(m)
	if err == nil {
		err = f.Write(ManifestFile, raw)
	}
	if err == nil {
		err = Pack(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	packed, _, err := f.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if wrong := f.CheckFiles(packed); len(wrong) > 0 {
		t.Error(wrong)
	}
	if got := packed.Runs[0]; got.Samples != "raw/a-tx.columns.gz" || got.Blocks != "raw/a-blocks.columns.gz" ||
		got.Counters != "raw/a-counters.csv" {
		t.Errorf("the run names %+v", got)
	}
	left, err := filepath.Glob(filepath.Join(f.Dir, "raw", "*.csv*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left as CSV: %v (%v)", left, err)
	}
	for name, want := range map[string]string{"raw/a-tx.columns.gz": plain.String(),
		"raw/a-blocks.columns.gz": table.String()} {
		var got bytes.Buffer
		if err := f.WriteCSV(&got, name); err != nil || got.String() != want {
			t.Errorf("%s: %d bytes as CSV, wanted %d (%v)", name, got.Len(), len(want), err)
		}
	}
	before, err := os.ReadFile(filepath.Join(f.Dir, ManifestFile))
	if err == nil {
		err = Pack(f)
	}
	after, again := os.ReadFile(filepath.Join(f.Dir, ManifestFile))
	if err != nil || again != nil || !bytes.Equal(before, after) {
		t.Errorf("packed twice it differs (%v, %v)", err, again)
	}
}

// A reader of raw files meets any bytes with rows or an error.
func FuzzDecodeSamples(f *testing.F) {
	samples, _ := rowsFrom(1)
	packed, err := EncodeSamples(samples)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte(fmt.Sprintf("%s,2\ndue_us,1,1\n", columnsForm)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rows, err := DecodeSamples(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if _, err := EncodeSamples(rows); err != nil && !strings.Contains(err.Error(), "is longer") {
			t.Error(err)
		}
	})
}
