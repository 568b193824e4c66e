package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
)

// The degrees of waiting.
const (
	waitNone     = "none"
	waitExecuted = "executed"
	waitProof    = "proof"
)

// Submission is a transaction as it is handed in.
type Submission struct {
	RawBody []byte

	contentType string
	by          Login
}

// Resolve implements huma.Resolver.
func (i *Submission) Resolve(ctx huma.Context) []error {
	i.contentType = ctx.Header("Content-Type")
	return i.by.Resolve(ctx)
}

type submitInput struct {
	Wait    string `query:"wait" enum:"none,executed,proof" default:"proof" doc:"For execution here, or for a proof"`
	Timeout int    `query:"timeout" minimum:"0" maximum:"60" default:"30" doc:"For how many seconds"`
	NonceInput
	Submission
}

type txInput struct {
	ID      string `path:"id" pattern:"^[0-9a-fA-F]{64}$" doc:"Id of the transaction: 64 hexadecimal digits"`
	Wait    string `query:"wait" enum:"none,executed,proof" default:"none" doc:"What to wait for"`
	Timeout int    `query:"timeout" minimum:"0" maximum:"60" default:"30" doc:"For how many seconds"`
	NonceInput
}

// output is an answer with the headers that answers have.
type output[T any] struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         T
}

// decodeTx returns the transaction in a request body.
func decodeTx(contentType string, body []byte) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, problem("media_type", "")
	}
	switch kind {
	case "application/octet-stream":
		if len(body) > coupon.TxSizeMax {
			return nil, refusal(coupon.TooLarge, "")
		}
		return body, nil
	case "application/json":
		var in struct {
			Tx []byte `json:"tx"`
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err = d.Decode(&in); err == nil {
			if _, end := d.Token(); !errors.Is(end, io.EOF) {
				err = errors.New("something follows the object")
			}
		}
		if err == nil && in.Tx == nil {
			err = errors.New("the member tx is missing")
		}
		if err != nil {
			p := problem(client.ProblemBadRequest, "")
			p.Errors = []client.FieldError{{Pointer: "/tx", Detail: strings.TrimPrefix(err.Error(), "json: ")}}
			return nil, p
		}
		if len(in.Tx) > coupon.TxSizeMax {
			return nil, refusal(coupon.TooLarge, "")
		}
		return in.Tx, nil
	}
	return nil, problem("media_type", "")
}

// login returns the till that hands in, or nil if nobody says so.
func (s *Server) login(in *Submission) (*[32]byte, error) {
	if in.by.authorization == "" {
		return nil, nil
	}
	key, _, err := s.loginOf(&in.by, in.RawBody)
	return key, err
}

// loginOf returns the till that a login names. Keys that no state knows cost nothing
// to make, so only one counts that may redeem now: registered, within its window, of
// an active member.
func (s *Server) loginOf(by *Login, body []byte) (*[32]byte, coupon.Till, error) {
	now := time.Now()
	key, err := client.VerifyLogin(s.genesis.Chain(), by.authorization, by.method, by.target, body, now)
	if err != nil {
		return nil, coupon.Till{}, problem(client.ProblemLogin, err.Error())
	}
	p, err := s.pin()
	if err != nil {
		return nil, coupon.Till{}, err
	}
	defer p.release()
	till, ok, err := row(p, coupon.TillKey(key), coupon.DecodeTill)
	if err != nil {
		return nil, till, err
	}
	member, _, err := row(p, coupon.MemberKey(till.Member), coupon.DecodeMember)
	switch {
	case err != nil:
		return nil, till, err
	case !ok || !till.MayRedeem(&member, p.nextMs(now)):
		return nil, till, problem(client.ProblemLogin, "The key is not that of a till that may redeem now.")
	case !s.tills.Allow(string(key[:]), now):
		return nil, till, retryAfter(problem(client.ProblemRateLimited, "The till hands in more than its rate."))
	}
	return &key, till, nil
}

