package coupon

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft/wire"
)

// A kind that only tests know: it proves the list of CONTRIBUTING.md. An issuer puts a
// note on a coupon and its holder consents.
const (
	kindToy       Kind      = 250
	eventNoted    EventType = 250
	eventNotedNow EventType = 251
)

// toyKind returns the row of the toy kind. Its fields lack the method of that name,
// which then returns nothing.
func toyKind(lacks string) kindSpec {
	return kindSpec{
		name:  "Toy",
		since: Version1,
		decode: func(d decoder) Fields {
			return &toy{lacks: lacks, Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Owner: d.Bytes32(),
				Note: d.String(LabelSizeMax)}
		},
		witness:       byMembers,
		further:       1,
		notFoundFirst: true,
		receipt:       []Part{PartCoupon, PartSeq, PartOwner, PartCase},
		events:        []eventSpec{{eventNoted, "toy.noted"}, {eventNotedNow, "toy.noted_now"}},
		which:         func(o *Outcome) (event, times int) { return int(o.Case), 1 },
		tally:         TallyOther,
	}
}

type toy struct {
	lacks  string
	Coupon CouponID
	Seq    uint32
	Owner  [32]byte
	Note   string
}

func (f *toy) Kind() Kind {
	if f.lacks == "Kind" {
		return KindVoid
	}
	return kindToy
}

func (f *toy) appendTo(b []byte) []byte {
	if f.lacks == "appendTo" {
		return b
	}
	b = wire.AppendUint32(wire.AppendUint64(b, uint64(f.Coupon)), f.Seq)
	return wire.AppendString(append(b, f.Owner[:]...), f.Note)
}

func (*toy) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *toy) keys() [][32]byte {
	if f.lacks == "keys" {
		return nil
	}
	return [][32]byte{f.Owner}
}

func (f *toy) signatures(_ Chain, tx *Tx, body []byte, members []SigCheck) []SigCheck {
	if f.lacks == "signatures" {
		return members
	}
	return append(members, SigCheck{f.Owner, body, tx.sigs[0]})
}

func (f *toy) sender(tx *Tx) (key [32]byte) {
	if f.lacks == "sender" {
		return key
	}
	return tx.firstMember()
}

func (f *toy) about() Subject {
	if f.lacks == "about" {
		return Subject{}
	}
	return Subject{f.Coupon.Campaign(), f.Coupon}
}

func (*toy) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (f *toy) shown() string {
	if f.lacks == "shown" {
		return ""
	}
	return f.Note
}

func (f *toy) mark() (key []byte, unused func(row []byte) bool) {
	if f.lacks == "mark" {
		return nil, nil
	}
	return seqMark(f.Coupon, f.Seq)
}

func (f *toy) asks(n Names) string {
	if f.lacks == "asks" {
		return ""
	}
	return "note " + f.Note + " on coupon " + n.Coupon(f.Coupon)
}

func (f *toy) execute(x *exec, tx *Tx, out *Outcome) Code {
	if f.lacks == "execute" {
		return OK
	}
	g := x.campaigns.get(x, f.Coupon.Campaign())
	if g == nil {
		return NotFound
	}
	if c := x.memberSigned(tx, g.Issuer, RoleIssuer, nil, false); c != OK {
		return c
	}
	h, code := x.guard(0, f.Coupon, f.Owner, f.Seq)
	if code != OK {
		return code
	}
	h.coupon.Seq++
	x.coupons.put(x, f.Coupon, h.coupon)
	out.Coupon, out.Seq, out.Owner = f.Coupon, h.coupon.Seq, f.Owner
	if f.Note == "now" {
		out.Case = CaseRefreshed
	}
	return OK
}

// toyCase is the toy kind's case, signed as its whole row says.
func toyCase() kindCase {
	c, owner := testChain(), keyOf("holder")
	note := func(text string) Fields {
		return &toy{Coupon: sceneCoupon, Seq: 3, Owner: owner.Key, Note: text}
	}
	body := c.Body(t0+1000, note("hello"))
	consent := owner.Sign(c.Message(TagTx, body))
	return kindCase{
		signed: [][]byte{c.signMembers(body, []MemberSigner{{issuer, keyOf("issuer 1")}}, &consent)},
		scenes: []func(*scene){func(s *scene) { s.tx = note("hello") }, func(s *scene) { s.tx = note("now") }},
	}
}

// withToy puts a row in the table for the time of a test.
func withToy(t *testing.T, s *kindSpec) []string {
	t.Helper()
	kindTable[kindToy] = s
	defer func() { kindTable[kindToy] = nil }()
	return kindFaults(kindToy, toyCase())
}

func TestAKindNeedsItsRowAndNothingElse(t *testing.T) {
	raw := toyCase().signed[0]
	if _, err := testChain().CheckTx(raw); code(err) != BadEncoding || KindOf(raw) != 0 {
		t.Errorf("a kind without a row: %v", err)
	}
	s := toyKind("")
	if faults := withToy(t, &s); len(faults) > 0 {
		t.Errorf("a whole kind: %q", faults)
	}
	if slices.Contains(Kinds(), kindToy) {
		t.Error("the toy kind has stayed in the table")
	}
}

// Whoever forgets one entry of the list hears of it.
func TestEveryEntryOfAKindIsMissed(t *testing.T) {
	entries := map[string]func(*kindSpec){
		"name":          func(s *kindSpec) { s.name = "" },
		"since":         func(s *kindSpec) { s.since = 0 },
		"decode":        func(s *kindSpec) { s.decode = nil },
		"witness":       func(s *kindSpec) { s.witness = 0 },
		"further":       func(s *kindSpec) { s.further = 0 },
		"notFoundFirst": func(s *kindSpec) { s.notFoundFirst = false },
		"receipt":       func(s *kindSpec) { s.receipt = nil },
		"events":        func(s *kindSpec) { s.events = nil },
		"which":         func(s *kindSpec) { s.which = nil },
		"unrecorded":    func(s *kindSpec) { s.unrecorded = true },
		"after":         func(s *kindSpec) { s.after = func(*Outcome) EventType { return EventNone } },
		"tally":         func(s *kindSpec) { s.tally = 0 },
	}
	row := reflect.TypeFor[kindSpec]()
	for i := range row.NumField() {
		name := row.Field(i).Name
		if entries[name] == nil {
			t.Errorf("nothing shows that %s is missed", name)
			continue
		}
		s := toyKind("")
		entries[name](&s)
		if len(withToy(t, &s)) == 0 {
			t.Errorf("%s is not missed", name)
		}
		delete(entries, name)
	}
	if len(entries) > 0 {
		t.Errorf("no entries: %v", slices.Collect(maps.Keys(entries)))
	}
	for i := range toyKind("").receipt {
		s := toyKind("")
		s.receipt = slices.Delete(s.receipt, i, i+1)
		if len(withToy(t, &s)) == 0 {
			t.Errorf("part %d of the receipt is not missed", i)
		}
	}
}

// A method that returns nothing is as good as one forgotten. That which fields fix no
// expiry, or spend nothing, is the rule for most kinds: only their own tests miss it.
func TestEveryMethodOfAKindIsMissed(t *testing.T) {
	methods := reflect.TypeFor[Fields]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if name == "expiry" || name == "spends" {
			continue
		}
		s := toyKind(name)
		if len(withToy(t, &s)) == 0 {
			t.Errorf("%s is not missed", name)
		}
	}
}
