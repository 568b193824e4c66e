package coupon

import "slices"

// Version is a version of the rules (rules 3.17). Which kinds, rows and codes there are,
// and what happens at the end of a block, is judged by the version of the block.
type Version uint16

// The versions that this program knows.
const (
	Version1 Version = 1 // the eleven kinds of stage 1
	Version2 Version = 2 // trade, amendments, settlement, governance
)

// Numbers of version 2 (rules 3.17, 3.31, 3.32).
const (
	PayMsDefault     = 3 * dayMs // how long a member has to pay after a cycle is closed
	migratedPerBlock = 512       // campaigns of version 1 that a block gives their row of ends
)

// NetMode says how secured debts of a cycle are netted (rules 3.31).
type NetMode uint8

// The net modes.
const (
	NetMultilateral NetMode = iota // all against all: one position a member
	NetBilateral                   // pair by pair, for a consortium without bonds
)

// netModes are the net modes as files and answers name them.
var netModes = []string{"multilateral", "bilateral"}

// String returns "multilateral" or "bilateral".
func (m NetMode) String() string { return named(netModes, uint8(m)) }

// ParseNetMode is the inverse of String.
func ParseNetMode(s string) (m NetMode, ok bool) {
	i := slices.Index(netModes, s)
	return NetMode(max(i, 0)), i >= 0
}

// Protocol is the one row of version 2 that says which rules hold, and the numbers that
// the members can change (rules 3.19).
type Protocol struct {
	Version       Version
	NextVersion   Version // 0: none is decided
	NextHeight    uint64
	HolderLifeMs  uint64
	MemberLifeMs  uint64
	PayMs         uint64
	Clearer       uint16 // 0: none
	NextCycle     uint32 // the lowest that is not CLOSED
	NextProposal  uint32
	MigCampaign   uint32 // the next campaign to migrate, counting down; 0: done
	SweepCampaign uint32 // the one being pruned; 0: none
	NetMode       NetMode
}

// UpgradedAt returns a machine of the same chain on which version 2 of the rules holds
// from a height on, which must be at least 1. Only tests do this.
// The error says what of the founding is not valid.
func (m *Machine) UpgradedAt(height uint64, f Founding) (*Machine, error) {
	if err := f.check(m.founders, m.chain.Scheme); err != nil {
		return nil, err
	}
	up := *m
	up.upgradeAt, up.founding = height, f
	return &up, nil
}

// Upcoming returns the version that is decided and does not hold yet, with the height from
// which it will; 0 if there is none.
func (m *Machine) Upcoming(r Reader) (next Version, height uint64) {
	row, ok := r.Get(ProtocolKey())
	p, err := DecodeProtocol(row)
	if !ok || err != nil || p.NextVersion == 0 {
		return 0, 0
	}
	return p.NextVersion, p.NextHeight
}

// Newest returns the newest version of the rules that the chain can come to with this
// program: what is decoded by it stays what it is whatever the members decide. Which
// version a block has, VersionAt says.
func (m *Machine) Newest() Version {
	if m.upgradeAt == 0 {
		return Version1
	}
	return Version2
}

// VersionAt returns the version of the rules that holds for the block at a height, after
// the reader's state.
func (m *Machine) VersionAt(r Reader, height uint64) Version {
	if m.upgradeAt == 0 {
		return Version1
	}
	return newExec(m, r, Block{Height: height}, true).version
}

// begin finds the version that the block has and, if it is its first, migrates the state,
// before the first transaction (rules 3.17).
func (x *exec) begin() {
	x.version, x.lifeMs, x.memberLifeMs = Version1, x.m.lifeMs, x.m.memberLifeMs
	if x.m.upgradeAt == 0 {
		return
	}
	x.tables2 = newTables2()
	x.obligations.parseKey, x.coupons.parseKey = parseObligationKey, parseCouponKey
	x.holders.parseKey, x.batches.parseKey = parseHolderKey, parseBatchKey
	x.redemptions.parseKey, x.terms.parseKey = parseRedemptionKey, parseTermsKey
	x.funding.parseKey = parseFundingKey
	if x.protocol.get(x, struct{}{}) == nil {
		if x.height < x.m.upgradeAt {
			x.tables2 = nil
			return
		}
		x.migrate()
	}
	p := *x.proto()
	if p.NextVersion != 0 && x.height >= p.NextHeight {
		p.Version, p.NextVersion = p.NextVersion, 0
		x.protocol.put(x, struct{}{}, p)
	}
	if p.Version != Version2 {
		x.damaged("version %d of the rules is not known", p.Version)
	}
	x.version, x.lifeMs, x.memberLifeMs = p.Version, p.HolderLifeMs, p.MemberLifeMs
	if !x.dry {
		x.promote()
		x.countTenures()
	}
}

// proto returns the protocol row, which exists from version 2 on.
func (x *exec) proto() *Protocol { return x.protocol.get(x, struct{}{}) }

// migrate writes what a chain of version 1 lacks. The first cycle to be closed is the
// lowest with an obligation, but not one that is still to come: what is booked into the
// present one would never be closed.
func (x *exec) migrate() {
	p := Protocol{Version: Version2, HolderLifeMs: x.m.lifeMs, MemberLifeMs: x.m.memberLifeMs, PayMs: PayMsDefault,
		NextCycle: uint32(x.now / x.m.cycleMs), NextProposal: 1}
	if first := x.r.Keys([]byte{PrefixObligation}, 1); len(first) > 0 {
		p.NextCycle = min(p.NextCycle, parseObligationKey(first[0]).cycle)
	}
	if params := x.params.get(x, struct{}{}); params != nil {
		p.MigCampaign = params.NextCampaign - 1
	}
	x.protocol.put(x, struct{}{}, p)
	for _, c := range x.m.listed {
		x.currencies.put(x, c.Number, c)
	}
	x.found(Version2)
}

// migrateCampaigns gives campaigns of version 1 their rows of ends, some in each block
// (rules 3.32, step 2).
func (x *exec) migrateCampaigns() {
	p := *x.proto()
	if p.MigCampaign == 0 {
		return
	}
	for n := 0; n < migratedPerBlock && p.MigCampaign > 0; n++ {
		if g := x.campaigns.get(x, p.MigCampaign); g != nil {
			x.ends.put(x, endID{End(x.termsOf(p.MigCampaign, g.Version), g), p.MigCampaign}, struct{}{})
		}
		p.MigCampaign--
	}
	x.protocol.put(x, struct{}{}, p)
}

// lists reports whether a currency is listed.
func (x *exec) lists(currency uint16) bool {
	if x.version >= Version2 {
		return x.currencies.get(x, currency) != nil
	}
	_, ok := x.m.currencies[currency]
	return ok
}
