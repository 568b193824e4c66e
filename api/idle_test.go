package api

import (
	"context"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// idle is a node that nobody has asked to do anything.
type idle struct{}

func (idle) Submit(context.Context, []byte, *[32]byte) (p node.Pending, err error) {
	return p, node.ErrStopped
}
func (idle) Wait(context.Context, [32]byte, node.Finality) (o node.Outcome, err error) {
	return o, node.ErrStopped
}
func (idle) SubmitAll(_ context.Context, raws [][]byte, _ *[32]byte, outcomes chan<- node.Submitted) {
	for i := range raws {
		outcomes <- node.Submitted{Tx: i, Err: node.ErrStopped}
	}
}
func (idle) Lookup([32]byte) (o node.Outcome, ok bool, err error) { return o, false, nil }
func (idle) Waits([32]byte) bool                                  { return false }
func (idle) Block(uint64) (*node.Block, error)                    { return nil, store.ErrNotFound }
func (idle) View() (*store.View, error)                           { return nil, store.ErrNotFound }
func (idle) Subscribe(store.EventID) (*node.Subscription, error)  { return nil, node.ErrSubscribers }
func (idle) Status() node.Status                                  { return node.Status{} }
func (idle) Registry() *prometheus.Registry                       { return prometheus.NewRegistry() }

// parseURL returns the URL of a path and query that need not be well formed.
func parseURL(s string) *url.URL {
	path, query := s, ""
	for i := range s {
		if s[i] == '?' {
			path, query = s[:i], s[i+1:]
			break
		}
	}
	return &url.URL{Path: path, RawQuery: query}
}
