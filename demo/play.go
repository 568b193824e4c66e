package demo

import (
	"errors"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/coupon"
)

// play gives everybody coupons and lets them use some, so that there is one in each
// state.
func (x *director) play() error {
	held := make(map[string]*holding)
	for _, c := range []struct{ who, name, as string }{
		{"Bo", "coffee", "Bo's coffee"}, {"Bo", "coffee", "Bo's used coffee"}, {"Bo", "books", "Bo's books"},
		{"Bo", "five", "Bo's gift"}, {"Bo", "card", "Bo's card"}, {"Bo", "breakfast", "Bo's breakfasts"},
		{"Bo", "coffee", "Cy's coffee"},
		{"Cy", "five", "Cy's five"}, {"Cy", "five", "Cy's open gift"}, {"Cy", "night", "Cy's night"},
		{"Dee", "books", "Dee's books"}, {"Dee", "five", "Dee's five"}, {"Dee", "coffee", "Dee's coffee"},
		{"Eli", "card", "Eli's card"}, {"Eli", "first", "Eli's first"}, {"Eli", "breakfast", "Eli's breakfasts"},
		{"Fay", "first", "Fay's first"}, {"Fay", "coffee", "Fay's coffee"}, {"Fay", "five", "Fay's five"},
	} {
		h, err := x.claim(c.who, c.name)
		if err != nil {
			return err
		}
		held[c.as] = h
	}
	if err := errors.Join(x.use(held), x.gifts(held)); err != nil {
		return err
	}
	night := x.offers["night"]
	_, err := x.submit("pausing "+night.terms.Title, actions.SignedControl(x.chain, soon(),
		coupon.KindCampaignPause, x.numbers["night"], x.admin(night.terms.Issuer)))
	return err
}

// use takes coupons to the shops: used up, used in part, undone.
func (x *director) use(held map[string]*holding) error {
	for _, u := range []struct {
		what string
		bill bill
	}{
		{"Bo's used coffee", bill{till: bakeryTill, basis: 380, unit: 380, value: 380, show: true}},
		{"Bo's card", bill{till: bakeryTill, basis: 1820, value: 1820}},
		{"Bo's card", bill{till: bookshopTill, basis: 990, value: 990}},
		{"Bo's breakfasts", bill{till: bakeryTill, basis: 650, value: 100, show: true}},
		{"Bo's breakfasts", bill{till: bakeryTill, basis: 710, value: 100}},
		{"Dee's books", bill{till: bookshopTill, basis: 2400, value: 360}},
		{"Dee's five", bill{till: bookshopTill, basis: 2350, value: 500}},
		{"Eli's breakfasts", bill{till: bakeryTill, basis: 590, value: 100, show: true}},
		{"Eli's first", bill{till: bookshopTill, basis: 1190, value: 300, show: true}},
		{"Fay's coffee", bill{till: bakeryTill, basis: 420, unit: 420, value: 420}},
	} {
		if err := x.redeem(held[u.what], u.bill); err != nil {
			return err
		}
	}
	return x.void(held["Dee's books"], bookshopManager)
}

// gifts gives coupons away: accepted, open, taken back.
func (x *director) gifts(held map[string]*holding) error {
	accepted := held["Cy's coffee"]
	gift, err := x.give(accepted)
	if err == nil {
		err = x.accept(accepted, gift, "Cy")
	}
	if err != nil {
		return err
	}
	if _, err := x.give(held["Bo's gift"]); err != nil { // waits for whoever Bo has sent the link to
		return err
	}
	open := held["Cy's open gift"]
	if gift, err = x.give(open); err != nil {
		return err
	}
	x.gift = x.payloadLink("gift", &coupon.Payload{Type: coupon.PayloadGift, Gift: gift},
		"a gift of Cy: "+open.offer.terms.Title)
	back := held["Fay's five"]
	if _, err = x.give(back); err != nil {
		return err
	}
	_, err = x.submit("Fay takes a gift back", actions.SignedTransfer(x.chain, soon(), back.held(), back.key,
		back.key.Key, 0))
	return err
}

// wallets are the links of the holders.
func (x *director) wallets() []Link {
	return []Link{
		x.people["Bo"].link("a bit of everything"),
		x.people["Cy"].link("has got and given gifts"),
		x.people["Dee"].link("one used, one undone"),
		x.people["Eli"].link("a full gift card"),
		x.people["Fay"].link("took a gift back"),
	}
}
