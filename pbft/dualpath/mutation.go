package dualpath

import "github.com/scrip-network/scrip/pbft"

// Mutation is a known way to break the protocol. Each was found to lead to a
// divergence by model checking (section 7); the simulator must find each too.
type Mutation uint8

// The known-broken variants, numbered as in section 7 where it numbers them.
const (
	// Faithful is the protocol as written.
	Faithful Mutation = 0
	// MutantFastUnarmed commits unarmed blocks on the fast path.
	MutantFastUnarmed Mutation = 1
	// MutantHighestOnly selects the highest certificate and forgets bare votes.
	MutantHighestOnly Mutation = 2
	// MutantSupportPlusOne asks for one report more than there may be.
	MutantSupportPlusOne Mutation = 3
	// MutantCommitAfterViewChange sends COMMIT for a view that was given up.
	MutantCommitAfterViewChange Mutation = 4
	// MutantForgetCertificate sends COMMIT without remembering the certificate.
	MutantForgetCertificate Mutation = 5
	// MutantVoteNotDurable does not log its PREPAREs.
	MutantVoteNotDurable Mutation = 6
	// MutantNoEvidenceClause drops clause E of Select.
	MutantNoEvidenceClause Mutation = 7
	// MutantFewReports starts a view on m-1 VIEW-CHANGEs.
	MutantFewReports Mutation = 8
	// MutantTipOfLastView reports the tip of the last view voted in.
	MutantTipOfLastView Mutation = 9
	// MutantHandoverAnySlot takes any certificate of a view for its end.
	MutantHandoverAnySlot Mutation = 10
	// MutantSupportMinusOne is content with one report too few.
	MutantSupportMinusOne Mutation = 11
	// MutantStrictRule uses the rule for n >= 3f+2p+1 where n is smaller.
	MutantStrictRule Mutation = 12
	// SlowPathOnly never commits by PREPAREs alone. It is safe, and exists to
	// measure what the fast path is worth.
	SlowPathOnly Mutation = 13
	// MutantTrustBlocks does not verify the certificates of BLOCKS.
	MutantTrustBlocks Mutation = 14
	// MutantTrustProof does not verify the certificates of PROOFs.
	MutantTrustProof Mutation = 15
	// MutantTrustEvidence does not verify the signatures of evidence.
	MutantTrustEvidence Mutation = 16
	// MutantExcludedReport counts the report of a primary that evidence excludes.
	MutantExcludedReport Mutation = 17
	// MutantFalseVotes counts votes whose batch of signatures failed.
	MutantFalseVotes Mutation = 18
	// MutantTipOfAnotherView takes reports whose tip is not of High's view.
	MutantTipOfAnotherView Mutation = 19
	// MutantRecallNoViewChange goes on where a peer remembers a lost VIEW-CHANGE.
	MutantRecallNoViewChange Mutation = 20
	// MutantAnyRoot prepares whatever state a header names.
	MutantAnyRoot Mutation = 21
	// MutantNoLowerBound prepares blocks of long ago.
	MutantNoLowerBound Mutation = 22
	// MutantNoUpperBound prepares blocks of the future.
	MutantNoUpperBound Mutation = 23
	// MutantSuspectForever counts SUSPECTs however old they are.
	MutantSuspectForever Mutation = 24
	// MutantDivergenceUnnoticed votes on where f+1 others have other results.
	MutantDivergenceUnnoticed Mutation = 25
	// MutantEquivocationUnpunished does not convict a primary of two headers.
	MutantEquivocationUnpunished Mutation = 26
	// MutantNoCommitOnceCommitted keeps back its COMMIT for a block that a
	// certificate commits, though others need it.
	MutantNoCommitOnceCommitted Mutation = 27
	// MutantNoCommitAfterRecall casts no COMMITs again when it votes again.
	MutantNoCommitAfterRecall Mutation = 28
	// MutantRecallNoCommit goes on where a peer remembers a lost COMMIT.
	MutantRecallNoCommit Mutation = 29
	// MutantCensor proposes without the payload that it is offered.
	MutantCensor Mutation = 30
)

// NewMutant is New with one rule broken. It exists so that testers can prove
// that they would notice; no node uses it.
func NewMutant(cfg pbft.Config, log []pbft.Record, m Mutation) (*Replica, error) {
	return newReplica(cfg, log, m)
}

// support returns the threshold T of Select.
func (m Mutation) support(c *pbft.Committee, evidence bool) int {
	t := c.Support()
	if evidence {
		t = c.SupportWithEvidence()
	}
	switch m {
	case MutantSupportPlusOne:
		t++
	case MutantSupportMinusOne:
		t--
	}
	return max(t, 1)
}

func (m Mutation) strict(c *pbft.Committee) bool {
	return c.Strict() || m == MutantStrictRule || m == MutantNoEvidenceClause
}

func (m Mutation) viewChangeQuorum(c *pbft.Committee) int {
	if m == MutantFewReports {
		return c.ViewChangeQuorum() - 1
	}
	return c.ViewChangeQuorum()
}
