package validator

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/profile/texts"
)

func (c *Config) textsDir() string { return filepath.Join(c.Home, "terms") }

// openTexts opens the texts of campaigns' terms that this node keeps.
func (p *process) openTexts() (err error) {
	var other int
	p.texts, other, err = texts.Open(p.cfg.textsDir())
	if other > 0 {
		p.opt.Logger.Warn("files are no texts of terms, and are left alone", "files", other, "folder", p.cfg.textsDir())
	}
	return troubleOf("open the texts of terms", err)
}

// gatherTexts fetches from a node the texts that the shelf lacks, at most gatherMax, and
// returns how many keep took. Nothing of the node is believed: keep looks into the own
// ledger.
func gatherTexts(ctx context.Context, genesis []byte, node string, have *texts.Shelf,
	keep func(campaign uint32, version uint16, text string) error) (took int, err error) {
	c, err := client.New(genesis, []string{node})
	if err != nil {
		return 0, err
	}
	list, err := c.TermsTextList(ctx)
	if err != nil {
		return 0, err
	}
	var errs []error
	asked := 0
	for _, e := range list {
		if have.Has(e.Hash) {
			continue
		}
		if asked++; asked > gatherMax || ctx.Err() != nil {
			break
		}
		text, err := c.TermsText(ctx, e.Hash)
		if err == nil {
			err = keep(e.Campaign, e.Version, text)
		}
		if err == nil {
			took++
		}
		errs = append(errs, err)
	}
	return took, errors.Join(errs...)
}
