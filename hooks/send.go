package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks/signature"
)

// pauses is how long after an attempt the next one is due. Behind its end the last
// pause repeats, until LifeMax is over.
var pauses = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}

const (
	// LifeMax is for how long a delivery is tried.
	LifeMax = 72 * time.Hour
	// retryAfterMax bounds what an endpoint may ask for with Retry-After.
	retryAfterMax = 24 * time.Hour
)

// patience says how long a delivery is tried.
type patience struct {
	pauses []time.Duration
	life   time.Duration
	// within is over what time the deliveries that wait are spread once an endpoint that
	// was away answers again.
	within time.Duration
}

// backOff returns how long after attempt number count the next one is due: the pause of
// the schedule, a quarter less to a quarter more, so that what failed together does not
// come back together.
func (p *patience) backOff(count int) time.Duration {
	d := p.pauses[min(max(count, 1), len(p.pauses))-1]
	return d*3/4 + rand.N(d/2)
}

// sender makes attempts. It is safe for concurrent use.
type sender struct {
	public, private *http.Client
	agent           string
}

func newSender(version string) *sender {
	return &sender{public: newClient(false), private: newClient(true), agent: "scrip-hooks/" + version}
}

// outcome is what came of an attempt.
type outcome struct {
	Attempt
	gone       bool // the endpoint wants no more
	refused    bool // its address may not be used
	retryAfter time.Duration
}

func (o *outcome) ok() bool { return o.Status >= 200 && o.Status < 300 }

// send makes one attempt to deliver a message, at most attemptTimeout long.
func (s *sender) send(ctx context.Context, url string, private bool, secrets []signature.Secret, id string, body []byte,
) outcome {
	begin := time.Now()
	o := outcome{Attempt: Attempt{At: client.TimeOf(uint64(begin.UnixMilli()))}}
	err := s.post(ctx, url, private, secrets, id, body, begin, &o)
	o.Millis = time.Since(begin).Milliseconds()
	if err != nil {
		o.refused = errors.Is(err, ErrPrivate)
		o.Error = shorten(err.Error())
	}
	return o
}

func (s *sender) post(ctx context.Context, url string, private bool, secrets []signature.Secret, id string, body []byte,
	at time.Time, o *outcome,
) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.agent)
	signature.Sign(r.Header, secrets, id, at, body)
	c := s.public
	if private {
		c = s.private
	}
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	shown, err := io.ReadAll(io.LimitReader(answer.Body, answerShownBytes))
	if err == nil {
		_, err = io.CopyN(io.Discard, answer.Body, answerDrainMax)
	}
	o.Status, o.Answer = answer.StatusCode, shorten(string(shown))
	o.gone = answer.StatusCode == http.StatusGone
	o.retryAfter = retryAfter(answer)
	if err != nil && !errors.Is(err, io.EOF) && !o.ok() {
		return err
	}
	return nil // what was taken is taken, whatever became of the answer
}

// retryAfter returns for how long an endpoint that is busy wants to be left alone.
func retryAfter(r *http.Response) time.Duration {
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	seconds, err := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, retryAfterMax)
}

// shorten makes a text from outside fit to be kept and shown.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	for len(s) > answerShownBytes || !utf8.ValidString(s) {
		s = s[:min(len(s)-1, answerShownBytes)]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
