package coupon

import (
	"fmt"
	"sort"
)

// Code is the outcome of a transaction (rules 3.3). 0 means accepted; any other value
// is the number after the E. Codes are part of receipts, hence of consensus.
type Code uint16

// The codes of both stages, with the numbers and names of rules 3.3.
const (
	OK Code = 0

	BadEncoding   Code = 101
	BadSignature  Code = 102
	WrongChain    Code = 103
	TxExpired     Code = 104
	DuplicateTx   Code = 105
	NotAuthorised Code = 106
	TooLarge      Code = 107
	Overloaded    Code = 108
	LifeTooLong   Code = 109
	Overflow      Code = 110

	BadTerms          Code = 201
	BadWindow         Code = 202
	TermsLocked       Code = 203
	CampaignNotActive Code = 204
	SerialRange       Code = 205

	NotFound            Code = 301
	AlreadyClaimed      Code = 302
	SupplyExhausted     Code = 303
	HolderLimit         Code = 304
	EligibilityRequired Code = 305
	NullifierUsed       Code = 306
	ClaimWindow         Code = 307
	AlreadyEntered      Code = 308
	DrawNotReady        Code = 309

	NotOwner           Code = 401
	NotTransferable    Code = 402
	StaleSeq           Code = 403
	WrongState         Code = 404
	PriceAboveCeiling  Code = 405
	OfferGone          Code = 406
	PaymentNotAttested Code = 407
	GiftTerms          Code = 409
	SwapTerms          Code = 410
	PaymentUsed        Code = 412

	ReservedElsewhere   Code = 501
	TTLTooLong          Code = 502
	NotYetValid         Code = 503
	Expired             Code = 504
	MerchantNotEligible Code = 505
	MinSpend            Code = 506
	ValueMismatch       Code = 507
	InsufficientValue   Code = 508
	AlreadyRedeemed     Code = 509
	BudgetExhausted     Code = 510
	InvoiceExpired      Code = 511
	AlreadyVoided       Code = 512
	RollbackWindow      Code = 513
	RefundRule          Code = 514
	InvoiceUsed         Code = 515
	CurrencyMismatch    Code = 516
	TillCap             Code = 517
	InvoiceFacts        Code = 518
	ShowLimit           Code = 519
	NotStackable        Code = 520

	Underfunded      Code = 601
	CutoffNotReached Code = 602
	CycleState       Code = 603
	DisputeWindow    Code = 604
	NotArbiter       Code = 605
	EvidenceInvalid  Code = 606
	PayerOverdue     Code = 607
	TooLate          Code = 608
	MemberBusy       Code = 609

	Quorum   Code = 701
	KeyState Code = 702

	VoteState Code = 703
)

// CodeInfo is what people and tools are told about one code.
type CodeInfo struct {
	// Code is the number.
	Code Code
	// Name is the upper-case name of rules 3.3, for example NOT_FOUND.
	Name string
	// Word is the one word that people read; several codes share a word. It is
	// "refused" where rules 3.3 gives none.
	Word string
	// Explanation says in one sentence what happened.
	Explanation string
	// Advice says what to do about it.
	Advice string
	// Stage is 1, or 2 for codes that no transaction of version 1 of the rules gives.
	Stage uint8
}

const wordOther = "refused"

