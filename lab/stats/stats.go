package stats

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// Resamples is how many samples a bootstrap draws.
const Resamples = 2000

// confidence is what an interval covers.
const confidence = 0.95

// Estimate describes repeated measurements of one quantity. Lo and Hi bound the
// 95 % bootstrap interval of the median; with fewer than IntervalMin values there
// is none, and both equal the median.
type Estimate struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Q1     float64 `json:"q1"`
	Q3     float64 `json:"q3"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// IntervalMin is the least number of values for an interval.
const IntervalMin = 3

// HasInterval reports whether Lo and Hi mean something.
func (e Estimate) HasInterval() bool { return e.N >= IntervalMin }

// Apart reports whether two estimates differ beyond their intervals; without
// intervals nothing is apart.
func (e Estimate) Apart(o Estimate) bool {
	return e.HasInterval() && o.HasInterval() && (e.Hi < o.Lo || o.Hi < e.Lo)
}

// Of describes values, drawing the interval from seed. No values give the zero
// Estimate.
func Of(values []float64, seed uint64) Estimate {
	if len(values) == 0 {
		return Estimate{}
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	e := Estimate{N: len(sorted), Median: Quantile(sorted, 0.5), Q1: Quantile(sorted, 0.25), Q3: Quantile(sorted, 0.75)}
	e.Lo, e.Hi = e.Median, e.Median
	if e.HasInterval() {
		r := source(seed, sorted)
		e.Lo, e.Hi = interval(func() float64 { return resampledMedian(r, sorted) })
	}
	return e
}

// Ratio describes the median of a over the median of b; the interval resamples
// both. N is the smaller number of values. It is the zero Estimate if one is empty
// or the median of b is 0.
func Ratio(a, b []float64, seed uint64) Estimate {
	if len(a) == 0 || len(b) == 0 {
		return Estimate{}
	}
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	below := Quantile(b, 0.5)
	if below == 0 {
		return Estimate{}
	}
	m := Quantile(a, 0.5) / below
	e := Estimate{N: min(len(a), len(b)), Median: m, Q1: m, Q3: m, Lo: m, Hi: m}
	if !e.HasInterval() {
		return e
	}
	r := source(seed, append(slices.Clone(a), b...))
	draws := make([]float64, 0, Resamples)
	for range Resamples {
		if d := resampledMedian(r, b); d != 0 {
			draws = append(draws, resampledMedian(r, a)/d)
		}
	}
	slices.Sort(draws)
	if len(draws) > 0 {
		e.Q1, e.Q3 = Quantile(draws, 0.25), Quantile(draws, 0.75)
		e.Lo, e.Hi = Quantile(draws, (1-confidence)/2), Quantile(draws, (1+confidence)/2)
	}
	return e
}

// source returns the random numbers for some values: the same for the same ones.
func source(seed uint64, values []float64) *rand.Rand {
	h := fnv.New64a()
	for _, v := range values {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

func interval(draw func() float64) (lo, hi float64) {
	draws := make([]float64, Resamples)
	for i := range draws {
		draws[i] = draw()
	}
	slices.Sort(draws)
	return Quantile(draws, (1-confidence)/2), Quantile(draws, (1+confidence)/2)
}

func resampledMedian(r *rand.Rand, values []float64) float64 {
	drawn := make([]float64, len(values))
	for i := range drawn {
		drawn[i] = values[r.IntN(len(values))]
	}
	slices.Sort(drawn)
	return Quantile(drawn, 0.5)
}

// Quantile returns the q-quantile (0 to 1) of ascending values, between two of
// them by linear interpolation. It is 0 for none.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Percentile returns the least of ascending values that at least p per cent of
// them do not exceed (nearest rank): it is always a measured one. It is the zero
// value for none.
func Percentile[T cmp.Ordered](sorted []T, p float64) (v T) {
	if len(sorted) == 0 {
		return v
	}
	// The product of a percentage and a count is exact enough but for its last bits.
	rank := int(math.Ceil(p*float64(len(sorted))/100 - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Power is y = Factor * x^Exponent, fitted by least squares of the logarithms. R2
// is the share of the variance of log y that it explains.
type Power struct {
	Exponent float64 `json:"exponent"`
	Factor   float64 `json:"factor"`
	R2       float64 `json:"r2"`
	Points   int     `json:"points"`
}

// FitPower fits a power law to points with positive coordinates; others are left
// out. It reports false with fewer than two different x.
func FitPower(x, y []float64) (p Power, ok bool) {
	var lx, ly []float64
	for i := range min(len(x), len(y)) {
		if x[i] > 0 && y[i] > 0 {
			lx, ly = append(lx, math.Log(x[i])), append(ly, math.Log(y[i]))
		}
	}
	if len(lx) < 2 {
		return Power{}, false
	}
	mx, my := mean(lx), mean(ly)
	var sxx, sxy, syy float64
	for i := range lx {
		dx, dy := lx[i]-mx, ly[i]-my
		sxx, sxy, syy = sxx+dx*dx, sxy+dx*dy, syy+dy*dy
	}
	if sxx == 0 {
		return Power{}, false
	}
	p = Power{Exponent: sxy / sxx, R2: 1, Points: len(lx)}
	p.Factor = math.Exp(my - p.Exponent*mx)
	if syy > 0 {
		p.R2 = sxy * sxy / (sxx * syy)
	}
	return p, true
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Round returns v with so many significant digits.
func Round(v float64, digits int) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) || scale == 0 {
		return v
	}
	return math.Round(v*scale) / scale
}
