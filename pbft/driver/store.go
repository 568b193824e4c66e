package driver

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// Store is what a member has executed and kept.
type Store interface {
	// Height returns that of the last block, 0 if there is none above the genesis.
	Height() pbft.Seq
	// Block reads a block, false if it is not there.
	Block(seq pbft.Seq) (Stored, bool, error)
	// Header reads one without its payload.
	Header(seq pbft.Seq) (Stored, bool, error)
}

// Stored is an executed block.
type Stored struct {
	Block pbft.Block
	// Certificate is its own commit certificate, or nil if it was committed as an
	// ancestor. Of a boundary block without one it is that of the proof that its epoch ended.
	Certificate            *pbft.Certificate
	StateRoot, ReceiptRoot pbft.Digest
}

// records are what a log has of an executed block.
func (x *Stored) records() []pbft.Record {
	rs := []pbft.Record{{Kind: pbft.RecordBlock, Block: &x.Block}}
	if x.Certificate != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordCommit, Certificate: x.Certificate})
	}
	return rs
}

// anchorOf is where an engine begins over a store; the zero anchor is the genesis.
func anchorOf(s Store) (pbft.Anchor, error) {
	height := s.Height()
	if height == 0 {
		return pbft.Anchor{}, nil
	}
	x, ok, err := s.Header(height)
	if err != nil {
		return pbft.Anchor{}, fmt.Errorf("read the last block: %w", err)
	}
	if !ok {
		return pbft.Anchor{}, fmt.Errorf("the store is at height %d and has no such block", height)
	}
	a := pbft.Anchor{Header: x.Block.Header, Certificate: x.Certificate, StateRoot: x.StateRoot,
		ReceiptRoot: x.ReceiptRoot}
	if e, ok := s.(EpochStore); ok {
		a.Next = e.Next()
	}
	return a, nil
}

// history implements pbft.Config.History. What cannot be read ends the member.
func (d *Driver) history(seq pbft.Seq) (pbft.History, bool) {
	x, ok, err := d.cfg.Store.Header(seq)
	if err != nil {
		d.failed = fmt.Errorf("read the executed block %d: %w", seq, err)
	}
	if err != nil || !ok {
		return pbft.History{}, false
	}
	return pbft.History{Header: x.Block.Header, StateRoot: x.StateRoot, ReceiptRoot: x.ReceiptRoot}, true
}

// ReadAnswer answers a member that is behind from a store: the message for s.To, and how
// many blocks are in it, 0 if nothing that it could believe is there.
func ReadAnswer(c *pbft.Committee, s pbft.Serve, from Store) (m pbft.Message, blocks int, err error) {
	return readAnswer(NewAnswer(c, s), from)
}

func readAnswer(a *Answer, from Store) (m pbft.Message, blocks int, err error) {
	for seq, more := a.Next(); more; seq, more = a.Next() {
		x, ok, err := from.Block(seq)
		if err != nil {
			return nil, 0, fmt.Errorf("read block %d: %w", seq, err)
		}
		if !ok {
			break
		}
		a.Add(x.Block, x.Certificate)
	}
	for seq, more := a.NextLink(); more; seq, more = a.NextLink() {
		x, ok, err := from.Header(seq)
		if err != nil {
			return nil, 0, fmt.Errorf("read the header of block %d: %w", seq, err)
		}
		if !ok {
			break
		}
		a.Link(x.Block.Header, x.Certificate)
	}
	m, blocks = a.Message()
	return m, blocks, nil
}
