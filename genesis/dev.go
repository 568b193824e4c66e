package genesis

import (
	"fmt"
	"strings"
	"sync"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
)

// DevPhrase is the phrase of the demonstration keys. It is known to everybody.
const DevPhrase = "test test test test test test test test test test test junk"

// devTillsEach is how many tills each demonstration merchant has.
const devTillsEach = 2

const (
	// devTimeMs is the time of a demonstration's genesis, 1 January 2026. It is
	// fixed so that the file, and with it the chain, is the same everywhere.
	devTimeMs = 1_767_225_600_000
	// devTillUntilMs is 1 January 2100.
	devTillUntilMs = 4_102_444_800_000
	// devPayer is the payment firm.
	devPayer = 4
	// devCurrency is the euro.
	devCurrency = 978
	// devLimit is a million euros, in cents: what an issuer may promise, and a
	// till take in a day.
	devLimit = 100_000_000
)

// DevNetwork is a demonstration network with its secrets.
type DevNetwork struct {
	Genesis *Genesis
	// Admins holds the one admin key of each member, in the order of the members.
	Admins []keys.Secret
	// Validators holds the key of each replica, in the order of the committee.
	Validators []keys.Secret
	// Tills holds the keys of the genesis tills, in their order.
	Tills []keys.Secret
}

// Dev makes a demonstration network of n validators: a mall that issues, two
// merchants with two tills each, a payment firm and, beyond four, further
// merchants; one currency, EUR. The chain's name is DevPrefix and then name. All
// keys follow from phrase, "" meaning DevPhrase, so the same arguments give the
// same file to the byte.
func Dev(name string, n int, phrase string) (*DevNetwork, error) {
	return DevWith(name, n, phrase, nil)
}

// DevWith is Dev with a change to numbers of the file, such as the parameters of the
// committee or the time; nil for none. It is made before members, tills and validators
// are in the file. With pbft.Original there is no fast path.
func DevWith(name string, n int, phrase string, change func(*File)) (*DevNetwork, error) {
	faults, fastFaults := pbft.DefaultFaults(n)
	if n < ValidatorsMin || n > pbft.ReplicasMax {
		return nil, fmt.Errorf("dev network: %d validators, wanted %d to %d", n, ValidatorsMin, pbft.ReplicasMax)
	}
	if phrase == "" {
		phrase = DevPhrase
	}
	wallet, err := keys.NewWallet(phrase, "")
	if err != nil {
		return nil, fmt.Errorf("dev network: %w", err)
	}
	if !strings.HasPrefix(name, DevPrefix) {
		name = DevPrefix + name
	}
	d := &DevNetwork{}
	f := &File{
		Name: name, TimeMs: devTimeMs,
		Ledger: coupon.Genesis{
			Currencies:   []coupon.Currency{{Number: devCurrency, Letters: "EUR", Exponent: 2}},
			LifeMs:       coupon.LifeMsDefault,
			MemberLifeMs: coupon.MemberLifeDefault,
			CycleMs:      coupon.CycleMsDefault,
		},
		Committee: Committee{
			Faults: faults, FastFaults: fastFaults, Window: 32, Tenure: 4096, CheckpointInterval: 256,
			ExecutionLag: 4, PrecisionMs: 500, DelayMs: 5000, PayloadBytesMax: 4 << 20,
		},
	}
	if change != nil {
		change(f)
	}
	if f.Committee.Protocol == pbft.Original {
		f.Committee.FastFaults = 0
	}
	for i := range n {
		if err := d.add(f, wallet, i); err != nil {
			return nil, fmt.Errorf("dev network: %w", err)
		}
	}
	raw, err := Encode(f)
	if err != nil {
		return nil, fmt.Errorf("dev network: %w", err)
	}
	if d.Genesis, err = Parse(raw); err != nil {
		return nil, fmt.Errorf("dev network: %w", err)
	}
	return d, nil
}

// DevLike makes the demonstration network with the name, the size and the numbers of a
// file. If that is a demonstration's, the digests are equal.
func DevLike(g *Genesis) (*DevNetwork, error) {
	return DevWith(g.File.Name, len(g.File.Committee.Validators), "", func(f *File) {
		l := g.File.Ledger
		l.Members, l.Funding, l.Tills = nil, nil, nil // they follow from their number
		f.TimeMs, f.Ledger, f.Committee = g.File.TimeMs, l, g.File.Committee
		f.Committee.Validators = nil
	})
}

