package chart

import (
	"bytes"
	"fmt"
	"strings"
)

// Styles is how many series a figure can tell apart.
const Styles = 8

// light and dark are the colours of the series on white and on near-black: told
// apart by people who do not see red and green alike.
var (
	light = [Styles]string{"#0b62a8", "#c2410c", "#4d9fd9", "#b7791f", "#0f766e", "#9333a8", "#57606a", "#a61b4a"}
	dark  = [Styles]string{"#5aaef5", "#ff8a50", "#a8d5ff", "#f2bd4b", "#35c9b4", "#d79af2", "#aab4c0", "#ff86ad"}
)

// dashes are the strokes of the lines of the series.
var dashes = [Styles]string{"", "7 3", "2 3", "9 3 2 3", "", "5 2", "1 3", "12 4"}

const rules = `.chart text{font-family:Helvetica,Arial,"Liberation Sans",sans-serif;font-size:13.5px;fill:%[1]s}
.chart .title{font-size:17px;font-weight:600}
.chart .mode,.chart .tick,.chart .note{font-size:12.5px;fill:%[2]s}
.chart .bg{fill:%[3]s}
.chart .grid{stroke:%[4]s;stroke-width:1}
.chart .axis{stroke:%[2]s;stroke-width:1}
.chart .ideal{stroke:%[2]s;stroke-width:1;stroke-dasharray:3 4;fill:none}
.chart .shade{fill:%[2]s;fill-opacity:.13}
.chart .event{stroke:%[5]s;stroke-width:1.2;stroke-dasharray:4 3}
.chart .eventtext{font-size:12px;fill:%[5]s}
.chart .footer{font-size:10px;fill:%[2]s}
.chart .strong{font-weight:600}
.chart .inv{fill:%[3]s}
`

// Style returns the rules for figures of a page: the colours of light or dark
// surroundings, each rule behind prefix (a selector, or "").
func Style(isDark bool, prefix string) string {
	ink, faint, ground, grid, event, colours := "#1c2430", "#5b6675", "#ffffff", "#e6e9ee", "#b42318", light
	if isDark {
		ink, faint, ground, grid, event, colours = "#e8edf4", "#9aa7b8", "#151b23", "#2a333f", "#ff8f80", dark
	}
	var b strings.Builder
	for _, rule := range strings.SplitAfter(fmt.Sprintf(rules, ink, faint, ground, grid, event), "\n") {
		if rule != "" {
			b.WriteString(strings.ReplaceAll(prefixed(rule, prefix), ",.chart", ","+prefix+" .chart"))
		}
	}
	for i, c := range colours {
		dash := ""
		if dashes[i] != "" {
			dash = ";stroke-dasharray:" + dashes[i]
		}
		for _, rule := range []string{
			fmt.Sprintf(".chart .l%d{stroke:%s;stroke-width:2;fill:none%s}\n", i, c, dash),
			fmt.Sprintf(".chart .m%d{fill:%s;stroke:%s;stroke-width:1}\n", i, c, ground),
			fmt.Sprintf(".chart .h%d{fill:%s;stroke:%s;stroke-width:1.6}\n", i, ground, c),
			fmt.Sprintf(".chart .w%d{stroke:%s;stroke-width:1.4;fill:none}\n", i, c),
			fmt.Sprintf(".chart .b%d{fill:%s}\n", i, c),
		} {
			b.WriteString(prefixed(rule, prefix))
		}
	}
	return b.String()
}

func prefixed(rule, prefix string) string {
	if prefix == "" {
		return rule
	}
	return prefix + " " + rule
}

// File returns a figure as a file of its own, in the light palette.
func File(f Figure, footer string) []byte {
	svg := f.SVG(footer)
	end := bytes.IndexByte(svg, '\n') + 1
	out := append([]byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), svg[:end]...)
	out = append(out, "<style>\n"+Style(false, "")+"</style>\n"...)
	return append(out, svg[end:]...)
}

// mark draws the form of a style around a place.
func (d *drawing) mark(style int, hollow bool, x, y float64, hint string) {
	class, r := "m", 4.6
	if hollow {
		class = "h"
	}
	shape := ""
	at := func(dx, dy float64) string { return place(x+dx*r) + "," + place(y+dy*r) }
	poly := func(points ...string) string { return `polygon points="` + strings.Join(points, " ") + `"` }
	switch style % Styles {
	case 0:
		shape = fmt.Sprintf(`circle cx="%s" cy="%s" r="%s"`, place(x), place(y), place(r))
	case 1:
		shape = poly(at(-.9, -.9), at(.9, -.9), at(.9, .9), at(-.9, .9))
	case 2:
		shape = poly(at(0, -1.15), at(1.1, .85), at(-1.1, .85))
	case 3:
		shape = poly(at(0, -1.25), at(1.25, 0), at(0, 1.25), at(-1.25, 0))
	case 4:
		shape = poly(at(0, 1.15), at(1.1, -.85), at(-1.1, -.85))
	case 5:
		shape = poly(at(-.5, -1.1), at(.5, -1.1), at(1.1, 0), at(.5, 1.1), at(-.5, 1.1), at(-1.1, 0))
	case 6:
		shape = poly(at(-.45, -1.1), at(.45, -1.1), at(.45, 1.1), at(-.45, 1.1))
	case 7:
		shape = poly(at(-1.1, -.45), at(1.1, -.45), at(1.1, .45), at(-1.1, .45))
	}
	name, _, _ := strings.Cut(shape, " ")
	if hint == "" {
		d.put(`<%s class="%s%d"/>`, shape, class, style%Styles)
		return
	}
	d.put(`<%s class="%s%d"><title>%s</title></%s>`, shape, class, style%Styles, escape(hint), name)
}
