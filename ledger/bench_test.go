package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// BenchmarkTransfers executes and stores blocks of transfers of random coupons on
// a real disk, as a validator does behind the checks of signatures. The largest
// state is of 100,000 live coupons, or of SCRIP_BENCH_COUPONS.
func BenchmarkTransfers(b *testing.B) {
	coupons := []int{100_000}
	if n, err := strconv.Atoi(os.Getenv("SCRIP_BENCH_COUPONS")); err == nil {
		coupons = append(coupons, n)
	}
	for _, n := range coupons {
		x := newTransferBench(b, n)
		for _, size := range []int{256, 5000} {
			for _, sync := range []bool{false, true} {
				b.Run(fmt.Sprintf("coupons=%d/block=%d/sync=%v", n, size, sync), func(b *testing.B) { x.run(b, size, sync) })
			}
		}
	}
}

// transferBench is a ledger of many coupons of one campaign, each held by a key
// of its own.
type transferBench struct {
	chain    coupon.Chain
	store    *store.Ledger
	m        *Machine
	campaign uint32
	coupons  int
	height   uint64
	timeMs   uint64
	rng      *rand.Rand
	seq      []uint32 // by serial
}

const (
	benchTimeMs = 1_700_000_000_000
	monthMs     = 30 * 86_400_000
)

func newTransferBench(b *testing.B, coupons int) *transferBench {
	w := coupontest.NewWorld(coupontest.Options{Seed: 1, StartMs: benchTimeMs, Members: 1, Keys: 1, Threshold: 1,
		Fake: true})
	s, err := store.OpenLedger(store.LedgerConfig{Dir: b.TempDir(), Chain: w.Chain})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	x := &transferBench{chain: w.CouponChain(), store: s, coupons: coupons, timeMs: benchTimeMs,
		rng: rand.New(rand.NewPCG(1, uint64(coupons))), seq: make([]uint32, coupons+1)}
	if x.m, err = New(x.chain, w.Genesis(), s); err != nil {
		b.Fatal(err)
	}
	r, err := x.m.Genesis()
	if err != nil {
		b.Fatal(err)
	}
	x.commit(b, nil, &r, false)
	issuer := coupon.MemberSigner{Member: 1, Signer: coupon.Signer{Key: w.Members[0].Keys[0], Sign: x.fake}}
	terms := coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978, Title: "Bench",
		TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: 1, Uses: 1, ReimburseBps: coupon.BpsMax, ShowMax: 1,
		MaxSupply: uint32(coupons), Budget: uint64(coupons), ClaimFrom: benchTimeMs, ClaimUntil: benchTimeMs + monthMs,
		RedeemFrom: benchTimeMs, RedeemUntil: benchTimeMs + monthMs, Transfer: coupon.TransferTrade,
		MaxTransfers: coupon.TransfersUnlimited,
	}
	x.block(b, false, x.chain.NewMemberTx(x.timeMs+60_000, &coupon.CampaignPublish{Terms: terms}, issuer))
	x.campaign = 1
	x.fill(b)
	return x
}

func (x *transferBench) fake([]byte) (s [64]byte) {
	binary.LittleEndian.PutUint64(s[:], x.rng.Uint64())
	return s
}

func (x *transferBench) holder(serial, seq uint32) [32]byte {
	return sha256.Sum256(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, serial), seq))
}

// fill puts the coupons into the state as claims would leave them.
func (x *transferBench) fill(b *testing.B) {
	const step = 20_000
	for first := 1; first <= x.coupons; first += step {
		var r node.Result
		var changes []chain.Change
		for serial := first; serial < min(first+step, x.coupons+1); serial++ {
			c := coupon.Coupon{Owner: x.holder(uint32(serial), 0), Version: 1, UsesLeft: 1, ClaimedAt: x.timeMs,
				TransfersLeft: coupon.TransfersUnlimited, Status: coupon.Held}
			id := coupon.NewCouponID(x.campaign, uint32(serial))
			row := store.Write{Key: coupon.CouponKey(id), Value: c.AppendTo(nil)}
			r.Changes.Rows = append(r.Changes.Rows, row)
			r.Changes.Extra = append(r.Changes.Extra, store.Write{Key: ownerKey(c.Owner, row.Key[1:]), Value: []byte{1}})
			changes = append(changes, chain.Change{Key: row.Key, Value: row.Value})
		}
		root, pages, err := chain.Update(statePages{x.store}, x.store.StateRoot(), changes)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range pages {
			r.Changes.Pages = append(r.Changes.Pages, store.Write{Key: p.ID.Append(nil), Value: p.Data})
		}
		r.StateRoot = root
		x.height++
		x.commit(b, nil, &r, false)
	}
}

func (x *transferBench) commit(b *testing.B, txs []*node.Tx, r *node.Result, sync bool) {
	batch := store.BlockBatch{Height: x.height, StateRoot: r.StateRoot, Header: make([]byte, 300), Rows: r.Changes.Rows,
		Pages: r.Changes.Pages, Extra: r.Changes.Extra, SeenAdded: r.Changes.SeenAdded, SeenDropped: r.Changes.SeenDropped,
		Receipts: chain.EncodePayload(r.Receipts)}
	var raws [][]byte
	for i, tx := range txs {
		raws = append(raws, tx.Raw)
		batch.Txs = append(batch.Txs, store.TxRef{ID: tx.ID, Index: uint32(i), IfAbsent: r.Weak[i]})
	}
	batch.Payload = chain.EncodePayload(raws)
	if err := x.store.Commit(batch, sync); err != nil {
		b.Fatal(err)
	}
}

// block executes, hashes and stores a block.
func (x *transferBench) block(b *testing.B, sync bool, raws ...[]byte) {
	x.height++
	x.timeMs += 50
	batch := node.Batch{Height: x.height, TimeMs: x.timeMs}
	b.StopTimer()
	for _, raw := range raws {
		tx, err := x.m.Check(raw)
		if err != nil {
			b.Fatal(err)
		}
		batch.Txs = append(batch.Txs, tx)
	}
	b.StartTimer()
	r, err := x.m.Execute(batch)
	if err != nil {
		b.Fatal(err)
	}
	x.commit(b, batch.Txs, &r, sync)
	_ = chain.NewTree(r.Receipts).Root()
	for i := range r.Receipts {
		if o, err := coupon.DecodeReceipt(r.Receipts[i]); err != nil || o.Code != coupon.OK {
			b.Fatalf("receipt %d: %+v, %v", i, o, err)
		}
	}
}

func (x *transferBench) run(b *testing.B, size int, sync bool) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		raws := make([][]byte, 0, size)
		for len(raws) < size {
			serial := uint32(x.rng.IntN(x.coupons) + 1)
			seq := x.seq[serial]
			x.seq[serial]++
			from := coupon.Signer{Key: x.holder(serial, seq), Sign: x.fake}
			raws = append(raws, x.chain.NewTransfer(x.timeMs+60_000, coupon.Transfer{
				Coupon: coupon.NewCouponID(x.campaign, serial), Seq: seq, Mover: from.Key, To: x.holder(serial, seq+1)}, from))
		}
		b.StartTimer()
		x.block(b, sync, raws...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size)/1000, "us/tx")
}
