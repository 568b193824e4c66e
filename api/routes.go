package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/scrip-network/scrip/client"
)

const description = "The interface of a node of a Scrip chain: electronic coupons on a ledger that a consortium " +
	"keeps together.\n\n" +
	"Every node of a chain gives the same answers. Whoever does not trust the node checks the proofs in its answers " +
	"against the committee in the genesis file.\n\n" +
	"Numbers of 64 bits are decimal strings, money is in minor units, bytes are base64, keys are bech32m. Errors are " +
	"problem details with the codes of the domain rules; their type is a page of this node."

// apiVersion is that of the interface, not of the program.
const apiVersion = "1.0.0"

// routes registers everything that the server answers.
func (s *Server) routes() error {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{OpenAPI: "3.1.0", Info: &huma.Info{Title: "Scrip node", Version: apiVersion,
			Description: description,
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{loginScheme: {Type: "apiKey", In: "header", Name: "Authorization",
					Description: "Login of a till, so that its Redeem gets a receipt: Scrip-Till key:time:signature, " +
						"ed25519 over method, target, time and SHA-256 of the body under the tag scrip/login/v1"}}}},
		Formats: map[string]huma.Format{"application/json": huma.DefaultJSONFormat,
			"json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{transformProblem},
	}
	api := humago.New(s.mux, config)
	api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(&statusContext{inner: ctx}) })
	s.transactionRoutes(api)
	s.stateRoutes(api)
	s.chainRoutes(api)
	s.gatewayRoutes(api)
	s.profileRoutes(api)
	s.textRoutes(api)
	s.describePlain(api)
	describeBatch(api)
	describeFollow(api)
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // huma's, which become problems
		delete(api.OpenAPI().Components.Schemas.Map(), unused)
	}
	var err error
	if s.spec, err = json.MarshalIndent(api.OpenAPI(), "", "  "); err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	s.spec = append(s.spec, '\n')
	pages, err := newPages(s.spec)
	if err != nil {
		return err
	}
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(s.spec)
	})
	s.mux.HandleFunc("GET /docs", pages.docs)
	s.mux.HandleFunc("GET /docs/style.css", pages.style)
	s.mux.HandleFunc("GET /errors/{code}", s.errorPage(pages))
	s.mux.HandleFunc("POST "+batchPath, s.batch)
	s.mux.HandleFunc("POST "+client.FollowPath, s.follow)
	s.mux.HandleFunc("GET /v1/events", s.events)
	s.mux.HandleFunc("GET /v1/genesis", s.genesisFile)
	s.mux.HandleFunc("GET /livez", s.live)
	s.mux.HandleFunc("GET /readyz", s.ready)
	s.mux.Handle("GET /metrics", s.metricsHandler())
	s.mux.HandleFunc("/v1/", s.noRoute)
	if s.config.Web != nil {
		s.mux.Handle("/", s.config.Web)
	} else {
		s.mux.HandleFunc("/", s.noRoute)
	}
	return nil
}

// noRoute answers for paths and methods that are not offered.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != "/" && pattern != "/v1/" {
			w.Header().Set("Allow", method)
			writeProblem(w, r, problem("method_not_allowed", ""))
			return
		}
	}
	writeProblem(w, r, problem(client.ProblemNotFound, "The node has no such address."))
}

// add registers a handler, with the errors of the API in its description.
func add[I, O any](s *Server, api huma.API, op huma.Operation, handler func(context.Context, *I) (*output[O], error)) {
	if op.Responses == nil {
		op.Responses = make(map[string]*huma.Response)
	}
	op.Responses["default"] = &huma.Response{Description: "A problem: see its code",
		Content: map[string]*huma.MediaType{client.ProblemType: {Schema: schemaOf[client.Problem](api)}}}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*output[O], error) {
		o, err := handler(ctx, in)
		if err != nil {
			return nil, s.reported(ctx, err)
		}
		if o.Status == 0 {
			o.Status = http.StatusOK
		}
		if o.ETag != "" && o.ETag == noneMatchOf(ctx) {
			o.Status = http.StatusNotModified
		}
		return o, nil
	})
}

