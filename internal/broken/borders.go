package broken

import (
	"fmt"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/dualpath"
)

// Border is a member with one rule of the border between two epochs broken.
type Border struct {
	Name, What string
	New        Factory
	Member     func(driver.MemberConfig, []pbft.Record) (*driver.Member, error)
}

// Borders returns the members with one rule of R13.1 to R13.4 broken.
func Borders() []Border {
	border := func(name, what string, engine func(*rules.Dualpath), member func(*rules.Epochs)) Border {
		return Border{name, what,
			func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
				return dualpath.NewWithRules(cfg, log, engine)
			},
			func(cfg driver.MemberConfig, log []pbft.Record) (*driver.Member, error) {
				return driver.NewMemberWithRules(cfg, log, member)
			}}
	}
	return []Border{
		border("open-above", "payload is proposed and voted for above a boundary (R13.1(b))", func(r *rules.Dualpath) {
			r.OnlyCloses = func(*pbft.Header) bool { return false }
		}, nil),
		border("stands-on-closing", "an epoch stands on a closing block (R13.4)", nil, func(r *rules.Epochs) {
			r.Stands = func(p *pbft.EpochProof) pbft.Header {
				if p.Closing != nil {
					return *p.Closing
				}
				return p.Boundary
			}
		}),
		border("signs-on", "an epoch that is over is voted in on (R13.3)", func(r *rules.Dualpath) {
			r.Silent = func() bool { return false }
		}, nil),
		border("votes-lost", "the records behind the end of an epoch are forgotten at a start", nil,
			func(r *rules.Epochs) { r.Keeps = func(e pbft.Epoch) bool { return e == 0 } }),
		border("own-view", "a boundary keeps the view of its epoch in the next (R13.4)", func(r *rules.Dualpath) {
			r.GenesisRef = (*pbft.Committee).Ref
		}, nil),
		border("next-quorum", "the next set's quorum ends an epoch (R13.3)", nil, func(r *rules.Epochs) {
			r.Verify = nextQuorum
		}),
	}
}

// nextQuorum counts the signatures of a proof against the next set's quorum.
func nextQuorum(p *pbft.EpochProof, com *pbft.Committee, _ pbft.Scheme) (*pbft.Committee, error) {
	body, err := pbft.DecodeSetBody(p.Body)
	if err != nil {
		return nil, err
	}
	next, err := pbft.NewCommitteeFromBody(com.Chain(), body)
	if err != nil {
		return nil, err
	}
	if n := len(p.Certificate.Signatures); n < next.Quorum() {
		return nil, fmt.Errorf("%d signatures", n)
	}
	return next.Begin(&p.Boundary), nil
}
