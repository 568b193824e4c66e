package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// speaker is a node that answers every question about a transaction with the same
// problem, and signs it as a member if says is not 0.
func speaker(t testing.TB, dev *genesis.DevNetwork, member int, p client.Problem, says uint16,
	change func(*client.Statement)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/transactions") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer := p
		if says != 0 {
			nonce, _ := client.ParseHash(r.URL.Query().Get("nonce"))
			x := client.Statement{Replica: uint16(member), Height: 1 << 40, TimeMs: uint64(p.Time.Ms), Subject: *p.Tx,
				Says: says, Nonce: nonce}
			if change != nil {
				change(&x)
			}
			x.Sign(dev.Genesis.Chain(), sig.NewKeyFromSeed(dev.Validators[member].Seed).Sign)
			answer.Statement = x.Encode()
		}
		w.Header().Set("Content-Type", client.ProblemType)
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// One lying member under any number of names does not make an accepted redemption a
// lapsed one, nor a refused one: members are counted, and not addresses.
func TestALiarUnderManyNamesIsOneMember(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, honest, holder)
	tx := campaign.Redeem(1, 0, holder, 0)
	done := submit(t, honest, tx)
	decoded, err := honest.CheckTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	id, late := client.Hash(decoded.ID), client.TimeOf(decoded.Expires+1)
	absent := client.Problem{Code: client.ProblemUnknownTx, Title: "x", Status: 404, Tx: &id, Time: &late}
	used := client.Problem{Code: "E509", Title: "x", Status: 409, Tx: &id, Time: &late}
	say := func(member int, p client.Problem, says uint16, change func(*client.Statement)) string {
		return speaker(t, x.Dev, member, p, says, change)
	}
	// What another member has said to somebody else, or of something else.
	stale := func(s *client.Statement) { s.Nonce = [32]byte{1} }
	other := func(s *client.Statement) { s.Subject = [32]byte{1} }
	for name, nodes := range map[string][]string{
		"one name": {say(0, absent, client.SaysAbsent, nil)},
		"three names": {say(0, absent, client.SaysAbsent, nil), say(0, absent, client.SaysAbsent, nil),
			say(0, absent, client.SaysAbsent, nil)},
		"unsigned":          {say(0, absent, 0, nil), say(0, absent, 0, nil)},
		"two words":         {say(0, absent, client.SaysAbsent, nil), say(0, absent, client.SaysOpen, nil)},
		"an old statement":  {say(0, absent, client.SaysAbsent, nil), say(1, absent, client.SaysAbsent, stale)},
		"of something else": {say(0, absent, client.SaysAbsent, nil), say(1, absent, client.SaysAbsent, other)},
		"it lapsed, unsigned": {say(0, client.Problem{Code: client.ProblemLapsed, Status: 410, Tx: &id, Time: &late}, 0, nil),
			say(0, client.Problem{Code: client.ProblemLapsed, Status: 410, Tx: &id, Time: &late}, 0, nil)},
	} {
		_, err := newClient(t, x, nodes).Receipt(within(t, 300*time.Millisecond), id, decoded.Expires)
		var unknown *client.UnknownError
		if !errors.As(err, &unknown) || unknown.Lapsed {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, nodes := range map[string][]string{
		"two names": {say(0, used, 509, nil), say(0, used, 509, nil)},
		"one name":  {say(0, used, 509, nil)},
		"unsigned":  {say(0, used, 0, nil), say(1, used, 0, nil)},
	} {
		_, err := newClient(t, x, nodes).Submit(within(t, time.Minute), tx)
		var unknown *client.UnknownError
		var refusal *client.Refusal
		if !errors.As(err, &unknown) || unknown.Lapsed || !errors.As(err, &refusal) || refusal.Final ||
			refusal.Members > 1 || refusal.Code != coupon.AlreadyRedeemed {
			t.Errorf("refused under %s: %v", name, err)
		}
	}
	// An honest node beside two liars, who are more than the chain tolerates, still has
	// the proof.
	r, err := newClient(t, x, []string{say(0, absent, client.SaysAbsent, nil), say(0, absent, client.SaysAbsent, nil),
		x.Members[2].URL}).Receipt(within(t, time.Minute), id, decoded.Expires)
	if err != nil || r.Outcome != done.Outcome {
		t.Errorf("with an honest node: %v", err)
	}
	// Two members who say so are enough: one of them is honest.
	_, err = newClient(t, x, []string{say(0, absent, client.SaysAbsent, nil), say(3, absent, client.SaysOpen, nil)}).
		Receipt(within(t, time.Minute), id, decoded.Expires)
	var unknown *client.UnknownError
	if !errors.As(err, &unknown) || !unknown.Lapsed || unknown.Members != 2 || unknown.State != nil {
		t.Errorf("two members: %v", err)
	}
	early := client.TimeOf(decoded.Expires - 1)
	absent.Time = &early
	_, err = newClient(t, x, []string{say(0, absent, client.SaysAbsent, nil), say(3, absent, client.SaysAbsent, nil)}).
		Receipt(within(t, 300*time.Millisecond), id, decoded.Expires)
	if !errors.As(err, &unknown) || unknown.Lapsed {
		t.Errorf("before its end: %v", err)
	}
}

// proven signs receipts as a block of a height by f+1 members of the demonstration.
func proven(t testing.TB, dev *genesis.DevNetwork, height, timeMs uint64, outcomes ...coupon.Outcome) (
	*chain.BlockReceipts, []byte) {
	t.Helper()
	c, err := dev.Genesis.Committee()
	if err != nil {
		t.Fatal(err)
	}
	h := pbft.Header{Epoch: c.Epoch(), Seq: pbft.Seq(height), TimeMs: timeMs, Committee: c.Digest()}
	p := &chain.BlockReceipts{}
	for i := range outcomes {
		p.Receipts = append(p.Receipts, outcomes[i].AppendTo(nil))
	}
	x := &pbft.CheckpointCertificate{Epoch: h.Epoch, Seq: h.Seq, Block: c.HeaderDigest(&h), StateRoot: [32]byte{1},
		ReceiptRoot: chain.ReceiptRoot(p.Receipts)}
	for i := range c.WeakQuorum() {
		x.Signers.Add(pbft.ReplicaID(i))
		x.Signatures = append(x.Signatures, sig.NewKeyFromSeed(dev.Validators[i].Seed).Sign(
			c.CheckpointBytes(x.Seq, x.Block, x.StateRoot, x.ReceiptRoot)))
	}
	p.Checkpoint = x
	return p, h.Append(nil)
}

// teller is a node whose blocks hold the given receipts, and which answers about the
// last receipt of block 9.
func teller(t testing.TB, dev *genesis.DevNetwork, timeMs uint64, blocks map[uint64][]coupon.Outcome) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/blocks/"); ok {
			height, _ := strconv.ParseUint(strings.TrimSuffix(rest, "/receipts"), 10, 64)
			if len(blocks[height]) == 0 {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			p, header := proven(t, dev, height, timeMs, blocks[height]...)
			_ = json.NewEncoder(w).Encode(client.ReceiptsAnswer{Height: client.U64(height), Proof: p.Encode(), Header: header})
			return
		}
		if !strings.HasPrefix(r.URL.Path, "/v1/transactions") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		p, header := proven(t, dev, 9, timeMs, blocks[9]...)
		one := p.Proof(p.Proofs(), len(blocks[9])-1)
		_ = json.NewEncoder(w).Encode(client.TxAnswer{State: client.StateProved, Final: true, Proof: one.Encode(),
			Header: header})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Which proven receipts a client calls final is the table of the rules, for every code
// and kind that a transaction can have.
func TestTheClientEndsWhatTheTableEnds(t *testing.T) {
	x := apitest.Start(t, 4, quiet)
	publish, campaign := x.Publish()
	holder := apitest.Holder(1)
	admin := coupon.MemberSigner{Member: 1, Signer: apitest.Signer(x.Dev.Admins[0])}
	pause := x.Chain().NewMemberTx(apitest.Soon(), &coupon.CampaignControl{Op: coupon.KindCampaignPause, Campaign: 1},
		admin)
	for _, tx := range [][]byte{publish, pause, campaign.Batch(1), campaign.Claim(1, holder.Key),
		campaign.Transfer(1, 0, holder, holder.Key), campaign.Redeem(1, 0, holder, 0), campaign.Void(1, 0, 1)} {
		decoded, err := x.Chain().CheckTx(tx)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range coupon.Codes() {
			if !info.Code.InReceipt() || info.Code == coupon.DuplicateTx || info.Code == coupon.TxExpired {
				continue
			}
			refused := []coupon.Outcome{{ID: decoded.ID, Code: info.Code}}
			c := newClient(t, x, []string{teller(t, x.Dev, decoded.Expires-1000, map[uint64][]coupon.Outcome{9: refused})})
			r, err := c.Submit(within(t, time.Minute), tx)
			var refusal *client.Refusal
			if !errors.As(err, &refusal) || refusal.Code != info.Code || refusal.Receipt == nil {
				t.Fatalf("%s of %s: %v", info.Code, decoded.Kind, err)
			}
			if ends := info.Code.Ending(decoded.Kind) == coupon.Ended; refusal.Final != ends || (r != nil) != ends ||
				!ends && refusal.OpenUntilMs != decoded.Expires {
				t.Errorf("%s of %s: %+v", info.Code, decoded.Kind, refusal)
			}
		}
	}
	// Without the bytes the kind is not known.
	refused := []coupon.Outcome{{ID: [32]byte{1}, Code: coupon.NotFound}}
	c := newClient(t, x, []string{teller(t, x.Dev, apitest.Now(), map[uint64][]coupon.Outcome{9: refused})})
	_, err := c.Receipt(within(t, time.Minute), [32]byte{1}, 0)
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || refusal.Final {
		t.Errorf("E301 of a transaction of unknown kind: %v", err)
	}
}

// E105 is answered with the proven first receipt, and with nothing if that is not there.
func TestADuplicateIsAnsweredWithTheFirstReceipt(t *testing.T) {
	x := apitest.Start(t, 4, quiet)
	tx, _ := x.Publish()
	decoded, err := x.Chain().CheckTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	id := decoded.ID
	published := coupon.Outcome{ID: id, Kind: coupon.KindCampaignPublish, Campaign: 1}
	locked := coupon.Outcome{ID: id, Code: coupon.LifeTooLong}
	other := coupon.Outcome{ID: [32]byte{7}, Code: coupon.NotOwner}
	again := func(code coupon.Code) []coupon.Outcome {
		return []coupon.Outcome{other,
			{ID: id, Code: coupon.DuplicateTx, First: coupon.First{Height: 7, Index: 1, Code: code}}}
	}
	ask := func(blocks map[uint64][]coupon.Outcome) (*client.Receipt, error) {
		c := newClient(t, x, []string{teller(t, x.Dev, decoded.Expires-1000, blocks)})
		return c.Submit(within(t, 300*time.Millisecond), tx)
	}
	r, err := ask(map[uint64][]coupon.Outcome{7: {other, published}, 9: again(coupon.OK)})
	if err != nil || !r.OK() || r.Height != 7 || r.Outcome != published {
		t.Errorf("a first that was accepted: %+v, %v", r, err)
	}
	if _, err := x.Chain().CheckTx(tx); err != nil {
		t.Fatal(err)
	}
	// The E105 proves that this one was recorded, which its own code does not show.
	r, err = ask(map[uint64][]coupon.Outcome{7: {locked}, 9: again(coupon.LifeTooLong)})
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || !refusal.Final || refusal.Code != coupon.LifeTooLong || r.Height != 7 {
		t.Errorf("a first that was recorded: %+v, %v", r, err)
	}
	for name, blocks := range map[string]map[uint64][]coupon.Outcome{
		"no such block":   {9: again(coupon.OK)},
		"another outcome": {7: {locked}, 9: again(coupon.OK)},
		"another id":      {7: {other}, 9: again(coupon.NotOwner)},
		"only a copy":     {7: again(coupon.OK), 9: again(coupon.OK)},
	} {
		r, err := ask(blocks)
		var unknown *client.UnknownError
		if r != nil || !errors.As(err, &unknown) || unknown.Lapsed {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// A transaction that expired unseen is proven dead by the state, also to who knows one
// node only; one that had its effect is not.
func TestTheStateProvesThatATransactionHadNoEffect(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, c, holder)
	submit(t, c, campaign.Redeem(1, 0, holder, 0))
	submit(t, c, campaign.Claim(2, holder.Key))
	chain, past := x.Chain(), apitest.Now()-3_600_000
	till := apitest.Signer(x.Dev.Tills[0])
	admin := coupon.MemberSigner{Member: 1, Signer: apitest.Signer(x.Dev.Admins[0])}
	merchant := coupon.MemberSigner{Member: 2, Signer: apitest.Signer(x.Dev.Admins[1])}
	ticket := coupon.NewSigner([32]byte{1})
	claim := func(serial uint32) []byte {
		t := actions.SignedTicket(chain, coupon.TicketPayload{Campaign: campaign.Number, Batch: 1, Serial: serial,
			Expires: apitest.Soon()}, ticket)
		return actions.SignedClaim(chain, past, actions.TicketOf(chain, t, ticket.Key), holder.Key)
	}
	move := func(serial, seq uint32) []byte {
		return actions.SignedTransfer(chain, past, actions.Held{Coupon: campaign.Coupon(serial), Seq: seq}, holder,
			holder.Key, 0)
	}
	redeem := func(serial, seq uint32) []byte {
		b := actions.Bill{Campaign: campaign.Number, Currency: 978, Basis: 800}
		return actions.SignedRedemption(chain, till, b, actions.Held{Coupon: campaign.Coupon(serial), Seq: seq}, holder, 500,
			past)
	}
	batch := func(first uint32) []byte {
		return actions.SignedBatch(chain, past, campaign.Number, first, 1, ticket.Key, admin)
	}
	void := func(serial uint32) []byte {
		return actions.SignedVoid(chain, past, actions.Held{Coupon: campaign.Coupon(serial)}, till)
	}
	add := func(key coupon.Signer) []byte {
		return actions.SignedTill(chain, past, coupon.TillKeyAdd{Member: 2, Store: 1, Rights: 1, Currency: 978,
			ValidUntil: coupon.TimeMax, DayCap: 1}, key, merchant)
	}
	revoke := actions.SignedTillRevoke(chain, past, 2, till.Key, merchant)
	for name, tt := range map[string]struct {
		tx   []byte
		dead bool
	}{
		"a redemption at the present seq": {redeem(2, 0), true},
		"a redemption at a past seq":      {redeem(1, 0), false},
		"a redemption of no coupon":       {redeem(5, 0), true},
		"a transfer":                      {move(2, 0), true},
		"a transfer at a past seq":        {move(1, 0), false},
		"a claim":                         {claim(7), true},
		"a claim of what is claimed":      {claim(1), false},
		"a void":                          {void(1), true},
		"a void of no redemption":         {void(2), true},
		"a batch":                         {batch(11), true},
		"a batch that may be there":       {batch(1), false},
		"a till":                          {add(coupon.NewSigner([32]byte{3})), true},
		"a till that is there":            {add(till), false},
		"a revocation":                    {revoke, true},
	} {
		// A node that is behind would rightly tell of an older state.
		one := newClient(t, x, x.URLs()[:1], client.WithFloor(c.Floor()))
		_, err := one.Submit(within(t, time.Minute), tt.tx)
		var unknown *client.UnknownError
		if !errors.As(err, &unknown) || unknown.Lapsed != tt.dead || (unknown.State != nil) != tt.dead {
			t.Errorf("%s: %v", name, err)
		}
	}
}