// reported returns an error as the client may see it: what is not a problem
// already is the node's own failure, which the log explains.
func (s *Server) reported(ctx context.Context, err error) error {
	var p *client.Problem
	if errors.As(err, &p) {
		return err
	}
	if p = silence(err); p != nil {
		return p
	}
	if ctx.Err() == nil {
		s.log.Error("a request failed", "trace_id", traceOf(ctx), "err", err)
	}
	return problem(client.ProblemInternal, "")
}

func schemaOf[T any](api huma.API) *huma.Schema {
	return api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

func get(id, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{tag}, Summary: summary}
}

func post(id, path, tag, summary string) huma.Operation {
	binary := &huma.Schema{Type: "string", Format: "binary", Description: "The transaction's bytes"}
	object := &huma.Schema{Type: "object", Required: []string{"tx"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{"tx": {Type: "string", ContentEncoding: "base64"}}}
	return huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{tag}, Summary: summary,
		MaxBodyBytes: bodyBytesMax, SkipValidateBody: true,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: binary}, "application/json": {Schema: object}}},
		Security: []map[string][]string{{}, {loginScheme: {}}}}
}

// loginScheme names the login of a till in the description.
const loginScheme = "till"

// pending describes the answer to a transaction that has no outcome yet.
func pending(api huma.API, op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"202": {Description: "It is on its way: ask again at Location",
		Headers: map[string]*huma.Param{"Location": {Schema: &huma.Schema{Type: "string"}}},
		Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[client.TxAnswer](api)}}}}
	return op
}

const (
	tagTransactions = "Transactions"
	tagState        = "State"
	tagChain        = "Chain"
	tagOperation    = "Operation"
)

func (s *Server) transactionRoutes(api huma.API) {
	op := post("submit", "/v1/transactions", tagTransactions, "Hand in a transaction")
	op.Description = "Waits for the proven receipt unless told otherwise. If the time is over first, the answer is 202 " +
		"with the address to ask again. A transaction that was handed in before, here or at another node, gets its " +
		"original receipt. A refusal is a problem: final with a receipt that ends the id, or this node's opinion."
	add(s, api, pending(api, op), s.submit)
	op = post("dryRun", "/v1/transactions/dry-run", tagTransactions, "Say what a transaction would do, without doing it")
	op.Description = "Promises nothing: a till never shows this answer as valid."
	add(s, api, op, s.dryRun)
	add(s, api, pending(api, get("transaction", "/v1/transactions/{id}", tagTransactions,
		"The outcome of a transaction")), s.transaction)
}

func (s *Server) stateRoutes(api huma.API) {
	add(s, api, get("campaigns", "/v1/campaigns", tagState, "All campaigns"), s.campaigns)
	add(s, api, get("campaign", "/v1/campaigns/{id}", tagState, "A campaign with its terms and counters"), s.campaign)
	add(s, api, get("coupon", "/v1/coupons/{id}", tagState, "A coupon"), s.coupon)
	add(s, api, get("history", "/v1/coupons/{id}/history", tagState,
		"The accepted transactions of a coupon, oldest first"), s.history)
	add(s, api, get("owned", "/v1/holders/{address}/coupons", tagState, "The coupons that a key can still use"), s.owned)
	add(s, api, get("till", "/v1/tills/{key}", tagState, "A till key"), s.till)
	add(s, api, get("tills", "/v1/tills", tagState, "Till keys"), s.tillKeys)
	add(s, api, get("issued", "/v1/campaigns/{id}/coupons", tagState, "The coupons of a campaign, by serial"), s.issued)
	op := get("holders", "/v1/campaigns/{id}/holders", tagState, "Who owns the coupons of a campaign, in 8 bytes each")
	op.Description = "For wallets that look for their coupons: they compare with their own keys and name none. Up to " +
		"4096 coupons come at once, used ones included; serials are big-endian."
	add(s, api, op, s.holders)
	add(s, api, get("members", "/v1/members", tagState, "All members"), s.members)
	add(s, api, get("member", "/v1/members/{id}", tagState, "A member"), s.member)
	add(s, api, get("batches", "/v1/batches", tagState, "Batches of tickets"), s.batches)
	add(s, api, get("redemption", "/v1/redemptions/{coupon}/{seq}", tagState, "A redemption"), s.redemption)
	add(s, api, get("obligations", "/v1/obligations", tagState, "What campaigns owe merchants, by settlement cycle"),
		s.obligations)
	s.takingsRoutes(api)
	s.courseRoutes(api)
	op = get("state", "/v1/state/{key}", tagState, "A row of the state with a proof that it is there, or that it is not")
	op.Description = "At the newest height that a quorum attests here."
	add(s, api, op, s.state)
}

