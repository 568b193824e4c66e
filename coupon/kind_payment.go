package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// The kinds of payments.
const (
	KindPaymentPosted    Kind = 24
	KindPaymentConfirmed Kind = 25
)

// The events of payments.
const (
	EventSettlementPaid      EventType = 22
	EventSettlementConfirmed EventType = 23
	EventSettlementObjected  EventType = 24
)

// ClearMs is how long a posted payment waits before the clearer may confirm it in the
// payee's place.
const ClearMs = 7 * dayMs

var (
	paymentParts      = []Part{PartCycle, PartCurrency, PartBook, PartPayer, PartPayee, PartDebt}
	paymentPostedKind = kindSpec{
		name:    "PaymentPosted",
		since:   Version2,
		decode:  func(d decoder) Fields { return &PaymentPosted{Debt: d.debtName(), Ref: d.Bytes32()} },
		witness: byMembers,
		receipt: paymentParts,
		events:  []eventSpec{{EventSettlementPaid, "settlement.paid"}},
		tally:   TallyOther,
	}
	paymentConfirmedKind = kindSpec{
		name:  "PaymentConfirmed",
		since: Version2,
		decode: func(d decoder) Fields {
			return &PaymentConfirmed{Debt: d.debtName(), Op: PaymentOp(d.Enum8(uint8(PaymentClear)))}
		},
		witness: byMembers,
		receipt: paymentParts,
		events: []eventSpec{{EventSettlementConfirmed, "settlement.confirmed"},
			{EventSettlementObjected, "settlement.objected"}},
		which: func(o *Outcome) (event, times int) {
			if o.Debt == DebtObjected {
				return 1, 1
			}
			return 0, 1
		},
		tally: TallyOther,
	}
)

// DebtName names what one member owes another for a cycle.
type DebtName struct {
	Cycle    uint32
	Currency uint16
	Book     uint8
	Payer    uint16
	Payee    uint16
}

func (n *DebtName) id() debtID { return debtID{n.Cycle, n.Currency, n.Book, n.Payer, n.Payee} }

func (n *DebtName) appendTo(b []byte) []byte {
	b = append(wire.AppendUint16(wire.AppendUint32(b, n.Cycle), n.Currency), n.Book)
	return wire.AppendUint16(wire.AppendUint16(b, n.Payer), n.Payee)
}

func (d decoder) debtName() DebtName {
	return DebtName{Cycle: d.Uint32(), Currency: d.Uint16(), Book: d.Enum8(BookUnsecured), Payer: d.Uint16(),
		Payee: d.Uint16()}
}

// find returns the debt; E603 if its cycle is not CLOSED or there is none.
func (n *DebtName) find(x *exec) (t Debt, code Code) {
	c, p := x.cycles.get(x, n.Cycle), x.debts.get(x, n.id())
	if c == nil || c.State != CycleClosed || p == nil {
		return t, CycleState
	}
	return *p, OK
}

// store keeps a debt whose state was before, and counts what its payer must act on.
func (n *DebtName) store(x *exec, t Debt, before DebtState, out *Outcome) Code {
	x.debts.put(x, n.id(), t)
	if was, is := before.mustAct(), t.State.mustAct(); was != is {
		x.countUnpaid(unpaidID{n.Payer, n.Cycle}, is)
	}
	out.Cycle, out.Currency, out.Book, out.Payer, out.Payee, out.Debt = n.Cycle, n.Currency, n.Book, n.Payer, n.Payee,
		t.State
	return OK
}

// PaymentPosted says that the payer has paid a debt outside the ledger, under a reference.
type PaymentPosted struct {
	Debt DebtName
	Ref  [32]byte
}

// Kind returns KindPaymentPosted.
func (*PaymentPosted) Kind() Kind { return KindPaymentPosted }

func (f *PaymentPosted) appendTo(b []byte) []byte { return append(f.Debt.appendTo(b), f.Ref[:]...) }

func (*PaymentPosted) expiry() (ms uint64, fixed bool) { return 0, false }

func (*PaymentPosted) keys() [][32]byte { return nil }

func (*PaymentPosted) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*PaymentPosted) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*PaymentPosted) about() Subject { return Subject{} }

func (*PaymentPosted) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*PaymentPosted) shown() string { return "" }

