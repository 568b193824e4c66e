package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/spelling"
)

// codeAnswer is what is told about a code; the fields are stable.
type codeAnswer struct {
	Code        string `json:"code"`
	Name        string `json:"name"`
	Word        string `json:"word"`
	Explanation string `json:"explanation"`
	Advice      string `json:"advice"`
	Stage       uint8  `json:"stage"`
	Exit        int    `json:"exit"`
}

// apiCodes are the codes that are no outcome of a transaction: nodes say them, or
// a tool says them of itself.
func apiCodes() []codeAnswer {
	return []codeAnswer{
		{client.ProblemBadRequest, "", "", "The request does not fit its description.", "See what the answer names.",
			1, int(ExitUsage)},
		{client.ProblemNotFound, "", "", "There is no such thing at this height.", "Check the number.", 1, int(ExitNotFound)},
		{client.ProblemUnknownTx, "", "", "No executed block of this node holds the transaction.",
			"Wait for it, or submit the same bytes again: that has one effect.", 1, int(ExitNotFound)},
		{client.ProblemLapsed, "", "", "The transaction is in no block, and no later one can accept it.",
			"Nothing has happened: make a new one.", 1, int(ExitRefused)},
		{client.ProblemBehind, "", "", "The node has not reached the height that was asked for.", "Ask another node.",
			1, int(ExitUnreachable)},
		{client.ProblemNoProof, "", "", "The node holds no certificate for this height.", "Ask another node.", 1,
			int(ExitUnreachable)},
		{client.ProblemCursorExpired, "", "", "The state that the list began with is gone.", "Begin the list anew.",
			1, int(ExitOther)},
		{client.ProblemRateLimited, "", "", "There were too many requests.", "Wait a little.", 1, int(ExitUnreachable)},
		{client.ProblemLogin, "", "", "The login of the till is not valid.", "Check the till's key and the clock.", 1,
			int(ExitNotAllowed)},
		{client.ProblemNotTaken, "", "", "The gateway does not take the authorisation.",
			"Show the coupon anew: it may have changed, or its code is over.", 1, int(ExitNotAllowed)},
		{client.ProblemProfileForm, "", "", "The profile breaks a rule of its form.",
			"The detail says which; docs/profiles.md has the rules.", 1, int(ExitUsage)},
		{client.ProblemProfileKeys, "", "", "The profile is not signed by enough keys of its member.",
			"Sign with as many of the member's admin keys as the ledger asks for.", 1, int(ExitNotAllowed)},
		{client.ProblemProfileOlder, "", "", "A newer profile of the member is kept.",
			"Read it, change it, and sign again.", 1, int(ExitUsed)},
		{client.ProblemTermsForm, "", "", "The text of the terms breaks a rule of its form.",
			"Give it as UTF-8 of at most 64 KiB, without characters of control or direction.", 1, int(ExitUsage)},
		{client.ProblemTermsHash, "", "", "The text is not the one that the campaign's terms name.",
			"Hand in the text byte for byte as it was when the campaign was made.", 1, int(ExitUsage)},
		{client.ProblemTermsFull, "", "", "The node has no room for more texts of terms.",
			"Hand it to another node; an operator may take away texts of campaigns that have ended.", 1, int(ExitUnreachable)},
		{client.ProblemForbidden, "", "", "The origin or host of the request is not allowed.", "Ask the operator.", 1,
			int(ExitNotAllowed)},
		{client.ProblemStopped, "", "", "The node takes no part any more.", "Ask another node.", 1, int(ExitUnreachable)},
		{client.ProblemDiverged, "", "", "The node's state is not that of the other members.", "Ask another node.", 1,
			int(ExitUnreachable)},
		{client.ProblemInternal, "", "", "The node failed by itself.", "Ask another node, and tell the operator.", 1,
			int(ExitOther)},
		{"no_quorum", "", "", "Too few members answer, so nothing can be decided.",
			"Do not hand over; the same transaction is tried again by itself.", 1, int(ExitUnreachable)},
		{"outcome_unknown", "", "", "Whether the transaction counts is not known yet.",
			"Do not hand over; ask again by its id, which changes nothing.", 1, int(ExitUnknown)},
	}
}

// allCodes are the codes of the domain rules, then the others.
func allCodes() []codeAnswer {
	var all []codeAnswer
	for _, i := range coupon.Codes() {
		all = append(all, codeAnswer{i.Code.String(), i.Name, i.Word, i.Explanation, i.Advice, i.Stage, int(exitOf(i.Code))})
	}
	return append(all, apiCodes()...)
}

// findCodes returns what a text means: a number, a name, or a word that several
// codes share.
func findCodes(text string) (found []codeAnswer) {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, c := range allCodes() {
		number := strings.ToLower(c.Code)
		if text == number || text == strings.TrimPrefix(number, "e") || text == strings.ToLower(c.Name) && text != "" {
			return []codeAnswer{c}
		}
		if text == c.Word && text != "" {
			found = append(found, c)
		}
	}
	return found
}

// nearestCode returns the code, name or word that is nearest to a wrong text.
func nearestCode(text string) string {
	best, distance := "", len(text)/2+1
	for _, c := range allCodes() {
		for _, s := range []string{c.Code, c.Name, c.Word} {
			if d := spelling.Distance(strings.ToLower(text), strings.ToLower(s)); s != "" && d < distance {
				best, distance = s, d
			}
		}
	}
	return best
}

func newExplainCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "explain [CODE]", Short: "Say what a code means and what to do",
		Long: "Say what a code means and what to do. CODE is a number such as E509, its name\n" +
			"(ALREADY_REDEEMED), or the word that people read (already_redeemed), which several\n" +
			"codes may share. Without CODE all of them are listed.",
		Example: "  scrip explain E509\n  scrip explain code_stale",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listCodes(allCodes())
			}
			found := findCodes(args[0])
			switch {
			case len(found) > 1:
				return a.listCodes(found)
			case len(found) == 1:
				return a.showCode(found[0])
			}
			e := &Error{Exit: ExitNotFound, Text: "there is no code " + quoted(args[0]), Next: "scrip explain"}
			if near := nearestCode(args[0]); near != "" {
				e.Remedy, e.Next = "Did you mean "+quoted(near)+"?", "scrip explain "+near
			}
			return e
		},
	}
}

func (a *App) showCode(c codeAnswer) error {
	fields := Fields{{"code", a.bold(strings.TrimSpace(c.Code + " " + c.Name))}}
	if c.Word != "" {
		fields = append(fields, [2]string{"word", c.Word})
	}
	fields = append(fields, Fields{{"happened", c.Explanation}, {"to do", c.Advice},
		{"exit status", fmt.Sprint(c.Exit)}}...)
	if c.Stage > 1 {
		fields = append(fields, [2]string{"stage", fmt.Sprintf("%d: no transaction of today gives it", c.Stage)})
	}
	return a.Show(c, fields)
}

func (a *App) listCodes(all []codeAnswer) error {
	rows := Rows{Head: []string{"CODE", "WORD", "WHAT HAPPENED"}}
	for _, c := range all {
		text := c.Explanation
		if c.Stage > 1 {
			text += " (stage 2)"
		}
		rows.Body = append(rows.Body, []string{c.Code, c.Word, text})
	}
	return ShowAll(a, all, rows)
}
