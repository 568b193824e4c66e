package api

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/gateway"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/sig"
)

// Rates of the gateway: what one address may leave here, and how often one till may
// ask for codes that are not there.
const (
	leavePerSecond = 2
	leaveBurst     = 60
	boxPerSecond   = 0.1
	boxBurst       = 10
	missPerSecond  = 0.2
	missBurst      = 10
)

// passing is what the gateway holds.
type passing struct {
	codes                *gateway.Codes
	boxes                *gateway.Boxes
	leave, fill, missing *throttle.Limiter
}

func newPassing(c coupon.Chain) *passing {
	return &passing{codes: gateway.NewCodes(c), boxes: gateway.NewBoxes(),
		leave: throttle.New(leavePerSecond, leaveBurst), fill: throttle.New(boxPerSecond, boxBurst),
		missing: throttle.New(missPerSecond, missBurst)}
}

const tagGateway = "Gateway"

func (s *Server) gatewayRoutes(api huma.API) {
	op := huma.Operation{OperationID: "putCode", Method: "POST", Path: "/v1/codes", Tags: []string{tagGateway},
		Summary: "Leave shown authorisations under a short code", MaxBodyBytes: bodyBytesMax,
		Description: "One authorisation gets a code that a cashier can type; several are a bundle. The names follow from " +
			"the bytes, so a wallet leaves the same at every node and gets the same answer. The node keeps what is its " +
			"owner's and of the coupon's present state, until it is over, at most two minutes."}
	add(s, api, op, s.putCode)
	op = get("code", "/v1/codes/{name}", tagGateway, "The authorisations under a short code or bundle id")
	op.Description = "For an active till with its login alone. Reading consumes nothing; whatever is not there for this " +
		"till gets one answer, and a till that asks for such often has to wait."
	op.Security = []map[string][]string{{loginScheme: {}}}
	add(s, api, op, s.code)
	op = huma.Operation{OperationID: "putBox", Method: "POST", Path: "/v1/boxes/{id}", Tags: []string{tagGateway},
		Summary: "Leave a new till's sealed answer for its merchant", MaxBodyBytes: bodyBytesMax,
		Description: "A box is named by what only the two know, is filled once, and is kept for ten minutes."}
	add(s, api, op, s.putBox)
	add(s, api, get("box", "/v1/boxes/{id}", tagGateway, "A new till's sealed answer"), s.box)
	op = get("nodes", "/v1/nodes", tagChain, "Where the members' nodes and ticket desks are, as far as this one was told")
	op.Description = "A hint to whoever needs another node: believe answers by their proofs."
	add(s, api, op, s.nodes)
}

type putCodeInput struct {
	Caller
	Body struct {
		Auths [][]byte `json:"auths" minItems:"1" maxItems:"16" doc:"Payloads of type 2 in mode SHOW, in base64"`
	}
}

type codeBody struct {
	Code    string      `json:"code" doc:"For people: ten characters and a hyphen"`
	Bundle  string      `json:"bundle" doc:"For programs: 32 hexadecimal digits"`
	Expires client.Time `json:"expires"`
}

// Caller is the address that a request came from.
type Caller struct{ address string }

// Resolve implements huma.Resolver.
func (c *Caller) Resolve(ctx huma.Context) []error {
	c.address, _ = ctx.Context().Value(addressKey{}).(string)
	return nil
}

// putCode is POST /v1/codes.
func (s *Server) putCode(_ context.Context, in *putCodeInput) (*output[codeBody], error) {
	now := time.Now()
	if !s.passing.leave.Allow(in.address, now) {
		return nil, retryAfter(problem(client.ProblemRateLimited, ""))
	}
	decoded, err := s.passing.codes.Read(in.Body.Auths, now)
	if err != nil {
		return nil, problem(client.ProblemNotTaken, "It is "+err.Error()+".")
	}
	if err := s.checkShown(decoded, now); err != nil {
		return nil, err
	}
	e, err := s.passing.codes.Put(in.Body.Auths, decoded, now)
	if err != nil {
		return nil, retryAfter(problem(client.ProblemRateLimited, "As many codes are kept as may be."))
	}
	return &output[codeBody]{CacheControl: "no-store", Body: codeBody{e.Name.Code(), e.Name.BundleID(),
		client.TimeOf(uint64(e.Expires.UnixMilli()))}}, nil
}

// checkShown checks what costs an attacker coupons: that each authorisation is
// signed by the owner of its coupon, for the coupon's present state.
func (s *Server) checkShown(decoded []coupon.Payload, now time.Time) error {
	p, err := s.pin()
	if err != nil {
		return err
	}
	defer p.release()
	var items []sig.Item
	checks := make([]coupon.SigCheck, len(decoded))
	for i := range decoded {
		a := &decoded[i].Auth
		c, ok, err := row(p, coupon.CouponKey(a.Coupon), coupon.DecodeCoupon)
		if err != nil {
			return err
		}
		// A gift whose time is over is its owner's again, without a transaction.
		if c = c.At(p.nextMs(now)); !ok || c.Owner != a.Holder || c.Seq != a.Seq || c.Status != coupon.Held {
			return problem(client.ProblemNotTaken, "A coupon is not the signer's, or has changed since.")
		}
		checks[i], _ = decoded[i].SigCheck(s.genesis.Chain())
		items = append(items, sig.Item{Key: &checks[i].Key, Message: checks[i].Message, Signature: &checks[i].Signature})
	}
	if !s.verifier.VerifyBatch(items) {
		return problem(client.ProblemNotTaken, "A signature is not good.")
	}
	return nil
}

