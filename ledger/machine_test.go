package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// bench is a machine over a store in memory, driven as a node drives it.
type bench struct {
	t      testing.TB
	world  *coupontest.World
	fs     vfs.FS
	store  *store.Ledger
	m      *Machine
	height uint64
}

func newBench(t testing.TB, w *coupontest.World) *bench {
	b := &bench{t: t, world: w, fs: vfs.NewMem()}
	b.open()
	r, err := b.m.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	b.commit(nil, &r)
	return b
}

func (b *bench) open() {
	var err error
	if b.store, err = store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: b.world.Chain, FS: b.fs}); err != nil {
		b.t.Fatal(err)
	}
	if b.m, err = New(b.world.CouponChain(), b.world.Genesis(), b.store); err != nil {
		b.t.Fatal(err)
	}
	if b.world.UpgradeAt > 0 {
		b.m.rules = b.world.Machine()
	}
	b.t.Cleanup(func() { _ = b.store.Close() })
}

// reopen closes the store and begins again over it, as a restart does.
func (b *bench) reopen() {
	if err := b.store.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

func (b *bench) check(raw []byte) *node.Tx {
	b.t.Helper()
	tx, err := b.m.Check(raw)
	if err != nil {
		b.t.Fatal(err)
	}
	return tx
}

// block executes and commits one block.
func (b *bench) block(timeMs uint64, raws ...[]byte) node.Result {
	b.t.Helper()
	b.height++
	batch := node.Batch{Height: b.height, TimeMs: timeMs}
	for _, raw := range raws {
		batch.Txs = append(batch.Txs, b.check(raw))
	}
	r, err := b.m.Execute(batch)
	if err != nil {
		b.t.Fatal(err)
	}
	b.commit(batch.Txs, &r)
	return r
}

func (b *bench) commit(txs []*node.Tx, r *node.Result) {
	b.t.Helper()
	batch := store.BlockBatch{Height: b.height, StateRoot: r.StateRoot, Header: []byte{1}, Rows: r.Changes.Rows,
		Pages: r.Changes.Pages, Extra: r.Changes.Extra, SeenAdded: r.Changes.SeenAdded, SeenDropped: r.Changes.SeenDropped}
	for i, tx := range txs {
		batch.Txs = append(batch.Txs, store.TxRef{ID: tx.ID, Index: uint32(i), IfAbsent: r.Weak[i]})
	}
	if err := b.store.Commit(batch, false); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) rows() map[string][]byte {
	rows := map[string][]byte{}
	err := b.store.Latest().Rows(nil, nil, func(key, value []byte) bool {
		rows[string(key)] = bytes.Clone(value)
		return true
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}

// rootOf builds the tree of some rows from nothing.
func rootOf(t testing.TB, rows map[string][]byte) [32]byte {
	var changes []chain.Change
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		changes = append(changes, chain.Change{Key: []byte(key), Value: rows[key]})
	}
	root, _, err := chain.Update(chain.MemPages{}, [32]byte{}, changes)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Over random histories of good and bad transactions, with restarts between, the
// ledger says what the rules say over a table in memory, and its root is that of
// its rows.
func TestTheLedgerIsTheRulesOverATable(t *testing.T) {
	histories := []*coupontest.History{coupontest.MigratingHistory(7, 60, 1), coupontest.MigratingHistory(8, 60, 14)}
	for seed := range uint64(5) {
		histories = append(histories, coupontest.RandomHistory(seed, 40, true))
	}
	settled := 0
	for seed, h := range histories {
		rules := h.World.Machine()
		table := coupontest.NewTable(rules.Genesis())
		b := newBench(t, h.World)
		for _, block := range h.Blocks {
			var txs []*coupon.Tx
			var raws [][]byte
			for _, raw := range block.Txs {
				tx, err := b.m.Check(raw)
				version := rules.VersionAt(table, block.Height)
				if _, wrong := rules.Chain().CheckTxAt(version, raw); (wrong == nil) !=
					(err == nil && b.m.Allows(block.Height, []*node.Tx{tx})) {
					t.Fatalf("history %d, block %d: checked as %v, by version %d of the rules %v", seed, block.Height, err,
						version, wrong)
				} else if wrong == nil {
					raws, txs = append(raws, raw), append(txs, decoded(tx))
				}
			}
			want := rules.Apply(table, coupon.Block{Height: block.Height, TimeMs: block.TimeMs, Txs: txs})
			table.Commit(want)
			got := b.block(block.TimeMs, raws...)
			if got.Placed != (want.Version == coupon.Version2) {
				t.Fatalf("history %d, block %d: places in leaves: %v", seed, block.Height, got.Placed)
			}
			if !slices.EqualFunc(got.Receipts, want.Receipts, bytes.Equal) {
				t.Fatalf("history %d, block %d: other receipts", seed, block.Height)
			}
			if rows := b.rows(); !maps.EqualFunc(rows, table.Rows, bytes.Equal) || got.StateRoot != rootOf(t, rows) {
				t.Fatalf("history %d, block %d: other state", seed, block.Height)
			}
			if block.Height%13 == 0 {
				b.reopen()
			}
		}
		checkOwners(t, b)
		settled += checkItems(t, b)
	}
	if settled == 0 {
		t.Error("no history has closed a cycle with items")
	}
}

// checkItems compares the items that are kept with the rows of closed cycles, and returns
// how many there are.
func checkItems(t *testing.T, b *bench) (n int) {
	for key, value := range b.rows() {
		if key[0] != coupon.PrefixCycle {
			continue
		}
		c, err := coupon.DecodeCycle(value)
		if err != nil {
			t.Fatal(err)
		}
		if c.State != coupon.CycleClosed {
			continue
		}
		cycle := binary.BigEndian.Uint32([]byte(key[1:]))
		var items []coupon.SettlementItem
		err = SettlementItems(b.store.Latest(), cycle, 0, func(number uint32, i coupon.SettlementItem) bool {
			if int(number) != len(items) || i.Cycle != cycle {
				t.Errorf("item %d of cycle %d stands as number %d of cycle %d", len(items), cycle, number, i.Cycle)
			}
			items = append(items, i)
			return true
		})
		if err != nil || len(items) != int(c.Items) || coupon.ItemsRoot(items) != c.Root {
			t.Errorf("cycle %d: %d items, %v; its row says %+v", cycle, len(items), err, c)
		}
		checkBooks(t, b, cycle, coupon.BooksOf(c.NetMode, items))
		n += len(items)
	}
	return n
}

// checkBooks compares what items come to with the rows of positions and debts.
func checkBooks(t *testing.T, b *bench, cycle uint32, books coupon.SettlementBooks) {
	rows := map[string][]byte{}
	for key, value := range b.rows() {
		if key[0] != coupon.PrefixPosition && key[0] != coupon.PrefixDebt ||
			binary.BigEndian.Uint32([]byte(key[1:])) != cycle {
			continue
		}
		rows[key] = value
	}
	for _, p := range books.Positions {
		row, err := coupon.DecodePosition(rows[string(coupon.PositionKey(cycle, p.Currency, p.Member))])
		if err != nil || row.Out != p.Out || row.In != p.In || row.Held > p.Held {
			t.Errorf("cycle %d: member %d has the position %+v, %v; the items give %+v", cycle, p.Member, row, err, p.Position)
		}
	}
	for _, d := range books.Debts {
		row, err := coupon.DecodeDebt(rows[string(coupon.DebtKey(cycle, d.Currency, d.Book, d.Payer, d.Payee))])
		if err != nil || row.Amount != d.Amount {
			t.Errorf("cycle %d: the debt %+v has the row %+v, %v", cycle, d, row, err)
		}
	}
	if len(rows) != len(books.Positions)+len(books.Debts) {
		t.Errorf("cycle %d has %d rows; the items give %d positions and %d debts", cycle, len(rows), len(books.Positions),
			len(books.Debts))
	}
}

// checkOwners compares the index of owners with the coupons.
func checkOwners(t *testing.T, b *bench) {
	owned := map[[32]byte][]coupon.CouponID{}
	for key, value := range b.rows() {
		if key[0] != coupon.PrefixCoupon {
			continue
		}
		c, err := coupon.DecodeCoupon(value)
		if err != nil {
			t.Fatal(err)
		}
		if c.Status != coupon.Redeemed {
			owned[c.Owner] = append(owned[c.Owner], coupon.CouponID(binary.BigEndian.Uint64([]byte(key[1:]))))
		}
	}
	entries := 0
	err := b.store.Latest().Extras([]byte{indexOwner}, nil, func([]byte, []byte) bool { entries++; return true })
	if err != nil {
		t.Fatal(err)
	}
	for owner, want := range owned {
		entries -= len(want)
		slices.Sort(want)
		var got []coupon.CouponID
		err := OwnedCoupons(b.store.Latest(), owner, 0, func(id coupon.CouponID) bool { got = append(got, id); return true })
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("owner %x: %v, want %v (%v)", owner, got, want, err)
		}
	}
	if entries != 0 {
		t.Fatalf("the index has %d entries too many", entries)
	}
}

const startMs = 1_795_000_000_000

func testWorld(fake bool) *coupontest.World {
	return coupontest.NewWorld(coupontest.Options{Seed: 1, StartMs: startMs, Members: 4, Keys: 1, Threshold: 1, Tills: 3,
		Wallets: 50, Fake: fake})
}

// A coupon's history lists every accepted transaction of it, and the place of a
// transaction survives late copies.
func TestHistoriesAndPlaces(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	g := coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 1, Claim: 1, Redeem: 2, Void: 1}, 1, startMs)
	b.block(startMs, g.Setup()...)
	want := map[coupon.CouponID][]Step{}
	var raws [][]byte
	for range 30 {
		raw := g.Next(startMs)
		raws = append(raws, raw)
		r := b.block(startMs+b.height, raw)
		kind, o, err := DecodeEvent(r.Events[0].Data)
		if err != nil || o.Code != coupon.OK {
			t.Fatalf("%+v, %v", o, err)
		}
		want[o.Coupon] = append(want[o.Coupon], Step{store.TxPlace{Height: b.height}, kind})
	}
	r := b.block(startMs+100, raws...)
	for i, raw := range raws {
		place, ok, err := b.store.Latest().LookupTx(b.check(raw).ID)
		if err != nil || !ok || place != (store.TxPlace{Height: uint64(i) + 2}) {
			t.Fatalf("transaction %d stands at %+v, %v, %v", i, place, ok, err)
		}
		if !r.Weak[i] {
			t.Fatalf("the copy of transaction %d displaces it", i)
		}
	}
	for id, steps := range want {
		var got []Step
		err := CouponHistory(b.store.Latest(), id, store.TxPlace{}, func(s Step) bool { got = append(got, s); return true })
		if err != nil || !slices.Equal(got, steps) {
			t.Fatalf("coupon %d: %v, want %v (%v)", id, got, steps, err)
		}
	}
}

