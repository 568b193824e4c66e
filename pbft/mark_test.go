package pbft

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// What a mark signs is fixed by the specification, for the chain of "scrip-test-1".
func TestWhatAMarkSigns(t *testing.T) {
	chain, err := hex.DecodeString("b39d546bda8a75f019428e55b5b9a164d7dbaeed11485caea2bf736ffdb23ceb")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCommittee(Digest(chain), 0, testKeys(4), Parameters{Faults: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := Mark{Boot: 7, Frames: 123456}
	for i := range x.Nonce {
		x.Nonce[i] = byte(i)
	}
	sum := sha256.Sum256(c.MarkBytes(x))
	if got := hex.EncodeToString(sum[:]); got != "a9ce7dadf6b548899e7b60fe047e106277c69ba25c4baa3fe508834b14419292" {
		t.Errorf("what a mark signs has the digest %s", got)
	}
}

// The guard's records, and an answer with a mark, have these bytes for good.
func TestGuardVectors(t *testing.T) {
	nonce := MarkNonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	m := SignedMark{Key: PublicKey{0xaa}, Mark: Mark{Boot: 7, Nonce: nonce, Frames: 258}, Signature: Signature{0xbb}}
	row := "aa" + zeros(31) + "07000000" + "0102030405060708090a0b0c0d0e0f10" + "0201000000000000" + "bb" + zeros(63)
	answer := "05000000" + "0900000000000040" + "40" + row
	for name, x := range map[string]struct {
		got  []byte
		want string
	}{
		"boot": {EncodeRecords([]Record{{Kind: RecordBoot, Boot: Boot{7, nonce, true, Mark{6, MarkNonce{9}, 258}}}}),
			"01000000" + "0d" + "07000000" + "0102030405060708090a0b0c0d0e0f10" + "01" +
				"06000000" + "09" + zeros(15) + "0201000000000000"},
		"mark": {EncodeRecords([]Record{{Kind: RecordMark, Mark: &m}}), "01000000" + "0e" + row},
		"amnesia": {EncodeRecords([]Record{{Kind: RecordAmnesia,
			Shown: &Recollection{Epoch: 5, Nonce: 9 | RecallMarks, Mark: &m}}}), "01000000" + "0f" + "0d" + answer},
		"MARKS":  {EncodeMessage(&Marks{Marks: []SignedMark{m}}), "21" + "01000000" + row},
		"answer": {EncodeMessage(&Recollection{Epoch: 5, Nonce: 9 | RecallMarks, Mark: &m}), "0d" + answer},
	} {
		want, err := hex.DecodeString(x.want)
		if err != nil || !bytes.Equal(x.got, want) {
			t.Errorf("%s: %x, want %s", name, x.got, x.want)
		}
	}
}

func zeros(bytes int) string { return hex.EncodeToString(make([]byte, bytes)) }

// Starts count before frames. No log has two marks of one number and two nonces, nor a
// mark of an earlier start that is as far as one of a later.
func TestMarksOfOneLog(t *testing.T) {
	a, b := MarkNonce{1}, MarkNonce{2}
	for name, x := range map[string]struct {
		x, y           Mark
		less, excludes bool
	}{
		"the same":                      {Mark{1, a, 5}, Mark{1, a, 5}, false, false},
		"later frames":                  {Mark{1, a, 5}, Mark{1, a, 6}, true, false},
		"another process":               {Mark{1, a, 5}, Mark{1, b, 6}, true, true},
		"the next start":                {Mark{1, a, 5}, Mark{2, b, 6}, true, false},
		"the next start, without frame": {Mark{1, a, 5}, Mark{2, b, 5}, true, true},
		"a copy of an older log":        {Mark{1, a, 9}, Mark{2, b, 6}, true, true},
	} {
		if got := x.x.Less(x.y); got != x.less || x.y.Less(x.x) {
			t.Errorf("%s: less %t", name, got)
		}
		if got, back := x.x.Excludes(x.y), x.y.Excludes(x.x); got != x.excludes || back != got {
			t.Errorf("%s: excludes %t and %t", name, got, back)
		}
	}
}
