package coupon

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of genesis data.
const (
	CycleMsMin        uint64 = 3_600_000
	CycleMsMax        uint64 = 366 * dayMs
	CycleMsDefault    uint64 = 7 * dayMs
	LifeMsMin         uint64 = 1_000
	LifeMsDefault     uint64 = 180_000
	LifeMsMax         uint64 = 3_600_000
	MemberLifeDefault uint64 = 7 * dayMs
	MemberLifeMsMax   uint64 = 30 * dayMs
	PayMsMin          uint64 = 3_600_000
	PayMsMax          uint64 = 90 * dayMs
	MembersMax               = 4096
	TillsMax                 = 65_536
	CurrenciesMax            = 64
	ExponentMax       uint8  = 4
)

// Currency is a currency that the chain lists: its ISO 4217 number and letters,
// and how many decimal digits its minor unit has.
type Currency struct {
	Number   uint16
	Letters  string
	Exponent uint8
}

// GenesisMember is a member at the start. Members get the ids 1, 2, ... in the
// order of their list.
type GenesisMember struct {
	Name      string
	Roles     uint8
	Threshold uint8
	Keys      [][32]byte // 1 to 8 distinct admin keys, in any order
}

// GenesisFunding is the limit of a member in one currency, in minor units.
type GenesisFunding struct {
	Member   uint16
	Currency uint16
	Limit    uint64
}

// GenesisTill is a till key registered at the start.
type GenesisTill struct {
	Key        [32]byte
	Member     uint16
	Store      uint16
	Rights     uint8
	Currency   uint16
	ValidFrom  uint64
	ValidUntil uint64
	DayCap     uint64
	Label      string
}

// Genesis is what the genesis file says about coupons (rules 3.15). The committee and
// the file's own form are not part of it.
type Genesis struct {
	Currencies []Currency
	Members    []GenesisMember
	Funding    []GenesisFunding
	Tills      []GenesisTill
	// LifeMs is the longest life of a transaction, in ms; 180,000 by default.
	LifeMs uint64
	// MemberLifeMs is the longest life of kinds 1 to 7, in ms; 7 days by default.
	MemberLifeMs uint64
	// CycleMs is the length of a settlement cycle, in ms; 7 days by default.
	CycleMs uint64
	// Rules is the version of the rules that the chain begins with; 0 stands for Version1.
	Rules Version
	// Settlement and Set count from Version2 on. Set is the first set of validators, in the
	// order of the genesis file.
	Settlement GenesisSettlement
	Set        *pbft.SetBody
}

// GenesisSettlement is what a chain of Version2 begins with beside the rest (rules 3.17).
type GenesisSettlement struct {
	// TimeMs is the time of the genesis block; its cycle is the first to be closed.
	TimeMs uint64
	// PayMs is how long members have to pay after a cycle is closed.
	PayMs uint64
	// Clearer is the member that may confirm payments of others; 0: none.
	Clearer uint16
	// NetMode is how secured debts are netted.
	NetMode NetMode
}

// Validate returns nil if the data can start a chain, else an error that names
// the entry at fault. validKey judges the public keys.
func (g *Genesis) Validate(validKey func(key [32]byte) bool) error {
	if g.CycleMs < CycleMsMin || g.CycleMs > CycleMsMax {
		return fmt.Errorf("coupon: genesis: cycle of %d ms, allowed %d to %d", g.CycleMs, CycleMsMin, CycleMsMax)
	}
	if g.LifeMs < LifeMsMin || g.LifeMs > LifeMsMax {
		return fmt.Errorf("coupon: genesis: life of %d ms, allowed %d to %d", g.LifeMs, LifeMsMin, LifeMsMax)
	}
	if g.MemberLifeMs < g.LifeMs || g.MemberLifeMs > MemberLifeMsMax {
		return fmt.Errorf("coupon: genesis: member life of %d ms, allowed %d to %d",
			g.MemberLifeMs, g.LifeMs, MemberLifeMsMax)
	}
	if err := g.validateCurrencies(); err != nil {
		return err
	}
	if err := g.validateMembers(validKey); err != nil {
		return err
	}
	if err := g.validateFunding(); err != nil {
		return err
	}
	if err := g.validateTills(validKey); err != nil {
		return err
	}
	return g.validateSettlement()
}

