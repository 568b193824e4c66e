package lanes

// check gives out transactions whose signatures are to be checked: in turn between lanes,
// never more than checkingMax of one at a time (L5).
func (l *Lanes) check(nowNs int64) {
	for _, x := range l.lanes {
		for len(x.waiting) > 0 && x.inPool < checkingMax && nowNs >= x.pauseNs && nowNs >= x.uncheckedNs {
			h := x.waiting[0]
			if h.freed || h.next == len(h.entries) {
				x.waiting = x.waiting[1:]
				continue
			}
			first := h.next
			h.next = min(len(h.entries), first+checkingMax-x.inPool)
			x.inPool += h.next - first
			for i := first; i < h.next; i++ {
				if h.entries[i].standing == unknown {
					h.entries[i].standing = checking
				}
			}
			l.out.Checks = append(l.out.Checks, Check{From: x.id, Txs: h.Txs[first:h.next], h: h, first: first})
		}
	}
}

// Checked answers a Check, with a verdict for each of its transactions.
func (l *Lanes) Checked(c Check, verdicts []Verdict, nowNs int64) {
	x := c.h.lane
	x.inPool -= len(c.Txs)
	for i := range verdicts {
		v, at := &verdicts[i], c.first+i
		e := &c.h.entries[at]
		switch {
		case c.h.freed || e.standing != checking:
		case v.Busy:
			e.standing = unknown
			l.again(c.h, at, nowNs)
		case v.Valid:
			l.news++
			*e = entry{standing: valid, id: v.ID, checked: v.Checked}
			if l.enter(c.h, at); v.Settled {
				l.leave(c.h, at)
				l.settle(c.h, at)
			}
		default:
			l.settle(c.h, at)
			x.strike(nowNs)
		}
	}
}

// again lets a batch be checked once more from a transaction on.
func (l *Lanes) again(h *held, at int, nowNs int64) {
	x := h.lane
	x.pauseNs = nowNs + busyPauseNs
	if at < h.next {
		h.next = at
	}
	for _, y := range x.waiting {
		if y == h {
			return
		}
	}
	x.waiting = append([]*held{h}, x.waiting...)
}

// strike counts what a correct member does not push, and stops checking its lane for too
// many.
func (x *lane) strike(nowNs int64) {
	if nowNs < x.uncheckedNs {
		return
	}
	kept := x.strikes[:0]
	for _, at := range x.strikes {
		if at+strikeNs > nowNs {
			kept = append(kept, at)
		}
	}
	x.strikes = append(kept, nowNs)
	if len(x.strikes) < strikesMax {
		return
	}
	x.strikes = x.strikes[:0]
	if x.penaltyNs = min(2*x.penaltyNs, uncheckedMaxNs); x.penaltyNs == 0 || nowNs-x.uncheckedNs > uncheckedMaxNs {
		x.penaltyNs = uncheckedNs
	}
	x.uncheckedNs = nowNs + x.penaltyNs
}
