package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// benchLedger is a ledger of many live coupons of one campaign, each held by a key
// of its own, as claims leave them. The time of a block follows from its
// height, and the owner of a coupon from its serial and sequence number.
type benchLedger struct {
	chain   coupon.Chain
	store   *store.Ledger
	m       *Machine
	coupons int
	claims  int // in a block
	height  uint64
	rng     *rand.Rand
	seq     []uint32 // by serial
}

const (
	benchTimeMs       = 1_700_000_000_000
	benchStepMs       = 500 // from block to block
	benchLifeMs       = 60_000
	monthMs           = 30 * 86_400_000
	benchCampaign     = 1
	benchBatch        = 1
	benchFace         = 100
	benchClaimsHeight = 3 // of the first block of claims
	benchClaims       = 20_000
)

var benchTicketKey = [32]byte{2}

// openBench returns the ledger of a number of live coupons: a kept one of an
// earlier run, if SCRIP_BENCH_STATE names a folder, or a new one.
func openBench(b testing.TB, coupons int) *benchLedger {
	root := os.Getenv("SCRIP_BENCH_STATE")
	if root == "" {
		root = b.TempDir()
	}
	dir := filepath.Join(root, fmt.Sprintf("coupons-%d", coupons))
	if _, err := os.Stat(dir); err != nil {
		buildBench(b, dir, coupons)
	}
	x := openBenchDir(b, dir, coupons)
	b.Cleanup(func() {
		if err := x.store.Close(); err != nil {
			b.Error(err)
		}
	})
	found := 0
	err := x.store.Latest().Rows([]byte{coupon.PrefixCoupon}, nil, func(key, value []byte) bool {
		c, err := coupon.DecodeCoupon(value)
		id := coupon.CouponID(binary.BigEndian.Uint64(key[1:]))
		if err != nil || c.Status != coupon.Held || c.Owner != benchHolder(id.Serial(), c.Seq) {
			return false
		}
		found++
		x.seq[id.Serial()] = c.Seq
		return true
	})
	if err != nil || found != coupons {
		b.Fatalf("%s holds %d live coupons, not %d: %v", dir, found, coupons, err)
	}
	return x
}

// benchWorld is who takes part: one member, whose keys and signatures are not real.
func benchWorld() *coupontest.World {
	return coupontest.NewWorld(coupontest.Options{Seed: 1, StartMs: benchTimeMs, Members: 1, Keys: 1, Threshold: 1,
		Fake: true})
}

func openBenchDir(b testing.TB, dir string, coupons int) *benchLedger {
	w := benchWorld()
	s, err := store.OpenLedger(store.LedgerConfig{Dir: dir, Chain: w.Chain})
	if err != nil {
		b.Fatal(err)
	}
	x := &benchLedger{chain: w.CouponChain(), store: s, coupons: coupons, claims: benchClaims,
		seq: make([]uint32, coupons+1)}
	x.height, _ = s.Height()
	x.rng = rand.New(rand.NewPCG(x.height, uint64(coupons)))
	if x.m, err = New(x.chain, w.Genesis(), s); err != nil {
		b.Fatal(err)
	}
	return x
}

// buildBench makes a ledger whose coupons are all claimed, and puts it into dir
// when it is whole.
func buildBench(b testing.TB, dir string, coupons int) {
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		b.Fatal(err)
	}
	x := openBenchDir(b, part, coupons)
	x.publish(b)
	x.load(b)
	if err := x.store.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(part, dir); err != nil {
		b.Fatal(err)
	}
}

