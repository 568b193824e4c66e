package hooks

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/hooks/signature"
)

// block returns the code of a language in docs/webhooks.md.
func block(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```"+language+"\n")
	code, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("the page has no code in %s", language)
	}
	return code
}

// delivery is one that a receiver is to judge.
type delivery struct {
	Name    string            `json:"name"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Secret  string            `json:"secret"`
	Good    bool              `json:"good"`
}

// deliveriesToJudge are good ones and each that must be refused.
func deliveriesToJudge() (list []delivery) {
	secret, other := signature.NewSecret(), signature.NewSecret()
	text := `{"type":"coupon.claimed","text":"Kaffee für Zoë"}`
	add := func(name string, good bool, at time.Time, by []signature.Secret, body string, change func(http.Header)) {
		h := http.Header{}
		signature.Sign(h, by, "scrip-01020304-1-2-0", at, []byte(text))
		if change != nil {
			change(h)
		}
		headers := map[string]string{}
		for k := range h {
			headers[strings.ToLower(k)] = h.Get(k)
		}
		list = append(list, delivery{name, headers, body, secret.Text(), good})
	}
	now, one := time.Now(), []signature.Secret{secret}
	add("as it was sent", true, now, one, text, nil)
	add("during a rotation", true, now, []signature.Secret{other, secret}, text, nil)
	add("four minutes old", true, now.Add(-4*time.Minute), one, text, nil)
	add("a changed byte", false, now, one, strings.Replace(text, "claimed", "claimee", 1), nil)
	add("an old time", false, now.Add(-6*time.Minute), one, text, nil)
	add("a time to come", false, now.Add(6*time.Minute), one, text, nil)
	add("a wrong secret", false, now, []signature.Secret{other}, text, nil)
	add("a new time", false, now.Add(-time.Hour), one, text, func(h http.Header) {
		fresh := http.Header{}
		signature.Sign(fresh, nil, "", now, nil)
		h.Set(signature.HeaderTimestamp, fresh.Get(signature.HeaderTimestamp))
	})
	add("no signature", false, now, nil, text, nil)
	add("an empty signature", false, now, one, text, func(h http.Header) { h.Set(signature.HeaderSignature, "v1,") })
	add("no time", false, now, one, text, func(h http.Header) { h.Del(signature.HeaderTimestamp) })
	add("no id", false, now, one, text, func(h http.Header) { h.Del(signature.HeaderID) })
	return list
}

// The lines that receivers copy take what is genuine and refuse everything else, in each
// language, as they stand in the documentation.
func TestTheDocumentedLinesVerify(t *testing.T) {
	for language, run := range map[string]func(t *testing.T, dir, code string) *exec.Cmd{
		"go": goReceiver, "ts": tsReceiver, "python": pythonReceiver,
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			all := deliveriesToJudge()
			dir := t.TempDir()
			c := run(t, dir, block(t, language))
			c.Stdin = strings.NewReader(string(encode(all)))
			c.Stderr = os.Stderr
			out, err := c.Output()
			if err != nil {
				t.Fatal(err)
			}
			var took []bool
			if err := json.Unmarshal(out, &took); err != nil || len(took) != len(all) {
				t.Fatalf("%s: %v", out, err)
			}
			for i, d := range all {
				if took[i] != d.Good {
					t.Errorf("%s: taken is %t", d.Name, took[i])
				}
			}
		})
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// need returns the path of a program; without it the test is skipped on a machine where
// nobody builds the browser parts.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on this machine", name)
	}
	return path
}

func goReceiver(t *testing.T, dir, code string) *exec.Cmd {
	main := write(t, filepath.Join(dir, "main.go"), `package main

import (
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/scrip-network/scrip/hooks/signature"
)

`+code+`
func main() {
	var all []struct {
		Headers map[string]string
		Body, Secret string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		panic(err)
	}
	took := []bool{}
	for _, d := range all {
		h := http.Header{}
		for k, v := range d.Headers {
			h.Set(k, v)
		}
		took = append(took, verify(h, []byte(d.Body), d.Secret) == nil)
	}
	_ = json.NewEncoder(os.Stdout).Encode(took)
}
`)
	return exec.Command("go", "run", main)
}

func tsReceiver(t *testing.T, dir, code string) *exec.Cmd {
	node, esbuild := need(t, "node"), "../sdk/typescript/node_modules/.bin/esbuild"
	if _, err := os.Stat(esbuild); err != nil {
		t.Skip("the TypeScript SDK's tools are not installed: make sdk")
	}
	source := write(t, filepath.Join(dir, "receiver.ts"), code+`
const chunks: Buffer[] = [];
for await (const c of process.stdin) chunks.push(c as Buffer);
const all = JSON.parse(Buffer.concat(chunks).toString());
console.log(JSON.stringify(all.map((d: any) => verify(d.headers, Buffer.from(d.body), d.secret))));
`)
	target := filepath.Join(dir, "receiver.mjs")
	if out, err := exec.Command(esbuild, source, "--outfile="+target, "--format=esm").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return exec.Command(node, target)
}

func pythonReceiver(t *testing.T, dir, code string) *exec.Cmd {
	return exec.Command(need(t, "python3"), write(t, filepath.Join(dir, "receiver.py"), code+`
import json, sys
print(json.dumps([verify(d["headers"], d["body"].encode(), d["secret"]) for d in json.load(sys.stdin)]))
`))
}
