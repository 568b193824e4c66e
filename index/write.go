package index

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// write writes the changes.
func (c *changes) write(ctx context.Context, tx pgx.Tx) error {
	if c.few.Len() > 0 {
		if err := tx.SendBatch(ctx, &c.few).Close(); err != nil {
			return err
		}
	}
	var fresh, takings [][]any
	for _, id := range c.order {
		if h := c.coupons[id]; h.fresh {
			fresh = append(fresh, []any{int64(id.Campaign()), int64(id.Serial()), h.holder, int64(h.seq), int(h.usesLeft),
				int64(h.valueLeft), h.offered, h.claimed, h.until, int64(h.height)})
		}
	}
	for _, key := range c.taken {
		t := c.takings[key]
		voided := t.voided
		if voided == nil {
			voided = []any{nil, nil}
		}
		takings = append(takings, append(t.row, voided...))
	}
	for _, rows := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"coupons", []string{"campaign", "serial", "holder", "seq", "uses_left", "value_left", "offered", "claimed", "until",
			"height"}, fresh},
		{"redemptions", []string{"campaign", "serial", "seq", "height", "tx", "at", "till", "merchant", "store", "mode",
			"value", "payable", "cycle", "final_at", "voided", "voided_height"}, takings},
		{"events", []string{"height", "tx", "at", "type", "id", "campaign", "serial", "value", "payable"}, c.events},
		{"refusals", []string{"height", "tx", "at", "id", "kind", "code"}, c.refusals},
	} {
		if len(rows.rows) == 0 {
			continue
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"scrip", rows.table}, rows.columns,
			pgx.CopyFromRows(rows.rows)); err != nil {
			return fmt.Errorf("write %s: %w", rows.table, err)
		}
	}
	if err := c.writeChanged(ctx, tx); err != nil {
		return err
	}
	return c.writeVoided(ctx, tx)
}

// writeChanged writes coupons that the database had before, all in one statement.
func (c *changes) writeChanged(ctx context.Context, tx pgx.Tx) error {
	var campaigns, serials, seqs, values []int64
	var uses []int32
	var holders [][]byte
	var offered []bool
	var until []time.Time
	for _, id := range c.order {
		h := c.coupons[id]
		if h.fresh || !h.changed {
			continue
		}
		campaigns, serials = append(campaigns, int64(id.Campaign())), append(serials, int64(id.Serial()))
		seqs, values, uses = append(seqs, int64(h.seq)), append(values, int64(h.valueLeft)), append(uses, int32(h.usesLeft))
		holders, offered, until = append(holders, h.holder), append(offered, h.offered), append(until, h.until)
	}
	if len(campaigns) == 0 {
		return nil
	}
	done, err := tx.Exec(ctx, "UPDATE scrip.coupons p SET holder = n.holder, seq = n.seq, uses_left = n.uses, "+
		"value_left = n.value, offered = n.offered, until = n.until FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], "+
		"$4::bigint[], $5::integer[], $6::bigint[], $7::boolean[], $8::timestamptz[]) "+
		"AS n (campaign, serial, holder, seq, uses, value, offered, until) "+
		"WHERE (p.campaign, p.serial) = (n.campaign, n.serial)", campaigns, serials, holders, seqs, uses, values, offered,
		until)
	if err == nil && done.RowsAffected() != int64(len(campaigns)) {
		err = fmt.Errorf("%d rows of %d", done.RowsAffected(), len(campaigns))
	}
	if err != nil {
		return fmt.Errorf("change coupons: %w", err)
	}
	return nil
}

// writeVoided notes that redemptions that the database had before were undone.
func (c *changes) writeVoided(ctx context.Context, tx pgx.Tx) error {
	if len(c.gone) == 0 {
		return nil
	}
	var campaigns, serials, seqs, heights []int64
	var at []time.Time
	for _, key := range c.gone {
		campaigns = append(campaigns, int64(key.coupon.Campaign()))
		serials, seqs = append(serials, int64(key.coupon.Serial())), append(seqs, int64(key.seq))
		at, heights = append(at, c.voided[key][0].(time.Time)), append(heights, c.voided[key][1].(int64))
	}
	done, err := tx.Exec(ctx, "UPDATE scrip.redemptions r SET voided = n.at, voided_height = n.height FROM "+
		"unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bigint[]) "+
		"AS n (campaign, serial, seq, at, height) "+
		"WHERE (r.campaign, r.serial, r.seq) = (n.campaign, n.serial, n.seq) AND r.voided IS NULL", campaigns, serials, seqs,
		at, heights)
	if err == nil && done.RowsAffected() != int64(len(c.gone)) {
		err = fmt.Errorf("%d rows of %d", done.RowsAffected(), len(c.gone))
	}
	if err != nil {
		return fmt.Errorf("undo redemptions: %w", err)
	}
	return nil
}
