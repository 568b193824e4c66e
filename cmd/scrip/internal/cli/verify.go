package cli

import (
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

// notProven is what a receipt does not show, whatever it says.
func notProven(o *coupon.Outcome) []string {
	s := []string{
		"that the genesis file is that of the chain you mean: compare its digest with one that came another way",
		"who a key belongs to, beyond the names in the genesis file",
	}
	if o.Code == coupon.OK && o.Coupon != 0 {
		s = append(s, "what happened to the coupon afterwards: ask a node (scrip coupon show "+couponName(o.Coupon)+")")
	}
	switch {
	case o.Code != coupon.OK:
		s = append(s, "that another transaction of the same coupon was not accepted")
	case o.Kind == coupon.KindRedeem:
		s = append(s, "that goods were handed over, or that the redemption was not undone later")
	}
	return s
}

func newVerifyCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "verify FILE", Short: "Check a receipt file against a genesis file, without a network",
		Long: "Check a receipt file against a genesis file, without a network.\n\n" +
			"Exit status: 0 the file proves that the transaction was accepted; 6 (or the status of\n" +
			"its code) it proves that it was refused; 1 it proves nothing; 2 the genesis file is not\n" +
			"valid; 3 a file is missing.",
		Example: "  scrip verify receipt.json --genesis genesis.json",
		Args:    arguments("FILE"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.verifyFile(args[0]) },
	}
}

func (a *App) verifyFile(path string) error {
	v, err := a.Verifier()
	if err != nil {
		return err
	}
	b, err := readFileMax(path, client.ReceiptFileBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{Exit: ExitNotFound, Text: "there is no file " + path}
	}
	if err != nil {
		return err
	}
	f, err := v.ReadReceiptFile(b)
	if err != nil {
		return &Error{Exit: ExitOther, Text: path + " proves nothing for the chain " + v.Genesis().File.Name, Cause: err,
			Remedy: "Is it of this chain, and unchanged?"}
	}
	x := verdict{Holds: true, Accepted: f.OK(), Chain: v.Genesis().File.Name, Digest: v.Chain().Digest, Receipt: f.Summary,
		Signers: attesters(v, f.Receipt), Committee: v.Committee().Size(), Differs: f.Differs,
		NotProven: notProven(&f.Outcome)}
	if err := a.showVerdict(v, &x, f); err != nil || f.OK() {
		return err
	}
	e := refused(f.Outcome.Code, "")
	e.Text, e.Remedy = "the file proves a refusal: "+e.Text, ""
	return e
}

// attesters are the names of the members whose signatures a receipt's proof holds.
func attesters(v *client.Verifier, r *client.Receipt) (names []string) {
	return signerNames(v, r.Proof.Checkpoint)
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
		result = a.red("REFUSED") + " " + x.Receipt.Code + " " + x.Receipt.Word
	}
	fields := Fields{{"proven", result + ", " + x.Receipt.Kind}}
	fields = append(fields, a.effectFields(v, &f.Outcome)...)
	fields = append(fields, Fields{
		{"transaction", x.Receipt.ID.String()},
		{"when", fmt.Sprintf("block %d, %s", x.Receipt.Height, when(uint64(x.Receipt.Time.Ms)))},
		{"signed by", fmt.Sprintf("%d of %d members; %d are enough, as at most %d may lie: %s", len(x.Signers), x.Committee,
			v.Committee().WeakQuorum(), v.Committee().Faults(), strings.Join(x.Signers, ", "))},
		{"chain", x.Chain + ", digest " + x.Digest.String()},
	}...)
	for i, s := range x.NotProven {
		label := ""
		if i == 0 {
			label = "not proven"
		}
		fields = append(fields, [2]string{label, s})
	}
	if x.Differs {
		fields = append(fields, [2]string{"beware",
			"the words inside the file differ from what it proves: believe these here"})
	}
	return a.Show(x, fields)
}
