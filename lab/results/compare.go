package results

import (
	"errors"

	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/lab/stats"
)

// Change is a metric of one cell in two folders.
type Change struct {
	Part   string         `json:"part"`
	Mode   scenarios.Mode `json:"mode"`
	Cell   scenarios.Cell `json:"cell"`
	Metric string         `json:"metric"`
	Before stats.Estimate `json:"before"`
	After  stats.Estimate `json:"after"`
	// Ratio is after over before.
	Ratio stats.Estimate `json:"ratio"`
	// Beyond says that the interval of the ratio does not hold 1.
	Beyond bool `json:"beyond_noise"`
}

// ErrNothingCommon says that two folders have no cell of one mode in common.
var ErrNothingCommon = errors.New("the two folders have no cell in common")

// Compare sets side by side what two folders measured of the same cells in the same
// mode. Cells and metrics of one folder alone are left out.
func Compare(before, after *Summary, seed uint64) (all []Change, err error) {
	for i := range before.Parts {
		b := &before.Parts[i]
		for k := range after.Parts {
			a := &after.Parts[k]
			if a.Name != b.Name || a.Mode != b.Mode || a.Workload != b.Workload {
				continue
			}
			all = append(all, compareParts(b, a, seed)...)
		}
	}
	if len(all) == 0 {
		return nil, ErrNothingCommon
	}
	return all, nil
}

func compareParts(before, after *Part, seed uint64) (all []Change) {
	for i := range before.Cells {
		b := &before.Cells[i]
		for k := range after.Cells {
			a := &after.Cells[k]
			if a.Cell != b.Cell {
				continue
			}
			for _, m := range scenarios.Metrics() {
				r := stats.Ratio(a.Values[m.Name], b.Values[m.Name], seed)
				if r.N == 0 {
					continue
				}
				all = append(all, Change{Part: before.Name, Mode: before.Mode, Cell: b.Cell, Metric: m.Name,
					Before: b.Metrics[m.Name], After: a.Metrics[m.Name], Ratio: rounded(r),
					Beyond: r.HasInterval() && (r.Lo > 1 || r.Hi < 1)})
			}
		}
	}
	return all
}
