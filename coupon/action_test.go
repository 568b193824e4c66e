package coupon

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What no action is: each alone is E101, by itself and in a proposal.
func TestActionsHaveOneForm(t *testing.T) {
	keys := sortedNames("a", "b")
	swapped := [][32]byte{keys[1], keys[0]}
	seat := func(m uint16) pbft.Seat { return pbft.Seat{Member: m, Key: validatorOf(m).Key} }
	bad := map[string]Action{
		"no name":                      &AddMember{"", 1, 1, keys},
		"a long name":                  &AddMember{strings.Repeat("x", NameSizeMax+1), 1, 1, keys},
		"a name with a control":        &AddMember{"a\nb", 1, 1, keys},
		"no role":                      &AddMember{"a", 0, 1, keys},
		"a role too many":              &AddMember{"a", 32, 1, keys},
		"threshold 0":                  &AddMember{"a", 1, 0, keys},
		"threshold beyond the keys":    &AddMember{"a", 1, 3, keys},
		"no key":                       &AddMember{"a", 1, 0, nil},
		"nine keys":                    &AddMember{"a", 1, 1, sortedNames("1", "2", "3", "4", "5", "6", "7", "8", "9")},
		"keys in another order":        &AddMember{"a", 1, 1, swapped},
		"one key twice":                &RecoverMember{3, 1, [][32]byte{keys[0], keys[0]}},
		"a state that there is not":    &SetMemberState{3, 3},
		"roles that there are not":     &SetMemberRoles{3, 0},
		"a limit above all money":      &SetFunding{3, usd, MoneyMax + 1},
		"currency 0":                   &AddCurrency{Currency{0, "CHF", 2}},
		"currency 1000":                &AddCurrency{Currency{1000, "CHF", 2}},
		"small letters":                &AddCurrency{Currency{756, "chf", 2}},
		"five decimals":                &AddCurrency{Currency{756, "CHF", 5}},
		"a net mode that there is not": &SetParams{1000, 1000, PayMsMin, 0, 2},
		"a version and no height":      &Upgrade{3, 0},
		"a height and no version":      &Upgrade{0, 9},
		"no seat":                      seats(nil),
		"added seats in another order": seats([]pbft.Seat{seat(4), seat(3)}),
		"dropped ones too":             seats(nil, 4, 3),
		"added and dropped":            seats([]pbft.Seat{seat(3)}, 3),
		"51 dropped": func() Action {
			a := seats(nil)
			for m := range uint16(SeatsChangedMax + 1) {
				a.Drop = append(a.Drop, m)
			}
			return a
		}(),
		"a scope that there is not": &LiftStop{StopID{3, 1}},
		"all that names one":        &LiftStop{StopID{StopAll, 1}},
		"one that names none":       &LiftStop{StopID{StopCampaign, 0}},
		"no number of a member":     &LiftStop{StopID{StopIssuer, 65536}},
		"a time after all times":    &StopCampaigns{StopID{}, TimeMax + 1, [32]byte{}},
	}
	c := testChain()
	for name, a := range bad {
		if _, err := DecodeAction(AppendAction(nil, a)); code(err) != BadEncoding {
			t.Errorf("%s: %v", name, err)
		}
		raw := c.NewMemberTx(t0, &GovPropose{Member: 1, Action: a}, admins(issuer)...)
		if _, err := c.CheckTxAt(Version2, raw); code(err) != BadEncoding {
			t.Errorf("%s, proposed: %v", name, err)
		}
	}
	for _, a := range sampleActions() {
		b := AppendAction(nil, a)
		back, err := DecodeAction(b)
		if err != nil || !bytes.Equal(AppendAction(nil, back), b) {
			t.Errorf("action %d: %v", a.Kind(), err)
		}
		for n := range b {
			if _, err := DecodeAction(b[:n]); err == nil && n > 0 {
				t.Errorf("action %d is read from %d bytes", a.Kind(), n)
			}
		}
		if _, err := DecodeAction(append(b, 0)); code(err) != BadEncoding {
			t.Errorf("action %d and more is read", a.Kind())
		}
		if a.asks(&notedNames{}) == "" {
			t.Errorf("action %d asks for nothing", a.Kind())
		}
	}
	for _, b := range [][]byte{nil, {0}, {13}, make([]byte, ActionBytesMax+1)} {
		if _, err := DecodeAction(b); err == nil {
			t.Errorf("%d bytes from %x are an action", len(b), b[:min(len(b), 1)])
		}
	}
}

func TestFieldsOfGovernanceHaveOneForm(t *testing.T) {
	c := testChain()
	list := &AddCurrency{Currency{756, "CHF", 2}}
	many := make([]uint16, BackersMax+1)
	for i := range many {
		many[i] = uint16(i + 2)
	}
	seat := func(change func(*SeatKey)) Fields {
		f := &SeatKey{Member: 4, Key: validatorOf(4).Key, Address: "a:1", Known: 2}
		change(f)
		return f
	}
	address := func(s string) Fields { return seat(func(f *SeatKey) { f.Address = s }) }
	bad := map[string]Fields{
		"backers in another order": &GovPropose{1, 0, []uint16{3, 2}, list},
		"a backer twice":           &GovPropose{1, 0, []uint16{2, 2}, list},
		"the proposer as a backer": &GovPropose{1, 0, []uint16{1}, list},
		"32 backers":               &GovPropose{1, 0, many, list},
		"at after all times":       &GovPropose{1, TimeMax + 1, nil, list},
		"a fourth ballot":          &GovVote{1, 1, [32]byte{}, 3},
		"no address":               address(""),
		"no port":                  address("host"),
		"no host":                  address(":9000"),
		"port 0":                   address("host:0"),
		"port 65536":               address("host:65536"),
		"port 09":                  address("host:09"),
		"port +9":                  address("host:+9"),
		"a blank":                  address("ho st:9"),
		"an umlaut":                address("h\u00f6st:9"),
		"129 bytes":                address(strings.Repeat("h", 127) + ":9"),
		"the flag of vouching":     seat(func(f *SeatKey) { f.Flags = SeatVouched }),
	}
	for name, f := range bad {
		if _, _, err := c.CheckBodyAt(Version2, c.Body(t0, f)); code(err) != BadEncoding {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, s := range []string{"a:1", "[::1]:9000", "node.example:65535", strings.Repeat("h", 126) + ":9"} {
		if _, _, err := c.CheckBodyAt(Version2, c.Body(t0, address(s))); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	// Only evidence is larger than other transactions, and only from version 2 on.
	set := foundingOf(4).Set
	e := doublePrepare(&set, 1, 3)
	raw := c.NewMisbehaviour(t0, &Misbehaviour{e})
	large := append(bytes.Clone(raw), make([]byte, MisbehaviourSizeMax+1-len(raw))...)
	if _, err := ParseTxAt(Version2, large); code(err) != TooLarge {
		t.Errorf("%d bytes of evidence: %v", len(large), err)
	}
	if _, err := ParseTxAt(Version2, large[:MisbehaviourSizeMax]); code(err) != BadEncoding {
		t.Errorf("%d bytes of evidence: %v", MisbehaviourSizeMax, err)
	}
	if _, err := ParseTx(large[:TxSizeMax+1]); code(err) != TooLarge {
		t.Errorf("version 1: %v", err)
	}
	large[1] = byte(KindGovVote)
	if _, err := ParseTxAt(Version2, large[:TxSizeMax+1]); code(err) != TooLarge {
		t.Errorf("a large vote: %v", err)
	}
}