// Login is the login of a till on a request without a body.
type Login struct{ authorization, method, target string }

// Resolve implements huma.Resolver.
func (l *Login) Resolve(ctx huma.Context) []error {
	url := ctx.URL()
	*l = Login{ctx.Header("Authorization"), ctx.Method(), url.RequestURI()}
	return nil
}

type getCodeInput struct {
	Name string `path:"name" maxLength:"40" doc:"A short code, or a bundle id"`
	Login
}

type authsBody struct {
	Auths   [][]byte    `json:"auths" doc:"Payloads of type 2, as the wallet has left them"`
	Expires client.Time `json:"expires"`
}

// code is GET /v1/codes/{name}.
func (s *Server) code(_ context.Context, in *getCodeInput) (*output[authsBody], error) {
	if in.authorization == "" {
		return nil, problem(client.ProblemLogin, "Only tills may ask for codes: the login is missing.")
	}
	key, till, err := s.loginOf(&in.Login, nil)
	if err != nil {
		return nil, err
	}
	now, who := time.Now(), string(key[:])
	if s.passing.missing.Spent(who, now) {
		return nil, retryAfter(problem(client.ProblemRateLimited, "Too many codes that are not there."))
	}
	e, err := s.passing.codes.Get(in.Name, till.Member, now)
	if err != nil {
		s.passing.missing.Allow(who, now)
		return nil, problem(client.ProblemNotFound, "There is no such code: it is mistyped, over, or for another shop.")
	}
	return &output[authsBody]{CacheControl: "no-store", Body: authsBody{e.Auths,
		client.TimeOf(uint64(e.Expires.UnixMilli()))}}, nil
}

// BoxName names a box.
type BoxName struct {
	ID string `path:"id" pattern:"^[0-9a-f]{32}$" doc:"Name of the box, hexadecimal"`
}

type putBoxInput struct {
	BoxName
	Caller
	Body struct {
		Data []byte `json:"data" doc:"At most 256 bytes, in base64"`
	}
}

type boxBody struct {
	Data    []byte       `json:"data,omitempty"`
	Expires *client.Time `json:"expires,omitempty"`
}

// putBox is POST /v1/boxes/{id}.
func (s *Server) putBox(_ context.Context, in *putBoxInput) (*output[boxBody], error) {
	now := time.Now()
	if !s.passing.fill.Allow(in.address, now) {
		return nil, retryAfter(problem(client.ProblemRateLimited, ""))
	}
	id, err := gateway.ParseBoxID(in.ID)
	if err != nil {
		return nil, problem(client.ProblemBadRequest, "")
	}
	expires, err := s.passing.boxes.Put(id, in.Body.Data, now)
	switch {
	case errors.Is(err, gateway.ErrForm):
		return nil, problem(client.ProblemBadRequest, "A box holds 1 to 256 bytes.")
	case err != nil:
		return nil, retryAfter(problem(client.ProblemRateLimited, "The box is filled, or there are too many."))
	}
	at := client.TimeOf(uint64(expires.UnixMilli()))
	return &output[boxBody]{CacheControl: "no-store", Body: boxBody{Expires: &at}}, nil
}

// box is GET /v1/boxes/{id}.
func (s *Server) box(_ context.Context, in *BoxName) (*output[boxBody], error) {
	id, err := gateway.ParseBoxID(in.ID)
	if err != nil {
		return nil, problem(client.ProblemBadRequest, "")
	}
	data, err := s.passing.boxes.Get(id, time.Now())
	if err != nil {
		return nil, problem(client.ProblemNotFound, "There is no such box, or not yet.")
	}
	return &output[boxBody]{CacheControl: "no-store", Body: boxBody{Data: data}}, nil
}

type nodeAddress struct {
	Replica uint16 `json:"replica" doc:"Its number in the committee"`
	Member  uint16 `json:"member"`
	Name    string `json:"name" doc:"Of the member"`
	Key     string `json:"key"`
	URL     string `json:"url,omitempty" doc:"Missing if this node was told none"`
}

type nodesBody struct {
	Nodes []nodeAddress `json:"nodes"`
	Desks []string      `json:"desks" doc:"Addresses of ticket desks"`
}

// nodes is GET /v1/nodes.
func (s *Server) nodes(context.Context, *struct{}) (*output[nodesBody], error) {
	p, err := s.pin()
	if err != nil {
		return nil, err
	}
	defer p.release()
	b := nodesBody{Desks: append([]string{}, s.config.Desks...)}
	for i, v := range s.genesis.File.Committee.Validators {
		b.Nodes = append(b.Nodes, nodeAddress{Replica: uint16(i), Member: v.Member, Name: s.memberName(p, v.Member),
			Key: keys.Encode(keys.Validator, v.Key), URL: s.config.Nodes[i]})
	}
	return &output[nodesBody]{CacheControl: "no-cache", Body: b}, nil
}
