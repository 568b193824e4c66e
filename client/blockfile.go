package client

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ReceiptsFormat is the format of a file with all receipts of one block.
const ReceiptsFormat = "scrip-receipts/v1"

// ReceiptsFileBytesMax bounds such a file: the largest proof in base64, and words.
const ReceiptsFileBytesMax = 44 << 20

// ReceiptsFile is all receipts of one block to keep and to hand on: whoever has the
// genesis file checks them without any network, their signatures once. Only Proof
// and Header count. Chain and Summary are for people who open the file; a verifier
// makes them anew.
type ReceiptsFile struct {
	Format  string          `json:"format"`
	Chain   string          `json:"chain"`
	Summary ReceiptsSummary `json:"summary"`
	Header  []byte          `json:"header"`
	Proof   []byte          `json:"proof"`
}

// ReceiptsSummary says in numbers what the receipts of a block prove.
type ReceiptsSummary struct {
	Height   U64  `json:"height"`
	Time     Time `json:"time"`
	Members  int  `json:"members"`
	Count    int  `json:"count"`
	Accepted int  `json:"accepted"`
}

// Summary says in numbers what the receipts prove.
func (r *Receipts) Summary() ReceiptsSummary {
	s := ReceiptsSummary{Height: U64(r.Height), Time: TimeOf(r.TimeMs), Members: r.Members, Count: len(r.Outcomes)}
	for i := range r.Outcomes {
		if r.Outcomes[i].Code == 0 {
			s.Accepted++
		}
	}
	return s
}

// EncodeReceiptsFile returns the file of the receipts of a block, which a Verifier
// of this chain has checked. It ends with a newline.
func (v *Verifier) EncodeReceiptsFile(r *Receipts) ([]byte, error) {
	b, err := json.MarshalIndent(&ReceiptsFile{Format: ReceiptsFormat, Chain: v.genesis.File.Name,
		Summary: r.Summary(), Header: r.Header, Proof: r.Proof.Encode()}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the receipts of block %d: %w", r.Height, err)
	}
	return append(b, '\n'), nil
}

// FileReceipts is what a file with the receipts of a block proves.
type FileReceipts struct {
	*Receipts
	// Differs says that the file's own words do not agree with what it proves.
	Differs bool
}

// ReadReceiptsFile checks a file with the receipts of a block: one of
// EncodeReceiptsFile, or a node's answer (ReceiptsAnswer) as it came. Errors wrap
// ErrFalse.
func (v *Verifier) ReadReceiptsFile(b []byte) (*FileReceipts, error) {
	if len(b) > ReceiptsFileBytesMax {
		return nil, fmt.Errorf("%w: a file of receipts of %d bytes", ErrFalse, len(b))
	}
	switch format := formatOf(b); format {
	case ReceiptsFormat:
		return v.readReceiptsFile(b)
	case answerFormat:
		return v.readReceiptsAnswer(b)
	default:
		return nil, fmt.Errorf("%w: the format is %.40q, not %q", ErrFalse, format, ReceiptsFormat)
	}
}

func (v *Verifier) readReceiptsFile(b []byte) (*FileReceipts, error) {
	f := new(ReceiptsFile)
	if err := readStrict(b, f); err != nil {
		return nil, err
	}
	r, err := v.Receipts(f.Proof, f.Header)
	if err != nil {
		return nil, err
	}
	return &FileReceipts{r, f.Chain != v.genesis.File.Name || !sameWords(r.Summary(), f.Summary)}, nil
}

func (v *Verifier) readReceiptsAnswer(b []byte) (*FileReceipts, error) {
	a := new(ReceiptsAnswer)
	if err := readStrict(b, a); err != nil {
		return nil, err
	}
	r, err := v.Receipts(a.Proof, a.Header)
	if err != nil {
		return nil, err
	}
	ours := &ReceiptsAnswer{Height: U64(r.Height), Time: TimeOf(r.TimeMs), Count: len(r.Outcomes), Attested: r.Members,
		Proof: a.Proof, Header: a.Header}
	return &FileReceipts{r, !sameWords(ours, a)}, nil
}

// HoldsReceipts reports whether a file claims to hold the receipts of a whole block,
// and so is one for ReadReceiptsFile. It looks at the first fields alone.
func HoldsReceipts(file []byte) bool {
	format := formatOf(file)
	return format == ReceiptsFormat || format == answerFormat
}

// answerFormat stands for a node's answer, which names no format.
const answerFormat = "an answer with receipts"

// formatOf returns the format that a file names, answerFormat, or "". It reads no
// further than that, so a file that is cut short has a format, too.
func formatOf(b []byte) string {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return ""
		}
		if name == "attested" {
			return answerFormat
		}
		var value any
		if d.Decode(&value) != nil {
			return ""
		}
		if format, ok := value.(string); ok && name == "format" {
			return format
		}
	}
	return ""
}
