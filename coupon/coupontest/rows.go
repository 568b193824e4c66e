package coupontest

import "crypto/sha256"

// Prefixes of the state's rows (rules 3.15).
const (
	rowParams     = 0x01
	rowMember     = 0x02
	rowFunding    = 0x03
	rowTill       = 0x04
	rowCampaign   = 0x05
	rowTerms      = 0x06
	rowBatch      = 0x07
	rowCoupon     = 0x08
	rowHolder     = 0x09
	rowRedemption = 0x0A
	rowObligation = 0x0B
	rowSeen       = 0x0C
)

// seenChain is chain' = SHA-256(chain || entry), the entry being id, height and index.
func seenChain(chain, id [32]byte, f First) [32]byte {
	return sha256.Sum256(le32(le64(append(chain[:], id[:]...), f.Height), f.Index))
}

// seenChain2 is that of version 2, whose entries end with the code.
func seenChain2(chain, id [32]byte, f First) [32]byte {
	return sha256.Sum256(le16(le32(le64(append(chain[:], id[:]...), f.Height), f.Index), f.Code))
}

// Rows renders the whole state as the flat table of rules 3.15, by key.
func (m *Model) Rows() map[string][]byte {
	rows := map[string][]byte{}
	put := func(key, value []byte) { rows[string(key)] = value }
	put([]byte{rowParams}, le64(le16(le32(nil, m.nextCampaign), m.nextMember), m.cycleMs))
	for id, member := range m.members {
		v := le32([]byte{member.state, member.Roles, member.Threshold}, uint32(len(member.Keys)))
		for _, k := range member.Keys {
			v = append(v, k[:]...)
		}
		put(be16([]byte{rowMember}, id), text(v, member.Name))
	}
	for k, f := range m.funding {
		put(be16(be16([]byte{rowFunding}, k.member), k.currency), le64(le64(nil, f.limit), f.locked))
	}
	for key, t := range m.tills {
		put(append([]byte{rowTill}, key[:]...), t.row())
	}
	for id, c := range m.campaigns {
		put(be32([]byte{rowCampaign}, id), c.row())
		for v, terms := range c.versions {
			put(be16(be32([]byte{rowTerms}, id), v), terms.Bytes())
		}
	}
	for k, b := range m.batches {
		v := le32(le32(nil, b.first), b.count)
		put(be16(be32([]byte{rowBatch}, k.campaign), k.no), append(v, b.ticketKey[:]...))
	}
	for id, k := range m.coupons {
		put(be64([]byte{rowCoupon}, id), k.row())
	}
	for k, n := range m.holders {
		put(append(be32([]byte{rowHolder}, k.campaign), k.key[:]...), le16(nil, n))
	}
	for k, r := range m.redemptions {
		put(be32(be64([]byte{rowRedemption}, k.coupon), k.seq), r.row())
	}
	for k, o := range m.obligations {
		put(be16(be32(be32([]byte{rowObligation}, k.cycle), k.campaign), k.payee), le32(le64(nil, o.sum), o.count))
	}
	for b, s := range m.seen {
		if s.count > 0 {
			put(be64([]byte{rowSeen}, b), append(le32(nil, s.count), s.chain[:]...))
		}
		if s.count2 > 0 {
			put(be64([]byte{rowSeen2}, b), append(le32(nil, s.count2), s.chain2[:]...))
		}
	}
	if m.two != nil {
		m.rows2(put)
	}
	return rows
}

func (t *till) row() []byte {
	v := le16(le16([]byte{t.state}, t.Member), t.Store)
	v = le16(append(v, t.Rights), t.Currency)
	v = le64(le64(le64(v, t.ValidFrom), t.ValidUntil), t.DayCap)
	return text(le64(le32(v, t.day), t.daySum), t.Label)
}

func (c *campaign) row() []byte {
	v := le16(le16([]byte{c.state}, c.issuer), c.version)
	v = le16(le32(v, c.nextSerial), c.batches)
	v = le32(le32(le32(le32(v, c.issued), c.usedUp), c.redemptions), c.voids)
	v = le64(le64(le64(le64(v, c.committed), c.accrued), c.redeemUntil), c.stretchMs)
	return le32(v, c.sweepAt)
}

func (k *couponState) row() []byte {
	v := le16(le16(le32(k.owner[:len(k.owner):len(k.owner)], k.seq), k.version), k.usesLeft)
	v = le64(le64(le64(v, k.valueLeft), k.claimedAt), k.floor)
	v = append(v, k.transfersLeft, k.status)
	if k.status == gifted {
		v = le64(append(v, k.giftKey[:]...), k.giftUntil)
	}
	return v
}

func (r *redemption) row() []byte {
	v := append([]byte{r.state}, r.tillKey[:]...)
	v = append(le16(le16(v, r.member), r.store), r.invoice[:]...)
	return le64(le64(le64(le64(append(v, r.mode), r.value), r.payable), r.at), r.finalAt)
}
