package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// BlockInput says which block is asked for.
type BlockInput struct {
	Height string `path:"height" pattern:"^([0-9]{1,20}|latest|[0-9a-f]{64})$" doc:"Its height, its digest, or latest"`
	ReadInput
}

type bareInput struct {
	BlockInput
	Bare bool `query:"bare" doc:"Leave out transactions and receipts; header and certificates prove what remains"`
}

func (s *Server) block(ctx context.Context, in *bareInput) (*output[client.BlockAnswer], error) {
	height, b, err := s.findBlock(ctx, &in.BlockInput)
	if err != nil {
		return nil, err
	}
	if height > 0 && !s.attested(b) {
		return nil, problem(client.ProblemNoProof, "")
	}
	a := blockAnswer(height, b.Digest, &b.Header.Header, len(b.Txs), b.Checkpoint)
	a.Header = b.Header.Header.Append(nil)
	if !in.Bare {
		a.Txs, a.Receipts = b.Txs, b.Receipts
	}
	if b.Certificate != nil {
		a.Certificate = b.Certificate.Encode()
	}
	if b.Checkpoint != nil {
		a.Checkpoint = b.Checkpoint.Encode()
	}
	o := &output[client.BlockAnswer]{CacheControl: "no-cache", Body: a,
		ETag: fmt.Sprintf(`"%s-%d-%t"`, a.Digest, a.Attested, in.Bare)}
	if height == 0 || a.Attested >= s.committee.Quorum() { // nothing is added any more
		o.CacheControl = forever(s.genesis.File.IsDev())
	}
	return o, nil
}

// attested reports whether so many members attest a block here that its receipts are
// proven. A node that was restarted, or filled again, may hold the block alone.
func (s *Server) attested(b *node.Block) bool {
	return b.Checkpoint != nil && b.Checkpoint.Signers.Count() >= s.committee.WeakQuorum()
}

// findBlock returns the executed block that is asked for.
func (s *Server) findBlock(ctx context.Context, in *BlockInput) (height uint64, b *node.Block, err error) {
	if in.MinHeight > 0 {
		p, err := s.watch.latest(ctx, in.MinHeight)
		if err != nil {
			return 0, nil, err
		}
		p.release()
	}
	height = s.node.Status().Height
	if len(in.Height) == 64 {
		h, err := s.heightOf(in.Height)
		if err != nil {
			return 0, nil, err
		}
		height = h
	} else if in.Height != "latest" {
		h, err := strconv.ParseUint(in.Height, 10, 64)
		if err != nil {
			return 0, nil, problem(client.ProblemBadRequest, "The height is too large.")
		}
		height = h
	}
	b, err = s.node.Block(height)
	if errors.Is(err, store.ErrNotFound) {
		p := problem(client.ProblemNotFound, "This node has not executed this height.")
		p.Height = client.U64(s.node.Status().Height)
		return 0, nil, p
	}
	if err != nil {
		return 0, nil, err
	}
	return height, b, nil
}

