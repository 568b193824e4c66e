package lanes

// How much of lanes a member keeps. All of it is in memory.
const (
	// StoreBytesMax is what the lanes of a committee take together while each member's
	// clients use their share; see CreditBytes.
	StoreBytesMax = 48 << 20
	// creditBytesMin is the least share of one lane.
	creditBytesMin = 512 << 10
	// creditFactor is how often its share a lane may hold before its oldest batches go.
	creditFactor = 2
	// FetchedBytesMax bounds ranges that came from others than their lane's member.
	FetchedBytesMax = 8 << 20
	// txKeptBytes is what a transaction takes beside its bytes: leaf, slice, verdict and its
	// place under its id.
	txKeptBytes = 224
	// batchKeptBytes is what a batch takes beside its transactions.
	batchKeptBytes = 256
	// runsMax bounds the older instances of a lane of which batches are left.
	runsMax = 64
	// aheadMax bounds the step from one number of a lane to the next.
	aheadMax = 4096
	// keptNs is for how long a batch is kept that is not settled.
	keptNs = 60 * secondNs
)

// CreditBytes returns C_a, what a lane may hold unsettled where so many members share the
// store: as much as the member's own clients may have waiting there.
func CreditBytes(members int) int { return max(creditBytesMin, StoreBytesMax/max(1, members)) }

// How fast a lane may be pushed, and how it is checked.
const (
	// batchBurst and batchPauseNs bound the batches that are taken from a lane: its reader
	// pauses.
	batchBurst   = 64
	batchPauseNs = millisecondNs
	// checkingMax bounds the transactions of one lane whose signatures are being checked.
	checkingMax = 256
	// busyPauseNs is how long what could not be checked waits.
	busyPauseNs = 2 * millisecondNs
	// strikesMax invalid ones within strikeNs make a lane unchecked for uncheckedNs, and
	// for twice as long each time, up to uncheckedMaxNs.
	strikesMax     = 16
	strikeNs       = 10 * secondNs
	uncheckedNs    = 60 * secondNs
	uncheckedMaxNs = 600 * secondNs
	// instancePauseNs is how long an instance lasts at least on one connection.
	instancePauseNs = secondNs
)

const (
	millisecondNs = int64(1_000_000)
	secondNs      = 1000 * millisecondNs
)
