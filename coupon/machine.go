package coupon

import (
	"bytes"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// Reader is the flat table of rules 3.15 and the members of the Seen buckets beside
// it, as of the end of the parent block. Its methods never fail: a store that
// cannot read records its error, and the caller looks at that after Apply.
type Reader interface {
	// Get returns the value of a key. The key is valid during the call only; the
	// value must not change until Apply returns.
	Get(key []byte) (value []byte, ok bool)
	// Seen looks id up among the members of a bucket.
	Seen(id [32]byte, bucket uint64) (SeenEntry, bool)
	// SeenBuckets returns the numbers of all buckets below the given one that
	// have a row (prefixes 0C and 47), in ascending order.
	SeenBuckets(below uint64) []uint64
	// Keys returns the keys of the first rows that begin with prefix, at most limit, in
	// ascending order. Version 1 of the rules asks for none. They belong to the caller.
	Keys(prefix []byte, limit int) [][]byte
}

// Block is what Apply executes: an ordered list of transactions made by CheckTx,
// whose signatures were verified. TimeMs is the time of the header of the block
// that holds them (T of rules 3.1).
type Block struct {
	Height uint64
	TimeMs uint64
	// Epoch, View, BaseSeq and Proposer are those of the header; version 1 of the rules
	// reads none of them.
	Epoch    uint32
	View     uint64
	BaseSeq  uint64
	Proposer uint16
	// ParentView and ParentBase are view and BaseSeq of the header below, of an earlier
	// epoch view 1 and its height.
	ParentView uint64
	ParentBase uint64
	Txs        []*Tx
}

// Write is the final value of one row; Value nil deletes it.
type Write struct {
	Key   []byte
	Value []byte
}

// SeenAdd is one new member of a Seen bucket.
type SeenAdd struct {
	Bucket uint64
	Entry  SeenEntry
}

// Result is all that a block did. Its slices belong to the caller.
type Result struct {
	// Version is that of the rules that held for the block.
	Version Version
	// Receipts are the canonical receipts, one per transaction, in order.
	Receipts [][]byte
	// Outcomes are the receipts decoded.
	Outcomes []Outcome
	// Events are those of the accepted transactions, in order, then those of the end of
	// the block.
	Events []Event
	// Items are what the end of the block has settled, in order (rules 3.31). No row
	// keeps them: whoever wants to show them has to.
	Items []SettlementItem
	// Writes hold each changed row once, ascending by key.
	Writes []Write
	// SeenAdded are the new members of Seen buckets, in block order.
	SeenAdded []SeenAdd
	// SeenDropped are the buckets whose members go with the block; their rows
	// are among the Writes.
	SeenDropped []uint64
	// NextSet is the row of the staged set after the block (SetBody and its height), nil if
	// none is staged. The engine learns from it how the epoch ends.
	NextSet []byte
	// Err is not nil if a row of the state is not canonical. The state is then
	// damaged and the result must not be used.
	Err error
}

// Machine executes transactions. It is immutable and safe for concurrent use.
type Machine struct {
	chain        Chain
	genesis      []Write
	currencies   map[uint16]Currency
	listed       []Currency // the same in the order of the genesis data
	lifeMs       uint64
	memberLifeMs uint64
	cycleMs      uint64
	upgradeAt    uint64 // the first height of version 2; 0: there is none
	founding     Founding
	founders     int // members of the genesis data
}

// NewMachine returns the machine of a chain, or an error if the genesis data is
// not valid.
func NewMachine(c Chain, g Genesis) (*Machine, error) {
	if err := g.Validate(c.validKey); err != nil {
		return nil, err
	}
	m := &Machine{chain: c, genesis: g.rows(), founders: len(g.Members),
		currencies: make(map[uint16]Currency, len(g.Currencies)), lifeMs: g.LifeMs,
		memberLifeMs: g.MemberLifeMs, cycleMs: g.CycleMs, listed: slices.Clone(g.Currencies)}
	for _, cur := range g.Currencies {
		m.currencies[cur.Number] = cur
	}
	if g.Rules >= Version2 {
		f := Founding{Chain: c.Digest, TimeMs: g.Settlement.TimeMs}
		if g.Set != nil {
			f.Set = *g.Set
		}
		up, err := m.UpgradedAt(1, f) // its first state has the row that says so
		if err != nil {
			return nil, err
		}
		up.genesis = append(up.genesis, up.foundedRows(g.Rules)...)
		sortWrites(up.genesis)
		return up, nil
	}
	return m, nil
}

// Chain returns the chain that the machine was made for.
func (m *Machine) Chain() Chain { return m.chain }

// Currency returns a listed currency.
func (m *Machine) Currency(number uint16) (c Currency, ok bool) {
	c, ok = m.currencies[number]
	return c, ok
}

// Genesis returns the initial rows in ascending key order. They must not be
// changed.
func (m *Machine) Genesis() []Write { return m.genesis }

// Life returns the longest life of a transaction of kind k at the start of the chain, in
// ms (rules 3.3 b).
func (m *Machine) Life(k Kind) uint64 {
	if k.MemberSigned() {
		return m.memberLifeMs
	}
	return m.lifeMs
}

// AuthLifeMsMax is the longest that who signs an authorisation lets it be good, and a
// till its invoice, in ms; see AuthLife.
const AuthLifeMsMax = 150_000

// AuthLife returns how far ahead of now an authorisation or an invoice may expire
// that is made or taken now, in ms, on a chain whose transactions live lifeMs: so
// little that a clock which is a little off does not make it E109, which ends nothing.
func AuthLife(lifeMs uint64) uint64 { return min(lifeMs, AuthLifeMsMax) }

// Apply executes a block. It panics if a transaction was not made by CheckTxAt of the
// machine's chain and the block's version, which no byte from outside can bring about.
func (m *Machine) Apply(r Reader, b Block) Result {
	x := newExec(m, r, b, false)
	x.receipts = make([]byte, 0, len(b.Txs)*96)
	res := Result{Version: x.version, Receipts: make([][]byte, len(b.Txs)), Outcomes: make([]Outcome, len(b.Txs))}
	for i, tx := range b.Txs {
		out := &res.Outcomes[i]
		x.judge(uint32(i), tx, out)
		start := len(x.receipts)
		x.receipts = out.AppendTo(x.receipts)
		res.Receipts[i] = x.receipts[start:len(x.receipts):len(x.receipts)]
		e, times := out.occurs()
		for n := range times {
			res.Events = append(res.Events, Event{Type: e, TxIndex: uint32(i), EventIndex: uint32(n),
				Receipt: res.Receipts[i]})
		}
		if e := out.follows(); e != EventNone {
			res.Events = append(res.Events, Event{Type: e, TxIndex: uint32(i), EventIndex: uint32(times),
				Receipt: res.Receipts[i]})
		}
	}
	res.SeenDropped = x.dropSeen()
	if x.version >= Version2 {
		x.endBlock()
	}
	res.Events = append(res.Events, x.events...)
	res.Items = x.items
	res.SeenAdded = x.seenAdded
	res.Writes = x.writes()
	if x.version >= Version2 {
		if next := x.nextSets.get(x, struct{}{}); next != nil {
			res.NextSet = next.Encode()
		}
	}
	res.Err = x.err
	return res
}

// DryRun says what the outcome of tx would be in a block after the reader's
// state at timeMs. It changes nothing and promises nothing. The error is not nil
// if a row of the state is not canonical.
func (m *Machine) DryRun(r Reader, timeMs uint64, tx *Tx) (Outcome, error) {
	b := Block{TimeMs: timeMs, Txs: []*Tx{tx}}
	if tx.version >= Version2 {
		b.Height = m.upgradeAt // the state may still be that before the first block of version 2
	}
	x := newExec(m, r, b, true)
	x.judge(0, tx, &x.out)
	return x.out, x.err
}

func sortWrites(ws []Write) {
	slices.SortFunc(ws, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
}

// exec executes one block. Rows are decoded once into the overlay tables and
// encoded once at the end.
type exec struct {
	m        *Machine
	r        Reader
	block    Block // without its transactions
	height   uint64
	now      uint64
	err      error  // first row that was not canonical
	keyBuf   []byte // the key of the current Get
	keyFirst [40]byte
	dry      bool    // nothing is kept: ids are not recorded
	out      Outcome // of a dry run
	receipts []byte

	version      Version // of the block
	lifeMs       uint64
	memberLifeMs uint64
	events       []Event         // of the end of the block
	seatsNow     *pbft.Committee // of the present epoch, nil until it is asked for
	items        []SettlementItem

	seenNew   map[[32]byte]SeenEntry // nil until there is one
	seenAdded []SeenAdd
	ids       int // that are expected

	params      table[struct{}, Params]
	members     table[uint16, Member]
	funding     table[fundingID, Funding]
	tills       table[[32]byte, Till]
	campaigns   table[uint32, Campaign]
	terms       table[termsID, Terms]
	batches     table[batchID, Batch]
	coupons     table[CouponID, Coupon]
	holders     table[holderID, uint16]
	redemptions table[redemptionID, Redemption]
	obligations table[obligationID, Obligation]
	seen        table[uint64, SeenRow]

	*tables2 // nil in version 1
}

func newExec(m *Machine, r Reader, b Block, dry bool) *exec {
	txs, spends := len(b.Txs), 0
	for _, tx := range b.Txs {
		if tx.spentUntil != 0 {
			spends++
		}
	}
	x := &exec{m: m, r: r, block: b, height: b.Height, now: b.TimeMs, dry: dry,
		ids: txs + spends,

		params:      newTable(appendParamsKey, DecodeParams, (*Params).AppendTo, 1),
		members:     newTable(appendMemberKey, DecodeMember, (*Member).AppendTo, 0),
		funding:     newTable(appendFundingKey, DecodeFunding, (*Funding).AppendTo, 0),
		tills:       newTable(appendTillKey, DecodeTill, (*Till).AppendTo, 0),
		campaigns:   newTable(appendCampaignKey, DecodeCampaign, (*Campaign).AppendTo, 0),
		terms:       newTable(appendTermsKey, DecodeTerms, (*Terms).AppendTo, 0),
		batches:     newTable(appendBatchKey, DecodeBatch, (*Batch).AppendTo, 0),
		coupons:     newTable(appendCouponKey, DecodeCoupon, (*Coupon).AppendTo, txs),
		holders:     newTable(appendHolderKey, DecodeHolder, appendClaims, 0),
		redemptions: newTable(appendRedemptionKey, DecodeRedemption, (*Redemption).AppendTo, spends),
		obligations: newTable(appendObligationKey, DecodeObligation, (*Obligation).AppendTo, 0),
		seen:        newTable(appendSeenKey, DecodeSeen, (*SeenRow).AppendTo, 0),
	}
	x.block.Txs = nil
	x.keyBuf = x.keyFirst[:0]
	x.begin()
	return x
}

// life returns the longest life of a transaction of kind k.
func (x *exec) life(k Kind) uint64 {
	if k.MemberSigned() {
		return x.memberLifeMs
	}
	return x.lifeMs
}

// judge makes the common checks of rules 3.3 b, then those of the kind, and records
// the outcome where the id keeps it.
func (x *exec) judge(index uint32, tx *Tx, out *Outcome) {
	if tx.chain != x.m.chain.Digest || kindTable[tx.Kind].since > x.version {
		panic("coupon: transaction was not made by CheckTxAt of this chain and version")
	}
	*out = Outcome{ID: tx.ID}
	bucket := SeenBucket(tx.Expires)
	if x.now >= tx.Expires {
		out.Code = TxExpired
		return
	}
	if tx.Expires-x.now > x.life(tx.Kind) {
		out.Code = LifeTooLong
		return
	}
	if first, ok := x.lookSeen(tx.ID, bucket); ok {
		out.Code = DuplicateTx
		out.First = First{Height: first.Height, Index: first.Index, Code: first.Code}
		return
	}
	if out.Code = tx.Fields.execute(x, tx, out); out.Code == OK {
		out.Kind = tx.Kind
	} else {
		*out = Outcome{ID: tx.ID, Code: out.Code}
	}
	if x.dry || !out.Code.burnsID(tx.Kind) {
		return
	}
	x.addSeen(bucket, SeenEntry{ID: tx.ID, Height: x.height, Index: index, Code: out.Code})
	if tx.spentUntil != 0 && out.Code == OK {
		x.addSeen(SeenBucket(tx.spentUntil), SeenEntry{ID: tx.spent, Height: x.height, Index: index})
	}
}

func (x *exec) lookSeen(id [32]byte, bucket uint64) (SeenEntry, bool) {
	if e, ok := x.seenNew[id]; ok {
		return e, true
	}
	return x.r.Seen(id, bucket)
}

func (x *exec) addSeen(bucket uint64, e SeenEntry) {
	rows, add := &x.seen, SeenRow.Add
	if x.version >= Version2 {
		rows, add = &x.seen2, SeenRow.AddWithCode
	}
	var row SeenRow
	if p := rows.get(x, bucket); p != nil {
		row = *p
	}
	rows.put(x, bucket, add(row, e))
	if x.seenNew == nil {
		x.seenNew = make(map[[32]byte]SeenEntry, x.ids)
		x.seenAdded = make([]SeenAdd, 0, x.ids)
	}
	x.seenNew[e.ID] = e
	x.seenAdded = append(x.seenAdded, SeenAdd{bucket, e})
}

// dropSeen deletes the buckets that are past at the block's time (rules 3.15). None of
// them is one that the block added to, since those hold a later expiry.
func (x *exec) dropSeen() []uint64 {
	past := x.r.SeenBuckets(x.now / SeenBucketMs)
	for _, bucket := range past {
		x.seen.remove(x, bucket)
		if x.version >= Version2 {
			x.seen2.remove(x, bucket)
		}
	}
	return past
}

// writes returns the changed rows in ascending key order.
func (x *exec) writes() []Write {
	tables := [...]flusher{&x.params, &x.members, &x.funding, &x.tills, &x.campaigns, &x.terms, &x.batches, &x.coupons,
		&x.holders, &x.redemptions, &x.obligations, &x.seen}
	all := tables[:]
	if x.tables2 != nil {
		all = append(all, x.tables2.all()...)
	}
	n := 0
	for _, t := range all {
		n += t.changed()
	}
	w := writer{rows: make([]Write, 0, n), arena: make([]byte, 0, n*96)}
	for _, t := range all {
		t.flush(&w)
	}
	sortWrites(w.rows)
	return w.rows
}
