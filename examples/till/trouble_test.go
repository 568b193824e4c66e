package till

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// proxy stands before a node and may change or lose what it answers to a redemption.
func (s *shop) proxy(change func(*http.Response) error) string {
	s.t.Helper()
	to, err := url.Parse(s.x.URLs()[0])
	if err != nil {
		s.t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(to)
	p.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method != http.MethodPost || !strings.HasPrefix(r.Request.URL.Path, "/v1/transactions") {
			return nil
		}
		return change(r)
	}
	p.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}
	server := httptest.NewServer(p)
	s.t.Cleanup(server.Close)
	return server.URL
}

// A node that answers with a proof of something else is not believed, and the next is asked.
func TestALyingNodeIsNotBelieved(t *testing.T) {
	s := open(t)
	var lies atomic.Int32
	liar := s.proxy(func(r *http.Response) error {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		i := bytes.Index(b, []byte(`"proof":"`))
		if i >= 0 {
			lies.Add(1)
			at := b[i+len(`"proof":"`):]
			raw := make([]byte, 3)
			if _, err := base64.StdEncoding.Decode(raw, at[200:204]); err != nil {
				return err
			}
			raw[0] ^= 1
			copy(at[200:204], base64.StdEncoding.EncodeToString(raw))
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		return nil
	})
	s.begin(liar, s.x.URLs()[2])
	s.pair(coupon.RightRedeem)
	s.expect(s.run(done, "sell", "780", s.shown()), "value 500")
	if lies.Load() == 0 {
		t.Error("nobody has lied")
	}
}

// An answer that is lost leaves the outcome unknown, and the journal's bytes find it: the
// ledger has one redemption.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	s := open(t)
	var lose atomic.Bool
	lose.Store(true)
	s.begin(s.proxy(func(*http.Response) error {
		if lose.Load() {
			return io.ErrUnexpectedEOF
		}
		return nil
	}))
	s.pair(coupon.RightRedeem)
	t.Setenv("TILL_GIVE_UP_SECONDS", "2")
	s.expect(s.run(unknown, "sell", "780", s.shown()), "not known yet", "Hand over nothing")
	s.expect(s.run(unknown, "day"), "they differ")
	lose.Store(false)
	s.expect(s.run(done, "settle"), "value 500", "1 asked")
	s.expect(s.run(done, "day"), "this till        1       500", "the ledger       1       500")
}

// A member that stops is passed by; without a quorum the till waits and says nothing final.
func TestStoppedMembers(t *testing.T) {
	s := open(t)
	s.begin(s.x.URLs()...)
	s.pair(coupon.RightRedeem)
	first, second := s.shown(), s.shown()
	t.Setenv("TILL_HOLD_SECONDS", "1")
	s.x.Members[0].Stop()
	s.expect(s.run(done, "sell", "780", first), "value 500")
	s.x.Members[1].Stop()
	t.Setenv("TILL_GIVE_UP_SECONDS", "2")
	s.expect(s.run(unknown, "sell", "780", second), "not known yet")
	s.x.Members[0].Start()
	t.Setenv("TILL_GIVE_UP_SECONDS", "45")
	s.expect(s.run(done, "settle"), "value 500")
}
