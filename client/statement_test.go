package client_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/sig"
)

// statements are the golden statements, signed by the members of
// genesis/testdata/dev4.json. All bytes are hex.
type statements struct {
	Subject string          `json:"subject"`
	Nonce   string          `json:"nonce"`
	Cases   []statementCase `json:"cases"`
}

type statementCase struct {
	Name      string `json:"name"`
	Holds     bool   `json:"holds"`
	Statement string `json:"statement"`
	// The fields of one that holds. Subject is that of the file, or zero.
	Replica uint16     `json:"replica"`
	Height  client.U64 `json:"height"`
	TimeMs  client.U64 `json:"time_ms"`
	Says    uint16     `json:"says"`
}

func makeStatements(t *testing.T) statements {
	t.Helper()
	dev, err := genesis.Dev("test", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	subject, nonce := [32]byte{0xab, 1}, [32]byte{0xcd, 2}
	x := statements{Subject: hex.EncodeToString(subject[:]), Nonce: hex.EncodeToString(nonce[:])}
	chain := dev.Genesis.Chain()
	add := func(name string, holds bool, change func(*client.Statement), damage func([]byte) []byte) {
		s := client.Statement{Replica: 2, Height: 1 << 33, TimeMs: 1_795_000_000_000, Subject: subject,
			Says: client.SaysAbsent, Nonce: nonce}
		if change != nil {
			change(&s)
		}
		s.Sign(chain, sig.NewKeyFromSeed(dev.Validators[s.Replica%4].Seed).Sign)
		b := s.Encode()
		if damage != nil {
			b = damage(b)
		}
		x.Cases = append(x.Cases, statementCase{name, holds, hex.EncodeToString(b), s.Replica, client.U64(s.Height),
			client.U64(s.TimeMs), s.Says})
	}
	status := func(s *client.Statement) { s.Says, s.Subject = client.SaysStatus, [32]byte{} }
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	add("no block holds it", true, nil, nil)
	add("the state refuses it", true, func(s *client.Statement) { s.Says = uint16(coupon.AlreadyRedeemed) }, nil)
	add("blocks hold it, and none ended it", true, func(s *client.Statement) { s.Says = client.SaysOpen }, nil)
	add("how high the member stands", true, status, nil)
	add("another nonce", false, func(s *client.Statement) { s.Nonce[31] = 1 }, nil)
	add("another subject", false, func(s *client.Statement) { s.Subject[31] = 1 }, nil)
	add("a status about a subject", false, func(s *client.Statement) { s.Says = client.SaysStatus }, nil)
	add("an answer about nothing", false, func(s *client.Statement) { s.Subject = [32]byte{} }, nil)
	add("a code that is none", false, func(s *client.Statement) { s.Says = 199 }, nil)
	add("a time beyond the last", false, func(s *client.Statement) { s.TimeMs = coupon.TimeMax + 1 }, nil)
	add("a replica that is none", false, func(s *client.Statement) { s.Replica = 4 }, nil)
	add("signed by another member", false, nil, flip(1))
	add("another height", false, nil, flip(3))
	add("another answer", false, func(s *client.Statement) { s.Says = uint16(coupon.AlreadyRedeemed) }, flip(51))
	add("another version", false, nil, flip(0))
	add("a broken signature", false, nil, flip(client.StatementBytes-1))
	add("a byte too few", false, nil, func(b []byte) []byte { return b[:len(b)-1] })
	add("a byte too many", false, nil, func(b []byte) []byte { return append(b, 0) })
	add("nothing", false, nil, func([]byte) []byte { return nil })
	return x
}

// The statements have these bytes; the TypeScript SDK reads the same.
func TestStatementsAreTheGoldenOnes(t *testing.T) {
	x := makeStatements(t)
	b, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	golden := filepath.Join("testdata", "statements.json")
	if *rewrite {
		if err := os.WriteFile(golden, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(b, want) {
		t.Errorf("the statements differ from %s (%v)", golden, err)
	}
	file, err := os.ReadFile("../genesis/testdata/dev4.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := client.NewVerifier(file)
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := client.ParseHash(x.Subject)
	nonce, _ := client.ParseHash(x.Nonce)
	for _, c := range x.Cases {
		raw, err := hex.DecodeString(c.Statement)
		if err != nil {
			t.Fatal(err)
		}
		about := subject
		if c.Says == client.SaysStatus && c.Holds {
			about = client.Hash{}
		}
		s, err := v.Statement(raw, about, nonce)
		switch {
		case !c.Holds && !errors.Is(err, client.ErrFalse):
			t.Errorf("%s: %+v, %v", c.Name, s, err)
		case c.Holds && (err != nil || s.Replica != c.Replica || s.Height != uint64(c.Height) ||
			s.TimeMs != uint64(c.TimeMs) || s.Says != c.Says || !bytes.Equal(s.Encode(), raw)):
			t.Errorf("%s: %+v, %v", c.Name, s, err)
		}
	}
}

func FuzzDecodeStatement(f *testing.F) {
	f.Add((&client.Statement{Replica: 1, Height: 2, TimeMs: 3}).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := client.DecodeStatement(b); err == nil && !bytes.Equal(s.Encode(), b) {
			t.Errorf("%x has a second encoding", b)
		}
	})
}
