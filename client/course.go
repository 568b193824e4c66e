package client

// CourseAnswer is what happened to the campaigns of an issuer in one span of time, in
// one currency. What was undone counts at the time of the undoing.
type CourseAnswer struct {
	Begin       U64    `json:"begin" doc:"Begin of the span, Unix milliseconds"`
	Currency    string `json:"currency"`
	Claims      U64    `json:"claims" doc:"Coupons claimed"`
	Redemptions U64    `json:"redemptions"`
	Voids       U64    `json:"voids" doc:"Redemptions undone"`
	Payable     U64    `json:"payable" doc:"Minor units by which rose what the funders owe"`
	Voided      U64    `json:"voided" doc:"Minor units by which it fell"`
	Uncounted   bool   `json:"uncounted" doc:"Whether more happened in or before the span that the node has not counted"`
}
