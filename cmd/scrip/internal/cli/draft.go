package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// draftFormat is the format of a draft.
const draftFormat = "scrip-draft/v1"

// draft is a member-signed transaction on its way between members who sign at
// different places. It holds no secret.
type draft struct {
	Format     string           `json:"format"`
	Chain      string           `json:"chain"`
	Body       []byte           `json:"body"`
	Signatures []draftSignature `json:"signatures"`
	// Till is the till's proof of possession, of a registration.
	Till []byte `json:"till,omitempty"`
}

// draftSignature is a member's entry of the witness.
type draftSignature struct {
	Member    uint16      `json:"member"`
	Key       client.Hash `json:"key"`
	Signature []byte      `json:"signature"`
}

// draftFlag adds the flag that makes a command write a draft instead of sending.
func draftFlag(c *cobra.Command, s *sending) {
	c.Flags().StringVar(&s.draft, "draft", "",
		"write the transaction with the signatures so far to this new file, for others to sign (scrip tx sign)")
	c.PreRunE = func(*cobra.Command, []string) error {
		if s.draft != "" && s.dryRun {
			return usageError("--draft writes a file and --dry-run does nothing: use one of them")
		}
		return nil
	}
}

// writeDraft writes the draft of a transaction.
func (a *App) writeDraft(v *client.Verifier, tx *coupon.Tx, path string) error {
	d := draft{Format: draftFormat, Chain: v.Genesis().File.Name, Body: tx.Body()}
	for _, s := range tx.Members {
		d.Signatures = append(d.Signatures, draftSignature{s.Member, s.Key, s.Signature[:]})
	}
	if tx.Kind.FurtherSignatures() == 1 {
		d.Till = tx.Raw[len(tx.Raw)-64:]
	}
	b, err := json.MarshalIndent(&d, "", "  ")
	if err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	if err := writeNewFile(path, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return a.showDraft(v, path, &d)
}

// draftAnswer is what is told of a draft; the fields are stable.
type draftAnswer struct {
	Draft   string      `json:"draft"`
	Asks    string      `json:"asks"`
	Expires client.Time `json:"expires"`
	Signed  []string    `json:"signed"`
}

func (a *App) showDraft(v *client.Verifier, path string, d *draft) error {
	fields, expires, err := v.Chain().CheckBody(d.Body)
	if err != nil {
		return err
	}
	x := draftAnswer{path, asks(v, fields), client.TimeOf(expires), []string{}}
	f := Fields{{"draft", path}, {"asks", x.Asks}}
	if p, ok := fields.(*coupon.CampaignPublish); ok {
		f = append(f, termsFields(v, &p.Terms)...)
	}
	for _, s := range d.Signatures {
		x.Signed = append(x.Signed, memberName(v, s.Member))
		f = append(f, [2]string{"signed by", memberName(v, s.Member)})
	}
	a.Say("next: scrip tx sign %s --sign KEY, and then: scrip tx submit %s", path, path)
	return a.Show(x, append(f, [2]string{"expires", when(expires)}))
}

// readDraft reads a draft; ok is false if the bytes are of something else.
func readDraft(b []byte) (d *draft, ok bool) {
	d = &draft{}
	return d, json.Unmarshal(b, d) == nil && d.Format == draftFormat
}

// tx returns the transaction with the signatures that a draft has.
func (d *draft) tx() ([]byte, error) {
	entries := make([]coupon.MemberSignature, len(d.Signatures))
	for i, s := range d.Signatures {
		if len(s.Signature) != 64 {
			return nil, usageError("the draft holds a signature of %d bytes", len(s.Signature))
		}
		entries[i] = coupon.MemberSignature{Member: s.Member, Key: s.Key, Signature: [64]byte(s.Signature)}
	}
	var till *[64]byte
	if len(d.Till) > 0 {
		if len(d.Till) != 64 {
			return nil, usageError("the draft holds a till's signature of %d bytes", len(d.Till))
		}
		till = (*[64]byte)(d.Till)
	}
	return coupon.JoinMemberSigned(d.Body, entries, till), nil
}

func newTxSignCommand(a *App) *cobra.Command {
	var signers []string
	yes := false
	c := &cobra.Command{
		Use: "sign DRAFT", Short: "Add a member's signature to a draft, after showing what it says", Args: arguments("DRAFT"),
	}
	c.Flags().StringSliceVar(&signers, "sign", nil, "admin key that signs, by name; repeatable")
	c.Flags().BoolVar(&yes, "yes", false, "sign without asking")
	c.RunE = func(c *cobra.Command, args []string) error { return a.signDraft(c.Context(), args[0], signers, yes) }
	return c
}

func (a *App) signDraft(ctx context.Context, path string, names []string, yes bool) error {
	b, err := readText(path, 8*coupon.TxSizeMax)
	if err != nil {
		return err
	}
	d, ok := readDraft(b)
	if !ok {
		return usageError("%s is no draft", path)
	}
	c, err := a.Client()
	if err != nil {
		return err
	}
	fields, _, err := c.Chain().CheckBody(d.Body)
	if err != nil {
		return err
	}
	signers, err := a.memberSigners(ctx, c, names)
	if err != nil {
		return err
	}
	if err := a.confirm(yes, "This asks to "+asks(c.Verifier, fields)+".", "sign"); err != nil {
		return err
	}
	for _, s := range signers {
		entry := c.Chain().SignMember(d.Body, s)
		for _, have := range d.Signatures {
			if have.Member == entry.Member && have.Key == entry.Key {
				return &Error{Exit: ExitUsed, Text: "the draft is signed by this key already"}
			}
		}
		d.Signatures = append(d.Signatures, draftSignature{entry.Member, entry.Key, entry.Signature[:]})
	}
	if b, err = json.MarshalIndent(d, "", "  "); err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	if err := replaceFile(path, append(b, '\n')); err != nil {
		return err
	}
	return a.showDraft(c.Verifier, path, d)
}

// replaceFile puts bytes in the place of a file, in one step.
func replaceFile(path string, b []byte) error {
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	_ = os.Remove(next)
	if err := writeNewFile(next, b, 0o644); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
