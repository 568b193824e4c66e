package results

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The packed form of a raw file is text, compressed by gzip: a line that names the
// form and the number of rows, then a line for each column, its name before its
// values. A number is the difference to the last one above it in its column, and
// nothing where there is none. Times of one run are near each other, so that this is
// a sixth of the same rows as compressed CSV, with nothing lost.
const (
	// ColumnsEnd and CSVEnd end the names of raw files: packed, and as CSV in gzip,
	// the form of folders made before.
	ColumnsEnd = ".columns.gz"
	CSVEnd     = ".csv.gz"

	columnsForm = "scrip-lab columns 1"
)

// Limits of a raw file.
const (
	// rawBytesMax bounds a file, and what it decompresses to.
	rawBytesMax = 4 << 30
	// rowsMax bounds its rows: as many transactions as a simulation may have.
	rowsMax = 20_000_000
	// cellBytesMax bounds one value.
	cellBytesMax = 64
)

// encodeColumns writes rows in the packed form. The same rows give the same bytes.
func encodeColumns[T any](rows []T, fields []field[T]) ([]byte, error) {
	if len(rows) > rowsMax {
		return nil, fmt.Errorf("pack raw data: %d rows, at most %d", len(rows), rowsMax)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(z, 64<<10)
	// Errors of a buffered writer stay until its Flush.
	_, _ = fmt.Fprintf(w, "%s,%d\n", columnsForm, len(rows))
	for _, f := range fields {
		_, _ = w.WriteString(f.name)
		if f.number != nil {
			writeNumbers(w, rows, f.number)
		} else if err := writeTexts(w, rows, f.text); err != nil {
			return nil, fmt.Errorf("pack raw data: %s: %w", f.name, err)
		}
		_ = w.WriteByte('\n')
	}
	if err := errors.Join(w.Flush(), z.Close()); err != nil {
		return nil, fmt.Errorf("pack raw data: %w", err)
	}
	return b.Bytes(), nil
}

func writeNumbers[T any](w *bufio.Writer, rows []T, of func(*T) *int64) {
	last := int64(0)
	var cell []byte
	for i := range rows {
		cell = append(cell[:0], ',')
		if v := *of(&rows[i]); v != None {
			// Differences wrap as the sums of the reader do.
			cell = strconv.AppendInt(cell, v-last, 10)
			last = v
		}
		_, _ = w.Write(cell)
	}
}

func writeTexts[T any](w *bufio.Writer, rows []T, of func(*T) *string) error {
	for i := range rows {
		text := *of(&rows[i])
		if len(text) > cellBytesMax || strings.ContainsAny(text, ",\r\n\"") {
			return fmt.Errorf("%.*q is longer than %d bytes, or has a comma, a quote or an end of line", cellBytesMax,
				text, cellBytesMax)
		}
		_ = w.WriteByte(',')
		_, _ = w.WriteString(text)
	}
	return nil
}

// decodeRows reads rows in the packed form or from CSV, and tells by their bytes
// which form it is and whether they are compressed.
func decodeRows[T any](r io.Reader, fields []field[T]) ([]T, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("uncompress: %w", err)
		}
		in = bufio.NewReaderSize(io.LimitReader(z, rawBytesMax), 64<<10)
	}
	if form, _ := in.Peek(len(columnsForm)); string(form) == columnsForm {
		return decodeColumns(&cells{in: in, texts: make(map[string]string)}, fields)
	}
	return decodeCSV(in, fields)
}

// cells reads the values of the packed form one by one.
type cells struct {
	in    *bufio.Reader
	buf   []byte
	texts map[string]string // one copy of each
}

// next returns the next value, and whether it is the last of its line. The value is
// good until the next one.
func (c *cells) next() (value []byte, last bool, err error) {
	c.buf = c.buf[:0]
	for {
		b, err := c.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil, false, io.ErrUnexpectedEOF
		case err != nil:
			return nil, false, err
		case b == ',' || b == '\n':
			return c.buf, b == '\n', nil
		case len(c.buf) == cellBytesMax:
			return nil, false, fmt.Errorf("a value of more than %d bytes", cellBytesMax)
		}
		c.buf = append(c.buf, b)
	}
}

func (c *cells) text(v []byte) string {
	s, ok := c.texts[string(v)]
	if !ok {
		s = string(v)
		c.texts[s] = s
	}
	return s
}

