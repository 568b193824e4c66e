package lanes

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// at the store of m, expand a draft's recipe.
func (m *member) expands(x *Draft) ([]byte, outcome) {
	recipe, err := DecodeRecipe(x.Recipe)
	if err != nil {
		m.t.Fatal(err)
	}
	h := pbft.Header{PayloadRoot: x.Root, PayloadBytes: uint32(len(x.Payload))}
	payload, _, is := expand(&h, recipe, func(r *Range) []*Batch { b, _ := m.find(r); return b }, rootOf, payloadOf)
	return payload, is
}

// naive chooses for a block as L6 says, the plain way: lists of lists, one transaction after
// the other.
func naive(m *member, bytesMax, txsMax int) (raws [][]byte) {
	n := len(m.lanes)
	left := make([][]Tx, n) // of each lane, in order
	in := map[pbft.Digest]bool{}
	for id, x := range m.lanes {
		for _, h := range x.queue {
			for i, e := range h.entries {
				if !h.freed && e.standing == valid {
					left[id] = append(left[id], h.Txs[i])
				}
			}
		}
	}
	chosen := make([][][]byte, n)
	deficit := make([]int, n)
	for id := range deficit {
		deficit[id] = m.lanes[id].deficit
	}
	size, txs := 4, 0
	next := func(id int) bool { // drops what may not be in the block
		for len(left[id]) > 0 {
			id0 := idOf(left[id][0].Bytes)
			if m.world.standing[id0] == Free && !in[id0] {
				return true
			}
			left[id] = left[id][1:]
		}
		return false
	}
	for full := false; !full; {
		any := false
		for k := 0; k < n && !full; k++ {
			id := (m.turn + k) % n
			if next(id) {
				any = true
				deficit[id] += quantumBytes
			}
			for next(id) {
				raw := left[id][0].Bytes
				if len(raw)+4 > deficit[id] {
					break
				}
				if size+len(raw)+4 > bytesMax || txs == txsMax {
					full = true
					break
				}
				deficit[id] -= len(raw) + 4
				size += len(raw) + 4
				txs++
				in[idOf(raw)] = true
				chosen[id] = append(chosen[id], raw)
				left[id] = left[id][1:]
			}
		}
		full = full || !any
	}
	for k := range n {
		raws = append(raws, chosen[(m.turn+k)%n]...)
	}
	return raws
}

// Two ways to choose agree, whatever is in the lanes, and what is chosen expands to the
// payload that the header commits to (L6, L7).
func TestTwoWaysToChooseAgree(t *testing.T) {
	c := committee(t, 7)
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 0))
		m := newMember(t, c, 0)
		var ids []uint64
		for a := pbft.ReplicaID(1); a < 7; a++ {
			p := m.open1(a, uint64(a))
			for range rng.IntN(8) {
				var raws [][]byte
				for range 1 + rng.IntN(30) {
					id := rng.Uint64N(500)
					raw := tx(id, 9+rng.IntN(2000)) // one id may have many witnesses
					raw[0] = byte(rng.IntN(10) / 9)
					raws, ids = append(raws, raw), append(ids, id)
				}
				if b := p.batch(c, raws...); rng.IntN(5) > 0 {
					m.must(a, b, pbft.Accepted)
				}
			}
		}
		for _, id := range ids {
			if rng.IntN(4) == 0 {
				m.world.standing[idOf(tx(id, 9))] = []Standing{Absent, Held}[rng.IntN(2)]
			}
		}
		for range 3 {
			bytesMax, txsMax := 100+rng.IntN(100_000), 1+rng.IntN(100)
			want := naive(m, bytesMax, txsMax)
			x := m.Propose(bytesMax, txsMax, m.now)
			if x == nil {
				if len(want) > 0 && len(want[0])+8 <= bytesMax {
					t.Fatalf("seed %d: nothing is proposed of %d", seed, len(want))
				}
				continue
			}
			if !bytes.Equal(x.Payload, payloadOf(want)) || len(x.Payload) > bytesMax || len(x.Txs) > txsMax {
				t.Fatalf("seed %d: %d transactions are proposed, the plain way gives %d", seed, len(x.Txs), len(want))
			}
			if payload, is := m.expands(x); is != expanded || !bytes.Equal(payload, x.Payload) {
				t.Fatalf("seed %d: the recipe expands to %d bytes, %d", seed, len(payload), is)
			}
			m.Proposed(x)
			for i, id := range x.IDs {
				if m.world.standing[id] = Held; x.Checked[i] != string(x.Txs[i].Bytes) {
					t.Fatalf("seed %d: what is known of transaction %d is of another", seed, i)
				}
			}
		}
	}
}

