package demo

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// endMs is the end of the tests' ledgers, in November 2026.
const endMs = 1_795_000_000_000

// The blocks of a filled ledger are those of the chain: each follows the one below,
// is committed and attested by a quorum, and the last state is the one that its
// certificate names. The copies hold the same.
func TestFilledLedgerIsAChain(t *testing.T) {
	dir, calls := t.TempDir(), 0
	s, err := Fill(dir, CouponsMin, endMs, func(done, total int) {
		if calls++; done > total {
			t.Errorf("%d of %d transactions", done, total)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls == 0 {
		t.Error("no progress was told")
	}
	g, err := genesis.Load(filepath.Join(dir, "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "validator-3", "data", "ledger")
	l, err := store.OpenLedger(store.LedgerConfig{Dir: copied, Chain: g.Digest})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	committee, err := g.Committee()
	if err != nil {
		t.Fatal(err)
	}
	top := checkBlocks(t, l.Latest(), committee)
	if top.StateRoot != l.StateRoot() {
		t.Error("the state is not the attested one")
	}
	checkRows(t, l.Latest(), s)
	if _, err := Fill(dir, CouponsMin, endMs, nil); err == nil {
		t.Error("a network was filled twice")
	}
}

// checkBlocks walks up the chain and returns the certificate of its last block.
func checkBlocks(t *testing.T, v *store.View, c *pbft.Committee) *pbft.CheckpointCertificate {
	t.Helper()
	top, _ := v.Height()
	var last *pbft.CheckpointCertificate
	var parent pbft.Header
	scheme := scheme{sig.NewVerifier(0)}
	for height := range top + 1 {
		b, err := v.Block(height)
		if err != nil {
			t.Fatal(err)
		}
		h, err := pbft.DecodeHeader(b.Header[:pbft.HeaderBytes])
		if err != nil {
			t.Fatal(err)
		}
		if height > 0 {
			if err := chain.CheckLink(c, &parent, &h); err != nil {
				t.Fatal(err)
			}
			x, err := pbft.DecodeCertificate(b.Certificate)
			if err != nil {
				t.Fatal(err)
			}
			if err := chain.VerifyCommit(c, &h, x, scheme); err != nil {
				t.Fatal(err)
			}
			last = checkpointOf(t, v, height)
			if !c.VerifyCheckpoint(last, c.Quorum(), scheme) || last.Block != c.HeaderDigest(&h) {
				t.Fatalf("the results of block %d are not attested", height)
			}
		}
		parent = h
	}
	return last
}

func checkpointOf(t *testing.T, v *store.View, height uint64) *pbft.CheckpointCertificate {
	t.Helper()
	b, err := v.Checkpoint(height)
	if err != nil {
		t.Fatal(err)
	}
	x, err := pbft.DecodeCheckpointCertificate(b)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// checkRows counts what the shape promises.
func checkRows(t *testing.T, v *store.View, s Shape) {
	t.Helper()
	got := Shape{Large: s.Large, Moved: s.Moved, Tills: -4} // the genesis has four
	voided := 0
	for _, prefix := range []byte{coupon.PrefixCoupon, coupon.PrefixCampaign, coupon.PrefixTill, coupon.PrefixRedemption} {
		if err := v.Rows([]byte{prefix}, nil, func(key, value []byte) bool {
			switch {
			case bytes.HasPrefix(key, []byte{coupon.PrefixCoupon}):
				got.Coupons++
			case bytes.HasPrefix(key, []byte{coupon.PrefixCampaign}):
				got.Campaigns++
			case bytes.HasPrefix(key, []byte{coupon.PrefixTill}):
				got.Tills++
			default:
				got.Redeemed++
				if r, err := coupon.DecodeRedemption(value); err != nil {
					t.Error(err)
				} else if r.State == coupon.Voided {
					voided++
				}
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got != s || voided != s.Redeemed/100 {
		t.Errorf("the ledger holds %+v and %d undone, the shape is %+v", got, voided, s)
	}
}

type scheme struct{ v *sig.Verifier }

func (s scheme) Verify(key pbft.PublicKey, message []byte, x pbft.Signature) bool {
	return s.v.Verify((*[32]byte)(&key), message, (*[64]byte)(&x))
}

func (s scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, all []pbft.Signature) bool {
	for i := range keys {
		if !s.Verify(keys[i], messages[i], all[i]) {
			return false
		}
	}
	return true
}
