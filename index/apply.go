package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// holderTag is what begins what tags of owners are digests of.
const holderTag = "scrip/index-holder/v1"

// holderOf returns the tag of a coupon's owner in a campaign.
func (x *Index) holderOf(campaign uint32, owner [32]byte) []byte {
	b := append([]byte(holderTag), x.digest[:]...)
	b = append(binary.BigEndian.AppendUint32(b, campaign), owner[:]...)
	sum := sha256.Sum256(b)
	return sum[:16]
}

// held is a coupon as it is in the tables.
type held struct {
	holder    []byte
	seq       uint32
	usesLeft  uint16
	valueLeft uint64
	offered   bool
	claimed   time.Time
	until     time.Time
	height    uint64
	fresh     bool // not in the database yet
	changed   bool
}

// redeemed names a redemption.
type redeemed struct {
	coupon coupon.CouponID
	seq    uint32
}

// taking is a redemption that is new.
type taking struct {
	row    []any
	voided []any // time and height; nil: it is not
	value  uint64
}

// changes are what blocks change in the tables.
type changes struct {
	x *Index
	b *client.Block
	// at is the time of b, and i the place of the transaction.
	at time.Time
	i  int

	coupons map[coupon.CouponID]*held
	order   []coupon.CouponID // of coupons
	takings map[redeemed]*taking
	taken   []redeemed // the order of takings

	events, refusals [][]any
	few              pgx.Batch          // rows of which there are few
	voided           map[redeemed][]any // of redemptions that the database has: time and height
	values           map[redeemed]uint64
	gone             []redeemed // the order of voided
}

// Apply brings blocks into the tables, in one transaction with the height. They must follow
// the last one there. Errors: ErrGap; or the database's, and then nothing was changed.
func (x *Index) Apply(ctx context.Context, blocks []*client.Block) error {
	if len(blocks) == 0 {
		return nil
	}
	last, block := x.height, x.block
	for _, b := range blocks {
		if b.Height != last+1 || last > 0 && [32]byte(b.Header.Parent) != block {
			return fmt.Errorf("%w: block %d behind %d", ErrGap, b.Height, last)
		}
		last, block = b.Height, b.Digest
	}
	c := &changes{x: x, coupons: make(map[coupon.CouponID]*held), takings: make(map[redeemed]*taking),
		voided: make(map[redeemed][]any), values: make(map[redeemed]uint64)}
	at := time.UnixMilli(int64(blocks[len(blocks)-1].Header.TimeMs)).UTC()
	err := x.inTransaction(ctx, fmt.Sprintf("index up to block %d", last), func(tx pgx.Tx) error {
		if err := c.load(ctx, tx, blocks); err != nil {
			return err
		}
		for _, b := range blocks {
			if err := c.block(b); err != nil {
				return fmt.Errorf("block %d: %w", b.Height, err)
			}
		}
		if err := c.write(ctx, tx); err != nil {
			return err
		}
		done, err := tx.Exec(ctx, "UPDATE scrip.chain SET height = $1, block = $2, at = $3 WHERE height = $4", int64(last),
			block[:], at, int64(x.height))
		if err == nil && done.RowsAffected() != 1 {
			err = ErrBusy
		}
		return err
	})
	if err != nil {
		return err
	}
	x.height, x.block = last, block
	return nil
}

// load reads the coupons and redemptions that the blocks change and that are there already.
func (c *changes) load(ctx context.Context, tx pgx.Tx, blocks []*client.Block) error {
	var campaigns, serials []int64
	seen := make(map[coupon.CouponID]bool)
	want := func(id coupon.CouponID, fresh bool) {
		if id != 0 && !seen[id] {
			seen[id] = true
			if !fresh {
				campaigns, serials = append(campaigns, int64(id.Campaign())), append(serials, int64(id.Serial()))
			}
		}
	}
	var voids struct{ campaigns, serials, seqs []int64 }
	for _, b := range blocks {
		for i := range b.Outcomes {
			o := &b.Outcomes[i]
			if o.Code != coupon.OK {
				continue
			}
			for n := range o.Count { // of a CouponIssue
				want(coupon.NewCouponID(o.Campaign, o.Serial+n), true)
			}
			want(o.Coupon, o.Kind == coupon.KindClaim)
			want(o.Other, false)
			if o.Kind == coupon.KindVoid {
				voids.campaigns = append(voids.campaigns, int64(o.Coupon.Campaign()))
				voids.serials = append(voids.serials, int64(o.Coupon.Serial()))
				voids.seqs = append(voids.seqs, int64(o.Seq))
			}
		}
	}
	if err := c.loadCoupons(ctx, tx, campaigns, serials); err != nil || len(voids.seqs) == 0 {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT campaign, serial, seq, value FROM scrip.redemptions JOIN "+
		"unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS wanted (campaign, serial, seq) USING (campaign, serial, seq)",
		voids.campaigns, voids.serials, voids.seqs)
	if err != nil {
		return err
	}
	var campaign, serial, seq, value int64
	_, err = pgx.ForEachRow(rows, []any{&campaign, &serial, &seq, &value}, func() error {
		c.values[redeemed{coupon.NewCouponID(uint32(campaign), uint32(serial)), uint32(seq)}] = uint64(value)
		return nil
	})
	return err
}