// Lanes have equal shares of a full block, by bytes, whoever pushes more.
func TestLanesHaveEqualShares(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	for a, count := range []uint64{0, 100, 900, 900} {
		if a > 0 {
			p := m.open1(pbft.ReplicaID(a), 7)
			for k := range count / 100 {
				m.must(p.id, p.batch(c, numbers(uint64(a)*10_000+k*100, uint64(a)*10_000+k*100+100, 1000)...), pbft.Accepted)
			}
		}
	}
	m.after(1)
	x := m.Propose(500_000, 10_000, m.now)
	of := map[uint64]int{}
	for _, tx := range x.Txs {
		of[uint64(tx.Bytes[1])|uint64(tx.Bytes[2])<<8]++ // counted below
	}
	counts := make([]int, 4)
	for n := range of {
		counts[n/10_000]++
	}
	if counts[1] != 100 || counts[2]-counts[3] > 4 || counts[3]-counts[2] > 4 || counts[2] < 190 {
		t.Errorf("of a block of %d: %v", len(x.Txs), counts)
	}
}

// What a recipe names besides what it takes stays bounded (attack 8).
func TestWhatIsNamedIsBounded(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	for a := pbft.ReplicaID(1); a < 4; a++ {
		p := m.open1(a, 7)
		for k := range uint64(60) { // one free transaction in each large batch
			raws := numbers(uint64(a)*100_000+k*1000, uint64(a)*100_000+k*1000+250, 1000)
			m.must(a, p.batch(c, raws...), pbft.Accepted)
			m.after(10)
			for _, raw := range raws[1:] {
				m.world.standing[idOf(raw)] = Held
			}
		}
	}
	m.after(1)
	x := m.Propose(4<<20, 10_000, m.now)
	recipe, _ := DecodeRecipe(x.Recipe)
	named, txs := 0, 0
	for _, p := range recipe {
		batches, _ := m.find(&p.Range)
		size := 0
		for _, b := range batches {
			size, txs = size+b.bytes, txs+len(b.Txs)
		}
		if named += size; size > RangeBytesMax {
			t.Errorf("a range of %d bytes", size)
		}
	}
	if named > m.namedBytesMax() || txs > NamedTxsMax || named < m.namedBytesMax()/2 {
		t.Errorf("%d transactions of %d bytes are named, at most %d", txs, named, m.namedBytesMax())
	}
}

// A primary puts its own new transactions into the recipe, up to a size, and pushes them as
// soon as more wait, or when it leads no more (L2, L6).
func TestAPrimaryNamesItsOwnInline(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	m.own(tx(1, 100))
	if m.act(); len(m.messages(KindBatch)) != 0 {
		t.Fatal("a primary pushes what it may name itself")
	}
	x := m.Propose(1<<20, 100, m.now)
	if payload, is := m.expands(x); is != expanded || !bytes.Equal(payload, payloadOf([][]byte{tx(1, 100)})) {
		t.Fatal("the recipe does not expand")
	}
	m.Proposed(x)
	if y := m.Propose(1<<20, 100, m.now); y != nil {
		t.Error("proposed twice")
	}
	m.own(tx(2, inlineBytesMax))
	m.own(tx(3, 100))
	if m.act(); len(m.messages(KindBatch)) != 1 {
		t.Error("more than may be inline is not pushed")
	}
	m.own(tx(4, 100))
	m.Leads(2, 1, m.now)
	if m.after(1); len(m.messages(KindBatch)) != 1 {
		t.Error("not pushed when it leads no more")
	}
}

// Own batches count once they are written out to a quorum (attack 24).
func TestOwnBatchesWaitForTheLine(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 1)
	m.own(tx(1, 1000))
	m.act()
	for peer := pbft.ReplicaID(0); peer < 4; peer++ {
		m.Queued(peer, 2000)
	}
	m.Leads(2, 1, m.now)
	if m.Propose(1<<20, 100, m.now) != nil {
		t.Fatal("proposed before anybody can have it")
	}
	m.Queued(0, 0)
	if m.Propose(1<<20, 100, m.now) != nil {
		t.Fatal("proposed before a quorum can have it")
	}
	if m.Queued(2, 0); m.Propose(1<<20, 100, m.now) == nil {
		t.Fatal("not proposed when a quorum has it")
	}
	if m.lanes[1].now.instance == 0 {
		t.Error("no instance")
	}
}

