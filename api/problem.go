package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
)

// problemKind is one of the API's own codes, beside those of package coupon.
type problemKind struct {
	code   string
	status int
	title  string
	advice string
	retry  bool
}

// problemKinds returns the API's own codes.
func problemKinds() []problemKind {
	return []problemKind{
		{client.ProblemBadRequest, http.StatusBadRequest, "The request does not fit its description.",
			"Compare it with the description at /docs.", false},
		{client.ProblemNotFound, http.StatusNotFound, "There is no such thing.",
			"Check the address; it may exist at a later height, or on another network.", false},
		{client.ProblemUnknownTx, http.StatusNotFound, "No executed block of this node holds the transaction.",
			"Ask again, or hand in the same bytes again: that is safe.", true},
		{client.ProblemLapsed, http.StatusGone, "The transaction lapsed: it is in no block, and none can accept it.",
			"Sign a new one.", false},
		{client.ProblemBehind, http.StatusServiceUnavailable, "The node has not reached that height.",
			"Ask again, or ask another node.", true},
		{client.ProblemNoProof, http.StatusServiceUnavailable, "No certificate over this is held here.",
			"Ask another node, or wait for the next block.", true},
		{client.ProblemCursorExpired, http.StatusGone, "The state that the list began with is not kept any more.",
			"Begin the list again.", false},
		{client.ProblemRateLimited, http.StatusTooManyRequests, "Too many requests.",
			"Wait a little; the same request may be sent again.", true},
		{client.ProblemLogin, http.StatusUnauthorized, "The login of the till is not valid.",
			"Check the till's key and its clock.", false},
		{client.ProblemNotTaken, http.StatusForbidden, "The gateway does not take this authorisation.",
			"Show the coupon anew: sign for its present state, for at most two minutes.", false},
		{client.ProblemProfileForm, http.StatusUnprocessableEntity, "The profile breaks a rule of its form.",
			"The detail says which; docs/profiles.md has the rules.", false},
		{client.ProblemProfileKeys, http.StatusForbidden, "The profile is not signed by enough keys of its member.",
			"Sign with as many of the member's admin keys as the ledger asks for.", false},
		{client.ProblemProfileOlder, http.StatusConflict, "A newer profile of the member is kept.",
			"Read it, change it, and sign again.", false},
		{client.ProblemTermsForm, http.StatusUnprocessableEntity, "The text of the terms breaks a rule of its form.",
			"Give it as UTF-8 of at most 64 KiB, without characters of control or direction.", false},
		{client.ProblemTermsHash, http.StatusForbidden, "The text is not the one that the campaign's terms name.",
			"Hand in the text byte for byte as it was when the campaign was made.", false},
		{client.ProblemTermsFull, http.StatusInsufficientStorage, "The node has no room for more texts of terms.",
			"Hand it to another node; an operator may take away texts of campaigns that have ended.", false},
		{client.ProblemForbidden, http.StatusForbidden, "This host name or origin is not allowed here.",
			"The operator of the node can allow it.", false},
		{client.ProblemStopped, http.StatusServiceUnavailable, "The node takes no part in the chain any more.",
			"Use another node.", true},
		{client.ProblemDiverged, http.StatusServiceUnavailable, "The node's state is not that of the other members.",
			"Use another node; this one answers nothing until it has made its ledger anew.", true},
		{client.ProblemInternal, http.StatusInternalServerError, "The node failed to answer.",
			"Use another node; its operator finds the failure in the log under the trace_id.", true},
		{"method_not_allowed", http.StatusMethodNotAllowed, "The method is not offered here.",
			"Compare the request with the description at /docs.", false},
		{"media_type", http.StatusUnsupportedMediaType, "The media type is not understood.",
			"Send application/octet-stream or application/json.", false},
	}
}

// problem returns a problem of one of the API's own codes.
func problem(code, detail string) *client.Problem {
	for _, k := range problemKinds() {
		if k.code != code {
			continue
		}
		if detail == "" {
			detail = k.advice
		}
		return &client.Problem{Type: "/errors/" + code, Title: k.title, Status: k.status, Detail: detail,
			Code: code, Name: strings.ToUpper(code), Word: code, Retry: k.retry}
	}
	return problem(client.ProblemInternal, "")
}

// refusal returns the problem of a code of the domain rules.
func refusal(code coupon.Code, detail string) *client.Problem {
	info, ok := code.Info()
	if !ok {
		return problem(client.ProblemInternal, "")
	}
	if detail == "" || detail == info.Explanation {
		detail = info.Advice
	}
	return &client.Problem{Type: "/errors/" + code.String(), Title: info.Explanation, Status: statusOf(info),
		Detail: detail, Code: code.String(), Name: info.Name, Word: info.Word, Retry: code == coupon.Overloaded}
}

