//go:build !linux

package shaper

import "fmt"

// Available returns an error that wraps ErrUnavailable: this is for Linux.
func Available() error {
	return fmt.Errorf("%w: it needs the network namespaces of Linux", ErrUnavailable)
}

// Net is a network that runs; here there is none.
type Net struct{}

// Start returns what Available does.
func Start(Config) (*Net, error) { return nil, Available() }

// Address returns nothing.
func (*Net) Address(int) string { return "" }

// Command returns nothing.
func (*Net) Command(int) []string { return nil }

// Stats returns nothing.
func (*Net) Stats() Stats { return Stats{} }

// Close does nothing.
func (*Net) Close() error { return nil }
