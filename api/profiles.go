package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/profile"
	"github.com/scrip-network/scrip/profile/shelf"
)

// Rates of profiles: what one address may hand in, and how often a member may change
// its own. Each costs a sync of the disk.
const (
	shelvePerSecond = 0.1
	shelveBurst     = 20
	changePerSecond = 1.0 / 15
	changeBurst     = 4
)

// profileBodyMax bounds the body that hands in a profile: the largest one in base64
// with its wrapping.
const profileBodyMax = 48 << 10

const tagProfiles = "Profiles"

// shops is what the API has of profiles.
type shops struct {
	shelf           *shelf.Shelf
	shelve, changes *throttle.Limiter
}

func newShops(c coupon.Chain, s *shelf.Shelf) (*shops, error) {
	if s == nil {
		var err error
		if s, _, err = shelf.Open("", c); err != nil {
			return nil, err
		}
	}
	return &shops{shelf: s, shelve: throttle.New(shelvePerSecond, shelveBurst),
		changes: throttle.New(changePerSecond, changeBurst)}, nil
}

// isProfile reports whether a path is that of a member's profile, whose body is larger
// than others.
func isProfile(path string) bool {
	member, ok := strings.CutPrefix(path, "/v1/members/")
	member, isOne := strings.CutSuffix(member, "/profile")
	return ok && isOne && !strings.Contains(member, "/")
}

func (s *Server) profileRoutes(api huma.API) {
	op := get("profiles", "/v1/profiles", tagProfiles, "Which profiles of members are kept here")
	op.Description = "For other nodes, which fetch what is newer than their own."
	add(s, api, op, s.profiles)
	op = get("profile", "/v1/members/{id}/profile", tagProfiles, "What a member shows of itself")
	op.Description = "Signed by the member's admin keys and kept beside the chain: colour, logo, address, hours, " +
		"website, phone. It holds by the member's row as the ledger is now; check the bytes against the proven row, and " +
		"ask several nodes, since one may have an older one."
	add(s, api, op, s.profile)
	op = huma.Operation{OperationID: "putProfile", Method: "POST", Path: "/v1/members/{id}/profile",
		Tags: []string{tagProfiles}, Summary: "Hand in a member's new profile", MaxBodyBytes: profileBodyMax,
		Description: "Hand the same bytes to every node. A node keeps the newest one that as many admin keys have signed " +
			"as the ledger asks for."}
	add(s, api, op, s.putProfile)
}

// ProfileName names the member of a profile.
type ProfileName struct {
	ID uint16 `path:"id" doc:"Number of the member"`
}

// profiles is GET /v1/profiles.
func (s *Server) profiles(context.Context, *struct{}) (*output[client.ProfilesAnswer], error) {
	a := client.ProfilesAnswer{Profiles: []client.ProfileEntry{}}
	for _, e := range s.shops.shelf.List() {
		a.Profiles = append(a.Profiles, client.ProfileEntry{Member: e.Member, At: client.TimeOf(e.At), Digest: e.Digest})
	}
	return &output[client.ProfilesAnswer]{CacheControl: "no-cache", Body: a}, nil
}

// profile is GET /v1/members/{id}/profile.
func (s *Server) profile(_ context.Context, in *ProfileName) (*output[client.ProfileAnswer], error) {
	p, err := s.pin()
	if err != nil {
		return nil, err
	}
	defer p.release()
	signed, err := s.shops.shelf.Get(in.ID)
	if err != nil {
		return nil, err
	}
	if signed != nil {
		// The keys that signed it may be the member's no more.
		err = s.holds(p, signed)
	}
	if signed == nil || errors.Is(err, profile.ErrKeys) {
		return nil, notFound(p, "profile of member "+strconv.Itoa(int(in.ID)))
	}
	if err != nil {
		return nil, err
	}
	return s.showProfile(signed), nil
}

