// Package coupontest checks package coupon against an independent model and makes work for tests, simulators and
// benchmarks.
//
// It has three parts:
//
//   - [Model], a second implementation of both versions of the coupon rules (rules 3.1 to 3.3, 3.5, 3.6, 3.8 to 3.10,
//     3.14, 3.15, 3.17, 3.20 to 3.24, 3.30 to 3.33), written from their text alone: its own decoder, Go maps, every
//     check in the order of the text, no caches. It is slow and obvious, and shares no code with package coupon.
//   - [World], [Tx] and [Generator]: a deterministic cast of members, tills and wallets, a builder for every kind of
//     transaction, and streams of valid ones.
//   - [RandomHistory], [MigratingHistory] and [CheckRows]: random chains that visit the edges of every rule, of version
//     1 and of version 2, and the conservation laws that every state of version 1 must obey.
//
// The tests of this package are the comparison itself. SCRIP_SEED sets the first seed and SCRIP_HISTORIES the number of
// random chains:
//
//	SCRIP_SEED=1000 SCRIP_HISTORIES=5000 go test -run RandomHistories ./coupon/coupontest
//	SCRIP_SEED=1000 SCRIP_STEPS=1000000 go test -timeout 0 -run OfVersion2 ./coupon/coupontest
//
// A failure names its seed and prints the smallest chain that still fails.
//
// Everything is a function of the seeds given; nothing here reads a clock or a random source. Nothing here is safe
// for concurrent use, unless a type says so. The package is for tests: it panics where its caller errs.
package coupontest
