package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/profile"
	"github.com/scrip-network/scrip/sig"
)

// ProfileAnswer is a member's profile. Only the signed bytes count: the rest is what
// this node reads in them.
type ProfileAnswer struct {
	Member  uint16        `json:"member"`
	At      Time          `json:"at" doc:"When it was signed: the later of two counts"`
	Digest  Hash          `json:"digest"`
	Profile []byte        `json:"profile" doc:"The signed bytes: docs/profiles.md"`
	Colour  string        `json:"colour" doc:"sRGB" example:"#1f3f94"`
	Logo    string        `json:"logo,omitempty" doc:"image/png or image/jpeg; missing if there is none"`
	Address []string      `json:"address"`
	Hours   []HoursAnswer `json:"hours"`
	Website string        `json:"website,omitempty"`
	Phone   string        `json:"phone,omitempty"`
}

// HoursAnswer is a time at which a shop is open, in its own time.
type HoursAnswer struct {
	Day   string `json:"day" enum:"mon,tue,wed,thu,fri,sat,sun"`
	From  string `json:"from" example:"08:00"`
	Until string `json:"until" doc:"Before from or equal to it: on the next day" example:"18:00"`
}

// ProfileEntry says which profile a node has.
type ProfileEntry struct {
	Member uint16 `json:"member"`
	At     Time   `json:"at"`
	Digest Hash   `json:"digest"`
}

// ProfilesAnswer lists the profiles of a node.
type ProfilesAnswer struct {
	Profiles []ProfileEntry `json:"profiles"`
}

// PutProfile is the body of a POST of a profile.
type PutProfile struct {
	Profile []byte `json:"profile" doc:"The signed bytes, in base64"`
}

// ProfileAnswerOf shows a profile.
func ProfileAnswerOf(c coupon.Chain, s *profile.Signed) ProfileAnswer {
	a := ProfileAnswer{Member: s.Member, At: TimeOf(s.At), Digest: s.Digest(c), Profile: s.Raw(),
		Colour: profile.FormatColour(s.Colour), Address: append([]string{}, s.Address...), Hours: []HoursAnswer{},
		Website: s.Website, Phone: s.Phone}
	if l, err := profile.InspectLogo(s.Logo); err == nil {
		a.Logo = l.Type
	}
	for _, h := range s.Hours {
		a.Hours = append(a.Hours, HoursAnswer{profile.DayName(h.Day), profile.Clock(h.From), profile.Clock(h.Until)})
	}
	return a
}

// profileNodesMax is how many nodes are asked for a profile.
const profileNodesMax = 8

// MemberProfile is a member's profile beside its proven row.
type MemberProfile struct {
	// Signed is the newest profile that the nodes asked have and that holds by Member;
	// nil if they have none.
	Signed *profile.Signed
	Member *Member
	// Node is the address that gave Signed.
	Node string
}

