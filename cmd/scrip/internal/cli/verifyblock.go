package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// blockVerdict is what is told about a file with the receipts of a block; the
// fields are stable.
type blockVerdict struct {
	Holds bool `json:"holds"`
	// Accepted is of all transactions or, with --tx, of that one.
	Accepted  bool                   `json:"accepted"`
	Chain     string                 `json:"chain"`
	Digest    client.Hash            `json:"digest"`
	Block     client.ReceiptsSummary `json:"block"`
	Receipts  []receiptAnswer        `json:"receipts"`
	Signers   []string               `json:"signers"`
	Committee int                    `json:"committee"`
	Differs   bool                   `json:"words_differ"`
	NotProven []string               `json:"not_proven"`
}

// receiptAnswer is one of the receipts of a block. Of a refusal the receipt does not
// hold the kind.
type receiptAnswer struct {
	Index  int            `json:"index"`
	Tx     client.Hash    `json:"tx"`
	Kind   string         `json:"kind,omitempty"`
	Code   string         `json:"code"`
	Word   string         `json:"word"`
	Effect *client.Effect `json:"effect,omitempty"`
}

// receiptAnswers lists the receipts of a block in its order.
func receiptAnswers(r *client.Receipts) []receiptAnswer {
	all := make([]receiptAnswer, len(r.Outcomes))
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		all[i] = receiptAnswer{Index: i, Tx: o.ID, Code: o.Code.String(), Word: o.Code.Word(), Effect: client.EffectOf(o)}
		if o.Code == coupon.OK {
			all[i].Kind = o.Kind.String()
		}
	}
	return all
}

// verifyReceipts checks a file with the receipts of a block. tx is the id of the
// only transaction to look at, or empty.
func (a *App) verifyReceipts(v *client.Verifier, path string, b []byte, tx string) error {
	f, err := v.ReadReceiptsFile(b)
	if err != nil {
		return provesNothing(v, path, err)
	}
	s := f.Summary()
	x := &blockVerdict{Holds: true, Accepted: s.Accepted == s.Count, Chain: v.Genesis().File.Name,
		Digest: v.Chain().Digest, Block: s, Receipts: receiptAnswers(f.Receipts), Signers: signerNames(v, f.Proof.Checkpoint),
		Committee: v.Committee().Size(), Differs: f.Differs}
	if tx != "" {
		return a.verifyOne(v, x, f, tx)
	}
	x.NotProven = append(neverProven(), "what happened to the coupons afterwards: ask a node (scrip coupon show)")
	if !x.Accepted {
		x.NotProven = append(x.NotProven, fmt.Sprintf("what the refused ones asked for: the block says it (scrip block %d)",
			s.Height))
	}
	if err := a.Show(x, a.blockVerdictFields(v, x)); err != nil || x.Accepted {
		return err
	}
	return &Error{Exit: ExitRefused, Text: fmt.Sprintf("the file proves that %d of %d transactions were refused",
		s.Count-s.Accepted, s.Count)}
}

func (a *App) blockVerdictFields(v *client.Verifier, x *blockVerdict) Fields {
	result := fmt.Sprintf("%s, %d ", plural(x.Block.Count, "transaction"), x.Block.Accepted) +
		a.green("ACCEPTED")
	if refused := x.Block.Count - x.Block.Accepted; refused > 0 {
		result += fmt.Sprintf(", %d ", refused) + a.red("REFUSED") + " (" + countCodes(x.Receipts) + ")"
	}
	fields := Fields{{"proven", result},
		{"block", fmt.Sprintf("%d, %s; these are all of it, in order", x.Block.Height, when(uint64(x.Block.Time.Ms)))},
		signedBy(v, x.Signers), chainField(v)}
	fields = append(fields, limitFields(x.NotProven, x.Differs)...)
	return append(fields, [2]string{"each one", "with -o json, or one alone with --tx ID"})
}

