// Package pbfttest runs clusters of engines in one goroutine under faults drawn
// from a seed, and judges what they do.
//
// Run plays one seed: a safety phase in which the network loses, delays,
// duplicates and reorders messages, links and clocks fail, honest replicas crash
// at any persist or send boundary and up to f members are Byzantine; then a
// liveness phase in which only the Byzantine members stay faulty and every honest
// replica must decide new blocks in bounded time. Oracles watch every message
// that an honest replica sends and every block that it commits. The same seed
// and options give the same run, which Result.TraceHash witnesses.
//
// Stage gives a test the same cluster under manual control: it delivers, drops
// and forges message by message. The interaction scripts are played on a Stage.
//
// Nothing here is safe for concurrent use, except that RunMany plays independent
// seeds in parallel.
package pbfttest
