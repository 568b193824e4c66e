package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// errClaimed says that a batch without a log has coupons already.
var errClaimed = errors.New("coupons of it were claimed, but this desk has no log of it: the log was lost, or the " +
	"tickets were made elsewhere; commit a new batch")

// chainPause is the time between two tries to ask the chain about a batch.
const chainPause = time.Second

// Follow serves every batch under a key of this desk, from the first block on, until
// ctx ends. It believes proven answers alone. A batch that cannot be served is
// logged and left out.
func (d *Desk) Follow(ctx context.Context, c *client.Client, log *slog.Logger) error {
	filter := client.EventFilter{Types: []coupon.EventType{coupon.EventBatchCommitted}}
	for e, err := range c.Events(ctx, client.EventID{Height: 1}, filter) {
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("follow the chain: %w", err)
		}
		b, err := d.find(ctx, c, e.Outcome.Campaign, e.Outcome.Batch)
		if err == nil {
			err = d.Serve(b, uint64(time.Now().UnixMilli()))
		}
		switch {
		case err == nil:
			log.Info("batch is served", "campaign", b.Campaign, "batch", b.Number, "serials", b.Count,
				"left", d.Left(b.Campaign))
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrIssuer):
			log.Warn("batch of an issuer that this desk does not serve", "campaign", b.Campaign, "batch", b.Number,
				"issuer", b.Issuer)
		case !errors.Is(err, ErrNotOurs) && !errors.Is(err, ErrEnded):
			log.Error("batch is not served", "campaign", e.Outcome.Campaign, "batch", e.Outcome.Batch, "err", err)
		}
	}
	return nil
}

// find reads a batch and its campaign, until the chain answers.
func (d *Desk) find(ctx context.Context, c *client.Client, campaign uint32, number uint16) (b Batch, err error) {
	for {
		if b, err = d.read(ctx, c, campaign, number); err == nil || errors.Is(err, ErrNotOurs) ||
			errors.Is(err, errClaimed) {
			return b, err
		}
		select {
		case <-ctx.Done():
			return b, err
		case <-time.After(chainPause):
		}
	}
}

func (d *Desk) read(ctx context.Context, c *client.Client, campaign uint32, number uint16) (b Batch, err error) {
	row, _, err := c.Batch(ctx, campaign, number)
	if err != nil {
		return b, err
	}
	b = Batch{Campaign: campaign, Number: number, First: row.First, Count: row.Count, TicketKey: row.TicketKey}
	if _, ours := d.signerOf(&b); !ours {
		return b, ErrNotOurs
	}
	x, err := c.Campaign(ctx, campaign)
	if err != nil {
		return b, err
	}
	b.Issuer, b.Expires = x.Terms.Issuer, x.Terms.ClaimUntil
	if d.begun(&b) {
		return b, nil
	}
	_, err = c.Coupon(ctx, coupon.NewCouponID(campaign, b.First))
	switch {
	case errors.Is(err, client.ErrNotFound):
		return b, nil
	case err == nil:
		return b, errClaimed
	}
	return b, err
}

// begun reports whether there is a log of a batch.
func (d *Desk) begun(b *Batch) bool {
	f, err := d.cfg.FS.Open(logName(d.cfg.Dir, b))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	_ = f.Close()
	return true
}
