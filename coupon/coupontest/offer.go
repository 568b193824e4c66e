package coupontest

import "slices"

// Kinds 1 to 7: campaigns, batches and tills.

// pays is R(v), what the funder pays for a value (rules 3.2).
func (t *Terms) pays(value uint64) uint64 {
	if t.Reimburse == 1 {
		return t.Face
	}
	return value * uint64(t.ReimburseBps) / 10_000
}

// worst is L, the worst case of one coupon (rules 3.2).
func (t *Terms) worst() uint64 {
	uses := uint64(t.Uses)
	switch t.Kind {
	case KindStored:
		return t.pays(t.Face) + uses*t.Fee
	case KindAmount, KindFreeItem:
		return uses * (t.pays(t.Face) + t.Fee)
	}
	return uses * (t.pays(t.Ceiling) + t.Fee)
}

// shares splits a budget over the funders: the first bears the remainder (rules 3.11).
func (t *Terms) shares() []uint64 {
	list := make([]uint64, len(t.Funders))
	list[0] = t.Budget
	for i, f := range t.Funders {
		if i > 0 {
			list[i] = t.Budget * uint64(f.ShareBps) / 10_000
			list[0] -= list[i]
		}
	}
	return list
}

// fits is the kind table of rules 3.6: what counts is in range, and all else is 0.
func (t *Terms) fits() bool {
	switch t.Kind {
	case KindAmount, KindFreeItem:
		return t.Face >= 1 && t.Bps == 0 && t.Ceiling == 0 && t.Rounding == 0 && t.Buy == 0 && t.Get == 0
	case KindPercent:
		return t.Face == 0 && t.Bps >= 1 && t.Ceiling >= 1 && t.Buy == 0 && t.Get == 0 && t.Reimburse == 0
	case KindStored:
		return t.Face >= 1 && t.Bps == 0 && t.Ceiling == 0 && t.Rounding == 0 && t.Buy == 0 && t.Get == 0 &&
			t.Reimburse == 0
	}
	return false
}

func (m *Model) publish(t *Tx) ([]byte, string, *refusal) {
	terms := t.Terms
	required := []uint16{terms.Issuer}
	for _, f := range terms.Funders {
		required = append(required, f.Member)
	}
	if terms.ReimburseBps < 10_000 {
		for _, s := range terms.Shops {
			required = append(required, s.Member)
		}
	}
	if no := m.signed(t, RoleIssuer, false, required...); no != nil {
		return nil, "", no
	}
	if no := m.badTerms(&terms, nil); no != nil {
		return nil, "", no
	}
	switch {
	case terms.ClaimFrom >= terms.ClaimUntil:
		return nil, "", no(202, "claim window empty")
	case terms.ClaimUntil > terms.RedeemUntil:
		return nil, "", no(202, "claim after redeem")
	case terms.RedeemFrom >= terms.RedeemUntil:
		return nil, "", no(202, "redeem window empty")
	case terms.RedeemUntil > m.now+10*yearMs:
		return nil, "", no(202, "too far")
	case m.now >= terms.ClaimUntil:
		return nil, "", no(202, "past")
	}
	if m.two != nil {
		for _, f := range terms.Funders {
			if m.overdue(f.Member) {
				return nil, "", no(607, "overdue")
			}
		}
	}
	shares := terms.shares()
	for i, f := range terms.Funders {
		var free uint64
		if fund := m.funding[fundingKey{f.Member, terms.Currency}]; fund != nil {
			free = fund.limit - fund.locked
		}
		if free < shares[i] {
			return nil, "", no(601, "underfunded")
		}
	}
	for i, f := range terms.Funders {
		if shares[i] > 0 {
			m.funding[fundingKey{f.Member, terms.Currency}].locked += shares[i]
		}
	}
	number := m.nextCampaign
	m.nextCampaign++
	m.campaigns[number] = &campaign{
		state: published, issuer: terms.Issuer, version: 1, nextSerial: 1, redeemUntil: terms.RedeemUntil, terms: terms,
		versions: map[uint16]Terms{1: terms},
	}
	if m.two != nil {
		m.two.money[number] = m.moneyOf(number)
		m.two.ends[endKey{m.campaignEnd(number), number}] = true
	}
	return le32(nil, number), "published", nil
}

