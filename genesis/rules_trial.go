//go:build rules2

package genesis

import "github.com/scrip-network/scrip/coupon"

// rulesMax is the newest version of the domain rules whose chains this program runs.
const rulesMax = coupon.Version2
