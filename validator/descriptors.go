package validator

import (
	"fmt"

	"github.com/scrip-network/scrip/api"
)

const (
	// descriptorsReserve is what the API's connections leave of the descriptors: for
	// tables and logs, and for strangers at the peers' port.
	descriptorsReserve = 768
	// descriptorsPerMember is for the links to one member, in either direction.
	descriptorsPerMember = 4
)

// Connections says how many connections the API of a validator may have open.
type Connections struct {
	// Max is what is set, or what is left of Descriptors if that is less.
	Max int
	// Descriptors is what the system lets the process open; 0 = it does not say.
	Descriptors uint64
	// Wanted is how many descriptors would do for what is set.
	Wanted uint64
}

// Connections returns the bound of the API's connections on a chain of so many
// validators. A validator that has no descriptor left could not compact its log.
func (c *Config) Connections(members int) Connections {
	limit, ok := descriptorLimit()
	if !ok {
		limit = 0
	}
	return connectionsOf(c.APIConnections, members, limit)
}

func connectionsOf(set, members int, limit uint64) Connections {
	if set == 0 {
		set = api.ConnectionsDefault
	}
	reserve := uint64(descriptorsReserve + descriptorsPerMember*members)
	x := Connections{Max: set, Descriptors: limit, Wanted: uint64(set) + reserve}
	if limit > 0 && limit < x.Wanted {
		x.Max = int(max(limit/4, limit-min(limit, reserve)))
	}
	return x
}

// Few says, for people, that the system lets the process open too little for what is
// set; "" if it does not.
func (x Connections) Few() string {
	if x.Descriptors == 0 || x.Descriptors >= x.Wanted {
		return ""
	}
	return fmt.Sprintf("only %d files and connections may be open, %d are wanted: the API takes %d connections",
		x.Descriptors, x.Wanted, x.Max)
}
