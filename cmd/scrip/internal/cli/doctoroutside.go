package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/survey"
	"github.com/scrip-network/scrip/transport"
	"github.com/scrip-network/scrip/validator"
)

// What only others know of a validator, and what only a process knows of itself.

// openShareMax is the part of the descriptors that a validator may use and be well.
const openShareMax = 0.8

// checkOpen looks how many files and connections a validator that runs has open.
func checkOpen(m survey.Metrics) finding {
	const check = "descriptors"
	open, told := m.Sum("process_open_fds")
	limit, bounded := m.Sum("process_max_fds")
	switch {
	case !told || !bounded:
		return finding{Check: check, State: findingGood, Text: "this system does not say how many are open"}
	case open > openShareMax*limit:
		return finding{check, findingWarning, fmt.Sprintf("%.0f of %.0f are in use", open, limit),
			"Raise the limit where the validator is started (LimitNOFILE in a unit file), or lower api.connections.", ""}
	}
	return finding{Check: check, State: findingGood, Text: fmt.Sprintf("%.0f of %.0f are in use", open, limit)}
}

// checkReached looks whether others reach a validator that runs: whether its own address
// leads to it, and what the members say that have to call it, those with lower numbers.
func checkReached(ctx context.Context, cfg *validator.Config, g *genesis.Genesis, self int,
	nodes []survey.Node) (all []finding) {
	if address := cfg.Peers[self]; address != "" {
		ctx, cancel := context.WithTimeout(ctx, doctorPatience)
		defer cancel()
		key, err := transport.Probe(ctx, address, g.Digest)
		if err == nil && key != g.File.Committee.Validators[self].Key {
			err = transport.ErrNoMember
		}
		all = append(all, ownAddressFinding(address, err))
	}
	if f, ok := reachedFinding(g, self, nodes); ok {
		all = append(all, f)
	}
	return all
}

func ownAddressFinding(address string, err error) finding {
	const check = "own address"
	switch {
	case err == nil:
		return finding{Check: check, State: findingGood, Text: address + " leads to this validator"}
	case errors.Is(err, transport.ErrNoMember):
		return finding{check, findingBad, "somebody else is at " + address, "The others have this address too: " +
			"correct it in [peers], and tell them.", ""}
	}
	return finding{check, findingWarning, address + " does not answer from here", "Some routers let nobody in from " +
		"inside. If the others do not reach it either, look at listen.peers, the firewall and the port's forwarding.", ""}
}

// reachedFinding is what nodes tell of their links to a member; ok is false if none tells
// whose part it is to call.
func reachedFinding(g *genesis.Genesis, self int, nodes []survey.Node) (f finding, ok bool) {
	var reach, lack []string
	for _, n := range nodes {
		if n.Status == nil || n.Status.Digest != g.Digest || int(n.Status.Replica) >= self {
			continue
		}
		lanes, up := 0, 0.0
		n.Metrics.Each("scrip_p2p_link_up", survey.Labels{"member": strconv.Itoa(self)},
			func(v float64, _ survey.Labels) { lanes, up = lanes+1, up+v })
		name := fmt.Sprintf("%d (%s)", n.Status.Replica, n.URL)
		switch {
		case lanes == 0: // a proxy hides the metrics
		case up == float64(lanes):
			reach = append(reach, name)
		default:
			lack = append(lack, name)
		}
	}
	const check = "reached from outside"
	switch {
	case len(reach)+len(lack) == 0:
		return f, false
	case len(lack) == 0:
		return finding{Check: check, State: findingGood, Text: "by validator " + strings.Join(reach, ", ")}, true
	}
	f = finding{check, findingWarning, "not by validator " + strings.Join(lack, ", "),
		"Do they have the right address of this validator, and does the firewall here let them in?", ""}
	if len(reach) == 0 {
		f.State = findingBad
	}
	return f, true
}
