package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/label"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
)

func newTillCommand(a *App) *cobra.Command {
	return group("till", "Register tills, look at them and revoke them", newTillAddCommand(a), newTillListCommand(a),
		newTillShowCommand(a), newTillRevokeCommand(a))
}

// tillAddress returns the public key of a till: an address, or the name of a key.
func (a *App) tillAddress(name string) ([32]byte, error) {
	if strings.HasPrefix(strings.ToLower(name), keys.Till.Prefix()+"1") {
		k, err := keys.Decode(keys.Till, name)
		if err != nil {
			return k, usageError("%v", err)
		}
		return k, nil
	}
	s, err := a.LoadKey(name, keys.Till)
	return s.Public(), err
}

// tillAdding is the flags of till add.
type tillAdding struct {
	member, store                   uint16
	currency, cap, from, for_, name string
	rights, signers                 []string
	open                            bool
	send                            *sending
}

func newTillAddCommand(a *App) *cobra.Command {
	t := &tillAdding{}
	c := &cobra.Command{
		Use: "add NAME", Short: "Register a till's key, which proves that it is there by signing",
		Long: "Register the till key NAME, which is made if it is missing, for a store of a merchant.\n" +
			"The key signs the registration, so that nobody can register a key seen elsewhere. By\n" +
			"default a till may only redeem; a manager's key also undoes (void_any).",
		Example: "  scrip till add north-1 --member 2 --store 1 --day-cap 500.00 --sign bakery",
		Args:    arguments("NAME"),
		RunE:    func(c *cobra.Command, args []string) error { return a.addTill(c.Context(), args[0], t) },
	}
	f := c.Flags()
	f.Uint16Var(&t.member, "member", 0, "number of the merchant (default: whose key signs)")
	f.Uint16Var(&t.store, "store", 1, "number of the store")
	f.StringVar(&t.currency, "currency", "", "currency (default: the chain's only one)")
	f.StringVar(&t.cap, "day-cap", "1000", "the most that the till may take in one UTC day")
	f.StringVar(&t.from, "from", "now", "when it begins to work")
	f.StringVar(&t.for_, "until", "+365d", "when it ends to work, at most three years ahead")
	f.StringVar(&t.name, "label", "", "what people call it (default: NAME)")
	f.StringSliceVar(&t.rights, "rights", []string{"redeem"}, "redeem, void_own, void_any")
	f.StringSliceVar(&t.signers, "sign", nil, "admin key of the merchant, by name; repeatable")
	f.BoolVar(&t.open, "unencrypted", false, "keep a new till key unencrypted, for a till that must start alone")
	t.send = sendFlags(c)
	draftFlag(c, t.send)
	return c
}

func (a *App) addTill(ctx context.Context, name string, t *tillAdding) error {
	c, err := a.Client()
	if err != nil {
		return err
	}
	f, err := t.fields(a, c.Verifier, name)
	if err != nil {
		return err
	}
	signers, err := a.memberSigners(ctx, c, t.signers)
	if err != nil {
		return err
	}
	if f.Member == 0 {
		f.Member = signers[0].Member
	}
	till, err := a.tillKey(name, t.open, t.send.dryRun)
	if err != nil {
		return err
	}
	raw := actions.SignedTill(c.Chain(), t.send.expiry(c.Verifier, coupon.KindTillKeyAdd), f, signer(till), signers...)
	return a.send(ctx, c, raw, t.send, func(o outcome, _ *client.Receipt) error {
		err := a.Show(o, Fields{{"registered", a.green("till " + f.Label)}, {"key", till.Address()},
			{"shop", fmt.Sprintf("%s, store %d", memberName(c.Verifier, f.Member), f.Store)}, {"transaction", o.Tx.String()},
			a.provenBy(c.Verifier, &o)})
		a.Say("next: scrip redeem invoice --till %s --amount AMOUNT", name)
		return err
	})
}

func (t *tillAdding) fields(a *App, v *client.Verifier, name string) (f coupon.TillKeyAdd, err error) {
	currency, err := currencyByLetters(v, t.currency)
	if err != nil {
		return f, err
	}
	dayCap, err := units.ParseMoney(t.cap, currency)
	if err != nil {
		return f, usageError("--day-cap: %v", err)
	}
	now := time.Now()
	from, err := units.ParseInstant(t.from, now, time.Local)
	if err != nil {
		return f, usageError("--from: %v", err)
	}
	until, err := units.ParseEnd(t.for_, now, time.Local)
	if err != nil {
		return f, usageError("--until: %v", err)
	}
	rights, unknown := coupon.ParseBits(t.rights, coupon.RightNames())
	switch {
	case unknown != "":
		return f, usageError("%q is none of the rights %s", unknown, strings.Join(coupon.RightNames(), ", "))
	case rights == 0:
		return f, usageError("a till needs at least one right")
	}
	typed := t.name
	if typed == "" {
		typed = name
	}
	shown, taken, err := label.Read(typed, coupon.LabelSizeMax)
	if err != nil {
		return f, usageError("the label %q: %v; give another with --label", typed, err)
	}
	a.sayTaken("label", taken)
	return coupon.TillKeyAdd{Member: t.member, Store: t.store, Rights: rights, Currency: currency.Number,
		ValidFrom: from, ValidUntil: until, DayCap: dayCap, Label: shown}, nil
}

