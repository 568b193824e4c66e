package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func samples() map[string]Figure {
	return map[string]Figure{
		"lines": &Lines{Title: "Latency <p99> & more", Mode: "simulation", X: Axis{Label: "tx/s"},
			Y: Axis{Label: "ms", Log: true}, Ideal: 1, IdealText: "all",
			Shades: []Shade{{1, 2, "slow"}}, Events: []Event{{1.5, "crash"}},
			Series: []Series{{Name: `a "b"`, Points: []Point{{X: 1, Y: 10, Lo: 8, Hi: 13}, {X: 2, Y: 200, Hollow: true}}},
				{Name: "other", Style: 7, Plain: true, Points: []Point{{X: 1, Y: 0}, {X: 2, Y: 3, Name: "two"}}}}},
		"bars": &Bars{Title: "Bars", Mode: "host", Value: Axis{Label: "ms"}, GroupLabel: "links",
			Groups: []string{"1ms", "15ms"}, Series: []BarSeries{
				{Name: "x", Bars: []Bar{{Value: 3, Lo: 2, Hi: 4}, {Missing: true}}},
				{Name: "y", Style: 1, Bars: []Bar{{Value: 1}, {Value: 0}}}}},
		"stack": &Bars{Title: "Stack", Value: Axis{Label: "ms"}, Stacked: true, Groups: []string{"g"},
			Series: []BarSeries{{Name: "x", Bars: []Bar{{Value: 30}}}, {Name: "y", Style: 2, Bars: []Bar{{Value: 12}}}}},
		"empty": &Lines{Title: "Empty", Y: Axis{Log: true}},
	}
}

// texts returns the text content of an XML file, or an error if it is none.
func texts(raw []byte) (all []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if c, ok := token.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
			all = append(all, string(c))
		}
	}
}

// A figure is well-formed with any texts, keeps them as text, and runs nothing.
func TestFiguresAreWellFormed(t *testing.T) {
	for name, f := range samples() {
		raw := File(f, "where it is from")
		all, err := texts(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		title, _ := f.Heading()
		if text := strings.Join(all, "\n"); !strings.Contains(text, title) || !strings.Contains(text, "where it is from") {
			t.Errorf("%s does not show its title and origin", name)
		}
		for _, forbidden := range []string{"<script", "href", "NaN", "Inf", "onload"} {
			if bytes.Contains(raw, []byte(forbidden)) {
				t.Errorf("%s holds %s", name, forbidden)
			}
		}
		if again := File(f, "where it is from"); !bytes.Equal(raw, again) {
			t.Errorf("%s is drawn in two ways", name)
		}
	}
}

func TestTablesHaveEverythingThatIsDrawn(t *testing.T) {
	all := samples()
	lines := all["lines"].Table()
	if len(lines.Rows) != 4 || len(lines.Head) != 6 {
		t.Errorf("%+v", lines)
	}
	if got := strings.Join(lines.Rows[1], "|"); got != `a "b"|2|200|||yes` {
		t.Errorf("row %s", got)
	}
	if got := lines.Rows[3][1]; got != "two" {
		t.Errorf("a named point is %s", got)
	}
	bars := all["bars"].Table()
	if len(bars.Rows) != 3 || strings.Join(bars.Rows[0], "|") != "1ms|x|3|2|4" {
		t.Errorf("%+v", bars)
	}
}

func TestNumbersAreReadable(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.12345: "0.123", 1.5: "1.5", 12.345: "12.3", 123.4: "123",
		1234.5: "1,235", 1234567: "1,234,567", -1234: "-1,234", 0.00012: "0.00012", 250: "250"} {
		if got := Number(v); got != want {
			t.Errorf("%v is written %s, wanted %s", v, got, want)
		}
	}
}

// Scales hold all values, and their ticks ascend within them.
func TestScalesHoldTheirValues(t *testing.T) {
	for _, c := range []struct {
		axis   Axis
		values []float64
	}{
		{Axis{}, []float64{3, 99}}, {Axis{}, []float64{0, 0}}, {Axis{}, []float64{-4, 17}}, {Axis{}, []float64{12000}},
		{Axis{Log: true}, []float64{3, 99}}, {Axis{Log: true}, []float64{5}}, {Axis{Log: true}, []float64{0.002, 80000}},
		{Axis{Log: true}, []float64{4, 7}}, {Axis{Log: true}, nil},
	} {
		s := newScale(c.axis, c.values, 100, 500)
		for _, v := range c.values {
			if at := s.at(v); at < 99.9 || at > 500.1 {
				t.Errorf("%+v %v: %v is at %v", c.axis, c.values, v, at)
			}
		}
		if len(s.ticks) < 2 {
			t.Errorf("%+v %v: ticks %v", c.axis, c.values, s.ticks)
		}
		for i := 1; i < len(s.ticks); i++ {
			if s.ticks[i].At <= s.ticks[i-1].At || s.ticks[i].Text == s.ticks[i-1].Text {
				t.Errorf("%+v %v: ticks %v", c.axis, c.values, s.ticks)
			}
		}
	}
}

// Light and dark rules are for the same classes, each behind its surroundings.
func TestStyles(t *testing.T) {
	light, dark := Style(false, ""), Style(true, ":root")
	if strings.Count(light, "\n") != strings.Count(dark, "\n") {
		t.Error("light and dark have different rules")
	}
	for line := range strings.Lines(dark) {
		for selector := range strings.SplitSeq(strings.SplitN(line, "{", 2)[0], ",") {
			if !strings.HasPrefix(selector, ":root .chart") {
				t.Errorf("%q applies elsewhere", selector)
			}
		}
	}
}

// Names that do not fit beside each other stand in a second row, none beyond the edge.
func TestLongLegendsWrap(t *testing.T) {
	k := &legend{at: left, from: left}
	rows := make(map[float64]int)
	for range 5 {
		x, y := k.next(180)
		if rows[y]++; x+180 > width || y > top-8 {
			t.Errorf("a name at %v, %v", x, y)
		}
	}
	if len(rows) != 2 {
		t.Errorf("five names stand in %d rows", len(rows))
	}
}