// codeTable is in ascending order of Code and is never changed.
var codeTable = [...]CodeInfo{
	{BadEncoding, "BAD_ENCODING", wordOther, "The bytes are not the one encoding that the rules allow.",
		"Build the transaction with a current wallet or tool; do not edit its bytes.", 1},
	{BadSignature, "BAD_SIGNATURE", wordOther, "A key is not a valid public key, or a signature does not match.",
		"Sign again with the right key and the right chain.", 1},
	{WrongChain, "WRONG_CHAIN", wordOther, "The transaction was made for another ledger.",
		"Check which network the wallet or tool is set to.", 1},
	{TxExpired, "TX_EXPIRED", "code_stale", "The authorisation's time ran out before it reached the ledger.",
		"Show a fresh code and try again.", 1},
	{DuplicateTx, "DUPLICATE_TX", wordOther, "This very transaction has been decided before.",
		"Read the receipt of the first one; sign a new transaction to act again.", 1},
	{NotAuthorised, "NOT_AUTHORISED", "not_allowed", "A signer has no right to do this.",
		"Check the member, its state and roles, and that each key is one of its admin keys.", 1},
	{TooLarge, "TOO_LARGE", wordOther, "The transaction is larger than 8192 bytes.",
		"Split the work into several transactions.", 1},
	{Overloaded, "OVERLOADED", wordOther, "The node takes no more work from you at the moment.",
		"Wait a little and send the same transaction again.", 1},
	{LifeTooLong, "LIFE_TOO_LONG", wordOther, "The expiry lies further ahead than the rules allow.",
		"Use a shorter life: 180 s, or 7 days for transactions signed by members.", 1},
	{Overflow, "OVERFLOW", wordOther, "A number would leave its range.",
		"Nothing was changed; report the transaction to the operator.", 1},

	{BadTerms, "BAD_TERMS", wordOther, "The terms contradict themselves or name something that does not exist.",
		"Compare the terms with the table of their kind, and check currency, funders, shops and budget.", 1},
	{BadWindow, "BAD_WINDOW", wordOther, "The dates are in the wrong order or too far ahead.",
		"Check that each window opens before it closes and has not closed yet.", 1},
	{TermsLocked, "TERMS_LOCKED", wordOther, "The change would worsen what holders already have.",
		"Publish a new campaign for the new terms.", 2},
	{CampaignNotActive, "CAMPAIGN_NOT_ACTIVE", "campaign_paused", "The campaign is paused or closed.",
		"Wait until the issuer resumes it; a closed campaign stays closed.", 1},
	{SerialRange, "SERIAL_RANGE", wordOther, "The batch does not continue the campaign's serial numbers.",
		"Start at the campaign's next serial and stay within its supply and 1024 batches.", 1},

	{NotFound, "NOT_FOUND", "unknown_code", "There is no such coupon, campaign, redemption or ticket.",
		"Check the code; it may belong to another network.", 1},
	{AlreadyClaimed, "ALREADY_CLAIMED", wordOther, "Somebody has claimed this ticket before.",
		"Ask the issuer for another ticket.", 1},
	{SupplyExhausted, "SUPPLY_EXHAUSTED", "budget_spent", "All coupons of the campaign are gone.",
		"Look for another campaign.", 2},
	{HolderLimit, "HOLDER_LIMIT", "limit_reached", "This key has claimed as often as the campaign allows.",
		"Nothing more can be claimed with this key.", 1},
	{EligibilityRequired, "ELIGIBILITY_REQUIRED", wordOther, "The campaign asks for a proof of eligibility.",
		"Get an eligibility token from a member that knows you.", 2},
	{NullifierUsed, "NULLIFIER_USED", wordOther, "The eligibility token has been used.",
		"One token allows one claim.", 2},
	{ClaimWindow, "CLAIM_WINDOW", wordOther, "The campaign cannot be claimed now, or the ticket's time is over.",
		"Check the claim dates; an expired ticket must be replaced by the issuer.", 1},
	{AlreadyEntered, "ALREADY_ENTERED", wordOther, "This key has entered the draw.",
		"Wait for the draw.", 2},
	{DrawNotReady, "DRAW_NOT_READY", wordOther, "The draw has not been made.",
		"Try again after the draw.", 2},

	{NotOwner, "NOT_OWNER", "given_away", "The signing key does not own the coupon.",
		"The coupon was given away; ask its holder.", 1},
	{NotTransferable, "NOT_TRANSFERABLE", "not_allowed", "The coupon may not be passed on, or not once more.",
		"It can still be redeemed by its holder.", 1},
	{StaleSeq, "STALE_SEQ", "code_stale", "The coupon has changed since this was signed.",
		"Show a fresh code and try again.", 1},
	{WrongState, "WRONG_STATE", "given_away", "The coupon has been offered as a gift that is still open.",
		"Take the gift back first, or wait until it lapses.", 1},
	{PriceAboveCeiling, "PRICE_ABOVE_CEILING", wordOther, "The price is above the campaign's resale ceiling.",
		"Lower the price.", 2},
	{OfferGone, "OFFER_GONE", wordOther, "The offer was cancelled or has lapsed.",
		"Look for another offer.", 2},
	{PaymentNotAttested, "PAYMENT_NOT_ATTESTED", wordOther, "No payment member has confirmed the price.",
		"Pay through the payment member that the offer names.", 2},
	{GiftTerms, "GIFT_TERMS", wordOther, "The gift's end or receiver is not allowed.",
		"Let the gift end within 30 days and use a key other than the owner's.", 1},
	{SwapTerms, "SWAP_TERMS", wordOther, "The coupon given is not the one that the offer wants.",
		"Give one of the wanted campaign that holds as much and lives as long as the offer asks.", 2},
	{PaymentUsed, "PAYMENT_USED", wordOther, "This attestation of a payment has been used.",
		"Ask the payment member for a new one.", 2},

	{ReservedElsewhere, "RESERVED_ELSEWHERE", wordOther, "Another till has reserved the coupon.",
		"Pay there, or wait until the reservation lapses.", 2},
	{TTLTooLong, "TTL_TOO_LONG", wordOther, "The reservation would be too long.",
		"Reserve for at most 15 minutes.", 2},
	{NotYetValid, "NOT_YET_VALID", "not_started", "The coupon cannot be redeemed yet.",
		"Come back when its redemption window has opened.", 1},
	{Expired, "EXPIRED", "expired", "The coupon's time is over.",
		"Nothing can be done; the end was fixed when it was published.", 1},
	{MerchantNotEligible, "MERCHANT_NOT_ELIGIBLE", "wrong_shop", "The coupon is not good at this shop.",
		"Use it at one of the shops that its terms name.", 1},
	{MinSpend, "MIN_SPEND", "amount_too_low", "The bill is below the minimum, or the coupon gives nothing on it.",
		"Add to the bill.", 1},
	{ValueMismatch, "VALUE_MISMATCH", wordOther, "The authorised value is not the value that the terms give.",
		"Make a new invoice and authorise the value that the wallet shows.", 1},
	{InsufficientValue, "INSUFFICIENT_VALUE", wordOther, "The coupon holds less than was asked for.",
		"Authorise at most the value that is left.", 1},
	{AlreadyRedeemed, "ALREADY_REDEEMED", "already_redeemed", "The coupon has been used up.",
		"Look at the wallet's history for where it was redeemed.", 1},
	{BudgetExhausted, "BUDGET_EXHAUSTED", "budget_spent", "The campaign's budget covers no further coupon.",
		"Look for another campaign.", 1},
	{InvoiceExpired, "INVOICE_EXPIRED", "code_stale", "The till's invoice has lapsed.",
		"Make a new invoice.", 1},
	{AlreadyVoided, "ALREADY_VOIDED", wordOther, "The redemption has been undone before.",
		"Nothing needs to be done.", 1},
	{RollbackWindow, "ROLLBACK_WINDOW", wordOther, "The redemption is final and can no longer be undone.",
		"Refund the customer by other means.", 1},
	{RefundRule, "REFUND_RULE", wordOther, "The refund is too early or larger than the redemption.",
		"Check the redemption's final time and amount.", 2},
	{InvoiceUsed, "INVOICE_USED", "limit_reached", "A coupon has been redeemed on this invoice.",
		"Make a new invoice for another sale.", 1},
	{CurrencyMismatch, "CURRENCY", wordOther, "Invoice, till and campaign do not share one currency.",
		"Use a till of the campaign's currency.", 1},
	{TillCap, "TILL_CAP", "limit_reached", "The till has reached its cap for today.",
		"Use another till, or wait until midnight UTC.", 1},
	{InvoiceFacts, "INVOICE_FACTS", "wrong_item", "The invoice does not state what this coupon needs.",
		"Scan the coupon first, then make the invoice for its campaign and items.", 1},
	{ShowLimit, "SHOW_LIMIT", "limit_reached", "The value is above what a shown code may take.",
		"Let the customer scan the till's invoice instead.", 1},
	{NotStackable, "NOT_STACKABLE", wordOther, "These coupons cannot be used together.",
		"Use one of them.", 2},

	{Underfunded, "UNDERFUNDED", wordOther, "A funder's free limit does not cover its share of the budget.",
		"Lower the budget: what the funder has locked for other campaigns stays locked.", 1},
	{CutoffNotReached, "CUTOFF_NOT_REACHED", wordOther, "The settlement cycle has not ended.",
		"Try again after the cycle's end.", 2},
	{CycleState, "CYCLE_STATE", wordOther, "The settlement cycle is in another state.",
		"Look at the cycle's state first.", 2},
	{DisputeWindow, "DISPUTE_WINDOW", wordOther, "The redemption can no longer be disputed.",
		"Settle the matter outside the ledger.", 2},
	{NotArbiter, "NOT_ARBITER", wordOther, "The signer is not an arbiter of these terms.",
		"Ask an arbiter that the terms name.", 2},
	{EvidenceInvalid, "EVIDENCE_INVALID", wordOther, "The two messages do not prove a conflict.",
		"Submit two validly signed messages that contradict each other.", 2},
	{PayerOverdue, "PAYER_OVERDUE", wordOther, "A funder has not paid what it owes for a settled cycle.",
		"Pay and let the payee confirm, then try again.", 2},
	{TooLate, "TOO_LATE", wordOther, "The notice that the rules ask for is not kept.",
		"Choose a later time or height.", 2},
	{MemberBusy, "MEMBER_BUSY", wordOther, "The member is in a state in which this cannot be done.",
		"Look at the member's state first.", 2},

	{Quorum, "QUORUM", "not_allowed", "A member has signed with fewer keys than its threshold.",
		"Collect the missing signatures and submit again.", 1},
	{KeyState, "KEY_STATE", "till_revoked", "The till key is unknown, revoked, out of its window or without the right.",
		"Pair the till anew, or use a key that has the right.", 1},
	{VoteState, "VOTE_STATE", wordOther, "The proposal is decided, lapsed or unknown, or its proposer has too many.",
		"Look at the proposal's state first.", 2},
}

