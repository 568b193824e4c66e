package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// A till hands in a redemption. Which node answers does not matter: what Submit
// returns is proven.
func Example() {
	chain, redemption, till := demonstration()
	defer chain.End()

	c, err := client.New(chain.genesis, chain.nodes, client.WithTill(till))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	receipt, err := c.Submit(ctx, redemption)
	var refusal *client.Refusal
	switch {
	case errors.As(err, &refusal):
		fmt.Println("do not hand over:", refusal.Code.Word())
	case err != nil:
		fmt.Println("wait:", err)
	default:
		fmt.Println("hand over:", receipt.Outcome.Value, "cents, attested by", receipt.Members >= 2)
	}
	// Output: hand over: 500 cents, attested by true
}

// exampleChain is a running chain for an example.
type exampleChain struct {
	apitest.Example
	genesis []byte
	nodes   []string
}

// demonstration starts a chain with one claimed coupon, and returns its
// redemption as till and holder have signed it.
func demonstration() (*exampleChain, []byte, coupon.Signer) {
	e := &exampleChain{}
	x := apitest.Start(e, 4, nil)
	x.WaitReady()
	e.genesis, e.nodes = x.Dev.Genesis.Raw, x.URLs()
	c, err := client.New(e.genesis, e.nodes)
	if err != nil {
		e.Fatal(err)
	}
	publish, campaign := x.Publish()
	holder := apitest.Holder(1)
	for _, tx := range [][]byte{publish, campaign.Batch(1), campaign.Claim(1, holder.Key)} {
		if _, err := c.Submit(context.Background(), tx); err != nil {
			e.Fatal(err)
		}
	}
	return e, campaign.Redeem(1, 0, holder, 0), apitest.Signer(x.Dev.Tills[0])
}
