package pbfttest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// Counts are what happened in a run, for coverage and figures.
type Counts struct {
	Events, Messages, Crashes int
	// Sent counts messages by kind; Reasons counts the answers of Receive.
	Sent    [pbft.KindLast + 1]int
	Reasons [pbft.ReasonCount]int
	// Transitions counts engine events by kind; Commits counts commits of honest
	// replicas by Event.Detail: as an ancestor, -, slow, fast.
	Transitions [pbft.EventCondition + 1]int
	Commits     [4]int
	// SizeMax is the most that an honest engine remembered, if it tells, and
	// SizeBytesMax how many bytes that took.
	SizeMax, SizeBytesMax int
	// Transactions counts what clients handed in after the faults ended; WaitUsMax is how
	// long one of them waited at most for its order while a member that held it led.
	Transactions int
	WaitUsMax    int64
	// Forged counts messages that the adversary made by hand.
	Forged int
	// Spoiled counts what it made of others' messages, by the number of the way.
	Spoiled [spoilersMax]int
	// Damages counts logs that lost their last turn, and backups put in place.
	Damages [2]int
	// Logs counts turns that were written as several frames, those of them that a crash
	// tore, and logs that were replaced over blocks that a crash might still take.
	Logs [3]int
	// Accused counts pairs of what an honest member signed that were held to be evidence
	// against it, by kind.
	Accused [pbft.ArmedPrepareHidden + 1]int
	// Convicted counts the pieces of evidence that replicas handed out.
	Convicted int
	// Expanded counts recipes by what became of them.
	Expanded [expansions]int
	// ServedMax is the most bytes of blocks that one replica sent to one peer in one
	// tick because it asked.
	ServedMax int
}

// spoilersMax bounds the ways of spoiling a message.
const spoilersMax = 64

func (a *Counts) add(b *Counts) {
	a.Events += b.Events
	a.Messages += b.Messages
	a.Crashes += b.Crashes
	a.Forged += b.Forged
	a.Convicted += b.Convicted
	a.Transactions += b.Transactions
	a.WaitUsMax = max(a.WaitUsMax, b.WaitUsMax)
	a.SizeBytesMax = max(a.SizeBytesMax, b.SizeBytesMax)
	a.SizeMax = max(a.SizeMax, b.SizeMax)
	a.ServedMax = max(a.ServedMax, b.ServedMax)
	for i := range b.Expanded {
		a.Expanded[i] += b.Expanded[i]
	}
	for i := range b.Accused {
		a.Accused[i] += b.Accused[i]
	}
	for i := range b.Spoiled {
		a.Spoiled[i] += b.Spoiled[i]
	}
	for i := range b.Logs {
		a.Logs[i] += b.Logs[i]
	}
	for i := range b.Damages {
		a.Damages[i] += b.Damages[i]
	}
	for i := range b.Sent {
		a.Sent[i] += b.Sent[i]
	}
	for i := range b.Reasons {
		a.Reasons[i] += b.Reasons[i]
	}
	for i := range b.Transitions {
		a.Transitions[i] += b.Transitions[i]
	}
	for i := range b.Commits {
		a.Commits[i] += b.Commits[i]
	}
}

// tracer folds every transition into a hash and, if asked, prints it.
type tracer struct {
	hash uint64
	w    io.Writer
	hide []pbft.Kind // of messages that are not printed
}

func (t *tracer) shows(k pbft.Kind) bool { return t.w != nil && !slices.Contains(t.hide, k) }

func (t *tracer) mix(a, b uint64) {
	h := (t.hash ^ a) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ b) * 0xc2b2ae3d27d4eb4f
	t.hash = h ^ h>>32
}

// mixWork folds what a Ready asks for into the hash, to the byte.
func (c *cluster) mixWork(w *driver.Work) {
	bytes := func(b []byte) {
		h := sha256.Sum256(b)
		c.trace.mix(binary.LittleEndian.Uint64(h[:]), uint64(len(b)))
	}
	bytes(pbft.EncodeRecords(w.Records))
	for i := range w.Send {
		c.trace.mix(uint64(w.Send[i].To), uint64(i))
		bytes(pbft.EncodeMessage(w.Send[i].Message))
	}
	for _, x := range w.Certify {
		bytes(x.Encode())
	}
	for i := range w.Execute {
		bytes(w.Execute[i].Digest[:])
		c.trace.mix(uint64(i), uint64(len(w.Check)))
	}
	for _, s := range w.Serve {
		c.trace.mix(uint64(s.To)<<32|uint64(s.After), uint64(s.Limit))
	}
}