func decodeColumns[T any](c *cells, fields []field[T]) (rows []T, err error) {
	if _, _, err := c.next(); err != nil { // the form, which is known
		return nil, err
	}
	count, last, err := c.next()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(string(count))
	if err != nil || !last || n < 0 || n > rowsMax {
		return nil, fmt.Errorf("%q is not a number of rows up to %d", count, rowsMax)
	}
	for i := range fields {
		if rows, err = readColumn(c, &fields[i], rows, n, i == 0); err != nil {
			return nil, fmt.Errorf("column %s: %w", fields[i].name, err)
		}
	}
	switch _, err := c.in.ReadByte(); { // at the end gzip compares its checksum
	case err == nil:
		return nil, errors.New("there is more behind the last column")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return rows, nil
}

// readColumn reads one column of n rows into rows; the first makes them as they come,
// so that memory follows what is there and not what the head claims.
func readColumn[T any](c *cells, f *field[T], rows []T, n int, first bool) ([]T, error) {
	name, last, err := c.next()
	if err != nil {
		return nil, err
	}
	if string(name) != f.name {
		return nil, fmt.Errorf("there is %q in its place", name)
	}
	sum := int64(0)
	for i := range n {
		if last {
			return nil, fmt.Errorf("%d values, wanted %d", i, n)
		}
		var v []byte
		if v, last, err = c.next(); err != nil {
			return nil, err
		}
		if first {
			rows = append(rows, *new(T))
		}
		switch {
		case f.number == nil:
			*f.text(&rows[i]) = c.text(v)
		case len(v) == 0:
			*f.number(&rows[i]) = None
		default:
			step, err := strconv.ParseInt(string(v), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("row %d: %q is not a number", i+1, v)
			}
			sum += step
			*f.number(&rows[i]) = sum
		}
	}
	if !last {
		return nil, fmt.Errorf("more than %d values", n)
	}
	return rows, nil
}

func namesOf[T any](fields []field[T]) (names []string) {
	for i := range fields {
		names = append(names, fields[i].name)
	}
	return names
}

func decodeCSV[T any](r io.Reader, fields []field[T]) (rows []T, err error) {
	texts := (&cells{texts: make(map[string]string)}).text
	err = eachRow(r, namesOf(fields), func(cells []string) error {
		if len(rows) == rowsMax {
			return fmt.Errorf("more than %d rows", rowsMax)
		}
		var row T
		for i := range fields {
			f := &fields[i]
			switch {
			case f.number == nil:
				*f.text(&row) = texts([]byte(cells[i]))
			case cells[i] == "":
				*f.number(&row) = None
			default:
				v, err := strconv.ParseInt(cells[i], 10, 64)
				if err != nil {
					return fmt.Errorf("%q is not a number", cells[i])
				}
				*f.number(&row) = v
			}
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// WriteCSV writes a raw file of the folder as CSV without compression, for programs
// that read tables.
func (f Folder) WriteCSV(w io.Writer, name string) error {
	samples, blocks, err := f.rows(name)
	switch {
	case err != nil:
		return err
	case blocks != nil:
		return writeCSV(w, blocks, blockFields())
	}
	return writeCSV(w, samples, sampleFields())
}

// rows reads a raw file of transactions or of blocks.
func (f Folder) rows(name string) (samples []Sample, blocks []Block, err error) {
	raw, err := f.Read(name, rawBytesMax)
	if err != nil {
		return nil, nil, err
	}
	if samples, err = DecodeSamples(bytes.NewReader(raw)); err == nil {
		return samples, nil, nil
	}
	blocks, asBlocks := DecodeBlocks(bytes.NewReader(raw))
	if asBlocks != nil {
		return nil, nil, fmt.Errorf("%s holds neither transactions (%w) nor blocks (%w)", name, err, asBlocks)
	}
	return nil, blocks, nil
}

func writeCSV[T any](to io.Writer, rows []T, fields []field[T]) error {
	w := bufio.NewWriter(to)
	_, _ = w.WriteString(strings.Join(namesOf(fields), ",") + "\n")
	var line []byte
	for i := range rows {
		line = line[:0]
		for k := range fields {
			if f := &fields[k]; f.number == nil {
				line = append(line, *f.text(&rows[i])...)
			} else if v := *f.number(&rows[i]); v != None {
				line = strconv.AppendInt(line, v, 10)
			}
			line = append(line, ',')
		}
		line[len(line)-1] = '\n'
		_, _ = w.Write(line)
	}
	return w.Flush()
}
