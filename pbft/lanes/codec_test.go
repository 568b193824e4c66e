package lanes

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

var rewrite = flag.Bool("rewrite", false, "write the golden bytes anew; read the diff before committing it")

// vector is what docs/wire.md says, as bytes.
type vector struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
}

func samples(c *pbft.Committee) (messages []Message, recipe Recipe) {
	one := NewBatch(c, 2, 0x1122334455667788, 5, txsOf([]byte("first"), []byte("second")))
	two := NewBatch(c, 2, 0x1122334455667788, 6, txsOf([]byte("third")))
	r := RangeOf(c, 2, []*Batch{one, two})
	recipe = Recipe{{Range: r}, {Range: r, Mask: []byte{5}}, {Inline: txsOf([]byte("inline"))}}
	set := pbft.Signers{6}
	return []Message{
		&Open{Epoch: 3, Instance: 7, Next: 9}, one, &Fetch{Range: r}, &Data{Range: r},
		&Data{Range: r, Batches: []*Batch{one, two}}, &Lack{Block: pbft.Digest{4}, Seq: 11, Lanes: set},
		&Watch{View: 12, Lanes: set}, &Ack{Up: []Upto{{1, 7, 8}, {2, 9, 10}}},
	}, recipe
}

// What members say about lanes has these bytes for good.
func TestTheBytesOfLanes(t *testing.T) {
	const path = "testdata/lanes.json"
	c := committee(t, 4)
	messages, recipe := samples(c)
	var made []vector
	for _, m := range messages {
		made = append(made, vector{m.Kind(), m.Kind().String(), hex.EncodeToString(Encode(m))})
		back, err := Decode(c, 2, Encode(m))
		if err != nil || !reflect.DeepEqual(back, m) {
			t.Errorf("%v reads as %+v, %v", m.Kind(), back, err)
		}
	}
	bd, rd := messages[1].(*Batch).Digest(), messages[2].(*Fetch).Range.Digest
	made = append(made, vector{Name: "recipe", Bytes: hex.EncodeToString(recipe.Append(nil))},
		vector{Name: "bd", Bytes: hex.EncodeToString(bd[:])}, vector{Name: "rd", Bytes: hex.EncodeToString(rd[:])})
	if back, err := DecodeRecipe(recipe.Append(nil)); err != nil || !reflect.DeepEqual(back, recipe) {
		t.Errorf("the recipe reads as %+v, %v", back, err)
	}
	want, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code makes (%v); if that is meant, run with -rewrite and read the diff", path, err)
	}
}