func (t *tracer) line(now int64, format string, args ...any) {
	if t.w != nil {
		_, _ = fmt.Fprintf(t.w, "%11.3f "+format+"\n", append([]any{float64(now) / 1000}, args...)...)
	}
}

func addressee(to pbft.ReplicaID) string {
	if to == pbft.Everyone {
		return "all"
	}
	return fmt.Sprintf("r%d", to)
}

// ref prints a block reference as view/sequence and the head of its digest.
func ref(b pbft.BlockRef) string {
	if b == (pbft.BlockRef{}) {
		return "none"
	}
	return fmt.Sprintf("%d/%d:%v", b.View, b.Seq, b.Digest)
}

// describe prints a message in one line.
func describe(m pbft.Message) string {
	switch x := m.(type) {
	case *pbft.PrePrepare:
		s := fmt.Sprintf("pre-prepare %d/%d parent %v base %d justify %s exec %d %d bytes by r%d", x.Header.View,
			x.Header.Seq, x.Header.Parent, x.Header.BaseSeq, ref(x.Header.Justify), x.Header.ExecSeq,
			len(x.Payload), x.Header.Proposer)
		if len(x.Recipe) > 0 {
			s += fmt.Sprintf(" by a recipe of %d", len(x.Recipe))
		}
		if x.Certificate != nil {
			s += " with " + describeCertificate(x.Certificate)
		}
		if x.Entry != nil {
			s += " entry {" + describe(x.Entry) + "}"
		}
		return s
	case *pbft.Prepare:
		return fmt.Sprintf("prepare %s by r%d", ref(x.Block), x.Replica)
	case *pbft.Commit:
		return fmt.Sprintf("commit %s by r%d", ref(x.Block), x.Replica)
	case *pbft.Checkpoint:
		return fmt.Sprintf("checkpoint %d block %v state %v by r%d", x.Seq, x.Block, x.StateRoot, x.Replica)
	case *pbft.Suspect:
		return fmt.Sprintf("suspect view %d reason %d committed %d evidence %d by r%d", x.View, x.Reason, x.Committed,
			len(x.Evidence), x.Replica)
	case *pbft.ViewChange:
		return fmt.Sprintf("view-change %d high %s tip %s walk %d committed %d by r%d", x.View, ref(x.High), ref(x.Tip),
			len(x.Walk), x.Committed, x.Replica)
	case *pbft.NewView:
		s := fmt.Sprintf("new-view %d base %s evidence %d from", x.View, ref(x.Base), len(x.Evidence))
		for i := range x.ViewChanges {
			v := &x.ViewChanges[i]
			s += fmt.Sprintf(" (r%d high %s tip %s)", v.Replica, ref(v.High), ref(v.Tip))
		}
		return s
	case *pbft.Status:
		return fmt.Sprintf("status view %d view-changed %d committed %s executed %d high %d/%d by r%d", x.View,
			x.ViewChanged, ref(x.Committed), x.Executed, x.High.View, x.High.Seq, x.Replica)
	}
	return describeTransfer(m)
}

// describeTransfer prints the messages that move blocks and memories.
func describeTransfer(m pbft.Message) string {
	switch x := m.(type) {
	case *pbft.Fetch:
		return fmt.Sprintf("%v %d:%v after %d", x.Kind(), x.Seq, x.Digest, x.After)
	case *pbft.Pull:
		return fmt.Sprintf("pull %s for %v", ref(x.Justify), x.Block)
	case *pbft.Blocks:
		s := fmt.Sprintf("blocks %d", len(x.Blocks))
		if len(x.Blocks) > 0 {
			first, last := &x.Blocks[0].Header, &x.Blocks[len(x.Blocks)-1].Header
			s += fmt.Sprintf(" from %d/%d to %d/%d", first.View, first.Seq, last.View, last.Seq)
		}
		if x.Certificate != nil {
			s += " with " + describeCertificate(x.Certificate)
		}
		return s
	case *pbft.Linked:
		first, last := &x.Blocks[0].Header, &x.Blocks[len(x.Blocks)-1].Header
		return fmt.Sprintf("linked from %d/%d to %d/%d with %s", first.View, first.Seq, last.View, last.Seq,
			describeCertificate(x.Certificate))
	case *pbft.Decided:
		first, last := &x.Blocks[0].Header, &x.Blocks[len(x.Blocks)-1].Header
		return fmt.Sprintf("decided from %d/%d to %d/%d", first.View, first.Seq, last.View, last.Seq)
	case *pbft.Proof:
		return "proof " + describeCertificate(x.Certificate)
	case *pbft.Stable:
		return fmt.Sprintf("stable %d", x.Certificate.Seq)
	case *pbft.SlotViewChange:
		return fmt.Sprintf("view-change %d stable %d prepared%s by r%d", x.View, x.Stable, refs(x.Prepared), x.Replica)
	case *pbft.SlotNewView:
		s := fmt.Sprintf("new-view %d orders%s from", x.View, refs(x.Slots))
		for i := range x.ViewChanges {
			v := &x.ViewChanges[i]
			s += fmt.Sprintf(" (r%d stable %d prepared%s)", v.Replica, v.Stable, refs(v.Prepared))
		}
		return s
	case *pbft.Recall:
		return fmt.Sprintf("recall %d", x.Nonce)
	case *pbft.Recollection:
		return fmt.Sprintf("recollection %d prepare %t commit %t view-change %t proposal %t slots %d/%d", x.Nonce,
			x.Prepare != nil, x.Commit != nil, x.ViewChange != nil || x.SlotViewChange != nil, x.Proposal != nil,
			len(x.Prepares), len(x.Commits))
	case *pbft.Marks:
		s := "marks"
		for i := range x.Marks {
			k := &x.Marks[i]
			s += fmt.Sprintf(" %x:%d/%d", k.Key[:2], k.Mark.Boot, k.Mark.Frames)
		}
		return s
	}
	return m.Kind().String()
}

