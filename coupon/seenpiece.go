package coupon

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// ErrSeenPiece says that what somebody gives as the members of a Seen bucket is not what the
// state certifies.
var ErrSeenPiece = errors.New("coupon: not the members of the Seen bucket")

// EncodeSeen returns members of a bucket, in the order in which they were added, as a snapshot
// has them: of each its id, height u64, index u32 and code u16, SeenEntrySize2 bytes.
func EncodeSeen(members []SeenEntry) []byte {
	b := make([]byte, 0, len(members)*SeenEntrySize2)
	for i := range members {
		e := &members[i]
		b = wire.AppendUint32(wire.AppendUint64(append(b, e.ID[:]...), e.Height), e.Index)
		b = wire.AppendUint16(b, uint16(e.Code))
	}
	return b
}

// CheckSeen returns the members of a bucket if they are just those that its row certifies. key is
// the row's. A row of version 2 of the rules certifies the codes too; of one of version 1 each
// member needs CheckSeenCode beside. The error wraps ErrSeenPiece.
func CheckSeen(key, row, data []byte) ([]SeenEntry, error) {
	want, err := DecodeSeen(row)
	if err != nil || len(key) == 0 || key[0] != PrefixSeen && key[0] != PrefixSeen2 {
		return nil, fmt.Errorf("%w: %x is no row of one: %w", ErrSeenPiece, key, err)
	}
	if len(data) != int(want.Count)*SeenEntrySize2 {
		return nil, fmt.Errorf("%w: %d bytes for %d", ErrSeenPiece, len(data), want.Count)
	}
	members := make([]SeenEntry, want.Count)
	add := SeenRow.Add
	if key[0] == PrefixSeen2 {
		add = SeenRow.AddWithCode
	}
	var got SeenRow
	r := wire.NewReader(data)
	for i := range members {
		members[i] = SeenEntry{ID: r.Bytes32(), Height: r.Uint64(), Index: r.Uint32(), Code: Code(r.Uint16())}
		got = add(got, members[i])
	}
	if got != want {
		return nil, fmt.Errorf("%w: their running hash is %x, not %x", ErrSeenPiece, got.Chain, want.Chain)
	}
	return members, nil
}

// CheckSeenCode checks the code of a member of a bucket of version 1, which its row does not
// certify, with the receipt at the member's place, which the block's certificate does. A member
// that is no transaction is an invoice digest, filed by the receipt's transaction, with code OK.
// The error wraps ErrSeenPiece.
func CheckSeenCode(e SeenEntry, receipt []byte) error {
	o, err := DecodeReceipt(receipt)
	if err != nil {
		return fmt.Errorf("%w: the receipt at its place: %w", ErrSeenPiece, err)
	}
	want := OK
	if o.ID == e.ID {
		want = o.Code
	}
	if e.Code != want {
		return fmt.Errorf("%w: code %v of %x, its receipt says %v", ErrSeenPiece, e.Code, e.ID, want)
	}
	return nil
}
