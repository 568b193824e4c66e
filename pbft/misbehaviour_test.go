package pbft

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft/wire"
)

// culprit leads view 3 of four members, and signs whatever a test needs.
const culprit ReplicaID = 2

// crime makes what a culprit has signed, of epoch 7.
type crime struct{ signing }

func newCrime(t *testing.T) crime { return crime{newSigning(t, Digest{0x5c}, 7, 4, 1, 1)} }

// header returns the header of a position on a parent; mark tells headers apart.
func (c crime) header(v View, s Seq, parent Digest, mark byte) Header {
	return Header{Epoch: c.Epoch(), View: v, Seq: s, Parent: parent, PayloadRoot: Digest{mark}, TimeMs: uint64(s),
		Justify: BlockRef{View: v, Seq: 1, Digest: Digest{1}}, Proposer: c.Primary(v), Committee: c.Digest()}
}

// chain returns the headers of a view above a parent, in ascending order.
func (c crime) chain(v View, first, last Seq, parent Digest, mark byte) (hs []Header) {
	for s := first; s <= last; s++ {
		hs = append(hs, c.header(v, s, parent, mark))
		parent = c.HeaderDigest(&hs[len(hs)-1])
	}
	return hs
}

// down returns headers in the order of a chain of evidence.
func down(hs []Header) (all []Header) {
	for i := range hs {
		all = append(all, hs[len(hs)-1-i])
	}
	return all
}

func (c crime) signed(h Header) *SignedHeader {
	return &SignedHeader{Header: h, Signature: c.sign(culprit, c.HeaderBytesToSign(&h))}
}

func (c crime) prepare(b BlockRef) *Vote {
	return &Vote{Epoch: c.Epoch(), Block: b, Replica: culprit, Signature: c.sign(culprit, c.PrepareBytes(b))}
}

func (c crime) commit(b BlockRef) *Vote {
	return &Vote{Epoch: c.Epoch(), Block: b, Replica: culprit, Signature: c.sign(culprit, c.CommitBytes(b))}
}

func (c crime) viewChange(v View, high, tip BlockRef) *ViewChange {
	x := &ViewChange{Epoch: c.Epoch(), View: v, High: high, Tip: tip, Committed: 3, Replica: culprit,
		Certificate: &Certificate{}, Walk: make([]SignedHeader, 1)}
	x.Signature = c.sign(culprit, c.ViewChangeBytes(x))
	return x
}

func (c crime) newView(v View, base BlockRef, reports ...ViewChange) *NewView {
	x := &NewView{Epoch: c.Epoch(), View: v, ViewChanges: reports, Base: base, Headers: make([]SignedHeader, 1)}
	x.Signature = c.sign(culprit, c.NewViewBytes(x))
	return x
}

// crimes are one piece of evidence of each kind, and further forms of those that have
// several.
func (c crime) crimes() map[string]*Misbehaviour {
	one, two := c.chain(3, 10, 14, Digest{9}, 1), c.chain(3, 10, 14, Digest{9}, 2)
	ref := func(hs []Header, s Seq) BlockRef { return c.Ref(&hs[s-10]) }
	high := BlockRef{View: 3, Seq: 9, Digest: Digest{9}}
	older := BlockRef{View: 2, Seq: 9, Digest: Digest{9}}
	tip, none := c.viewChange(6, high, ref(one, 13)), c.viewChange(6, high, BlockRef{})
	low := c.viewChange(6, older, BlockRef{})
	report := *c.viewChange(3, high, BlockRef{})
	return map[string]*Misbehaviour{
		"two headers":                    TwoHeadersOf(c.signed(one[2]), c.signed(two[2])),
		"two new-views":                  TwoNewViewsOf(c.newView(3, high, report), c.newView(3, older, report)),
		"two prepares of a number":       TwoPreparesOf(c.prepare(ref(one, 12)), c.prepare(ref(two, 12)), nil),
		"two prepares, one above":        TwoPreparesOf(c.prepare(ref(one, 14)), c.prepare(ref(two, 13)), down(one[4:])),
		"two prepares, far above":        TwoPreparesOf(c.prepare(ref(two, 10)), c.prepare(ref(one, 14)), down(one[1:])),
		"two view-changes":               TwoViewChangesOf(none, low),
		"commit above high":              CommitAboveHighOf(none, c.commit(ref(one, 10))),
		"commit of a later view":         CommitAboveHighOf(tip, c.commit(BlockRef{5, 1, Digest{4}})),
		"prepare hidden, no tip":         PrepareHiddenOf(none, c.prepare(ref(one, 10)), nil),
		"prepare hidden, above the tip":  PrepareHiddenOf(tip, c.prepare(ref(one, 14)), nil),
		"prepare hidden, beside the tip": PrepareHiddenOf(tip, c.prepare(ref(two, 13)), nil),
		"prepare hidden, below the tip":  PrepareHiddenOf(tip, c.prepare(ref(two, 11)), down(one[2:4])),
		"armed prepare hidden":           ArmedPrepareHiddenOf(low, c.prepare(ref(one, 14)), &one[4]),
	}
}

