package api_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/pbft"
)

// askToFollow posts a frame as a node without a seat does.
func askToFollow(t *testing.T, url, kind string, frame []byte) (int, []byte) {
	t.Helper()
	r, err := http.Post(url+client.FollowPath, kind, bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, b
}

// A node without a seat is told where this one stands, and given committed blocks with what
// proves them. Whatever else it sends is refused.
func TestNodesWithoutASeatAreAnswered(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, _ := x.Publish()
	height := submit(t, c, publish).Height
	submit(t, c, publish) // its receipt again: the block is proven
	const binary = "application/octet-stream"
	url := x.Members[0].URL
	fetch(t, url+"/v1/blocks?limit=1&min_height=1", new(any))
	status, b := askToFollow(t, url, binary, pbft.EncodeMessage(&pbft.Status{Replica: 3}))
	m, err := pbft.DecodeMessage(b)
	s, ok := m.(*pbft.Status)
	if status != http.StatusOK || err != nil || !ok || s.Replica != 0 || s.Committed.Seq == 0 {
		t.Fatalf("%d, %+v, %v", status, m, err)
	}
	status, b = askToFollow(t, url, binary, pbft.EncodeMessage(&pbft.Fetch{Seq: s.Committed.Seq}))
	if m, err = pbft.DecodeMessage(b); status != http.StatusOK || err != nil {
		t.Fatalf("%d, %v", status, err)
	}
	committee, err := x.Dev.Genesis.Committee()
	if err != nil {
		t.Fatal(err)
	}
	blocks, ok := m.(*pbft.Blocks)
	if !ok || blocks.Blocks[0].Header.Seq != 1 || blocks.Certificate == nil ||
		!committee.Commits(blocks.Certificate, &blocks.Blocks[len(blocks.Blocks)-1].Header) {
		t.Errorf("%T of blocks above %d", m, height)
	}
	for what, q := range map[string]struct {
		kind   string
		frame  []byte
		status int
	}{
		"nothing above": {binary, pbft.EncodeMessage(&pbft.Fetch{Seq: 1 << 40, After: 1 << 39}), http.StatusNoContent},
		"of an epoch that is none": {binary, pbft.EncodeMessage(&pbft.Fetch{Epoch: 7, Seq: 1}),
			http.StatusBadRequest},
		"a vote":            {binary, pbft.EncodeMessage(&pbft.Prepare{}), http.StatusBadRequest},
		"not a frame":       {binary, []byte{byte(pbft.KindFetch), 1, 2}, http.StatusBadRequest},
		"nothing":           {binary, nil, http.StatusBadRequest},
		"as something else": {"text/plain", pbft.EncodeMessage(&pbft.Fetch{Seq: 1}), http.StatusUnsupportedMediaType},
	} {
		if status, b := askToFollow(t, url, q.kind, q.frame); status != q.status {
			t.Errorf("%s: %d, %s", what, status, b)
		}
	}
}
