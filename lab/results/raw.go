package results

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

// None stands for a time or count that there is not.
const None = math.MinInt64

// Sample is one transaction. Times are microseconds since the begin of the
// measurement; those of the warm-up are negative.
type Sample struct {
	DueUs, SentUs, AnsweredUs int64
	// ProofUs is when its receipt's proof had been checked, for those of which it was.
	ProofUs int64
	Node    int64
	Kind    string
	// Code is that of the outcome, "ok" if accepted, empty if there is none.
	Code string
	// Phases split the time from due to answered, in the order of PhaseNames; None if
	// they are not known.
	Phases [len(PhaseNames)]int64
}

// PhaseNames are the parts of a customer's wait: until a primary proposes, until
// the member has checked the proposal and prepared, until it has the votes, until
// the block is executed, and until its client has the answer.
var PhaseNames = [...]string{"queue", "propose", "vote", "execute", "notify"}

// Codes of samples that did not come from a chain.
const (
	CodeOK   = "ok"
	CodeLate = "late"
)

// Block is one block of a run.
type Block struct {
	Seq, View, Txs, Bytes int64
	// Times are as those of a Sample; ExecutedUs is at a quorum.
	ProposedUs, CommittedUs, ExecutedUs int64
	// Fast, Slow and Ancestor count members by how they committed it.
	Fast, Slow, Ancestor int64
}

// Counters are totals of a run by name.
type Counters map[string]float64

// Run is what one run leaves.
type Run struct {
	Samples  []Sample
	Blocks   []Block
	Counters Counters
}

// field is one quantity of the rows of a raw file: a whole number or a short text.
type field[T any] struct {
	name   string
	number func(row *T) *int64 // nil = it is a text
	text   func(row *T) *string
}

// sampleFields are those of a Sample in the order of a raw file.
func sampleFields() []field[Sample] {
	all := []field[Sample]{
		{name: "due_us", number: func(s *Sample) *int64 { return &s.DueUs }},
		{name: "sent_us", number: func(s *Sample) *int64 { return &s.SentUs }},
		{name: "answered_us", number: func(s *Sample) *int64 { return &s.AnsweredUs }},
		{name: "proof_us", number: func(s *Sample) *int64 { return &s.ProofUs }},
		{name: "node", number: func(s *Sample) *int64 { return &s.Node }},
		{name: "kind", text: func(s *Sample) *string { return &s.Kind }},
		{name: "code", text: func(s *Sample) *string { return &s.Code }},
	}
	for i, name := range PhaseNames {
		all = append(all, field[Sample]{name: name + "_us", number: func(s *Sample) *int64 { return &s.Phases[i] }})
	}
	return all
}

// blockFields are those of a Block in the order of a raw file.
func blockFields() []field[Block] {
	return []field[Block]{
		{name: "seq", number: func(b *Block) *int64 { return &b.Seq }},
		{name: "view", number: func(b *Block) *int64 { return &b.View }},
		{name: "txs", number: func(b *Block) *int64 { return &b.Txs }},
		{name: "bytes", number: func(b *Block) *int64 { return &b.Bytes }},
		{name: "proposed_us", number: func(b *Block) *int64 { return &b.ProposedUs }},
		{name: "committed_us", number: func(b *Block) *int64 { return &b.CommittedUs }},
		{name: "executed_us", number: func(b *Block) *int64 { return &b.ExecutedUs }},
		{name: "fast", number: func(b *Block) *int64 { return &b.Fast }},
		{name: "slow", number: func(b *Block) *int64 { return &b.Slow }},
		{name: "ancestor", number: func(b *Block) *int64 { return &b.Ancestor }},
	}
}

// EncodeSamples writes samples in the packed form (ColumnsEnd).
func EncodeSamples(samples []Sample) ([]byte, error) { return encodeColumns(samples, sampleFields()) }

// DecodeSamples reads samples in any form: packed, or CSV, compressed by gzip or not.
func DecodeSamples(r io.Reader) ([]Sample, error) { return decodeRows(r, sampleFields()) }

// EncodeBlocks writes blocks in the packed form.
func EncodeBlocks(blocks []Block) ([]byte, error) { return encodeColumns(blocks, blockFields()) }

// DecodeBlocks reads blocks in any form, as DecodeSamples does.
func DecodeBlocks(r io.Reader) ([]Block, error) { return decodeRows(r, blockFields()) }

var counterHead = []string{"counter", "value"}

// EncodeCounters writes counters as CSV, ascending by name.
func EncodeCounters(c Counters) []byte {
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "%s,%s\n", counterHead[0], counterHead[1])
	for _, name := range slices.Sorted(maps.Keys(c)) {
		_, _ = fmt.Fprintf(&b, "%s,%s\n", name, strconv.FormatFloat(c[name], 'g', -1, 64))
	}
	return b.Bytes()
}

// DecodeCounters reads what EncodeCounters has written.
func DecodeCounters(r io.Reader) (Counters, error) {
	c := make(Counters)
	err := eachRow(r, counterHead, func(row []string) error {
		v, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return fmt.Errorf("counter %s: %q is not a number", row[0], row[1])
		}
		c[string([]byte(row[0]))] = v
		return nil
	})
	return c, err
}

// eachRow calls do with each row of a CSV file that has a known head. The row is
// good until do returns.
func eachRow(r io.Reader, head []string, do func(row []string) error) error {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	got, err := c.Read()
	if err != nil {
		return fmt.Errorf("read the head: %w", err)
	}
	if !slices.Equal(got, head) {
		return fmt.Errorf("the columns are %q, wanted %q", got, head)
	}
	for n := 2; ; n++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(row)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}
