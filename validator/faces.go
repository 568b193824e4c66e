package validator

import (
	"net/http"

	"github.com/scrip-network/scrip/web"
)

// faces returns what serves the faces, or nil if they are switched off.
func (p *process) faces() (http.Handler, error) {
	if p.cfg.Faces != "on" {
		return nil, nil
	}
	name := ""
	own := int(p.genesis.File.Committee.Validators[p.id].Member) // numbered from 1 on
	if members := p.genesis.File.Ledger.Members; own >= 1 && own <= len(members) {
		name = members[own-1].Name
	}
	h, err := web.New(web.Config{Connect: webOrigins(p.cfg.WebNodes, p.cfg.WebDesks), Name: name,
		Origin: p.cfg.WebNodes[int(p.id)], Campaign: p.campaign})
	if err != nil {
		return nil, troubleOf("serve the faces", err)
	}
	return h, nil
}

// campaign returns what the preview of a link says of a campaign.
func (p *process) campaign(number uint32) (c web.Campaign, ok bool) {
	if c.Title, c.Issuer, ok = p.server.CampaignTitle(number); !ok {
		return web.Campaign{}, false
	}
	return c, true
}
