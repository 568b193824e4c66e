package coupon

import (
	"cmp"
	"slices"
)

// SettlementBooks is what the items of a closed cycle come to: who owes whom how much. It is
// worked out from the items alone, so that whoever has them all, as the root in the row of
// the cycle shows, needs to believe nobody (rules 3.31).
type SettlementBooks struct {
	// Positions are by currency, then member, ascending. Held is what the lock of a payer
	// stands for when the cycle is closed.
	Positions []MemberPosition
	// Debts are by currency, book, payer, payee, ascending.
	Debts []OwedDebt
}

// MemberPosition is what a member owes and gets by secured debts, in one currency.
type MemberPosition struct {
	Currency, Member uint16
	Position
}

// OwedDebt is what one member has to pay another.
type OwedDebt struct {
	DebtName
	Amount uint64
}

// books are those of a cycle while they are worked out.
type books struct {
	mode      NetMode
	positions map[positionID]Position
	debts     map[debtID]uint64
}

// BooksOf works out what the items of one cycle come to, all of them and in order, with the
// net mode of its row. Items that no ledger makes give books that none has.
func BooksOf(mode NetMode, items []SettlementItem) SettlementBooks {
	b := &books{mode: mode, positions: map[positionID]Position{}, debts: map[debtID]uint64{}}
	for i := 0; i < len(items); i++ {
		x := &items[i]
		if x.Kind == ItemRefunds {
			b.between(x, x.Payee, x.Payer, 0, x.Amount)
			continue
		}
		back := uint64(0)
		if i+1 < len(items) && items[i+1].returns(x) {
			back = items[i+1].Amount
			i++
		}
		b.between(x, x.Payer, x.Payee, x.Amount, back)
	}
	if mode == NetMultilateral {
		b.net()
	}
	return b.sorted()
}

// returns reports whether an item is what comes back of the one before it.
func (i *SettlementItem) returns(x *SettlementItem) bool {
	return i.Kind == ItemRefunds && i.Cycle == x.Cycle && i.Currency == x.Currency && i.Campaign == x.Campaign &&
		i.Payer == x.Payee && i.Payee == x.Payer
}

// between is settling.between of what an item is about.
func (b *books) between(x *SettlementItem, funder, payee uint16, debt, back uint64) {
	if funder == payee {
		return
	}
	off := min(debt, back)
	if secured := debt - off; secured > 0 {
		b.move(positionID{x.Cycle, x.Currency, funder}, Position{Out: secured})
		b.move(positionID{x.Cycle, x.Currency, payee}, Position{In: secured})
		if b.mode == NetBilateral {
			b.owe(debtID{x.Cycle, x.Currency, BookSecured, funder, payee}, secured)
		}
	}
	b.owe(debtID{x.Cycle, x.Currency, BookUnsecured, payee, funder}, back-off)
}

func (b *books) move(id positionID, by Position) {
	p := b.positions[id]
	b.positions[id] = Position{Out: p.Out + by.Out, In: p.In + by.In}
}

// owe books a debt against the opposite one. Sums stop at the largest number.
func (b *books) owe(id debtID, amount uint64) {
	other := id
	other.payer, other.payee = id.payee, id.payer
	off := min(b.debts[other], amount)
	if b.debts[other] -= off; b.debts[other] == 0 {
		delete(b.debts, other)
	}
	if amount -= off; amount == 0 {
		return
	}
	if b.debts[id] += amount; b.debts[id] < amount {
		b.debts[id] = 1<<64 - 1
	}
}

// net matches payers and payees of each currency in turn, ascending by member.
func (b *books) net() {
	ids := sortedKeys(b.positions, comparePositions)
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && ids[n].currency == ids[0].currency {
			n++
		}
		b.match(ids[:n])
		ids = ids[n:]
	}
}

func (b *books) match(ids []positionID) {
	var payers, payees []positionID
	rest := map[positionID]uint64{}
	for _, id := range ids {
		switch p := b.positions[id]; {
		case p.Out > p.In:
			payers, rest[id] = append(payers, id), p.Out-p.In
		case p.In > p.Out:
			payees, rest[id] = append(payees, id), p.In-p.Out
		}
	}
	for len(payers) > 0 && len(payees) > 0 {
		from, to := payers[0], payees[0]
		amount := min(rest[from], rest[to])
		b.owe(debtID{from.cycle, from.currency, BookSecured, from.member, to.member}, amount)
		if rest[from] -= amount; rest[from] == 0 {
			payers = payers[1:]
		}
		if rest[to] -= amount; rest[to] == 0 {
			payees = payees[1:]
		}
	}
}

// sortedKeys returns the keys of a map in the order of compare.
func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	list := make([]K, 0, len(m))
	// order-free: the keys are sorted below.
	for k := range m {
		list = append(list, k)
	}
	slices.SortFunc(list, compare)
	return list
}

func comparePositions(a, b positionID) int {
	return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.member, b.member))
}

func compareDebts(a, b debtID) int {
	return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.book, b.book), cmp.Compare(a.payer, b.payer),
		cmp.Compare(a.payee, b.payee))
}

// sorted returns the books in order, with what each payer's lock is held for.
func (b *books) sorted() (out SettlementBooks) {
	for _, id := range sortedKeys(b.debts, compareDebts) {
		out.Debts = append(out.Debts, OwedDebt{DebtName{id.cycle, id.currency, id.book, id.payer, id.payee}, b.debts[id]})
		if payer := (positionID{id.cycle, id.currency, id.payer}); id.book == BookSecured {
			p := b.positions[payer]
			p.Held += b.debts[id]
			b.positions[payer] = p
		}
	}
	for _, id := range sortedKeys(b.positions, comparePositions) {
		out.Positions = append(out.Positions, MemberPosition{id.currency, id.member, b.positions[id]})
	}
	return out
}
