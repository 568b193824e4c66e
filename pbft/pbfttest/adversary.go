package pbfttest

import (
	"math/rand/v2"

	"github.com/scrip-network/scrip/pbft"
)

// memoryMax bounds what the adversary remembers of each thing.
const memoryMax = 64

// sentMessage is a message with the channel that it came over.
type sentMessage struct {
	from    pbft.ReplicaID
	message pbft.Message
}

// adversary plays all Byzantine members. It sees every message that anybody
// sends, at once, and signs only with the keys of its members.
type adversary struct {
	c       *cluster
	rng     *rand.Rand
	members []forger

	view     pbft.View // highest that an honest replica voted in or asked for
	blocks   []*pbft.Block
	known    map[pbft.Digest]pbft.SignedHeader
	prepares map[pbft.BlockRef]*ballot
	commits  map[pbft.BlockRef]*ballot
	proofs   []*pbft.Certificate // prepared and committed, oldest first
	proved   map[pbft.BlockRef]*pbft.Certificate
	changes  map[pbft.View][]*pbft.ViewChange
	entries  map[pbft.View][]*pbft.NewView
	old      []sentMessage
	own      []sentMessage
	omitKey  uint64
	recent   [pbft.KindLinked + 1][]pbft.Message // newest last, where Spoil needs them
	withheld map[pbft.Digest]*pbft.Block         // bodies that only who asks gets
	spoilers []spoiler

	// Of the original protocol.
	slotChanges map[pbft.View][]*pbft.SlotViewChange
	stables     []*pbft.CheckpointCertificate
}

func newAdversary(c *cluster) *adversary {
	a := &adversary{c: c, rng: c.rng, known: make(map[pbft.Digest]pbft.SignedHeader), view: 1,
		prepares: make(map[pbft.BlockRef]*ballot), commits: make(map[pbft.BlockRef]*ballot),
		proved: make(map[pbft.BlockRef]*pbft.Certificate), changes: make(map[pbft.View][]*pbft.ViewChange),
		entries:     make(map[pbft.View][]*pbft.NewView),
		slotChanges: make(map[pbft.View][]*pbft.SlotViewChange)}
	for i, byzantine := range c.plan.byzantine {
		if byzantine && c.plan.behaviour&Corrupt == 0 {
			a.members = append(a.members, forger{c.committee, c.sign[i], pbft.ReplicaID(i)})
		}
	}
	if a.active() {
		a.omitKey = c.rng.Uint64()
	}
	a.withheld = make(map[pbft.Digest]*pbft.Block)
	a.spoilers = allSpoilers(c.committee.Protocol())
	return a
}

// active reports whether there is anything to do.
func (a *adversary) active() bool { return len(a.members) > 0 && a.c.plan.behaviour != 0 }

func (a *adversary) does(b Behaviour) bool { return a.c.plan.behaviour&b != 0 }

func (a *adversary) owns(id pbft.ReplicaID) bool {
	return int(id) < len(a.c.plan.byzantine) && a.c.plan.byzantine[id]
}

// passes decides what a Byzantine engine's own messages may leave.
func (a *adversary) passes(x *node, m pbft.Message) bool {
	if (m.Kind() == pbft.KindViewChange || m.Kind() == pbft.KindSlotViewChange) && a.does(LieInViewChange) {
		return a.rng.IntN(2) == 0
	}
	if a.does(Masked) {
		h := (a.omitKey ^ uint64(viewOf(m))<<8 ^ uint64(m.Kind())<<3 ^ uint64(x.index)) * 0xff51afd7ed558ccd
		return h>>32%4 != 0
	}
	return true
}

