package api

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// ReadInput is what every read of one thing takes.
type ReadInput struct {
	MinHeight uint64 `query:"min_height" doc:"Wait until the node has executed this height"`
}

// AsOf says which state an answer shows.
type AsOf struct {
	Height client.U64  `json:"height" doc:"Height of the state"`
	Time   client.Time `json:"time" doc:"Time of its block"`
	Final  bool        `json:"final" doc:"Always true: an executed height is decided"`
}

func asOf(p *snapshot) AsOf { return AsOf{client.U64(p.height), client.TimeOf(p.timeMs), true} }

// noted gives an answer the tag of its state, so that unchanged heights need not
// be sent again.
func noted[T any](p *snapshot, body T) *output[T] {
	return &output[T]{ETag: `W/"` + strconv.FormatUint(p.height, 10) + `"`, CacheControl: "no-cache", Body: body}
}

func notFound(p *snapshot, what string) error {
	x := problem(client.ProblemNotFound, "There is no "+what+" at this height.")
	x.Height = client.U64(p.height)
	return x
}

type campaignInput struct {
	ID uint32 `path:"id" doc:"Number of the campaign"`
	ReadInput
}

type campaignBody struct {
	client.CampaignAnswer
	AsOf
}

func (s *Server) campaign(ctx context.Context, in *campaignInput) (*output[campaignBody], error) {
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	a, ok, err := s.showCampaign(p, in.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(p, "campaign "+strconv.FormatUint(uint64(in.ID), 10))
	}
	return noted(p, campaignBody{a, asOf(p)}), nil
}

// rulesOf reads a campaign with the terms of a version, 0 for the current one.
func rulesOf(p *snapshot, id uint32, version uint16) (g coupon.Campaign, t coupon.Terms, ok bool, err error) {
	if g, ok, err = row(p, coupon.CampaignKey(id), coupon.DecodeCampaign); err != nil || !ok {
		return g, t, false, err
	}
	if version == 0 {
		version = g.Version
	}
	if t, ok, err = row(p, coupon.TermsKey(id, version), coupon.DecodeTerms); err == nil && !ok {
		err = fmt.Errorf("campaign %d has no terms %d", id, version)
	}
	return g, t, ok, err
}

func (s *Server) showCampaign(p *snapshot, id uint32) (a client.CampaignAnswer, ok bool, err error) {
	g, t, ok, err := rulesOf(p, id, 0)
	if err != nil || !ok {
		return a, false, err
	}
	currency, _ := s.machine.Rules().Currency(t.Currency)
	return client.CampaignAnswerOf(id, &g, &t, currency, s.memberName(p, g.Issuer), p.timeMs), true, nil
}

// CampaignTitle returns the title of a campaign and its issuer's name in the latest
// state, for previews of its links; ok is false if there is none, or it cannot be read.
// Safe for concurrent use.
func (s *Server) CampaignTitle(number uint32) (title, issuer string, ok bool) {
	p, err := s.pin()
	if err != nil {
		return "", "", false
	}
	defer p.release()
	g, t, ok, err := rulesOf(p, number, 0)
	if err != nil || !ok {
		return "", "", false
	}
	return t.Title, s.memberName(p, g.Issuer), true
}

// memberName returns a member's name, or "" if it cannot be read.
func (s *Server) memberName(p *snapshot, id uint16) string {
	m, _, err := row(p, coupon.MemberKey(id), coupon.DecodeMember)
	if err != nil {
		return ""
	}
	return m.Name
}

// currency returns the letters of a currency.
func (s *Server) currency(number uint16) string {
	c, _ := s.machine.Rules().Currency(number)
	return c.Letters
}

type campaignsInput struct {
	Issuer uint16 `query:"issuer" doc:"Only those of this member"`
	Title  string `query:"title" maxLength:"64" doc:"Only those whose title contains this, in any case of letters"`
	Shop   uint16 `query:"shop" doc:"Only those that are good at this merchant"`
	Not    uint16 `query:"not_issuer" doc:"Only those of other members than this one"`
	Newest bool   `query:"newest" doc:"Newest first; default: oldest first"`
	ListInput
}

