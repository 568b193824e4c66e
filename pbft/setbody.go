package pbft

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Bounds of what a chain may choose, in its genesis file and at every change. The
// lower bounds are 1 but for payloads and members.
const (
	ReplicasMin           = 4
	WindowMax             = 256
	TenureMax             = 1_000_000
	CheckpointIntervalMax = 65_536
	ExecutionLagMax       = 64
	PrecisionMsMax        = 60_000
	DelayMsMax            = 600_000
	PayloadBytesLow       = 64 << 10
)

// SetBodyBytesMax bounds an encoded SetBody with room for later forms; the largest of
// this one has 5,237 bytes.
const SetBodyBytesMax = 8192

// setBodyFormat is the only form of a SetBody so far.
const setBodyFormat = 1

// ErrSetBody is wrapped by what SetBody.Check, CheckChange and the decoders refuse.
var ErrSetBody = errors.New("validator set")

// Seat is a place in a committee: one for each member, since members fail as a whole.
type Seat struct {
	Member uint16
	Key    PublicKey
}

// SetBody is all that makes the committee of an epoch (R13): who has a seat, with which
// parameters, and who is left out of the list of primaries. The number of a replica is
// its place among the seats.
type SetBody struct {
	Epoch      Epoch
	Parameters Parameters // every field is set: a zero is not the default here
	// Seats ascend by member; those of epoch 0 are in the order of the genesis file.
	Seats []Seat
	// Skips are replicas that lead no view, ascending, at most f; none in epoch 0.
	Skips []ReplicaID
}

func setBodyError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSetBody}, args...)...)
}

// Check reports, as an error that wraps ErrSetBody, what is out of bounds: a number, the
// seats, the skips, or n, f and p together. Whether a key is a sound one is for others.
func (x *SetBody) Check() error {
	p := &x.Parameters
	if n := len(x.Seats); n < ReplicasMin || n > ReplicasMax {
		return setBodyError("%d seats, wanted %d to %d", n, ReplicasMin, ReplicasMax)
	}
	for _, v := range []struct {
		name             string
		value, low, high uint64
	}{
		{"window", p.Window, 1, WindowMax},
		{"tenure", p.Tenure, 1, TenureMax},
		{"checkpoint interval", p.CheckpointInterval, 1, CheckpointIntervalMax},
		{"execution lag", p.ExecutionLag, 1, ExecutionLagMax},
		{"precision", p.PrecisionMs, 1, PrecisionMsMax},
		{"delay", p.DelayMs, 1, DelayMsMax},
		{"payload limit", uint64(p.PayloadBytesMax), PayloadBytesLow, PayloadBytesLimit},
	} {
		if v.value < v.low || v.value > v.high {
			return setBodyError("%s %d, wanted %d to %d", v.name, v.value, v.low, v.high)
		}
	}
	if x.Epoch > 0 && p.Protocol != DualPath {
		return setBodyError("the %v protocol has no epochs", p.Protocol)
	}
	if err := p.check(len(x.Seats)); err != nil {
		return fmt.Errorf("%w: %w", ErrSetBody, err)
	}
	if err := x.checkSeats(); err != nil {
		return err
	}
	return x.checkSkips()
}

func (x *SetBody) checkSeats() error {
	members := make(map[uint16]int, len(x.Seats))
	keys := make(map[PublicKey]int, len(x.Seats))
	for i, s := range x.Seats {
		if s.Member == 0 {
			return setBodyError("seat %d is of member 0", i)
		}
		if j, taken := members[s.Member]; taken {
			return setBodyError("seats %d and %d are of one member", j, i)
		}
		if j, taken := keys[s.Key]; taken {
			return setBodyError("seats %d and %d share a key", j, i)
		}
		if x.Epoch > 0 && i > 0 && s.Member < x.Seats[i-1].Member {
			return setBodyError("seat %d is of member %d, below the one before it", i, s.Member)
		}
		members[s.Member], keys[s.Key] = i, i
	}
	return nil
}

func (x *SetBody) checkSkips() error {
	most := x.Parameters.Faults
	if x.Epoch == 0 {
		most = 0
	}
	if len(x.Skips) > most {
		return setBodyError("%d skips, at most %d", len(x.Skips), most)
	}
	for i, id := range x.Skips {
		if int(id) >= len(x.Seats) {
			return setBodyError("skip %d: there is no replica %d", i, id)
		}
		if i > 0 && id <= x.Skips[i-1] {
			return setBodyError("skips do not ascend at %d", i)
		}
	}
	return nil
}

// Append appends the canonical encoding of a body that Check takes.
func (x *SetBody) Append(b []byte) []byte {
	p := &x.Parameters
	b = wire.AppendUint8(b, setBodyFormat)
	b = wire.AppendUint32(b, uint32(x.Epoch))
	b = wire.AppendUint8(b, uint8(p.Protocol))
	b = wire.AppendUint8(b, uint8(p.Faults))
	b = wire.AppendUint8(b, uint8(p.FastFaults))
	b = wire.AppendUint16(b, uint16(p.Window))
	b = wire.AppendUint32(b, uint32(p.Tenure))
	b = wire.AppendUint32(b, uint32(p.CheckpointInterval))
	b = wire.AppendUint8(b, uint8(p.ExecutionLag))
	b = wire.AppendUint32(b, uint32(p.PrecisionMs))
	b = wire.AppendUint32(b, uint32(p.DelayMs))
	b = wire.AppendUint32(b, p.PayloadBytesMax)
	b = wire.AppendUint32(b, uint32(len(x.Seats)))
	for _, s := range x.Seats {
		b = append(wire.AppendUint16(b, s.Member), s.Key[:]...)
	}
	b = wire.AppendUint32(b, uint32(len(x.Skips)))
	for _, id := range x.Skips {
		b = wire.AppendUint16(b, uint16(id))
	}
	return b
}