// observe learns from a message that anybody sends.
func (a *adversary) observe(m pbft.Message) {
	if !a.active() {
		return
	}
	switch x := m.(type) {
	case *pbft.PrePrepare:
		a.learnBlock(a.c.whole(x))
		if x.Certificate != nil {
			a.learnProof(x.Certificate)
		}
		if x.Entry != nil {
			a.learnEntry(x.Entry)
		}
	case *pbft.Prepare:
		a.learnVote(a.prepares, &x.Vote, pbft.Prepared)
	case *pbft.Commit:
		a.learnVote(a.commits, &x.Vote, pbft.CommittedSlow)
	case *pbft.ViewChange:
		a.learnChange(x)
	case *pbft.NewView:
		a.learnEntry(x)
	case *pbft.SlotViewChange:
		a.learnSlotChange(x)
	case *pbft.Suspect:
		if !a.owns(x.Replica) {
			a.view = max(a.view, x.View)
		}
	}
	if a.does(Spoil) {
		a.keepRecent(m)
	}
	if a.rng.IntN(8) == 0 && (a.does(Replay) || a.does(Mutate)) {
		a.old = remember(a.old, sentMessage{signerOf(m), m}, a.rng)
	}
}

// remember appends x, in place of a random entry when there are memoryMax.
func remember[T any](list []T, x T, r *rand.Rand) []T {
	if len(list) < memoryMax {
		return append(list, x)
	}
	list[r.IntN(len(list))] = x
	return list
}

func (a *adversary) learnBlock(b *pbft.Block) {
	d := a.c.committee.HeaderDigest(&b.Header)
	if _, ok := a.known[d]; ok {
		return
	}
	a.known[d] = b.SignedHeader
	if len(a.blocks) == memoryMax {
		a.blocks = append(a.blocks[:0], a.blocks[memoryMax/2:]...)
	}
	a.blocks = append(a.blocks, b)
	if a.does(ForgeVotes) && a.rng.IntN(2) == 0 {
		a.voteFor(a.c.committee.Ref(&b.Header))
	}
	if a.does(HurryCommits) {
		a.hurry(a.c.committee.Ref(&b.Header))
	}
	if a.does(SplitPrepares) {
		a.split(a.c.committee.Ref(&b.Header))
	}
}

func (a *adversary) learnProof(x *pbft.Certificate) {
	if a.proved[x.Block] == nil {
		a.proved[x.Block] = x
		a.proofs = remember(a.proofs, x, a.rng)
	}
}

func (a *adversary) learnVote(box map[pbft.BlockRef]*ballot, v *pbft.Vote, kind pbft.CertificateKind) {
	b := box[v.Block]
	if b == nil {
		b = &ballot{ref: v.Block}
		box[v.Block] = b
		for _, f := range a.members { // the votes of all members are at hand
			if kind == pbft.Prepared {
				b.add(&f.prepare(v.Block).Vote)
			} else {
				b.add(&f.commit(v.Block).Vote)
			}
		}
	}
	if !a.owns(v.Replica) {
		a.view = max(a.view, v.Block.View)
	}
	if b.add(v) && b.by.Count() == a.c.committee.Quorum() {
		a.learnProof(b.certificate(a.c.committee, kind))
	}
}

func (a *adversary) learnChange(v *pbft.ViewChange) {
	if a.owns(v.Replica) {
		return
	}
	a.view = max(a.view, v.View)
	for i := range v.Walk {
		a.known[a.c.committee.HeaderDigest(&v.Walk[i].Header)] = v.Walk[i]
	}
	for _, u := range a.changes[v.View] {
		if u.Replica == v.Replica {
			return
		}
	}
	a.changes[v.View] = append(a.changes[v.View], v)
}

func (a *adversary) learnEntry(nv *pbft.NewView) {
	list := a.entries[nv.View]
	for _, e := range list {
		if e.Base == nv.Base && e.Signature == nv.Signature {
			return
		}
	}
	if len(list) < 8 {
		a.entries[nv.View] = append(list, nv)
	}
}

