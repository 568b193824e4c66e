package scenarios

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.toml
var files embed.FS

// Shipped returns the names of the scenarios that ship with the laboratory,
// ascending.
func Shipped() (names []string) {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("scenarios: read the embedded folder: " + err.Error())
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	slices.Sort(names)
	return names
}

// ReadShipped returns the file of a shipped scenario.
func ReadShipped(name string) ([]byte, error) {
	raw, err := files.ReadFile(name + ".toml")
	if err != nil {
		return nil, fmt.Errorf("there is no scenario %q%s", name, didYouMean(name, Shipped()))
	}
	return raw, nil
}
