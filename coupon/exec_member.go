package coupon

// memberSigned makes the checks (d) of rules 3.3. lead is the acting member and must
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

// memberSignedInAnyState is memberSigned for what a member may do though it is suspended or
// has left: nobody else must sign, and only the keys count.
func (x *exec) memberSignedInAnyState(tx *Tx, lead uint16) Code {
	m := x.members.get(x, lead)
	if m == nil {
		return NotAuthorised
	}
	for i := range tx.Members {
		if entry := &tx.Members[i]; entry.Member != lead || !m.hasKey(&entry.Key) {
			return NotAuthorised
		}
	}
	if !x.enough(tx, lead, false) {
		return Quorum
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