func (s *Server) campaigns(ctx context.Context, in *campaignsInput) (*output[page[client.CampaignAnswer]], error) {
	list := listRows[client.CampaignAnswer]
	if in.Newest {
		list = listRowsDown[client.CampaignAnswer]
	}
	return list(ctx, s, listCampaigns, &in.ListInput, []byte{coupon.PrefixCampaign},
		func(p *snapshot, key, value []byte) (a client.CampaignAnswer, ok bool, err error) {
			g, err := coupon.DecodeCampaign(value)
			if err != nil || in.Issuer != 0 && in.Issuer != g.Issuer {
				return a, false, err
			}
			if a, ok, err = s.showCampaign(p, binary.BigEndian.Uint32(key[1:])); err != nil || !ok {
				return a, false, err
			}
			here := in.Shop == 0 || len(a.Terms.Shops) == 0 ||
				slices.ContainsFunc(a.Terms.Shops, func(x client.ShopAnswer) bool { return x.Member == in.Shop })
			return a, here && (in.Not == 0 || a.Issuer != in.Not) && contains(a.Terms.Title, in.Title), nil
		})
}

// contains tells whether a title contains what was asked for, in any case of
// letters.
func contains(title, part string) bool {
	return part == "" || strings.Contains(strings.ToLower(title), strings.ToLower(part))
}

type issuedInput struct {
	ID uint32 `path:"id" doc:"Number of the campaign"`
	ListInput
}

func (s *Server) issued(ctx context.Context, in *issuedInput) (*output[page[client.CouponAnswer]], error) {
	prefix := coupon.CouponKey(coupon.NewCouponID(in.ID, 0))[:1+4]
	return listRows(ctx, s, listIssued, &in.ListInput, prefix,
		func(p *snapshot, key, _ []byte) (client.CouponAnswer, bool, error) {
			return showCoupon(p, coupon.CouponID(binary.BigEndian.Uint64(key[1:])))
		})
}

type couponInput struct {
	ID    uint64 `path:"id" doc:"Id of the coupon"`
	Proof bool   `query:"proof" doc:"Whether to prove the row; then the state is the newest that a quorum attests"`
	ReadInput
}

type couponBody struct {
	client.CouponAnswer
	AsOf
	Proof  []byte `json:"proof,omitempty" doc:"With ?proof=true: the key proof of the coupon's row"`
	Header []byte `json:"header,omitempty" doc:"With ?proof=true: the header of the block"`
}