// tillKey loads a till's key, or makes it.
func (a *App) tillKey(name string, open, dryRun bool) (keys.Secret, error) {
	path := a.newKeyPath(name)
	if isFile(path) {
		return a.LoadKey(name, keys.Till)
	}
	s := keys.Generate(keys.Till)
	if dryRun {
		return s, nil
	}
	return s, a.saveKey(path, s, open)
}

// showTills proves and shows tills.
func (a *App) showTills(ctx context.Context, c *client.Client, wanted [][32]byte) error {
	var all []client.TillAnswer
	rows := Rows{Head: []string{"LABEL", "STATE", "SHOP", "RIGHTS", "TAKEN TODAY", "DAY CAP", "UNTIL", "KEY"},
		Empty: "no tills"}
	for _, key := range wanted {
		x, err := c.Till(ctx, key)
		if errors.Is(err, client.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		currency := currencyByNumber(c.Verifier, x.Currency)
		answer := client.TillAnswerOf(key, &x.Till, currency.Letters, memberName(c.Verifier, x.Member), x.State.TimeMs)
		all = append(all, answer)
		rows.Body = append(rows.Body, []string{x.Label, answer.State, fmt.Sprintf("%s %d", answer.MemberName, x.Store),
			strings.Join(answer.Rights, ","), units.Money(uint64(answer.DaySum), currency), units.Money(x.DayCap, currency),
			whenEnds(x.ValidUntil), answer.Key})
	}
	return ShowAll(a, all, rows)
}

func newTillListCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tills of the genesis file and of the home, proven", Args: arguments(),
		Long: "List the tills of the genesis file and those whose keys lie unencrypted in the home,\n" +
			"each proven. A till that was registered elsewhere is shown by its key: scrip till show.",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.Client()
			if err != nil {
				return err
			}
			var wanted [][32]byte
			for _, t := range cl.Genesis().File.Ledger.Tills {
				wanted = append(wanted, t.Key)
			}
			for _, k := range a.openTills() {
				if !slices.Contains(wanted, k) {
					wanted = append(wanted, k)
				}
			}
			return a.showTills(c.Context(), cl, wanted)
		},
	}
}

// openTills are the till keys of the home that can be read without asking.
func (a *App) openTills() (found [][32]byte) {
	for _, path := range keyFiles(a.keyDir()) {
		if s, err := keys.Load(path, nil); err == nil && s.Kind == keys.Till {
			found = append(found, s.Public())
		}
	}
	return found
}

func newTillShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME|ADDRESS", Short: "Show a till, proven", Args: arguments("NAME|ADDRESS"),
		RunE: on(a, a.tillAddress, func(ctx context.Context, cl *client.Client, key [32]byte) error {
			x, err := cl.Till(ctx, key)
			if err != nil {
				return err
			}
			currency := currencyByNumber(cl.Verifier, x.Currency)
			t := client.TillAnswerOf(key, &x.Till, currency.Letters, memberName(cl.Verifier, x.Member), x.State.TimeMs)
			return a.Show(t, Fields{{"till", a.bold(t.Label)}, {"state", t.State},
				{"shop", fmt.Sprintf("%s, store %d", t.MemberName, t.Store)}, {"rights", strings.Join(t.Rights, ", ")},
				{"taken today", units.Money(uint64(t.DaySum), currency) + " of at most " + units.Money(x.DayCap, currency)},
				{"good", when(x.ValidFrom) + " until " + whenEnds(x.ValidUntil)}, {"key", t.Key}, provenAt(cl.Verifier, x.State)})
		}),
	}
}

func newTillRevokeCommand(a *App) *cobra.Command {
	var signers []string
	yes := false
	c := &cobra.Command{
		Use: "revoke NAME|ADDRESS", Short: "Revoke a till's key for ever, from the next transaction on",
		Args: arguments("NAME|ADDRESS"),
	}
	c.Flags().StringSliceVar(&signers, "sign", nil, "admin key of the merchant, by name; one is enough")
	c.Flags().BoolVar(&yes, "yes", false, "revoke without asking")
	s := sendFlags(c)
	c.RunE = on(a, a.tillAddress, func(ctx context.Context, cl *client.Client, key [32]byte) error {
		x, err := cl.Till(ctx, key)
		if err != nil {
			return err
		}
		members, err := a.memberSigners(ctx, cl, signers)
		if err != nil {
			return err
		}
		if !s.dryRun {
			if err := a.confirm(yes, "A revoked key never works again.", "revoke "+x.Label); err != nil {
				return err
			}
		}
		raw := actions.SignedTillRevoke(cl.Chain(), actions.Expiry(cl.Verifier, coupon.KindTillKeyRevoke), x.Member,
			key, members...)
		return a.send(ctx, cl, raw, s, func(o outcome, _ *client.Receipt) error {
			return a.Show(o, Fields{{"revoked", a.green("till " + x.Label)}, {"transaction", o.Tx.String()},
				a.provenBy(cl.Verifier, &o)})
		})
	})
	return c
}
