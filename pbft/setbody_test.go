package pbft

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft/wire"
)

// testChain is the chain digest of the name scrip-test-1 with an empty genesis file.
func testChain() Digest {
	empty := sha256.Sum256(nil)
	name := "scrip-test-1"
	b := append([]byte{14}, "scrip/chain/v1"...)
	b = append(append(b, byte(len(name)), 0, 0, 0), name...)
	return Digest(sha256.Sum256(append(b, empty[:]...)))
}

func testBody(epoch Epoch, n int, skips ...ReplicaID) *SetBody {
	x := &SetBody{Epoch: epoch, Skips: skips, Parameters: Parameters{Faults: 1, FastFaults: 1}.withDefaults()}
	for i := 1; i <= n; i++ {
		x.Seats = append(x.Seats, Seat{Member: uint16(i), Key: PublicKey(bytes.Repeat([]byte{byte(i)}, 32))})
	}
	return x
}

// Bodies and digests of the specification.
func TestSetBodyVectors(t *testing.T) {
	chain := testChain()
	if got := hex.EncodeToString(chain[:]); got != "b39d546bda8a75f019428e55b5b9a164d7dbaeed11485caea2bf736ffdb23ceb" {
		t.Fatalf("chain %s", got)
	}
	for _, x := range []struct {
		body   *SetBody
		size   int
		begins string
		digest string
	}{
		{testBody(1, 4), 175, "01010000000001012000001000000001000004f4010000881300000000400004000000",
			"7399107d06169c3e598ef0993c294785a841de584500e945dca6d0048bb19107"},
		{testBody(2, 5, 2), 211, "", "86bbe3ae77e0c68204c95db556c08cf2af0778f4f8e832cfb3c20ab81f7fab92"},
	} {
		b := x.body.Encode()
		if len(b) != x.size || !strings.HasPrefix(hex.EncodeToString(b), x.begins) {
			t.Errorf("%d seats: %d bytes, %x", len(x.body.Seats), len(b), b)
		}
		c, err := NewCommitteeFromBody(testChain(), x.body)
		if err != nil {
			t.Fatal(err)
		}
		if d := c.Digest(); hex.EncodeToString(d[:]) != x.digest {
			t.Errorf("%d seats: digest %x, want %s", len(x.body.Seats), d, x.digest)
		}
	}
	// A mark of epochs is the mark of today.
	c := testCommittee(t, 4, 1, 1)
	c.chain = testChain()
	var nonce MarkNonce
	for i := range nonce {
		nonce[i] = byte(i)
	}
	signed := sha256.Sum256(c.MarkBytes(Mark{7, nonce, 123456}))
	if got := hex.EncodeToString(signed[:]); got != "a9ce7dadf6b548899e7b60fe047e106277c69ba25c4baa3fe508834b14419292" {
		t.Errorf("a mark signs %s", got)
	}
}