func refs(list []pbft.BlockRef) (s string) {
	for _, b := range list {
		s += " " + ref(b)
	}
	return s
}

func describeCertificate(x *pbft.Certificate) string {
	s := fmt.Sprintf("%v %s by", x.Kind, ref(x.Block))
	for i := range pbft.ReplicaID(pbft.ReplicasMax) {
		if x.Signers.Has(i) {
			s += fmt.Sprintf(" %d", i)
		}
	}
	return s
}

// printWork prints what a Work asks beside its messages, which are printed as
// they are sent.
func (c *cluster) printWork(x *node, w *driver.Work) {
	if w.Replace {
		c.trace.line(c.now, "r%d replaces its log of %d records by %d", x.id, len(x.log), len(w.Records))
		return
	}
	for i := range w.Records {
		c.trace.line(c.now, "r%d log %s", x.id, describeRecord(&w.Records[i]))
	}
	for i := range w.Execute {
		b := &w.Execute[i]
		by := "as an ancestor"
		if b.Certificate != nil {
			by = "by " + describeCertificate(b.Certificate)
		}
		c.trace.line(c.now, "r%d decide %s %s", x.id, ref(c.committee.Ref(&b.Block.Header)), by)
	}
	for _, k := range w.Certify {
		c.trace.line(c.now, "r%d checkpoint certificate of %d with %d signatures", x.id, k.Seq, len(k.Signatures))
	}
	for i := range w.Check {
		c.trace.line(c.now, "r%d check the payload of %s", x.id, ref(c.committee.Ref(&w.Check[i].Block.Header)))
	}
	for i := range w.Assemble {
		a := &w.Assemble[i]
		c.trace.line(c.now, "r%d assemble %s by a recipe of r%d", x.id, ref(c.committee.Ref(&a.Header)), a.From)
	}
	for _, s := range w.Serve {
		c.trace.line(c.now, "r%d serve r%d after %d to %d", x.id, s.To, s.After, s.Limit)
	}
}

func describeRecord(r *pbft.Record) string {
	switch r.Kind {
	case pbft.RecordEntry:
		by := "without a new-view"
		if r.NewView != nil {
			by = "by a new-view"
		}
		return fmt.Sprintf("entry of view %d on %s %s", r.View, ref(r.Base), by)
	case pbft.RecordCertificate:
		return "certificate " + describeCertificate(r.Certificate)
	case pbft.RecordBlock:
		return fmt.Sprintf("block %d/%d of %d bytes", r.Block.Header.View, r.Block.Header.Seq, len(r.Block.Payload))
	case pbft.RecordProposal:
		return fmt.Sprintf("proposal %s", ref(r.Base))
	case pbft.RecordPrepare:
		return describe(r.Prepare)
	case pbft.RecordViewChange:
		return describe(r.ViewChange)
	case pbft.RecordNewView:
		return describe(r.NewView)
	case pbft.RecordCommit:
		return "commit by " + describeCertificate(r.Certificate)
	case pbft.RecordSlotEntry:
		return "entry by " + describe(r.SlotNewView)
	case pbft.RecordSlotViewChange:
		return describe(r.SlotViewChange)
	case pbft.RecordStable:
		return fmt.Sprintf("stable %d", r.Checkpoint.Seq)
	}
	return "?"
}