// step lets every member do something.
func (a *adversary) step() {
	quiet := 1
	if a.c.healed {
		quiet = 3 // still Byzantine, less busy
	}
	for _, x := range a.c.nodes {
		if !x.honest && a.rng.IntN(10) == 0 {
			x.mask = a.rng.Uint64() | a.rng.Uint64()
		}
	}
	newView, proposal, lie := a.forgeNewView, a.forgeProposal, a.lie
	if a.c.committee.Protocol() == pbft.Original {
		newView, proposal, lie = a.forgeSlotNewView, a.forgeSlotProposal, a.lieAboutSlots
	}
	for _, f := range a.members {
		for _, act := range []struct {
			b    Behaviour
			odds int
			do   func(forger)
		}{
			{ForgeNewView, 3, newView}, {ForgeProposals, 2, proposal}, {ForgeVotes, 4, a.forgeVote},
			{LieInViewChange, 4, lie}, {SpamSuspect, 5, a.spam}, {Replay, 3, a.replay}, {Mutate, 3, a.mutate},
			{Flood, 3, a.flood}, {Spoil, 2, a.spoil}, {Withhold, 3, a.withhold}, {SpoilRecipes, 2, a.spoilRecipe},
		} {
			if a.does(act.b) && a.rng.IntN(act.odds*quiet) == 0 {
				act.do(f)
			}
		}
	}
}

// tell sends a hand-made message to a random part of the honest replicas.
func (a *adversary) tell(f forger, m pbft.Message) {
	mask := a.rng.Uint64()
	if a.rng.IntN(3) == 0 {
		mask = ^uint64(0)
	}
	for to := range a.c.plan.byzantine {
		if mask>>to&1 == 1 && !a.owns(pbft.ReplicaID(to)) {
			a.whisper(f.id, pbft.ReplicaID(to), m)
		}
	}
	if a.does(Mutate) || a.does(Replay) {
		a.own = remember(a.own, sentMessage{f.id, m}, a.rng)
	}
}

// whisper sends a hand-made message over the channel of a member.
func (a *adversary) whisper(from, to pbft.ReplicaID, m pbft.Message) { a.deliver(from, to, m, false) }

// deliver sends a hand-made message; untrue says that nobody may accept it.
func (a *adversary) deliver(from, to pbft.ReplicaID, m pbft.Message, untrue bool) {
	a.c.counts.Forged++
	a.c.oracle.learn(m)
	var encoded []byte
	if a.c.plan.codec {
		encoded = pbft.EncodeMessage(m)
	}
	for _, x := range a.c.instances[to] {
		a.c.schedule(500+a.c.uniform(min(a.c.plan.delayUs, 20_000)),
			event{kind: eventMessage, node: x.index, from: from, message: m, encoded: encoded, untrue: untrue})
	}
}

// voteFor votes with every member, each to its own audience.
func (a *adversary) voteFor(b pbft.BlockRef) {
	for _, f := range a.members {
		a.tell(f, f.prepare(b))
		if a.rng.IntN(2) == 0 {
			a.tell(f, f.commit(b))
		}
	}
}

func (a *adversary) forgeVote(f forger) {
	if len(a.blocks) == 0 {
		return
	}
	recent := a.blocks[max(0, len(a.blocks)-8):]
	b := a.c.committee.Ref(&recent[a.rng.IntN(len(recent))].Header)
	prepare, commit := f.prepare(b), f.commit(b)
	if a.rng.IntN(4) == 0 { // it is found out only when a quorum is counted
		prepare.Signature[3]++
		commit.Signature[3]++
	}
	if a.rng.IntN(2) == 0 {
		a.tell(f, prepare)
	} else {
		a.tell(f, commit)
	}
}

func (a *adversary) spam(f forger) {
	v := a.view + pbft.View(a.rng.IntN(4)) - min(1, a.view)
	if a.rng.IntN(20) == 0 {
		v = a.view + 1<<pbft.View(a.rng.IntN(60))
	}
	var evidence []pbft.SignedHeader
	reason := pbft.SuspectReason(1 + a.rng.IntN(3))
	if reason == pbft.SuspectEvidence {
		evidence = a.evidenceAgainst(a.view)
	}
	a.tell(f, f.suspect(v, reason, evidence))
}

