package client

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// TermsTextAnswer is the text of a campaign's terms. Only a text with the hash that was
// asked for counts.
type TermsTextAnswer struct {
	Hash     Hash   `json:"hash" doc:"SHA-256 of the text: terms_hash of the terms that name it"`
	Campaign uint32 `json:"campaign" doc:"A campaign whose terms name it; others may too"`
	Version  uint16 `json:"version" doc:"The version of that campaign's terms"`
	Text     string `json:"text" doc:"The text itself"`
}

// TermsTextEntry says which text a node has.
type TermsTextEntry struct {
	Hash     Hash   `json:"hash"`
	Campaign uint32 `json:"campaign"`
	Version  uint16 `json:"version"`
}

// TermsTextsAnswer lists the texts of a node.
type TermsTextsAnswer struct {
	Texts []TermsTextEntry `json:"texts"`
}

// PutTermsText is the body that hands in a text.
type PutTermsText struct {
	Version uint16 `json:"version,omitempty" doc:"The version of the terms that name it; 0 or missing: the current one"`
	Text    string `json:"text" doc:"The text, byte for byte as it was hashed"`
}

// TermsText returns the text of terms by their hash (coupon.Terms.TermsHash), from the
// first node that has one that fits. Errors wrap ErrNotFound if all nodes asked say that
// they have none, and ErrUnreachable if none gave a usable answer.
func (c *Client) TermsText(ctx context.Context, hash [32]byte) (string, error) {
	a, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*TermsTextAnswer, error) {
		a := new(TermsTextAnswer)
		err := c.do(ctx, n, request{method: http.MethodGet, path: "/v1/terms/" + Hash(hash).String()}, a)
		if err == nil && sha256.Sum256([]byte(a.Text)) != hash {
			err = fmt.Errorf("%w: the text has another hash", ErrFalse)
		}
		return a, err
	}, nil)
	if errs == nil {
		return a.Text, nil
	}
	for _, err := range errs {
		if problemCode(err) != ProblemNotFound {
			return "", failed("read the text of the terms", errs)
		}
	}
	return "", fmt.Errorf("the text of the terms: %w", ErrNotFound)
}

func termsTextPath(campaign uint32) string { return fmt.Sprintf("/v1/campaigns/%d/terms", campaign) }

// PublishTermsText hands the text of a version of a campaign's terms to all nodes of the
// client, 0 for the current one. It returns what each said; the error wraps ErrUnreachable
// if none took it.
func (c *Client) PublishTermsText(ctx context.Context, campaign uint32, version uint16, text string) ([]Handed, error) {
	what := fmt.Sprintf("publish the text of the terms of campaign %d", campaign)
	body, err := json.Marshal(PutTermsText{Version: version, Text: text})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	q := url.Values{"min_height": {strconv.FormatUint(c.Floor(), 10)}} // a node may not have the campaign yet
	return c.handAll(ctx, what, request{path: termsTextPath(campaign), query: q, body: body},
		func() any { return new(TermsTextEntry) })
}

// TermsTextList returns which texts one node says that it has.
func (c *Client) TermsTextList(ctx context.Context) ([]TermsTextEntry, error) {
	a, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*TermsTextsAnswer, error) {
		a := new(TermsTextsAnswer)
		return a, c.do(ctx, n, request{method: http.MethodGet, path: "/v1/terms"}, a)
	}, nil)
	if errs != nil {
		return nil, failed("list the texts of terms", errs)
	}
	return a.Texts, nil
}
