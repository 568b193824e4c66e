package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft"
)

// verdict is what is told about a receipt file; the fields are stable.
type verdict struct {
	Holds     bool                  `json:"holds"`
	Accepted  bool                  `json:"accepted"`
	Chain     string                `json:"chain"`
	Digest    client.Hash           `json:"digest"`
	Receipt   client.ReceiptSummary `json:"receipt"`
	Signers   []string              `json:"signers"`
	Committee int                   `json:"committee"`
	Differs   bool                  `json:"words_differ"`
	NotProven []string              `json:"not_proven"`
}

// neverProven is what no receipt shows, whatever it says.
func neverProven() []string {
	return []string{
		"that the genesis file is that of the chain you mean: compare its digest with one that came another way",
		"who a key belongs to, beyond the names in the genesis file",
	}
}

// notProven is what a receipt of a transaction of a kind, 0 if it is not known, does
// not show.
func notProven(o *coupon.Outcome, kind coupon.Kind) []string {
	s := neverProven()
	if o.States(coupon.PartCoupon) {
		s = append(s, "what happened to the coupon afterwards: ask a node (scrip coupon show "+couponName(o.Coupon)+")")
	}
	switch {
	case o.Code.Ending(kind) != coupon.Ended:
		s = append(s, "that this is the end of it: another block may have accepted, or may yet accept, this very transaction")
	case o.Code != coupon.OK:
		s = append(s, "that another transaction of the same coupon was not accepted")
	case o.States(coupon.PartValue):
		s = append(s, "that goods were handed over, or that the redemption was not undone later")
	}
	return s
}

func newVerifyCommand(a *App) *cobra.Command {
	tx := ""
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check a receipt file against a genesis file, without a network",
		Long: "Check a receipt file against a genesis file, without a network. The file is that of one\n" +
			"transaction (scrip tx receipt, --receipt) or holds all receipts of a block (scrip block\n" +
			"receipts, or what a node answers to GET /v1/blocks/HEIGHT/receipts).\n\n" +
			"Exit status: 0 the file proves that the transaction was accepted, or all of the block;\n" +
			"6 (or the status of its code) it proves that it was refused, or some of the block; 1 it\n" +
			"proves nothing; 2 it or the genesis file cannot be read; 3 a file or the transaction of\n" +
			"--tx is missing.",
		Example: "  scrip verify receipt.json --genesis genesis.json\n" +
			"  scrip verify block.json --tx ID --genesis genesis.json",
		Args: arguments("FILE"),
	}
	c.Flags().StringVar(&tx, "tx", "", "of a file with the receipts of a block: look at this transaction alone")
	c.RunE = func(_ *cobra.Command, args []string) error { return a.verifyFile(args[0], tx) }
	return c
}

// verifyFile checks a receipt file of either kind.
func (a *App) verifyFile(path, tx string) error {
	v, err := a.Verifier()
	if err != nil {
		return err
	}
	b, err := readText(path, client.ReceiptsFileBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{Exit: ExitNotFound, Text: "there is no file " + path}
	}
	if err != nil {
		return err
	}
	if !json.Valid(b) {
		return &Error{Exit: ExitUsage, Text: path + " is not readable as a receipt file: it is no whole JSON document",
			Remedy: "Whether it proves anything is not known: get it again as it was saved."}
	}
	if client.HoldsReceipts(b) {
		return a.verifyReceipts(v, path, b, tx)
	}
	if tx != "" {
		return usageError("--tx is for files with all receipts of a block, and %s is none", path)
	}
	return a.verifyReceipt(v, path, b)
}

// provesNothing is the error about a file that does not hold.
func provesNothing(v *client.Verifier, path string, err error) *Error {
	return &Error{Exit: ExitOther, Text: path + " proves nothing for the chain " + v.Genesis().File.Name, Cause: err,
		Remedy: "Is it of this chain, and unchanged?"}
}

func (a *App) verifyReceipt(v *client.Verifier, path string, b []byte) error {
	f, err := v.ReadReceiptFile(b)
	if err != nil {
		return provesNothing(v, path, err)
	}
	x := verdict{Holds: true, Accepted: f.OK(), Chain: v.Genesis().File.Name, Digest: v.Chain().Digest, Receipt: f.Summary,
		Signers: signerNames(v, f.Proof.Checkpoint), Committee: v.Committee().Size(), Differs: f.Differs,
		NotProven: notProven(&f.Outcome, f.Tx.Kind)}
	if err := a.showVerdict(v, &x, f); err != nil || f.OK() {
		return err
	}
	return provenRefusal(f.Outcome.Code)
}

// provenRefusal is the error about a transaction that was refused for good.
func provenRefusal(code coupon.Code) *Error {
	e := refused(code, "")
	e.Text, e.Remedy = "the file proves a refusal: "+e.Text, ""
	return e
}

func signerNames(v *client.Verifier, c *pbft.CheckpointCertificate) (names []string) {
	for i, val := range v.Genesis().File.Committee.Validators {
		if c.Signers.Has(pbft.ReplicaID(i)) {
			names = append(names, memberName(v, val.Member))
		}
	}
	return names
}

func (a *App) showVerdict(v *client.Verifier, x *verdict, f *client.FileReceipt) error {
	result := a.green("ACCEPTED")
	if !x.Accepted {
		result = a.red("REFUSED") + " " + x.Receipt.Code + " " + x.Receipt.Word + endsNothing(f.Outcome.Code, f.Tx)
	}
	fields := Fields{{"proven", result + ", " + x.Receipt.Kind}}
	fields = append(fields, a.effectFields(v, &f.Outcome)...)
	fields = append(fields, Fields{
		{"transaction", x.Receipt.ID.String()},
		{"when", fmt.Sprintf("block %d, %s", x.Receipt.Height, when(uint64(x.Receipt.Time.Ms)))},
		signedBy(v, x.Signers),
		chainField(v),
	}...)
	return a.Show(x, append(fields, limitFields(x.NotProven, x.Differs)...))
}

// signedBy is the line that names the members behind a proof.
func signedBy(v *client.Verifier, signers []string) [2]string {
	return [2]string{"signed by", fmt.Sprintf("%d of %d members; %d are enough, as at most %d may lie: %s", len(signers),
		v.Committee().Size(), v.Committee().WeakQuorum(), v.Committee().Faults(), strings.Join(signers, ", "))}
}

// chainField is the line that says of which chain a proof is.
func chainField(v *client.Verifier) [2]string {
	return [2]string{"chain", v.Genesis().File.Name + ", digest " + client.Hash(v.Chain().Digest).String()}
}

// limitFields are the lines that say how far a file is to be believed.
func limitFields(unproven []string, differs bool) (f Fields) {
	for i, s := range unproven {
		label := ""
		if i == 0 {
			label = "not proven"
		}
		f = append(f, [2]string{label, s})
	}
	if differs {
		f = append(f, [2]string{"beware", "the words inside the file differ from what it proves: believe these here"})
	}
	return f
}