// evidenceAgainst finds two headers of one position signed by the primary of a
// view, nil if none are known.
func (a *adversary) evidenceAgainst(v pbft.View) []pbft.SignedHeader {
	for i, x := range a.blocks {
		if x.Header.View != v {
			continue
		}
		for _, y := range a.blocks[:i] {
			if y.Header.View == v && y.Header.Seq == x.Header.Seq {
				return []pbft.SignedHeader{y.SignedHeader, x.SignedHeader}
			}
		}
	}
	return nil
}

func (a *adversary) replay(f forger) {
	list := a.old
	if len(a.own) > 0 && a.rng.IntN(3) == 0 {
		list = a.own
	}
	if len(list) == 0 {
		return
	}
	s := list[a.rng.IntN(len(list))]
	from := f.id
	if a.owns(s.from) {
		from = s.from
	}
	to := pbft.ReplicaID(a.rng.IntN(a.c.committee.Size()))
	if to != from {
		a.whisper(from, to, s.message)
	}
}

// supply sends a block that may be wanted, with its own body or another, and
// sometimes with a false signature.
func (a *adversary) supply(f forger) {
	if len(a.blocks) == 0 {
		return
	}
	b := *a.blocks[a.rng.IntN(len(a.blocks))]
	switch a.rng.IntN(4) {
	case 0:
		b.Payload = append([]byte(nil), b.Payload...)
		if len(b.Payload) > 0 {
			b.Payload[len(b.Payload)-1]++
		}
	case 1:
		b.Signature[3]++
	}
	m := &pbft.Blocks{Blocks: []pbft.Block{b}}
	if a.rng.IntN(2) == 0 {
		m.Certificate = a.proved[a.c.committee.Ref(&b.Header)]
	}
	a.tell(f, m)
}

// flood sends messages of views and slots that nobody will reach.
func (a *adversary) flood(f forger) {
	count := 16
	if a.c.healed {
		count = 2
	}
	for range count {
		b := pbft.BlockRef{View: a.view + pbft.View(a.rng.IntN(3)), Seq: pbft.Seq(a.rng.IntN(1 << 20)),
			Digest: pbft.Digest{byte(a.rng.IntN(256)), byte(a.rng.IntN(256)), 1}}
		if a.rng.IntN(3) == 0 {
			b.View += 1 << pbft.View(a.rng.IntN(62))
		}
		if a.rng.IntN(2) == 0 && len(a.c.oracle.chain) > 0 {
			b.Seq = pbft.Seq(len(a.c.oracle.chain) + a.rng.IntN(12))
		}
		switch a.rng.IntN(9) {
		case 0:
			a.tell(f, f.prepare(b))
		case 1:
			a.tell(f, f.commit(b))
		case 2:
			a.tell(f, f.viewChange(pbft.ViewChange{View: b.View, High: b, Committed: b.Seq}))
		case 3:
			a.tell(f, f.suspect(b.View, pbft.SuspectTimeout, nil))
		case 4:
			a.tell(f, &pbft.Status{View: b.View, ViewChanged: b.View, Committed: b, Executed: b.Seq, High: b.Rank(),
				Replica: f.id})
		case 5:
			x := &pbft.Checkpoint{Seq: b.Seq, Block: b.Digest, StateRoot: b.Digest, Replica: f.id}
			x.Signature = f.sign(f.committee.CheckpointBytes(x.Seq, x.Block, x.StateRoot, x.ReceiptRoot))
			a.tell(f, x)
		case 6:
			a.tell(f, &pbft.Fetch{Epoch: pbft.Epoch(a.rng.IntN(2)), Seq: b.Seq, Digest: b.Digest,
				After: pbft.Seq(a.rng.IntN(4))})
			a.askAgainAndAgain(f)
		case 7:
			x := &pbft.Certificate{Kind: pbft.CertificateKind(1 + a.rng.IntN(3)), Block: b}
			for i := range pbft.ReplicaID(f.committee.Quorum()) {
				x.Signers.Add(i)
				x.Signatures = append(x.Signatures, f.sign(f.committee.PrepareBytes(b)))
			}
			a.tell(f, &pbft.Proof{Certificate: x})
		case 8:
			a.supply(f)
		}
	}
}
