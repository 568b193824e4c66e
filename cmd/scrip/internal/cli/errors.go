package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/validator"
)

// ExitCode is the exit status of the program.
type ExitCode int

// The exit codes.
const (
	ExitDone        ExitCode = 0
	ExitOther       ExitCode = 1   // anything that has no code of its own
	ExitUsage       ExitCode = 2   // the command line or a file it names is wrong
	ExitNotFound    ExitCode = 3   // there is no such thing
	ExitNotAllowed  ExitCode = 4   // a right, a key or a permission is missing
	ExitUsed        ExitCode = 5   // already used, or in conflict with what is there
	ExitRefused     ExitCode = 6   // refused by the rules
	ExitUnreachable ExitCode = 7   // no node answers, or the network has no quorum
	ExitUnknown     ExitCode = 8   // the outcome is unknown: ask again
	ExitDamaged     ExitCode = 9   // the data of a validator are damaged: starting again does not help
	ExitInterrupted ExitCode = 130 // by the user
)

// Error is what a command tells its user when it fails: what happened, what to do
// about it, and the next command to type.
type Error struct {
	Exit ExitCode
	// Code is the code of the domain rules, such as "E509", if there is one.
	Code string
	// Kind is the kind of a validator's trouble, if it is one.
	Kind string
	// Text is one sentence that says what happened. If it is empty, Cause's is shown.
	Text string
	// Remedy is a sentence that says what to do; may be empty.
	Remedy string
	// Next is a command that can be typed; may be empty.
	Next  string
	Cause error
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Cause == nil:
		return e.Text
	case e.Text == "":
		return e.Cause.Error()
	}
	return e.Text + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// usageError is an *Error about the command line.
func usageError(format string, args ...any) *Error {
	return &Error{Exit: ExitUsage, Text: fmt.Sprintf(format, args...)}
}

// explain turns any error into one for the user.
func explain(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	for _, known := range []func(error) *Error{explainTrouble, explainTx, explainClient, explainSystem} {
		if e := known(err); e != nil {
			return e
		}
	}
	return &Error{Exit: ExitOther, Cause: err}
}

// explainTrouble explains what keeps a validator from running.
func explainTrouble(err error) *Error {
	var t *validator.Trouble
	if !errors.As(err, &t) {
		return nil
	}
	exits := map[validator.Kind]ExitCode{
		validator.KindSettings: ExitUsage, validator.KindGenesis: ExitUsage, validator.KindMissing: ExitNotFound,
		validator.KindPermission: ExitNotAllowed, validator.KindPassphrase: ExitNotAllowed,
		validator.KindUnsafeKey: ExitNotAllowed, validator.KindKeyFile: ExitNotAllowed,
		validator.KindPort: ExitUsed, validator.KindLocked: ExitUsed, validator.KindExists: ExitUsed,
		validator.KindForeign: ExitUsed,
		validator.KindDamaged: ExitDamaged, validator.KindDiverged: ExitDamaged,
	}
	exit, ok := exits[t.Kind]
	if !ok {
		exit = ExitOther
	}
	return &Error{Exit: exit, Kind: string(t.Kind), Text: t.Error(), Remedy: t.Remedy, Next: t.Next}
}

// explainTx explains what became of a transaction.
func explainTx(err error) *Error {
	var unknown *client.UnknownError
	if errors.As(err, &unknown) {
		return explainUnknown(unknown)
	}
	var refusal *client.Refusal
	if errors.As(err, &refusal) {
		e := refused(refusal.Code, refusal.Detail)
		e.Cause = err
		if refusal.Receipt != nil && !refusal.Final {
			e.Exit = ExitUnknown
			e.Text += ", by a block that recorded nothing: " + openUntil(refusal.OpenUntilMs)
		}
		return e
	}
	var rule *actions.RuleError
	if errors.As(err, &rule) {
		e := refused(rule.Code, rule.Text)
		e.Cause = err
		return e
	}
	var invalid *coupon.Error
	if errors.As(err, &invalid) {
		e := refused(invalid.Code, invalid.Detail)
		e.Cause = err
		return e
	}
	return nil
}

// explainUnknown explains an outcome that is not known. What fewer than f+1 members
// say is told as what they say.
func explainUnknown(u *client.UnknownError) *Error {
	if u.Lapsed {
		return &Error{Exit: ExitRefused, Text: u.Error(), Remedy: "Nothing has happened: make a new one."}
	}
	e := &Error{Exit: ExitUnknown, Text: u.Error(), Cause: u,
		Remedy: "It may still count. Ask again; asking changes nothing.",
		Next:   "scrip tx wait " + hex.EncodeToString(u.ID[:])}
	var refusal *client.Refusal
	if errors.As(u, &refusal) {
		said := refused(refusal.Code, "")
		e.Text = fmt.Sprintf("not known for sure: %s, says %s, and that proves nothing. %s", said.Text,
			plural(refusal.Nodes, "node"), openUntil(refusal.OpenUntilMs))
		e.Remedy = "Nothing may have happened. Name nodes of more members, or ask again; asking changes nothing."
	}
	return e
}

