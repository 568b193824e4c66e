package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// KindBatchCommit is the kind of BatchCommit.
const KindBatchCommit Kind = 5

// EventBatchCommitted says that a batch of serials was opened to claims.
const EventBatchCommitted EventType = 5

var batchCommitKind = kindSpec{
	name:  "BatchCommit",
	since: Version1,
	decode: func(d decoder) Fields {
		f := &BatchCommit{Campaign: d.Uint32(), First: d.Uint32(), Count: d.Uint32(), TicketKey: d.Bytes32()}
		d.require(f.Count >= 1, "empty batch")
		return f
	},
	witness:       byMembers,
	notFoundFirst: true,
	receipt:       []Part{PartCampaign, PartBatch},
	events:        []eventSpec{{EventBatchCommitted, "batch.committed"}},
	tally:         TallyOther,
}

// BatchCommit opens the serials First..First+Count-1 to claims under TicketKey.
type BatchCommit struct {
	Campaign  uint32
	First     uint32
	Count     uint32
	TicketKey [32]byte
}

// Kind returns KindBatchCommit.
func (*BatchCommit) Kind() Kind { return KindBatchCommit }

func (f *BatchCommit) appendTo(b []byte) []byte {
	b = wire.AppendUint32(b, f.Campaign)
	b = wire.AppendUint32(b, f.First)
	b = wire.AppendUint32(b, f.Count)
	return append(b, f.TicketKey[:]...)
}

func (*BatchCommit) expiry() (ms uint64, fixed bool) { return 0, false }

func (f *BatchCommit) keys() [][32]byte { return [][32]byte{f.TicketKey} }

func (*BatchCommit) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*BatchCommit) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (f *BatchCommit) about() Subject { return Subject{Campaign: f.Campaign} }

func (*BatchCommit) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*BatchCommit) shown() string { return "" }

func (f *BatchCommit) mark() (key []byte, unused func(row []byte) bool) {
	return CampaignKey(f.Campaign), func(row []byte) bool {
		g, err := DecodeCampaign(row)
		return len(row) == 0 || err == nil && g.NextSerial <= f.First
	}
}

func (f *BatchCommit) asks(Names) string {
	return fmt.Sprintf("open the serials %d to %d of campaign %d", f.First, f.First+f.Count-1, f.Campaign)
}

func (f *BatchCommit) execute(x *exec, tx *Tx, out *Outcome) Code {
	p := x.campaigns.get(x, f.Campaign)
	if p == nil {
		return NotFound
	}
	if x.released(f.Campaign) {
		return CampaignNotActive
	}
	if c := x.memberSigned(tx, p.Issuer, RoleIssuer, nil, false); c != OK {
		return c
	}
	t := x.termsOf(f.Campaign, p.Version)
	last := uint64(f.First) + uint64(f.Count) - 1
	switch {
	case p.State == CampaignClosed:
		return CampaignNotActive
	case x.now >= t.ClaimUntil:
		return ClaimWindow
	case f.First != p.NextSerial || last > uint64(t.MaxSupply) || p.Batches >= BatchesMax:
		return SerialRange
	}
	g := *p
	g.NextSerial += f.Count
	g.Batches++
	x.campaigns.put(x, f.Campaign, g)
	x.batches.put(x, batchID{f.Campaign, g.Batches}, Batch{First: f.First, Count: f.Count, TicketKey: f.TicketKey})
	out.Campaign, out.Batch = f.Campaign, g.Batches
	return OK
}
