package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/sig"
)

// Kind says what a transaction of the load does.
type Kind uint8

// The kinds.
const (
	kindTransfer Kind = iota
	kindClaim
	kindRedeem
	kinds
)

// String returns the kind's name.
func (k Kind) String() string { return [kinds]string{"transfer", "claim", "redeem"}[k] }

// mixPattern is the order of kinds in Mix: of twenty, fourteen claims, one
// redemption and five transfers.
var mixPattern = []Kind{
	kindClaim, kindTransfer, kindClaim, kindClaim, kindClaim, kindTransfer, kindClaim, kindClaim, kindClaim, kindRedeem,
	kindClaim, kindTransfer, kindClaim, kindClaim, kindTransfer, kindClaim, kindClaim, kindTransfer, kindClaim, kindClaim,
}

// lane is signed transactions of which each can be sent once the one before it is
// executed. All go to one node, whose state admits them.
type lane struct {
	kind Kind
	node int
	txs  [][]byte
}

// workload prepares what is sent.
type workload struct {
	cfg    *Config
	chain  coupon.Chain
	client *client.Client
	sender *sender

	seed     [32]byte
	campaign uint32
	batch    uint16
	ticket   coupon.Signer
	expires  uint64 // of everything that is signed in advance
}

// signerOf returns the signer of a seed, with the faster implementation.
func signerOf(seed [32]byte) coupon.Signer {
	k := sig.NewKeyFromSeed(seed)
	return coupon.Signer{Key: k.Public(), Sign: k.Sign}
}

// holder returns one of the two keys between which a coupon is passed.
func (w *workload) holder(serial uint32, side byte) coupon.Signer {
	b := binary.LittleEndian.AppendUint32(w.seed[:], serial)
	return signerOf(sha256.Sum256(append(b, side)))
}

// counts returns how many coupons are claimed beforehand and passed on, how many
// of them are redeemed, and how many are claimed in the load.
func (w *workload) counts() (passed, redeemed, claimed int) {
	passed = w.cfg.Coupons
	if w.cfg.Workload == Mix {
		n := w.cfg.planned()
		redeemed, claimed = n/20+1, n*14/20+1
	}
	if w.cfg.Workload == Flash {
		claimed = w.cfg.Stock
	}
	return passed, redeemed, claimed
}

// lifeMargin is kept from the longest life of a consumer's transaction, for the
// clocks of this machine and of the chain.
const lifeMargin = 10 * time.Second

// claimedTogether is how many claims are signed at a time: few enough that none
// expires on its way, however slow the network is.
const claimedTogether = 4096

func (w *workload) prepare(ctx context.Context) ([]*lane, error) {
	rand.Read(w.seed[:])
	w.ticket = signerOf(sha256.Sum256(w.seed[:]))
	passed, redeemed, claimed := w.counts()
	if err := w.publish(ctx, passed+redeemed+claimed); err != nil {
		return nil, err
	}
	for done := 0; done < passed+redeemed; done += claimedTogether {
		w.renew()
		some := w.claims(1+done, min(claimedTogether, passed+redeemed-done), 0)
		if err := w.sendAll(ctx, some); err != nil {
			return nil, err
		}
	}
	w.renew()
	lanes := w.transfers(passed)
	switch w.cfg.Workload {
	case Mix:
		lanes = append(lanes, w.redemptions(passed+1, redeemed)...)
		lanes = append(lanes, w.claims(passed+redeemed+1, claimed, 0)...)
	case Flash:
		for side := range byte(2) {
			lanes = append(lanes, w.claims(passed+1, claimed, side)...)
		}
	}
	return lanes, nil
}

// renew gives what is signed from now on the longest life.
func (w *workload) renew() {
	life := time.Duration(w.client.Genesis().File.Ledger.LifeMs) * time.Millisecond
	w.expires = uint64(time.Now().Add(life - lifeMargin).UnixMilli())
}

// publish offers a campaign of a cent for each coupon and opens all serials.
func (w *workload) publish(ctx context.Context, supply int) error {
	w.cfg.progress("publishing", 0, 0)
	now := uint64(time.Now().UnixMilli())
	const day = 86_400_000
	t := coupon.Terms{
		Issuer: w.cfg.Issuer.Member, Funders: []coupon.Funder{{Member: w.cfg.Issuer.Member, ShareBps: coupon.BpsMax}},
		Currency: w.cfg.Currency, Title: "Load", TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: 1, Uses: 1,
		ReimburseBps: coupon.BpsMax, ShowMax: 1, MaxSupply: uint32(supply), Budget: uint64(supply),
		ClaimFrom: now - day, ClaimUntil: now + day, RedeemFrom: now - day, RedeemUntil: now + day,
		Transfer: coupon.TransferTrade, MaxTransfers: coupon.TransfersUnlimited,
	}
	issuer := actions.Issuer{Client: w.client, Signers: []coupon.MemberSigner{w.cfg.Issuer}}
	var err error
	if w.campaign, _, err = issuer.Publish(ctx, t); err == nil {
		w.batch, _, _, err = issuer.Release(ctx, w.campaign, uint32(supply), w.ticket.Key)
	}
	return err
}

