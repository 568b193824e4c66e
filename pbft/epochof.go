package pbft

// EpochOf returns the epoch that a message names, by which it is handed to the engine of
// that epoch; false for one of no epoch. No vote counts in another one.
func EpochOf(m Message) (Epoch, bool) {
	switch x := m.(type) {
	case *PrePrepare:
		return x.Header.Epoch, true
	case *Prepare:
		return x.Epoch, true
	case *Commit:
		return x.Epoch, true
	case *Checkpoint:
		return x.Epoch, true
	case *Suspect:
		return x.Epoch, true
	case *ViewChange:
		return x.Epoch, true
	case *NewView:
		return x.Epoch, true
	case *Status:
		return x.Epoch, true
	case *Fetch:
		return x.Epoch, true
	case *Pull:
		return x.Epoch, true
	case *Blocks:
		return x.Epoch, true
	case *Linked:
		return x.Epoch, true
	case *Proof:
		return x.Certificate.Epoch, true
	case *Recall:
		return x.Epoch, true
	case *Recollection:
		return x.Epoch, true
	case *EpochProof:
		return x.Epoch, true
	}
	return slotEpochOf(m)
}

// slotEpochOf is EpochOf of the original protocol's own messages.
func slotEpochOf(m Message) (Epoch, bool) {
	switch x := m.(type) {
	case *SlotViewChange:
		return x.Epoch, true
	case *SlotNewView:
		return x.Epoch, true
	case *Decided:
		return x.Epoch, true
	case *Stable:
		return x.Certificate.Epoch, true
	}
	return 0, false
}
