package desk

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// answerBytesMax bounds what a desk may answer.
const answerBytesMax = 16 << 10

// ErrBusy says that a desk asks to come back later. Asking again with the same claim
// key loses nothing.
var ErrBusy = errors.New("the desk is busy")

// Ask asks the desk at an address for the ticket of a claim key. The answer is the
// desk's word: its ticket key and signature are the caller's to check against the
// proven batch. The error wraps ErrRefused or ErrBusy where the desk says so.
func Ask(ctx context.Context, c *http.Client, base string, campaign uint32, claimKey [32]byte) (t Ticket, err error) {
	fail := func(err error) (Ticket, error) { return Ticket{}, fmt.Errorf("ask the desk at %s: %w", base, err) }
	body, err := json.Marshal(map[string]any{"campaign": campaign, "claim_key": hex.EncodeToString(claimKey[:])})
	if err != nil {
		return fail(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/tickets", bytes.NewReader(body))
	if err != nil {
		return fail(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := c.Do(r)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	switch {
	case err != nil:
		return fail(err)
	case response.StatusCode == http.StatusForbidden:
		return fail(ErrRefused)
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable:
		return fail(ErrBusy)
	case response.StatusCode != http.StatusOK:
		return fail(fmt.Errorf("it answers %s", response.Status))
	}
	var a answer
	if err := json.Unmarshal(b, &a); err != nil || len(a.Signature) != len(t.Signature) || a.Campaign != campaign {
		return fail(errors.New("its answer is no ticket of the campaign"))
	}
	if t.TicketKey, err = keys.Decode(keys.Ticket, a.TicketKey); err != nil {
		return fail(err)
	}
	t.Ticket = coupon.Ticket{Campaign: campaign, Batch: a.Batch, Serial: a.Serial, ClaimKey: claimKey,
		Expires: uint64(a.Expires.Ms)}
	t.Signature = [64]byte(a.Signature)
	return t, nil
}
