package pbfttest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/pbft"
)

// ErrScript is wrapped by the errors of scripts.
var ErrScript = errors.New("script")

// Script plays interaction scripts: texts of blocks separated by blank lines,
// each with commands, one a line, then a line of four hyphens, then what the
// commands print. Lines that begin with # are comments.
//
// The commands, with arguments as name=value:
//
//	cluster n= f= p= [window=] [tenure=] [checkpoint=] [byzantine=] [hide=KINDS]
//	propose ID [payload=]
//	deliver | drop [from=IDs] [to=IDs] [kind=NAMEs]     what is on its way now
//	settle [among=IDs]      deliver until nothing matches, lose the rest
//	tick IDs|all [count=]
//	crash ID, restart ID
//	status
//	block NAME view= parent=NAME [justify=NAME] [payload=] to=IDs    of a Byzantine primary
//	prepare | commit NAME from= to=IDs                               of a Byzantine member
//	suspect view= from= to=IDs
//	view-change view= from= high=NAME [tip=NAME] to=IDs
//	name NAME replica= seq=  names a committed block; genesis is named so already
//
// Everything that the replicas do in a command is printed, each Ready in full, but
// for messages of the hidden kinds.
type Script struct {
	New Factory
	// Protocol is what New makes engines of.
	Protocol pbft.Protocol

	stage *Stage
	out   bytes.Buffer
	names map[string]pbft.BlockRef
}

const scriptDivider = "----"

// PlayFile plays the script in a file. If it plays differently from what the
// file says, the error, which wraps ErrScript, has it as it is now; with rewrite
// the file gets that instead.
func (s *Script) PlayFile(name string, rewrite bool) error {
	want, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("play a script: %w", err)
	}
	got, err := s.Play(string(want))
	switch {
	case err != nil:
		return fmt.Errorf("play %s: %w", name, err)
	case rewrite:
		return os.WriteFile(name, []byte(got), 0o644)
	case got != string(want):
		return fmt.Errorf("%w: %s plays differently; look at the difference with -rewrite and git diff. It is now:\n%s",
			ErrScript, name, got)
	}
	return nil
}

// Play plays a script and returns it with the output that the commands printed.
func (s *Script) Play(text string) (string, error) {
	var b strings.Builder
	for i, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		commands, _, _ := strings.Cut(block, "\n"+scriptDivider)
		if onlyComments(commands) {
			fmt.Fprintf(&b, "%s\n\n", strings.TrimRight(block, "\n"))
			continue
		}
		s.out.Reset()
		for line := range strings.SplitSeq(commands, "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := s.run(line); err != nil {
				return "", fmt.Errorf("block %d, %q: %w", i+1, line, err)
			}
		}
		fmt.Fprintf(&b, "%s\n%s\n%s\n", commands, scriptDivider, s.out.String())
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

func onlyComments(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// command is one parsed line.
type command struct {
	verb, subject string
	args          map[string]string
	err           error
}

func parseCommand(line string) *command {
	c := &command{args: make(map[string]string)}
	for i, field := range strings.Fields(line) {
		name, value, ok := strings.Cut(field, "=")
		switch {
		case i == 0:
			c.verb = field
		case ok:
			c.args[name] = value
		case c.subject == "":
			c.subject = field
		default:
			c.fail("stray %q", field)
		}
	}
	return c
}

func (c *command) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: "+format, append([]any{ErrScript}, args...)...)
	}
}

func (c *command) number(name string, otherwise int) int {
	text, ok := c.args[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		c.fail("%s=%s is no number", name, text)
	}
	return n
}

func (c *command) ids(text string) (ids []pbft.ReplicaID) {
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			c.fail("%q is no replica", part)
		}
		ids = append(ids, pbft.ReplicaID(n))
	}
	return ids
}

// match makes the Match of from=, to= and kind=.
func (c *command) match() Match {
	ms := []Match{All}
	if ids := c.ids(c.args["from"]); ids != nil {
		ms = append(ms, From(ids...))
	}
	if ids := c.ids(c.args["to"]); ids != nil {
		ms = append(ms, To(ids...))
	}
	if kinds := c.kinds("kind"); kinds != nil {
		ms = append(ms, OfKind(kinds...))
	}
	return Both(ms...)
}

// kinds parses a list of kinds of messages.
func (c *command) kinds(arg string) (kinds []pbft.Kind) {
	text, ok := c.args[arg]
	if !ok {
		return nil
	}
	for name := range strings.SplitSeq(text, ",") {
		k := pbft.KindPrePrepare
		for k <= pbft.KindLast && k.String() != name {
			k++
		}
		if k > pbft.KindLast {
			c.fail("%q is no kind of message", name)
		}
		kinds = append(kinds, k)
	}
	return kinds
}

