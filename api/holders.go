package api

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/scrip-network/scrip/coupon"
)

type holdersInput struct {
	ID   uint32 `path:"id" doc:"Number of the campaign"`
	From uint32 `query:"from" doc:"First serial to look at"`
	ReadInput
}

type holdersBody struct {
	Holders []byte `json:"holders" doc:"8 bytes for each coupon, by serial: serial, first 4 bytes of its owner's key"`
	Next    uint32 `json:"next,omitempty" doc:"Serial to go on from; absent at the end"`
	AsOf
}

// holders lists who owns the coupons of a campaign, used ones included, in 8 bytes
// each. A wallet compares them with its own keys where they are: asked by key, a
// node would learn which keys are of one person.
func (s *Server) holders(ctx context.Context, in *holdersInput) (*output[holdersBody], error) {
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	if _, ok, err := row(p, coupon.CampaignKey(in.ID), coupon.DecodeCampaign); err != nil || !ok {
		if err == nil {
			err = notFound(p, "campaign "+strconv.FormatUint(uint64(in.ID), 10))
		}
		return nil, err
	}
	body := holdersBody{AsOf: asOf(p), Holders: []byte{}}
	first := coupon.CouponKey(coupon.NewCouponID(in.ID, in.From))
	var failed error
	scanned := 0
	err = p.Rows(first[:1+4], first, func(key, value []byte) bool {
		serial := binary.BigEndian.Uint32(key[1+4:])
		if scanned == listScannedMax {
			body.Next = serial
			return false
		}
		var c coupon.Coupon
		if c, failed = coupon.DecodeCoupon(value); failed != nil {
			return false
		}
		scanned++
		body.Holders = binary.BigEndian.AppendUint32(body.Holders, serial)
		body.Holders = append(body.Holders, c.Owner[:4]...)
		return true
	})
	s.metrics.rows.Add(float64(scanned))
	if failed != nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("list the holders of campaign %d: %w", in.ID, err)
	}
	return &output[holdersBody]{CacheControl: "no-cache", Body: body}, nil
}
