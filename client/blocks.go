package client

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// blocksAhead is how many blocks are asked for at once while many are missing: each
	// may have blockBytesMax.
	blocksAhead = 4
	// blocksBehind is from which age on a block says that more are missing. It decides
	// nothing but how many are asked for at once.
	blocksBehind = 3 * time.Second
	// blockWait is how long a node is asked to wait for the next block, as long as nodes
	// do.
	blockWait = 10 * time.Second
	// proofPause is after what time a block is asked for again that is not proven yet.
	proofPause = 10 * time.Millisecond
)

// Blocks returns the executed blocks from a height on, each proven, in the order of the
// chain and none left out: who must know everything follows these, not Events. The
// sequence has no end: it waits for what is to come.
//
// When no node gives the next block, and not all wait for it, it yields nil and why, and
// tries again after a pause if the caller goes on. It ends with ctx, whose error it yields last, or when the
// caller stops.
func (c *Client) Blocks(ctx context.Context, from uint64) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		asked := make([]chan blockReply, 0, blocksAhead) // for from, from + 1, ...
		defer func() {
			cancel()
			for _, reply := range asked {
				for range reply {
				}
			}
		}()
		ahead, pause := 1, pauseMin
		for {
			for len(asked) < ahead {
				asked = append(asked, c.askBlock(ctx, from+uint64(len(asked))))
			}
			r := <-asked[0]
			if r.err == nil {
				asked = append(asked[:0], asked[1:]...)
				if !yield(r.block, nil) {
					return
				}
				from, ahead, pause = from+1, 1, pauseMin
				if c.now().Sub(time.UnixMilli(int64(r.block.Header.TimeMs))) > blocksBehind {
					ahead = blocksAhead
				}
				continue
			}
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !errors.Is(r.err, errNoBlockYet) {
				if !yield(nil, r.err) {
					return
				}
				if sleep(ctx, pause/2+rand.N(pause)) == nil {
					pause = min(2*pause, pauseMax)
				}
			}
			asked[0] = c.askBlock(ctx, from)
		}
	}
}

// blockReply is a block, or why there is none.
type blockReply struct {
	block *Block
	err   error
}

// askBlock asks for a block in a goroutine. The channel is closed behind the reply, so that
// whoever ends can wait for the goroutine, whether he has had the reply or not.
func (c *Client) askBlock(ctx context.Context, height uint64) chan blockReply {
	reply := make(chan blockReply, 1)
	go func() {
		defer close(reply)
		b, err := c.awaitBlock(ctx, height)
		reply <- blockReply{b, err}
	}()
	return reply
}

// errNoBlockYet says that every node waits for the block, or for what proves it.
var errNoBlockYet = errors.New("client: there is no such block yet")

// awaitBlock returns a block that may not be there yet: then the error is errNoBlockYet.
func (c *Client) awaitBlock(ctx context.Context, height uint64) (*Block, error) {
	at := strconv.FormatUint(height, 10)
	b, errs := c.raceBlock(ctx, height, request{method: http.MethodGet, path: "/v1/blocks/" + at,
		query: url.Values{"min_height": {at}}, limit: blockBytesMax, wait: blockWait})
	if b != nil {
		return b, nil
	}
	unproven := false
	for _, err := range errs {
		code := problemCode(err)
		if code != ProblemBehind && code != ProblemNoProof {
			return nil, failed("read block "+at, errs)
		}
		unproven = unproven || code == ProblemNoProof
	}
	if unproven { // its members are about to attest it
		_ = sleep(ctx, proofPause)
	}
	return nil, errNoBlockYet
}
