package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/keys"
)

func newTxCommand(a *App) *cobra.Command {
	return group("tx", "Look at transactions and hand them in",
		newTxShowCommand(a), newTxDecodeCommand(a), newTxWaitCommand(a), newTxSubmitCommand(a), newTxSignCommand(a),
		newTxReceiptCommand(a))
}

// signatureAnswer is a signature that a transaction carries.
type signatureAnswer struct {
	Key   string `json:"key"`
	Valid bool   `json:"valid"`
}

// txContent is what is told of a transaction's bytes; the fields are stable.
type txContent struct {
	ID         client.Hash       `json:"id"`
	Kind       string            `json:"kind"`
	Expires    client.Time       `json:"expires"`
	Bytes      int               `json:"bytes"`
	Asks       string            `json:"asks"`
	Signatures []signatureAnswer `json:"signatures"`
	Raw        string            `json:"raw"`
}

// decodeTx reads a transaction of the chain and checks its signatures.
func decodeTx(v *client.Verifier, raw []byte) (*coupon.Tx, txContent, error) {
	tx, err := v.Chain().CheckTx(raw)
	if err != nil {
		return nil, txContent{}, err
	}
	_, err = v.CheckTx(raw)
	x := txContent{ID: tx.ID, Kind: tx.Kind.String(), Expires: client.TimeOf(tx.Expires), Bytes: len(raw),
		Asks: asks(v, tx.Fields), Raw: hex.EncodeToString(raw)}
	for _, s := range tx.Signatures(v.Chain()) {
		// One bad signature makes the transaction invalid: which one does not matter.
		x.Signatures = append(x.Signatures, signatureAnswer{hex.EncodeToString(s.Key[:]), err == nil})
	}
	return tx, x, nil
}

func (a *App) contentFields(x *txContent) Fields {
	valid := "valid"
	for _, s := range x.Signatures {
		if !s.Valid {
			valid = a.red("NOT VALID")
		}
	}
	return Fields{{"transaction", x.ID.String()}, {"kind", x.Kind}, {"asks", x.Asks}, {"expires",
		when(uint64(x.Expires.Ms))},
		{"signatures", fmt.Sprintf("%d, %s", len(x.Signatures), valid)}}
}

// asks says in words what a transaction asks for.
func asks(v *client.Verifier, fields coupon.Fields) string { return coupon.Asks(fields, names{v}) }

// names words the sentences of transactions as the commands take what they name.
type names struct{ *client.Verifier }

// Member implements coupon.Names.
func (n names) Member(id uint16) string { return memberName(n.Verifier, id) }

// Till implements coupon.Names.
func (names) Till(key [32]byte) string { return keys.Encode(keys.Till, key) }

// Holder implements coupon.Names.
func (names) Holder(key [32]byte) string { return keys.Encode(keys.Holder, key) }

// Coupon implements coupon.Names.
func (names) Coupon(id coupon.CouponID) string { return couponName(id) }

// rawTx reads a transaction's bytes: hexadecimal text, or a file of bytes or of
// such text.
func (a *App) rawTx(arg string) ([]byte, error) {
	text := arg
	if path, ok := strings.CutPrefix(arg, "@"); ok || isFile(arg) {
		if !ok {
			path = arg
		}
		b, err := readBytes(path, 8*coupon.TxSizeMax)
		if err != nil {
			return nil, err
		}
		text, err := textfile.Decode(b)
		if err != nil {
			return b, nil
		}
		if d, ok := readDraft(text); ok {
			return d.tx()
		}
		if raw, err := hex.DecodeString(strings.TrimSpace(string(text))); err == nil {
			return raw, nil
		}
		return b, nil
	}
	if arg == "-" {
		line, err := a.text(arg)
		if err != nil {
			return nil, err
		}
		text = line
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, usageError("%q is neither a file nor a transaction in hexadecimal digits", shortened(arg))
	}
	return raw, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func shortened(s string) string {
	if len(s) > 24 {
		return s[:24] + "..."
	}
	return s
}

func newTxDecodeCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "decode FILE|HEX|-", Short: "Show what a transaction's bytes say, without a network",
		Args: arguments("FILE|HEX|-"),
		RunE: func(_ *cobra.Command, args []string) error {
			v, err := a.Verifier()
			if err != nil {
				return err
			}
			raw, err := a.rawTx(args[0])
			if err != nil {
				return err
			}
			_, x, err := decodeTx(v, raw)
			if err != nil {
				return err
			}
			return a.Show(x, a.contentFields(&x))
		},
	}
}

// lookPatience is how long a transaction is looked for that should be there.
const lookPatience = 4 * time.Second

// txAnswer is a transaction with its proven outcome.
type txAnswer struct {
	outcome
	Index   uint32     `json:"index"`
	Content *txContent `json:"content"`
}

// placed is a transaction with its proven receipt and its place in the proven block.
// The place in the proof of the receipt alone is the node's word.
type placed struct {
	*client.Receipt
	raw   []byte
	index uint32
}

