//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/network"
)

// demo is a running "scrip demo".
type demo struct {
	record network.Record
	client *client.Client
	ctx    context.Context
}

// startDemo runs "scrip demo" until the test ends.
func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	port, err := freeBase()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	c := exec.Command("scrip", append([]string{"demo", "-o", "json", "--port", strconv.Itoa(port)}, args...)...)
	var talk bytes.Buffer
	c.Stderr = &talk
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the demo ended with %v: %s", err, &talk)
		}
	})
	x := &demo{}
	if err := json.NewDecoder(out).Decode(&x.record); err != nil {
		t.Fatalf("what the demo prints: %v: %s", err, &talk)
	}
	raw, err := os.ReadFile(x.record.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	if x.client, err = client.New(raw, x.record.Nodes); err != nil {
		t.Fatal(err)
	}
	var cancel context.CancelFunc
	x.ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return x
}

// links returns the links of a face, by who they are for.
func (x *demo) links(face string) map[string]string {
	all := make(map[string]string)
	for _, l := range x.record.Links {
		if l.Face == face {
			all[l.Who] = l.URL
		}
	}
	return all
}

// fragment returns the named values behind the # of a link.
func fragment(t *testing.T, link string) url.Values {
	t.Helper()
	_, text, _ := strings.Cut(link, "#")
	v, err := url.ParseQuery(text)
	if err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	return v
}

func secretOf(t *testing.T, values url.Values, name string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(values.Get(name))
	if err != nil || len(b) == 0 {
		t.Fatalf("the value %s of a link: %v", name, err)
	}
	return b
}

