package original

import "github.com/scrip-network/scrip/pbft"

// Mutation is a known way to break the protocol, which the simulator must find.
type Mutation uint8

// The known-broken variants.
const (
	// Faithful is the protocol as written.
	Faithful Mutation = iota
	// MutantForgetPrepared reports nothing prepared in a VIEW-CHANGE.
	MutantForgetPrepared
	// MutantNullForPrepared orders a null request where fewer than f+1 members
	// report that a block was prepared.
	MutantNullForPrepared
	// MutantCommitUnprepared sends COMMIT with its PREPARE.
	MutantCommitUnprepared
	// MutantTrustNewView takes the primary's word for what a NEW-VIEW orders.
	MutantTrustNewView
	// MutantVoteAfterViewChange goes on voting in a view that it gave up.
	MutantVoteAfterViewChange
	// MutantVoteNotDurable does not log its PREPAREs.
	MutantVoteNotDurable
	// MutantCertificateNotDurable does not log what it has prepared.
	MutantCertificateNotDurable
	// MutantFewReports starts a view on m-1 VIEW-CHANGEs.
	MutantFewReports
	// MutantLowestView orders again what was prepared in the lowest view.
	MutantLowestView
	// MutantTrustDecided does not verify the certificates of decided blocks.
	MutantTrustDecided
	// MutantFalseVotes counts statements whose batch of signatures failed.
	MutantFalseVotes
	// MutantRecallNoViewChange goes on where a peer remembers a lost VIEW-CHANGE.
	MutantRecallNoViewChange
	// MutantNoLowerBound prepares blocks of long ago.
	MutantNoLowerBound
	// MutantNoUpperBound prepares blocks of the future.
	MutantNoUpperBound
	// MutantDivergenceUnnoticed votes on where f+1 others have other results.
	MutantDivergenceUnnoticed
	// MutantRecallNoCommit goes on where a peer remembers a lost COMMIT.
	MutantRecallNoCommit
	// MutantCensor proposes without the payload that it is offered.
	MutantCensor
)

// NewMutant is New with one rule broken. It exists so that testers can prove
// that they would notice; no node uses it.
func NewMutant(cfg pbft.Config, log []pbft.Record, m Mutation) (*Replica, error) {
	return newReplica(cfg, log, m)
}

func (m Mutation) reports(c *pbft.Committee) int {
	if m == MutantFewReports {
		return c.ViewChangeQuorum() - 1
	}
	return c.ViewChangeQuorum()
}