// Codes returns the table of all codes but OK, in ascending order. The caller
// owns the slice.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codeTable[:]...) }

// Info returns what is known of c; ok is false for OK and unlisted numbers.
func (c Code) Info() (info CodeInfo, ok bool) {
	i := sort.Search(len(codeTable), func(i int) bool { return codeTable[i].Code >= c })
	if i < len(codeTable) && codeTable[i].Code == c {
		return codeTable[i], true
	}
	return CodeInfo{}, false
}

// Listed reports whether c is OK or in the table.
func (c Code) Listed() bool {
	_, ok := c.Info()
	return ok || c == OK
}

// String returns "OK", or the code's number as "E301".
func (c Code) String() string {
	if c == OK {
		return "OK"
	}
	return fmt.Sprintf("E%03d", uint16(c))
}

// Name returns the upper-case name, "OK" for OK, or "" for unlisted numbers.
func (c Code) Name() string {
	if c == OK {
		return "OK"
	}
	info, _ := c.Info()
	return info.Name
}

// Word returns the word that people read, "ok" for OK, "refused" where rules 3.3 gives
// no word of its own.
func (c Code) Word() string {
	if c == OK {
		return "ok"
	}
	if info, ok := c.Info(); ok {
		return info.Word
	}
	return wordOther
}

