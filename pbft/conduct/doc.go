// Package conduct measures how a primary serves and says when it is slow or unfair (R11 of
// docs/protocol.md). A Monitor is one member's opinion: it takes what the member itself has
// seen, in ticks, and is a function of that. What members say of each other is in none of
// its numbers but one, how many called the last views slow.
//
// A primary is slow if over its last blocks clients' payload waited too long for one, if
// quorums formed late, if it moved fewer bytes than its predecessors did, if the state that
// its headers name trails, or if it left somebody out. Judgements compare with what this
// member measured of other members, so that a slow network convicts nobody; they rest
// after a view began, and after whatever may have disturbed what was measured; and after
// f+1 views in a row that ended so, it is the network, and the monitor rests.
package conduct
