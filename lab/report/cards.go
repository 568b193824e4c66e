package report

import "github.com/scrip-network/scrip/lab/scenarios"

// card says what a protocol is.
type card struct {
	Title, Quorum, Delays, Change, Signatures, Missing string
}

// cardOf describes an engine.
func cardOf(e scenarios.Engine) card {
	c := card{Title: e.Title, Signatures: "ed25519, each transaction checked once a member, in batches"}
	switch {
	case e.Comet != "":
		c.Quorum, c.Delays = "more than two thirds by power", "three, and gossip hops"
		c.Change = "next round, from the votes that were gossiped"
		c.Missing = "another system with the same coupon rules; its own transport, gossip and block store"
		if e.Comet == "admission" {
			c.Signatures = "ed25519, each transaction checked when it is admitted, one by one"
		}
	case e.Original:
		c.Quorum, c.Delays = "2f + 1 of 3f + 1, twice", "three"
		c.Change = "one report per member with a certificate for each open slot"
		c.Missing = "MACs instead of signatures; tentative execution; read-only shortcut"
		if e.Window == 1 {
			c.Missing += "; more than one block at a time"
		}
	default:
		c.Quorum, c.Delays = "n − p for two delays, a quorum twice for three", "two, or three beyond p slow members"
		c.Change = "one report per member about its highest block"
		if !e.Lanes {
			c.Missing = "payload dissemination apart from proposals"
		}
		if e.Whole {
			c.Missing += "; proposals without certificates that others make themselves, COMMITs that need not be sent"
		}
		if e.Slow {
			c.Delays = "two only while all members answer, else three"
		}
	}
	if e.Untuned {
		c.Missing += "; blocks paced by distance and line, and patience with bodies on their way"
	}
	return c
}
