package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/scrip-network/scrip/pbft/wire"
)

const logReadBufferBytes = 64 << 10

// Frames calls visit with every frame, oldest first. The bytes belong to visit.
// An error of visit ends the reading and is returned as it is.
func (l *Log) Frames(visit func(frame []byte) error) error {
	if l.failed != nil {
		return l.failed
	}
	end, err := l.scan(visit)
	if err == nil && end.at != l.bytes {
		err = fmt.Errorf("read log: %d of %d bytes are left as they were written", end.at, l.bytes)
	}
	return l.named(err)
}

// verify reads the header and all frames, decides between an interrupted write
// and amnesia, and sets the position to the end of the last good frame.
func (l *Log) verify() error {
	if err := l.readHeader(); err != nil {
		return err
	}
	end, err := l.scan(nil)
	if err != nil {
		return err
	}
	if end.at < l.bytes {
		if err := l.judgeTail(end); err != nil {
			return err
		}
	}
	l.next, l.crc, l.bytes = end.sequence, end.crc, end.at
	return nil
}

func (l *Log) readHeader() error {
	b := make([]byte, logHeaderBytes)
	if _, err := l.file.ReadAt(b, 0); errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the header is not whole", ErrAmnesic)
	} else if err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	r := wire.NewReader(b)
	magic, version := r.Raw(len(logMagic)), r.Uint32()
	h := logHeader{id: LogID{Chain: r.Bytes32(), Key: r.Bytes32()}}
	copy(h.mark[:], r.Raw(logMarkBytes))
	h.first, h.prev = r.Uint64(), r.Uint32()
	crc := r.Uint32()
	switch {
	case string(magic) != logMagic:
		return fmt.Errorf("%w: not a log", ErrAmnesic)
	case version != LogVersion:
		return fmt.Errorf("%w: log version %d, this program knows %d", ErrVersion, version, LogVersion)
	case crc != crc32.Checksum(b[:logHeaderBytes-4], castagnoli):
		return fmt.Errorf("%w: the header is damaged", ErrAmnesic)
	case h.id != l.id:
		return fmt.Errorf("%w: the log belongs to key %x of chain %x", ErrAmnesic, h.id.Key, h.id.Chain)
	case h.first == 0 || bytes.IndexByte(h.mark[:], 0) >= 0:
		return fmt.Errorf("%w: the header is not one that this program writes", ErrAmnesic)
	}
	l.logHeader, l.crc = h, crc
	return nil
}

// logEnd is where scan stopped: behind the last good frame.
type logEnd struct {
	at       int64
	sequence uint64 // expected there
	crc      uint32 // of the frame before
	claimed  int64  // end of the frame that begins here, if its header is good, else 0
}

// scan reads frames up to the first that is not good. Only a failing disk is
// an error. visit may be nil.
func (l *Log) scan(visit func([]byte) error) (logEnd, error) {
	end := logEnd{at: logHeaderBytes, sequence: l.first, crc: l.headerCRC()}
	r := bufio.NewReaderSize(io.NewSectionReader(l.file, end.at, l.bytes-end.at), logReadBufferBytes)
	var head [frameHeaderBytes]byte
	var data []byte
	for {
		if _, err := io.ReadFull(r, head[:]); isEnd(err) {
			return end, nil
		} else if err != nil {
			return end, fmt.Errorf("read log at %d: %w", end.at, err)
		}
		length, ok := l.frameLength(head[:], end)
		if !ok {
			return end, nil
		}
		end.claimed = end.at + frameHeaderBytes + int64(length)
		if end.claimed > l.bytes {
			return end, nil
		}
		if visit != nil || cap(data) < length {
			data = make([]byte, length)
		}
		data = data[:length]
		if _, err := io.ReadFull(r, data); err != nil {
			return end, fmt.Errorf("read log at %d: %w", end.at, err)
		}
		crc := crc32.Update(crc32.Checksum(head[:frameHeaderBytes-4], castagnoli), castagnoli, data)
		if crc != binary.LittleEndian.Uint32(head[frameHeaderBytes-4:]) {
			return end, nil
		}
		if visit != nil {
			if err := visit(data); err != nil {
				return end, err
			}
		}
		end = logEnd{at: end.claimed, sequence: end.sequence + 1, crc: crc}
	}
}

func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// frameLength returns the length of the frame with this header, if it is the
// one that must come next.
func (l *Log) frameLength(head []byte, end logEnd) (int, bool) {
	r := wire.NewReader(head)
	mark, length, sequence, prev := r.Raw(logMarkBytes), r.Uint32(), r.Uint64(), r.Uint32()
	ok := bytes.Equal(mark, l.mark[:]) && sequence == end.sequence && prev == end.crc &&
		length > 0 && length <= FrameBytesMax
	return int(length), ok
}

// judgeTail decides what the bytes behind the last good frame are. Frames are
// written and synced one at a time, so an interrupted write leaves a part of
// one frame, parts of which may be zero, and nothing behind it. Anything else
// means that a frame was acknowledged and then lost.
func (l *Log) judgeTail(end logEnd) error {
	if l.bytes-end.at > frameHeaderBytes+FrameBytesMax {
		return fmt.Errorf("%w: more than a frame is damaged at offset %d", ErrAmnesic, end.at)
	}
	// At most one border of sectors cuts the header, and mark and sequence, to
	// both sides of the length, are never zero: if they read as expected, the
	// length was written too.
	if end.claimed != 0 && end.claimed < l.bytes {
		return fmt.Errorf("%w: damaged frame at offset %d with more behind it", ErrAmnesic, end.at)
	}
	tail := make([]byte, l.bytes-end.at)
	if _, err := l.file.ReadAt(tail, end.at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read log at %d: %w", end.at, err)
	}
	// The tail's own frame begins with the mark. Another one further on, or one
	// in front of a different sequence, belongs to another frame.
	at := bytes.Index(tail, l.mark[:])
	if at == 0 && end.claimed == 0 && len(tail) >= frameHeaderBytes && !l.tornHeader(tail, end) {
		return fmt.Errorf("%w: a foreign frame stands at offset %d", ErrAmnesic, end.at)
	}
	if at == 0 {
		at = bytes.Index(tail[1:], l.mark[:]) + 1
	}
	if at > 0 {
		return fmt.Errorf("%w: damaged frame at offset %d, another at %d", ErrAmnesic, end.at, end.at+int64(at))
	}
	return nil
}

// tornHeader reports whether the tail's header, which begins with the mark, can
// be what an interrupted write has left of the expected one: some first part of
// it, and then zeros.
func (l *Log) tornHeader(tail []byte, end logEnd) bool {
	const fixed = frameHeaderBytes - 4 // without the crc
	want := append([]byte(nil), tail[:logMarkBytes+4]...)
	want = wire.AppendUint64(want, end.sequence)
	want = wire.AppendUint32(want, end.crc)
	split := 0
	for split < fixed && tail[split] == want[split] {
		split++
	}
	return len(bytes.TrimLeft(tail[split:fixed], "\x00")) == 0
}
