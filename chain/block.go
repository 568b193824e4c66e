package chain

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// ErrBlock says that a block or a header does not fit its place in the chain.
var ErrBlock = errors.New("chain: block refused")

// Bounds of what this package decodes.
const (
	// CertificateBytesMax is the size of the largest certificate of either sort:
	// one signature of every member of the largest committee.
	CertificateBytesMax = 1 + 4 + 8 + 3*32 + 24 + 4 + 64*pbft.ReplicasMax
	// BlockBytesMax bounds an encoded block.
	BlockBytesMax = pbft.MessageBytesMax
)

// Block is a decided block as a ledger keeps it. Its height is its sequence
// number.
type Block struct {
	pbft.Block
	// Commit is the block's own commit certificate, or nil if it was decided as
	// an ancestor of a later block, which then has one.
	Commit *pbft.Certificate
}

// Height returns the height of the block.
func (b *Block) Height() uint64 { return uint64(b.Header.Seq) }

// Encode returns the canonical encoding: the block behind its length, then a
// byte that tells whether a certificate follows.
func (b *Block) Encode() []byte {
	enc := wire.AppendBytes(nil, pbft.EncodeBlock(&b.Block))
	if b.Commit == nil {
		return wire.AppendUint8(enc, 0)
	}
	return b.Commit.Append(wire.AppendUint8(enc, 1))
}

// DecodeBlock decodes exactly one block, aliasing b. Nothing of it is verified.
// The error wraps one of package wire.
func DecodeBlock(b []byte) (*Block, error) {
	r := wire.NewReader(b)
	inner := r.Bytes(BlockBytesMax)
	hasCommit := r.Enum8(1) == 1
	if !hasCommit {
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("chain: decode block: %w", err)
		}
	}
	block, err := pbft.DecodeBlock(inner)
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	out := &Block{Block: *block}
	if hasCommit {
		if out.Commit, err = pbft.DecodeCertificate(r.Raw(r.Remaining())); err != nil {
			return nil, fmt.Errorf("chain: decode block: commit certificate: %w", err)
		}
	}
	return out, nil
}

// CheckPayload decodes the payload of a block and reports, as an error that
// wraps ErrBlock, whether it is not the one that the header commits to. The
// transactions alias payload and are not looked into.
func CheckPayload(h *pbft.Header, payload []byte, limits PayloadLimits) ([][]byte, error) {
	if uint64(len(payload)) != uint64(h.PayloadBytes) {
		return nil, fmt.Errorf("%w: height %d: payload of %d bytes, the header says %d",
			ErrBlock, h.Seq, len(payload), h.PayloadBytes)
	}
	if h.Closing() && len(payload) > 0 {
		return nil, fmt.Errorf("%w: height %d: a closing block with a payload", ErrBlock, h.Seq)
	}
	txs, err := DecodePayload(payload, limits)
	if err != nil {
		return nil, fmt.Errorf("%w: height %d: %w", ErrBlock, h.Seq, err)
	}
	if root := PayloadRoot(txs); root != h.PayloadRoot {
		return nil, fmt.Errorf("%w: height %d: payload root %x, the header says %x", ErrBlock, h.Seq,
			root, h.PayloadRoot)
	}
	return txs, nil
}

// CheckHeader reports, as an error that wraps ErrBlock, whether a header cannot
// belong to any block of the committee's epoch, whatever came before it.
func CheckHeader(c *pbft.Committee, h *pbft.Header) error {
	refuse := func(why string) error { return fmt.Errorf("%w: height %d: %s", ErrBlock, h.Seq, why) }
	switch {
	case h.Epoch != c.Epoch():
		return refuse("another epoch")
	case h.Committee != c.Digest():
		return refuse("another committee")
	case h.Seq == 0 || h.View == 0:
		return refuse("no height or view")
	case h.Proposer != c.Primary(h.View):
		return refuse("not by the primary of its view")
	case !h.Formed():
		return refuse("unknown flags, or what they name is missing")
	case h.PayloadBytes > c.Parameters().PayloadBytesMax:
		return refuse("payload too large")
	case (h.PayloadBytes == 0) != (h.PayloadRoot == pbft.Digest{}):
		return refuse("payload size and root disagree on whether it is empty")
	case h.Closing() && h.PayloadBytes > 0:
		return refuse("a closing block with a payload")
	case c.Protocol() == pbft.Original:
		if !plain(c, h) {
			return refuse("fields that the original protocol leaves zero")
		}
		return nil
	case h.BaseSeq >= h.Seq || h.Seq-h.BaseSeq > pbft.Seq(c.Parameters().Tenure):
		return refuse("outside the tenure of its view")
	case h.Justify.Seq >= h.Seq || h.Justify.View > h.View:
		return refuse("justified by a block that is not before it")
	case h.Seq-max(h.Justify.Seq, h.BaseSeq) > pbft.Seq(c.Parameters().Window):
		return refuse("outside the window above its justification")
	case h.ExecSeq > h.Justify.Seq:
		return refuse("states the execution of an uncertified block")
	}
	return checkStart(c, h)
}