// Batches are sealed at their pace, within their limits, in turn between senders, and go to
// everybody: to the primary first if they are small, else last (L2, L3).
func TestSealing(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 1)
	sender := func(id uint64, size int, who byte) {
		raw := tx(id, size)
		m.world.standing[idOf(raw)] = Free
		m.Own(Own{Tx: Tx{raw, LeafOf(raw)}, ID: idOf(raw), Sender: pbft.Digest{who}}, m.now)
	}
	for i := range uint64(3) {
		sender(i, 100, 1)
	}
	sender(3, 100, 2)
	m.act()
	sent := m.messages(KindBatch)
	if len(sent) != 1 {
		t.Fatalf("%d batches at once", len(sent))
	}
	var order []byte
	for _, x := range sent[0].Message.(*Batch).Txs {
		order = append(order, x.Bytes[1])
	}
	if !reflect.DeepEqual(order, []byte{0, 3, 1, 2}) {
		t.Errorf("senders' turns: %v", order)
	}
	if !slices.Equal(sent[0].To, []pbft.ReplicaID{0, 2, 3}) {
		t.Errorf("to %v", sent[0].To)
	}
	sender(10, 30_000, 1)
	if _, due := m.Act(m.now); due != m.sealedNs+m.sealPauseNs() {
		t.Errorf("the next is due at %d", due)
	}
	if m.after(1); len(m.sent) != 1 || m.sent[0].To[2] != 0 {
		t.Errorf("a large batch goes to %v", m.sent[0].To)
	}
	for i := range uint64(2000) {
		sender(100+i, 200, 3)
	}
	for m.sent = nil; m.unsealed.bytes > 0; m.after(1) {
	}
	for _, s := range m.messages(KindBatch) {
		if b := s.Message.(*Batch); b.bytes > BatchBytesMax || len(b.Txs) > BatchTxsMax {
			t.Errorf("a batch of %d bytes", b.bytes)
		}
	}
	for i := range uint64(SealQueueMax + 1) {
		raw := tx(1_000_000+i, 9)
		m.world.standing[idOf(raw)] = Free
		if ok := m.Own(Own{Tx: Tx{Bytes: raw}, ID: idOf(raw)}, m.now); ok != (i < SealQueueMax) {
			t.Fatalf("the %d-th is taken: %v", i, ok)
		}
	}
}

// Attack 12: a member that pushed somebody else's client's transaction holds the copies back
// for T_dup and no longer; a copy that is not valid holds nothing back. Attack 11: copies
// make one.
func TestACopyHoldsBackForAWhile(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 1)
	p := m.open1(2, 7)
	spoiled := tx(2, 30)
	spoiled[0] = 1
	m.must(2, p.batch(c, tx(1, 30), spoiled), pbft.Accepted)
	m.own(tx(1, 30))
	m.own(tx(2, 30))
	m.act()
	if sent := m.messages(KindBatch); len(sent) != 1 || !bytes.Equal(sent[0].Message.(*Batch).Txs[0].Bytes, tx(2, 30)) {
		t.Fatalf("%d batches", len(sent))
	}
	if m.after(249); len(m.messages(KindBatch)) != 0 {
		t.Error("pushed before T_dup")
	}
	if m.after(1); len(m.messages(KindBatch)) != 1 {
		t.Error("not pushed after T_dup")
	}
	m.Leads(2, 1, m.now)
	if x := m.Propose(1<<20, 100, m.now); len(x.Txs) != 2 {
		t.Errorf("%d in a block, of two", len(x.Txs))
	}
	m.own(tx(3, 30))
	m.world.standing[idOf(tx(3, 30))] = Absent // executed meanwhile
	if m.Leads(3, 2, m.now); m.after(10).unsealed.bytes != 0 || len(m.messages(KindBatch)) != 0 {
		t.Error("what is executed is pushed")
	}
}

// Attack 14: what a later batch has overtaken is pushed again, once, within bounds.
func TestWhatWasPassedOverIsPushedAgain(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 1)
	for i := range uint64(3000) {
		m.own(tx(i, 40))
		if i%1000 == 999 {
			m.after(1)
		}
	}
	m.own(tx(5000, 40))
	m.after(1)
	m.world.standing[idOf(tx(5000, 40))] = Absent
	m.Settled([]pbft.Digest{idOf(tx(5000, 40))})
	m.sent = nil
	again := 0
	count := func() {
		for _, s := range m.messages(KindBatch) {
			again += len(s.Message.(*Batch).Txs)
		}
	}
	m.after(200)
	count()
	if again != 0 {
		t.Errorf("%d again at once", again)
	}
	for range 4 {
		m.after(250)
	}
	if count(); again > 4*passedMax || again < 3*passedMax {
		t.Errorf("%d again in a second", again)
	}
	for range 20 {
		m.after(250)
	}
	if count(); again != 3000 {
		t.Errorf("%d again of 3000", again)
	}
}

// Whatever a recipe says and whatever is in the store, what comes out is the payload of the
// header or nothing (L7, attacks 6, 7, 13).
func FuzzExpand(f *testing.F) {
	c := committee(f, 4)
	f.Add(uint64(1), []byte{})
	f.Add(uint64(2), []byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, seed uint64, raw []byte) { expandsRight(t, c, seed, raw) })
}