// DevRules changes a demonstration's file to a version of the rules, with what it begins
// with: the chain begins now, in a cycle of an hour, and a payment firm clears.
func DevRules(v coupon.Version, nowMs uint64) func(*File) {
	return func(f *File) {
		if v < coupon.Version2 {
			return
		}
		f.TimeMs = nowMs
		f.Ledger.CycleMs, f.Ledger.Rules = coupon.CycleMsMin, v
		f.Ledger.Settlement = coupon.GenesisSettlement{TimeMs: nowMs, PayMs: coupon.PayMsDefault, Clearer: devPayer}
	}
}

// add appends the i-th member with its keys, funding, tills and validator.
func (d *DevNetwork) add(f *File, w keys.Wallet, i int) error {
	id := uint16(i + 1)
	name, roles := fmt.Sprintf("DEV Shop %d", id), coupon.RoleMerchant|coupon.RoleIssuer
	switch id {
	case 1:
		name, roles = "DEV Mall", coupon.RoleIssuer|coupon.RoleMall
	case 2:
		name = "DEV Bakery"
	case 3:
		name = "DEV Bookshop"
	case devPayer:
		name, roles = "DEV Payments", coupon.RolePayment
	}
	admin, validator, tills, err := devSecrets(w, id)
	if err != nil {
		return err
	}
	d.Admins = append(d.Admins, admin)
	d.Validators = append(d.Validators, validator)
	f.Committee.Validators = append(f.Committee.Validators, Validator{Member: id, Key: validator.Public()})
	l := &f.Ledger
	l.Members = append(l.Members, coupon.GenesisMember{
		Name: name, Roles: roles, Threshold: 1, Keys: [][32]byte{admin.Public()}})
	if roles&coupon.RoleIssuer != 0 {
		l.Funding = append(l.Funding, coupon.GenesisFunding{Member: id, Currency: devCurrency, Limit: devLimit})
	}
	if roles&coupon.RoleMerchant == 0 {
		return nil
	}
	for j, till := range tills {
		// The first till of a shop is a cashier's, the second its manager's.
		rights, label := coupon.RightRedeem, fmt.Sprintf("DEV till %d", j+1)
		if j > 0 {
			rights, label = coupon.RightRedeem|coupon.RightVoidOwn|coupon.RightVoidAny, "DEV manager"
		}
		d.Tills = append(d.Tills, till)
		l.Tills = append(l.Tills, coupon.GenesisTill{
			Key: till.Public(), Member: id, Store: 1, Rights: rights, Currency: devCurrency,
			ValidFrom: devTimeMs, ValidUntil: devTillUntilMs, DayCap: devLimit, Label: label,
		})
	}
	return nil
}

// devSecrets derives the keys of a member from the demonstration phrase.
func devSecrets(w keys.Wallet, id uint16) (admin, validator keys.Secret, tills []keys.Secret, err error) {
	if admin, err = w.Key(keys.Member, uint32(id), 0); err != nil {
		return
	}
	if validator, err = w.Key(keys.Validator, uint32(id), 0); err != nil {
		return
	}
	for j := range uint32(devTillsEach) {
		till, err := w.Key(keys.Till, uint32(id), j)
		if err != nil {
			return admin, validator, nil, err
		}
		tills = append(tills, till)
	}
	return admin, validator, tills, nil
}

// devKeys returns every public key that Dev gives out for DevPhrase, whatever n.
var devKeys = sync.OnceValue(func() map[[32]byte]bool {
	w, err := keys.NewWallet(DevPhrase, "")
	if err != nil {
		panic("genesis: the demonstration phrase: " + err.Error())
	}
	public := make(map[[32]byte]bool)
	for id := uint16(1); id <= pbft.ReplicasMax; id++ {
		admin, validator, tills, err := devSecrets(w, id)
		if err != nil {
			panic("genesis: the demonstration keys: " + err.Error())
		}
		for _, s := range append(tills, admin, validator) {
			public[s.Public()] = true
		}
	}
	return public
})