// publish makes the genesis, the campaign and its batch.
func (x *benchLedger) publish(b testing.TB) {
	r, err := x.m.Genesis()
	if err != nil {
		b.Fatal(err)
	}
	x.commit(b, node.Batch{TimeMs: benchTimeMs}, &r, false)
	issuer := coupon.MemberSigner{Member: 1, Signer: coupon.Signer{Key: benchWorld().Members[0].Keys[0], Sign: x.fake}}
	terms := coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978, Title: "Bench",
		TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: benchFace, Uses: 1, ReimburseBps: coupon.BpsMax,
		ShowMax: 1, MaxSupply: uint32(x.coupons), Budget: uint64(x.coupons) * benchFace, ClaimFrom: benchTimeMs,
		ClaimUntil: benchTimeMs + monthMs, RedeemFrom: benchTimeMs, RedeemUntil: benchTimeMs + monthMs,
		Transfer: coupon.TransferTrade, MaxTransfers: coupon.TransfersUnlimited,
	}
	batch := coupon.BatchCommit{Campaign: benchCampaign, First: 1, Count: uint32(x.coupons), TicketKey: benchTicketKey}
	for _, f := range []coupon.Fields{&coupon.CampaignPublish{Terms: terms}, &batch} {
		x.execute(b, x.checked(b, [][]byte{x.chain.NewMemberTx(x.nextMs()+benchStepMs, f, issuer)}), false)
	}
}

// claimAll executes blocks of claims of all coupons, and one block later that
// forgets their ids.
func (x *benchLedger) claimAll(b testing.TB) {
	for first := 1; first <= x.coupons; first += x.claims {
		var raws [][]byte
		for serial := uint32(first); serial < uint32(min(first+x.claims, x.coupons+1)); serial++ {
			t := coupon.Ticket{Campaign: benchCampaign, Batch: benchBatch, Serial: serial, ClaimKey: benchHolder(serial, 0),
				Expires: benchTimeMs + monthMs}
			raws = append(raws, x.chain.NewClaim(x.nextMs()+benchStepMs, t, benchTicketKey, x.fake(nil),
				benchHolder(serial, 0), coupon.Signer{Key: t.ClaimKey, Sign: x.fake}))
		}
		x.execute(b, x.checked(b, raws), false)
	}
	x.forget(b)
}

// forget executes an empty block after the ids of all others have expired.
func (x *benchLedger) forget(b testing.TB) {
	batch := x.checked(b, nil)
	batch.TimeMs += 2 * coupon.SeenBucketMs
	x.execute(b, batch, false)
}

// load leaves the state of claimAll, to the byte, in a fraction of the time, as
// TestLoadedStateIsThatOfClaims shows: the rows of each block at its height, and
// the tree in the order of its leaves, so that each page is written about once.
// The blocks themselves are empty.
func (x *benchLedger) load(b testing.TB) {
	type leaf struct {
		front  uint64 // of the key's hash
		serial uint32
	}
	leaves := make([]leaf, x.coupons)
	for i := range leaves {
		key := sha256.Sum256(x.claimed(uint32(i + 1)).Key)
		leaves[i] = leaf{binary.BigEndian.Uint64(key[:]), uint32(i + 1)}
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return cmp.Compare(a.front, b.front) })
	for first := 0; first < x.coupons; first += x.claims {
		batch := x.checked(b, nil)
		r, err := x.m.result(coupon.Result{}, batch) // what any block leaves
		if err != nil {
			b.Fatal(err)
		}
		var changes []chain.Change
		for i := first; i < min(first+x.claims, x.coupons); i++ {
			row := x.claimed(uint32(i + 1))
			history := binary.BigEndian.AppendUint64(append([]byte{indexHistory}, row.Key[1:]...), batch.Height)
			history = binary.BigEndian.AppendUint32(history, uint32(i-first))
			owner := benchHolder(uint32(i+1), 0)
			r.Changes.Rows = append(r.Changes.Rows, row)
			r.Changes.Extra = append(r.Changes.Extra, store.Write{Key: ownerKey(owner, row.Key[1:]), Value: []byte{1}},
				store.Write{Key: history, Value: []byte{byte(coupon.EventCouponClaimed)}})
			other := x.claimed(leaves[i].serial)
			changes = append(changes, chain.Change{Key: other.Key, Value: other.Value})
		}
		for i, w := range r.Changes.Extra {
			if w.Key[0] != indexActivity {
				continue
			}
			a, err := decodeActivity(w.Key[1:], w.Value)
			if err != nil {
				b.Fatal(err)
			}
			a.Claims += uint64(min(x.claims, x.coupons-first))
			r.Changes.Extra[i].Value = a.encode()
		}
		issued := Counters{Issued: uint32(min(first+x.claims, x.coupons))}
		r.Changes.Extra = append(r.Changes.Extra,
			store.Write{Key: courseKey(benchCampaign, batch.TimeMs), Value: issued.encode()})
		if first+x.claims >= x.coupons {
			row := x.counted(b)
			r.Changes.Rows = append(r.Changes.Rows, row)
			changes = append(changes, chain.Change{Key: row.Key, Value: row.Value})
		}
		root, pages, err := chain.Update(statePages{x.store}, r.StateRoot, changes)
		if err != nil {
			b.Fatal(err)
		}
		r.StateRoot = root
		for _, p := range pages {
			r.Changes.Pages = append(r.Changes.Pages, store.Write{Key: p.ID.Append(nil), Value: p.Data})
		}
		x.commit(b, batch, &r, false)
	}
	x.forget(b)
}

