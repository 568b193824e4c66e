package trial

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scrip-network/scrip/lab/results"
)

// stageSum is what a member says about one stage since its start.
type stageSum struct{ seconds, txs float64 }

// stageSums are those of a member by the stage's name; nil if it did not say.
type stageSums map[string]stageSum

// Bounds of asking a member for its metrics.
const (
	metricsTimeout  = 5 * time.Second
	metricsBytesMax = 4 << 20
)

// scrape asks all members that run for their stages.
func (m *measurement) scrape(ctx context.Context) []stageSums {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	urls := m.system.URLs()
	all := make([]stageSums, len(urls))
	var g sync.WaitGroup
	for i, url := range urls {
		if !m.isDown(i) {
			g.Go(func() { all[i], _ = stagesOf(ctx, url) }) // a member may die meanwhile
		}
	}
	g.Wait()
	return all
}

// stagesOf asks one member.
func stagesOf(ctx context.Context, url string) (stageSums, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for metrics: %s", answer.Status)
	}
	return readStages(io.LimitReader(answer.Body, metricsBytesMax))
}

// readStages finds the stages among metrics in the text form.
func readStages(r io.Reader) (stageSums, error) {
	all := make(stageSums)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), "scrip_tx_stage_seconds_")
		if !found {
			continue
		}
		kind, rest, _ := strings.Cut(rest, `{stage="`)
		name, number, _ := strings.Cut(rest, `"} `)
		if kind != "sum" && kind != "count" {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %w", err)
		}
		s := all[name]
		if kind == "sum" {
			s.seconds = v
		} else {
			s.txs = v
		}
		all[name] = s
	}
	return all, lines.Err()
}

// addStages adds what happened between two times to the counters, all members
// together. One that was down at either end, or began anew between, is left out.
func addStages(c results.Counters, before, after []stageSums) {
	for i := range min(len(before), len(after)) {
		for name, end := range after[i] {
			begin, ok := before[i][name]
			if !ok || end.txs < begin.txs || end.seconds < begin.seconds {
				continue
			}
			c[results.PrefixStageUs+name] += (end.seconds - begin.seconds) * 1e6
			c[results.PrefixStageTxs+name] += end.txs - begin.txs
		}
	}
}
