package coupon

import (
	"bytes"
	"slices"
	"testing"
)

func FuzzParseTx(f *testing.F) {
	c := testChain()
	for _, s := range append(samples(c), all2(c)...) {
		f.Add(s.raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := ParseTxAt(Version2, raw)
		if _, first := ParseTx(raw); (first == nil) != (err == nil && kindTable[tx.Kind].since == Version1) {
			t.Fatalf("version 1 says %v, version 2 %v", first, err)
		}
		if err != nil {
			if k := code(err); k != BadEncoding && k != TooLarge {
				t.Fatalf("%v", err)
			}
			return
		}
		// Encoding the decoded parts again gives the same bytes.
		b := append([]byte(nil), raw[:14]...)
		b = tx.Fields.appendTo(b)
		if !bytes.Equal(b, tx.Body()) {
			t.Fatalf("body %x encodes as %x", tx.Body(), b)
		}
		if tx.Kind.MemberSigned() {
			b = JoinMemberSigned(b, tx.Members, nil)
		}
		for i := range furtherOf(tx.Fields) {
			sig := tx.sig(i)
			b = append(b, sig[:]...)
		}
		if !bytes.Equal(b, raw) {
			t.Fatalf("%x encodes as %x", raw, b)
		}
		if _, _, err := (Chain{}).CheckBodyAt(Version2, tx.Body()); err != nil && code(err) != WrongChain {
			t.Fatalf("the body alone: %v", err)
		}
		tx.Signatures(c)
	})
}

func FuzzDecodeReceipt(f *testing.F) {
	for _, o := range slices.Concat(receiptSamples(), receiptSamples2(f, scenes2()),
		receiptSamples2(f, governanceScenes())) {
		f.Add(o.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := DecodeReceipt(b)
		if err != nil {
			return
		}
		if got := o.AppendTo(nil); !bytes.Equal(got, b) {
			t.Fatalf("%x encodes as %x", b, got)
		}
		if (o.Event() != EventNone) != (o.Code == OK) {
			t.Fatalf("event %s of %s", o.Event(), o.Code)
		}
	})
}

func FuzzDecodePayload(f *testing.F) {
	c := testChain()
	_, list := payloads(c)
	for i := range list {
		f.Add(c.EncodePayload(&list[i]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if back, err := ParsePayloadText(PayloadText(b)); len(b) < 300 && (err != nil || !bytes.Equal(back, b)) {
			t.Fatalf("text of %x gives %x, %v", b, back, err)
		}
		if back, err := ParseLinkFragment(LinkFragment(b)); len(b) < 300 && (err != nil || !bytes.Equal(back, b)) {
			t.Fatalf("fragment of %x gives %x, %v", b, back, err)
		}
		p, err := c.DecodePayload(b)
		if err != nil {
			return
		}
		if got := c.EncodePayload(&p); !bytes.Equal(got, b) {
			t.Fatalf("%x encodes as %x", b, got)
		}
	})
}

func FuzzPayloadText(f *testing.F) {
	f.Add("SCRP:%69 VD92EX0")
	f.Add("AAECAw")
	f.Fuzz(func(t *testing.T, s string) {
		if b, err := ParsePayloadText(s); err == nil && PayloadText(b) != s {
			t.Fatalf("%q gives %x, whose text is %q", s, b, PayloadText(b))
		}
		if b, err := ParseLinkFragment(s); err == nil && LinkFragment(b) != s {
			t.Fatalf("%q gives %x, whose text is %q", s, b, LinkFragment(b))
		}
	})
}

// rowCodec decodes a row and encodes it again.
func rowCodec[V any](decode func([]byte) (V, error), appendTo func(*V, []byte) []byte) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := decode(b)
		if err != nil {
			return nil, err
		}
		return appendTo(&v, nil), nil
	}
}