// mark has nothing to return: after an objection a payment is posted again.
func (*PaymentPosted) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *PaymentPosted) asks(n Names) string {
	return fmt.Sprintf("post a payment of %s to %s for cycle %d", n.Member(f.Debt.Payer), n.Member(f.Debt.Payee),
		f.Debt.Cycle)
}

func (f *PaymentPosted) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := x.memberSignedInAnyState(tx, f.Debt.Payer); c != OK {
		return c
	}
	t, code := f.Debt.find(x)
	if code != OK {
		return code
	}
	before := t.State
	switch before {
	case DebtOpen:
		t.State = DebtPosted
	case DebtObjected:
		t.State = DebtReposted
	default:
		return CycleState
	}
	t.Ref, t.At = f.Ref, x.now
	return f.Debt.store(x, t, before, out)
}

// PaymentOp is what is said of a payment.
type PaymentOp uint8

// The operations: the payee confirms or objects, the clearer confirms in its place.
const (
	PaymentConfirm PaymentOp = iota
	PaymentObject
	PaymentClear
)

// String returns "confirm", "object" or "clear".
func (o PaymentOp) String() string { return named([]string{"confirm", "object", "clear"}, uint8(o)) }

// PaymentConfirmed says that a debt was paid, or that a posted payment has not come.
type PaymentConfirmed struct {
	Debt DebtName
	Op   PaymentOp
}

// Kind returns KindPaymentConfirmed.
func (*PaymentConfirmed) Kind() Kind { return KindPaymentConfirmed }

func (f *PaymentConfirmed) appendTo(b []byte) []byte { return append(f.Debt.appendTo(b), byte(f.Op)) }

func (*PaymentConfirmed) expiry() (ms uint64, fixed bool) { return 0, false }

func (*PaymentConfirmed) keys() [][32]byte { return nil }

func (*PaymentConfirmed) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*PaymentConfirmed) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (*PaymentConfirmed) about() Subject { return Subject{} }

func (*PaymentConfirmed) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*PaymentConfirmed) shown() string { return "" }

// mark has nothing to return: an objection is answered by another posting.
func (*PaymentConfirmed) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *PaymentConfirmed) asks(n Names) string {
	return fmt.Sprintf("%s the payment of %s to %s for cycle %d", f.Op, n.Member(f.Debt.Payer),
		n.Member(f.Debt.Payee), f.Debt.Cycle)
}

func (f *PaymentConfirmed) execute(x *exec, tx *Tx, out *Outcome) Code {
	if c := f.signed(x, tx); c != OK {
		return c
	}
	t, code := f.Debt.find(x)
	if code != OK {
		return code
	}
	before := t.State
	posted := before == DebtPosted || before == DebtReposted
	switch {
	case f.Op == PaymentConfirm && before == DebtConfirmed,
		f.Op == PaymentObject && !posted,
		f.Op == PaymentClear && (!posted || x.now < t.At+ClearMs):
		return CycleState
	case f.Op == PaymentObject:
		t.State = DebtObjected
		return f.Debt.store(x, t, before, out)
	}
	t.State = DebtConfirmed
	if f.Debt.Book == BookSecured && !x.unlockPaid(&f.Debt, t.Amount) {
		return CycleState
	}
	return f.Debt.store(x, t, before, out)
}

// signed makes the checks (d) for who may say it.
func (f *PaymentConfirmed) signed(x *exec, tx *Tx) Code {
	switch f.Op {
	case PaymentConfirm:
		return x.memberSignedInAnyState(tx, f.Debt.Payee)
	case PaymentObject:
		return x.memberSigned(tx, f.Debt.Payee, 0, nil, false)
	}
	clearer := x.proto().Clearer
	if clearer == 0 || clearer == f.Debt.Payer || clearer == f.Debt.Payee {
		return NotAuthorised
	}
	return x.memberSigned(tx, clearer, RolePayment, nil, false)
}

// unlockPaid frees what the payer's lock held for a secured debt.
func (x *exec) unlockPaid(n *DebtName, amount uint64) bool {
	at, lock := positionID{n.Cycle, n.Currency, n.Payer}, fundingID{n.Payer, n.Currency}
	position, funding := x.positions.get(x, at), x.funding.get(x, lock)
	if position == nil || funding == nil || position.Held < amount || funding.Locked < amount {
		x.damaged("debt %+v of %d is not held", *n, amount)
		return false
	}
	p, f := *position, *funding
	p.Held -= amount
	f.Locked -= amount
	x.positions.put(x, at, p)
	x.funding.put(x, lock, f)
	return true
}