// What a culprit signed convicts it, whoever puts it together, and has one form.
func TestMisbehaviourConvicts(t *testing.T) {
	c := newCrime(t)
	kinds := map[MisbehaviourKind]bool{}
	for name, m := range c.crimes() {
		view := View(3)
		if m.Kind >= TwoViewChanges {
			view = 6
		}
		got, err := VerifyMisbehaviour(c.Committee, stdScheme{}, m.Encode())
		if want := (Conviction{7, culprit, m.Kind, view}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		back, err := DecodeMisbehaviour(m.Encode())
		if err != nil || !bytes.Equal(back.Encode(), m.Encode()) {
			t.Errorf("%s is read as %+v, %v", name, back, err)
		}
		if m.Body = []byte("a set"); m.Encode()[5] != 5 {
			t.Errorf("%s: the body stands elsewhere", name)
		}
		if _, err := VerifyMisbehaviour(c.Committee, stdScheme{}, m.Encode()); err != nil {
			t.Errorf("%s with a body: %v", name, err)
		}
		kinds[m.Kind] = true
	}
	if len(kinds) != int(ArmedPrepareHidden) {
		t.Errorf("evidence of %d kinds", len(kinds))
	}
	one, two := *c.signed(c.header(3, 12, Digest{}, 1)), *c.signed(c.header(3, 12, Digest{}, 2))
	high, other := BlockRef{View: 3, Seq: 9}, BlockRef{View: 3, Seq: 9, Digest: Digest{1}}
	p, q := c.prepare(high), c.prepare(other)
	v, w := c.viewChange(6, high, BlockRef{}), c.viewChange(6, high, high)
	x, y := c.newView(3, high), c.newView(3, other)
	for name, x := range map[string][2]*Misbehaviour{
		"headers":      {TwoHeadersOf(&one, &two), TwoHeadersOf(&two, &one)},
		"new-views":    {TwoNewViewsOf(x, y), TwoNewViewsOf(y, x)},
		"prepares":     {TwoPreparesOf(p, q, nil), TwoPreparesOf(q, p, nil)},
		"view-changes": {TwoViewChangesOf(v, w), TwoViewChangesOf(w, v)},
	} {
		if !bytes.Equal(x[0].Encode(), x[1].Encode()) {
			t.Errorf("two %s have two forms", name)
		}
	}
}

// Each clause refuses, though all that is named was signed by the culprit: signatures
// are made anew after the change.
func TestMisbehaviourRefuses(t *testing.T) {
	c := newCrime(t)
	other := newSigning(t, Digest{0x5d}, 7, 4, 1, 1)
	one, two := c.chain(3, 10, 14, Digest{9}, 1), c.chain(3, 10, 14, Digest{9}, 2)
	ref := func(hs []Header, s Seq) BlockRef { return c.Ref(&hs[s-10]) }
	high := BlockRef{View: 3, Seq: 9, Digest: Digest{9}}
	older := BlockRef{View: 2, Seq: 9, Digest: Digest{9}}
	tip, none := c.viewChange(6, high, ref(one, 13)), c.viewChange(6, high, BlockRef{})
	low := c.viewChange(6, older, BlockRef{})
	// alter returns a header and signs it.
	alter := func(h Header, change func(*Header)) *SignedHeader { change(&h); return c.signed(h) }
	// swap exchanges the parts of evidence, which then are not in their order.
	swap := func(m *Misbehaviour) *Misbehaviour {
		for _, s := range []any{m.Headers, m.NewViews, m.ViewChanges, m.Votes} {
			if v := reflect.ValueOf(s); v.Len() == 2 {
				reflect.Swapper(s)(0, 1)
			}
		}
		return m
	}
	by := func(v *Vote, id ReplicaID, message []byte) *Vote {
		v.Replica, v.Signature = id, c.sign(id%4, message)
		return v
	}
	reportBy := func(v *ViewChange, id ReplicaID) *ViewChange {
		x := *v
		x.Replica = id
		x.Signature = c.sign(id%4, c.ViewChangeBytes(&x))
		return &x
	}
	of := func(v *ViewChange, e Epoch) *ViewChange {
		x := *v
		x.Epoch = e
		x.Signature = c.sign(culprit, c.ViewChangeBytes(&x))
		return &x
	}
	inEpoch := func(m *Misbehaviour, e Epoch) *Misbehaviour { m.Epoch = e; return m }
	signed := func(m *Misbehaviour, change func(*Misbehaviour)) *Misbehaviour { change(m); return m }
	p := c.prepare
	armed := func(change func(*Header)) *Misbehaviour {
		h := one[4]
		change(&h)
		return ArmedPrepareHiddenOf(low, p(c.Ref(&h)), &h)
	}
	const (
		order     = "order"
		headers   = "headers are not those"
		signature = "a signature is not"
	)
	for _, x := range []struct {
		name string
		m    *Misbehaviour
		want string
	}{
		{"another epoch's", inEpoch(c.crimes()["two headers"], 6), "epoch 6"},

		{"one header twice", TwoHeadersOf(c.signed(one[2]), c.signed(one[2])), "one header twice"},
		{"headers of two views", TwoHeadersOf(c.signed(one[2]), alter(two[2], func(h *Header) { h.View = 7 })),
			"two positions"},
		{"headers of two numbers", TwoHeadersOf(c.signed(one[2]), c.signed(two[3])), "two positions"},
		{"headers of view 0", TwoHeadersOf(alter(one[2], func(h *Header) { h.View = 0 }),
			alter(two[2], func(h *Header) { h.View = 0 })), "two positions"},
		{"a header of another epoch", TwoHeadersOf(c.signed(one[2]), alter(two[2], func(h *Header) { h.Epoch = 6 })),
			"headers of epochs"},
		{"another proposer", TwoHeadersOf(c.signed(one[2]), alter(two[2], func(h *Header) { h.Proposer = 1 })),
			"does not lead"},
		{"headers by who does not lead", TwoHeadersOf(alter(one[2], func(h *Header) { h.View = 4 }),
			alter(two[2], func(h *Header) { h.View = 4 })), "does not lead"},
		{"headers that another signed", signed(TwoHeadersOf(c.signed(one[2]), c.signed(two[2])), func(m *Misbehaviour) {
			m.Headers[1].Signature = c.sign(1, c.HeaderBytesToSign(&m.Headers[1].Header))
		}), signature},
		{"a header of another chain", signed(TwoHeadersOf(c.signed(one[2]), c.signed(two[2])), func(m *Misbehaviour) {
			m.Headers[0].Signature = c.sign(culprit, other.HeaderBytesToSign(&m.Headers[0].Header))
		}), signature},
		{"headers in two orders", swap(TwoHeadersOf(c.signed(one[2]), c.signed(two[2]))), order},

		{"one new-view twice", TwoNewViewsOf(c.newView(3, high), c.newView(3, high)), "one NEW-VIEW twice"},
		{"new-views of two views", TwoNewViewsOf(c.newView(3, high), c.newView(7, older)), "NEW-VIEWs of views"},
		{"new-views of view 0", TwoNewViewsOf(c.newView(0, high), c.newView(0, older)), "NEW-VIEWs of views"},
		{"new-views by who does not lead", TwoNewViewsOf(c.newView(4, high), c.newView(4, older)), signature},
		{"new-views in two orders", swap(TwoNewViewsOf(c.newView(3, high), c.newView(3, older))), order},
		{"new-views of another epoch", inEpoch(TwoNewViewsOf(c.newView(3, high), c.newView(3, older)), 8), "epoch 8"},

		{"one prepare twice", TwoPreparesOf(p(ref(one, 12)), p(ref(one, 12)), nil), "one vote twice"},
		{"prepares in two views", TwoPreparesOf(p(ref(one, 12)), p(BlockRef{View: 2, Seq: 12}), nil), "votes in views"},
		{"prepares in view 0", TwoPreparesOf(p(BlockRef{Seq: 1}), p(BlockRef{Seq: 1, Digest: Digest{1}}), nil),
			"votes in views"},
		{"prepares of two members", TwoPreparesOf(p(ref(one, 12)), by(p(ref(two, 12)), 1, c.PrepareBytes(ref(two,
			12))), nil),
			"votes of members"},
		{"prepares of nobody", TwoPreparesOf(by(p(ref(one, 12)), 4, c.PrepareBytes(ref(one, 12))),
			by(p(ref(two, 12)), 4, c.PrepareBytes(ref(two, 12))), nil), "votes of members"},
		{"prepares in two orders", swap(TwoPreparesOf(p(ref(one, 12)), p(ref(two, 12)), nil)), order},
		{"the lower prepare first", swap(TwoPreparesOf(p(ref(one, 13)), p(ref(two, 12)), down(one[3:4]))), order},
		{"a chain where none is needed", TwoPreparesOf(p(ref(one, 12)), p(ref(two, 12)), down(one[2:3])), headers},
		{"a chain where the other is below", TwoPreparesOf(p(ref(one, 14)), p(ref(one, 12)), down(one[3:])),
			"descends from"},
		{"no chain", TwoPreparesOf(p(ref(one, 14)), p(ref(two, 12)), nil), headers},
		{"a chain that ends early", TwoPreparesOf(p(ref(one, 14)), p(ref(two, 11)), down(one[3:])), headers},
		{"a chain that goes on", TwoPreparesOf(p(ref(one, 14)), p(ref(two, 12)), down(one[2:])), headers},
		{"a chain with a hole", TwoPreparesOf(p(ref(one, 14)), p(ref(two, 11)), []Header{one[4], one[2], one[2]}), headers},
		{"a chain upside down", TwoPreparesOf(p(ref(one, 14)), p(ref(two, 12)), one[3:]), headers},
		{"a chain of another block", TwoPreparesOf(p(ref(one, 14)), p(ref(two, 12)), down(two[3:])), headers},
		{"a prepare that names a block's view falsely", TwoPreparesOf(p(BlockRef{4, 14, ref(one, 14).Digest}),
			p(BlockRef{4, 13, Digest{}}), down(one[4:])), headers},
		{"a prepare that names a block's number falsely", TwoPreparesOf(p(BlockRef{3, 15, ref(one, 14).Digest}),
			p(ref(two, 14)), down(one[4:])), headers},
		{"a commit for a prepare", TwoPreparesOf(p(ref(one, 12)), c.commit(ref(two, 12)), nil), signature},
		{"prepares of another epoch", inEpoch(TwoPreparesOf(p(ref(one, 12)), p(ref(two, 12)), nil), 6), "epoch 6"},

		{"one view-change twice", TwoViewChangesOf(none, none), "one VIEW-CHANGE twice"},
		{"view-changes for two views", TwoViewChangesOf(none, c.viewChange(7, high, BlockRef{})), "VIEW-CHANGEs for views"},
		{"view-changes of two members", TwoViewChangesOf(none, reportBy(tip, 1)), "VIEW-CHANGEs of members"},
		{"view-changes of nobody", TwoViewChangesOf(reportBy(none, 4), reportBy(tip, 4)), "VIEW-CHANGEs of members"},
		{"a view-change of another epoch", TwoViewChangesOf(none, of(none, 6)), "VIEW-CHANGEs of epochs"},
		{"a view-change in another's name", TwoViewChangesOf(none, signed(&Misbehaviour{ViewChanges: []ViewChange{*tip}},
			func(m *Misbehaviour) { m.ViewChanges[0].Signature = c.sign(1, c.ViewChangeBytes(tip)) }).first()), signature},
		{"view-changes in two orders", swap(TwoViewChangesOf(none, tip)), order},

		{"a commit at High", CommitAboveHighOf(none, c.commit(high)), "not above High"},
		{"a commit below High", CommitAboveHighOf(none, c.commit(BlockRef{View: 2, Seq: 20})), "not above High"},
		{"a commit of the view that is asked for", CommitAboveHighOf(none, c.commit(BlockRef{View: 6, Seq: 10})),
			"binds no"},
		{"a commit in view 0", CommitAboveHighOf(c.viewChange(6, BlockRef{}, BlockRef{}),
			c.commit(BlockRef{Seq: 1})), "binds no"},
		{"a prepare for a commit", CommitAboveHighOf(none, p(ref(one, 10))), signature},
		{"another's commit", CommitAboveHighOf(none, by(c.commit(ref(one, 10)), 1, c.CommitBytes(ref(one, 10)))),
			"vote of members"},
		{"a commit of nobody", CommitAboveHighOf(reportBy(none, 4), by(c.commit(ref(one, 10)), 4,
			c.CommitBytes(ref(one, 10)))),
			"vote of members"},
		{"a report of another epoch", inEpoch(CommitAboveHighOf(of(none, 6), c.commit(ref(one, 10))), 7),
			"VIEW-CHANGE of epoch"},
		{"a report in another's name", signed(CommitAboveHighOf(none, c.commit(ref(one, 10))), func(m *Misbehaviour) {
			m.ViewChanges[0].Signature = c.sign(1, c.ViewChangeBytes(none))
		}), signature},

		{"a prepare of a view below High's", PrepareHiddenOf(none, p(BlockRef{View: 2, Seq: 30}), nil), "High is of"},
		{"a prepare of a view above High's", PrepareHiddenOf(none, p(BlockRef{View: 4, Seq: 30}), nil), "High is of"},
		{"a prepare of the tip", PrepareHiddenOf(tip, p(ref(one, 13)), nil), "descends from"},
		{"a prepare below the tip", PrepareHiddenOf(tip, p(ref(one, 11)), down(one[2:4])), "descends from"},
		{"no chain from the tip", PrepareHiddenOf(tip, p(ref(two, 11)), nil), headers},
		{"a chain from elsewhere", PrepareHiddenOf(tip, p(ref(two, 11)), down(one[3:5])), headers},
		{"a chain without a tip", PrepareHiddenOf(none, p(ref(one, 12)), down(one[2:3])), headers},
		{"a chain above the tip", PrepareHiddenOf(tip, p(ref(one, 14)), down(one[4:])), headers},
		{"a prepare of the view that is asked for", PrepareHiddenOf(c.viewChange(3, high, BlockRef{}), p(ref(one,
			12)), nil), "binds no"},
		{"a commit for a hidden prepare", PrepareHiddenOf(none, c.commit(ref(one, 12)), nil), signature},

		{"an unarmed prepare", armed(func(h *Header) { h.Justify.View = 2 }), "not armed"},
		{"an armed prepare of High's view", ArmedPrepareHiddenOf(none, p(ref(one, 14)), &one[4]), "High is of"},
		{"the header of another block", ArmedPrepareHiddenOf(low, p(ref(one, 14)), &two[4]), headers},
		{"an armed prepare of the view that is asked for", ArmedPrepareHiddenOf(c.viewChange(3, older, BlockRef{}),
			p(ref(one, 14)), &one[4]), "binds no"},
		{"a commit for an armed prepare", ArmedPrepareHiddenOf(low, c.commit(ref(one, 14)), &one[4]),
			signature},
	} {
		got, err := VerifyMisbehaviour(c.Committee, stdScheme{}, x.m.Encode())
		if !errors.Is(err, ErrMisbehaviour) || !strings.Contains(err.Error(), x.want) || got != (Conviction{}) {
			t.Errorf("%s: %+v, %v, want an error of %q", x.name, got, err, x.want)
		}
	}
	original, err := NewCommittee(c.Chain(), 7, c.keys, Parameters{Faults: 1, Protocol: Original})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range c.crimes() {
		if _, err := VerifyMisbehaviour(original, stdScheme{}, m.Encode()); !errors.Is(err, ErrMisbehaviour) {
			t.Errorf("%s convicts under the original protocol: %v", name, err)
		}
	}
}

// first returns the only VIEW-CHANGE of what is not yet evidence.
func (m *Misbehaviour) first() *ViewChange { return &m.ViewChanges[0] }

// The forms that do not decode, and the limits on both sides.
func TestMisbehaviourLimits(t *testing.T) {
	c := newCrime(t)
	verify := func(m *Misbehaviour) error {
		_, err := VerifyMisbehaviour(c.Committee, stdScheme{}, m.Encode())
		return err
	}
	long := c.chain(3, 10, 139, Digest{9}, 1) // 130 headers
	at := func(s Seq) *Vote { return c.prepare(c.Ref(&long[s-10])) }
	below := c.prepare(BlockRef{3, 11, Digest{4}})
	if err := verify(TwoPreparesOf(at(139), below, down(long[2:]))); err != nil {
		t.Errorf("a chain of %d headers: %v", MisbehaviourChainMax, err)
	}
	below = c.prepare(BlockRef{3, 10, Digest{4}})
	if err := verify(TwoPreparesOf(at(139), below, down(long[1:]))); !errors.Is(err, wire.ErrLimit) {
		t.Errorf("a chain of a header more: %v", err)
	}
	// Two NEW-VIEWs of 89 reports each fit, of 90 do not.
	for n, fits := range map[int]bool{89: true, 90: false} {
		reports := make([]ViewChange, n)
		m := TwoNewViewsOf(c.newView(3, BlockRef{Seq: 1}, reports...), c.newView(3, BlockRef{Seq: 2}, reports...))
		if err := verify(m); (err == nil) != fits || !fits && !errors.Is(err, wire.ErrLimit) {
			t.Errorf("two new-views of %d reports, %d bytes: %v", n, len(m.Encode()), err)
		}
	}
	good := c.crimes()["two headers"]
	for name, x := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":          {nil, wire.ErrTruncated},
		"kind 0":           {(&Misbehaviour{Epoch: 7}).Encode(), wire.ErrValue},
		"kind 8":           {(&Misbehaviour{Epoch: 7, Kind: 8}).Encode(), wire.ErrValue},
		"a byte too many":  {append(good.Encode(), 0), wire.ErrTrailing},
		"a byte too few":   {good.Encode()[:len(good.Encode())-1], wire.ErrTruncated},
		"a body too large": {(&Misbehaviour{Epoch: 7, Kind: 1, Body: make([]byte, 8193)}).Encode(), wire.ErrLimit},
	} {
		if _, err := VerifyMisbehaviour(c.Committee, stdScheme{}, x.b); !errors.Is(err,
			ErrMisbehaviour) || !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Body = make([]byte, 8192)
	if err := verify(good); err != nil {
		t.Errorf("a body of 8 KiB: %v", err)
	}
}

// Evidence with one bit changed anywhere convicts nobody.
func TestMisbehaviourHoldsBitByBit(t *testing.T) {
	c := newCrime(t)
	rng := rand.New(rand.NewPCG(62, 62))
	for name, m := range c.crimes() {
		b := m.Encode()
		for i := rng.IntN(6); i < len(b); i += 1 + rng.IntN(6) {
			b[i] ^= 1 << rng.IntN(8)
			if got, err := VerifyMisbehaviour(c.Committee, stdScheme{}, b); err == nil {
				t.Errorf("%s: byte %d changed, and it convicts: %+v", name, i, got)
			}
			copy(b, m.Encode())
		}
	}
}

// misbehaviourVector is one piece of evidence as it is ordered.
type misbehaviourVector struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	View    View      `json:"view"`
	Replica ReplicaID `json:"replica"`
	Bytes   string    `json:"bytes"` // hexadecimal
}

