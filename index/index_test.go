//go:build unix

package index_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/index"
	"github.com/scrip-network/scrip/index/indextest"
)

// server is the one cluster of the tests, and errServer why there is none.
var (
	server    *indextest.Cluster
	errServer error
)

func TestMain(m *testing.M) {
	server, errServer = indextest.Start()
	code := m.Run()
	if server != nil {
		server.Stop()
	}
	os.Exit(code)
}

// database makes an empty database and returns how to connect to it.
func database(t testing.TB) string {
	t.Helper()
	if server == nil {
		if os.Getenv(indextest.NeedVariable) != "" {
			t.Fatal(errServer)
		}
		t.Skip(errServer)
	}
	url, err := server.Database(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// market is a chain on which something has happened that the tests know.
type market struct {
	*apitest.Network
	c      *client.Client
	ctx    context.Context
	height uint64 // of the last receipt
}

func (m *market) submit(t testing.TB, tx []byte) *client.Receipt {
	t.Helper()
	r, err := m.c.Submit(m.ctx, tx)
	if err != nil {
		t.Fatal(err)
	}
	m.height = r.Height
	return r
}

// openMarket plays what the views are asked about: campaign 1 of 5.00 off, paid by member 1
// alone, and campaign 2 with two uses of 1.00, which members 1 and 3 share.
func openMarket(t testing.TB) *market {
	t.Helper()
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs(), client.WithTill(apitest.Signer(x.Dev.Tills[0])))
	if err != nil {
		t.Fatal(err)
	}
	m := &market{Network: x, c: c, ctx: ctx}
	ana, bo, cy := apitest.Holder(1), apitest.Holder(2), apitest.Holder(3)
	publish, one := x.Publish()
	m.submit(t, publish)
	m.submit(t, one.Batch(10))
	for serial, owner := range []coupon.Signer{ana, ana, bo, cy} {
		m.submit(t, one.Claim(uint32(serial+1), owner.Key))
	}
	m.submit(t, one.Redeem(1, 0, ana, 0))
	m.submit(t, one.Redeem(2, 0, ana, 2))
	m.submit(t, one.Void(2, 0, 3))
	m.submit(t, one.Transfer(3, 0, bo, cy.Key))
	// What was used is refused, in a block, since the till itself hands it in.
	var refusal *client.Refusal
	if _, err := c.Submit(ctx, one.Redeem(1, 1, ana, 0)); !errors.As(err, &refusal) || refusal.Receipt == nil {
		t.Fatalf("used again: %v", err)
	}
	m.two(t, ana)
	m.submit(t, actions.SignedControl(x.Chain(), apitest.Soon(), coupon.KindCampaignPause, 1, m.admin(1)))
	return m
}

func (m *market) admin(n uint16) coupon.MemberSigner {
	return coupon.MemberSigner{Member: n, Signer: apitest.Signer(m.Dev.Admins[n-1])}
}

// two is campaign 2: a coupon used twice, and a till that is added and revoked.
func (m *market) two(t testing.TB, ana coupon.Signer) {
	t.Helper()
	now, chain, ticket := apitest.Now(), m.Chain(), coupon.NewSigner(sha256.Sum256([]byte("tickets of two")))
	terms := coupon.Terms{Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: 6667}, {Member: 3, ShareBps: 3333}},
		Currency: 978, Title: "Two breakfasts", TermsHash: [32]byte{2}, ValueKind: coupon.Amount, Face: 100, Uses: 2,
		ReimburseBps: coupon.BpsMax, ShowMax: 100, MaxSupply: 20, Budget: 4000, ClaimFrom: now - 60_000,
		ClaimUntil: now + 86_400_000, RedeemFrom: now - 60_000, RedeemUntil: now + 86_400_000, RollbackMs: 3_600_000,
		Shops: []coupon.Shop{{Member: 2}}}
	m.submit(t, actions.SignedCampaign(chain, apitest.Soon(), terms, m.admin(1), m.admin(3)))
	m.submit(t, actions.SignedBatch(chain, apitest.Soon(), 2, 1, 5, ticket.Key, m.admin(1)))
	tk := actions.SignedTicket(chain, coupon.TicketPayload{Campaign: 2, Batch: 1, Serial: 1, Seed: [16]byte{9},
		Expires: terms.ClaimUntil}, ticket)
	m.submit(t, actions.SignedClaim(chain, apitest.Soon(), actions.TicketOf(chain, tk, ticket.Key), ana.Key))
	for seq := range uint32(2) {
		b := actions.Bill{Campaign: 2, Currency: 978, Basis: 300, BasketHash: actions.BasketHash([]byte("bread"))}
		m.submit(t, actions.SignedRedemption(chain, apitest.Signer(m.Dev.Tills[0]), b,
			actions.Held{Coupon: coupon.NewCouponID(2, 1), Seq: seq}, ana, 100, apitest.Soon()))
	}
	till := coupon.NewSigner(sha256.Sum256([]byte("a new till")))
	m.submit(t, actions.SignedTill(chain, apitest.Soon(), coupon.TillKeyAdd{Member: 2, Store: 7,
		Rights: coupon.RightRedeem, Currency: 978,
		ValidFrom: now, ValidUntil: now + 86_400_000, DayCap: 1000, Label: "Counter 7"}, till, m.admin(2)))
	m.submit(t, actions.SignedTillRevoke(chain, apitest.Soon(), 2, till.Key, m.admin(2)))
}

