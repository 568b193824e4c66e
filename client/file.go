package client

import (
	"encoding/json"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
)

// ReceiptFormat is the format of a receipt file.
const ReceiptFormat = "scrip-receipt/v1"

// ReceiptFileBytesMax bounds a receipt file.
const ReceiptFileBytesMax = 256 << 10

// ReceiptFile is a receipt to keep and to hand on: whoever has the genesis file
// checks it without any network. Only Tx, Proof and Header count. Chain and
// Summary are for people who open the file; a verifier makes them anew.
type ReceiptFile struct {
	Format  string         `json:"format"`
	Chain   string         `json:"chain"`
	Tx      []byte         `json:"tx"`
	Proof   []byte         `json:"proof"`
	Header  []byte         `json:"header"`
	Summary ReceiptSummary `json:"summary"`
}

// ReceiptSummary says in words what a receipt proves.
type ReceiptSummary struct {
	ID      Hash    `json:"id"`
	Kind    string  `json:"kind"`
	Code    string  `json:"code"`
	Word    string  `json:"word"`
	Height  U64     `json:"height"`
	Time    Time    `json:"time"`
	Members int     `json:"members"`
	Effect  *Effect `json:"effect,omitempty"`
}

// EncodeReceiptFile returns the receipt file of a transaction and its proven
// receipt, which must hold the header. It ends with a newline.
func (v *Verifier) EncodeReceiptFile(tx []byte, r *Receipt) ([]byte, error) {
	checked, err := v.readReceipt(&ReceiptFile{Tx: tx, Proof: r.Proof.Encode(), Header: r.Header})
	if err != nil {
		return nil, fmt.Errorf("write receipt file: %w", err)
	}
	b, err := json.MarshalIndent(&ReceiptFile{Format: ReceiptFormat, Chain: v.genesis.File.Name, Tx: tx,
		Proof: r.Proof.Encode(), Header: r.Header, Summary: checked.Summary}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write receipt file: %w", err)
	}
	return append(b, '\n'), nil
}

// FileReceipt is what a receipt file proves.
type FileReceipt struct {
	*Receipt
	Tx *coupon.Tx
	// Summary is made from what is proven, whatever the file says.
	Summary ReceiptSummary
	// Differs says that the file's own words do not agree with what it proves.
	Differs bool
}

// ReadReceiptFile checks a receipt file. Errors wrap ErrFalse.
func (v *Verifier) ReadReceiptFile(b []byte) (*FileReceipt, error) {
	if len(b) > ReceiptFileBytesMax {
		return nil, fmt.Errorf("%w: a receipt file of %d bytes", ErrFalse, len(b))
	}
	d, err := readDocument(b, "format", "chain", "tx", "proof", "header", "summary")
	if err != nil {
		return nil, err
	}
	format, err := d.text("format")
	if err != nil || format != ReceiptFormat {
		return nil, fmt.Errorf("%w: the format is %.40q, not %q", ErrFalse, format, ReceiptFormat)
	}
	f := &ReceiptFile{Format: ReceiptFormat, Chain: v.genesis.File.Name}
	for name, to := range map[string]*[]byte{"tx": &f.Tx, "proof": &f.Proof, "header": &f.Header} {
		if *to, err = d.binary(name); err != nil {
			return nil, err
		}
	}
	r, err := v.readReceipt(f)
	if err != nil {
		return nil, err
	}
	f.Summary = r.Summary
	r.Differs = !d.saysSame(f)
	return r, nil
}

func (v *Verifier) readReceipt(f *ReceiptFile) (*FileReceipt, error) {
	tx, err := v.CheckTx(f.Tx)
	if err != nil {
		return nil, fmt.Errorf("%w: transaction: %w", ErrFalse, err)
	}
	if len(f.Header) == 0 {
		return nil, fmt.Errorf("%w: the header is missing, which proves the time", ErrFalse)
	}
	r, err := v.Receipt(tx.ID, f.Proof, f.Header)
	if err != nil {
		return nil, err
	}
	o := &r.Outcome
	return &FileReceipt{Receipt: r, Tx: tx, Summary: ReceiptSummary{ID: tx.ID, Kind: tx.Kind.String(),
		Code: o.Code.String(), Word: o.Code.Word(), Height: U64(r.Height), Time: TimeOf(r.TimeMs),
		Members: r.Members, Effect: EffectOf(o)}}, nil
}
