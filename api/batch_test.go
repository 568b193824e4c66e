package api_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
)

// frames returns the body of a batch.
func frames(txs ...[]byte) []byte {
	var b []byte
	for _, tx := range txs {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(tx))), tx...)
	}
	return b
}

// postBatch returns the lines of the answer by the place of the transaction.
func postBatch(t *testing.T, url string, txs ...[]byte) map[int]api.BatchLine {
	t.Helper()
	r, err := http.Post(url+"/v1/transactions/batch", "application/octet-stream", bytes.NewReader(frames(txs...)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%s, %s", r.Status, r.Header.Get("Content-Type"))
	}
	lines := make(map[int]api.BatchLine)
	s := bufio.NewScanner(r.Body)
	for s.Scan() {
		var l api.BatchLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", s.Bytes(), err)
		}
		again, err := json.Marshal(&l)
		if err != nil || !bytes.Equal(again, s.Bytes()) {
			t.Errorf("the line %s is not the JSON of its content, %s", s.Bytes(), again)
		}
		if _, twice := lines[l.Tx]; twice {
			t.Errorf("two lines for transaction %d", l.Tx)
		}
		lines[l.Tx] = l
	}
	if s.Err() != nil || len(lines) != len(txs) {
		t.Fatalf("%d lines for %d transactions: %v", len(lines), len(txs), s.Err())
	}
	return lines
}

func TestBatch(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	batch := submit(t, c, campaign.Batch(10))

	// f+1 members have proven it; this one may be behind them.
	url := x.Members[1].URL
	var s any
	fetch(t, fmt.Sprintf("%s/v1/blocks?limit=1&min_height=%d", url, batch.Height), &s)
	bo := apitest.Holder(1)
	flipped := campaign.Claim(3, bo.Key)
	flipped[len(flipped)-1] ^= 1
	lines := postBatch(t, url, campaign.Claim(1, bo.Key), campaign.Claim(2, bo.Key), flipped, []byte("no transaction"),
		nil)
	for i, want := range []struct {
		code  string
		final bool
	}{{"OK", true}, {"OK", true}, {"E102", false}, {"E101", false}, {"E101", false}} {
		if l := lines[i]; l.Code != want.code || l.Final != want.final || want.final != (l.Height > 0) {
			t.Errorf("transaction %d: %+v, want %s", i, l, want.code)
		}
	}
	again := campaign.Claim(2, bo.Key)
	if l := postBatch(t, url, again)[0]; l.Code != "E302" || l.Final {
		t.Errorf("a claimed serial: %+v, want the node's own E302", l)
	}

	many := make([][]byte, 1025)
	for name, body := range map[string][]byte{
		"nothing": nil, "half a length": {1, 0}, "cut off": {5, 0, 0, 0, 1}, "too many": frames(many...),
	} {
		r, err := http.Post(url+"/v1/transactions/batch", "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, r.Status)
		}
	}
	for name, want := range map[string]struct {
		kind   string
		body   []byte
		status int
	}{
		"a huge transaction": {"application/octet-stream", []byte{0xff, 0xff, 0xff, 0xff}, http.StatusRequestEntityTooLarge},
		"JSON":               {"application/json", []byte("{}"), http.StatusUnsupportedMediaType},
	} {
		r, err := http.Post(url+"/v1/transactions/batch", want.kind, bytes.NewReader(want.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want.status {
			t.Errorf("%s: %s, want %d", name, r.Status, want.status)
		}
	}
}