// checkStart holds a header to the block on which its epoch stands, where the committee
// knows it: nothing of an earlier epoch justifies it (R13.1(d)).
func checkStart(c *pbft.Committee, h *pbft.Header) error {
	refuse := func(why string) error { return fmt.Errorf("%w: height %d: %s", ErrBlock, h.Seq, why) }
	start := c.Start()
	switch {
	case start == pbft.BlockRef{}:
		return nil
	case h.BaseSeq < start.Seq || h.ExecSeq < start.Seq: // and so its justification
		return refuse("reaches below its epoch")
	case h.Justify.Seq == start.Seq && h.Justify != start:
		return refuse("justified by a block of an earlier epoch")
	}
	return nil
}

// plain reports whether a header is of the form that all of the original protocol
// have: nothing links its blocks.
func plain(c *pbft.Committee, h *pbft.Header) bool {
	want := c.NullHeader(h.View, h.Seq, h.TimeMs)
	want.PayloadRoot, want.PayloadBytes = h.PayloadRoot, h.PayloadBytes
	return *h == want
}

// CheckLink reports, as an error that wraps ErrBlock, whether child cannot
// follow parent in the committee's epoch, which is the child's; at a border the parent is
// the boundary block of the epoch before. It looks at the two headers alone, so
// it says nothing about signatures. Under the original protocol it compares their
// heights, and only their certificates say that one follows the other.
func CheckLink(c *pbft.Committee, parent, child *pbft.Header) error {
	if err := CheckHeader(c, child); err != nil {
		return err
	}
	refuse := func(why string) error { return fmt.Errorf("%w: height %d: %s", ErrBlock, child.Seq, why) }
	if child.Epoch != parent.Epoch {
		return checkBorder(c, parent, child)
	}
	ref := c.Ref(parent)
	if start := c.Start(); start.Seq == parent.Seq && start.Seq > 0 {
		return refuse("stands in its epoch on the block that ended the one before")
	}
	switch {
	case child.Seq != parent.Seq+1:
		return refuse(fmt.Sprintf("does not follow height %d", parent.Seq))
	case c.Protocol() == pbft.Original:
		return nil
	case child.Parent != ref.Digest:
		return refuse("names another parent")
	case child.Justify.Seq == parent.Seq && child.Justify != ref:
		return refuse("justified by another block than its parent at the same height")
	case child.TimeMs <= parent.TimeMs:
		return refuse("not later than its parent")
	case child.ExecSeq < parent.ExecSeq:
		return refuse("states an older execution than its parent")
	case child.ExecSeq == parent.ExecSeq && child.ExecRoot != parent.ExecRoot:
		return refuse("states another result of the same execution than its parent")
	case child.View < parent.View:
		return refuse("an older view than its parent")
	case child.View == parent.View && child.BaseSeq != parent.BaseSeq:
		return refuse("another base of the same view than its parent")
	case child.View > parent.View && child.BaseSeq != parent.Seq:
		return refuse("the first block of a view, but not on its base")
	}
	return checkForm(c, parent, child)
}

// checkForm tests what two headers of one epoch show of R13.1: above a boundary block
// there are only closing ones, and nowhere else. Whether a boundary is due, and which set
// it must name, the state says.
func checkForm(c *pbft.Committee, parent, child *pbft.Header) error {
	refuse := func(why string) error { return fmt.Errorf("%w: height %d: %s", ErrBlock, child.Seq, why) }
	boundary := parent.Next
	if parent.Boundary() {
		boundary = c.HeaderDigest(parent)
	}
	switch {
	case !parent.Ending() && child.Closing():
		return refuse("a closing block above an open one")
	case !parent.Ending():
		return nil
	case !child.Closing():
		return refuse("an open block above a closing or boundary one")
	case child.Next != boundary:
		return refuse("closes another epoch than its parent")
	case child.ExecSeq != parent.ExecSeq:
		return refuse("a closing block that states another execution than its parent")
	}
	return nil
}

// checkBorder tests the first block of an epoch against the boundary block below it
// (R13.1(c), R13.1(d), R13.4).
func checkBorder(c *pbft.Committee, parent, child *pbft.Header) error {
	refuse := func(why string) error { return fmt.Errorf("%w: height %d: %s", ErrBlock, child.Seq, why) }
	switch {
	case child.Seq != parent.Seq+1:
		return refuse(fmt.Sprintf("does not follow height %d", parent.Seq))
	case child.Epoch != parent.Epoch+1 || child.Epoch == 0:
		return refuse("another epoch than its parent")
	case !parent.Boundary():
		return refuse("another epoch than its parent, which is no boundary")
	case child.Committee != parent.Next:
		return refuse("another committee than the boundary block names")
	case child.Parent != c.HeaderDigest(parent):
		return refuse("names another parent")
	case child.BaseSeq != parent.Seq:
		return refuse("the first block of an epoch, but not on its boundary")
	case child.ExecSeq != parent.Seq:
		return refuse("the first block of its epoch does not state what the one before it led to")
	case child.Justify != c.GenesisRef(parent):
		return refuse("justified by a block of an earlier epoch")
	case child.TimeMs <= parent.TimeMs:
		return refuse("not later than its parent")
	}
	return nil
}