// Each number, the seats and the skips have bounds, and both sides of each are tried.
func TestSetBodyBounds(t *testing.T) {
	last := testBody(9, ReplicasMax)
	last.Parameters = Parameters{Faults: 49, FastFaults: 2, Window: WindowMax, Tenure: TenureMax,
		CheckpointInterval: CheckpointIntervalMax, ExecutionLag: ExecutionLagMax, PrecisionMs: PrecisionMsMax,
		DelayMs: DelayMsMax, PayloadBytesMax: PayloadBytesLimit}
	for i := range 49 {
		last.Skips = append(last.Skips, ReplicaID(3*i))
	}
	first := testBody(1, 4)
	first.Parameters = Parameters{1, 0, 1, 1, 1, 1, 1, 1, PayloadBytesLow, DualPath}
	for _, x := range []*SetBody{last, first} {
		b := x.Encode()
		if back, err := DecodeSetBody(b); err != nil || !bytes.Equal(back.Encode(), b) {
			t.Errorf("at the bounds: %v", err)
		}
	}
	if n := len(last.Encode()); n != 39+34*150+2*49 || n > SetBodyBytesMax {
		t.Errorf("the largest body has %d bytes", n)
	}
	p := func(change func(*Parameters)) func(*SetBody) { return func(x *SetBody) { change(&x.Parameters) } }
	for _, c := range []struct {
		why    string
		change func(*SetBody)
	}{
		{"3 seats", func(x *SetBody) { x.Seats = x.Seats[:3] }},
		{"151 seats", func(x *SetBody) { x.Seats = testBody(1, 151).Seats }},
		{"of member 0", func(x *SetBody) { x.Seats[0].Member = 0 }},
		{"of one member", func(x *SetBody) { x.Seats[2].Member = 2 }},
		{"below the one before", func(x *SetBody) { x.Seats[0].Member = 9 }},
		{"share a key", func(x *SetBody) { x.Seats[3].Key = x.Seats[1].Key }},
		{"2 skips", func(x *SetBody) { x.Skips = []ReplicaID{0, 1} }},
		{"no replica 4", func(x *SetBody) { x.Skips = []ReplicaID{4} }},
		{"do not ascend", func(x *SetBody) {
			*x = *testBody(1, 7, 2, 2)
			x.Parameters.Faults, x.Parameters.FastFaults = 2, 0
		}},
		{"1 skips, at most 0", func(x *SetBody) { x.Epoch, x.Skips = 0, []ReplicaID{1} }},
		{"no epochs", p(func(p *Parameters) { p.Protocol, p.FastFaults = Original, 0 })},
		{"f = 0", p(func(p *Parameters) { p.Faults, p.FastFaults = 0, 0 })},
		{"f = 2", p(func(p *Parameters) { p.Faults = 2 })},
		{"p = 2", p(func(p *Parameters) { p.FastFaults = 2 })},
		{"window 0", p(func(p *Parameters) { p.Window = 0 })},
		{"window 257", p(func(p *Parameters) { p.Window = 257 })},
		{"tenure 0", p(func(p *Parameters) { p.Tenure = 0 })},
		{"tenure 1000001", p(func(p *Parameters) { p.Tenure = 1_000_001 })},
		{"below the window", p(func(p *Parameters) { p.Tenure = 31 })},
		{"interval 0", p(func(p *Parameters) { p.CheckpointInterval = 0 })},
		{"interval 65537", p(func(p *Parameters) { p.CheckpointInterval = 65_537 })},
		{"lag 0", p(func(p *Parameters) { p.ExecutionLag = 0 })},
		{"lag 65", p(func(p *Parameters) { p.ExecutionLag = 65 })},
		{"precision 0", p(func(p *Parameters) { p.PrecisionMs = 0 })},
		{"precision 60001", p(func(p *Parameters) { p.PrecisionMs = 60_001 })},
		{"delay 0", p(func(p *Parameters) { p.DelayMs = 0 })},
		{"delay 600001", p(func(p *Parameters) { p.DelayMs = 600_001 })},
		{"payload limit 65535", p(func(p *Parameters) { p.PayloadBytesMax = PayloadBytesLow - 1 })},
		{"payload limit 8388609", p(func(p *Parameters) { p.PayloadBytesMax = PayloadBytesLimit + 1 })},
	} {
		x := testBody(1, 4)
		c.change(x)
		if err := x.Check(); !errors.Is(err, ErrSetBody) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("want %q: %v", c.why, err)
		}
		if _, err := DecodeSetBody(x.Encode()); err == nil {
			t.Errorf("%s: it decodes", c.why)
		}
		if _, err := NewCommitteeFromBody(Digest{}, x); err == nil {
			t.Errorf("%s: it makes a committee", c.why)
		}
	}
}

// A body has one encoding, and what is no body does not decode.
func TestSetBodyDecoding(t *testing.T) {
	b := testBody(2, 5, 2).Encode()
	for n := range b {
		if _, err := DecodeSetBody(b[:n]); err == nil {
			t.Fatalf("cut to %d bytes it decodes", n)
		}
	}
	if _, err := DecodeSetBody(append(bytes.Clone(b), 0)); !errors.Is(err, wire.ErrTrailing) {
		t.Errorf("a trailing byte: %v", err)
	}
	for at, value := range map[int]byte{0: 2, 5: 2} { // form, protocol
		bad := bytes.Clone(b)
		bad[at] = value
		if _, err := DecodeSetBody(bad); !errors.Is(err, wire.ErrValue) {
			t.Errorf("byte %d as %d: %v", at, value, err)
		}
	}
	next := &NextSet{At: 77, Body: *testBody(2, 5, 2)}
	back, err := DecodeNextSet(next.Encode())
	if err != nil || back.At != 77 || !bytes.Equal(back.Body.Encode(), b) {
		t.Errorf("a staged set comes back as %+v, %v", back, err)
	}
	if _, err := DecodeNextSet(append(next.Encode(), 1)); !errors.Is(err, wire.ErrTrailing) {
		t.Errorf("a trailing byte behind a staged set: %v", err)
	}
}

// The first epoch is what genesis files always gave; its members stand in their order.
func TestTheFirstEpochIsAsItWas(t *testing.T) {
	x := testBody(0, 4)
	x.Seats[0], x.Seats[3] = x.Seats[3], x.Seats[0]
	var keys []PublicKey
	for _, s := range x.Seats {
		keys = append(keys, s.Key)
	}
	want, err := NewCommittee(testChain(), 0, keys, x.Parameters)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCommitteeFromBody(testChain(), x)
	if err != nil {
		t.Fatal(err)
	}
	if c.Digest() != want.Digest() || x.Digest(testChain()) != want.Digest() {
		t.Error("another digest")
	}
	for v := View(1); v < 10; v++ {
		if c.Primary(v) != want.Primary(v) {
			t.Errorf("view %d is led by %d", v, c.Primary(v))
		}
	}
	x.Parameters.Protocol, x.Parameters.FastFaults = Original, 0
	if _, err := DecodeSetBody(x.Encode()); err != nil {
		t.Errorf("the original protocol in epoch 0: %v", err)
	}
}

