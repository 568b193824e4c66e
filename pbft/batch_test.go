package pbft_test

import (
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// counting takes a signature for good whose first byte is that of its key, and counts what it was asked.
type counting struct{ single, batch int }

func (c *counting) Verify(k pbft.PublicKey, _ []byte, s pbft.Signature) bool {
	c.single++
	return k[0] == s[0]
}

func (c *counting) VerifyBatch(ks []pbft.PublicKey, _ [][]byte, ss []pbft.Signature) bool {
	c.batch++
	for i := range ks {
		if ks[i][0] != ss[i][0] {
			return false
		}
	}
	return true
}

// A batch is verified at once; one by one only where that fails, and then each false
// signature is named.
func TestABatchFallsBackToSingleSignatures(t *testing.T) {
	for _, x := range []struct {
		sigs          []byte
		good          []bool
		batch, single int
	}{
		{nil, nil, 0, 0},
		{[]byte{0, 1, 2}, []bool{true, true, true}, 1, 0},
		{[]byte{0, 9, 2}, []bool{true, false, true}, 1, 3},
	} {
		var b pbft.Batch
		for i, s := range x.sigs {
			b.Add(pbft.PublicKey{byte(i)}, nil, pbft.Signature{s})
		}
		var asked counting
		var good []bool
		for i, ok := range b.Each(&asked) {
			if i != len(good) {
				t.Fatalf("%v: number %d after %d", x.sigs, i, len(good))
			}
			good = append(good, ok)
		}
		if !slices.Equal(good, x.good) || asked.batch != x.batch || asked.single != x.single {
			t.Errorf("%v: %v after %d batches and %d single checks", x.sigs, good, asked.batch, asked.single)
		}
		if all := b.All(&asked); all != !slices.Contains(x.good, false) {
			t.Errorf("%v: all is %t", x.sigs, all)
		}
	}
}
