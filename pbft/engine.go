package pbft

// Engine is the contract between a consensus protocol and its driver. An engine
// is a deterministic state machine: the same events in the same order give the
// same Ready values. It is not safe for concurrent use.
//
// The driver's loop: feed any number of events; call Ready; if it is not empty,
// act on its fields in their order; call Advance; repeat. Events may be fed
// between Ready and Advance too; what they cause is in the next Ready.
type Engine interface {
	// Receive takes a decoded message from the authenticated channel of member
	// from. It returns Accepted, or why the message was ignored.
	Receive(from ReplicaID, m Message) Reason
	// Tick says that one tick passed. clockMs is the local wall clock (Unix
	// milliseconds), which only rule R12 uses; pending says that client
	// payload waits to be ordered, which shortens the progress timer.
	Tick(clockMs uint64, pending bool)
	// Waits says what waits for the present primary, before each Tick. It moves the
	// member's opinion of a slow or unfair primary alone (R11). A driver that never calls it
	// has an engine that sees less.
	Waits(w Waiting)
	// Connected says that the channel to a member was (re-)established.
	Connected(peer ReplicaID)
	// Arrived says that so many bytes came from a member on the bulk lane since the
	// last call, of messages that are whole or not. It moves times alone, within
	// bounds: how long a body that is on its way is waited for before it is asked for
	// elsewhere, and the timer of its view. A driver that never calls it loses that.
	Arrived(from ReplicaID, bulkBytes int)
	// Now says what a clock shows that never goes back, in microseconds from any origin.
	// It is called before other events, as often as the driver looks at its clock; waits
	// below a tick hang on it. WakeUs returns the time by which it should be called again
	// though nothing else has happened; 0 = none.
	Now(nowUs uint64)
	WakeUs() uint64
	// Measured says how long the way to a member and back takes, in microseconds, 0 =
	// unknown. It moves waits alone, within bounds.
	Measured(peer ReplicaID, roundTripUs uint64)
	// Propose offers the payload of the next block. It must be called only when
	// ProposeHint is not ProposeNever; it reports whether a block was proposed.
	// root commits to payload and is the zero digest for an empty one. recipe, if there is
	// one, is sent in the place of the payload for as long as it is in memory; the payload
	// is what is logged.
	Propose(payload []byte, root Digest, recipe []byte, clockMs uint64) bool
	// ProposeHint says whether this replica may or must propose now.
	ProposeHint() ProposeHint
	// PayloadChecked answers an entry of Ready.Checks: whether the payload fits
	// the header and is stateless-valid (section 11, payload validity).
	PayloadChecked(block Digest, valid bool)
	// PayloadArrived answers an entry of Ready.Assemble, at any later time or never, with
	// what a recipe made: the engine goes on as if the body had come, or says why not.
	// What does not fit the header changes nothing.
	PayloadArrived(block Digest, payload []byte) Reason
	// PayloadMissing says that no recipe of a block can be carried out: its body is asked
	// for at once. Else it is asked for BodyTicks after the first recipe.
	PayloadMissing(block Digest)
	// Executed says that a committed block was executed and is stored, with the
	// resulting roots. Blocks are executed in the order of Ready.Committed. next is what
	// the state after it holds as the set of the next epoch, an encoded NextSet, or nil.
	Executed(seq Seq, stateRoot, receiptRoot Digest, next []byte)
	// LogLacks says that something verified that a peer has shown proves that the log
	// lacks what was signed over it: the replica is Amnesic from here on, and logs so.
	LogLacks(shown *Recollection)
	// Ready returns what the driver must do. It is empty if there is nothing.
	Ready() Ready
	// Advance says that the records of every Ready so far are durable: own votes
	// count from then on.
	Advance()
	// Status returns a snapshot for operators and tests.
	Status() EngineStatus
	// Durable returns records that replace everything logged so far: the whole
	// durable state of section 4, for compaction of the log.
	Durable() []Record
}

// ProposeHint is the answer of Engine.ProposeHint.
type ProposeHint uint8

// The hints.
const (
	// ProposeNever: not the primary, or the window is full.
	ProposeNever ProposeHint = iota
	// ProposeIfPending: a block may be proposed if client payload waits.
	ProposeIfPending
	// ProposeNow: a block is wanted even if empty (an inherited suffix is
	// uncommitted, or the idle timer ran out: R1).
	ProposeNow
	// ProposeEmpty: a block without payload is wanted now, a closing one (R13.2).
	ProposeEmpty
)

