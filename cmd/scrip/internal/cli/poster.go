package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/desk"
)

// deskTimeout bounds one question to a desk.
const deskTimeout = 15 * time.Second

// posterPath is the path of a poster's link.
const posterPath = "/p"

// posterLink returns the link of a poster; it holds nothing that anybody must not
// see.
func posterLink(host string, campaign uint32, deskURL string) string {
	link := fmt.Sprintf("%s%s/%d", strings.TrimRight(host, "/"), posterPath, campaign)
	if deskURL != "" {
		link += "#d=" + url.QueryEscape(deskURL)
	}
	return link
}

// posterForm finds the link of a poster in a text; what follows it does not count. The
// campaign stands in the path or, in links of old, behind the #.
var posterForm = regexp.MustCompile(posterPath + `(?:/([1-9][0-9]{0,9})\b(?:` + posterValues + `)?|` +
	posterValues + `)`)

const posterValues = `(?:#|%23)((?:[a-z]=[^\s<>"'?#]*)+)`

// Forms of a poster's values, of which what follows them is cut off.
var (
	posterNumber = regexp.MustCompile(`^[0-9]{1,10}(?:$|[^0-9A-Za-z])`)
	posterDesk   = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]*[A-Za-z0-9\]]`)
)

// parsePoster reads the link of a poster; ok is false for other texts.
func parsePoster(text string) (campaign uint32, deskURL string, ok bool) {
	found := posterForm.FindStringSubmatch(text)
	if found == nil {
		return 0, "", false
	}
	v, _ := url.ParseQuery(found[2] + found[3]) // what cannot be read of a tail is left out
	if found[1] != "" {
		v.Set("c", found[1])
	}
	digits := strings.TrimRightFunc(posterNumber.FindString(v.Get("c")), func(r rune) bool { return !unicode.IsDigit(r) })
	n, err := strconv.ParseUint(digits, 10, 32)
	deskURL = posterDesk.FindString(v.Get("d"))
	return uint32(n), deskURL, err == nil && n > 0 && (deskURL == "") == (v.Get("d") == "")
}

// claimTicket claims the coupon of a ticket that carries its secret.
func (a *App) claimTicket(ctx context.Context, c *client.Client, p *purse.Purse, t *coupon.TicketPayload,
	s *sending,
) error {
	ticket, err := checkTicket(ctx, c, t, &ticketState{})
	if err != nil {
		return err
	}
	return a.claim(ctx, c, p, &ticket, s)
}

// claimPoster gets a ticket from the desk of a poster and claims its coupon. Until
// the coupon is in the wallet's index, the wallet asks with the same key.
func (a *App) claimPoster(ctx context.Context, c *client.Client, p *purse.Purse, campaign uint32, deskURL string,
	s *sending,
) error {
	if s.dryRun {
		return &Error{Exit: ExitUsage, Text: "a dry run of a poster would use up a ticket of its desk",
			Remedy: "The desk gives each ticket once, and that is not undone.",
			Next:   fmt.Sprintf("scrip campaign show %d", campaign)}
	}
	if deskURL == "" {
		demo, err := a.demo(0)
		if err != nil {
			return err
		}
		if demo == nil {
			return usageError("the link does not say where the desk is: add &d=ADDRESS")
		}
		deskURL = demo.Desk
	}
	claim := coupon.NewSigner(p.ClaimSeed(campaign))
	t, err := desk.Ask(ctx, &http.Client{Timeout: deskTimeout}, deskURL, campaign, claim.Key)
	switch {
	case errors.Is(err, desk.ErrRefused):
		return &Error{Exit: ExitRefused, Text: "the desk has no ticket", Cause: err,
			Remedy: "The campaign may be over, paused or given out.", Next: fmt.Sprintf("scrip campaign show %d", campaign)}
	case err != nil:
		return &Error{Exit: ExitUnreachable, Cause: err, Remedy: "Ask again: the wallet keeps its place."}
	}
	batch, _, err := c.Batch(ctx, campaign, t.Batch)
	if err != nil {
		return err
	}
	ticket := actions.Ticket{Ticket: t.Ticket, Key: t.TicketKey, Signature: t.Signature, Claim: claim}
	if !ticket.Genuine(c.Chain(), &batch) {
		return &Error{Exit: ExitNotAllowed, Text: "the desk's ticket is not genuine",
			Remedy: "The poster may be a forgery: ask in the shop."}
	}
	return a.claim(ctx, c, p, &ticket, s)
}