func (c *changes) loadCoupons(ctx context.Context, tx pgx.Tx, campaigns, serials []int64) error {
	if len(campaigns) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, "SELECT campaign, serial, holder, seq, uses_left, value_left, offered, claimed, until, "+
		"height FROM scrip.coupons JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (campaign, serial) "+
		"USING (campaign, serial)", campaigns, serials)
	if err != nil {
		return err
	}
	var campaign, serial, seq, value, height int64
	var uses int
	var h held
	_, err = pgx.ForEachRow(rows, []any{&campaign, &serial, &h.holder, &seq, &uses, &value, &h.offered, &h.claimed,
		&h.until, &height}, func() error {
		one := h
		one.holder = slices.Clone(h.holder)
		one.seq, one.usesLeft, one.valueLeft, one.height = uint32(seq), uint16(uses), uint64(value), uint64(height)
		c.keep(coupon.NewCouponID(uint32(campaign), uint32(serial)), &one)
		return nil
	})
	return err
}

func (c *changes) keep(id coupon.CouponID, h *held) {
	c.coupons[id] = h
	c.order = append(c.order, id)
}

func instant(ms uint64) time.Time { return time.UnixMilli(int64(ms)).UTC() }

// block takes over what happened in a block.
func (c *changes) block(b *client.Block) error {
	c.b, c.at = b, instant(b.Header.TimeMs)
	for i := range b.Outcomes {
		c.i = i
		o := &b.Outcomes[i]
		if o.Code != coupon.OK {
			kind := coupon.KindOf(b.Txs[i])
			c.refusals = append(c.refusals, []any{int64(b.Height), i, c.at, o.ID[:], kind.String(), o.Code.String()})
			continue
		}
		c.event(o)
		if err := c.accepted(o); err != nil {
			return fmt.Errorf("transaction %d, a %s: %w", i, o.Kind, err)
		}
	}
	return nil
}

// event notes the event of an accepted transaction.
func (c *changes) event(o *coupon.Outcome) {
	var campaign, serial, value, payable any
	if o.Coupon != 0 {
		campaign, serial = int64(o.Coupon.Campaign()), int64(o.Coupon.Serial())
	} else if o.Campaign != 0 {
		campaign = int64(o.Campaign)
	}
	if o.States(coupon.PartValue) || o.States(coupon.PartGivenBack) {
		value = int64(o.Value)
	}
	if o.States(coupon.PartPayable) {
		payable = int64(o.Payable)
	}
	c.events = append(c.events, []any{int64(c.b.Height), c.i, c.at, o.Event().String(), o.ID[:], campaign, serial, value,
		payable})
}

