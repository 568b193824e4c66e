package coupontest

import "bytes"

// SeatOf is a place in a set of validators: a member and its validator key.
type SeatOf struct {
	Member uint16
	Key    Key
}

// SetBody is a set of validators with the parameters of consensus.
type SetBody struct {
	Epoch                uint32
	Protocol             uint8
	F, P                 uint8
	W                    uint16
	K, C                 uint32
	D                    uint8
	PrecisionMs, DelayMs uint32
	PayloadMax           uint32
	Seats                []SeatOf
	Skips                []uint16
}

// Bytes encodes the set.
func (s *SetBody) Bytes() []byte {
	b := append(le32([]byte{1}, s.Epoch), s.Protocol, s.F, s.P)
	b = le32(le32(le16(b, s.W), s.K), s.C)
	b = le32(le32(le32(append(b, s.D), s.PrecisionMs), s.DelayMs), s.PayloadMax)
	b = le32(b, uint32(len(s.Seats)))
	for _, one := range s.Seats {
		b = append(le16(b, one.Member), one.Key[:]...)
	}
	b = le32(b, uint32(len(s.Skips)))
	for _, r := range s.Skips {
		b = le16(b, r)
	}
	return b
}

// Digest is what headers of the epoch commit to: that of epoch 0 is older than the encoding
// of sets.
func (s *SetBody) Digest(chain [32]byte) [32]byte {
	if s.Epoch > 0 {
		return digest(chain, "scrip/pbft/committee/v2", s.Bytes())
	}
	b := le32(nil, 0)
	for _, v := range []uint64{
		uint64(s.F), uint64(s.P), uint64(s.W), uint64(s.K), uint64(s.C), uint64(s.D), uint64(s.PrecisionMs),
		uint64(s.DelayMs), uint64(s.PayloadMax),
	} {
		b = le64(b, v)
	}
	b = le32(b, uint32(len(s.Seats)))
	for _, one := range s.Seats {
		b = append(b, one.Key[:]...)
	}
	return digest(chain, "scrip/pbft/committee/v1", b)
}

// quorum is q: more than half of n + f.
func (s *SetBody) quorum() int { return (len(s.Seats)+int(s.F))/2 + 1 }

// place is where a member sits, -1 if it does not.
func (s *SetBody) place(member uint16) int {
	for i, one := range s.Seats {
		if one.Member == member {
			return i
		}
	}
	return -1
}

// holds says that a key sits.
func (s *SetBody) holds(key Key) bool {
	for _, one := range s.Seats {
		if bytes.Equal(one.Key[:], key[:]) {
			return true
		}
	}
	return false
}
