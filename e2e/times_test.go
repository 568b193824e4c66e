package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/pbft"
)

// A block has one time, that which its header proves, wherever a node or a proof says
// it: of the block, its receipts, its transactions and their events. Under the original
// protocol too, after a change of view in which old blocks are ordered again; what is
// summed up of redemptions stands at the time at which they were executed, which is
// never before that.
func TestABlockHasOneTime(t *testing.T) {
	for _, protocol := range []pbft.Protocol{pbft.DualPath, pbft.Original} {
		t.Run(protocol.String(), func(t *testing.T) {
			c := startProtocol(t, protocol, nil)
			m := openMarket(c, 2, 4)
			l := startLoad(c, m, 4, 1)
			l.progress(20)
			primary := int(c.status(1).Primary)
			c.kill(primary)
			l.progress(20)
			c.startOne(primary)
			c.awaitHeight(primary, c.height(), "voting")
			l.finish()
			for i := 0; i < len(l.receipts); i += 1 + len(l.receipts)/20 {
				c.timesAgree((primary+1+i%(validators-1))%validators, l.receipts[i])
			}
			c.takingsAreNotEarly((primary+1)%validators, l.receipts)
		})
	}
}

// timesAgree asks one node for everything that has the time of a receipt's block.
func (c *cluster) timesAgree(i int, r *client.Receipt) {
	c.t.Helper()
	var block client.BlockAnswer
	var receipts client.ReceiptsAnswer
	var tx client.TxAnswer
	c.ask(i, fmt.Sprintf("/v1/blocks/%d", r.Height), &block)
	c.ask(i, fmt.Sprintf("/v1/blocks/%d/receipts", r.Height), &receipts)
	c.ask(i, fmt.Sprintf("/v1/transactions/%x", r.Outcome.ID), &tx)
	header, err := pbft.DecodeHeader(block.Header)
	if err != nil {
		c.t.Fatal(err)
	}
	if tx.Time == nil || r.TimeMs != header.TimeMs || uint64(block.Time.Ms) != r.TimeMs ||
		uint64(receipts.Time.Ms) != r.TimeMs || uint64(tx.Time.Ms) != r.TimeMs {
		c.t.Errorf("height %d: proven %d, header %d, block %v, receipts %v, transaction %v", r.Height, r.TimeMs,
			header.TimeMs, block.Time, receipts.Time, tx.Time)
	}
}

// takingsAreNotEarly compares a merchant's redemptions with their receipts.
func (c *cluster) takingsAreNotEarly(i int, receipts []*client.Receipt) {
	c.t.Helper()
	proven := map[string]uint64{} // by coupon and sequence number
	for _, r := range receipts {
		if o := r.Outcome; r.OK() && o.Event().String() == "redemption.accrued" {
			proven[fmt.Sprint(client.U64(o.Coupon), o.Seq)] = r.TimeMs
		}
	}
	compared := 0
	for member := 1; member <= 4; member++ {
		var list struct {
			Items []client.TakingAnswer `json:"items"`
		}
		c.ask(i, fmt.Sprintf("/v1/members/%d/takings", member), &list)
		for _, x := range list.Items {
			ms, ok := proven[fmt.Sprint(x.Coupon, x.Seq)]
			if !ok || x.Type != "redemption.accrued" {
				continue
			}
			if compared++; uint64(x.Time.Ms) < ms {
				c.t.Errorf("a redemption of %d is taken at %d", ms, x.Time.Ms)
			}
		}
	}
	if compared == 0 {
		c.t.Error("no redemption was compared")
	}
}

// ask reads an answer 200 of one node, which may have to wait for a certificate.
func (c *cluster) ask(i int, path string, answer any) {
	c.t.Helper()
	c.await("200 for "+path, func() string {
		response, err := http.Get(c.URL(i) + path)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return response.Status
		}
		if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
			return err.Error()
		}
		return ""
	})
}
