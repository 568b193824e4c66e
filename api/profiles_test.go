package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/profile"
	"github.com/scrip-network/scrip/profile/shelf"
)

// shop is the member whose profile the tests make: the merchant of the demonstration.
const shop = 2

func logo(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 32, 32))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// profileOf signs a profile of a member with its key.
func profileOf(x *apitest.Network, member int, at time.Time, change func(*profile.Profile)) []byte {
	p := &profile.Profile{Member: uint16(member), At: uint64(at.UnixMilli()), Colour: [3]byte{0x1f, 0x3f, 0x94},
		Address: []string{"Market 1"}, Hours: []profile.Span{{Day: 0, From: 480, Until: 1500}}}
	if change != nil {
		change(p)
	}
	return signAs(x, p, member)
}

// signAs signs a profile, whatever it says, with the key of a member.
func signAs(x *apitest.Network, p *profile.Profile, member int) []byte {
	body := p.Body(x.Chain())
	return profile.Join(body, []profile.Signature{profile.Sign(x.Chain(), body,
		apitest.Signer(x.Dev.Admins[member-1]))})
}

func handProfile(t *testing.T, base string, member int, raw []byte) (*http.Response, []byte) {
	t.Helper()
	b, err := json.Marshal(client.PutProfile{Profile: raw})
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, "POST", fmt.Sprintf("%s/v1/members/%d/profile", base, member), asJSON, b)
}

func wantProblem(t *testing.T, what, base string, r *http.Response, b []byte, status int, code string) {
	t.Helper()
	if p := asProblem(t, base, r, b); r.StatusCode != status || p.Code != code {
		t.Errorf("%s: %s: %s, wanted %d %s", what, r.Status, b, status, code)
	}
}

func profilePath(base string) string { return fmt.Sprintf("%s/v1/members/%d/profile", base, shop) }

func TestAProfileIsKeptAndServedAsItWasSigned(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base := x.Members[0].URL
	r, b := ask(t, "GET", profilePath(base), nil, nil)
	wantProblem(t, "before there is one", base, r, b, 404, client.ProblemNotFound)
	raw := profileOf(x, shop, now(), func(p *profile.Profile) {
		p.Logo, p.Website, p.Phone = logo(t), "https://shop.example/", "+49 30 1234567"
	})
	if r, b := handProfile(t, base, shop, raw); r.StatusCode != 200 {
		t.Fatalf("%s: %s", r.Status, b)
	}
	r, b = ask(t, "GET", profilePath(base), nil, nil)
	var a client.ProfileAnswer
	if err := json.Unmarshal(b, &a); err != nil || r.StatusCode != 200 || !bytes.Equal(a.Profile, raw) {
		t.Fatalf("%s: %s", r.Status, b)
	}
	if a.Colour != "#1f3f94" || a.Logo != "image/png" || a.Address[0] != "Market 1" || a.Phone != "+49 30 1234567" ||
		a.Website != "https://shop.example/" ||
		a.Hours[0] != (client.HoursAnswer{Day: "mon", From: "08:00", Until: "01:00"}) {
		t.Errorf("it shows %+v", a)
	}
	tag := r.Header.Get("ETag")
	if r, b = ask(t, "GET", profilePath(base), map[string]string{"If-None-Match": tag}, nil); tag == "" ||
		r.StatusCode != 304 || len(b) != 0 {
		t.Errorf("asked again with ETag %q: %s", tag, r.Status)
	}
	var list client.ProfilesAnswer
	fetch(t, base+"/v1/profiles", &list)
	if len(list.Profiles) != 1 || list.Profiles[0].Member != shop || list.Profiles[0].Digest != a.Digest {
		t.Errorf("the list is %+v", list)
	}
	r, b = ask(t, "GET", base+"/v1/members/65535/profile", nil, nil)
	wantProblem(t, "of a member that is not there", base, r, b, 404, client.ProblemNotFound)
}

func TestWhatIsNoProfileOfTheMemberIsRefused(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	base, at := x.Members[0].URL, now()
	// Each case would use up the rate of one address; the nodes have one each.
	for i, c := range []struct {
		name   string
		member int
		raw    []byte
		status int
		code   string
	}{
		{"another's key", shop, signAs(x, &profile.Profile{Member: shop, At: 1}, 1), 403, client.ProblemProfileKeys},
		{"under another's number", shop, profileOf(x, 1, at, nil), 422, client.ProblemProfileForm},
		{"of nobody", 999, signAs(x, &profile.Profile{Member: 999, At: 1}, 1), 403, client.ProblemProfileKeys},
		{"in the future", shop, profileOf(x, shop, at.Add(11*time.Minute), nil), 422, client.ProblemProfileForm},
		{"an SVG", shop, profileOf(x, shop, at, func(p *profile.Profile) { p.Logo = []byte("<svg/>") }), 422,
			client.ProblemProfileForm},
		{"a PNG whose pixels are damaged", shop, profileOf(x, shop, at, func(p *profile.Profile) {
			p.Logo = logo(t)
			p.Logo[len(p.Logo)-20] ^= 1
		}), 422, client.ProblemProfileForm},
		{"a logo that is too large", shop, profileOf(x, shop, at, func(p *profile.Profile) {
			p.Logo = append(logo(t), make([]byte, profile.LogoBytesMax)...)
		}), 422, client.ProblemProfileForm},
		{"a line end in the address", shop, profileOf(x, shop, at, func(p *profile.Profile) { p.Address = []string{"a\nb"} }),
			422, client.ProblemProfileForm},
		{"http", shop, profileOf(x, shop, at, func(p *profile.Profile) { p.Website = "http://a.example" }), 422,
			client.ProblemProfileForm},
		{"nonsense", shop, []byte("x"), 422, client.ProblemProfileForm},
		{"more than a body may have", shop, make([]byte, 40<<10), 413, coupon.TooLarge.String()},
		{"of another chain", shop, func() []byte {
			c := x.Chain()
			c.Digest[0] ^= 1
			p := &profile.Profile{Member: shop, At: uint64(at.UnixMilli())}
			return profile.Join(p.Body(c), []profile.Signature{profile.Sign(c, p.Body(c),
				apitest.Signer(x.Dev.Admins[shop-1]))})
		}(), 400, coupon.WrongChain.String()},
	} {
		base := x.Members[i%4].URL
		r, b := handProfile(t, base, c.member, c.raw)
		wantProblem(t, c.name, base, r, b, c.status, c.code)
	}
	r, b := ask(t, "GET", profilePath(base), nil, nil)
	wantProblem(t, "after all that", base, r, b, 404, client.ProblemNotFound)
}