func (s *Server) chainRoutes(api huma.API) {
	add(s, api, get("status", "/v1/status", tagChain, "How the node is, in its own words"), s.status)
	add(s, api, get("validators", "/v1/validators", tagChain, "The committee"), s.validators)
	add(s, api, get("blocks", "/v1/blocks", tagChain, "Blocks, newest first"), s.blocks)
	add(s, api, get("block", "/v1/blocks/{height}", tagChain,
		"A block with its transactions, receipts and certificates"), s.block)
	s.activityRoutes(api)
	op := get("receipts", "/v1/blocks/{height}/receipts", tagChain, "All receipts of a block under one certificate")
	op.Description = "For those who check many: the signatures are checked once, and all receipts together give the " +
		"root that they cover. A block without transactions has none, which is not_found; until enough members attest " +
		"a block here, the answer is no_proof."
	add(s, api, op, s.receipts)
}

// describePlain adds the routes that huma does not serve to the description.
func (s *Server) describePlain(api huma.API) {
	text := func(status, what, kind string, schema *huma.Schema) map[string]*huma.Response {
		return map[string]*huma.Response{status: {Description: what,
			Content: map[string]*huma.MediaType{kind: {Schema: schema}}}}
	}
	plain := &huma.Schema{Type: "string"}
	events := get("events", "/v1/events", tagChain, "A stream of server-sent events")
	events.Description = "Each event has the id height.transaction.event, the same on every node: a stream goes on " +
		"behind Last-Event-ID, here or elsewhere. Its data is a CloudEvent. A comment with the height comes every 15 " +
		"seconds. A client that does not read is disconnected and misses nothing when it comes back."
	param := func(in, name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: in, Description: doc, Schema: plain}
	}
	events.Parameters = []*huma.Param{
		param("header", "Last-Event-ID", "Go on behind this event"),
		param("query", "from", "Begin at this event id or height, included; default: what is to come"),
		param("query", "type", "Only these types, separated by commas"),
		param("query", "campaign", "Only those of this campaign"),
		param("query", "coupon", "Only those of this coupon"),
		param("query", "till", "Only those that concern this till key"),
		{Name: "proof", In: "query", Description: "Whether to add the receipt proof", Schema: &huma.Schema{Type: "boolean"}},
	}
	events.Responses = text("200", "Events whose data is an EventAnswer", "text/event-stream",
		schemaOf[client.EventAnswer](api))
	genesis := get("genesis", "/v1/genesis", tagChain, "The genesis file, byte for byte")
	genesis.Responses = text("200", "The file", "application/json", &huma.Schema{Type: "object"})
	live := get("livez", "/livez", tagOperation, "Whether the process can go on")
	live.Responses = text("200", "It can", "text/plain", plain)
	live.Responses["503"] = &huma.Response{Description: "It cannot"}
	ready := get("readyz", "/readyz", tagOperation, "Whether the node takes part and is not behind; ?verbose says why not")
	ready.Parameters = []*huma.Param{param("query", "verbose", "Say what was checked")}
	ready.Responses = text("200", "It does", "text/plain", plain)
	ready.Responses["503"] = &huma.Response{Description: "It does not"}
	metrics := get("metrics", "/metrics", tagOperation, "Metrics for Prometheus")
	metrics.Responses = text("200", "The metrics", "text/plain", plain)
	for _, op := range []huma.Operation{events, genesis, live, ready, metrics} {
		api.OpenAPI().AddOperation(&op)
	}
}
