package trial

import (
	"context"
	"time"

	"github.com/scrip-network/scrip/client"
)

// provingMax bounds the proofs that wait: a client that cannot keep up asks for
// fewer, and does not load the machine more.
const provingMax = 256

// prover fetches the proofs of some transactions and checks them.
type prover struct {
	client *client.Client
	asked  chan question
	done   chan struct{} // closed when run has ended

	// checked is when a proof had been checked, counted from the begin of the
	// measurement, by the number of the sample; failed counts those without one. Both
	// are read after finish.
	checked map[int]time.Duration
	failed  int
}

type question struct {
	sample int
	tx     []byte
	begin  time.Time // of the measurement
}

func newProver(c *client.Client) *prover {
	return &prover{client: c, asked: make(chan question, provingMax), done: make(chan struct{}),
		checked: make(map[int]time.Duration)}
}

// ask queues a question; it never blocks.
func (p *prover) ask(sample int, tx []byte, begin time.Time) {
	select {
	case p.asked <- question{sample, tx, begin}:
	default:
	}
}

// finish ends run once what was asked is answered, or its context is over; nothing
// may be asked any more.
func (p *prover) finish() {
	close(p.asked)
	<-p.done
}

// proofTimeout bounds the wait for one proof.
const proofTimeout = 5 * time.Second

func (p *prover) run(ctx context.Context) {
	defer close(p.done)
	for q := range p.asked {
		if ctx.Err() != nil {
			return
		}
		if err := p.check(ctx, q); err != nil {
			p.failed++
			continue
		}
		p.checked[q.sample] = time.Since(q.begin)
	}
}

// check asks for the receipt of a transaction; the client believes it only with
// its proof.
func (p *prover) check(ctx context.Context, q question) error {
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	tx, err := p.client.CheckTx(q.tx)
	if err != nil {
		return err
	}
	_, err = p.client.Receipt(ctx, tx.ID, tx.Expires)
	return err
}