func (s *Script) run(line string) error {
	c := parseCommand(line)
	if c.verb != "cluster" && s.stage == nil {
		return fmt.Errorf("%w: it does not begin with a cluster", ErrScript)
	}
	id := pbft.ReplicaID(0)
	switch c.verb {
	case "propose", "crash", "restart":
		if ids := c.ids(c.subject); len(ids) == 1 && int(ids[0]) < len(s.stage.c.instances) {
			id = ids[0]
		} else {
			c.fail("%q is no replica", c.subject)
		}
	}
	if c.err != nil {
		return c.err
	}
	switch c.verb {
	case "cluster":
		s.cluster(c)
	case "propose":
		if !s.stage.Propose(id, c.args["payload"]) {
			fmt.Fprintf(&s.out, "r%d may not propose\n", id)
		}
	case "deliver":
		fmt.Fprintf(&s.out, "%d delivered\n", s.stage.Deliver(c.match()))
	case "drop":
		fmt.Fprintf(&s.out, "%d dropped\n", s.stage.Drop(c.match()))
	case "settle":
		s.settle(c)
	case "tick":
		if c.subject == "all" {
			c.subject = ""
		}
		s.stage.Tick(c.number("count", 1), c.ids(c.subject)...)
	case "crash":
		s.stage.Crash(id)
	case "restart":
		s.stage.Restart(id)
	case "status":
		s.status()
	default:
		s.forge(c)
	}
	for _, v := range s.stage.Violations() {
		c.fail("violation: %v", v)
	}
	return c.err
}

func (s *Script) cluster(c *command) {
	o := StageOptions{New: s.New, Trace: &s.out, Hide: c.kinds("hide"), Byzantine: c.ids(c.args["byzantine"]),
		Shape: Shape{c.number("n", 4), c.number("f", 1), c.number("p", 0)},
		Parameters: pbft.Parameters{Window: uint64(c.number("window", 4)), Tenure: uint64(c.number("tenure", 100)),
			CheckpointInterval: uint64(c.number("checkpoint", 100)), ExecutionLag: 1, Protocol: s.Protocol}}
	stage, err := NewStage(o)
	if err != nil {
		c.fail("%v", err)
		return
	}
	s.stage = stage
	s.names = map[string]pbft.BlockRef{"genesis": s.stage.Genesis(), "": {}}
}

func (s *Script) settle(c *command) {
	match := All
	if ids := c.ids(c.args["among"]); ids != nil {
		match = Among(ids...)
	}
	s.stage.Settle(match)
}

func (s *Script) status() {
	for _, x := range s.stage.c.nodes {
		if x.engine == nil {
			fmt.Fprintf(&s.out, "r%d is down\n", x.id)
			continue
		}
		st := x.engine.Status()
		fmt.Fprintf(&s.out, "r%d %v view %d view-changed %d primary r%d committed %s executed %d high %d/%d in flight %d\n",
			x.id, st.Condition, st.View, st.ViewChanged, st.Primary, ref(st.Committed), st.Executed, st.High.View,
			st.High.Seq, st.InFlight)
	}
}

// block finds a named block.
func (s *Script) block(c *command, name string) pbft.BlockRef {
	b, ok := s.names[name]
	if !ok {
		c.fail("no block is named %q", name)
	}
	return b
}

// forge runs the commands that speak for Byzantine members.
func (s *Script) forge(c *command) {
	view, to := pbft.View(c.number("view", 1)), c.ids(c.args["to"])
	from := pbft.ReplicaID(c.number("from", 0))
	var m pbft.Message
	switch c.verb {
	case "block":
		parent := s.block(c, c.args["parent"])
		justify := s.stage.Genesis()
		if name, ok := c.args["justify"]; ok {
			justify = s.block(c, name)
		}
		if c.err != nil {
			return
		}
		p := s.stage.Block(view, parent, justify, c.args["payload"], nil)
		s.names[c.subject] = s.stage.c.committee.Ref(&p.Header)
		m, from = p, p.Header.Proposer
		fmt.Fprintf(&s.out, "%s is %s\n", c.subject, ref(s.names[c.subject]))
	case "prepare":
		m = s.stage.Prepare(from, s.block(c, c.subject))
	case "commit":
		m = s.stage.Commit(from, s.block(c, c.subject))
	case "suspect":
		m = s.stage.Suspect(from, view)
	case "view-change":
		m = s.stage.ViewChange(from, view, s.block(c, c.args["high"]), s.block(c, c.args["tip"]))
	case "name":
		s.names[c.subject] = s.stage.BlockAt(pbft.ReplicaID(c.number("replica", 0)), pbft.Seq(c.number("seq", 1)))
		fmt.Fprintf(&s.out, "%s is %s\n", c.subject, ref(s.names[c.subject]))
		return
	default:
		c.fail("no such command")
		return
	}
	if c.err == nil {
		s.stage.Send(from, m, to...)
	}
}
