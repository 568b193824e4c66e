package cli

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// topWidthMax is as wide as the picture can use.
	topWidthMax = 160
	// topLinesAround are the lines that are no nodes': heads, remarks, the last.
	topLinesAround = 16
)

// topColumn is a column of the table of nodes.
type topColumn struct {
	head string
	// need says how badly it is needed: what does not fit goes, the highest first.
	need int
	cell func(n *topNode) string
}

func topColumns() []topColumn {
	return []topColumn{
		{"NODE", 0, func(n *topNode) string { return nodeName(n) }},
		{"STATE", 0, topState},
		{"HEIGHT", 1, func(n *topNode) string { return strconv.FormatUint(n.Height, 10) }},
		{"BEHIND", 3, func(n *topNode) string { return strconv.FormatUint(n.Behind, 10) }},
		{"VIEW", 4, func(n *topNode) string { return strconv.FormatUint(n.View, 10) }},
		{"HEARS", 2, func(n *topNode) string { return strconv.Itoa(n.Heard) }},
		{"LINKS", 5, func(n *topNode) string {
			if n.Links == nil {
				return "-"
			}
			return fmt.Sprintf("%d/%d", *n.LinksUp, *n.Links)
		}},
		{"RTT", 6, func(n *topNode) string { return short(n.RoundTripS) }},
		{"TX/S", 3, func(n *topNode) string { return number(n.TxRate, 0) }},
		{"BLOCK/S", 9, func(n *topNode) string { return number(n.BlockRate, 1) }},
		{"P50", 7, func(n *topNode) string { return short(n.CommitP50S) }},
		{"P99", 4, func(n *topNode) string { return short(n.CommitP99S) }},
		{"WAIT", 5, func(n *topNode) string { return strconv.Itoa(n.Waiting) }},
		{"CPU", 8, func(n *topNode) string { return number(n.CPU, 2) }},
		{"MEM", 8, func(n *topNode) string { return bytesText(n.MemoryBytes) }},
		{"DISK", 9, func(n *topNode) string { return bytesText(n.DiskFree) }},
		{"VERSION", 10, func(n *topNode) string { return n.Version }},
	}
}

// topState says in a word how a node is.
func topState(n *topNode) string {
	switch {
	case n.Error != "":
		return "no answer"
	case !n.Ready && n.Condition == "voting":
		return "not ready"
	}
	return n.Condition
}

func nodeName(n *topNode) string {
	if n.Replica < 0 {
		return "?"
	}
	return strconv.Itoa(n.Replica)
}

func number(v *float64, decimals int) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', decimals, 64)
}

// short is a span in seconds, in few characters.
func short(v *float64) string {
	switch {
	case v == nil:
		return "-"
	case *v >= 1:
		return strconv.FormatFloat(*v, 'f', 1, 64) + "s"
	case *v >= 0.01:
		return strconv.FormatFloat(*v*1e3, 'f', 0, 64) + "ms"
	case *v >= 0.001:
		return strconv.FormatFloat(*v*1e3, 'f', 1, 64) + "ms"
	}
	return strconv.FormatFloat(*v*1e6, 'f', 0, 64) + "us"
}

// bytesText is a number of bytes, in few characters.
func bytesText(v *float64) string {
	if v == nil {
		return "-"
	}
	x, units := *v, "BKMGTP"
	for i := range len(units) {
		if x < 1000 || i == len(units)-1 {
			return strconv.FormatFloat(x, 'f', 0, 64) + units[i:i+1]
		}
		x /= 1024
	}
	return ""
}

// topPicture draws a look within so many columns and lines.
func (a *App) topPicture(x *topAnswer, width, height int) string {
	lines := a.topHead(x, width)
	table, remarks := a.topTable(x, width), a.topRemarks(x, width)
	// Remarks give way to nodes, as long as the worst is said.
	room := max(height-len(lines)-1, 2)
	if len(table)+len(remarks) > room {
		remarks = remarks[:min(len(remarks), max(1, room-len(table)))]
	}
	if over := len(table) + len(remarks) - room; over > 0 && len(table) > over+1 {
		table = append(table[:len(table)-over-1], a.dim(cut(fmt.Sprintf("… and %d more", over+1), width)))
	}
	lines = append(append(lines, table...), remarks...)
	return strings.Join(lines, "\n") + "\n"
}

