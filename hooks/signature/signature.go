// Package signature signs and verifies webhooks by the scheme of Standard Webhooks
// (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md):
// HMAC-SHA256 with a shared secret over the message's id, the time of the attempt and
// the body, in three headers. Receivers in any language have a library for it.
package signature

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Limits of secrets and messages.
const (
	// SecretBytesMin and SecretBytesMax bound a secret, as the scheme does.
	SecretBytesMin = 24
	SecretBytesMax = 64
	// Tolerance is how far the time of an attempt may be from the receiver's clock.
	Tolerance = 5 * time.Minute

	secretBytes   = 32 // of a new one
	secretPrefix  = "whsec_"
	version       = "v1,"
	signaturesMax = 16 // that Verify looks at
)

// ErrInvalid is wrapped by every error of Verify.
var ErrInvalid = errors.New("the webhook is not genuine")

// Secret is what sender and receiver of an endpoint share. Never log one.
type Secret []byte

// NewSecret returns a random secret.
func NewSecret() Secret {
	s := make(Secret, secretBytes)
	_, _ = rand.Read(s) // it never fails
	return s
}

// ParseSecret reads the written form of a secret: "whsec_" and base64. The error does not
// repeat it.
func ParseSecret(text string) (Secret, error) {
	b64, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return nil, fmt.Errorf("a webhook secret begins with %q", secretPrefix)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil {
		return nil, errors.New("a webhook secret is base64 after its prefix")
	}
	if len(b) < SecretBytesMin || len(b) > SecretBytesMax {
		return nil, fmt.Errorf("a webhook secret has %d to %d bytes, not %d", SecretBytesMin, SecretBytesMax, len(b))
	}
	return b, nil
}

// Text returns the written form, for the receiver alone.
func (s Secret) Text() string { return secretPrefix + base64.StdEncoding.EncodeToString(s) }

// String hides the secret from logs and messages.
func (s Secret) String() string { return secretPrefix + "..." }

// sum returns the signature of a message.
func (s Secret) sum(id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, s)
	m.Write([]byte(id + "." + timestamp + "."))
	m.Write(body)
	return m.Sum(nil)
}

// Sign sets the three headers of an attempt to deliver a message. There is one signature
// for each secret: while secrets change, a receiver needs to know one of them. An id has
// no full stop, and names the message at all attempts.
func Sign(h http.Header, secrets []Secret, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var all strings.Builder
	for i, s := range secrets {
		if i > 0 {
			all.WriteByte(' ')
		}
		all.WriteString(version)
		all.WriteString(base64.StdEncoding.EncodeToString(s.sum(id, timestamp, body)))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, all.String())
}

// Verify reports, as an error that wraps ErrInvalid, whether a message was not signed
// with one of the secrets, or at another time than now. Whoever receives messages
// verifies first, and then drops a message whose id was there before.
func Verify(h http.Header, secrets []Secret, now time.Time, body []byte) error {
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return fmt.Errorf("%w: no id or no time", ErrInvalid)
	}
	// A difference of durations may overflow, one of seconds is compared with care.
	at := time.Unix(seconds, 0)
	if at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return fmt.Errorf("%w: its time is more than %v off", ErrInvalid, Tolerance)
	}
	tried := 0
	for text := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		if tried++; tried > signaturesMax {
			break
		}
		b64, ok := strings.CutPrefix(text, version)
		if !ok {
			continue // of another version
		}
		sum, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			continue
		}
		for _, s := range secrets {
			if hmac.Equal(sum, s.sum(id, timestamp, body)) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: no signature is that of a known secret", ErrInvalid)
}