func (g *Genesis) validateSettlement() error {
	s := &g.Settlement
	switch {
	case g.Rules > Version2:
		return fmt.Errorf("coupon: genesis: version %d of the rules is not known", g.Rules)
	case g.Rules < Version2 && *s != GenesisSettlement{}:
		return fmt.Errorf("coupon: genesis: version 1 of the rules has no settlement")
	case g.Rules < Version2:
		return nil
	case s.TimeMs == 0 || s.TimeMs > TimeMax:
		return fmt.Errorf("coupon: genesis: time %d", s.TimeMs)
	case s.PayMs < PayMsMin || s.PayMs > PayMsMax:
		return fmt.Errorf("coupon: genesis: %d ms to pay, allowed %d to %d", s.PayMs, PayMsMin, PayMsMax)
	case s.NetMode > NetBilateral:
		return fmt.Errorf("coupon: genesis: net mode %d", s.NetMode)
	case s.Clearer != 0 && (g.member(s.Clearer) == nil || g.member(s.Clearer).Roles&RolePayment == 0):
		return fmt.Errorf("coupon: genesis: clearer %d is not a payment member", s.Clearer)
	}
	return nil
}

func (g *Genesis) validateCurrencies() error {
	if n := len(g.Currencies); n < 1 || n > CurrenciesMax {
		return fmt.Errorf("coupon: genesis: %d currencies, allowed 1 to %d", n, CurrenciesMax)
	}
	for i, c := range g.Currencies {
		if c.Number < 1 || c.Number > 999 {
			return fmt.Errorf("coupon: genesis: currency %d: number %d, allowed 1 to 999", i+1, c.Number)
		}
		if len(c.Letters) != 3 || !upper(c.Letters) {
			return fmt.Errorf("coupon: genesis: currency %d: %q is not three capital letters", i+1, c.Letters)
		}
		if c.Exponent > ExponentMax {
			return fmt.Errorf("coupon: genesis: currency %s: exponent %d, at most %d", c.Letters, c.Exponent, ExponentMax)
		}
		for _, before := range g.Currencies[:i] {
			if before.Number == c.Number || before.Letters == c.Letters {
				return fmt.Errorf("coupon: genesis: currency %s (%d) is listed twice", c.Letters, c.Number)
			}
		}
	}
	return nil
}

func upper(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}

func (g *Genesis) validateMembers(validKey func(key [32]byte) bool) error {
	if n := len(g.Members); n < 1 || n > MembersMax {
		return fmt.Errorf("coupon: genesis: %d members, allowed 1 to %d", n, MembersMax)
	}
	for i, m := range g.Members {
		if m.Name == "" || len(m.Name) > NameSizeMax || !wire.ValidText([]byte(m.Name)) {
			return fmt.Errorf("coupon: genesis: member %d: name %q is empty, over %d bytes or not plain text",
				i+1, m.Name, NameSizeMax)
		}
		if m.Roles > allRoles {
			return fmt.Errorf("coupon: genesis: member %d: roles %d, at most %d", i+1, m.Roles, allRoles)
		}
		if n := len(m.Keys); n < 1 || n > AdminKeysMax {
			return fmt.Errorf("coupon: genesis: member %d: %d admin keys, allowed 1 to %d", i+1, n, AdminKeysMax)
		}
		if m.Threshold < 1 || int(m.Threshold) > len(m.Keys) {
			return fmt.Errorf("coupon: genesis: member %d: threshold %d of %d keys", i+1, m.Threshold, len(m.Keys))
		}
		for j, key := range m.Keys {
			if !validKey(key) {
				return fmt.Errorf("coupon: genesis: member %d: admin key %x is not valid", i+1, key)
			}
			if slices.Contains(m.Keys[:j], key) {
				return fmt.Errorf("coupon: genesis: member %d: admin key %x is listed twice", i+1, key)
			}
		}
	}
	return nil
}

func (g *Genesis) validateFunding() error {
	known := make(map[fundingID]bool, len(g.Funding))
	for i, f := range g.Funding {
		if g.member(f.Member) == nil {
			return fmt.Errorf("coupon: genesis: funding %d: no member %d", i+1, f.Member)
		}
		if !g.lists(f.Currency) {
			return fmt.Errorf("coupon: genesis: funding %d: currency %d is not listed", i+1, f.Currency)
		}
		if f.Limit > MoneyMax {
			return fmt.Errorf("coupon: genesis: funding %d: limit %d, at most %d", i+1, f.Limit, MoneyMax)
		}
		id := fundingID{f.Member, f.Currency}
		if known[id] {
			return fmt.Errorf("coupon: genesis: funding %d: member %d has a limit in currency %d before",
				i+1, f.Member, f.Currency)
		}
		known[id] = true
	}
	return nil
}