// countCodes says how often each code stands among the refusals, in their order.
func countCodes(all []receiptAnswer) string {
	var codes []string
	count := make(map[string]int)
	for _, r := range all {
		if r.Code == coupon.OK.String() {
			continue
		}
		if count[r.Code]++; count[r.Code] == 1 {
			codes = append(codes, r.Code+" "+r.Word)
		}
	}
	slices.Sort(codes)
	for i, c := range codes {
		code, _, _ := strings.Cut(c, " ")
		codes[i] = fmt.Sprintf("%d %s", count[code], c)
	}
	return strings.Join(codes, ", ")
}

// verifyOne tells what a file with the receipts of a block proves of one transaction.
func (a *App) verifyOne(v *client.Verifier, x *blockVerdict, f *client.FileReceipts, tx string) error {
	id, err := client.ParseHash(tx)
	if err != nil {
		return usageError("%q is no transaction: %v", shortened(tx), err)
	}
	i := slices.IndexFunc(x.Receipts, func(r receiptAnswer) bool { return r.Tx == id })
	if i < 0 {
		return &Error{Exit: ExitNotFound, Text: fmt.Sprintf("the file proves that block %d does not hold the transaction %s",
			x.Block.Height, id)}
	}
	o, one := &f.Outcomes[i], x.Receipts[i]
	x.Receipts, x.Accepted, x.NotProven = x.Receipts[i:i+1], o.Code == coupon.OK, notProven(o, 0)
	result := a.green("ACCEPTED") + ", " + one.Kind
	if !x.Accepted {
		result = a.red("REFUSED") + " " + one.Code + " " + one.Word
	}
	fields := append(Fields{{"proven", result}}, a.effectFields(v, o)...)
	fields = append(fields, Fields{{"transaction", id.String()},
		{"block", fmt.Sprintf("%d, place %d of %d, %s", x.Block.Height, i+1, x.Block.Count, when(uint64(x.Block.Time.Ms)))},
		signedBy(v, x.Signers), chainField(v)}...)
	if err := a.Show(x, append(fields, limitFields(x.NotProven, x.Differs)...)); err != nil || x.Accepted {
		return err
	}
	return provenRefusal(o.Code)
}

// blockReceiptsAnswer is what is told of a file that was written; the fields are
// stable.
type blockReceiptsAnswer struct {
	File  string                 `json:"file"`
	Block client.ReceiptsSummary `json:"block"`
}

func newBlockReceiptsCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "receipts HEIGHT|latest FILE",
		Short: "Write all receipts of a block to a file, which proves them without a network",
		Args:  arguments("HEIGHT", "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.Client()
			if err != nil {
				return err
			}
			height, err := blockHeight(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			r, err := cl.Receipts(c.Context(), height)
			if err != nil {
				return noReceipts(height, err)
			}
			b, err := cl.EncodeReceiptsFile(r)
			if err != nil {
				return err
			}
			if err := writeNewFile(args[1], b, 0o644); err != nil {
				return err
			}
			s := r.Summary()
			a.Say("next: scrip verify %s --genesis GENESIS", args[1])
			return a.Show(blockReceiptsAnswer{args[1], s}, Fields{{"receipts", args[1]}, {"block", fmt.Sprint(s.Height)},
				{"transactions", fmt.Sprintf("%d, %d accepted", s.Count, s.Accepted)}})
		},
	}
}

// noReceipts explains why there are no receipts of a block.
func noReceipts(height uint64, err error) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	switch p.Code {
	case client.ProblemNotFound:
		return &Error{Exit: ExitNotFound, Code: p.Code, Text: fmt.Sprintf("block %d has no receipts: %s", height, p.Detail),
			Next: fmt.Sprintf("scrip block %d", height)}
	case client.ProblemNoProof:
		return &Error{Exit: ExitUnreachable, Code: p.Code, Cause: err,
			Remedy: "The members have not yet signed the outcome of this block: ask again in a moment."}
	}
	return err
}
