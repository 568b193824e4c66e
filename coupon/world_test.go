package coupon

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"iter"
	"slices"
	"sort"
	"strings"
	"testing"
)

// Names of the test world. Times are Unix ms.
const (
	t0      uint64 = 1_795_000_000_000
	usd     uint16 = 840
	eur     uint16 = 978
	issuer  uint16 = 1 // two of three keys
	funder  uint16 = 2
	shopA   uint16 = 3
	shopB   uint16 = 4
	visitor uint16 = 5 // a member without roles
)

// keyOf returns the signer of a name.
func keyOf(name string) Signer { return NewSigner(sha256Of(name)) }

// testValidKey refuses two of the points of small order; the real rule belongs
// to whoever makes a Chain.
func testValidKey(key [32]byte) bool { return key != [32]byte{} && key != [32]byte{1} }

func testChain() Chain {
	return Chain{Digest: ChainDigest("scrip-test-1", nil), ValidKey: testValidKey, Scheme: testScheme{}}
}

func testGenesis() Genesis {
	one := func(name string) [][32]byte { return [][32]byte{keyOf(name).Key} }
	return Genesis{
		Currencies: []Currency{{usd, "USD", 2}, {eur, "EUR", 2}},
		Members: []GenesisMember{
			{Name: "Issuer", Roles: RoleIssuer, Threshold: 2,
				Keys: [][32]byte{keyOf("issuer 1").Key, keyOf("issuer 2").Key, keyOf("issuer 3").Key}},
			{Name: "Funder", Threshold: 1, Keys: one("funder")},
			{Name: "Shop A", Roles: RoleMerchant, Threshold: 1, Keys: one("shop A")},
			{Name: "Shop B", Roles: RoleMerchant, Threshold: 1, Keys: one("shop B")},
			{Name: "Visitor", Threshold: 1, Keys: one("visitor")},
		},
		Funding: []GenesisFunding{{issuer, usd, 1_000_000_000}, {funder, usd, 1_000_000_000}},
		Tills: []GenesisTill{
			{Key: keyOf("till A").Key, Member: shopA, Store: 1, Rights: RightRedeem, Currency: usd,
				ValidUntil: TimeMax, DayCap: 100_000_000, Label: "A 1"},
			{Key: keyOf("manager A").Key, Member: shopA, Store: 1, Rights: RightVoidAny, Currency: usd,
				ValidUntil: TimeMax, DayCap: 1, Label: "A manager"},
			{Key: keyOf("till B").Key, Member: shopB, Store: 7, Rights: RightRedeem | RightVoidOwn, Currency: usd,
				ValidUntil: TimeMax, DayCap: 100_000_000},
		},
		LifeMs: LifeMsDefault, MemberLifeMs: MemberLifeDefault, CycleMs: CycleMsDefault,
	}
}

// store is a table in memory with the Seen members beside it.
type store struct {
	rows map[string][]byte
	seen map[uint64][]SeenEntry
	// receipts are those of each block, for the codes of Seen members.
	receipts map[uint64][][]byte
}

func newStore() *store {
	return &store{rows: map[string][]byte{}, seen: map[uint64][]SeenEntry{},
		receipts: map[uint64][][]byte{}}
}

func (s *store) Get(key []byte) ([]byte, bool) {
	v, ok := s.rows[string(key)]
	return v, ok
}

func (s *store) Seen(id [32]byte, bucket uint64) (SeenEntry, bool) {
	for _, e := range s.seen[bucket] {
		if e.ID == id {
			return e, true
		}
	}
	return SeenEntry{}, false
}

func (s *store) SeenBuckets(below uint64) []uint64 {
	var list []uint64
	for b := range s.seen {
		if b < below {
			list = append(list, b)
		}
	}
	slices.Sort(list)
	return list
}

func (s *store) Keys(prefix []byte, limit int) (list [][]byte) {
	for k := range s.rows {
		if strings.HasPrefix(k, string(prefix)) {
			list = append(list, []byte(k))
		}
	}
	slices.SortFunc(list, bytes.Compare)
	return list[:min(limit, len(list))]
}

