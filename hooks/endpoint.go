package hooks

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/hooks/signature"
	"github.com/scrip-network/scrip/keys"
)

// Limits of endpoints.
const (
	// EndpointsMax bounds the endpoints of a process.
	EndpointsMax = 256
	urlBytesMax  = 2048
	filterMax    = 256 // names in one list of a filter
	secretsMax   = 4   // of an endpoint that are signed with at once
	// OverlapMax bounds for how long an old secret is signed with beside the new one.
	OverlapMax = 30 * 24 * time.Hour
)

// ErrEndpoint is wrapped by every error that says that an endpoint cannot be as asked.
var ErrEndpoint = errors.New("not an endpoint")

// Filter says which events an endpoint wants; empty lists stand for all.
type Filter struct {
	Types     []string `json:"types,omitempty"`
	Campaigns []uint32 `json:"campaigns,omitempty"`
	Tills     []string `json:"tills,omitempty"`
}

// Endpoint is where events go.
type Endpoint struct {
	ID  string `json:"id"`
	URL string `json:"url"`
	Filter
	// AllowPrivate lets the address be one that is not public, and without TLS.
	AllowPrivate bool `json:"allow_private,omitempty"`
	// From is the first event that the endpoint gets.
	From string `json:"from"`
	// Disabled says why nothing is delivered; empty if it is. An endpoint that is enabled
	// again goes on where it was.
	Disabled string      `json:"disabled,omitempty"`
	Created  client.Time `json:"created"`
}

// credential is a secret of an endpoint and until when it is signed with.
type credential struct {
	Secret  string `json:"secret"`
	UntilMs uint64 `json:"until_ms,omitempty"` // 0 = it is the present one
}

// stored is an endpoint as it is kept.
type stored struct {
	Endpoint
	Credentials []credential `json:"credentials"` // the newest first
}

// newID returns a random name with a prefix.
func newID(prefix string) string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return prefix + hex.EncodeToString(b)
}

// check reports, as an error that wraps ErrEndpoint, what is wrong with an endpoint.
func (e *Endpoint) check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrEndpoint, fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(e.URL)
	switch {
	case len(e.URL) > urlBytesMax:
		return fail("the URL has more than %d bytes", urlBytesMax)
	case err != nil || u.Host == "" || u.Fragment != "" || u.Opaque != "" || u.Hostname() == "":
		return fail("%.80q is no URL, such as https://shop.example/hooks", e.URL)
	case u.User != nil:
		return fail("the URL holds a password: the signature is what says who sends")
	case u.Scheme != "https" && (u.Scheme != "http" || !e.AllowPrivate):
		return fail("the URL is not https, and only an endpoint that may be private can do without")
	case len(e.Types) > filterMax || len(e.Campaigns) > filterMax || len(e.Tills) > filterMax:
		return fail("a list of more than %d names", filterMax)
	}
	for _, name := range e.Types {
		if _, ok := coupon.ParseEventType(name); !ok {
			return fail("there is no event type %.40q but %s", name, strings.Join(eventTypes(), ", "))
		}
	}
	for _, till := range e.Tills {
		if _, err := keys.Decode(keys.Till, till); err != nil {
			return fail("till: %v", err)
		}
	}
	if _, err := client.ParseEventID(e.From); err != nil {
		return fail("from: %v", err)
	}
	return nil
}

func eventTypes() (names []string) {
	for _, t := range coupon.EventTypes() {
		names = append(names, t.String())
	}
	return names
}

// wants reports whether the filter selects a message.
func (f *Filter) wants(m *Message) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, m.Type)) &&
		(len(f.Campaigns) == 0 || slices.Contains(f.Campaigns, m.campaign)) &&
		(len(f.Tills) == 0 || slices.Contains(f.Tills, m.till))
}

// secrets returns what messages are signed with at a time, the newest first.
func (s *stored) secrets(nowMs uint64) ([]signature.Secret, error) {
	var all []signature.Secret
	for _, c := range s.Credentials {
		if c.UntilMs != 0 && nowMs >= c.UntilMs {
			continue
		}
		secret, err := signature.ParseSecret(c.Secret)
		if err != nil {
			return nil, fmt.Errorf("secret of endpoint %s: %w", s.ID, err)
		}
		all = append(all, secret)
	}
	return all, nil
}

// rotate makes a secret the present one; the ones before it are signed with for overlap
// longer, if they do not end earlier.
func (s *stored) rotate(secret signature.Secret, overlap time.Duration, nowMs uint64) {
	until := nowMs + uint64(overlap.Milliseconds())
	kept := []credential{{Secret: secret.Text()}}
	for _, c := range s.Credentials {
		if c.UntilMs == 0 || c.UntilMs > until {
			c.UntilMs = until
		}
		if c.UntilMs > nowMs && len(kept) < secretsMax {
			kept = append(kept, c)
		}
	}
	s.Credentials = kept
}
