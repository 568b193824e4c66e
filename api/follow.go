package api

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/node"
)

// host is a node that answers guests.
type host interface {
	Guest(frame []byte) ([]byte, error)
}

var _ host = (*node.Node)(nil)

// followsMax bounds the nodes that are answered at once, followsEachMax those of one client
// address, followTimeout how long one may take to read its answer.
const (
	followsMax     = 4
	followsEachMax = 2
	followTimeout  = 20 * time.Second
)

// follow is POST /v1/follow: how a node that has no seat has the chain from this one, see
// node.Guest. It changes nothing.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	known, ok := s.node.(host)
	if !ok {
		writeProblem(w, r, problem(client.ProblemNotFound, "This node answers no nodes without a seat."))
		return
	}
	address := s.config.Proxies.Address(r)
	if !s.follows.enter(address) {
		writeProblem(w, r, problem(client.ProblemRateLimited, ""))
		return
	}
	defer s.follows.leave(address)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(followTimeout)) // else that of all requests
	if kind := r.Header.Get("Content-Type"); kind != "application/octet-stream" {
		writeProblem(w, r, problem("media_type", "Send application/octet-stream."))
		return
	}
	frame, err := io.ReadAll(io.LimitReader(r.Body, node.GuestFrameBytesMax+1))
	if err != nil {
		writeProblem(w, r, problem(client.ProblemBadRequest, "The question was cut off."))
		return
	}
	answer, err := known.Guest(frame)
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case errors.Is(err, node.ErrGuestFrame):
		writeProblem(w, r, problem(client.ProblemBadRequest, "It is no question that a node without a seat may ask."))
	case errors.Is(err, node.ErrGuestsBusy):
		writeProblem(w, r, problem(client.ProblemRateLimited, ""))
	case err != nil:
		var p *client.Problem
		if !errors.As(s.reported(r.Context(), err), &p) {
			p = problem(client.ProblemInternal, "")
		}
		writeProblem(w, r, p)
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(answer)
	}
}

// describeFollow adds the route to the description.
func describeFollow(api huma.API) {
	binary := map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string",
		Format: "binary", Description: "A frame as members send them (docs/wire.md, part 10)"}}}
	op := huma.Operation{OperationID: "follow", Method: http.MethodPost, Path: client.FollowPath, Tags: []string{tagChain},
		Summary: "Blocks and certificates for a node that follows the chain",
		Description: "For nodes without a seat: a STATUS, a FETCH of committed blocks, or a question for certificates, " +
			"answered from what this node has executed. The asker verifies all of it.",
		RequestBody: &huma.RequestBody{Required: true, Content: binary},
		Responses: map[string]*huma.Response{
			"200": {Description: "The answer", Content: binary},
			"204": {Description: "There is nothing to say"},
			"default": {Description: "A problem: see its code",
				Content: map[string]*huma.MediaType{client.ProblemType: {Schema: schemaOf[client.Problem](api)}}},
		}}
	api.OpenAPI().AddOperation(&op)
}
