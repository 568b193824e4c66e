package genesis

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// Validate checks every rule of a genesis file: those of the coupon rules and of
// the committee, which it asks, and those between them. What Parse has already
// refused with a line is refused here again for a File made by a program.
func (f *File) Validate() error {
	if err := f.validateChain(); err != nil {
		return err
	}
	if err := f.Ledger.Validate(sig.ValidKey); err != nil {
		return err
	}
	if err := f.validateKeys(); err != nil {
		return err
	}
	if err := f.validateEntries(); err != nil {
		return err
	}
	return f.validateCommittee()
}

func (f *File) validateChain() error {
	if len(f.Name) < 1 || len(f.Name) > coupon.NameSizeMax {
		return fmt.Errorf("name: %d bytes, wanted 1 to %d", len(f.Name), coupon.NameSizeMax)
	}
	for i := range len(f.Name) {
		c := f.Name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return errors.New("name: only a-z, A-Z, 0-9 and - are allowed")
		}
	}
	if f.TimeMs == 0 || f.TimeMs > coupon.TimeMax {
		return fmt.Errorf("time: %d ms is not a time of a chain", f.TimeMs)
	}
	l := &f.Ledger
	if l.Rules == coupon.Version1 {
		return errors.New("rules: a file of version 1 does not name it") // each content has one file
	}
	if l.Rules >= coupon.Version2 && l.Settlement.TimeMs != f.TimeMs {
		return fmt.Errorf("settlement: it begins at %d ms, the chain at %d", l.Settlement.TimeMs, f.TimeMs)
	}
	if len(l.Funding) > FundingMax || len(l.Tills) > TillsMax {
		return fmt.Errorf("%d funding limits and %d tills, at most %d and %d",
			len(l.Funding), len(l.Tills), FundingMax, TillsMax)
	}
	return nil
}

// validateEntries holds members and tills to more than the ledger asks: names that
// differ to the eye, at least one role, and tills that do not outlive their use.
func (f *File) validateEntries() error {
	names := make(map[string]int)
	for i, m := range f.Ledger.Members {
		if err := checkText(m.Name, coupon.NameSizeMax); err != nil {
			return fmt.Errorf("members[%d].name: %w", i, err)
		}
		if other, taken := names[m.Name]; taken {
			return fmt.Errorf("members[%d].name: members[%d] has the same", i, other)
		}
		names[m.Name] = i
		if m.Roles == 0 {
			return fmt.Errorf("members[%d].roles: a member has at least one role", i)
		}
	}
	for i, t := range f.Ledger.Tills {
		if t.ValidUntil <= f.TimeMs {
			return fmt.Errorf("tills[%d].valid_until: it is not after the genesis time", i)
		}
		if !f.IsDev() && t.ValidUntil-f.TimeMs > tillLifeMsMax {
			return fmt.Errorf("tills[%d].valid_until: more than three years after the genesis time", i)
		}
		if err := checkText(t.Label, coupon.LabelSizeMax); err != nil {
			return fmt.Errorf("tills[%d].label: %w", i, err)
		}
	}
	return nil
}

func (f *File) validateCommittee() error {
	c := &f.Committee
	if n := len(c.Validators); n < ValidatorsMin || n > pbft.ReplicasMax {
		return fmt.Errorf("committee.validators: %d entries, wanted %d to %d", n, ValidatorsMin, pbft.ReplicasMax)
	}
	seen := make(map[uint16]int)
	for i, v := range c.Validators {
		path := fmt.Sprintf("committee.validators[%d].member", i)
		if v.Member < 1 || int(v.Member) > len(f.Ledger.Members) {
			return fmt.Errorf("%s: there is no member %d", path, v.Member)
		}
		// Members fail as a whole: one with two replicas would count twice in f.
		if other, taken := seen[v.Member]; taken {
			return fmt.Errorf("%s: validators[%d] is of the same member", path, other)
		}
		seen[v.Member] = i
	}
	// A zero would be taken for the default, which the file does not show.
	for _, v := range []struct {
		name             string
		value, low, high uint64
	}{
		{"window", c.Window, 1, pbft.WindowMax},
		{"tenure", c.Tenure, 1, pbft.TenureMax},
		{"checkpoint_interval", c.CheckpointInterval, 1, pbft.CheckpointIntervalMax},
		{"execution_lag", c.ExecutionLag, 1, pbft.ExecutionLagMax},
		{"precision_ms", c.PrecisionMs, 1, pbft.PrecisionMsMax},
		{"delay_ms", c.DelayMs, 1, pbft.DelayMsMax},
		{"payload_bytes_max", uint64(c.PayloadBytesMax), pbft.PayloadBytesLow, pbft.PayloadBytesLimit},
	} {
		if v.value < v.low || v.value > v.high {
			return fmt.Errorf("committee.%s: %d, wanted %d to %d", v.name, v.value, v.low, v.high)
		}
	}
	_, err := f.newCommittee([32]byte{})
	return err
}

