package till

import (
	"bufio"
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Exit codes of till.py.
const (
	done, refused, wrong, unknown = 0, 1, 2, 3
)

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the till of docs/till.md is not tried")
	}
	return path
}

// The vectors of Go and TypeScript hold in a third language.
func TestVectors(t *testing.T) {
	out, err := exec.Command(python(t), "check.py", filepath.Join("..", "..")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// shop is a network with a campaign, and a till in Python that is paired with it.
type shop struct {
	t        *testing.T
	x        *apitest.Network
	client   *client.Client
	campaign *apitest.Campaign
	holder   actions.Holder
	home     string
	next     uint32 // serial of the next coupon
}

func open(t *testing.T) *shop {
	t.Helper()
	python(t)
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, x: x, client: c, holder: actions.Holder{Client: c}}
	tx, campaign := x.Publish()
	s.campaign = campaign
	s.submit(tx)
	s.submit(campaign.Batch(100))
	return s
}

func (s *shop) submit(tx []byte) {
	s.t.Helper()
	if _, err := s.client.Submit(s.t.Context(), tx); err != nil {
		s.t.Fatal(err)
	}
}

// claimed returns the next coupon, which apitest.Holder of its serial owns.
func (s *shop) claimed() (actions.Held, coupon.Signer) {
	s.t.Helper()
	s.next++
	owner := apitest.Holder(uint64(s.next))
	s.submit(s.campaign.Claim(s.next, owner.Key))
	return actions.Held{Coupon: s.campaign.Coupon(s.next)}, owner
}

func (s *shop) text(p coupon.Payload) string {
	return coupon.PayloadText(s.client.Chain().EncodePayload(&p))
}

// shown is a code that a wallet shows for a new coupon.
func (s *shop) shown() string {
	h, owner := s.claimed()
	return s.text(s.holder.ShowCode(h, owner, 500, 2))
}

// run runs the till and expects an exit code.
func (s *shop) run(want int, args ...string) (out string) {
	s.t.Helper()
	c := exec.Command("python3", append([]string{"till.py", "--home", s.home}, args...)...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	_ = c.Run()
	if got := c.ProcessState.ExitCode(); got != want {
		s.t.Fatalf("till %s: exit code %d, want %d\n%s%s", args[0], got, want, &stdout, &stderr)
	}
	return stdout.String() + stderr.String()
}

func (s *shop) expect(out string, parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			s.t.Fatalf("%q is not in what the till says:\n%s", p, out)
		}
	}
}

// begin makes a till's home that knows the nodes.
func (s *shop) begin(nodes ...string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "genesis.json")
	if err := os.WriteFile(file, s.x.Dev.Genesis.Raw, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.home = s.t.TempDir()
	s.run(done, append([]string{"init", file}, nodes...)...)
}

// pair is the console's side of pairing a till (web/FRAGMENTS.md): it makes the offer, waits
// for the answer in the box, and adds the member's signature.
func (s *shop) pair(rights uint8) {
	s.t.Helper()
	chain, secret := s.client.Chain(), sha256.Sum256([]byte(s.home))
	o := wire.AppendUint32(wire.AppendUint8(nil, 1), chain.Hint())
	o = wire.AppendUint16(wire.AppendUint16(append(o, secret[:16]...), 2), 1)
	o = wire.AppendUint16(wire.AppendUint8(o, rights), 978)
	o = wire.AppendUint64(wire.AppendUint64(o, apitest.Now()+86_400_000), 100_000)
	o = wire.AppendBytes(o, []byte("counter 1"))
	derive := func(info string, n int) []byte {
		key, err := hkdf.Key(sha256.New, secret[:16], chain.Digest[:], info, n)
		if err != nil {
			s.t.Fatal(err)
		}
		return key
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.run(done, "pair", "https://shop.example/till/#pair="+base64.RawURLEncoding.EncodeToString(o))
	}()
	answer := s.box(hex.EncodeToString(derive("scrip/pair-box/v1", 16)))
	content, seal := answer[:len(answer)-32], answer[len(answer)-32:]
	m := hmac.New(sha256.New, derive("scrip/pair-mac/v1", 32))
	m.Write(content)
	if !hmac.Equal(m.Sum(nil), seal) {
		s.t.Fatal("the answer is not sealed by the offer")
	}
	s.submit(s.register(content))
	<-ended
}

