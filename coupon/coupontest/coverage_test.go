package coupontest

import (
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// reachable lists, by kind, every outcome of stage 1 that random histories have to reach: the code, and the check
// that refused or the case that was accepted. E101, E102, E103, E107 and E108 have no receipt. The limit of batches
// is left to TestBatchLimit, the last use to TestRevivalEnds; E701 cannot be had in kinds 2 and 7, where one entry is
// enough and no entry does not decode.
var reachable = map[uint8][]string{
	1: {
		"0 published", "104 expired", "105 seen", "106 member not active", "106 member unknown",
		"106 not an admin key", "106 role", "106 signer not active", "106 signer not required", "106 signer unknown",
		"109 life", "201 L above budget", "201 L above the largest money", "201 currency", "201 face in part",
		"201 funder unknown", "201 kind of stage 2", "201 kind table", "201 reimbursement without shops",
		"201 shop no merchant", "201 shop unknown", "202 claim after redeem", "202 claim window empty", "202 past",
		"202 redeem window empty", "202 too far", "601 underfunded", "701 quorum",
	},
	2: {
		"0 paused", "104 expired", "105 seen", "106 member not active", "106 not an admin key",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life", "204 not published",
		"301 campaign",
	},
	3: {
		"0 resumed", "104 expired", "105 seen", "106 member not active", "106 not an admin key",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life", "204 not paused",
		"301 campaign", "701 quorum",
	},
	4: {
		"0 closed", "104 expired", "105 seen", "106 member not active", "106 not an admin key",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life", "204 closed",
		"301 campaign", "701 quorum",
	},
	5: {
		"0 committed", "104 expired", "105 seen", "106 member not active", "106 not an admin key",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life", "204 closed",
		"205 first", "205 supply", "301 campaign", "307 claims over", "701 quorum",
	},
	6: {
		"0 added", "104 expired", "105 seen", "106 member not active", "106 member unknown", "106 not an admin key",
		"106 role", "106 signer not active", "106 signer not required", "106 signer unknown", "109 life",
		"201 currency", "202 past", "202 too far", "202 window empty", "701 quorum", "702 known",
	},
	7: {
		"0 revoked", "104 expired", "105 seen", "106 member not active", "106 member unknown",
		"106 not an admin key", "106 signer not active", "106 signer not required", "106 signer unknown", "109 life",
		"702 another member's", "702 revoked", "702 unknown",
	},
	8: {
		"0 claimed", "104 expired", "105 seen", "109 life", "204 issuer not active", "204 not published",
		"301 above the batch", "301 batch", "301 below the batch", "301 campaign", "301 ticket key", "302 claimed",
		"304 holder", "307 early", "307 late", "307 ticket expired", "510 budget",
	},
	9: {
		"0 accepted", "0 offered", "0 refreshed", "0 taken back by the gift key", "0 taken back", "0 transferred",
		"104 expired", "105 seen", "109 life", "110 seq full", "301 coupon", "401 not the owner",
		"402 not transferable", "402 no transfer left", "403 seq", "404 gift pending", "409 gift of a gift",
		"409 gift past", "409 gift too long", "409 gift to the owner", "504 expired", "509 redeemed",
	},
	10: {
		"0 amount by invoice used up", "0 amount by invoice used", "0 amount by show used up",
		"0 amount by show used", "0 item by invoice used up", "0 item by invoice used", "0 item by show used up",
		"0 item by show used", "0 percent by invoice used up", "0 percent by invoice used",
		"0 percent by show used up", "0 percent by show used", "0 stored by invoice used up",
		"0 stored by invoice used", "0 stored by show used up", "0 stored by show used", "104 expired", "105 seen",
		"109 invoice life", "109 life", "110 seq full", "301 coupon", "401 not the owner", "403 seq",
		"404 gift pending", "503 early", "504 expired", "505 merchant", "505 shop", "506 min spend", "506 nothing",
		"507 above basis", "507 above the authorisation", "507 not the value", "508 value left", "509 redeemed",
		"511 invoice expired", "515 invoice used", "516 campaign's currency", "516 till's currency", "517 day cap",
		"518 another campaign", "518 digest", "518 items without campaign", "518 no quantity", "518 no unit",
		"518 products without campaign", "518 quantity", "518 unit above basis", "518 unit", "519 no show",
		"519 show limit", "702 early", "702 late", "702 member not active", "702 revoked", "702 right",
		"702 unknown",
	},
	11: {
		"0 of a gift", "0 of a gift, revived", "0 of a held coupon", "0 of a held coupon, revived",
		"0 of a redeemed coupon",
		"0 of a redeemed coupon, revived", "104 expired", "105 seen", "106 another member's", "106 another till's",
		"109 life", "110 seq full", "301 redemption", "512 voided", "513 final", "702 early", "702 late",
		"702 member not active", "702 revoked", "702 right", "702 unknown",
	},
}

// TestHistoriesReachEveryOutcome is what makes TestRandomHistories worth its time.
func TestHistoriesReachEveryOutcome(t *testing.T) {
	reached := map[string]int{}
	for seed := uint64(1); seed <= 100; seed++ {
		for _, b := range RandomHistory(seed, 50, true).Blocks {
			for _, name := range b.reached {
				reached[name]++
			}
		}
	}
	for kind, outcomes := range reachable {
		for _, o := range outcomes {
			name := fmt.Sprintf("%d/%s", kind, o)
			if reached[name] == 0 {
				t.Errorf("%s is not reached", name)
			}
		}
	}
}

// A kind that the rules know and the model does not would never be compared.
func TestHistoriesHoldEveryKind(t *testing.T) {
	for _, k := range coupon.Kinds() {
		if len(reachable[uint8(k)]) == 0 {
			t.Errorf("no outcome of a %s has to be reached", k)
		}
	}
}
