package pbft

// Limits of what one member may cause to be sent to it, of everything that it asks
// for or is thought to lack: blocks, proofs, entry proofs, recollections, repeated
// votes and positions.
const (
	// AnswerBytesPerTick is what may be sent to a member in the long run for each
	// tick: 12.8 MB/s at ticks of 10 ms, a few times what a busy chain grows by.
	AnswerBytesPerTick = 128 << 10
	// AnswerBytesBurst is what may be sent to a member at once.
	AnswerBytesBurst = 8 << 20
)

// Allowance keeps account of the bytes sent to one member on its demand. The zero
// value owes nothing. An answer is allowed while less than AnswerBytesBurst is owed,
// however large it is, so that the largest block gets through. It is not safe for
// concurrent use.
type Allowance struct {
	owed int
	at   uint64 // the tick up to which the debt was paid
}

// Left returns how many bytes may be sent at a tick before nothing is allowed any
// more. Ticks may not go back.
func (a *Allowance) Left(tick uint64) int {
	paid := min(tick-a.at, AnswerBytesBurst) * AnswerBytesPerTick
	a.owed -= int(min(uint64(a.owed), paid))
	a.at = tick
	return max(0, AnswerBytesBurst-a.owed)
}

// Take charges an answer of so many bytes at a tick, and reports whether it may be
// sent.
func (a *Allowance) Take(tick uint64, bytes int) bool {
	if a.Left(tick) == 0 {
		return false
	}
	a.owed += bytes
	return true
}

// EncodedBytes returns the length of EncodeMessage(m) without encoding payloads.
func EncodedBytes(m Message) int {
	switch x := m.(type) {
	case *PrePrepare:
		if len(x.Recipe) > 0 {
			break
		}
		bare := *x
		bare.Payload = nil
		return 1 + len(bare.append(nil)) + len(x.Payload)
	case *Blocks:
		n := 1 + 4 + 4 + len(appendOptionalCertificate(nil, x.Certificate))
		for i := range x.Blocks {
			n += blockBytes(&x.Blocks[i])
		}
		return n
	case *Decided:
		n := 1 + 4 + 4
		for i := range x.Blocks {
			n += blockBytes(&x.Blocks[i]) + len(x.Certificates[i].Append(nil))
		}
		return n
	}
	return 1 + len(m.append(nil))
}

func blockBytes(x *Block) int { return x.Header.Size() + 64 + 4 + len(x.Payload) }