// validateKeys checks all keys of the file together: each is a sound key, none
// stands twice, whatever its kind, and no demonstration key is on a real chain.
func (f *File) validateKeys() error {
	var public map[[32]byte]bool
	if !f.IsDev() {
		public = devKeys()
	}
	seen := make(map[[32]byte]string)
	check := func(path string, kind keys.Kind, key [32]byte) error {
		text := keys.Encode(kind, key)
		if !sig.ValidKey(key) {
			return fmt.Errorf("%s: %s is not a sound ed25519 key", path, text)
		}
		if public[key] {
			return fmt.Errorf("%s: the secret of %s is public; only chains named %s... take it", path, text, DevPrefix)
		}
		if other, taken := seen[key]; taken {
			return fmt.Errorf("%s: the key of %s stands here again", path, other)
		}
		seen[key] = path
		return nil
	}
	for i, m := range f.Ledger.Members {
		for j, key := range m.Keys {
			if err := check(fmt.Sprintf("members[%d].keys[%d]", i, j), keys.Member, key); err != nil {
				return err
			}
		}
	}
	for i, t := range f.Ledger.Tills {
		if err := check(fmt.Sprintf("tills[%d].key", i), keys.Till, t.Key); err != nil {
			return err
		}
	}
	for i, v := range f.Committee.Validators {
		if err := check(fmt.Sprintf("committee.validators[%d].key", i), keys.Validator, v.Key); err != nil {
			return err
		}
	}
	return nil
}

// newCommittee returns the committee of epoch 0 of a chain.
func (f *File) newCommittee(chain [32]byte) (*pbft.Committee, error) {
	c := &f.Committee
	list := make([]pbft.PublicKey, len(c.Validators))
	for i, v := range c.Validators {
		list[i] = v.Key
	}
	return pbft.NewCommittee(chain, 0, list, c.parameters())
}

func (c *Committee) parameters() pbft.Parameters {
	return pbft.Parameters{
		Faults: c.Faults, FastFaults: c.FastFaults, Window: c.Window, Tenure: c.Tenure,
		CheckpointInterval: c.CheckpointInterval, ExecutionLag: c.ExecutionLag,
		PrecisionMs: c.PrecisionMs, DelayMs: c.DelayMs, PayloadBytesMax: c.PayloadBytesMax, Protocol: c.Protocol,
	}
}

// Committee returns the first committee of the chain, of epoch 0.
func (g *Genesis) Committee() (*pbft.Committee, error) {
	c, err := g.File.newCommittee(g.Digest)
	if err != nil {
		return nil, fmt.Errorf("genesis: committee: %w", err)
	}
	return c, nil
}

// Chain returns what the ledger needs to check signatures of this chain.
func (g *Genesis) Chain() coupon.Chain {
	return coupon.Chain{Digest: g.Digest, ValidKey: sig.ValidKey, Scheme: scheme{}, Rules: g.File.Ledger.Rules}
}

// set returns the committee as the ledger holds it from version 2 of the rules on.
func (c *Committee) set() *pbft.SetBody {
	s := &pbft.SetBody{Parameters: c.parameters()}
	for _, v := range c.Validators {
		s.Seats = append(s.Seats, pbft.Seat{Member: v.Member, Key: v.Key})
	}
	return s
}

// scheme is ZIP-215 for what is seldom verified.
type scheme struct{}

// Verify implements pbft.Scheme.
func (scheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return sig.Verify((*[32]byte)(&key), message, (*[64]byte)(&s))
}

// VerifyBatch implements pbft.Scheme.
func (x scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}
