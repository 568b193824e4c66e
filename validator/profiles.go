package validator

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/profile/shelf"
)

// A node that was away when a shop published its profile gets it from the others: one
// of them is asked at a time, rarely, and for little.
const (
	// gatherFirst and gatherPeriod are when the first and each further node is asked.
	gatherFirst, gatherPeriod = 15 * time.Second, 5 * time.Minute
	// gatherTimeout bounds a round, gatherMax the profiles fetched in it.
	gatherTimeout = time.Minute
	gatherMax     = 32
)

func (c *Config) profilesDir() string { return filepath.Join(c.Home, "profiles") }

// openProfiles opens the members' profiles that this node keeps.
func (p *process) openProfiles() (err error) {
	var damaged int
	p.profiles, damaged, err = shelf.Open(p.cfg.profilesDir(), p.genesis.Chain())
	if damaged > 0 {
		p.opt.Logger.Warn("profiles of members cannot be read; other nodes have them", "files", damaged,
			"folder", p.cfg.profilesDir())
	}
	return troubleOf("open the profiles of members", err)
}

// gather asks the other nodes in turn which profiles and which texts of terms they have,
// until ctx ends.
func (p *process) gather(ctx context.Context) error {
	nodes := maps.Clone(p.cfg.WebNodes)
	delete(nodes, int(p.id))
	ids := slices.Sorted(maps.Keys(nodes))
	log := p.opt.Logger.With("component", "gather")
	wait := gatherFirst
	for turn := int(p.id); len(ids) > 0; turn++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = gatherPeriod
		node := nodes[ids[turn%len(ids)]]
		round, cancel := context.WithTimeout(ctx, gatherTimeout)
		profiles, err1 := gather(round, p.genesis.Raw, node, p.profiles, p.server.KeepProfile)
		texts, err2 := gatherTexts(round, p.genesis.Raw, node, p.texts, p.server.KeepTermsText)
		cancel()
		if err := errors.Join(err1, err2); err != nil && ctx.Err() == nil {
			log.Debug("another node was asked", "node", node, "profiles", profiles, "texts", texts, "err", err)
		} else if profiles+texts > 0 {
			log.Info("another node had what was missing", "node", node, "profiles", profiles, "texts", texts)
		}
	}
	<-ctx.Done()
	return nil
}

// gather fetches from a node what is newer than what the shelf has, and returns how
// many profiles keep took.
func gather(ctx context.Context, genesis []byte, node string, have *shelf.Shelf,
	keep func(member uint16, raw []byte) error) (took int, err error) {
	c, err := client.New(genesis, []string{node})
	if err != nil {
		return 0, err
	}
	list, err := c.ProfileList(ctx)
	if err != nil {
		return 0, err
	}
	newest := make(map[uint16]uint64)
	for _, e := range have.List() {
		newest[e.Member] = e.At
	}
	var errs []error
	asked := 0
	for _, e := range list {
		if uint64(e.At.Ms) <= newest[e.Member] {
			continue
		}
		if asked++; asked > gatherMax || ctx.Err() != nil {
			break
		}
		raw, err := c.ProfileBytes(ctx, e.Member)
		if err == nil {
			err = keep(e.Member, raw)
		}
		if err == nil {
			took++
		}
		errs = append(errs, err)
	}
	return took, errors.Join(errs...)
}
