package client

// TakingAnswer is one redemption at a member's till, or the undoing of one.
type TakingAnswer struct {
	ID      string `json:"id" doc:"Id of its event" example:"12.3.0"`
	Type    string `json:"type" enum:"redemption.accrued,redemption.voided"`
	Time    Time   `json:"time" doc:"Time of its block"`
	Coupon  U64    `json:"coupon"`
	Seq     uint32 `json:"seq" doc:"The coupon's sequence number when it was redeemed: names the redemption"`
	Till    string `json:"till" doc:"Where it was redeemed"`
	Value   U64    `json:"value" doc:"Minor units taken or given back"`
	Payable U64    `json:"payable" doc:"Minor units that the funders owe for it, or owe no more"`
}

// TotalAnswer sums the takings of one till for one campaign over a span of time.
// What was undone counts at the time of the undoing, so a day that is over stays as
// it was.
type TotalAnswer struct {
	Till          string `json:"till"`
	Campaign      uint32 `json:"campaign"`
	Currency      string `json:"currency"`
	Count         U64    `json:"count" doc:"Redemptions"`
	Value         U64    `json:"value" doc:"Minor units taken"`
	Payable       U64    `json:"payable" doc:"Minor units that the funders owe for them"`
	Voids         U64    `json:"voids" doc:"Redemptions undone"`
	VoidedValue   U64    `json:"voided_value" doc:"Minor units given back"`
	VoidedPayable U64    `json:"voided_payable" doc:"Minor units that the funders owe no more"`
}
