package cometbft

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/validator"
)

// A home runs on one engine: this one refuses a key that has signed under another,
// the other finds no record of its own in a home of this one, and no two processes
// share a home.
func TestAHomeRunsOnOneEngine(t *testing.T) {
	id := store.LogID{Chain: [32]byte{1}, Key: [32]byte{2}}
	newLog := func(frames ...[]byte) string {
		dir := filepath.Join(t.TempDir(), logName)
		l, err := store.CreateLog(store.OS{}, dir, id, frames...)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := newLog()
	for range 2 { // the second time it is claimed already
		l, err := claim(dir, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := claim(dir, id); !errors.Is(err, store.ErrLocked) {
			t.Errorf("claimed twice: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var trouble *validator.Trouble
	_, err := claim(newLog([]byte("a vote")), id)
	if !errors.As(err, &trouble) || trouble.Kind != validator.KindUnsafeKey {
		t.Errorf("a home of another engine is claimed: %v", err)
	}
	if _, err := pbft.DecodeRecords([]byte(engineFrame)); err == nil {
		t.Error("Scrip's own engine would start over the claim")
	}
	if _, err := claim(filepath.Join(t.TempDir(), "nothing"), id); !errors.Is(err, store.ErrAmnesic) {
		t.Errorf("a home that has lost its log is claimed: %v", err)
	}
}

// Nothing of CometBFT gets into the node: its module requires none of the modules that
// CometBFT brings, whose versions would be chosen here, and its programs are built
// without them. (The module graph has quic-go, of an adaptor of the API's framework
// that nobody imports.)
func TestTheRootModuleStaysFree(t *testing.T) {
	foreign := regexp.MustCompile(`(?m)^.*\b(cometbft|tendermint|quic-go|libp2p|google\.golang\.org/grpc)\b.*$`)
	root := filepath.Join("..", "..")
	required, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/...")
	list.Dir = root
	built, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, modules := range map[string][]byte{"required": required, "built into the programs": built} {
		if !bytes.Contains(modules, []byte("github.com/cockroachdb/pebble/v2")) {
			t.Fatalf("not the modules of the node: %.200s", modules)
		}
		if found := foreign.FindAll(modules, -1); found != nil {
			t.Errorf("%s: %q", name, found)
		}
	}
}
