// Package ledger makes the coupon rules a state machine that package node can
// replicate: it joins coupon (what a transaction does), chain (the state tree
// whose root all members agree on) and store (where one node keeps the rows).
//
// Check and Admit may be called by any goroutine. Genesis and Execute belong to
// the owner of the store.Ledger, who commits each Result before the next
// Execute; the package itself writes nothing.
//
// Beside the state it keeps indexes for queries, as extras of the block that
// changed them; they are no part of the agreed state. OwnedCoupons, CouponHistory,
// Takings, Course and BlockHeight read them.
package ledger
