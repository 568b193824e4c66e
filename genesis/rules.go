package genesis

import (
	"fmt"

	"github.com/scrip-network/scrip/coupon"
)

// RulesTag is the build tag of programs that run chains of version 2 of the domain rules.
// Parts of that version do not stand yet, and what is missing cannot come later under the
// same number, so no other program takes part in such a chain.
const RulesTag = "rules2"

// CheckRules returns an error for people if this program does not run chains that begin
// with version v of the domain rules; 0 stands for version 1. Files that name it are read,
// and what nodes say of such a chain is verified, by every program.
func CheckRules(v coupon.Version) error {
	if v > rulesMax {
		return fmt.Errorf("the chain begins with version %d of the rules and this program runs version %d: "+
			"version %d is for trials, with a program built by \"go build -tags %s\"", v, rulesMax, v, RulesTag)
	}
	return nil
}
