package validator

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/scrip-network/scrip/web"
)

// PeopleName is the file in the home of a demonstration's node that names whom the start
// page lets one be: a list of web.Person in JSON.
const PeopleName = "people.json"

// peopleBytesMax bounds the file of people that is read.
const peopleBytesMax = 64 << 10

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
	cfg := web.Config{Connect: webOrigins(p.cfg.WebNodes, p.cfg.WebDesks), Name: name,
		Origin: p.cfg.WebNodes[int(p.id)], Campaign: p.campaign}
	if p.genesis.File.IsDev() {
		cfg.People = func() []web.Person { return peopleIn(p.cfg.Home) }
	}
	h, err := web.New(cfg)
	if err != nil {
		return nil, troubleOf("serve the faces", err)
	}
	return h, nil
}

// peopleIn reads the people of a demonstration; a file that is not there or cannot be read
// names nobody. It is there once the demonstration's story stands, after the nodes run.
func peopleIn(home string) (all []web.Person) {
	f, err := os.Open(filepath.Join(home, PeopleName))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if err := json.NewDecoder(io.LimitReader(f, peopleBytesMax)).Decode(&all); err != nil {
		return nil
	}
	return all
}

// campaign returns what the preview of a link says of a campaign.
func (p *process) campaign(number uint32) (c web.Campaign, ok bool) {
	if c.Title, c.Issuer, ok = p.server.CampaignTitle(number); !ok {
		return web.Campaign{}, false
	}
	return c, true
}
