package api

import (
	"context"
	"fmt"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
)

// receipts is GET /v1/blocks/{height}/receipts.
func (s *Server) receipts(ctx context.Context, in *BlockInput) (*output[client.ReceiptsAnswer], error) {
	height, b, err := s.findBlock(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(b.Receipts) == 0 {
		return nil, problem(client.ProblemNotFound, "The block holds no transactions.")
	}
	if !s.attested(b) {
		return nil, problem(client.ProblemNoProof, "")
	}
	a := client.ReceiptsAnswer{Height: client.U64(height), Time: client.TimeOf(b.Header.Header.TimeMs),
		Count: len(b.Receipts), Attested: b.Checkpoint.Signers.Count(),
		Proof:  (&chain.BlockReceipts{Checkpoint: b.Checkpoint, Receipts: b.Receipts}).Encode(),
		Header: b.Header.Header.Append(nil)}
	o := &output[client.ReceiptsAnswer]{CacheControl: "no-cache", Body: a}
	o.ETag = fmt.Sprintf(`"%s-%d"`, client.Hash(b.Digest), a.Attested)
	if a.Attested >= s.committee.Quorum() {
		o.CacheControl = forever(s.genesis.File.IsDev())
	}
	return o, nil
}
