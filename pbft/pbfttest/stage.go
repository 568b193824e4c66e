package pbfttest

import "github.com/scrip-network/scrip/pbft"

// Stage is a cluster in which nothing happens by itself.
type Stage struct {
	checks []event
}

func (s *Stage) enqueue(e event, to pbft.ReplicaID) {}
