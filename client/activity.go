package client

// ActivityAnswer is what a quarter of an hour brought, by one node's own account.
type ActivityAnswer struct {
	Begins       Time   `json:"begins" doc:"Begin of the quarter"`
	Blocks       uint64 `json:"blocks"`
	Transactions uint64 `json:"transactions" doc:"All of them, refused ones too"`
	Refused      uint64 `json:"refused" doc:"Transactions without an effect"`
	Claims       uint64 `json:"claims"`
	Transfers    uint64 `json:"transfers" doc:"Gifts, their taking back, and changes of hands"`
	Redemptions  uint64 `json:"redemptions"`
	Voids        uint64 `json:"voids" doc:"Redemptions undone, at the time of the undoing"`
	Final        *Pace  `json:"final,omitempty" doc:"How soon blocks were decided here; absent if none was timed"`
}

// Pace is how long blocks took from the time in their header, when they were proposed,
// until a node had executed them.
type Pace struct {
	Blocks uint32 `json:"blocks" doc:"How many blocks were timed"`
	MeanMs uint32 `json:"mean_ms"`
	MostMs uint32 `json:"most_ms"`
}
