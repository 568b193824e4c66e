package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/ledger"
)

// Bounds of one answer about how campaigns went.
const (
	courseSpanMs     = 400 * 24 * 60 * 60 * 1000 // from the first instant to the last
	courseDefaultMs  = 30 * 24 * 60 * 60 * 1000
	courseBucketsMax = 10_000
)

type courseInput struct {
	ID        uint16 `path:"id" doc:"Number of the member that issued the campaigns"`
	Campaign  uint32 `query:"campaign" doc:"Only this campaign"`
	From      uint64 `query:"from" doc:"Begin of the span, Unix ms, at a quarter of an hour; default: 30 days before"`
	Until     uint64 `query:"until" doc:"End of the span, which is not in it; default: the newest block"`
	Step      uint64 `query:"step_ms" minimum:"900000" default:"3600000" doc:"Length of a part, whole quarters of an hour"`
	Cursor    string `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
	MinHeight uint64 `query:"min_height" doc:"Wait until the node has executed this height; not with a cursor"`
}

func (s *Server) courseRoutes(api huma.API) {
	op := get("course", "/v1/members/{id}/course", tagState, "How a member's campaigns went over time")
	op.Description = "Claims, redemptions and money by parts of a span; a part in which nothing happened is left out. " +
		"A page reads about 100,000 entries; who follows next_cursor adds the pages up. Nodes count in quarters of an hour."
	add(s, api, op, s.course)
}

// check fills in the span that was not said, and refuses one that is none or too long.
func (in *courseInput) check(nowMs uint64) error {
	if in.Until == 0 {
		in.Until = nowMs + 1
	}
	if in.From == 0 {
		in.From = (in.Until - min(in.Until, courseDefaultMs)) / ledger.QuarterMs * ledger.QuarterMs
	}
	fault := func(pointer, text string) error {
		p := problem(client.ProblemBadRequest, "")
		p.Errors = []client.FieldError{{Pointer: "query." + pointer, Detail: text}}
		return p
	}
	switch {
	case in.From%ledger.QuarterMs != 0:
		return fault("from", "it does not begin a quarter of an hour")
	case in.Step%ledger.QuarterMs != 0:
		return fault("step_ms", "not whole quarters of an hour")
	case in.Until <= in.From || in.Until-in.From > courseSpanMs:
		return fault("until", "not after from, or more than 400 days after it")
	case (in.Until-in.From-1)/in.Step >= courseBucketsMax:
		return fault("step_ms", "the span has more than 10,000 such parts")
	}
	return nil
}

// coursePart is what is summed.
type coursePart struct {
	currency string
	begin    uint64
}

// course sums the counters of one campaign after the other. The first entry of each is
// what the next is compared with.
func (s *Server) course(ctx context.Context, in *courseInput) (*output[page[client.CourseAnswer]], error) {
	p, from, err := s.open(ctx, listCourse, &ListInput{Cursor: in.Cursor, MinHeight: in.MinHeight})
	if err != nil {
		return nil, err
	}
	defer p.release()
	if err := in.check(p.timeMs); err != nil {
		return nil, err
	}
	out := page[client.CourseAnswer]{Items: []client.CourseAnswer{}, Height: client.U64(p.height),
		Time: client.TimeOf(p.timeMs), Final: true}
	prefix := []byte{coupon.PrefixCampaign}
	if in.Campaign != 0 {
		prefix = coupon.CampaignKey(in.Campaign)
	}
	if from != nil && !bytes.HasPrefix(from, prefix) {
		return nil, problem(client.ProblemBadRequest, "The cursor belongs to a list of something else.")
	}
	sums := make(map[coursePart]*client.CourseAnswer)
	scanned := 0
	var failed error
	err = p.Rows(prefix, from, func(key, value []byte) bool {
		if scanned >= takingsScannedMax {
			out.Next = cursor{listCourse, p.height, slices.Clone(key)}.String()
			return false
		}
		scanned++
		g, err := coupon.DecodeCampaign(value)
		if err == nil && g.Issuer == in.ID {
			var n int
			n, err = s.addCourse(p, in, binary.BigEndian.Uint32(key[1:]), sums)
			scanned += n
		}
		failed = err
		return failed == nil
	})
	if failed != nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("sum the course of the campaigns of member %d: %w", in.ID, err)
	}
	s.metrics.rows.Add(float64(scanned))
	if out.Next != "" {
		s.watch.keep(p)
	}
	for _, x := range sums {
		out.Items = append(out.Items, *x)
	}
	slices.SortFunc(out.Items, func(a, b client.CourseAnswer) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Begin, b.Begin))
	})
	return &output[page[client.CourseAnswer]]{CacheControl: "no-cache", Body: out}, nil
}

// addCourse adds what happened to one campaign, and returns how many entries it read.
func (s *Server) addCourse(p *snapshot, in *courseInput, campaign uint32,
	sums map[coursePart]*client.CourseAnswer) (int, error) {
	_, terms, _, err := rulesOf(p, campaign, 0)
	if err != nil {
		return 0, err
	}
	run := courseRun{in: in, currency: s.currency(terms.Currency), sums: sums}
	err = ledger.Course(p.View, campaign, in.From, run.visit)
	return run.read, err
}

// courseRun adds up one campaign's entries, each less the one before.
type courseRun struct {
	in       *courseInput
	currency string
	sums     map[coursePart]*client.CourseAnswer
	read     int
	before   ledger.Counters
}

// visit takes the next entry. The first is what the next is compared with, if it is
// older than the span; else the node did not count before it.
func (r *courseRun) visit(at uint64, now ledger.Counters) bool {
	if at >= r.in.Until {
		return false
	}
	before := r.before
	r.read++
	r.before = now
	if r.read == 1 && (at < r.in.From || at == 0) {
		return true
	}
	begin := r.in.From + (at-r.in.From)/r.in.Step*r.in.Step
	k := coursePart{r.currency, begin}
	if r.sums[k] == nil {
		r.sums[k] = &client.CourseAnswer{Begin: client.U64(begin), Currency: r.currency}
	}
	if r.read == 1 {
		r.sums[k].Uncounted = true
		return true
	}
	addCounters(r.sums[k], before, now)
	return true
}

func addCounters(x *client.CourseAnswer, before, after ledger.Counters) {
	x.Claims += client.U64(after.Issued - before.Issued)
	x.Redemptions += client.U64(after.Redemptions - before.Redemptions)
	x.Voids += client.U64(after.Voids - before.Voids)
	if after.Accrued >= before.Accrued {
		x.Payable += client.U64(after.Accrued - before.Accrued)
	} else {
		x.Voided += client.U64(before.Accrued - after.Accrued)
	}
}