var rowCodecs = map[byte]func([]byte) ([]byte, error){
	PrefixParams:     rowCodec(DecodeParams, (*Params).AppendTo),
	PrefixMember:     rowCodec(DecodeMember, (*Member).AppendTo),
	PrefixFunding:    rowCodec(DecodeFunding, (*Funding).AppendTo),
	PrefixTill:       rowCodec(DecodeTill, (*Till).AppendTo),
	PrefixCampaign:   rowCodec(DecodeCampaign, (*Campaign).AppendTo),
	PrefixTerms:      rowCodec(DecodeTerms, (*Terms).AppendTo),
	PrefixBatch:      rowCodec(DecodeBatch, (*Batch).AppendTo),
	PrefixCoupon:     rowCodec(DecodeCoupon, (*Coupon).AppendTo),
	PrefixHolder:     rowCodec(DecodeHolder, appendClaims),
	PrefixRedemption: rowCodec(DecodeRedemption, (*Redemption).AppendTo),
	PrefixObligation: rowCodec(DecodeObligation, (*Obligation).AppendTo),
	PrefixSeen:       rowCodec(DecodeSeen, (*SeenRow).AppendTo),

	PrefixProtocol:     rowCodec(DecodeProtocol, (*Protocol).AppendTo),
	PrefixMoney:        rowCodec(DecodeMoney, (*CampaignMoney).AppendTo),
	PrefixRefundBucket: rowCodec(DecodeObligation, (*Obligation).AppendTo),
	PrefixCycle:        rowCodec(DecodeCycle, (*Cycle).AppendTo),
	PrefixPosition:     rowCodec(DecodePosition, (*Position).AppendTo),
	PrefixDebt:         rowCodec(DecodeDebt, (*Debt).AppendTo),
	PrefixUnpaid:       rowCodec(decodeUnpaid, appendUnpaid),
	PrefixRefund:       rowCodec(DecodeRefunded, (*Refunded).AppendTo),
	PrefixService:      rowCodec(DecodeService, (*ServiceKey).AppendTo),
	PrefixEnd:          rowCodec(decodeMark, appendMark),
	PrefixDue:          rowCodec(decodeMark, appendMark),
	PrefixCurrency:     rowCodec(DecodeCurrency, (*Currency).AppendTo),
	PrefixPending:      rowCodec(DecodePending, (*PendingKeys).AppendTo),
	PrefixGivenBack:    rowCodec(DecodeDayTotal, (*DayTotal).AppendTo),
	PrefixToPrune:      rowCodec(decodeMark, appendMark),
	PrefixSeen2:        rowCodec(DecodeSeen, (*SeenRow).AppendTo),

	PrefixProposal:      rowCodec(DecodeProposal, (*Proposal).AppendTo),
	PrefixStop:          rowCodec(DecodeStop, (*Stop).AppendTo),
	PrefixSet:           rowCodec(DecodeValidatorSet, (*ValidatorSet).AppendTo),
	PrefixNextSet:       rowCodec(decodeNextSet, appendNextSet),
	PrefixOpenProposals: rowCodec(DecodeOpenProposals, appendOpenProposals),
	PrefixSeat:          rowCodec(DecodeSeat, (*Seat).AppendTo),
	PrefixValidatorKey:  rowCodec(DecodeAnnounced, (*Announced).AppendTo),
	PrefixEpoch:         rowCodec(DecodeEpoch, (*EpochRow).AppendTo),
	PrefixFormerSet:     rowCodec(decodeSetBody, appendSetBody),
	PrefixMisbehaviour:  rowCodec(DecodeMisbehaving, (*Misbehaving).AppendTo),
	PrefixTenures:       rowCodec(DecodeTenures, (*Tenures).AppendTo),
	PrefixQueue:         rowCodec(DecodeQueued, (*Queued).AppendTo),
}

func FuzzDecodeRow(f *testing.F) {
	for _, r := range append(rowSamples(), rowSamples2()...) {
		f.Add(r.key[0], r.value)
	}
	f.Fuzz(func(t *testing.T, prefix byte, value []byte) {
		codec, ok := rowCodecs[prefix]
		if !ok {
			return
		}
		if got, err := codec(value); err == nil && !bytes.Equal(got, value) {
			t.Fatalf("row %02x %x encodes as %x", prefix, value, got)
		}
	})
}

func TestEveryRowHasACodec(t *testing.T) {
	for _, r := range append(rowSamples(), rowSamples2()...) {
		got, err := rowCodecs[r.key[0]](r.value)
		if err != nil || !bytes.Equal(got, r.value) {
			t.Errorf("%s: %x encodes as %x, %v", r.name, r.value, got, err)
		}
		for n := range len(r.value) {
			if _, err := rowCodecs[r.key[0]](r.value[:n]); err == nil {
				t.Errorf("%s cut to %d bytes was accepted", r.name, n)
			}
		}
	}
}
