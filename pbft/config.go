package pbft

// Anchor is the last block that the driver holds durably, executed and stored:
// from where an engine goes on after a restart.
type Anchor struct {
	Header      Header
	Certificate *Certificate // its commit certificate; nil for the genesis or an ancestor's
	StateRoot   Digest
	ReceiptRoot Digest
	// Next is what the state after it holds as the set of the next epoch, as
	// Engine.Executed is told; nil if none is staged.
	Next []byte
}

// History is what is remembered of a committed and executed block.
type History struct {
	Header      Header
	StateRoot   Digest
	ReceiptRoot Digest
}

// Config is what every engine needs to start. All of it is shared or constant;
// an engine never changes it.
type Config struct {
	Committee *Committee
	Self      ReplicaID
	Scheme    Scheme
	// Sign returns this member's signature of a message. It must be a function
	// of the message (ed25519 is), so that a vote that is sent again has the
	// same bytes.
	Sign func(message []byte) Signature
	// PayloadRoot returns the root of a payload, as Header.PayloadRoot commits to
	// it. An engine drops a body that does not fit its header; nil only if the
	// driver does so before Receive.
	PayloadRoot func(payload []byte) Digest
	// Genesis is Committee.GenesisHeader of the chain, or, from epoch 1 on, the header of
	// the boundary block on which the epoch stands (R13.4).
	Genesis Header
	// Anchor is the last block in the driver's store, not below Genesis; a zero Header
	// means that only the genesis state is there. Committed blocks above it come from the
	// log and are handed out again by Ready.Committed.
	Anchor Anchor
	// History returns what the driver's store holds of a committed block at or
	// below the anchor. It is called only while the engine is made, for recent
	// blocks and for those that the log's votes name; nil if there are none.
	History func(Seq) (History, bool)
	// Recall makes a starting replica ask its peers for its own newest messages
	// before it signs anything. Off only where the log cannot have been lost,
	// as in simulations that model that.
	Recall bool
	// RecallNonce ties answers to this start: a number that no other start over the log
	// has had. It need not be secret.
	RecallNonce uint64
	// Amnesic starts the replica in condition Amnesic: the log was damaged.
	Amnesic bool
	// Elide leaves certificates out of proposals that others make from votes themselves
	// (E1); Patience lets COMMITs wait a moment for the fast path (V1). Both need a driver
	// that tells the time (Engine.Now); the original protocol has neither.
	Elide, Patience bool
	// Monitor lets the replica measure primaries and call slow or unfair ones slow (R11).
	// The original protocol has no such thing.
	Monitor bool
	// Recipes says that members describe payloads by recipes: a block that is not known is
	// asked for by its recipe first.
	Recipes bool
	// Timers are in ticks; zero fields take their defaults.
	Timers Timers
	// Trace fills Ready.Events.
	Trace bool
}

// Timers are the local settings of the pacemaker, in ticks of the driver's
// choice (section 6). The defaults fit ticks of 10 ms.
type Timers struct {
	// TimeoutTicksMin and TimeoutTicksMax clamp the base of the progress
	// timeout; TimeoutTicksCap bounds it after doubling. Defaults 10 (100 ms),
	// 200 (2 s), 3200 (32 s).
	TimeoutTicksMin, TimeoutTicksMax, TimeoutTicksCap uint32
	// IdleTicks is how long a primary without payload waits before it proposes
	// an empty block; default 100 (1 s).
	IdleTicks uint32
	// RetransmitTicks is the pause between retransmissions of votes; default 50.
	RetransmitTicks uint32
	// StatusTicks is the pause between STATUS messages; default 100.
	StatusTicks uint32
	// FetchTicks is how long a vote for an unknown block waits before the block
	// is fetched, and the pause before another peer is asked; default 2.
	FetchTicks uint32
	// BodyTicks is how long a body is not asked for that nobody was asked for yet, nor
	// asked for elsewhere, while bytes of the bulk lane come from who is sending it;
	// default 25 (250 ms).
	BodyTicks uint32
	// StandstillTicks bounds, for each view, how long its progress timer stands still
	// because such bytes come from its primary; default 100 (1 s).
	StandstillTicks uint32
	// SuspectTicks is how long a received SUSPECT counts; default 200 (2 s).
	SuspectTicks uint32
	// RecallTicks bounds the wait after a restart for answers beyond those that are
	// needed; default 200.
	RecallTicks uint32
}

// WithDefaults returns t with defaults for zero fields.
func (t Timers) WithDefaults() Timers {
	set := func(v *uint32, d uint32) {
		if *v == 0 {
			*v = d
		}
	}
	set(&t.TimeoutTicksMin, 10)
	set(&t.TimeoutTicksMax, 200)
	set(&t.TimeoutTicksCap, 3200)
	set(&t.IdleTicks, 100)
	set(&t.RetransmitTicks, 50)
	set(&t.StatusTicks, 100)
	set(&t.FetchTicks, 2)
	set(&t.BodyTicks, 25)
	set(&t.StandstillTicks, 100)
	set(&t.SuspectTicks, 200)
	set(&t.RecallTicks, 200)
	return t
}
