package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
)

// card is what a member makes public for the genesis file.
type card struct {
	Name      string            `json:"name"`
	Roles     []string          `json:"roles"`
	Validator string            `json:"validator,omitempty"`
	Admins    []string          `json:"admins"`
	Threshold uint8             `json:"threshold"`
	Address   string            `json:"address,omitempty"`
	Funding   map[string]string `json:"funding,omitempty"` // limit by currency
}

// cardBytesMax bounds a card file.
const cardBytesMax = 64 << 10

func hexDigest(d [32]byte) string { return hex.EncodeToString(d[:]) }

func newGenesisCommand(a *App) *cobra.Command {
	return group("genesis", "Make and check the genesis file of a chain",
		newGenesisCardCommand(a), newGenesisCreateCommand(a), newGenesisShowCommand(a), newGenesisValidateCommand(a))
}

func newGenesisCardCommand(a *App) *cobra.Command {
	var x card
	c := &cobra.Command{
		Use: "card", Short: "Print the public card of a member", Args: arguments(),
		Long: "Print the public card of a member: what the others need to put it into the genesis file.",
		Example: "  scrip genesis card --name Bakery --role merchant,issuer --validator scripvalidator1… \\\n" +
			"    --admin scripmember1… --address bakery.example:7601 --funding EUR=5000.00 > bakery.json",
		RunE: func(*cobra.Command, []string) error {
			if _, err := x.member(); err != nil {
				return usageError("%v", err)
			}
			b, err := json.MarshalIndent(&x, "", "  ")
			if err != nil {
				return fmt.Errorf("write the card: %w", err)
			}
			return a.Raw(append(b, '\n'))
		},
	}
	f := c.Flags()
	f.StringVar(&x.Name, "name", "", "name of the member")
	f.StringSliceVar(&x.Roles, "role", []string{"merchant"}, "roles: issuer, merchant, payment, mall, attester")
	f.StringVar(&x.Validator, "validator", "", "public key of its validator; none if it runs no node")
	f.StringSliceVar(&x.Admins, "admin", nil, "public keys that sign for the member, repeatable")
	f.Uint8Var(&x.Threshold, "threshold", 1, "how many of them must sign")
	f.StringVar(&x.Address, "address", "", "host:port where its validator listens for the others")
	f.StringToStringVar(&x.Funding, "funding", nil, "most that it may promise, by currency, such as EUR=5000.00")
	return c
}

// member returns the card's member, checked.
func (x *card) member() (m coupon.GenesisMember, err error) {
	m = coupon.GenesisMember{Name: x.Name, Threshold: x.Threshold}
	if x.Name == "" {
		return m, errors.New("the member has no name")
	}
	unknown := ""
	if m.Roles, unknown = coupon.ParseBits(x.Roles, coupon.RoleNames()); unknown != "" {
		return m, fmt.Errorf("there is no role %q: the roles are %s", unknown, strings.Join(coupon.RoleNames(), ", "))
	}
	for _, admin := range x.Admins {
		k, err := keys.Decode(keys.Member, admin)
		if err != nil {
			return m, fmt.Errorf("%s: admin key: %w", x.Name, err)
		}
		m.Keys = append(m.Keys, k)
	}
	if len(m.Keys) == 0 {
		return m, fmt.Errorf("%s has no admin key: make one with \"scrip key new admin --kind member\"", x.Name)
	}
	if int(m.Threshold) > len(m.Keys) || m.Threshold == 0 {
		return m, fmt.Errorf("%s: %d signatures wanted of %d keys", x.Name, m.Threshold, len(m.Keys))
	}
	if x.Validator != "" {
		if _, err := keys.Decode(keys.Validator, x.Validator); err != nil {
			return m, fmt.Errorf("%s: validator: %w", x.Name, err)
		}
	}
	return m, nil
}

