package driver

import "github.com/scrip-network/scrip/pbft"

// Answer collects committed blocks for a member that is behind, until they fill one
// message. The caller reads them, in order: those that Next names for Add, then, if
// the last of them is not proved, the headers that NextLink names for Link.
type Answer struct {
	serve  pbft.Serve
	epoch  pbft.Epoch
	single bool // nothing links blocks: each needs its own certificate

	bytes        int
	full         bool
	blocks       []pbft.Block
	certificates []*pbft.Certificate
	proved       int // blocks up to the last that has a certificate

	headers []pbft.Header
	proof   *pbft.Certificate
}

// NewAnswer begins the answer that an engine of the committee asks for.
func NewAnswer(c *pbft.Committee, s pbft.Serve) *Answer {
	return &Answer{serve: s, epoch: c.Epoch(), single: c.Protocol() != pbft.DualPath}
}

// Next returns the height to read; false if the answer takes no more blocks.
func (a *Answer) Next() (pbft.Seq, bool) {
	next := a.serve.After + pbft.Seq(len(a.blocks)) + 1
	return next, !a.full && next <= a.serve.Limit && len(a.blocks) < pbft.BlocksMax
}

// Add takes the block of the height that Next named, with its commit certificate or
// nil, or leaves it: a block that is too large for the answer, unless it goes alone,
// and one that nothing would prove.
func (a *Answer) Add(b pbft.Block, c *pbft.Certificate) {
	a.bytes += len(b.Payload) + pbft.HeaderBytes
	if a.bytes > a.serve.BytesMax && len(a.blocks) > 0 || a.single && c == nil {
		a.full = true
		return
	}
	a.blocks = append(a.blocks, b)
	a.certificates = append(a.certificates, c)
	if c != nil {
		a.proved = len(a.blocks)
	}
}

// NextLink returns the height whose header is wanted; false if none is: blocks are
// there and a certificate proves some of them, or the links are as many as a message
// takes.
func (a *Answer) NextLink() (pbft.Seq, bool) {
	next := a.serve.After + pbft.Seq(len(a.blocks)+len(a.headers)) + 1
	return next, len(a.blocks) > 0 && a.proved == 0 && a.proof == nil && len(a.headers) < pbft.LinksMax
}

// Link takes the header of the height that NextLink named, with its block's commit
// certificate or nil.
func (a *Answer) Link(h pbft.Header, c *pbft.Certificate) {
	a.headers = append(a.headers, h)
	a.proof = c
}

// Message returns the answer and how many blocks are in it. It may be none: what is
// executed here may end below the next certificate.
func (a *Answer) Message() (m pbft.Message, blocks int) {
	switch {
	case a.single && a.proved > 0:
		return &pbft.Decided{Epoch: a.epoch, Blocks: a.blocks, Certificates: a.certificates}, a.proved
	case a.proved > 0: // the last certificate proves all
		return &pbft.Blocks{Epoch: a.epoch, Blocks: a.blocks[:a.proved],
			Certificate: a.certificates[a.proved-1]}, a.proved
	case a.proof != nil:
		return &pbft.Linked{Epoch: a.epoch, Blocks: a.blocks, Headers: a.headers, Certificate: a.proof}, len(a.blocks)
	}
	return nil, 0
}