func TestAnOlderProfileNeverReplacesANewerOne(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base, at := x.Members[0].URL, now()
	fresh := profileOf(x, shop, at, nil)
	for range 2 { // the same again is fine
		if r, b := handProfile(t, base, shop, fresh); r.StatusCode != 200 {
			t.Fatalf("%s: %s", r.Status, b)
		}
	}
	r, b := handProfile(t, base, shop, profileOf(x, shop, at.Add(-time.Second), nil))
	wantProblem(t, "an older one", base, r, b, 409, client.ProblemProfileOlder)
	var a client.ProfileAnswer
	if fetch(t, profilePath(base), &a); !bytes.Equal(a.Profile, fresh) {
		t.Error("the newer one is gone")
	}
}

func TestHowOftenProfilesChangeIsBounded(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base, at := x.Members[0].URL, now()
	for i := range 4 {
		if r, b := handProfile(t, base, shop, profileOf(x, shop, at.Add(time.Duration(i)*time.Millisecond),
			nil)); r.StatusCode != 200 {
			t.Fatalf("%d: %s: %s", i, r.Status, b)
		}
	}
	r, b := handProfile(t, base, shop, profileOf(x, shop, at.Add(time.Minute), nil))
	wantProblem(t, "the fifth at once", base, r, b, 429, client.ProblemRateLimited)
	if r.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	if r, b := handProfile(t, base, 3, profileOf(x, 3, at, nil)); r.StatusCode != 200 {
		t.Errorf("another member has to wait too: %s: %s", r.Status, b)
	}
	for range 20 {
		r, b = handProfile(t, base, shop, []byte("x"))
	}
	wantProblem(t, "the twenty-first of an address", base, r, b, 429, client.ProblemRateLimited)
}

// The client takes the newest one that holds, whatever single nodes say.
func TestAClientTakesTheNewestProfileOfSeveralNodes(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c, at := newClient(t, x), now()
	got, err := c.Profile(t.Context(), shop)
	if err != nil || got.Signed != nil || got.Member.Number != shop {
		t.Fatalf("before there is one: %+v, %v", got, err)
	}
	old, fresh := profileOf(x, shop, at, nil), profileOf(x, shop, at.Add(time.Second), nil)
	all, err := c.PublishProfile(t.Context(), shop, old)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, h := range all {
		if h.Err != nil {
			t.Errorf("%s did not take it: %v", h.Node, h.Err)
		}
	}
	if r, b := handProfile(t, x.Members[2].URL, shop, fresh); r.StatusCode != 200 {
		t.Fatalf("%s: %s", r.Status, b)
	}
	got, err = c.Profile(t.Context(), shop)
	if err != nil || got.Signed == nil || !bytes.Equal(got.Signed.Raw(), fresh) || got.Node != x.Members[2].URL {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.PublishProfile(t.Context(), shop, []byte("x")); err == nil ||
		!strings.Contains(err.Error(), client.ProblemProfileForm) {
		t.Errorf("nonsense was published: %v", err)
	}
	if _, err := c.CheckProfile(profileOf(x, shop, at.Add(time.Hour), nil), got.Member); err == nil {
		t.Error("a profile of the future is believed")
	}
	list, err := c.ProfileList(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// What was kept under keys that are the member's no more is gone, and no obstacle.
func TestAProfileGoesWithTheKeysThatSignedIt(t *testing.T) {
	shelves := make(chan *shelf.Shelf, 4)
	x := apitest.Start(t, 4, func(c *api.Config) {
		s, _, err := shelf.Open("", c.Genesis.Chain())
		if err != nil {
			t.Fatal(err)
		}
		c.Profiles = s
		shelves <- s
	})
	x.WaitReady()
	base, at := x.Members[0].URL, now()
	before, err := profile.Decode(x.Chain(), signAs(x, &profile.Profile{Member: shop, At: uint64(at.UnixMilli())}, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := (<-shelves).Put(before, func(*profile.Signed) bool { return false }); err != nil {
		t.Fatal(err)
	}
	r, b := ask(t, "GET", profilePath(base), nil, nil)
	wantProblem(t, "signed by keys of before", base, r, b, 404, client.ProblemNotFound)
	old := profileOf(x, shop, at.Add(-time.Hour), nil)
	if r, b := handProfile(t, base, shop, old); r.StatusCode != 200 {
		t.Errorf("an earlier one under the keys of now: %s: %s", r.Status, b)
	}
}
