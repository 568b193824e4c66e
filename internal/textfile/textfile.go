// Package textfile reads text files as editors and shells leave them: UTF-8, with
// or without a byte order mark, and UTF-16 with one, which is what ">" writes in
// some shells of Windows. Functions are safe for concurrent use.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
)

// Errors of Decode and Read, for errors.Is. Their texts say what to do.
var (
	// ErrEncoding says that a file is no text that can be read here.
	ErrEncoding = errors.New("not readable as text: save it as UTF-8")
	// ErrTooLarge says that a file has more bytes than its reader takes.
	ErrTooLarge = errors.New("too large")
)

// Decode returns text as UTF-8 without a byte order mark. UTF-16 is read if it begins
// with a byte order mark; its lines then end as those of the original did, without a
// carriage return. Text without a mark is returned as it is; text that holds zero
// bytes, which is nearly always UTF-16 without a mark, is refused with ErrEncoding.
func Decode(b []byte) ([]byte, error) {
	utf16 := bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff})
	if !utf16 {
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		if bytes.IndexByte(b, 0) >= 0 {
			return nil, fmt.Errorf("%w (it holds zero bytes, as UTF-16 without a byte order mark does)", ErrEncoding)
		}
		return b, nil
	}
	if len(b)%2 != 0 {
		return nil, fmt.Errorf("%w (it begins as UTF-16 and ends within a character)", ErrEncoding)
	}
	text, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(b)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrEncoding, err)
	}
	if bytes.ContainsRune(text, '\uFFFD') || bytes.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%w (it begins as UTF-16 and holds what is no character)", ErrEncoding)
	}
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), nil
}

// Read reads a text file of at most bytesMax bytes and decodes it. Errors name the
// file; fs.ErrNotExist, ErrTooLarge and ErrEncoding are told by errors.Is.
func Read(path string, bytesMax int64) ([]byte, error) {
	b, err := ReadBytes(path, bytesMax)
	if err != nil {
		return nil, err
	}
	if b, err = Decode(b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// ReadBytes reads a file of at most bytesMax bytes as it is. Errors are as those of
// Read. More than bytesMax bytes are never held, whatever the file is.
func ReadBytes(path string, bytesMax int64) (b []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if b, err = io.ReadAll(io.LimitReader(f, bytesMax+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > bytesMax {
		return nil, fmt.Errorf("%s is %w: at most %d bytes are read", path, ErrTooLarge, bytesMax)
	}
	return b, nil
}
