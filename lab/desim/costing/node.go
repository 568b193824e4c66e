package costing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/lab/desim"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// Sizes of the measured ledger: blocks of blockTxs, after fillBlocks of them.
const (
	blockTxs   = 1000
	fillBlocks = 10
	ledgerMs   = 1_795_000_000_000
)

// book is a ledger that is measured.
type book struct {
	store   *store.Ledger
	machine *ledger.Machine
	height  uint64
}

// measureLedger executes and stores blocks of coupon transactions as a node does.
func measureLedger(ctx context.Context, dir string, c *desim.Costs) (err error) {
	world := coupontest.NewWorld(coupontest.Options{Seed: 1, StartMs: ledgerMs, Members: 4, Keys: 1, Threshold: 1,
		Tills: 3, Wallets: 500, Fake: true})
	s, err := store.OpenLedger(store.LedgerConfig{Dir: filepath.Join(dir, "ledger"), Chain: world.Chain})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b := &book{store: s}
	if b.machine, err = ledger.New(world.CouponChain(), world.Genesis(), s); err != nil {
		return err
	}
	genesis, err := b.machine.Genesis()
	if err != nil {
		return err
	}
	if err := b.commit(nil, &genesis); err != nil {
		return err
	}
	mix := coupontest.DailyWorkload()
	g := coupontest.NewGenerator(world, mix, 1, ledgerMs)
	if err := b.execute(g.Setup()); err != nil {
		return err
	}
	next := func(n int) (raws [][]byte) {
		for range n {
			raws = append(raws, g.Next(ledgerMs))
		}
		return raws
	}
	for range fillBlocks {
		if err := errors.Join(ctx.Err(), b.execute(next(blockTxs))); err != nil {
			return err
		}
	}
	if c.ExecuteNsPerBlock, err = b.measureBlocks(nil); err != nil {
		return err
	}
	full, err := b.measureBlocks(func() [][]byte { return next(blockTxs) })
	if err != nil {
		return err
	}
	c.ExecuteNsPerTx = max(0, full-c.ExecuteNsPerBlock) / blockTxs
	return b.measureDoor(next(blockTxs), c)
}

// measureBlocks returns the processor time of a block with the given transactions,
// without decoding them.
func (b *book) measureBlocks(next func() [][]byte) (int64, error) {
	const blocks = 20
	var prepared [][]*node.Tx
	for range blocks * (measureRepeats + 1) {
		var txs []*node.Tx
		if next != nil {
			var err error
			if txs, err = b.decode(next()); err != nil {
				return 0, err
			}
		}
		prepared = append(prepared, txs)
	}
	best := int64(1 << 62)
	for len(prepared) >= blocks {
		before, err := cpuTime()
		if err != nil {
			return 0, err
		}
		for _, txs := range prepared[:blocks] {
			if err := b.run(txs); err != nil {
				return 0, err
			}
		}
		after, err := cpuTime()
		if err != nil {
			return 0, err
		}
		best = min(best, (after-before).Nanoseconds()/blocks)
		prepared = prepared[blocks:]
	}
	return best, nil
}

func (b *book) decode(raws [][]byte) ([]*node.Tx, error) {
	txs := make([]*node.Tx, len(raws))
	for i, raw := range raws {
		var err error
		if txs[i], err = b.machine.Check(raw); err != nil {
			return nil, err
		}
	}
	return txs, nil
}

func (b *book) execute(raws [][]byte) error {
	txs, err := b.decode(raws)
	if err != nil {
		return err
	}
	return b.run(txs)
}

func (b *book) run(txs []*node.Tx) error {
	b.height++
	r, err := b.machine.Execute(node.Batch{Height: b.height, TimeMs: ledgerMs + b.height,
		Parent: digestAt(b.height - 1), Txs: txs})
	if err != nil {
		return err
	}
	chain.NewTree(r.Receipts)
	return b.commit(txs, &r)
}

// digestAt stands for the digest of a block, under which its height is indexed.
func digestAt(height uint64) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, height))
}

func (b *book) commit(txs []*node.Tx, r *node.Result) error {
	raws := make([][]byte, len(txs))
	batch := store.BlockBatch{Height: b.height, StateRoot: r.StateRoot, Header: make([]byte, 256),
		Receipts: chain.EncodePayload(r.Receipts), Rows: r.Changes.Rows, Pages: r.Changes.Pages, Extra: r.Changes.Extra,
		SeenAdded: r.Changes.SeenAdded, SeenDropped: r.Changes.SeenDropped}
	for i, tx := range txs {
		raws[i] = tx.Raw
		batch.Txs = append(batch.Txs, store.TxRef{ID: tx.ID, Index: uint32(i), IfAbsent: r.Weak[i]})
	}
	batch.Payload = chain.EncodePayload(raws)
	return b.store.Commit(batch, false)
}

// measureDoor measures decoding a transaction and asking the state about it.
func (b *book) measureDoor(raws [][]byte, c *desim.Costs) error {
	txs, err := b.decode(raws)
	if err != nil {
		return err
	}
	i := 0
	if err := perOpInto(&c.GossipNsPerTx, func() {
		if _, bad := b.machine.Check(bytes.Clone(raws[i%len(raws)])); bad != nil {
			err = bad
		}
		i++
	}); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	var asked int64
	if err := perOpInto(&asked, func() {
		_ = b.machine.Admit(txs[i%len(txs)], nil, ledgerMs+b.height) // either answer costs the same
		i++
	}); err != nil {
		return err
	}
	c.DoorNsPerTx = c.GossipNsPerTx + asked
	return nil
}

