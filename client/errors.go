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

// Refusal says that a transaction had no effect.
//
// A final one is proven by Receipt: the same bytes are refused for ever. One that
// is not final is what the asked nodes say their present state would answer; it
// proves nothing, and the transaction may count later, until it expires.
type Refusal struct {
	ID    [32]byte
	Code  coupon.Code
	Final bool
	// Receipt is the evidence of a final refusal.
	Receipt *Receipt
	// Detail says what was wrong, in the words of a node.
	Detail string
	// Nodes is how many nodes said so, if it is not final.
	Nodes int
}

// Error implements error.
func (r *Refusal) Error() string {
	what := "is refused at the door"
	if r.Final {
		what = "was refused for good"
	}
	text := fmt.Sprintf("transaction %x… %s with %s", r.ID[:4], what, r.Code)
	if info, ok := r.Code.Info(); ok {
		return text + " " + info.Name + ": " + info.Explanation + " " + info.Advice
	}
	return text
}

// UnknownError says that the outcome of a transaction is not known: it may have
// been executed, or still be. Receipt asks for it later; submitting the same
// bytes again is safe.
type UnknownError struct {
	ID [32]byte
	// ExpiresMs is the chain time from which no block can accept it.
	ExpiresMs uint64
	// Lapsed says that f+1 nodes hold no such transaction and have seen blocks
	// beyond its expiry. If these are nodes of different members, it is dead.
	Lapsed bool
	// Err is why the client stopped asking.
	Err error
}

// Error implements error.
func (u *UnknownError) Error() string {
	if u.Lapsed {
		return fmt.Sprintf("transaction %x… has lapsed: it is in no block, and none can accept it any more", u.ID[:4])
	}
	return fmt.Sprintf("the outcome of transaction %x… is unknown: %v", u.ID[:4], u.Err)
}

// Unwrap returns why the client stopped asking.
func (u *UnknownError) Unwrap() error { return u.Err }
