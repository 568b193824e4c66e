package wire

import (
	"bytes"
	"errors"
	"testing"
)

func TestReaderReadsWhatWasAppended(t *testing.T) {
	var b []byte
	b = AppendUint8(b, 7)
	b = AppendUint16(b, 0x0102)
	b = AppendUint32(b, 0x01020304)
	b = AppendUint64(b, 0x0102030405060708)
	b = AppendBytes(b, []byte{9, 8})
	b = AppendString(b, "優惠券")
	r := NewReader(b)
	if v := r.Uint8(); v != 7 {
		t.Errorf("Uint8 = %d", v)
	}
	if v := r.Uint16(); v != 0x0102 {
		t.Errorf("Uint16 = %#x", v)
	}
	if v := r.Uint32(); v != 0x01020304 {
		t.Errorf("Uint32 = %#x", v)
	}
	if v := r.Uint64(); v != 0x0102030405060708 {
		t.Errorf("Uint64 = %#x", v)
	}
	if v := r.Bytes(2); !bytes.Equal(v, []byte{9, 8}) {
		t.Errorf("Bytes = %v", v)
	}
	if v := r.String(64); v != "優惠券" {
		t.Errorf("String = %q", v)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		read func(*Reader)
		want error
	}{
		{"a number cut short", []byte{1, 2, 3}, func(r *Reader) { r.Uint32() }, ErrTruncated},
		{"trailing bytes", []byte{1, 2}, func(r *Reader) { r.Uint8() }, ErrTrailing},
		{"a count beyond its limit", []byte{3, 0, 0, 0, 1, 2, 3}, func(r *Reader) { r.Count(2, 1) }, ErrLimit},
		{"a count that the input cannot hold", []byte{255, 255, 255, 255},
			func(r *Reader) { r.Count(1<<32-1, 8) }, ErrTruncated},
		{"an unlisted value", []byte{3}, func(r *Reader) { r.Enum8(2) }, ErrValue},
		{"a control character", []byte{1, 0, 0, 0, 7}, func(r *Reader) { r.String(8) }, ErrText},
		{"broken UTF-8", []byte{1, 0, 0, 0, 0xff}, func(r *Reader) { r.String(8) }, ErrText},
		{"a direction override", append([]byte{3, 0, 0, 0}, "\u202e"...), func(r *Reader) { r.String(8) }, ErrText},
	} {
		r := NewReader(c.in)
		c.read(r)
		if err := r.Close(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestReaderKeepsItsFirstError(t *testing.T) {
	r := NewReader([]byte{1})
	r.Uint64()
	if v := r.Uint8(); v != 0 || !errors.Is(r.Close(), ErrTruncated) {
		t.Errorf("read %d after an error, %v", v, r.Err())
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 65}, uint8(5))
	f.Fuzz(func(t *testing.T, in []byte, op uint8) {
		r := NewReader(in)
		for i := 0; i < 8 && r.Err() == nil; i++ {
			switch (op >> i) & 3 {
			case 0:
				r.Uint16()
			case 1:
				if n := r.Count(1<<20, 2); n*2 > len(in) {
					t.Fatalf("count %d of %d bytes", n, len(in))
				}
			case 2:
				r.String(64)
			case 3:
				r.Bytes(1 << 20)
			}
		}
		_ = r.Close()
	})
}
