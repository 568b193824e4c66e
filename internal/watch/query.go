package watch

import (
	"fmt"
	"slices"
	"strings"
)

// Query is what a PromQL expression takes from metrics. Whether it is PromQL at all is for
// promtool to say.
type Query struct {
	Selectors []Selector
	// Grouping are the labels of by, on and their like, as often as they stand there.
	Grouping []string
}

// Selector is one choice of series.
type Selector struct {
	Metric string
	Labels []string // that its matchers name
	Range  bool     // over a time: [5m]
}

// groupers are the words before lists of labels.
var groupers = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}

// ParseQuery finds the selectors of an expression. A name that is followed by a parenthesis
// is a function, one in a list of labels a label, any other a metric.
func ParseQuery(expression string) (q Query, err error) {
	p := &scanner{rest: expression}
	for p.space(); p.rest != ""; p.space() {
		switch first := p.rest[0]; {
		case isName(first, true):
			err = p.named(&q)
		case first == '"':
			_, err = p.quoted()
		case first == '[':
			p.rest = p.rest[1:]
			_, err = p.until(']')
		case isName(first, false): // a number, perhaps with a unit
			p.name()
		default:
			p.rest = p.rest[1:]
		}
		if err != nil {
			return q, fmt.Errorf("read the query %s: %w", expression, err)
		}
	}
	return q, nil
}

// operators are words between expressions.
var operators = []string{"and", "or", "unless", "bool", "offset"}

// scanner reads an expression from its front.
type scanner struct{ rest string }

func (p *scanner) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// isName reports whether a byte may stand in a name, or begin one.
func isName(b byte, first bool) bool {
	return b == '_' || b == ':' || b == '$' || b|0x20 >= 'a' && b|0x20 <= 'z' || !first && b >= '0' && b <= '9'
}

func (p *scanner) name() string {
	end := 0
	for end < len(p.rest) && isName(p.rest[end], false) {
		end++
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	return name
}

func (p *scanner) quoted() (string, error) {
	p.rest = p.rest[1:]
	return p.until('"')
}

// until returns what stands before a byte, and leaves what stands behind it.
func (p *scanner) until(end byte) (string, error) {
	before, after, found := strings.Cut(p.rest, string(end))
	if !found {
		return "", fmt.Errorf("no %c follows", end)
	}
	p.rest = after
	return before, nil
}

// named reads on from a name.
func (p *scanner) named(q *Query) error {
	name := p.name()
	p.space()
	switch {
	case slices.Contains(groupers, name):
		if !strings.HasPrefix(p.rest, "(") { // group_left may stand alone
			return nil
		}
		p.rest = p.rest[1:]
		list, err := p.until(')')
		for label := range strings.SplitSeq(list, ",") {
			if label = strings.TrimSpace(label); label != "" {
				q.Grouping = append(q.Grouping, label)
			}
		}
		return err
	case strings.HasPrefix(p.rest, "("), p.aggregates(), slices.Contains(operators, name):
		return nil
	case strings.HasPrefix(name, "$"):
		return nil
	}
	s := Selector{Metric: name}
	if strings.HasPrefix(p.rest, "{") {
		p.rest = p.rest[1:]
		if err := p.matchers(&s); err != nil {
			return err
		}
	}
	p.space()
	s.Range = strings.HasPrefix(p.rest, "[")
	q.Selectors = append(q.Selectors, s)
	return nil
}

// aggregates reports whether what follows makes an aggregation of the name before it.
func (p *scanner) aggregates() bool {
	ahead := *p
	word := ahead.name()
	return word == "by" || word == "without"
}

// matchers reads what follows an opening brace.
func (p *scanner) matchers(s *Selector) error {
	for {
		p.space()
		if after, closed := strings.CutPrefix(p.rest, "}"); closed {
			p.rest = after
			return nil
		}
		label := p.name()
		p.rest = strings.TrimLeft(p.rest, " =~!")
		if label == "" || !strings.HasPrefix(p.rest, `"`) {
			return fmt.Errorf("no matcher at %q", p.rest)
		}
		if _, err := p.quoted(); err != nil {
			return err
		}
		s.Labels = append(s.Labels, label)
		p.space()
		p.rest = strings.TrimPrefix(p.rest, ",")
	}
}