// accepted makes the changes of an accepted transaction (docs/coupons.md).
func (c *changes) accepted(o *coupon.Outcome) error {
	switch o.Kind {
	case coupon.KindClaim:
		c.begin(o.Coupon, o.Owner, o.Until)
		return nil
	case coupon.KindTransfer:
		return c.transfer(o)
	case coupon.KindTrade:
		return c.trade(o)
	case coupon.KindVoid:
		return c.void(o)
	case coupon.KindCampaignPause, coupon.KindCampaignResume, coupon.KindCampaignClose:
		state := map[coupon.Kind]string{coupon.KindCampaignPause: "PAUSED", coupon.KindCampaignResume: "PUBLISHED",
			coupon.KindCampaignClose: "CLOSED"}[o.Kind]
		c.few.Queue("UPDATE scrip.campaigns SET state = $2 WHERE campaign = $1", int64(o.Campaign), state)
		return nil
	}
	tx, err := c.b.Tx(c.i) // what the receipt does not state
	if err != nil {
		return err
	}
	switch f := tx.Fields.(type) {
	case *coupon.Redeem:
		return c.redeem(o, f)
	case *coupon.CampaignPublish:
		c.publish(o.Campaign, &f.Terms)
	case *coupon.CampaignAmend:
		c.amend(f)
	case *coupon.CouponIssue:
		c.issue(o, f)
	case *coupon.BatchCommit:
		c.few.Queue("INSERT INTO scrip.batches VALUES ($1, $2, $3, $4, $5, $6)", int64(o.Campaign), int(o.Batch),
			int64(f.First), int64(f.Count), f.TicketKey[:], int64(c.b.Height))
	case *coupon.TillKeyAdd:
		c.x.tills[f.TillKey] = till{f.Member, f.Store}
		c.few.Queue("INSERT INTO scrip.tills VALUES ($1, $2, $3, $4, $5, $6, $7)", f.TillKey[:], int(f.Member),
			int(f.Store), int(f.Currency), coupon.BitNames(f.Rights, coupon.RightNames()), f.Label, int64(c.b.Height))
	case *coupon.TillKeyRevoke:
		c.few.Queue("UPDATE scrip.tills SET revoked_height = $2 WHERE till = $1", f.TillKey[:], int64(c.b.Height))
	}
	return nil // other kinds leave their event
}

// offerOf is what coupons under terms begin with.
func offerOf(t *coupon.Terms) offer {
	return offer{uses: t.Uses, face: t.Face, stored: t.ValueKind == coupon.Stored, relativeMs: t.RelativeMs,
		redeemUntil: t.RedeemUntil}
}

func (c *changes) publish(campaign uint32, t *coupon.Terms) {
	c.x.offers[campaign] = offerOf(t)
	n := int64(campaign)
	c.few.Queue("INSERT INTO scrip.campaigns VALUES ($1, $2, $3, 'PUBLISHED', $4, $5, $6, $7, $8, $9, $10, $11, $12, "+
		"$13, $14, $15, $16, $17, $18, $19, $20, $21, $22, 1, $23)", n, int(t.Issuer), t.Title, t.ValueKind.String(),
		int(t.Currency), int64(t.Face), int(t.Bps), int64(t.Ceiling), int64(t.MinSpend), int(t.Uses), int64(t.Fee),
		int(t.ReimburseBps), int64(t.Liability()), int64(t.Budget), int64(t.MaxSupply), int(t.HolderCap),
		instant(t.ClaimFrom), instant(t.ClaimUntil), instant(t.RedeemFrom), instant(t.RedeemUntil), c.at,
		int64(c.b.Height), int64(t.RelativeMs))
	for i, f := range t.Funders {
		c.few.Queue("INSERT INTO scrip.campaign_funders VALUES ($1, $2, $3, $4)", n, int(f.Member), i+1, int(f.ShareBps))
	}
	c.shops(n, t)
}

func (c *changes) shops(campaign int64, t *coupon.Terms) {
	for _, s := range t.Shops {
		c.few.Queue("INSERT INTO scrip.campaign_shops VALUES ($1, $2, $3)", campaign, int(s.Member), int(s.Store))
	}
}

// amend gives a campaign new terms (rules 3.23): what may not move is not written again.
func (c *changes) amend(f *coupon.CampaignAmend) {
	t, n := &f.Terms, int64(f.Campaign)
	c.x.offers[f.Campaign] = offerOf(t)
	c.few.Queue("UPDATE scrip.campaigns SET version = $2, face = $3, bps = $4, ceiling = $5, min_spend = $6, uses = $7, "+
		"fee = $8, reimburse_bps = $9, liability = $10, budget = $11, max_supply = $12, holder_cap = $13, claim_from = $14, "+
		"claim_until = $15, redeem_from = $16, redeem_until = $17, relative_ms = $18 WHERE campaign = $1", n,
		int(f.Version), int64(t.Face), int(t.Bps), int64(t.Ceiling), int64(t.MinSpend), int(t.Uses), int64(t.Fee),
		int(t.ReimburseBps), int64(t.Liability()), int64(t.Budget), int64(t.MaxSupply), int(t.HolderCap),
		instant(t.ClaimFrom), instant(t.ClaimUntil), instant(t.RedeemFrom), instant(t.RedeemUntil), int64(t.RelativeMs))
	c.few.Queue("DELETE FROM scrip.campaign_shops WHERE campaign = $1", n)
	c.shops(n, t)
}

