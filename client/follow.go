package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// FollowPath is where a node's API answers nodes that follow the chain.
const FollowPath = "/v1/follow"

// Limits of a Source.
const (
	followAnswerMax = 17 << 20 // a block with the largest payload, or a piece of a snapshot
	followTimeout   = 30 * time.Second
	handInTimeout   = 5 * time.Second
)

// Source asks one node's API for the chain with frames as members send them. It verifies
// nothing. Safe for concurrent use.
type Source struct {
	base string
	http *http.Client
}

// NewSource returns the source at an address such as "https://node.example".
func NewSource(address string) *Source {
	return &Source{strings.TrimSuffix(address, "/"), &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Ask returns the answer to a frame; nil without an error if the node has nothing to say.
func (s *Source) Ask(ctx context.Context, frame []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	status, b, err := s.post(ctx, FollowPath, frame)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", s.base, err)
	case status == http.StatusNoContent:
		return nil, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("ask %s: it answers %d", s.base, status)
	}
	return b, nil
}

// HandIn hands transactions to the node and does not wait for what becomes of them.
func (s *Source) HandIn(ctx context.Context, txs [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, handInTimeout)
	defer cancel()
	var b []byte
	for _, tx := range txs {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(tx))), tx...)
	}
	_, _, err := s.post(ctx, "/v1/transactions/batch", b)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // it has them, and would tell more
	}
	return err
}

func (s *Source) post(ctx context.Context, path string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	a, err := s.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	b, err := io.ReadAll(io.LimitReader(a.Body, followAnswerMax+1))
	if err == nil && len(b) > followAnswerMax {
		err = fmt.Errorf("its answer has more than %d bytes", followAnswerMax)
	}
	return a.StatusCode, b, err
}
