package validator

import (
	"strings"
	"testing"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/profile/texts"
)

// A node that was away when a text was handed in has it after it has asked another, and
// takes nothing from it that its own ledger does not name.
func TestANodeFetchesTheTextsThatItMissed(t *testing.T) {
	shelves := make(chan *texts.Shelf, 4)
	x := apitest.Start(t, 4, func(c *api.Config) {
		s, _, err := texts.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		c.Texts = s
		shelves <- s
	})
	x.WaitReady()
	there, here := <-shelves, <-shelves
	all, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		t.Fatal(err)
	}
	publish, campaign := x.Publish()
	if _, err := all.Submit(t.Context(), publish); err != nil {
		t.Fatal(err)
	}
	first, err := client.New(x.Dev.Genesis.Raw, x.URLs()[:1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.PublishTermsText(t.Context(), 1, 0, apitest.TermsText); err != nil {
		t.Fatal(err)
	}
	// What a node should not have: no terms name it.
	if err := there.Put(texts.Name{Issuer: 1, Campaign: 1, Version: 1}, []byte("of nobody")); err != nil {
		t.Fatal(err)
	}
	second := x.Members[1].Server.KeepTermsText
	took, err := gatherTexts(t.Context(), x.Dev.Genesis.Raw, x.URLs()[0], here, second)
	if took != 1 || err == nil || !strings.Contains(err.Error(), client.ProblemTermsHash) {
		t.Errorf("took %d, %v", took, err)
	}
	if _, text, err := here.Get(campaign.Terms.TermsHash); err != nil || string(text) != apitest.TermsText {
		t.Errorf("%q, %v", text, err)
	}
	if here.Has(texts.Hash([]byte("of nobody"))) {
		t.Error("a text that no terms name was taken")
	}
	if took, _ = gatherTexts(t.Context(), x.Dev.Genesis.Raw, x.URLs()[0], here, second); took != 0 {
		t.Errorf("again: took %d", took)
	}
}