// claimed is the row that the claim of a coupon leaves.
func (x *benchLedger) claimed(serial uint32) store.Write {
	height := benchClaimsHeight + uint64(int(serial-1)/x.claims)
	c := coupon.Coupon{Owner: benchHolder(serial, 0), Version: 1, UsesLeft: 1,
		ClaimedAt: benchTimeMs + height*benchStepMs, TransfersLeft: coupon.TransfersUnlimited, Status: coupon.Held}
	return store.Write{Key: coupon.CouponKey(coupon.NewCouponID(benchCampaign, serial)), Value: c.AppendTo(nil)}
}

// counted is the row of the campaign after all claims.
func (x *benchLedger) counted(b testing.TB) store.Write {
	key := coupon.CampaignKey(benchCampaign)
	value, _ := x.store.Row(key)
	c, err := coupon.DecodeCampaign(value)
	if err != nil {
		b.Fatal(err)
	}
	c.Issued, c.Committed = uint32(x.coupons), uint64(x.coupons)*benchFace
	return store.Write{Key: key, Value: c.AppendTo(nil)}
}

// benchHolder returns the key that owns a coupon at a sequence number.
func benchHolder(serial, seq uint32) [32]byte {
	return sha256.Sum256(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, serial), seq))
}

// nextMs returns the time of the next block.
func (x *benchLedger) nextMs() uint64 { return benchTimeMs + (x.height+1)*benchStepMs }

// checked returns the next block of these transactions, decoded as at a node's
// door.
func (x *benchLedger) checked(b testing.TB, raws [][]byte) node.Batch {
	batch := node.Batch{Height: x.height + 1, TimeMs: x.nextMs(), Parent: benchHolder(uint32(x.height), 0)}
	for _, raw := range raws {
		tx, err := x.m.Check(raw)
		if err != nil {
			b.Fatal(err)
		}
		batch.Txs = append(batch.Txs, tx)
	}
	return batch
}

// execute executes, hashes and stores a block.
func (x *benchLedger) execute(b testing.TB, batch node.Batch, sync bool) {
	r, err := x.m.Execute(batch)
	if err != nil {
		b.Fatal(err)
	}
	x.commit(b, batch, &r, sync)
	allAccepted(b, &r)
}

// commit hashes the receipts of an executed block and stores it as a node does.
func (x *benchLedger) commit(b testing.TB, batch node.Batch, r *node.Result, sync bool) {
	raws := make([][]byte, len(batch.Txs))
	for i, tx := range batch.Txs {
		raws[i] = tx.Raw
	}
	block := &pbft.Block{Payload: chain.EncodePayload(raws)}
	block.Header = pbft.Header{Seq: pbft.Seq(batch.Height), Parent: batch.Parent, TimeMs: batch.TimeMs,
		PayloadRoot: chain.PayloadRoot(raws), PayloadBytes: uint32(len(block.Payload))}
	stored := node.BlockBatch(&pbft.CommittedBlock{Block: block}, batch.Txs, r, chain.NewTree(r.Receipts).Root())
	if err := x.store.Commit(stored, sync); err != nil {
		b.Fatal(err)
	}
	x.height = batch.Height
}