func newGenesisCreateCommand(a *App) *cobra.Command {
	var (
		name, at   string
		currencies []string
		chain      engineOptions
	)
	c := &cobra.Command{
		Use: "create CARD...", Short: "Make the genesis file from the members' cards",
		Long: "Make the genesis file from the members' cards, in the order given. Members get the\n" +
			"numbers 1, 2, … and validators 0, 1, … in this order. Every member should make it\n" +
			"from the same cards with the same flags and compare the digest.",
		Example: "  scrip genesis create --chain northside --time 2026-12-01T00:00:00Z mall.json bakery.json \\\n" +
			"    books.json pay.json > genesis.json",
		Args: func(c *cobra.Command, cards []string) error {
			if len(cards) < genesis.ValidatorsMin {
				return &Error{Exit: ExitUsage, Text: fmt.Sprintf("a chain needs at least %d validators: %s given",
					genesis.ValidatorsMin, plural(len(cards), "card")), Next: c.CommandPath() + " --help"}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, paths []string) error {
			cards, err := readCards(paths)
			if err != nil {
				return err
			}
			change, err := chain.change()
			if err != nil {
				return err
			}
			f, err := genesisOf(name, at, currencies, cards, change)
			if err != nil {
				return usageError("%v", err)
			}
			raw, err := genesis.Encode(f)
			if err != nil {
				return usageError("%v", err)
			}
			g, err := genesis.Parse(raw)
			if err != nil {
				return err
			}
			a.Say("digest  %s", hexDigest(g.Digest))
			a.Say("peers   %s", peersOf(cards))
			return a.Raw(raw)
		},
	}
	f := c.Flags()
	chain.flags(c)
	f.StringVar(&name, "chain", "", "name of the chain")
	f.StringVar(&at, "time", "", "time of the genesis, RFC 3339 in UTC; default now, to the minute")
	f.StringSliceVar(&currencies, "currency", []string{"EUR:978:2"}, "currencies as LETTERS:NUMBER:DECIMALS")
	return c
}

func readCards(paths []string) ([]card, error) {
	var cards []card
	for _, path := range paths {
		raw, err := readText(path, cardBytesMax)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{Exit: ExitNotFound, Text: "there is no card " + quoted(path), Next: "scrip genesis card --help"}
		}
		if err != nil {
			return nil, fmt.Errorf("read a card: %w", err)
		}
		var x card
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&x); err != nil {
			return nil, usageError("%s is not a card: %v", path, err)
		}
		cards = append(cards, x)
	}
	return cards, nil
}

// genesisOf puts the content of a genesis file together. change, if not nil, is
// made to the default numbers.
func genesisOf(name, at string, currencies []string, cards []card,
	change func(*genesis.File)) (*genesis.File, error) {
	when := time.Now().UTC().Truncate(time.Minute)
	if at != "" {
		var err error
		if when, err = time.Parse(time.RFC3339, at); err != nil {
			return nil, fmt.Errorf("--time: %q is not like 2026-12-01T00:00:00Z", at)
		}
	}
	f := &genesis.File{
		Name: name, TimeMs: uint64(max(0, when.UnixMilli())),
		Ledger: coupon.Genesis{LifeMs: coupon.LifeMsDefault, MemberLifeMs: coupon.MemberLifeDefault,
			CycleMs: coupon.CycleMsDefault},
	}
	for _, text := range currencies {
		c, err := parseCurrency(text)
		if err != nil {
			return nil, err
		}
		f.Ledger.Currencies = append(f.Ledger.Currencies, c)
	}
	for i, x := range cards {
		if err := x.addTo(f, uint16(i+1)); err != nil {
			return nil, err
		}
	}
	faults, fastFaults := pbft.DefaultFaults(len(f.Committee.Validators))
	f.Committee.Faults, f.Committee.FastFaults = faults, fastFaults
	f.Committee.Window, f.Committee.Tenure, f.Committee.CheckpointInterval, f.Committee.ExecutionLag = 32, 4096, 256, 4
	f.Committee.PrecisionMs, f.Committee.DelayMs, f.Committee.PayloadBytesMax = 500, 5000, 4<<20
	if change != nil {
		change(f)
	}
	return f, f.Validate()
}

// addTo adds a card to a genesis file as the member with a number.
func (x *card) addTo(f *genesis.File, id uint16) error {
	m, err := x.member()
	if err != nil {
		return err
	}
	f.Ledger.Members = append(f.Ledger.Members, m)
	if x.Validator != "" {
		key, err := keys.Decode(keys.Validator, x.Validator)
		if err != nil {
			return fmt.Errorf("%s: validator: %w", x.Name, err)
		}
		f.Committee.Validators = append(f.Committee.Validators, genesis.Validator{Member: id, Key: key})
	}
	for _, c := range f.Ledger.Currencies {
		amount, ok := x.Funding[c.Letters]
		if !ok {
			continue
		}
		limit, err := units.ParseMoney(amount, c)
		if err != nil {
			return fmt.Errorf("%s: funding in %s: %w", x.Name, c.Letters, err)
		}
		f.Ledger.Funding = append(f.Ledger.Funding, coupon.GenesisFunding{Member: id, Currency: c.Number, Limit: limit})
	}
	for letters := range x.Funding {
		if !slices.ContainsFunc(f.Ledger.Currencies, func(c coupon.Currency) bool { return c.Letters == letters }) {
			return fmt.Errorf("%s: the chain has no currency %s", x.Name, letters)
		}
	}
	return nil
}