func (s *store) all() iter.Seq2[[]byte, []byte] {
	keys := make([]string, 0, len(s.rows))
	for k := range s.rows {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return func(yield func([]byte, []byte) bool) {
		for _, k := range keys {
			if !yield([]byte(k), s.rows[k]) {
				return
			}
		}
	}
}

func (s *store) write(t testing.TB, ws []Write) {
	t.Helper()
	for i, w := range ws {
		if i > 0 && bytes.Compare(ws[i-1].Key, w.Key) >= 0 {
			t.Fatalf("writes %x and %x are not ascending", ws[i-1].Key, w.Key)
		}
		if w.Value == nil {
			delete(s.rows, string(w.Key))
		} else {
			s.rows[string(w.Key)] = bytes.Clone(w.Value)
		}
	}
}

// world is a chain with one node: blocks are checked, executed, stored and the
// state's invariants are checked after each.
type world struct {
	*store
	t     testing.TB
	chain Chain
	m     *Machine
	rules Version
	// upgraded is the first height of version 2, 0 if there is none.
	upgraded uint64
	height   uint64
	now      uint64
	head     Block // of the next block, without height, time and transactions
	last     Result
}

func newWorld(t testing.TB) *world { return newWorldOf(t, testGenesis()) }

func newWorldOf(t testing.TB, g Genesis) *world {
	t.Helper()
	c := testChain()
	m, err := NewMachine(c, g)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: newStore(), t: t, chain: c, m: m, rules: Version1, now: t0}
	w.write(t, m.Genesis())
	return w
}

// check decodes a transaction and verifies its signatures.
func (w *world) check(raw []byte) *Tx {
	w.t.Helper()
	tx, err := w.chain.CheckTxAt(w.rules, raw)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, s := range tx.Signatures(w.chain) {
		if !ed25519.Verify(s.Key[:], s.Message, s.Signature[:]) {
			w.t.Fatalf("signature %d of a %s does not verify", i, tx.Kind)
		}
	}
	return tx
}

// block executes transactions at w.now.
func (w *world) block(raws ...[]byte) []Outcome {
	w.t.Helper()
	w.height++
	b := w.head
	b.Height, b.TimeMs = w.height, w.now
	for _, raw := range raws {
		b.Txs = append(b.Txs, w.check(raw))
	}
	res := w.m.Apply(w.store, b)
	if res.Err != nil {
		w.t.Fatal(res.Err)
	}
	w.write(w.t, res.Writes)
	for _, a := range res.SeenAdded {
		w.seen[a.Bucket] = append(w.seen[a.Bucket], a.Entry)
	}
	for _, bucket := range res.SeenDropped {
		delete(w.seen, bucket)
	}
	w.checkSeen()
	w.receipts[b.Height] = res.Receipts
	w.seenPieces()
	for i, r := range res.Receipts {
		if o, err := DecodeReceipt(r); err != nil || o != res.Outcomes[i] {
			w.t.Fatalf("receipt %x decodes as %+v, %v; outcome %+v", r, o, err, res.Outcomes[i])
		}
	}
	if err := CheckInvariants(w.all()); err != nil {
		w.t.Fatal(err)
	}
	w.last = res
	return res.Outcomes
}

// checkSeen recomputes every Seen row from its members.
func (w *world) checkSeen() {
	w.t.Helper()
	want := map[string]SeenRow{}
	for bucket, members := range w.seen {
		for _, e := range members {
			key, add := string(SeenKey(bucket)), SeenRow.Add
			if w.upgraded > 0 && e.Height >= w.upgraded {
				key, add = string(Seen2Key(bucket)), SeenRow.AddWithCode
			}
			want[key] = add(want[key], e)
		}
	}
	for key, value := range w.all() {
		if key[0] != PrefixSeen && key[0] != PrefixSeen2 {
			continue
		}
		row := want[string(key)]
		if !bytes.Equal(value, row.AppendTo(nil)) {
			w.t.Fatalf("Seen row %x is %x, members give %x", key, value, row.AppendTo(nil))
		}
		delete(want, string(key))
	}
	if len(want) > 0 {
		w.t.Fatalf("%d Seen rows are missing", len(want))
	}
}

// one executes a block of one transaction.
func (w *world) one(raw []byte) Outcome {
	w.t.Helper()
	return w.block(raw)[0]
}

// want executes a block of one transaction and requires its code.
func (w *world) want(code Code, raw []byte) Outcome {
	w.t.Helper()
	o := w.one(raw)
	if o.Code != code {
		w.t.Fatalf("got %s %s, want %s %s", o.Code, o.Code.Name(), code, code.Name())
	}
	return o
}

// tick moves the time by one ms, so that a repeated action is another
// transaction.
func (w *world) tick() { w.now++ }

func (w *world) expires() uint64 { return w.now + 60_000 }

func (w *world) issuers() []MemberSigner {
	return []MemberSigner{{issuer, keyOf("issuer 1")}, {issuer, keyOf("issuer 2")}}
}

