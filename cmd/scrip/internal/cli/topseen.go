package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/survey"
)

// topAnswer is one look at a network; the fields are stable.
type topAnswer struct {
	Time  string `json:"time"`
	Chain string `json:"chain,omitempty"`
	// Validators is the size of the committee, Voting how many of those asked vote, Quorum
	// how many must.
	Validators int       `json:"validators"`
	Voting     int       `json:"voting"`
	Quorum     int       `json:"quorum"`
	Height     uint64    `json:"height"`
	View       uint64    `json:"view"`
	Primary    int       `json:"primary"`
	TxRate     *float64  `json:"tx_per_s,omitempty"`
	Nodes      []topNode `json:"nodes"`
}

// topNode is one node of a look. What it did not tell is absent.
type topNode struct {
	URL       string `json:"url"`
	Error     string `json:"error,omitempty"`
	Replica   int    `json:"replica"` // -1: not known
	Version   string `json:"version,omitempty"`
	Condition string `json:"condition,omitempty"`
	Ready     bool   `json:"ready"`
	Reason    string `json:"reason,omitempty"`
	Height    uint64 `json:"height"`
	Behind    uint64 `json:"behind"` // than the highest node of the look
	View      uint64 `json:"view"`
	Heard     int    `json:"members_heard"`
	Waiting   int    `json:"mempool_txs"`

	LinksUp     *int     `json:"links_up,omitempty"`
	Links       *int     `json:"links,omitempty"`
	RoundTripS  *float64 `json:"round_trip_s,omitempty"` // the median of its links
	ClockAheadS *float64 `json:"clock_ahead_s,omitempty"`
	TxRate      *float64 `json:"tx_per_s,omitempty"`
	BlockRate   *float64 `json:"blocks_per_s,omitempty"`
	CommitP50S  *float64 `json:"commit_p50_s,omitempty"`
	CommitP99S  *float64 `json:"commit_p99_s,omitempty"`
	CPU         *float64 `json:"cpu,omitempty"` // processors in use
	MemoryBytes *float64 `json:"memory_bytes,omitempty"`
	DiskFree    *float64 `json:"disk_free_bytes,omitempty"`
}

// newTopAnswer puts a look together; what was seen last makes rates of counts.
func newTopAnswer(nodes, last []survey.Node, at time.Time) (x topAnswer) {
	x.Time, x.Primary = at.UTC().Format("2006-01-02T15:04:05Z"), -1
	var rates []float64
	for i, n := range nodes {
		var before survey.Node
		if i < len(last) {
			before = last[i]
		}
		t := newTopNode(n, before)
		x.Nodes = append(x.Nodes, t)
		if n.Status == nil {
			continue
		}
		if t.Condition == "voting" {
			x.Voting++
		}
		if t.TxRate != nil {
			rates = append(rates, *t.TxRate)
		}
		if t.Height >= x.Height {
			x.Height, x.Chain, x.Validators = t.Height, n.Status.Chain, n.Status.Validators
		}
		if t.View >= x.View {
			x.View, x.Primary = t.View, int(n.Status.Primary)
		}
	}
	x.Quorum = x.Validators - (x.Validators-1)/3
	for i := range x.Nodes {
		if x.Nodes[i].Error == "" {
			x.Nodes[i].Behind = x.Height - x.Nodes[i].Height
		}
	}
	if len(rates) > 0 {
		slices.Sort(rates)
		x.TxRate = &rates[len(rates)/2]
	}
	slices.SortStableFunc(x.Nodes, func(a, b topNode) int { return cmp.Compare(uint(a.Replica), uint(b.Replica)) })
	return x
}

func newTopNode(n, before survey.Node) topNode {
	t := topNode{URL: n.URL, Replica: -1}
	if n.Status == nil {
		t.Error = shortReason(n.Err)
		if before.Status != nil {
			t.Replica = int(before.Status.Replica)
		}
		return t
	}
	t.fromStatus(n.Status)
	t.fromMetrics(n.Metrics)
	if span := n.At.Sub(before.At).Seconds(); before.Metrics != nil && n.Metrics != nil && span > 0 {
		rate := func(name string) *float64 {
			now, ok := n.Metrics.Sum(name)
			old, _ := before.Metrics.Sum(name)
			if !ok || now < old { // it began anew
				return nil
			}
			r := (now - old) / span
			return &r
		}
		t.TxRate, t.BlockRate = rate("scrip_consensus_txs_total"), rate("scrip_consensus_blocks_total")
		t.CPU = rate("process_cpu_seconds_total")
	}
	for p, to := range map[float64]**float64{0.5: &t.CommitP50S, 0.99: &t.CommitP99S} {
		if q, ok := n.Metrics.Quantile("scrip_tx_commit_seconds", before.Metrics, p); ok {
			*to = &q
		}
	}
	return t
}

func (t *topNode) fromStatus(s *client.StatusAnswer) {
	t.Replica, t.Version, t.Condition, t.Ready, t.Reason = int(s.Replica), s.Version, s.Condition, s.Ready, s.Reason
	t.Height, t.View, t.Heard, t.Waiting = uint64(s.Height), uint64(s.View), s.PeersUp, s.MempoolTxs
}

func (t *topNode) fromMetrics(m survey.Metrics) {
	for name, to := range map[string]**float64{"scrip_clock_ahead_seconds": &t.ClockAheadS,
		"process_resident_memory_bytes": &t.MemoryBytes, "scrip_disk_free_bytes": &t.DiskFree} {
		if v, ok := m.Sum(name); ok {
			*to = &v
		}
	}
	links, up := 0, 0
	m.Each("scrip_p2p_link_up", nil, func(v float64, _ survey.Labels) { links, up = links+1, up+int(v) })
	if links > 0 {
		t.Links, t.LinksUp = &links, &up
	}
	var trips []float64
	m.Each("scrip_p2p_link_round_trip_seconds", nil, func(v float64, _ survey.Labels) {
		if v > 0 {
			trips = append(trips, v)
		}
	})
	if len(trips) > 0 {
		slices.Sort(trips)
		t.RoundTripS = &trips[len(trips)/2]
	}
}

// shortReason is the last part of an error of a request, which begins with what is known.
func shortReason(err error) string {
	text := fmt.Sprint(err)
	if i := strings.LastIndex(text, `": `); i >= 0 {
		text = text[i+len(`": `):]
	}
	return strings.TrimPrefix(text, "dial tcp ")
}