func (x *demo) coupon(t *testing.T, id coupon.CouponID) *client.Coupon {
	t.Helper()
	c, err := x.client.Coupon(x.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// payload decodes a link that carries a payload.
func (x *demo) payload(t *testing.T, link string) coupon.Payload {
	t.Helper()
	_, text, _ := strings.Cut(link, "#")
	raw, err := coupon.ParseLinkFragment(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x.client.Chain().DecodePayload(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The story that a demo opens with: every kind and state of campaign and coupon,
// and every printed link opens what it says.
func TestADemoTellsAStory(t *testing.T) {
	x := startDemo(t)
	t.Run("states", x.checkStates)
	t.Run("wallets", x.checkWallets)
	t.Run("staff", x.checkStaff)
	t.Run("gifts and tickets", x.checkPapers)
	t.Run("desk", x.checkDesk)
	t.Run("nodes", x.checkNodes)
	t.Run("start page", func(t *testing.T) {
		r, err := http.Get(x.record.Nodes[3] + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		b, err := io.ReadAll(r.Body)
		page := html.UnescapeString(string(b))
		if bo := x.links("wallet")["Bo"]; err != nil || bo == "" || !strings.Contains(page, bo) {
			t.Errorf("the start page does not know Bo (%s, %v):\n%s", bo, err, page)
		}
	})
	t.Run("urls", func(t *testing.T) {
		out, err := exec.Command("scrip", "demo", "urls", "-o", "json").Output()
		var again network.Record
		if err != nil || json.Unmarshal(out, &again) != nil || !slices.Equal(again.Links, x.record.Links) ||
			!strings.Contains(again.Text, x.links("wallet")["Bo"]) {
			t.Errorf("demo urls: %v: %s", err, out)
		}
	})
	t.Run("kill and start", x.checkOrders)
}

// Any user of the demo can take a validator's power away and give it back.
func (x *demo) checkOrders(t *testing.T) {
	run := func(want bool, args ...string) {
		t.Helper()
		if out, err := exec.Command("scrip", append([]string{"demo"}, args...)...).CombinedOutput(); (err == nil) != want {
			t.Errorf("demo %v: %v: %s", args, err, out)
		}
	}
	answers := func() bool {
		ctx, cancel := context.WithTimeout(x.ctx, time.Second)
		defer cancel()
		_, err := x.client.Status(ctx, 2)
		return err == nil
	}
	run(true, "kill", "2")
	if answers() {
		t.Error("the killed validator answers")
	}
	run(false, "kill", "2")
	run(false, "kill", "4")
	run(false, "start", "1")
	x.coupon(t, coupon.NewCouponID(1, 1)) // the others go on
	run(true, "start", "2")
	for !answers() {
		if x.ctx.Err() != nil {
			t.Fatal("the validator that was started again does not answer")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (x *demo) checkStates(t *testing.T) {
	campaigns, _, _, err := x.client.Counts(x.ctx)
	if err != nil {
		t.Fatal(err)
	}
	seen, voided, lapses := make(map[string]int), 0, false
	for number := uint32(1); number <= campaigns; number++ {
		g, err := x.client.Campaign(x.ctx, number)
		if err != nil {
			t.Fatal(err)
		}
		seen[g.Status]++
		seen[g.Terms.ValueKind.String()]++
		lapses = lapses || g.Issued > 0 && g.Terms.RedeemUntil < uint64(x.record.Started.Add(time.Minute).UnixMilli())
		voided += int(g.Voids)
		for serial := uint32(1); serial <= g.Issued; serial++ {
			c, err := x.client.Coupon(x.ctx, coupon.NewCouponID(number, serial))
			if err == nil {
				seen[c.Status]++
			}
		}
	}
	for _, want := range []string{"AMOUNT", "PERCENT", "FREE_ITEM", "STORED", "PUBLISHED", "PAUSED", "CLOSED", "EXHAUSTED",
		"HELD", "GIFTED", "REDEEMED"} {
		if seen[want] == 0 {
			t.Errorf("nothing is %s: %v", want, seen)
		}
	}
	if voided == 0 || !lapses {
		t.Errorf("%d redemptions are undone; a coupon is to lapse within a minute: %t", voided, lapses)
	}
}

func (x *demo) checkWallets(t *testing.T) {
	wallets := x.links("wallet")
	if len(wallets) != 5 {
		t.Errorf("there are %d people: %v", len(wallets), wallets)
	}
	for who, link := range wallets {
		v := fragment(t, link)
		words, err := keys.MnemonicFromEntropy(secretOf(t, v, "k"))
		if err != nil || v.Get("n") != who {
			t.Fatalf("%s: %v", link, err)
		}
		w, err := keys.NewWallet(words, "")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for campaign := range uint32(9) {
			for n := range uint32(3) {
				key, err := w.Coupon(campaign+1, n)
				if err != nil {
					t.Fatal(err)
				}
				ids, err := x.client.HolderCoupons(x.ctx, key.Public())
				if err != nil {
					t.Fatal(err)
				}
				found += len(ids)
			}
		}
		if found < 2 {
			t.Errorf("%s has %d coupons to use", who, found)
		}
		for _, used := range strings.FieldsFunc(v.Get("u"), func(r rune) bool { return r == ',' }) {
			var id uint64
			var n uint32
			if _, err := fmt.Sscanf(used, "%d.%d", &id, &n); err != nil {
				t.Fatalf("%s: %v", used, err)
			}
			key, err := w.Coupon(coupon.CouponID(id).Campaign(), n)
			if c := x.coupon(t, coupon.CouponID(id)); err != nil || c.Status != "REDEEMED" || c.Owner != key.Public() {
				t.Errorf("%s: coupon %s is %s of another key (%v)", who, used, c.Status, err)
			}
		}
	}
}

func (x *demo) checkStaff(t *testing.T) {
	ledger := x.client.Genesis().File.Ledger
	for who, link := range x.links("console") {
		v := fragment(t, link)
		member, err := strconv.Atoi(v.Get("m"))
		if err != nil || member < 1 || member > len(ledger.Members) {
			t.Fatalf("%s: %v", link, err)
		}
		if key := coupon.NewSigner([32]byte(secretOf(t, v, "k"))).Key; ledger.Members[member-1].Keys[0] != key {
			t.Errorf("%s's key is not that of member %d", who, member)
		}
	}
	for who, link := range x.links("till") {
		v := fragment(t, link)
		for name, right := range map[string]uint8{"k": coupon.RightRedeem, "v": coupon.RightVoidAny} {
			key := coupon.NewSigner([32]byte(secretOf(t, v, name))).Key
			till, err := x.client.Till(x.ctx, key)
			if err != nil || till.Rights&right == 0 {
				t.Errorf("%s: the key %s has not the right %d: %v", who, name, right, err)
			}
		}
	}
	if len(x.links("console")) < 2 || len(x.links("till")) != 2 || len(x.links("explorer")) != 1 {
		t.Errorf("the links are %v", x.record.Links)
	}
}

func (x *demo) checkPapers(t *testing.T) {
	gift := x.payload(t, x.links("gift")["anybody"]).Gift
	key := coupon.NewSigner(x.client.Chain().GiftKeySeed(gift.Seed, gift.Coupon)).Key
	if c := x.coupon(t, gift.Coupon); c.Status != "GIFTED" || c.GiftKey != key {
		t.Errorf("the gift's coupon is %s, for another key", c.Status)
	}
	p := x.payload(t, x.links("ticket")["anybody"]).Ticket
	holder := actions.Holder{Client: x.client}
	if _, err := holder.Claim(x.ctx, p, coupon.NewSigner([32]byte{1}).Key); err != nil {
		t.Errorf("the ticket is not good: %v", err)
	}
}

// checkDesk takes a ticket from the poster as a wallet does.
func (x *demo) checkDesk(t *testing.T) {
	link := x.links("poster")["anybody"]
	campaign, err := strconv.ParseUint(link[strings.LastIndex(link, "/")+1:], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	claim := coupon.NewSigner([32]byte{2})
	body := fmt.Sprintf(`{"campaign":%d,"claim_key":"%x"}`, campaign, claim.Key)
	r, err := http.NewRequest("POST", x.record.Desk+"/v1/tickets", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", x.record.Nodes[2]) // the wallet may be that of any node
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	var ticket struct {
		Batch     uint16
		Serial    uint32
		Expires   client.Time
		TicketKey string `json:"ticket_key"`
		Signature []byte
	}
	b, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != 200 || json.Unmarshal(b, &ticket) != nil {
		t.Fatalf("%s: %s (%v)", got.Status, b, err)
	}
	if got.Header.Get("Access-Control-Allow-Origin") != x.record.Nodes[2] {
		t.Errorf("the page may not read the answer: %v", got.Header)
	}
	key, err := keys.Decode(keys.Ticket, ticket.TicketKey)
	if err != nil {
		t.Fatal(err)
	}
	tx := actions.SignedClaim(x.client.Chain(), actions.Expiry(x.client.Verifier, coupon.KindClaim), actions.Ticket{
		Ticket: coupon.Ticket{Campaign: uint32(campaign), Batch: ticket.Batch, Serial: ticket.Serial, ClaimKey: claim.Key,
			Expires: uint64(ticket.Expires.Ms)}, Key: key, Signature: [64]byte(ticket.Signature), Claim: claim,
	}, coupon.NewSigner([32]byte{3}).Key)
	if _, err := x.client.Submit(x.ctx, tx); err != nil {
		t.Errorf("the ticket is not good: %v", err)
	}
}

// checkNodes looks whether the page of one node may change over to another.
func (x *demo) checkNodes(t *testing.T) {
	r, err := http.Get(x.record.Nodes[0] + "/v1/nodes")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var a struct {
		Nodes []struct{ URL string }
		Desks []string
	}
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	for i, n := range a.Nodes {
		if n.URL != x.record.Nodes[i] {
			t.Errorf("node %d is told at %q, and is at %s", i, n.URL, x.record.Nodes[i])
		}
		page, err := http.Get(n.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = page.Body.Close()
		if policy := page.Header.Get("Content-Security-Policy"); page.StatusCode != 200 ||
			!strings.Contains(policy, x.record.Nodes[(i+1)%4]) || !strings.Contains(policy, x.record.Desk) {
			t.Errorf("node %d: %s, policy %s", i, page.Status, policy)
		}
		ask, err := http.NewRequest("OPTIONS", n.URL+"/v1/transactions", nil)
		if err != nil {
			t.Fatal(err)
		}
		ask.Header.Set("Origin", x.record.Nodes[(i+1)%4])
		ask.Header.Set("Access-Control-Request-Method", "POST")
		may, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Fatal(err)
		}
		_ = may.Body.Close()
		if may.Header.Get("Access-Control-Allow-Origin") != x.record.Nodes[(i+1)%4] {
			t.Errorf("node %d does not answer pages of the next one: %s", i, may.Status)
		}
	}
	if len(a.Nodes) != 4 || len(a.Desks) != 1 || a.Desks[0] != x.record.Desk {
		t.Errorf("%+v", a)
	}
}

func TestAnEmptyDemoHasNoStory(t *testing.T) {
	x := startDemo(t, "--empty")
	if campaigns, _, _, err := x.client.Counts(x.ctx); err != nil || campaigns != 0 {
		t.Errorf("%d campaigns, %v", campaigns, err)
	}
	if len(x.links("gift")) != 0 || len(x.links("console")) == 0 || len(x.links("till")) == 0 {
		t.Errorf("the links are %v", x.record.Links)
	}
	x.checkStaff(t)
	x.checkNodes(t)
}
