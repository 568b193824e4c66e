package client

import (
	"encoding/hex"
	"strconv"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// The JSON that nodes answer with. Package api writes it and Client reads it.
// Bytes are base64 (RFC 4648, with padding), numbers of 64 bits are decimal
// strings, keys are bech32m.

// States of a transaction in a TxAnswer.
const (
	StatePending  = "pending"  // taken, and in no executed block yet
	StateExecuted = "executed" // the answering node has executed it; no proof yet
	StateProved   = "proved"   // f+1 members attest the receipt
)

// TxAnswer is what a node says of a transaction.
type TxAnswer struct {
	ID      Hash    `json:"id" doc:"The transaction's id: a digest of its signed body"`
	State   string  `json:"state" enum:"pending,executed,proved" doc:"How much has happened"`
	Final   bool    `json:"final" doc:"Whether the outcome is decided: no later answer will differ"`
	Expires *Time   `json:"expires,omitempty" doc:"While not final: the chain time from which no block can accept it"`
	Known   bool    `json:"known,omitempty" doc:"Whether it was handed in before: this is the original outcome"`
	Height  U64     `json:"height,omitempty" doc:"Height of its block"`
	Index   uint32  `json:"index,omitempty" doc:"Its place in the block"`
	Time    *Time   `json:"time,omitempty" doc:"Time of its block"`
	Code    string  `json:"code,omitempty" doc:"OK, or the code of the refusal" example:"OK"`
	Word    string  `json:"word,omitempty" doc:"The word for people" example:"ok"`
	Effect  *Effect `json:"effect,omitempty" doc:"What it changed"`
	Receipt []byte  `json:"receipt,omitempty" doc:"The canonical receipt"`
	Proof   []byte  `json:"proof,omitempty" doc:"The receipt proof: certificate and path"`
	Header  []byte  `json:"header,omitempty" doc:"The header of its block, which proves the time"`
	// Statement is what a node says under its member's key of an outcome that stays open.
	Statement []byte `json:"statement,omitempty" doc:"With ?nonce, if executed and not final: under its validator key"`
}

// Effect says what an accepted transaction changed, or where a duplicate was
// decided first. Only the fields that its event has are present.
type Effect struct {
	Event    string  `json:"event,omitempty" doc:"The event's type" example:"redemption.accrued"`
	Campaign uint32  `json:"campaign,omitempty" doc:"Number of the campaign"`
	Batch    uint16  `json:"batch,omitempty" doc:"Number of the batch"`
	Till     string  `json:"till,omitempty" doc:"The till's key"`
	Coupon   U64     `json:"coupon,omitempty" doc:"Id of the coupon"`
	Serial   uint32  `json:"serial,omitempty" doc:"The coupon's number in its campaign"`
	Seq      *uint32 `json:"seq,omitempty" doc:"The coupon's new sequence number, or that of the redemption"`
	Owner    string  `json:"owner,omitempty" doc:"The owner afterwards"`
	Case     string  `json:"case,omitempty" doc:"What a transfer did"`
	Until    *Time   `json:"until,omitempty" doc:"End of the coupon afterwards"`
	Value    U64     `json:"value,omitempty" doc:"Minor units taken or given back"`
	Payable  U64     `json:"payable,omitempty" doc:"Minor units that the funders owe for it"`
	Before   U64     `json:"value_before,omitempty" doc:"Minor units in the coupon before"`
	After    U64     `json:"value_after,omitempty" doc:"Minor units in the coupon afterwards"`
	UsesLeft *uint16 `json:"uses_left,omitempty" doc:"Uses left afterwards"`
	FinalAt  *Time   `json:"final_at,omitempty" doc:"End of the time in which the redemption can be undone"`
	First    *Place  `json:"first,omitempty" doc:"Of a duplicate: where it was decided"`
	MarketEffect
}

// MarketEffect is the part of an Effect that kinds of version 2 of the rules have.
type MarketEffect struct {
	Version     uint16  `json:"version,omitempty" doc:"Version of the campaign's new terms"`
	FirstSerial uint32  `json:"first_serial,omitempty" doc:"First serial that was issued"`
	Count       uint32  `json:"count,omitempty" doc:"How many serials were issued"`
	Other       U64     `json:"other,omitempty" doc:"Id of the coupon that was given for the first"`
	OtherSeq    *uint32 `json:"other_seq,omitempty" doc:"Its new sequence number"`
	OtherOwner  string  `json:"other_owner,omitempty" doc:"Its owner afterwards"`
	Price       U64     `json:"price,omitempty" doc:"Minor units paid for the coupon"`
	Currency    uint16  `json:"currency,omitempty" doc:"ISO 4217 number of the price's or debt's currency"`
	Payer       uint16  `json:"payer,omitempty" doc:"The payment member, or who owes"`
	Offer       *Hash   `json:"offer,omitempty" doc:"Digest of the offer"`
	Amount      U64     `json:"amount,omitempty" doc:"Minor units refunded"`
	Refunded    U64     `json:"refunded,omitempty" doc:"Minor units refunded of the redemption so far"`
	Recredit    bool    `json:"recredit,omitempty" doc:"Whether the refund gave the use back"`
	Cycle       *uint32 `json:"cycle,omitempty" doc:"Number of the settlement cycle"`
	Book        *uint8  `json:"book,omitempty" doc:"Of a debt: 0 secured, 1 unsecured"`
	Payee       uint16  `json:"payee,omitempty" doc:"Who is owed"`
	Debt        string  `json:"debt,omitempty" enum:"OPEN,POSTED,CONFIRMED,OBJECTED,REPOSTED" doc:"The debt afterwards"`
	Key         *Hash   `json:"key,omitempty" doc:"The service key"`
	Member      uint16  `json:"member,omitempty" doc:"The member whose keys change"`
	From        *Time   `json:"from,omitempty" doc:"From when its keys count; none = at once"`
}

// Place is where a transaction was decided, with its code.
type Place struct {
	Height U64    `json:"height"`
	Index  uint32 `json:"index"`
	Code   string `json:"code"`
}

// EffectOf returns the effect of an outcome, or nil if it had none.
func EffectOf(o *coupon.Outcome) *Effect {
	if o.Code == coupon.DuplicateTx {
		return &Effect{First: &Place{U64(o.First.Height), o.First.Index, o.First.Code.String()}}
	}
	if o.Code != coupon.OK {
		return nil
	}
	e := &Effect{Event: o.Event().String()}
	for _, p := range o.Kind.Receipt() {
		e.state(o, p)
	}
	return e
}

// state takes one statement of a receipt over.
func (e *Effect) state(o *coupon.Outcome, p coupon.Part) {
	switch p {
	case coupon.PartCampaign:
		e.Campaign = o.Campaign
	case coupon.PartBatch:
		e.Batch = o.Batch
	case coupon.PartTill:
		e.Till = keys.Encode(keys.Till, o.TillKey)
	case coupon.PartCoupon:
		e.Coupon, e.Campaign, e.Serial = U64(o.Coupon), o.Coupon.Campaign(), o.Coupon.Serial()
	case coupon.PartCase:
		e.Case = o.Case.String()
	case coupon.PartOwner:
		e.Owner = keys.Encode(keys.Holder, o.Owner)
	case coupon.PartValue, coupon.PartGivenBack:
		e.Value = U64(o.Value)
	case coupon.PartPayable:
		e.Payable = U64(o.Payable)
	case coupon.PartBefore:
		e.Before = U64(o.Before)
	case coupon.PartAfter:
		e.After = U64(o.After)
	case coupon.PartRedemption, coupon.PartSeq:
		e.Seq = &o.Seq
	case coupon.PartUsesLeft:
		e.UsesLeft = &o.UsesLeft
	case coupon.PartUntil:
		e.Until = timeAt(o.Until)
	case coupon.PartFinalAt:
		e.FinalAt = timeAt(o.FinalAt)
	default:
		e.MarketEffect.state(o, p)
	}
}

// state takes one statement of version 2 over.
func (e *MarketEffect) state(o *coupon.Outcome, p coupon.Part) {
	switch p {
	case coupon.PartVersion:
		e.Version = o.Version
	case coupon.PartFirst:
		e.FirstSerial = o.Serial
	case coupon.PartCount:
		e.Count = o.Count
	case coupon.PartPrice:
		e.Price = U64(o.Price)
	case coupon.PartCurrency:
		e.Currency = o.Currency
	case coupon.PartPayer:
		e.Payer = o.Payer
	case coupon.PartOffer:
		e.Offer = (*Hash)(&o.Offer)
	case coupon.PartAmount:
		e.Amount = U64(o.Amount)
	case coupon.PartRefunded:
		e.Refunded = U64(o.Refunded)
	case coupon.PartRecredit:
		e.Recredit = o.Recredit == 1
	case coupon.PartCycle:
		e.Cycle = &o.Cycle
	case coupon.PartBook:
		e.Book = &o.Book
	case coupon.PartPayee:
		e.Payee = o.Payee
	case coupon.PartDebt:
		e.Debt = o.Debt.String()
	case coupon.PartKey:
		e.Key = (*Hash)(&o.Key)
	case coupon.PartMember:
		e.Member = o.Member
	case coupon.PartFrom:
		if o.From != 0 {
			e.From = timeAt(o.From)
		}
	default:
		e.other(o, p)
	}
}

// other takes over what is said of the coupon that was given for another one; a sale for
// money has none.
func (e *MarketEffect) other(o *coupon.Outcome, p coupon.Part) {
	if o.Other == 0 {
		return
	}
	switch p {
	case coupon.PartOther:
		e.Other = U64(o.Other)
	case coupon.PartOtherSeq:
		e.OtherSeq = &o.OtherSeq
	case coupon.PartOtherOwn:
		e.OtherOwner = keys.Encode(keys.Holder, o.OtherOwner)
	}
}

func timeAt(ms uint64) *Time {
	t := TimeOf(ms)
	return &t
}

// Problem is an error as nodes report it (RFC 9457, application/problem+json).
type Problem struct {
	Type     string       `json:"type" doc:"Path of a page in the node that explains the code" example:"/errors/E509"`
	Title    string       `json:"title" doc:"What happened, the same for every problem of this code"`
	Status   int          `json:"status" doc:"The HTTP status"`
	Detail   string       `json:"detail,omitempty" doc:"What to do, or what was wrong in this case"`
	Instance string       `json:"instance,omitempty" doc:"The path of the request"`
	Code     string       `json:"code" doc:"The code of the domain rules, or the API's own word" example:"E509"`
	Name     string       `json:"name" doc:"The code's name" example:"ALREADY_REDEEMED"`
	Word     string       `json:"word" doc:"The word for people, the same in all tools" example:"already_redeemed"`
	Retry    bool         `json:"retryable" doc:"Whether the same request may succeed later"`
	RetryMs  U64          `json:"retry_ms,omitempty" doc:"After how many milliseconds to try again"`
	Final    bool         `json:"final" doc:"Whether this is a transaction's decided outcome: its receipt ends the id"`
	Tx       *Hash        `json:"tx,omitempty" doc:"The transaction's id"`
	Height   U64          `json:"height,omitempty" doc:"Height of the receipt, or of the state that was asked"`
	Index    uint32       `json:"index,omitempty" doc:"Place in the block, with a receipt"`
	Time     *Time        `json:"time,omitempty" doc:"Time of the block, with a receipt"`
	TraceID  string       `json:"trace_id,omitempty" doc:"Names the request in the node's log"`
	Errors   []FieldError `json:"errors,omitempty" doc:"What was wrong with the request, by field"`
	Effect   *Effect      `json:"effect,omitempty" doc:"Of a duplicate: where it was decided"`
	Receipt  []byte       `json:"receipt,omitempty" doc:"The canonical receipt of a refusal that is in a block"`
	Proof    []byte       `json:"proof,omitempty" doc:"Its receipt proof"`
	Header   []byte       `json:"header,omitempty" doc:"The header of its block"`
	// Statement is what a node says here under its member's key.
	Statement []byte `json:"statement,omitempty" doc:"With ?nonce: what the node says, under its validator key"`
}

// FieldError is one thing that was wrong with a request.
type FieldError struct {
	Pointer string `json:"pointer" doc:"JSON pointer into the body, or the name of a parameter"`
	Detail  string `json:"detail" doc:"What was wrong there"`
}

// Error implements error.
func (p *Problem) Error() string {
	text := p.Code + ": " + p.Title
	if p.Detail != "" {
		text += " " + p.Detail
	}
	for _, e := range p.Errors {
		text += " (" + e.Pointer + ": " + e.Detail + ")"
	}
	return text
}

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of problems.
func (p *Problem) ContentType(string) string { return ProblemType }

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"

// The API's own codes, beside those of package coupon.
const (
	ProblemBadRequest    = "bad_request"    // the request does not fit its description
	ProblemNotFound      = "not_found"      // there is no such thing at this height
	ProblemUnknownTx     = "unknown_tx"     // no executed block of this node holds the transaction
	ProblemLapsed        = "lapsed"         // it is in no block, and no later one can accept it
	ProblemBehind        = "behind"         // the node has not reached the height asked for
	ProblemNoProof       = "no_proof"       // no certificate is held here
	ProblemCursorExpired = "cursor_expired" // the state that the list began with is gone
	ProblemRateLimited   = "rate_limited"   // too many requests
	ProblemLogin         = "login"          // the login header is not valid
	ProblemNotTaken      = "not_taken"      // a gateway does not take an authorisation
	ProblemProfileForm   = "profile_form"   // a profile breaks a rule of its form
	ProblemProfileKeys   = "profile_keys"   // too few of the member's keys have signed a profile
	ProblemProfileOlder  = "profile_older"  // a newer profile of the member is kept
	ProblemTermsForm     = "terms_form"     // bytes are no text of terms
	ProblemTermsHash     = "terms_hash"     // a text is not the one that the terms name
	ProblemTermsFull     = "terms_full"     // a node has no room for more texts of terms
	ProblemForbidden     = "forbidden"      // the origin or host is not allowed
	ProblemStopped       = "stopped"        // the node takes no part any more
	ProblemDiverged      = "diverged"       // what the node holds differs from what f+1 members attest
	ProblemInternal      = "internal"       // the node's own failure
)

// StateAnswer is a row of the state with its proof.
type StateAnswer struct {
	Key    string `json:"key" doc:"The row's key, hexadecimal"`
	Found  bool   `json:"found" doc:"Whether there is such a row"`
	Value  []byte `json:"value,omitempty" doc:"The row's canonical value"`
	Height U64    `json:"height" doc:"Height of the state"`
	Time   Time   `json:"time" doc:"Time of its block"`
	Root   Hash   `json:"state_root" doc:"Root of the state"`
	Final  bool   `json:"final" doc:"Always true: a quorum attests the state"`
	Proof  []byte `json:"proof" doc:"The key proof: certificate, key, value and path"`
	Header []byte `json:"header" doc:"The header of the block, which proves the time"`
}

// BlockAnswer is an executed block.
type BlockAnswer struct {
	Height      U64      `json:"height"`
	Digest      Hash     `json:"digest" doc:"The digest that names the block"`
	Parent      Hash     `json:"parent" doc:"The digest of the block below"`
	Time        Time     `json:"time"`
	View        U64      `json:"view" doc:"The view in which it was proposed"`
	Proposer    uint16   `json:"proposer" doc:"The replica that proposed it"`
	PayloadRoot Hash     `json:"payload_root"`
	TxCount     int      `json:"tx_count"`
	StateRoot   *Hash    `json:"state_root,omitempty" doc:"Root of the state after it, as the checkpoint attests"`
	ReceiptRoot *Hash    `json:"receipt_root,omitempty" doc:"Root of its receipts, as the checkpoint attests"`
	Attested    int      `json:"attested" doc:"How many members' signatures the checkpoint holds"`
	Final       bool     `json:"final" doc:"Always true: an executed block is decided"`
	Header      []byte   `json:"header,omitempty" doc:"The canonical header"`
	Txs         [][]byte `json:"txs,omitempty" doc:"Its transactions"`
	Receipts    [][]byte `json:"receipts,omitempty" doc:"Their receipts, in the same order"`
	Certificate []byte   `json:"certificate,omitempty" doc:"Its commit certificate; none if a later block's stands for it"`
	Checkpoint  []byte   `json:"checkpoint,omitempty" doc:"The certificate over its execution"`
}

// ReceiptsAnswer holds all receipts of a block with what proves them.
type ReceiptsAnswer struct {
	Height   U64    `json:"height"`
	Time     Time   `json:"time"`
	Count    int    `json:"count" doc:"How many receipts there are, one for each transaction"`
	Attested int    `json:"attested" doc:"How many members' signatures the proof holds"`
	Proof    []byte `json:"proof" doc:"The certificate, once, and all receipts in the order of the transactions"`
	Header   []byte `json:"header" doc:"The header of the block, which proves the time"`
}

// StatusAnswer says how a node is, in its own words.
type StatusAnswer struct {
	Chain      string `json:"chain" doc:"Name of the chain"`
	ChainID    string `json:"chain_id" doc:"CAIP-2 id of the chain"`
	Digest     Hash   `json:"digest" doc:"Digest of the chain"`
	Replica    uint16 `json:"replica" doc:"Number of the node in the committee"`
	Height     U64    `json:"height" doc:"Last executed height"`
	Time       Time   `json:"time" doc:"Time of that block"`
	StateRoot  Hash   `json:"state_root"`
	Certified  U64    `json:"certified_height" doc:"Last height whose state a quorum attests here"`
	View       U64    `json:"view"`
	Primary    uint16 `json:"primary" doc:"The replica that proposes in this view"`
	Validators int    `json:"validators"`
	PeersUp    int    `json:"peers_up" doc:"Other members heard lately"`
	MempoolTxs int    `json:"mempool_txs"`
	Condition  string `json:"condition" doc:"Whether the node takes part, in a word"`
	Reason     string `json:"reason,omitempty" doc:"Why it does not"`
	Ready      bool   `json:"ready"`
	UptimeS    U64    `json:"uptime_s"`
	Version    string `json:"version,omitempty" doc:"Version of the program"`
	Final      bool   `json:"final" doc:"Always true: an executed height is decided"`
	Statement  []byte `json:"statement,omitempty" doc:"With ?nonce: height and time, signed by the member's validator key"`
}

// EventAnswer is an event in the form of CloudEvents 1.0.
type EventAnswer struct {
	SpecVersion string    `json:"specversion" enum:"1.0"`
	ID          string    `json:"id" doc:"height.transaction.event, the same on every node" example:"12.3.0"`
	Source      string    `json:"source" doc:"CAIP-2 id of the chain"`
	Type        string    `json:"type" example:"coupon.claimed"`
	Subject     string    `json:"subject,omitempty" doc:"What it happened to" example:"coupon/4294967297"`
	Time        string    `json:"time" doc:"Time of the block, RFC 3339 in UTC"`
	ContentType string    `json:"datacontenttype" enum:"application/json"`
	Data        EventData `json:"data"`
}

// EventData is the chain's part of an event.
type EventData struct {
	Tx      Hash   `json:"tx" doc:"Id of the transaction"`
	Height  U64    `json:"height"`
	Index   uint32 `json:"index" doc:"Place of the transaction in its block"`
	Time    Time   `json:"time"`
	Effect  Effect `json:"effect"`
	Till    string `json:"till,omitempty" doc:"Of a redemption or its void: the till, which the receipt does not name"`
	Receipt []byte `json:"receipt" doc:"The canonical receipt, which says all of it"`
	Proof   []byte `json:"proof,omitempty" doc:"With ?proof=true: the receipt proof"`
	Header  []byte `json:"header,omitempty" doc:"With ?proof=true: the header of the block"`
}

// ChainID returns the CAIP-2 id of the chain with a digest: "scrip:" and the
// digest's first 16 bytes in hexadecimal.
func ChainID(digest [32]byte) string { return "scrip:" + hex.EncodeToString(digest[:16]) }

// EventID names an event: the same on every node and at every delivery.
type EventID struct {
	Height uint64
	Tx     uint32
	Index  uint32
}

// String returns the id's text, height.transaction.event.
func (e EventID) String() string {
	b := strconv.AppendUint(nil, e.Height, 10)
	b = strconv.AppendUint(append(b, '.'), uint64(e.Tx), 10)
	return string(strconv.AppendUint(append(b, '.'), uint64(e.Index), 10))
}

// Less reports whether e comes before o.
func (e EventID) Less(o EventID) bool {
	switch {
	case e.Height != o.Height:
		return e.Height < o.Height
	case e.Tx != o.Tx:
		return e.Tx < o.Tx
	}
	return e.Index < o.Index
}

// DryRunAnswer says what a transaction would do, without doing it.
type DryRunAnswer struct {
	ID     Hash    `json:"id" doc:"The transaction's id"`
	Code   string  `json:"code" doc:"OK, or the code of the refusal" example:"OK"`
	Name   string  `json:"name" doc:"The code's name" example:"OK"`
	Word   string  `json:"word" doc:"The word for people" example:"ok"`
	Effect *Effect `json:"effect,omitempty" doc:"What it would change"`
	Height U64     `json:"height" doc:"Height of the state that was asked"`
	Time   Time    `json:"time" doc:"The time that was assumed for the block"`
	Final  bool    `json:"final" doc:"Always false: this promises nothing"`
}
