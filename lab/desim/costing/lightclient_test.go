package costing

import "testing"

// A receipt proof grows by a signature for every three members and by a hash when
// the block doubles.
func TestProofsGrowAsTheFormulaSays(t *testing.T) {
	const path, signature = 32, 64
	var small ProofCost
	for _, c := range []struct{ members, txs, hashes int }{
		{4, 1, 0}, {4, 256, 8}, {7, 256, 8}, {31, 256, 8}, {31, 1024, 10},
	} {
		got, err := MeasureProof(c.members, c.txs)
		if err != nil {
			t.Fatal(err)
		}
		if small.ProofBytes == 0 {
			small = got
		}
		want := small.ProofBytes + (got.Signatures-small.Signatures)*signature + c.hashes*path
		if got.ProofBytes != want || got.Signatures != (c.members-1)/3+1 || got.VerifyNs <= 0 {
			t.Errorf("%d members, %d transactions: %+v, want %d bytes", c.members, c.txs, got, want)
		}
	}
	if _, err := MeasureProof(3, 1); err == nil {
		t.Error("three members are a committee")
	}
	if _, err := MeasureProof(4, 0); err == nil {
		t.Error("an empty block has a receipt")
	}
}

func BenchmarkMeasureProof(b *testing.B) {
	for _, members := range []int{4, 7, 10, 16, 31, 64, 100} {
		c, err := MeasureProof(members, 1024)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%+v", c)
	}
}