// What breaks a limit or has a second form is refused.
func TestWhatIsMalformedIsRefused(t *testing.T) {
	c := committee(t, 4)
	_, recipe := samples(c)
	r := recipe[0].Range
	bad := func(change func(*Range)) []byte {
		x := r
		change(&x)
		return Encode(&Fetch{Range: x})
	}
	many := make([]Tx, BatchTxsMax+1)
	for i := range many {
		many[i].Bytes = []byte{1}
	}
	large := txsOf(make([]byte, BatchBytesMax-4), []byte{1})
	for name, frame := range map[string][]byte{
		"nothing":                nil,
		"an unknown kind":        {byte(KindLast) + 1},
		"a kind below":           {byte(KindFirst) - 1, 0, 0, 0, 0},
		"trailing bytes":         append(Encode(&Fetch{Range: r}), 0),
		"a range of none":        bad(func(x *Range) { x.Count = 0 }),
		"a range of many":        bad(func(x *Range) { x.Count = RangeBatchesMax + 1 }),
		"a range from 0":         bad(func(x *Range) { x.First = 0 }),
		"a range beyond the end": bad(func(x *Range) { x.First = 1<<32 - 1 }),
		"a lane of nobody":       bad(func(x *Range) { x.Lane = pbft.ReplicasMax }),
		"batch 0":                Encode(&Batch{Instance: 1, Txs: many[:1]}),
		"a batch of nothing":     Encode(&Batch{Instance: 1, Seq: 1}),
		"an empty transaction":   Encode(&Batch{Instance: 1, Seq: 1, Txs: []Tx{{}}}),
		"many transactions":      Encode(&Batch{Instance: 1, Seq: 1, Txs: many}),
		"a large batch":          Encode(&Batch{Instance: 1, Seq: 1, Txs: large}),
		"a set of strangers":     Encode(&Watch{Lanes: pbft.Signers{1 << 4}}),
		"lanes out of order":     Encode(&Ack{Up: []Upto{{2, 1, 1}, {1, 1, 1}}}),
		"a lane twice":           Encode(&Ack{Up: []Upto{{2, 1, 1}, {2, 1, 1}}}),
		"data of too few":        Encode(&Data{Range: r, Batches: []*Batch{{Txs: many[:1]}}}),
		"data of no transactions": Encode(&Data{Range: r,
			Batches: []*Batch{{Txs: many[:1]}, {}}}),
	} {
		if m, err := Decode(c, 2, frame); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for name, x := range map[string]Recipe{
		"a mask of nothing":   {{Range: r, Mask: []byte{0}}},
		"an empty mask":       {{Range: r, Mask: []byte{}}},
		"no transactions":     {{Inline: []Tx{}}},
		"many parts":          make(Recipe, PartsMax+1),
		"a range of no count": {{}},
	} {
		if y, err := DecodeRecipe(x.Append(nil)); err == nil {
			t.Errorf("%s: %+v", name, y)
		}
	}
	if _, err := DecodeRecipe(make([]byte, pbft.RecipeBytesMax+1)); !errors.Is(err, wire.ErrLimit) {
		t.Error(err)
	}
	if _, err := DecodeRecipe(append(recipe.Append(nil), 0)); !errors.Is(err, wire.ErrTrailing) {
		t.Error(err)
	}
	if _, err := DecodeRecipe([]byte{1, 0, partLast + 1}); !errors.Is(err, wire.ErrValue) {
		t.Error(err)
	}
}

// A digest of a batch or range is of all that it names.
func TestDigestsAreOfEverything(t *testing.T) {
	c := committee(t, 4)
	txs := txsOf([]byte("a"), []byte("b"))
	seen := map[pbft.Digest]string{}
	for name, b := range map[string]*Batch{
		"itself":         NewBatch(c, 1, 1, 1, txs),
		"another member": NewBatch(c, 2, 1, 1, txs),
		"another start":  NewBatch(c, 1, 2, 1, txs),
		"another number": NewBatch(c, 1, 1, 2, txs),
		"another order":  NewBatch(c, 1, 1, 1, txsOf([]byte("b"), []byte("a"))),
		"fewer":          NewBatch(c, 1, 1, 1, txs[:1]),
	} {
		if other, twice := seen[b.Digest()]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[b.Digest()] = name
	}
	one, two := NewBatch(c, 1, 1, 1, txs), NewBatch(c, 1, 1, 2, txs)
	if RangeOf(c, 1, []*Batch{one, two}).Digest == RangeOf(c, 1, []*Batch{one}).Digest {
		t.Error("a range of two has the digest of one")
	}
}

// No bytes make the decoders panic, and what decodes has one encoding.
func FuzzDecode(f *testing.F) {
	c := committee(f, 4)
	messages, recipe := samples(c)
	for _, m := range messages {
		f.Add(Encode(m))
	}
	f.Add(recipe.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Decode(c, 2, b); err == nil && !bytes.Equal(Encode(m), b) {
			t.Errorf("%x is encoded as %x", b, Encode(m))
		}
		if x, err := DecodeRecipe(b); err == nil && !bytes.Equal(x.Append(nil), b) {
			t.Errorf("%x is encoded as %x", b, x.Append(nil))
		}
	})
}
