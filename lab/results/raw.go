package results

import (
	"bufio"
	"bytes"
	"compress/gzip"
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

// rawBytesMax bounds a decompressed raw file.
const rawBytesMax = 4 << 30

var (
	sampleHead = append([]string{"due_us", "sent_us", "answered_us", "proof_us", "node", "kind", "code"},
		suffixed(PhaseNames[:], "_us")...)
	blockHead = []string{"seq", "view", "txs", "bytes", "proposed_us", "committed_us", "executed_us", "fast", "slow",
		"ancestor"}
	counterHead = []string{"counter", "value"}
)

func suffixed(names []string, end string) (all []string) {
	for _, n := range names {
		all = append(all, n+end)
	}
	return all
}

// number appends a cell.
func number(b []byte, v int64) []byte {
	if v != None {
		b = strconv.AppendInt(b, v, 10)
	}
	return append(b, ',')
}

// EncodeSamples writes samples as compressed CSV.
func EncodeSamples(samples []Sample) ([]byte, error) {
	return compressed(sampleHead, func(put func([]byte) error) error {
		var row []byte
		for i := range samples {
			s := &samples[i]
			row = row[:0]
			for _, v := range []int64{s.DueUs, s.SentUs, s.AnsweredUs, s.ProofUs, s.Node} {
				row = number(row, v)
			}
			row = append(append(row, s.Kind...), ',')
			row = append(append(row, s.Code...), ',')
			for _, v := range s.Phases {
				row = number(row, v)
			}
			row[len(row)-1] = '\n'
			if err := put(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// EncodeBlocks writes blocks as compressed CSV.
func EncodeBlocks(blocks []Block) ([]byte, error) {
	return compressed(blockHead, func(put func([]byte) error) error {
		var row []byte
		for i := range blocks {
			row = row[:0]
			for _, v := range blocks[i].cells() {
				row = number(row, *v)
			}
			row[len(row)-1] = '\n'
			if err := put(row); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *Block) cells() []*int64 {
	return []*int64{&b.Seq, &b.View, &b.Txs, &b.Bytes, &b.ProposedUs, &b.CommittedUs, &b.ExecutedUs, &b.Fast, &b.Slow,
		&b.Ancestor}
}

// EncodeCounters writes counters as CSV, ascending by name.
func EncodeCounters(c Counters) []byte {
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "%s,%s\n", counterHead[0], counterHead[1])
	for _, name := range slices.Sorted(maps.Keys(c)) {
		_, _ = fmt.Fprintf(&b, "%s,%s\n", name, strconv.FormatFloat(c[name], 'g', -1, 64))
	}
	return b.Bytes()
}

func compressed(head []string, rows func(put func([]byte) error) error) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(z, 64<<10)
	csvHead := csv.NewWriter(w)
	if err := csvHead.Write(head); err != nil {
		return nil, err
	}
	csvHead.Flush()
	err = rows(func(row []byte) error { _, err := w.Write(row); return err })
	if err := errors.Join(err, w.Flush(), z.Close()); err != nil {
		return nil, fmt.Errorf("compress raw data: %w", err)
	}
	return b.Bytes(), nil
}

// rowReader reads the rows of a CSV file with a known head.
type rowReader struct {
	csv *csv.Reader
	row []string
	err error
}

func newRowReader(r io.Reader, head []string) (*rowReader, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	got, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("read the head: %w", err)
	}
	if !slices.Equal(got, head) {
		return nil, fmt.Errorf("the columns are %q, wanted %q", got, head)
	}
	return &rowReader{csv: c}, nil
}

// next reports whether there is another row.
func (r *rowReader) next() bool {
	if r.err == nil {
		r.row, r.err = r.csv.Read()
	}
	return r.err == nil
}

// int reads a cell; an empty one is None.
func (r *rowReader) int(i int) int64 {
	if r.row[i] == "" {
		return None
	}
	v, err := strconv.ParseInt(r.row[i], 10, 64)
	if err != nil {
		line, _ := r.csv.FieldPos(i)
		r.err = fmt.Errorf("line %d: %q is not a number", line, r.row[i])
	}
	return v
}

func (r *rowReader) end() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

// DecodeSamples reads what EncodeSamples has written.
func DecodeSamples(r io.Reader) (all []Sample, err error) {
	rows, err := uncompressed(r, sampleHead)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string) // one copy of each text
	intern := func(s string) string {
		if _, ok := names[s]; !ok {
			names[s] = string([]byte(s))
		}
		return names[s]
	}
	for rows.next() {
		s := Sample{DueUs: rows.int(0), SentUs: rows.int(1), AnsweredUs: rows.int(2), ProofUs: rows.int(3),
			Node: rows.int(4), Kind: intern(rows.row[5]), Code: intern(rows.row[6])}
		for i := range s.Phases {
			s.Phases[i] = rows.int(7 + i)
		}
		all = append(all, s)
	}
	return all, rows.end()
}

// DecodeBlocks reads what EncodeBlocks has written.
func DecodeBlocks(r io.Reader) (all []Block, err error) {
	rows, err := uncompressed(r, blockHead)
	if err != nil {
		return nil, err
	}
	for rows.next() {
		var b Block
		for i, cell := range b.cells() {
			*cell = rows.int(i)
		}
		all = append(all, b)
	}
	return all, rows.end()
}

func uncompressed(r io.Reader, head []string) (*rowReader, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("uncompress: %w", err)
	}
	return newRowReader(io.LimitReader(z, rawBytesMax), head)
}

// DecodeCounters reads what EncodeCounters has written.
func DecodeCounters(r io.Reader) (Counters, error) {
	rows, err := newRowReader(r, counterHead)
	if err != nil {
		return nil, err
	}
	c := make(Counters)
	for rows.next() {
		v, err := strconv.ParseFloat(rows.row[1], 64)
		if err != nil {
			return nil, fmt.Errorf("counter %s: %q is not a number", rows.row[0], rows.row[1])
		}
		c[string([]byte(rows.row[0]))] = v
	}
	return c, rows.end()
}
