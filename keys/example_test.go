package keys_test

import (
	"fmt"

	"github.com/scrip-network/scrip/keys"
)

// A wallet's keys follow from its phrase: one for each coupon.
func ExampleWallet() {
	w, err := keys.NewWallet(
		"legal winner thank year wave sausage worth useful legal winner thank yellow", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range uint32(2) {
		s, err := w.Coupon(7, n)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s)
	}
	// Output:
	// holder key scrip1v06u96v5jusuy44cerd93rkvtj2yjsvg44k8ynvdr4f0hy9n7d5qysrutr
	// holder key scrip1fvgtexxw4mgmxuuzpxjln5swz6t237xuc6fq2tjnm4lygsxht9vs08mp5h
}

// The written form of a key says what the key is for.
func ExampleDecode() {
	till := keys.Encode(keys.Till, [32]byte{1})
	_, err := keys.Decode(keys.Member, till)
	fmt.Println(till)
	fmt.Println(err)
	// Output:
	// scriptill1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxfekge
	// "scriptill1qyqqqqqqqq...xfekge" is the key of a till, a member key (scripmember1...) is wanted
}