func parseCurrency(s string) (coupon.Currency, error) {
	parts := strings.Split(s, ":")
	if len(parts) == 3 {
		n, err1 := strconv.ParseUint(parts[1], 10, 16)
		e, err2 := strconv.ParseUint(parts[2], 10, 8)
		if err1 == nil && err2 == nil {
			return coupon.Currency{Number: uint16(n), Letters: parts[0], Exponent: uint8(e)}, nil
		}
	}
	return coupon.Currency{}, fmt.Errorf("%q is not a currency like EUR:978:2", s)
}

// peersOf returns the addresses of the validators as the setting peers takes them.
func peersOf(cards []card) string {
	var peers []string
	n := 0
	for _, x := range cards {
		if x.Validator == "" {
			continue
		}
		if x.Address != "" {
			peers = append(peers, strconv.Itoa(n)+"="+x.Address)
		}
		n++
	}
	return strings.Join(peers, ",")
}

// genesisAnswer is what is told about a genesis file.
type genesisAnswer struct {
	Chain      string      `json:"chain"`
	Digest     string      `json:"digest"`
	Time       client.Time `json:"time"`
	Dev        bool        `json:"dev"`
	Members    int         `json:"members"`
	Tills      int         `json:"tills"`
	Validators []string    `json:"validators"`
	Faults     int         `json:"faults"`
	FastFaults int         `json:"fast_faults"`
	Engine     string      `json:"engine"`
}

func loadGenesis(path string) (*genesis.Genesis, error) {
	g, err := genesis.Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Exit: ExitNotFound, Text: "there is no file " + quoted(path)}
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil:
		return nil, &Error{Exit: ExitUsage, Text: path + " is not a valid genesis file", Cause: err}
	}
	return g, nil
}

func newGenesisShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show FILE", Short: "Print what a genesis file says, with its digest", Args: arguments("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := loadGenesis(args[0])
			if err != nil {
				return err
			}
			f := &g.File
			x := genesisAnswer{Chain: f.Name, Digest: hexDigest(g.Digest), Time: client.TimeOf(f.TimeMs), Dev: f.IsDev(),
				Members: len(f.Ledger.Members), Tills: len(f.Ledger.Tills),
				Faults: f.Committee.Faults, FastFaults: f.Committee.FastFaults, Engine: f.Committee.Protocol.String()}
			fields := Fields{{"chain", x.Chain}, {"digest", x.Digest}, {"time", x.Time.UTC}}
			for i, m := range f.Ledger.Members {
				fields = append(fields, [2]string{fmt.Sprintf("member %d", i+1), m.Name + ": " +
					strings.Join(coupon.BitNames(m.Roles, coupon.RoleNames()), ", ")})
			}
			for i, v := range f.Committee.Validators {
				key := keys.Encode(keys.Validator, v.Key)
				x.Validators = append(x.Validators, key)
				fields = append(fields, [2]string{fmt.Sprintf("validator %d", i), fmt.Sprintf("member %d, %s", v.Member, key)})
			}
			fields = append(fields, [2]string{"engine", x.Engine}, [2]string{"faults", fmt.Sprintf(
				"%d may lie or fail; %d may be slow in the fast path",
				x.Faults, x.FastFaults)})
			if x.Dev {
				fields = append(fields, [2]string{"", "DEMONSTRATION: ITS KEYS ARE PUBLIC"})
			}
			return a.Show(x, fields)
		},
	}
}

func newGenesisValidateCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE", Short: "Check a genesis file", Args: arguments("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := loadGenesis(args[0])
			if err != nil {
				return err
			}
			return a.Show(struct {
				Chain  string `json:"chain"`
				Digest string `json:"digest"`
			}{g.File.Name, hexDigest(g.Digest)}, Fields{{"chain", g.File.Name}, {"digest", hexDigest(g.Digest)}})
		},
	}
}
