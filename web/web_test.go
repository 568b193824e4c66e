package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/scrip-network/scrip/web"
)

const script = "console.log('a script that is long enough to shrink, to shrink, to shrink, to shrink');"

func built() fstest.MapFS {
	m := fstest.MapFS{".keep": {}}
	for _, face := range web.Faces() {
		m[face+"/index.html"] = &fstest.MapFile{Data: []byte("<!doctype html><title>" + face + "</title>" +
			`<meta name="description" content="a face" />`)}
		m[face+"/assets/app-Ab_9-xYz.js"] = &fstest.MapFile{Data: []byte(script)}
		m[face+"/sw.js"] = &fstest.MapFile{Data: []byte("// " + face)}
	}
	m["till/assets/app-Ab_9-xYz.js.br"] = &fstest.MapFile{Data: []byte("brotli")}
	return m
}

func handler(t *testing.T, cfg web.Config) http.Handler {
	t.Helper()
	h, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestALinkWhoseMarkWasEscapedLeadsToTheWallet(t *testing.T) {
	h := handler(t, web.Config{Files: built()})
	for target, want := range map[string]string{
		"/c%23AwAB-_9.":                         "/c#AwAB-_9.",
		"/g%23AAAA?fbclid=x":                    "/g#AAAA",
		"/p%23c=4&d=https%3A%2F%2Fdesk.example": "/p#c=4&d=https://desk.example",
		"/wallet/%23k=AAAA&n=Bo%20B":            "/wallet/#k=AAAA&n=Bo%20B",
		"/g/7%23AAAA":                           "/g/7#AAAA",
		"/c%23%0d%0aSet-Cookie:x":               "/c#%0D%0ASet-Cookie:x",
	} {
		r := ask(h, "GET", target)
		if got := r.Header.Get("Location"); r.StatusCode != http.StatusFound || got != want {
			t.Errorf("%s: %d to %q, wanted %q", target, r.StatusCode, got, want)
		}
		if got := r.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: a copy may be kept: %q", target, got)
		}
	}
	for _, target := range []string{"/x%23AAAA", "//evil.example%23AAAA", "/%23AAAA"} {
		if r := ask(h, "GET", "http://node.example"+target); r.StatusCode != http.StatusNotFound ||
			r.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", target, r.StatusCode, r.Header.Get("Location"))
		}
	}
}

// What chats show of a link is what anybody can read: the member, and the campaign whose
// number stands in the path. Titles are text.
func TestALinkHasAPreviewOfWhatIsPublic(t *testing.T) {
	h := handler(t, web.Config{Files: built(), Name: `Mall "&" Sons`, Origin: "https://node.example",
		Campaign: func(n uint32) (web.Campaign, bool) {
			return web.Campaign{Title: `<b>Coffee</b> "free"`, Issuer: "Bakery & Co"}, n == 7
		}})
	for target, wants := range map[string][]string{
		"/g": {`og:title" content="A gift for you`, `og:site_name" content="Mall &#34;&amp;&#34; Sons"`,
			`og:image" content="https://node.example/wallet/icon-512.png"`},
		"/p/7": {`<title>&lt;b&gt;Coffee&lt;/b&gt; &#34;free&#34;</title>`,
			`og:title" content="&lt;b&gt;Coffee&lt;/b&gt; &#34;free&#34;"`, `og:description" content="Bakery &amp; Co`,
			`name="description" content="Bakery &amp; Co`},
		"/g/7":          {`og:title" content="&lt;b&gt;Coffee`, "A gift for you"},
		"/p/8":          {`og:title" content="A coupon for you`},
		"/c/4294967296": {`og:title" content="A coupon for you`},
	} {
		got := text(t, ask(h, "GET", target))
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s is %s, without %s", target, got, want)
			}
		}
		if strings.Contains(got, "<b>") || strings.Contains(got, "<title>wallet") {
			t.Errorf("%s is %s", target, got)
		}
	}
	if got := text(t, ask(handler(t, web.Config{Files: built()}), "GET", "/c")); strings.Contains(got, "og:image") ||
		!strings.Contains(got, `og:site_name" content="Scrip"`) {
		t.Errorf("without a member and address: %s", got)
	}
}