func TestExpansionIsAFunction(t *testing.T) {
	c := committee(t, 4)
	for seed := range uint64(2000) {
		expandsRight(t, c, seed, nil)
	}
}

func expandsRight(t *testing.T, c *pbft.Committee, seed uint64, raw []byte) {
	rng := rand.New(rand.NewPCG(seed, 1))
	store := map[Range][]*Batch{}
	var ranges []Range
	var all [][]byte
	for range rng.IntN(5) {
		var batches []*Batch
		for k := range uint32(1 + rng.IntN(3)) {
			raws := numbers(rng.Uint64N(50), 50+rng.Uint64N(10), 9+rng.IntN(3))
			all = append(all, raws...)
			batches = append(batches, NewBatch(c, 1, 1, k+1, txsOf(raws...)))
		}
		r := RangeOf(c, 1, batches)
		if ranges = append(ranges, r); rng.IntN(4) > 0 {
			store[r] = batches
		}
	}
	recipe, err := DecodeRecipe(raw)
	if err != nil {
		recipe = nil
		for range rng.IntN(5) {
			switch {
			case len(ranges) > 0 && rng.IntN(3) > 0:
				mask := make([]byte, rng.IntN(20))
				for i := range mask {
					mask[i] = byte(rng.Uint32())
				}
				if rng.IntN(2) == 0 {
					mask = nil
				}
				recipe = append(recipe, Part{Range: ranges[rng.IntN(len(ranges))], Mask: mask})
			default:
				recipe = append(recipe, Part{Inline: txsOf(numbers(rng.Uint64N(5), 6, 9)...)})
			}
		}
	}
	h := headerOf(all[:rng.IntN(len(all)+1)], 0)
	if want, is := plainly(recipe, store); is && rng.IntN(3) > 0 {
		h = headerOf(want, 0)
	}
	payload, missing, is := expand(&h, recipe, func(r *Range) []*Batch { return store[*r] }, rootOf, payloadOf)
	want, can := plainly(recipe, store)
	right := can && len(want) > 0 && headerOf(want, 0) == h
	if (is == expanded) != right || right && !bytes.Equal(payload, payloadOf(want)) || !right && payload != nil {
		t.Fatalf("seed %d: %d with %d bytes; the plain way makes %d transactions, %v", seed, is, len(payload),
			len(want), right)
	}
	for _, r := range missing {
		if store[r] != nil {
			t.Errorf("seed %d: %v is missing and there", seed, r)
		}
	}
}

// plainly expands a recipe the plain way.
func plainly(x Recipe, store map[Range][]*Batch) (raws [][]byte, ok bool) {
	for _, p := range x {
		if p.Inline != nil {
			for _, tx := range p.Inline {
				raws = append(raws, tx.Bytes)
			}
			continue
		}
		var all [][]byte
		for _, b := range store[p.Range] {
			for _, tx := range b.Txs {
				all = append(all, tx.Bytes)
			}
		}
		if len(all) == 0 {
			return nil, false
		}
		bits := fmt.Sprintf("%0*b", 0, 0)[:0]
		for _, b := range p.Mask {
			for k := range 8 {
				bits += string('0' + b>>k&1)
			}
		}
		if p.Mask == nil {
			raws = append(raws, all...)
			continue
		}
		if len(bits) < len(all) || len(bits) >= len(all)+8 || slices.Contains([]byte(bits[len(all):]), '1') ||
			!slices.Contains([]byte(bits[:len(all)]), '0') {
			return nil, false
		}
		for i, raw := range all {
			if bits[i] == '0' {
				raws = append(raws, raw)
			}
		}
	}
	return raws, true
}

// Clients are refused before the line is full, by what waits for the fastest members (L12).
func TestAdmissionFollowsTheLine(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	if m.Queued(1, 5<<20); !m.Admits() {
		t.Error("one slow member closes the door")
	}
	if m.Queued(2, 5<<20); m.Admits() {
		t.Error("two do not")
	}
	m.Linked(2, false)
	if m.Linked(3, false); !m.Admits() {
		t.Error("with too few connected the line is not the limit")
	}
}

// What a primary has named it does not name again in its view; in a later one what an
// abandoned block had is free (L13).
func TestWhatAnAbandonedBlockHadIsProposedAgain(t *testing.T) {
	c := committee(t, 4)
	m := newMember(t, c, 0)
	p := m.open1(1, 7)
	m.must(1, p.batch(c, tx(1, 50)), pbft.Accepted)
	m.Proposed(m.Propose(1<<20, 100, m.now))
	if m.Propose(1<<20, 100, m.now) != nil {
		t.Error("proposed twice in a view")
	}
	m.Leads(2, 1, m.now)
	m.Leads(5, 0, m.now)
	if m.Propose(1<<20, 100, m.now) == nil {
		t.Error("not proposed in a later view")
	}
}