// Explain returns a sentence that says what happened and one that says what to
// do, or "" for OK and unlisted numbers.
func (c Code) Explain() string {
	info, ok := c.Info()
	if !ok {
		return ""
	}
	return info.Explanation + " " + info.Advice
}

// ParseCode finds a code by its number ("E301" or "301"), or by its name
// ("NOT_FOUND").
func ParseCode(s string) (Code, bool) {
	for i := range codeTable {
		c := &codeTable[i]
		if s == c.Name || s == c.Code.String() || s == c.Code.String()[1:] {
			return c.Code, true
		}
	}
	return OK, false
}

// InReceipt reports whether a receipt can carry c: the stateless codes and E108
// have no receipt.
func (c Code) InReceipt() bool {
	switch c {
	case BadEncoding, BadSignature, WrongChain, TooLarge, Overloaded:
		return false
	case OK:
		return true
	}
	_, ok := c.Info()
	return ok
}

// burnsID reports whether the outcome c of a transaction of kind k is recorded,
// so that the id keeps it for ever (rules 3.3 b). The exceptions let nobody burn
// another's id by submitting it with too few member signatures. LifeTooLong is
// recorded where it is the invoice's (an envelope that lives too long never gets
// that far): else a refused redemption could come back after the customer paid.
func (c Code) burnsID(k Kind) bool {
	if spec := kindTable[k]; c != OK && spec != nil && spec.unrecorded {
		return false
	}
	switch c {
	case TxExpired, DuplicateTx, NotAuthorised, Quorum:
		return false
	case NotFound:
		spec := kindTable[k]
		return spec == nil || !spec.notFoundFirst
	}
	return true
}

// Ending says what a proven receipt means for the id of its transaction: whether
// the same bytes can still have an effect.
type Ending uint8

// The endings, and what who holds the receipt does next.
const (
	// StaysOpen ends nothing: nothing was recorded, and a later block may accept
	// the same bytes until they expire.
	StaysOpen Ending = iota
	// EndedBefore is that of E105: the receipt names the outcome that counts.
	EndedBefore
	// Ended is the outcome of the id for ever.
	Ended
)

// String returns "open", "first" or "ended".
func (e Ending) String() string { return named([]string{"open", "first", "ended"}, uint8(e)) }

// Ending returns what a receipt with the code c says of a transaction of kind k,
// 0 if the kind is not known: only what is recorded ends an id (rules 3.3 b). E109 stays
// open because the code does not tell whether it was the envelope's, which is not
// recorded, or the invoice's. Codes that no receipt carries end nothing.
func (c Code) Ending(k Kind) Ending {
	switch {
	case c == DuplicateTx:
		return EndedBefore
	case c == LifeTooLong, !c.InReceipt(), k == 0 && c.openForSome(), !c.burnsID(k):
		return StaysOpen
	}
	return Ended
}

// openForSome reports whether some kinds of transactions can have c as a refusal that is
// not recorded, and others as one that is.
func (c Code) openForSome() bool { return c == NotFound || c == EvidenceInvalid || c == TooLate }

// Error is a stateless failure (rules 3.3 a): the transaction or payload is refused
// before any block and has no receipt.
type Error struct {
	// Code is E101, E102, E103 or E107.
	Code Code
	// Detail says what was wrong, for people.
	Detail string
}

// Error returns code, name and detail.
func (e *Error) Error() string {
	return fmt.Sprintf("coupon: %s %s: %s", e.Code, e.Code.Name(), e.Detail)
}
