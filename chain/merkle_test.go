package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand"
	"testing"

	"github.com/scrip-network/scrip/pbft/wire"
)

// referenceRoot is MTH of RFC 6962, section 2.1, word for word.
func referenceRoot(leaves [][]byte) [32]byte {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		l, r := referenceRoot(leaves[:k]), referenceRoot(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

func testLeaves(n int) [][]byte {
	leaves := make([][]byte, n)
	for i := range leaves {
		leaves[i] = bytes.Repeat([]byte{byte(i), byte(i >> 8)}, i%9)
	}
	return leaves
}

func TestTreeIsThatOfTheRFC(t *testing.T) {
	for n := range 70 {
		leaves := testLeaves(n)
		want := referenceRoot(leaves)
		if got := RootOf(leaves); got != want {
			t.Fatalf("RootOf %d leaves = %x, want %x", n, got, want)
		}
		tree := NewTree(leaves)
		if tree.Root() != want || tree.Size() != n {
			t.Fatalf("tree of %d leaves: root %x of %d", n, tree.Root(), tree.Size())
		}
	}
}

// The values are those that Certificate Transparency implementations publish
// for the first leaves of their shared test tree.
func TestTreeKnownRoots(t *testing.T) {
	leaves := [][]byte{{}, {0x00}, {0x10}, {0x20, 0x21}, {0x30, 0x31}, {0x40, 0x41, 0x42, 0x43}}
	for n, want := range []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	} {
		if root := RootOf(leaves[:n]); hex.EncodeToString(root[:]) != want {
			t.Errorf("root of %d leaves = %x, want %s", n, root, want)
		}
	}
}

func TestEveryLeafIsProvedAtItsPlaceAndNowhereElse(t *testing.T) {
	for n := 1; n <= 40; n++ {
		leaves := testLeaves(n)
		tree := NewTree(leaves)
		for i := range n {
			path := tree.Path(i)
			for at := range n + 2 {
				err := VerifyInclusion(tree.Root(), leaves[i], uint32(at), uint32(n), path)
				if (err == nil) != (at == i) {
					t.Fatalf("leaf %d of %d at %d: %v", i, n, at, err)
				}
				if err != nil && !errors.Is(err, ErrProof) {
					t.Fatalf("error %v does not wrap ErrProof", err)
				}
			}
			if VerifyInclusion(tree.Root(), append([]byte{9}, leaves[i]...), uint32(i), uint32(n), path) == nil {
				t.Fatalf("another leaf was accepted at %d of %d", i, n)
			}
			if VerifyInclusion(tree.Root(), leaves[i], uint32(i), uint32(n), append(path, [32]byte{})) == nil {
				t.Fatalf("a longer path was accepted at %d of %d", i, n)
			}
			for j := range path {
				if VerifyInclusion(tree.Root(), leaves[i], uint32(i), uint32(n), path[:j]) == nil {
					t.Fatalf("a path cut to %d was accepted at %d of %d", j, i, n)
				}
				path[j][j%32] ^= 1
				if VerifyInclusion(tree.Root(), leaves[i], uint32(i), uint32(n), path) == nil {
					t.Fatalf("a path with hash %d changed was accepted at %d of %d", j, i, n)
				}
				path[j][j%32] ^= 1
			}
		}
	}
}

// An inner node's preimage must not pass as a leaf one level up.
func TestAnInnerNodeIsNoLeaf(t *testing.T) {
	leaves := testLeaves(4)
	l, r := NewTree(leaves[:2]).Root(), NewTree(leaves[2:]).Root()
	tree := NewTree(leaves)
	for _, fake := range [][]byte{append(l[:], r[:]...), append(append([]byte{1}, l[:]...), r[:]...)} {
		if VerifyInclusion(tree.Root(), fake, 0, 1, nil) == nil {
			t.Errorf("the root's preimage %x was accepted as the only leaf", fake)
		}
	}
}

func TestPathMaxHoldsForTheLargestCount(t *testing.T) {
	path := make([][32]byte, PathMax)
	err := VerifyInclusion([32]byte{}, nil, 1<<32-2, 1<<32-1, path)
	if !errors.Is(err, ErrProof) {
		t.Fatalf("largest index: %v", err)
	}
}

var testLimits = PayloadLimits{BytesMax: 1 << 16, TxsMax: 64, TxBytesMax: 8192}

func TestPayloadRoundTrip(t *testing.T) {
	for n := range 20 {
		txs := testLeaves(n)
		b := EncodePayload(txs)
		if len(b) != PayloadSize(txs) {
			t.Fatalf("%d transactions: %d bytes, PayloadSize says %d", n, len(b), PayloadSize(txs))
		}
		got, err := DecodePayload(b, testLimits)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != n || PayloadRoot(got) != PayloadRoot(txs) {
			t.Fatalf("%d transactions came back as %d", n, len(got))
		}
	}
}

func TestThePayloadOfNoTransactionsIsNothing(t *testing.T) {
	if b := EncodePayload(nil); len(b) != 0 {
		t.Errorf("it is %x", b)
	}
	if PayloadRoot(nil) != ([32]byte{}) || ReceiptRoot(nil) != ([32]byte{}) {
		t.Error("its root is not zero")
	}
}

func TestPayloadRefuses(t *testing.T) {
	good := EncodePayload([][]byte{{1, 2, 3}, {4}})
	for _, c := range []struct {
		name   string
		in     []byte
		limits PayloadLimits
		want   error
	}{
		{"too many bytes", good, PayloadLimits{len(good) - 1, 2, 3}, wire.ErrLimit},
		{"too many transactions", good, PayloadLimits{len(good), 1, 3}, wire.ErrLimit},
		{"too long a transaction", good, PayloadLimits{len(good), 2, 2}, wire.ErrLimit},
		{"trailing bytes", append(bytes.Clone(good), 0), testLimits, wire.ErrTrailing},
		{"a cut payload", good[:len(good)-1], testLimits, wire.ErrTruncated},
		{"a count that cannot be", []byte{64, 0, 0, 0}, testLimits, wire.ErrTruncated},
		{"a count of none, which is written as nothing", make([]byte, 4), testLimits, wire.ErrValue},
	} {
		if _, err := DecodePayload(c.in, c.limits); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func FuzzDecodePayload(f *testing.F) {
	f.Add(EncodePayload(nil))
	f.Add(EncodePayload(testLeaves(5)))
	f.Fuzz(func(t *testing.T, in []byte) {
		txs, err := DecodePayload(in, testLimits)
		if err == nil && !bytes.Equal(EncodePayload(txs), in) {
			t.Fatalf("%x decodes and encodes to %x", in, EncodePayload(txs))
		}
	})
}

func FuzzVerifyInclusion(f *testing.F) {
	leaves := testLeaves(11)
	tree := NewTree(leaves)
	f.Add(leaves[3], uint32(3), uint32(11), flatten(tree.Path(3)))
	f.Add(leaves[10], uint32(10), uint32(11), flatten(tree.Path(10)))
	f.Fuzz(func(t *testing.T, leaf []byte, index, size uint32, flat []byte) {
		var path [][32]byte
		for ; len(flat) >= 32; flat = flat[32:] {
			path = append(path, [32]byte(flat))
		}
		if VerifyInclusion(tree.Root(), leaf, index, size, path) != nil {
			return
		}
		for _, known := range leaves {
			if bytes.Equal(known, leaf) {
				return
			}
		}
		t.Fatalf("%x is no leaf but verifies", leaf)
	})
}

func flatten(path [][32]byte) []byte {
	var b []byte
	for _, h := range path {
		b = append(b, h[:]...)
	}
	return b
}

func BenchmarkReceiptTree(b *testing.B) {
	rnd := rand.New(rand.NewSource(1))
	leaves := make([][]byte, 1000)
	for i := range leaves {
		leaves[i] = make([]byte, 120)
		rnd.Read(leaves[i])
	}
	b.Run("root of 1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			RootOf(leaves)
		}
	})
	b.Run("tree and 1000 paths", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tree := NewTree(leaves)
			for i := range leaves {
				tree.Path(i)
			}
		}
	})
}
