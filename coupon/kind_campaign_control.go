package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// The kinds of CampaignControl.
const (
	KindCampaignPause  Kind = 2
	KindCampaignResume Kind = 3
	KindCampaignClose  Kind = 4
)

// The events of CampaignControl.
const (
	EventCampaignPaused  EventType = 2
	EventCampaignResumed EventType = 3
	EventCampaignClosed  EventType = 4
)

var (
	campaignPauseKind = kindSpec{
		name:          "CampaignPause",
		since:         Version1,
		decode:        func(d decoder) Fields { return &CampaignControl{KindCampaignPause, d.Uint32()} },
		witness:       byMembers,
		notFoundFirst: true,
		receipt:       []Part{PartCampaign},
		events:        []eventSpec{{EventCampaignPaused, "campaign.paused"}},
		tally:         TallyOther,
	}
	campaignResumeKind = kindSpec{
		name:          "CampaignResume",
		since:         Version1,
		decode:        func(d decoder) Fields { return &CampaignControl{KindCampaignResume, d.Uint32()} },
		witness:       byMembers,
		notFoundFirst: true,
		receipt:       []Part{PartCampaign},
		events:        []eventSpec{{EventCampaignResumed, "campaign.resumed"}},
		tally:         TallyOther,
	}
	campaignCloseKind = kindSpec{
		name:          "CampaignClose",
		since:         Version1,
		decode:        func(d decoder) Fields { return &CampaignControl{KindCampaignClose, d.Uint32()} },
		witness:       byMembers,
		notFoundFirst: true,
		receipt:       []Part{PartCampaign},
		events:        []eventSpec{{EventCampaignClosed, "campaign.closed"}},
		tally:         TallyOther,
	}
)

// CampaignControl pauses, resumes or closes a campaign, as Op says.
type CampaignControl struct {
	Op       Kind
	Campaign uint32
}

// Kind returns Op.
func (f *CampaignControl) Kind() Kind { return f.Op }

func (f *CampaignControl) appendTo(b []byte) []byte { return wire.AppendUint32(b, f.Campaign) }

func (*CampaignControl) expiry() (ms uint64, fixed bool) { return 0, false }

func (*CampaignControl) keys() [][32]byte { return nil }

func (*CampaignControl) signatures(_ Chain, _ *Tx, _ []byte, members []SigCheck) []SigCheck {
	return members
}

func (*CampaignControl) sender(tx *Tx) [32]byte { return tx.firstMember() }

func (f *CampaignControl) about() Subject { return Subject{Campaign: f.Campaign} }

func (*CampaignControl) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*CampaignControl) shown() string { return "" }

// mark has nothing to return: a campaign can be paused and resumed again.
func (*CampaignControl) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *CampaignControl) asks(Names) string {
	return fmt.Sprintf("%s of campaign %d", f.Op, f.Campaign)
}

func (f *CampaignControl) execute(x *exec, tx *Tx, out *Outcome) Code {
	p := x.campaigns.get(x, f.Campaign)
	if p == nil {
		return NotFound
	}
	if x.released(f.Campaign) {
		return CampaignNotActive
	}
	if c := x.memberSigned(tx, p.Issuer, RoleIssuer, nil, f.Op == KindCampaignPause); c != OK {
		return c
	}
	g := *p
	switch f.Op {
	case KindCampaignPause:
		if g.State != CampaignPublished {
			return CampaignNotActive
		}
		g.State = CampaignPaused
	case KindCampaignResume:
		if g.State != CampaignPaused {
			return CampaignNotActive
		}
		g.State = CampaignPublished
	default:
		if g.State == CampaignClosed {
			return CampaignNotActive
		}
		g.State = CampaignClosed
	}
	x.campaigns.put(x, f.Campaign, g)
	out.Campaign = f.Campaign
	return OK
}