// Lane tells which of the two channels between a pair of members carries a
// message, so that payload never delays votes.
type Lane uint8

// The lanes.
const (
	LaneVotes Lane = iota
	LaneBulk
)

// Everyone is the address of all other members.
const Everyone ReplicaID = 0xffff

// Outgoing is a message to be sent to one member, or to Everyone else.
type Outgoing struct {
	To      ReplicaID
	Message Message
	// First says that it is an own PRE-PREPARE that goes to that member, or to Everyone,
	// for the first time: nobody asked for it.
	First bool
	// Behind says that it is of no use before what was sent earlier on the bulk lane: it
	// goes there, however small it is.
	Behind bool
}

// Limits of proposals on the lane of votes: a proposal beyond them would hold up votes.
const (
	recipeVotesBytesMax = 32 << 10  // to one member
	recipeTotalBytesMax = 512 << 10 // to all together
)

// LaneOf returns the lane of a message in a committee of so many members.
func LaneOf(m Message, members int) Lane {
	switch m.Kind() {
	case KindPrePrepare, KindBlocks, KindLinked, KindDecided:
		return LaneBulk
	case KindRecipe:
		if n := EncodedBytes(m); n > recipeVotesBytesMax || n*(members-1) > recipeTotalBytesMax {
			return LaneBulk
		}
	}
	return LaneVotes
}

// IsCatchUp reports whether messages of a kind bring committed blocks to a member that
// is behind, which asks again for what does not come.
func IsCatchUp(k Kind) bool { return k == KindBlocks || k == KindLinked || k == KindDecided }

// CommittedBlock is a block that was decided. Certificate is its own commit
// certificate, or nil if it was committed as the ancestor of a later block.
type CommittedBlock struct {
	Digest      Digest
	Block       *Block
	Certificate *Certificate
}

// PayloadCheck asks the driver to check a payload against its header.
type PayloadCheck struct {
	Digest Digest
	Block  *Block
}

// Assemble asks the driver for the payload of a block: its header is verified, its body
// is not held, and a recipe has come. A recipe is believed nothing: its payload is
// whatever hashes to Header.PayloadRoot and has Header.PayloadBytes.
type Assemble struct {
	Digest Digest
	Header Header
	From   ReplicaID // who sent the recipe, not always the proposer
	Recipe []byte
}

// RecipesMax bounds the entries of Ready.Assemble for one block, one for each member that
// sent a recipe. The last place is kept for the proposer.
const RecipesMax = 3

// Serve asks the driver to answer a peer from its store, which reaches further
// back than the engine: the committed blocks after After, as a Blocks message
// that ends with a block that has a commit certificate, as a Linked message where
// none of them has one, or, under the original protocol, as a Decided message.
type Serve struct {
	To    ReplicaID
	After Seq
	// Limit is the last block that is useful to the peer.
	Limit Seq
	// BytesMax bounds the payloads of the answer; a block that is larger goes alone.
	BytesMax int
}

// Ready is what the driver must do, in the order of the fields.
type Ready struct {
	// Records are appended to the log and synced, before anything below. If that fails
	// the process must stop. They are one frame, or several in their order where they
	// are large: of those a crash may leave the first ones, so each record stands without
	// those behind it.
	Records []Record
	// Messages are sent after the sync, in this order.
	Messages []Outgoing
	// Committed blocks are executed and stored in order; Executed is called for
	// each, before or after Advance. They must not be stored before Records are
	// durable: an engine that begins above its log lacks certificates that its
	// votes rest on.
	Committed []CommittedBlock
	// Checkpoints are certificates over executed blocks, to be stored beside
	// them: the first with f+1 signatures, later one with q.
	Checkpoints []*CheckpointCertificate
	// Boundary ends the epoch (R13.3): its last block is committed, the last of Committed
	// so far, and nothing more of the epoch is signed. It is stored beside that block, and
	// is there once, at the latest after the block was executed.
	Boundary *EpochProof
	// Checks are answered by PayloadChecked, in any order, at any later time.
	Checks []PayloadCheck
	// Assemble are answered by PayloadArrived or PayloadMissing, in any order, at any
	// later time, or never.
	Assemble []Assemble
	// Serves are answered from the store, best effort.
	Serves []Serve
	// Evidence convicts members, each of one kind of misbehaviour once (R14): it holds for
	// whoever has the committee.
	Evidence []*Misbehaviour
	// Events are the trace since the last Ready, if tracing is on.
	Events []Event
}

