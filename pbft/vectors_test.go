package pbft

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden vectors anew; read the diff before committing it")

// messageVector is one message as it travels, a frame between members.
type messageVector struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`
	Bytes string `json:"bytes"` // hexadecimal
}

// vectorBytesMax keeps the file readable: of each kind it has messages below this size.
const vectorBytesMax = 3000

// kinds are those of which there are messages.
func kinds() (all []Kind) {
	for k := KindPrePrepare; k <= KindLast; k++ {
		if k.Known() {
			all = append(all, k)
		}
	}
	return all
}

// sampleMessages returns two messages of each kind, always the same: the kind and the
// size of the first parts alone decide which.
func sampleMessages() (all []Message) {
	for _, k := range kinds() {
		found := 0
		for seed := uint64(0); found < 2; seed++ {
			m := sampler{rand.New(rand.NewPCG(uint64(k), seed))}.message(k)
			if len(EncodeMessage(m)) <= vectorBytesMax {
				all, found = append(all, m), found+1
			}
		}
	}
	return all
}

// A message that members send has these bytes for good: what has been said once is read
// by every later version. A new form gets a new kind.
func TestMessageVectors(t *testing.T) {
	const path = "testdata/messages.json"
	messages := sampleMessages()
	made := make([]messageVector, len(messages))
	for i, m := range messages {
		made[i] = messageVector{m.Kind(), m.Kind().String(), hex.EncodeToString(EncodeMessage(m))}
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
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code makes; if the change is meant, run with -rewrite and read the diff", path)
	}
	var golden []messageVector
	if err := json.Unmarshal(got, &golden); err != nil {
		t.Fatal(err)
	}
	for i, v := range golden {
		b, err := hex.DecodeString(v.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		m, err := DecodeMessage(b)
		if err != nil || i >= len(messages) || !reflect.DeepEqual(m, messages[i]) {
			t.Errorf("%d, %s, reads as %+v, %v", i, v.Name, m, err)
		}
	}
}
