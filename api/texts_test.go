package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/profile/texts"
)

func handText(t *testing.T, base string, campaign uint32, version uint16, text string) (*http.Response, []byte) {
	t.Helper()
	b, err := json.Marshal(client.PutTermsText{Version: version, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, "POST", fmt.Sprintf("%s/v1/campaigns/%d/terms", base, campaign), asJSON, b)
}

func textPath(base string, hash [32]byte) string { return fmt.Sprintf("%s/v1/terms/%x", base, hash) }

// A node keeps the text whose hash the issuer has signed into the terms, and no other.
func TestTheTextOfTermsIsTheOneThatTheLedgerNames(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	r := submit(t, c, publish)
	base := x.Members[0].URL
	fetch(t, fmt.Sprintf("%s/v1/members/1?min_height=%d", base, r.Height), nil)

	a, b := ask(t, "GET", textPath(base, campaign.Terms.TermsHash), nil, nil)
	wantProblem(t, "before it was handed in", base, a, b, 404, client.ProblemNotFound)
	for _, bad := range []struct {
		name     string
		campaign uint32
		version  uint16
		text     string
		status   int
		code     string
	}{
		{"another text", 1, 0, apitest.TermsText + " ", 403, client.ProblemTermsHash},
		{"empty", 1, 0, "", 422, client.ProblemTermsForm},
		{"too long", 1, 0, strings.Repeat("x", texts.BytesMax+1), 422, client.ProblemTermsForm},
		{"an escape", 1, 0, "\x1b[2J", 422, client.ProblemTermsForm},
		{"of no campaign", 2, 0, apitest.TermsText, 404, client.ProblemNotFound},
		{"of no version", 1, 2, apitest.TermsText, 404, client.ProblemNotFound},
	} {
		a, b := handText(t, base, bad.campaign, bad.version, bad.text)
		wantProblem(t, bad.name, base, a, b, bad.status, bad.code)
	}
	a, b = ask(t, "GET", base+"/v1/terms/"+strings.Repeat("z", 64), nil, nil)
	wantProblem(t, "no hash", base, a, b, 400, client.ProblemBadRequest)
	for _, version := range []uint16{0, 1, 0} {
		if a, b := handText(t, base, 1, version, apitest.TermsText); a.StatusCode != 200 {
			t.Errorf("version %d: %s: %s", version, a.Status, b)
		}
	}
	var got client.TermsTextAnswer
	fetch(t, textPath(base, campaign.Terms.TermsHash), &got)
	if got.Text != apitest.TermsText || got.Campaign != 1 || got.Version != 1 {
		t.Errorf("%+v", got)
	}
	a, _ = ask(t, "GET", textPath(base, campaign.Terms.TermsHash), nil, nil)
	if a.Header.Get("Cache-Control") == "no-cache" || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("what never changes is cached as %q", a.Header.Get("Cache-Control"))
	}
}

func TestTextsOfTermsAreRationed(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	last := 0
	for range 40 {
		a, _ := handText(t, x.Members[0].URL, 1, 0, "x")
		if last = a.StatusCode; last == http.StatusTooManyRequests {
			return
		}
	}
	t.Errorf("status %d after 40 texts from one address", last)
}

// A client believes no node: it takes a text only if its hash fits.
func TestAClientTakesOnlyTheTextThatFits(t *testing.T) {
	shelves := make(chan *texts.Shelf, 4)
	x := apitest.Start(t, 4, func(c *api.Config) {
		s, _, err := texts.Open("")
		if err != nil {
			t.Fatal(err)
		}
		c.Texts = s
		shelves <- s
	})
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	published := submit(t, c, publish)
	hash := campaign.Terms.TermsHash
	if _, err := c.TermsText(t.Context(), hash); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("nobody has it: %v", err)
	}
	if _, err := c.PublishTermsText(t.Context(), 1, 0, "another"); err == nil ||
		!strings.Contains(err.Error(), client.ProblemTermsHash) {
		t.Errorf("another text was published: %v", err)
	}
	// One node alone has it: the others are asked first, and lack it.
	one, err := client.New(x.Dev.Genesis.Raw, x.URLs()[3:])
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, fmt.Sprintf("%s/v1/members/1?min_height=%d", x.URLs()[3], published.Height), nil)
	if _, err := one.PublishTermsText(t.Context(), 1, 1, apitest.TermsText); err != nil {
		t.Fatal(err)
	}
	if text, err := c.TermsText(t.Context(), hash); err != nil || text != apitest.TermsText {
		t.Errorf("%q, %v", text, err)
	}
	list, err := one.TermsTextList(t.Context())
	if err != nil || len(list) != 1 || list[0].Hash != hash || list[0].Campaign != 1 || list[0].Version != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := one.TermsText(t.Context(), [32]byte{9}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a hash that nobody names: %v", err)
	}
}
