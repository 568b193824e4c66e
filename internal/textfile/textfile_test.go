package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"
)

const sample = "{\n  \"title\": \"家族 Café 🎁\"\n}\n"

func inUTF16(order binary.AppendByteOrder, text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\uFEFF" + text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

func TestTextIsReadInEveryFormThatItTravelsIn(t *testing.T) {
	windows := string(bytes.ReplaceAll([]byte(sample), []byte("\n"), []byte("\r\n")))
	for name, b := range map[string][]byte{
		"plain": []byte(sample), "mark": []byte("\xef\xbb\xbf" + sample),
		"UTF-16 little endian": inUTF16(binary.LittleEndian, sample), "UTF-16 big endian": inUTF16(binary.BigEndian, sample),
		"UTF-16 with the line ends of Windows": inUTF16(binary.LittleEndian, windows),
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path, 1000); err != nil || string(got) != sample {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := Decode([]byte(windows)); err != nil || string(got) != windows {
		t.Errorf("without a mark the bytes stay: %q, %v", got, err)
	}
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	whole := inUTF16(binary.LittleEndian, sample)
	lone := append(bytes.Clone(whole), 0x00, 0xd8) // half of a pair
	for name, b := range map[string][]byte{
		"UTF-16 without a mark": whole[2:], "cut within a character": whole[:len(whole)-1], "half a pair": lone,
		"a zero in UTF-16": append(bytes.Clone(whole), 0, 0), "zero byte": []byte("a\x00b"),
	} {
		if got, err := Decode(b); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestReadingIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := Read(path, 5); err != nil || len(b) != 5 {
		t.Errorf("of the largest size: %q, %v", b, err)
	}
	if _, err := Read(path, 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := Read(path+"x", 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
