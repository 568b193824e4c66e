package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"testing"
)

func FuzzFrameReader(f *testing.F) {
	frame := func(length uint32, body ...byte) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, length), body...)
	}
	f.Add(frame(3, 1, 2, 3))
	f.Add(append(frame(1, 9), frame(controlFlag|controlSize, 1, 0, 0, 0, 0, 0, 0, 0, 0)...))
	f.Add(frame(0))
	f.Add(frame(1 << 30))
	f.Add(frame(70000, 1))
	f.Fuzz(func(t *testing.T, stream []byte) {
		const frameMax = 1 << 17
		r := frameReader{r: bufio.NewReaderSize(bytes.NewReader(stream), 64), max: frameMax}
		var again bytes.Buffer
		w := bufio.NewWriter(&again)
		for {
			frame, control, err := r.next()
			if err != nil {
				if !errors.Is(err, errOversized) && !errors.Is(err, errTruncated) &&
					!errors.Is(err, errMalformed) && !errors.Is(err, io.EOF) {
					t.Fatalf("error of no known kind: %v", err)
				}
				if errors.Is(err, io.EOF) && again.Len()+w.Buffered() != len(stream) {
					t.Fatal("a clean end before the end")
				}
				break
			}
			if len(frame) == 0 || len(frame) > frameMax {
				t.Fatalf("frame of %d bytes", len(frame))
			}
			if control {
				err = writeControl(w, frame[0], binary.LittleEndian.Uint64(frame[1:]))
			} else {
				err = writeFrame(w, frame)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil || !bytes.HasPrefix(stream, again.Bytes()) {
			t.Fatal("frames written again are not the bytes they were read from")
		}
	})
}

func FuzzHello(f *testing.F) {
	f.Add(hello{chain: testChain, from: 1, to: 2, lane: Bulk}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHello(b); err == nil && !bytes.Equal(h.encode(), b) {
			t.Fatal("two encodings of one hello")
		}
	})
}

func TestAnnouncedLengthTakesNoMemory(t *testing.T) {
	stream := binary.LittleEndian.AppendUint32(nil, 1<<30)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := frameReader{r: bufio.NewReaderSize(bytes.NewReader(stream), 64), max: 1 << 30}
	if _, _, err := r.next(); !errors.Is(err, errTruncated) {
		t.Fatalf("got %v", err)
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Fatalf("%d bytes taken on the word of a header", taken)
	}
}

// What a link begins with has these bytes for good: members of different versions must
// understand it to find out that they differ.
func TestAHelloHasItsBytes(t *testing.T) {
	h := hello{chain: testChain, from: 1, to: 0x0203, lane: Bulk}
	const want = "01" + "c0000000000000010000000000000000000000000000000000000000000000ff" + "0100" + "0302" + "01"
	if got := hex.EncodeToString(h.encode()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	b, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeHello(b); err != nil || got != h {
		t.Errorf("%+v, %v", got, err)
	}
}
