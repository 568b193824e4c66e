package pbft_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
)

// Four replicas agree on a block, after two message delays, since all of them vote. An
// engine is a function of what it is given, so the network is a slice of messages, the
// disk a slice of records, and the clock a number: whoever drives engines decides what
// these are.
func Example() {
	committee, keys := fourMembers()
	replicas := make([]pbft.Engine, 4)
	for i := range replicas {
		replicas[i] = start(committee, pbft.ReplicaID(i), keys[i])
	}
	primary := replicas[replicas[0].Status().Primary]
	payload := []byte("the first transactions")
	fmt.Println("proposed:", primary.Propose(payload, sha256.Sum256(payload), nil, nowMs))

	logs := make([][]pbft.Record, 4) // durable, in a real driver
	sent := map[pbft.Kind]int{}
	for busy := true; busy; {
		var network []envelope
		busy = false
		for i, r := range replicas {
			ready := r.Ready()
			busy = busy || !ready.Empty()
			logs[i] = append(logs[i], ready.Records...) // before anything is sent
			for _, m := range ready.Messages {
				network = append(network, envelope{pbft.ReplicaID(i), m})
				sent[m.Message.Kind()]++
			}
			for _, check := range ready.Checks { // every payload is fine here
				r.PayloadChecked(check.Digest, true)
			}
			for _, c := range ready.Committed {
				state := sha256.Sum256(c.Block.Payload) // execution
				r.Executed(c.Block.Header.Seq, state, pbft.Digest{}, nil)
				fmt.Printf("replica %d: block %d committed: %s, %v\n", i, c.Block.Header.Seq, c.Block.Payload,
					c.Certificate.Kind)
			}
			r.Advance()
		}
		deliver(replicas, network)
	}
	fmt.Println("sent:", sent[pbft.KindPrePrepare], "PRE-PREPARE,", sent[pbft.KindPrepare], "PREPAREs,",
		sent[pbft.KindCommit], "COMMITs")
	// Output:
	// proposed: true
	// replica 0: block 1 committed: the first transactions, committed-fast
	// replica 1: block 1 committed: the first transactions, committed-fast
	// replica 2: block 1 committed: the first transactions, committed-fast
	// replica 3: block 1 committed: the first transactions, committed-fast
	// sent: 1 PRE-PREPARE, 4 PREPAREs, 4 COMMITs
}

const nowMs = 1_800_000_000_000

// envelope is a message on its way.
type envelope struct {
	from pbft.ReplicaID
	pbft.Outgoing
}

// deliver gives every message to whom it is for.
func deliver(replicas []pbft.Engine, network []envelope) {
	for _, e := range network {
		for i, r := range replicas {
			if to := pbft.ReplicaID(i); e.To == to || e.To == pbft.Everyone && e.from != to {
				r.Receive(e.from, e.Message)
			}
		}
	}
}

// fourMembers is a committee that bears one fault.
func fourMembers() (*pbft.Committee, []ed25519.PrivateKey) {
	var public []pbft.PublicKey
	var private []ed25519.PrivateKey
	for i := range 4 {
		k := ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i)))
		private = append(private, k)
		public = append(public, pbft.PublicKey(k.Public().(ed25519.PublicKey)))
	}
	c, err := pbft.NewCommittee(sha256.Sum256([]byte("an example")), 0, public, pbft.Parameters{Faults: 1})
	if err != nil {
		panic(err)
	}
	return c, private
}

func start(c *pbft.Committee, self pbft.ReplicaID, key ed25519.PrivateKey) pbft.Engine {
	e, err := dualpath.New(pbft.Config{Committee: c, Self: self, Scheme: plain{},
		Genesis:     c.GenesisHeader(pbft.Digest{}, 1),
		Sign:        func(m []byte) pbft.Signature { return pbft.Signature(ed25519.Sign(key, m)) },
		PayloadRoot: func(payload []byte) pbft.Digest { return sha256.Sum256(payload) }}, nil)
	if err != nil {
		panic(err)
	}
	e.Tick(nowMs, false) // it learns what time it is
	return e
}

// plain verifies one signature after the other. Members of one chain must agree on the
// rule: package sig has ZIP-215, in batches.
type plain struct{}

func (plain) Verify(k pbft.PublicKey, m []byte, s pbft.Signature) bool {
	return ed25519.Verify(k[:], m, s[:])
}

func (p plain) VerifyBatch(ks []pbft.PublicKey, ms [][]byte, ss []pbft.Signature) bool {
	for i := range ks {
		if !p.Verify(ks[i], ms[i], ss[i]) {
			return false
		}
	}
	return true
}
