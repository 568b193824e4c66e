package actions_test

import (
	"context"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// From a ticket and a key to a redeemed coupon: the holder claims it, the till makes an
// invoice, the holder authorises it, and the till hands the redemption in. Each receipt
// is proven.
func Example() {
	c, ticket, till, owner, end := demonstration()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	redeemed, err := fromTicketToGoods(ctx, c, ticket, till, owner)
	if err != nil {
		fmt.Println("do not hand over:", err)
		return
	}
	fmt.Println(redeemed.Outcome.Value, "cents off, attested by enough members:", redeemed.Members >= 2)
	// Output: 500 cents off, attested by enough members: true
}

func fromTicketToGoods(ctx context.Context, c *client.Client, ticket coupon.TicketPayload, till, owner coupon.Signer,
) (*client.Receipt, error) {
	holder, counter := actions.Holder{Client: c}, actions.Till{Client: c, Key: till}
	claimed, err := holder.Claim(ctx, ticket, owner.Key)
	if err != nil {
		return nil, err
	}
	coffee := actions.Bill{Currency: 978, Basis: 780, BasketHash: actions.BasketHash([]byte("2 coffees"))}
	invoice := counter.MakeInvoice(coffee)
	auth, err := holder.AuthorizeInvoice(actions.Held{Coupon: claimed.Outcome.Coupon}, owner, invoice, 500)
	if err != nil {
		return nil, err
	}
	return counter.RedeemInvoice(ctx, invoice, auth)
}

// demonstration starts a chain with a campaign, and returns one of its tickets, a till's
// key and a holder's.
func demonstration() (c *client.Client, ticket coupon.TicketPayload, till, owner coupon.Signer, end func()) {
	e := &apitest.Example{}
	x := apitest.Start(e, 4, nil)
	x.WaitReady()
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		e.Fatal(err)
	}
	ctx, now, key := context.Background(), apitest.Now(), apitest.Holder(7)
	issuer := actions.Issuer{Client: c, Signers: []coupon.MemberSigner{{Member: 1,
		Signer: apitest.Signer(x.Dev.Admins[0])}}}
	number, _, err := issuer.Publish(ctx, fiveOff(now))
	if err != nil {
		e.Fatal(err)
	}
	batch, first, _, err := issuer.Release(ctx, number, 10, key.Key)
	if err != nil {
		e.Fatal(err)
	}
	ticket = actions.SignedTicket(c.Chain(), coupon.TicketPayload{Campaign: number, Batch: batch, Serial: first,
		Expires: now + 3_600_000}, key)
	return c, ticket, apitest.Signer(x.Dev.Tills[0]), apitest.Holder(1), e.End
}

// fiveOff is a campaign of 5.00 off.
func fiveOff(now uint64) coupon.Terms {
	return coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978, Title: "5 euros off",
		TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: 500, Uses: 1, ReimburseBps: coupon.BpsMax, ShowMax: 500,
		MaxSupply: 100, Budget: 50_000, ClaimFrom: now - 60_000, ClaimUntil: now + 86_400_000, RedeemFrom: now - 60_000,
		RedeemUntil: now + 86_400_000, RollbackMs: 3_600_000, Transfer: coupon.TransferGift, MaxTransfers: 3,
	}
}
