package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A validator that is not well is told apart from one that is, and from one that does not
// answer; being ready is another question than being alive.
func TestHealthIsWhatTheValidatorSays(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("ok   condition: voting\nfail quorum: 2 of 4 members heard\nnot ok\n"))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}))
	t.Cleanup(s.Close)
	x, err := askHealth(t.Context(), s.URL, false)
	if err != nil || !x.Healthy || x.Said != "ok" || x.Address != s.URL+"/livez" {
		t.Errorf("%+v %v", x, err)
	}
	x, err = askHealth(t.Context(), s.URL, true)
	if err != nil || x.Healthy || x.Said != "ok condition: voting; fail quorum: 2 of 4 members heard; not ok" {
		t.Errorf("%+v %v", x, err)
	}
	s.Close()
	if _, err := askHealth(t.Context(), s.URL, false); err == nil {
		t.Error("nobody answers, and it is not said")
	}
}

// What listens everywhere is asked at home.
func TestAValidatorIsAskedOnItsOwnMachine(t *testing.T) {
	for listen, want := range map[string]string{"0.0.0.0:7600": "127.0.0.1:7600", ":7600": "127.0.0.1:7600",
		"[::]:7600": "[::1]:7600", "192.0.2.7:80": "192.0.2.7:80", "node.example:80": "node.example:80"} {
		if got := strings.TrimPrefix(localURL(listen), "http://"); got != want {
			t.Errorf("%s is asked at %s, want %s", listen, got, want)
		}
	}
}