func (s *Server) coupon(ctx context.Context, in *couponInput) (*output[couponBody], error) {
	read := s.watch.latest
	if in.Proof {
		read = s.watch.provable
	}
	p, err := read(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	id := coupon.CouponID(in.ID)
	a, ok, err := showCoupon(p, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(p, "coupon "+strconv.FormatUint(uint64(id), 10))
	}
	body := couponBody{CouponAnswer: a, AsOf: asOf(p)}
	if in.Proof {
		proof, err := prove(p, coupon.CouponKey(id))
		if err != nil {
			return nil, err
		}
		body.Proof, body.Header = proof.Encode(), p.header
	}
	return noted(p, body), nil
}

func showCoupon(p *snapshot, id coupon.CouponID) (a client.CouponAnswer, ok bool, err error) {
	c, ok, err := row(p, coupon.CouponKey(id), coupon.DecodeCoupon)
	if err != nil || !ok {
		return a, false, err
	}
	g, t, ok, err := rulesOf(p, id.Campaign(), c.Version)
	if err != nil || !ok {
		return a, false, err
	}
	return client.CouponAnswerOf(id, &c, &t, &g, p.timeMs), true, nil
}

type ownedInput struct {
	Address string `path:"address" maxLength:"90" doc:"The holder's key, bech32m"`
	ListInput
}

func (s *Server) owned(ctx context.Context, in *ownedInput) (*output[page[client.CouponAnswer]], error) {
	owner, err := keyParam("path.address", keys.Holder, in.Address)
	if err != nil {
		return nil, err
	}
	p, from, err := s.open(ctx, listOwned, &in.ListInput)
	if err != nil {
		return nil, err
	}
	defer p.release()
	var first coupon.CouponID
	if len(from) == 8 {
		first = coupon.CouponID(binary.BigEndian.Uint64(from))
	}
	visit := func(each func([]byte, coupon.CouponID) bool) error {
		return ledger.OwnedCoupons(p.View, owner, first, func(id coupon.CouponID) bool {
			return each(binary.BigEndian.AppendUint64(nil, uint64(id)), id)
		})
	}
	return collect(s, p, listOwned, in.Limit, visit, func(id coupon.CouponID) (client.CouponAnswer, bool, error) {
		return showCoupon(p, id)
	})
}

// keyParam reads a public key from a parameter.
func keyParam(name string, kind keys.Kind, text string) ([32]byte, error) {
	key, err := keys.Decode(kind, text)
	if err != nil {
		p := problem(client.ProblemBadRequest, "")
		p.Errors = []client.FieldError{{Pointer: name, Detail: err.Error()}}
		return key, p
	}
	return key, nil
}

type historyInput struct {
	ID uint64 `path:"id" doc:"Id of the coupon"`
	ListInput
}

func (s *Server) history(ctx context.Context, in *historyInput) (*output[page[client.StepAnswer]], error) {
	p, from, err := s.open(ctx, listHistory, &in.ListInput)
	if err != nil {
		return nil, err
	}
	defer p.release()
	var first store.TxPlace
	if len(from) == 12 {
		first = store.TxPlace{Height: binary.BigEndian.Uint64(from), Index: binary.BigEndian.Uint32(from[8:])}
	}
	visit := func(each func([]byte, ledger.Step) bool) error {
		return ledger.CouponHistory(p.View, coupon.CouponID(in.ID), first, func(x ledger.Step) bool {
			place := binary.BigEndian.AppendUint64(nil, x.Place.Height)
			return each(binary.BigEndian.AppendUint32(place, x.Place.Index), x)
		})
	}
	return collect(s, p, listHistory, min(in.Limit, historyPageMax), visit, func(x ledger.Step) (client.StepAnswer,
		bool, error) {
		a, err := showStep(p, x)
		return a, err == nil, err
	})
}

// historyPageMax bounds a page of history: each item reads the receipts of a
// block.
const historyPageMax = 100

func showStep(p *snapshot, x ledger.Step) (a client.StepAnswer, err error) {
	receipts, err := receiptsOf(p, x.Place.Height)
	if err != nil {
		return a, err
	}
	if int(x.Place.Index) >= len(receipts) {
		return a, fmt.Errorf("transaction %d of the %d in block %d", x.Place.Index, len(receipts), x.Place.Height)
	}
	o, err := coupon.DecodeReceipt(receipts[x.Place.Index])
	if err != nil {
		return a, fmt.Errorf("stored receipt: %w", err)
	}
	_, timeMs, err := readHeader(p.View, x.Place.Height)
	if err != nil {
		return a, err
	}
	id := client.EventID{Height: x.Place.Height, Tx: x.Place.Index}
	a = client.StepAnswer{ID: id.String(), Type: x.Type.String(), Tx: o.ID, Height: client.U64(id.Height), Index: id.Tx,
		Time: client.TimeOf(timeMs), Receipt: receipts[x.Place.Index]}
	if e := client.EffectOf(&o); e != nil {
		a.Effect = *e
	}
	return a, nil
}

func receiptsOf(p *snapshot, height uint64) ([][]byte, error) {
	b, err := p.Receipts(height)
	if err != nil {
		return nil, err
	}
	return node.DecodeReceipts(b)
}

type tillInput struct {
	Key string `path:"key" maxLength:"90" doc:"The till's key, bech32m"`
	ReadInput
}

type tillBody struct {
	client.TillAnswer
	AsOf
}

func (s *Server) till(ctx context.Context, in *tillInput) (*output[tillBody], error) {
	key, err := keyParam("path.key", keys.Till, in.Key)
	if err != nil {
		return nil, err
	}
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	t, ok, err := row(p, coupon.TillKey(key), coupon.DecodeTill)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(p, "till of this key")
	}
	a := client.TillAnswerOf(key, &t, s.currency(t.Currency), s.memberName(p, t.Member), p.timeMs)
	return noted(p, tillBody{a, asOf(p)}), nil
}