// badTerms is E201; shops that were listed before need not be merchants any more.
func (m *Model) badTerms(t *Terms, before []Shop) *refusal {
	switch {
	case !m.currencies[t.Currency]:
		return no(201, "currency")
	case t.Kind > KindStored:
		return no(201, "kind of stage 2")
	case !t.fits():
		return no(201, "kind table")
	case t.ReimburseBps < 10_000 && len(t.Shops) == 0:
		return no(201, "reimbursement without shops")
	case t.Reimburse == 1 && t.ReimburseBps != 10_000:
		return no(201, "face in part")
	}
	for _, f := range t.Funders {
		if m.members[f.Member] == nil {
			return no(201, "funder unknown")
		}
	}
	for _, s := range t.Shops {
		member := m.members[s.Member]
		if member == nil {
			return no(201, "shop unknown")
		}
		if member.Roles&RoleMerchant == 0 && !slices.Contains(before, s) {
			return no(201, "shop no merchant")
		}
	}
	switch {
	case t.worst() > moneyMax:
		return no(201, "L above the largest money")
	case t.worst() > t.Budget:
		return no(201, "L above budget")
	}
	return nil
}

func (m *Model) steer(t *Tx) ([]byte, string, *refusal) {
	c := m.campaigns[t.Campaign]
	if c == nil {
		return nil, "", no(301, "campaign")
	}
	if m.isReleased(t.Campaign) {
		return nil, "", no(204, "released")
	}
	if no := m.signed(t, RoleIssuer, t.Kind == KindPause, c.issuer); no != nil {
		return nil, "", no
	}
	var why string
	switch t.Kind {
	case KindPause:
		if c.state != published {
			return nil, "", no(204, "not published")
		}
		c.state, why = paused, "paused"
	case KindResume:
		if c.state != paused {
			return nil, "", no(204, "not paused")
		}
		c.state, why = published, "resumed"
	case KindClose:
		if c.state == closed {
			return nil, "", no(204, "closed")
		}
		c.state, why = closed, "closed"
	}
	return le32(nil, t.Campaign), why, nil
}

func (m *Model) batchCommit(t *Tx) ([]byte, string, *refusal) {
	c := m.campaigns[t.Campaign]
	if c == nil {
		return nil, "", no(301, "campaign")
	}
	if m.isReleased(t.Campaign) {
		return nil, "", no(204, "released")
	}
	if no := m.signed(t, RoleIssuer, false, c.issuer); no != nil {
		return nil, "", no
	}
	switch {
	case c.state == closed:
		return nil, "", no(204, "closed")
	case m.now >= c.terms.ClaimUntil:
		return nil, "", no(307, "claims over")
	case t.First != c.nextSerial:
		return nil, "", no(205, "first")
	case uint64(t.First)+uint64(t.Count)-1 > uint64(c.terms.MaxSupply):
		return nil, "", no(205, "supply")
	case c.batches >= 1024:
		return nil, "", no(205, "batches")
	}
	c.batches++
	c.nextSerial += t.Count
	m.batches[batchKey{t.Campaign, c.batches}] = &batch{t.First, t.Count, t.TicketKey}
	return le16(le32(nil, t.Campaign), c.batches), "committed", nil
}

func (m *Model) tillAdd(t *Tx) ([]byte, string, *refusal) {
	if no := m.signed(t, RoleMerchant, false, t.Member); no != nil {
		return nil, "", no
	}
	switch {
	case m.tills[t.TillKey] != nil:
		return nil, "", no(702, "known")
	case m.two != nil && m.wasAnnounced(t.TillKey):
		return nil, "", no(702, "a validator's")
	case m.two != nil && m.two.services[t.TillKey] != nil:
		return nil, "", no(702, "a service key")
	case t.ValidFrom >= t.ValidUntil:
		return nil, "", no(202, "window empty")
	case m.now >= t.ValidUntil:
		return nil, "", no(202, "past")
	case t.ValidUntil > m.now+3*yearMs:
		return nil, "", no(202, "too far")
	case !m.currencies[t.Currency]:
		return nil, "", no(201, "currency")
	}
	m.tills[t.TillKey] = &till{Till: Till{
		Key: t.TillKey, Member: t.Member, Store: t.Store, Rights: t.Rights, Currency: t.Currency,
		ValidFrom: t.ValidFrom, ValidUntil: t.ValidUntil, DayCap: t.DayCap, Label: t.Label,
	}}
	return t.TillKey[:], "added", nil
}

func (m *Model) tillRevoke(t *Tx) ([]byte, string, *refusal) {
	if no := m.signed(t, 0, true, t.Member); no != nil {
		return nil, "", no
	}
	k := m.tills[t.TillKey]
	switch {
	case k == nil:
		return nil, "", no(702, "unknown")
	case k.Member != t.Member:
		return nil, "", no(702, "another member's")
	case k.state == revoked:
		return nil, "", no(702, "revoked")
	}
	k.state = revoked
	return t.TillKey[:], "revoked", nil
}
