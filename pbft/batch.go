package pbft

import "iter"

// Batch gathers signatures to be verified together. The zero value is empty. It is not
// safe for concurrent use.
type Batch struct {
	keys     []PublicKey
	messages [][]byte
	sigs     []Signature
}

// Add puts a signature of key over message into the batch; message is not copied.
func (b *Batch) Add(key PublicKey, message []byte, s Signature) {
	b.keys, b.messages, b.sigs = append(b.keys, key), append(b.messages, message), append(b.sigs, s)
}

// All reports whether every signature is valid, as none are.
func (b *Batch) All(s Scheme) bool {
	return len(b.keys) == 0 || s.VerifyBatch(b.keys, b.messages, b.sigs)
}

// Each yields the number of every signature, in the order of Add, and whether it is valid.
// They are verified one by one only where they are not all valid together.
func (b *Batch) Each(s Scheme) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		all := b.All(s)
		for i := range b.keys {
			if !yield(i, all || s.Verify(b.keys[i], b.messages[i], b.sigs[i])) {
				return
			}
		}
	}
}
