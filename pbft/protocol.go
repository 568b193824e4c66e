package pbft

import "fmt"

// Protocol says how a committee decides. It is a parameter of the chain: all
// members run the same one, and whoever checks a proof knows it from the genesis.
type Protocol uint8

// The protocols.
const (
	// DualPath decides a chain of blocks over two paths (package dualpath).
	DualPath Protocol = iota
	// Original is PBFT as Castro and Liskov published it: each sequence number is
	// decided by itself, in three delays, and a view change orders again what was
	// prepared (package original).
	Original
)

// String returns the name of the protocol, as genesis files have it.
func (p Protocol) String() string {
	switch p {
	case DualPath:
		return "dualpath"
	case Original:
		return "original"
	}
	return "unknown"
}

// ParseProtocol is the inverse of String.
func ParseProtocol(name string) (Protocol, error) {
	for p := DualPath; p <= Original; p++ {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%q is no consensus protocol: dualpath or original", name)
}

// OriginalIntervalMax bounds Parameters.CheckpointInterval under Original, where
// a VIEW-CHANGE reports every sequence number above the last stable checkpoint.
const OriginalIntervalMax = 256

// SlotsMax bounds the sequence numbers that one VIEW-CHANGE of Original reports.
const SlotsMax = 2 * OriginalIntervalMax

func (p *Parameters) checkProtocol() error {
	switch {
	case p.Protocol > Original:
		return fmt.Errorf("%w: protocol %d is unknown", ErrCommittee, p.Protocol)
	case p.Protocol == DualPath:
		return nil
	case p.FastFaults != 0:
		return fmt.Errorf("%w: p = %d, the original protocol has no fast path", ErrCommittee, p.FastFaults)
	case p.CheckpointInterval > OriginalIntervalMax:
		return fmt.Errorf("%w: checkpoint interval %d, at most %d under the original protocol", ErrCommittee,
			p.CheckpointInterval, OriginalIntervalMax)
	}
	return nil
}

// Protocol returns how the committee decides.
func (c *Committee) Protocol() Protocol { return c.params.Protocol }

// Span returns L of the original protocol, how far above the last stable
// checkpoint a sequence number may be used: twice the larger of window and
// checkpoint interval, so that nobody waits for a checkpoint in normal times.
func (c *Committee) Span() Seq { return Seq(2 * max(c.params.Window, c.params.CheckpointInterval)) }

// NullHeader returns the header of the null request that a NEW-VIEW of the
// original protocol orders at a sequence number of which nothing was prepared.
// timeMs is the time of the NEW-VIEW.
func (c *Committee) NullHeader(v View, s Seq, timeMs uint64) Header {
	return Header{Epoch: c.epoch, View: v, Seq: s, TimeMs: timeMs, Proposer: c.Primary(v), Committee: c.digest}
}
