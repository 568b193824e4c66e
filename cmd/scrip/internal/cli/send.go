package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
)

// expiry returns the expiry of a member-signed transaction: far enough ahead for
// others to sign a draft.
func (s *sending) expiry(c *client.Verifier, kind coupon.Kind) uint64 {
	if s.draft == "" {
		return actions.Expiry(c, kind)
	}
	life := c.Genesis().File.Ledger.MemberLifeMs
	return nowMs() + life - life/6
}

// checkLife checks how long an invoice or a shown code is to be good.
func checkLife(c *client.Verifier, life time.Duration) error {
	if most := coupon.AuthLife(c.Genesis().File.Ledger.LifeMs); life < time.Second || uint64(life.Milliseconds()) > most {
		return usageError("--life is 1s to %s, not %v", units.Span(most), life)
	}
	return nil
}

// sending is the flags of commands that submit a transaction.
type sending struct {
	timeout time.Duration
	receipt string
	dryRun  bool
	draft   string // of member-signed transactions: write it there instead
}

// sendFlags adds the flags of sending to a command.
func sendFlags(c *cobra.Command) *sending {
	s := &sending{}
	c.Flags().DurationVar(&s.timeout, "timeout", 30*time.Second, "how long to wait for the proven outcome")
	c.Flags().StringVar(&s.receipt, "receipt", "",
		"write the receipt, which proves the outcome without a network, to this file")
	c.Flags().BoolVar(&s.dryRun, "dry-run", false,
		"ask a node what would happen, and do nothing: no key, wallet or file is changed")
	return s
}

// outcome is what programs are told about a transaction: the fields are stable.
type outcome struct {
	Tx       client.Hash    `json:"tx"`
	Kind     string         `json:"kind"`
	Code     string         `json:"code"`
	Word     string         `json:"word"`
	Accepted bool           `json:"accepted"`
	Height   client.U64     `json:"height"`
	Time     client.Time    `json:"time"`
	Members  int            `json:"members"`
	TookMs   int64          `json:"took_ms,omitempty"`
	Effect   *client.Effect `json:"effect,omitempty"`
	Receipt  string         `json:"receipt,omitempty"`
}

func outcomeOf(kind coupon.Kind, r *client.Receipt) outcome {
	return outcome{Tx: r.Outcome.ID, Kind: kind.String(), Code: r.Outcome.Code.String(), Word: r.Outcome.Code.Word(),
		Accepted: r.OK(), Height: client.U64(r.Height), Time: client.TimeOf(r.TimeMs), Members: r.Members,
		Effect: client.EffectOf(&r.Outcome)}
}