type tillsInput struct {
	Member uint16 `query:"member" doc:"Only those of this member"`
	ListInput
}

func (s *Server) tillKeys(ctx context.Context, in *tillsInput) (*output[page[client.TillAnswer]], error) {
	return listRows(ctx, s, listTills, &in.ListInput, []byte{coupon.PrefixTill},
		func(p *snapshot, key, value []byte) (a client.TillAnswer, ok bool, err error) {
			t, err := coupon.DecodeTill(value)
			if err != nil || in.Member != 0 && in.Member != t.Member {
				return a, false, err
			}
			name := s.memberName(p, t.Member)
			return client.TillAnswerOf([32]byte(key[1:]), &t, s.currency(t.Currency), name, p.timeMs), true, nil
		})
}

type memberInput struct {
	ID uint16 `path:"id" doc:"Number of the member"`
	ReadInput
}

type memberBody struct {
	client.MemberAnswer
	AsOf
}

func (s *Server) member(ctx context.Context, in *memberInput) (*output[memberBody], error) {
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	m, ok, err := row(p, coupon.MemberKey(in.ID), coupon.DecodeMember)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(p, "member "+strconv.Itoa(int(in.ID)))
	}
	a, err := s.showMember(p, in.ID, &m)
	if err != nil {
		return nil, err
	}
	return noted(p, memberBody{a, asOf(p)}), nil
}

func (s *Server) showMember(p *snapshot, id uint16, m *coupon.Member) (client.MemberAnswer, error) {
	a := client.MemberAnswerOf(id, m)
	var decodeErr error
	err := p.Rows(coupon.FundingKey(id, 0)[:3], nil, func(key, value []byte) bool {
		f, err := coupon.DecodeFunding(value)
		if err != nil {
			decodeErr = err
			return false
		}
		a.Funding = append(a.Funding, client.FundingAnswer{Currency: s.currency(binary.BigEndian.Uint16(key[3:])),
			Limit: client.U64(f.Limit), Locked: client.U64(f.Locked)})
		return true
	})
	if err == nil {
		err = decodeErr
	}
	return a, err
}

func (s *Server) members(ctx context.Context, in *ListInput) (*output[page[client.MemberAnswer]], error) {
	return listRows(ctx, s, listMembers, in, []byte{coupon.PrefixMember},
		func(p *snapshot, key, value []byte) (a client.MemberAnswer, ok bool, err error) {
			m, err := coupon.DecodeMember(value)
			if err != nil {
				return a, false, err
			}
			a, err = s.showMember(p, binary.BigEndian.Uint16(key[1:]), &m)
			return a, err == nil, err
		})
}

type batchesInput struct {
	Campaign uint32 `query:"campaign" doc:"Only those of this campaign"`
	ListInput
}

func (s *Server) batches(ctx context.Context, in *batchesInput) (*output[page[client.BatchAnswer]], error) {
	prefix := []byte{coupon.PrefixBatch}
	if in.Campaign != 0 {
		prefix = coupon.BatchKey(in.Campaign, 0)[:5]
	}
	return listRows(ctx, s, listBatches, &in.ListInput, prefix,
		func(_ *snapshot, key, value []byte) (a client.BatchAnswer, ok bool, err error) {
			b, err := coupon.DecodeBatch(value)
			return client.BatchAnswer{Campaign: binary.BigEndian.Uint32(key[1:]), Number: binary.BigEndian.Uint16(key[5:]),
				First: b.First, Count: b.Count, TicketKey: keys.Encode(keys.Ticket, b.TicketKey)}, err == nil, err
		})
}

type redemptionInput struct {
	Coupon uint64 `path:"coupon" doc:"Id of the coupon"`
	Seq    uint32 `path:"seq" doc:"The coupon's sequence number when it was redeemed"`
	ReadInput
}