// Who is skipped leads no view, and each epoch begins one further down.
func TestPrimariesOfLaterEpochs(t *testing.T) {
	for _, x := range []struct {
		body *SetBody
		want []ReplicaID
	}{
		{testBody(1, 4), []ReplicaID{1, 2, 3, 0, 1}},
		{testBody(2, 4), []ReplicaID{2, 3, 0, 1, 2}},
		{testBody(4, 4), []ReplicaID{0, 1, 2, 3, 0}},
		{testBody(1, 4, 0), []ReplicaID{2, 3, 1, 2, 3}},
		{testBody(2, 5, 2), []ReplicaID{3, 4, 0, 1, 3}},
	} {
		c, err := NewCommitteeFromBody(testChain(), x.body)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range x.want {
			if got := c.Primary(View(i + 1)); got != want {
				t.Errorf("epoch %d, skips %v, view %d: led by %d, want %d", x.body.Epoch, x.body.Skips, i+1, got, want)
			}
		}
		if got := c.Primary(^View(0)); !c.Has(got) {
			t.Errorf("the last view is led by %d", got)
		}
	}
}

// What one change may do (1.6): any two sets that follow one another share enough.
func TestLimitsOfOneChange(t *testing.T) {
	body := func(epoch Epoch, f int, keys ...byte) *SetBody {
		x := testBody(epoch, len(keys))
		x.Parameters.Faults, x.Parameters.FastFaults = f, 0
		for i, k := range keys {
			x.Seats[i].Key = PublicKey{k}
		}
		return x
	}
	seven := []byte{1, 2, 3, 4, 5, 6, 7}
	for _, x := range []struct {
		from, to *SetBody
		why      string
	}{
		{body(0, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 3, 4), ""},
		{body(0, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 3, 9), ""},
		{body(0, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 3, 4, 5), ""},
		{body(3, 1, 1, 2, 3, 4, 5), body(4, 1, 1, 2, 3, 4), ""},
		{body(3, 2, seven...), body(4, 1, 1, 2, 3, 4, 5), ""},
		{body(3, 1, 1, 2, 3, 4, 5, 6), body(4, 2, 1, 2, 3, 4, 5, 6, 7), ""},
		{body(0, 1, 1, 2, 3, 4), body(2, 1, 1, 2, 3, 4), "epoch 2 after epoch 0"},
		{body(1, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 3, 4), "epoch 1 after epoch 1"},
		{body(0, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 8, 9), "2 keys go"},
		{body(0, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 3, 4, 5, 6), "2 keys are new"},
		{body(3, 2, seven...), body(4, 1, 1, 2, 3, 4), "3 keys go"},
		{body(3, 2, seven...), body(4, 1, 1, 2, 3, 4, 5, 8, 9), "2 keys are new"},
		{body(3, 1, 1, 2, 3, 4, 5), body(4, 2, 1, 2, 3, 4, 5, 6, 7), "2 keys are new"},
		{body(0, 1, 1, 2, 3, 4), body(1, 1, 1, 2, 3), "3 seats"},
		{body(^Epoch(0), 1, 1, 2, 3, 4), body(0, 1, 1, 2, 3, 4), "epoch 0 after"},
	} {
		err := CheckChange(x.from, x.to)
		good := err == nil
		if x.why != "" {
			good = errors.Is(err, ErrSetBody) && strings.Contains(err.Error(), x.why)
		}
		if !good {
			t.Errorf("want %q: %v", x.why, err)
		}
	}
	from := body(0, 1, 1, 2, 3, 4)
	from.Parameters.Protocol = Original
	if err := CheckChange(from, body(1, 1, 1, 2, 3, 4)); !errors.Is(err, ErrSetBody) {
		t.Errorf("from the original protocol: %v", err)
	}
}

func FuzzDecodeSetBody(f *testing.F) {
	f.Add(testBody(1, 4).Encode())
	f.Add(testBody(2, 5, 2).Encode())
	f.Add(testBody(0, 4).Encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		x, err := DecodeSetBody(in)
		if err != nil {
			return
		}
		if !bytes.Equal(x.Encode(), in) {
			t.Fatalf("%x decodes and encodes to %x", in, x.Encode())
		}
		c, err := NewCommitteeFromBody(Digest{1}, x)
		if err != nil {
			t.Fatalf("%x decodes and makes no committee: %v", in, err)
		}
		if p := c.Primary(1); !c.Has(p) || slices.Contains(x.Skips, p) {
			t.Fatalf("%x is led by %d", in, p)
		}
	})
}
