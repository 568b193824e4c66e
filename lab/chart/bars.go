package chart

import (
	"fmt"
	"math"
)

func pow10(v float64) float64 { return math.Pow(10, v) }

// Bars is horizontal bars in groups, beside each other or stacked.
type Bars struct {
	Title   string
	Mode    string
	Value   Axis
	Groups  []string
	Series  []BarSeries
	Stacked bool
	// GroupLabel names in the table what the groups are.
	GroupLabel string
}

// BarSeries is one bar for each group.
type BarSeries struct {
	Name  string
	Style int
	Bars  []Bar
}

// Bar has an interval if Lo < Hi. A missing one was not measured.
type Bar struct {
	Value, Lo, Hi float64
	Missing       bool
}

// Heading implements Figure.
func (c *Bars) Heading() (title, mode string) { return c.Title, c.Mode }

// Table implements Figure.
func (c *Bars) Table() Table {
	intervals := false
	for _, s := range c.Series {
		for _, b := range s.Bars {
			intervals = intervals || b.Lo < b.Hi
		}
	}
	t := Table{Head: []string{c.GroupLabel, "series", c.Value.Label}}
	if intervals {
		t.Head = append(t.Head, "95 % from", "to")
	}
	for i, g := range c.Groups {
		for _, s := range c.Series {
			if i >= len(s.Bars) || s.Bars[i].Missing {
				continue
			}
			row := []string{g, s.Name, Number(s.Bars[i].Value)}
			if intervals {
				row = append(row, interval(s.Bars[i].Lo, s.Bars[i].Hi)...)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// Measures of bars.
const (
	barTall    = 17
	barGap     = 3
	groupGap   = 15
	barsLeft   = 190
	barsLegend = 16
)

// SVG implements Figure.
func (c *Bars) SVG(footer string) []byte {
	perGroup := float64(len(c.Series)*(barTall+barGap) - barGap)
	if c.Stacked {
		perGroup = barTall + 8
	}
	low := top + (perGroup+groupGap)*float64(len(c.Groups))
	tall := int(low) + bottom
	x := newScale(c.Value, c.extent(), barsLeft, width-right-64)
	d := &drawing{footer: footer}
	d.begin(c.Title, c.Mode, fmt.Sprintf("%s of %d groups", c.Value.Label, len(c.Groups)), tall)
	last := -1e9
	for _, t := range x.ticks {
		at := x.at(t.At)
		d.line("grid", at, top-6, at, low)
		if half := columnsOfText(t.Text) / 2; at-half > last+4 {
			d.text(at, low+18, "tick", "middle", t.Text)
			last = at + half
		}
	}
	d.text((barsLeft+width-right-64)/2, low+40, "", "middle", c.Value.Label)
	k := &legend{at: barsLegend, from: barsLegend}
	for _, s := range c.Series {
		x, y := k.next(36 + columnsOfText(s.Name))
		d.put(`<rect class="b%d" x="%s" y="%s" width="12" height="12" rx="2"/>`, s.Style%Styles, place(x), place(y-8))
		d.text(x+18, y+3, "", "", s.Name)
	}
	for i, g := range c.Groups {
		y := top + float64(i)*(perGroup+groupGap)
		d.text(barsLeft-10, y+perGroup/2+4, "strong", "end", g)
		if c.Stacked {
			c.stack(d, x, i, y)
		} else {
			c.group(d, x, i, y)
		}
	}
	d.line("axis", barsLeft, top-6, barsLeft, low)
	return d.end()
}

// extent returns the values that the axis must show.
func (c *Bars) extent() []float64 {
	values := []float64{0}
	for i := range c.Groups {
		sum := 0.0
		for _, s := range c.Series {
			if i >= len(s.Bars) || s.Bars[i].Missing {
				continue
			}
			sum += s.Bars[i].Value
			values = append(values, s.Bars[i].Value, s.Bars[i].Hi)
		}
		if c.Stacked {
			values = append(values, sum)
		}
	}
	return values
}

// start is where bars begin: at zero, or at the least of a logarithmic axis.
func (c *Bars) start(x *scale) float64 {
	if c.Value.Log {
		return x.from
	}
	return x.at(0)
}

func (c *Bars) group(d *drawing, x *scale, i int, y float64) {
	for k, s := range c.Series {
		top := y + float64(k)*(barTall+barGap)
		if i >= len(s.Bars) || s.Bars[i].Missing {
			d.text(barsLeft+6, top+barTall-4, "note", "", "not measured")
			continue
		}
		b, from := s.Bars[i], c.start(x)
		to := max(from, x.at(b.Value))
		d.rect(fmt.Sprintf("b%d", s.Style%Styles), from, top, to-from, barTall,
			fmt.Sprintf("%s, %s: %s", c.Groups[i], s.Name, Number(b.Value)))
		if b.Lo < b.Hi && x.shows(b.Lo) {
			mid := top + barTall/2
			d.line("axis", x.at(b.Lo), mid, x.at(b.Hi), mid)
			d.line("axis", x.at(b.Lo), mid-4, x.at(b.Lo), mid+4)
			d.line("axis", x.at(b.Hi), mid-4, x.at(b.Hi), mid+4)
			to = max(to, x.at(b.Hi))
		}
		d.text(to+6, top+barTall-4, "tick", "", Number(b.Value))
	}
}

func (c *Bars) stack(d *drawing, x *scale, i int, y float64) {
	sum := 0.0
	for _, s := range c.Series {
		if i >= len(s.Bars) || s.Bars[i].Missing {
			continue
		}
		v := s.Bars[i].Value
		from, to := x.at(sum), x.at(sum+v)
		d.rect(fmt.Sprintf("b%d", s.Style%Styles), from, y, to-from, barTall+8,
			fmt.Sprintf("%s, %s: %s", c.Groups[i], s.Name, Number(v)))
		if text := Number(v); to-from > columnsOfText(text)+8 {
			d.text((from+to)/2, y+barTall, "inv", "middle", text)
		}
		sum += v
	}
	d.text(x.at(sum)+6, y+barTall, "tick", "", Number(sum))
}
