//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
)

// skewVariable tells a program that buildSkewed has made by how many seconds its clock
// is ahead.
const skewVariable = "SCRIP_E2E_SKEW_S"

// TestClock compares the times of blocks with the clock of this machine, which the
// honest validators have. With -e2e.skew one validator, the first primary, has another:
// it moves no block's time, says what is wrong and is not ready, and who asks it alone
// is served.
func TestClock(t *testing.T) {
	const victim = 0
	if *skewFlag == 0 {
		c := startCluster(t, nil)
		c.timed(openMarket(c, 2, 2), 0, 1, 2, 3)
		return
	}
	program := buildSkewed(t)
	for _, skew := range []time.Duration{*skewFlag, -*skewFlag} {
		t.Run(skew.String(), func(t *testing.T) {
			script := filepath.Join(t.TempDir(), "scrip.sh")
			if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\ncase \"$*\" in *validator-%d*) export %s=%d;; esac\n"+
				"exec %q \"$@\"\n", victim, skewVariable, int(skew.Seconds()), program), 0o700); err != nil {
				t.Fatal(err)
			}
			defer func(old string) { *scripFlag = old }(*scripFlag)
			*scripFlag = script
			c := launch(t, pbft.DualPath, nil)
			for i := range validators {
				if i != victim {
					c.await("the others are ready", func() string {
						if s := c.status(i); s == nil || !s.Ready {
							return fmt.Sprintf("%+v", s)
						}
						return ""
					})
				}
			}
			m := openMarket(c, 2, 2)
			c.timed(m, 1, 2, 3)
			c.await("the one with another clock says so", func() string {
				s := c.status(victim)
				if s == nil || s.Ready || !strings.Contains(s.Reason, "its clock is ") {
					return fmt.Sprintf("%+v", s)
				}
				return ""
			})
			c.submit(c.clientOf(victim), m.claim(m.serial.Add(1)))
		})
	}
}

// timed lets customers claim through honest nodes, and compares the time of the last
// block with the clock.
func (c *cluster) timed(m *market, honest ...int) {
	c.t.Helper()
	p := c.Dev().Genesis.File.Committee
	bound := time.Duration(p.PrecisionMs+p.DelayMs) * time.Millisecond
	var last int64
	most, least := -time.Hour, time.Hour
	x := c.clientOf(honest...)
	for range 60 {
		c.submit(x, m.claim(m.serial.Add(1)))
		s := c.status(honest[0])
		if s == nil {
			continue
		}
		dated := int64(s.Time.Ms)
		ahead := time.Until(time.UnixMilli(dated))
		most, least = max(most, ahead), min(least, ahead)
		if dated < last || ahead > bound || ahead < -bound {
			c.t.Errorf("the block of height %d is dated %v from now, the one before %v", s.Height, ahead,
				time.Until(time.UnixMilli(last)))
		}
		last = dated
	}
	c.t.Logf("blocks are dated %v to %v from the clock, at most %v", least, most, bound)
}

// buildSkewed builds scrip with a clock that a variable sets ahead.
func buildSkewed(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	timeDir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(timeDir, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const reading = "sec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), reading) != 1 {
		t.Fatalf("package time of this version of Go does not read the clock by %q", reading)
	}
	changed := map[string]string{
		"time.go": strings.Replace(string(source), reading, reading+"\tsec += testSkew\n", 1),
		"skew.go": strings.ReplaceAll(skewSource, "VARIABLE", skewVariable),
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, content := range changed {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(timeDir, name)] = path
	}
	b, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "scrip")
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-overlay",
		filepath.Join(dir, "overlay.json"), "-o", program, "../cmd/scrip")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build scrip with another clock: %v\n%s", err, out)
	}
	return program
}

// skewSource is added to package time, which may import little.
const skewSource = `package time

import "syscall"

var testSkew = func() (n int64) {
	s, _ := syscall.Getenv("VARIABLE")
	sign := int64(1)
	for _, c := range s {
		if c == '-' {
			sign = -1
		} else {
			n = 10*n + int64(c-'0')
		}
	}
	return sign * n
}()
`
