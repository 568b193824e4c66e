package watch

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Unit is what a panel's numbers are, by Grafana's names.
type Unit string

// The units of panels.
const (
	Plain     Unit = "short"
	Seconds   Unit = "s"
	Bytes     Unit = "bytes"
	PerSecond Unit = "ops"
	BytesRate Unit = "Bps"
	Share     Unit = "percentunit"
)

// Board is one dashboard.
type Board struct {
	// Name is that of its file and of its address in Grafana, behind "scrip-".
	Name, Title, About string
	// PerNode says that a node is chosen above the panels, and that queries use $instance.
	PerNode bool
	Rows    []Row
}

// Row is a line of panels under a heading.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel is one picture, or one number.
type Panel struct {
	Title string
	// About says what is good, and what to do if it is not.
	About string
	Unit  Unit
	// Big shows the last value as a number, red from Alarm on if that is set.
	Big   bool
	Alarm float64
	Lines []Line
}

// Line is one query of a panel; Legend may name labels as {{label}}.
type Line struct{ Legend, Query string }

// legendLabel finds the labels that a legend names.
var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

// Queries returns all queries of a board, with the labels of their legends as labels that
// they group by: a legend whose label the query has lost would name nothing.
func (b *Board) Queries() (all []Query, err error) {
	for _, row := range b.Rows {
		for _, panel := range row.Panels {
			for _, line := range panel.Lines {
				q, err := ParseQuery(line.Query)
				if err != nil {
					return nil, fmt.Errorf("panel %s of %s: %w", panel.Title, b.Name, err)
				}
				for _, found := range legendLabel.FindAllStringSubmatch(line.Legend, -1) {
					q.Grouping = append(q.Grouping, found[1])
				}
				all = append(all, q)
			}
		}
	}
	return all, nil
}

// Sizes of panels on Grafana's grid of 24 columns.
const (
	gridColumns = 24
	rowHeight   = 1
	panelHeight = 8
	bigHeight   = 4
	panelWidth  = 8
	bigWidth    = 4
)

// object is a JSON object whose fields Grafana names.
type object = map[string]any

// source is the choice of a data source above the panels.
var source = object{"type": "prometheus", "uid": "${datasource}"}

// JSON returns the board as Grafana imports it.
func (b *Board) JSON() ([]byte, error) {
	var panels []object
	y := 0
	for _, row := range b.Rows {
		panels = append(panels, object{"type": "row", "id": len(panels) + 1, "title": row.Title, "collapsed": false,
			"panels": []object{}, "gridPos": object{"x": 0, "y": y, "w": gridColumns, "h": rowHeight}})
		y += rowHeight
		x, height := 0, 0
		for _, p := range row.Panels {
			w, h := panelWidth, panelHeight
			if p.Big {
				w, h = bigWidth, bigHeight
			}
			if x+w > gridColumns {
				x, y, height = 0, y+height, 0
			}
			panel := p.object()
			panel["id"], panel["gridPos"] = len(panels)+1, object{"x": x, "y": y, "w": w, "h": h}
			panels = append(panels, panel)
			x, height = x+w, max(height, h)
		}
		y += height
	}
	variables := []object{{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}}
	if b.PerNode {
		variables = append(variables, object{"name": "instance", "label": "Node", "type": "query", "datasource": source,
			"query": "label_values(scrip_consensus_height, instance)", "refresh": 2, "sort": 1})
	}
	text, err := json.MarshalIndent(object{
		"uid": "scrip-" + b.Name, "title": b.Title, "description": b.About, "tags": []string{"scrip"},
		"schemaVersion": 39, "version": 1, "editable": true, "refresh": "10s", "timezone": "browser",
		"time": object{"from": "now-1h", "to": "now"}, "templating": object{"list": variables},
		"links": []object{{"type": "dashboards", "tags": []string{"scrip"}, "title": "Scrip", "keepTime": true,
			"asDropdown": false}},
		"panels": panels,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the dashboard %s: %w", b.Name, err)
	}
	return append(text, '\n'), nil
}

// object returns the panel without its place.
func (p *Panel) object() object {
	var targets []object
	for i, line := range p.Lines {
		targets = append(targets, object{"refId": string(rune('A' + i)), "expr": line.Query, "legendFormat": line.Legend,
			"datasource": source, "instant": p.Big, "range": !p.Big})
	}
	defaults := object{"unit": string(p.Unit), "min": 0}
	panel := object{"title": p.Title, "description": p.About, "datasource": source, "targets": targets,
		"fieldConfig": object{"defaults": defaults, "overrides": []object{}}}
	if !p.Big {
		panel["type"] = "timeseries"
		panel["options"] = object{"legend": object{"displayMode": "list", "placement": "bottom"},
			"tooltip": object{"mode": "multi", "sort": "desc"}}
		return panel
	}
	panel["type"] = "stat"
	panel["options"] = object{"graphMode": "none", "colorMode": "value",
		"reduceOptions": object{"calcs": []string{"lastNotNull"}}}
	if p.Alarm > 0 {
		defaults["thresholds"] = object{"mode": "absolute", "steps": []object{{"color": "green", "value": nil},
			{"color": "red", "value": p.Alarm}}}
	}
	return panel
}
