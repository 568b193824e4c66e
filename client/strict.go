package client

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// A document is a file that is one JSON object, read so strictly that no other program
// can read another content from the same bytes: names are compared as they are written,
// none stands twice, and what is no JSON of this shape is refused. The TypeScript SDK
// reads by the same rules, and client/testdata/strict.json is what both are tested with.
type document map[string]json.RawMessage

// depthMax is how deeply objects and lists of a file may lie in each other.
const depthMax = 8

// readDocument reads a file that may have some fields and no others. Errors wrap
// ErrFalse.
func readDocument(b []byte, fields ...string) (document, error) {
	if err := checkJSON(b); err != nil {
		return nil, fmt.Errorf("%w: not a receipt file: %w", ErrFalse, err)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil || d == nil {
		return nil, fmt.Errorf("%w: not a receipt file: not an object", ErrFalse)
	}
	for name := range d {
		if !slices.Contains(fields, name) {
			return nil, fmt.Errorf("%w: not a receipt file: unknown field %.40q", ErrFalse, name)
		}
	}
	return d, nil
}

// checkJSON checks that b is one JSON value of valid UTF-8, that nothing follows it, that
// no object has two fields of one name, and that it is not nested too deeply.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var open []map[string]bool // names of each open object, nil = a list
	name := false              // the next token is a name, or ends the object
	for first := true; first || len(open) > 0; first = false {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if len(open) == depthMax {
				return errors.New("nested too deeply")
			}
			open = append(open, nil)
			if t == json.Delim('{') {
				open[len(open)-1] = map[string]bool{}
			}
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if !name {
				break
			}
			names := open[len(open)-1]
			if s, _ := t.(string); names[s] {
				return fmt.Errorf("the field %.40q stands twice", s)
			} else {
				names[s] = true
			}
			name = false
			continue
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// text returns a field that must be a text.
func (d document) text(name string) (string, error) {
	var s string
	if raw := d[name]; len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("%w: not a receipt file: the field %s is missing or no text", ErrFalse, name)
	}
	return s, nil
}

// binary returns a field that must be canonical base64.
func (d document) binary(name string) ([]byte, error) {
	s, err := d.text(name)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // which the decoder skips
		return nil, fmt.Errorf("%w: not a receipt file: the field %s is not base64", ErrFalse, name)
	}
	return b, nil
}

// saysSame reports whether the document says the same as a value of ours in JSON. A
// number counts by its value, however it is written.
func (d document) saysSame(ours any) bool {
	var a, b any
	encoded, err := json.Marshal(ours)
	if err == nil {
		err = json.Unmarshal(encoded, &a)
	}
	theirs, encodeErr := json.Marshal(d)
	return err == nil && encodeErr == nil && json.Unmarshal(theirs, &b) == nil && reflect.DeepEqual(a, b)
}