// heightOf finds a block by its digest. The newest one is not in the index yet.
func (s *Server) heightOf(digest string) (uint64, error) {
	var want client.Hash
	if err := want.UnmarshalText([]byte(digest)); err != nil {
		return 0, problem(client.ProblemBadRequest, err.Error())
	}
	p, err := s.pin()
	if err != nil {
		return 0, err
	}
	defer p.release()
	height, ok := ledger.BlockHeight(p.View, want)
	if !ok {
		height = p.height
	}
	if err := p.Err(); err != nil {
		return 0, err
	}
	b, err := s.node.Block(height)
	if err == nil && client.Hash(b.Digest) == want {
		return height, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	x := problem(client.ProblemNotFound, "This node has no block of this digest.")
	x.Height = client.U64(p.height)
	return 0, x
}

// forever is the Cache-Control of what never changes on a chain. The next
// demonstration at the same address is another chain.
func forever(demonstration bool) string {
	if demonstration {
		return "no-cache"
	}
	return "public, max-age=31536000, immutable"
}

func blockAnswer(height uint64, digest pbft.Digest, h *pbft.Header, txs int,
	x *pbft.CheckpointCertificate) client.BlockAnswer {
	a := client.BlockAnswer{Height: client.U64(height), Digest: client.Hash(digest), Parent: client.Hash(h.Parent),
		Time: client.TimeOf(h.TimeMs), View: client.U64(h.View), Proposer: uint16(h.Proposer),
		PayloadRoot: client.Hash(h.PayloadRoot), TxCount: txs, Final: true}
	if x != nil {
		a.Attested, a.StateRoot, a.ReceiptRoot = x.Signers.Count(), (*client.Hash)(&x.StateRoot),
			(*client.Hash)(&x.ReceiptRoot)
	}
	return a
}

type blocksInput struct {
	ListInput
}

// blocksPageMax bounds a page of blocks: each item reads the receipts of one.
const blocksPageMax = 100

// blocks lists blocks from the newest down. Blocks never change, so the list needs
// no pinned state: its cursor holds the next height.
func (s *Server) blocks(ctx context.Context, in *blocksInput) (*output[page[client.BlockAnswer]], error) {
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	top, next := p.height, p.height
	if in.Cursor != "" {
		c, err := parseCursor(listBlocks, in.Cursor)
		if err != nil {
			return nil, err
		}
		if len(c.from) != 8 {
			return nil, problem(client.ProblemCursorExpired, "")
		}
		top, next = c.height, binary.BigEndian.Uint64(c.from)
	}
	if next > p.height || top > p.height || next > top {
		return nil, problem(client.ProblemBehind, "")
	}
	_, timeMs, err := readHeader(p.View, top)
	if err != nil {
		return nil, err
	}
	out := page[client.BlockAnswer]{Items: []client.BlockAnswer{}, Height: client.U64(top), Time: client.TimeOf(timeMs),
		Final: true}
	for ; len(out.Items) < min(in.Limit, blocksPageMax); next-- {
		a, err := s.summary(p, next)
		if err != nil {
			return nil, err
		}
		if out.Items = append(out.Items, a); next == 0 {
			return &output[page[client.BlockAnswer]]{CacheControl: "no-cache", Body: out}, nil
		}
	}
	out.Next = cursor{listBlocks, top, binary.BigEndian.AppendUint64(nil, next)}.String()
	return &output[page[client.BlockAnswer]]{CacheControl: "no-cache", Body: out}, nil
}

func (s *Server) summary(p *snapshot, height uint64) (a client.BlockAnswer, err error) {
	b, _, err := readHeader(p.View, height)
	if err != nil {
		return a, err
	}
	h, err := pbft.DecodeHeader(b)
	if err != nil {
		return a, fmt.Errorf("stored header of height %d: %w", height, err)
	}
	receipts, err := p.Receipts(height)
	if err != nil {
		return a, err
	}
	x, err := checkpoint(p.View, height, 0)
	if err != nil {
		return a, err
	}
	return blockAnswer(height, s.committee.HeaderDigest(&h), &h, countOf(receipts), x), nil
}

// countOf returns how many receipts there are, without looking at them: it is what
// their encoding begins with.
func countOf(receipts []byte) int {
	if len(receipts) == 0 {
		return 0
	}
	return int(wire.NewReader(receipts).Uint32())
}

func (s *Server) status(_ context.Context, in *NonceInput) (*output[client.StatusAnswer], error) {
	x := s.node.Status()
	return &output[client.StatusAnswer]{CacheControl: "no-store", Body: client.StatusAnswer{
		Chain: s.genesis.File.Name, ChainID: client.ChainID(s.genesis.Digest), Digest: s.genesis.Digest,
		Replica: uint16(x.Self), Height: client.U64(x.Height), Time: client.TimeOf(x.TimeMs),
		StateRoot: client.Hash(x.StateRoot), Certified: client.U64(s.watch.certifiedHeight()),
		View: client.U64(x.Engine.View), Primary: uint16(x.Engine.Primary), Validators: s.committee.Size(),
		PeersUp: x.PeersUp, MempoolTxs: x.MempoolTxs, Condition: x.Condition, Reason: x.Reason, Ready: x.Ready,
		UptimeS: client.U64(x.Uptime.Seconds()), Version: s.config.Version, Final: true,
		Statement: s.sign(*in, x, [32]byte{}, client.SaysStatus),
	}}, nil
}

// validatorsBody is the committee of the chain.
type validatorsBody struct {
	Validators   []validator `json:"validators"`
	Faults       int         `json:"faults" doc:"f: how many may be faulty"`
	FastFaults   int         `json:"fast_faults" doc:"p: how many may be silent on the fast path"`
	Quorum       int         `json:"quorum" doc:"Signatures that prove a state"`
	WeakQuorum   int         `json:"weak_quorum" doc:"Signatures that prove a receipt"`
	Committee    client.Hash `json:"committee" doc:"Digest of the committee"`
	PrimaryOfNow uint16      `json:"primary" doc:"The replica that proposes, as this node sees it"`
	AsOf
}

type validator struct {
	Replica    uint16 `json:"replica" doc:"Its number in the committee"`
	Member     uint16 `json:"member"`
	MemberName string `json:"member_name"`
	Key        string `json:"key"`
}

func (s *Server) validators(ctx context.Context, in *ReadInput) (*output[validatorsBody], error) {
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	b := validatorsBody{Faults: s.committee.Faults(), FastFaults: s.committee.FastFaults(), Quorum: s.committee.Quorum(),
		WeakQuorum: s.committee.WeakQuorum(), Committee: client.Hash(s.committee.Digest()),
		PrimaryOfNow: uint16(s.node.Status().Engine.Primary), AsOf: asOf(p)}
	for i, v := range s.genesis.File.Committee.Validators {
		b.Validators = append(b.Validators, validator{Replica: uint16(i), Member: v.Member,
			MemberName: s.memberName(p, v.Member), Key: keys.Encode(keys.Validator, v.Key)})
	}
	return noted(p, b), nil
}

// genesisFile is GET /v1/genesis: the file's bytes, which the chain's digest
// covers.
func (s *Server) genesisFile(w http.ResponseWriter, r *http.Request) {
	tag := `"` + client.Hash(s.genesis.Digest).String() + `"`
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // another chain may come to this address
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(s.genesis.Raw) // whoever does not read it has gone
}

// live is GET /livez: whether the process can go on.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	x := s.node.Status()
	reason := x.Reason
	if x.Live { // it is about something else
		reason = "goes on"
	}
	s.health(w, r, x.Live, []check{{"process", x.Live, reason}})
}

// ready is GET /readyz: whether the node takes part, has seen a quorum lately and
// is not behind.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	x := s.node.Status()
	s.health(w, r, x.Ready, []check{
		{"condition", x.Condition == pbft.Voting.String() || x.Condition == node.Follows, x.Condition},
		{"quorum", x.PeersUp+1 >= s.committee.Quorum(), fmt.Sprintf("%d of %d members heard, itself with them",
			x.PeersUp+1, s.committee.Size())},
		{"ready", x.Ready, strings.TrimSuffix(fmt.Sprintf("height %d: %s", x.Height, x.Reason), ": ")},
	})
}

type check struct {
	name   string
	ok     bool
	detail string
}

func (s *Server) health(w http.ResponseWriter, r *http.Request, ok bool, checks []check) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if r.URL.Query().Has("verbose") {
		for _, c := range checks {
			mark := "ok  "
			if !c.ok {
				mark = "fail"
			}
			_, _ = fmt.Fprintf(w, "%s %s: %s\n", mark, c.name, c.detail)
		}
	}
	text := "ok\n"
	if !ok {
		text = "not ok\n"
	}
	_, _ = w.Write([]byte(text))
}
