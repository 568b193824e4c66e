package network

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/scrip-network/scrip/validator"
)

// stopTimeout is how long a validator may take to stop before it is killed.
const stopTimeout = 10 * time.Second

// process is one run of a validator.
type process struct {
	cmd *exec.Cmd
	// lifeline closes when the starting process ends, which stops the validator.
	lifeline io.Closer
	done     chan struct{} // closed when it has ended
	err      error         // of its end; read after done
}

// StartOne starts a validator that does not run.
func (n *Network) StartOne(i int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.processes[i]; p != nil && !p.hasEnded() {
		return fmt.Errorf("start validator %d: it runs", i)
	}
	log, err := os.OpenFile(n.LogPath(i), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start validator %d: %w", i, err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	args := []string{n.cfg.Executable, "node", "--home", n.Home(i), "--output", "json", "--stop-at-eof"}
	flags := n.flags(i)
	for _, name := range sortedKeys(flags) {
		args = append(args, "--"+name+"="+flags[name])
	}
	if n.cfg.Places != nil {
		args = append(slices.Clone(n.cfg.Places[i].Command), args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), n.cfg.Env...)
	cmd.SysProcAttr = childAttributes()
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start validator %d: %w", i, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start validator %d: %w", i, err)
	}
	p := &process{cmd: cmd, lifeline: lifeline, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	n.processes[i] = p
	return nil
}

func sortedKeys(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p *process) hasEnded() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (n *Network) process(i int) *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.processes[i]
}

// Running reports whether a validator runs.
func (n *Network) Running(i int) bool {
	p := n.process(i)
	return p != nil && !p.hasEnded()
}

// PID returns the process id of a validator, 0 if it does not run.
func (n *Network) PID(i int) int {
	if p := n.process(i); p != nil && !p.hasEnded() {
		return p.cmd.Process.Pid
	}
	return 0
}

// Kill ends a validator as a power cut would, and waits for its end.
func (n *Network) Kill(i int) error {
	p := n.process(i)
	if p == nil || p.hasEnded() {
		return fmt.Errorf("kill validator %d: it does not run", i)
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill validator %d: %w", i, err)
	}
	<-p.done
	return nil
}

// Close stops all validators and waits for them.
func (n *Network) Close() error {
	var g sync.WaitGroup
	errs := make([]error, n.cfg.Validators)
	for i := range n.cfg.Validators {
		if p := n.process(i); p != nil {
			g.Go(func() { errs[i] = p.stop(i) })
		}
	}
	g.Wait()
	return errors.Join(errs...)
}

func (p *process) stop(i int) error {
	_ = p.lifeline.Close()
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return fmt.Errorf("validator %d did not stop within %v and was killed", i, stopTimeout)
}

// ended returns why a validator has ended, or nil while it runs.
func (n *Network) ended(i int) error {
	p := n.process(i)
	if p == nil || !p.hasEnded() {
		return nil
	}
	last := lastWords(n.LogPath(i))
	if last == nil {
		return fmt.Errorf("validator %d ended: %w; see %s", i, errors.Join(p.err, errors.New("it said nothing")),
			n.LogPath(i))
	}
	return &validator.Trouble{Kind: validator.Kind(last.Kind), What: fmt.Sprintf("validator %d: %s", i, last.Error),
		Remedy: last.Remedy}
}

// words are what a validator says when it fails.
type words struct {
	Error  string `json:"error"`
	Kind   string `json:"kind"`
	Remedy string `json:"remedy"`
}

// lastWords returns the error in the last line of a log, or nil.
func lastWords(path string) *words {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var last []byte
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		last = bytes.Clone(s.Bytes())
	}
	var w words
	if json.Unmarshal(last, &w) != nil || w.Error == "" {
		return nil
	}
	return &w
}
