package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
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
	b, err := json.MarshalIndent(v.receiptsFile(r), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the receipts of block %d: %w", r.Height, err)
	}
	return append(b, '\n'), nil
}

func (v *Verifier) receiptsFile(r *Receipts) *ReceiptsFile {
	return &ReceiptsFile{Format: ReceiptsFormat, Chain: v.genesis.File.Name, Summary: r.Summary(), Header: r.Header,
		Proof: r.Proof.Encode()}
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
	d, r, err := v.readReceiptsIn(b, "format", "chain", "summary", "header", "proof")
	if err != nil {
		return nil, err
	}
	if _, err := d.text("format"); err != nil {
		return nil, err
	}
	return &FileReceipts{r, !d.saysSame(v.receiptsFile(r))}, nil
}

// readReceiptsAnswer reads a node's answer, which must have all fields with their types.
func (v *Verifier) readReceiptsAnswer(b []byte) (*FileReceipts, error) {
	d, r, err := v.readReceiptsIn(b, "attested", "count", "header", "height", "proof", "time")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"attested", "count"} {
		if raw := d[name]; len(raw) == 0 || !strings.ContainsRune("-0123456789", rune(raw[0])) {
			return nil, fmt.Errorf("%w: not a node's answer: the field %s is missing or no number", ErrFalse, name)
		}
	}
	if _, err := d.text("height"); err != nil {
		return nil, err
	}
	var at document
	if json.Unmarshal(d["time"], &at) != nil {
		return nil, fmt.Errorf("%w: not a node's answer: the time is missing", ErrFalse)
	}
	for _, name := range []string{"utc", "ms"} {
		if _, err := at.text(name); err != nil {
			return nil, err
		}
	}
	return &FileReceipts{r, !d.saysSame(&ReceiptsAnswer{Height: U64(r.Height), Time: TimeOf(r.TimeMs),
		Count: len(r.Outcomes), Attested: r.Members, Proof: r.Proof.Encode(), Header: r.Header})}, nil
}

// readReceiptsIn reads a document and checks the receipts in it.
func (v *Verifier) readReceiptsIn(b []byte, fields ...string) (document, *Receipts, error) {
	d, err := readDocument(b, fields...)
	if err != nil {
		return nil, nil, err
	}
	proof, err := d.binary("proof")
	if err != nil {
		return nil, nil, err
	}
	header, err := d.binary("header")
	if err != nil {
		return nil, nil, err
	}
	r, err := v.Receipts(proof, header)
	return d, r, err
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
