package index

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Limits of what is brought into the tables in one transaction.
const (
	BatchBlocksMax = 256
	BatchTxsMax    = 20_000
	// readAheadMax bounds the blocks that wait for the database.
	readAheadMax = 16
	// sayEvery is how often progress is logged, and that nodes do not answer.
	sayEvery = 10 * time.Second
)

// Chain is what is followed: *client.Client is one.
type Chain interface {
	// Blocks returns proven blocks from a height on, in order and none left out.
	Blocks(ctx context.Context, from uint64) iter.Seq2[*client.Block, error]
}

// Run brings the blocks of the chain into the tables as they come, from where the tables
// end, until ctx ends or, unless it is 0, until a height is there. While many are missing
// it takes as many at once as BatchBlocksMax and BatchTxsMax allow. Errors are those of
// Apply: whoever starts again goes on where the last transaction ended.
func (x *Index) Run(ctx context.Context, chain Chain, until uint64, log *slog.Logger) error {
	if until > 0 && x.height >= until {
		return nil
	}
	g, reading := errgroup.WithContext(ctx)
	reading, stop := context.WithCancel(reading)
	defer stop()
	blocks := make(chan *client.Block, readAheadMax)
	from := x.height + 1
	g.Go(func() error {
		defer close(blocks)
		read(reading, chain, from, until, blocks, log)
		return nil
	})
	g.Go(func() error {
		defer stop()
		return x.fill(ctx, blocks, log)
	})
	return g.Wait()
}

// read hands on blocks until ctx ends or the one of height until was handed on.
func read(ctx context.Context, chain Chain, from, until uint64, out chan<- *client.Block, log *slog.Logger) {
	said := time.Time{}
	for b, err := range chain.Blocks(ctx, from) {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if now := time.Now(); now.Sub(said) > sayEvery {
				log.Warn("nodes do not give the next block", "err", err)
				said = now
			}
			continue
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return
		}
		if b.Height == until {
			return
		}
	}
}

// fill brings blocks into the tables, those that are there together.
func (x *Index) fill(ctx context.Context, blocks <-chan *client.Block, log *slog.Logger) error {
	said := time.Now()
	for first := range blocks {
		batch, txs := []*client.Block{first}, len(first.Txs)
	more:
		for len(batch) < BatchBlocksMax && txs < BatchTxsMax {
			select {
			case b, ok := <-blocks:
				if !ok {
					break more
				}
				batch, txs = append(batch, b), txs+len(b.Txs)
			default:
				break more
			}
		}
		if err := x.Apply(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return nil // nothing of it is in the tables
			}
			return err
		}
		if now := time.Now(); now.Sub(said) > sayEvery {
			last := batch[len(batch)-1]
			log.Info("indexed", "height", last.Height,
				"behind", now.Sub(time.UnixMilli(int64(last.Header.TimeMs))).Round(time.Millisecond).String())
			said = now
		}
	}
	return nil
}

// Prover proves what the tables are compared with: *client.Client is one.
type Prover interface {
	// Campaign returns a proven campaign.
	Campaign(ctx context.Context, number uint32) (*client.Campaign, error)
	// Obligation returns what a campaign owes a payee in a cycle, proven.
	Obligation(ctx context.Context, cycle, campaign uint32, payee uint16) (coupon.Obligation, *client.State, error)
	// Block returns a proven block.
	Block(ctx context.Context, height uint64) (*client.Block, error)
}

// ErrDiffers says that the tables are not what the state of the chain proves.
var ErrDiffers = errors.New("the tables differ from the proven state")

// Checked says what Check has compared.
type Checked struct {
	Campaigns   int    `json:"campaigns"`
	Obligations int    `json:"obligations"`
	Height      uint64 `json:"height"`
}

