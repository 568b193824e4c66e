package genesis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/spelling"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Bounds of the raw tree: above what the file's own limits allow, below what
// would cost much memory.
const (
	depthMax  = 6
	fieldsMax = 32
	nodesMax  = 400_000
)

// node is a JSON value with the line it begins on.
type node struct {
	line   int
	kind   byte   // '{', '[', '"', '0' or, for true, false and null, 'x'
	text   string // of a string or number
	names  []string
	values []*node // of an object, beside names, or of a list
}

// treeReader makes nodes of a file.
type treeReader struct {
	raw   []byte
	dec   *json.Decoder
	nodes int

	line   int // of offset
	offset int
}

// readTree reads one JSON value and nothing after it. Unlike encoding/json it
// refuses repeated fields and broken text.
func readTree(raw []byte) (*node, error) {
	if len(raw) > FileBytesMax {
		return nil, fmt.Errorf("%d bytes, at most %d", len(raw), FileBytesMax)
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("the file is not UTF-8")
	}
	t := &treeReader{raw: raw, dec: json.NewDecoder(bytes.NewReader(raw)), line: 1}
	t.dec.UseNumber()
	if !json.Valid(raw) {
		var value any
		err := json.Unmarshal(raw, &value)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("line %d: not JSON: %w", 1+bytes.Count(raw[:syntax.Offset], []byte("\n")), err)
		}
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	n, err := t.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := t.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the closing brace")
	}
	return n, nil
}

// token reads one token and the line where it ends.
func (t *treeReader) token() (json.Token, error) {
	token, err := t.dec.Token()
	if err != nil {
		return nil, fmt.Errorf("line %d: not JSON: %w", t.line, err)
	}
	end := int(t.dec.InputOffset())
	t.line += bytes.Count(t.raw[t.offset:end], []byte("\n"))
	t.offset = end
	return token, nil
}

// value reads one value at a depth.
func (t *treeReader) value(depth int) (*node, error) {
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	if t.nodes++; t.nodes > nodesMax || depth > depthMax {
		return nil, fmt.Errorf("line %d: too many values, or nested too deeply", t.line)
	}
	n := &node{line: t.line, kind: 'x'}
	switch v := token.(type) {
	case string:
		n.kind, n.text = '"', v
		if strings.ContainsRune(v, utf8.RuneError) {
			return nil, fmt.Errorf("line %d: a text with a broken character", t.line)
		}
	case json.Number:
		n.kind, n.text = '0', v.String()
	case json.Delim:
		n.kind = byte(v)
		err = t.children(n, depth)
	}
	return n, err
}

// children reads the rest of an object or list.
func (t *treeReader) children(n *node, depth int) error {
	for t.dec.More() {
		if n.kind == '{' {
			token, err := t.token()
			if err != nil {
				return err
			}
			name, ok := token.(string)
			if !ok || len(n.names) == fieldsMax {
				return fmt.Errorf("line %d: an object with more than %d fields", t.line, fieldsMax)
			}
			for _, other := range n.names {
				if other == name {
					return fmt.Errorf("line %d: the field %q stands twice in one object", t.line, clip(name))
				}
			}
			n.names = append(n.names, name)
		}
		v, err := t.value(depth + 1)
		if err != nil {
			return err
		}
		n.values = append(n.values, v)
	}
	_, err := t.token()
	return err
}

// decoder turns nodes into values and keeps the first error.
type decoder struct{ err error }

// fail records an error at a place.
func (d *decoder) fail(line int, path, format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("line %d: %s: %s", line, path, fmt.Sprintf(format, args...))
	}
}

// object is a JSON object of which each field is taken once by name.
type object struct {
	*decoder
	node    *node
	path    string
	asked   []string
	missing string
}

// object opens a node as an object.
func (d *decoder) object(n *node, path string) *object {
	if n != nil && n.kind != '{' {
		d.fail(n.line, path, "an object { ... } is wanted")
		n = nil
	}
	return &object{decoder: d, node: n, path: path}
}

// at returns the path of a field.
func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// optional is take for a field that may be absent.
func (o *object) optional(name string, kind byte) *node {
	if o.node != nil && !slices.Contains(o.node.names, name) {
		o.asked = append(o.asked, name)
		return nil
	}
	return o.take(name, kind)
}

// take returns a field of a kind, or nil after noting why not.
func (o *object) take(name string, kind byte) *node {
	o.asked = append(o.asked, name)
	if o.node == nil || o.err != nil {
		return nil
	}
	for i, have := range o.node.names {
		if have != name {
			continue
		}
		v := o.node.values[i]
		if v.kind != kind {
			want := map[byte]string{'{': "an object { ... }", '[': "a list [ ... ]",
				'"': `a text in "quotes"`, '0': "a number without quotes"}[kind]
			o.fail(v.line, o.at(name), "%s is wanted", want)
			return nil
		}
		return v
	}
	if o.missing == "" {
		o.missing = name
	}
	return nil
}