// What people read is taken at the door only as it is seen: composed, without characters
// that have no width or turn the direction, which the rules alone let pass. Blocks may
// hold it.
func TestTheDoorTakesNoUnseenText(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	good := b.check(coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 1, Redeem: 1}, 1, startMs).Setup()[0])
	for text, fits := range map[string]bool{"Coffee": true, "Café": true, "👩\u200d🍳": true, "": true, "Cafe\u0301": false,
		"Cof\u200bfee": false, " Coffee": false, "Coffee\ufeff": false, "Cof\u2028fee": false} {
		for _, fields := range []coupon.Fields{&coupon.CampaignPublish{Terms: coupon.Terms{Title: text}},
			&coupon.TillKeyAdd{Label: text}} {
			tx, other := *good, *decoded(good)
			other.Fields, other.Kind, tx.Decoded = fields, fields.Kind(), &other
			var refusal *node.Refusal
			unseen := errors.As(b.m.Admit(&tx, nil, startMs), &refusal) && refusal.Code == uint16(coupon.BadEncoding)
			if unseen == fits {
				t.Errorf("%q in a %T: %+v", text, fields, refusal)
			}
		}
	}
}

func TestTheDoorRefusesWhatTheStateRefusesButNotToATill(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	g := coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 1, Redeem: 1}, 1, startMs)
	b.block(startMs, g.Setup()...)
	var tx *node.Tx
	for tx == nil || decoded(tx).Kind != coupon.KindRedeem {
		if tx != nil { // a claim, which is not executed
			if err := b.m.Admit(tx, nil, startMs); err != nil {
				t.Fatalf("a good transaction: %v", err)
			}
		}
		tx = b.check(g.Next(startMs))
	}
	till := decoded(tx).Fields.(*coupon.Redeem).Invoice.TillKey
	for _, x := range []struct {
		name string
		by   *[32]byte
		now  uint64
		want coupon.Code
	}{
		{"anybody", nil, startMs, coupon.NotFound},
		{"another till", &[32]byte{1}, startMs, coupon.NotFound},
		{"its till", &till, startMs, coupon.OK},
		{"its till, too late", &till, tx.ExpiresMs, coupon.TxExpired},
		{"its till, too early", &till, tx.ExpiresMs - b.m.Rules().Life(coupon.KindRedeem) - 1, coupon.LifeTooLong},
	} {
		checkRefusal(t, x.name, b.m.Admit(tx, x.by, x.now), x.want)
	}
	// A key that may not redeem makes no receipts either.
	stranger := *tx
	other := *decoded(tx)
	f := *other.Fields.(*coupon.Redeem)
	f.Invoice.TillKey = [32]byte{7}
	other.Fields, stranger.Decoded = &f, &other
	checkRefusal(t, "a key that is no till's", b.m.Admit(&stranger, &f.Invoice.TillKey, startMs), coupon.KeyState)
	b.block(startMs+1, tx.Raw)
	checkRefusal(t, "its till, again", b.m.Admit(tx, &till, startMs+2), coupon.DuplicateTx)
}