// Evidence has these bytes for good. The keys are those of seeds 01 00 .., 02 00 .., the
// chain is 5c 00 .., the epoch 7, and the parameters are the defaults with f = p = 1.
func TestMisbehaviourVectors(t *testing.T) {
	const path = "testdata/misbehaviour.json"
	c := newCrime(t)
	var made []misbehaviourVector
	crimes := c.crimes()
	for _, name := range slices.Sorted(maps.Keys(crimes)) {
		x, err := VerifyMisbehaviour(c.Committee, stdScheme{}, crimes[name].Encode())
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, misbehaviourVector{name, x.Kind.String(), x.View, x.Replica,
			hex.EncodeToString(crimes[name].Encode())})
	}
	want, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code makes (%v); if the change is meant, run with -rewrite and read the diff",
			path, err)
	}
}

// Whatever decodes has one encoding, nothing panics, and nobody but the culprit is ever
// convicted of what the culprit signed.
func FuzzVerifyMisbehaviour(f *testing.F) {
	c := newCrime(&testing.T{})
	for _, m := range c.crimes() {
		f.Add(m.Encode())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := DecodeMisbehaviour(in)
		if err == nil && !bytes.Equal(m.Encode(), in) {
			t.Fatalf("%x decodes as %+v, which encodes as %x", in, m, m.Encode())
		}
		if x, err := VerifyMisbehaviour(c.Committee, stdScheme{}, in); err == nil && x.Replica != culprit {
			t.Fatalf("%x convicts %+v", in, x)
		}
	})
}