type redemptionBody struct {
	client.RedemptionAnswer
	AsOf
}

func (s *Server) redemption(ctx context.Context, in *redemptionInput) (*output[redemptionBody], error) {
	p, err := s.watch.latest(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	id := coupon.CouponID(in.Coupon)
	r, ok, err := row(p, coupon.RedemptionKey(id, in.Seq), coupon.DecodeRedemption)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(p, "such redemption")
	}
	return noted(p, redemptionBody{client.RedemptionAnswerOf(id, in.Seq, &r, p.timeMs), asOf(p)}), nil
}

type obligationsInput struct {
	Cycle  string `query:"cycle" pattern:"^[0-9]{1,10}$" doc:"Only those of this settlement cycle"`
	Payee  uint16 `query:"payee" doc:"Only those to this member"`
	Funder uint16 `query:"issuer" doc:"Only those of campaigns of this issuer"`
	ListInput
}

func (s *Server) obligations(ctx context.Context, in *obligationsInput) (
	*output[page[client.ObligationAnswer]], error,
) {
	prefix := []byte{coupon.PrefixObligation}
	if in.Cycle != "" {
		cycle, err := strconv.ParseUint(in.Cycle, 10, 32)
		if err != nil {
			return nil, problem(client.ProblemBadRequest, "The number of the cycle is too large.")
		}
		prefix = binary.BigEndian.AppendUint32(prefix, uint32(cycle))
	}
	return listRows(ctx, s, listObligations, &in.ListInput, prefix,
		func(p *snapshot, key, value []byte) (a client.ObligationAnswer, ok bool, err error) {
			o, err := coupon.DecodeObligation(value)
			if err != nil {
				return a, false, err
			}
			k, err := coupon.ParseRowKey(key)
			if err != nil || in.Payee != 0 && in.Payee != k.Payee {
				return a, false, err
			}
			g, t, _, err := rulesOf(p, k.Campaign, 0)
			if err != nil || in.Funder != 0 && in.Funder != g.Issuer {
				return a, false, err
			}
			cycleMs := s.genesis.File.Ledger.CycleMs
			return client.ObligationAnswer{Cycle: k.Cycle, Campaign: k.Campaign, Payee: k.Payee,
				Begins: client.TimeOf(uint64(k.Cycle) * cycleMs), Ends: client.TimeOf((uint64(k.Cycle) + 1) * cycleMs),
				PayeeName: s.memberName(p, k.Payee), Currency: s.currency(t.Currency),
				Sum: client.U64(o.Sum), Count: o.Count}, true, nil
		})
}

type stateInput struct {
	Key string `path:"key" maxLength:"74" pattern:"^([0-9a-f]{2})+$" doc:"The row's key, hexadecimal"`
	ReadInput
}

func (s *Server) state(ctx context.Context, in *stateInput) (*output[client.StateAnswer], error) {
	key, err := hex.DecodeString(in.Key)
	if err == nil {
		_, err = coupon.ParseRowKey(key)
	}
	if err != nil {
		p := problem(client.ProblemBadRequest, "")
		p.Errors = []client.FieldError{{Pointer: "path.key", Detail: err.Error()}}
		return nil, p
	}
	p, err := s.watch.provable(ctx, in.MinHeight)
	if err != nil {
		return nil, err
	}
	defer p.release()
	proof, err := prove(p, key)
	if err != nil {
		return nil, err
	}
	return noted(p, client.StateAnswer{Key: in.Key, Found: len(proof.Value) > 0, Value: proof.Value,
		Height: client.U64(p.height),
		Time:   client.TimeOf(p.timeMs), Root: client.Hash(p.StateRoot()), Final: true, Proof: proof.Encode(),
		Header: p.header}), nil
}

// prove proves what a certified state holds for a key.
func prove(p *snapshot, key []byte) (*chain.KeyProof, error) {
	value, _ := p.Row(key)
	proof, err := chain.ProveKey(statePages{p}, p.StateRoot(), key)
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("prove a row: %w", err)
	}
	return &chain.KeyProof{Checkpoint: p.checkpoint, Key: key, Value: value, Proof: proof}, nil
}
