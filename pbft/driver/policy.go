package driver

// How a member's loop shares its time. One turn is what the loop does on the engine
// between two looks at its inputs.
const (
	// TickMs is the length of an engine's tick in milliseconds.
	TickMs = 10
	// TurnsMax bounds how often the loop acts on a Ready before it looks at its inputs
	// again.
	TurnsMax = 64
	// DrainMax bounds the messages of one member and lane that are taken in one turn.
	DrainMax = 128
	// MeanwhileMax bounds how often the loop looks at lanes during one write to the log. Each
	// look may hold up what waits for the write; a busy loop gains nothing by more.
	MeanwhileMax = 4
	// HandedMax bounds the blocks that were handed out to be executed and are not. Those
	// behind them are the backlog.
	HandedMax = 32
	// BacklogMax bounds the committed blocks that wait for execution before the loop
	// drops blocks of catch-up and proposes no more.
	BacklogMax = 16
	// BacklogStop bounds them for good: beyond it the loop takes no messages at all,
	// links fill up, and peers have to wait.
	BacklogStop = 64
)

// How the consensus log is kept short.
const (
	// LogBytesDefault is the default of Config.LogBytesMax.
	LogBytesDefault = 64 << 20
	// CompactPauseMs is after how long a compaction is tried again that could not
	// begin.
	CompactPauseMs = 10_000
	// logGrowthFactor keeps a log whose live part is large from being compacted over and
	// over: it must have grown so many times first.
	logGrowthFactor = 4
)

// VotesFrameBytesMax is the largest frame on the lane of votes; a message beyond it, such
// as a NEW-VIEW of a large committee with long walks, travels as bulk.
const VotesFrameBytesMax = 256 << 10

// Catching reports whether the loop still takes blocks of catch-up while so many
// committed blocks wait for execution.
func Catching(backlog int) bool { return backlog <= BacklogMax }

// Receiving reports whether the loop still takes messages while so many committed
// blocks wait for execution.
func Receiving(backlog int) bool { return backlog <= BacklogStop }

// How transactions of own clients travel to the other members: by the frame. One
// goes out at once when the last is GossipPauseUs ago, and else collects what
// arrives meanwhile.
const (
	// GossipPauseUs is the least time between two frames, in microseconds.
	GossipPauseUs = 1000
	// GossipTxsMax bounds the transactions of a frame.
	GossipTxsMax = 1024
	// GossipBytesMax ends a frame: it grows by no transaction after it has reached so
	// many bytes.
	GossipBytesMax = 512 << 10
)

// Sizes of the payload codec (package chain), for filling blocks and frames.
const (
	// PayloadOverheadBytes is the count before the transactions of a payload.
	PayloadOverheadBytes = 4
	// TxOverheadBytes is the length before each.
	TxOverheadBytes = 4
	// PayloadTxsMax bounds the transactions of a payload. It decides whether a block is
	// valid, so it is the same for every member.
	PayloadTxsMax = 1 << 16
)

// HoldMs is for how long a block holds its transactions, in milliseconds. A block
// that is not executed by then may never be; one that is gives a copy the outcome of
// the first.
const HoldMs = 30_000
