// Package wire is the one canonical encoding of everything that Scrip hashes or
// signs: fixed-width little-endian unsigned integers, raw byte arrays, and lists
// and strings behind a u32 count. It has no maps, floats, varints, optional
// fields or padding, so a value has exactly one encoding.
//
// Encoding is plain appending to a byte slice (AppendUint64 and its siblings).
// Decoding goes through Reader, which keeps the first error, never panics on any
// input, and never allocates more than the input's own length: a count is
// compared with the caller's limit and with the bytes that remain before
// anything is allocated.
//
// A decoder must end with Reader.Close, which refuses trailing bytes. Slices
// returned by a Reader alias its input. A Reader is not safe for concurrent use.
//
// The shape follows the Borsh specification; the limits, the text rules and the
// refusal of trailing bytes are Scrip's own.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Errors of a Reader. They are compared with errors.Is.
var (
	// ErrTruncated says that the input ended inside a value.
	ErrTruncated = errors.New("wire: truncated")
	// ErrTrailing says that bytes were left after the last value.
	ErrTrailing = errors.New("wire: trailing bytes")
	// ErrLimit says that a count, length or number is beyond its limit.
	ErrLimit = errors.New("wire: beyond its limit")
	// ErrText says that a string is not UTF-8 or holds a refused character.
	ErrText = errors.New("wire: text not allowed")
	// ErrValue says that an enumerated value is not a listed one, or that a
	// set is not strictly ascending.
	ErrValue = errors.New("wire: value not allowed")
)

// AppendUint8 appends v as one byte.
func AppendUint8(b []byte, v uint8) []byte { return append(b, v) }

// AppendUint16 appends v as two bytes, little-endian.
func AppendUint16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }

// AppendUint32 appends v as four bytes, little-endian.
func AppendUint32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// AppendUint64 appends v as eight bytes, little-endian.
func AppendUint64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// AppendBytes appends v behind its length as u32.
func AppendBytes(b, v []byte) []byte {
	return append(AppendUint32(b, uint32(len(v))), v...)
}

// AppendString appends s behind its length in bytes as u32.
func AppendString(b []byte, s string) []byte {
	return append(AppendUint32(b, uint32(len(s))), s...)
}

// Reader decodes one canonical value from the bytes given to NewReader.
type Reader struct {
	buf []byte
	off int
	err error
}

// NewReader returns a Reader over b, which it aliases.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Err returns the first error met, or nil.
func (r *Reader) Err() error { return r.err }

// Offset returns how many bytes were consumed.
func (r *Reader) Offset() int { return r.off }

// Remaining returns how many bytes are left.
func (r *Reader) Remaining() int { return len(r.buf) - r.off }

// Close returns the first error met, or ErrTrailing if bytes are left.
func (r *Reader) Close() error {
	if r.err == nil && r.off != len(r.buf) {
		r.err = fmt.Errorf("%w: %d left", ErrTrailing, len(r.buf)-r.off)
	}
	return r.err
}

// Fail records err unless an earlier error stands. Decoders use it for rules
// beyond the encoding; from then on every read returns zero values.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Raw returns the next n bytes, aliasing the input, or nil after an error.
func (r *Reader) Raw(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.buf)-r.off {
		r.err = fmt.Errorf("%w: %d bytes wanted at offset %d of %d", ErrTruncated, n, r.off, len(r.buf))
		return nil
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 {
	if b := r.Raw(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 reads two bytes, little-endian.
func (r *Reader) Uint16() uint16 {
	if b := r.Raw(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads four bytes, little-endian.
func (r *Reader) Uint32() uint32 {
	if b := r.Raw(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads eight bytes, little-endian.
func (r *Reader) Uint64() uint64 {
	if b := r.Raw(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Bytes32 reads a raw array of 32 bytes.
func (r *Reader) Bytes32() (a [32]byte) {
	copy(a[:], r.Raw(32))
	return a
}

// Bytes64 reads a raw array of 64 bytes.
func (r *Reader) Bytes64() (a [64]byte) {
	copy(a[:], r.Raw(64))
	return a
}

// Enum8 reads one byte that must lie in 0..last.
func (r *Reader) Enum8(last uint8) uint8 {
	v := r.Uint8()
	if r.err == nil && v > last {
		r.err = fmt.Errorf("%w: %d at offset %d, at most %d", ErrValue, v, r.off-1, last)
		return 0
	}
	return v
}

// Count reads a u32 that counts elements of at least sizeMin bytes each. It is
// refused beyond max, or if the rest of the input could not hold so many, so a
// caller may allocate Count elements at once. sizeMin must be positive.
func (r *Reader) Count(max, sizeMin int) int {
	v := r.Uint32()
	if r.err != nil {
		return 0
	}
	if uint64(v) > uint64(max) {
		r.err = fmt.Errorf("%w: count %d, at most %d", ErrLimit, v, max)
		return 0
	}
	if uint64(v)*uint64(sizeMin) > uint64(r.Remaining()) {
		r.err = fmt.Errorf("%w: count %d does not fit the rest", ErrTruncated, v)
		return 0
	}
	return int(v)
}

// Bytes reads a u32 length of at most max and so many bytes, aliasing the input.
func (r *Reader) Bytes(max int) []byte { return r.Raw(r.Count(max, 1)) }

// String reads a u32 length of at most max bytes and a text of that length that
// satisfies ValidText.
func (r *Reader) String(max int) string {
	b := r.Bytes(max)
	if r.err != nil {
		return ""
	}
	if !ValidText(b) {
		r.err = fmt.Errorf("%w: at offset %d", ErrText, r.off-len(b))
		return ""
	}
	return string(b)
}

// ValidText reports whether b is UTF-8 without control characters (below
// U+0020, U+007F, U+0080 to U+009F) and without the characters that override or
// isolate the direction of text (U+200E, U+200F, U+202A to U+202E, U+2066 to
// U+2069). Composition (NFC) is not judged here.
func ValidText(b []byte) bool {
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && n == 1 {
			return false
		}
		switch {
		case c < 0x20, c >= 0x7f && c <= 0x9f,
			c == 0x200e, c == 0x200f,
			c >= 0x202a && c <= 0x202e,
			c >= 0x2066 && c <= 0x2069:
			return false
		}
		b = b[n:]
	}
	return true
}