func (s *Server) showProfile(signed *profile.Signed) *output[client.ProfileAnswer] {
	a := client.ProfileAnswerOf(s.genesis.Chain(), signed)
	return &output[client.ProfileAnswer]{ETag: `"` + hex.EncodeToString(a.Digest[:16]) + `"`, CacheControl: "no-cache",
		Body: a}
}

// holds checks a profile against the ledger; the error wraps profile.ErrKeys, or is
// trouble of the store.
func (s *Server) holds(p *snapshot, signed *profile.Signed) error {
	m, ok, err := row(p, coupon.MemberKey(signed.Member), coupon.DecodeMember)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: the chain has no member %d", profile.ErrKeys, signed.Member)
	}
	return signed.Verify(s.genesis.Chain(), &m, func(x *coupon.SigCheck) bool {
		return s.verifier.Verify(&x.Key, x.Message, &x.Signature)
	})
}

type putProfileInput struct {
	ProfileName
	Caller
	Body client.PutProfile
}

// putProfile is POST /v1/members/{id}/profile.
func (s *Server) putProfile(_ context.Context, in *putProfileInput) (*output[client.ProfileAnswer], error) {
	if !s.shops.shelve.Allow(in.address, time.Now()) {
		return nil, retryAfter(problem(client.ProblemRateLimited, ""))
	}
	signed, err := s.keepProfile(in.ID, in.Body.Profile)
	if err != nil {
		return nil, err
	}
	return s.showProfile(signed), nil
}

// KeepProfile keeps a profile of a member that another node has, as if it had been
// handed in. The error is a *client.Problem, or trouble of the store.
func (s *Server) KeepProfile(member uint16, raw []byte) error {
	_, err := s.keepProfile(member, raw)
	return err
}

// keepProfile checks a profile in the order of what a check costs, and keeps it.
func (s *Server) keepProfile(member uint16, raw []byte) (*profile.Signed, error) {
	now := time.Now()
	signed, err := profile.Decode(s.genesis.Chain(), raw)
	switch {
	case errors.Is(err, profile.ErrChain):
		return nil, refusal(coupon.WrongChain, "")
	case err == nil && signed.Member != member:
		err = fmt.Errorf("it is of member %d", signed.Member)
	case err == nil && signed.At > uint64(now.UnixMilli())+profile.AheadMsMax:
		err = errors.New("it was signed in the future, by this node's clock")
	}
	if err != nil {
		return nil, problem(client.ProblemProfileForm, sentence(err))
	}
	p, err := s.pin()
	if err != nil {
		return nil, err
	}
	defer p.release()
	if err := s.holds(p, signed); errors.Is(err, profile.ErrKeys) {
		return nil, problem(client.ProblemProfileKeys, sentence(err))
	} else if err != nil {
		return nil, err
	}
	if len(signed.Logo) > 0 {
		if _, err := profile.DecodeLogo(signed.Logo); err != nil {
			return nil, problem(client.ProblemProfileForm, sentence(fmt.Errorf("logo: %w", err)))
		}
	}
	stands := func(have *profile.Signed) bool { return !errors.Is(s.holds(p, have), profile.ErrKeys) }
	if have, err := s.shops.shelf.Get(member); err == nil && have != nil && !signed.Newer(s.genesis.Chain(), have) &&
		stands(have) {
		if have.Digest(s.genesis.Chain()) == signed.Digest(s.genesis.Chain()) {
			return have, nil // the same again costs the disk nothing, and nobody's rate
		}
		return nil, problem(client.ProblemProfileOlder, "")
	}
	if !s.shops.changes.Allow(strconv.Itoa(int(member)), now) {
		return nil, retryAfter(problem(client.ProblemRateLimited, "The member changes its profile too often."))
	}
	err = s.shops.shelf.Put(signed, stands)
	switch {
	case errors.Is(err, shelf.ErrOlder):
		return nil, problem(client.ProblemProfileOlder, "")
	case errors.Is(err, shelf.ErrMember):
		return nil, problem(client.ProblemProfileForm, sentence(err))
	case err != nil:
		return nil, err
	}
	return signed, nil
}

// sentence makes a detail of an error.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
