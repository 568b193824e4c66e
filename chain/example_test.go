package chain_test

import (
	"fmt"

	"github.com/scrip-network/scrip/chain"
)

// A state of two coupons: one is redeemed, and it is proved to somebody who
// knows the root alone that it is gone.
func ExampleVerifyState() {
	pages := chain.MemPages{}
	root, writes, err := chain.Update(pages, [32]byte{}, []chain.Change{
		{Key: []byte("coupon 1"), Value: []byte("held")},
		{Key: []byte("coupon 2"), Value: []byte("held")},
	})
	if err != nil {
		panic(err)
	}
	pages.Apply(writes)

	root, writes, err = chain.Update(pages, root, []chain.Change{{Key: []byte("coupon 1")}})
	if err != nil {
		panic(err)
	}
	pages.Apply(writes)

	proof, err := chain.ProveKey(pages, root, []byte("coupon 1"))
	if err != nil {
		panic(err)
	}
	fmt.Println("absent:", chain.VerifyState(root, []byte("coupon 1"), nil, proof))
	fmt.Println("held:", chain.VerifyState(root, []byte("coupon 1"), []byte("held"), proof))
	// Output:
	// absent: <nil>
	// held: chain: proof refused: it says present = false
}
