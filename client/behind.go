package client

import (
	"context"
	"errors"
	"fmt"
)

// BehindError says that every node that answers stands below a height that was
// proven to this client before: they catch up, or the chain was set back. It wraps
// ErrStale. The heights of the nodes are their word.
type BehindError struct {
	// Seen is the height that was proven, here or to the client that WithFloor is of.
	Seen uint64
	// Height is the highest that a node says it has executed.
	Height uint64
	// Nodes is how many nodes said how high they stand.
	Nodes int
}

// Error implements error.
func (e *BehindError) Error() string {
	return fmt.Sprintf("client: the nodes are behind: height %d was proven before, and %d is where they stand", e.Seen,
		e.Height)
}

// Unwrap returns ErrStale.
func (e *BehindError) Unwrap() error { return ErrStale }

// atFloor is race for answers at the floor or above it. Once a node has given up
// waiting for that height, it looks whether any node is there at all.
func atFloor[T any](ctx context.Context, c *Client, what string, ask func(context.Context, *endpoint) (T, error)) (T,
	error) {
	var behind *BehindError
	v, errs := race(ctx, c, ask, func(errs []error) bool {
		last := errs[len(errs)-1]
		if waited := errors.Is(last, context.DeadlineExceeded) || problemCode(last) == ProblemBehind; waited {
			behind = c.behind(ctx)
		}
		return behind != nil
	})
	switch {
	case behind != nil:
		return v, fmt.Errorf("%s: %w", what, behind)
	case errs != nil:
		return v, failed(what, errs)
	}
	return v, nil
}

// behind asks all nodes how high they stand, and reports if at least one answers
// within the client's patience and none is at the floor.
func (c *Client) behind(ctx context.Context) *BehindError {
	floor := c.Floor()
	if floor == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	answers := make(chan *StatusAnswer, len(c.nodes))
	for i := range c.nodes {
		go func() {
			a, err := c.Status(ctx, i)
			if err != nil || a.Digest != c.genesis.Digest {
				a = nil
			}
			answers <- a
		}()
	}
	e := &BehindError{Seen: floor}
	for range c.nodes {
		if a := <-answers; a != nil {
			e.Height = max(e.Height, uint64(a.Height))
			e.Nodes++
		}
	}
	if e.Nodes == 0 || e.Height >= floor {
		return nil
	}
	return e
}
