package coupontest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"strconv"
	"testing"
)

// decisionSteps is the number of transactions of TestRandomDecisions, SCRIP_DECISIONS if that is set.
func decisionSteps(t *testing.T) int {
	if s := os.Getenv("SCRIP_DECISIONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SCRIP_DECISIONS: %v", err)
		}
		return n
	}
	return 2_000
}

// TestRandomDecisions runs model and machine over random chains on which members decide, and compares every row after
// every block; coupon.CheckInvariants looks at each state, so that a quorum of the present and of the staged set is
// ACTIVE at all times. SCRIP_SEED sets the first seed, SCRIP_DECISIONS the number of transactions.
func TestRandomDecisions(t *testing.T) {
	steps, want := 0, decisionSteps(t)
	first := firstSeed(t)
	seed, epochs := first, 0
	for ; steps < want; seed++ {
		h := GovernedHistory(seed, 150)
		if err := replay(t, h); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := untouched(h); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, b := range h.Blocks {
			steps += len(b.Txs)
		}
		epochs += int(h.Blocks[len(h.Blocks)-1].Head.Epoch)
	}
	t.Logf("%d transactions and %d changes of the set, of seeds %d to %d", steps, epochs, first, seed-1)
}

// untouched requires that no decision touches a coupon, a redemption, what a campaign owes, or a locked sum.
func untouched(h *History) error {
	m := NewModel(h.World)
	money := func() map[string][]byte {
		rows := m.Rows()
		maps.DeleteFunc(rows, func(key string, _ []byte) bool {
			switch key[0] {
			case rowCoupon, rowRedemption, rowObligation, rowHolder, rowBatch, rowTerms, rowMoney, rowDebt, rowPosition,
				rowRefund, rowRefundSums:
				return false
			}
			return true
		})
		for k, f := range m.funding {
			rows[fmt.Sprint("locked ", k)] = le64(nil, f.locked)
		}
		for id, c := range m.campaigns {
			rows[fmt.Sprint("campaign ", id)] = le64(le64(le32(nil, c.issued), c.committed), c.accrued)
		}
		for k, v := range rows {
			if bytes.HasPrefix([]byte(k), []byte("locked")) && bytes.Equal(v, le64(nil, 0)) {
				delete(rows, k) // no row and a row of nothing locked are the same
			}
		}
		return rows
	}
	for _, b := range h.Blocks {
		m.head = b.Head
		before := money()
		m.Begin(b.Height, b.TimeMs)
		for _, raw := range append([][]byte{nil}, b.Txs...) {
			if raw != nil {
				if t, _ := DecodeAt(2, raw); t.Kind < KindPropose || t.Kind == KindMemberKeys {
					m.Execute(raw)
					before = money()
					continue
				}
				m.Execute(raw)
			}
			after := money()
			if err := sameRows(before, after); err != nil {
				return fmt.Errorf("block %d: a decision changes %w", b.Height, err)
			}
		}
		m.End()
	}
	return nil
}

// reachable3 lists, by kind, what random decisions have to reach.
var reachable3 = map[uint8][]string{
	8:  {"204 stopped"},
	9:  {"204 stopped"},
	10: {"204 stopped"},
	KindPropose: {
		"0 proposed open", "0 proposed passed", "0 proposed executed", "0 proposed failed 2", "0 proposed failed 6",
		"0 proposed failed 7", "106 no seat", "106 backer without seat", "106 member not active", "106 not an admin key",
		"106 no consent", "701 quorum", "202 too far ahead", "608 recovery too soon", "703 four open", "104 expired",
		"105 seen",
	},
	KindVote: {
		"0 voted open", "0 voted passed", "0 voted executed", "0 voted failed 2", "0 voted failed 6", "0 vetoed",
		"0 voted later passed", "0 voted later failed 7", "106 no seat", "106 no veto", "106 member not active",
		"703 unknown", "703 another action", "703 decided", "703 lapsed", "701 quorum",
	},
	KindSeatKey: {
		"0 announced", "0 changed", "702 announced before", "702 a till's or a service key", "702 an admin key",
		"608 too soon", "106 vouched without seat", "106 vouched by another", "106 member not active",
	},
	KindSeatReady: {
		"0 ready", "0 ready and queued", "301 nothing announced", "301 another key", "606 to come", "606 old",
		"608 too soon", "608 version",
	},
	KindEvidence: {"0 recorded", "606 set", "606 proves nothing", "606 recorded"},
}

// reachedDecisions lists, by action and code, in what proposals have to end, and events of the ends of blocks.
var reachedDecisions = []string{
	"1/0", "2/0", "3/0", "4/0", "5/0", "6/0", "7/0", "8/0", "9/0", "10/0", "11/0", "12/0",
	"1/702", "2/201", "2/609", "3/609", "4/702", "5/201", "5/601", "6/201", "7/201", "8/608", "8/201",
	"9/201", "9/606", "9/609", "9/702", "9/703", "10/201", "10/608", "10/703", "11/703", "12/201", "2/703",
	"epoch.begun", "epoch.staged", "stop.lifted", "governance.executed", "governance.failed", "skips", "rekeyed",
}

// TestDecisionsReachEveryOutcome is what makes TestRandomDecisions worth its time.
func TestDecisionsReachEveryOutcome(t *testing.T) {
	reached := map[string]int{}
	for seed := uint64(1); seed <= 60; seed++ {
		h := GovernedHistory(seed, 150)
		m := NewModel(h.World)
		for _, b := range h.Blocks {
			for _, name := range b.reached {
				reached[name]++
			}
			m.head = b.Head
			m.Begin(b.Height, b.TimeMs)
			for _, raw := range b.Txs {
				m.Execute(raw)
			}
			m.End()
			for _, e := range m.blockEvents() {
				reached[e.name]++
			}
			if n := m.two.next; n != nil && n.at == b.Height {
				if len(n.body.Skips) > 0 {
					reached["skips"]++
				}
				for _, s := range n.body.Seats {
					if at := m.two.set.body.place(s.Member); at >= 0 && m.two.set.body.Seats[at].Key != s.Key {
						reached["rekeyed"]++
					}
				}
			}
		}
		for _, p := range m.two.proposals {
			if p.state >= propExecuted {
				reached[fmt.Sprintf("%d/%d", p.act.Num, p.code)]++
			}
		}
	}
	for _, name := range reachedDecisions {
		if reached[name] == 0 {
			t.Errorf("%s is not reached", name)
		}
	}
	for kind, outcomes := range reachable3 {
		for _, o := range outcomes {
			if name := fmt.Sprintf("%d/%s", kind, o); reached[name] == 0 {
				t.Errorf("%s is not reached", name)
			}
		}
	}
}