// Encode returns the canonical encoding.
func (x *SetBody) Encode() []byte { return x.Append(nil) }

// ReadSetBody decodes a body from r and checks it.
func ReadSetBody(r *wire.Reader) *SetBody {
	if v := r.Uint8(); v != setBodyFormat && r.Err() == nil {
		r.Fail(fmt.Errorf("%w: validator set of form %d", wire.ErrValue, v))
	}
	x := &SetBody{Epoch: Epoch(r.Uint32())}
	p := &x.Parameters
	p.Protocol = Protocol(r.Enum8(uint8(Original)))
	p.Faults, p.FastFaults = int(r.Uint8()), int(r.Uint8())
	p.Window = uint64(r.Uint16())
	p.Tenure = uint64(r.Uint32())
	p.CheckpointInterval = uint64(r.Uint32())
	p.ExecutionLag = uint64(r.Uint8())
	p.PrecisionMs = uint64(r.Uint32())
	p.DelayMs = uint64(r.Uint32())
	p.PayloadBytesMax = r.Uint32()
	x.Seats = make([]Seat, r.Count(ReplicasMax, 2+len(PublicKey{})))
	for i := range x.Seats {
		x.Seats[i] = Seat{Member: r.Uint16(), Key: r.Bytes32()}
	}
	if n := r.Count(ReplicasMax, 2); n > 0 {
		x.Skips = make([]ReplicaID, n)
	}
	for i := range x.Skips {
		x.Skips[i] = ReplicaID(r.Uint16())
	}
	if r.Err() == nil {
		if err := x.Check(); err != nil {
			r.Fail(err)
		}
	}
	return x
}

// DecodeSetBody decodes exactly one body and checks it. The error wraps ErrSetBody where
// a bound is broken, else one of package wire.
func DecodeSetBody(b []byte) (*SetBody, error) {
	r := wire.NewReader(b)
	x := ReadSetBody(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode validator set: %w", err)
	}
	return x, nil
}

// Digest returns what headers of the body's epoch commit to, on a chain with the given
// digest. That of epoch 0 is older than bodies and has a form of its own.
func (x *SetBody) Digest(chain Digest) Digest {
	c := Committee{chain: chain}
	if x.Epoch == 0 {
		c.params = x.Parameters
		for _, s := range x.Seats {
			c.keys = append(c.keys, s.Key)
		}
		return c.computeDigest()
	}
	return Digest(sha256.Sum256(c.signedBytes(tagSetBody, x.Encode())))
}

// NewCommitteeFromBody returns the committee that a body makes on the chain with the
// given digest. The error wraps ErrSetBody.
func NewCommitteeFromBody(chain Digest, body *SetBody) (*Committee, error) {
	if err := body.Check(); err != nil {
		return nil, err
	}
	keys := make([]PublicKey, len(body.Seats))
	for i := range keys {
		keys[i] = body.Seats[i].Key
	}
	c, err := NewCommittee(chain, body.Epoch, keys, body.Parameters)
	if err != nil || body.Epoch == 0 {
		return c, err
	}
	c.digest = body.Digest(chain)
	for id := range ReplicaID(len(keys)) {
		if !slices.Contains(body.Skips, id) {
			c.leaders = append(c.leaders, id)
		}
	}
	return c, nil
}

// NextSet is the set that a ledger has staged for the next epoch: it stands in the state
// from the execution of At on until the epoch begins, and never changes meanwhile.
type NextSet struct {
	At   Seq
	Body SetBody
}

// Encode returns the canonical encoding: at u64, then the body.
func (x *NextSet) Encode() []byte { return x.Body.Append(wire.AppendUint64(nil, uint64(x.At))) }

// DecodeNextSet decodes exactly one staged set and checks its body.
func DecodeNextSet(b []byte) (*NextSet, error) {
	r := wire.NewReader(b)
	x := &NextSet{At: Seq(r.Uint64()), Body: *ReadSetBody(r)}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode staged validator set: %w", err)
	}
	return x, nil
}

// CheckChange reports, as an error that wraps ErrSetBody, whether one epoch may not
// follow another: at most f of the old keys go, and at most min(f, f') of the new set's
// are new, so that either set is as good as the other without the rest. A new key of a
// member counts as one that goes and one that is new.
func CheckChange(from, to *SetBody) error {
	if err := to.Check(); err != nil {
		return err
	}
	if to.Epoch != from.Epoch+1 || from.Epoch+1 == 0 {
		return setBodyError("epoch %d after epoch %d", to.Epoch, from.Epoch)
	}
	if from.Parameters.Protocol != DualPath {
		return setBodyError("the %v protocol has no epochs", from.Parameters.Protocol)
	}
	has := func(x *SetBody) map[PublicKey]bool {
		keys := make(map[PublicKey]bool, len(x.Seats))
		for _, s := range x.Seats {
			keys[s.Key] = true
		}
		return keys
	}
	old, gone, fresh := has(from), len(from.Seats), 0
	for _, s := range to.Seats {
		if old[s.Key] {
			gone--
		} else {
			fresh++
		}
	}
	if f := from.Parameters.Faults; gone > f {
		return setBodyError("%d keys go, at most %d", gone, f)
	}
	if f := min(from.Parameters.Faults, to.Parameters.Faults); fresh > f {
		return setBodyError("%d keys are new, at most %d", fresh, f)
	}
	return nil
}