// provenBy is the line that says what stands behind an outcome.
func (a *App) provenBy(c *client.Verifier, o *outcome) [2]string {
	s := fmt.Sprintf("block %d, %s, attested by %d of %d members", o.Height, units.Instant(uint64(o.Time.Ms), time.Local),
		o.Members, c.Committee().Size())
	if o.TookMs > 0 {
		s += ", after " + seconds(time.Duration(o.TookMs)*time.Millisecond)
	}
	return [2]string{"proof", s}
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s" }

// send submits a transaction and calls done with the proven receipt of its
// acceptance. A refusal is an error, also proven if the chain has decided it.
func (a *App) send(ctx context.Context, c *client.Client, raw []byte, s *sending, done func(outcome,
	*client.Receipt) error) error {
	tx, err := c.CheckTx(raw)
	if err != nil {
		return err
	}
	if s.draft != "" {
		return a.writeDraft(c.Verifier, tx, s.draft)
	}
	if s.dryRun {
		return a.dryRun(ctx, c, tx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	began := time.Now()
	p := a.Progress("waiting for the proof")
	p.Set(0, 0, "")
	r, err := c.Submit(ctx, raw)
	p.Done()
	took := time.Since(began)
	if r != nil {
		if e := a.writeReceipt(c.Verifier, s.receipt, raw, r); e != nil {
			return errors.Join(err, e)
		}
	}
	if err != nil {
		return err
	}
	o := outcomeOf(tx.Kind, r)
	o.TookMs, o.Receipt = max(1, took.Milliseconds()), s.receipt
	return done(o, r)
}

// writeReceipt writes a receipt file, if a path is given. It never overwrites.
func (a *App) writeReceipt(v *client.Verifier, path string, raw []byte, r *client.Receipt) error {
	if path == "" {
		return nil
	}
	b, err := v.EncodeReceiptFile(raw, r)
	if err != nil {
		return err
	}
	return writeNewFile(path, b, 0o644)
}

// writeNewFile writes a file that must not be there, durably.
func writeNewFile(path string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// dryRunAnswer is what is told of a dry run; the fields are stable.
type dryRunAnswer struct {
	Kind string `json:"kind"`
	Asks string `json:"asks"`
	*client.DryRunAnswer
}

// dryRun shows what a node says would happen.
func (a *App) dryRun(ctx context.Context, c *client.Client, tx *coupon.Tx) error {
	d, err := c.DryRun(ctx, tx.Raw)
	if err != nil {
		return err
	}
	accepted, word := d.Code == coupon.OK.String(), a.green("ACCEPTED")
	if !accepted {
		word = a.red("REFUSED") + " " + d.Code + " " + d.Word
	}
	x := dryRunAnswer{tx.Kind.String(), asks(c.Verifier, tx.Fields), d}
	f := append(Fields{{"would be", word}, {"asks", x.Asks}}, wouldChange(c.Verifier, tx, d.Effect)...)
	err = a.Show(x, append(f,
		[2]string{"at", fmt.Sprintf("height %d, %s", d.Height, units.Instant(uint64(d.Time.Ms), time.Local))},
		[2]string{"promise", "none: this is one node's opinion, and nothing was done"}))
	if err != nil || accepted {
		return err
	}
	e := &Error{Exit: ExitRefused, Code: d.Code, Text: d.Code + " " + d.Name}
	if code, known := coupon.ParseCode(d.Code); known {
		e = refused(code, "")
	}
	e.Text = "it would be refused: " + e.Text
	return e
}

// wouldChange says what money a transaction would move, in the words of a node.
func wouldChange(v *client.Verifier, tx *coupon.Tx, e *client.Effect) (f Fields) {
	redeem, ok := tx.Fields.(*coupon.Redeem)
	if !ok || e == nil {
		return nil
	}
	currency := currencyByNumber(v, redeem.Invoice.Currency)
	return Fields{{"value", units.Money(uint64(e.Value), currency)},
		{"owed to the shop", units.Money(uint64(e.Payable), currency)}}
}

// parseCampaign reads a campaign's number.
func parseCampaign(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, usageError("%q is no campaign: wanted its number, such as 1", s)
	}
	return uint32(n), nil
}

// parseCoupon reads a coupon's id: its number, or campaign and serial as "3-17".
func parseCoupon(s string) (coupon.CouponID, error) {
	for i := range s {
		if s[i] != '-' && s[i] != '/' {
			continue
		}
		campaign, err1 := strconv.ParseUint(s[:i], 10, 32)
		serial, err2 := strconv.ParseUint(s[i+1:], 10, 32)
		if err1 != nil || err2 != nil || campaign == 0 || serial == 0 {
			return 0, usageError("%q is no coupon: wanted its id, or campaign and serial such as 3-17", s)
		}
		return coupon.NewCouponID(uint32(campaign), uint32(serial)), nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	id := coupon.CouponID(n)
	if err != nil || id.Campaign() == 0 || id.Serial() == 0 {
		return 0, usageError("%q is no coupon: wanted its id, or campaign and serial such as 3-17", s)
	}
	return id, nil
}

// couponName is how people read a coupon: campaign and serial.
func couponName(id coupon.CouponID) string { return fmt.Sprintf("%d-%d", id.Campaign(), id.Serial()) }

// currencyByNumber returns a currency of the chain.
func currencyByNumber(v *client.Verifier, number uint16) coupon.Currency {
	return v.Genesis().File.Currency(number)
}

// currencyByLetters finds a currency of the chain; empty letters stand for the only
// one.
func currencyByLetters(v *client.Verifier, letters string) (coupon.Currency, error) {
	c, err := v.Genesis().File.CurrencyNamed(letters)
	if err != nil {
		return c, usageError("currency: %v", err)
	}
	return c, nil
}

// when shows an instant with the local zone's name.
func when(ms uint64) string { return units.Instant(ms, time.Local) }

// sayTaken tells of characters of a text that nobody sees and that were taken out.
func (a *App) sayTaken(what string, n int) {
	if n > 0 {
		a.Say("%s: %s that nobody sees taken out", what, plural(n, "character"))
	}
}

// whenEnds shows an end by what it includes.
func whenEnds(ms uint64) string { return units.End(ms, time.Local) }
