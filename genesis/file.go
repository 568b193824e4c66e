package genesis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/pbft"
)

// Limits of a genesis file beside those of package coupon. Each bounds memory
// before anything is allocated for it, far above what a consortium needs.
const (
	// FileBytesMax bounds the file.
	FileBytesMax = 8 << 20
	// FundingMax bounds the funding limits.
	FundingMax = 4096
	// TillsMax bounds the tills that exist from the start.
	TillsMax = 10_000
	// ValidatorsMin is the smallest committee that tolerates a fault.
	ValidatorsMin = pbft.ReplicasMin
)

const (
	dayMs = 24 * 3_600_000

	// A genesis till outlives three years only on a demonstration chain.
	tillLifeMsMax = 3 * 366 * dayMs
)

// File is the content of a genesis file. Times and spans are milliseconds, money
// is in minor units.
type File struct {
	// Name is the chain's name, 1 to 64 of a-z, A-Z, 0-9 and "-".
	Name string
	// TimeMs is the time of the genesis block; the first block's is later.
	TimeMs uint64
	// Ledger is what the coupon rules start from.
	Ledger coupon.Genesis
	// Committee is the first committee.
	Committee Committee
}

// Committee is the validators with the chain parameters of the consensus
// protocol (its section 11, Defaults).
type Committee struct {
	// Validators in the order of their replica numbers, which count from 0.
	Validators []Validator
	// Faults is f and FastFaults is p.
	Faults, FastFaults int
	// Window is W, Tenure is K, CheckpointInterval is C, ExecutionLag is D.
	Window, Tenure, CheckpointInterval, ExecutionLag uint64
	// PrecisionMs and DelayMs bound clocks and journeys.
	PrecisionMs, DelayMs uint64
	// PayloadBytesMax bounds the transactions of a block.
	PayloadBytesMax uint32
	// Protocol is how the committee decides. The file names it only if it is not
	// pbft.DualPath, so that each content has one file.
	Protocol pbft.Protocol
}

// Validator is one replica and the member that runs it.
type Validator struct {
	Member uint16
	Key    [32]byte
}

// Genesis is a genesis file that was parsed and found valid.
type Genesis struct {
	File File
	// Raw is the file's bytes, which the digest covers.
	Raw []byte
	// Digest is the chain digest (rules 3.14).
	Digest [32]byte
}

// DevPrefix begins the name of every demonstration chain and of nothing else.
const DevPrefix = "DEV-"

// IsDev reports whether the chain is a demonstration: its keys may be public.
func (f *File) IsDev() bool { return strings.HasPrefix(f.Name, DevPrefix) }

// Currency returns the currency with a number; for one that the file does not list, its
// letters say so.
func (f *File) Currency(number uint16) coupon.Currency {
	for _, c := range f.Ledger.Currencies {
		if c.Number == number {
			return c
		}
	}
	return coupon.Currency{Number: number, Letters: fmt.Sprintf("currency %d", number)}
}

// CurrencyNamed returns the currency with letters; empty ones stand for the only
// currency of the chain. The error is for people.
func (f *File) CurrencyNamed(letters string) (coupon.Currency, error) {
	all := f.Ledger.Currencies
	if letters == "" && len(all) == 1 {
		return all[0], nil
	}
	var known []string
	for _, c := range all {
		if c.Letters == letters {
			return c, nil
		}
		known = append(known, c.Letters)
	}
	if letters == "" {
		return coupon.Currency{}, fmt.Errorf("say which one: the chain has %s", strings.Join(known, ", "))
	}
	return coupon.Currency{}, fmt.Errorf("the chain has no %q, but %s", letters, strings.Join(known, ", "))
}

// parseMoney reads minor units as the file writes them, and takes nothing else.
func parseMoney(text string, c coupon.Currency) (uint64, error) {
	amount, err := units.ParseAmount(text, c.Exponent)
	if errors.Is(err, units.FaultLarge) {
		return 0, fmt.Errorf("%q is beyond the largest amount, %s", clip(text), units.Decimal(coupon.MoneyMax, c.Exponent))
	}
	if err != nil || units.Decimal(amount, c.Exponent) != text {
		return 0, fmt.Errorf("%q is no amount of %s: write digits with exactly %d decimals, like %q",
			clip(text), c.Letters, c.Exponent, units.Decimal(123_400_000, c.Exponent))
	}
	return amount, nil
}

// clip bounds a text of unknown origin for an error.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return s[:61] + "..."
}
