package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

// batchTxsMax is the most transactions of one request, as package api has it.
const batchTxsMax = 1024

// okCode is the code of an accepted transaction.
var okCode = coupon.OK.String()

// sender hands batches to nodes over connections that stay open. Safe for
// concurrent use.
type sender struct {
	urls []string
	http *http.Client
}

func newSender(nodes []string) *sender {
	return &sender{urls: nodes, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}}
}

func (s *sender) close() { s.http.CloseIdleConnections() }

// post hands transactions to a node and calls done for each with its code as soon
// as it is known. An error says that some have no outcome.
func (s *sender) post(ctx context.Context, node int, txs [][]byte, done func(i int, code string)) error {
	var body bytes.Buffer
	for _, tx := range txs {
		body.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(tx))))
		body.Write(tx)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.urls[node]+"/v1/transactions/batch", &body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	answer, err := s.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
		return fmt.Errorf("%s: %s: %s", s.urls[node], answer.Status, text)
	}
	lines := bufio.NewScanner(answer.Body)
	known := 0
	for lines.Scan() {
		var l struct {
			Tx   int    `json:"tx"`
			Code string `json:"code"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Tx < 0 || l.Tx >= len(txs) {
			return fmt.Errorf("%s: not a line of an answer: %.100q", s.urls[node], lines.Bytes())
		}
		known++
		done(l.Tx, l.Code)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if known < len(txs) {
		return fmt.Errorf("%s: %d answers for %d transactions", s.urls[node], known, len(txs))
	}
	return nil
}
