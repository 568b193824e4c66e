package chart

import (
	"fmt"
	"strings"
)

// Lines is series of points over two axes.
type Lines struct {
	Title string
	// Mode says under the title what the figure was measured on.
	Mode   string
	X, Y   Axis
	Series []Series
	Shades []Shade
	Events []Event
	// Ideal, if set, draws y = Ideal * x, with its text.
	Ideal     float64
	IdealText string
}

// Series is points that belong together, in the order in which they are joined.
type Series struct {
	Name   string
	Style  int
	Points []Point
	// Plain leaves out the marks of the points.
	Plain bool
}

// Point has an interval if Lo < Hi.
type Point struct {
	X, Y, Lo, Hi float64
	// Name stands for X in the table; empty = X as a number.
	Name string
	// Hollow marks a point beyond what the system carried.
	Hollow bool
}

// Shade is a span of X with its text.
type Shade struct {
	From, To float64
	Text     string
}

// Event is a place of X with its text.
type Event struct {
	At   float64
	Text string
}

// Heading implements Figure.
func (c *Lines) Heading() (title, mode string) { return c.Title, c.Mode }

// Table implements Figure.
func (c *Lines) Table() Table {
	intervals, hollow := false, false
	for _, s := range c.Series {
		for _, p := range s.Points {
			intervals = intervals || p.Lo < p.Hi
			hollow = hollow || p.Hollow
		}
	}
	t := Table{Head: []string{"series", c.X.Label, c.Y.Label}}
	if intervals {
		t.Head = append(t.Head, "95 % from", "to")
	}
	if hollow {
		t.Head = append(t.Head, "beyond capacity")
	}
	for _, s := range c.Series {
		for _, p := range s.Points {
			x := p.Name
			if x == "" {
				x = Number(p.X)
			}
			row := []string{s.Name, x, Number(p.Y)}
			if intervals {
				row = append(row, interval(p.Lo, p.Hi)...)
			}
			if hollow {
				row = append(row, map[bool]string{true: "yes"}[p.Hollow])
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func interval(lo, hi float64) []string {
	if lo >= hi {
		return []string{"", ""}
	}
	return []string{Number(lo), Number(hi)}
}

// SVG implements Figure.
func (c *Lines) SVG(footer string) []byte {
	var xs, ys []float64
	for _, s := range c.Series {
		for _, p := range s.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
			if p.Lo < p.Hi {
				ys = append(ys, p.Lo, p.Hi)
			}
		}
	}
	x := newScale(c.X, xs, left, width-right)
	y := newScale(c.Y, ys, height-bottom, top)
	d := &drawing{footer: footer}
	d.begin(c.Title, c.Mode, fmt.Sprintf("%s over %s, %d series", c.Y.Label, c.X.Label, len(c.Series)), height)
	d.shades(c.Shades, x)
	d.axes(x, y)
	d.legend(c.Series)
	if c.Ideal > 0 {
		c.drawIdeal(d, x, y)
	}
	for i, e := range c.Events {
		d.line("event", x.at(e.At), top, x.at(e.At), height-bottom)
		d.text(x.at(e.At)+4, top+12+14*float64(i%3), "eventtext", "", e.Text)
	}
	for _, s := range c.Series {
		c.drawSeries(d, s, x, y)
	}
	return d.end()
}

func (d *drawing) shades(all []Shade, x *scale) {
	for _, s := range all {
		from, to := max(x.at(s.From), x.from), min(x.at(s.To), x.to)
		d.rect("shade", from, top, to-from, height-bottom-top, s.Text)
		d.text(from+4, height-bottom-6, "note", "", s.Text)
	}
}

func (d *drawing) axes(x, y *scale) {
	for _, t := range y.ticks {
		at := y.at(t.At)
		d.line("grid", left, at, width-right, at)
		d.text(left-8, at+4, "tick", "end", t.Text)
	}
	last := -1e9
	for _, t := range x.ticks {
		at := x.at(t.At)
		d.line("axis", at, height-bottom, at, height-bottom+5)
		if half := columnsOfText(t.Text) / 2; at-half > last+4 {
			d.text(at, height-bottom+19, "tick", "middle", t.Text)
			last = at + half
		}
	}
	d.line("axis", left, height-bottom, width-right, height-bottom)
	d.text((left+width-right)/2, height-16, "", "middle", x.axis.Label)
	d.put(`<text x="%s" y="%s" text-anchor="middle" transform="rotate(-90 %s %s)">%s</text>`, "18",
		place((top+height-bottom)/2), "18", place((top+height-bottom)/2), escape(y.axis.Label))
}

// legend writes the names of the series above the data.
func (d *drawing) legend(all []Series) {
	k := &legend{at: left, from: left}
	for _, s := range all {
		if s.Name == "" {
			continue
		}
		x, y := k.next(46 + columnsOfText(s.Name))
		d.line(fmt.Sprintf("l%d", s.Style%Styles), x, y, x+24, y)
		if !s.Plain {
			d.mark(s.Style, false, x+12, y, "")
		}
		d.text(x+30, y+4, "", "", s.Name)
	}
}

// legend places names in rows above the data; two fit.
type legend struct{ at, row, from float64 }

const (
	legendTop  = 66
	legendRow  = 17
	legendSide = 8
)

// next returns the begin and the middle line of a name that is so wide.
func (k *legend) next(wide float64) (x, y float64) {
	if k.at > k.from && k.at+wide > width-legendSide {
		k.at, k.row = k.from, k.row+1
	}
	x, y = k.at, legendTop+k.row*legendRow
	k.at += wide
	return x, y
}

// drawIdeal draws the line y = Ideal * x inside the area.
func (c *Lines) drawIdeal(d *drawing, x, y *scale) {
	value := func(v float64) float64 { return v }
	if x.axis.Log {
		value = func(v float64) float64 { return pow10(v) }
	}
	const steps = 60
	var path []string
	textX, textY := 0.0, 0.0
	for i := range steps + 1 {
		vx := value(x.lo + (x.hi-x.lo)*float64(i)/steps)
		px, py := x.at(vx), y.at(c.Ideal*vx)
		if py < top || py > height-bottom || !y.shows(c.Ideal*vx) {
			continue
		}
		path = append(path, place(px)+","+place(py))
		if i <= steps/2 { // in the middle, where it does not meet the legend
			textX, textY = px, py
		}
	}
	if len(path) > 1 {
		d.put(`<polyline class="ideal" points="%s"/>`, strings.Join(path, " "))
		d.text(textX-8, max(textY-8, top+12), "note", "end", c.IdealText)
	}
}

func (c *Lines) drawSeries(d *drawing, s Series, x, y *scale) {
	var path []string
	for _, p := range s.Points {
		if x.shows(p.X) && y.shows(p.Y) {
			path = append(path, place(x.at(p.X))+","+place(y.at(p.Y)))
		}
	}
	if len(path) > 1 {
		d.put(`<polyline class="l%d" points="%s"/>`, s.Style%Styles, strings.Join(path, " "))
	}
	if s.Plain {
		return
	}
	for _, p := range s.Points {
		if !x.shows(p.X) || !y.shows(p.Y) {
			continue
		}
		px := x.at(p.X)
		class := fmt.Sprintf("w%d", s.Style%Styles)
		if p.Lo < p.Hi && y.shows(p.Lo) {
			d.line(class, px, y.at(p.Lo), px, y.at(p.Hi))
			d.line(class, px-3, y.at(p.Lo), px+3, y.at(p.Lo))
			d.line(class, px-3, y.at(p.Hi), px+3, y.at(p.Hi))
		}
		name := p.Name
		if name == "" {
			name = Number(p.X)
		}
		d.mark(s.Style, p.Hollow, px, y.at(p.Y), fmt.Sprintf("%s: %s at %s", s.Name, Number(p.Y), name))
	}
}
