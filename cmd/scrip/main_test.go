package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"scrip": main})
}

// TestScripts runs the scripts of testdata: what people type, what they read, and
// the exit status. Beside the usual commands there are
//
//	exits CODE COMMAND...  the command ends with this exit status
//	answers PORT           something listens on the port within a while
//	silent PORT            nothing does, within a while
//	dress FILE AS OTHER    as in TestCouponScripts
//
// and PORT and PORT2, base ports whose demo ports are free; NODE1 is that of the second
// node of PORT. DEPLOY is the folder of that name.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			port, err := freeBase()
			e.Setenv("PORT", strconv.Itoa(port))
			e.Setenv("NODE1", strconv.Itoa(port+10))
			second, errSecond := freeBase()
			e.Setenv("PORT2", strconv.Itoa(second))
			e.Setenv("HOME", e.WorkDir)
			deploy, errDeploy := filepath.Abs("../../deploy")
			e.Setenv("DEPLOY", deploy)
			return errors.Join(err, errSecond, errDeploy)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "answers": answers, "silent": silent, "dress": dress,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "slow" {
				return !testing.Short(), nil
			}
			return false, fmt.Errorf("there is no condition %q", cond)
		},
	})
}

// freeBase finds a base port for four validators and a desk, below those that the system
// gives to outgoing connections, and never one twice: scripts run side by side.
func freeBase() (int, error) {
	for range 100 {
		base := 20_000 + 40*rand.IntN(300)
		_, taken := bases.LoadOrStore(base, true)
		free := !taken
		for i := 0; free && i < 4; i++ {
			for _, port := range []int{base + 10*i, base + 10*i + 1, base + 10*i + 5} {
				l, err := net.Listen("tcp", address(port))
				if err != nil {
					free = false
					break
				}
				_ = l.Close()
			}
		}
		if free {
			return base, nil
		}
	}
	return 0, errors.New("no free ports")
}

var bases sync.Map // that freeBase has returned, or looked at

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		code = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, wanted %s: %s", code, args[0], strings.Join(args[1:], " "))
	}
}

// portPatience bounds the wait for a port.
const portPatience = 20 * time.Second

func answers(ts *testscript.TestScript, neg bool, args []string) { waitPort(ts, args, true) }
func silent(ts *testscript.TestScript, neg bool, args []string)  { waitPort(ts, args, false) }

func waitPort(ts *testscript.TestScript, args []string, want bool) {
	if len(args) != 1 {
		ts.Fatalf("usage: answers PORT, silent PORT")
	}
	for deadline := time.Now().Add(portPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", args[0]))
		if err == nil {
			_ = c.Close()
		}
		if (err == nil) == want {
			return
		}
	}
	ts.Fatalf("port %s: wanted an answer: %t", args[0], want)
}