// lookUp returns a transaction that was executed, proven with its block.
func (a *App) lookUp(ctx context.Context, c *client.Client, id client.Hash, timeout time.Duration) (*placed, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := c.Receipt(ctx, id, 0)
	var refusal *client.Refusal
	if r == nil && errors.As(err, &refusal) {
		r = refusal.Receipt // whether it ends the id depends on what the block holds
	}
	if r == nil {
		return nil, notExecuted(id, err)
	}
	b, err := c.Block(ctx, r.Height)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.Outcomes, func(o coupon.Outcome) bool { return o == r.Outcome })
	if i < 0 {
		return nil, fmt.Errorf("block %d does not hold the receipt of %s", r.Height, id)
	}
	return &placed{r, b.Txs[i], uint32(i)}, nil
}

// notExecuted says that no outcome could be found. Nobody submitted here, so what
// no node knows is taken for not there.
func notExecuted(id client.Hash, err error) error {
	var u *client.UnknownError
	if errors.As(err, &u) {
		return &Error{Exit: ExitNotFound, Text: "no node knows the transaction " + id.String(),
			Remedy: "If it was made a moment ago it may still come.", Next: "scrip tx wait " + id.String()}
	}
	return err
}

// endsNothing says of a proven refusal that recorded nothing that it is not the end.
func endsNothing(code coupon.Code, tx *coupon.Tx) string {
	if code.Ending(tx.Kind) != coupon.StaysOpen {
		return ""
	}
	return ": not final, no block may accept it from " + when(tx.Expires) + " on"
}

func parseTxID(s string) (client.Hash, error) {
	id, err := client.ParseHash(s)
	if err != nil {
		return id, usageError("%q is no transaction: %v", shortened(s), err)
	}
	return id, nil
}

func newTxShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a transaction and its proven outcome", Args: arguments("ID"),
		RunE: on(a, parseTxID, func(ctx context.Context, c *client.Client, id client.Hash) error {
			r, err := a.lookUp(ctx, c, id, lookPatience)
			if err != nil {
				return err
			}
			return a.showTx(c.Verifier, r)
		}),
	}
}

func (a *App) showTx(v *client.Verifier, r *placed) error {
	tx, content, err := decodeTx(v, r.raw)
	if err != nil {
		return err
	}
	x := txAnswer{outcomeOf(tx.Kind, r.Receipt), r.index, &content}
	result := a.green("ACCEPTED")
	if !r.OK() {
		result = a.red("REFUSED") + " " + x.Code + " " + x.Word + endsNothing(r.Outcome.Code, tx)
	}
	f := append(a.contentFields(&content), [2]string{"outcome", result})
	f = append(f, a.effectFields(v, &r.Outcome)...)
	return a.Show(x, append(f, a.provenBy(v, &x.outcome)))
}

func newTxWaitCommand(a *App) *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use: "wait ID", Short: "Wait for the proven outcome of a transaction; its exit status is that of the outcome",
		Args: arguments("ID"),
		RunE: on(a, parseTxID, func(ctx context.Context, c *client.Client, id client.Hash) error {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			r, err := c.Receipt(ctx, id, 0)
			if err != nil {
				return err
			}
			o := outcomeOf(r.Outcome.Kind, r)
			return a.Show(o, append(Fields{{"outcome", a.green("ACCEPTED")}, {"kind", o.Kind}}, a.provenBy(c.Verifier, &o)))
		}),
	}
	c.Flags().DurationVar(&timeout, "timeout", 3*time.Minute, "how long to wait")
	return c
}

func newTxSubmitCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use: "submit FILE|HEX|-", Short: "Hand in a signed transaction and wait for its proven outcome",
		Long: "Hand in a signed transaction and wait for its proven outcome. The same bytes have one\n" +
			"effect however often they are handed in, here or at any other node.",
		Args: arguments("FILE|HEX|-"),
	}
	s := sendFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		raw, err := a.rawTx(args[0])
		if err != nil {
			return err
		}
		cl, err := a.Client()
		if err != nil {
			return err
		}
		return a.send(c.Context(), cl, raw, s, func(o outcome, r *client.Receipt) error {
			f := append(Fields{{"outcome", a.green("ACCEPTED")}, {"kind", o.Kind}, {"transaction", o.Tx.String()}},
				a.effectFields(cl.Verifier, &r.Outcome)...)
			return a.Show(o, append(f, a.provenBy(cl.Verifier, &o)))
		})
	}
	return c
}

func newTxReceiptCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "receipt ID FILE", Short: "Write the receipt file of a transaction, which proves its outcome without a network",
		Args: arguments("ID", "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := parseTxID(args[0])
			if err != nil {
				return err
			}
			cl, err := a.Client()
			if err != nil {
				return err
			}
			r, err := a.lookUp(c.Context(), cl, id, lookPatience)
			if err != nil {
				return err
			}
			if err := a.writeReceipt(cl.Verifier, args[1], r.raw, r.Receipt); err != nil {
				return err
			}
			tx, err := cl.CheckTx(r.raw)
			if err != nil {
				return err
			}
			o := outcomeOf(tx.Kind, r.Receipt)
			o.Receipt = args[1]
			a.Say("next: scrip verify %s --genesis GENESIS", args[1])
			return a.Show(o, Fields{{"receipt", args[1]}, {"outcome", o.Code + " " + o.Word}})
		},
	}
}
