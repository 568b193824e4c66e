package pbfttest

import (
	"bytes"

	"github.com/scrip-network/scrip/pbft"
)

// recipeMark begins a recipe here; behind it stands the root of the payload.
const recipeMark = 0xaa

// recipeOf describes a payload that the cluster remembers.
func (c *cluster) recipeOf(payload []byte) []byte {
	root := payloadRoot(payload)
	c.bodies[root] = payload
	return append([]byte{recipeMark}, root[:]...)
}

// described returns the payload of a recipe, nil if nobody can make it.
func (c *cluster) described(recipe []byte) []byte {
	if len(recipe) != 33 || recipe[0] != recipeMark {
		return nil
	}
	return c.bodies[pbft.Digest(recipe[1:])]
}

// whole returns the block of a proposal with its body, if it can be made.
func (c *cluster) whole(m *pbft.PrePrepare) *pbft.Block {
	b := m.Block
	if len(m.Recipe) > 0 {
		b.Payload = c.bodies[m.Header.PayloadRoot]
	}
	return &b
}

// expansion is what a member's lanes make of a recipe.
type expansion uint8

const (
	expandSoon expansion = iota
	expandLate
	expandNever
	expandTwice
	expandWrong      // something else, and then the payload
	expandWrongAlone // something else
	expandMissing    // the driver gives up
	expandAfterAll   // the driver gives up, and then it can
	expansions
)

// drawExpansion chooses what becomes of a recipe that can be carried out.
func (c *cluster) drawExpansion() expansion {
	switch {
	case c.healed && c.later.IntN(8) == 0:
		return expandMissing
	case c.healed:
		return expandSoon
	case c.later.IntN(1000) < c.plan.stuck:
		return expandNever
	case c.later.IntN(2) == 0:
		return expandSoon
	}
	return expansion(c.later.IntN(int(expansions)))
}

// assemble has a recipe carried out, sooner or later or never.
func (c *cluster) assemble(x *node, a *pbft.Assemble) {
	payload := c.described(a.Recipe)
	how := c.drawExpansion()
	if payload == nil {
		how = []expansion{expandNever, expandMissing}[c.later.IntN(2)]
	} else if payloadRoot(payload) != a.Header.PayloadRoot {
		how = []expansion{expandWrongAlone, expandMissing}[c.later.IntN(2)]
	}
	c.counts.Expanded[how]++
	answer := func(payload []byte, most int64, untrue bool) {
		c.schedule(c.later.Int64N(most)+1, event{kind: eventAssembled, node: x.index, incarnation: x.incarnation,
			digest: a.Digest, payload: payload, valid: payload != nil, untrue: untrue})
	}
	const soon, late = 4_000, 400_000
	switch how {
	case expandTwice:
		answer(payload, soon, false)
		fallthrough
	case expandSoon:
		answer(payload, soon, false)
	case expandLate:
		answer(payload, late, false)
	case expandWrong:
		answer(payload, late, false)
		fallthrough
	case expandWrongAlone:
		answer(c.wrong(payload, a.Header.PayloadRoot), soon, true)
	case expandAfterAll:
		answer(payload, late, false)
		fallthrough
	case expandMissing:
		answer(nil, soon, false)
	}
}

// wrong returns something that is not the payload of a root.
func (c *cluster) wrong(payload []byte, root pbft.Digest) []byte {
	if payloadRoot(payload) != root {
		return payload
	}
	other := bytes.Clone(payload)
	if c.later.IntN(2) == 0 {
		return other[:len(other)-1]
	}
	other[len(other)-1]++
	return other
}

// assembled hands a member what its lanes made.
func (c *cluster) assembled(x *node, e *event) {
	if !e.valid {
		x.driver.PayloadMissing(e.digest)
		return
	}
	reason := x.driver.PayloadArrived(e.digest, e.payload)
	c.trace.mix(uint64(reason), uint64(e.kind))
	if e.untrue && reason == pbft.Accepted {
		c.fail("credulous", "r%d takes another payload than that of block %v", x.id, e.digest)
	}
}

// wake has x look at its clock when it asked to, if nothing else happens before.
func (c *cluster) wake(x *node, afterNs int64) {
	at := c.now + (afterNs+999)/1000
	if c.stage != nil || afterNs <= 0 || !c.plan.elide && !c.plan.patience || x.wakeUs > c.now && x.wakeUs <= at {
		return
	}
	x.wakeUs = at
	c.schedule(at-c.now, event{kind: eventWake, node: x.index, incarnation: x.incarnation})
}

// measure tells x how far the others are: what the network takes, or nothing.
func (c *cluster) measure(x *node) {
	if !c.plan.patience {
		return
	}
	for id := range c.plan.byzantine {
		if pbft.ReplicaID(id) != x.id {
			x.driver.Measured(pbft.ReplicaID(id), 2*(500+c.plan.delayUs/2)*1000, c.time(x))
		}
	}
}