// openUntil says until when a transaction may still count.
func openUntil(ms uint64) string {
	if ms == 0 {
		return "it is open until it expires"
	}
	return "it is open until " + when(ms)
}

// refused returns the error for a code of the domain rules.
func refused(code coupon.Code, detail string) *Error {
	e := &Error{Exit: exitOf(code), Code: code.String(), Text: code.String() + " " + code.Name(),
		Next: "scrip explain " + code.String()}
	if info, ok := code.Info(); ok {
		e.Text, e.Remedy = strings.TrimSuffix(info.Explanation, ".")+" ("+code.String()+" "+info.Word+")", info.Advice
	}
	if detail != "" && detail != e.Remedy { // nodes repeat the advice
		e.Text += ": " + detail
	}
	return e
}

// exitOf returns the exit status of a refusal.
func exitOf(code coupon.Code) ExitCode {
	switch code {
	case coupon.OK:
		return ExitDone
	case coupon.NotFound:
		return ExitNotFound
	case coupon.NotAuthorised, coupon.NotOwner, coupon.BadSignature, coupon.NotArbiter, coupon.KeyState,
		coupon.Quorum:
		return ExitNotAllowed
	case coupon.AlreadyRedeemed, coupon.AlreadyClaimed, coupon.StaleSeq, coupon.AlreadyVoided, coupon.InvoiceUsed,
		coupon.NullifierUsed, coupon.AlreadyEntered, coupon.DuplicateTx, coupon.OfferGone, coupon.ReservedElsewhere:
		return ExitUsed
	case coupon.Overloaded:
		return ExitUnreachable
	}
	return ExitRefused
}

// explainClient explains what nodes answered, or that they did not.
func explainClient(err error) *Error {
	var p *client.Problem
	var behind *client.BehindError
	switch {
	case errors.As(err, &behind):
		return setBack(behind)
	case errors.Is(err, client.ErrNotFound):
		return &Error{Exit: ExitNotFound, Cause: err}
	case errors.As(err, &p) && p.Status == 404:
		return &Error{Exit: ExitNotFound, Code: p.Code, Text: p.Error()}
	case errors.Is(err, client.ErrStale):
		return &Error{Exit: ExitUnreachable, Cause: err, Remedy: "The nodes are behind, or the network has stopped."}
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Exit: ExitUnreachable, Cause: err,
			Remedy: "Are the addresses right, and do the nodes run?", Next: "scrip demo"}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Exit: ExitUnreachable, Cause: err, Remedy: "The nodes did not answer in time."}
	}
	return nil
}

// setBack explains that the chain stands below what was proven to this user.
func setBack(e *client.BehindError) *Error {
	return &Error{Exit: ExitUnreachable, Code: client.ProblemBehind,
		Text: fmt.Sprintf("the nodes stand at height %d (%d answered), below height %d that was proven to you before",
			e.Height, e.Nodes, e.Seen),
		Remedy: "Wait, if they are catching up. If the chain was set back on purpose (a restored copy, a demonstration " +
			"begun anew), forget what you saw; else ask the members, for decided blocks are lost.",
		Next: "scrip block latest --forget-heights"}
}

// explainSystem explains errors of this machine.
func explainSystem(err error) *Error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &Error{Exit: ExitOther, Cause: err, Remedy: "The disk is full: make room and start again; nothing is lost."}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Exit: ExitNotAllowed, Cause: err,
			Remedy: "Run it as the owner of these files, or give them to this user."}
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Exit: ExitNotFound, Cause: err}
	case errors.Is(err, fs.ErrExist):
		return &Error{Exit: ExitUsed, Cause: err}
	}
	return nil
}

// showError writes an error for the user, or for a program if results are.
func (a *App) showError(e *Error) {
	text := strings.TrimSpace(e.Error())
	if e.Text != "" && e.Code != "" {
		text = e.Text
	}
	if !a.ForPeople() {
		b, _ := json.Marshal(struct {
			Error  string `json:"error"`
			Code   string `json:"code,omitempty"`
			Kind   string `json:"kind,omitempty"`
			Exit   int    `json:"exit"`
			Remedy string `json:"remedy,omitempty"`
			Next   string `json:"next,omitempty"`
		}{text, e.Code, e.Kind, int(e.Exit), e.Remedy, e.Next})
		_, _ = fmt.Fprintf(a.Err, "%s\n", b)
		return
	}
	lines := slices.DeleteFunc([]string{"scrip: " + text, e.Remedy}, func(s string) bool { return s == "" })
	if e.Next != "" {
		lines = append(lines, "next: "+e.Next)
	}
	_, _ = fmt.Fprintln(a.Err, strings.Join(lines, "\n  "))
}
