package actions

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// ValueOn is the value that a coupon has on an invoice; 0 = nothing. left is what a
// stored value holds; for one it is the most that the invoice can take.
func ValueOn(t *coupon.Terms, left uint64, i *coupon.Invoice) uint64 {
	if i.Basis < t.MinSpend {
		return 0
	}
	return coupon.RuleValue(t, coupon.Use{Mode: coupon.ModeShow, AuthValue: left, ValueLeft: left, Basis: i.Basis,
		Qty: i.Qty, Unit: i.Unit})
}

// ShowValue is the most that a shown code of a coupon may take; 0 = it cannot be
// shown. left is what a stored value holds.
func ShowValue(t *coupon.Terms, left uint64) uint64 {
	switch t.ValueKind {
	case coupon.Percent:
		return min(t.ShowMax, t.Ceiling)
	case coupon.Stored:
		return min(t.ShowMax, left)
	default:
		return min(t.ShowMax, t.Face)
	}
}

// OnlyMerchant is the merchant whose shops alone take a coupon, or 0. The list of
// shops is in the order of members.
func OnlyMerchant(t *coupon.Terms) uint16 {
	if n := len(t.Shops); n > 0 && t.Shops[0].Member == t.Shops[n-1].Member {
		return t.Shops[0].Member
	}
	return 0
}

// Fits reports whether a coupon can be used on an invoice of a till: it is held, of the
// campaign and currency that are asked for, good in the till's shop, and worth something.
func Fits(x *client.Coupon, i *coupon.Invoice, at *coupon.Till) bool {
	t := &x.Campaign.Terms
	return (i.Campaign == 0 || i.Campaign == x.ID.Campaign()) && x.Status == coupon.Held.String() &&
		t.Currency == i.Currency && t.GoodAt(at.Member, at.Store) && ValueOn(t, x.ValueLeft, i) > 0
}

// Fitting returns the coupons of a wallet that can be used on an invoice of a till.
// Coupons that no node can prove are left out.
func (h *Holder) Fitting(ctx context.Context, p *purse.Purse, i *coupon.Invoice, at *coupon.Till,
) (fitting []coupon.CouponID, err error) {
	for _, e := range p.Coupons() {
		if i.Campaign != 0 && i.Campaign != e.Coupon.Campaign() {
			continue // asks no node
		}
		x, err := h.Client.Coupon(ctx, e.Coupon)
		if err != nil || !Fits(x, i, at) {
			continue
		}
		_, mine, err := p.Owner(e.Coupon, x.Owner)
		if err != nil {
			return nil, fmt.Errorf("look for a coupon that fits: %w", err)
		}
		if mine {
			fitting = append(fitting, e.Coupon)
		}
	}
	return fitting, nil
}

// CheckInvoice checks an invoice before a holder authorises it, and returns its till.
// Errors: a *RuleError for what the chain would refuse, those of client.Till.
func (h *Holder) CheckInvoice(ctx context.Context, invoice coupon.Payload) (*client.Till, error) {
	if err := h.checkInvoice(&invoice); err != nil {
		return nil, fmt.Errorf("check an invoice: %w", err)
	}
	till, err := h.Client.Till(ctx, invoice.Invoice.TillKey)
	if err == nil && (!till.Live(nowMs()) || till.Rights&coupon.RightRedeem == 0) {
		err = refuse(coupon.KeyState, "")
	}
	if err != nil {
		return nil, fmt.Errorf("check an invoice: %w", err)
	}
	return till, nil
}

// checkInvoice checks what needs no node.
func (h *Holder) checkInvoice(invoice *coupon.Payload) error {
	if err := CheckSigned(h.Client.Chain(), invoice); err != nil {
		return err
	}
	switch expires := invoice.Invoice.Expires; {
	case nowMs() >= expires:
		return refuse(coupon.InvoiceExpired, "")
	case expires > AuthLimit(h.Client.Verifier):
		return refuse(coupon.LifeTooLong, "the till's invoice stays open for too long: ask for a new one")
	}
	return nil
}

// redemptionsBack is how many changes of a coupon are looked at for its last redemption.
const redemptionsBack = 64

// ErrNoRedemption says that a coupon has no redemption that could be undone.
var ErrNoRedemption = errors.New("no redemption of the coupon could be undone")

// LastRedemption returns the last redemption of a coupon that stands, with the coupon's
// seq before it: the one that VoidRedemption undoes. It is ErrNoRedemption if there is
// none among the coupon's last changes.
func (t *Till) LastRedemption(ctx context.Context, id coupon.CouponID) (seq uint32, r coupon.Redemption, err error) {
	x, err := t.Client.Coupon(ctx, id)
	if err != nil {
		return 0, r, fmt.Errorf("look for a redemption: %w", err)
	}
	for back := uint32(1); back <= min(x.Seq, redemptionsBack); back++ {
		r, _, err := t.Client.Redemption(ctx, id, x.Seq-back)
		if err == nil && r.State == coupon.Accrued {
			return x.Seq - back, r, nil
		}
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			return 0, r, fmt.Errorf("look for a redemption: %w", err)
		}
	}
	return 0, coupon.Redemption{}, ErrNoRedemption
}