func TestEveryPathShowsItsFace(t *testing.T) {
	h := handler(t, web.Config{Files: built()})
	for _, c := range []struct {
		target string
		status int
		holds  string
	}{
		{"/", 200, `href="/explorer/"`},
		{"/start.css", 200, "color-scheme"},
		{"/wallet/", 200, "<title>wallet"},
		{"/console/campaigns/7", 200, "<title>console"},
		{"/explorer/coupon/4294967297", 200, "<title>explorer"},
		{"/c", 200, "A coupon for you"}, {"/g", 200, "A gift for you"},
		{"/p/7", 200, "A coupon for you"}, {"/c/7", 200, "A coupon for you"}, {"/g/07", 404, "<h1>Scrip"},
		{"/i", 200, "Pay with a coupon"}, {"/p", 200, "A coupon for you"},
		{"/till/sw.js", 200, "// till"},
		{"/till/assets/app-Ab_9-xYz.js", 200, "console.log"},
		{"/till/assets/gone.js", 404, "no such file"},
		{"/wallet/../../etc/passwd", 200, "<title>wallet"},
		{"/elsewhere", 404, "Scrip"},
		{"/wallet", 308, ""},
	} {
		r := ask(h, http.MethodGet, c.target)
		if got := text(t, r); r.StatusCode != c.status || !strings.Contains(got, c.holds) {
			t.Errorf("%s: status %d, %.60q; wanted %d with %q", c.target, r.StatusCode, got, c.status, c.holds)
		}
	}
	if to := ask(h, http.MethodGet, "/wallet").Header.Get("Location"); to != "/wallet/" {
		t.Errorf("/wallet leads to %q", to)
	}
	if r := ask(h, http.MethodPost, "/wallet/"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST gets %d", r.StatusCode)
	}
	if r := ask(h, http.MethodHead, "/wallet/"); text(t, r) != "" || r.Header.Get("Content-Length") == "0" {
		t.Error("HEAD must have the length and no body")
	}
}

// The start page of a demonstration lets one be its people; what a link may not be is left out.
func TestTheStartPageKnowsItsPeople(t *testing.T) {
	if got := text(t, ask(handler(t, web.Config{Files: built()}), "GET", "/")); strings.Contains(got, "<h2>") {
		t.Errorf("a network that is no demonstration has people:\n%s", got)
	}
	people := []web.Person{
		{Face: "wallet", Who: "Bo & Co", URL: "http://node.example/wallet/#k=AAAA&n=Bo", Text: "two coffees"},
		{Face: "console", Who: "Ana", URL: "javascript:alert(1)"},
		{Face: "nonsense", Who: "Cy", URL: "http://node.example/"},
	}
	h := handler(t, web.Config{Files: built(), People: func() []web.Person { return people }})
	got := text(t, ask(h, "GET", "/"))
	for _, want := range []string{`href="http://node.example/wallet/#k=AAAA&amp;n=Bo"`, "Bo &amp; Co", "two coffees"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Ana") || strings.Contains(got, "Cy") {
		t.Errorf("the page leads where it may not:\n%s", got)
	}
	if people = nil; strings.Contains(text(t, ask(h, "GET", "/")), "Bo") {
		t.Error("the page keeps people who have gone")
	}
}

// A program without faces says so instead of showing nothing.
func TestFacesThatAreNotBuilt(t *testing.T) {
	h := handler(t, web.Config{Files: fstest.MapFS{".keep": {}}})
	for target, status := range map[string]int{"/": 200, "/wallet/": 404, "/c": 404} {
		if r := ask(h, http.MethodGet, target); r.StatusCode != status || !strings.Contains(text(t, r), "not built into") {
			t.Errorf("%s does not say that the faces are missing (status %d)", target, r.StatusCode)
		}
	}
}

