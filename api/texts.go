package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/profile/texts"
)

// Rate of texts: what one address may hand in. Each costs a sync of the disk.
const (
	textPerSecond = 0.1
	textBurst     = 20
)

// textBodyMax bounds the body that hands in a text: JSON may write each byte as six.
const textBodyMax = 6*texts.BytesMax + 256

const (
	tagTexts = "Terms"
	// forEver is how long a text may be cached: what has its hash never changes.
	forEver = "public, max-age=31536000, immutable"
)

// termsTexts is what the API has of the texts of terms.
type termsTexts struct {
	shelf *texts.Shelf
	put   *throttle.Limiter
}

func newTermsTexts(s *texts.Shelf) (*termsTexts, error) {
	if s == nil {
		var err error
		if s, _, err = texts.Open(""); err != nil {
			return nil, err
		}
	}
	return &termsTexts{shelf: s, put: throttle.New(textPerSecond, textBurst)}, nil
}

// isText reports whether a path is that of the text of a campaign's terms, whose body is
// larger than others.
func isText(path string) bool {
	campaign, ok := strings.CutPrefix(path, "/v1/campaigns/")
	campaign, isOne := strings.CutSuffix(campaign, "/terms")
	return ok && isOne && !strings.Contains(campaign, "/")
}

func (s *Server) textRoutes(api huma.API) {
	op := get("termsTexts", "/v1/terms", tagTexts, "Which texts of terms are kept here")
	op.Description = "For other nodes, which fetch what they lack."
	add(s, api, op, s.listTexts)
	op = get("termsText", "/v1/terms/{hash}", tagTexts, "The text of a campaign's terms, by its hash")
	op.Description = "The ledger has the SHA-256 of the text alone: terms_hash of the terms. Check the text against the " +
		"proven terms. Not every issuer has given its text to the nodes, and one node may lack what another has."
	add(s, api, op, s.termsText)
	op = huma.Operation{OperationID: "putTermsText", Method: http.MethodPost, Path: "/v1/campaigns/{id}/terms",
		Tags: []string{tagTexts}, Summary: "Hand in the text of a campaign's terms", MaxBodyBytes: textBodyMax,
		Description: "Hand the same text to every node. A node keeps the one text whose SHA-256 the issuer has signed " +
			"into the terms; so whoever has it may hand it in, and nobody can change it."}
	add(s, api, op, s.putTermsText)
}

type termsTextInput struct {
	Hash string `path:"hash" minLength:"64" maxLength:"64" doc:"SHA-256 of the text, hexadecimal"`
}

// listTexts is GET /v1/terms.
func (s *Server) listTexts(context.Context, *struct{}) (*output[client.TermsTextsAnswer], error) {
	a := client.TermsTextsAnswer{Texts: []client.TermsTextEntry{}}
	for _, e := range s.texts.shelf.List() {
		a.Texts = append(a.Texts, client.TermsTextEntry{Hash: e.Hash, Campaign: e.Campaign, Version: e.Version})
	}
	return &output[client.TermsTextsAnswer]{CacheControl: "no-cache", Body: a}, nil
}

// termsText is GET /v1/terms/{hash}.
func (s *Server) termsText(_ context.Context, in *termsTextInput) (*output[client.TermsTextAnswer], error) {
	b, err := hex.DecodeString(in.Hash)
	if err != nil {
		return nil, problem(client.ProblemBadRequest, "The hash is not hexadecimal.")
	}
	hash := [32]byte(b)
	name, text, err := s.texts.shelf.Get(hash)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, problem(client.ProblemNotFound, "This node does not have the text; another one may.")
	}
	return &output[client.TermsTextAnswer]{ETag: `"` + in.Hash[:32] + `"`, CacheControl: forEver,
		Body: client.TermsTextAnswer{Hash: hash, Campaign: name.Campaign, Version: name.Version, Text: string(text)}}, nil
}

type putTermsTextInput struct {
	ID        uint32 `path:"id" doc:"Number of the campaign"`
	MinHeight uint64 `query:"min_height" doc:"Wait until the node has executed this height"`
	Caller
	Body client.PutTermsText
}

// putTermsText is POST /v1/campaigns/{id}/terms.
func (s *Server) putTermsText(ctx context.Context, in *putTermsTextInput) (*output[client.TermsTextEntry], error) {
	if !s.texts.put.Allow(in.address, time.Now()) {
		return nil, retryAfter(problem(client.ProblemRateLimited, ""))
	}
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	p.release()
	e, err := s.keepText(in.ID, in.Body.Version, []byte(in.Body.Text))
	if err != nil {
		return nil, err
	}
	return &output[client.TermsTextEntry]{CacheControl: "no-store", Body: e}, nil
}

// KeepTermsText keeps the text of a version of a campaign's terms that another node has,
// as if it had been handed in. The error is a *client.Problem, or trouble of the store.
func (s *Server) KeepTermsText(campaign uint32, version uint16, text string) error {
	_, err := s.keepText(campaign, version, []byte(text))
	return err
}

// keepText keeps a text that the terms of the own ledger name.
func (s *Server) keepText(campaign uint32, version uint16, text []byte) (e client.TermsTextEntry, err error) {
	if err := texts.Check(text); err != nil {
		return e, problem(client.ProblemTermsForm, sentence(err))
	}
	p, err := s.pin()
	if err != nil {
		return e, err
	}
	defer p.release()
	g, current, ok, err := rulesOf(p, campaign, 0)
	if err != nil {
		return e, err
	}
	if !ok || version > g.Version {
		return e, notFound(p, fmt.Sprintf("version %d of the terms of campaign %d", version, campaign))
	}
	terms := current
	if version == 0 {
		version = g.Version
	} else if _, terms, _, err = rulesOf(p, campaign, version); err != nil {
		return e, err
	}
	hash := texts.Hash(text)
	if hash != terms.TermsHash {
		return e, problem(client.ProblemTermsHash, "")
	}
	err = s.texts.shelf.Put(texts.Name{Issuer: g.Issuer, Campaign: campaign, Version: version}, text)
	if errors.Is(err, texts.ErrFull) {
		return e, problem(client.ProblemTermsFull, sentence(err))
	}
	return client.TermsTextEntry{Hash: hash, Campaign: campaign, Version: version}, err
}
