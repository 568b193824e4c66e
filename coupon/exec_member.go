package coupon

// memberSigned makes the checks (d) of 3.3. lead is the acting member and must
// exist, be ACTIVE and have role; others must sign too. Every entry must be an
// admin key of one of them, and the member that it names ACTIVE, else E106. Then
// each required member must have threshold entries, else E701; one entry where
// stop is set, since stopping is the safe direction. A member of others that
// does not exist is left to the kind's own checks (E201).
func (x *exec) memberSigned(tx *Tx, lead uint16, role uint8, others []uint16, stop bool) Code {
	if m := x.members.get(x, lead); m == nil || m.State != MemberActive || m.Roles&role != role {
		return NotAuthorised
	}
	for i := range tx.Members {
		entry := &tx.Members[i]
		if entry.Member != lead && !contains(others, entry.Member) {
			return NotAuthorised
		}
		m := x.members.get(x, entry.Member)
		if m == nil || m.State != MemberActive || !m.hasKey(&entry.Key) {
			return NotAuthorised
		}
	}
	if !x.enough(tx, lead, stop) {
		return Quorum
	}
	for _, id := range others {
		if !x.enough(tx, id, stop) {
			return Quorum
		}
	}
	return OK
}

// enough reports whether a required member has signed with as many keys as it
// must.
func (x *exec) enough(tx *Tx, member uint16, stop bool) bool {
	m := x.members.get(x, member)
	if m == nil {
		return true
	}
	need := int(m.Threshold)
	if stop {
		need = 1
	}
	for i := range tx.Members {
		if tx.Members[i].Member == member {
			need--
		}
	}
	return need <= 0
}

func contains(list []uint16, v uint16) bool {
	for _, w := range list {
		if w == v {
			return true
		}
	}
	return false
}

// signersBeside lists the members that must sign a publish beside the issuer:
// the funders and, where they bear a part, the members of the shops.
func (t *Terms) signersBeside() []uint16 {
	var ids []uint16
	for _, f := range t.Funders {
		ids = append(ids, f.Member)
	}
	if t.ReimburseBps < BpsMax {
		for i, s := range t.Shops {
			if i == 0 || t.Shops[i-1].Member != s.Member {
				ids = append(ids, s.Member)
			}
		}
	}
	return ids
}

func (x *exec) publish(tx *Tx, f *CampaignPublish, out *Outcome) Code {
	t := &f.Terms
	if c := x.memberSigned(tx, t.Issuer, RoleIssuer, t.signersBeside(), false); c != OK {
		return c
	}
	if t.Check() != nil || !x.partiesFit(t) {
		return BadTerms
	}
	if t.ClaimFrom >= t.ClaimUntil || t.ClaimUntil > t.RedeemUntil || t.RedeemFrom >= t.RedeemUntil ||
		t.RedeemUntil > x.now+RedeemAheadMsMax || x.now >= t.ClaimUntil {
		return BadWindow
	}
	shares := t.FunderShares()
	for i, fu := range t.Funders {
		var row Funding
		if p := x.funding.get(x, fundingID{fu.Member, t.Currency}); p != nil {
			row = *p
		}
		if row.Limit < row.Locked || row.Limit-row.Locked < shares[i] {
			return Underfunded
		}
	}
	params := x.params.get(x, struct{}{})
	if params == nil || params.NextCampaign == 1<<32-1 {
		return Overflow
	}
	next := *params
	out.Campaign = next.NextCampaign
	next.NextCampaign++
	x.params.put(x, struct{}{}, next)
	for i, fu := range t.Funders {
		if id := (fundingID{fu.Member, t.Currency}); shares[i] > 0 {
			row := *x.funding.get(x, id)
			row.Locked += shares[i]
			x.funding.put(x, id, row)
		}
	}
	x.terms.put(x, termsID{out.Campaign, 1}, *t)
	x.campaigns.put(x, out.Campaign, Campaign{Issuer: t.Issuer, Version: 1, NextSerial: 1, RedeemUntil: t.RedeemUntil})
	return OK
}

// partiesFit is the part of E201 that looks at the state: the currency is
// listed, funders exist and are ACTIVE, shops exist and are merchants.
func (x *exec) partiesFit(t *Terms) bool {
	if _, ok := x.m.currencies[t.Currency]; !ok {
		return false
	}
	for _, f := range t.Funders {
		if m := x.members.get(x, f.Member); m == nil || m.State != MemberActive {
			return false
		}
	}
	for _, s := range t.Shops {
		if m := x.members.get(x, s.Member); m == nil || m.Roles&RoleMerchant == 0 {
			return false
		}
	}
	return true
}

func (x *exec) control(tx *Tx, f *CampaignControl, out *Outcome) Code {
	p := x.campaigns.get(x, f.Campaign)
	if p == nil {
		return NotFound
	}
	if c := x.memberSigned(tx, p.Issuer, RoleIssuer, nil, f.Op == KindCampaignPause); c != OK {
		return c
	}
	g := *p
	switch f.Op {
	case KindCampaignPause:
		if g.State != CampaignPublished {
			return CampaignNotActive
		}
		g.State = CampaignPaused
	case KindCampaignResume:
		if g.State != CampaignPaused {
			return CampaignNotActive
		}
		g.State = CampaignPublished
	default:
		if g.State == CampaignClosed {
			return CampaignNotActive
		}
		g.State = CampaignClosed
	}
	x.campaigns.put(x, f.Campaign, g)
	out.Campaign = f.Campaign
	return OK
}

func (x *exec) batchCommit(tx *Tx, f *BatchCommit, out *Outcome) Code {
	p := x.campaigns.get(x, f.Campaign)
	if p == nil {
		return NotFound
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

func (x *exec) tillKeyAdd(tx *Tx, f *TillKeyAdd, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, RoleMerchant, nil, false); c != OK {
		return c
	}
	if x.tills.get(x, f.TillKey) != nil {
		return KeyState
	}
	if f.ValidFrom >= f.ValidUntil || x.now >= f.ValidUntil || f.ValidUntil > x.now+TillAheadMsMax {
		return BadWindow
	}
	if _, ok := x.m.currencies[f.Currency]; !ok {
		return BadTerms
	}
	x.tills.put(x, f.TillKey, Till{Member: f.Member, Store: f.Store, Rights: f.Rights, Currency: f.Currency,
		ValidFrom: f.ValidFrom, ValidUntil: f.ValidUntil, DayCap: f.DayCap, Label: f.Label})
	out.TillKey = f.TillKey
	return OK
}

func (x *exec) tillKeyRevoke(tx *Tx, f *TillKeyRevoke, out *Outcome) Code {
	if c := x.memberSigned(tx, f.Member, 0, nil, true); c != OK {
		return c
	}
	p := x.tills.get(x, f.TillKey)
	if p == nil || p.Member != f.Member || p.State == TillRevoked {
		return KeyState
	}
	t := *p
	t.State = TillRevoked
	x.tills.put(x, f.TillKey, t)
	out.TillKey = f.TillKey
	return OK
}