// The pages that the program was built with load nothing that is not there, nothing
// from elsewhere, and nothing that stands in the page itself.
func TestBuiltFacesAreWhole(t *testing.T) {
	h := handler(t, web.Config{})
	for _, face := range web.Faces() {
		r := ask(h, http.MethodGet, "/"+face+"/")
		if r.StatusCode != http.StatusOK {
			t.Logf("%s is not built", face)
			continue
		}
		page := text(t, r)
		loaded := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
		if len(loaded) == 0 {
			t.Errorf("%s loads nothing", face)
		}
		for _, m := range loaded {
			if got := ask(h, http.MethodGet, m[1]); !strings.HasPrefix(m[1], "/"+face+"/") || got.StatusCode != 200 {
				t.Errorf("%s loads %s: status %d", face, m[1], got.StatusCode)
			}
		}
		if regexp.MustCompile(`(?s)<script[^>]*>[^<]|<style| style=| on[a-z]+=`).MatchString(page) {
			t.Errorf("%s has a script or style in its page, which its policy stops", face)
		}
	}
}

func TestPagesAreKeptToThemselves(t *testing.T) {
	h := handler(t, web.Config{Files: built(), Connect: []string{"http://127.0.0.1:7610", "https://desk.example"}})
	for _, target := range []string{"/", "/c", "/wallet/", "/console/", "/till/", "/explorer/", "/till/sw.js",
		"/console/assets/app-Ab_9-xYz.js", "/elsewhere"} {
		x := ask(h, http.MethodGet, target).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if x.Get(name) != want {
				t.Errorf("%s: %s is %q", target, name, x.Get(name))
			}
		}
		csp := x.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';",
			"require-trusted-types-for 'script'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
			"connect-src 'self' http://127.0.0.1:7610 https://desk.example"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %q: %s", target, want, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: the policy is lax: %s", target, csp)
		}
		want := "camera=(), "
		if target == "/c" || strings.HasPrefix(target, "/wallet/") || strings.HasPrefix(target, "/till/") {
			want = "camera=(self), "
		}
		if p := x.Get("Permissions-Policy"); !strings.HasPrefix(p, want) {
			t.Errorf("%s: Permissions-Policy is %q", target, p)
		}
	}
}

func TestConnectTakesOriginsOnly(t *testing.T) {
	for _, bad := range []string{"", "*", "https://*.example", "https://a.example/", "https://a.example/path",
		"node.example", "ftp://a.example", "https://a.example; script-src *", "https://u:p@a.example"} {
		if _, err := web.New(web.Config{Files: built(), Connect: []string{bad}}); err == nil {
			t.Errorf("%q was taken for an origin", bad)
		}
	}
}

func TestOnlyHashedNamesAreKeptForEver(t *testing.T) {
	h := handler(t, web.Config{Files: built()})
	for target, want := range map[string]string{
		"/wallet/": "no-cache", "/wallet/sw.js": "no-cache", "/": "no-cache",
		"/wallet/assets/app-Ab_9-xYz.js": "public, max-age=31536000, immutable",
	} {
		r := ask(h, http.MethodGet, target)
		if got := r.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control is %q, wanted %q", target, got, want)
		}
		tag := r.Header.Get("ETag")
		again := ask(h, http.MethodGet, target, "If-None-Match", `"x", `+tag)
		if again.StatusCode != http.StatusNotModified || text(t, again) != "" {
			t.Errorf("%s: asked again with its tag %s: status %d", target, tag, again.StatusCode)
		}
		if other := ask(h, http.MethodGet, target, "If-None-Match", `"x"`); other.StatusCode != http.StatusOK {
			t.Errorf("%s: asked with another tag: status %d", target, other.StatusCode)
		}
	}
}

// A compressed form has a tag of its own, so that no cache mixes them up.
func TestSmallestFormThatTheBrowserTakes(t *testing.T) {
	h := handler(t, web.Config{Files: built()})
	const target = "/till/assets/app-Ab_9-xYz.js"
	tags := make(map[string]bool)
	for accept, want := range map[string]string{"": "", "br;q=0, gzip;q=0": "", "gzip, deflate": "gzip",
		"gzip, br": "br"} {
		r := ask(h, http.MethodGet, target, "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q gets %q, wanted %q", accept, got, want)
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Error("the answer does not say that it varies")
		}
		tags[r.Header.Get("ETag")] = true
		if want == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(z); err != nil || string(b) != script {
				t.Errorf("gzip holds %q, %v", b, err)
			}
		}
	}
	if len(tags) != 3 {
		t.Errorf("three forms have %d tags", len(tags))
	}
}