// Check compares every campaign and every obligation of the tables with the state of the
// chain, which a quorum attests: how many coupons were issued, redeemed and undone, and what
// is owed. The tables go on to the height of each answer first. Errors: ErrDiffers; those of
// the client, and of Apply.
func (x *Index) Check(ctx context.Context, p Prover) (done Checked, err error) {
	var campaigns []uint32
	rows, err := x.conn.Query(ctx, "SELECT campaign FROM scrip.campaigns ORDER BY campaign")
	if err != nil {
		return done, fmt.Errorf("check the tables: %w", err)
	}
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return done, fmt.Errorf("check the tables: %w", err)
		}
		campaigns = append(campaigns, uint32(n))
	}
	if err := rows.Err(); err != nil {
		return done, fmt.Errorf("check the tables: %w", err)
	}
	for _, n := range campaigns {
		if err := x.checkCampaign(ctx, p, n); err != nil {
			return done, fmt.Errorf("check campaign %d: %w", n, err)
		}
		done.Campaigns++
		owed, err := x.checkObligations(ctx, p, n)
		if err != nil {
			return done, fmt.Errorf("check what campaign %d owes: %w", n, err)
		}
		done.Obligations += owed
	}
	done.Height = x.height
	return done, nil
}

// reach goes on to a height.
func (x *Index) reach(ctx context.Context, p Prover, height uint64) error {
	for x.height < height {
		b, err := p.Block(ctx, x.height+1)
		if err != nil {
			return err
		}
		if err := x.Apply(ctx, []*client.Block{b}); err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) checkCampaign(ctx context.Context, p Prover, n uint32) error {
	c, err := p.Campaign(ctx, n)
	if err != nil {
		return err
	}
	if err := x.reach(ctx, p, c.State.Height); err != nil {
		return err
	}
	var issued, redemptions, voids, accrued int64
	if err := x.conn.QueryRow(ctx, "SELECT (SELECT count(*) FROM scrip.coupons WHERE campaign = $1 AND height <= $2), "+
		"count(*), count(*) FILTER (WHERE voided_height <= $2), "+
		"coalesce(sum(payable) FILTER (WHERE voided_height IS NULL OR voided_height > $2), 0)::bigint "+
		"FROM scrip.redemptions WHERE campaign = $1 AND height <= $2", int64(n), int64(c.State.Height)).Scan(&issued,
		&redemptions, &voids, &accrued); err != nil {
		return err
	}
	if issued != int64(c.Issued) || redemptions != int64(c.Redemptions) || voids != int64(c.Voids) ||
		accrued != int64(c.Accrued) {
		return fmt.Errorf("%w at height %d: issued %d of %d, redeemed %d of %d, undone %d of %d, owed %d of %d",
			ErrDiffers, c.State.Height, issued, c.Issued, redemptions, c.Redemptions, voids, c.Voids, accrued, c.Accrued)
	}
	return nil
}

func (x *Index) checkObligations(ctx context.Context, p Prover, n uint32) (count int, err error) {
	rows, err := x.conn.Query(ctx, "SELECT DISTINCT cycle, merchant FROM scrip.redemptions WHERE campaign = $1 "+
		"ORDER BY cycle, merchant", int64(n))
	if err != nil {
		return 0, err
	}
	type key struct{ cycle, payee int64 }
	var all []key
	for rows.Next() {
		var k key
		if err := rows.Scan(&k.cycle, &k.payee); err != nil {
			return 0, err
		}
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, k := range all {
		o, s, err := p.Obligation(ctx, uint32(k.cycle), n, uint16(k.payee))
		if err != nil {
			return count, err
		}
		if err := x.reach(ctx, p, s.Height); err != nil {
			return count, err
		}
		var sum, of int64
		if err := x.conn.QueryRow(ctx, "SELECT coalesce(sum(payable), 0)::bigint, count(*) FROM scrip.redemptions "+
			"WHERE campaign = $1 AND cycle = $2 AND merchant = $3 AND height <= $4 "+
			"AND (voided_height IS NULL OR voided_height > $4)", int64(n), k.cycle, k.payee, int64(s.Height)).Scan(&sum,
			&of); err != nil {
			return count, err
		}
		if sum != int64(o.Sum) || of != int64(o.Count) {
			return count, fmt.Errorf("%w at height %d: cycle %d, member %d: %d for %d redemptions, not %d for %d", ErrDiffers,
				s.Height, k.cycle, k.payee, sum, of, o.Sum, o.Count)
		}
		count++
	}
	return count, nil
}
