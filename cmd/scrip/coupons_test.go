package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/hooks/signature"
	"github.com/scrip-network/scrip/index/indextest"
	"github.com/scrip-network/scrip/keys"
)

// TestCouponScripts runs the scripts of testdata/coupons against one network of
// four nodes. Each script has a home of its own with the keys of the demonstration
// people, and the file of a genesis that is not the network's (other.json). Beside
// the commands of TestScripts there are, with DESK, a free port,
//
//	capture VAR PATH     VAR becomes what the last stdout, a JSON document, has at PATH
//	take VAR             VAR becomes the last stdout without its last line break
//	answers PORT         something listens on the port within a while
//	spoil FILE FIELD     a letter in the middle of a field of a JSON file is changed
//	receiver VAR S OUT   VAR becomes the URL of an endpoint that verifies webhooks with the secret
//	                     in file S and writes what it got to OUT
//	postgres VAR         VAR becomes how to connect to a PostgreSQL that was started for the script
//	cut FILE N OTHER     OTHER becomes the first N bytes of FILE
//	dress FILE AS OTHER  OTHER becomes FILE as UTF-8 with a byte order mark (mark) or as
//	                     UTF-16 of either byte order, with a mark (le, be) or without (bare)
//
// and picture.png, a screenshot; five.json, the golden file of the receipts of a block, with its genesis test.json.
func TestCouponScripts(t *testing.T) {
	n := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	other, err := genesis.Dev("other", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	urls := make([]string, len(n.Members))
	for i, m := range n.Members {
		urls[i] = m.URL
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "coupons"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TMPDIR", e.WorkDir)
			e.Setenv("TZ", "UTC")
			e.Setenv("SCRIP_HOME", home)
			e.Setenv("SCRIP_NODE", strings.Join(urls, ","))
			e.Setenv("NODE", urls[0])
			port, err := freeBase()
			if err != nil {
				return err
			}
			e.Setenv("DESK", strconv.Itoa(port))
			e.Setenv("SCRIP_GENESIS", filepath.Join(e.WorkDir, "genesis.json"))
			if err := os.WriteFile(filepath.Join(e.WorkDir, "genesis.json"), n.Dev.Genesis.Raw, 0o600); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(e.WorkDir, "other.json"), other.Genesis.Raw, 0o600); err != nil {
				return err
			}
			for name, path := range map[string]string{"five.json": "../../client/testdata/receipts.json",
				"test.json":   "../../genesis/testdata/dev4.json",
				"picture.png": "../../docs/pictures/console.png"} {
				if err := copyFile(filepath.Join(e.WorkDir, name), path); err != nil {
					return err
				}
			}
			return saveKeys(filepath.Join(home, "keys"), n.Dev)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "answers": answers, "capture": capture, "take": take, "spoil": spoil,
			"cut": cut, "dress": dress, "receiver": receiver, "postgres": postgres,
		},
		Condition: func(cond string) (bool, error) {
			if cond != "postgres" {
				return false, fmt.Errorf("there is no condition %q", cond)
			}
			_, err := indextest.Programs()
			return err == nil || os.Getenv(indextest.NeedVariable) != "", nil
		},
	})
}

// postgres starts a PostgreSQL until the script ends.
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: postgres VAR")
	}
	server, err := indextest.Start()
	ts.Check(err)
	ts.Defer(server.Stop)
	url, err := server.Database(context.Background())
	ts.Check(err)
	ts.Setenv(args[0], url)
}

// receiver is an endpoint of webhooks until the script ends. It writes a line for each
// message: whether it is genuine, its type, the id of the event.
func receiver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: receiver VAR SECRETFILE OUT")
	}
	out := ts.MkAbs(args[2])
	ts.Check(os.WriteFile(out, nil, 0o600))
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		text, _ := os.ReadFile(args[1])
		secret, _ := signature.ParseSecret(strings.TrimSpace(string(text)))
		word := "genuine"
		if signature.Verify(r.Header, []signature.Secret{secret}, time.Now(), body) != nil {
			word = "false"
		}
		var event struct{ Type, ID string }
		_ = json.Unmarshal(body, &event)
		f, err := os.OpenFile(out, os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, _ = fmt.Fprintln(f, word, event.Type, event.ID)
			_ = f.Close()
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// saveKeys writes the keys of the demonstration people.
func saveKeys(dir string, dev *genesis.DevNetwork) error {
	for name, s := range map[string]keys.Secret{
		"mall": dev.Admins[0], "bakery": dev.Admins[1], "bookshop": dev.Admins[2], "payments": dev.Admins[3],
		"bakery-till": dev.Tills[0], "bakery-manager": dev.Tills[1], "bookshop-till": dev.Tills[2],
		"bookshop-manager": dev.Tills[3],
	} {
		if err := keys.SaveUnencrypted(filepath.Join(dir, name+".key"), s); err != nil {
			return err
		}
	}
	return nil
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VAR PATH")
	}
	var x any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &x))
	for _, step := range strings.Split(args[1], ".") {
		switch v := x.(type) {
		case map[string]any:
			x = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("no element %s", step)
			}
			x = v[i]
		}
	}
	switch v := x.(type) {
	case string:
		ts.Setenv(args[0], v)
	case float64:
		ts.Setenv(args[0], strconv.FormatFloat(v, 'f', -1, 64))
	default:
		ts.Fatalf("%s is %v", args[1], x)
	}
}

func take(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: take VAR")
	}
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile("stdout"), "\n"))
}

func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spoil FILE FIELD")
	}
	var x map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &x))
	text, ok := x[args[1]].(string)
	if !ok {
		ts.Fatalf("%s has no text %q", args[0], args[1])
	}
	b := []byte(text)
	at := len(b) / 2
	// Another letter that base64 has, too.
	if b[at] == 'Q' {
		b[at] = 'R'
	} else {
		b[at] = 'Q'
	}
	x[args[1]] = string(b)
	raw, err := json.MarshalIndent(x, "", "  ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cut FILE N OTHER")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := ts.ReadFile(args[0])
	if n >= len(b) {
		ts.Fatalf("%s has %d bytes", args[0], len(b))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(b[:n]), 0o600))
}

func dress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: dress FILE mark|le|be|bare OTHER")
	}
	text := ts.ReadFile(args[0])
	marked := []byte("\uFEFF" + text)
	units := utf16.Encode([]rune(string(marked)))
	var b []byte
	switch args[1] {
	case "mark":
		b = marked
	case "be":
		for _, u := range units {
			b = binary.BigEndian.AppendUint16(b, u)
		}
	case "le", "bare":
		for _, u := range units {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
	default:
		ts.Fatalf("no form %q", args[1])
	}
	if args[1] == "bare" {
		b = b[2:]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b, 0o600))
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
