package chart

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Figure is something that can be drawn.
type Figure interface {
	// SVG returns an svg element without colours of its own. The footer, if not
	// empty, says at the lower edge where the figure comes from.
	SVG(footer string) []byte
	// Table returns what the figure shows.
	Table() Table
	// Heading returns the figure's title and the line under it.
	Heading() (title, mode string)
}

// Table is rows of texts under a head.
type Table struct {
	Head []string
	Rows [][]string
}

// Size of every figure, in units of its view box.
const (
	width  = 640
	height = 400
)

// Margins around the area of the data.
const (
	left   = 84
	right  = 24
	top    = 92
	bottom = 60
)

// Axis is a scale with its label.
type Axis struct {
	Label string
	Log   bool
	// Min and Max are included in the scale.
	Min, Max float64
	// Ticks, if set, are used instead of round numbers.
	Ticks []Tick
}

// Tick is a place of an axis with its text.
type Tick struct {
	At   float64
	Text string
}

// Number writes a value as figures and tables show it: three significant digits,
// thousands apart.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case a >= 1000:
		return thousands(int64(math.Round(v)))
	case a >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return trimmed(v, 1)
	case a >= 1:
		return trimmed(v, 2)
	case a >= 0.001:
		return trimmed(v, 3)
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
}

func trimmed(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

func thousands(v int64) string {
	s := strconv.FormatInt(v, 10)
	sign := ""
	if v < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// scale maps values to places.
type scale struct {
	axis     Axis
	from, to float64 // places of the ends
	lo, hi   float64 // values of the ends, logarithms on a log axis
	ticks    []Tick
}

// newScale fits an axis to values.
func newScale(a Axis, values []float64, from, to float64) *scale {
	s := &scale{axis: a, from: from, to: to}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range append(values, a.Min, a.Max) {
		if math.IsNaN(v) || math.IsInf(v, 0) || a.Log && v <= 0 {
			continue
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	if lo > hi {
		lo, hi = 0, 1
		if a.Log {
			lo, hi = 1, 10
		}
	}
	switch {
	case a.Log:
		s.fitLog(lo, hi)
	case a.Ticks != nil:
		s.lo, s.hi, s.ticks = lo, hi, a.Ticks
	default:
		s.fitLinear(lo, hi)
	}
	if s.hi <= s.lo {
		s.hi = s.lo + 1
	}
	if a.Ticks != nil {
		s.ticks = a.Ticks
	}
	return s
}

func (s *scale) fitLog(lo, hi float64) {
	steps := []float64{1, 2, 5}
	switch {
	case hi/lo > 2000:
		steps = []float64{1}
	case hi/lo < 8:
		steps = []float64{1, 1.5, 2, 3, 4, 5, 7}
	}
	below := func(v float64) float64 { // greatest step not above v
		d := math.Pow(10, math.Floor(math.Log10(v)))
		best := d
		for _, m := range steps {
			if m*d <= v*(1+1e-9) {
				best = m * d
			}
		}
		return best
	}
	first, last := below(lo), below(hi)
	if last < hi*(1-1e-9) || last == first {
		last = next(last, steps)
	}
	s.lo, s.hi = math.Log10(first), math.Log10(last)
	for v := first; v <= last*(1+1e-9); v = next(v, steps) {
		s.ticks = append(s.ticks, Tick{v, Number(v)})
	}
}

// next returns the step after v.
func next(v float64, steps []float64) float64 {
	d := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	for _, m := range steps {
		if m*d > v*(1+1e-9) {
			return m * d
		}
	}
	return 10 * d
}

func (s *scale) fitLinear(lo, hi float64) {
	if hi == lo {
		hi = lo + max(1, math.Abs(lo)/10)
	}
	step := niceStep((hi - lo) / 5)
	s.lo, s.hi = math.Floor(lo/step+1e-9)*step, math.Ceil(hi/step-1e-9)*step
	for i := 0; ; i++ {
		v := s.lo + float64(i)*step
		if v > s.hi+step/2 {
			return
		}
		if math.Abs(v) < step/1e6 {
			v = 0
		}
		s.ticks = append(s.ticks, Tick{v, Number(v)})
	}
}

func niceStep(v float64) float64 {
	d := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*d*(1+1e-9) {
			return m * d
		}
	}
	return 10 * d
}

// at returns the place of a value.
func (s *scale) at(v float64) float64 {
	if s.axis.Log {
		if v <= 0 {
			return s.from
		}
		v = math.Log10(v)
	}
	return s.from + (v-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// shows reports whether a value has a place.
func (s *scale) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!s.axis.Log || v > 0)
}

// drawing collects an svg element.
type drawing struct {
	bytes.Buffer
	footer string
	tall   int
}

// footerTall is how much taller a figure is with a footer.
const footerTall = 18

func (d *drawing) put(format string, args ...any) {
	_, _ = fmt.Fprintf(&d.Buffer, format+"\n", args...)
}

// begin writes the element's head and the texts above the data.
func (d *drawing) begin(title, mode, describe string, tall int) {
	if d.footer != "" {
		tall += footerTall
	}
	d.tall = tall
	d.put(`<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		width, tall, escape(title+". "+describe))
	d.put(`<rect class="bg" width="%d" height="%d"/>`, width, tall)
	d.text(16, 26, "title", "", title)
	d.text(16, 44, "mode", "", mode)
}

func (d *drawing) end() []byte {
	if d.footer != "" {
		d.text(width-right, float64(d.tall)-8, "footer", "end", d.footer)
	}
	d.put(`</svg>`)
	return d.Bytes()
}

func (d *drawing) text(x, y float64, class, anchor, s string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	d.put(`<text class="%s" x="%s" y="%s"%s>%s</text>`, class, place(x), place(y), anchor, escape(s))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	d.put(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, place(x1), place(y1), place(x2), place(y2))
}

// rect draws a rectangle with a hint.
func (d *drawing) rect(class string, x, y, w, h float64, hint string) {
	d.put(`<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="1.5"><title>%s</title></rect>`, class, place(x),
		place(y), place(max(w, 0)), place(max(h, 0)), escape(hint))
}

// place writes a coordinate with a tenth of a unit.
func place(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// escape also drops what XML cannot hold.
func escape(s string) string {
	return escaper.Replace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD {
			return -1
		}
		return r
	}, s))
}

// columnsOfText is about how many units a text of the legend is wide.
func columnsOfText(s string) float64 { return 7.2 * float64(len([]rune(s))) }