// open opens the tables in a database.
func (m *market) open(t testing.TB, url string) *index.Index {
	t.Helper()
	x, err := index.Open(context.Background(), url, m.Dev.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close(context.Background()) })
	return x
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// asked returns the rows of a query as texts.
func asked(t testing.TB, conn *pgx.Conn, query string) (lines []string) {
	t.Helper()
	rows, err := conn.Query(context.Background(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, v := range values {
			words = append(words, fmt.Sprint(v))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}

// Each question that merchants ask has the answer that what happened gives.
func TestTheViewsAnswer(t *testing.T) {
	url := database(t)
	m := openMarket(t)
	x := m.open(t, url)
	if err := x.Run(m.ctx, m.c, m.height, quiet()); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, url)
	for _, q := range []struct{ name, query, want string }{
		{"redemptions by hour", "SELECT campaign, merchant, sum(redemptions)::int, sum(value)::int, sum(payable)::int, " +
			"sum(voided)::int FROM scrip.redemptions_by_hour GROUP BY 1, 2 ORDER BY 1, 2",
			"1 2 1 500 500 0|1 3 1 500 500 1|2 2 2 200 200 0"},
		{"hours are hours", "SELECT count(*) FROM scrip.redemptions_by_hour WHERE date_part('minute', hour) <> 0 OR " +
			"hour NOT BETWEEN now() - interval '2 hours' AND now()", "0"},
		{"funnel",
			"SELECT campaign, title, max_supply, offered, claimed, used, used_up FROM scrip.campaign_funnel ORDER BY 1",
			"1 Free coffee 1000 10 4 1 1|2 Two breakfasts 20 5 1 1 1"},
		{"obligations", "SELECT campaign, payee, sum, count FROM scrip.obligations ORDER BY 1, 2", "1 2 500 1|2 2 200 2"},
		{"who pays whom", "SELECT payer, payee, currency, sum(amount)::int FROM scrip.who_pays_whom GROUP BY 1, 2, 3 " +
			"ORDER BY 1, 2", "1 2 978 634|3 2 978 66"},
		{"breakage before the end",
			"SELECT campaign, claimed, lapsed, lapsed_uses, lapsed_value FROM scrip.breakage ORDER BY 1",
			"1 4 0 0 0|2 1 0 0 0"},
		{"repeat holders", "SELECT campaign, coupons, holders FROM scrip.repeat_holders ORDER BY 1, 2", "1 2 2|2 1 1"},
		{"nobody is followed", "SELECT count(*) FROM scrip.coupons a JOIN scrip.coupons b USING (holder) " +
			"WHERE a.campaign <> b.campaign", "0"},
		{"store days", "SELECT merchant, sum(redemptions)::int, sum(value)::int, sum(payable)::int, sum(voided)::int, " +
			"sum(voided_payable)::int FROM scrip.store_days GROUP BY 1 ORDER BY 1", "2 3 700 700 0 0|3 1 500 500 1 500"},
		{"till activity", "SELECT member, label, redemptions, voided, coalesce(voided_percent, -1)::text, revoked " +
			"FROM scrip.till_activity WHERE redemptions > 0 OR revoked ORDER BY 1, 2",
			"2 Counter 7 0 0 -1 true|2 DEV till 1 3 0 0.00 false|3 DEV till 1 1 1 100.00 false"},
		{"time to redeem", "SELECT campaign, coupons, median_seconds BETWEEN 0 AND 120, p90_seconds >= median_seconds " +
			"FROM scrip.time_to_redeem ORDER BY 1", "1 2 true true|2 1 true true"},
		{"budget", "SELECT campaign, currency, budget, committed, accrued, free FROM scrip.budget_use ORDER BY 1",
			"1 978 500000 2000 500 498000|2 978 4000 200 200 3800"},
		{"refusals", "SELECT kind, code, word, refusals FROM scrip.refusal_reasons", "Redeem E509 already_redeemed 1"},
		{"states", "SELECT campaign, state FROM scrip.campaigns ORDER BY 1", "1 PAUSED|2 PUBLISHED"},
		{"events", "SELECT type, count(*) FROM scrip.events GROUP BY 1 ORDER BY 1", "batch.committed 2|campaign.paused 1|" +
			"campaign.published 2|coupon.claimed 5|coupon.transferred 1|redemption.accrued 4|redemption.voided 1|" +
			"till.added 1|till.revoked 1"},
		{"coupons", "SELECT campaign, serial, seq, uses_left, offered FROM scrip.coupons ORDER BY 1, 2",
			"1 1 1 0 false|1 2 2 1 false|1 3 1 1 false|1 4 0 1 false|2 1 2 0 false"},
	} {
		if got := strings.Join(asked(t, conn, q.query), "|"); got != q.want {
			t.Errorf("%s:\n%s\nwanted\n%s", q.name, got, q.want)
		}
	}
	// When the time of all is over, what was not used has lapsed.
	if _, err := conn.Exec(m.ctx, "UPDATE scrip.chain SET at = at + interval '9 years'"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(asked(t, conn, "SELECT campaign, claimed, lapsed, lapsed_uses, lapsed_value FROM "+
		"scrip.breakage ORDER BY 1"), "|"); got != "1 4 3 3 1500|2 1 0 0 0" {
		t.Errorf("breakage is %s", got)
	}
}

// contents is everything in the tables.
func contents(t testing.TB, url string) string {
	t.Helper()
	conn := connect(t, url)
	var all []string
	for _, table := range asked(t, conn, "SELECT tablename FROM pg_tables WHERE schemaname = 'scrip' ORDER BY 1") {
		rows := asked(t, conn, "SELECT x::text FROM scrip."+table+" x")
		slices.Sort(rows)
		all = append(all, "== "+table)
		all = append(all, rows...)
	}
	return strings.Join(all, "\n")
}

// chainOf is a chain of blocks that were read before.
type chainOf []*client.Block

func (c chainOf) Blocks(ctx context.Context, from uint64) iter.Seq2[*client.Block, error] {
	return func(yield func(*client.Block, error) bool) {
		for _, b := range c[from-1:] {
			if !yield(b, nil) {
				return
			}
		}
		<-ctx.Done()
		yield(nil, ctx.Err())
	}
}

// What is derived from nothing is the same however often it was interrupted, and in what
// steps: each block exactly once.
func TestDerivedTwiceIsTheSame(t *testing.T) {
	first := database(t)
	m := openMarket(t)
	var blocks chainOf
	for b, err := range m.c.Blocks(m.ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if blocks = append(blocks, b); b.Height == m.height {
			break
		}
	}
	if err := m.open(t, first).Run(m.ctx, blocks, m.height, quiet()); err != nil {
		t.Fatal(err)
	}
	want := contents(t, first)

	one := database(t)
	x := m.open(t, one)
	for i, b := range blocks {
		if i%3 == 0 { // a new process
			if err := x.Close(m.ctx); err != nil {
				t.Fatal(err)
			}
			x = m.open(t, one)
		}
		if i%5 == 0 { // the end comes in the middle of a transaction
			cut, cancel := context.WithCancel(m.ctx)
			cancel()
			if err := x.Apply(cut, blocks[i:]); err == nil {
				t.Fatal("a transaction that was cut was made")
			}
			_ = x.Close(m.ctx)
			x = m.open(t, one)
		}
		if x.Height() != uint64(i) {
			t.Fatalf("the tables are at %d, not %d", x.Height(), i)
		}
		if err := x.Apply(m.ctx, []*client.Block{b}); err != nil {
			t.Fatal(err)
		}
		for _, again := range [][]*client.Block{{b}, blocks[i:], blocks[min(i+2, len(blocks)):]} {
			if len(again) > 0 && again[0].Height != uint64(i+2) {
				if err := x.Apply(m.ctx, again); !errors.Is(err, index.ErrGap) {
					t.Fatalf("block %d behind %d: %v", again[0].Height, i+1, err)
				}
			}
		}
	}
	if got := contents(t, one); got != want {
		t.Errorf("derived block by block:\n%s\n\nat once:\n%s", got, want)
	}
	if done, err := x.Check(m.ctx, m.c); err != nil || done.Campaigns != 2 || done.Obligations != 3 {
		t.Errorf("the state of the chain: %+v, %v", done, err)
	}
	// A row that somebody has changed is found.
	conn := connect(t, one)
	for _, change := range []string{"DELETE FROM scrip.coupons WHERE serial = 4",
		"UPDATE scrip.redemptions SET payable = payable + 1 WHERE serial = 1",
		"UPDATE scrip.redemptions SET merchant = 1 WHERE serial = 1"} {
		tx, err := conn.Begin(m.ctx)
		if err == nil {
			_, err = tx.Exec(m.ctx, change)
		}
		if err == nil {
			err = tx.Commit(m.ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Check(m.ctx, m.c); !errors.Is(err, index.ErrDiffers) {
			t.Errorf("%s: %v", change, err)
		}
		if strings.HasPrefix(change, "UPDATE") {
			undo := strings.NewReplacer("+ 1", "- 1", "merchant = 1", "merchant = 2").Replace(change)
			if _, err := conn.Exec(m.ctx, undo); err != nil {
				t.Fatal(err)
			}
		} else if _, err := conn.Exec(m.ctx, "INSERT INTO scrip.coupons VALUES "+
			"(1, 4, '', 0, 1, 0, false, now(), now(), 1)"); err != nil {
			t.Fatal(err)
		}
	}
}

// A batch that cannot be brought in whole changes nothing.
func TestABadBlockChangesNothing(t *testing.T) {
	url := database(t)
	m := openMarket(t)
	x := m.open(t, url)
	if err := x.Run(m.ctx, m.c, m.height, quiet()); err != nil {
		t.Fatal(err)
	}
	before := contents(t, url)
	last, err := m.c.Block(m.ctx, m.height)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]coupon.Outcome{
		"a void of nothing":       {Kind: coupon.KindVoid, Coupon: coupon.NewCouponID(1, 4), Seq: 3, Value: 500},
		"a transfer of no coupon": {Kind: coupon.KindTransfer, Coupon: coupon.NewCouponID(1, 99), Seq: 1},
		"a void of another value": {Kind: coupon.KindVoid, Coupon: coupon.NewCouponID(1, 1), Seq: 0, Value: 499},
		"a coupon twice":          {Kind: coupon.KindClaim, Coupon: coupon.NewCouponID(1, 1)},
	} {
		good, bad := *last, *last
		good.Height, good.Header.Parent, good.Digest = last.Height+1, last.Digest, [32]byte{1}
		good.Txs, good.Outcomes = nil, nil
		bad.Height, bad.Header.Parent, bad.Outcomes, bad.Txs = last.Height+2, good.Digest, []coupon.Outcome{o}, [][]byte{nil}
		if err := x.Apply(m.ctx, []*client.Block{&good, &bad}); err == nil {
			t.Errorf("%s is taken", name)
		}
		if got := contents(t, url); got != before {
			t.Errorf("%s has changed the tables", name)
		}
		if name == "a coupon twice" {
			other := good
			other.Header.Parent = [32]byte{7}
			if err := x.Apply(m.ctx, []*client.Block{&other}); !errors.Is(err, index.ErrGap) {
				t.Errorf("a block of another parent: %v", err)
			}
		}
	}
}

func TestTheTablesHaveOneOwner(t *testing.T) {
	url := database(t)
	x := apitest.Start(t, 4, nil)
	m := &market{Network: x}
	first := m.open(t, url)
	if _, err := index.Open(context.Background(), url, x.Dev.Genesis); !errors.Is(err, index.ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	if err := first.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := *x.Dev.Genesis
	other.Digest[0] ^= 1
	if _, err := index.Open(context.Background(), url, &other); !errors.Is(err, index.ErrForeign) {
		t.Errorf("opened for another chain: %v", err)
	}
	conn := connect(t, url)
	if _, err := conn.Exec(context.Background(), "INSERT INTO scrip.migrations VALUES (1000, 'later')"); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Open(context.Background(), url, x.Dev.Genesis); !errors.Is(err, index.ErrNewer) {
		t.Errorf("opened tables of a newer program: %v", err)
	}
}

func TestAPasswordIsNoArgument(t *testing.T) {
	for _, text := range []string{"postgres://scrip:secret@db.example/ledger", "postgresql://u:p%40ss@h/d",
		"host=h password=secret", "host=h PASSWORD = 'x'", "postgres://h/d?password=x"} {
		if err := index.CheckArgument(text); !errors.Is(err, index.ErrPassword) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"postgres://scrip@db.example/ledger", "host=/run/postgresql dbname=ledger", ""} {
		if err := index.CheckArgument(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := index.CheckArgument("port=none"); err == nil || errors.Is(err, index.ErrPassword) {
		t.Errorf("no connection string: %v", err)
	}
}

// Every table and view is documented, and the examples of the page run.
func TestThePageIsTheSchema(t *testing.T) {
	url := database(t)
	x := apitest.Start(t, 4, nil)
	(&market{Network: x}).open(t, url)
	conn := connect(t, url)
	raw, err := os.ReadFile("../docs/index.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	names := asked(t, conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'scrip'")
	if len(names) < 20 {
		t.Errorf("only %d tables and views", len(names))
	}
	for _, name := range names {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/index.md does not explain %s", name)
		}
	}
	examples := strings.Split(page, "```sql\n")[1:]
	if len(examples) < 4 {
		t.Errorf("only %d examples", len(examples))
	}
	for _, example := range examples {
		query, _, _ := strings.Cut(example, "```")
		asked(t, conn, query)
	}
}

// A text of the ledger is a text in the tables, whatever it says.
func TestATextOfTheLedgerIsAText(t *testing.T) {
	url := database(t)
	x := apitest.Start(t, 4, nil)
	m := &market{Network: x}
	now := apitest.Now()
	terms := coupon.Terms{Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978,
		Title: "Nothing'; DROP TABLE scrip.chain; --", TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: 1, Uses: 1,
		ReimburseBps: coupon.BpsMax, MaxSupply: 1, Budget: 1, ClaimUntil: now, RedeemUntil: now}
	tx := actions.SignedCampaign(x.Chain(), apitest.Soon(), terms, m.admin(1))
	block := &client.Block{Height: 1, Txs: [][]byte{tx},
		Outcomes: []coupon.Outcome{{Kind: coupon.KindCampaignPublish, Campaign: 1}}}
	if err := m.open(t, url).Apply(context.Background(), []*client.Block{block}); err != nil {
		t.Fatal(err)
	}
	if got := asked(t, connect(t, url), "SELECT title FROM scrip.campaigns"); !slices.Equal(got,
		[]string{"Nothing'; DROP TABLE scrip.chain; --"}) {
		t.Errorf("the title is %q", got)
	}
}

// Coupons of version 2 of the rules come without tickets, are traded and swapped, under terms
// that change: later redemptions of them find them, also in a new process.
func TestWhatVersion2Changes(t *testing.T) {
	url := database(t)
	n := apitest.Start(t, 4, nil)
	m := &market{Network: n}
	x := m.open(t, url)
	terms := coupon.Terms{Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978,
		Title: "For regulars", TermsHash: [32]byte{1}, ValueKind: coupon.Amount, Face: 100, Uses: 1, MaxSupply: 10,
		Budget: 1000, ReimburseBps: coupon.BpsMax, RelativeMs: 60_000, ClaimUntil: 900_000, RedeemUntil: 900_000,
		Shops: []coupon.Shop{{Member: 2}}}
	better := terms
	better.Uses, better.Shops = 3, []coupon.Shop{{Member: 2}, {Member: 3}}
	chain, sign := n.Chain(), m.admin(1)
	ana, bo := [32]byte{1}, [32]byte{2}
	id := func(serial uint32) coupon.CouponID { return coupon.NewCouponID(1, serial) }
	redeem := chain.NewRedeemInvoice(coupon.Invoice{TillKey: n.Dev.Tills[0].Public(), Currency: 978, Basis: 100},
		[64]byte{}, coupon.Auth{Coupon: id(1), Seq: 1, Value: 100}, [64]byte{})
	height := uint64(0)
	add := func(o coupon.Outcome, tx []byte) {
		t.Helper()
		height++
		b := &client.Block{Height: height, Digest: [32]byte{byte(height)}, Txs: [][]byte{tx}, Outcomes: []coupon.Outcome{o}}
		b.Header.Parent[0], b.Header.TimeMs = byte(height-1), 500
		if err := x.Apply(context.Background(), []*client.Block{b}); err != nil {
			t.Fatal(err)
		}
	}
	add(coupon.Outcome{Kind: coupon.KindCampaignPublish, Campaign: 1}, chain.NewMemberTx(0,
		&coupon.CampaignPublish{Terms: terms}, sign))
	add(coupon.Outcome{Kind: coupon.KindCouponIssue, Campaign: 1, Serial: 1, Count: 2}, chain.NewMemberTx(0,
		&coupon.CouponIssue{Campaign: 1, To: [][32]byte{ana, bo}}, sign))
	add(coupon.Outcome{Kind: coupon.KindTrade, Coupon: id(1), Seq: 1, Owner: bo, Other: id(2), OtherSeq: 1,
		OtherOwner: ana}, nil)
	add(coupon.Outcome{Kind: coupon.KindCampaignAmend, Campaign: 1, Version: 2}, chain.NewMemberTx(0,
		&coupon.CampaignAmend{Campaign: 1, Version: 2, Terms: better}, sign))
	if err := x.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	x = m.open(t, url)
	add(coupon.Outcome{Kind: coupon.KindCouponIssue, Campaign: 1, Serial: 3, Count: 1}, chain.NewMemberTx(0,
		&coupon.CouponIssue{Campaign: 1, To: [][32]byte{ana}}, sign))
	add(coupon.Outcome{Kind: coupon.KindRedeem, Coupon: id(1), Seq: 1, Value: 100, Payable: 100, FinalAt: 1000}, redeem)
	conn := connect(t, url)
	for _, q := range [][2]string{
		{"SELECT serial, seq, uses_left, (extract(epoch FROM until) * 1000)::int FROM scrip.coupons ORDER BY 1",
			"1 2 0 60500|2 1 1 60500|3 0 3 60500"},
		{"SELECT a.serial, b.serial FROM scrip.coupons a JOIN scrip.coupons b USING (holder) WHERE a.serial < b.serial",
			"2 3"},
		{"SELECT version, uses FROM scrip.campaigns", "2 3"},
		{"SELECT member FROM scrip.campaign_shops ORDER BY 1", "2|3"},
		{"SELECT serial, value FROM scrip.redemptions", "1 100"},
		{"SELECT type FROM scrip.events WHERE height = 3", "coupon.traded"},
		{"SELECT claimed, used, used_up FROM scrip.campaign_funnel", "3 1 1"},
		{"SELECT coupons, holders FROM scrip.repeat_holders ORDER BY 1", "1 1|2 1"},
	} {
		if got := strings.Join(asked(t, conn, q[0]), "|"); got != q[1] {
			t.Errorf("%s:\n%s\nwanted\n%s", q[0], got, q[1])
		}
	}
}
