package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	headerSize = 4
	// controlFlag in a length marks a frame of the link itself.
	controlFlag = 1 << 31
	// controlSize is the size of every control frame: a kind u8 and a u64 that
	// the ping chooses and the pong repeats.
	controlSize = 9
	// firstPiece is how much is allocated on the word of a length alone. More
	// is allocated as bytes arrive, at most four times what has come.
	firstPiece = 64 << 10
)

// The kinds of control frames.
const (
	controlPing = 1
	controlPong = 2
)

// Errors of a frameReader, compared with errors.Is.
var (
	errOversized = errors.New("frame is beyond its limit")
	errTruncated = errors.New("stream ended within a frame")
	errMalformed = errors.New("frame is malformed")
)

// frameReader splits a stream into frames of at most max bytes.
type frameReader struct {
	r   *bufio.Reader
	max int
}

// next returns the next frame: a fresh slice, or for a control frame one that is
// valid until the following call. The error is io.EOF or the stream's own if the
// stream ends between frames, and wraps one of the errors above otherwise.
func (f *frameReader) next() (frame []byte, control bool, err error) {
	header, err := f.r.Peek(headerSize)
	if err != nil {
		if len(header) > 0 && isEnd(err) {
			err = fmt.Errorf("%w: %d bytes of a header", errTruncated, len(header))
		}
		return nil, false, err
	}
	length := binary.LittleEndian.Uint32(header)
	if length&controlFlag != 0 {
		frame, err = f.control(length &^ controlFlag)
		return frame, true, err
	}
	_, _ = f.r.Discard(headerSize)
	switch {
	case length == 0:
		return nil, false, fmt.Errorf("%w: no bytes", errMalformed)
	case uint64(length) > uint64(f.max):
		return nil, false, fmt.Errorf("%w: %d bytes, at most %d", errOversized, length, f.max)
	}
	frame, err = f.body(int(length))
	return frame, false, err
}

// body reads a frame's bytes.
func (f *frameReader) body(length int) ([]byte, error) {
	frame := make([]byte, min(length, firstPiece))
	for done := 0; ; {
		n, err := io.ReadFull(f.r, frame[done:])
		if done += n; err != nil {
			if isEnd(err) {
				err = fmt.Errorf("%w: %d of %d bytes", errTruncated, done, length)
			}
			return nil, err
		}
		if done == length {
			return frame[:length:length], nil
		}
		larger := make([]byte, min(length, 4*done))
		copy(larger, frame)
		frame = larger
	}
}

// control reads a control frame, which lies within the buffer.
func (f *frameReader) control(length uint32) ([]byte, error) {
	if length != controlSize {
		return nil, fmt.Errorf("%w: control frame of %d bytes", errMalformed, length)
	}
	all, err := f.r.Peek(headerSize + controlSize)
	if err != nil {
		if isEnd(err) {
			err = fmt.Errorf("%w: control frame", errTruncated)
		}
		return nil, err
	}
	_, _ = f.r.Discard(len(all))
	return all[headerSize:], nil
}

// isEnd reports whether err is the end of a stream. A TLS connection closed
// without notice ends in io.ErrUnexpectedEOF even between frames.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// writeFrame writes a header and the frame to w.
func writeFrame(w *bufio.Writer, frame []byte) error {
	if _, err := w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), uint32(len(frame)))); err != nil {
		return err
	}
	_, err := w.Write(frame)
	return err
}

// writeControl writes a control frame to w.
func writeControl(w *bufio.Writer, kind uint8, value uint64) error {
	b := binary.LittleEndian.AppendUint32(w.AvailableBuffer(), controlFlag|controlSize)
	b = append(b, kind)
	_, err := w.Write(binary.LittleEndian.AppendUint64(b, value))
	return err
}
