package client

// WithClock is withClock for tests of other packages' eyes.
var WithClock = withClock