// done reports what was not asked for, or else what was not there. A misspelt
// field is both; its own place says more.
func (o *object) done() {
	if o.node == nil || o.err != nil {
		return
	}
	for i, have := range o.node.names {
		if !slices.Contains(o.asked, have) {
			hint := ""
			if near := nearest(have, o.asked); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			} else if o.missing != "" {
				hint = fmt.Sprintf("; %q is missing", o.missing)
			}
			o.fail(o.node.values[i].line, o.at(clip(have)), "unknown field%s", hint)
			return
		}
	}
	if o.missing != "" {
		o.fail(o.node.line, o.at(o.missing), "the field is missing")
	}
}

// text takes a string that satisfies checkText.
func (o *object) text(name string, max int) string {
	n := o.take(name, '"')
	if n == nil {
		return ""
	}
	if err := checkText(n.text, max); err != nil {
		o.fail(n.line, o.at(name), "%v", err)
	}
	return n.text
}

// checkText refuses all but 1 to bytesMax bytes that the ledger takes as text, in
// Unicode's composed form, so that names which look equal are equal bytes.
func checkText(s string, bytesMax int) error {
	switch {
	case s == "" || len(s) > bytesMax:
		return fmt.Errorf("%d bytes, wanted 1 to %d", len(s), bytesMax)
	case !wire.ValidText([]byte(s)):
		return errors.New("control or direction characters are not allowed")
	case !norm.NFC.IsNormalString(s):
		return errors.New("write it in Unicode's composed form (NFC)")
	case strings.TrimSpace(s) != s:
		return errors.New("blanks at its ends")
	}
	return nil
}

// number takes a whole number in min..max.
func (o *object) number(name string, min, max uint64) uint64 {
	n := o.take(name, '0')
	if n == nil {
		return 0
	}
	v, err := strconv.ParseUint(n.text, 10, 64)
	if err != nil || v < min || v > max {
		o.fail(n.line, o.at(name), "%s, a whole number from %d to %d is wanted", clip(n.text), min, max)
		return 0
	}
	return v
}

// The form of times in the file.
const timeForm = "2006-01-02T15:04:05.999Z"

// time takes a time in UTC.
func (o *object) time(name string) uint64 {
	n := o.take(name, '"')
	if n == nil {
		return 0
	}
	t, err := time.Parse(timeForm, n.text)
	if err != nil || formatTime(uint64(t.UnixMilli())) != n.text || t.UnixMilli() < 0 {
		o.fail(n.line, o.at(name), "%q is no time like \"2027-03-01T00:00:00Z\"", clip(n.text))
		return 0
	}
	return uint64(t.UnixMilli())
}

// formatTime writes a time as the file does.
func formatTime(ms uint64) string {
	return time.UnixMilli(int64(min(ms, coupon.TimeMax))).UTC().Format(timeForm)
}

// key takes a public key of a kind.
func (o *object) key(name string, kind keys.Kind) [32]byte {
	n := o.take(name, '"')
	if n == nil {
		return [32]byte{}
	}
	return o.keyOf(n, o.at(name), kind)
}

// keyOf reads a public key of a kind; only the lower-case form is taken.
func (d *decoder) keyOf(n *node, path string, kind keys.Kind) [32]byte {
	if n.kind != '"' {
		d.fail(n.line, path, "a key in \"quotes\" is wanted")
		return [32]byte{}
	}
	key, err := keys.Decode(kind, n.text)
	if err == nil && keys.Encode(kind, key) != n.text {
		err = errors.New("write keys in lower case")
	}
	if err != nil {
		d.fail(n.line, path, "%v", err)
	}
	return key
}

// list takes a list of min to max elements and calls each with its path.
func (o *object) list(name string, min, max int, each func(n *node, path string)) {
	n := o.take(name, '[')
	if n == nil {
		return
	}
	if len(n.values) < min || len(n.values) > max {
		o.fail(n.line, o.at(name), "%d entries, wanted %d to %d", len(n.values), min, max)
		return
	}
	for i, v := range n.values {
		each(v, fmt.Sprintf("%s[%d]", o.at(name), i))
	}
}

// bits takes a set as a list of names in the order of all, at least one.
func (o *object) bits(name string, all []string) (set uint8) {
	last := -1
	o.list(name, 1, len(all), func(n *node, path string) {
		if i := slices.Index(all, n.text); n.kind == '"' && i > last {
			last, set = i, set|1<<i
			return
		}
		o.fail(n.line, path, "wanted are some of %s, each once and in this order", strings.Join(all, ", "))
	})
	return set
}

// nearest returns the name that differs from s by the fewest edits, if they are
// few: at most two, or a third of its length.
func nearest(s string, names []string) string {
	if len(s) > 64 {
		return ""
	}
	best, distance := "", 0
	for _, name := range names {
		d := spelling.Distance(strings.ToLower(s), name)
		if d <= max(2, len(name)/3) && (best == "" || d < distance) {
			best, distance = name, d
		}
	}
	return best
}