// sign calls make for 0 to n-1 on all processors and returns the lanes.
func (w *workload) sign(phase string, n int, make_ func(i int) *lane) []*lane {
	lanes := make([]*lane, n)
	var next, done atomic.Int64
	var g sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				lanes[i] = make_(i)
				done.Add(1)
			}
		})
	}
	finished := make(chan struct{})
	go func() { g.Wait(); close(finished) }()
	for {
		select {
		case <-finished:
			w.cfg.progress(phase, n, n)
			return lanes
		case <-time.After(100 * time.Millisecond):
			w.cfg.progress(phase, int(done.Load()), n)
		}
	}
}

// claims signs the claims of n serials from first on, for one of the two keys of
// each. Two claims of a serial go to different nodes, if there are two.
func (w *workload) claims(first, n int, side byte) []*lane {
	return w.sign("signing claims", n, func(i int) *lane {
		serial := uint32(first + i)
		t := actions.SignedTicket(w.chain, coupon.TicketPayload{Campaign: w.campaign, Batch: w.batch, Serial: serial,
			Seed: [16]byte(w.seed[:16]), Expires: w.expires}, w.ticket)
		tx := actions.SignedClaim(w.chain, w.expires, actions.TicketOf(w.chain, t, w.ticket.Key), w.holder(serial, side).Key)
		return &lane{kindClaim, (i + int(side)) % len(w.cfg.Nodes), [][]byte{tx}}
	})
}

// transfers signs, for each of n coupons, as many transfers as the load can need.
func (w *workload) transfers(n int) []*lane {
	total := w.cfg.planned()
	if w.cfg.Workload == Mix {
		total = total * 5 / 20
	}
	each := total/n + 2
	return w.sign("signing transfers", n, func(i int) *lane {
		serial := uint32(i + 1)
		sides := [2]coupon.Signer{w.holder(serial, 0), w.holder(serial, 1)}
		l := &lane{kindTransfer, i % len(w.cfg.Nodes), make([][]byte, each)}
		for seq := range l.txs {
			from, to := sides[seq%2], sides[(seq+1)%2]
			held := actions.Held{Coupon: coupon.NewCouponID(w.campaign, serial), Seq: uint32(seq)}
			l.txs[seq] = actions.SignedTransfer(w.chain, w.expires, held, from, to.Key, 0)
		}
		return l
	})
}

// redemptions signs the redemptions of n claimed coupons from first on.
func (w *workload) redemptions(first, n int) []*lane {
	return w.sign("signing redemptions", n, func(i int) *lane {
		serial, till := uint32(first+i), w.cfg.Tills[i%len(w.cfg.Tills)]
		b := actions.Bill{Campaign: w.campaign, Currency: w.cfg.Currency, Basis: 100,
			BasketHash: coupon.BasketHash([16]byte{byte(serial), byte(serial >> 8), byte(serial >> 16)}, nil)}
		tx := actions.SignedRedemption(w.chain, till.Signer, b, actions.Held{Coupon: coupon.NewCouponID(w.campaign, serial)},
			w.holder(serial, 0), 1, w.expires)
		return &lane{kindRedeem, i % len(w.cfg.Nodes), [][]byte{tx}}
	})
}

// sendAll sends lanes of one transaction each and wants all of them accepted.
func (w *workload) sendAll(ctx context.Context, lanes []*lane) error {
	const workers, size = 8, 128
	var next, done atomic.Int64
	var g sync.WaitGroup
	errs := make([]error, workers)
	for i := range workers {
		g.Go(func() {
			for errs[i] == nil && ctx.Err() == nil {
				from := int(next.Add(size)) - size
				if from >= len(lanes) {
					return
				}
				part := lanes[from:min(from+size, len(lanes))]
				errs[i] = w.sendPart(ctx, i, part)
				w.cfg.progress("claiming coupons", int(done.Add(int64(len(part)))), len(lanes))
			}
		})
	}
	g.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// sendPart sends some lanes, again and again what a node was too busy for or has not
// executed in time: a transaction that is handed in twice has one outcome.
func (w *workload) sendPart(ctx context.Context, node int, lanes []*lane) error {
	for len(lanes) > 0 {
		txs := make([][]byte, len(lanes))
		for i, l := range lanes {
			txs[i] = l.txs[0]
		}
		var again []*lane
		var refused error
		err := w.sender.post(ctx, node%len(w.cfg.Nodes), txs, func(i int, code string) {
			switch code {
			case okCode:
			case coupon.Overloaded.String(), client.ProblemRateLimited, client.StatePending:
				again = append(again, lanes[i])
			default:
				refused = fmt.Errorf("a claim was answered with %s", code)
			}
		})
		if err = errors.Join(err, refused); err != nil {
			return err
		}
		if lanes = again; len(lanes) > 0 {
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}
