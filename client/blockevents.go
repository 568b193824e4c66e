package client

import (
	"strconv"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// Tx decodes the transaction at a place of the block, which must be below the number of
// transactions. The error says that this program is older than the chain: honest members
// have executed the bytes.
func (b *Block) Tx(i int) (*coupon.Tx, error) {
	tx, err := coupon.ParseTx(b.Txs[i])
	if err != nil {
		tx, err = coupon.ParseTxAt(coupon.Version2, b.Txs[i])
	}
	return tx, err
}

// Events returns the events of the block's accepted transactions, all of them and in
// their order, each with a proof of its own. Till is that of a redemption, as its
// transaction names it; that of a void stays zero, since a void names the redemption
// alone. Events of the end of a block (rules 3.32) are in no receipt and not among them.
func (b *Block) Events() []Event {
	var events []Event
	var proof *chain.BlockReceipts
	var tree *chain.Tree
	var header []byte
	for i := range b.Outcomes {
		o := &b.Outcomes[i]
		if o.Code != coupon.OK || o.Event() == coupon.EventNone {
			continue
		}
		if proof == nil {
			proof = &chain.BlockReceipts{Checkpoint: b.Checkpoint, Receipts: b.Receipts}
			tree, header = proof.Proofs(), b.Header.Append(nil)
		}
		e := Event{ID: EventID{Height: b.Height, Tx: uint32(i)}, Type: o.Event(), Outcome: *o, TimeMs: b.Header.TimeMs,
			Receipt: &Receipt{Outcome: *o, Height: b.Height, TimeMs: b.Header.TimeMs, Members: b.Checkpoint.Signers.Count(),
				Proof: proof.Proof(tree, i), Header: header, Node: b.Node}}
		if o.Kind == coupon.KindRedeem {
			if tx, err := b.Tx(i); err == nil {
				e.Till = tx.Fields.(*coupon.Redeem).Invoice.TillKey
			}
		}
		for n := range o.Occurs() {
			e.ID.Index = uint32(n)
			events = append(events, e)
		}
	}
	return events
}

// EventAnswerOf shows an event of a chain with its proof, in the form in which nodes do
// with ?proof=true.
func EventAnswerOf(digest [32]byte, e *Event) EventAnswer {
	receipt := e.Receipt.Proof.Leaf
	a := EventAnswer{SpecVersion: "1.0", ID: e.ID.String(), Source: ChainID(digest), Type: e.Type.String(),
		Subject: SubjectOf(&e.Outcome), Time: FormatTime(e.TimeMs), ContentType: "application/json",
		Data: EventData{Tx: e.Outcome.ID, Height: U64(e.ID.Height), Index: e.ID.Tx, Time: TimeOf(e.TimeMs),
			Effect: *EffectOf(&e.Outcome), Receipt: receipt, Proof: e.Receipt.Proof.Encode(), Header: e.Receipt.Header}}
	if e.Till != [32]byte{} {
		a.Data.Till = keys.Encode(keys.Till, e.Till)
	}
	return a
}

// SubjectOf names what an event is about: "coupon/4294967297", "campaign/1" or "till/"
// and its key; "" for anything else.
func SubjectOf(o *coupon.Outcome) string {
	switch {
	case o.States(coupon.PartCoupon):
		return "coupon/" + strconv.FormatUint(uint64(o.Coupon), 10)
	case o.States(coupon.PartCampaign):
		return "campaign/" + strconv.FormatUint(uint64(o.Campaign), 10)
	case o.States(coupon.PartTill):
		return "till/" + keys.Encode(keys.Till, o.TillKey)
	}
	return ""
}