// statusOf returns the HTTP status of a code: by its word where people have one,
// else by what kind of failure it is.
func statusOf(info coupon.CodeInfo) int {
	switch info.Word {
	case "already_redeemed", "given_away", "code_stale":
		return http.StatusConflict
	case "till_revoked", "not_allowed":
		return http.StatusForbidden
	case "unknown_code":
		return http.StatusNotFound
	}
	switch info.Code {
	case coupon.BadEncoding, coupon.BadSignature, coupon.WrongChain:
		return http.StatusBadRequest
	case coupon.TooLarge:
		return http.StatusRequestEntityTooLarge
	case coupon.Overloaded:
		return http.StatusTooManyRequests
	case coupon.DuplicateTx, coupon.AlreadyClaimed, coupon.AlreadyVoided:
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// nodeProblem returns the problem of an error of package node. at is the status from
// before the node was asked.
func (s *Server) nodeProblem(err error, id [32]byte, at node.Status, nonce NonceInput) error {
	var refused *node.Refusal
	switch {
	case errors.As(err, &refused):
		p := refusal(coupon.Code(refused.Code), refused.Text)
		p.Height, p.Tx = client.U64(at.Height), txHash(id)
		if id != [32]byte{} {
			p.Statement = s.sign(nonce, at, id, refused.Code)
		}
		if refused.RetryMs > 0 {
			p.Retry, p.RetryMs = true, client.U64(refused.RetryMs)
		}
		if !p.Retry {
			return p
		}
		return retryAfter(p)
	case errors.Is(err, node.ErrExpired):
		p := problem(client.ProblemLapsed, "")
		t := client.TimeOf(at.TimeMs)
		p.Tx, p.Height, p.Time = txHash(id), client.U64(at.Height), &t
		p.Statement = s.sign(nonce, at, id, client.SaysAbsent)
		return p
	case errors.Is(err, node.ErrTooMany), errors.Is(err, node.ErrSubscribers):
		return retryAfter(problem(client.ProblemRateLimited, "As many wait as may."))
	case errors.Is(err, node.ErrStopped):
		return problem(client.ProblemStopped, "")
	}
	if p := silence(err); p != nil {
		return p
	}
	return err
}

// silence returns the problem of a node that answers nothing from its state, or nil.
func silence(err error) *client.Problem {
	switch {
	case errors.Is(err, node.ErrDiverged):
		return problem(client.ProblemDiverged, "")
	case errors.Is(err, node.ErrRestoring):
		return problem(client.ProblemBehind, "The node's ledger is being made again. Ask another node.")
	}
	return nil
}

func txHash(id [32]byte) *client.Hash {
	if id == [32]byte{} {
		return nil
	}
	return (*client.Hash)(&id)
}

// retryAfter adds the header that says when to try again.
func retryAfter(p *client.Problem) error {
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retrySeconds(p)}})
}

func retrySeconds(p *client.Problem) string {
	return strconv.FormatUint(max(1, (uint64(p.RetryMs)+999)/1000), 10)
}

// complete returns a copy of a problem that names the request.
func complete(ctx context.Context, p *client.Problem, path string) *client.Problem {
	x := *p
	x.Instance, x.TraceID = path, traceOf(ctx)
	return &x
}

// transformProblem turns what huma reports about a request into problems of this
// API.
func transformProblem(ctx huma.Context, _ string, v any) (any, error) {
	url := ctx.URL()
	switch e := v.(type) {
	case *client.Problem:
		return complete(ctx.Context(), e, url.Path), nil
	case *huma.ErrorModel:
		p := ofHuma(e)
		if c, ok := ctx.(*statusContext); ok {
			c.status = p.Status
		}
		return complete(ctx.Context(), p, url.Path), nil
	}
	return v, nil
}

// unreadBody is what huma says of a body that it could not read to its end, as a
// failure of the server: handlers of this API report their own failures otherwise.
const unreadBody = "cannot read request body"

func ofHuma(e *huma.ErrorModel) *client.Problem {
	if e.Status == http.StatusRequestEntityTooLarge {
		return refusal(coupon.TooLarge, "")
	}
	if e.Status >= http.StatusInternalServerError && e.Detail == unreadBody {
		return problem(client.ProblemBadRequest, "The body is cut off, or is not the chunks that it should be.")
	}
	p := problem(codeOfStatus(e.Status), "")
	if e.Status < http.StatusInternalServerError {
		for _, d := range e.Errors {
			p.Errors = append(p.Errors, client.FieldError{Pointer: pointer(d.Location), Detail: d.Message})
		}
	}
	return p
}

// statusContext lets transformProblem choose the status of an answer: huma's 422
// for what does not fit the description is kept for refusals by the rules.
type statusContext struct {
	inner
	status int
}

// inner is huma.Context under a name that is not that of one of its methods.
type inner huma.Context

// SetStatus implements huma.Context.
func (c *statusContext) SetStatus(status int) {
	if c.status != 0 {
		status = c.status
	}
	c.inner.SetStatus(status)
}

func codeOfStatus(status int) string {
	switch {
	case status == http.StatusUnsupportedMediaType:
		return "media_type"
	case status >= http.StatusInternalServerError:
		return client.ProblemInternal
	}
	return client.ProblemBadRequest
}

// pointer turns a location such as "body.tx" into a JSON pointer, and leaves the
// names of parameters as they are.
func pointer(location string) string {
	if rest, ok := strings.CutPrefix(location, "body"); ok {
		return "/" + strings.ReplaceAll(strings.TrimPrefix(rest, "."), ".", "/")
	}
	return location
}

// writeProblem writes a problem outside of huma.
func writeProblem(w http.ResponseWriter, r *http.Request, p *client.Problem) {
	b, err := json.Marshal(complete(r.Context(), p, r.URL.Path))
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", client.ProblemType)
	h.Set("Cache-Control", "no-store")
	if p.Retry {
		h.Set("Retry-After", retrySeconds(p))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // whoever does not read it has gone
}
