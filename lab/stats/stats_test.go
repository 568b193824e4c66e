package stats

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %v, wanted %v", what, got, want)
	}
}

// Of 1 to 5 the quartiles are 2 and 4; of 1 to 4 they lie a quarter of the way.
func TestMedianAndQuartilesByHand(t *testing.T) {
	e := Of([]float64{5, 1, 4, 2, 3}, 1)
	if e.N != 5 || e.Median != 3 || e.Q1 != 2 || e.Q3 != 4 {
		t.Errorf("%+v", e)
	}
	e = Of([]float64{4, 3, 2, 1}, 1)
	if e.Median != 2.5 || e.Q1 != 1.75 || e.Q3 != 3.25 {
		t.Errorf("%+v", e)
	}
	if e := Of(nil, 1); e != (Estimate{}) {
		t.Errorf("no values give %+v", e)
	}
}

func TestFewValuesHaveNoInterval(t *testing.T) {
	e := Of([]float64{7, 9}, 1)
	if e.HasInterval() || e.Lo != 8 || e.Hi != 8 {
		t.Errorf("%+v", e)
	}
	if e.Apart(Of([]float64{100, 101, 102}, 1)) {
		t.Error("two values are apart from something")
	}
}

// The median of five drawn from 1..5 is at most 1 with the chance of three or more
// of five draws being 1, 5.8 %, and exceeds 4 as rarely: so the interval of 95 %
// is all of it. Of a hundred values it is narrow: sqrt(n)/2 ranks and twice that
// to each side of the middle.
func TestBootstrapInterval(t *testing.T) {
	e := Of([]float64{1, 2, 3, 4, 5}, 7)
	if e.Lo != 1 || e.Hi != 5 {
		t.Errorf("interval %v to %v, wanted 1 to 5", e.Lo, e.Hi)
	}
	var many []float64
	for i := range 101 {
		many = append(many, float64(i))
	}
	e = Of(many, 7)
	near(t, "the lower end", e.Lo, 40, 3)
	near(t, "the upper end", e.Hi, 60, 3)
	if again := Of(many, 7); again != e {
		t.Errorf("the same seed gives %+v and %+v", e, again)
	}
	if !e.Apart(Of([]float64{200, 201, 202, 203}, 7)) || e.Apart(e) {
		t.Error("apart means that the intervals do not meet")
	}
}

func TestRatio(t *testing.T) {
	e := Ratio([]float64{20, 22, 24}, []float64{10, 11, 12}, 3)
	if e.Median != 2 || e.Lo < 20.0/12 || e.Hi > 2.4 || e.Lo > 2 || e.Hi < 2 {
		t.Errorf("%+v", e)
	}
	if e := Ratio([]float64{1}, []float64{0}, 3); e != (Estimate{}) {
		t.Errorf("over nothing: %+v", e)
	}
}

// Nearest rank: of ten values p50 is the fifth, p90 the ninth, anything above the
// tenth.
func TestPercentileIsAMeasuredValue(t *testing.T) {
	values := []int64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	for _, c := range []struct {
		p    float64
		want int64
	}{{0, 10}, {10, 10}, {10.1, 20}, {50, 50}, {90, 90}, {99, 100}, {99.9, 100}, {100, 100}} {
		if got := Percentile(values, c.p); got != c.want {
			t.Errorf("p%v is %d, wanted %d", c.p, got, c.want)
		}
	}
	var thousand []int64
	for i := range int64(1000) {
		thousand = append(thousand, i+1)
	}
	if got := Percentile(thousand, 99.9); got != 999 {
		t.Errorf("p99.9 of a thousand is the %dth", got)
	}
	if got := Percentile([]int64(nil), 50); got != 0 {
		t.Errorf("of none: %d", got)
	}
}

// 3 x^2 is found exactly; doubling one of three points in the middle changes only
// the factor, by the third root of two.
func TestFitPower(t *testing.T) {
	p, ok := FitPower([]float64{2, 4, 8}, []float64{12, 48, 192})
	if !ok {
		t.Fatal("no fit")
	}
	near(t, "the exponent", p.Exponent, 2, 1e-12)
	near(t, "the factor", p.Factor, 3, 1e-9)
	near(t, "R2", p.R2, 1, 1e-12)
	p, _ = FitPower([]float64{2, 4, 8}, []float64{12, 96, 192})
	near(t, "the exponent", p.Exponent, 2, 1e-12)
	near(t, "the factor", p.Factor, 3*math.Cbrt(2), 1e-9)
	// Residuals of log2: -1/3, 2/3, -1/3; total variance of 2, 5, 6 less their mean.
	near(t, "R2", p.R2, 1-(6.0/9)/(8+6.0/9), 1e-12)
	if _, ok := FitPower([]float64{4, 4}, []float64{1, 2}); ok {
		t.Error("fitted a power to one x")
	}
	if _, ok := FitPower([]float64{1, 2}, []float64{0, 2}); ok {
		t.Error("fitted a power to one usable point")
	}
}

func TestRound(t *testing.T) {
	for _, c := range [][2]float64{{123456, 123000}, {0.00123456, 0.00123}, {-9.999, -10}, {0, 0}} {
		near(t, "rounded", Round(c[0], 3), c[1], math.Abs(c[1])*1e-12)
	}
}
