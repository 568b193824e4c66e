package client

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
)

// A till tells a node who it is with one header on the request itself:
//
//	Authorization: Scrip-Till <key>:<time>:<signature>
//
// key is the till's key in bech32m, time Unix milliseconds, and signature base64
// of ed25519 over M("scrip/login/v1", body) with
//
//	body = version u8 = 1 | time u64 | string method | string target | SHA-256(request body)
//
// in the codec of the transactions; target is path and query as sent. The
// signature covers the chain by M and the whole request, so a header that is
// seen by somebody else is good for nothing but the same request again, within
// LoginWindow, and that has the same one effect. There is no session.

// LoginTag is the domain tag of a login.
const LoginTag = "scrip/login/v1"

// LoginScheme begins the header's value.
const LoginScheme = "Scrip-Till"

// LoginWindow is how far a login's time may be from the node's clock.
const LoginWindow = 60 * time.Second

const loginVersion = 1

// ErrLogin is wrapped by the errors of VerifyLogin.
var ErrLogin = errors.New("login refused")

// SignLogin returns the value of the Authorization header that authenticates a
// request. target is the path with the query, as sent.
func SignLogin(c coupon.Chain, till coupon.Signer, method, target string, body []byte, now time.Time) string {
	ms := uint64(now.UnixMilli())
	s := till.Sign(c.Message(LoginTag, loginBody(ms, method, target, body)))
	return LoginScheme + " " + keys.Encode(keys.Till, till.Key) + ":" + strconv.FormatUint(ms, 10) + ":" +
		base64.StdEncoding.EncodeToString(s[:])
}

func loginBody(ms uint64, method, target string, body []byte) []byte {
	b := wire.AppendUint64(wire.AppendUint8(nil, loginVersion), ms)
	b = wire.AppendBytes(wire.AppendBytes(b, []byte(method)), []byte(target))
	h := sha256.Sum256(body)
	return append(b, h[:]...)
}

// VerifyLogin checks a header made by SignLogin and returns the till's key. Who
// the key belongs to, and whether it is still good, the state must tell. Errors
// wrap ErrLogin.
func VerifyLogin(c coupon.Chain, header, method, target string, body []byte, now time.Time) (key [32]byte, err error) {
	name, value, _ := strings.Cut(header, " ")
	parts := strings.Split(value, ":")
	if !strings.EqualFold(name, LoginScheme) || len(parts) != 3 {
		return key, fmt.Errorf("%w: wanted %q, key, time and signature", ErrLogin, LoginScheme)
	}
	if key, err = keys.Decode(keys.Till, parts[0]); err != nil {
		return key, fmt.Errorf("%w: %w", ErrLogin, err)
	}
	ms, err := strconv.ParseUint(parts[1], 10, 53)
	if err != nil {
		return key, fmt.Errorf("%w: the time is not a number of milliseconds", ErrLogin)
	}
	if d := now.Sub(time.UnixMilli(int64(ms))); d.Abs() > LoginWindow {
		return key, fmt.Errorf("%w: the clocks of till and node differ by %v", ErrLogin, d.Round(time.Second))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(b) != sig.SignatureSize || !sig.ValidKey(key) {
		return key, fmt.Errorf("%w: no signature", ErrLogin)
	}
	s := [sig.SignatureSize]byte(b)
	if !sig.Verify(&key, c.Message(LoginTag, loginBody(ms, method, target, body)), &s) {
		return key, fmt.Errorf("%w: the signature does not verify", ErrLogin)
	}
	return key, nil
}
