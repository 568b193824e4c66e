package pbfttest

import "github.com/scrip-network/scrip/pbft"

// send puts a message of an honest replica on its links.
func (c *cluster) send(from pbft.ReplicaID, to pbft.ReplicaID, m pbft.Message, encoded []byte, honest bool) {
	for _, x := range c.instances[to] {
		c.transmit(event{kind: eventMessage, node: x.index, from: from, message: m, encoded: encoded, honest: honest}, to)
	}
}

func (c *cluster) transmit(e event, to pbft.ReplicaID) {
	c.counts.Messages++
	if c.stage != nil {
		c.stage.enqueue(e, to)
		return
	}
	if c.healed {
		c.schedule(500+c.uniform(min(c.plan.delayUs, 10_000))+c.lateness(e.from), e)
		return
	}
	if c.cut[e.from][to] || c.chance(c.plan.loss) || c.omits(e.from, to, e.message) {
		c.trace.mix(1, uint64(to))
		return
	}
	delay := 500 + c.uniform(c.plan.delayUs) + c.lateness(e.from)
	if c.chance(c.plan.hold) {
		delay += c.uniform(max(c.plan.safetyUs-c.now, 0))
	}
	c.schedule(delay, e)
	if c.chance(c.plan.duplicate) {
		c.schedule(500+c.uniform(3*c.plan.delayUs+20_000), e)
	}
}

// late is how slow a member is at present: an honest one until the faults end.
func (c *cluster) late(id pbft.ReplicaID) int64 {
	if c.healed && !c.plan.byzantine[id] {
		return 0
	}
	return c.plan.lateUs[id]
}

// lateness is how long a slow member takes before it sends what it has to say.
func (c *cluster) lateness(from pbft.ReplicaID) int64 {
	if c.late(from) == 0 {
		return 0
	}
	return c.late(from)/2 + c.uniform(c.late(from)/2)
}

// omits is a decision per view, kind and link that holds for the whole run: the
// directed omissions to which partitions are blind.
func (c *cluster) omits(from, to pbft.ReplicaID, m pbft.Message) bool {
	if c.plan.omit == 0 || !c.plan.byzantine[from] && c.now > c.plan.safetyUs {
		return false
	}
	h := c.omitKey ^ uint64(viewOf(m))*0x9e3779b97f4a7c15 ^ uint64(m.Kind())<<40 ^ uint64(from)<<20 ^ uint64(to)
	h *= 0xff51afd7ed558ccd
	h ^= h >> 32
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 29
	return int(h%1000) < c.plan.omit
}

// viewOf returns the view that a message is about, 0 if none.
func viewOf(m pbft.Message) pbft.View {
	switch x := m.(type) {
	case *pbft.PrePrepare:
		return x.Header.View
	case *pbft.Prepare:
		return x.Block.View
	case *pbft.Commit:
		return x.Block.View
	case *pbft.Suspect:
		return x.View
	case *pbft.ViewChange:
		return x.View
	case *pbft.NewView:
		return x.View
	case *pbft.SlotViewChange:
		return x.View
	case *pbft.SlotNewView:
		return x.View
	}
	return 0
}

// changeCut draws another partition: none, a split, a split in one direction
// only, one replica alone, or random links.
func (c *cluster) changeCut() {
	if c.healed {
		return
	}
	n := len(c.cut)
	style, part, alone := c.rng.IntN(6), c.rng.Uint32(), c.rng.IntN(n)
	for from := range n {
		for to := range n {
			was := c.cut[from][to]
			a, b := part>>from&1 == 1, part>>to&1 == 1
			switch style {
			case 0, 1:
				c.cut[from][to] = false
			case 2:
				c.cut[from][to] = a != b
			case 3:
				c.cut[from][to] = a && !b
			case 4:
				c.cut[from][to] = from == alone || to == alone
			case 5:
				c.cut[from][to] = c.rng.IntN(4) == 0
			}
			if was && !c.cut[from][to] && from != to {
				for _, x := range c.instances[from] {
					if x.engine != nil {
						x.driver.Connected(pbft.ReplicaID(to))
					}
				}
			}
		}
	}
	c.trace.line(c.now, "cut style %d part %b alone %d", style, part&(1<<n-1), alone)
	c.schedule(c.uniform(2*c.plan.partitionUs), event{kind: eventNetwork})
}
