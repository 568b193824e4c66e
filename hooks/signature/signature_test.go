package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The message that the documentation of Standard Webhooks and its libraries sign, with
// the signature that they give.
func TestSignsAsThePublicLibrariesDo(t *testing.T) {
	s, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	Sign(h, []Secret{s}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	for name, want := range map[string]string{"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
		"webhook-timestamp": "1614265330", "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, wanted %q", name, got, want)
		}
	}
}

func TestVerifyRefusesWhatWasNotSignedNow(t *testing.T) {
	old, current, other := NewSecret(), NewSecret(), NewSecret()
	now := time.Unix(1_800_000_000, 0)
	body := []byte(`{"type":"coupon.claimed"}`)
	signed := func() http.Header {
		h := http.Header{}
		Sign(h, []Secret{current, old}, "scrip-1-2-0", now, body)
		return h
	}
	for _, known := range [][]Secret{{current}, {old}, {other, current}} {
		if err := Verify(signed(), known, now.Add(Tolerance), body); err != nil {
			t.Errorf("signed with two secrets, one of which is known: %v", err)
		}
	}
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	for name, c := range map[string]struct {
		change  func(http.Header)
		secrets []Secret
		now     time.Time
		body    string
	}{
		"wrong secret":       {secrets: []Secret{other}},
		"no secret":          {secrets: []Secret{}},
		"changed byte":       {body: `{"type":"coupon.claimee"}`},
		"cut body":           {body: `{"type":"coupon.claimed"`},
		"old":                {now: now.Add(Tolerance + time.Second)},
		"of the future":      {now: now.Add(-Tolerance - time.Second)},
		"another id":         {change: set(HeaderID, "scrip-1-2-1")},
		"another time":       {change: set(HeaderTimestamp, "1800000001")},
		"no time":            {change: set(HeaderTimestamp, "now")},
		"far time":           {change: set(HeaderTimestamp, "9223372036854775807")},
		"far past":           {change: set(HeaderTimestamp, "-9223372036854775808")},
		"no id":              {change: set(HeaderID, "")},
		"no signature":       {change: set(HeaderSignature, "")},
		"empty signature":    {change: set(HeaderSignature, "v1,")},
		"no base64":          {change: set(HeaderSignature, "v1,***")},
		"another version":    {change: func(h http.Header) { h.Set(HeaderSignature, "v2"+h.Get(HeaderSignature)[2:]) }},
		"too many to try":    {change: func(h http.Header) { h.Set(HeaderSignature, crowd()+h.Get(HeaderSignature)) }},
		"id and time joined": {change: func(h http.Header) { h.Set(HeaderID, "scrip-1-2-0."); h.Set(HeaderTimestamp, "") }},
	} {
		h := signed()
		if c.change != nil {
			c.change(h)
		}
		if c.secrets == nil {
			c.secrets = []Secret{current}
		}
		if c.now.IsZero() {
			c.now = now
		}
		if c.body == "" {
			c.body = string(body)
		}
		if err := Verify(h, c.secrets, c.now, []byte(c.body)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// crowd is as many signatures as Verify looks at, none of them good.
func crowd() string { return strings.Repeat("v1,AAAA ", signaturesMax) }

func TestSecretsAreReadBackAndHidden(t *testing.T) {
	s := NewSecret()
	back, err := ParseSecret(s.Text())
	if err != nil || string(back) != string(s) {
		t.Errorf("%v, read back as another: %v", err, string(back) != string(s))
	}
	if text := fmt.Sprintf("%v %s", s, s); strings.Contains(text, s.Text()) || text != "whsec_... whsec_..." {
		t.Errorf("a secret is shown as %s", text)
	}
	for _, bad := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
		"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, SecretBytesMin-1)),
		"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, SecretBytesMax+1))} {
		if s, err := ParseSecret(bad); err == nil {
			t.Errorf("%q is a secret of %d bytes", bad, len(s))
		} else if len(bad) > 20 && strings.Contains(err.Error(), bad[10:]) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}