// register adds the merchant's signature to a till's half of a TillKeyAdd.
func (s *shop) register(content []byte) []byte {
	body, till := content[:len(content)-64], content[len(content)-64:]
	admin := apitest.Signer(s.x.Dev.Admins[1])
	signed := admin.Sign(s.client.Chain().Message("scrip/tx/v1", body))
	tx := wire.AppendUint32(bytes.Clone(body), 1)
	tx = append(append(wire.AppendUint16(tx, 2), admin.Key[:]...), signed[:]...)
	return append(tx, till...)
}

func (s *shop) box(name string) []byte {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, node := range s.x.URLs() {
			if data := s.boxAt(node, name); len(data) > 0 {
				return data
			}
		}
	}
	s.t.Fatal("no till has answered")
	return nil
}

func (s *shop) boxAt(node, name string) []byte {
	s.t.Helper()
	r, err := http.Get(node + "/v1/boxes/" + name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var a struct {
		Data []byte `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		s.t.Fatal(err)
	}
	return a.Data
}

// A day at a counter: pairing, a shown code, the same code again, a code that was typed, a
// bill, the undoing, and the day's end.
func TestDay(t *testing.T) {
	s := open(t)
	s.begin(s.x.URLs()...)
	s.pair(coupon.RightRedeem | coupon.RightVoidOwn)

	code := s.shown()
	s.expect(s.run(done, "sell", "780", code), "value 500", "number 0", "proven at height")
	s.expect(s.run(refused, "sell", "780", code), "E509")
	s.expect(s.run(done, "sell", "300", s.typed()), "value 300")
	s.expect(s.bill("650", 500), "value 500")
	s.expect(s.run(wrong, "sell", "780", "SCRP:HELLO"), "error:")
	s.expect(s.run(wrong, "sell", "780", "hello"), "error:")

	s.expect(s.run(done, "undo", fmt.Sprint(uint64(s.campaign.Coupon(1))), "0"), "value 500")
	s.expect(s.run(refused, "undo", fmt.Sprint(uint64(s.campaign.Coupon(1))), "0"), "E512")
	s.expect(s.run(done, "settle"), "not taken: E512", "1 asked")
	s.expect(s.run(done, "day"), "this till        3      1300      1       500",
		"the ledger       3      1300      1       500")
}

// typed leaves a new coupon's code at a node and returns the ten characters.
func (s *shop) typed() string {
	s.t.Helper()
	h, owner := s.claimed()
	p := s.holder.ShowCode(h, owner, 500, 2)
	body, err := json.Marshal(map[string]any{"auths": [][]byte{s.client.Chain().EncodePayload(&p)}})
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.Post(s.x.URLs()[0]+"/v1/codes", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var a struct {
		Code string `json:"code"`
	}
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil || a.Code == "" {
		s.t.Fatalf("no code: %v", err)
	}
	return strings.ToLower(a.Code)
}

// bill lets a wallet answer the till's bill.
func (s *shop) bill(amount string, value uint64) string {
	s.t.Helper()
	h, owner := s.claimed()
	c := exec.Command("python3", "till.py", "--home", s.home, "bill", amount)
	in, err := c.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	text, err := lines.ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := coupon.ParsePayloadText(strings.TrimSuffix(text, "\n"))
	if err != nil {
		s.t.Fatalf("%q: %v", text, err)
	}
	invoice, err := s.client.Chain().DecodePayload(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	auth, err := s.holder.AuthorizeInvoice(h, owner, invoice, value)
	if err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintln(in, s.text(auth))
	said, err := io.ReadAll(lines)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		s.t.Fatalf("bill: %v\n%s", err, said)
	}
	return string(said)
}
