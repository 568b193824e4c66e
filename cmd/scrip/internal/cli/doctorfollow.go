package cli

import (
	"fmt"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/survey"
	"github.com/scrip-network/scrip/validator"
)

// checkSources says whether a home that follows has its blocks from enough members' nodes, of
// which nodes are those that were asked: of f+1 one is honest.
func checkSources(cfg *validator.Config, g *genesis.Genesis, self int, nodes []survey.Node) finding {
	committee, err := g.Committee()
	if err != nil {
		return bad("sources", err)
	}
	answered := map[uint16]bool{}
	for _, n := range nodes {
		if n.Status != nil && n.Status.Digest == g.Digest && int(n.Status.Replica) != self {
			answered[n.Status.Replica] = true
		}
	}
	text := fmt.Sprintf("it hears %s, and needs %d", plural(len(answered), "other member's node"),
		committee.WeakQuorum())
	if len(answered) >= committee.WeakQuorum() {
		return finding{Check: "sources", State: findingGood, Text: text}
	}
	return finding{"sources", findingBad, text, "Name the APIs of other members' nodes with web.nodes, and look whether " +
		"they run and a firewall lets this machine in.", "scrip config show --origin --home " + cfg.Home}
}

// followsFinding stands in the place of the consensus log for a home that has none open.
func followsFinding(cfg *validator.Config) finding {
	return finding{Check: "consensus log", State: findingGood,
		Text: "not used: this home follows in the place of validator " + cfg.Follow + ", and signs nothing"}
}