// terms returns an AMOUNT of 2000 that is open for a year and everywhere,
// funded by the issuer, changed by the given functions.
func (w *world) terms(change ...func(*Terms)) Terms {
	t := Terms{Issuer: issuer, Funders: []Funder{{issuer, 10000}}, Currency: usd, Title: "Twenty off",
		TermsHash: [32]byte{1}, ValueKind: Amount, Face: 2000, Uses: 1, ReimburseBps: 10000,
		MaxSupply: 1000, Budget: 10_000_000, ClaimFrom: w.now, ClaimUntil: w.now + 300*dayMs,
		RedeemFrom: w.now, RedeemUntil: w.now + yearMs, RollbackMs: 3 * dayMs}
	for _, f := range change {
		f(&t)
	}
	return t
}

// publish publishes terms, signed by whoever must sign, and commits a batch of
// 100 serials under the key "ticket".
func (w *world) publish(t Terms) uint32 {
	w.t.Helper()
	signers := w.issuers()
	for _, id := range t.MustSign() {
		switch id {
		case funder:
			signers = append(signers, MemberSigner{funder, keyOf("funder")})
		case shopA:
			signers = append(signers, MemberSigner{shopA, keyOf("shop A")})
		case shopB:
			signers = append(signers, MemberSigner{shopB, keyOf("shop B")})
		}
	}
	o := w.want(OK, w.chain.NewMemberTx(w.expires(), &CampaignPublish{t}, signers...))
	w.want(OK, w.batch(o.Campaign, 1, min(100, t.MaxSupply)))
	return o.Campaign
}

func (w *world) batch(campaign, first, count uint32) []byte {
	return w.chain.NewMemberTx(w.expires(), &BatchCommit{Campaign: campaign, First: first, Count: count,
		TicketKey: keyOf("ticket").Key}, w.issuers()...)
}

func (w *world) claimTx(campaign, serial uint32, to Signer) []byte {
	claimKey := keyOf("claim")
	tk := Ticket{Campaign: campaign, Batch: 1, Serial: serial, ClaimKey: claimKey.Key, Expires: TimeMax}
	ticketKey := keyOf("ticket")
	return w.chain.NewClaim(w.expires(), tk, ticketKey.Key, w.chain.SignTicket(tk, ticketKey), to.Key, claimKey)
}

// claimed publishes terms and claims serial 1 for "holder".
func (w *world) claimed(t Terms) CouponID {
	w.t.Helper()
	return w.want(OK, w.claimTx(w.publish(t), 1, keyOf("holder"))).Coupon
}

func (w *world) coupon(id CouponID) Coupon {
	w.t.Helper()
	c, err := DecodeCoupon(w.rows[string(CouponKey(id))])
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) campaign(id uint32) Campaign {
	w.t.Helper()
	g, err := DecodeCampaign(w.rows[string(CampaignKey(id))])
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// bill is what a test redemption varies.
type bill struct {
	basis, value uint64
	qty          uint16
	unit         uint64
	anyCampaign  bool
	salt         byte
	show         bool
}

// redeemTx makes a redemption of the coupon at till A by "holder".
func (w *world) redeemTx(id CouponID, seq uint32, b bill) []byte {
	till, holder := keyOf("till A"), keyOf("holder")
	inv := Invoice{TillKey: till.Key, Campaign: id.Campaign(), Currency: usd, Basis: b.basis, Qty: b.qty,
		Unit: b.unit, BasketHash: BasketHash([16]byte{b.salt, byte(w.height)}, nil), Expires: w.expires()}
	if b.anyCampaign {
		inv.Campaign = 0
	}
	auth := Auth{Coupon: id, Seq: seq, Holder: holder.Key, Value: b.value, Expires: w.expires(),
		InvoiceDigest: inv.Digest(w.chain)}
	if b.show {
		auth.Mode, auth.InvoiceDigest, auth.Merchant = ModeShow, [32]byte{}, shopA
		return w.chain.NewRedeemShow(inv, till, auth, w.chain.SignAuth(auth, holder))
	}
	return w.chain.NewRedeemInvoice(inv, w.chain.SignInvoice(inv, till), auth, w.chain.SignAuth(auth, holder))
}

func (w *world) voidTx(id CouponID, seq uint32) []byte {
	key := keyOf("manager A")
	return w.chain.NewVoid(w.expires(), Void{Coupon: id, Seq: seq, Key: key.Key}, key)
}

func (w *world) transferTx(id CouponID, seq uint32, mover, to Signer, giftUntil uint64) []byte {
	return w.chain.NewTransfer(w.expires(), Transfer{Coupon: id, Seq: seq, Mover: mover.Key, To: to.Key,
		GiftUntil: giftUntil}, mover)
}

func sha256Of(name string) [32]byte { return sha256.Sum256([]byte(name)) }
