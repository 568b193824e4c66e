package genesis

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// A file names the protocol only if it is not the first one, so that files and
// digests from before there were two stay what they are.
func TestFilesNameTheirProtocol(t *testing.T) {
	plain, err := Dev("protocol", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plain.Genesis.Raw, []byte("engine")) || plain.Genesis.File.Committee.Protocol != pbft.DualPath {
		t.Errorf("a file of the first protocol names it:\n%s", plain.Genesis.Raw)
	}
	other, err := DevWith("protocol", 4, "", func(f *File) {
		f.Committee.Protocol, f.Committee.Window = pbft.Original, 1
	})
	if err != nil {
		t.Fatal(err)
	}
	g := other.Genesis
	if !bytes.Contains(g.Raw, []byte(`"engine": "original"`)) || g.Digest == plain.Genesis.Digest {
		t.Errorf("a file of the original protocol:\n%s", g.Raw)
	}
	c, err := g.Committee()
	if err != nil || c.Protocol() != pbft.Original || c.FastFaults() != 0 || c.Parameters().Window != 1 {
		t.Errorf("its committee: %+v, %v", c.Parameters(), err)
	}
	for _, of := range []*Genesis{plain.Genesis, g} {
		if like, err := DevLike(of); err != nil || like.Genesis.Digest != of.Digest {
			t.Errorf("the demonstration like %s is another one: %v", of.File.Name, err)
		}
	}
	raw := string(g.Raw)
	for _, x := range []struct{ name, old, new, want string }{
		{"unknown", `"original"`, `"raft"`, `committee.engine: "raft", wanted "original"`},
		{"the default", `"original"`, `"dualpath"`, "leave it out"},
		{"no text", `"original"`, `1`, `a text in "quotes"`},
		{"misspelt", `"engine"`, `"engin"`, `did you mean "engine"?`},
		{"a fast path", `"fast_faults": 0`, `"fast_faults": 1`, "no fast path"},
		{"a long interval", `"checkpoint_interval": 256`, `"checkpoint_interval": 257`, "at most 256"},
	} {
		_, err := Parse([]byte(strings.Replace(raw, x.old, x.new, 1)))
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, wanted %q", x.name, err, x.want)
		}
	}
}
