//go:build unix

package index_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/index"
	"github.com/scrip-network/scrip/pbft"
)

// unsigned signs nothing: the tables do not look at signatures, the client does.
func unsigned(key byte) coupon.Signer {
	return coupon.Signer{Key: [32]byte{key}, Sign: func([]byte) [64]byte { return [64]byte{} }}
}

// crowd makes blocks of n transactions: of ten, six are claims, three redeem what was claimed
// before, and one undoes a redemption.
type crowd struct {
	chain  coupon.Chain
	till   coupon.Signer
	n      int
	height uint64
	digest [32]byte
	serial uint32
	used   uint32 // serials up to here were redeemed
	undone uint32 // and up to here undone
	events int
}

func (c *crowd) publish() *client.Block {
	t := coupon.Terms{Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978,
		Title: "Crowd", TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: 500, Uses: 1, ReimburseBps: coupon.BpsMax,
		MaxSupply: 1_000_000}
	tx := c.chain.NewMemberTx(0, &coupon.CampaignPublish{Terms: t}, coupon.MemberSigner{Member: 1, Signer: unsigned(1)})
	return c.block([]coupon.Outcome{{Kind: coupon.KindCampaignPublish, Campaign: 1}}, [][]byte{tx})
}

func (c *crowd) block(outcomes []coupon.Outcome, txs [][]byte) *client.Block {
	c.height++
	b := &client.Block{Height: c.height, Digest: [32]byte{byte(c.height), byte(c.height >> 8), 1}, Outcomes: outcomes,
		Txs: txs, Header: pbft.Header{Seq: pbft.Seq(c.height), Parent: c.digest, TimeMs: uint64(time.Now().UnixMilli())}}
	for i := range b.Outcomes {
		b.Outcomes[i].ID = [32]byte{byte(i), byte(i >> 8), byte(c.height), byte(c.height >> 8), byte(c.height >> 16)}
	}
	c.digest = b.Digest
	c.events += len(outcomes)
	return b
}

func (c *crowd) next() *client.Block {
	var outcomes []coupon.Outcome
	var txs [][]byte
	final := uint64(time.Now().UnixMilli()) + 3_600_000
	for i := range c.n {
		switch {
		case i%10 < 3 && c.used+1 < c.serial:
			c.used++
			id := coupon.NewCouponID(1, c.used)
			txs = append(txs, c.chain.NewRedeemInvoice(coupon.Invoice{TillKey: c.till.Key, Campaign: 1, Currency: 978,
				Basis: 800}, [64]byte{}, coupon.Auth{Coupon: id, Value: 500}, [64]byte{}))
			outcomes = append(outcomes, coupon.Outcome{Kind: coupon.KindRedeem, Coupon: id, Value: 500, Payable: 500,
				FinalAt: final})
		case i%10 == 3 && c.undone+1 < c.used:
			c.undone++
			txs = append(txs, nil)
			outcomes = append(outcomes, coupon.Outcome{Kind: coupon.KindVoid, Coupon: coupon.NewCouponID(1, c.undone),
				Value: 500, Until: final})
		default:
			c.serial++
			txs = append(txs, nil)
			outcomes = append(outcomes, coupon.Outcome{Kind: coupon.KindClaim, Coupon: coupon.NewCouponID(1, c.serial),
				Owner: [32]byte{byte(c.serial), byte(c.serial >> 8), byte(c.serial >> 16)}, Until: final})
		}
	}
	return c.block(outcomes, txs)
}

// How many events a second come into the tables, in batches as a process takes that is
// behind, and what one transaction of one block takes, which is the lag at the tip. Making
// the blocks is counted with it; reading and proving them is not. The processor time is that
// of this process alone, without the database's.
func BenchmarkApply(b *testing.B) {
	for _, size := range []struct{ txs, blocks int }{{2000, 10}, {200, 1}} {
		b.Run(fmt.Sprintf("%dx%d", size.blocks, size.txs), func(b *testing.B) {
			url := database(b)
			dev, err := genesis.Dev("bench", 4, "")
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			x, err := index.Open(ctx, url, dev.Genesis)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = x.Close(ctx) })
			c := &crowd{chain: dev.Genesis.Chain(), till: coupon.Signer{Key: dev.Tills[0].Public()}, n: size.txs}
			if err := x.Apply(ctx, []*client.Block{c.publish()}); err != nil {
				b.Fatal(err)
			}
			begin := time.Now()
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			for b.Loop() {
				batch := make([]*client.Block, size.blocks)
				for i := range batch {
					batch[i] = c.next()
				}
				if err := x.Apply(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			b.ReportMetric(float64(c.events)/time.Since(begin).Seconds(), "events/s")
			b.ReportMetric(float64((after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/1000)/
				float64(c.events), "cpu-us/event")
		})
	}
}