// What a block refuses without recording it is accepted by a later one: a receipt
// of E109 must not keep the same bytes from the door, nor may anybody call it final.
func TestABlockAcceptsWhatAnEarlierOneRefusedWithoutRecord(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	g := coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 1, Redeem: 1}, 1, startMs)
	b.block(startMs, g.Setup()...)
	tx := b.check(g.Next(startMs + 400_000)) // a claim
	early := tx.ExpiresMs - b.m.Rules().Life(decoded(tx).Kind) - 1
	if early <= startMs { // the block before must not be later
		t.Fatal("the transaction does not expire too late")
	}
	outcome := func(r node.Result) coupon.Outcome {
		o, err := coupon.DecodeReceipt(r.Receipts[0])
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	r := b.block(early, tx.Raw)
	if o := outcome(r); o.Code != coupon.LifeTooLong || !r.Open[0] || o.Code.Ending(decoded(tx).Kind) == coupon.Ended {
		t.Fatalf("too early: %s", o.Code)
	}
	checkRefusal(t, "the same bytes in time", b.m.Admit(tx, nil, early+2), coupon.OK)
	r = b.block(early+2, tx.Raw)
	if o := outcome(r); o.Code != coupon.OK || r.Open[0] {
		t.Fatalf("the same bytes in time: %s", o.Code)
	}
	if place, ok, err := b.store.Latest().LookupTx(tx.ID); err != nil || !ok || place.Height != b.height {
		t.Errorf("its place is %+v, %v", place, err)
	}
	if r = b.block(early+3, tx.Raw); outcome(r).Code != coupon.DuplicateTx || r.Open[0] {
		t.Errorf("a copy: %s", outcome(r).Code)
	}
}

func checkRefusal(t *testing.T, name string, err error, want coupon.Code) {
	t.Helper()
	var refusal *node.Refusal
	got := coupon.OK
	if errors.As(err, &refusal) {
		got = coupon.Code(refusal.Code)
	}
	if got != want || (err != nil) != (want != coupon.OK) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
}

func BenchmarkExecute(b *testing.B) {
	w := testWorld(true)
	l := newBench(b, w)
	mix := coupontest.DailyWorkload()
	mix.Redeem = 30
	g := coupontest.NewGenerator(w, mix, 1, startMs)
	l.block(startMs, g.Setup()...)
	const size = 1000
	var blocks [][]*node.Tx
	for range max(1, b.N/size) {
		var txs []*node.Tx
		for range size {
			txs = append(txs, l.check(g.Next(startMs)))
		}
		blocks = append(blocks, txs)
	}
	b.ResetTimer()
	for _, txs := range blocks {
		l.height++
		r, err := l.m.Execute(node.Batch{Height: l.height, TimeMs: startMs + l.height, Txs: txs})
		if err != nil {
			b.Fatal(err)
		}
		l.commit(txs, &r)
	}
}
