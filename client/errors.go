package client

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
)

// Errors of a Client, compared with errors.Is.
var (
	// ErrNotFound says that the state at a proven height has no such row.
	ErrNotFound = errors.New("client: not found")
	// ErrStale says that an answer is older than what this client has seen, or
	// than MaxAge: the node is behind, or the chain has stopped.
	ErrStale = errors.New("client: the answer is too old")
	// ErrUnreachable says that no node gave a usable answer.
	ErrUnreachable = errors.New("client: no node gave a usable answer")
)

// NotFoundError says what a proven state does not have. errors.Is finds ErrNotFound.
type NotFoundError struct {
	What   string // such as "coupon 3-12"
	Height uint64 // of the proven state
}

// Error implements error.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no %s on the ledger at height %d", e.What, e.Height)
}

// Is reports whether target is ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// Refusal says that a transaction had no effect so far.
//
// A final one is proven by Receipt: the same bytes are refused for ever. One that is
// not final may count later, until OpenUntilMs: with a Receipt it is proven that a
// block refused it and recorded nothing; without one it is what the present state of
// f+1 members would answer, one of whom is honest.
type Refusal struct {
	ID    [32]byte
	Code  coupon.Code
	Final bool
	// Receipt is the evidence of a refusal by a block.
	Receipt *Receipt
	// OpenUntilMs is the chain time from which no block can accept the transaction,
	// if it is not final; 0 if that is not known.
	OpenUntilMs uint64
	// Detail says what was wrong, in the words of a node.
	Detail string
	// Members is how many members have signed that they refuse it, if there is no
	// receipt, and Nodes how many addresses say so.
	Members, Nodes int
}

// Error implements error.
func (r *Refusal) Error() string {
	what := "is refused at the door"
	switch {
	case r.Final:
		what = "was refused for good"
	case r.Receipt != nil:
		what = "was refused by a block that recorded nothing, and is open until " + r.until() + ","
	}
	text := fmt.Sprintf("transaction %x… %s with %s", r.ID[:4], what, r.Code)
	if info, ok := r.Code.Info(); ok {
		return text + " " + info.Name + ": " + info.Explanation + " " + info.Advice
	}
	return text
}

func (r *Refusal) until() string {
	if r.OpenUntilMs == 0 {
		return "it expires"
	}
	return FormatTime(r.OpenUntilMs)
}

// UnknownError says that the outcome of a transaction is not known: it may have
// been executed, or still be, unless Lapsed. Receipt asks for it later; submitting
// the same bytes again is safe.
type UnknownError struct {
	ID [32]byte
	// ExpiresMs is the chain time from which no block can accept it; 0 if that is
	// not known.
	ExpiresMs uint64
	// Lapsed says that it has had no effect and can have none any more.
	Lapsed bool
	// State proves that it has lapsed: at a time beyond its end, what it would have
	// changed is unchanged. If it is nil, Members members have signed so, at least
	// f+1, one of whom is honest.
	State   *State
	Members int
	// Err is why the client stopped asking.
	Err error
}

// Error implements error.
func (u *UnknownError) Error() string {
	switch {
	case u.State != nil:
		return fmt.Sprintf("transaction %x… has lapsed: the state of height %d proves that it had no effect, and no block "+
			"can accept it any more", u.ID[:4], u.State.Height)
	case u.Lapsed:
		return fmt.Sprintf("transaction %x… has lapsed: %d members have signed that it had no effect, and no block can "+
			"accept it any more", u.ID[:4], u.Members)
	case u.ExpiresMs > 0:
		return fmt.Sprintf("the outcome of transaction %x… is unknown, and open until %s: %v", u.ID[:4],
			FormatTime(u.ExpiresMs), u.Err)
	}
	return fmt.Sprintf("the outcome of transaction %x… is unknown: %v", u.ID[:4], u.Err)
}

// Unwrap returns why the client stopped asking.
func (u *UnknownError) Unwrap() error { return u.Err }
