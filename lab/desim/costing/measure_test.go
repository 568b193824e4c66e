package costing

import (
	"encoding/json"
	"os"
	"testing"
)

// Set SCRIP_MEASURE_COSTS to a file to measure this machine and write it there.
func TestMeasure(t *testing.T) {
	file := os.Getenv("SCRIP_MEASURE_COSTS")
	if file == "" {
		t.Skip("SCRIP_MEASURE_COSTS names no file")
	}
	c, err := Measure(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
