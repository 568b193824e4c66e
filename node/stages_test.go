package node

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/scrip-network/scrip/pbft"
)

// histograms returns the histograms of a registry by name and stage.
func histograms(t *testing.T, r *prometheus.Registry) map[string]*dto.Histogram {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*dto.Histogram)
	for _, f := range families {
		for _, m := range f.Metric {
			if m.Histogram != nil {
				name := f.GetName()
				for _, l := range m.Label {
					name += "/" + l.GetValue()
				}
				all[name] = m.Histogram
			}
		}
	}
	return all
}

// Every own transaction passes each stage once, on the node that its client asked,
// and the stages from the mempool to the stored outcome add up to the whole.
func TestStagesAddUp(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	const each = 30
	for i, m := range c.members[:2] {
		var raws [][]byte
		for k := range each {
			raws = append(raws, newHashTx(clientKey, nowMs()+60_000, fmt.Sprintf("%d of %d", k, i)))
		}
		got := m.submitAll(t.Context(), raws...)
		for _, o := range got {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		Told(got)
	}
	for i, m := range c.members {
		all := histograms(t, m.node.Registry())
		want := uint64(0)
		if i < 2 {
			want = each
		}
		sum := 0.0
		for s := range stageCount {
			h := all["scrip_tx_stage_seconds/"+s.String()]
			if h.GetSampleCount() != want {
				t.Errorf("member %d: %d transactions passed %s, wanted %d", i, h.GetSampleCount(), s, want)
			}
			if s != stageDoor && s != stageNotify {
				sum += h.GetSampleSum()
			}
		}
		whole := all["scrip_tx_commit_seconds"]
		if whole.GetSampleCount() != want || math.Abs(whole.GetSampleSum()-sum) > 1e-6 {
			t.Errorf("member %d: %d transactions took %v s, their stages %v s", i, whole.GetSampleCount(),
				whole.GetSampleSum(), sum)
		}
	}
}

// The stages of a block whose times are known.
func TestStagesEndAtTheMilestonesOfABlock(t *testing.T) {
	s := &stages{epoch: time.Now().Add(-time.Hour)}
	const at = time.Minute
	block := pbft.CommittedBlock{Block: &pbft.Block{}, Digest: pbft.Digest{1}}
	h := &block.Block.Header
	h.Seq, h.TimeMs = 7, uint64(s.epoch.Add(at+10*time.Millisecond).UnixMilli())
	vote := &pbft.Prepare{Vote: pbft.Vote{Block: pbft.BlockRef{Seq: 7, Digest: block.Digest}}}
	s.sent([]pbft.Outgoing{{Message: vote}})
	s.committed([]pbft.CommittedBlock{block})
	b := &s.blocks[7]
	if b.prepared == 0 || b.committed < b.prepared {
		t.Fatalf("%+v", b)
	}
	b.prepared, b.committed = at+30*time.Millisecond, at+60*time.Millisecond
	s.sent([]pbft.Outgoing{{Message: vote}}) // again
	// One came before the proposal, one after it, one after the vote.
	end := s.executed(&block, []time.Duration{at, at + 25*time.Millisecond, at + 40*time.Millisecond})
	for stage, wantMs := range map[stage]int64{stageQueue: 10, stagePropose: 25, stageVote: 30 + 30 + 20} {
		gotMs := time.Duration(s.tallies[stage].sumNs.Load()).Milliseconds()
		if gotMs < wantMs-2 || gotMs > wantMs+2 {
			t.Errorf("%s took %d ms in sum, wanted %d", stage, gotMs, wantMs)
		}
	}
	if got, want := time.Duration(s.tallies[stageExecute].sumNs.Load()), 3*(end-b.committed); got != want {
		t.Errorf("execution took %v, wanted %v", got, want)
	}
	// Of a block that nobody saw coming, votes are not told apart.
	other := pbft.CommittedBlock{Block: &pbft.Block{}, Digest: pbft.Digest{2}}
	other.Block.Header.Seq = 8
	before := s.tallies[stageVote].sumNs.Load()
	s.executed(&other, []time.Duration{at})
	if s.tallies[stageVote].sumNs.Load() != before {
		t.Error("a block without milestones took time for votes")
	}
}

func TestTallyCountsInBuckets(t *testing.T) {
	var x tally
	for _, v := range []struct {
		d time.Duration
		n int
	}{{-5, 1}, {0, 1}, {tallyFirst, 1}, {tallyFirst + 1, 10}, {2 * tallyFirst, 100}, {time.Hour, 1000}} {
		x.add(v.d, v.n)
	}
	var m dto.Metric
	if err := x.metric(commitDesc).Write(&m); err != nil {
		t.Fatal(err)
	}
	want := map[float64]uint64{tallyFirst.Seconds(): 3, 2 * tallyFirst.Seconds(): 113, 4 * tallyFirst.Seconds(): 113}
	for _, b := range m.Histogram.Bucket {
		if n, ok := want[b.GetUpperBound()]; ok && n != b.GetCumulativeCount() {
			t.Errorf("%d up to %v s, wanted %d", b.GetCumulativeCount(), b.GetUpperBound(), n)
		}
	}
	sum := 1000*time.Hour + 11*tallyFirst + 10 + 200*tallyFirst
	if m.Histogram.GetSampleCount() != 1113 || m.Histogram.GetSampleSum() != sum.Seconds() {
		t.Errorf("%d of %v s, wanted 1113 of %v", m.Histogram.GetSampleCount(), m.Histogram.GetSampleSum(), sum.Seconds())
	}
}
