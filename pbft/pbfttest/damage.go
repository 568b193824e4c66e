package pbfttest

import "github.com/scrip-network/scrip/pbft"

// backup is a copy of what was durable at some time.
type backup struct {
	log    []pbft.Record
	last   uint64 // its last frame
	blocks int
	known  bool
}

// damage takes something from the log of a replica that has crashed: its last turn,
// or all since an older copy was made, as an operator does who puts a backup in
// place. What others remember of it must keep it from signing.
func (c *cluster) damage(x *node) {
	if !x.backup.known && c.rng.IntN(2) == 0 {
		x.backup = backup{append([]pbft.Record(nil), x.log...), x.last, len(x.chain), true}
	}
	if c.healed || !c.chance(c.plan.fragile) {
		return
	}
	lost := append([]pbft.Record(nil), x.log...)
	switch b := &x.backup; {
	case b.known && c.rng.IntN(4) == 0 && b.blocks <= len(x.chain):
		x.log, x.last, x.chain = append([]pbft.Record(nil), b.log...), b.last, x.chain[:b.blocks]
		x.synced = min(x.synced, b.blocks)
		c.counts.Damages[1]++
	case len(x.frames) > 0:
		x.log = x.log[:x.frames[len(x.frames)-1]]
		x.last--
		c.counts.Damages[0]++
	default:
		return
	}
	x.frames = nil
	x.damaged = true
	x.committed, x.view, x.viewChanged = 0, 0, 0
	c.trace.line(c.now, "r%d loses %d of its records", x.id, len(lost)-len(x.log))
}