// topHead says how the network is.
func (a *App) topHead(x *topAnswer, width int) []string {
	vote := fmt.Sprintf("%d of %d vote", x.Voting, x.Validators)
	style := a.green
	switch {
	case x.Validators == 0:
		vote, style = "no node answers", a.red
	case x.Voting < x.Quorum:
		vote, style = vote+fmt.Sprintf(", %d must", x.Quorum), a.red
		if len(x.Nodes) < x.Validators {
			vote, style = fmt.Sprintf("%d of %d asked vote", x.Voting, len(x.Nodes)), a.bold
		}
	case x.Voting < x.Validators:
		style = a.bold
	}
	first := x.Time[strings.Index(x.Time, "T")+1:]
	if x.Chain != "" {
		first = x.Chain + "  " + first
	}
	facts := fmt.Sprintf("height %d  view %d  primary %d  %s tx/s", x.Height, x.View, x.Primary, number(x.TxRate, 0))
	if x.Validators == 0 {
		return []string{cut(first, width), style(cut(vote, width)), ""}
	}
	return []string{cut(first, width), style(cut(vote, width)), cut(facts, width), ""}
}

// topTable draws the nodes, with as many columns as fit.
func (a *App) topTable(x *topAnswer, width int) (lines []string) {
	columns := topColumns()
	cells := func(n *topNode) (row []string) {
		for i, c := range columns {
			if n.Error != "" && i > 1 {
				row = append(row, "")
				continue
			}
			row = append(row, c.cell(n))
		}
		return row
	}
	widths := make([]int, len(columns))
	rows := make([][]string, len(x.Nodes))
	for i, c := range columns {
		widths[i] = len(c.head)
	}
	for i := range x.Nodes {
		rows[i] = cells(&x.Nodes[i])
		for k, cell := range rows[i] {
			widths[k] = max(widths[k], utf8.RuneCountInString(cell))
		}
	}
	shown := fitting(columns, widths, width)
	draw := func(row []string) string {
		var b strings.Builder
		for k, cell := range row {
			if !shown[k] {
				continue
			}
			if b.Len() > 0 {
				b.WriteString("  ")
			}
			space := strings.Repeat(" ", widths[k]-utf8.RuneCountInString(cell))
			if k < 2 || k == len(row)-1 {
				b.WriteString(cell + space)
			} else {
				b.WriteString(space + cell)
			}
		}
		return cut(strings.TrimRight(b.String(), " "), width)
	}
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = c.head
	}
	lines = append(lines, a.dim(draw(head)))
	for i, row := range rows {
		line := draw(row)
		switch n := &x.Nodes[i]; {
		case n.Error != "", !n.Ready:
			line = a.red(line)
		case n.Behind > 0 && n.LinksUp != nil && *n.LinksUp < *n.Links:
			line = a.bold(line)
		}
		lines = append(lines, line)
	}
	return lines
}

// fitting says which columns fit: those that are needed least go first.
func fitting(columns []topColumn, widths []int, width int) []bool {
	shown := make([]bool, len(columns))
	total := -2
	for i := range columns {
		shown[i] = true
		total += widths[i] + 2
	}
	for total > width {
		least := -1
		for i, c := range columns {
			if shown[i] && c.need > 0 && (least < 0 || c.need >= columns[least].need) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		shown[least] = false
		total -= widths[least] + 2
	}
	return shown
}

// topRemarks say of each node what is wrong with it, in words.
func (a *App) topRemarks(x *topAnswer, width int) (lines []string) {
	for i := range x.Nodes {
		n := &x.Nodes[i]
		text := n.Reason
		switch {
		case n.Error != "":
			text = n.URL + " does not answer: " + n.Error
		case text == "" && n.ClockAheadS != nil && *n.ClockAheadS != 0:
			text = fmt.Sprintf("its clock is %+.1f s off", *n.ClockAheadS)
		case text == "" && n.Links != nil && *n.LinksUp < *n.Links:
			text = fmt.Sprintf("%d of its links are down", *n.Links-*n.LinksUp)
		}
		if text != "" {
			lines = append(lines, cut(nodeName(n)+": "+text, width))
		}
	}
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

// cut shortens a line to a width.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}