// Empty reports whether there is nothing to do.
func (r *Ready) Empty() bool {
	return len(r.Records) == 0 && len(r.Messages) == 0 && len(r.Committed) == 0 && len(r.Checkpoints) == 0 &&
		r.Boundary == nil && len(r.Checks) == 0 && len(r.Assemble) == 0 && len(r.Serves) == 0 && len(r.Events) == 0 &&
		len(r.Evidence) == 0
}

// Condition says whether a replica takes part.
type Condition uint8

// The conditions of a replica.
const (
	// Voting: the normal state.
	Voting Condition = iota
	// Recalling: restarted and asking peers for its own newest messages; it
	// follows but does not sign before enough of them have answered (section 11,
	// restart), however long that takes.
	Recalling
	// Amnesic: its log lacks something that it signed. It follows and answers,
	// and never signs again with this key (section 7).
	Amnesic
	// Diverged: f+1 others attest another result of execution than its own.
	Diverged
	// Broken: a commit certificate conflicts with an own committed block; more
	// than f members are faulty (R4).
	Broken
	// Closed: the epoch is over. The replica attests what it executes up to its last
	// block, answers, and signs nothing else (R13.3).
	Closed
)

// String returns the name of the condition.
func (c Condition) String() string {
	names := [...]string{"voting", "recalling", "amnesic", "diverged", "broken", "closed"}
	if int(c) < len(names) {
		return names[c]
	}
	return "unknown"
}

// EngineStatus is a snapshot of an engine.
type EngineStatus struct {
	Condition   Condition
	View        View
	ViewChanged View // highest view voted for in a VIEW-CHANGE
	Primary     ReplicaID
	Committed   BlockRef
	Executed    Seq
	Stable      Seq  // last stable checkpoint
	High        Rank // rank of the highest certificate
	InFlight    int  // blocks of the present view proposed or prepared, not committed
	// Target is the highest sequence number known to be committed by somebody;
	// above Committed while catching up.
	Target       Seq
	TimeoutTicks uint64 // the present view's progress timeout
	// Judgement is what this replica finds wrong with the present primary.
	Judgement Judgement
	// CalledSlow is how many members, this one included, call the present primary slow.
	CalledSlow int
}

// Reason says why an input was ignored. It is counted, never an error.
type Reason uint8

// The reasons.
const (
	Accepted           Reason = iota
	IgnoredEpoch              // another epoch
	IgnoredSender             // the named sender is not a member, or not the channel's
	IgnoredStale              // at or below the low mark, or an old view
	IgnoredFuture             // beyond the window
	IgnoredDuplicate          // already known
	IgnoredQuota              // the sender holds its share of a buffer
	IgnoredUnwanted           // nobody asked for it
	InvalidSignature          // a signature does not verify
	InvalidCertificate        // a certificate does not verify
	InvalidContent            // breaks a rule that depends on content alone
	reasonCount
)

// ReasonCount is the number of reasons, for tables indexed by Reason.
const ReasonCount = int(reasonCount)

// String returns the name of the reason.
func (r Reason) String() string {
	names := [...]string{"accepted", "epoch", "sender", "stale", "future", "duplicate", "quota", "unwanted",
		"invalid-signature", "invalid-certificate", "invalid-content"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown"
}

// Malicious reports whether no correct peer on a correct channel causes it. It
// counts against the channel's peer, never against the named sender.
func (r Reason) Malicious() bool { return r == IgnoredSender || r >= InvalidSignature }

// EventKind tells events apart.
type EventKind uint8

// The kinds of trace events.
const (
	EventPropose EventKind = 1 + iota
	EventPrepare
	EventPrepared // a prepared certificate was completed or learned
	EventCommitVote
	EventCommit
	EventSuspect
	EventViewChange
	EventNewView
	EventEnter
	EventExecuted
	EventCheckpoint
	EventEvidence
	EventFetch
	EventCondition
	EventBoundary // the epoch is over
)

// String returns the name of the kind.
func (k EventKind) String() string {
	names := [...]string{"?", "propose", "prepare", "prepared", "commit-vote", "commit", "suspect", "view-change",
		"new-view", "enter", "executed", "checkpoint", "evidence", "fetch", "condition", "boundary"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// Event is one transition of an engine, for tests, traces and figures.
type Event struct {
	Kind  EventKind
	Block BlockRef // or only View and Seq, where there is no block
	// Detail: EventCommit: the CertificateKind, 0 as an ancestor; EventSuspect:
	// the reason; EventEvidence: the culprit; EventCondition: the condition.
	Detail uint64
}