// measureDoor adds what HTTP costs when a hundred transactions come in a request,
// each on a goroutine of its own, and are answered by a line each.
func measureDoor(_ context.Context, _ string, c *desim.Costs) (err error) {
	const perRequest = 128
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(answerLines), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	body := make([]byte, perRequest*measuredTxBytes)
	all, err := perOp(func(n int) error {
		for range n {
			answer, err := http.Post("http://"+listener.Addr().String(), "application/octet-stream", bytes.NewReader(body))
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, answer.Body)
			if err = errors.Join(err, answer.Body.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	http.DefaultClient.CloseIdleConnections()
	err = errors.Join(err, server.Close())
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	each := all / perRequest / 2
	c.DoorNsPerTx += each / 2
	c.AnswerNsPerTx = each / 2
	return err
}

// answerLines answers each transaction of a request with a line of JSON.
func answerLines(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	lines := make(chan []byte)
	count := len(body) / measuredTxBytes
	for i := range count {
		go func() {
			line, _ := json.Marshal(map[string]any{"tx": i, "code": "ok", "final": true, "height": "1"}) // cannot fail
			lines <- append(line, '\n')
		}()
	}
	for range count {
		if line := <-lines; err == nil {
			_, err = w.Write(line)
		}
	}
}

// measureLinks sends frames over links with TLS on loopback. A frame alone is one of
// a broadcast to eight, as votes are; others follow each other on one link.
func measureLinks(ctx context.Context, _ string, c *desim.Costs) error {
	const small, large, fan = 250, 256 << 10, 8
	alone, err := measureFrames(ctx, small, 1, fan)
	if err != nil {
		return err
	}
	together, err := measureFrames(ctx, small, 500, 1)
	if err != nil {
		return err
	}
	big, err := measureFrames(ctx, large, 16, 1)
	if err != nil {
		return err
	}
	c.SendNs, c.ReceiveNs = together/2, together/2
	c.WriteNs = max(0, alone-together) / 2
	c.SendNsPerKiB = max(0, big-alone) / 2 / (large >> 10)
	c.ReceiveNsPerKiB = c.SendNsPerKiB
	return nil
}

// star is a member with links to some others, who forget what they receive.
type star struct {
	ends  []*transport.Transport
	up    chan struct{}
	way   chan struct{} // holds a token for each frame on its way
	ended chan error
}

// newStar makes a member with fan others, all in this process.
func newStar(fan, window int) (*star, error) {
	s := &star{up: make(chan struct{}, 4*fan*(fan+1)), way: make(chan struct{}, window*fan),
		ended: make(chan error, fan+1)}
	var peers []transport.Peer
	var listeners []net.Listener
	for i := range fan + 1 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
		peers = append(peers, transport.Peer{ID: uint16(i), Key: starKey(i).Public(), Addr: l.Addr().String()})
	}
	for i := range peers {
		known := []transport.Peer{peers[0]}
		if i == 0 {
			known = peers
		}
		end, err := transport.New(transport.Config{Self: uint16(i), Key: starKey(i), Peers: known, Listener: listeners[i],
			Handler: func(uint16, transport.Lane, []byte) { <-s.way },
			LinkChanged: func(_ uint16, _ transport.Lane, is bool) {
				if is {
					s.up <- struct{}{}
				}
			}})
		if err != nil {
			return nil, err
		}
		s.ends = append(s.ends, end)
	}
	return s, nil
}

func starKey(i int) sig.PrivateKey { return sig.NewKeyFromSeed([sig.SeedSize]byte{byte(i + 1), 3}) }

// measureFrames returns the processor time of both ends for a frame of a size that
// goes to each of fan members, with at most window of them on each way.
func measureFrames(ctx context.Context, size, window, fan int) (int64, error) {
	s, err := newStar(fan, window)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	for _, end := range s.ends {
		go func() { s.ended <- end.Run(ctx) }()
	}
	all, err := s.measure(ctx, size, fan)
	cancel()
	for range s.ends {
		err = errors.Join(err, <-s.ended)
	}
	return all / int64(fan), err
}

// measure sends to everybody in turn, once all links are up.
func (s *star) measure(ctx context.Context, size, fan int) (int64, error) {
	for range 2 * transport.Lanes * fan {
		select {
		case <-s.up:
		case <-time.After(time.Minute):
			return 0, errors.New("no link on loopback")
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	frame := make([]byte, size)
	return perOp(func(n int) error {
		for range n {
			for range fan {
				s.way <- struct{}{}
			}
			for to := range fan {
				if !s.ends[0].Send(uint16(to+1), transport.Bulk, frame) {
					return fmt.Errorf("a frame of %d bytes was dropped", size)
				}
			}
		}
		for range cap(s.way) { // all have arrived
			s.way <- struct{}{}
		}
		for range cap(s.way) {
			<-s.way
		}
		return nil
	})
}