func (g *Genesis) validateTills(validKey func(key [32]byte) bool) error {
	if len(g.Tills) > TillsMax {
		return fmt.Errorf("coupon: genesis: %d tills, at most %d", len(g.Tills), TillsMax)
	}
	known := make(map[[32]byte]bool, len(g.Tills))
	for i, t := range g.Tills {
		var wrong string
		switch m := g.member(t.Member); {
		case m == nil:
			wrong = fmt.Sprintf("no member %d", t.Member)
		case m.Roles&RoleMerchant == 0:
			wrong = fmt.Sprintf("member %d is not a merchant", t.Member)
		case !validKey(t.Key):
			wrong = fmt.Sprintf("key %x is not valid", t.Key)
		case known[t.Key]:
			wrong = fmt.Sprintf("key %x is listed twice", t.Key)
		case t.Store == 0:
			wrong = "store 0"
		case t.Rights < 1 || t.Rights > allRights:
			wrong = fmt.Sprintf("rights %d, allowed 1 to %d", t.Rights, allRights)
		case !g.lists(t.Currency):
			wrong = fmt.Sprintf("currency %d is not listed", t.Currency)
		case t.ValidFrom >= t.ValidUntil || t.ValidUntil > TimeMax:
			wrong = fmt.Sprintf("window from %d until %d", t.ValidFrom, t.ValidUntil)
		case t.DayCap < 1 || t.DayCap > MoneyMax:
			wrong = fmt.Sprintf("day cap %d, allowed 1 to %d", t.DayCap, MoneyMax)
		case len(t.Label) > LabelSizeMax || !wire.ValidText([]byte(t.Label)):
			wrong = fmt.Sprintf("label %q is over %d bytes or not plain text", t.Label, LabelSizeMax)
		}
		if wrong != "" {
			return fmt.Errorf("coupon: genesis: till %d: %s", i+1, wrong)
		}
		known[t.Key] = true
	}
	return nil
}

// member returns the member of an id, nil if there is none.
func (g *Genesis) member(id uint16) *GenesisMember {
	if id < 1 || int(id) > len(g.Members) {
		return nil
	}
	return &g.Members[id-1]
}

func (g *Genesis) lists(currency uint16) bool {
	return slices.ContainsFunc(g.Currencies, func(c Currency) bool { return c.Number == currency })
}

// rows returns the initial rows in ascending key order. g must be valid.
func (g *Genesis) rows() []Write {
	params := Params{NextCampaign: 1, NextMember: uint16(len(g.Members)) + 1, CycleMs: g.CycleMs}
	rows := []Write{{ParamsKey(), params.AppendTo(nil)}}
	for i, m := range g.Members {
		row := Member{Roles: m.Roles, Threshold: m.Threshold, Keys: slices.Clone(m.Keys), Name: m.Name}
		slices.SortFunc(row.Keys, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
		rows = append(rows, Write{MemberKey(uint16(i + 1)), row.AppendTo(nil)})
	}
	for _, f := range g.Funding {
		row := Funding{Limit: f.Limit}
		rows = append(rows, Write{FundingKey(f.Member, f.Currency), row.AppendTo(nil)})
	}
	for _, t := range g.Tills {
		row := Till{Member: t.Member, Store: t.Store, Rights: t.Rights, Currency: t.Currency,
			ValidFrom: t.ValidFrom, ValidUntil: t.ValidUntil, DayCap: t.DayCap, Label: t.Label}
		rows = append(rows, Write{TillKey(t.Key), row.AppendTo(nil)})
	}
	if g.Rules >= Version2 {
		rows = append(rows, g.rows2()...)
	}
	sortWrites(rows)
	return rows
}

// rows2 returns those of a chain that begins with version 2 of the rules.
func (g *Genesis) rows2() []Write {
	s := &g.Settlement
	p := Protocol{Version: g.Rules, HolderLifeMs: g.LifeMs, MemberLifeMs: g.MemberLifeMs, PayMs: s.PayMs,
		Clearer: s.Clearer, NextCycle: uint32(s.TimeMs / g.CycleMs), NextProposal: 1, NetMode: s.NetMode}
	rows := []Write{{ProtocolKey(), p.AppendTo(nil)}}
	for _, c := range g.Currencies {
		rows = append(rows, Write{CurrencyKey(c.Number), c.AppendTo(nil)})
	}
	return rows
}