// Profile asks several nodes for a member's profile and returns the newest one that as
// many of its keys have signed as its proven row asks for. That a newer one exists
// somewhere cannot be ruled out. Errors are those of Coupon; ErrUnreachable if no node
// answered.
func (c *Client) Profile(ctx context.Context, member uint16) (*MemberProfile, error) {
	m, err := c.Member(ctx, member)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	type reply struct {
		signed *profile.Signed
		node   string
		err    error
	}
	nodes := c.nodes[:min(len(c.nodes), profileNodesMax)]
	replies := make(chan reply, len(nodes))
	var g sync.WaitGroup
	defer g.Wait()
	defer cancel()
	for _, n := range nodes {
		g.Go(func() {
			s, err := c.profileFrom(ctx, n, m)
			replies <- reply{s, n.base, err}
		})
	}
	out := &MemberProfile{Member: m}
	var errs []error
	var enough <-chan time.Time // once there is an answer, slow nodes get the client's patience
	for range nodes {
		select {
		case r := <-replies:
			if r.err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", r.node, r.err))
				continue
			}
			if enough == nil {
				enough = time.After(c.patience)
			}
			if r.signed != nil && (out.Signed == nil || r.signed.Newer(c.chain, out.Signed)) {
				out.Signed, out.Node = r.signed, r.node
			}
		case <-enough:
			return out, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if len(errs) == len(nodes) {
		return nil, fmt.Errorf("the profile of member %d: %w: %w", member, ErrUnreachable, errors.Join(errs...))
	}
	return out, nil
}

// profileFrom returns what a node has, nil for none.
func (c *Client) profileFrom(ctx context.Context, n *endpoint, m *Member) (*profile.Signed, error) {
	a := new(ProfileAnswer)
	err := c.do(ctx, n, request{method: http.MethodGet, path: profilePath(m.Number)}, a)
	if problemCode(err) == ProblemNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := c.CheckProfile(a.Profile, m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	return s, nil
}

// CheckProfile checks an encoded profile against the proven row of its member. Errors
// wrap profile.ErrForm or profile.ErrKeys.
func (c *Client) CheckProfile(raw []byte, m *Member) (*profile.Signed, error) {
	s, err := profile.Decode(c.chain, raw)
	if err != nil {
		return nil, err
	}
	if s.Member != m.Number {
		return nil, fmt.Errorf("%w: it is of member %d, not %d", profile.ErrForm, s.Member, m.Number)
	}
	if now := max(uint64(c.now().UnixMilli()), m.State.TimeMs); s.At > now+profile.AheadMsMax {
		return nil, fmt.Errorf("%w: it was signed in the future", profile.ErrForm)
	}
	return s, s.Verify(c.chain, &m.Member, func(x *coupon.SigCheck) bool {
		return sig.Verify(&x.Key, x.Message, &x.Signature)
	})
}

func profilePath(member uint16) string { return fmt.Sprintf("/v1/members/%d/profile", member) }

// Handed is what one node said of a profile that was handed to it: Err is nil if the
// node has it now.
type Handed struct {
	Node string
	Err  error
}

// PublishProfile hands an encoded profile to all nodes of the client. It returns what
// each said; the error wraps ErrUnreachable if none took it.
func (c *Client) PublishProfile(ctx context.Context, member uint16, raw []byte) ([]Handed, error) {
	what := fmt.Sprintf("publish the profile of member %d", member)
	body, err := json.Marshal(PutProfile{Profile: raw})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return c.handAll(ctx, what, request{path: profilePath(member), body: body}, func() any { return new(ProfileAnswer) })
}

// handAll posts JSON to all nodes of the client and returns what each said. The error wraps
// ErrUnreachable if none took it.
func (c *Client) handAll(ctx context.Context, what string, q request, answer func() any) ([]Handed, error) {
	q.method, q.json = http.MethodPost, true
	all := make([]Handed, len(c.nodes))
	var g sync.WaitGroup
	for i, n := range c.nodes {
		g.Go(func() { all[i] = Handed{n.base, c.do(ctx, n, q, answer())} })
	}
	g.Wait()
	var errs []error
	for _, h := range all {
		if h.Err == nil {
			return all, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", h.Node, h.Err))
	}
	return all, fmt.Errorf("%s: %w: %w", what, ErrUnreachable, errors.Join(errs...))
}

// ProfileList returns which profiles one node says that it has.
func (c *Client) ProfileList(ctx context.Context) ([]ProfileEntry, error) {
	a, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*ProfilesAnswer, error) {
		a := new(ProfilesAnswer)
		return a, c.do(ctx, n, request{method: http.MethodGet, path: "/v1/profiles"}, a)
	}, nil)
	if errs != nil {
		return nil, failed("list the profiles", errs)
	}
	return a.Profiles, nil
}

// ProfileBytes returns the profile of a member as one node has it, unchecked.
func (c *Client) ProfileBytes(ctx context.Context, member uint16) ([]byte, error) {
	a, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*ProfileAnswer, error) {
		a := new(ProfileAnswer)
		return a, c.do(ctx, n, request{method: http.MethodGet, path: profilePath(member)}, a)
	}, nil)
	if errs != nil {
		return nil, failed(fmt.Sprintf("read the profile of member %d", member), errs)
	}
	return a.Profile, nil
}
