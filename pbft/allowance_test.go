package pbft

import (
	"math/rand/v2"
	"testing"
)

func TestEncodedBytesAreThoseOfTheEncoding(t *testing.T) {
	s := sampler{rand.New(rand.NewPCG(21, 22))}
	for _, k := range kinds() {
		for range 50 {
			m := s.message(k)
			if got, want := EncodedBytes(m), len(EncodeMessage(m)); got != want {
				t.Fatalf("%v: %d bytes, is encoded in %d", k, got, want)
			}
		}
	}
}

// Whoever asks without end gets the burst, one answer beyond it, and then what each
// tick adds. Whoever asks for little always gets it.
func TestAllowance(t *testing.T) {
	const answer = 1 << 20
	var a Allowance
	if left := a.Left(0); left != AnswerBytesBurst {
		t.Errorf("%d bytes are left at the start", left)
	}
	sent := 0
	ask := func(tick uint64) {
		for range 100 {
			if a.Take(tick, answer) {
				sent += answer
			}
		}
	}
	ask(7)
	if sent != AnswerBytesBurst {
		t.Errorf("%d bytes at once, want %d", sent, AnswerBytesBurst)
	}
	if a.Left(7) != 0 || a.Take(7, 1) {
		t.Error("there is more after the burst")
	}
	for tick := uint64(8); tick <= 1007; tick++ {
		ask(tick)
	}
	if most := AnswerBytesBurst + 1000*AnswerBytesPerTick + answer; sent > most || sent < most-2*answer {
		t.Errorf("%d bytes in 1,000 ticks, want %d", sent, most)
	}
	if a.Left(1<<60) != AnswerBytesBurst {
		t.Error("a long rest does not pay everything")
	}
	// The largest block goes through, and is paid off before the next answer.
	if !a.Take(1<<60, 2*AnswerBytesBurst) || a.Take(1<<60+1, 1) {
		t.Error("an answer larger than the burst is not sent alone")
	}
	if !a.Take(1<<60+AnswerBytesBurst/AnswerBytesPerTick+1, 1) {
		t.Error("it is not paid off in time")
	}
}
