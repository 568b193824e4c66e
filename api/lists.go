package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// ListInput is what every list takes.
type ListInput struct {
	Limit     int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"At most so many items"`
	Cursor    string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	MinHeight uint64 `query:"min_height" doc:"Wait until the node has executed this height; not with a cursor"`
}

// page is a part of a list, all of it as of one height.
type page[T any] struct {
	Items  []T         `json:"items"`
	Next   string      `json:"next_cursor,omitempty" doc:"Where to go on; absent on the last page"`
	Height client.U64  `json:"height" doc:"Height of the state that is listed"`
	Time   client.Time `json:"time" doc:"Time of its block"`
	Final  bool        `json:"final" doc:"Always true: an executed height is decided"`
}

// Lists, as cursors name them.
const (
	listCampaigns = 1 + iota
	listMembers
	listBatches
	listObligations
	listOwned
	listHistory
	listBlocks
	listTills
	listIssued
	listTakings
	listTotals
	listCourse
	listActivity
	listItems
)

// cursor is a place in a list: the first item of the next page.
type cursor struct {
	list   uint8
	height uint64 // of the state that is listed
	from   []byte
}

const (
	cursorVersion  = 1
	cursorFromMax  = 64
	listScannedMax = 4096 // rows that a page looks at
)

func (c cursor) String() string {
	b := wire.AppendUint64(wire.AppendUint8(wire.AppendUint8(nil, cursorVersion), c.list), c.height)
	return base64.RawURLEncoding.EncodeToString(wire.AppendBytes(b, c.from))
}

func parseCursor(list uint8, s string) (cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	r := wire.NewReader(b)
	version := r.Uint8()
	c := cursor{list: r.Uint8(), height: r.Uint64(), from: slices.Clone(r.Bytes(cursorFromMax))}
	if err != nil || r.Close() != nil || version != cursorVersion || c.list != list {
		p := problem(client.ProblemBadRequest, "")
		p.Errors = []client.FieldError{{Pointer: "query.cursor", Detail: "not a cursor of this list"}}
		return cursor{}, p
	}
	return c, nil
}

// open returns the state that a page lists, and where it begins.
func (s *Server) open(ctx context.Context, list uint8, in *ListInput) (*snapshot, []byte, error) {
	if in.Cursor == "" {
		p, err := s.watch.latest(ctx, in.MinHeight)
		return p, nil, err
	}
	c, err := parseCursor(list, in.Cursor)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.watch.kept(c.height)
	return p, c.from, err
}

// collect is one page of a list. visit calls its argument with the items from a
// place on, each with its place, until it returns false; show makes an item, or
// skips it.
func collect[K, T any](s *Server, p *snapshot, list uint8, limit int,
	visit func(func(place []byte, item K) bool) error, show func(K) (T, bool, error),
) (*output[page[T]], error) {
	out := page[T]{Items: []T{}, Height: client.U64(p.height), Time: client.TimeOf(p.timeMs), Final: true}
	var scanned int
	var failed error
	err := visit(func(place []byte, item K) bool {
		if len(out.Items) == limit || scanned == listScannedMax {
			out.Next = cursor{list, p.height, place}.String()
			return false
		}
		scanned++
		var t T
		var ok bool
		if t, ok, failed = show(item); failed != nil {
			return false
		}
		if ok {
			out.Items = append(out.Items, t)
		}
		return true
	})
	s.metrics.rows.Add(float64(scanned))
	if failed == nil {
		failed = err
	}
	if failed != nil {
		return nil, failed
	}
	if out.Next != "" {
		s.watch.keep(p)
	}
	return &output[page[T]]{CacheControl: "no-cache", Body: out}, nil
}

// keyed is a row with its key.
type keyed struct{ key, value []byte }

// listRows is one page of the rows whose keys begin with a prefix.
func listRows[T any](ctx context.Context, s *Server, list uint8, in *ListInput, prefix []byte,
	show func(p *snapshot, key, value []byte) (T, bool, error),
) (*output[page[T]], error) {
	return listWalked(ctx, s, list, in, prefix, (*store.View).Rows, show)
}

// listRowsDown is listRows in descending order of the keys.
func listRowsDown[T any](ctx context.Context, s *Server, list uint8, in *ListInput, prefix []byte,
	show func(p *snapshot, key, value []byte) (T, bool, error),
) (*output[page[T]], error) {
	return listWalked(ctx, s, list, in, prefix, (*store.View).RowsDown, show)
}

func listWalked[T any](ctx context.Context, s *Server, list uint8, in *ListInput, prefix []byte,
	walk func(v *store.View, prefix, from []byte, visit func(key, value []byte) bool) error,
	show func(p *snapshot, key, value []byte) (T, bool, error),
) (*output[page[T]], error) {
	p, from, err := s.open(ctx, list, in)
	if err != nil {
		return nil, err
	}
	defer p.release()
	if from != nil && !bytes.HasPrefix(from, prefix) {
		return nil, problem(client.ProblemBadRequest, "The cursor belongs to a list of something else.")
	}
	visit := func(each func([]byte, keyed) bool) error {
		err := walk(p.View, prefix, from, func(key, value []byte) bool {
			return each(slices.Clone(key), keyed{slices.Clone(key), slices.Clone(value)})
		})
		if err != nil {
			return fmt.Errorf("list rows: %w", err)
		}
		return nil
	}
	return collect(s, p, list, in.Limit, visit, func(k keyed) (T, bool, error) { return show(p, k.key, k.value) })
}