// submit is POST /v1/transactions.
func (s *Server) submit(ctx context.Context, in *submitInput) (*output[*client.TxAnswer], error) {
	raw, err := decodeTx(in.contentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	by, err := s.login(&in.Submission)
	if err != nil {
		return nil, err
	}
	pending, err := s.handIn(ctx, raw, by, in.NonceInput)
	taken := time.Now()
	if err != nil {
		return nil, err
	}
	a, err := s.await(ctx, pending.ID, in.Wait, in.Timeout, in.NonceInput)
	s.traceStages(ctx, pending, taken, a)
	if err != nil {
		return nil, err
	}
	a.Known = pending.Known
	if !a.Final {
		at := client.TimeOf(pending.ExpiresMs)
		a.Expires = &at
	}
	if err := s.signOpen(a, in.NonceInput); err != nil {
		return nil, err
	}
	return s.submitted(a)
}

// handIn gives a transaction to the node. One that has an outcome is no error,
// whatever the present state thinks of another.
func (s *Server) handIn(ctx context.Context, raw []byte, by *[32]byte, nonce NonceInput) (node.Pending, error) {
	before := s.node.Status()
	pending, err := s.node.Submit(ctx, raw, by)
	if err == nil {
		return pending, nil
	}
	var id [32]byte
	if tx, bad := s.machine.Check(raw); bad == nil {
		id = tx.ID
		if _, ok, lookupErr := s.node.Lookup(id); ok && lookupErr == nil {
			return node.Pending{ID: id, ExpiresMs: tx.ExpiresMs, Known: true}, nil
		}
	}
	return node.Pending{}, s.nodeProblem(err, id, before, nonce)
}

// submitted is the answer to a Submission: a refusal in a block is a problem with a
// receipt.
func (s *Server) submitted(a *client.TxAnswer) (*output[*client.TxAnswer], error) {
	if code, _ := coupon.ParseCode(a.Code); code != coupon.OK {
		p := refusal(code, "")
		p.Final, p.Tx, p.Height, p.Index, p.Time = a.Final, &a.ID, a.Height, a.Index, a.Time
		p.Effect, p.Receipt, p.Proof, p.Header, p.Statement = a.Effect, a.Receipt, a.Proof, a.Header, a.Statement
		return nil, p
	}
	return txOutput(a), nil
}

func txOutput(a *client.TxAnswer) *output[*client.TxAnswer] {
	o := &output[*client.TxAnswer]{Status: http.StatusOK, CacheControl: "no-store", Body: a}
	if !a.Final {
		o.Status, o.Location = http.StatusAccepted, "/v1/transactions/"+a.ID.String()
	}
	return o
}

// await returns what is known of a transaction when it is as final as asked for,
// or when the time is over.
func (s *Server) await(ctx context.Context, id [32]byte, wait string, seconds int, nonce NonceInput) (*client.TxAnswer,
	error) {
	if wait == waitNone || seconds == 0 {
		return s.known(id)
	}
	if !s.waiting.enter("") {
		return nil, retryAfter(problem(client.ProblemRateLimited, "As many wait as may."))
	}
	defer s.waiting.leave("")
	until := node.Proved
	if wait == waitExecuted {
		until = node.Executed
	}
	timed, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	before := s.node.Status()
	o, err := s.node.Wait(timed, id, until)
	switch {
	case err == nil, len(o.Receipt) > 0: // the outcome, if not the proof
		return s.answer(&o)
	case timed.Err() != nil && ctx.Err() == nil:
		return s.known(id)
	}
	if errors.Is(err, node.ErrExpired) { // what was found when the wait began is long past
		before = s.node.Status()
		if o, ok, lookupErr := s.node.Lookup(id); ok || lookupErr != nil {
			return s.answerOr(&o, lookupErr)
		}
	}
	return nil, s.nodeProblem(err, id, before, nonce)
}

func (s *Server) answerOr(o *node.Outcome, err error) (*client.TxAnswer, error) {
	if err != nil {
		return nil, fmt.Errorf("look up a transaction: %w", err)
	}
	return s.answer(o)
}

// signOpen adds to an answer about an outcome that stays open what the node can say
// of the id as a member. It looks again, since a block may have ended it meanwhile.
func (s *Server) signOpen(a *client.TxAnswer, nonce NonceInput) error {
	if a.Final || a.State == client.StatePending {
		return nil
	}
	before := s.node.Status()
	o, ok, err := s.node.Lookup(a.ID)
	if err != nil || !ok {
		return err
	}
	if again, err := s.answer(&o); err != nil || again.Final {
		return err // who asks again gets the outcome
	}
	a.Statement = s.sign(nonce, before, a.ID, client.SaysOpen)
	return nil
}

// known returns what is known of a transaction now.
func (s *Server) known(id [32]byte) (*client.TxAnswer, error) {
	o, ok, err := s.node.Lookup(id)
	if err == nil && !ok {
		return &client.TxAnswer{ID: id, State: client.StatePending}, nil
	}
	return s.answerOr(&o, err)
}

// answer shows an outcome.
func (s *Server) answer(o *node.Outcome) (*client.TxAnswer, error) {
	r, err := coupon.DecodeReceipt(o.Receipt)
	if err != nil {
		return nil, fmt.Errorf("stored receipt: %w", err)
	}
	ending, err := s.ending(o, &r)
	if err != nil {
		return nil, err
	}
	t := client.TimeOf(o.TimeMs)
	a := &client.TxAnswer{ID: r.ID, State: client.StateExecuted, Final: ending == coupon.Ended,
		Height: client.U64(o.Height), Index: o.Index,
		Time: &t, Code: r.Code.String(), Word: r.Code.Word(), Effect: client.EffectOf(&r), Receipt: o.Receipt}
	if o.Proof != nil {
		a.State, a.Proof = client.StateProved, o.Proof.Encode()
		if a.Header, err = s.headers.get(s.node, o.Height); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// ending returns what an outcome says of its id. Only E301 needs the kind of the
// transaction, which is read from its block.
func (s *Server) ending(o *node.Outcome, r *coupon.Outcome) (coupon.Ending, error) {
	if r.Code != coupon.NotFound {
		return r.Code.Ending(0), nil
	}
	b, err := s.node.Block(o.Height)
	if err != nil {
		return coupon.StaysOpen, fmt.Errorf("read the block of a refusal: %w", err)
	}
	if int(o.Index) >= len(b.Txs) {
		return coupon.StaysOpen, fmt.Errorf("block %d has no place %d", o.Height, o.Index)
	}
	return r.Code.Ending(coupon.KindOf(b.Txs[o.Index])), nil
}

// transaction is GET /v1/transactions/{id}.
func (s *Server) transaction(ctx context.Context, in *txInput) (*output[*client.TxAnswer], error) {
	id, err := client.ParseHash(in.ID)
	if err != nil {
		return nil, problem(client.ProblemBadRequest, err.Error())
	}
	a, err := s.await(ctx, id, in.Wait, in.Timeout, in.NonceInput)
	if err != nil {
		return nil, err
	}
	if a.State != client.StatePending || s.node.Waits(id) {
		return txOutput(a), s.signOpen(a, in.NonceInput)
	}
	// Before the last look, not after it: a block in between may hold the transaction.
	status := s.node.Status()
	if a, err = s.known(id); err != nil || a.State != client.StatePending {
		return txOutput(a), err
	}
	p := problem(client.ProblemUnknownTx, "")
	t := client.TimeOf(status.TimeMs)
	p.Tx, p.Height, p.Time = &id, client.U64(status.Height), &t
	p.Statement = s.sign(in.NonceInput, status, id, client.SaysAbsent)
	return nil, p
}

// dryRun is POST /v1/transactions/dry-run.
func (s *Server) dryRun(ctx context.Context, in *Submission) (*output[*client.DryRunAnswer], error) {
	raw, err := decodeTx(in.contentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	tx, err := s.machine.Check(raw)
	if err != nil {
		return nil, s.nodeProblem(err, [32]byte{}, s.node.Status(), NonceInput{})
	}
	if !s.verifier.VerifyBatch(tx.Signatures) {
		return nil, refusal(coupon.BadSignature, "")
	}
	p, err := s.watch.latest(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer p.release()
	now := p.nextMs(time.Now())
	o, err := s.machine.Rules().DryRun(rules{p}, now, tx.Decoded.(*coupon.Tx))
	if err = errors.Join(err, p.Err()); err != nil {
		return nil, fmt.Errorf("dry run: %w", err)
	}
	return &output[*client.DryRunAnswer]{CacheControl: "no-store", Body: &client.DryRunAnswer{ID: tx.ID,
		Code: o.Code.String(),
		Name: o.Code.Name(), Word: o.Code.Word(), Effect: client.EffectOf(&o), Height: client.U64(p.height),
		Time: client.TimeOf(now)}}, nil
}

// headers remembers the headers of recent blocks: many receipts share one. Safe
// for concurrent use.
type headers struct {
	mu sync.Mutex
	m  map[uint64][]byte
}

const headersMax = 256

func (h *headers) get(n Node, height uint64) ([]byte, error) {
	h.mu.Lock()
	b := h.m[height]
	h.mu.Unlock()
	if b != nil {
		return b, nil
	}
	v, err := n.View()
	if err != nil {
		return nil, fmt.Errorf("read a header: %w", err)
	}
	defer func() { _ = v.Close() }()
	if b, _, err = readHeader(v, height); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil || len(h.m) >= headersMax {
		h.m = make(map[uint64][]byte)
	}
	h.m[height] = b
	return b, nil
}