// issue gives coupons to keys (rules 3.24).
func (c *changes) issue(o *coupon.Outcome, f *coupon.CouponIssue) {
	of := c.x.offers[f.Campaign]
	for i, to := range f.To {
		c.begin(coupon.NewCouponID(f.Campaign, o.Serial+uint32(i)), to, of.until(c.b.Header.TimeMs))
	}
}

// trade gives a coupon to its buyer, and in a swap another one for it (rules 3.22).
func (c *changes) trade(o *coupon.Outcome) error {
	h, err := c.coupon(o.Coupon)
	if err != nil {
		return err
	}
	h.seq, h.holder, h.offered = o.Seq, c.x.holderOf(o.Coupon.Campaign(), o.Owner), false
	if o.Other == 0 {
		return nil
	}
	if h, err = c.coupon(o.Other); err != nil {
		return err
	}
	h.seq, h.holder, h.offered = o.OtherSeq, c.x.holderOf(o.Other.Campaign(), o.OtherOwner), false
	return nil
}

// begin makes a coupon.
func (c *changes) begin(id coupon.CouponID, owner [32]byte, untilMs uint64) {
	of := c.x.offers[id.Campaign()]
	h := &held{holder: c.x.holderOf(id.Campaign(), owner), usesLeft: of.uses, claimed: c.at, until: instant(untilMs),
		height: c.b.Height, fresh: true, changed: true}
	if of.stored {
		h.valueLeft = of.face
	}
	c.keep(id, h)
}

// coupon returns a coupon that changes.
func (c *changes) coupon(id coupon.CouponID) (*held, error) {
	h := c.coupons[id]
	if h == nil {
		return nil, fmt.Errorf("coupon %d-%d is not in the tables", id.Campaign(), id.Serial())
	}
	h.changed = true
	return h, nil
}

func (c *changes) transfer(o *coupon.Outcome) error {
	h, err := c.coupon(o.Coupon)
	if err != nil {
		return err
	}
	h.seq, h.holder, h.offered = o.Seq, c.x.holderOf(o.Coupon.Campaign(), o.Owner), o.Case == coupon.CaseOffered
	return nil
}

func (c *changes) redeem(o *coupon.Outcome, f *coupon.Redeem) error {
	h, err := c.coupon(o.Coupon)
	if err != nil {
		return err
	}
	at, ok := c.x.tills[f.Invoice.TillKey]
	if !ok {
		return fmt.Errorf("the till %x is not in the tables", f.Invoice.TillKey)
	}
	h.seq, h.usesLeft, h.offered = o.Seq+1, o.UsesLeft, false
	if c.x.offers[o.Coupon.Campaign()].stored {
		h.valueLeft = o.After
	}
	cycle, err := number(o.FinalAt / c.x.cycle)
	if err != nil {
		return err
	}
	key := redeemed{o.Coupon, o.Seq}
	c.takings[key] = &taking{value: o.Value, row: []any{int64(o.Coupon.Campaign()), int64(o.Coupon.Serial()),
		int64(o.Seq), int64(c.b.Height), c.i, c.at, f.Invoice.TillKey[:], int(at.member), int(at.store),
		f.Auth.Mode.String(), int64(o.Value), int64(o.Payable), cycle, instant(o.FinalAt)}}
	c.taken = append(c.taken, key)
	return nil
}

func (c *changes) void(o *coupon.Outcome) error {
	h, err := c.coupon(o.Coupon)
	if err != nil {
		return err
	}
	h.seq++
	h.usesLeft++
	h.until = instant(o.Until)
	if c.x.offers[o.Coupon.Campaign()].stored {
		h.valueLeft += o.Value
	}
	key, when := redeemed{o.Coupon, o.Seq}, []any{c.at, int64(c.b.Height)}
	value, stored := c.values[key]
	if t := c.takings[key]; t != nil {
		t.voided, value = when, t.value
	} else if !stored {
		return fmt.Errorf("redemption %d of coupon %d-%d is not in the tables", o.Seq, o.Coupon.Campaign(),
			o.Coupon.Serial())
	} else {
		c.voided[key] = when
		c.gone = append(c.gone, key)
	}
	if value != o.Value {
		return fmt.Errorf("%d is given back of a redemption of %d", o.Value, value)
	}
	return nil
}
