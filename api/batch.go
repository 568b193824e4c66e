package api

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
)

// A batch carries transactions of one client in one request, each behind its
// length as u32, little-endian. The answer is a line of JSON for each as soon as
// this node has executed it or refuses it, in the order in which that happens.
const (
	batchPath     = "/v1/transactions/batch"
	batchTxsMax   = 1024
	batchBytesMax = 4 << 20
	batchWaitMax  = 30 * time.Second
)

// BatchLine is one line of the answer to a batch.
type BatchLine struct {
	Tx     int        `json:"tx" doc:"The transaction's place in the batch, from 0"`
	Code   string     `json:"code" doc:"OK, or why it had no effect, or the API's own word" example:"OK"`
	Final  bool       `json:"final" doc:"Whether this is the decided outcome: its receipt ends the id"`
	Height client.U64 `json:"height,omitempty" doc:"Height of its block, if it is in one"`
}

// append writes the line as encoding/json would.
func (l *BatchLine) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"tx":`...), int64(l.Tx), 10)
	b = append(append(append(b, `,"code":"`...), l.Code...), `","final":`...)
	b = strconv.AppendBool(b, l.Final)
	if l.Height != 0 {
		b = strconv.AppendUint(append(b, `,"height":"`...), uint64(l.Height), 10)
		b = append(b, '"')
	}
	return append(b, '}', '\n')
}

// batch is POST /v1/transactions/batch.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	if kind := r.Header.Get("Content-Type"); kind != "application/octet-stream" {
		writeProblem(w, r, problem("media_type", "Send application/octet-stream."))
		return
	}
	txs, err := readBatch(r.Body)
	if err != nil {
		var p *client.Problem
		if !errors.As(err, &p) {
			p = problem(client.ProblemBadRequest, err.Error())
		}
		writeProblem(w, r, p)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), batchWaitMax)
	defer cancel()
	places, lines := s.letIn(r, len(txs))
	raws, kinds := make([][]byte, len(places)), make([]coupon.Kind, len(places))
	for k, i := range places {
		raws[k], kinds[k] = txs[i], coupon.KindOf(txs[i])
	}
	outcomes := make(chan node.Submitted, len(raws)) // room for all: nobody blocks on it
	var g sync.WaitGroup
	g.Go(func() { s.node.SubmitAll(ctx, raws, nil, outcomes) })
	defer g.Wait()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	s.writeLines(ctx, w, lines, places, kinds, outcomes)
}

// letIn returns the places of the transactions that the limits let in, and the
// lines of the others.
func (s *Server) letIn(r *http.Request, n int) (places []int, refused []byte) {
	address := s.config.Proxies.Address(r)
	for i := range n {
		if i > 0 && !s.clients.Allow(address, time.Now()) || !s.waiting.enter("") {
			refused = (&BatchLine{Tx: i, Code: client.ProblemRateLimited}).append(refused)
		} else {
			places = append(places, i)
		}
	}
	return places, refused
}

// writeLines writes what is known at once, then each outcome, as many at once as
// are there. A client that has gone is written no more, but each outcome gives
// its place among those who wait back.
func (s *Server) writeLines(ctx context.Context, w http.ResponseWriter, b []byte, places []int, kinds []coupon.Kind,
	outcomes <-chan node.Submitted) {
	out := http.NewResponseController(w)
	gone := false
	var written []node.Submitted
	for open := len(places); ; {
		if len(b) > 0 && !gone {
			_, err := w.Write(b)
			if err == nil {
				err = out.Flush()
			}
			gone = err != nil
			node.Told(written)
		}
		if open == 0 {
			return
		}
		b, written = b[:0], written[:0]
		for o := <-outcomes; ; o = <-outcomes {
			s.waiting.leave("")
			open--
			written = append(written, o)
			l := s.batchLine(ctx, places[o.Tx], kinds[o.Tx], &o)
			b = l.append(b)
			if len(outcomes) == 0 {
				break
			}
		}
	}
}

// batchLine tells what became of one transaction.
func (s *Server) batchLine(ctx context.Context, i int, kind coupon.Kind, o *node.Submitted) BatchLine {
	l := BatchLine{Tx: i, Code: client.StatePending}
	err := o.Err
	if err == nil {
		var receipt coupon.Outcome
		if receipt, err = coupon.DecodeReceipt(o.Outcome.Receipt); err == nil {
			return BatchLine{Tx: i, Code: receipt.Code.String(), Final: receipt.Code.Ending(kind) == coupon.Ended,
				Height: client.U64(o.Outcome.Height)}
		}
	}
	var refused *node.Refusal
	switch {
	case errors.As(err, &refused):
		l.Code = coupon.Code(refused.Code).String()
	case errors.Is(err, node.ErrExpired):
		l.Code = client.ProblemLapsed
	case errors.Is(err, node.ErrTooMany):
		l.Code = client.ProblemRateLimited
	case errors.Is(err, node.ErrStopped):
		l.Code = client.ProblemStopped
	case silence(err) != nil:
		l.Code = silence(err).Code
	case ctx.Err() == nil:
		s.log.Error("a transaction of a batch failed", "err", err)
		l.Code = client.ProblemInternal
	}
	return l
}

// readBatch splits the body of a batch.
func readBatch(body io.Reader) (txs [][]byte, err error) {
	r := bufio.NewReaderSize(body, 64<<10)
	for {
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); errors.Is(err, io.EOF) && len(txs) > 0 {
			return txs, nil
		} else if err != nil {
			return nil, fmt.Errorf("the batch is empty or cut off: %w", err)
		}
		size := binary.LittleEndian.Uint32(length[:])
		if size > coupon.TxSizeMax {
			return nil, refusal(coupon.TooLarge, "")
		}
		if len(txs) == batchTxsMax {
			return nil, fmt.Errorf("more than %d transactions", batchTxsMax)
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(r, raw); err != nil {
			return nil, fmt.Errorf("the batch is cut off: %w", err)
		}
		txs = append(txs, raw)
	}
}

// describeBatch adds the route to the description.
func describeBatch(api huma.API) {
	op := huma.Operation{OperationID: "submitBatch", Method: http.MethodPost, Path: batchPath,
		Tags:    []string{tagTransactions},
		Summary: "Hand in many transactions at once",
		Description: fmt.Sprintf("For clients with much to hand in. Transactions do not wait for each other, and their "+
			"order in the batch means nothing. At most %d transactions and %d bytes; each counts as a request.", batchTxsMax,
			batchBytesMax),
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {
			Schema: &huma.Schema{Type: "string", Format: "binary",
				Description: "Each transaction behind its length as u32, little-endian"}}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "A line for each transaction once this node has executed or refused it",
				Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: schemaOf[BatchLine](api)}}},
			"default": {Description: "A problem: see its code",
				Content: map[string]*huma.MediaType{client.ProblemType: {Schema: schemaOf[client.Problem](api)}}},
		}}
	api.OpenAPI().AddOperation(&op)
}
